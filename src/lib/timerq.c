#include "lib/timerq.h"

#include <stdlib.h>

/* Heap places are counted from 1: the children of i are 2i and 2i+1, its parent i/2. */

static void place(struct cv_timerq *q, size_t slot, struct cv_timer *t)
{
	q->heap[slot - 1] = t;
	t->slot = slot;
}

static bool before(const struct cv_timer *a, const struct cv_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void sift_up(struct cv_timerq *q, struct cv_timer *t, size_t slot)
{
	while (slot > 1 && before(t, q->heap[slot / 2 - 1])) {
		place(q, slot, q->heap[slot / 2 - 1]);
		slot /= 2;
	}
	place(q, slot, t);
}

static void sift_down(struct cv_timerq *q, struct cv_timer *t, size_t slot)
{
	for (size_t child = 2 * slot; child <= q->count; child = 2 * slot) {
		if (child < q->count && before(q->heap[child], q->heap[child - 1]))
			child++;
		if (!before(q->heap[child - 1], t))
			break;
		place(q, slot, q->heap[child - 1]);
		slot = child;
	}
	place(q, slot, t);
}

/* Puts t where it belongs, beginning at a free slot. */
static void settle(struct cv_timerq *q, struct cv_timer *t, size_t slot)
{
	if (slot > 1 && before(t, q->heap[slot / 2 - 1]))
		sift_up(q, t, slot);
	else
		sift_down(q, t, slot);
}

void cv_timerq_free(struct cv_timerq *q)
{
	for (size_t i = 0; i < q->count; i++)
		q->heap[i]->slot = 0;
	free(q->heap);
	*q = (struct cv_timerq){ 0 };
}

enum cv_err cv_timer_set(struct cv_timerq *q, struct cv_timer *t, uint64_t due_ms)
{
	size_t slot = t->slot;

	if (!slot && q->count == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 16;
		struct cv_timer **heap = realloc(q->heap, cap * sizeof(struct cv_timer *));

		if (!heap)
			return CV_E_NOMEM;
		q->heap = heap;
		q->cap = cap;
	}
	t->due_ms = due_ms > q->not_before ? due_ms : q->not_before;
	t->order = q->next_order++;
	settle(q, t, slot ? slot : ++q->count);
	return CV_OK;
}

void cv_timer_cancel(struct cv_timerq *q, struct cv_timer *t)
{
	size_t slot = t->slot;
	struct cv_timer *last;

	if (!slot)
		return;
	t->slot = 0;
	last = q->heap[--q->count];
	if (last != t)
		settle(q, last, slot);
}

uint64_t cv_timerq_next_ms(const struct cv_timerq *q)
{
	return q->count ? q->heap[0]->due_ms : CV_NEVER;
}

void cv_timerq_run(struct cv_timerq *q, uint64_t now_ms)
{
	q->not_before = now_ms + 1;
	while (q->count && q->heap[0]->due_ms <= now_ms) {
		struct cv_timer *t = q->heap[0];

		cv_timer_cancel(q, t);
		t->fire(t, now_ms);
	}
	q->not_before = 0;
}
