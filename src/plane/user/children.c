/* Child SAs and traps as the control thread sees them: made here, handed to the workers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "esp/esp.h"
#include "plane/user/route.h"
#include "xport/socket.h"

enum {
	PATH_MTU = 1500,	    /* of the outer path, where nothing smaller is known */
	UDP_OVERHEAD = 40 + 8,	    /* IPv6 and UDP: the larger of both families */
	TCP_OVERHEAD = 20 + 12 + 2, /* TCP with timestamps, and the length of a frame */
	PATH_MTU_MIN = 576,
	IPV6_MTU_MIN = 1280,
};

/* --- the way out --- */

void out_route_init(struct out_route *r, struct plane *p, const struct ike_path *path)
{
	*r = (struct out_route){ 0 };
	if (path->transport == IKE_TCP) {
		r->stream = user_stream_find(p, path->stream_id);
		if (r->stream != NULL && r->stream->ctl.state != USER_STREAM_OPEN)
			r->stream = NULL;
		if (r->stream != NULL)
			user_stream_ref(r->stream);
		return;
	}
	r->udp = user_udp_find(p, path);
	if (r->udp == NULL)
		return;
	user_udp_ref(r->udp);
	xport_udp_dest_set(&r->dest, &path->local, &path->remote);
}

void out_route_clear(struct out_route *r)
{
	user_udp_unref(r->udp);
	user_stream_unref(r->stream);
	*r = (struct out_route){ 0 };
}

static void trust_path(struct plane *p, const struct ike_path *path)
{
	struct user_stream *s = path->transport == IKE_TCP ? user_stream_find(p, path->stream_id) : NULL;

	if (s != NULL)
		user_stream_trust(p, s);
}

/* --- MTU --- */

static bool carries_ipv6(const struct ike_child_sa *child)
{
	for (unsigned i = 0; i < child->remote.count; i++)
		if (child->remote.ts[i].first.family == CV_IPV6)
			return true;
	return false;
}

/* One inner MTU for every path the pair may come to use: what fits ESP in UDP in IPv6, so that a move from
 * TCP to UDP, or between the families, never breaks a flow; and a frame no longer than a TCP segment of this
 * family: one of which a few octets go into a segment of their own makes twice the packets, and a congestion
 * control that counts packets (BBR does) takes the link for twice as fast. Never so much that a frame's or a
 * datagram's length field could not say it. */
static uint32_t inner_mtu(struct plane *p, const struct ike_child_sa *child, const struct esp_out *sa)
{
	uint32_t most = (uint32_t)esp_out_inner_max(sa, XPORT_UDP_SEND_MAX);
	uint32_t tcp = TCP_OVERHEAD + (child->path.remote.ip.family == CV_IPV6 ? 40 : 20);
	uint32_t path, mtu;

	if (child->mtu != 0)
		return child->mtu < most ? child->mtu : most;
	path = xport_route_mtu(&child->path.remote, p->config.mark);
	if (path == 0 || path > PATH_MTU)
		path = PATH_MTU;
	if (path < PATH_MTU_MIN)
		path = PATH_MTU_MIN;
	mtu = (uint32_t)esp_out_inner_max(sa, path - (tcp > UDP_OVERHEAD ? tcp : UDP_OVERHEAD));
	/* Every IPv6 link carries this much (RFC 8200 section 5); rather the outer packets are cut in two. */
	if (mtu < IPV6_MTU_MIN && carries_ipv6(child))
		mtu = IPV6_MTU_MIN;
	return mtu;
}

/* --- making the halves --- */

static struct esp_params params_of(const struct ike_child_sa *child, bool outbound)
{
	return (struct esp_params){
		.spi = outbound ? child->spi_out : child->spi_in,
		.encr = child->encr,
		.key_bits = child->key_bits,
		.integ = child->integ,
		.esn = child->esn,
		.replay_window = child->replay_window,
		.encr_key = cv_key_bytes(outbound ? &child->encr_key_out : &child->encr_key_in),
		.integ_key = cv_key_bytes(outbound ? &child->integ_key_out : &child->integ_key_in),
	};
}

static enum cv_err make_out(struct plane *p, const struct ike_child_sa *child, struct user_child_stats *stats,
			    struct out_child **out)
{
	const struct esp_params params = params_of(child, true);
	struct out_child *c = calloc(1, sizeof *c);
	enum cv_err err;

