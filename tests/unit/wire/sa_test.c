#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "payload.h"

static struct wire_sa sa; /* what the last decode gave */

static enum cv_err decode(struct cv_bytes body)
{
	return wire_sa_decode(body, &sa);
}

/* Two offers for an IKE SA: AES-GCM-16 with 256 bits, and AES-CBC with 128 bits and HMAC-SHA2-256; written
 * down by hand from the figures of RFC 7296 section 3.3. */
static const char two_offers[] = "02 00 0024 01 01 00 03"
				 "03 00 000c 01 00 0014 800e0100"
				 "03 00 0008 02 00 0005"
				 "00 00 0008 04 00 001f"
				 "00 00 002c 02 01 00 04"
				 "03 00 000c 01 00 000c 800e0080"
				 "03 00 0008 03 00 000c"
				 "03 00 0008 02 00 0005"
				 "00 00 0008 04 00 000e";

static const struct wire_sa two_offers_value = {
	.count = 2,
	.proposal = { { .number = 1,
			.protocol = WIRE_PROTO_IKE,
			.transform_count = 3,
			.transform = { { .type = WIRE_T_ENCR, .id = WIRE_ENCR_AES_GCM_16, .key_bits = 256 },
				       { .type = WIRE_T_PRF, .id = WIRE_PRF_HMAC_SHA2_256 },
				       { .type = WIRE_T_KE, .id = WIRE_KE_CURVE25519 } } },
		      { .number = 2,
			.protocol = WIRE_PROTO_IKE,
			.transform_count = 4,
			.transform = { { .type = WIRE_T_ENCR, .id = WIRE_ENCR_AES_CBC, .key_bits = 128 },
				       { .type = WIRE_T_INTEG, .id = WIRE_AUTH_HMAC_SHA2_256_128 },
				       { .type = WIRE_T_PRF, .id = WIRE_PRF_HMAC_SHA2_256 },
				       { .type = WIRE_T_KE, .id = WIRE_KE_MODP2048 } } } },
};

static void assert_same(const struct wire_sa *a, const struct wire_sa *b)
{
	assert_int_equal(a->count, b->count);
	for (unsigned i = 0; i < a->count; i++) {
		const struct wire_proposal *p = &a->proposal[i], *q = &b->proposal[i];

		assert_int_equal(p->number, q->number);
		assert_int_equal(p->protocol, q->protocol);
		assert_int_equal(p->spi_len, q->spi_len);
		assert_true(p->spi == q->spi);
		assert_int_equal(p->transform_count, q->transform_count);
		for (unsigned j = 0; j < p->transform_count; j++) {
			assert_int_equal(p->transform[j].type, q->transform[j].type);
			assert_int_equal(p->transform[j].id, q->transform[j].id);
			assert_int_equal(p->transform[j].key_bits, q->transform[j].key_bits);
			assert_int_equal(p->transform[j].unusable, q->transform[j].unusable);
		}
	}
}

static void test_two_offers_are_read(void **state)
{
	(void)state;
	assert_int_equal(payload_decode_hex(two_offers, decode), CV_OK);
	assert_same(&sa, &two_offers_value);
}

/* R7296-3.3.5-1: Key Length goes out in TV form; R7296-3.2-1: RESERVED as zero. */
static void test_two_offers_are_built_as_the_figures_say(void **state)
{
	struct cv_bytes expected = octets_hex(two_offers);
	struct wire_builder b;
	uint8_t buf[256];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_sa_build(&b, &two_offers_value);
	assert_true(cv_bytes_equal(payload_body(&b), expected));
	octets_free(expected);
}

static void test_an_offer_cut_anywhere_is_refused(void **state)
{
	struct cv_bytes body = octets_hex(two_offers);

	(void)state;
	assert_int_equal(payload_cuts_accepted(body, decode), 0);
	octets_free(body);
}

