/* The one process: the event loop, and what stands around the engine. */
#ifndef CULVERT_DAEMON_DAEMON_H
#define CULVERT_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "conf/conf.h"
#include "ctl/server.h"
#include "host/host.h"
#include "host/monitor.h"
#include "host/updown.h"
#include "ike/engine.h"
#include "lib/table.h"
#include "lib/timerq.h"
#include "plane/plane.h"

#define DAEMON_ROOM "daemon" /* in log lines */

/* From the command line. */
struct daemon_options {
	const char *config;
	const char *secrets; /* NULL: what the configuration says */
	const char *run_dir;
	const char
	    *log; /* "stderr", "journal", a file's path; NULL: what the configuration says, else stderr */
	const char
	    *keylog; /* folder for session keys, for reading captures; NULL: keys never leave the process */
	bool debug;
};

/* A connection that was loaded, or should have been. */
struct daemon_conn {
	char name[IKE_NAME_MAX];
	struct conf_conn conf; /* with left and right made local and remote */
	bool loaded;	       /* the engine has it */
	bool by_hand;	       /* `culvert add`: a reload keeps it although the file says auto=ignore */
	char why_not[256];     /* why it is not loaded */
	bool wanted;	       /* to be up: tried again when it fails or goes down */
	bool trapped;
	uint64_t trap_id;  /* host's id of its trap routes */
	unsigned failures; /* in a row */
	struct cv_timer retry;
	struct daemon *daemon;
	void *status; /* while a status is built */
};

/* A Child SA pair that the plane has. */
struct daemon_child {
	uint32_t spi_in, spi_out;
	char conn[IKE_NAME_MAX];
	char name[IKE_NAME_MAX];
	struct conf_conn
	    *conf; /* copy of what host and updown need when it goes; NULL: the connection is unknown */
	struct cv_ip outer_local, outer_remote;
	struct wire_ts_list local, remote;
	struct ike_id local_id, remote_id;
};

struct daemon {
	struct daemon_options options;
	uv_loop_t loop;
	uv_timer_t timer; /* for the engine and the retries */
	uv_timer_t stop_timer;
	uv_signal_t signals[3];
	int lock; /* the pid file */
	struct conf *conf;
	struct conf_secrets *secrets;
	struct ike_engine *engine;
	struct plane *plane;
	struct host *host;
	struct host_monitor *monitor;
	struct host_updown *updown;
	struct ctl_server *ctl;
	struct cv_table *conns;	   /* struct daemon_conn by name */
	struct cv_table *children; /* struct daemon_child by spi_in */
	struct cv_timerq timers;
	struct cv_addr listening[2 * (CONF_LISTEN_PORTS_MAX + 8)];
	uint8_t listening_transport[2 * (CONF_LISTEN_PORTS_MAX + 8)];
	size_t listening_count;
	uint64_t last_trap_id;
	int64_t started; /* seconds since 1970 */
	bool pumping, stopping, finished;
};

/* Milliseconds of the clock that the engine is fed. */
uint64_t daemon_now_ms(void);
void daemon_random(void *arg, uint8_t *out, size_t len);

/* --- start.c --- */
/* Builds everything up; on failure says why in the log. */
enum cv_err daemon_start(struct daemon *d) CV_NODISCARD;
/* Asks the engine to take everything down; the loop ends when that is done, after 3 s, or at a second call.
 */
void daemon_stop(struct daemon *d);
/* The engine has nothing left: ends the loop. */
void daemon_finish(struct daemon *d);
/* Frees what daemon_start made, and undoes what was changed on the host. */
void daemon_free(struct daemon *d);
/* Listens as the configuration says, and stops where it no longer does. */
enum cv_err daemon_listen(struct daemon *d, const struct conf *conf) CV_NODISCARD;
/* One more UDP port, for a connection with an ikeport of its own. */
enum cv_err daemon_listen_udp(struct daemon *d, uint16_t port) CV_NODISCARD;
/* Applies logfile, logtime and plutodebug. */
void daemon_set_log(struct daemon *d, const struct conf_setup *setup);

/* --- pump.c --- */
/* Feeds the engine and carries out what it wants. */
enum cv_err daemon_event(struct daemon *d, const struct ike_event *event);
struct plane_callbacks daemon_plane_callbacks(struct daemon *d);
/* The one timer: runs what is due, and is set for what comes next. */
void daemon_timer_due(uv_timer_t *timer);
void daemon_timer_arm(struct daemon *d);

/* --- child.c --- */
void daemon_child_install(struct daemon *d, const struct ike_child_sa *sa);
void daemon_child_path(struct daemon *d, uint32_t spi_in, const struct ike_path *path);
void daemon_child_remove(struct daemon *d, uint32_t spi_in);
void daemon_child_usage(struct daemon *d, uint32_t spi_in);

/* --- conns.c --- */
struct daemon_conn *daemon_conn_find(const struct daemon *d, const char *name);
/* Has it an established IKE SA? */
bool daemon_conn_is_up(const struct daemon *d, const char *name);
/* conf_orient's question; arg: struct host_addresses. */
bool daemon_address_is_ours(void *arg, const struct cv_ip *ip);
/* Loads one connection of a file, in place of one with the same name. False: it could not be, see
 * conn->why_not. */
bool daemon_conn_load(struct daemon *d, const struct conf_conn *conf, bool by_hand);
/* Takes it down and forgets it. */
void daemon_conn_remove(struct daemon *d, struct daemon_conn *c);
/* Loads all connections that the configuration wants loaded, removes those it no longer has, leaves unchanged
 * ones alone. */
void daemon_conns_apply(struct daemon *d, const struct conf *conf);
void daemon_conns_free(struct daemon *d);
/* request_id: 0 when nobody asked. */
enum cv_err daemon_conn_up(struct daemon *d, struct daemon_conn *c, uint64_t request_id);
enum cv_err daemon_conn_down(struct daemon *d, struct daemon_conn *c, uint64_t request_id);
/* What the engine reported: for trying again. */
void daemon_conn_reported(struct daemon *d, const char *name, uint8_t report);
/* "no connection 'x'; did you mean 'y'? There are: ..." */
void daemon_conn_unknown_text(const struct daemon *d, const char *name, char *text, size_t cap);

/* --- config.c --- */
/* Reads configuration and secrets; messages go to the log, and each to say(arg, text) when say is not NULL.
 * On failure nothing has changed. */
enum cv_err daemon_config_read(const struct daemon *d, struct conf **conf, struct conf_secrets **secrets,
			       void (*say)(void *arg, const char *text), void *arg) CV_NODISCARD;
/* Reads both and puts them into use. */
enum cv_err daemon_reload(struct daemon *d, void (*say)(void *arg, const char *text), void *arg) CV_NODISCARD;

/* --- commands.c --- */
void daemon_command(void *arg, uint64_t id, const struct ctl_request *request);

/* --- status.c --- */
/* name "" for all connections; NULL when there is no memory. */
json_t *daemon_status(struct daemon *d, const char *name);
json_t *daemon_traffic(struct daemon *d, const char *name);

/* --- instance.c --- */
/* Makes the run folder and takes the lock in it. -1, with the reason in text. */
int daemon_instance_lock(const char *run_dir, char *text, size_t cap);
/* Checks what this process needs of the system; false, with the reason and the remedy in text. */
bool daemon_instance_allowed(char *text, size_t cap);

/* --- inuse.c --- */
/* Who has the UDP or TCP port: "charon (process 812)", or "" when it cannot be found out. transport: enum
 * ike_transport. */
const char *daemon_port_user(uint8_t transport, uint16_t port, char *out, size_t cap);

#endif
