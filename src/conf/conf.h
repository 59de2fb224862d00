/* ipsec.conf and ipsec.secrets in libreswan's syntax -> one immutable struct. */
#ifndef CULVERT_CONF_CONF_H
#define CULVERT_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ike/policy.h"
#include "lib/addr.h"
#include "lib/err.h"

#define CONF_LISTEN_PORTS_MAX 16
#define CONF_PATH_MAX         256
#define CONF_DEFAULT_PATH     "/etc/culvert/ipsec.conf"

enum conf_auto { CONF_AUTO_IGNORE, CONF_AUTO_ADD, CONF_AUTO_ONDEMAND, CONF_AUTO_START };

/* "config setup" */
struct conf_setup {
	bool listen_udp;
	uint8_t listen_tcp_count;                       /* 0: listen-tcp=no */
	uint16_t listen_tcp[CONF_LISTEN_PORTS_MAX];
	struct cv_ip listen_ip;                         /* family none: every address */
	char logfile[CONF_PATH_MAX];                    /* "": as started */
	bool logappend, logtime;
	uint8_t log_level;                              /* enum cv_log_level, from plutodebug */
	char secretsfile[CONF_PATH_MAX];
	bool uniqueids;
	bool cookie_always;                             /* ddos-mode=busy */
	uint32_t cookie_threshold, halfopen_max;
	uint32_t nat_keepalive_ms;
	uint32_t socket_buffer;                         /* ike-socket-bufsize; 0: the system's */
};

/* One "conn": the engine's part, and what host and daemon need beside it. */
struct conf_conn {
	struct ike_conn ike;
	uint8_t autostart;             /* enum conf_auto */
	bool local_defaultroute;       /* left=%defaultroute: the daemon fills ike.local_ip */
	bool remote_defaultroute;
	bool swapped_known;            /* which of left and right is local was decided by the file alone; else see conf_orient */
	char updown[CONF_PATH_MAX];    /* command; "" for none */
	struct cv_ip source_ip;        /* leftsourceip, family none: chosen by the daemon */
	struct cv_ip nexthop;          /* accepted; family none: by the route */
	uint32_t mtu;                  /* 0: computed */
	uint32_t metric;
	char file[CONF_PATH_MAX];      /* where it stands, for messages */
	unsigned line;
	uint64_t digest;               /* of everything above: reload touches only what changed */
};

struct conf; /* immutable */

/* Messages of reading, in order. level: enum cv_log_level (ERROR: the file is not used). */
struct conf_message {
	uint8_t level;
	char text[512]; /* "file:line: message" */
};

/* Reads the file and its includes. *messages (never NULL) is an array of *count, to be freed with free(), also on failure.
 * CV_E_SYNTAX when there is an error in it, CV_E_IO when it could not be read. */
enum cv_err conf_load(const char *path, struct conf **out, struct conf_message **messages, size_t *count) CV_NODISCARD;
void conf_free(struct conf *c);
const struct conf_setup *conf_setup(const struct conf *c);
size_t conf_conn_count(const struct conf *c);
const struct conf_conn *conf_conn_at(const struct conf *c, size_t i);
const struct conf_conn *conf_conn_find(const struct conf *c, const char *name);

/* Decides which end is this host (libreswan's orientation): `is_local` says whether an address is ours; `default_local` is
 * the address of the default route. Copies conn with left/right put into local/remote. CV_E_NOTFOUND when neither end is
 * ours, CV_E_EXISTS when both are; text says so in words for the user. */
enum cv_err conf_orient(const struct conf_conn *conn, bool (*is_local)(void *arg, const struct cv_ip *ip), void *arg,
			const struct cv_ip *default_local4, const struct cv_ip *default_local6, struct conf_conn *out,
			char *text, size_t cap) CV_NODISCARD;

/* ipsec.secrets */
struct conf_secrets; /* wiped when freed */
enum cv_err conf_secrets_load(const char *path, struct conf_secrets **out, struct conf_message **messages, size_t *count)
	CV_NODISCARD;
void conf_secrets_free(struct conf_secrets *s);
/* The most specific PSK for the query; a view, valid until conf_secrets_free. CV_E_NOTFOUND. */
enum cv_err conf_secrets_find(const struct conf_secrets *s, const struct ike_secret_query *query, struct cv_bytes *out)
	CV_NODISCARD;

/* --- the table of all options --- */
enum conf_section { CONF_SECTION_SETUP, CONF_SECTION_CONN };
enum conf_support { CONF_CARRIED_OUT, CONF_IGNORED, CONF_REFUSED };
struct conf_option {
	const char *name;       /* without left/right */
	uint8_t section;        /* enum conf_section */
	bool sided;             /* leftNAME and rightNAME */
	const char *type;       /* "boolean", "time", "proposals", ... for the manual */
	const char *fallback;   /* default, as written in a file; "" for none */
	uint8_t support;        /* enum conf_support */
	const char *text;       /* one line */
};
/* All options, ordered by section and name; NULL name at the end. */
const struct conf_option *conf_options(void);

#endif
