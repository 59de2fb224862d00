#include "plane/user/flowq.h"

#include "lib/bytes.h"

enum {
	LITTLE =
	    1500, /* octets: one packet of them is not a standing queue (RFC 8289 section 5.3, MAXPACKET) */
	IPV4_CHECKSUM = 10,
};

void flowq_init(struct flowq *q, const struct flowq_config *config,
		void (*gone)(void *arg, struct flowq_packet *packet), void *arg)
{
	*q = (struct flowq){ .config = *config, .gone = gone, .arg = arg };
}

bool flowq_is_empty(const struct flowq *q)
{
	return q->backlog == 0;
}

/* --- lists of flows --- */

static void list_append(struct flowq_list *list, struct flowq_flow *f)
{
	f->following = NULL;
	f->listed = true;
	if (list->last != NULL)
		list->last->following = f;
	else
		list->first = f;
	list->last = f;
}

static struct flowq_flow *list_shift(struct flowq_list *list)
{
	struct flowq_flow *f = list->first;

	list->first = f->following;
	if (list->first == NULL)
		list->last = NULL;
	f->listed = false;
	return f;
}

/* --- the head of a flow --- */

static uint64_t segments_len(const struct flowq_packet *p, uint32_t n)
{
	uint64_t len = (uint64_t)n * p->segment_len;

	return p->next + n == p->segments ? len - p->segment_len + p->last_len : len;
}

static void pop(struct flowq *q, struct flowq_flow *f)
{
	struct flowq_packet *p = f->head;

	f->head = p->behind;
	if (f->head == NULL)
		f->tail = NULL;
	q->memory -= p->memory;
}

/* Takes n segments off the head. True: it was the rest of the packet. */
static bool consume(struct flowq *q, struct flowq_flow *f, uint32_t n)
{
	struct flowq_packet *p = f->head;
	uint64_t len = segments_len(p, n);

	f->backlog -= len;
	q->backlog -= len;
	p->next += n;
	if (p->next < p->segments)
		return false;
	pop(q, f);
	return true;
}

static void drop(struct flowq *q, struct flowq_flow *f, uint32_t n)
{
	struct flowq_packet *p = f->head;

	if (consume(q, f, n))
		q->gone(q->arg, p);
}

/* --- CoDel (RFC 8289 section 5) --- */

static uint64_t root(uint64_t n)
{
	uint64_t r = n;
	uint64_t better = (n + 1) / 2;

	while (better < r) {
		r = better;
		better = (r + n / r) / 2;
	}
	return r;
}

static uint64_t control_law(const struct flowq *q, uint64_t from_us, uint32_t count)
{
	uint64_t interval = q->config.interval_us;

	return from_us + root(interval * interval / count);
}

/* The head has stood too long, and so did all before it for an interval. */
static bool stands(const struct flowq *q, struct flowq_flow *f, uint64_t now_us)
{
	const struct flowq_packet *p = f->head;

	if (p == NULL || now_us - p->since_us < q->config.target_us || f->backlog <= LITTLE) {
		f->first_above_us = 0;
		return false;
	}
	if (f->first_above_us == 0) {
		f->first_above_us = now_us + q->config.interval_us;
		return false;
	}
	return now_us >= f->first_above_us;
}

/* Tells the sender. True: with a mark, so that the segment still goes out. */
static bool tell(struct flowq *q, struct flowq_flow *f)
{
	if (f->head->ect) {
		q->marked++;
		return true;
	}
	q->dropped++;
	drop(q, f, 1);
	return false;
}

static bool keep_dropping(struct flowq *q, struct flowq_flow *f, uint64_t now_us)
{
	while (f->dropping && now_us >= f->drop_next_us) {
		bool marked = tell(q, f);

		f->count++;
		if (!marked && !stands(q, f, now_us)) {
			f->dropping = false;
			return false;
		}
		f->drop_next_us = control_law(q, f->drop_next_us, f->count);
		if (marked)
			return true;
	}
	return false;
}

static bool start_dropping(struct flowq *q, struct flowq_flow *f, uint64_t now_us)
{
	uint32_t since_last = f->count - f->lastcount;
	bool recent = f->drop_next_us != 0 && now_us < f->drop_next_us + 16 * (uint64_t)q->config.interval_us;
	bool marked = tell(q, f);

	if (!marked)
		(void)stands(q, f, now_us);
	f->dropping = true;
	f->count = recent && since_last > 1 ? since_last : 1;
	f->lastcount = f->count;
	f->drop_next_us = control_law(q, now_us, f->count);
	return marked;
}

