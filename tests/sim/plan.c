/* Parts from which scenarios are put together, and their description in words. */
#include "plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cv_ip sim_host_ip(const struct sim_plan *plan, unsigned host, uint8_t family)
{
	struct cv_ip ip = { .family = family };

	if (family == CV_IPV6)
		memcpy(ip.b, (uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(host + 1) }, 16);
	else if (plan->host[host].behind_nat)
		memcpy(ip.b, (uint8_t[4]){ 192, 168, (uint8_t)host, 2 }, 4);
	else
		memcpy(ip.b, (uint8_t[4]){ 192, 0, 2, (uint8_t)(host + 1) }, 4);
	return ip;
}

struct cv_ip sim_host_public_ip(const struct sim_plan *plan, unsigned host, uint8_t family)
{
	const struct sim_host_plan *h = &plan->host[host];

	if (family == CV_IPV6 || !h->behind_nat)
		return sim_host_ip(plan, host, family);
	return h->nat.forward.family ? h->nat.outside : (struct cv_ip){ 0 };
}

void sim_plan_base(struct sim_plan *plan, unsigned hosts)
{
	plan->host_count = hosts;
	for (unsigned i = 0; i < hosts; i++) {
		struct sim_host_plan *h = &plan->host[i];

		*h = (struct sim_host_plan){ .udp = true, .tcp_port = { 4500 }, .uniqueids = true };
		h->link.delay_ms = 10;
		h->nat.outside = (struct cv_ip){ .family = CV_IPV4, .b = { 198, 51, 100, (uint8_t)(i + 1) } };
		h->nat.udp_idle_ms = 60000;
		h->nat.tcp_idle_ms = 3600000;
	}
	plan->script_ms = 30000;
	plan->traffic = true;
}

void sim_plan_selector(struct wire_ts *ts, uint8_t family, unsigned host, unsigned net, uint8_t bits)
{
	uint8_t v4[4] = { 10, (uint8_t)(host + 1), (uint8_t)net, 0 };
	uint8_t v6[16] = { 0xfd, 0, 0, 0, 0, (uint8_t)(host + 1), 0, (uint8_t)net };
	unsigned len = family == CV_IPV6 ? 16 : 4, prefix = family == CV_IPV6 ? bits + 40U : bits;

	*ts = (struct wire_ts){ .first.family = family, .last.family = family, .port_last = 65535 };
	memcpy(ts->first.b, family == CV_IPV6 ? v6 : v4, len);
	for (unsigned i = 0; i < len; i++) {
		unsigned keep = prefix >= 8 * (i + 1) ? 8 : prefix > 8 * i ? prefix - 8 * i : 0;
		uint8_t mask = (uint8_t)(0xff00 >> keep);

		ts->first.b[i] &= mask;
		ts->last.b[i] = (uint8_t)(ts->first.b[i] | ~mask);
	}
}

static void set_id(struct ike_id *id, const char *host, unsigned conn)
{
	int n = snprintf((char *)id->data, sizeof(id->data), "%s.c%u.example", host, conn);

	id->type = WIRE_ID_FQDN;
	id->len = (uint16_t)n;
}

static void default_proposals(struct ike_conn *c)
{
	c->ike_proposals.count = 1;
	c->ike_proposals.proposal[0] = (struct wire_proposal){
		.number = 1,
		.protocol = WIRE_PROTO_IKE,
		.transform_count = 3,
		.transform = { { .type = WIRE_T_ENCR, .id = WIRE_ENCR_AES_GCM_16, .key_bits = 256 },
			       { .type = WIRE_T_PRF, .id = WIRE_PRF_HMAC_SHA2_256 },
			       { .type = WIRE_T_KE, .id = WIRE_KE_CURVE25519 } }
	};
	c->esp_proposals.count = 1;
	c->esp_proposals.proposal[0] = (struct wire_proposal){
		.number = 1,
		.protocol = WIRE_PROTO_ESP,
		.transform_count = 2,
		.transform = { { .type = WIRE_T_ENCR, .id = WIRE_ENCR_AES_GCM_16, .key_bits = 256 },
			       { .type = WIRE_T_ESN, .id = WIRE_ESN_YES } }
	};
}

