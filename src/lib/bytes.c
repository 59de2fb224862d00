#include "lib/bytes.h"

#include <string.h>

bool cv_bytes_equal(struct cv_bytes a, struct cv_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct cv_cursor cv_cursor(struct cv_bytes input)
{
	/* An empty view may have no memory behind it, and arithmetic on a null pointer is undefined. */
	static const uint8_t nothing[1];

	if (!input.data || input.len == 0)
		return (
		    struct cv_cursor){ .pos = nothing, .end = nothing, .failed = !input.data && input.len };
	return (struct cv_cursor){ .pos = input.data, .end = input.data + input.len };
}

bool cv_cursor_ok(const struct cv_cursor *c)
{
	return !c->failed;
}

bool cv_cursor_done(const struct cv_cursor *c)
{
	return !c->failed && c->pos == c->end;
}

size_t cv_cursor_left(const struct cv_cursor *c)
{
	return c->failed ? 0 : (size_t)(c->end - c->pos);
}

void cv_cursor_fail(struct cv_cursor *c)
{
	c->failed = true;
}

/* The next len octets, or NULL after failing the cursor. */
static const uint8_t *advance(struct cv_cursor *c, size_t len)
{
	const uint8_t *p = c->pos;

	if (c->failed || len > (size_t)(c->end - c->pos)) {
		c->failed = true;
		return NULL;
	}
	c->pos += len;
	return p;
}

uint8_t cv_cursor_u8(struct cv_cursor *c)
{
	const uint8_t *p = advance(c, 1);

	return p ? p[0] : 0;
}

uint16_t cv_cursor_u16(struct cv_cursor *c)
{
	const uint8_t *p = advance(c, 2);

	return p ? cv_get_u16(p) : 0;
}

uint32_t cv_cursor_u32(struct cv_cursor *c)
{
	const uint8_t *p = advance(c, 4);

	return p ? cv_get_u32(p) : 0;
}

uint64_t cv_cursor_u64(struct cv_cursor *c)
{
	const uint8_t *p = advance(c, 8);

	return p ? cv_get_u64(p) : 0;
}

struct cv_bytes cv_cursor_take(struct cv_cursor *c, size_t len)
{
	const uint8_t *p = advance(c, len);

	return p ? cv_bytes(p, len) : cv_bytes(NULL, 0);
}

struct cv_bytes cv_cursor_rest(struct cv_cursor *c)
{
	return cv_cursor_take(c, cv_cursor_left(c));
}

void cv_cursor_skip(struct cv_cursor *c, size_t len)
{
	(void)advance(c, len);
}

struct cv_cursor cv_cursor_sub(struct cv_cursor *c, size_t len)
{
	struct cv_bytes part = cv_cursor_take(c, len);
	struct cv_cursor sub = cv_cursor(part);

	sub.failed = c->failed;
	return sub;
}

struct cv_writer cv_writer(uint8_t *buf, size_t cap)
{
	return (struct cv_writer){ .data = buf, .cap = cap };
}

bool cv_writer_ok(const struct cv_writer *w)
{
	return !w->failed;
}

struct cv_bytes cv_writer_bytes(const struct cv_writer *w)
{
	return w->failed ? cv_bytes(NULL, 0) : cv_bytes(w->data, w->len);
}

/* Room for len octets, or NULL after failing the writer. */
static uint8_t *extend(struct cv_writer *w, size_t len)
{
	uint8_t *p;

	if (w->failed || len > w->cap - w->len) {
		w->failed = true;
		return NULL;
	}
	p = w->data + w->len;
	w->len += len;
	return p;
}

void cv_writer_u8(struct cv_writer *w, uint8_t v)
{
	uint8_t *p = extend(w, 1);

	if (p)
		p[0] = v;
}

void cv_writer_u16(struct cv_writer *w, uint16_t v)
{
	uint8_t *p = extend(w, 2);

	if (p)
		cv_put_u16(p, v);
}

void cv_writer_u32(struct cv_writer *w, uint32_t v)
{
	uint8_t *p = extend(w, 4);

	if (p)
		cv_put_u32(p, v);
}

void cv_writer_u64(struct cv_writer *w, uint64_t v)
{
	uint8_t *p = extend(w, 8);

	if (p)
		cv_put_u64(p, v);
}

void cv_writer_put(struct cv_writer *w, struct cv_bytes b)
{
	uint8_t *p = extend(w, b.len);

	if (p && b.len)
		memcpy(p, b.data, b.len);
}

void cv_writer_zero(struct cv_writer *w, size_t len)
{
	uint8_t *p = extend(w, len);

	if (p && len)
		memset(p, 0, len);
}

size_t cv_writer_reserve(struct cv_writer *w, size_t len)
{
	size_t offset = w->len;

	cv_writer_zero(w, len);
	return offset;
}

void cv_writer_patch_u16(struct cv_writer *w, size_t offset, uint16_t v)
{
	if (w->failed || offset > w->len || w->len - offset < 2)
		w->failed = true;
	else
		cv_put_u16(w->data + offset, v);
}

void cv_writer_patch_u32(struct cv_writer *w, size_t offset, uint32_t v)
{
	if (w->failed || offset > w->len || w->len - offset < 4)
		w->failed = true;
	else
		cv_put_u32(w->data + offset, v);
}

char *cv_hex(struct cv_bytes b, char *out, size_t cap)
{
	static const char digit[] = "0123456789abcdef";
	size_t n = 0;

	if (cap == 0)
		return out;
	for (size_t i = 0; i < b.len && n + 2 < cap; i++) {
		out[n++] = digit[b.data[i] >> 4];
		out[n++] = digit[b.data[i] & 15];
	}
	out[n] = '\0';
	return out;
}
