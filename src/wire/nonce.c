/* Nonce payload (RFC 7296 section 3.9). */
#include "wire/payloads.h"

enum cv_err wire_nonce_decode(struct cv_bytes body, struct cv_bytes *out)
{
	if (body.len < WIRE_NONCE_MIN || body.len > WIRE_NONCE_MAX)
		return CV_E_SYNTAX;
	*out = body;
	return CV_OK;
}

void wire_nonce_build(struct wire_builder *b, struct cv_bytes nonce)
{
	wire_build_begin(b, WIRE_NONCE);
	cv_writer_put(&b->w, nonce);
	wire_build_end(b);
}
