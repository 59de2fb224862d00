/* The write side of the streams, and back-pressure: when nothing that is in use can take more, the device is
 * not read and the queue grows there. One slow stream among several gets a bounded queue of its own instead,
 * so that it does not hold up the others. A queue over inner flows would stand where out_packet is called. */
#include <sys/socket.h>

#include "plane/user/outbound.h"
#include "xport/socket.h"

/* --- who is in use, and who is full --- */

static void count_stream(struct outbound *w, const struct user_stream *s, int by)
{
	if (s->out.children == 0 || s->out.dead)
		return;
	w->streams_used += (unsigned)by;
	if (s->out.blocked)
		w->streams_blocked += (unsigned)by;
}

void out_route_use(struct outbound *w, struct out_route *r)
{
	if (r->udp != NULL)
		w->udp_children++;
	if (r->stream != NULL) {
		count_stream(w, r->stream, -1);
		r->stream->out.children++;
		count_stream(w, r->stream, 1);
	}
	out_update_reading(w);
}

void out_route_unuse(struct outbound *w, struct out_route *r)
{
	if (r->udp != NULL)
		w->udp_children--;
	if (r->stream != NULL) {
		count_stream(w, r->stream, -1);
		r->stream->out.children--;
		count_stream(w, r->stream, 1);
	}
	out_update_reading(w);
}

static void set_blocked(struct outbound *w, struct user_stream *s, bool blocked)
{
	count_stream(w, s, -1);
	s->out.blocked = blocked;
	count_stream(w, s, 1);
	out_update_reading(w);
}

/* --- streams --- */

static void stream_died(struct outbound *w, struct user_stream *s, int os_error)
{
	struct user_msg *msg = user_msg_new(USER_EV_STREAM_LOST, cv_bytes(NULL, 0));

	count_stream(w, s, -1);
	s->out.dead = true;
	s->out.blocked = false;
	(void)uv_poll_stop(&s->out.poll);
	xport_writer_free(&s->out.writer);
	out_update_reading(w);
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

	(void)status; /* an error comes back from the write */
	(void)events;
	out_stream_push(w, s, NULL, 0);
	if (status < 0 && !s->out.dead)
		stream_died(w, s, xport_socket_error(s->fd));
}

void out_stream_push(struct outbound *w, struct user_stream *s, const struct iovec *frames, unsigned n)
{
	int os_error;

	if (s->out.dead)
		return;
	switch (xport_writer_push(&s->out.writer, s->fd, frames, n, &os_error)) {
	case XPORT_WRITE_DONE:
		if (s->out.blocked) {
			(void)uv_poll_stop(&s->out.poll);
			set_blocked(w, s, false);
		}
		if (s->out.closing)
			(void)shutdown(s->fd, SHUT_WR);
		return;
	case XPORT_WRITE_BLOCKED:
		if (s->out.blocked)
			return;
		set_blocked(w, s, true);
		if (uv_poll_start(&s->out.poll, UV_WRITABLE, on_writable) == 0)
			return;
		os_error = UV_ENOMEM;
		break;
	case XPORT_WRITE_FAILED: break;
	}
	stream_died(w, s, os_error);
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
		count_stream(w, s, -1);
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
	uv_close((uv_handle_t *)&s->out.poll, on_stream_closed);
	out_update_reading(w);
}

void out_stream_close(struct outbound *w, struct user_stream *s)
{
	if (s->out.dead)
		return;
	out_batch_flush(w);
	s->out.closing = true;
	out_stream_push(w, s, NULL, 0);
}
