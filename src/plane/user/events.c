/* What the workers report becomes the daemon's callbacks. */
#include <stdlib.h>

#include "plane/user/user.h"

static void on_message(struct plane *p, const struct user_msg *msg)
{
	if (msg->path.transport == IKE_TCP) {
		const struct user_stream *s = user_stream_find(p, msg->stream_id);

		if (s == NULL || s->ctl.state != USER_STREAM_OPEN)
			return; /* closed in the meantime */
	}
	p->callbacks.message(p->callbacks.arg, &msg->path, cv_bytes(msg->data, msg->len));
}

static void on_stream_lost(struct plane *p, const struct user_msg *msg)
{
	struct user_stream *s = user_stream_find(p, msg->stream_id);
	char addr[CV_ADDR_TEXT_MAX], left_out[CV_LOG_LEFT_OUT_MAX];
	uint64_t dropped;

	if (s == NULL)
		return;
	if (msg->text != NULL && cv_log_allowed(&p->event_log, user_now_ms(), &dropped))
		cv_log(CV_LOG_INFO, USER_ROOM, NULL, "closed the TCP stream from %s: %s%s",
		       cv_addr_text(&s->path.remote, addr), msg->text, cv_log_left_out(dropped, left_out));
	user_stream_lost(p, s, msg->os_error);
}

static void on_child_moved(struct plane *p, const struct user_msg *msg)
{
	struct user_stream *s =
	    msg->path.transport == IKE_TCP ? user_stream_find(p, msg->path.stream_id) : NULL;

	if (msg->path.transport == IKE_TCP && s == NULL)
		return;
	if (s != NULL)
		user_stream_trust(p, s);
	p->callbacks.child_moved(p->callbacks.arg, msg->spi, &msg->path);
}

static void run_event(struct plane *p, const struct user_msg *msg)
{
	const struct plane_callbacks *call = &p->callbacks;
	struct user_stream *s;

	switch (msg->type) {
	case USER_EV_MESSAGE: on_message(p, msg); break;
	case USER_EV_STREAM_SPOKE:
		s = user_stream_find(p, msg->stream_id);
		if (s != NULL)
			user_stream_spoke(p, s);
		break;
	case USER_EV_STREAM_LOST: on_stream_lost(p, msg); break;
	case USER_EV_UDP_REFUSED: call->udp_refused(call->arg, &msg->path, msg->os_error); break;
	case USER_EV_CHILD_MOVED: on_child_moved(p, msg); break;
	case USER_EV_CHILD_FAILED: call->child_failed(call->arg, msg->spi, msg->err); break;
	case USER_EV_ACQUIRE: call->acquire(call->arg, msg->conn, &msg->src, &msg->dst); break;
	default: break;
	}
}

void user_events_run(uv_async_t *wake)
{
	struct plane *p = wake->data;

	for (struct user_msg *msg = user_queue_take(&p->events), *next; msg != NULL; msg = next) {
		next = msg->next;
		if (!p->closing)
			run_event(p, msg);
		free(msg);
	}
}