/* R7296-3.3-2: lengths against inner lengths and counts, and the last-substructure values. */
static void test_an_offer_whose_parts_contradict_each_other_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		/* proposal: last is 2 at the end; 0 with more behind; 3; length too small, too large, off by
		   one */
		"02 00 0010 01 01 00 01 00 00 0008 02 00 0005",
		"00 00 0010 01 01 00 01 00 00 0008 02 00 0005 00 00 0010 02 01 00 01 00 00 0008 02 00 0005",
		"03 00 0010 01 01 00 01 00 00 0008 02 00 0005",
		"00 00 0007 01 01 00 00",
		"00 00 0003 01 01 00 00",
		"00 00 0000 01 01 00 00",
		"00 00 0011 01 01 00 01 00 00 0008 02 00 0005",
		"00 00 0011 01 01 00 01 00 00 0008 02 00 0005 00",
		"00 00 000f 01 01 00 01 00 00 0008 02 00 0005",
		/* fewer transforms than announced, more than announced */
		"00 00 0010 01 01 00 02 00 00 0008 02 00 0005",
		"00 00 0010 01 01 00 02 03 00 0008 02 00 0005",
		"00 00 0018 01 01 00 01 00 00 0008 02 00 0005 00 00 0008 02 00 0005",
		"00 00 0018 01 01 00 01 03 00 0008 02 00 0005 00 00 0008 02 00 0005",
		"00 00 0010 01 01 00 00 00 00 0008 02 00 0005",
		/* transform: last is 0 with more behind, 3 at the end, 2; length too small, too large */
		"00 00 0018 01 01 00 02 00 00 0008 02 00 0005 00 00 0008 02 00 0005",
		"00 00 0010 01 01 00 01 03 00 0008 02 00 0005",
		"00 00 0018 01 01 00 02 02 00 0008 02 00 0005 00 00 0008 02 00 0005",
		"00 00 0010 01 01 00 01 00 00 0007 02 00 0005",
		"00 00 0010 01 01 00 01 00 00 0009 02 00 0005",
		"00 00 0010 01 01 00 01 00 00 0000 02 00 0005",
		/* attribute: half of one, a TLV longer than its transform */
		"00 00 0012 01 01 00 01 00 00 000a 01 00 000c 800e",
		"00 00 0014 01 01 00 01 00 00 000c 01 00 000c 000e0002",
		"00 00 0018 01 01 00 01 00 00 0010 01 00 000c 000e0005 01020304",
		/* SPI: longer than the proposal */
		"00 00 000a 01 03 04 00 0102",
		/* something behind the last proposal */
		"00 00 0010 01 01 00 01 00 00 0008 02 00 0005 00",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (payload_decode_hex(cases[i], decode) != CV_E_SYNTAX)
			fail_msg("accepted: %s", cases[i]);
}

