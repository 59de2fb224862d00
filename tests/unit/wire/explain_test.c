#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "wire/numbers.h"

/* Whoever adds an error type to the names must explain it, too. */
static void test_every_error_that_has_a_name_is_explained(void **state)
{
	unsigned named = 0;

	(void)state;
	for (unsigned type = 1; type < WIRE_N_FIRST_STATUS; type++) {
		const char *text = wire_notify_explain((uint16_t)type);
		int is_named = strncmp(wire_notify_name((uint16_t)type), "unknown", 7) != 0;

		named += (unsigned)is_named;
		assert_int_equal(text != NULL, is_named);
		/* It goes into a sentence: no capital in front, no full stop behind. */
		if (text) {
			assert_true(text[0] >= 'a' && text[0] <= 'z');
			assert_true(text[strlen(text) - 1] != '.');
			assert_true(strlen(text) < 300);
		}
	}
	assert_int_equal(named, 21);
}

static void test_status_types_and_zero_need_no_explanation(void **state)
{
	(void)state;
	assert_null(wire_notify_explain(0));
	assert_null(wire_notify_explain(WIRE_N_INITIAL_CONTACT));
	assert_null(wire_notify_explain(65535));
}

static void test_explanations_name_the_options_to_look_at(void **state)
{
	(void)state;
	assert_non_null(strstr(wire_notify_explain(WIRE_N_NO_PROPOSAL_CHOSEN), "ike="));
	assert_non_null(strstr(wire_notify_explain(WIRE_N_AUTHENTICATION_FAILED), "secret"));
	assert_non_null(strstr(wire_notify_explain(WIRE_N_TS_UNACCEPTABLE), "leftsubnet="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_error_that_has_a_name_is_explained),
		cmocka_unit_test(test_status_types_and_zero_need_no_explanation),
		cmocka_unit_test(test_explanations_name_the_options_to_look_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
