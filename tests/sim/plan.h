/* A scenario as plain data: who is there, what is configured, what happens when. Drawn from a seed (draw.c)
 * or written down (named.c); carried out by run.c. */
#ifndef CULVERT_SIM_PLAN_H
#define CULVERT_SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "ike/policy.h"
#include "network.h"
#include "rng.h"

#define SIM_HOSTS_MAX 4
#define SIM_CONNS_MAX 5
#define SIM_STEPS_MAX 48

enum sim_secret { SIM_SECRET_RIGHT, SIM_SECRET_WRONG, SIM_SECRET_MISSING };

/* What `up` must come to on a healthy network. */
enum sim_expect { SIM_EXPECT_UP, SIM_EXPECT_FAIL, SIM_EXPECT_EITHER };

struct sim_host_plan {
	bool udp;	      /* listens on UDP 500 and 4500 */
	uint16_t tcp_port[2]; /* listens there; 0: none */
	bool behind_nat;
	struct sim_nat nat; /* without mappings */
	struct sim_link link;
	bool cookie_always;
	bool uniqueids;
	uint32_t secret_delay_ms; /* at most so long until a secret is found */
	uint32_t install_fail_pm; /* how often the plane refuses a Child SA */
};

struct sim_conn_plan {
	unsigned host[2];
	struct ike_conn policy[2]; /* of that name at both ends */
	uint8_t secret[2];	   /* enum sim_secret */
	uint8_t expect[2];	   /* enum sim_expect, when that end brings it up */
	bool starts[2];		   /* the user of that end brings it up */
};

enum sim_step_kind {
	SIM_STEP_UP,
	SIM_STEP_DOWN,
	SIM_STEP_ADD, /* CONN_SET: anew, or in place of itself */
	SIM_STEP_REMOVE,
	SIM_STEP_ACQUIRE,
	SIM_STEP_REBOOT,   /* crash, and start anew at once */
	SIM_STEP_SHUTDOWN, /* in order, and start anew when idle */
	SIM_STEP_FAULT,	   /* the host's access gets `fault`; all zero: healthy again */
	SIM_STEP_LINK,	   /* ... gets `link` */
	SIM_STEP_NAT_FLUSH,
	SIM_STEP_TCP_RESET,
};

struct sim_step {
	uint64_t at_ms;
	uint8_t kind; /* enum sim_step_kind */
	unsigned host;
	unsigned conn;
	struct sim_fault fault;
	struct sim_link link;
	uint32_t within_ms;	/* UP: must stand by then; 0: no demand */
	uint8_t must_transport; /* UP: on this, 0: any */
};

struct sim_plan {
	uint64_t seed;
	const char *name; /* NULL: drawn */
	unsigned host_count;
	struct sim_host_plan host[SIM_HOSTS_MAX];
	unsigned conn_count;
	struct sim_conn_plan conn[SIM_CONNS_MAX];
	unsigned step_count;
	struct sim_step step[SIM_STEPS_MAX]; /* by time */
	uint64_t script_ms;		     /* then everything heals */
	bool traffic;			     /* inner packets flow */
	uint32_t attack_pm;		     /* per message: hostile ones follow it; 0: nobody attacks */
	bool attack_init;		     /* ... also ones that can spoil an IKE_SA_INIT in progress */
	uint32_t
	    flood_ms; /* for some seconds a copy of the first IKE_SA_INIT from nowhere, so often; 0: none */
	bool hard_faults; /* reboots, cuts, resets: SAs may legally be known to one end only */
};

/* A scenario from the plan's seed. */
void sim_plan_draw(struct sim_plan *plan);
/* Scenario number `index` of the written ones, drawn in its details from plan->seed; false: there are not so
 * many. */
bool sim_plan_named(struct sim_plan *plan, unsigned index);
const char *sim_plan_name(unsigned index); /* NULL: there are not so many */
/* Says it in words, to stdout. */
void sim_plan_print(const struct sim_plan *plan);

/* --- parts, for draw.c and named.c --- */
struct sim_step *sim_plan_step(struct sim_plan *plan, uint64_t at_ms, uint8_t kind, unsigned host,
			       unsigned conn);
void sim_plan_sort(struct sim_plan *plan);
/* Outer addresses: as the host itself has it, and as others reach it (none: behind a NAT that forwards
 * nothing). */
struct cv_ip sim_host_ip(const struct sim_plan *plan, unsigned host, uint8_t family);
struct cv_ip sim_host_public_ip(const struct sim_plan *plan, unsigned host, uint8_t family);
/* Two plain hosts that listen everywhere, on a good network. */
void sim_plan_base(struct sim_plan *plan, unsigned hosts);
/* A plain connection between two hosts: `ladder` is enable-tcp's meaning. Its number. */
enum sim_ladder { SIM_LADDER_UDP, SIM_LADDER_TCP, SIM_LADDER_FALLBACK };
unsigned sim_plan_conn(struct sim_plan *plan, unsigned a, unsigned b, uint8_t family, uint8_t ladder);
void sim_plan_selector(struct wire_ts *ts, uint8_t family, unsigned host, unsigned net, uint8_t bits);
/* What `up` from end `e` must come to, worked out from the two configurations alone. */
uint8_t sim_plan_oracle(const struct sim_plan *plan, const struct sim_conn_plan *conn, unsigned e);

#endif
