#include "host.h"

#include <inttypes.h>
#include <stdio.h>
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

const char *sim_host_conn_name(const struct sim_host *h, unsigned conn)
{
	return h->sim->plan->conn[conn].policy[sim_host_end(h, conn)].name;
}

static void drain(struct sim_host *h)
{
	unsigned n = 0;

	for (; n < OUTPUTS_MAX; n++) {
		struct ike_output out = ike_engine_output(h->engine);

		if (out.type == IKE_OUT_NONE)
			break;
		sim_host_output(h, &out);
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
	sim_host_trace(h, "<-", path, data);
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
	snprintf(ev.conn, sizeof(ev.conn), "%s", sim_host_conn_name(h, conn));
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
