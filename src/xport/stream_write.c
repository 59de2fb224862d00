#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "xport/stream.h"

void xport_spares_free(struct xport_spares *s)
{
	while (s->count > 0)
		free(s->buf[--s->count]);
}

void xport_writer_init(struct xport_writer *w, bool dialled, struct xport_spares *spares)
{
	*w = (struct xport_writer){ .prefix_owed = dialled, .spares = spares };
}

static void release_pending(struct xport_writer *w)
{
	if (w->pending == NULL)
		return;
	if (w->spares->count < XPORT_SPARES)
		w->spares->buf[w->spares->count++] = w->pending;
	else
		free(w->pending);
	w->pending = NULL;
	w->start = w->end = w->cut = 0;
}

void xport_writer_free(struct xport_writer *w)
{
	release_pending(w);
	free(w->ike);
	w->ike = NULL;
	w->ike_start = w->ike_end = w->ike_cap = 0;
}

static bool make_ike_room(struct xport_writer *w, size_t need)
{
	size_t used = w->ike_end - w->ike_start;
	uint8_t *bigger;

	if (w->ike != NULL && w->ike_start > 0) {
		memmove(w->ike, w->ike + w->ike_start, used);
		w->ike_start = 0;
		w->ike_end = used;
	}
	if (w->ike_cap - used >= need)
		return true;
	bigger = realloc(w->ike, used + need);
	if (bigger == NULL)
		return false;
	w->ike = bigger;
	w->ike_cap = used + need;
	return true;
}

enum cv_err xport_writer_queue_ike(struct xport_writer *w, struct cv_bytes message)
{
	size_t need = XPORT_LENGTH_LEN + XPORT_MARKER_LEN + message.len;
	struct cv_writer out;
	enum cv_err err;

	if (w->ike_end - w->ike_start + need > XPORT_IKE_QUEUE_MAX)
		return CV_E_LIMIT;
	if (!make_ike_room(w, need))
		return CV_E_NOMEM;
	out = cv_writer(w->ike + w->ike_end, w->ike_cap - w->ike_end);
	err = xport_frame_ike(&out, message);
	if (err == CV_OK)
		w->ike_end += out.len;
	return err;
}

size_t xport_writer_room(const struct xport_writer *w)
{
	return XPORT_PENDING_MAX - (w->end - w->start);
}

bool xport_writer_empty(const struct xport_writer *w)
{
	return w->start == w->end && w->ike_start == w->ike_end;
}

/* --- the order of things on the wire: prefix, the frame begun, IKE, pending ESP, new ESP --- */

enum { LEADING_PIECES = 4 };

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static unsigned collect(const struct xport_writer *w, const struct iovec *frames, unsigned n,
			struct iovec iov[LEADING_PIECES + XPORT_WRITE_IOV])
{
	unsigned used = 0;

	if (xport_writer_empty(w) && n == 0)
		return 0; /* a prefix waits for the first frame */
	if (w->prefix_owed)
		iov[used++] = (struct iovec){ (void *)(uintptr_t)(xport_prefix + w->prefix_sent),
					      (size_t)XPORT_PREFIX_LEN - w->prefix_sent };
	if (w->cut > 0)
		iov[used++] = (struct iovec){ w->pending + w->start, w->cut };
	if (w->ike_end > w->ike_start)
		iov[used++] = (struct iovec){ w->ike + w->ike_start, w->ike_end - w->ike_start };
	if (w->end - w->start > w->cut)
		iov[used++] = (struct iovec){ w->pending + w->start + w->cut, w->end - w->start - w->cut };
	for (unsigned i = 0; i < n; i++)
		iov[used++] = frames[i];
	return used;
}

static size_t consume_prefix(struct xport_writer *w, size_t sent)
{
	size_t take;

	if (!w->prefix_owed)
		return sent;
	take = min_size(sent, (size_t)XPORT_PREFIX_LEN - w->prefix_sent);
	w->prefix_sent = (uint8_t)(w->prefix_sent + take);
	w->prefix_owed = w->prefix_sent < XPORT_PREFIX_LEN;
	return sent - take;
}

static size_t consume_queued(struct xport_writer *w, size_t sent)
{
	size_t take = min_size(sent, w->cut);

	w->start += take;
	w->cut -= take;
	sent -= take;
	take = min_size(sent, w->ike_end - w->ike_start);
	w->ike_start += take;
	sent -= take;
	take = min_size(sent, w->end - w->start);
	if (take > 0) {
		w->cut = xport_frame_boundary(w->pending + w->start, w->end - w->start, take) - take;
		w->start += take;
	}
	return sent - take;
}

static bool keep_frames(struct xport_writer *w, const uint8_t *data, size_t len)
{
	if (w->pending == NULL) {
		w->pending =
		    w->spares->count > 0 ? w->spares->buf[--w->spares->count] : malloc(XPORT_PENDING_MAX);
		if (w->pending == NULL)
			return false;
	}
	if (XPORT_PENDING_MAX - w->end < len) {
		memmove(w->pending, w->pending + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
	}
	if (XPORT_PENDING_MAX - w->end < len)
		return false;
	memcpy(w->pending + w->end, data, len);
	w->end += len;
	return true;
}

/* Keeps the tail of the new frames behind the first `sent` octets. */
static bool keep_tail(struct xport_writer *w, const struct iovec *frames, unsigned n, size_t sent)
{
	for (unsigned i = 0; i < n; i++) {
		size_t gone = min_size(sent, frames[i].iov_len);
		uint8_t *base = frames[i].iov_base;

		sent -= gone;
		if (gone == frames[i].iov_len)
			continue;
		if (gone > 0)
			w->cut = xport_frame_boundary(base, frames[i].iov_len, gone) - gone;
		if (!keep_frames(w, base + gone, frames[i].iov_len - gone))
			return false;
	}
	return true;
}

/* Drained queues give their memory back: an idle stream holds none. */
static void tidy(struct xport_writer *w)
{
	if (w->start == w->end)
		release_pending(w);
	if (w->ike_start != w->ike_end)
		return;
	free(w->ike);
	w->ike = NULL;
	w->ike_start = w->ike_end = w->ike_cap = 0;
}

enum xport_write xport_writer_push(struct xport_writer *w, int fd, const struct iovec *frames, unsigned n,
				   int *os_error)
{
	struct iovec iov[LEADING_PIECES + XPORT_WRITE_IOV];
	struct msghdr msg = { .msg_iov = iov };
	size_t sent = 0;
	ssize_t rc;

	*os_error = 0;
	msg.msg_iovlen = collect(w, frames, n, iov);
	if (msg.msg_iovlen == 0)
		return XPORT_WRITE_DONE;
	rc = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (rc >= 0) {
		sent = (size_t)rc;
	} else if (errno != EAGAIN && errno != EINTR) {
		*os_error = errno;
		return XPORT_WRITE_FAILED;
	}
	sent = consume_prefix(w, sent);
	sent = consume_queued(w, sent);
	if (!keep_tail(w, frames, n, sent)) {
		*os_error = ENOBUFS;
		return XPORT_WRITE_FAILED;
	}
	tidy(w);
	return xport_writer_empty(w) ? XPORT_WRITE_DONE : XPORT_WRITE_BLOCKED;
}
