/* What the engine wants done, and what is checked while it is done. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "sim.h"
#include "stream.h"

/* --- secrets --- */

struct answer {
	unsigned incarnation;
	uint64_t request_id;
	bool found;
	size_t len;
	char text[48];
};

static void secret_found(void *owner, void *arg)
{
	struct sim_host *h = owner;
	struct answer *a = arg;
	struct ike_event ev = { .type = IKE_EV_SECRET,
				.request_id = a->request_id,
				.found = a->found,
				.secret = cv_bytes(a->text, a->len) };

	if (h->engine && a->incarnation == h->incarnation)
		(void)sim_host_event(h, &ev);
	free(a);
}

static bool about(const struct sim_host *h, unsigned conn, const struct ike_secret_query *q)
{
	const struct sim_conn_plan *c = &h->sim->plan->conn[conn];
	int e = sim_host_end(h, conn);

	if (e < 0 || !ike_id_equal(&c->policy[e].local_id, &q->local))
		return false;
	if (q->remote.type)
		return ike_id_equal(&c->policy[!e].local_id, &q->remote);
	return cv_ip_equal(&c->policy[e].remote_ip, &q->remote_ip);
}

static void want_secret(struct sim_host *h, const struct ike_output *out)
{
	struct answer *a = sim_alloc(sizeof(*a));

	a->incarnation = h->incarnation;
	a->request_id = out->request_id;
	for (unsigned i = 0; i < h->sim->plan->conn_count && !a->found; i++) {
		if (!about(h, i, &out->query))
			continue;
		uint8_t kind = h->sim->plan->conn[i].secret[sim_host_end(h, i)];

		a->found = kind != SIM_SECRET_MISSING;
		snprintf(a->text, sizeof(a->text), "%s of connection %u",
			 kind == SIM_SECRET_WRONG ? h->name : "secret", i);
		a->len = a->found ? strlen(a->text) : 0;
	}
	sim_clock_in(&h->sim->clock, sim_rng_below(&h->chance, h->plan->secret_delay_ms + 1), secret_found, h,
		     a);
}

/* --- outputs --- */

bool sim_path_send(struct sim_host *h, const struct ike_path *path, uint8_t kind, struct cv_bytes data)
{
	struct cv_addr from = path->local;

	if (path->transport == IKE_TCP)
		return sim_stream_send(&h->sim->net, h->node, path->stream_id, kind, data);
	if (path->transport != IKE_UDP || !path->remote.ip.family || !path->remote.port)
		return false;
	if (kind == SIM_ESP && path->local.port != 4500)
		sim_violation(&h->sim->trace, "%s sends ESP in UDP from port %u (R7296-2.23-3)", h->name,
			      path->local.port);
	if (cv_ip_is_any(&from.ip))
		from.ip = sim_node_ip(&h->sim->net, h->node, path->remote.ip.family);
	if (!cv_ip_equal(&from.ip, &h->sim->net.node[h->node].ip[from.ip.family == CV_IPV6]))
		return false;
	sim_udp_send(&h->sim->net, h->node, &from, &path->remote, kind, data);
	return true;
}

void sim_host_trace(struct sim_host *h, const char *arrow, const struct ike_path *path, struct cv_bytes m)
{
	char addr[CV_ADDR_TEXT_MAX];
	const uint8_t *b = m.data;

	if (m.len < 28) {
		sim_trace_line(&h->sim->trace, "%s %s %s %zu octets", h->name, arrow,
			       cv_addr_text(&path->remote, addr), m.len);
		return;
	}
	sim_trace_line(&h->sim->trace, "%s %s %s %s from port %u: %s %s id %u%s spi %08x/%08x len %zu",
		       h->name, arrow, path->transport == IKE_TCP ? "tcp" : "udp",
		       cv_addr_text(&path->remote, addr), path->local.port,
		       b[18] == 34   ? "INIT"
		       : b[18] == 35 ? "AUTH"
		       : b[18] == 36 ? "CREATE_CHILD"
		       : b[18] == 37 ? "INFO"
				     : "?",
		       b[19] & 0x20 ? "response" : "request", cv_get_u32(b + 20), b[19] & 0x08 ? " I" : "",
		       cv_get_u32(b + 4), cv_get_u32(b + 12), m.len);
}

static void out_send(struct sim_host *h, const struct ike_output *out)
{
	struct sim *s = h->sim;
	bool dialling = false;
	uint64_t stream = 0;
	const struct sim_end *e = NULL;

	if (out->path.transport == IKE_TCP) {
		e = sim_stream_find(&s->net, h->node, out->path.stream_id, &dialling, &stream);
		if (!e || dialling) {
			sim_violation(&s->trace, "%s sends on stream %" PRIx64 " which is %s", h->name,
				      out->path.stream_id, e ? "not open yet" : "unknown");
			return;
		}
	}
	h->sent++;
	sim_host_trace(h, "->", &out->path, out->message);
	sim_tap_sent(s->tap, h, &out->path, stream, !(out->path.stream_id & SIM_STREAM_ACCEPTED),
		     out->message);
	if (!sim_path_send(h, &out->path, SIM_IKE, out->message))
		sim_violation(&s->trace, "%s sends on a path that leads nowhere (transport %u)", h->name,
			      out->path.transport);
}

/* Does one of this host's connections have that TCP rung? */
static bool is_rung(const struct sim_host *h, const struct cv_addr *to)
{
	for (unsigned i = 0; i < h->sim->plan->conn_count; i++) {
		int e = sim_host_end(h, i);
		const struct ike_conn *c = e < 0 ? NULL : &h->sim->plan->conn[i].policy[e];

		for (unsigned k = 0; c && k < c->rung_count; k++)
			if (c->rung[k].transport == IKE_TCP && c->rung[k].port == to->port &&
			    cv_ip_equal(&c->remote_ip, &to->ip))
				return true;
	}
	return false;
}

