#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "octets.h"
#include "wire/message.h"

/* The IKE message of RFC 7634 appendix B: INFORMATIONAL, one SK payload with a Notify inside. */
static const char rfc7634_message[] = "c0c1c2c3c4c5c6c7 d0d1d2d3d4d5d6d7 2e202500 00000009 00000045"
				      "29000029 1011121314151617 61039470 1f8d017f 7c129248 89"
				      "6b71bfe2 5236efd7 cdc67066 906315b2";

static void test_the_header_of_rfc7634_appendix_b_is_read(void **state)
{
	struct cv_bytes m = octets_hex(rfc7634_message);
	struct wire_header h;

	(void)state;
	assert_int_equal(wire_header_decode(m, &h), CV_OK);
	assert_true(h.spi_i == 0xc0c1c2c3c4c5c6c7 && h.spi_r == 0xd0d1d2d3d4d5d6d7);
	assert_int_equal(h.next_payload, WIRE_SK);
	assert_int_equal(h.major, 2);
	assert_int_equal(h.minor, 0);
	assert_int_equal(h.exchange, WIRE_INFORMATIONAL);
	assert_int_equal(h.flags, 0);
	assert_int_equal(h.message_id, 9);
	assert_int_equal(h.length, 0x45);
	assert_int_equal(m.len, h.length);
	octets_free(m);
}

/* R7296-3.14-4, R7296-3.1-7: what SK's next field names is inside it, and SK ends the chain. */
static void test_sk_ends_the_chain_and_names_the_first_inner_payload(void **state)
{
	struct cv_bytes m = octets_hex(rfc7634_message);
	struct wire_chain chain;
	uint8_t critical = 99;

	(void)state;
	assert_int_equal(wire_chain_decode(WIRE_SK, cv_bytes(m.data + 28, m.len - 28), &chain, &critical),
			 CV_OK);
	assert_int_equal(chain.count, 1);
	assert_int_equal(chain.payload[0].type, WIRE_SK);
	assert_int_equal(chain.payload[0].next, WIRE_NOTIFY);
	assert_int_equal(chain.payload[0].offset, 0);
	assert_int_equal(chain.payload[0].body.len, 37);
	assert_int_equal(critical, 0);
	octets_free(m);
}

/* R7296-2.5-1: the caller answers foreign versions, so the header is read whatever it says. */
static void test_a_header_of_any_version_is_read(void **state)
{
	struct cv_bytes m = octets_hex("0000000000000000 0000000000000000 ff 31 ff ff ffffffff ffffffff");
	struct wire_header h;

	(void)state;
	assert_int_equal(wire_header_decode(m, &h), CV_OK);
	assert_int_equal(h.major, 3);
	assert_int_equal(h.minor, 1);
	assert_int_equal(h.flags, 0xff);
	assert_int_equal(h.length, UINT32_MAX);
	octets_free(m);
}

static void test_a_short_header_is_truncated_at_every_length(void **state)
{
	struct cv_bytes m = octets_hex(rfc7634_message);
	struct wire_header h;

	(void)state;
	for (size_t len = 0; len < WIRE_IKE_HEADER_LEN; len++) {
		struct cv_bytes cut = octets_exact(cv_bytes(m.data, len));

		assert_int_equal(wire_header_decode(cut, &h), CV_E_TRUNCATED);
		octets_free(cut);
	}
	octets_free(m);
}

/* The result of cutting hex into payloads, the first of type first, from memory that ends with it. */
static enum cv_err decode_chain(uint8_t first, const char *hex, struct wire_chain *chain, uint8_t *critical)
{
	struct cv_bytes loose = octets_hex(hex), region = octets_exact(loose);
	enum cv_err err = wire_chain_decode(first, region, chain, critical);

	octets_free(loose);
	octets_free(region);
	return err;
}

static void test_a_chain_is_cut_into_its_payloads(void **state)
{
	struct cv_bytes region = octets_hex("28000008 00000001 29000005 aa 2c000004 00000006 0102");
	struct wire_chain chain;
	uint8_t critical;

	(void)state;
	assert_int_equal(wire_chain_decode(WIRE_SA, region, &chain, &critical), CV_OK);
	assert_int_equal(chain.count, 4);
	assert_int_equal(chain.payload[0].type, WIRE_SA);
	assert_int_equal(chain.payload[0].body.len, 4);
	assert_int_equal(chain.payload[1].type, WIRE_NONCE);
	assert_int_equal(chain.payload[1].offset, 8);
	assert_int_equal(chain.payload[1].body.data[0], 0xaa);
	assert_int_equal(chain.payload[2].body.len, 0);
	assert_int_equal(chain.payload[3].type, WIRE_TSI);
	assert_int_equal(chain.payload[3].offset, 17);
	assert_ptr_equal(wire_chain_find(&chain, WIRE_NONCE), &chain.payload[1]);
	assert_null(wire_chain_find(&chain, WIRE_TSR));
	octets_free(region);
}

