#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/err.h"

static void test_every_result_has_a_text_of_its_own(void **state)
{
	(void)state;
	for (int a = CV_OK; a <= CV_E_INTERNAL; a++) {
		assert_string_not_equal(cv_err_text((enum cv_err)a), "unknown error");
		for (int b = a + 1; b <= CV_E_INTERNAL; b++)
			assert_string_not_equal(cv_err_text((enum cv_err)a), cv_err_text((enum cv_err)b));
	}
}

static void test_a_number_that_is_no_result_has_a_text_too(void **state)
{
	(void)state;
	assert_string_equal(cv_err_text((enum cv_err)(CV_E_INTERNAL + 1)), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_result_has_a_text_of_its_own),
		cmocka_unit_test(test_a_number_that_is_no_result_has_a_text_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
