/* Authentication payload (RFC 7296 section 3.8). */
#include "wire/payloads.h"

enum cv_err wire_auth_decode(struct cv_bytes body, struct wire_auth *out)
{
	struct cv_cursor c = cv_cursor(body);

	out->method = cv_cursor_u8(&c);
	cv_cursor_skip(&c, 3);
	out->data = cv_cursor_rest(&c);
	/* No method has an empty proof, NULL Authentication included (RFC 7619 section 2.2). */
	return cv_cursor_ok(&c) && out->data.len ? CV_OK : CV_E_SYNTAX;
}

void wire_auth_build(struct wire_builder *b, uint8_t method, struct cv_bytes data)
{
	wire_build_begin(b, WIRE_AUTH);
	cv_writer_u8(&b->w, method);
	cv_writer_zero(&b->w, 3);
	cv_writer_put(&b->w, data);
	wire_build_end(b);
}
