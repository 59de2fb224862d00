/* The queues in front of the sockets. Every packet goes through the one of its way out; what can leave at
 * once does so in the same turn of the worker. */
#include <stdlib.h>
#include <string.h>

#include "plane/user/outbound.h"

enum {
	SPARE_BUFFERS = 64, /* of each size, kept for later */
	SPARE_QUEUES = 8,
	QUEUE_MEMORY = 4 * 1024 * 1024,
	QUEUE_MEMORY_TIGHT = 128 * 1024, /* of each queue, while all of them together hold ALL_MEMORY */
	ALL_MEMORY = 256 * 1024 * 1024,
};

/* Octets of a buffer, all told. */
static const size_t buffer_size[OUT_BUFFER_SIZES] = { 2048, 4096, 8192, 16384,
						      sizeof(struct out_queued) + PACKET_MAX };

/* --- buffers --- */

static struct out_queued *buffer_new(struct outbound *w, uint8_t size)
{
	struct out_queued *b = w->spare_buffers[size].first;

	if (b == NULL) {
		b = malloc(buffer_size[size]);
		if (b != NULL)
			b->size = size;
		return b;
	}
	w->spare_buffers[size].first = b->spare;
	w->spare_buffers[size].count--;
	return b;
}

static void buffer_free(struct outbound *w, struct out_queued *b)
{
	if (b == NULL)
		return;
	if (w->spare_buffers[b->size].count == SPARE_BUFFERS) {
		free(b);
		return;
	}
	b->spare = w->spare_buffers[b->size].first;
	w->spare_buffers[b->size].first = b;
	w->spare_buffers[b->size].count++;
}

bool out_incoming_ready(struct outbound *w)
{
	if (w->incoming == NULL)
		w->incoming = buffer_new(w, OUT_BUFFER_SIZES - 1);
	return w->incoming != NULL;
}

/* The packet in a buffer of its own: the one it was read into, when a smaller one would not do. */
static struct out_queued *keep(struct outbound *w, struct cv_bytes packet)
{
	uint8_t size = 0;
	struct out_queued *b;

	while (buffer_size[size] < sizeof *b + packet.len)
		size++;
	if (size == OUT_BUFFER_SIZES - 1 && packet.data == w->incoming->data) {
		b = w->incoming;
		w->incoming = NULL;
		return b;
	}
	b = buffer_new(w, size);
	if (b != NULL)
		memcpy(b->data, packet.data, packet.len);
	return b;
}

/* --- queues --- */

static void on_gone(void *arg, struct flowq_packet *packet)
{
	struct out_queue *q = arg;

	buffer_free(q->worker, (struct out_queued *)packet);
}

static struct out_queue **place_of(const struct out_route *r)
{
	if (r->stream != NULL)
		return &r->stream->out.queue;
	return r->udp != NULL ? &r->udp->out_queue : NULL;
}

static struct out_queue *queue_new(struct outbound *w, const struct out_route *r, struct out_queue **place)
{
	static const struct flowq_config start = { .quantum = OUT_QUANTUM_MIN,
						   .target_us = OUT_TARGET_MIN_US,
						   .interval_us = OUT_INTERVAL_US,
						   .memory_max = QUEUE_MEMORY };
	const void *way = r->stream != NULL ? (const void *)r->stream : (const void *)r->udp;
	struct out_queue *q = w->spare_queues;

	if (q != NULL) {
		w->spare_queues = q->next;
		w->spare_queues_count--;
	} else {
		q = malloc(sizeof *q);
		if (q == NULL)
			return NULL;
		q->way = NULL;
	}
	if (q->way != way)
		flowq_init(&q->flowq, &start, on_gone, q);
	q->worker = w;
	q->way = way;
	q->stream = r->stream;
	q->udp = r->udp;
	if (r->stream != NULL)
		out_pace_apply(r->stream, &q->flowq.config);
	q->next = w->waiting;
	w->waiting = q;
	*place = q;
	return q;
}

static void queue_free(struct outbound *w, struct out_queue *q)
{
	struct out_queue **at = &w->waiting;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	if (q->stream != NULL)
		q->stream->out.queue = NULL;
	else
		q->udp->out_queue = NULL;
	if (w->spare_queues_count == SPARE_QUEUES) {
		free(q);
		return;
	}
	q->next = w->spare_queues;
	w->spare_queues = q;
	w->spare_queues_count++;
}

void out_queues_free(struct outbound *w)
{
	while (w->waiting != NULL) {
		struct flowq_packet *p;

		while ((p = flowq_empty(&w->waiting->flowq)) != NULL)
			buffer_free(w, (struct out_queued *)p);
		queue_free(w, w->waiting);
	}
	for (unsigned i = 0; i < OUT_BUFFER_SIZES; i++)
		for (struct out_queued *b = w->spare_buffers[i].first, *next; b != NULL; b = next) {
			next = b->spare;
			free(b);
		}
	for (struct out_queue *q = w->spare_queues, *next; q != NULL; q = next) {
		next = q->next;
		free(q);
	}
	free(w->incoming);
}

/* --- in --- */

static uint32_t flow_hash(const struct outbound *w, const struct esp_flow *flow)
{
	uint8_t key[2 * sizeof flow->src.b + 5];
	uint8_t *p = key;

	memcpy(p, flow->src.b, sizeof flow->src.b);
	memcpy(p + sizeof flow->src.b, flow->dst.b, sizeof flow->dst.b);
	p += 2 * sizeof flow->src.b;
	*p = flow->protocol;
	cv_put_u16(p + 1, flow->ports ? flow->src_port : 0);
	cv_put_u16(p + 3, flow->ports ? flow->dst_port : 0);
	return (uint32_t)cv_hash(w->flow_seed, cv_bytes(key, sizeof key));
}

