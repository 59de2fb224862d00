/* Scenarios written down: one for each thing that must never break again. The seed fills in the details. */
#include <string.h>

#include "plan.h"

/* What `up` of c0 on west must come to, from the start of the script. */
static struct sim_step *up(struct sim_plan *p, uint64_t at_ms, uint32_t within_ms, uint8_t transport)
{
	struct sim_step *s = sim_plan_step(p, at_ms, SIM_STEP_UP, 0, 0);

	s->within_ms = within_ms;
	s->must_transport = transport;
	return s;
}

static struct sim_fault *fault(struct sim_plan *p, uint64_t at_ms, unsigned host)
{
	return &sim_plan_step(p, at_ms, SIM_STEP_FAULT, host, 0)->fault;
}

/* Details that must not matter, from the seed: the family of the addresses is returned. */
static uint8_t vary(struct sim_plan *p)
{
	struct sim_rng r = sim_rng_new(p->seed, 5);

	for (unsigned i = 0; i < 2; i++) {
		p->host[i].link.delay_ms = sim_rng_between(&r, 0, 25);
		p->host[i].link.jitter_ms = sim_rng_below(&r, 5);
		p->host[i].cookie_always = sim_rng_chance(&r, 300);
		p->host[i].secret_delay_ms = sim_rng_below(&r, 50);
	}
	p->host[0].behind_nat = sim_rng_chance(&r, 400);
	p->host[0].nat.symmetric = sim_rng_chance(&r, 500);
	p->host[0].nat.keeps_ports = sim_rng_chance(&r, 500);
	return sim_rng_chance(&r, 400) ? CV_IPV6 : CV_IPV4;
}

static void clean_link(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, vary(p), SIM_LADDER_FALLBACK);
	up(p, 100, 1000, IKE_UDP);
	sim_plan_step(p, 20000, SIM_STEP_DOWN, 1, 0);
}

static void tcp_only(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, vary(p), SIM_LADDER_TCP);
	fault(p, 0, 1)->udp_drop = true;
	up(p, 100, 1000, IKE_TCP);
	sim_plan_step(p, 20000, SIM_STEP_DOWN, 0, 0);
}

static void udp_blackholed(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, vary(p), SIM_LADDER_FALLBACK);
	fault(p, 0, 1)->udp_drop = true;
	up(p, 100, 3000, IKE_TCP);
}

static void udp_refused(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, vary(p), SIM_LADDER_FALLBACK);
	fault(p, 0, 1)->udp_refuse = true;
	up(p, 100, 1000, IKE_TCP);
}

static void only_4500_blocked(struct sim_plan *p)
{
	p->host[0].behind_nat = true;
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_FALLBACK);
	struct sim_fault *f = fault(p, 0, 1);

	f->udp_drop = true;
	f->udp_drop_port = 4500;
	up(p, 100, 3000, IKE_TCP);
}

static void large_datagrams_lost(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_FALLBACK);
	/* Room for IKE_SA_INIT, which is 240 octets or so here, but not for a large IKE_AUTH. */
	struct ike_child_policy *c[2] = { &p->conn[0].policy[0].child[0], &p->conn[0].policy[1].child[0] };

	for (unsigned k = 0; k < 12; k++) {
		for (unsigned e = 0; e < 2; e++) {
			sim_plan_selector(&c[e]->local[k], CV_IPV6, e, k, 24);
			sim_plan_selector(&c[e]->remote[k], CV_IPV6, !e, k, 24);
			c[e]->local_count = c[e]->remote_count = (uint8_t)(k + 1);
		}
	}
	fault(p, 0, 1)->udp_max_len = 500;
	up(p, 100, 3000, IKE_TCP);
}

static void lossy(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_FALLBACK);
	p->conn[0].policy[0].retransmit_timeout_ms = p->conn[0].policy[1].retransmit_timeout_ms = 120000;
	for (unsigned i = 0; i < 2; i++)
		p->host[i].link = (struct sim_link){
			.delay_ms = 30, .jitter_ms = 50, .loss_pm = 163, .dup_pm = 100, .reorder_pm = 200
		};
	up(p, 100, 60000, 0);
	sim_plan_step(p, 90000, SIM_STEP_DOWN, 1, 0);
	p->script_ms = 120000;
}

