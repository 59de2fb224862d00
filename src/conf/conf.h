/* ipsec.conf and ipsec.secrets in libreswan's syntax -> one immutable struct. */
#ifndef CULVERT_CONF_CONF_H
#define CULVERT_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ike/policy.h"
#include "lib/addr.h"
#include "lib/err.h"

#define CONF_LISTEN_PORTS_MAX 16
#define CONF_PATH_MAX	      256
#define CONF_DEFAULT_PATH     "/etc/culvert/ipsec.conf"

enum conf_enable_tcp { CONF_TCP_NO, CONF_TCP_YES, CONF_TCP_FALLBACK };
enum conf_auto { CONF_AUTO_IGNORE, CONF_AUTO_ADD, CONF_AUTO_ONDEMAND, CONF_AUTO_START };

/* "config setup" */
struct conf_setup {
	bool listen_udp;
	uint8_t listen_tcp_count; /* 0: listen-tcp=no */
	uint16_t listen_tcp[CONF_LISTEN_PORTS_MAX];
	struct cv_ip listen_ip;	     /* family none: every address */
	char logfile[CONF_PATH_MAX]; /* "": as started */
	bool logappend, logtime;
	uint8_t log_level; /* enum cv_log_level, from plutodebug */
	char secretsfile[CONF_PATH_MAX];
	bool uniqueids;
	bool cookie_always; /* ddos-mode=busy */
	bool cookie_never;  /* ddos-mode=unlimited */
	uint32_t cookie_threshold, halfopen_max;
	uint32_t nat_keepalive_ms;
	char tcp_congestion[16]; /* "": the plane's choice; system: the system's */
	uint32_t socket_buffer;	 /* ike-socket-bufsize; 0: the system's */
};

/* One "conn": the engine's part, and what host and daemon need beside it. */
struct conf_conn {
	struct ike_conn ike;
	uint8_t autostart; /* enum conf_auto */
	bool oriented; /* false: local is left and remote is right, as written; true: made by conf_orient */
	bool local_defaultroute;	   /* left=%defaultroute: conf_orient fills ike.local_ip */
	bool remote_defaultroute;	   /* right=%defaultroute */
	uint8_t family;			   /* hostaddrfamily, enum cv_family: of %defaultroute and %any */
	uint8_t enable_tcp;		   /* enum conf_enable_tcp; conf_orient makes ike.rung of it */
	uint16_t tcp_remoteport;	   /* 0: not given */
	char updown[CONF_PATH_MAX];	   /* command; "" for none */
	char remote_updown[CONF_PATH_MAX]; /* the other end's, of use once the ends are swapped; as the next
					      one */
	struct cv_ip source_ip;		   /* leftsourceip, family none: chosen by the daemon */
	struct cv_ip remote_source_ip;
	uint32_t mtu; /* 0: computed */
	uint32_t metric;
	char file[CONF_PATH_MAX]; /* where it stands, for messages */
	unsigned line;
	uint64_t digest; /* of all its values, not of where it stands: reload touches only what changed */
};

struct conf; /* immutable */

/* Messages of reading, in order. level: enum cv_log_level (ERROR: the file is not used). */
struct conf_message {
	uint8_t level;
	char text[512]; /* "file:line: message" */
};

/* Reads the file and its includes. *messages (NULL only when memory ran out) is an array of *count, to be
 * freed with free(), also on failure. CV_E_SYNTAX when there is an error in it, CV_E_IO when it could not be
 * read. */
enum cv_err conf_load(const char *path, struct conf **out, struct conf_message **messages,
		      size_t *count) CV_NODISCARD;
void conf_free(struct conf *c);
const struct conf_setup *conf_setup(const struct conf *c);
size_t conf_conn_count(const struct conf *c);
const struct conf_conn *conf_conn_at(const struct conf *c, size_t i);
const struct conf_conn *conf_conn_find(const struct conf *c, const char *name);

/* Decides which end is this host (libreswan's orientation): `is_local` says whether an address is ours;
 * `default_local4/6` are the addresses with which packets leave by the default routes (family none: no such
 * route). Copies conn with this host's end put into local, %defaultroute filled in, identities that were left
 * out set to the addresses, and the ladder made. CV_E_NOTFOUND when neither end is ours, CV_E_EXISTS when
 * both are; text says so in words for the user. */
enum cv_err conf_orient(const struct conf_conn *conn, bool (*is_local)(void *arg, const struct cv_ip *ip),
			void *arg, const struct cv_ip *default_local4, const struct cv_ip *default_local6,
			struct conf_conn *out, char *text, size_t cap) CV_NODISCARD;

/* ipsec.secrets */
struct conf_secrets; /* wiped when freed */
enum cv_err conf_secrets_load(const char *path, struct conf_secrets **out, struct conf_message **messages,
			      size_t *count) CV_NODISCARD;
void conf_secrets_free(struct conf_secrets *s);
/* The most specific PSK for the query; a view, valid until conf_secrets_free. CV_E_NOTFOUND. */
enum cv_err conf_secrets_find(const struct conf_secrets *s, const struct ike_secret_query *query,
			      struct cv_bytes *out) CV_NODISCARD;

/* --- the table of all options --- */
enum conf_section { CONF_SECTION_SETUP, CONF_SECTION_CONN };
enum conf_support { CONF_CARRIED_OUT, CONF_IGNORED, CONF_REFUSED };
struct conf_word;
struct conf_apply;
struct conf_option {
	const char *name;     /* without left/right */
	uint8_t section;      /* enum conf_section */
	bool sided;	      /* leftNAME and rightNAME */
	const char *type;     /* "boolean", "time", "proposals", ... for the manual */
	const char *fallback; /* default, as written in a file; "" for none */
	uint8_t support;      /* enum conf_support; values equal to the default are accepted in any case */
	const char *text;     /* one line */
	const char *why;      /* of ignored and refused ones: what to tell who uses it; NULL for the others */
	const char *alias;    /* another name of this option, which counts; else NULL */
	/* how a value is taken in; conf/'s own */
	const struct conf_word *words; /* the values that there are, NULL: see apply */
	void (*apply)(const struct conf_apply *a);
	uint32_t offset; /* of the field that apply fills */
	bool also;
	bool repeats; /* may be given several times in a section */
};
/* All options, ordered by section and name; NULL name at the end. */
const struct conf_option *conf_options(void);
/* The table for people: one block per option. */
void conf_options_print(FILE *out);

#endif
