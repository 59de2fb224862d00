/* What happened, for the reader of a failing seed: the last lines are kept, or all are printed as they come.
 */
#ifndef CULVERT_SIM_TRACE_H
#define CULVERT_SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"

#define SIM_TRACE_LINES 160
#define SIM_TRACE_WIDTH 240

struct sim_trace {
	const struct sim_clock *clock;
	bool print;   /* every line to stdout at once */
	size_t count; /* lines written so far */
	char line[SIM_TRACE_LINES][SIM_TRACE_WIDTH];
	unsigned violations;
	char first[1024]; /* the first broken invariant */
};

void sim_trace_init(struct sim_trace *t, const struct sim_clock *clock, bool print);
void sim_trace_line(struct sim_trace *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An invariant is broken: the run has failed. It goes on, the first one is what gets reported. */
void sim_violation(struct sim_trace *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The last lines, to stdout. */
void sim_trace_dump(const struct sim_trace *t);

#endif
