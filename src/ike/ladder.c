#include "ike/ladder.h"

#include "lib/timerq.h"

void ike_ladder_init(struct ike_ladder *l, const struct ike_conn *conn, uint64_t now_ms)
{
	uint32_t stagger = conn->rung_stagger_ms ? conn->rung_stagger_ms : IKE_STAGGER_MS;

	*l = (struct ike_ladder){ .count = conn->rung_count, .next_ms = now_ms, .give_up_ms = CV_NEVER };
	for (unsigned i = 0; i < l->count; i++) {
		l->wait_ms[i] = stagger;
		/* UDP gets a second chance before anything else is tried (R9329-5.1-4). */
		if (conn->rung[i].transport == IKE_UDP && stagger < 2 * conn->retransmit_interval_ms)
			l->wait_ms[i] = 2 * conn->retransmit_interval_ms;
	}
}

uint8_t ike_ladder_take(struct ike_ladder *l, uint64_t now_ms)
{
	uint8_t rung = l->next;

	if (rung >= l->count || now_ms < l->next_ms)
		return IKE_RUNG_NONE;
	l->state[rung] = IKE_RUNG_TRYING;
	l->next++;
	l->next_ms = now_ms + l->wait_ms[rung];
	l->give_up_ms = CV_NEVER;
	return rung;
}

uint64_t ike_ladder_next_ms(const struct ike_ladder *l)
{
	uint64_t next = l->next < l->count ? l->next_ms : CV_NEVER;

	return next < l->give_up_ms ? next : l->give_up_ms;
}

void ike_ladder_answered(struct ike_ladder *l, uint8_t rung, uint64_t now_ms)
{
	l->state[rung] = IKE_RUNG_ANSWERED;
	l->give_up_ms = CV_NEVER;
	/* IKE_AUTH may still fail to pass (port 4500, large packets): then the next rung gets its turn. */
	l->next_ms = now_ms + l->wait_ms[rung];
}

/* The next rung begins at once, unless a lower one is getting through. */
static void hurry(struct ike_ladder *l, uint64_t now_ms)
{
	for (unsigned i = 0; i < l->next; i++) {
		if (l->state[i] == IKE_RUNG_ANSWERED)
			return;
	}
	l->next_ms = now_ms;
}

/* Is any rung left that nothing speaks against? */
static bool hope(const struct ike_ladder *l)
{
	for (unsigned i = 0; i < l->count; i++) {
		if (l->state[i] < IKE_RUNG_HINTED)
			return true;
	}
	return false;
}

void ike_ladder_hinted(struct ike_ladder *l, uint8_t rung, uint64_t now_ms)
{
	if (l->state[rung] != IKE_RUNG_TRYING)
		return;
	l->state[rung] = IKE_RUNG_HINTED;
	hurry(l, now_ms);
	if (!hope(l))
		l->give_up_ms = now_ms + IKE_HINT_PATIENCE_MS;
}

void ike_ladder_failed(struct ike_ladder *l, uint8_t rung, uint64_t now_ms)
{
	if (l->state[rung] == IKE_RUNG_FAILED)
		return;
	l->state[rung] = IKE_RUNG_FAILED;
	hurry(l, now_ms);
	if (!hope(l) && l->give_up_ms == CV_NEVER)
		l->give_up_ms = now_ms + IKE_HINT_PATIENCE_MS;
}

bool ike_ladder_over(const struct ike_ladder *l, uint64_t now_ms)
{
	if (hope(l))
		return false;
	for (unsigned i = 0; i < l->count; i++) {
		if (l->state[i] == IKE_RUNG_HINTED)
			return now_ms >= l->give_up_ms;
	}
	return true;
}
