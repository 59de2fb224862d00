#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/timerq.h"
#include "sim.h"
#include "stream.h"

enum { OUTPUTS_MAX = 5000 }; /* from one event: more is an engine that talks to itself */

static void host_random(void *arg, uint8_t *out, size_t len)
{
	struct sim_host *h = arg;

	sim_rng_fill(&h->rng, out, len);
}

int sim_host_end(const struct sim_host *h, unsigned conn)
{
	const struct sim_conn_plan *c = &h->sim->plan->conn[conn];

	return c->host[0] == h->index ? 0 : c->host[1] == h->index ? 1 : -1;
}

static const char *conn_name(const struct sim_host *h, unsigned conn)
{
	return h->sim->plan->conn[conn].policy[sim_host_end(h, conn)].name;
}

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

static void trace_message(struct sim_host *h, const char *arrow, const struct ike_path *path,
			  struct cv_bytes m)
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
	trace_message(h, "->", &out->path, out->message);
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
	struct standing st = { .conn = conn_name(h, r->conn) };

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
		if (strcmp(out->conn, conn_name(h, r->conn)))
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

static void carry_out(struct sim_host *h, const struct ike_output *out)
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

static void drain(struct sim_host *h)
{
	unsigned n = 0;

	for (; n < OUTPUTS_MAX; n++) {
		struct ike_output out = ike_engine_output(h->engine);

		if (out.type == IKE_OUT_NONE)
			break;
		carry_out(h, &out);
	}
	if (n == OUTPUTS_MAX) {
		sim_violation(&h->sim->trace, "%s has no end of outputs", h->name);
		h->sim->stuck = true;
	}
}

enum cv_err sim_host_event(struct sim_host *h, const struct ike_event *event)
{
	enum cv_err err = ike_engine_event(h->engine, h->sim->clock.now_ms, event);

	drain(h);
	return err;
}

/* --- what the network tells --- */

static struct ike_path path_of(uint8_t transport, const struct cv_addr *local, const struct cv_addr *remote,
			       uint64_t id)
{
	return (
	    struct ike_path){ .transport = transport, .local = *local, .remote = *remote, .stream_id = id };
}

static void message(struct sim_host *h, const struct ike_path *path, uint8_t kind, struct cv_bytes data)
{
	struct ike_event ev = { .type = IKE_EV_MESSAGE, .path = *path, .message = data };

	if (!h->engine || kind == SIM_KEEPALIVE)
		return;
	if (kind == SIM_ESP) {
		sim_plane_esp(h, path, data);
		return;
	}
	trace_message(h, "<-", path, data);
	sim_tap_delivered(h->sim->tap, h, path, data);
	if (sim_host_event(h, &ev) != CV_OK)
		sim_violation(&h->sim->trace, "%s: the engine fails for what a peer sent", h->name);
	sim_tap_handled(h->sim->tap, h);
}

static bool on_datagram(void *arg, const struct cv_addr *local, const struct cv_addr *remote, uint8_t kind,
			struct cv_bytes data)
{
	struct sim_host *h = arg;
	struct ike_path path = path_of(IKE_UDP, local, remote, 0);

	if (!h->engine || !h->plan->udp || (local->port != 500 && local->port != 4500))
		return false;
	message(h, &path, kind, data);
	return true;
}

static void on_refused(void *arg, const struct cv_addr *local, const struct cv_addr *remote, int os_error)
{
	struct sim_host *h = arg;
	struct ike_event ev = { .type = IKE_EV_UDP_REFUSED,
				.path = path_of(IKE_UDP, local, remote, 0),
				.os_error = os_error };

	sim_trace_line(&h->sim->trace, "%s hears by ICMP that UDP is refused", h->name);
	if (h->engine)
		(void)sim_host_event(h, &ev);
}

static bool on_accepts(void *arg, const struct cv_addr *local)
{
	const struct sim_host *h = arg;

	return h->engine && (local->port == h->plan->tcp_port[0] || local->port == h->plan->tcp_port[1]);
}

static void stream_event(struct sim_host *h, uint8_t type, const char *what, const struct ike_path *path,
			 int os_error)
{
	struct ike_event ev = { .type = type, .path = *path, .os_error = os_error };

	sim_trace_line(&h->sim->trace, "%s: stream %" PRIx64 " %s (%s)", h->name, path->stream_id, what,
		       os_error ? strerror(os_error) : "fine");
	if (h->engine && sim_host_event(h, &ev) != CV_OK)
		sim_violation(&h->sim->trace, "%s: the engine fails for an event of stream %" PRIx64, h->name,
			      path->stream_id);
}

static void on_opened(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote)
{
	struct ike_path path = path_of(IKE_TCP, local, remote, id);

	stream_event(arg, IKE_EV_STREAM_OPENED, "opened", &path, 0);
}

