/* Identification payloads (RFC 7296 section 3.5, RFC 7619 section 2.4). */
#include "wire/payloads.h"

/* Whether the data can be of that type. Texts have no terminator and no fixed form here. */
static bool length_fits(uint8_t type, size_t len)
{
	switch (type) {
	case WIRE_ID_IPV4: return len == 4;
	case WIRE_ID_IPV6: return len == 16;
	case WIRE_ID_NULL: return len == 0;
	default: return true;
	}
}

enum cv_err wire_id_decode(struct cv_bytes body, struct wire_id *out)
{
	struct cv_cursor c = cv_cursor(body);

	out->type = cv_cursor_u8(&c);
	cv_cursor_skip(&c, 3);
	out->data = cv_cursor_rest(&c);
	return cv_cursor_ok(&c) && length_fits(out->type, out->data.len) ? CV_OK : CV_E_SYNTAX;
}

void wire_id_build(struct wire_builder *b, uint8_t payload_type, const struct wire_id *id)
{
	wire_build_begin(b, payload_type);
	cv_writer_u8(&b->w, id->type);
	cv_writer_zero(&b->w, 3);
	cv_writer_put(&b->w, id->data);
	wire_build_end(b);
}