static void test_finding_takes_the_first_and_counting_counts_all(void **state)
{
	struct wire_chain chain;
	uint8_t critical;

	(void)state;
	assert_int_equal(
	    decode_chain(WIRE_NOTIFY, "29000005 01 2b000005 02 29000004 00000005 03", &chain, &critical),
	    CV_OK);
	assert_ptr_equal(wire_chain_find(&chain, WIRE_NOTIFY), &chain.payload[0]);
	assert_int_equal(wire_chain_count(&chain, WIRE_NOTIFY), 3);
	assert_int_equal(wire_chain_count(&chain, WIRE_VENDOR), 1);
	assert_int_equal(wire_chain_count(&chain, WIRE_SA), 0);
}

/* R7296-1.4-1: an empty message has no payload at all. */
static void test_no_payload_is_a_chain_too(void **state)
{
	struct wire_chain chain;
	uint8_t critical;

	(void)state;
	assert_int_equal(decode_chain(WIRE_NO_NEXT, "", &chain, &critical), CV_OK);
	assert_int_equal(chain.count, 0);
}

/* R7296-3.2-2 */
static void test_a_chain_that_does_not_end_exactly_at_the_end_is_refused(void **state)
{
	static const struct {
		uint8_t first;
		const char *hex;
	} cases[] = {
		{ WIRE_NO_NEXT, "00" },	    /* octets that no payload owns */
		{ WIRE_SA, "" },	    /* a payload is announced, none is there */
		{ WIRE_SA, "00000004 00" }, /* something behind the last one */
		{ WIRE_SA, "22000004" },    /* the second one is missing */
		{ WIRE_SA, "00000003" },    /* shorter than its own header */
		{ WIRE_SA, "00000000" },
		{ WIRE_SA, "00000005" }, /* longer than the message */
		{ WIRE_SA, "0000ffff 0000" },
		{ WIRE_SK, "29000005 00 00000004" }, /* SK is not the last one */
		{ WIRE_SKF, "29000005 00 00000004" },
		{ WIRE_SA, "2200000822000004"
			   "0000" },
	};
	struct wire_chain chain;
	uint8_t critical;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(decode_chain(cases[i].first, cases[i].hex, &chain, &critical), CV_E_SYNTAX);
}

/* R7296-2.5-3, R7296-2.5-4 */
static void test_unknown_payloads_are_kept_and_the_first_critical_one_is_named(void **state)
{
	struct wire_chain chain;
	uint8_t critical = 99;

	(void)state;
	assert_int_equal(decode_chain(200, "c9000005 07 00000004", &chain, &critical), CV_OK);
	assert_int_equal(critical, 0);
	assert_int_equal(chain.payload[0].type, 200);
	assert_int_equal(chain.payload[0].body.len, 1);
	assert_int_equal(decode_chain(200, "c9000004 ca800004 00800004", &chain, &critical), CV_OK);
	assert_int_equal(critical, 201);
	assert_int_equal(chain.count, 3);
	assert_true(chain.payload[1].critical && !chain.payload[0].critical);
	/* Types that other registries or later RFCs use are unknown here, too. */
	for (unsigned type = 1; type < 256; type++) {
		bool known = (type >= 33 && type <= 48) || type == 53;

		assert_int_equal(decode_chain((uint8_t)type, "00800004", &chain, &critical), CV_OK);
		assert_int_equal(critical, known ? 0 : type);
	}
}

/* R7296-3.2-1 */
static void test_reserved_bits_of_the_payload_header_are_ignored(void **state)
{
	struct wire_chain chain;
	uint8_t critical;

	(void)state;
	assert_int_equal(decode_chain(250, "007f0004", &chain, &critical), CV_OK);
	assert_int_equal(critical, 0);
	assert_false(chain.payload[0].critical);
}

