/* Timers in a heap: arming and firing cost O(log n); the nearest deadline is known at once. No clock of its
 * own. */
#ifndef CULVERT_LIB_TIMERQ_H
#define CULVERT_LIB_TIMERQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define CV_NEVER UINT64_MAX

/* Lives inside the object it wakes; zero-initialised means not armed. */
struct cv_timer {
	uint64_t due_ms;
	uint64_t order; /* timers due at the same time fire in the order in which they were armed */
	size_t slot;	/* 1-based place in the heap, 0: not armed */
	void (*fire)(struct cv_timer *timer, uint64_t now_ms);
};

struct cv_timerq {
	struct cv_timer **heap;
	size_t count;
	size_t cap;
	uint64_t next_order;
	uint64_t not_before; /* while timers fire: the earliest time for which one can be armed */
};

void cv_timerq_free(struct cv_timerq *q); /* disarms all */
/* Arms, or moves when armed already. CV_E_NOMEM. */
enum cv_err cv_timer_set(struct cv_timerq *q, struct cv_timer *t, uint64_t due_ms) CV_NODISCARD;
void cv_timer_cancel(struct cv_timerq *q, struct cv_timer *t);
uint64_t cv_timerq_next_ms(const struct cv_timerq *q); /* CV_NEVER when none is armed */
/* Fires all timers due at now_ms, in order; a timer is disarmed before it fires and may arm itself again.
 * What is armed meanwhile is due at now_ms + 1 at the earliest, so that a run always ends. Not to be called
 * from a timer. */
void cv_timerq_run(struct cv_timerq *q, uint64_t now_ms);

#endif
