#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/secret.h"

static void test_a_new_secret_is_zeroed_and_released_to_nothing(void **state)
{
	struct cv_secret s;

	(void)state;
	assert_int_equal(cv_secret_alloc(&s, 32), CV_OK);
	assert_int_equal(s.len, 32);
	for (size_t i = 0; i < s.len; i++)
		assert_int_equal(s.data[i], 0);
	cv_secret_free(&s);
	assert_null(s.data);
	assert_int_equal(s.len, 0);
	cv_secret_free(&s);
}

static void test_a_copy_is_independent_of_its_source(void **state)
{
	char source[] = "swordfish";
	struct cv_secret s;

	(void)state;
	assert_int_equal(cv_secret_copy(&s, cv_bytes(source, 9)), CV_OK);
	memset(source, 'x', 9);
	assert_true(cv_secret_equal(cv_secret_bytes(&s), cv_bytes("swordfish", 9)));
	cv_secret_free(&s);
}

static void test_an_empty_secret_is_a_secret(void **state)
{
	struct cv_secret s;

	(void)state;
	assert_int_equal(cv_secret_copy(&s, cv_bytes(NULL, 0)), CV_OK);
	assert_int_equal(cv_secret_bytes(&s).len, 0);
	cv_secret_free(&s);
}

static void test_comparing_finds_a_difference_at_any_place(void **state)
{
	uint8_t a[64], b[64];

	(void)state;
	memset(a, 0x5a, sizeof(a));
	memcpy(b, a, sizeof(b));
	assert_true(cv_secret_equal(cv_bytes(a, 64), cv_bytes(b, 64)));
	assert_false(cv_secret_equal(cv_bytes(a, 64), cv_bytes(b, 63)));
	assert_true(cv_secret_equal(cv_bytes(a, 0), cv_bytes(b, 0)));
	for (size_t i = 0; i < sizeof(a); i++) {
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			b[i] ^= (uint8_t)bit;
			assert_false(cv_secret_equal(cv_bytes(a, 64), cv_bytes(b, 64)));
			b[i] ^= (uint8_t)bit;
		}
	}
}

static void test_a_key_takes_what_fits_and_refuses_more(void **state)
{
	uint8_t octets[CV_KEY_MAX + 1];
	struct cv_key k = { 0 };

	(void)state;
	memset(octets, 0xab, sizeof(octets));
	assert_int_equal(cv_key_set(&k, cv_bytes(octets, CV_KEY_MAX)), CV_OK);
	assert_int_equal(cv_key_bytes(&k).len, CV_KEY_MAX);
	assert_int_equal(cv_key_set(&k, cv_bytes(octets, CV_KEY_MAX + 1)), CV_E_NOSPACE);
	assert_int_equal(k.len, CV_KEY_MAX);
}

static void test_a_shorter_key_leaves_nothing_of_the_longer_one(void **state)
{
	uint8_t octets[CV_KEY_MAX];
	struct cv_key k = { 0 };

	(void)state;
	memset(octets, 0xab, sizeof(octets));
	assert_int_equal(cv_key_set(&k, cv_bytes(octets, CV_KEY_MAX)), CV_OK);
	assert_int_equal(cv_key_set(&k, cv_bytes("1234", 4)), CV_OK);
	for (size_t i = 4; i < CV_KEY_MAX; i++)
		assert_int_equal(k.b[i], 0);
}

static void test_wiping_leaves_zeroes(void **state)
{
	struct cv_key k = { 0 };
	uint8_t zero[sizeof(k)] = { 0 };
	uint8_t some[4] = { 1, 2, 3, 4 };

	(void)state;
	assert_int_equal(cv_key_set(&k, cv_bytes("secret", 6)), CV_OK);
	cv_key_wipe(&k);
	assert_memory_equal(&k, zero, sizeof(k));
	cv_wipe(some, 2);
	assert_memory_equal(some, "\0\0\3\4", 4);
	cv_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_secret_is_zeroed_and_released_to_nothing),
		cmocka_unit_test(test_a_copy_is_independent_of_its_source),
		cmocka_unit_test(test_an_empty_secret_is_a_secret),
		cmocka_unit_test(test_comparing_finds_a_difference_at_any_place),
		cmocka_unit_test(test_a_key_takes_what_fits_and_refuses_more),
		cmocka_unit_test(test_a_shorter_key_leaves_nothing_of_the_longer_one),
		cmocka_unit_test(test_wiping_leaves_zeroes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