	if (c == NULL)
		return CV_E_NOMEM;
	atomic_fetch_add(&stats->refs, 1);
	c->stats = stats;
	c->spi_in = child->spi_in;
	c->spi_out = child->spi_out;
	memcpy(c->conn, child->conn, sizeof c->conn);
	c->selectors = calloc(2, sizeof *c->selectors);
	err = c->selectors != NULL ? esp_out_new(&params, &c->sa) : CV_E_NOMEM;
	if (err != CV_OK) {
		out_child_free(c);
		return err;
	}
	c->selectors[0] = child->local;
	c->selectors[1] = child->remote;
	c->overhead = esp_out_header_len(c->sa);
	c->mtu = inner_mtu(p, child, c->sa);
	out_route_init(&c->route, p, &child->path);
	*out = c;
	return CV_OK;
}

static enum cv_err make_in(const struct ike_child_sa *child, struct user_child_stats *stats,
			   struct in_child **out)
{
	const struct esp_params params = params_of(child, false);
	struct in_child *c = calloc(1, sizeof *c);
	enum cv_err err;

	if (c == NULL)
		return CV_E_NOMEM;
	atomic_fetch_add(&stats->refs, 1);
	c->stats = stats;
	c->spi_in = child->spi_in;
	c->path = child->path;
	c->local = child->local;
	c->remote = child->remote;
	err = esp_in_new(&params, &c->sa);
	if (err != CV_OK) {
		in_child_free(c);
		return err;
	}
	*out = c;
	return CV_OK;
}

static struct user_child_stats *stats_new(void)
{
	struct user_child_stats *stats = aligned_alloc(_Alignof(struct user_child_stats), sizeof *stats);

	if (stats == NULL)
		return NULL;
	memset(stats, 0, sizeof *stats);
	atomic_init(&stats->refs, 1);
	return stats;
}

static void child_free(struct user_child *c)
{
	user_child_stats_unref(c->stats);
	free(c);
}

/* Both halves, the record, and the messages that carry them, or nothing. */
static enum cv_err prepare(struct plane *p, const struct ike_child_sa *child, struct user_child *c,
			   struct user_msg **in, struct user_msg **out)
{
	struct in_child *in_half = NULL;
	struct out_child *out_half = NULL;
	enum cv_err err = make_in(child, c->stats, &in_half);

	if (err == CV_OK)
		err = make_out(p, child, c->stats, &out_half);
	*in = user_msg_new(USER_CMD_CHILD_ADD, cv_bytes(NULL, 0));
	*out = user_msg_new(USER_CMD_CHILD_ADD, cv_bytes(NULL, 0));
	if (err == CV_OK && (*in == NULL || *out == NULL))
		err = CV_E_NOMEM;
	if (err == CV_OK)
		err = cv_table_put(p->children, c);
	if (err != CV_OK) {
		in_child_free(in_half);
		out_child_free(out_half);
		free(*in);
		free(*out);
		return err;
	}
	(*in)->object = in_half;
	(*out)->object = out_half;
	c->mtu = out_half->mtu;
	return CV_OK;
}

enum cv_err plane_child_install(struct plane *p, const struct ike_child_sa *child)
{
	struct user_child *c = calloc(1, sizeof *c);
	struct user_msg *in, *out;
	enum cv_err err;

	if (c == NULL)
		return CV_E_NOMEM;
	c->spi_in = child->spi_in;
	c->stats = stats_new();
	err = c->stats != NULL ? prepare(p, child, c, &in, &out) : CV_E_NOMEM;
	if (err != CV_OK) {
		child_free(c);
		return err;
	}
	trust_path(p, &child->path);
	(void)user_queue_post(inbound_commands(p->inbound), in);
	(void)user_queue_post(outbound_commands(p->outbound), out);
	return CV_OK;
}

static struct user_child *find_child(struct plane *p, uint32_t spi_in)
{
	return cv_table_get(p->children, cv_bytes(&spi_in, sizeof spi_in));
}

void plane_child_path(struct plane *p, uint32_t spi_in, const struct ike_path *path)
{
	struct user_msg *in, *out;
	struct out_route *route;

	if (find_child(p, spi_in) == NULL)
		return;
	in = user_msg_new(USER_CMD_CHILD_PATH, cv_bytes(NULL, 0));
	out = user_msg_new(USER_CMD_CHILD_PATH, cv_bytes(NULL, 0));
	route = malloc(sizeof *route);
	if (in == NULL || out == NULL || route == NULL) {
		free(in);
		free(out);
		free(route);
		return;
	}
	trust_path(p, path);
	out_route_init(route, p, path);
	in->spi = out->spi = spi_in;
	in->path = *path;
	out->object = route;
	(void)user_queue_post(inbound_commands(p->inbound), in);
	(void)user_queue_post(outbound_commands(p->outbound), out);
}

