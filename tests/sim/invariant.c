/* What must hold between the ends, and within one. */
#include <inttypes.h>
#include <string.h>

#include "lib/timerq.h"
#include "sim.h"
#include "stream.h"

enum {
	LIST_MAX = 64,
	PATIENCE_MS = 20000, /* the ladder's last rung has had its chance by then */
};

struct sas {
	unsigned count;
	struct ike_sa_info sa[LIST_MAX];
};

struct children {
	unsigned count;
	struct ike_child_info child[LIST_MAX];
};

static bool take_sa(void *arg, const struct ike_sa_info *info)
{
	struct sas *l = arg;

	if (l->count < LIST_MAX)
		l->sa[l->count++] = *info;
	return true;
}

static bool take_child(void *arg, const struct ike_child_info *info)
{
	struct children *l = arg;

	if (l->count < LIST_MAX)
		l->child[l->count++] = *info;
	return true;
}

static void list(const struct sim_host *h, struct sas *sas, struct children *children)
{
	sas->count = children->count = 0;
	if (!h->engine)
		return;
	ike_engine_each_sa(h->engine, take_sa, sas);
	ike_engine_each_child(h->engine, take_child, children);
}

static const struct ike_conn *conn_of(const struct sim_host *h, const char *name)
{
	for (unsigned i = 0; i < h->sim->plan->conn_count; i++) {
		int e = sim_host_end(h, i);

		if (e >= 0 && !strcmp(h->sim->plan->conn[i].policy[e].name, name))
			return &h->sim->plan->conn[i].policy[e];
	}
	return NULL;
}

static bool key_same(const struct cv_key *a, const struct cv_key *b)
{
	return cv_bytes_equal(cv_key_bytes(a), cv_key_bytes(b));
}

static void check_ike_keys(struct sim_host *a, struct sim_host *b, const struct ike_sa_info *x,
			   const struct ike_sa_info *y)
{
	struct ike_sa_keys k, l;
	struct sim_trace *t = &a->sim->trace;

	if (ike_engine_export_keys(a->engine, x->spi_local, &k) != CV_OK ||
	    ike_engine_export_keys(b->engine, y->spi_local, &l) != CV_OK) {
		sim_violation(t, "%s and %s: no keys of an established IKE SA", a->name, b->name);
		return;
	}
	if (!k.sk_d.len || !k.sk_ei.len || key_same(&k.sk_ei, &k.sk_er))
		sim_violation(t, "%s: empty keys, or the same in both directions", a->name);
	if (k.spi_i != l.spi_i || k.spi_r != l.spi_r || !key_same(&k.sk_d, &l.sk_d) ||
	    !key_same(&k.sk_ai, &l.sk_ai) || !key_same(&k.sk_ar, &l.sk_ar) || !key_same(&k.sk_ei, &l.sk_ei) ||
	    !key_same(&k.sk_er, &l.sk_er))
		sim_violation(t, "%s and %s have different keys for IKE SA %016" PRIx64, a->name, b->name,
			      x->spi_local);
}

static bool ts_same(const struct wire_ts_list *a, const struct wire_ts_list *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		const struct wire_ts *x = &a->ts[i], *y = &b->ts[i];

		if (!cv_ip_equal(&x->first, &y->first) || !cv_ip_equal(&x->last, &y->last) ||
		    x->protocol != y->protocol || x->port_first != y->port_first ||
		    x->port_last != y->port_last)
			return false;
	}
	return true;
}

/* What the two planes were given (RFC 7296 section 2.17). */
static void check_pair(struct sim_host *a, struct sim_host *b, const struct ike_child_sa *x,
		       const struct ike_child_sa *y)
{
	struct sim_trace *t = &a->sim->trace;

	if (x->encr != y->encr || x->key_bits != y->key_bits || x->integ != y->integ || x->esn != y->esn)
		sim_violation(t, "%s and %s disagree about the algorithms of Child SA %08x", a->name, b->name,
			      x->spi_in);
	if (!x->encr_key_in.len || !key_same(&x->encr_key_in, &y->encr_key_out) ||
	    !key_same(&x->encr_key_out, &y->encr_key_in) || !key_same(&x->integ_key_in, &y->integ_key_out) ||
	    !key_same(&x->integ_key_out, &y->integ_key_in) || key_same(&x->encr_key_in, &x->encr_key_out))
		sim_violation(t, "%s and %s disagree about the keys of Child SA %08x", a->name, b->name,
			      x->spi_in);
	if (!ts_same(&x->local, &y->remote) || !ts_same(&x->remote, &y->local))
		sim_violation(t, "%s and %s: selectors of Child SA %08x are no mirror images", a->name,
			      b->name, x->spi_in);
	if (x->initiator == y->initiator)
		sim_violation(t, "%s and %s both think to have begun Child SA %08x", a->name, b->name,
			      x->spi_in);
	if (x->path.transport != y->path.transport)
		sim_violation(t, "%s and %s send ESP of %08x over different transports (R9329-5-5)", a->name,
			      b->name, x->spi_in);
}