static void test_a_chain_longer_than_an_honest_one_is_given_up(void **state)
{
	uint8_t region[4 * (WIRE_PAYLOADS_MAX + 1)];
	struct wire_chain chain;
	uint8_t critical;

	(void)state;
	for (size_t i = 0; i <= WIRE_PAYLOADS_MAX; i++)
		memcpy(region + 4 * i, i < WIRE_PAYLOADS_MAX ? "\x29\0\0\4" : "\0\0\0\4", 4);
	assert_int_equal(wire_chain_decode(WIRE_NOTIFY, cv_bytes(region, sizeof(region)), &chain, &critical),
			 CV_E_LIMIT);
	assert_int_equal(
	    wire_chain_decode(WIRE_NOTIFY, cv_bytes(region + 4, sizeof(region) - 4), &chain, &critical),
	    CV_OK);
	assert_int_equal(chain.count, WIRE_PAYLOADS_MAX);
}

static void test_a_chain_cut_anywhere_is_refused_without_reading_on(void **state)
{
	struct cv_bytes region = octets_hex("28000008 00000001 29000005 aa 2c000004 00000006 0102");
	struct wire_chain chain;
	uint8_t critical;

	(void)state;
	for (size_t len = 0; len < region.len; len++) {
		struct cv_bytes cut = octets_exact(cv_bytes(region.data, len));

		assert_int_equal(wire_chain_decode(WIRE_SA, cut, &chain, &critical), CV_E_SYNTAX);
		octets_free(cut);
	}
	octets_free(region);
}

/* Builds the message of RFC 7634 appendix B, its SK body being given; R7296-3.1-5 with the flags that must
 * not be sent. */
static void test_a_built_message_has_the_octets_of_rfc7634_appendix_b(void **state)
{
	struct cv_bytes expected = octets_hex(rfc7634_message), message;
	struct wire_header h = { .spi_i = 0xc0c1c2c3c4c5c6c7,
				 .spi_r = 0xd0d1d2d3d4d5d6d7,
				 .next_payload = 77,
				 .major = 2,
				 .exchange = WIRE_INFORMATIONAL,
				 .flags = 0xff & ~(WIRE_FLAG_INITIATOR | WIRE_FLAG_RESPONSE),
				 .message_id = 9,
				 .length = 12345 };
	struct wire_builder b;
	uint8_t buf[128];

	(void)state;
	wire_build_message(&b, buf, sizeof(buf), &h);
	wire_build_begin(&b, WIRE_SK);
	b.w.data[b.next_field] = WIRE_NOTIFY;
	cv_writer_put(&b.w, cv_bytes(expected.data + 32, expected.len - 32));
	wire_build_end(&b);
	assert_int_equal(wire_build_finish(&b, &message), CV_OK);
	assert_true(cv_bytes_equal(message, expected));
	octets_free(expected);
}

static void test_the_two_flags_that_mean_something_are_sent(void **state)
{
	struct wire_header h = { .spi_i = 1, .major = 2, .exchange = WIRE_IKE_AUTH, .flags = 0xff }, back;
	struct wire_builder b;
	struct cv_bytes message;
	uint8_t buf[28];

	(void)state;
	wire_build_message(&b, buf, sizeof(buf), &h);
	assert_int_equal(wire_build_finish(&b, &message), CV_OK);
	assert_int_equal(wire_header_decode(message, &back), CV_OK);
	assert_int_equal(back.flags, WIRE_FLAG_INITIATOR | WIRE_FLAG_RESPONSE);
	assert_int_equal(back.length, 28);
	assert_int_equal(back.next_payload, WIRE_NO_NEXT);
}

/* Random chains, with and without a header: what was built is read back, payload by payload. */
static void test_what_is_built_is_read_back(void **state)
{
	static uint8_t buf[65536], body[600];
	uint64_t seed = 2;

	(void)state;
	octets_random_fill(&seed, body, sizeof(body));
	for (int run = 0; run < 500; run++) {
		bool inner = octets_random(&seed) % 2;
		struct wire_header h = { .spi_i = octets_random(&seed), .major = 2 }, got = { 0 };
		uint8_t type[WIRE_PAYLOADS_MAX], critical;
		size_t len[WIRE_PAYLOADS_MAX], count = octets_random(&seed) % (WIRE_PAYLOADS_MAX + 1);
		struct wire_builder b;
		struct wire_chain chain;
		struct cv_bytes out, region;

		if (inner)
			wire_build_inner(&b, buf, sizeof(buf));
		else
			wire_build_message(&b, buf, sizeof(buf), &h);
		for (size_t i = 0; i < count; i++) {
			type[i] = (uint8_t)(WIRE_SA + octets_random(&seed) % 12); /* none of SK, SKF */
			len[i] = octets_random(&seed) % sizeof(body);
			wire_build_begin(&b, type[i]);
			cv_writer_put(&b.w, cv_bytes(body, len[i]));
			wire_build_end(&b);
		}
		assert_int_equal(wire_build_finish(&b, &out), CV_OK);
		region = octets_exact(inner ? out : cv_bytes(out.data + 28, out.len - 28));
		if (!inner)
			assert_int_equal(wire_header_decode(out, &got), CV_OK);
		assert_int_equal(inner ? out.len : got.length, out.len);
		assert_int_equal(
		    wire_chain_decode(inner ? b.first : got.next_payload, region, &chain, &critical), CV_OK);
		assert_int_equal(chain.count, count);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(chain.payload[i].type, type[i]);
			assert_true(cv_bytes_equal(chain.payload[i].body, cv_bytes(body, len[i])));
		}
		octets_free(region);
	}
}

