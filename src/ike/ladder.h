/* Which way to the peer, and when the next one is tried: pure logic over the rungs of one connection. Each
 * rung is an attempt of its own; a lower one is preferred because it starts earlier, never by making a higher
 * one wait that already answers. */
#ifndef CULVERT_IKE_LADDER_H
#define CULVERT_IKE_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "ike/policy.h"

enum ike_rung_state {
	IKE_RUNG_WAITING, /* not begun */
	IKE_RUNG_TRYING,
	IKE_RUNG_ANSWERED, /* IKE_SA_INIT was answered, IKE_AUTH is under way */
	IKE_RUNG_HINTED,   /* something that nobody has signed says no (ICMP, an error notify): still alive */
	IKE_RUNG_FAILED,
};

enum {
	IKE_RUNG_NONE = 255,
	IKE_STAGGER_MS = 1000,	     /* default of ike_conn.rung_stagger_ms */
	IKE_HINT_PATIENCE_MS = 3000, /* after the last hint, when nothing better is left */
};

struct ike_ladder {
	uint8_t count;
	uint8_t next;	     /* the lowest rung not begun */
	uint64_t next_ms;    /* when it begins; CV_NEVER: not before something happens */
	uint64_t give_up_ms; /* when only hinted rungs are left; CV_NEVER else */
	uint8_t state[IKE_RUNGS_MAX];
	uint32_t wait_ms[IKE_RUNGS_MAX]; /* how long each may be silent before the next begins */
};

void ike_ladder_init(struct ike_ladder *l, const struct ike_conn *conn, uint64_t now_ms);
/* The rung to begin now, or IKE_RUNG_NONE. Call until it is that. */
uint8_t ike_ladder_take(struct ike_ladder *l, uint64_t now_ms);
/* When ike_ladder_take or ike_ladder_over may have news; CV_NEVER: not by time. */
uint64_t ike_ladder_next_ms(const struct ike_ladder *l);
/* What happened to a rung. */
void ike_ladder_answered(struct ike_ladder *l, uint8_t rung, uint64_t now_ms);
void ike_ladder_hinted(struct ike_ladder *l, uint8_t rung, uint64_t now_ms);
void ike_ladder_failed(struct ike_ladder *l, uint8_t rung, uint64_t now_ms);
/* Nothing is left to hope for. */
bool ike_ladder_over(const struct ike_ladder *l, uint64_t now_ms);

#endif
