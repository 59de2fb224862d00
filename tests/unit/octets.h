/* What tests of parsers share: octets from hex, copies without a single octet behind them, seeded numbers. */
#ifndef CULVERT_TESTS_OCTETS_H
#define CULVERT_TESTS_OCTETS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"

/* Heap memory of exactly that many octets, so that AddressSanitizer sees a read behind the end. The caller
 * frees .data (as (void *)). */
static inline struct cv_bytes octets_exact(struct cv_bytes b)
{
	uint8_t *copy = malloc(b.len ? b.len : 1);

	if (!copy)
		abort();
	if (b.len)
		memcpy(copy, b.data, b.len);
	/* For no octets at all: a view of none, right behind the memory. */
	return cv_bytes(copy, b.len);
}

static inline void octets_free(struct cv_bytes b)
{
	free((void *)(uintptr_t)b.data);
}

/* Octets from hex; spaces are skipped. The caller frees them with octets_free. */
static inline struct cv_bytes octets_hex(const char *hex)
{
	uint8_t *out = malloc(strlen(hex) / 2 + 1);
	size_t n = 0;
	unsigned v;

	if (!out)
		abort();
	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		if (sscanf(hex, "%2x", &v) != 1)
			abort();
		out[n++] = (uint8_t)v;
		hex += 2;
	}
	return cv_bytes(out, n);
}

/* Numbers that are the same in every run: splitmix64. */
static inline uint64_t octets_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static inline void octets_random_fill(uint64_t *seed, uint8_t *out, size_t len)
{
	while (len--)
		*out++ = (uint8_t)octets_random(seed);
}

#endif