/* Drops what has to go from the head. True: what stands there then leaves with a mark. */
static bool codel(struct flowq *q, struct flowq_flow *f, uint64_t now_us)
{
	bool standing = stands(q, f, now_us);

	if (f->dropping) {
		f->dropping = standing;
		return keep_dropping(q, f, now_us);
	}
	return standing && start_dropping(q, f, now_us);
}

/* --- in --- */

static struct flowq_flow *longest(const struct flowq *q)
{
	const struct flowq_list *lists[] = { &q->fresh, &q->old };
	struct flowq_flow *most = NULL;

	for (unsigned i = 0; i < 2; i++)
		for (struct flowq_flow *f = lists[i]->first; f != NULL; f = f->following)
			if (f->head != NULL && (most == NULL || f->backlog > most->backlog))
				most = f;
	return most;
}

void flowq_put(struct flowq *q, struct flowq_packet *p, uint64_t now_us)
{
	struct flowq_flow *f = &q->flow[p->hash % FLOWQ_FLOWS];
	uint64_t len = segments_len(p, p->segments - p->next);

	p->behind = NULL;
	p->since_us = now_us;
	if (f->tail != NULL)
		f->tail->behind = p;
	else
		f->head = p;
	f->tail = p;
	f->backlog += len;
	q->backlog += len;
	q->memory += p->memory;
	if (!f->listed) {
		f->deficit = q->config.quantum;
		list_append(&q->fresh, f);
	}
	while (q->memory > q->config.memory_max) {
		struct flowq_flow *victim = longest(q);
		uint32_t left = victim->head->segments - victim->head->next;

		q->overflown += left;
		drop(q, victim, left);
	}
}

/* --- out --- */

/* The flow whose turn it is; NULL: none. */
static struct flowq_flow *turn(struct flowq *q, struct flowq_list **list)
{
	for (;;) {
		struct flowq_flow *f;

		*list = q->fresh.first != NULL ? &q->fresh : &q->old;
		f = (*list)->first;
		if (f == NULL || f->deficit > 0)
			return f;
		f->deficit += q->config.quantum;
		list_append(&q->old, list_shift(*list));
	}
}

static uint32_t pieces(const struct flowq_flow *f, size_t max)
{
	const struct flowq_packet *p = f->head;
	uint32_t left = p->segments - p->next;
	uint64_t octets = (uint64_t)f->deficit < max ? (uint64_t)f->deficit : max;
	uint64_t n = p->segment_len > 0 ? (octets + p->segment_len - 1) / p->segment_len : left;

	if (n == 0)
		return 1;
	return n < left ? (uint32_t)n : left;
}

bool flowq_take(struct flowq *q, uint64_t now_us, size_t max, struct flowq_piece *out)
{
	struct flowq_list *list;
	struct flowq_flow *f;

	while ((f = turn(q, &list)) != NULL) {
		struct flowq_packet *p;
		bool mark = codel(q, f, now_us);

		if (f->head == NULL) {
			/* One that ran dry as a new flow waits for a turn among the old, or it would be new
			 * again at once and starve them (RFC 8290 section 4.2). */
			(void)list_shift(list);
			if (list == &q->fresh && q->old.first != NULL)
				list_append(&q->old, f);
			continue;
		}
		p = f->head;
		*out = (struct flowq_piece){
			.packet = p, .first = p->next, .count = pieces(f, max), .mark = mark
		};
		f->deficit -= (int64_t)segments_len(p, out->count);
		out->last = consume(q, f, out->count);
		return true;
	}
	return false;
}

struct flowq_packet *flowq_empty(struct flowq *q)
{
	while (!flowq_is_empty(q)) {
		struct flowq_list *list = q->fresh.first != NULL ? &q->fresh : &q->old;
		struct flowq_flow *f = list->first;
		struct flowq_packet *p = f->head;

		if (p == NULL) {
			(void)list_shift(list);
			continue;
		}
		f->backlog -= segments_len(p, p->segments - p->next);
		q->backlog -= segments_len(p, p->segments - p->next);
		pop(q, f);
		return p;
	}
	return NULL;
}

/* --- ECN --- */

bool flowq_packet_ect(uint8_t tos)
{
	return (tos & FLOWQ_CE) != 0;
}

void flowq_mark_ce(uint8_t *packet)
{
	uint16_t before = cv_get_u16(packet);
	uint32_t sum;

	if (packet[0] >> 4 == 6) {
		packet[1] |= FLOWQ_CE << 4;
		return;
	}
	packet[1] |= FLOWQ_CE;
	sum =
	    (uint32_t)(uint16_t)~cv_get_u16(packet + IPV4_CHECKSUM) + (uint16_t)~before + cv_get_u16(packet);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	cv_put_u16(packet + IPV4_CHECKSUM, (uint16_t)~sum);
}
