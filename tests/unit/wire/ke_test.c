#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payload.h"

static struct wire_ke_payload ke;
static uint8_t kept[256]; /* a copy: ke.data points into memory that is freed */

static enum cv_err decode(struct cv_bytes body)
{
	enum cv_err err = wire_ke_decode(body, &ke);

	if (err == CV_OK && ke.data.len <= sizeof(kept)) {
		memcpy(kept, ke.data.data, ke.data.len);
		ke.data.data = kept;
	}
	return err;
}

/* The whole KEi payload of RFC 5903 section 8.1, group 19. */
static const char rfc5903_kei[] = "00000048 00130000 DAD0B653 94221CF9 B051E1FE CA5787D0 98DFE637 FC90B9EF"
				  "945D0C37 72581180 5271A046 1CDB8252 D61F1C45 6FA3E59A B1F45B33 ACCF5F58"
				  "389E0577 B8990BB3";

static void test_the_payload_of_rfc5903_section_8_1_is_read(void **state)
{
	struct cv_bytes payload = octets_hex(rfc5903_kei);
	struct wire_chain chain;
	uint8_t critical;

	(void)state;
	assert_int_equal(wire_chain_decode(WIRE_KE, payload, &chain, &critical), CV_OK);
	assert_int_equal(decode(chain.payload[0].body), CV_OK);
	assert_int_equal(ke.group, WIRE_KE_ECP256);
	assert_true(cv_bytes_equal(ke.data, cv_bytes(payload.data + 8, 64)));
	octets_free(payload);
}

static void test_the_payload_of_rfc5903_section_8_1_is_built(void **state)
{
	struct cv_bytes payload = octets_hex(rfc5903_kei), out;
	struct wire_builder b;
	uint8_t buf[128];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_ke_build(&b, WIRE_KE_ECP256, cv_bytes(payload.data + 8, 64));
	assert_int_equal(wire_build_finish(&b, &out), CV_OK);
	assert_true(cv_bytes_equal(out, payload));
	assert_int_equal(b.first, WIRE_KE);
	octets_free(payload);
}

static void test_a_payload_without_data_is_refused(void **state)
{
	static const char *const cases[] = { "", "00", "0013", "001300", "00130000" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(payload_decode_hex(cases[i], decode), CV_E_SYNTAX);
}

/* R7296-3.2-1 */
static void test_reserved_octets_are_ignored(void **state)
{
	(void)state;
	assert_int_equal(payload_decode_hex("001fffff 07", decode), CV_OK);
	assert_int_equal(ke.group, WIRE_KE_CURVE25519);
	assert_int_equal(ke.data.len, 1);
	assert_int_equal(kept[0], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_payload_of_rfc5903_section_8_1_is_read),
		cmocka_unit_test(test_the_payload_of_rfc5903_section_8_1_is_built),
		cmocka_unit_test(test_a_payload_without_data_is_refused),
		cmocka_unit_test(test_reserved_octets_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
