#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payload.h"

static void test_a_vendor_id_is_built_as_it_is(void **state)
{
	struct wire_builder b;
	uint8_t buf[32];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_vendor_build(&b, cv_bytes("some maker", 10));
	assert_true(cv_bytes_equal(payload_body(&b), cv_bytes("some maker", 10)));
	assert_int_equal(b.first, WIRE_VENDOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_vendor_id_is_built_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
