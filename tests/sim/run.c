/* Carries out a scenario: the script, then healing, then a second life in peace in which every expectation is
 * checked. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "stream.h"

enum {
	START_MS = 1000,       /* zero means "never" in some places */
	TICKS_IN_PLACE = 2000, /* so many without time passing is an engine that spins */
	STEPS_MAX = 3000000,   /* of one run */
	TRAFFIC_MS = 1000,
	ANSWER_MS = 200000,  /* the longest that `up` may take, on any ladder drawn here */
	HALFOPEN_MS = 35000, /* a handshake that came to nothing is forgotten by then */
	SETTLE_MS = 200000,  /* all exchanges and liveness checks have ended by then */
};

static struct sim_host *due_host(struct sim *s, uint64_t *at)
{
	struct sim_host *due = NULL;

	*at = SIM_NEVER;
	for (unsigned i = 0; i < s->plan->host_count; i++) {
		uint64_t t = sim_host_next_ms(&s->host[i]);

		if (t < *at) {
			*at = t;
			due = &s->host[i];
		}
	}
	return due;
}

static void run_until(struct sim *s, uint64_t until)
{
	unsigned in_place = 0;

	for (unsigned n = 0; !s->stuck; n++) {
		uint64_t timer, next = sim_clock_next(&s->clock), before = s->clock.now_ms;
		struct sim_host *h = due_host(s, &timer);

		if ((next < timer ? next : timer) > until)
			break;
		if (next <= timer) {
			sim_clock_step(&s->clock);
		} else {
			if (timer > s->clock.now_ms)
				s->clock.now_ms = timer;
			sim_host_tick(h);
		}
		in_place = s->clock.now_ms == before ? in_place + 1 : 0;
		if (in_place > TICKS_IN_PLACE || n > STEPS_MAX) {
			sim_violation(&s->trace, "time stands still: somebody wakes up again and again (%s)",
				      h ? h->name : "network");
			s->stuck = true;
		}
	}
	if (s->clock.now_ms < until)
		s->clock.now_ms = until;
}

static void run_for(struct sim *s, uint64_t ms)
{
	run_until(s, s->clock.now_ms + ms);
}

static void traffic(void *owner, void *arg)
{
	struct sim *s = owner;

	(void)arg;
	for (unsigned i = 0; s->traffic && i < s->plan->host_count; i++)
		if (s->host[i].engine)
			sim_plane_traffic(&s->host[i]);
	sim_clock_in(&s->clock, TRAFFIC_MS, traffic, s, NULL);
}

/* After an orderly end: nothing may be left, then a new life. */
static void restart(void *owner, void *arg)
{
	struct sim_host *h = owner;

	(void)arg;
	if (!h->stopping)
		return; /* it crashed meanwhile */
	if (!h->idle) {
		sim_clock_in(&h->sim->clock, 1000, restart, h, NULL);
		return;
	}
	sim_check_idle(h->sim, h);
	sim_host_crash(h);
	sim_host_start(h);
}

static void fault_set(struct sim *s, struct sim_host *h, const struct sim_fault *f)
{
	const struct sim_fault none = { 0 };

	sim_trace_line(&s->trace, "network of %s: %s", h->name,
		       memcmp(f, &none, sizeof(none)) ? "a fault" : "healthy");
	s->net.node[h->node].fault = *f;
}

