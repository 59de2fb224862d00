/* Notify payload (RFC 7296 section 3.10). */
#include "wire/payloads.h"

/* Whether the length of the data can be right for the types whose data has a fixed form. */
static bool length_fits(uint16_t type, size_t len)
{
	switch (type) {
	case WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD: return len == 1;
	case WIRE_N_INVALID_KE_PAYLOAD: return len == 2;
	case WIRE_N_SET_WINDOW_SIZE: return len == 4;
	case WIRE_N_NAT_DETECTION_SOURCE_IP:
	case WIRE_N_NAT_DETECTION_DESTINATION_IP: return len == 20; /* SHA-1 (section 2.23) */
	case WIRE_N_COOKIE: return len >= 1 && len <= WIRE_COOKIE_MAX;
	default: return true;
	}
}

/* 8 octets for an IKE SA, 4 for a Child SA, and always none. */
static bool spi_len_fits(uint8_t protocol, uint8_t len)
{
	switch (len) {
	case 0: return true;
	case WIRE_ESP_SPI_LEN: return protocol == WIRE_PROTO_AH || protocol == WIRE_PROTO_ESP;
	case WIRE_IKE_SPI_LEN: return protocol == WIRE_PROTO_IKE;
	default: return false;
	}
}

enum cv_err wire_notify_decode(struct cv_bytes body, struct wire_notify_payload *out)
{
	struct cv_cursor c = cv_cursor(body);

	*out = (struct wire_notify_payload){ 0 };
	out->protocol = cv_cursor_u8(&c);
	out->spi_len = cv_cursor_u8(&c);
	out->type = cv_cursor_u16(&c);
	if (!spi_len_fits(out->protocol, out->spi_len))
		return CV_E_SYNTAX;
	if (out->spi_len == WIRE_ESP_SPI_LEN)
		out->spi = cv_cursor_u32(&c);
	else if (out->spi_len == WIRE_IKE_SPI_LEN)
		out->spi = cv_cursor_u64(&c);
	out->data = cv_cursor_rest(&c);
	return cv_cursor_ok(&c) && length_fits(out->type, out->data.len) ? CV_OK : CV_E_SYNTAX;
}

void wire_notify_build(struct wire_builder *b, const struct wire_notify_payload *n)
{
	wire_build_begin(b, WIRE_NOTIFY);
	if (!spi_len_fits(n->protocol, n->spi_len))
		b->w.failed = true;
	cv_writer_u8(&b->w, n->protocol);
	cv_writer_u8(&b->w, n->spi_len);
	cv_writer_u16(&b->w, n->type);
	if (n->spi_len == WIRE_ESP_SPI_LEN)
		cv_writer_u32(&b->w, (uint32_t)n->spi);
	else if (n->spi_len == WIRE_IKE_SPI_LEN)
		cv_writer_u64(&b->w, n->spi);
	cv_writer_put(&b->w, n->data);
	wire_build_end(b);
}

void wire_notify_build_plain(struct wire_builder *b, uint16_t type, struct cv_bytes data)
{
	struct wire_notify_payload n = { .type = type, .data = data };

	wire_notify_build(b, &n);
}

bool wire_notify_find(const struct wire_chain *chain, uint16_t type, struct wire_notify_payload *out)
{
	for (uint8_t i = 0; i < chain->count; i++)
		if (chain->payload[i].type == WIRE_NOTIFY &&
		    wire_notify_decode(chain->payload[i].body, out) == CV_OK && out->type == type)
			return true;
	*out = (struct wire_notify_payload){ 0 };
	return false;
}

bool wire_notify_find_error(const struct wire_chain *chain, struct wire_notify_payload *out)
{
	for (uint8_t i = 0; i < chain->count; i++)
		if (chain->payload[i].type == WIRE_NOTIFY &&
		    wire_notify_decode(chain->payload[i].body, out) == CV_OK &&
		    out->type < WIRE_N_FIRST_STATUS)
			return true;
	*out = (struct wire_notify_payload){ 0 };
	return false;
}
