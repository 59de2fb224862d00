/* Bringing a connection up: the ladder's rungs as IKE SAs in the making. */
#ifndef CULVERT_IKE_ATTEMPT_H
#define CULVERT_IKE_ATTEMPT_H

#include "ike/conn.h"
#include "ike/ladder.h"

enum { IKE_OUTCOME_MAX = 320 };

struct ike_attempt {
	struct ike_connection *conn;
	struct ike_policy *policy;
	struct ike_ladder ladder;
	struct ike_sa *sa[IKE_RUNGS_MAX];
	char outcome[IKE_RUNGS_MAX][IKE_OUTCOME_MAX]; /* what each rung came to, in plain words */
	struct ike_want want;
	struct cv_secret secret;
	bool secret_known;    /* or none is needed */
	bool contact_claimed; /* INITIAL_CONTACT went out on a rung already */
	struct cv_timer timer;
	bool advancing; /* advance is at work further down the stack */
	uint64_t begun_ms[IKE_RUNGS_MAX];
	struct cv_ip local_ip; /* family none: not known */
	bool has_packet;
	struct wire_ts packet_src, packet_dst;
};

/* event: UP or ACQUIRE; path.local.ip may name the address the route to the peer uses. Failure is reported,
 * and the attempt is gone. */
void ike_attempt_start(struct ike_connection *conn, const struct ike_event *event);
/* Ends it without a report; rungs that the peer may have accepted are deleted when they show up. */
void ike_attempt_cancel(struct ike_attempt *attempt);
/* The stream of a rung is there. */
void ike_attempt_stream_opened(struct ike_sa *sa, const struct ike_path *path);
/* IKE_SA_INIT was answered well: goes on with IKE_AUTH when the secret is known. */
void ike_attempt_answered(struct ike_sa *sa);
/* Something unproven speaks against a rung; it goes on, and this is its story if nothing better comes. */
void ike_attempt_hinted(struct ike_sa *sa, const char *text);
/* A rung is over; closes the IKE SA. */
void ike_attempt_rung_failed(struct ike_sa *sa, const char *text);
/* The peer, proven or not, has given an answer that no other rung will change: all of it is over. */
void ike_attempt_refused(struct ike_sa *sa, const char *text);
/* The IKE SA of a rung was closed. */
void ike_attempt_sa_ended(struct ike_sa *sa, const char *why);
/* A rung is established: the others are dropped. */
void ike_attempt_won(struct ike_sa *sa);
/* ICMP for a UDP path. */
void ike_attempt_udp_refused(struct ike_engine *e, const struct ike_path *path, int os_error);
/* For the engine's end: frees, sends nothing. */
void ike_attempt_free(struct ike_attempt *attempt);

#endif
