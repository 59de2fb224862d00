#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/numbers.h"

static void test_numbers_have_the_names_of_the_registries(void **state)
{
	(void)state;
	assert_string_equal(wire_exchange_name(34), "IKE_SA_INIT");
	assert_string_equal(wire_exchange_name(37), "INFORMATIONAL");
	assert_string_equal(wire_payload_name(33), "SA");
	assert_string_equal(wire_payload_name(53), "SKF");
	assert_string_equal(wire_notify_name(14), "NO_PROPOSAL_CHOSEN");
	assert_string_equal(wire_notify_name(16384), "INITIAL_CONTACT");
	assert_string_equal(wire_transform_type_name(4), "KE");
	assert_string_equal(wire_transform_name(1, 20), "ENCR_AES_GCM_16");
	assert_string_equal(wire_transform_name(2, 5), "PRF_HMAC_SHA2_256");
	assert_string_equal(wire_transform_name(3, 12), "AUTH_HMAC_SHA2_256_128");
	assert_string_equal(wire_transform_name(3, 0), "NONE");
	assert_string_equal(wire_transform_name(4, 31), "CURVE25519");
	assert_string_equal(wire_transform_name(5, 1), "ESN");
	assert_string_equal(wire_id_type_name(2), "ID_FQDN");
	assert_string_equal(wire_auth_method_name(2), "Shared Key Message Integrity Code");
}

static void test_unknown_numbers_are_written_out(void **state)
{
	(void)state;
	assert_string_equal(wire_exchange_name(99), "unknown exchange 99");
	assert_string_equal(wire_payload_name(255), "unknown payload 255");
	assert_string_equal(wire_notify_name(8191), "unknown error notify 8191");
	assert_string_equal(wire_notify_name(65535), "unknown status notify 65535");
	assert_string_equal(wire_transform_type_name(77), "unknown transform type 77");
	assert_string_equal(wire_transform_name(1, 65535), "unknown encryption algorithm 65535");
	assert_string_equal(wire_transform_name(77, 3), "unknown transform 3");
	assert_string_equal(wire_id_type_name(0), "unknown identification type 0");
	assert_string_equal(wire_auth_method_name(0), "unknown authentication method 0");
}

static void test_four_unknown_names_fit_into_one_line(void **state)
{
	const char *a = wire_payload_name(201), *b = wire_payload_name(202), *c = wire_payload_name(203),
		   *d = wire_payload_name(204);

	(void)state;
	assert_string_equal(a, "unknown payload 201");
	assert_string_equal(b, "unknown payload 202");
	assert_string_equal(c, "unknown payload 203");
	assert_string_equal(d, "unknown payload 204");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_have_the_names_of_the_registries),
		cmocka_unit_test(test_unknown_numbers_are_written_out),
		cmocka_unit_test(test_four_unknown_names_fit_into_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