static void check_children(struct sim_host *a, struct sim_host *b, const struct ike_sa_info *x,
			   const struct ike_sa_info *y)
{
	unsigned mine = 0, theirs = 0;

	for (unsigned i = 0; i < SIM_CHILDREN_MAX; i++)
		theirs += b->child[i].used && b->child[i].sa.ike_spi == y->spi_local;
	for (unsigned i = 0; i < SIM_CHILDREN_MAX; i++) {
		struct sim_child *c = &a->child[i], *d;

		if (!c->used || c->sa.ike_spi != x->spi_local)
			continue;
		mine++;
		d = sim_plane_find(b, c->sa.spi_out);
		if (!d || d->sa.spi_out != c->sa.spi_in || d->sa.ike_spi != y->spi_local)
			sim_violation(&a->sim->trace, "%s has Child SA %08x (%s), %s knows nothing of it",
				      a->name, c->sa.spi_in, c->sa.conn, b->name);
		else
			check_pair(a, b, &c->sa, &d->sa);
	}
	if (mine != theirs)
		sim_violation(&a->sim->trace, "%s has %u Child SAs of an IKE SA and %s has %u", a->name, mine,
			      b->name, theirs);
}

static void check_sa_pair(struct sim_host *a, struct sim_host *b, const struct ike_sa_info *x,
			  const struct ike_sa_info *y)
{
	struct sim_trace *t = &a->sim->trace;

	if (y->state != IKE_SA_ESTABLISHED) {
		sim_violation(t, "IKE SA %016" PRIx64 " is established at %s and %s at %s", x->spi_local,
			      a->name, ike_sa_state_name(y->state), b->name);
		return;
	}
	if (x->initiator == y->initiator)
		sim_violation(t, "%s and %s have the same role in one IKE SA", a->name, b->name);
	if (x->encr != y->encr || x->key_bits != y->key_bits || x->prf != y->prf || x->integ != y->integ ||
	    x->ke != y->ke)
		sim_violation(t, "%s and %s disagree about the algorithms of an IKE SA", a->name, b->name);
	if (x->path.transport != y->path.transport)
		sim_violation(t, "%s and %s use different transports for one IKE SA", a->name, b->name);
	if (!ike_id_equal(&x->local_id, &y->remote_id) || !ike_id_equal(&x->remote_id, &y->local_id))
		sim_violation(t, "%s and %s disagree about who they are", a->name, b->name);
	if (strcmp(x->conn, y->conn))
		sim_violation(t, "%s calls it %s and %s calls it %s", a->name, x->conn, b->name, y->conn);
	check_ike_keys(a, b, x, y);
	check_children(a, b, x, y);
}

static void check_sa(struct sim *s, struct sim_host *a, const struct ike_sa_info *x)
{
	const struct ike_conn *conn = conn_of(a, x->conn);

	if (x->state != IKE_SA_ESTABLISHED)
		return;
	for (unsigned i = 0; i < s->plan->host_count; i++) {
		struct sim_host *b = &s->host[i];
		struct sas sas;
		struct children children;

		list(b, &sas, &children);
		for (unsigned k = 0; k < sas.count; k++) {
			if (b != a && sas.sa[k].spi_local == x->spi_remote &&
			    sas.sa[k].spi_remote == x->spi_local) {
				check_sa_pair(a, b, x, &sas.sa[k]);
				return;
			}
		}
	}
	/* Without liveness checks nothing tells an end that the other one is gone. */
	if (conn && conn->liveness_delay_ms)
		sim_violation(&s->trace, "%s keeps IKE SA %016" PRIx64 " of %s, which nobody else knows",
			      a->name, x->spi_local, x->conn);
}

/* The engine's own list and what it told the plane are the same thing. */
static void check_books(struct sim *s, struct sim_host *h, const struct sas *sas,
			const struct children *children)
{
	if (children->count != sim_plane_count(h))
		sim_violation(&s->trace, "%s: the engine lists %u Child SAs and the plane has %u", h->name,
			      children->count, sim_plane_count(h));
	for (unsigned i = 0; i < children->count; i++) {
		bool owned = false;

		for (unsigned k = 0; k < sas->count; k++)
			owned |= sas->sa[k].spi_local == children->child[i].ike_spi;
		if (!owned || !sim_plane_find(h, children->child[i].spi_in))
			sim_violation(&s->trace, "%s: Child SA %08x has no IKE SA or is not in the plane",
				      h->name, children->child[i].spi_in);
	}
	for (unsigned i = 0; i < sas->count; i++) {
		bool dialling;
		uint64_t serial;

		if (sas->sa[i].state == IKE_SA_ESTABLISHED && sas->sa[i].path.transport == IKE_TCP &&
		    sas->sa[i].path.stream_id &&
		    !sim_stream_find(&s->net, h->node, sas->sa[i].path.stream_id, &dialling, &serial))
			sim_violation(&s->trace, "%s: an IKE SA stands on a stream that is gone", h->name);
		if (sas->sa[i].state < IKE_SA_ESTABLISHED)
			sim_violation(&s->trace, "%s: a half-open IKE SA of %s is still there", h->name,
				      sas->sa[i].conn);
	}
}

