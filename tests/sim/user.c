/* The user in front of a host: asks, and waits for answers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "sim.h"

/* The daemon knows which of its addresses the route to the peer uses. */
static struct cv_ip route_ip(const struct sim_host *h, unsigned conn)
{
	const struct ike_conn *c = &h->sim->plan->conn[conn].policy[sim_host_end(h, conn)];

	return c->remote_ip.family ? sim_node_ip(&h->sim->net, h->node, c->remote_ip.family)
				   : (struct cv_ip){ 0 };
}

static struct sim_request *ask(struct sim_host *h, uint8_t type, unsigned conn, uint32_t within_ms,
			       uint8_t transport)
{
	struct ike_event ev = { .type = type };
	struct sim_request *r;

	if (!h->engine || sim_host_end(h, conn) < 0 || h->request_count == SIM_REQUESTS_MAX || h->stopping)
		return NULL;
	r = &h->request[h->request_count];
	*r = (struct sim_request){ .id = (uint64_t)(h->index + 1) * 1000 + h->request_count,
				   .up = type == IKE_EV_UP,
				   .conn = conn,
				   .asked_ms = h->sim->clock.now_ms,
				   .within_ms = within_ms,
				   .must_transport = transport };
	h->request_count++;
	h->asked_up |= r->up;
	ev.request_id = r->id;
	ev.path.local.ip = route_ip(h, conn);
	snprintf(ev.conn, sizeof(ev.conn), "%s", sim_host_conn_name(h, conn));
	sim_trace_line(&h->sim->trace, "%s: user asks %s %s (#%" PRIu64 ")", h->name, r->up ? "up" : "down",
		       ev.conn, r->id);
	if (sim_host_event(h, &ev) == CV_OK)
		return r;
	if (h->has_conn[conn])
		sim_trace_line(&h->sim->trace, "%s: refused at once", h->name);
	if (r->answered_ms)
		sim_violation(&h->sim->trace, "%s both refuses and answers request #%" PRIu64, h->name,
			      r->id);
	r->void_ = true;
	return NULL;
}

struct sim_request *sim_host_up(struct sim_host *h, unsigned conn, uint32_t within_ms, uint8_t transport)
{
	return ask(h, IKE_EV_UP, conn, within_ms, transport);
}

struct sim_request *sim_host_down(struct sim_host *h, unsigned conn)
{
	return ask(h, IKE_EV_DOWN, conn, 0, 0);
}

void sim_host_remove(struct sim_host *h, unsigned conn)
{
	struct ike_event ev = { .type = IKE_EV_CONN_REMOVE };

	if (!h->engine || !h->has_conn[conn])
		return;
	snprintf(ev.conn, sizeof(ev.conn), "%s", sim_host_conn_name(h, conn));
	sim_trace_line(&h->sim->trace, "%s: user removes %s", h->name, ev.conn);
	if (sim_host_event(h, &ev) != CV_OK)
		sim_violation(&h->sim->trace, "%s can't remove %s", h->name, ev.conn);
	h->has_conn[conn] = false;
}

void sim_host_acquire(struct sim_host *h, unsigned conn)
{
	int e = sim_host_end(h, conn);
	struct ike_event ev = { .type = IKE_EV_ACQUIRE };
	const struct ike_child_policy *c;

	if (e < 0 || !h->engine || !h->has_conn[conn] || h->stopping)
		return;
	c = &h->sim->plan->conn[conn].policy[e].child[0];
	snprintf(ev.conn, sizeof(ev.conn), "%s", sim_host_conn_name(h, conn));
	ev.path.local.ip = route_ip(h, conn);
	ev.packet_src = c->local[0];
	ev.packet_dst = c->remote[0];
	ev.packet_src.last = ev.packet_src.first;
	ev.packet_dst.last = ev.packet_dst.first;
	h->asked_up = true;
	sim_trace_line(&h->sim->trace, "%s: a packet waits for %s", h->name, ev.conn);
	(void)sim_host_event(h, &ev);
}

void sim_host_shutdown(struct sim_host *h)
{
	struct ike_event ev = { .type = IKE_EV_SHUTDOWN };

	if (!h->engine || h->stopping)
		return;
	sim_trace_line(&h->sim->trace, "%s: shut down", h->name);
	h->stopping = true;
	(void)sim_host_event(h, &ev);
}
