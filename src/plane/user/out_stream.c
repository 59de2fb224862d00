/* The write side of the streams. A socket is given little more than it sends at once; the rest waits in the
 * queue in front of it (out_queue.c). */
#include <sys/socket.h>

#include "plane/user/outbound.h"
#include "xport/socket.h"

static void stream_died(struct outbound *w, struct user_stream *s, int os_error)
{
	struct user_msg *msg = user_msg_new(USER_EV_STREAM_LOST, cv_bytes(NULL, 0));

	s->out.dead = true;
	s->out.blocked = false;
	s->out.polling = false;
	(void)uv_poll_stop(&s->out.poll);
	xport_writer_free(&s->out.writer);
	if (msg != NULL) {
		msg->stream_id = s->path.stream_id;
		msg->os_error = os_error;
	}
	(void)user_queue_post(&w->plane->events, msg);
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	struct user_stream *s = poll->data;
	struct outbound *w = poll->loop->data;

	(void)events;
	s->out.blocked = false;
	s->out.allow = 0;
	out_stream_push(w, s, NULL, 0); /* an error comes back from the write */
	if (status < 0 && !s->out.dead)
		stream_died(w, s, xport_socket_error(s->fd));
	out_work(w);
	if (s->out.blocked || !s->out.polling)
		return;
	s->out.polling = false;
	(void)uv_poll_stop(&s->out.poll);
}

/* Waits until the socket is writable. */
static void block(struct outbound *w, struct user_stream *s)
{
	s->out.blocked = true;
	if (s->out.polling)
		return;
	s->out.polling = true;
	if (uv_poll_start(&s->out.poll, UV_WRITABLE, on_writable) != 0)
		stream_died(w, s, UV_ENOMEM);
}

void out_stream_push(struct outbound *w, struct user_stream *s, const struct iovec *frames, unsigned n)
{
	int os_error;

	if (s->out.dead)
		return;
	switch (xport_writer_push(&s->out.writer, s->fd, frames, n, &os_error)) {
	case XPORT_WRITE_DONE:
		if (s->out.closing)
			(void)shutdown(s->fd, SHUT_WR);
		return;
	case XPORT_WRITE_BLOCKED: block(w, s); return;
	case XPORT_WRITE_FAILED: break;
	}
	stream_died(w, s, os_error);
}

bool out_stream_wants(struct outbound *w, struct user_stream *s)
{
	if (s->out.dead || s->out.blocked)
		return false;
	if (out_pace_ask(s))
		return true;
	block(w, s);
	return false;
}

void out_stream_add(struct outbound *w, struct user_stream *s)
{
	if (w->stopping || uv_poll_init(&w->loop, &s->out.poll, s->fd) != 0) {
		s->out.dead = true;
		user_stream_unuse(s);
		return;
	}
	s->out.poll.data = s;
	s->out.attached = true;
	xport_writer_init(&s->out.writer, !s->accepted, &w->spares);
	out_pace_start(s);
	s->out.prev = NULL;
	s->out.next = w->streams;
	if (w->streams != NULL)
		w->streams->out.prev = s;
	w->streams = s;
}

static void on_stream_closed(uv_handle_t *handle)
{
	user_stream_unuse(handle->data);
}

void out_stream_remove(struct outbound *w, struct user_stream *s)
{
	out_batch_forget_stream(w, s);
	if (!s->out.dead) {
		s->out.dead = true;
		xport_writer_free(&s->out.writer);
	}
	if (s->out.prev != NULL)
		s->out.prev->out.next = s->out.next;
	else
		w->streams = s->out.next;
	if (s->out.next != NULL)
		s->out.next->out.prev = s->out.prev;
	s->out.attached = false;
	out_queue_rehome(w, &(struct out_route){ .stream = s });
	uv_close((uv_handle_t *)&s->out.poll, on_stream_closed);
}

void out_stream_close(struct outbound *w, struct user_stream *s)
{
	if (s->out.dead)
		return;
	out_batch_flush(w);
	s->out.closing = true;
	out_queue_rehome(w, &(struct out_route){ .stream = s });
	out_stream_push(w, s, NULL, 0);
}
