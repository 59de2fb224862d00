#include "trace.h"

#include <stdarg.h>
#include <stdio.h>

void sim_trace_init(struct sim_trace *t, const struct sim_clock *clock, bool print)
{
	t->clock = clock;
	t->print = print;
	t->count = 0;
	t->violations = 0;
	t->first[0] = 0;
}

static void put(struct sim_trace *t, const char *text)
{
	char *line = t->line[t->count++ % SIM_TRACE_LINES];

	snprintf(line, SIM_TRACE_WIDTH, "%10.3f  %.*s", (double)t->clock->now_ms / 1000, SIM_TRACE_WIDTH - 24,
		 text);
	if (t->print)
		puts(line);
}

void sim_trace_line(struct sim_trace *t, const char *format, ...)
{
	char text[SIM_TRACE_WIDTH];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	put(t, text);
}

void sim_violation(struct sim_trace *t, const char *format, ...)
{
	char text[sizeof(t->first) - 32];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!t->violations++)
		snprintf(t->first, sizeof(t->first), "at %.3f s: %s", (double)t->clock->now_ms / 1000, text);
	sim_trace_line(t, "VIOLATION: %s", text);
}

void sim_trace_dump(const struct sim_trace *t)
{
	size_t from = t->count > SIM_TRACE_LINES ? t->count - SIM_TRACE_LINES : 0;

	for (size_t i = from; i < t->count; i++)
		puts(t->line[i % SIM_TRACE_LINES]);
}
