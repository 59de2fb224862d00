#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payload.h"

static struct wire_auth auth;

static enum cv_err decode(struct cv_bytes body)
{
	return wire_auth_decode(body, &auth);
}

static void test_method_and_data_are_read(void **state)
{
	struct cv_bytes body = octets_hex("02ffffff a1b2c3");

	(void)state;
	assert_int_equal(wire_auth_decode(body, &auth), CV_OK);
	assert_int_equal(auth.method, WIRE_AUTH_PSK);
	assert_true(cv_bytes_equal(auth.data, cv_bytes("\xa1\xb2\xc3", 3)));
	octets_free(body);
}

static void test_a_payload_without_a_proof_is_refused(void **state)
{
	struct cv_bytes body = octets_hex("0d000000 01");

	(void)state;
	assert_int_equal(payload_cuts_accepted(body, decode), 0);
	assert_int_equal(decode(body), CV_OK);
	octets_free(body);
}

static void test_what_is_built_has_zeroes_in_the_reserved_octets(void **state)
{
	struct wire_builder b;
	uint8_t buf[16];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_auth_build(&b, WIRE_AUTH_NULL, cv_bytes("xyz", 3));
	assert_true(cv_bytes_equal(payload_body(&b), cv_bytes("\x0d\0\0\0xyz", 7)));
	assert_int_equal(b.first, WIRE_AUTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_method_and_data_are_read),
		cmocka_unit_test(test_a_payload_without_a_proof_is_refused),
		cmocka_unit_test(test_what_is_built_has_zeroes_in_the_reserved_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
