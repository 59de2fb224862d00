#include "xport/framing.h"

#include <string.h>

const uint8_t xport_prefix[XPORT_PREFIX_LEN] = { 'I', 'K', 'E', 'T', 'C', 'P' };

static size_t deframe_prefix(struct xport_deframer *d, const uint8_t *buf, size_t len,
			     struct xport_frame *out)
{
	size_t have = len < XPORT_PREFIX_LEN ? len : XPORT_PREFIX_LEN;

	if (memcmp(buf, xport_prefix, have) != 0) {
		d->fatal = XPORT_FRAME_BAD_PREFIX;
		out->kind = d->fatal;
		return 0;
	}
	if (have < XPORT_PREFIX_LEN)
		return 0; /* nothing is parsed before the whole prefix is here (R9329-6.1-3) */
	d->wants_prefix = false;
	out->kind = XPORT_FRAME_PREFIX;
	return XPORT_PREFIX_LEN;
}

void xport_classify(uint8_t *message, size_t len, struct xport_frame *out)
{
	*out = (struct xport_frame){ .kind = XPORT_FRAME_JUNK, .message = message, .len = len };
	if (len == 0 || (len == 1 && message[0] == XPORT_KEEPALIVE))
		out->kind = XPORT_FRAME_IGNORED;
	if (len < XPORT_MARKER_LEN)
		return;
	if (cv_get_u32(message) != 0) {
		out->kind = XPORT_FRAME_ESP;
	} else if (len > XPORT_MARKER_LEN) {
		out->kind = XPORT_FRAME_IKE;
		out->message = message + XPORT_MARKER_LEN;
		out->len = len - XPORT_MARKER_LEN;
	}
}

size_t xport_deframe(struct xport_deframer *d, uint8_t *buf, size_t len, struct xport_frame *out)
{
	size_t frame_len;

	*out = (struct xport_frame){ .kind = d->fatal };
	if (d->fatal != XPORT_FRAME_NONE || len == 0)
		return 0;
	if (d->wants_prefix)
		return deframe_prefix(d, buf, len, out);
	if (len < XPORT_LENGTH_LEN)
		return 0;
	frame_len = cv_get_u16(buf);
	if (frame_len < XPORT_LENGTH_LEN) {
		d->fatal = XPORT_FRAME_BAD_LENGTH;
		out->kind = d->fatal;
		return 0;
	}
	if (len < frame_len)
		return 0;
	xport_classify(buf + XPORT_LENGTH_LEN, frame_len - XPORT_LENGTH_LEN, out);
	return frame_len;
}

void xport_frame_put_length(uint8_t at[XPORT_LENGTH_LEN], size_t message_len)
{
	cv_put_u16(at, (uint16_t)(message_len + XPORT_LENGTH_LEN));
}

enum cv_err xport_frame_ike(struct cv_writer *w, struct cv_bytes message)
{
	if (message.len == 0 || message.len > XPORT_MESSAGE_MAX - XPORT_MARKER_LEN)
		return CV_E_LIMIT;
	if (w->cap - w->len < XPORT_LENGTH_LEN + XPORT_MARKER_LEN + message.len)
		return CV_E_NOSPACE;
	cv_writer_u16(w, (uint16_t)(XPORT_LENGTH_LEN + XPORT_MARKER_LEN + message.len));
	cv_writer_u32(w, 0);
	cv_writer_put(w, message);
	return cv_writer_ok(w) ? CV_OK : CV_E_NOSPACE;
}

size_t xport_frame_boundary(const uint8_t *frames, size_t len, size_t offset)
{
	size_t at = 0;

	while (at < offset && len - at >= XPORT_LENGTH_LEN) {
		size_t frame_len = cv_get_u16(frames + at);

		if (frame_len < XPORT_LENGTH_LEN || frame_len > len - at)
			return len;
		at += frame_len;
	}
	return at;
}