static void set_ladder(struct ike_conn *c, uint8_t ladder)
{
	if (ladder != SIM_LADDER_TCP)
		c->rung[c->rung_count++] = (struct ike_rung){ .transport = IKE_UDP, .port = 500 };
	if (ladder != SIM_LADDER_UDP)
		c->rung[c->rung_count++] = (struct ike_rung){ .transport = IKE_TCP, .port = 4500 };
}

unsigned sim_plan_conn(struct sim_plan *plan, unsigned a, unsigned b, uint8_t family, uint8_t ladder)
{
	unsigned index = plan->conn_count++;
	struct sim_conn_plan *cp = &plan->conn[index];
	unsigned host[2] = { a, b };

	memset(cp, 0, sizeof(*cp));
	for (unsigned e = 0; e < 2; e++) {
		struct ike_conn *c = &cp->policy[e];

		cp->host[e] = host[e];
		snprintf(c->name, sizeof(c->name), "c%u", index);
		c->local_ip = sim_host_ip(plan, host[e], family);
		c->remote_ip = sim_host_public_ip(plan, host[!e], family);
		set_ladder(c, ladder);
		c->accept_udp = c->accept_tcp = true;
		set_id(&c->local_id, e ? "right" : "left", index);
		set_id(&c->remote_id, e ? "left" : "right", index);
		c->local_auth = c->remote_auth = IKE_AUTHBY_SECRET;
		default_proposals(c);
		c->child_count = 1;
		snprintf(c->child[0].name, sizeof(c->child[0].name), "%s", c->name);
		c->child[0].local_count = c->child[0].remote_count = 1;
		sim_plan_selector(&c->child[0].local[0], CV_IPV4, host[e], index * 8, 24);
		sim_plan_selector(&c->child[0].remote[0], CV_IPV4, host[!e], index * 8, 24);
		c->narrowing = true;
		c->replay_window = 128;
		c->retransmit_interval_ms = 500;
		c->retransmit_timeout_ms = 20000;
		c->liveness_delay_ms = 10000;
		c->nat_keepalive_ms = 20000;
		cp->starts[e] = e == 0;
	}
	return index;
}

struct sim_step *sim_plan_step(struct sim_plan *plan, uint64_t at_ms, uint8_t kind, unsigned host,
			       unsigned conn)
{
	struct sim_step *s = &plan->step[plan->step_count];

	if (plan->step_count + 1 < SIM_STEPS_MAX)
		plan->step_count++;
	*s = (struct sim_step){ .at_ms = at_ms, .kind = kind, .host = host, .conn = conn };
	return s;
}

void sim_plan_sort(struct sim_plan *plan)
{
	/* Insertion keeps steps of the same time in their order. */
	for (unsigned i = 1; i < plan->step_count; i++) {
		struct sim_step s = plan->step[i];
		unsigned k = i;

		for (; k && plan->step[k - 1].at_ms > s.at_ms; k--)
			plan->step[k] = plan->step[k - 1];
		plan->step[k] = s;
	}
}

/* --- words --- */

static void print_host(const struct sim_plan *plan, unsigned i)
{
	static const char *const names[] = { "west", "east", "north", "south" };
	const struct sim_host_plan *h = &plan->host[i];

	printf("  %s: UDP %s, TCP %u %u, delay %u+%u ms, loss %u, dup %u, reorder %u per mille%s%s", names[i],
	       h->udp ? "yes" : "no", h->tcp_port[0], h->tcp_port[1], h->link.delay_ms, h->link.jitter_ms,
	       h->link.loss_pm, h->link.dup_pm, h->link.reorder_pm, h->cookie_always ? ", asks cookies" : "",
	       h->uniqueids ? "" : ", uniqueids=no");
	if (h->behind_nat)
		printf(", behind %s NAT%s%s, idle UDP %u s TCP %u s", h->nat.symmetric ? "symmetric" : "cone",
		       h->nat.keeps_ports ? " that keeps ports" : "",
		       h->nat.forward.family ? " that forwards" : "", h->nat.udp_idle_ms / 1000,
		       h->nat.tcp_idle_ms / 1000);
	printf("\n");
}