void sim_check_agreement(struct sim *s)
{
	for (unsigned i = 0; i < s->plan->host_count; i++) {
		struct sas sas;
		struct children children;

		list(&s->host[i], &sas, &children);
		check_books(s, &s->host[i], &sas, &children);
		for (unsigned k = 0; k < sas.count; k++)
			check_sa(s, &s->host[i], &sas.sa[k]);
	}
}

void sim_check_idle(struct sim *s, struct sim_host *h)
{
	struct sas sas;
	struct children children;

	list(h, &sas, &children);
	for (unsigned i = 0; i < sas.count; i++)
		if (sas.sa[i].state != IKE_SA_DELETING)
			sim_violation(&s->trace, "%s says it is idle and has an IKE SA in state %s", h->name,
				      ike_sa_state_name(sas.sa[i].state));
	if (children.count || sim_plane_count(h))
		sim_violation(&s->trace, "%s says it is idle and has %u Child SAs, %u in the plane", h->name,
			      children.count, sim_plane_count(h));
}

void sim_check_empty(struct sim *s, struct sim_host *h)
{
	struct sas sas;
	struct children children;
	unsigned streams = sim_stream_count(&s->net, h->node);

	if (!h->engine || s->stuck)
		return;
	list(h, &sas, &children);
	if (sas.count || children.count || sim_plane_count(h))
		sim_violation(&s->trace, "%s: %u IKE SAs (%s %s), %u Child SAs, %u in the plane are left",
			      h->name, sas.count, sas.count ? sas.sa[0].conn : "",
			      sas.count ? ike_sa_state_name(sas.sa[0].state) : "", children.count,
			      sim_plane_count(h));
	if (streams)
		sim_violation(&s->trace, "%s: %u streams are left", h->name, streams);
	if (ike_engine_next_ms(h->engine) != CV_NEVER)
		sim_violation(&s->trace, "%s: a timer is left, due in %" PRIu64 " ms", h->name,
			      ike_engine_next_ms(h->engine) - s->clock.now_ms);
}

/* --- what stood must still stand --- */

static bool undisturbed(const struct sim_plan *p, unsigned conn)
{
	unsigned ups = 0;

	for (unsigned i = 0; i < p->host_count; i++)
		if (p->host[i].link.loss_pm || p->host[i].install_fail_pm)
			return false;
	for (unsigned i = 0; i < p->step_count; i++) {
		const struct sim_step *st = &p->step[i];

		if (st->kind >= SIM_STEP_REBOOT && !(st->kind == SIM_STEP_FAULT && st->at_ms == 0))
			return false;
		if (st->conn == conn && st->kind == SIM_STEP_UP)
			ups++;
		else if (st->conn == conn && st->kind < SIM_STEP_REBOOT)
			return false;
	}
	return ups == 1;
}

static bool any_fault(const struct sim_plan *p)
{
	for (unsigned i = 0; i < p->step_count; i++)
		if (p->step[i].kind == SIM_STEP_FAULT)
			return true;
	return false;
}

static bool still_stands(const struct sim_host *h, const struct sim_request *r)
{
	struct sas sas;
	struct children children;

	list(h, &sas, &children);
	for (unsigned i = 0; i < sas.count; i++)
		if (!strcmp(sas.sa[i].conn, h->sim->plan->conn[r->conn].policy[0].name) &&
		    sas.sa[i].state == IKE_SA_ESTABLISHED && sas.sa[i].established_ms <= r->answered_ms &&
		    sas.sa[i].child_count)
			return true;
	return false;
}

static void check_kept(struct sim_host *h, const struct sim_request *r)
{
	const struct sim_plan *p = h->sim->plan;
	bool up = r->answered_ms && r->answer == IKE_REPORT_UP;

	if (!r->up || !undisturbed(p, r->conn))
		return;
	if (up && !still_stands(h, r))
		sim_violation(&h->sim->trace, "%s: c%u stood since %.3f and nobody ended it, but it is gone",
			      h->name, r->conn, (double)r->answered_ms / 1000);
	if (!up && !any_fault(p) && !p->attack_init && h->sim->clock.now_ms - r->asked_ms > PATIENCE_MS &&
	    p->conn[r->conn].expect[sim_host_end(h, r->conn)] == SIM_EXPECT_UP)
		sim_violation(&h->sim->trace, "%s: c%u did not come up though nothing was in its way",
			      h->name, r->conn);
}

void sim_check_kept(struct sim *s)
{
	for (unsigned i = 0; i < s->plan->host_count; i++)
		for (unsigned k = 0; k < s->host[i].request_count; k++)
			check_kept(&s->host[i], &s->host[i].request[k]);
}
