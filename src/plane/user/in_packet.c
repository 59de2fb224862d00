#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "plane/user/inbound.h"

enum { NO_NEXT_HEADER = 59 }; /* a dummy packet (RFC 4303 section 2.6) */

void in_packet_write(void *arg, const struct virtio_net_hdr *hdr, struct iovec *pieces, unsigned n)
{
	struct inbound *w = arg;

	if (tun_write(w->plane->tun.fd, hdr, pieces, n) != 0)
		user_count(&w->plane->stats.tun_refused, 1);
}

void in_ike_message(struct inbound *w, const struct in_source *from, struct cv_bytes message)
{
	struct user_msg *msg = user_msg_new(USER_EV_MESSAGE, message);

	if (msg == NULL)
		return;
	msg->path = from->path;
	msg->stream_id = from->path.stream_id;
	if (!user_queue_post(&w->plane->events, msg))
		user_count(&w->plane->stats.bad_frames, 1);
}

static struct in_child *find_child(struct inbound *w, uint32_t spi)
{
	if (w->last == NULL || w->last->spi_in != spi)
		w->last = cv_table_get(w->children, cv_bytes(&spi, sizeof spi));
	return w->last;
}

static bool same_path(const struct ike_path *a, const struct ike_path *b)
{
	if (a->transport != b->transport || a->stream_id != b->stream_id)
		return false;
	return a->transport == IKE_TCP ||
	       (cv_addr_equal(&a->remote, &b->remote) && cv_addr_equal(&a->local, &b->local));
}

/* The newest authentic packet came another way: its sender is to be found there (R9329-6.1-24, RFC 7296
 * section 2.23). */
static void note_path(struct inbound *w, struct in_child *c, const struct ike_path *path)
{
	struct user_msg *msg;

	if (same_path(&c->path, path))
		return;
	c->path = *path;
	msg = user_msg_new(USER_EV_CHILD_MOVED, cv_bytes(NULL, 0));
	if (msg == NULL)
		return;
	msg->spi = c->spi_in;
	msg->path = *path;
	(void)user_queue_post(&w->plane->events, msg);
}

/* RFC 4301 section 5.2: an authentic packet still has to be one that the SA may carry. */
static void deliver(struct inbound *w, struct in_child *c, const struct esp_opened *opened, uint8_t ecn)
{
	uint8_t version = opened->next_header == IPPROTO_IPIP ? 4 : 6;
	struct esp_flow flow;

	if (opened->next_header == NO_NEXT_HEADER)
		return;
	if ((opened->next_header != IPPROTO_IPIP && opened->next_header != IPPROTO_IPV6) ||
	    opened->inner_len == 0 || opened->inner[0] >> 4 != version ||
	    esp_flow_read(cv_bytes(opened->inner, opened->inner_len), &flow) != CV_OK) {
		user_count(&c->stats->bad_packet, 1);
		return;
	}
	if (!esp_selectors_allow(&c->remote, &c->local, &flow)) {
		user_count(&c->stats->bad_selector, 1);
		return;
	}
	if (ecn != 0 && !esp_decap_ecn(opened->inner, opened->inner_len, ecn)) {
		user_count(&c->stats->bad_packet, 1);
		return;
	}
	user_count(&c->stats->packets_in, 1);
	user_count(&c->stats->bytes_in, opened->inner_len);
	coalesce_add(&w->coalesce, opened->inner, opened->inner_len);
}

static enum in_verdict refused(struct in_child *c, enum cv_err err)
{
	switch (err) {
	case CV_E_REPLAY: user_count(&c->stats->replays, 1); return IN_STALE;
	case CV_E_AUTH: user_count(&c->stats->bad_icv, 1); return IN_FORGED;
	default: user_count(&c->stats->bad_packet, 1); return IN_JUNK;
	}
}

enum in_verdict in_packet_esp(struct inbound *w, const struct in_source *from, uint8_t *packet, size_t len)
{
	struct esp_opened opened;
	struct in_child *c;
	enum cv_err err;

	c = len >= 4 ? find_child(w, cv_get_u32(packet)) : NULL;
	if (c == NULL) {
		user_count(&w->plane->stats.unknown_spi, 1);
		return IN_JUNK;
	}
	err = esp_in_open(c->sa, packet, len, &opened);
	if (err != CV_OK)
		return refused(c, err);
	atomic_store_explicit(&c->stats->last_in_ms, w->now_ms, memory_order_relaxed);
	if (opened.newest)
		note_path(w, c, &from->path);
	deliver(w, c, &opened, from->ecn);
	return IN_GOOD;
}