static void do_step(void *owner, void *arg)
{
	struct sim *s = owner;
	const struct sim_step *st = &s->plan->step[*(unsigned *)arg];
	struct sim_host *h = &s->host[st->host];
	struct sim_request *r;

	free(arg);
	switch (st->kind) {
	case SIM_STEP_UP:
		r = sim_host_up(h, st->conn, st->within_ms, st->must_transport);
		if (!r && st->within_ms)
			sim_violation(&s->trace, "%s refuses to bring up c%u", h->name, st->conn);
		break;
	case SIM_STEP_DOWN: sim_host_down(h, st->conn); break;
	case SIM_STEP_ADD: sim_host_add(h, st->conn); break;
	case SIM_STEP_REMOVE: sim_host_remove(h, st->conn); break;
	case SIM_STEP_ACQUIRE: sim_host_acquire(h, st->conn); break;
	case SIM_STEP_REBOOT:
		sim_host_crash(h);
		sim_host_start(h);
		break;
	case SIM_STEP_SHUTDOWN:
		sim_host_shutdown(h);
		sim_clock_in(&s->clock, 1000, restart, h, NULL);
		break;
	case SIM_STEP_FAULT: fault_set(s, h, &st->fault); break;
	case SIM_STEP_LINK: s->net.node[h->node].link = st->link; break;
	case SIM_STEP_NAT_FLUSH:
		sim_trace_line(&s->trace, "NAT of %s forgets everything", h->name);
		if (s->net.node[h->node].nat)
			sim_nat_flush(s->net.node[h->node].nat);
		break;
	case SIM_STEP_TCP_RESET:
		sim_trace_line(&s->trace, "all streams of %s are reset", h->name);
		sim_stream_reset_all(&s->net, h->node);
		break;
	default: break;
	}
}

static void heal(struct sim *s)
{
	sim_trace_line(&s->trace, "--- the network heals");
	for (unsigned i = 0; i < s->plan->host_count; i++) {
		struct sim_node *n = &s->net.node[s->host[i].node];

		n->fault = (struct sim_fault){ 0 };
		n->link = (struct sim_link){ .delay_ms = 5 };
	}
	s->net.watch = NULL;
	s->healed = true;
	s->traffic = true;
}

static void check_answered(struct sim *s)
{
	for (unsigned i = 0; i < s->plan->host_count; i++) {
		struct sim_host *h = &s->host[i];

		for (unsigned k = 0; k < h->request_count; k++) {
			const struct sim_request *r = &h->request[k];

			if (!r->answered_ms && !r->void_)
				sim_violation(&s->trace,
					      "%s: the user's request #%" PRIu64 " (%s) was never answered",
					      h->name, r->id, r->up ? "up" : "down");
		}
	}
}

static void all_down(struct sim *s)
{
	unsigned first = sim_rng_below(&s->host[0].chance, 2);

	sim_trace_line(&s->trace, "--- everything down");
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned i = 0; i < s->plan->conn_count; i++)
			sim_host_down(&s->host[s->plan->conn[i].host[turn ^ first]], i);
		run_for(s, 10000);
	}
	run_for(s, ANSWER_MS);
	check_answered(s);
	for (unsigned i = 0; i < s->plan->host_count; i++)
		sim_check_empty(s, &s->host[i]);
}

static void up_alone(struct sim *s, unsigned conn, unsigned end)
{
	const struct sim_conn_plan *cp = &s->plan->conn[conn];
	struct sim_host *h = &s->host[cp->host[end]];
	struct sim_request *r = sim_host_up(h, conn, 0, 0);
	uint64_t asked = s->clock.now_ms;

	if (!r) {
		if (cp->expect[end] == SIM_EXPECT_UP)
			sim_violation(&s->trace, "%s refuses to bring up c%u", h->name, conn);
		return;
	}
	while (!r->answered_ms && s->clock.now_ms < asked + ANSWER_MS && !s->stuck)
		run_for(s, 1000);
	if (!r->answered_ms)
		sim_violation(&s->trace, "%s: c%u is neither up nor failed after %u s", h->name, conn,
			      ANSWER_MS / 1000);
	else if (r->answer == IKE_REPORT_UP && cp->expect[end] == SIM_EXPECT_FAIL)
		sim_violation(&s->trace, "%s: c%u is up though the ends don't fit together", h->name, conn);
	else if (r->answer == IKE_REPORT_FAILED && cp->expect[end] == SIM_EXPECT_UP)
		sim_violation(&s->trace, "%s: c%u failed on a healthy network", h->name, conn);
}

