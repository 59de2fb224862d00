/* The read side of the streams, and what is done to those that carry anything else than RFC 9329. */
#include <errno.h>
#include <stdlib.h>

#include "plane/user/inbound.h"

enum { IKE_HEADER_LEN = 28, IKE_LENGTH_AT = 24 };

/* Stops reading and tells control, which takes the stream away everywhere. */
static void stream_ended(struct inbound *w, struct user_stream *s, int os_error, const char *why)
{
	struct user_msg *msg = user_msg_new(USER_EV_STREAM_LOST, cv_bytes(NULL, 0));

	s->in.ended = true;
	(void)uv_poll_stop(&s->in.poll);
	xport_reader_free(&s->in.reader);
	if (msg != NULL) {
		msg->stream_id = s->path.stream_id;
		msg->os_error = os_error;
		msg->text = why;
	}
	(void)user_queue_post(&w->plane->events, msg);
}

static void note_spoke(struct inbound *w, struct user_stream *s)
{
	struct user_msg *msg;

	if (s->in.spoke)
		return;
	s->in.spoke = true;
	msg = user_msg_new(USER_EV_STREAM_SPOKE, cv_bytes(NULL, 0));
	if (msg != NULL)
		msg->stream_id = s->path.stream_id;
	(void)user_queue_post(&w->plane->events, msg);
}

/* One that agrees with its frame about its length; the engine judges the rest (R9329-6.1-21). */
static bool plausible_ike(struct cv_bytes message)
{
	return message.len >= IKE_HEADER_LEN && cv_get_u32(message.data + IKE_LENGTH_AT) == message.len;
}

/* R9329-6.1-18 to 20: what looks like corruption ends the stream; a few unknown SPIs do not. NULL: go on. */
static const char *take_frame(struct inbound *w, struct user_stream *s, const struct in_source *from,
			      const struct xport_frame *f)
{
	bool junk = true;

	switch (f->kind) {
	case XPORT_FRAME_PREFIX:
	case XPORT_FRAME_IGNORED: return NULL;
	case XPORT_FRAME_BAD_PREFIX: return "it did not begin with IKETCP";
	case XPORT_FRAME_BAD_LENGTH: return "a length field below 2";
	case XPORT_FRAME_IKE:
		note_spoke(w, s);
		junk = !plausible_ike(cv_bytes(f->message, f->len));
		in_ike_message(w, from, cv_bytes(f->message, f->len));
		break;
	case XPORT_FRAME_ESP:
		note_spoke(w, s);
		switch (in_packet_esp(w, from, f->message, f->len)) {
		case IN_FORGED: return "an ESP packet failed its integrity check";
		case IN_STALE: return NULL;
		case IN_GOOD: junk = false; break;
		case IN_JUNK: break;
		}
		break;
	default: user_count(&w->plane->stats.bad_frames, 1); break;
	}
	s->in.junk = junk ? s->in.junk + 1 : 0;
	return s->in.junk > IN_JUNK_MAX ? "too many messages that are neither IKE nor ESP of a known SA"
					: NULL;
}

static void take_octets(struct inbound *w, struct user_stream *s, uint8_t *buf, size_t len)
{
	const struct in_source from = { .path = s->path };
	const char *broken = NULL;
	struct xport_frame frame;
	size_t at = 0;

	while (broken == NULL) {
		at += xport_deframe(&s->in.reader.deframer, buf + at, len - at, &frame);
		if (frame.kind == XPORT_FRAME_NONE)
			break;
		broken = take_frame(w, s, &from, &frame);
	}
	coalesce_flush(&w->coalesce);
	if (broken != NULL) {
		user_count(&w->plane->stats.bad_frames, 1);
		stream_ended(w, s, EPROTO, broken);
	} else if (xport_reader_keep(&s->in.reader, cv_bytes(buf + at, len - at)) != CV_OK) {
		stream_ended(w, s, ENOMEM, NULL);
	}
}

static void on_stream(uv_poll_t *poll, int status, int events)
{
	struct user_stream *s = poll->data;
	struct inbound *w = poll->loop->data;
	int os_error;
	size_t len;

	(void)events;
	w->now_ms = user_now_ms();
	switch (xport_reader_read(&s->in.reader, s->fd, w->buf, IN_BUFFER, &len, &os_error)) {
	case XPORT_READ_OCTETS:
		if (!s->in.discard)
			take_octets(w, s, w->buf, len);
		break;
	case XPORT_READ_NOTHING: break;
	case XPORT_READ_END: stream_ended(w, s, os_error, NULL); break;
	}
	if (status < 0 && !s->in.ended && uv_poll_start(poll, UV_READABLE, on_stream) != 0)
		stream_ended(
		    w, s, ENOMEM,
		    NULL); /* libuv stops a handle that reports an error; more may be there to read */
}

void in_stream_add(struct inbound *w, struct user_stream *s)
{
	if (w->stopping || uv_poll_init(&w->loop, &s->in.poll, s->fd) != 0) {
		user_stream_unuse(s);
		return;
	}
	s->in.poll.data = s;
	xport_reader_init(&s->in.reader, s->accepted);
	s->in.attached = true;
	s->in.prev = NULL;
	s->in.next = w->streams;
	if (w->streams != NULL)
		w->streams->in.prev = s;
	w->streams = s;
	if (uv_poll_start(&s->in.poll, UV_READABLE, on_stream) != 0)
		stream_ended(w, s, ENOMEM, NULL);
}

static void on_closed(uv_handle_t *handle)
{
	user_stream_unuse(handle->data);
}

void in_stream_remove(struct inbound *w, struct user_stream *s)
{
	if (s->in.prev != NULL)
		s->in.prev->in.next = s->in.next;
	else
		w->streams = s->in.next;
	if (s->in.next != NULL)
		s->in.next->in.prev = s->in.prev;
	s->in.attached = false;
	xport_reader_free(&s->in.reader);
	uv_close((uv_handle_t *)&s->in.poll, on_closed);
}
