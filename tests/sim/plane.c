/* The fake plane: keeps what the engine installs, and moves make-believe ESP packets over it that carry the
 * keys they would have been sealed with, so that two ends that disagree are found out by the first packet. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "sim.h"
#include "stream.h"

/* The content of a simulated ESP packet. */
struct esp {
	uint32_t spi;
	uint16_t encr, key_bits, integ;
	bool esn;
	uint64_t from; /* the sender's IKE SPI */
	struct cv_key encr_key, integ_key;
};

struct late {
	unsigned incarnation;
	uint32_t spi_in;
};

struct sim_child *sim_plane_find(struct sim_host *h, uint32_t spi_in)
{
	for (unsigned i = 0; i < SIM_CHILDREN_MAX; i++)
		if (h->child[i].used && h->child[i].sa.spi_in == spi_in)
			return &h->child[i];
	return NULL;
}

unsigned sim_plane_count(const struct sim_host *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_CHILDREN_MAX; i++)
		n += h->child[i].used;
	return n;
}

void sim_plane_clear(struct sim_host *h)
{
	memset(h->child, 0, sizeof(h->child));
}

static struct sim_child *later_child(struct sim_host *h, struct late *l)
{
	struct sim_child *c =
	    h->engine && l->incarnation == h->incarnation ? sim_plane_find(h, l->spi_in) : NULL;

	return c;
}

static void in_a_while(struct sim_host *h, uint32_t spi_in, uint32_t max_ms, sim_action action)
{
	struct late *l = sim_alloc(sizeof(*l));

	*l = (struct late){ .incarnation = h->incarnation, .spi_in = spi_in };
	sim_clock_in(&h->sim->clock, sim_rng_below(&h->chance, max_ms), action, h, l);
}

static void tell_usage(void *owner, void *arg)
{
	struct sim_host *h = owner;
	struct sim_child *c = later_child(h, arg);

	if (c) {
		struct ike_event ev = { .type = IKE_EV_CHILD_USAGE,
					.spi_in = c->sa.spi_in,
					.last_in_ms = c->last_in_ms,
					.last_out_ms = c->last_out_ms };
		(void)sim_host_event(h, &ev);
	}
	free(arg);
}

static void tell_refused(void *owner, void *arg)
{
	struct sim_host *h = owner;
	struct sim_child *c = later_child(h, arg);

	if (c) {
		struct ike_event ev = { .type = IKE_EV_CHILD_FAILED, .spi_in = c->sa.spi_in };

		sim_trace_line(&h->sim->trace, "%s: the plane could not install %08x", h->name, c->sa.spi_in);
		(void)sim_host_event(h, &ev);
	}
	free(arg);
}

static bool inside(const struct wire_ts *ts, const struct wire_ts *allowed, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct wire_ts *a = &allowed[i];

		if (cv_ip_compare(&a->first, &ts->first) <= 0 && cv_ip_compare(&ts->last, &a->last) <= 0 &&
		    (!a->protocol || a->protocol == ts->protocol) && a->port_first <= ts->port_first &&
		    ts->port_last <= a->port_last)
			return true;
	}
	return false;
}

/* Are the negotiated selectors within what this end's configuration allows? */
static void check_selectors(struct sim_host *h, const struct ike_child_sa *sa)
{
	const struct sim_plan *plan = h->sim->plan;

	if (!sa->local.count || !sa->remote.count)
		sim_violation(&h->sim->trace, "%s installs %08x without selectors", h->name, sa->spi_in);
	for (unsigned i = 0; i < plan->conn_count; i++) {
		int e = sim_host_end(h, i);
		const struct ike_conn *conn = e < 0 ? NULL : &plan->conn[i].policy[e];

		if (!conn || strcmp(conn->name, sa->conn))
			continue;
		for (unsigned k = 0; k < conn->child_count; k++) {
			const struct ike_child_policy *p = &conn->child[k];
			bool ok = true;

			for (unsigned n = 0; n < sa->local.count && p->local_count; n++)
				ok &= inside(&sa->local.ts[n], p->local, p->local_count);
			for (unsigned n = 0; n < sa->remote.count && p->remote_count; n++)
				ok &= inside(&sa->remote.ts[n], p->remote, p->remote_count);
			if (ok && !strcmp(p->name, sa->name))
				return;
		}
	}
	sim_violation(&h->sim->trace, "%s installs %08x of %s (%s) with selectors that it does not allow",
		      h->name, sa->spi_in, sa->conn, sa->name);
}