/* R7296-3.3.1-1 */
static void test_the_length_of_the_spi_follows_from_the_protocol(void **state)
{
	static const struct {
		const char *hex;
		enum cv_err err;
		uint8_t spi_len;
		uint64_t spi;
	} cases[] = {
		{ "00 00 0008 01 01 00 00", CV_OK, 0, 0 },
		{ "00 00 0010 01 01 08 00 0102030405060708", CV_OK, 8, 0x0102030405060708 },
		{ "00 00 000c 01 01 04 00 01020304", CV_E_SYNTAX, 0, 0 },
		{ "00 00 0008 01 01 04 00", CV_E_SYNTAX, 0, 0 },
		{ "00 00 0008 01 01 08 00", CV_E_SYNTAX, 0, 0 },
		{ "00 00 000c 01 03 04 00 f1020304", CV_OK, 4, 0xf1020304 },
		{ "00 00 000c 01 02 04 00 01020304", CV_OK, 4, 0x01020304 },
		{ "00 00 0008 01 03 00 00", CV_E_SYNTAX, 0, 0 },
		{ "00 00 0010 01 03 08 00 0102030405060708", CV_E_SYNTAX, 0, 0 },
		/* A protocol that nobody has defined yet: not chosen, and no reason to refuse the others. */
		{ "00 00 000b 01 09 03 00 010203", CV_OK, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(payload_decode_hex(cases[i].hex, decode), cases[i].err);
		if (cases[i].err == CV_OK) {
			assert_int_equal(sa.proposal[0].spi_len, cases[i].spi_len);
			assert_true(sa.proposal[0].spi == cases[i].spi);
		}
	}
}

/* R7296-3.3-1: an answer begins with the number of what it accepts, so any first number passes. */
static void test_proposal_numbers_count_up_by_one(void **state)
{
	static const struct {
		const char *hex;
		enum cv_err err;
	} cases[] = {
		{ "00 00 0008 07 01 00 00", CV_OK },
		{ "02 00 0008 01 01 00 00 00 00 0008 02 01 00 00", CV_OK },
		{ "02 00 0008 01 01 00 00 00 00 0008 01 01 00 00", CV_E_SYNTAX },
		{ "02 00 0008 01 01 00 00 00 00 0008 03 01 00 00", CV_E_SYNTAX },
		{ "02 00 0008 02 01 00 00 00 00 0008 01 01 00 00", CV_E_SYNTAX },
		{ "02 00 0008 ff 01 00 00 00 00 0008 00 01 00 00", CV_E_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(payload_decode_hex(cases[i].hex, decode), cases[i].err);
}

/* R7296-3.3.6-2, R7296-3.3-3, R7296-3.3.5-1: such a transform is not chosen, and harms no other. */
static void test_a_transform_with_odd_attributes_is_marked_unusable(void **state)
{
	static const struct {
		const char *hex;
		uint16_t key_bits;
		bool unusable;
	} cases[] = {
		{ "00 00 0010 01 01 00 01 00 00 0008 01 00 000c", 0, false },
		{ "00 00 0014 01 01 00 01 00 00 000c 01 00 000c 800e0100", 256, false },
		{ "00 00 0018 01 01 00 01 00 00 0010 01 00 000c 800e0100 800e0100", 256, true }, /* twice */
		{ "00 00 0018 01 01 00 01 00 00 0010 01 00 000c 800e0080 800e0100", 128, true },
		{ "00 00 0014 01 01 00 01 00 00 000c 01 00 000c 800e0000", 0, true },	   /* zero */
		{ "00 00 0016 01 01 00 01 00 00 000e 01 00 000c 000e0002 0100", 0, true }, /* TLV */
		{ "00 00 0014 01 01 00 01 00 00 000c 01 00 000c 000e0000", 0, true },
		{ "00 00 0014 01 01 00 01 00 00 000c 01 00 000c 800f0100", 0, true }, /* unknown */
		{ "00 00 0018 01 01 00 01 00 00 0010 01 00 000c 800e0100 800f0001", 256, true },
		{ "00 00 0017 01 01 00 01 00 00 000f 01 00 000c 00110003 010203", 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(payload_decode_hex(cases[i].hex, decode), CV_OK);
		assert_int_equal(sa.proposal[0].transform[0].key_bits, cases[i].key_bits);
		assert_int_equal(sa.proposal[0].transform[0].unusable, cases[i].unusable);
	}
}

/* R7296-3.3.6-2 */
static void test_unknown_transform_types_and_ids_are_kept(void **state)
{
	(void)state;
	assert_int_equal(
	    payload_decode_hex("00 00 0018 01 01 00 02 03 00 0008 f1 00 0005 00 00 0008 02 00 fffe", decode),
	    CV_OK);
	assert_int_equal(sa.proposal[0].transform[0].type, 0xf1);
	assert_int_equal(sa.proposal[0].transform[1].id, 0xfffe);
}

/* R7296-3.2-1 */
static void test_reserved_octets_are_ignored(void **state)
{
	(void)state;
	assert_int_equal(payload_decode_hex("00 ff 0010 01 01 00 01 00 ff 0008 02 ff 0005", decode), CV_OK);
	assert_int_equal(sa.proposal[0].transform[0].id, 5);
}

/* A proposal with 255 transforms, the last of them with the given length field. */
static enum cv_err decode_many_transforms(uint16_t last_length)
{
	enum { N = 255 };
	uint8_t body[8 + 8 * N];
	struct cv_writer w = cv_writer(body, sizeof(body));

	cv_writer_u16(&w, 0);
	cv_writer_u16(&w, sizeof(body));
	cv_writer_u32(&w, 0x010100ff);
	for (unsigned i = 0; i < N; i++) {
		cv_writer_u16(&w, i + 1 < N ? 0x0300 : 0);
		cv_writer_u16(&w, i + 1 < N ? 8 : last_length);
		cv_writer_u16(&w, 0x0200);
		cv_writer_u16(&w, (uint16_t)i);
	}
	return wire_sa_decode(cv_writer_bytes(&w), &sa);
}

static void test_transforms_beyond_the_limit_are_checked_and_left_out(void **state)
{
	(void)state;
	assert_int_equal(decode_many_transforms(8), CV_OK);
	assert_int_equal(sa.proposal[0].transform_count, WIRE_TRANSFORMS_MAX);
	assert_int_equal(sa.proposal[0].transform[WIRE_TRANSFORMS_MAX - 1].id, WIRE_TRANSFORMS_MAX - 1);
	assert_int_equal(decode_many_transforms(7), CV_E_SYNTAX);
}

static void test_proposals_beyond_the_limit_are_checked_and_left_out(void **state)
{
	uint8_t body[8 * 40];

	(void)state;
	for (uint8_t i = 0; i < 40; i++)
		memcpy(body + 8 * i, (const uint8_t[]){ i < 39 ? 2 : 0, 0, 0, 8, (uint8_t)(i + 1), 1, 0, 0 },
		       8);
	assert_int_equal(wire_sa_decode(cv_bytes(body, sizeof(body)), &sa), CV_OK);
	assert_int_equal(sa.count, WIRE_PROPOSALS_MAX);
	assert_int_equal(sa.proposal[WIRE_PROPOSALS_MAX - 1].number, WIRE_PROPOSALS_MAX);
	body[8 * 39] = 2;
	assert_int_equal(wire_sa_decode(cv_bytes(body, sizeof(body)), &sa), CV_E_SYNTAX);
}

static void make_random(uint64_t *seed, struct wire_sa *out)
{
	static const struct {
		uint8_t protocol, spi_len;
	} kinds[] = {
		{ WIRE_PROTO_IKE, 0 }, { WIRE_PROTO_IKE, 8 }, { WIRE_PROTO_AH, 4 }, { WIRE_PROTO_ESP, 4 }
	};

	*out = (struct wire_sa){ .count = (uint8_t)(1 + octets_random(seed) % WIRE_PROPOSALS_MAX) };
	for (unsigned i = 0; i < out->count; i++) {
		struct wire_proposal *p = &out->proposal[i];
		size_t kind = octets_random(seed) % 4;

		p->number = (uint8_t)(i + 1);
		p->protocol = kinds[kind].protocol;
		p->spi_len = kinds[kind].spi_len;
		p->spi = p->spi_len ? octets_random(seed) >> (64 - 8 * p->spi_len) : 0;
		p->transform_count = (uint8_t)(octets_random(seed) % (WIRE_TRANSFORMS_MAX + 1));
		for (unsigned j = 0; j < p->transform_count; j++) {
			p->transform[j].type = (uint8_t)octets_random(seed);
			p->transform[j].id = (uint16_t)octets_random(seed);
			p->transform[j].key_bits =
			    octets_random(seed) % 2 ? (uint16_t)octets_random(seed) : 0;
		}
	}
}

static void test_what_is_built_is_read_back(void **state)
{
	static uint8_t buf[32768];
	uint64_t seed = 3;

	(void)state;
	for (int run = 0; run < 300; run++) {
		struct wire_sa made;
		struct wire_builder b;
		struct cv_bytes body;

		make_random(&seed, &made);
		wire_build_inner(&b, buf, sizeof(buf));
		wire_sa_build(&b, &made);
		body = payload_body(&b);
		assert_int_equal(payload_decode_cut(body, body.len, decode), CV_OK);
		assert_same(&sa, &made);
		/* A part of it is never good. */
		assert_int_not_equal(payload_decode_cut(body, body.len * 7 / 8, decode), CV_OK);
		assert_int_not_equal(payload_decode_cut(body, body.len / 2, decode), CV_OK);
	}
}

static void test_values_that_cannot_be_sent_fail_the_builder(void **state)
{
	struct wire_builder b;
	uint8_t buf[512];

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct wire_sa bad = two_offers_value;

		switch (kind) {
		case 0: bad.count = 0; break;
		case 1: bad.count = WIRE_PROPOSALS_MAX + 1; break;
		case 2: bad.proposal[0].spi_len = 3; break;
		default: bad.proposal[0].transform_count = WIRE_TRANSFORMS_MAX + 1; break;
		}
		wire_build_inner(&b, buf, sizeof(buf));
		wire_sa_build(&b, &bad);
		assert_null(payload_body(&b).data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_offers_are_read),
		cmocka_unit_test(test_two_offers_are_built_as_the_figures_say),
		cmocka_unit_test(test_an_offer_cut_anywhere_is_refused),
		cmocka_unit_test(test_an_offer_whose_parts_contradict_each_other_is_refused),
		cmocka_unit_test(test_the_length_of_the_spi_follows_from_the_protocol),
		cmocka_unit_test(test_proposal_numbers_count_up_by_one),
		cmocka_unit_test(test_a_transform_with_odd_attributes_is_marked_unusable),
		cmocka_unit_test(test_unknown_transform_types_and_ids_are_kept),
		cmocka_unit_test(test_reserved_octets_are_ignored),
		cmocka_unit_test(test_transforms_beyond_the_limit_are_checked_and_left_out),
		cmocka_unit_test(test_proposals_beyond_the_limit_are_checked_and_left_out),
		cmocka_unit_test(test_what_is_built_is_read_back),
		cmocka_unit_test(test_values_that_cannot_be_sent_fail_the_builder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
