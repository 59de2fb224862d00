/* Virtual time: a queue of things that happen, in order. Nothing here waits. */
#ifndef CULVERT_SIM_CLOCK_H
#define CULVERT_SIM_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX

/* owner outlives the clock's entries; arg is heap memory that the action frees, or NULL. */
typedef void (*sim_action)(void *owner, void *arg);

struct sim_entry {
	uint64_t at_ms;
	uint64_t order; /* entries of the same millisecond happen in the order in which they were made */
	sim_action action;
	void *owner;
	void *arg;
};

struct sim_clock {
	uint64_t now_ms;
	uint64_t order;
	struct sim_entry *heap;
	size_t count;
	size_t cap;
};

void sim_clock_init(struct sim_clock *c, uint64_t now_ms);
/* Frees the arguments of all that has not happened. */
void sim_clock_end(struct sim_clock *c);
/* Aborts the program when memory is out: a simulation has no use for going on. */
void sim_clock_at(struct sim_clock *c, uint64_t at_ms, sim_action action, void *owner, void *arg);
void sim_clock_in(struct sim_clock *c, uint64_t delay_ms, sim_action action, void *owner, void *arg);
/* When the next entry is due; SIM_NEVER for none. */
uint64_t sim_clock_next(const struct sim_clock *c);
/* Moves to the next entry and carries it out. */
void sim_clock_step(struct sim_clock *c);

/* malloc and calloc for the simulator; never NULL. */
void *sim_alloc(size_t len);

#endif
