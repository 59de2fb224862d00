/* The tables of the outbound worker: Child SAs, traps, and the packets kept for a tunnel that is being made.
 */
#include <stdlib.h>
#include <string.h>

#include "plane/user/outbound.h"

enum {
	ACQUIRE_AGAIN_MS = 3000, /* ask again for a tunnel that did not come */
	HELD_MAX_MS = 30000,	 /* a kept packet is of no use after that */
};

static struct cv_bytes spi_key(const uint32_t *spi)
{
	return cv_bytes(spi, sizeof *spi);
}

static void release_held(struct out_trap *t)
{
	for (unsigned i = 0; i < t->held; i++)
		free(t->packet[i].packet);
	t->held = 0;
}

void out_trap_free(struct out_trap *t)
{
	if (t == NULL)
		return;
	release_held(t);
	free(t);
}

void out_child_free(struct out_child *c)
{
	if (c == NULL)
		return;
	out_route_clear(&c->route);
	esp_out_free(c->sa);
	user_child_stats_unref(c->stats);
	free(c->selectors);
	free(c);
}

/* The packets that started the tunnel go through it now. */
static void send_held(struct outbound *w, const char *conn)
{
	for (struct out_trap *t = w->traps; t != NULL; t = t->next) {
		struct out_trap waiting = *t;

		if (strcmp(t->conn, conn) != 0 || t->held == 0)
			continue;
		t->held = 0; /* those that still find no Child SA come back into the trap */
		for (unsigned i = 0; i < waiting.held; i++) {
			const struct out_held *h = &waiting.packet[i];

			if (w->now_ms - t->asked_ms < HELD_MAX_MS)
				out_packet(w, &h->hdr, cv_bytes(h->packet, h->len));
			free(h->packet);
		}
	}
}

void out_child_add(struct outbound *w, struct out_child *c)
{
	if (cv_table_put(w->children, c) != CV_OK) {
		out_child_free(c);
		return;
	}
	if (esp_spd_add(w->spd, &c->selectors[0], &c->selectors[1], c) != CV_OK) {
		struct user_msg *msg = user_msg_new(USER_EV_CHILD_FAILED, cv_bytes(NULL, 0));

		if (msg != NULL) {
			msg->spi = c->spi_in;
			msg->err = CV_E_NOMEM;
		}
		(void)user_queue_post(&w->plane->events, msg);
	}
	free(c->selectors);
	c->selectors = NULL;
	send_held(w, c->conn);
}

static void detach(struct outbound *w, struct out_child *c)
{
	out_batch_flush(w);
	out_batch_forget_dest(w, &c->route.dest);
}

void out_child_remove(struct outbound *w, uint32_t spi_in)
{
	struct out_child *c = cv_table_remove(w->children, spi_key(&spi_in));

	if (c == NULL)
		return;
	esp_spd_remove(w->spd, c);
	detach(w, c);
	out_queue_rehome(w, &c->route);
	out_child_free(c);
}

void out_child_route(struct outbound *w, uint32_t spi_in, struct out_route *route)
{
	struct out_child *c = cv_table_get(w->children, spi_key(&spi_in));
	struct out_route before;

	if (c == NULL) {
		out_route_clear(route);
		return;
	}
	detach(w, c);
	before = c->route;
	c->route = *route;
	out_queue_rehome(w, &before);
	out_route_clear(&before);
}

struct leaving {
	struct outbound *w;
	const struct user_udp *udp;
};

static bool leave_udp(void *arg, void *object)
{
	const struct leaving *l = arg;
	struct out_child *c = object;

	struct out_route before = c->route;

	if (before.udp == l->udp) {
		detach(l->w, c);
		c->route = (struct out_route){ 0 };
		out_queue_rehome(l->w, &before);
		out_route_clear(&before);
	}
	return true;
}

void out_children_leave_udp(struct outbound *w, struct user_udp *u)
{
	struct leaving l = { w, u };

	cv_table_each(w->children, leave_udp, &l);
}

void out_trap_add(struct outbound *w, struct out_trap *t)
{
	out_trap_remove(w, t->conn);
	if (esp_spd_add(w->trap_spd, &t->local, &t->remote, t) != CV_OK) {
		cv_log(CV_LOG_WARNING, USER_ROOM, &(struct cv_log_ctx){ .conn = t->conn },
		       "out of memory: packets will not start this connection");
		out_trap_free(t);
		return;
	}
	t->next = w->traps;
	w->traps = t;
}

void out_trap_remove(struct outbound *w, const char *conn)
{
	for (struct out_trap **at = &w->traps; *at != NULL; at = &(*at)->next) {
		struct out_trap *t = *at;

		if (strcmp(t->conn, conn) != 0)
			continue;
		*at = t->next;
		esp_spd_remove(w->trap_spd, t);
		out_trap_free(t);
		return;
	}
}

static struct wire_ts flow_ts(const struct cv_ip *ip, uint8_t protocol, uint16_t port)
{
	return (struct wire_ts){
		.first = *ip, .last = *ip, .protocol = protocol, .port_first = port, .port_last = port
	};
}

static void ask(struct outbound *w, struct out_trap *t, const struct esp_flow *flow)
{
	struct user_msg *msg = user_msg_new(USER_EV_ACQUIRE, cv_bytes(NULL, 0));

	if (msg == NULL)
		return;
	memcpy(msg->conn, t->conn, sizeof msg->conn);
	msg->src = flow_ts(&flow->src, flow->protocol, flow->src_port);
	msg->dst = flow_ts(&flow->dst, flow->protocol, flow->dst_port);
	(void)user_queue_post(&w->plane->events, msg);
	t->asked_ms = w->now_ms;
}

void out_trap_packet(struct outbound *w, struct out_trap *t, const struct virtio_net_hdr *hdr,
		     struct cv_bytes packet, const struct esp_flow *flow)
{
	struct out_held *h;

	if (t->asked_ms == 0 || w->now_ms - t->asked_ms >= ACQUIRE_AGAIN_MS) {
		release_held(t);
		ask(w, t, flow);
	}
	if (t->held == OUT_TRAP_PACKETS)
		return;
	h = &t->packet[t->held];
	h->packet = malloc(packet.len);
	if (h->packet == NULL)
		return;
	memcpy(h->packet, packet.data, packet.len);
	h->len = packet.len;
	h->hdr = *hdr;
	t->held++;
}

static bool free_child(void *arg, void *object)
{
	(void)arg;
	out_child_free(object);
	return true;
}

void out_children_free(struct outbound *w)
{
	esp_spd_free(w->spd);
	esp_spd_free(w->trap_spd);
	if (w->children != NULL)
		cv_table_each(w->children, free_child, NULL);
	cv_table_free(w->children);
	for (struct out_trap *t = w->traps, *next; t != NULL; t = next) {
		next = t->next;
		out_trap_free(t);
	}
	w->traps = NULL;
}
