/* What is there, as JSON for the control socket. The command makes its tables of exactly this, so `--json`
 * has the same facts. Points in time are seconds since 1970; null is "not known" or "never". Every function
 * gives NULL when there is no memory. */
#ifndef CULVERT_CTL_STATUS_H
#define CULVERT_CTL_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "conf/conf.h"
#include "ike/engine.h"

/* Turns the engine's milliseconds into time of day. */
struct ctl_clock {
	uint64_t mono_ms; /* now, on the clock that the engine is fed */
	int64_t unix_ms;  /* now */
};

/* State of a connection as a whole, in the words of the user. */
enum ctl_conn_state {
	CTL_CONN_DOWN,
	CTL_CONN_CONNECTING,
	CTL_CONN_UP,
	CTL_CONN_ON_DEMAND,
	CTL_CONN_NOT_LOADED
};

struct ctl_conn {
	const char *name;
	uint8_t state;		       /* enum ctl_conn_state */
	uint8_t autostart;	       /* enum conf_auto */
	const struct ike_conn *policy; /* NULL when not loaded */
	const char *last_error;	       /* "" for none */
	uint64_t retry_ms;	       /* when it is tried again on its own; 0: not */
	json_t *ike_sas;	       /* array; taken over */
};
json_t *ctl_json_conn(const struct ctl_conn *conn, const struct ctl_clock *clock);

json_t *ctl_json_sa(const struct ike_sa_info *sa, json_t *children, const struct ctl_clock *clock);

/* What the plane counted for one Child SA. */
struct ctl_traffic {
	uint64_t bytes_in, bytes_out, packets_in, packets_out; /* inner */
	uint64_t last_in_ms, last_out_ms;		       /* 0: never */
	uint64_t replays, bad_icv, bad_selector, bad_packet, dropped_queue, too_big;
	uint32_t mtu;
};
json_t *ctl_json_child(const struct ike_child_info *child, const struct ctl_traffic *traffic,
		       const struct ctl_clock *clock);

json_t *ctl_json_counters(const struct ike_counters *counters);

/* Versions of culvert and of what it stands on: { "culvert": "...", "crypto": "..." }. */
json_t *ctl_json_version(void);

#endif
