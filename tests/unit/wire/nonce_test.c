#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payload.h"

/* R7296-2.10-1 */
static void test_a_nonce_has_16_to_256_octets(void **state)
{
	uint8_t body[300] = { 0 };
	struct cv_bytes nonce;

	(void)state;
	for (size_t len = 0; len <= sizeof(body); len++) {
		bool good = len >= 16 && len <= 256;

		assert_int_equal(wire_nonce_decode(cv_bytes(body, len), &nonce), good ? CV_OK : CV_E_SYNTAX);
		assert_true(!good || (nonce.data == body && nonce.len == len));
	}
}

static void test_a_nonce_is_built_as_it_is(void **state)
{
	struct wire_builder b;
	uint8_t buf[64];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_nonce_build(&b, cv_bytes("0123456789abcdef", 16));
	assert_true(cv_bytes_equal(payload_body(&b), cv_bytes("0123456789abcdef", 16)));
	assert_int_equal(b.first, WIRE_NONCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_nonce_has_16_to_256_octets),
		cmocka_unit_test(test_a_nonce_is_built_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
