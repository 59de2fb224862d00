/* Security Association payload (RFC 7296 section 3.3). */
#include "wire/payloads.h"

enum {
	LAST = 0,	     /* Last Substruc: no more */
	MORE_PROPOSALS = 2,  /* section 3.3.1 */
	MORE_TRANSFORMS = 3, /* section 3.3.2 */
	PROPOSAL_HEADER_LEN = 8,
	TRANSFORM_HEADER_LEN = 8,
	ATTRIBUTE_TV = 0x8000, /* the attribute's value is in the length field (section 3.3.5) */
};

/* One attribute. Key Length, the only one defined, is of fixed length and so must be in TV form; any other,
 * or one that stands twice or says 0, makes the transform one that we can't choose (sections 3.3.5, 3.3.6).
 */
static void decode_attribute(struct cv_cursor *c, struct wire_transform *t)
{
	uint16_t type = cv_cursor_u16(c);
	uint16_t value = cv_cursor_u16(c);

	if (!(type & ATTRIBUTE_TV))
		cv_cursor_skip(c, value);
	if (type == (ATTRIBUTE_TV | WIRE_ATTR_KEY_LENGTH) && value != 0 && t->key_bits == 0)
		t->key_bits = value;
	else
		t->unusable = true;
}

/* One transform of the `left` that are still announced, this one included. */
static bool decode_transform(struct cv_cursor *c, unsigned left, struct wire_transform *out)
{
	struct cv_cursor attributes;
	uint8_t more = cv_cursor_u8(c);
	uint16_t length;

	cv_cursor_skip(c, 1);
	length = cv_cursor_u16(c);
	out->type = cv_cursor_u8(c);
	cv_cursor_skip(c, 1);
	out->id = cv_cursor_u16(c);
	if (more != (left > 1 ? MORE_TRANSFORMS : LAST) || length < TRANSFORM_HEADER_LEN)
		return false;
	attributes = cv_cursor_sub(c, (size_t)length - TRANSFORM_HEADER_LEN);
	while (cv_cursor_left(&attributes))
		decode_attribute(&attributes, out);
	return cv_cursor_done(&attributes);
}

/* The SPI in front of the transforms. Its size follows from the protocol (section 3.3.1); for a protocol that
 * we don't know, which is never chosen, it is skipped. */
static bool decode_spi(struct cv_cursor *c, uint8_t size, struct wire_proposal *out)
{
	switch (out->protocol) {
	case WIRE_PROTO_IKE:
		if (size != 0 && size != WIRE_IKE_SPI_LEN)
			return false;
		out->spi = size ? cv_cursor_u64(c) : 0;
		break;
	case WIRE_PROTO_AH:
	case WIRE_PROTO_ESP:
		if (size != WIRE_ESP_SPI_LEN)
			return false;
		out->spi = cv_cursor_u32(c);
		break;
	default: cv_cursor_skip(c, size); size = 0;
	}
	out->spi_len = size;
	return cv_cursor_ok(c);
}

static bool decode_proposal(struct cv_cursor *c, struct wire_proposal *out)
{
	struct cv_cursor in;
	uint8_t more = cv_cursor_u8(c);
	uint8_t spi_size, announced;
	uint16_t length;

	*out = (struct wire_proposal){ 0 };
	cv_cursor_skip(c, 1);
	length = cv_cursor_u16(c);
	if (length < PROPOSAL_HEADER_LEN)
		return false;
	in = cv_cursor_sub(c, (size_t)length - 4);
	out->number = cv_cursor_u8(&in);
	out->protocol = cv_cursor_u8(&in);
	spi_size = cv_cursor_u8(&in);
	announced = cv_cursor_u8(&in);
	if (!cv_cursor_ok(&in) || !decode_spi(&in, spi_size, out))
		return false;
	for (unsigned left = announced; left; left--) {
		struct wire_transform t = { 0 };

		if (!decode_transform(&in, left, &t))
			return false;
		if (out->transform_count < WIRE_TRANSFORMS_MAX)
			out->transform[out->transform_count++] = t;
	}
	return cv_cursor_done(&in) && more == (cv_cursor_left(c) ? MORE_PROPOSALS : LAST);
}

enum cv_err wire_sa_decode(struct cv_bytes body, struct wire_sa *out)
{
	struct cv_cursor c = cv_cursor(body);
	struct wire_proposal p;
	unsigned previous = 0;

	out->count = 0;
	do {
		if (!decode_proposal(&c, &p))
			return CV_E_SYNTAX;
		/* An answer may begin with any number, but they always count up by one (section 3.3.1). */
		if (previous && p.number != previous + 1)
			return CV_E_SYNTAX;
		previous = p.number;
		if (out->count < WIRE_PROPOSALS_MAX)
			out->proposal[out->count++] = p;
	} while (cv_cursor_left(&c));
	return CV_OK;
}

static void build_transform(struct cv_writer *w, const struct wire_transform *t, bool last)
{
	cv_writer_u8(w, last ? LAST : MORE_TRANSFORMS);
	cv_writer_u8(w, 0);
	cv_writer_u16(w, TRANSFORM_HEADER_LEN + (t->key_bits ? 4 : 0));
	cv_writer_u8(w, t->type);
	cv_writer_u8(w, 0);
	cv_writer_u16(w, t->id);
	if (t->key_bits) {
		cv_writer_u16(w, ATTRIBUTE_TV | WIRE_ATTR_KEY_LENGTH);
		cv_writer_u16(w, t->key_bits);
	}
}

static void build_proposal(struct cv_writer *w, const struct wire_proposal *p, bool last)
{
	size_t start = w->len;

	if (p->transform_count > WIRE_TRANSFORMS_MAX)
		w->failed = true;
	cv_writer_u8(w, last ? LAST : MORE_PROPOSALS);
	cv_writer_u8(w, 0);
	cv_writer_u16(w, 0);
	cv_writer_u8(w, p->number);
	cv_writer_u8(w, p->protocol);
	cv_writer_u8(w, p->spi_len);
	cv_writer_u8(w, p->transform_count);
	if (p->spi_len == WIRE_IKE_SPI_LEN)
		cv_writer_u64(w, p->spi);
	else if (p->spi_len == WIRE_ESP_SPI_LEN)
		cv_writer_u32(w, (uint32_t)p->spi);
	else if (p->spi_len != 0)
		w->failed = true;
	for (unsigned i = 0; i < p->transform_count && cv_writer_ok(w); i++)
		build_transform(w, &p->transform[i], i + 1 == p->transform_count);
	cv_writer_patch_u16(w, start + 2, (uint16_t)(w->len - start));
}

void wire_sa_build(struct wire_builder *b, const struct wire_sa *sa)
{
	wire_build_begin(b, WIRE_SA);
	if (sa->count == 0 || sa->count > WIRE_PROPOSALS_MAX)
		b->w.failed = true;
	for (unsigned i = 0; i < sa->count && cv_writer_ok(&b->w); i++)
		build_proposal(&b->w, &sa->proposal[i], i + 1 == sa->count);
	wire_build_end(b);
}
