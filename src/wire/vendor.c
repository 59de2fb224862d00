/* Vendor ID payload (RFC 7296 section 3.12). */
#include "wire/payloads.h"

void wire_vendor_build(struct wire_builder *b, struct cv_bytes id)
{
	wire_build_begin(b, WIRE_VENDOR);
	cv_writer_put(&b->w, id);
	wire_build_end(b);
}
