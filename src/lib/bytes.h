/* Octet strings, the one cursor that reads hostile input, and the writer that builds output. */
#ifndef CULVERT_LIB_BYTES_H
#define CULVERT_LIB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/* A view of octets that somebody else owns. */
struct cv_bytes {
	const uint8_t *data;
	size_t len;
};

static inline struct cv_bytes cv_bytes(const void *data, size_t len)
{
	return (struct cv_bytes){ .data = data, .len = len };
}

/* Compares the contents; not for secrets (see cv_secret_equal). */
bool cv_bytes_equal(struct cv_bytes a, struct cv_bytes b);

/* Reads from front to back. After the first failure every read yields zeroes and fails: read straight
 * through, then check cv_cursor_ok once. A read never goes past the end. */
struct cv_cursor {
	const uint8_t *pos;
	const uint8_t *end;
	bool failed;
};

struct cv_cursor cv_cursor(struct cv_bytes input);
bool cv_cursor_ok(const struct cv_cursor *c);
/* True when all was read and nothing failed. */
bool cv_cursor_done(const struct cv_cursor *c);
size_t cv_cursor_left(const struct cv_cursor *c);
void cv_cursor_fail(struct cv_cursor *c);
uint8_t cv_cursor_u8(struct cv_cursor *c);
uint16_t cv_cursor_u16(struct cv_cursor *c); /* network byte order, as all below */
uint32_t cv_cursor_u32(struct cv_cursor *c);
uint64_t cv_cursor_u64(struct cv_cursor *c);
/* The next len octets as a view ({NULL, 0} on failure). */
struct cv_bytes cv_cursor_take(struct cv_cursor *c, size_t len);
struct cv_bytes cv_cursor_rest(struct cv_cursor *c);
void cv_cursor_skip(struct cv_cursor *c, size_t len);
/* A cursor over the next len octets, failed from the start when there are fewer. */
struct cv_cursor cv_cursor_sub(struct cv_cursor *c, size_t len);

/* Writes into a buffer of fixed size that the caller owns. Sticky error like the cursor's: after an
 * overflow nothing more is written and cv_writer_ok is false. */
struct cv_writer {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool failed;
};

struct cv_writer cv_writer(uint8_t *buf, size_t cap);
bool cv_writer_ok(const struct cv_writer *w);
struct cv_bytes cv_writer_bytes(const struct cv_writer *w);
void cv_writer_u8(struct cv_writer *w, uint8_t v);
void cv_writer_u16(struct cv_writer *w, uint16_t v);
void cv_writer_u32(struct cv_writer *w, uint32_t v);
void cv_writer_u64(struct cv_writer *w, uint64_t v);
void cv_writer_put(struct cv_writer *w, struct cv_bytes b);
void cv_writer_zero(struct cv_writer *w, size_t len);
/* Reserves len octets (zeroed) and returns their offset, for a length that is known later. */
size_t cv_writer_reserve(struct cv_writer *w, size_t len);
void cv_writer_patch_u16(struct cv_writer *w, size_t offset, uint16_t v);
void cv_writer_patch_u32(struct cv_writer *w, size_t offset, uint32_t v);

/* Big-endian access to memory whose bounds the caller has checked. */
static inline uint16_t cv_get_u16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}
static inline uint32_t cv_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t cv_get_u64(const uint8_t *p)
{
	return (uint64_t)cv_get_u32(p) << 32 | cv_get_u32(p + 4);
}
static inline void cv_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void cv_put_u32(uint8_t *p, uint32_t v)
{
	cv_put_u16(p, (uint16_t)(v >> 16));
	cv_put_u16(p + 2, (uint16_t)v);
}
static inline void cv_put_u64(uint8_t *p, uint64_t v)
{
	cv_put_u32(p, (uint32_t)(v >> 32));
	cv_put_u32(p + 4, (uint32_t)v);
}

/* Lower-case hex of b into out (2 * len + 1 octets incl. the end); cuts when out is too small. Returns out.
 */
char *cv_hex(struct cv_bytes b, char *out, size_t cap);

#endif
