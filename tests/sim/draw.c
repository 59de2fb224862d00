/* Draws a scenario from its seed. */
#include <string.h>
#include <stdio.h>

#include "plan.h"

static const struct wire_transform aeads[] = {
	{ .type = WIRE_T_ENCR, .id = WIRE_ENCR_AES_GCM_16, .key_bits = 256 },
	{ .type = WIRE_T_ENCR, .id = WIRE_ENCR_AES_GCM_16, .key_bits = 128 },
	{ .type = WIRE_T_ENCR, .id = WIRE_ENCR_CHACHA20_POLY1305 },
};
static const struct wire_transform cbcs[] = {
	{ .type = WIRE_T_ENCR, .id = WIRE_ENCR_AES_CBC, .key_bits = 256 },
	{ .type = WIRE_T_ENCR, .id = WIRE_ENCR_AES_CBC, .key_bits = 128 },
};
static const uint16_t prfs[] = { WIRE_PRF_HMAC_SHA2_256, WIRE_PRF_HMAC_SHA2_384, WIRE_PRF_HMAC_SHA2_512 };
static const uint16_t integs[] = { WIRE_AUTH_HMAC_SHA2_256_128, WIRE_AUTH_HMAC_SHA2_384_192,
				   WIRE_AUTH_HMAC_SHA2_512_256 };
/* Cheap groups are drawn more often. */
static const uint16_t groups[] = { WIRE_KE_CURVE25519, WIRE_KE_CURVE25519, WIRE_KE_CURVE25519,
				   WIRE_KE_CURVE25519, WIRE_KE_CURVE25519, WIRE_KE_ECP256,
				   WIRE_KE_ECP256,     WIRE_KE_ECP256,	   WIRE_KE_ECP384,
				   WIRE_KE_MODP2048 };

static void put(struct wire_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	for (unsigned i = 0; i < p->transform_count; i++)
		if (p->transform[i].type == type && p->transform[i].id == id &&
		    p->transform[i].key_bits == key_bits)
			return;
	p->transform[p->transform_count++] =
	    (struct wire_transform){ .type = type, .id = id, .key_bits = key_bits };
}

static void put_some(struct sim_rng *r, struct wire_proposal *p, uint8_t type, const uint16_t *from,
		     unsigned count)
{
	for (unsigned n = 1 + sim_rng_below(r, 2); n; n--)
		put(p, type, from[sim_rng_below(r, count)], 0);
}

static void put_encr(struct sim_rng *r, struct wire_proposal *p)
{
	bool aead = sim_rng_chance(r, 700);

	for (unsigned n = 1 + sim_rng_below(r, 2); n; n--) {
		const struct wire_transform *t =
		    aead ? &aeads[sim_rng_below(r, 3)] : &cbcs[sim_rng_below(r, 2)];

		put(p, WIRE_T_ENCR, t->id, t->key_bits);
	}
	if (!aead)
		put_some(r, p, WIRE_T_INTEG, integs, 3);
}

static void draw_ike(struct sim_rng *r, struct wire_sa *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->count = (uint8_t)sim_rng_between(r, 1, 3);
	for (unsigned i = 0; i < sa->count; i++) {
		struct wire_proposal *p = &sa->proposal[i];

		p->number = (uint8_t)(i + 1);
		p->protocol = WIRE_PROTO_IKE;
		put_encr(r, p);
		put_some(r, p, WIRE_T_PRF, prfs, 3);
		put_some(r, p, WIRE_T_KE, groups, sizeof(groups) / sizeof(groups[0]));
	}
}

