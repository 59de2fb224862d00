/* Key Exchange payload (RFC 7296 section 3.4). */
#include "wire/payloads.h"

enum cv_err wire_ke_decode(struct cv_bytes body, struct wire_ke_payload *out)
{
	struct cv_cursor c = cv_cursor(body);

	out->group = cv_cursor_u16(&c);
	cv_cursor_skip(&c, 2);
	out->data = cv_cursor_rest(&c);
	return cv_cursor_ok(&c) && out->data.len ? CV_OK : CV_E_SYNTAX;
}

void wire_ke_build(struct wire_builder *b, uint16_t group, struct cv_bytes data)
{
	wire_build_begin(b, WIRE_KE);
	cv_writer_u16(&b->w, group);
	cv_writer_zero(&b->w, 2);
	cv_writer_put(&b->w, data);
	wire_build_end(b);
}