static void out_dial(struct sim_host *h, const struct ike_output *out)
{
	struct sim *s = h->sim;
	char addr[CV_ADDR_TEXT_MAX];
	bool dialling;
	uint64_t stream, id = out->path.stream_id;

	sim_trace_line(&s->trace, "%s dials %s as stream %" PRIu64, h->name,
		       cv_addr_text(&out->path.remote, addr), id);
	if (!h->asked_up)
		sim_violation(&s->trace, "%s dials though nobody there asked for a connection (R9329-6.1-9)",
			      h->name);
	if (!id || (id & SIM_STREAM_ACCEPTED) || sim_stream_find(&s->net, h->node, id, &dialling, &stream))
		sim_violation(&s->trace, "%s dials with a bad or used stream id %" PRIx64, h->name, id);
	else if (out->path.transport != IKE_TCP || !is_rung(h, &out->path.remote))
		sim_violation(&s->trace, "%s dials what no connection names", h->name);
	else
		sim_stream_dial(&s->net, h->node, id, &out->path.local, &out->path.remote);
}

static void out_close(struct sim_host *h, const struct ike_output *out)
{
	sim_trace_line(&h->sim->trace, "%s closes stream %" PRIx64, h->name, out->path.stream_id);
	if (!sim_stream_close(&h->sim->net, h->node, out->path.stream_id))
		sim_violation(&h->sim->trace, "%s closes stream %" PRIx64 " which is unknown", h->name,
			      out->path.stream_id);
}

struct standing {
	const char *conn;
	unsigned sas;
	uint8_t transport;
};

static bool standing_visit(void *arg, const struct ike_sa_info *info)
{
	struct standing *st = arg;

	if (!strcmp(info->conn, st->conn) && info->state == IKE_SA_ESTABLISHED) {
		st->sas++;
		st->transport = info->path.transport;
	}
	return true;
}

static void check_up(struct sim_host *h, struct sim_request *r)
{
	struct sim_trace *t = &h->sim->trace;
	struct standing st = { .conn = sim_host_conn_name(h, r->conn) };

	ike_engine_each_sa(h->engine, standing_visit, &st);
	r->transport = st.transport;
	h->over_tcp += st.transport == IKE_TCP;
	if (!st.sas)
		sim_violation(t, "%s reports %s up without an established IKE SA", h->name, st.conn);
	if (r->within_ms && r->answered_ms - r->asked_ms > r->within_ms)
		sim_violation(t, "%s: %s stands after %" PRIu64 " ms, more than %u", h->name, st.conn,
			      r->answered_ms - r->asked_ms, r->within_ms);
	if (r->must_transport && r->must_transport != st.transport)
		sim_violation(t, "%s: %s stands on %s", h->name, st.conn,
			      st.transport == IKE_TCP ? "TCP" : "UDP");
}

static void out_report(struct sim_host *h, const struct ike_output *out)
{
	static const char *const kinds[] = { "progress", "UP", "FAILED", "DOWN" };
	struct sim_trace *t = &h->sim->trace;

	sim_trace_line(t, "%s reports %s %s #%" PRIu64 ": %s", h->name, out->conn,
		       out->report < 4 ? kinds[out->report] : "?", out->request_id, out->text);
	if (out->report == IKE_REPORT_FAILED && !out->text[0])
		sim_violation(t, "%s reports a failure without a word", h->name);
	if (!out->request_id || out->report == IKE_REPORT_PROGRESS)
		return;
	for (unsigned i = 0; i < h->request_count; i++) {
		struct sim_request *r = &h->request[i];

		if (r->id != out->request_id)
			continue;
		if (r->answered_ms || r->void_)
			sim_violation(t, "%s reports twice about request #%" PRIu64, h->name, r->id);
		if (out->report == (r->up ? IKE_REPORT_DOWN : IKE_REPORT_UP))
			sim_violation(t, "%s answers request #%" PRIu64 " with %s", h->name, r->id,
				      kinds[out->report]);
		if (strcmp(out->conn, sim_host_conn_name(h, r->conn)))
			sim_violation(t, "%s answers request #%" PRIu64 " for another connection", h->name,
				      r->id);
		r->answered_ms = h->sim->clock.now_ms;
		r->answer = out->report;
		if (out->report == IKE_REPORT_UP)
			check_up(h, r);
		else if (r->within_ms && r->up)
			sim_violation(t, "%s: request #%" PRIu64 " failed but had to stand within %u ms",
				      h->name, r->id, r->within_ms);
		return;
	}
	sim_violation(t, "%s reports about request #%" PRIu64 ", which nobody made", h->name,
		      out->request_id);
}

void sim_host_output(struct sim_host *h, const struct ike_output *out)
{
	switch (out->type) {
	case IKE_OUT_SEND: out_send(h, out); break;
	case IKE_OUT_STREAM_OPEN: out_dial(h, out); break;
	case IKE_OUT_STREAM_CLOSE: out_close(h, out); break;
	case IKE_OUT_WANT_SECRET: want_secret(h, out); break;
	case IKE_OUT_REPORT: out_report(h, out); break;
	case IKE_OUT_IDLE:
		if (!h->stopping || h->idle)
			sim_violation(&h->sim->trace, "%s says it is idle, unasked or twice", h->name);
		h->idle = true;
		break;
	default: sim_plane_output(h, out); break;
	}
}