static void draw_esp(struct sim_rng *r, struct wire_sa *sa, bool pfs)
{
	memset(sa, 0, sizeof(*sa));
	sa->count = (uint8_t)sim_rng_between(r, 1, 3);
	for (unsigned i = 0; i < sa->count; i++) {
		struct wire_proposal *p = &sa->proposal[i];

		p->number = (uint8_t)(i + 1);
		p->protocol = WIRE_PROTO_ESP;
		put_encr(r, p);
		if (pfs)
			put_some(r, p, WIRE_T_KE, groups, sizeof(groups) / sizeof(groups[0]));
		if (sim_rng_chance(r, 600))
			put(p, WIRE_T_ESN, WIRE_ESN_YES, 0);
		if (!p->transform_count || sim_rng_chance(r, 600) ||
		    p->transform[p->transform_count - 1].type != WIRE_T_ESN)
			put(p, WIRE_T_ESN, WIRE_ESN_NO, 0);
	}
}

/* The right end has the same, the same in another order with more, or something of its own. */
static void draw_proposals(struct sim_rng *r, struct sim_conn_plan *cp)
{
	bool pfs = sim_rng_chance(r, 400);
	uint32_t how = sim_rng_below(r, 10);

	draw_ike(r, &cp->policy[0].ike_proposals);
	draw_esp(r, &cp->policy[0].esp_proposals, pfs);
	cp->policy[1].ike_proposals = cp->policy[0].ike_proposals;
	cp->policy[1].esp_proposals = cp->policy[0].esp_proposals;
	if (how < 6)
		return;
	struct wire_sa ike = cp->policy[0].ike_proposals, esp = cp->policy[0].esp_proposals;

	draw_ike(r, &cp->policy[1].ike_proposals);
	draw_esp(r, &cp->policy[1].esp_proposals, how == 9 ? !pfs : pfs);
	if (how == 6)
		return;
	/* Behind its own come one of the other end's. */
	struct wire_sa *mine = &cp->policy[1].ike_proposals;

	mine->proposal[mine->count] = ike.proposal[sim_rng_below(r, ike.count)];
	mine->proposal[mine->count].number = (uint8_t)(mine->count + 1);
	mine->count++;
	mine = &cp->policy[1].esp_proposals;
	mine->proposal[mine->count] = esp.proposal[sim_rng_below(r, esp.count)];
	mine->proposal[mine->count].number = (uint8_t)(mine->count + 1);
	mine->count++;
}

/* Which connection a stranger means is known only after IKE_SA_INIT: a host has one set of proposals for it,
 * whatever the connection. */
static void share_proposals(struct sim_plan *plan, unsigned index)
{
	struct sim_conn_plan *cp = &plan->conn[index];

	for (unsigned e = 0; e < 2 && index; e++) {
		const struct wire_sa *of_host = &plan->conn[0].policy[0].ike_proposals;

		for (unsigned i = 0; i < index; i++)
			for (unsigned k = 0; k < 2; k++)
				if (plan->conn[i].host[k] == cp->host[e])
					of_host = &plan->conn[i].policy[k].ike_proposals;
		cp->policy[e].ike_proposals = *of_host;
	}
}

static void draw_children(struct sim_rng *r, struct sim_conn_plan *cp, unsigned index)
{
	unsigned count = sim_rng_chance(r, 300) ? sim_rng_between(r, 2, 4) : 1;
	uint8_t family = sim_rng_chance(r, 300) ? CV_IPV6 : CV_IPV4;
	uint32_t how = sim_rng_below(r, 20);

	for (unsigned e = 0; e < 2; e++) {
		struct ike_conn *c = &cp->policy[e];

		c->child_count = (uint8_t)count;
		c->narrowing = !sim_rng_chance(r, 300);
		for (unsigned k = 0; k < count; k++) {
			struct ike_child_policy *p = &c->child[k];
			uint8_t bits = 24;

			if (e && how == 0)
				bits = 25;
			if (e && how == 1)
				bits = 22;
			if (count > 1)
				snprintf(p->name, sizeof(p->name), "%s/%ux%u", c->name, 1, k + 1);
			else
				snprintf(p->name, sizeof(p->name), "%s", c->name);
			p->local_count = p->remote_count = 1;
			sim_plan_selector(&p->local[0], family, cp->host[e],
					  index * 32 + k * 4 + (e && how == 2 ? 128 : 0), bits);
			sim_plan_selector(&p->remote[0], family, cp->host[!e],
					  index * 32 + k * 4 + (e && how == 2 ? 128 : 0), bits);
			if (how == 3 || (how == 4 && e)) {
				p->local[0].protocol = p->remote[0].protocol = 6;
				if (e)
					p->local[0].port_first = p->local[0].port_last = 80;
				else
					p->remote[0].port_first = p->remote[0].port_last =
					    how == 3 ? 80 : 443;
			}
			if (how == 5 && !cp->policy[e].child[k].local[0].protocol && family == CV_IPV4 &&
			    count == 1)
				p->local_count = p->remote_count = 0;
		}
	}
}