static void print_proposals(const char *what, const struct wire_sa *sa)
{
	printf("      %s:", what);
	for (unsigned i = 0; i < sa->count; i++) {
		const struct wire_proposal *p = &sa->proposal[i];

		printf(" {");
		for (unsigned k = 0; k < p->transform_count; k++) {
			const struct wire_transform *t = &p->transform[k];

			printf("%s%s", k ? " " : "", wire_transform_name(t->type, t->id));
			if (t->key_bits)
				printf("_%u", t->key_bits);
		}
		printf("}");
	}
	printf("\n");
}

static void print_conn(const struct sim_plan *plan, unsigned i)
{
	static const char *const expects[] = { "up", "failure", "either" };
	const struct sim_conn_plan *cp = &plan->conn[i];

	printf("  c%u: host %u to host %u, IPv%u; expected from left %s, from right %s; secrets %u %u\n", i,
	       cp->host[0], cp->host[1], cp->policy[0].local_ip.family, expects[cp->expect[0]],
	       expects[cp->expect[1]], cp->secret[0], cp->secret[1]);
	for (unsigned e = 0; e < 2; e++) {
		const struct ike_conn *c = &cp->policy[e];

		printf("    %s: rungs", e ? "right" : "left");
		for (unsigned k = 0; k < c->rung_count; k++)
			printf(" %s/%u", c->rung[k].transport == IKE_TCP ? "tcp" : "udp", c->rung[k].port);
		printf(", accepts%s%s, auth %u %u, %snarrowing, liveness %u ms, keepalive %u ms, retransmit "
		       "%u of %u ms\n",
		       c->accept_udp ? " udp" : "", c->accept_tcp ? " tcp" : "", c->local_auth,
		       c->remote_auth, c->narrowing ? "" : "no ", c->liveness_delay_ms, c->nat_keepalive_ms,
		       c->retransmit_interval_ms, c->retransmit_timeout_ms);
		print_proposals("ike", &c->ike_proposals);
		print_proposals("esp", &c->esp_proposals);
		for (unsigned k = 0; k < c->child_count; k++) {
			char a[WIRE_TS_TEXT_MAX], b[WIRE_TS_TEXT_MAX];
			const struct ike_child_policy *ch = &c->child[k];

			printf("      child %s: %s <> %s\n", ch->name,
			       ch->local_count ? wire_ts_text(&ch->local[0], a) : "own address",
			       ch->remote_count ? wire_ts_text(&ch->remote[0], b) : "peer's address");
		}
	}
}

static void print_step(const struct sim_step *s)
{
	static const char *const kinds[] = { "up",	     "down",	     "add",	  "remove",
					     "packet waits", "reboot",	     "shutdown",  "fault",
					     "link",	     "NAT restarts", "TCP resets" };
	const struct sim_fault *f = &s->fault;

	printf("  %8.3f host %u %s", (double)s->at_ms / 1000, s->host, kinds[s->kind]);
	if (s->kind <= SIM_STEP_ACQUIRE)
		printf(" c%u", s->conn);
	if (s->kind == SIM_STEP_FAULT)
		printf(":%s%s%s%s%s port %u, larger than %u, slow %u ms, reset %u, close %u per mille",
		       f->down ? " down" : "", f->udp_drop ? " UDP dropped" : "",
		       f->udp_refuse ? " UDP refused" : "", f->tcp_syn_drop ? " SYN dropped" : "",
		       f->tcp_syn_refuse ? " SYN refused" : "", f->udp_drop_port, f->udp_max_len,
		       f->tcp_slow_ms, f->tcp_reset_pm, f->tcp_close_pm);
	if (s->kind == SIM_STEP_LINK)
		printf(": delay %u+%u ms, loss %u, dup %u, reorder %u", s->link.delay_ms, s->link.jitter_ms,
		       s->link.loss_pm, s->link.dup_pm, s->link.reorder_pm);
	printf("\n");
}

void sim_plan_print(const struct sim_plan *plan)
{
	printf("scenario%s%s, seed %" PRIu64 "%s%s\n", plan->name ? " " : "", plan->name ? plan->name : "",
	       plan->seed, plan->attack_pm ? ", under attack" : "",
	       plan->attack_init ? " (IKE_SA_INIT too)" : "");
	for (unsigned i = 0; i < plan->host_count; i++)
		print_host(plan, i);
	for (unsigned i = 0; i < plan->conn_count; i++)
		print_conn(plan, i);
	for (unsigned i = 0; i < plan->step_count; i++)
		print_step(&plan->step[i]);
}