void plane_child_remove(struct plane *p, uint32_t spi_in)
{
	struct user_child *c = cv_table_remove(p->children, cv_bytes(&spi_in, sizeof spi_in));
	struct user_queue *queues[] = { inbound_commands(p->inbound), outbound_commands(p->outbound) };

	if (c == NULL)
		return;
	child_free(c);
	for (unsigned i = 0; i < 2; i++) {
		struct user_msg *msg = user_msg_new(USER_CMD_CHILD_REMOVE, cv_bytes(NULL, 0));

		if (msg != NULL)
			msg->spi = spi_in;
		(void)user_queue_post(queues[i], msg);
	}
}

/* --- traps --- */

enum cv_err plane_trap_add(struct plane *p, const char *conn, const struct wire_ts_list *local,
			   const struct wire_ts_list *remote)
{
	struct user_msg *msg = user_msg_new(USER_CMD_TRAP_ADD, cv_bytes(NULL, 0));
	struct out_trap *t = calloc(1, sizeof *t);

	if (msg == NULL || t == NULL) {
		free(msg);
		free(t);
		return CV_E_NOMEM;
	}
	strncpy(t->conn, conn, sizeof t->conn - 1);
	t->local = *local;
	t->remote = *remote;
	msg->object = t;
	(void)user_queue_post(outbound_commands(p->outbound), msg);
	return CV_OK;
}

void plane_trap_remove(struct plane *p, const char *conn)
{
	struct user_msg *msg = user_msg_new(USER_CMD_TRAP_REMOVE, cv_bytes(NULL, 0));

	if (msg != NULL)
		strncpy(msg->conn, conn, sizeof msg->conn - 1);
	(void)user_queue_post(outbound_commands(p->outbound), msg);
}

/* --- IKE out --- */

static void send_on_stream(struct plane *p, struct user_stream *s, struct cv_bytes message)
{
	struct user_msg *msg;

	if (s == NULL || s->ctl.state != USER_STREAM_OPEN)
		return;
	msg = user_msg_new(USER_CMD_SEND_IKE, message);
	if (msg == NULL)
		return;
	msg->object = s;
	user_stream_ref(s);
	if (!user_queue_post(outbound_commands(p->outbound), msg))
		user_stream_unref(s);
}

void plane_send_ike(struct plane *p, const struct ike_path *path, struct cv_bytes message)
{
	struct user_udp *u;
	struct user_msg *msg;
	int error;

	if (path->transport == IKE_TCP) {
		send_on_stream(p, user_stream_find(p, path->stream_id), message);
		return;
	}
	u = user_udp_find(p, path);
	error = u == NULL ? EADDRNOTAVAIL : xport_udp_send_ike(&u->udp, &path->local, &path->remote, message);
	if (error == 0 || error == EAGAIN)
		return;
	msg = user_msg_new(USER_EV_UDP_REFUSED, cv_bytes(NULL, 0));
	if (msg != NULL) {
		msg->path = *path;
		msg->os_error = error;
	}
	(void)user_queue_post(&p->events, msg);
}

void plane_send_keepalive(struct plane *p, const struct ike_path *path)
{
	struct user_udp *u = path->transport == IKE_UDP ? user_udp_find(p, path) : NULL;

	if (u != NULL) /* never over TCP (R9329-6.6-1) */
		(void)xport_udp_send_keepalive(&u->udp, &path->local, &path->remote);
}

/* --- counters --- */

bool plane_child_stats(struct plane *p, uint32_t spi_in, struct plane_child_stats *out)
{
	struct user_child *c = find_child(p, spi_in);
	struct user_child_stats *s;

	*out = (struct plane_child_stats){ 0 };
	if (c == NULL)
		return false;
	s = c->stats;
	*out = (struct plane_child_stats){
		.packets_in = user_counted(&s->packets_in),
		.bytes_in = user_counted(&s->bytes_in),
		.packets_out = user_counted(&s->packets_out),
		.bytes_out = user_counted(&s->bytes_out),
		.last_in_ms = user_counted(&s->last_in_ms),
		.last_out_ms = user_counted(&s->last_out_ms),
		.replays = user_counted(&s->replays),
		.bad_icv = user_counted(&s->bad_icv),
		.bad_selector = user_counted(&s->bad_selector),
		.bad_packet = user_counted(&s->bad_packet),
		.dropped_queue = user_counted(&s->dropped_queue),
		.too_big = user_counted(&s->too_big),
	};
	return true;
}

uint32_t plane_child_mtu(struct plane *p, uint32_t spi_in)
{
	const struct user_child *c = find_child(p, spi_in);

	return c != NULL ? c->mtu : 0;
}

static bool free_child(void *arg, void *object)
{
	(void)arg;
	child_free(object);
	return true;
}

void user_children_free(struct plane *p)
{
	cv_table_each(p->children, free_child, NULL);
}