static void draw_auth(struct sim_rng *r, struct sim_conn_plan *cp)
{
	uint32_t how = sim_rng_below(r, 30);

	for (unsigned e = 0; e < 2; e++) {
		struct ike_conn *c = &cp->policy[e];

		if (how < 4)
			c->local_auth = c->remote_auth = IKE_AUTHBY_NULL;
		if (how == 4 && e)
			c->local_auth = c->remote_auth = IKE_AUTHBY_NULL;
		if (how == 7 && e)
			memset(&c->remote_id, 0, sizeof(c->remote_id));
	}
	if (how == 5)
		cp->secret[sim_rng_below(r, 2)] = SIM_SECRET_WRONG;
	if (how == 6)
		cp->secret[sim_rng_below(r, 2)] = SIM_SECRET_MISSING;
	if (how == 8) /* a name the other end does not expect */
		cp->policy[sim_rng_below(r, 2)].remote_id.data[0] = 'X';
}

static void draw_times(struct sim_rng *r, struct ike_conn *c)
{
	c->retransmit_interval_ms = sim_rng_between(r, 3, 10) * 100;
	c->retransmit_timeout_ms = sim_rng_between(r, 10, 40) * 1000;
	c->liveness_delay_ms = sim_rng_chance(r, 300) ? 0 : sim_rng_between(r, 3, 30) * 1000;
	c->nat_keepalive_ms = sim_rng_chance(r, 150) ? 0 : 20000;
	c->encapsulation = sim_rng_chance(r, 150) ? IKE_ENCAP_YES : IKE_ENCAP_AUTO;
	c->rung_stagger_ms = sim_rng_chance(r, 200) ? sim_rng_between(r, 200, 4000) : 0;
}

static void draw_conn(struct sim_rng *r, struct sim_plan *plan)
{
	unsigned a = sim_rng_below(r, plan->host_count), b = sim_rng_below(r, plan->host_count - 1);
	uint8_t family = sim_rng_chance(r, 300) ? CV_IPV6 : CV_IPV4;

	b += b >= a;
	/* The one that can be reached is on the right. */
	if (!sim_host_public_ip(plan, b, family).family) {
		unsigned t = a;

		a = b;
		b = t;
	}
	if (!sim_host_public_ip(plan, b, family).family)
		family = CV_IPV6;
	unsigned i = sim_plan_conn(plan, a, b, family, (uint8_t)sim_rng_below(r, 3));
	struct sim_conn_plan *cp = &plan->conn[i];

	cp->starts[1] = cp->policy[1].remote_ip.family && sim_rng_chance(r, 500);
	draw_proposals(r, cp);
	share_proposals(plan, i);
	draw_children(r, cp, i);
	draw_auth(r, cp);
	for (unsigned e = 0; e < 2; e++) {
		struct ike_conn *c = &cp->policy[e];

		draw_times(r, c);
		c->accept_udp = !sim_rng_chance(r, 50);
		c->accept_tcp = !sim_rng_chance(r, 50);
		if (sim_rng_chance(r, 100))
			memset(&c->local_ip, 0, sizeof(c->local_ip));
		for (unsigned k = 0; k < c->rung_count; k++)
			if (c->rung[k].transport == IKE_TCP && plan->host[cp->host[!e]].tcp_port[1] &&
			    sim_rng_chance(r, 500))
				c->rung[k].port = plan->host[cp->host[!e]].tcp_port[1];
	}
}

