/* Delete payload (RFC 7296 section 3.11). */
#include "wire/payloads.h"

enum cv_err wire_delete_decode(struct cv_bytes body, struct wire_delete *out)
{
	struct cv_cursor c = cv_cursor(body);
	uint8_t spi_len;
	uint16_t announced;

	out->count = 0;
	out->protocol = cv_cursor_u8(&c);
	spi_len = cv_cursor_u8(&c);
	announced = cv_cursor_u16(&c);
	/* The IKE SA is named by the message that carries the payload. */
	if (out->protocol == WIRE_PROTO_IKE)
		return spi_len == 0 && cv_cursor_done(&c) ? CV_OK : CV_E_SYNTAX;
	if (out->protocol != WIRE_PROTO_AH && out->protocol != WIRE_PROTO_ESP)
		return CV_E_SYNTAX;
	if (spi_len != WIRE_ESP_SPI_LEN || cv_cursor_left(&c) != (size_t)announced * WIRE_ESP_SPI_LEN)
		return CV_E_SYNTAX;
	while (out->count < announced && out->count < WIRE_DELETE_SPIS_MAX)
		out->spi[out->count++] = cv_cursor_u32(&c);
	return cv_cursor_ok(&c) ? CV_OK : CV_E_SYNTAX;
}

void wire_delete_build(struct wire_builder *b, const struct wire_delete *d)
{
	bool child = d->protocol != WIRE_PROTO_IKE;

	wire_build_begin(b, WIRE_DELETE);
	if (d->count > WIRE_DELETE_SPIS_MAX || (!child && d->count))
		b->w.failed = true;
	cv_writer_u8(&b->w, d->protocol);
	cv_writer_u8(&b->w, child ? WIRE_ESP_SPI_LEN : 0);
	cv_writer_u16(&b->w, d->count);
	for (uint16_t i = 0; i < d->count && cv_writer_ok(&b->w); i++)
		cv_writer_u32(&b->w, d->spi[i]);
	wire_build_end(b);
}
