#include <string.h>

#include "plane/user/fragment.h"
#include "plane/user/icmp.h"
#include "plane/user/outbound.h"

enum { ANSWERS_PER_SECOND = 100, IPV4_DF = 0x4000 };

static bool may_answer(struct outbound *w)
{
	uint64_t second = w->now_ms / 1000;

	if (w->icmp.second != second) {
		w->icmp.second = second;
		w->icmp.used = 0;
	}
	return w->icmp.used++ < ANSWERS_PER_SECOND;
}

static void answer(struct outbound *w, const struct out_child *c, const struct segment_plan *plan)
{
	const struct virtio_net_hdr hdr = { 0 };
	uint8_t out[ICMP_ANSWER_MAX];
	struct iovec pieces[2];
	size_t len;

	if (!may_answer(w))
		return;
	len = icmp_too_big(cv_bytes(plan->packet, plan->info.total), c->mtu, out);
	if (len == 0)
		return;
	pieces[1] = (struct iovec){ out, len };
	(void)tun_write(w->plane->tun.fd, &hdr, pieces, 1); /* lost: the sender will try again */
}

struct sealing {
	struct outbound *w;
	struct out_child *c;
};

static void seal_fragment(void *arg, struct cv_bytes fragment)
{
	struct sealing *s = arg;

	out_seal_packet(s->w, s->c, fragment);
}

static void fragment_all(struct outbound *w, struct out_child *c, const struct segment_plan *plan,
			 const struct flowq_piece *piece)
{
	struct sealing s = { w, c };

	for (uint32_t i = piece->first; i < piece->first + piece->count; i++) {
		size_t len = segment_len(plan, i);

		segment_write(plan, i, w->scratch);
		if (piece->mark && i == piece->first)
			flowq_mark_ce(w->scratch);
		if (fragment_ipv4(cv_bytes(w->scratch, len), c->mtu, w->fragment, seal_fragment, &s) != CV_OK)
			user_count(&c->stats->too_big, 1);
	}
}

void out_too_big(struct outbound *w, struct out_child *c, const struct segment_plan *plan,
		 const struct flowq_piece *piece)
{
	if (plan->info.version == 4 && (cv_get_u16(plan->packet + 6) & IPV4_DF) == 0) {
		fragment_all(w, c, plan, piece);
		return;
	}
	user_count(&c->stats->too_big, 1);
	answer(w, c, plan);
}