static void draw_link(struct sim_rng *r, struct sim_link *l, bool bad)
{
	l->delay_ms = sim_rng_between(r, 0, bad ? 150 : 40);
	l->jitter_ms = sim_rng_below(r, bad ? 80 : 10);
	l->loss_pm = bad ? sim_rng_below(r, 250) : 0;
	l->dup_pm = bad ? sim_rng_below(r, 100) : 0;
	l->reorder_pm = bad ? sim_rng_below(r, 200) : 0;
}

static void draw_hosts(struct sim_rng *r, struct sim_plan *plan, bool calm)
{
	bool bad = sim_rng_chance(r, 400) && !calm;

	sim_plan_base(plan, sim_rng_chance(r, 700) ? 2 : sim_rng_between(r, 3, SIM_HOSTS_MAX));
	for (unsigned i = 0; i < plan->host_count; i++) {
		struct sim_host_plan *h = &plan->host[i];

		h->udp = !sim_rng_chance(r, 50);
		h->tcp_port[0] = sim_rng_chance(r, 80) ? 0 : 4500;
		h->tcp_port[1] = sim_rng_chance(r, 200) ? 443 : 0;
		h->cookie_always = sim_rng_chance(r, 200);
		h->uniqueids = sim_rng_chance(r, 700);
		h->secret_delay_ms = sim_rng_chance(r, 500) ? 0 : sim_rng_below(r, 200);
		h->install_fail_pm = sim_rng_chance(r, 50) && !calm ? 200 : 0;
		draw_link(r, &h->link, bad);
		h->behind_nat = sim_rng_chance(r, 350);
		h->nat.keeps_ports = sim_rng_chance(r, 500);
		h->nat.symmetric = sim_rng_chance(r, 500);
		h->nat.resets = sim_rng_chance(r, 500);
		h->nat.udp_idle_ms = sim_rng_between(r, 30, 120) * 1000;
		h->nat.tcp_idle_ms = sim_rng_between(r, 300, 4000) * 1000;
		if (h->behind_nat && sim_rng_chance(r, 300))
			h->nat.forward = sim_host_ip(plan, i, CV_IPV4);
	}
}

static void draw_fault(struct sim_rng *r, struct sim_fault *f)
{
	switch (sim_rng_below(r, 10)) {
	case 0: f->down = true; break;
	case 1:
	case 2: f->udp_drop = true; break;
	case 3:
		f->udp_drop = true;
		f->udp_drop_port = 4500;
		break;
	case 4: f->udp_max_len = sim_rng_between(r, 200, 500); break;
	case 5: f->udp_refuse = true; break;
	case 6: f->tcp_syn_drop = true; break;
	case 7: f->tcp_syn_refuse = true; break;
	case 8: f->tcp_slow_ms = sim_rng_between(r, 100, 8000); break;
	default:
		f->tcp_reset_pm = sim_rng_below(r, 200);
		f->tcp_close_pm = sim_rng_below(r, 200);
		break;
	}
	if (sim_rng_chance(r, 200))
		f->udp_drop = f->tcp_syn_drop = true;
}

