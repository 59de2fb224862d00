/* How much a stream's socket is given ahead of time: one or two milliseconds of what it lately carried, so
 * that a slow link keeps its queue where packets can overtake each other, and a fast one its large batches.
 */
#include "plane/user/outbound.h"
#include "xport/pace.h"

enum {
	SAMPLE_US = 20000,
	UNSENT_MIN = 6 * 1024,
	UNSENT_START = 64 * 1024,
	UNSENT_MAX = 256 * 1024,
	UNSENT_US = 2000, /* of the rate */
	START_ROUNDS = 4, /* without growth */
	STANDING_US = 5000,
	QUANTA = 4, /* that many flows get their turn in what the socket takes at a time */
	RTTS = 2,   /* an interval of CoDel: the inner round trip is longer than the outer one */
	INTERVAL_MAX_US = 500000,
	TARGET_SHARE = 2, /* of the outer round trip */
};

static uint32_t clamp(uint64_t v, uint32_t min, uint32_t max)
{
	if (v < min)
		return min;
	return v > max ? max : (uint32_t)v;
}

static void set_unsent(struct user_stream *s, uint32_t octets)
{
	if (octets == s->out.unsent_max)
		return;
	s->out.unsent_max = octets;
	xport_unsent_max(s->fd, octets);
}

void out_pace_start(struct user_stream *s)
{
	s->out.allow = 0;
	s->out.unsent_max = 0;
	s->out.sampled_us = 0;
	s->out.rate = 0;
	s->out.rtt_us = 0;
	s->out.best_rate = 0;
	s->out.limited = false;
	set_unsent(s, UNSENT_START);
}

/* BBR leaves its STARTUP when the rate of three rounds did not grow, but counts only rounds in which it
 * always had something to send; a flow inside that adapts to what comes through never gives it three of
 * those, and at 2.9 times the rate of the link it overruns the link's queue for seconds. So, when the rate
 * has stopped growing and a queue stands on the way, it is held just below that rate: now the queue stands
 * here, it always has something to send, and sees. */
static void end_starting(struct user_stream *s, const struct xport_pace *pace, uint64_t now_us)
{
	bool full;

	if (!pace->starting) {
		if (s->out.limited)
			xport_pace_limit(s->fd, XPORT_PACE_FREE);
		s->out.limited = false;
		s->out.best_rate = 0;
		return;
	}
	if (pace->rate > s->out.best_rate + s->out.best_rate / 4)
		s->out.best_us = now_us;
	if (pace->rate > s->out.best_rate)
		s->out.best_rate = pace->rate;
	full = now_us - s->out.best_us > (uint64_t)START_ROUNDS * pace->rtt_us &&
	       pace->rtt_us > pace->min_rtt_us + pace->min_rtt_us / 4 + STANDING_US;
	if (!full || s->out.limited)
		return;
	s->out.limited = true;
	xport_pace_limit(s->fd, s->out.best_rate - s->out.best_rate / 16);
}

static void sample(struct user_stream *s, uint64_t now_us)
{
	struct xport_pace pace;
	uint32_t unsent;

	if (now_us - s->out.sampled_us < SAMPLE_US || xport_pace_read(s->fd, &pace) != CV_OK)
		return;
	s->out.sampled_us = now_us;
	if (pace.rate == 0)
		return;
	s->out.rate = pace.rate;
	s->out.rtt_us = pace.rtt_us;
	end_starting(s, &pace, now_us);
	unsent = clamp(pace.rate * UNSENT_US / 1000000, UNSENT_MIN, UNSENT_MAX);
	if (unsent > s->out.unsent_max || unsent < s->out.unsent_max / 2)
		set_unsent(s, unsent);
}

/* The target is more than RFC 8289's twentieth of an interval: what waits here delays only the flow that sent
 * it, the others overtake it, and one flow that halves or cuts its window by a third at a loss leaves the
 * link idle unless about half a round trip was waiting. */
void out_pace_apply(const struct user_stream *s, struct flowq_config *config)
{
	uint64_t target = s->out.rtt_us / TARGET_SHARE;
	uint64_t packet_us = s->out.rate > 0 ? (uint64_t)OUT_QUANTUM_MIN * 1000000 / s->out.rate : 0;

	if (target < 2 * packet_us)
		target = 2 * packet_us;
	config->quantum = clamp(s->out.unsent_max / QUANTA, OUT_QUANTUM_MIN, OUT_BATCH_FULL);
	config->interval_us = clamp((uint64_t)RTTS * s->out.rtt_us, OUT_INTERVAL_US, INTERVAL_MAX_US);
	config->target_us = clamp(target, OUT_TARGET_MIN_US, INTERVAL_MAX_US);
}

bool out_pace_ask(struct user_stream *s)
{
	size_t unsent = xport_unsent(s->fd);

	sample(s, out_now_us());
	s->out.allow = (int64_t)s->out.unsent_max - (int64_t)unsent;
	if (s->out.queue != NULL)
		out_pace_apply(s, &s->out.queue->flowq.config);
	return s->out.allow > 0;
}