static void install(struct sim_host *h, const struct ike_child_sa *sa)
{
	struct sim_trace *t = &h->sim->trace;
	struct sim_child *c = NULL;
	bool refuse = sim_rng_chance(&h->chance, h->plan->install_fail_pm) && !h->sim->healed;

	sim_trace_line(t, "%s installs %s in %08x out %08x", h->name, sa->name, sa->spi_in, sa->spi_out);
	if (sa->spi_in < 256 || sa->spi_out < 256)
		sim_violation(t, "%s installs a reserved SPI (R4303-2.1-1)", h->name);
	if (sim_plane_find(h, sa->spi_in))
		sim_violation(t, "%s installs inbound SPI %08x twice", h->name, sa->spi_in);
	check_selectors(h, sa);
	for (unsigned i = 0; i < SIM_CHILDREN_MAX && !c; i++)
		if (!h->child[i].used)
			c = &h->child[i];
	if (!c) {
		sim_violation(t, "%s installs Child SAs without end", h->name);
		return;
	}
	*c = (struct sim_child){ .used = true, .sa = *sa, .refusing = refuse };
	if (refuse)
		in_a_while(h, sa->spi_in, 20, tell_refused);
}

static bool path_ok(struct sim_host *h, const struct ike_path *path)
{
	bool dialling = false;
	uint64_t serial;

	if (path->transport == IKE_TCP)
		return sim_stream_find(&h->sim->net, h->node, path->stream_id, &dialling, &serial) &&
		       !dialling;
	return path->transport == IKE_UDP && path->remote.port;
}

void sim_plane_output(struct sim_host *h, const struct ike_output *out)
{
	struct sim_trace *t = &h->sim->trace;
	struct sim_child *c = sim_plane_find(h, out->spi_in);

	switch (out->type) {
	case IKE_OUT_CHILD_INSTALL:
		if (!path_ok(h, &out->child->path))
			sim_violation(t, "%s installs %08x on a path that leads nowhere", h->name,
				      out->child->spi_in);
		install(h, out->child);
		return;
	case IKE_OUT_KEEPALIVE:
		if (out->path.transport != IKE_UDP)
			sim_violation(t, "%s sends a NAT keepalive over TCP (R9329-6.6-1)", h->name);
		else
			(void)sim_path_send(h, &out->path, SIM_KEEPALIVE, cv_bytes("\xff", 1));
		return;
	case IKE_OUT_CHILD_PATH:
		if (c && !path_ok(h, &out->path))
			sim_violation(t, "%s moves %08x to a path that leads nowhere", h->name, out->spi_in);
		if (c)
			c->sa.path = out->path;
		break;
	case IKE_OUT_CHILD_REMOVE:
		sim_trace_line(t, "%s removes %08x", h->name, out->spi_in);
		if (c)
			*c = (struct sim_child){ 0 };
		break;
	case IKE_OUT_USAGE_WANTED:
		if (c)
			in_a_while(h, out->spi_in, 50, tell_usage);
		break;
	default: sim_violation(t, "%s gives an unknown output %u", h->name, out->type); return;
	}
	if (!c)
		sim_violation(t, "%s speaks of Child SA %08x, which is not installed (output %u)", h->name,
			      out->spi_in, out->type);
}

void sim_plane_esp(struct sim_host *h, const struct ike_path *path, struct cv_bytes data)
{
	struct esp e;
	struct sim_child *c;

	if (data.len != sizeof(e))
		return;
	memcpy(&e, data.data, sizeof(e));
	c = sim_plane_find(h, e.spi);
	if (!c) {
		struct ike_event ev = { .type = IKE_EV_CHILD_ERROR, .path = *path, .spi_in = e.spi };

		(void)sim_host_event(h, &ev);
		return;
	}
	c->last_in_ms = h->sim->clock.now_ms;
	if (e.encr != c->sa.encr || e.key_bits != c->sa.key_bits || e.integ != c->sa.integ ||
	    e.esn != c->sa.esn ||
	    !cv_bytes_equal(cv_key_bytes(&e.encr_key), cv_key_bytes(&c->sa.encr_key_in)) ||
	    !cv_bytes_equal(cv_key_bytes(&e.integ_key), cv_key_bytes(&c->sa.integ_key_in)))
		sim_violation(&h->sim->trace,
			      "%s can't open ESP with SPI %08x: the ends disagree about keys or algorithms",
			      h->name, e.spi);
}

void sim_plane_traffic(struct sim_host *h)
{
	for (unsigned i = 0; i < SIM_CHILDREN_MAX; i++) {
		struct sim_child *c = &h->child[i];
		struct esp e;

		if (!c->used || c->refusing)
			continue;
		memset(&e, 0, sizeof(e));
		e.spi = c->sa.spi_out;
		e.encr = c->sa.encr;
		e.key_bits = c->sa.key_bits;
		e.integ = c->sa.integ;
		e.esn = c->sa.esn;
		e.from = c->sa.ike_spi;
		e.encr_key = c->sa.encr_key_out;
		e.integ_key = c->sa.integ_key_out;
		if (sim_path_send(h, &c->sa.path, SIM_ESP, cv_bytes(&e, sizeof(e))))
			c->last_out_ms = h->sim->clock.now_ms;
	}
}