/* Faults come at a random time, often before anything else, and stay a while. */
static void draw_faults(struct sim_rng *r, struct sim_plan *plan)
{
	for (unsigned n = sim_rng_below(r, 4); n; n--) {
		unsigned host = sim_rng_below(r, plan->host_count);
		uint64_t at = sim_rng_chance(r, 500) ? 0 : sim_rng_below(r, (uint32_t)plan->script_ms);
		struct sim_step *s = sim_plan_step(plan, at, SIM_STEP_FAULT, host, 0);

		draw_fault(r, &s->fault);
		plan->hard_faults |= at > 0;
		sim_plan_step(plan, at + sim_rng_between(r, 500, 60000), SIM_STEP_FAULT, host, 0);
	}
	if (!sim_rng_chance(r, 300))
		return;
	plan->hard_faults = true;
	for (unsigned n = 1 + sim_rng_below(r, 2); n; n--) {
		static const uint8_t kinds[] = { SIM_STEP_REBOOT, SIM_STEP_NAT_FLUSH, SIM_STEP_TCP_RESET };

		sim_plan_step(plan, sim_rng_below(r, (uint32_t)plan->script_ms), kinds[sim_rng_below(r, 3)],
			      sim_rng_below(r, plan->host_count), 0);
	}
}

static void draw_users(struct sim_rng *r, struct sim_plan *plan, bool calm)
{
	for (unsigned i = 0; i < plan->conn_count; i++) {
		const struct sim_conn_plan *cp = &plan->conn[i];
		uint64_t at = sim_rng_between(r, 1, 5000);

		sim_plan_step(plan, at, SIM_STEP_UP, cp->host[0], i);
		if (cp->starts[1] && !calm) /* at once, or nearly so */
			sim_plan_step(plan, at + (sim_rng_chance(r, 500) ? 0 : sim_rng_below(r, 100)),
				      SIM_STEP_UP, cp->host[1], i);
	}
	for (unsigned n = calm ? 0 : sim_rng_below(r, 8); n; n--) {
		static const uint8_t kinds[] = { SIM_STEP_UP,	  SIM_STEP_UP,	    SIM_STEP_UP,
						 SIM_STEP_DOWN,	  SIM_STEP_DOWN,    SIM_STEP_ADD,
						 SIM_STEP_REMOVE, SIM_STEP_ACQUIRE, SIM_STEP_SHUTDOWN };
		uint8_t kind = kinds[sim_rng_below(r, sizeof(kinds))];
		unsigned conn = sim_rng_below(r, plan->conn_count), end = sim_rng_below(r, 2);
		uint64_t at = sim_rng_below(r, (uint32_t)plan->script_ms);

		if ((kind == SIM_STEP_UP || kind == SIM_STEP_ACQUIRE) && !plan->conn[conn].starts[end])
			end = 0;
		sim_plan_step(plan, at, kind, plan->conn[conn].host[end], conn);
		if (kind == SIM_STEP_REMOVE && sim_rng_chance(r, 700))
			sim_plan_step(plan, at + sim_rng_below(r, 5000), SIM_STEP_ADD,
				      plan->conn[conn].host[end], conn);
	}
}

void sim_plan_draw(struct sim_plan *plan)
{
	uint64_t seed = plan->seed;
	struct sim_rng r = sim_rng_new(seed, 1);
	bool calm =
	    sim_rng_chance(&r, 200); /* nothing goes wrong by itself: what stands must keep standing */

	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	draw_hosts(&r, plan, calm);
	plan->script_ms = sim_rng_between(&r, 5, 120) * 1000;
	plan->traffic = sim_rng_chance(&r, 600);
	for (unsigned n = 1 + sim_rng_below(&r, SIM_CONNS_MAX) / 2; n; n--)
		draw_conn(&r, plan);
	draw_users(&r, plan, calm);
	if (!calm && sim_rng_chance(&r, 600))
		draw_faults(&r, plan);
	if (sim_rng_chance(&r, calm ? 600 : 250)) {
		plan->attack_pm = sim_rng_between(&r, 50, 700);
		plan->attack_init = sim_rng_chance(&r, 400);
	}
	for (unsigned i = 0; i < plan->conn_count; i++)
		for (unsigned e = 0; e < 2; e++)
			plan->conn[i].expect[e] = sim_plan_oracle(plan, &plan->conn[i], e);
	sim_plan_sort(plan);
}
