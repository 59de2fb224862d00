/* Runs the administrator's scripts (leftupdown=) with libreswan's environment, beside the event loop. */
#ifndef CULVERT_HOST_UPDOWN_H
#define CULVERT_HOST_UPDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "ike/policy.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "wire/payloads.h"

struct host_updown; /* the queues of all connections */

enum cv_err host_updown_new(uv_loop_t *loop, struct host_updown **out) CV_NODISCARD;
/* No more calls are taken. What waits is still run, with a limit of 5 s each. `done` is called (from the
 * loop, or at once) when nothing runs any more; after it the object is gone. */
void host_updown_finish(struct host_updown *u, void (*done)(void *arg), void *arg);

/* What a script is told of one pair of selectors. */
struct host_updown_call {
	const char *command; /* for /bin/sh -c */
	const char *conn;
	bool up;	       /* prepare, route and up; else down and unroute */
	struct cv_ip me, peer; /* outer addresses */
	const struct ike_id *my_id, *peer_id;
	const struct wire_ts *my_client, *peer_client;
	struct cv_ip my_source; /* family none: none */
	struct cv_ip next_hop;	/* family none: the peer is on the link */
	const char *interface;	/* outer */
	const char *tun;
	uint32_t spi_in, spi_out;
	uint64_t bytes_in, bytes_out; /* down only */
	uint32_t mtu, metric;	      /* 0: not set */
};
/* Queues the call's verbs behind everything queued for the same connection before. A script that runs for
 * longer than 30 s is killed. Its output goes to the log, line by line. CV_E_NOMEM; CV_E_LIMIT when too much
 * waits already. */
enum cv_err host_updown_add(struct host_updown *u, const struct host_updown_call *call) CV_NODISCARD;

/* The environment of one verb ("up-client"), for tests: a NULL-ended array, one allocation, to be freed with
 * free(). */
char **host_updown_environment(const struct host_updown_call *call, const char *verb);
/* "prepare", "route", "up", "down" or "unroute" with what libreswan appends: -host or -client, and -v6. Into
 * out. */
const char *host_updown_verb(const struct host_updown_call *call, const char *stem, char *out, size_t cap);

#endif
