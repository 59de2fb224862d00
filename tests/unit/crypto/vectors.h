/* Published numbers are written as hex with spaces, as they stand in their documents. */
#ifndef CULVERT_TESTS_CRYPTO_VECTORS_H
#define CULVERT_TESTS_CRYPTO_VECTORS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/bytes.h"

struct octets {
	uint8_t b[2200];
	size_t len;
};

static inline struct octets hex(const char *text)
{
	struct octets o = { .len = 0 };
	unsigned value;

	while (*text) {
		if (*text == ' ') {
			text++;
		} else if (sscanf(text, "%2x", &value) == 1) {
			o.b[o.len++] = (uint8_t)value;
			text += 2;
		} else {
			break;
		}
	}
	return o;
}

static inline struct octets repeat(uint8_t value, size_t len)
{
	struct octets o = { .len = len };

	memset(o.b, value, len);
	return o;
}

static inline struct cv_bytes view(const struct octets *o)
{
	return cv_bytes(o->b, o->len);
}

#endif
