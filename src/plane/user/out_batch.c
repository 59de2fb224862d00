#include <errno.h>
#include <string.h>

#include "plane/user/outbound.h"
#include "xport/framing.h"

static bool run_takes(const struct out_run *run, const struct out_child *c, size_t esp_len, uint8_t tos)
{
	const struct out_route *r = &c->route;

	/* It may have left already, and stay only because of a run before it whose socket is full. */
	if (run->sent || run->stream != r->stream || run->udp != r->udp)
		return false;
	if (run->stream != NULL)
		return true;
	return run->dest == &r->dest && run->tos == tos && !run->closed && esp_len <= run->segment &&
	       run->count < XPORT_UDP_SEGMENTS_MAX && run->len + esp_len <= XPORT_UDP_SEND_MAX;
}

static bool batch_has_room(const struct outbound *w, size_t octets)
{
	return OUT_BATCH_CAP - w->batch.len >= octets && w->batch.count < OUT_RUNS_MAX;
}

bool out_route_open(const struct out_route *r)
{
	if (r->stream != NULL)
		return !r->stream->out.dead && !r->stream->out.closing &&
		       xport_writer_room(&r->stream->out.writer) >= OUT_BATCH_CAP;
	return r->udp != NULL;
}

uint8_t *out_batch_reserve(struct outbound *w, struct out_child *c, size_t esp_len, uint8_t tos)
{
	size_t header = c->route.stream != NULL ? XPORT_LENGTH_LEN : 0;
	struct out_run *run;
	uint8_t *at;

	if (!batch_has_room(w, header + esp_len))
		out_batch_flush(w);
	if (!batch_has_room(w, header + esp_len) || !out_route_open(&c->route)) {
		user_count(&c->stats->dropped_queue, 1);
		return NULL;
	}
	at = w->batch.buf + w->batch.len;
	run = w->batch.count > 0 ? &w->batch.run[w->batch.count - 1] : NULL;
	if (run == NULL || !run_takes(run, c, esp_len, tos)) {
		run = &w->batch.run[w->batch.count++];
		*run = (struct out_run){ .stream = c->route.stream,
					 .udp = c->route.udp,
					 .dest = &c->route.dest,
					 .data = at,
					 .segment = esp_len,
					 .tos = tos };
	}
	if (header > 0)
		xport_frame_put_length(at, esp_len);
	run->closed = esp_len < run->segment;
	run->len += header + esp_len;
	run->count++;
	if (run->stream != NULL)
		run->stream->out.allow -= (int64_t)(header + esp_len);
	w->batch.len += header + esp_len;
	w->batch.last = header + esp_len;
	return at + header;
}

void out_batch_cancel(struct outbound *w)
{
	struct out_run *run = &w->batch.run[w->batch.count - 1];

	w->batch.len -= w->batch.last;
	run->len -= w->batch.last;
	if (--run->count == 0)
		w->batch.count--;
}

void out_batch_forget_stream(struct outbound *w, const struct user_stream *s)
{
	for (unsigned i = 0; i < w->batch.count; i++)
		if (w->batch.run[i].stream == s)
			w->batch.run[i].sent = true;
}

void out_batch_forget_dest(struct outbound *w, const struct xport_udp_dest *dest)
{
	for (unsigned i = 0; i < w->batch.count; i++)
		if (w->batch.run[i].dest == dest)
			w->batch.run[i].sent = true;
}

/* All runs of the stream of run number `first`, in one write. */
static void flush_stream(struct outbound *w, unsigned first)
{
	struct user_stream *s = w->batch.run[first].stream;
	struct iovec iov[XPORT_WRITE_IOV];
	unsigned n = 0;

	for (unsigned i = first; i < w->batch.count; i++) {
		struct out_run *run = &w->batch.run[i];

		if (run->sent || run->stream != s)
			continue;
		run->sent = true;
		iov[n++] = (struct iovec){ run->data, run->len };
		if (n == XPORT_WRITE_IOV) {
			out_stream_push(w, s, iov, n);
			n = 0;
		}
	}
	if (n > 0)
		out_stream_push(w, s, iov, n);
}

/* The UDP runs from number `first` on that share its socket and stand in a row. False: the socket is full. */
static bool flush_udp(struct outbound *w, unsigned first)
{
	struct user_udp *u = w->batch.run[first].udp;
	struct xport_udp_run *run = w->batch.udp;
	unsigned *index = w->batch.udp_index;
	uint64_t dropped = 0;
	unsigned done = 0;
	unsigned n = 0;
	int error;

	for (unsigned i = first; i < w->batch.count && n < XPORT_UDP_RUNS_MAX; i++) {
		const struct out_run *r = &w->batch.run[i];

		if (r->sent || r->udp != u)
			continue;
		index[n] = i;
		run[n++] = (struct xport_udp_run){ .data = r->data,
						   .len = r->len,
						   .segment = r->segment,
						   .count = r->count,
						   .tos = r->tos,
						   .to = r->dest };
	}
	error = xport_udp_send(&u->udp, run, n, &done, &dropped);
	user_count(&w->plane->stats.udp_dropped, dropped);
	for (unsigned i = 0; i < done && i < n; i++)
		w->batch.run[index[i]].sent = true;
	if (error != EAGAIN)
		return true;
	out_udp_block(w, u);
	return false;
}

void out_batch_flush(struct outbound *w)
{
	for (unsigned i = 0; i < w->batch.count; i++) {
		struct out_run *run = &w->batch.run[i];

		while (!run->sent) {
			if (run->stream != NULL)
				flush_stream(w, i);
			else if (!flush_udp(w, i))
				return; /* the rest stays where it is until the socket wants it */
		}
	}
	w->batch.count = 0;
	w->batch.len = 0;
}
