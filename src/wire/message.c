#include "wire/message.h"

#include <stddef.h>

enum { OFFSET_NEXT_PAYLOAD = 16, OFFSET_LENGTH = 24, CRITICAL = 0x80 };

enum cv_err wire_header_decode(struct cv_bytes message, struct wire_header *out)
{
	struct cv_cursor c = cv_cursor(message);
	uint8_t version;

	*out = (struct wire_header){ 0 };
	out->spi_i = cv_cursor_u64(&c);
	out->spi_r = cv_cursor_u64(&c);
	out->next_payload = cv_cursor_u8(&c);
	version = cv_cursor_u8(&c);
	out->major = version >> 4;
	out->minor = version & 15;
	out->exchange = cv_cursor_u8(&c);
	out->flags = cv_cursor_u8(&c);
	out->message_id = cv_cursor_u32(&c);
	out->length = cv_cursor_u32(&c);
	return cv_cursor_ok(&c) ? CV_OK : CV_E_TRUNCATED;
}

/* Types defined by RFC 7296 and RFC 7383; their critical bit is ignored (RFC 7296 section 3.2). */
static bool known_type(uint8_t type)
{
	return (type >= WIRE_SA && type <= WIRE_EAP) || type == WIRE_SKF;
}

/* Reads one payload; false when its length is impossible. */
static bool decode_payload(struct cv_cursor *c, uint8_t type, struct wire_payload *out)
{
	uint8_t flags;
	uint16_t length;

	out->type = type;
	out->next = cv_cursor_u8(c);
	flags = cv_cursor_u8(c); /* RESERVED bits are ignored */
	out->critical = flags & CRITICAL;
	length = cv_cursor_u16(c);
	if (length < WIRE_PAYLOAD_HEADER_LEN)
		cv_cursor_fail(c);
	out->body = cv_cursor_take(c, (size_t)length - WIRE_PAYLOAD_HEADER_LEN);
	return cv_cursor_ok(c);
}

enum cv_err wire_chain_decode(uint8_t first, struct cv_bytes region, struct wire_chain *out,
			      uint8_t *critical_unknown)
{
	struct cv_cursor c = cv_cursor(region);
	uint8_t type = first;

	out->count = 0;
	*critical_unknown = 0;
	while (type != WIRE_NO_NEXT) {
		struct wire_payload *p = &out->payload[out->count];

		if (out->count == WIRE_PAYLOADS_MAX)
			return CV_E_LIMIT;
		p->offset = region.len - cv_cursor_left(&c);
		if (!decode_payload(&c, type, p))
			return CV_E_SYNTAX;
		out->count++;
		if (p->critical && !known_type(type) && *critical_unknown == 0)
			*critical_unknown = type;
		/* What SK's next field names is inside it. */
		type = type == WIRE_SK || type == WIRE_SKF ? WIRE_NO_NEXT : p->next;
	}
	return cv_cursor_done(&c) ? CV_OK : CV_E_SYNTAX;
}

const struct wire_payload *wire_chain_find(const struct wire_chain *chain, uint8_t type)
{
	for (uint8_t i = 0; i < chain->count; i++)
		if (chain->payload[i].type == type)
			return &chain->payload[i];
	return NULL;
}

unsigned wire_chain_count(const struct wire_chain *chain, uint8_t type)
{
	unsigned n = 0;

	for (uint8_t i = 0; i < chain->count; i++)
		n += chain->payload[i].type == type;
	return n;
}

void wire_build_inner(struct wire_builder *b, uint8_t *buf, size_t cap)
{
	*b = (struct wire_builder){ .w = cv_writer(buf, cap),
				    .next_field = SIZE_MAX,
				    .open_payload = SIZE_MAX,
				    .first = WIRE_NO_NEXT };
}

void wire_build_message(struct wire_builder *b, uint8_t *buf, size_t cap, const struct wire_header *header)
{
	wire_build_inner(b, buf, cap);
	b->has_header = true;
	b->next_field = OFFSET_NEXT_PAYLOAD;
	cv_writer_u64(&b->w, header->spi_i);
	cv_writer_u64(&b->w, header->spi_r);
	cv_writer_u8(&b->w, WIRE_NO_NEXT);
	cv_writer_u8(&b->w, (uint8_t)(header->major << 4 | (header->minor & 15)));
	cv_writer_u8(&b->w, header->exchange);
	/* The version flag and the X bits go out as zero (RFC 7296 section 3.1). */
	cv_writer_u8(&b->w, header->flags & (WIRE_FLAG_INITIATOR | WIRE_FLAG_RESPONSE));
	cv_writer_u32(&b->w, header->message_id);
	cv_writer_u32(&b->w, 0);
}

void wire_build_begin(struct wire_builder *b, uint8_t type)
{
	size_t start = b->w.len;

	if (b->open_payload != SIZE_MAX)
		b->w.failed = true;
	cv_writer_zero(&b->w, WIRE_PAYLOAD_HEADER_LEN);
	if (!cv_writer_ok(&b->w))
		return;
	if (b->next_field != SIZE_MAX)
		b->w.data[b->next_field] = type;
	if (b->first == WIRE_NO_NEXT)
		b->first = type;
	b->next_field = start;
	b->open_payload = start;
}

void wire_build_end(struct wire_builder *b)
{
	size_t len = b->w.len - b->open_payload;

	if (b->open_payload == SIZE_MAX || len > UINT16_MAX)
		b->w.failed = true;
	else
		cv_writer_patch_u16(&b->w, b->open_payload + 2, (uint16_t)len);
	b->open_payload = SIZE_MAX;
}

enum cv_err wire_build_finish(struct wire_builder *b, struct cv_bytes *out)
{
	if (b->open_payload != SIZE_MAX || b->w.len > UINT32_MAX)
		b->w.failed = true;
	if (b->has_header)
		cv_writer_patch_u32(&b->w, OFFSET_LENGTH, (uint32_t)b->w.len);
	*out = cv_writer_bytes(&b->w);
	return cv_writer_ok(&b->w) ? CV_OK : CV_E_NOSPACE;
}