static void simultaneous_up(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_FALLBACK);
	p->conn[0].starts[1] = true;
	up(p, 100, 3000, 0);
	sim_plan_step(p, 100, SIM_STEP_UP, 1, 0)->within_ms = 3000;
}

static void reboot(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_UDP);
	up(p, 100, 500, IKE_UDP);
	sim_plan_step(p, 5000, SIM_STEP_REBOOT, 0, 0);
	up(p, 6000, 500, IKE_UDP);
	p->hard_faults = true;
}

static void responder_reboot(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_TCP);
	up(p, 100, 500, IKE_TCP);
	sim_plan_step(p, 5000, SIM_STEP_REBOOT, 1, 0);
	p->script_ms = 120000;
	p->hard_faults = true;
}

static void tcp_refused_too(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_FALLBACK);
	struct sim_fault *f = fault(p, 0, 1);

	f->udp_drop = f->tcp_syn_refuse = true;
	sim_plan_step(p, 100, SIM_STEP_UP, 0, 0);
	p->script_ms = 60000;
}

static void many_children_with_pfs(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV6, SIM_LADDER_FALLBACK);
	for (unsigned e = 0; e < 2; e++) {
		struct ike_conn *c = &p->conn[0].policy[e];
		struct wire_proposal *esp = &c->esp_proposals.proposal[0];

		esp->transform[esp->transform_count++] =
		    (struct wire_transform){ .type = WIRE_T_KE, .id = WIRE_KE_CURVE25519 };
		for (c->child_count = 0; c->child_count < 8; c->child_count++) {
			struct ike_child_policy *ch = &c->child[c->child_count];

			ch->name[0] = (char)('a' + c->child_count);
			ch->name[1] = 0;
			ch->local_count = ch->remote_count = 1;
			sim_plan_selector(&ch->local[0], CV_IPV4, e, c->child_count, 24);
			sim_plan_selector(&ch->remote[0], CV_IPV4, !e, c->child_count, 24);
		}
	}
	up(p, 100, 2000, IKE_UDP);
}

static void cookies_and_another_group(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_TCP);
	p->host[1].cookie_always = true;
	struct wire_proposal *a = &p->conn[0].policy[0].ike_proposals.proposal[0];

	a->transform[a->transform_count++] =
	    (struct wire_transform){ .type = WIRE_T_KE, .id = WIRE_KE_ECP256 };
	p->conn[0].policy[1].ike_proposals.proposal[0].transform[2].id = WIRE_KE_ECP256;
	up(p, 100, 1000, IKE_TCP);
}

static void attacked(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_UDP);
	sim_plan_conn(p, 0, 1, CV_IPV6, SIM_LADDER_TCP);
	up(p, 100, 5000, IKE_UDP);
	struct sim_step *s = sim_plan_step(p, 100, SIM_STEP_UP, 0, 1);

	s->within_ms = 5000;
	s->must_transport = IKE_TCP;
	p->attack_pm = 800;
	p->script_ms = 60000;
}

/* Thousands of handshakes from nowhere: cookies keep the real one alive. */
static void flooded(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_UDP);
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_UDP);
	for (unsigned i = 0; i < 2; i++)
		memset(&p->conn[i].policy[1].remote_ip, 0, sizeof(struct cv_ip));
	up(p, 100, 500, IKE_UDP);
	sim_plan_step(p, 3000, SIM_STEP_UP, 0, 1)->within_ms = 500;
	p->flood_ms = 1;
	p->attack_pm = 1;
}

/* Two connections between the same two identities, told apart by their subnets. */
static void two_for_one_peer(struct sim_plan *p)
{
	unsigned b;

	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_FALLBACK);
	b = sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_FALLBACK);
	for (unsigned e = 0; e < 2; e++) {
		p->conn[b].policy[e].local_id = p->conn[0].policy[e].local_id;
		p->conn[b].policy[e].remote_id = p->conn[0].policy[e].remote_id;
		p->host[e].uniqueids = false;
	}
	up(p, 100, 500, IKE_UDP);
	sim_plan_step(p, 3000, SIM_STEP_UP, 0, b)->within_ms = 500;
}

