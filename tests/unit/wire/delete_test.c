#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payload.h"

static struct wire_delete d;

static enum cv_err decode(struct cv_bytes body)
{
	return wire_delete_decode(body, &d);
}

/* R7296-3.11-1 */
static void test_spi_size_and_count_agree_with_the_length(void **state)
{
	static const struct {
		const char *hex;
		enum cv_err err;
		unsigned count;
	} cases[] = {
		{ "01000000", CV_OK, 0 },	/* the IKE SA */
		{ "01040000", CV_E_SYNTAX, 0 }, /* it has no SPI here */
		{ "01080001 0102030405060708", CV_E_SYNTAX, 0 },
		{ "01000000 00", CV_E_SYNTAX, 0 },
		{ "03040002 01020304 f1020304", CV_OK, 2 },
		{ "02040001 01020304", CV_OK, 1 },
		{ "03040000", CV_OK, 0 },
		{ "03040003 01020304 05060708", CV_E_SYNTAX, 0 }, /* fewer than announced */
		{ "03040001 01020304 05060708", CV_E_SYNTAX, 0 }, /* more than announced */
		{ "03080001 0102030405060708", CV_E_SYNTAX, 0 },
		{ "03000001", CV_E_SYNTAX, 0 },
		{ "00040001 01020304", CV_E_SYNTAX, 0 }, /* of which protocol? */
		{ "04040001 01020304", CV_E_SYNTAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(payload_decode_hex(cases[i].hex, decode), cases[i].err);
		if (cases[i].err == CV_OK)
			assert_int_equal(d.count, cases[i].count);
	}
	assert_int_equal(payload_decode_hex("03040002 01020304 f1020304", decode), CV_OK);
	assert_int_equal(d.protocol, WIRE_PROTO_ESP);
	assert_true(d.spi[0] == 0x01020304 && d.spi[1] == 0xf1020304);
}

static void test_a_payload_cut_anywhere_is_refused(void **state)
{
	struct cv_bytes body = octets_hex("03040002 01020304 f1020304");

	(void)state;
	assert_int_equal(payload_cuts_accepted(body, decode), 0);
	octets_free(body);
}

static void test_spis_beyond_the_limit_are_left_out(void **state)
{
	enum { N = 3000 };
	uint8_t body[4 + 4 * N] = { WIRE_PROTO_ESP, 4, N >> 8, N & 255 };

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		cv_put_u32(body + 4 + 4 * i, i);
	assert_int_equal(decode(cv_bytes(body, sizeof(body))), CV_OK);
	assert_int_equal(d.count, WIRE_DELETE_SPIS_MAX);
	assert_int_equal(d.spi[WIRE_DELETE_SPIS_MAX - 1], WIRE_DELETE_SPIS_MAX - 1);
	assert_int_equal(decode(cv_bytes(body, sizeof(body) - 1)), CV_E_SYNTAX);
}

static void test_what_is_built_is_read_back(void **state)
{
	uint64_t seed = 5;
	uint8_t buf[1024];

	(void)state;
	for (unsigned count = 0; count <= WIRE_DELETE_SPIS_MAX; count++) {
		struct wire_delete made = { .protocol = WIRE_PROTO_ESP, .count = (uint16_t)count };
		struct wire_builder b;

		for (unsigned i = 0; i < count; i++)
			made.spi[i] = (uint32_t)octets_random(&seed);
		wire_build_inner(&b, buf, sizeof(buf));
		wire_delete_build(&b, &made);
		assert_int_equal(decode(payload_body(&b)), CV_OK);
		assert_int_equal(d.count, count);
		assert_memory_equal(d.spi, made.spi, count * sizeof(d.spi[0]));
	}
}

static void test_the_delete_of_the_ike_sa_is_four_octets(void **state)
{
	struct wire_delete ike = { .protocol = WIRE_PROTO_IKE },
			   bad = { .protocol = WIRE_PROTO_IKE, .count = 1 };
	struct wire_delete too_many = { .protocol = WIRE_PROTO_ESP, .count = WIRE_DELETE_SPIS_MAX + 1 };
	struct wire_builder b;
	uint8_t buf[1024];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_delete_build(&b, &ike);
	assert_true(cv_bytes_equal(payload_body(&b), cv_bytes("\1\0\0\0", 4)));
	wire_build_inner(&b, buf, sizeof(buf));
	wire_delete_build(&b, &bad);
	assert_null(payload_body(&b).data);
	wire_build_inner(&b, buf, sizeof(buf));
	wire_delete_build(&b, &too_many);
	assert_null(payload_body(&b).data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spi_size_and_count_agree_with_the_length),
		cmocka_unit_test(test_a_payload_cut_anywhere_is_refused),
		cmocka_unit_test(test_spis_beyond_the_limit_are_left_out),
		cmocka_unit_test(test_what_is_built_is_read_back),
		cmocka_unit_test(test_the_delete_of_the_ike_sa_is_four_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
