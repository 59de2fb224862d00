/* Works out what bringing a connection up must come to, from the two configurations alone. Written apart from
 * the engine's own matching, so that one checks the other. */
#include "plan.h"

static const uint8_t ike_types[] = { WIRE_T_ENCR, WIRE_T_PRF, WIRE_T_INTEG, WIRE_T_KE };
static const uint8_t esp_types[] = { WIRE_T_ENCR, WIRE_T_INTEG, WIRE_T_ESN };

static unsigned of_type(const struct wire_proposal *p, uint8_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->transform_count; i++)
		n += p->transform[i].type == type;
	return n;
}

/* Has this type a common transform, or is it absent in both? */
static bool type_common(const struct wire_proposal *a, const struct wire_proposal *b, uint8_t type)
{
	for (unsigned i = 0; i < a->transform_count; i++)
		for (unsigned k = 0; k < b->transform_count; k++)
			if (a->transform[i].type == type && b->transform[k].type == type &&
			    a->transform[i].id == b->transform[k].id &&
			    a->transform[i].key_bits == b->transform[k].key_bits)
				return true;
	return !of_type(a, type) && !of_type(b, type);
}

static bool common(const struct wire_sa *a, const struct wire_sa *b, const uint8_t *types, unsigned count)
{
	for (unsigned i = 0; i < a->count; i++) {
		for (unsigned k = 0; k < b->count; k++) {
			bool ok = true;

			for (unsigned t = 0; t < count; t++)
				ok &= type_common(&a->proposal[i], &b->proposal[k], types[t]);
			if (ok)
				return true;
		}
	}
	return false;
}

/* PFS is asked for, or not, by both, or there is a doubt. */
static bool pfs_same(const struct ike_conn *a, const struct ike_conn *b)
{
	static const uint8_t ke[] = { WIRE_T_ENCR, WIRE_T_INTEG, WIRE_T_ESN, WIRE_T_KE };

	return common(&a->esp_proposals, &b->esp_proposals, ke, 4);
}

static bool ts_equal(const struct wire_ts *a, const struct wire_ts *b)
{
	return cv_ip_equal(&a->first, &b->first) && cv_ip_equal(&a->last, &b->last) &&
	       a->protocol == b->protocol && a->port_first == b->port_first && a->port_last == b->port_last;
}

static bool ts_meet(const struct wire_ts *a, const struct wire_ts *b)
{
	return a->first.family == b->first.family && cv_ip_compare(&a->first, &b->last) <= 0 &&
	       cv_ip_compare(&b->first, &a->last) <= 0 &&
	       (!a->protocol || !b->protocol || a->protocol == b->protocol) &&
	       a->port_first <= b->port_last && b->port_first <= a->port_last;
}

/* Only the first selector of each side is looked at: draw.c makes one per child. */
static uint8_t child_outcome(const struct ike_conn *a, const struct ike_conn *b, unsigned k)
{
	const struct ike_child_policy *x = &a->child[k], *y = &b->child[k];

	if (x->local_count != y->remote_count || x->remote_count != y->local_count)
		return SIM_EXPECT_EITHER;
	if (!x->local_count && !x->remote_count)
		return SIM_EXPECT_UP;
	if (ts_equal(&x->local[0], &y->remote[0]) && ts_equal(&x->remote[0], &y->local[0]))
		return SIM_EXPECT_UP;
	if (!ts_meet(&x->local[0], &y->remote[0]) || !ts_meet(&x->remote[0], &y->local[0]))
		return SIM_EXPECT_FAIL;
	return a->narrowing && b->narrowing ? SIM_EXPECT_UP : SIM_EXPECT_EITHER;
}

static uint8_t children_outcome(const struct ike_conn *a, const struct ike_conn *b)
{
	uint8_t all = child_outcome(a, b, 0);

	if (a->child_count != b->child_count)
		return SIM_EXPECT_EITHER;
	for (unsigned k = 1; k < a->child_count; k++)
		if (child_outcome(a, b, k) != all)
			return SIM_EXPECT_EITHER;
	if (a->child_count > 1 && !pfs_same(a, b))
		return SIM_EXPECT_EITHER;
	return all;
}

static bool rung_works(const struct sim_plan *plan, const struct sim_conn_plan *cp, unsigned e,
		       const struct ike_rung *r)
{
	const struct ike_conn *peer = &cp->policy[!e];
	const struct sim_host_plan *me = &plan->host[cp->host[e]], *there = &plan->host[cp->host[!e]];

	if (r->transport == IKE_UDP)
		return me->udp && there->udp && peer->accept_udp;
	return peer->accept_tcp && (r->port == there->tcp_port[0] || r->port == there->tcp_port[1]) &&
	       (!there->behind_nat || cp->policy[e].remote_ip.family == CV_IPV6 || r->port == 4500);
}

/* One rung leads to another connection of the peer's, which answers IKE_SA_INIT and finds out in IKE_AUTH
 * that it is not meant. Whether that ends it all is a matter of taste. */
static bool rung_misleads(const struct sim_plan *plan, const struct sim_conn_plan *cp, unsigned e)
{
	const struct ike_conn *peer = &cp->policy[!e];

	return plan->conn_count > 1 && cp->policy[e].rung_count > 1 &&
	       (!peer->accept_udp || !peer->accept_tcp);
}

static bool id_fits(const struct ike_id *claimed, const struct ike_id *wanted)
{
	return !wanted->type || ike_id_equal(claimed, wanted);
}

uint8_t sim_plan_oracle(const struct sim_plan *plan, const struct sim_conn_plan *cp, unsigned e)
{
	const struct ike_conn *a = &cp->policy[e], *b = &cp->policy[!e];
	bool rung = false;

	for (unsigned i = 0; i < a->rung_count; i++)
		rung |= rung_works(plan, cp, e, &a->rung[i]);
	if (!rung || !a->remote_ip.family)
		return SIM_EXPECT_FAIL;
	if (!common(&a->ike_proposals, &b->ike_proposals, ike_types, 4))
		return SIM_EXPECT_FAIL;
	if (a->local_auth != b->remote_auth || b->local_auth != a->remote_auth)
		return SIM_EXPECT_FAIL;
	if (!id_fits(&a->local_id, &b->remote_id) || !id_fits(&b->local_id, &a->remote_id))
		return SIM_EXPECT_FAIL;
	if (a->local_auth == IKE_AUTHBY_SECRET || a->remote_auth == IKE_AUTHBY_SECRET)
		if (cp->secret[0] != SIM_SECRET_RIGHT || cp->secret[1] != SIM_SECRET_RIGHT)
			return SIM_EXPECT_FAIL;
	if (!common(&a->esp_proposals, &b->esp_proposals, esp_types, 3))
		return SIM_EXPECT_FAIL;
	/* A host behind a NAT and its peer have different names for "the host's own address". */
	if (!a->child[0].local_count && a->remote_ip.family != CV_IPV6 &&
	    (plan->host[cp->host[0]].behind_nat || plan->host[cp->host[1]].behind_nat))
		return SIM_EXPECT_EITHER;
	return rung_misleads(plan, cp, e) ? SIM_EXPECT_EITHER : children_outcome(a, b);
}
