/* For tests of one payload family: its body as built, decoding from memory that ends with the body, and
 * decoding every cut of it. */
#ifndef CULVERT_TESTS_WIRE_PAYLOAD_H
#define CULVERT_TESTS_WIRE_PAYLOAD_H

#include "octets.h"
#include "wire/payloads.h"

/* The body of the one payload that an inner chain holds; {NULL, 0} when it could not be built. */
static inline struct cv_bytes payload_body(struct wire_builder *b)
{
	struct cv_bytes chain;

	if (wire_build_finish(b, &chain) != CV_OK || chain.len < WIRE_PAYLOAD_HEADER_LEN ||
	    cv_get_u16(chain.data + 2) != chain.len)
		return cv_bytes(NULL, 0);
	return cv_bytes(chain.data + WIRE_PAYLOAD_HEADER_LEN, chain.len - WIRE_PAYLOAD_HEADER_LEN);
}

/* Decodes the first len octets of body from memory that ends there. */
static inline enum cv_err payload_decode_cut(struct cv_bytes body, size_t len,
					     enum cv_err (*decode)(struct cv_bytes))
{
	struct cv_bytes exact = octets_exact(cv_bytes(body.data, len));
	enum cv_err err = decode(exact);

	octets_free(exact);
	return err;
}

/* How many of the proper beginnings of body are accepted. */
static inline unsigned payload_cuts_accepted(struct cv_bytes body, enum cv_err (*decode)(struct cv_bytes))
{
	unsigned n = 0;

	for (size_t len = 0; len < body.len; len++)
		n += payload_decode_cut(body, len, decode) == CV_OK;
	return n;
}

/* The result of decoding what the hex says. */
static inline enum cv_err payload_decode_hex(const char *hex, enum cv_err (*decode)(struct cv_bytes))
{
	struct cv_bytes body = octets_hex(hex);
	enum cv_err err = payload_decode_cut(body, body.len, decode);

	octets_free(body);
	return err;
}

#endif
