/* What anybody can send over a TCP stream: the first octet says whether the prefix is due and seeds how the
 * rest is cut into reads. Cut or not, the same messages come out, and the octets in between are accounted
 * for. */
#include <stdlib.h>
#include <string.h>

#include "xport/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken property is a finding like any crash. */
static void require(bool holds)
{
	if (!holds)
		abort();
}

struct outcome {
	uint64_t digest; /* of kinds, lengths and contents in their order */
	size_t used;
	uint8_t last;
};

static void note(struct outcome *o, const struct xport_frame *f)
{
	o->digest = (o->digest ^ f->kind) * 0x100000001b3 + f->len;
	for (size_t i = 0; i < f->len; i++)
		o->digest = (o->digest ^ f->message[i]) * 0x100000001b3;
}

/* Takes all frames of buf[0..len); returns what is used up. */
static size_t take(struct xport_deframer *d, uint8_t *buf, size_t len, struct outcome *o)
{
	struct xport_frame f;
	size_t at = 0;

	for (;;) {
		size_t used = xport_deframe(d, buf + at, len - at, &f);

		require(used <= len - at);
		o->last = f.kind;
		if (f.kind == XPORT_FRAME_NONE || f.kind == XPORT_FRAME_BAD_PREFIX ||
		    f.kind == XPORT_FRAME_BAD_LENGTH)
			break;
		require(used > 0);
		if (f.len > 0)
			require(f.message >= buf + at && f.message + f.len <= buf + at + used);
		note(o, &f);
		at += used;
	}
	require(xport_deframe(d, buf + at, len - at, &f) == 0 && f.kind == o->last);
	o->used += at;
	return at;
}

static struct outcome run(const uint8_t *data, size_t size, bool prefix, uint32_t seed, bool cut)
{
	struct xport_deframer d = { .wants_prefix = prefix };
	uint8_t *kept = malloc(size + 1);
	struct outcome o = { 0 };
	size_t have = 0, from = 0;

	require(kept != NULL);
	do {
		size_t n = size - from;
		uint8_t *exact;
		size_t used;

		seed = seed * 1664525 + 1013904223;
		if (cut && n > seed >> 24)
			n = 1 + (seed >> 24);
		memcpy(kept + have, data + from, n);
		have += n;
		from += n;
		exact = malloc(have + 1); /* a read behind the end is seen */
		require(exact != NULL);
		memcpy(exact + 1, kept, have);
		used = take(&d, exact + 1, have, &o);
		memmove(kept, kept + used, have - used);
		have -= used;
		free(exact);
	} while (from < size);
	require(o.used + have == size);
	free(kept);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut;

	if (size < 1)
		return 0;
	whole = run(data + 1, size - 1, data[0] & 1, data[0], false);
	cut = run(data + 1, size - 1, data[0] & 1, data[0], true);
	require(whole.digest == cut.digest && whole.used == cut.used && whole.last == cut.last);
	return 0;
}