static void test_a_buffer_too_small_at_any_length_is_told(void **state)
{
	struct wire_header h = { .spi_i = 1, .major = 2 };
	struct wire_builder b;
	struct cv_bytes out;
	uint8_t buf[28 + 9];

	(void)state;
	for (size_t cap = 0; cap <= sizeof(buf); cap++) {
		uint8_t *exact = malloc(cap + !cap);

		assert_non_null(exact);
		wire_build_message(&b, exact, cap, &h);
		wire_build_begin(&b, WIRE_NONCE);
		cv_writer_put(&b.w, cv_bytes("hello", 5));
		wire_build_end(&b);
		assert_int_equal(wire_build_finish(&b, &out), cap == sizeof(buf) ? CV_OK : CV_E_NOSPACE);
		free(exact);
	}
}

static void test_payloads_cannot_be_nested_or_left_open(void **state)
{
	struct wire_builder b;
	struct cv_bytes out;
	uint8_t buf[64];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_build_begin(&b, WIRE_NONCE);
	wire_build_begin(&b, WIRE_NOTIFY);
	wire_build_end(&b);
	assert_int_equal(wire_build_finish(&b, &out), CV_E_NOSPACE);
	wire_build_inner(&b, buf, sizeof(buf));
	wire_build_begin(&b, WIRE_NONCE);
	assert_int_equal(wire_build_finish(&b, &out), CV_E_NOSPACE);
	wire_build_inner(&b, buf, sizeof(buf));
	wire_build_end(&b);
	assert_int_equal(wire_build_finish(&b, &out), CV_E_NOSPACE);
}

static void test_a_payload_holds_65535_octets_and_no_more(void **state)
{
	enum { MAX = 65535 };
	uint8_t *buf = malloc(MAX + 16);
	struct wire_builder b;
	struct cv_bytes out;

	(void)state;
	assert_non_null(buf);
	for (size_t more = 0; more < 2; more++) {
		wire_build_inner(&b, buf, MAX + 16);
		wire_build_begin(&b, WIRE_NONCE);
		cv_writer_zero(&b.w, MAX - 4 + more);
		wire_build_end(&b);
		assert_int_equal(wire_build_finish(&b, &out), more ? CV_E_NOSPACE : CV_OK);
	}
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_header_of_rfc7634_appendix_b_is_read),
		cmocka_unit_test(test_sk_ends_the_chain_and_names_the_first_inner_payload),
		cmocka_unit_test(test_a_header_of_any_version_is_read),
		cmocka_unit_test(test_a_short_header_is_truncated_at_every_length),
		cmocka_unit_test(test_a_chain_is_cut_into_its_payloads),
		cmocka_unit_test(test_finding_takes_the_first_and_counting_counts_all),
		cmocka_unit_test(test_no_payload_is_a_chain_too),
		cmocka_unit_test(test_a_chain_that_does_not_end_exactly_at_the_end_is_refused),
		cmocka_unit_test(test_unknown_payloads_are_kept_and_the_first_critical_one_is_named),
		cmocka_unit_test(test_reserved_bits_of_the_payload_header_are_ignored),
		cmocka_unit_test(test_a_chain_longer_than_an_honest_one_is_given_up),
		cmocka_unit_test(test_a_chain_cut_anywhere_is_refused_without_reading_on),
		cmocka_unit_test(test_a_built_message_has_the_octets_of_rfc7634_appendix_b),
		cmocka_unit_test(test_the_two_flags_that_mean_something_are_sent),
		cmocka_unit_test(test_what_is_built_is_read_back),
		cmocka_unit_test(test_a_buffer_too_small_at_any_length_is_told),
		cmocka_unit_test(test_payloads_cannot_be_nested_or_left_open),
		cmocka_unit_test(test_a_payload_holds_65535_octets_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
