/* What must be seen of a connection that was brought up alone, on a healthy network, with traffic on it. */
#include <inttypes.h>
#include <string.h>

#include "sim.h"

enum { FLOWING_MS = 5000 }; /* inner packets go every second */

struct found {
	const char *conn;
	unsigned sas;
	struct ike_sa_info sa; /* one of them */
};

static bool visit(void *arg, const struct ike_sa_info *info)
{
	struct found *f = arg;

	if (strcmp(info->conn, f->conn) || info->state != IKE_SA_ESTABLISHED)
		return true;
	f->sas++;
	f->sa = *info;
	return true;
}

/* NAT_DETECTION must tell the truth (RFC 7296 section 2.23), over TCP too (R9329-6.5-2). */
static void check_nat(struct sim_host *h, const struct sim_conn_plan *cp, unsigned end,
		      const struct ike_sa_info *sa)
{
	const struct sim_plan *p = h->sim->plan;
	bool v4 = cp->policy[0].remote_ip.family != CV_IPV6 && cp->policy[1].remote_ip.family != CV_IPV6;
	bool here = v4 && p->host[cp->host[end]].behind_nat, there = v4 && p->host[cp->host[!end]].behind_nat;
	struct sim_trace *t = &h->sim->trace;

	/* Who answers does not know yet which connection is meant, so any of them may make it claim a NAT. */
	for (unsigned i = 0; i < p->conn_count; i++)
		if (p->conn[i].policy[0].encapsulation || p->conn[i].policy[1].encapsulation)
			return;
	if (sa->nat_local != here || sa->nat_remote != there)
		sim_violation(t, "%s sees NAT %d %d, there is %d %d", h->name, sa->nat_local, sa->nat_remote,
			      here, there);
	if ((here || there) && sa->path.transport == IKE_UDP && sa->path.local.port != 4500)
		sim_violation(t, "%s stays on port %u in spite of a NAT", h->name, sa->path.local.port);
}

static void check_end(struct sim *s, unsigned conn, unsigned end)
{
	const struct sim_conn_plan *cp = &s->plan->conn[conn];
	struct sim_host *h = &s->host[cp->host[end]];
	struct found f = { .conn = cp->policy[end].name };
	unsigned children = 0;

	ike_engine_each_sa(h->engine, visit, &f);
	if (f.sas != 1) {
		sim_violation(&s->trace, "%s has %u IKE SAs for c%u, one was asked for", h->name, f.sas,
			      conn);
		return;
	}
	check_nat(h, cp, end, &f.sa);
	if (f.sa.initiator && !f.sa.why[0])
		sim_violation(&s->trace, "%s does not say why c%u uses its transport", h->name, conn);
	for (unsigned i = 0; i < SIM_CHILDREN_MAX; i++) {
		const struct sim_child *c = &h->child[i];

		if (!c->used || strcmp(c->sa.conn, f.conn))
			continue;
		children++;
		if (s->clock.now_ms - c->last_in_ms > FLOWING_MS)
			sim_violation(&s->trace, "%s: no packet comes in over Child SA %08x of c%u", h->name,
				      c->sa.spi_in, conn);
	}
	if (children != cp->policy[end].child_count || children != f.sa.child_count)
		sim_violation(&s->trace, "%s has %u Child SAs for c%u, counts %u and is to have %u", h->name,
			      children, conn, f.sa.child_count, cp->policy[end].child_count);
}

void sim_check_peace(struct sim *s, unsigned conn, unsigned end)
{
	const struct sim_conn_plan *cp = &s->plan->conn[conn];
	struct sim_host *h = &s->host[cp->host[end]];
	const char *error = ike_engine_last_error(h->engine, cp->policy[end].name);

	if (cp->expect[end] == SIM_EXPECT_FAIL && !error[0])
		sim_violation(&s->trace, "%s does not remember why c%u failed", h->name, conn);
	if (cp->expect[end] != SIM_EXPECT_UP)
		return;
	if (error[0])
		sim_violation(&s->trace, "%s: c%u stands and still has an error: %s", h->name, conn, error);
	check_end(s, conn, 0);
	check_end(s, conn, 1);
}
