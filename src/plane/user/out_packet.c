#include <string.h>

#include <netinet/in.h>

#include "plane/user/outbound.h"

static void child_spent(struct outbound *w, struct out_child *c, enum cv_err why)
{
	struct user_msg *msg;

	if (c->spent)
		return;
	c->spent = true;
	msg = user_msg_new(USER_EV_CHILD_FAILED, cv_bytes(NULL, 0));
	if (msg != NULL) {
		msg->spi = c->spi_in;
		msg->err = why;
	}
	(void)user_queue_post(&w->plane->events, msg);
}

static uint8_t next_header(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

/* False: the batch does not take it; so it is with what follows. */
static bool seal(struct outbound *w, struct out_child *c, uint8_t *at, size_t len)
{
	enum cv_err err = esp_out_seal(c->sa, at, len, next_header(at + c->overhead));

	if (err == CV_OK)
		return true;
	out_batch_cancel(w);
	child_spent(w, c, err);
	return false;
}

static void count_out(const struct outbound *w, struct out_child *c, uint64_t packets, uint64_t octets)
{
	user_count(&c->stats->packets_out, packets);
	user_count(&c->stats->bytes_out, octets);
	atomic_store_explicit(&c->stats->last_out_ms, w->now_ms, memory_order_relaxed);
}

void out_seal_packet(struct outbound *w, struct out_child *c, struct cv_bytes packet)
{
	uint8_t *at;

	if (c->spent)
		return;
	at = out_batch_reserve(w, c, esp_out_packet_len(c->sa, packet.len), esp_packet_tos(packet));
	if (at == NULL)
		return;
	memcpy(at + c->overhead, packet.data, packet.len);
	if (seal(w, c, at, packet.len))
		count_out(w, c, 1, packet.len);
}

static void seal_segments(struct outbound *w, struct out_child *c, const struct segment_plan *plan,
			  const struct flowq_piece *piece)
{
	uint8_t tos = esp_packet_tos(cv_bytes(plan->packet, plan->info.total));
	size_t len = segment_len(plan, piece->first);
	size_t esp_len = esp_out_packet_len(c->sa, len);
	uint64_t packets = 0;
	uint64_t octets = 0;

	for (uint32_t i = piece->first; i < piece->first + piece->count && !c->spent; i++) {
		bool mark = piece->mark && i == piece->first;
		uint8_t *at;

		if (i + 1 == plan->count) {
			len = segment_len(plan, i);
			esp_len = esp_out_packet_len(c->sa, len);
		}
		at = out_batch_reserve(w, c, esp_len, mark ? tos | FLOWQ_CE : tos);
		if (at == NULL)
			continue;
		segment_write(plan, i, at + c->overhead);
		if (mark)
			flowq_mark_ce(at + c->overhead);
		if (!seal(w, c, at, len))
			break;
		packets++;
		octets += len;
	}
	if (packets > 0)
		count_out(w, c, packets, octets);
}

void out_packet_seal(struct outbound *w, struct out_child *c, const struct segment_plan *plan,
		     const struct flowq_piece *piece)
{
	if (segment_len(plan, 0) > c->mtu)
		out_too_big(w, c, plan, piece);
	else
		seal_segments(w, c, plan, piece);
}

void out_packet(struct outbound *w, const struct virtio_net_hdr *hdr, struct cv_bytes packet)
{
	struct segment_plan plan;
	struct esp_flow flow;
	struct out_child *c;

	if (segment_plan(hdr, packet, &plan) != CV_OK || esp_flow_read(packet, &flow) != CV_OK) {
		user_count(&w->plane->stats.bad_tun, 1);
		return;
	}
	c = esp_spd_find(w->spd, &flow);
	if (c == NULL) {
		struct out_trap *trap = esp_spd_find(w->trap_spd, &flow);

		if (trap != NULL)
			out_trap_packet(w, trap, hdr, packet, &flow);
		else
			user_count(&w->plane->stats.no_policy, 1);
		return;
	}
	out_queue_put(w, c, &plan, &flow);
}
