#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

void *sim_alloc(size_t len)
{
	void *p = calloc(1, len);

	if (!p) {
		fprintf(stderr, "sim: out of memory\n");
		abort();
	}
	return p;
}

static bool before(const struct sim_entry *a, const struct sim_entry *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void swap(struct sim_entry *a, struct sim_entry *b)
{
	struct sim_entry t = *a;

	*a = *b;
	*b = t;
}

void sim_clock_init(struct sim_clock *c, uint64_t now_ms)
{
	*c = (struct sim_clock){ .now_ms = now_ms };
}

void sim_clock_end(struct sim_clock *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->heap[i].arg);
	free(c->heap);
	*c = (struct sim_clock){ 0 };
}

void sim_clock_at(struct sim_clock *c, uint64_t at_ms, sim_action action, void *owner, void *arg)
{
	size_t i = c->count;

	if (c->count == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct sim_entry *heap = sim_alloc(cap * sizeof(*heap));

		for (size_t k = 0; k < c->count; k++)
			heap[k] = c->heap[k];
		free(c->heap);
		c->heap = heap;
		c->cap = cap;
	}
	c->heap[i] = (struct sim_entry){ .at_ms = at_ms < c->now_ms ? c->now_ms : at_ms,
					 .order = c->order++,
					 .action = action,
					 .owner = owner,
					 .arg = arg };
	c->count++;
	while (i && before(&c->heap[i], &c->heap[(i - 1) / 2])) {
		swap(&c->heap[i], &c->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

void sim_clock_in(struct sim_clock *c, uint64_t delay_ms, sim_action action, void *owner, void *arg)
{
	sim_clock_at(c, c->now_ms + delay_ms, action, owner, arg);
}

uint64_t sim_clock_next(const struct sim_clock *c)
{
	return c->count ? c->heap[0].at_ms : SIM_NEVER;
}

static void sift_down(struct sim_clock *c)
{
	size_t i = 0;

	for (;;) {
		size_t least = i;

		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < c->count; k++)
			if (before(&c->heap[k], &c->heap[least]))
				least = k;
		if (least == i)
			return;
		swap(&c->heap[i], &c->heap[least]);
		i = least;
	}
}

void sim_clock_step(struct sim_clock *c)
{
	struct sim_entry e;

	if (!c->count)
		return;
	e = c->heap[0];
	c->heap[0] = c->heap[--c->count];
	sift_down(c);
	c->now_ms = e.at_ms;
	e.action(e.owner, e.arg);
}