static void nat_restarts(struct sim_plan *p)
{
	p->host[0].behind_nat = true;
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_UDP);
	up(p, 100, 500, IKE_UDP);
	sim_plan_step(p, 10000, SIM_STEP_NAT_FLUSH, 0, 0);
	p->script_ms = 60000;
}

/* What is left of an IKE SA whose stream is gone must neither speak nor stand in the way of a new one. */
static void stream_reset(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_TCP);
	p->conn[0].starts[1] = true;
	up(p, 100, 500, IKE_TCP);
	sim_plan_step(p, 5000, SIM_STEP_TCP_RESET, 0, 0);
	up(p, 8000, 500, IKE_TCP);
	sim_plan_step(p, 20000, SIM_STEP_TCP_RESET, 1, 0);
	sim_plan_step(p, 25000, SIM_STEP_UP, 1, 0);
	p->hard_faults = true;
}

static void down_while_coming_up(struct sim_plan *p)
{
	sim_plan_conn(p, 0, 1, CV_IPV4, SIM_LADDER_UDP);
	p->conn[0].starts[1] = true;
	p->conn[0].policy[1].liveness_delay_ms = 0;
	up(p, 100, 500, IKE_UDP);
	sim_plan_step(p, 3000, SIM_STEP_REBOOT, 0, 0);
	sim_plan_step(p, 5000, SIM_STEP_DOWN, 1, 0);
	sim_plan_step(p, 6000, SIM_STEP_ACQUIRE, 1, 0);
	sim_plan_step(p, 12000, SIM_STEP_DOWN, 1, 0);
	sim_plan_step(p, 12010, SIM_STEP_UP, 1, 0);
	p->hard_faults = true;
}

static void plane_refuses(struct sim_plan *p)
{
	many_children_with_pfs(p);
	p->step_count = 0;
	sim_plan_step(p, 100, SIM_STEP_UP, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		p->host[i].install_fail_pm = 300;
		p->host[i].link =
		    (struct sim_link){ .delay_ms = 20, .jitter_ms = 30, .loss_pm = 50, .reorder_pm = 400 };
	}
}

static const struct {
	const char *name;
	void (*make)(struct sim_plan *plan);
} named[] = {
	{ "clean-link", clean_link },
	{ "tcp-only", tcp_only },
	{ "udp-blackholed", udp_blackholed },
	{ "udp-refused", udp_refused },
	{ "only-4500-blocked", only_4500_blocked },
	{ "large-datagrams-lost", large_datagrams_lost },
	{ "lossy", lossy },
	{ "simultaneous-up", simultaneous_up },
	{ "reboot", reboot },
	{ "responder-reboot", responder_reboot },
	{ "tcp-refused-too", tcp_refused_too },
	{ "many-children-with-pfs", many_children_with_pfs },
	{ "cookies-and-another-group", cookies_and_another_group },
	{ "attacked", attacked },
	{ "nat-restarts", nat_restarts },
	{ "flooded", flooded },
	{ "two-for-one-peer", two_for_one_peer },
	{ "stream-reset", stream_reset },
	{ "down-while-coming-up", down_while_coming_up },
	{ "plane-refuses", plane_refuses },
};

const char *sim_plan_name(unsigned index)
{
	return index < sizeof(named) / sizeof(named[0]) ? named[index].name : NULL;
}

bool sim_plan_named(struct sim_plan *plan, unsigned index)
{
	uint64_t seed = plan->seed;

	if (!sim_plan_name(index))
		return false;
	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	plan->name = named[index].name;
	sim_plan_base(plan, 2);
	named[index].make(plan);
	for (unsigned i = 0; i < plan->conn_count; i++)
		for (unsigned e = 0; e < 2; e++)
			plan->conn[i].expect[e] = sim_plan_oracle(plan, &plan->conn[i], e);
	sim_plan_sort(plan);
	return true;
}