/* In peace every connection that can stand does, alone first and then together with all the others. */
static void second_life(struct sim *s)
{
	const struct sim_plan *p = s->plan;

	for (unsigned i = 0; i < p->conn_count; i++)
		for (unsigned e = 0; e < 2; e++)
			sim_host_add(&s->host[p->conn[i].host[e]], i);
	all_down(s);
	for (unsigned i = 0; i < p->conn_count && !s->stuck; i++) {
		for (unsigned e = 0; e < 2; e++) {
			if (!p->conn[i].starts[e])
				continue;
			sim_trace_line(&s->trace, "--- c%u alone, from %s", i,
				       s->host[p->conn[i].host[e]].name);
			up_alone(s, i, e);
			run_for(s, HALFOPEN_MS);
			if (s->stuck)
				return;
			sim_check_agreement(s);
			sim_check_peace(s, i, e);
			sim_host_down(&s->host[p->conn[i].host[sim_rng_below(&s->host[0].chance, 2)]], i);
			run_for(s, 5000);
		}
	}
	all_down(s);
	for (unsigned i = 0; i < p->conn_count && !s->stuck; i++)
		up_alone(s, i, 0);
	run_for(s, HALFOPEN_MS);
	sim_check_agreement(s);
	all_down(s);
}

static void end_of_all(struct sim *s)
{
	sim_trace_line(&s->trace, "--- shut down");
	for (unsigned i = 0; i < s->plan->host_count; i++)
		sim_host_shutdown(&s->host[i]);
	run_for(s, 60000);
	for (unsigned i = 0; i < s->plan->host_count; i++) {
		struct sim_host *h = &s->host[i];

		if (h->engine && !h->idle)
			sim_violation(&s->trace, "%s was told to shut down and never became idle", h->name);
		sim_check_empty(s, h);
		sim_host_crash(h);
	}
}

static void play(struct sim *s)
{
	for (unsigned i = 0; i < s->plan->host_count; i++)
		sim_host_start(&s->host[i]);
	for (unsigned i = 0; i < s->plan->step_count; i++) {
		unsigned *index = sim_alloc(sizeof(*index));

		*index = i;
		sim_clock_at(&s->clock, START_MS + s->plan->step[i].at_ms, do_step, s, index);
	}
	sim_clock_in(&s->clock, TRAFFIC_MS, traffic, s, NULL);
	run_until(s, START_MS + s->plan->script_ms);
	sim_check_kept(s);
	heal(s);
	run_for(s, SETTLE_MS);
	if (s->stuck)
		return;
	check_answered(s);
	sim_check_agreement(s);
	second_life(s);
	if (!s->stuck)
		end_of_all(s);
}

static void print_failure(const struct sim *s)
{
	printf("\n");
	sim_plan_print(s->plan);
	if (!s->trace.print)
		sim_trace_dump(&s->trace);
	printf("FAILED: %s (%u violations)\n", s->trace.first, s->trace.violations);
	if (s->plan->name)
		printf("see it again: sim --named %s --seed %" PRIu64 " --trace\n", s->plan->name,
		       s->plan->seed);
	else
		printf("see it again: sim --seed %" PRIu64 " --trace\n", s->plan->seed);
}

void sim_run(const struct sim_plan *plan, bool print, struct sim_result *result)
{
	struct sim *s = sim_alloc(sizeof(*s));

	s->plan = plan;
	s->traffic = plan->traffic;
	sim_clock_init(&s->clock, START_MS);
	sim_trace_init(&s->trace, &s->clock, print);
	sim_network_init(&s->net, &s->clock, &s->trace, plan->seed);
	s->tap = sim_tap_new();
	for (unsigned i = 0; i < plan->host_count; i++)
		sim_host_init(&s->host[i], s, i);
	if (plan->attack_pm)
		s->attacker = sim_attacker_new(s, plan->seed);
	play(s);
	*result = (struct sim_result){ .violations = s->trace.violations, .virtual_ms = s->clock.now_ms };
	for (unsigned i = 0; i < plan->host_count; i++) {
		sim_host_crash(&s->host[i]);
		result->messages += s->host[i].sent;
		result->established += s->host[i].established;
		result->over_tcp += s->host[i].over_tcp;
	}
	if (s->trace.violations)
		print_failure(s);
	sim_network_end(&s->net);
	sim_attacker_free(s->attacker);
	sim_clock_end(&s->clock);
	sim_tap_free(s->tap);
	free(s);
}