/* Puts a packet into the queue of c's way, or drops it. */
static void put(struct outbound *w, struct out_child *c, struct out_queued *b)
{
	struct out_queue **place = place_of(&c->route);
	struct out_queue *q = place != NULL ? *place : NULL;
	bool open = place != NULL && out_route_open(&c->route);
	uint64_t lost;

	if (open && q == NULL)
		q = queue_new(w, &c->route, place);
	if (!open || q == NULL) {
		user_count(&c->stats->dropped_queue, 1);
		buffer_free(w, b);
		return;
	}
	b->child = c;
	lost = q->flowq.overflown;
	w->queued_memory -= q->flowq.memory;
	q->flowq.config.memory_max = w->queued_memory < ALL_MEMORY ? QUEUE_MEMORY : QUEUE_MEMORY_TIGHT;
	flowq_put(&q->flowq, &b->flowq, out_now_us());
	w->queued_memory += q->flowq.memory;
	user_count(&c->stats->dropped_queue, q->flowq.overflown - lost);
}

void out_queue_put(struct outbound *w, struct out_child *c, const struct segment_plan *plan,
		   const struct esp_flow *flow)
{
	struct out_queued *b = keep(w, cv_bytes(plan->packet, plan->info.total));

	if (b == NULL) {
		user_count(&c->stats->dropped_queue, 1);
		return;
	}
	b->plan = *plan;
	b->plan.packet = b->data;
	b->flowq = (struct flowq_packet){ .hash = flow_hash(w, flow),
					  .memory = (uint32_t)buffer_size[b->size],
					  .segments = plan->count,
					  .segment_len = (uint32_t)segment_len(plan, 0),
					  .last_len = (uint32_t)segment_len(plan, plan->count - 1),
					  .ect = flowq_packet_ect(
					      esp_packet_tos(cv_bytes(plan->packet, plan->info.total))) };
	put(w, c, b);
}

/* --- out --- */

/* The way takes more now; asks a stream's socket when what it said last is used up. */
static bool wants(struct outbound *w, const struct out_queue *q)
{
	if (w->udp_blocked != NULL) /* the batch is not empty, and its rest comes first */
		return false;
	if (q->stream == NULL || q->stream->out.allow > 0)
		return true;
	out_batch_flush(w);
	return out_stream_wants(w, q->stream);
}

/* Lets out what the way takes, at most about a batch. */
static void serve(struct outbound *w, struct out_queue *q)
{
	size_t left = OUT_BATCH_FULL;

	w->queued_memory -= q->flowq.memory;
	while (left > 0 && wants(w, q)) {
		size_t max = q->stream != NULL && (size_t)q->stream->out.allow < left
				 ? (size_t)q->stream->out.allow
				 : left;
		uint64_t dropped = q->flowq.dropped;
		struct flowq_piece piece;
		struct out_queued *b;
		size_t octets;

		if (!flowq_take(&q->flowq, out_now_us(), max, &piece))
			break;
		b = (struct out_queued *)piece.packet;
		octets = (size_t)piece.count * b->flowq.segment_len;
		user_count(&b->child->stats->dropped_queue, q->flowq.dropped - dropped);
		out_packet_seal(w, b->child, &b->plan, &piece);
		if (piece.last)
			buffer_free(w, b);
		left -= octets < left ? octets : left;
	}
	w->queued_memory += q->flowq.memory;
}

bool out_queues_serve(struct outbound *w)
{
	bool more = false;

	for (struct out_queue *q = w->waiting, *next; q != NULL; q = next) {
		next = q->next;
		if (q->stream != NULL && q->stream->out.blocked)
			continue;
		if (q->stream != NULL && q->stream->out.dead) {
			out_queue_rehome(w, &(struct out_route){ .stream = q->stream });
			more = true;
			continue;
		}
		serve(w, q);
		if (flowq_is_empty(&q->flowq))
			queue_free(w, q);
		else if (q->udp != NULL || !q->stream->out.blocked)
			more = true;
	}
	out_batch_flush(w);
	return more && w->udp_blocked == NULL;
}

/* --- moves --- */

void out_queue_rehome(struct outbound *w, const struct out_route *r)
{
	struct out_queue **place = place_of(r);
	struct out_queue *q = place != NULL ? *place : NULL;
	struct flowq_packet *all = NULL;
	struct flowq_packet **end = &all;

	if (q == NULL)
		return;
	w->queued_memory -= q->flowq.memory;
	while ((*end = flowq_empty(&q->flowq)) != NULL)
		end = &(*end)->behind;
	queue_free(w, q);
	while (all != NULL) {
		struct out_queued *b = (struct out_queued *)all;
		struct cv_bytes packet = cv_bytes(b->data, b->plan.info.total);
		struct esp_flow flow;
		struct out_child *c = NULL;

		all = all->behind;
		if (esp_flow_read(packet, &flow) == CV_OK)
			c = esp_spd_find(w->spd, &flow);
		if (c != NULL) {
			put(w, c, b);
			continue;
		}
		user_count(&w->plane->stats.no_policy, 1);
		buffer_free(w, b);
	}
}
