/* One simulated world: hosts with real engines on a simulated network. */
#ifndef CULVERT_SIM_SIM_H
#define CULVERT_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "host.h"
#include "network.h"
#include "plan.h"
#include "tap.h"
#include "trace.h"

struct sim_attacker;

struct sim {
	const struct sim_plan *plan;
	struct sim_clock clock;
	struct sim_trace trace;
	struct sim_network net;
	struct sim_tap *tap;
	struct sim_attacker *attacker;
	struct sim_host host[SIM_HOSTS_MAX];
	bool traffic; /* inner packets flow now */
	bool healed;  /* the script is over: nothing goes wrong any more */
	bool stuck;   /* an engine spins: no use in going on */
};

struct sim_result {
	unsigned violations;
	uint64_t virtual_ms;
	uint64_t messages;    /* IKE messages sent by engines */
	uint64_t established; /* IKE SAs, both ends counted */
	uint64_t over_tcp;    /* UP reports that stand on TCP */
};

/* Carries out a plan and checks it. `print`: every line of the trace. On a violation prints the scenario, the
 * last lines and how to see it again. */
void sim_run(const struct sim_plan *plan, bool print, struct sim_result *result);

/* --- invariant.c --- */
/* At a quiet moment: both ends know the same SAs, and agree about everything in them. */
void sim_check_agreement(struct sim *s);
/* That connection was brought up alone from that end, a while ago. In peace.c. */
void sim_check_peace(struct sim *s, unsigned conn, unsigned end);
/* Nobody asked for it and the network did its part: what stood must still stand. */
void sim_check_kept(struct sim *s);
/* It says that it is idle: nothing lives, though an IKE SA that has ended may still answer the peer's
 * repeats. */
void sim_check_idle(struct sim *s, struct sim_host *h);
/* Nothing of a connection's life is left on this host. */
void sim_check_empty(struct sim *s, struct sim_host *h);

/* --- attacker.c --- */
struct sim_attacker *sim_attacker_new(struct sim *s, uint64_t seed);
void sim_attacker_free(struct sim_attacker *a);

#endif
