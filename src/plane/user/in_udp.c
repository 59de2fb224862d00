#include <errno.h>
#include <stdlib.h>

#include "plane/user/inbound.h"
#include "xport/framing.h"

enum { ECN_MASK = 3, ERRORS_PER_WAKE = 32 };

static void report_errors(struct inbound *w, struct user_udp *u)
{
	struct xport_udp_error e;

	for (unsigned i = 0; i < ERRORS_PER_WAKE && xport_udp_next_error(&u->udp, &e); i++) {
		struct user_msg *msg;

		if (e.os_error == 0 || e.os_error == EMSGSIZE)
			continue;
		msg = user_msg_new(USER_EV_UDP_REFUSED, cv_bytes(NULL, 0));
		if (msg != NULL) {
			msg->path =
			    (struct ike_path){ .transport = IKE_UDP, .local = e.local, .remote = e.remote };
			msg->os_error = e.os_error;
		}
		(void)user_queue_post(&w->plane->events, msg);
	}
}

static void take_datagram(struct inbound *w, const struct user_udp *u, const struct in_source *from,
			  uint8_t *data, size_t len)
{
	struct xport_frame frame = { .kind = XPORT_FRAME_IKE, .message = data, .len = len };

	if (u->udp.marker)
		xport_classify(data, len, &frame);
	switch (frame.kind) {
	case XPORT_FRAME_IKE: in_ike_message(w, from, cv_bytes(frame.message, frame.len)); break;
	case XPORT_FRAME_ESP: (void)in_packet_esp(w, from, frame.message, frame.len); break;
	case XPORT_FRAME_IGNORED: break;
	default: user_count(&w->plane->stats.bad_frames, 1); break;
	}
}

static void take_batch(struct inbound *w, const struct user_udp *u, const struct xport_datagrams *got)
{
	const struct in_source from = {
		.path = { .transport = IKE_UDP, .local = got->local, .remote = got->remote },
		.ecn = got->tos & ECN_MASK,
	};

	for (size_t at = 0; at < got->len; at += got->segment) {
		size_t left = got->len - at;

		take_datagram(w, u, &from, got->data + at, left < got->segment ? left : got->segment);
	}
}

static void on_udp(uv_poll_t *poll, int status, int events)
{
	struct user_udp *u = poll->data;
	struct inbound *w = poll->loop->data;
	int n;

	(void)events;
	w->now_ms = user_now_ms();
	if (status < 0)
		report_errors(w, u);
	n = xport_udp_receive(&u->udp, &w->rx);
	if (n < 0) /* an error waits: reading it away is what the call did; its cause is in the error queue */
		report_errors(w, u);
	for (int i = 0; i < n; i++)
		take_batch(w, u, &w->rx.got[i]);
	coalesce_flush(&w->coalesce);
	if (status < 0) /* libuv stops a handle that reports an error */
		(void)uv_poll_start(poll, UV_READABLE, on_udp);
}

void in_udp_add(struct inbound *w, struct user_udp *u)
{
	if (w->stopping || uv_poll_init(&w->loop, &u->in_poll, u->udp.fd) != 0) {
		user_udp_release(u);
		return;
	}
	u->in_poll.data = u;
	u->in_next = w->udps;
	w->udps = u;
	(void)uv_poll_start(&u->in_poll, UV_READABLE, on_udp);
}

static void on_closed(uv_handle_t *handle)
{
	user_udp_release(handle->data);
}

void in_udp_remove(struct inbound *w, struct user_udp *u)
{
	for (struct user_udp **at = &w->udps; *at != NULL; at = &(*at)->in_next) {
		if (*at != u)
			continue;
		*at = u->in_next;
		uv_close((uv_handle_t *)&u->in_poll, on_closed);
		return;
	}
}