static void on_failed(void *arg, uint64_t id, const struct cv_addr *remote, int os_error)
{
	struct cv_addr none = { 0 };
	struct ike_path path = path_of(IKE_TCP, &none, remote, id);

	stream_event(arg, IKE_EV_STREAM_FAILED, "failed", &path, os_error);
}

static void on_lost(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote,
		    int os_error)
{
	struct ike_path path = path_of(IKE_TCP, local, remote, id);

	stream_event(arg, IKE_EV_STREAM_LOST, "ended", &path, os_error);
}

static void on_framed(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote,
		      uint8_t kind, struct cv_bytes data)
{
	struct ike_path path = path_of(IKE_TCP, local, remote, id);

	message(arg, &path, kind, data);
}

static const struct sim_node_ops node_ops = { .datagram = on_datagram,
					      .refused = on_refused,
					      .accepts = on_accepts,
					      .opened = on_opened,
					      .failed = on_failed,
					      .lost = on_lost,
					      .framed = on_framed };

/* --- life --- */

void sim_host_init(struct sim_host *h, struct sim *s, unsigned index)
{
	static const char *const names[SIM_HOSTS_MAX] = { "west", "east", "north", "south" };
	struct sim_node node = { 0 };

	*h = (struct sim_host){ .sim = s, .index = index, .plan = &s->plan->host[index] };
	h->rng = sim_rng_new(s->plan->seed, 100 + index);
	h->chance = sim_rng_new(s->plan->seed, 200 + index);
	snprintf(h->name, sizeof(h->name), "%s", names[index]);
	node.name = h->name;
	node.ip[0] = sim_host_ip(s->plan, index, CV_IPV4);
	node.ip[1] = sim_host_ip(s->plan, index, CV_IPV6);
	node.link = h->plan->link;
	node.ops = &node_ops;
	node.arg = h;
	if (h->plan->behind_nat) {
		s->net.nat[s->net.nat_count] = h->plan->nat;
		node.nat = &s->net.nat[s->net.nat_count++];
	}
	h->node = sim_network_add(&s->net, &node);
}

void sim_host_add(struct sim_host *h, unsigned conn)
{
	int e = sim_host_end(h, conn);
	struct ike_event ev = { .type = IKE_EV_CONN_SET };

	if (e < 0 || !h->engine)
		return;
	ev.policy = &h->sim->plan->conn[conn].policy[e];
	snprintf(ev.conn, sizeof(ev.conn), "%s", conn_name(h, conn));
	if (sim_host_event(h, &ev) != CV_OK)
		sim_violation(&h->sim->trace, "%s does not take connection %u", h->name, conn);
	h->has_conn[conn] = true;
}

void sim_host_start(struct sim_host *h)
{
	struct ike_engine_config config = { .random = host_random,
					    .random_arg = h,
					    .initiate_udp = h->plan->udp,
					    .cookie_always = h->plan->cookie_always,
					    .uniqueids = h->plan->uniqueids };

	h->incarnation++;
	h->asked_up = h->stopping = h->idle = false;
	sim_trace_line(&h->sim->trace, "%s starts", h->name);
	if (ike_engine_new(&config, h->sim->clock.now_ms, &h->engine) != CV_OK) {
		sim_violation(&h->sim->trace, "%s: no engine", h->name);
		h->engine = NULL;
		return;
	}
	for (unsigned i = 0; i < h->sim->plan->conn_count; i++)
		sim_host_add(h, i);
}

void sim_host_crash(struct sim_host *h)
{
	if (!h->engine)
		return;
	sim_trace_line(&h->sim->trace, "%s stops without a word", h->name);
	h->established += ike_engine_counters(h->engine)->sas_established;
	ike_engine_free(h->engine);
	h->engine = NULL;
	memset(h->has_conn, 0, sizeof(h->has_conn));
	sim_plane_clear(h);
	sim_stream_crash(&h->sim->net, h->node);
	for (unsigned i = 0; i < h->request_count; i++)
		h->request[i].void_ |= !h->request[i].answered_ms;
}

uint64_t sim_host_next_ms(const struct sim_host *h)
{
	return h->engine ? ike_engine_next_ms(h->engine) : CV_NEVER;
}

void sim_host_tick(struct sim_host *h)
{
	ike_engine_tick(h->engine, h->sim->clock.now_ms);
	drain(h);
}

/* --- the user --- */

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
	snprintf(ev.conn, sizeof(ev.conn), "%s", conn_name(h, conn));
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
	snprintf(ev.conn, sizeof(ev.conn), "%s", conn_name(h, conn));
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
	snprintf(ev.conn, sizeof(ev.conn), "%s", conn_name(h, conn));
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
