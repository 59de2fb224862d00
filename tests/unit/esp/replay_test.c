#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "esp/replay.h"

#define SPAN ((uint64_t)1 << 32)

static const uint32_t windows[] = { 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 8192, 10000 };
enum { WINDOWS = sizeof windows / sizeof windows[0] };

static bool accept(struct esp_replay *r, uint64_t sequence)
{
	if (!esp_replay_check(r, sequence))
		return false;
	esp_replay_update(r, sequence);
	return true;
}

/* R4303-3.4.3-1: exactly the last `window` numbers are still welcome, each once, wherever in a word the top
 * stands. */
static void test_the_window_is_exact_at_both_edges(void **state)
{
	(void)state;
	for (size_t w = 0; w < WINDOWS; w++) {
		for (uint64_t top = 20000; top < 20000 + 130; top++) {
			struct esp_replay r;

			assert_int_equal(esp_replay_init(&r, windows[w]), CV_OK);
			assert_true(accept(&r, top));
			assert_false(accept(&r, top));
			assert_false(accept(&r, top - windows[w]));
			assert_true(accept(&r, top - windows[w] + 1) || windows[w] == 1);
			assert_false(accept(&r, top - windows[w] + 1));
			assert_true(r.top == top);
			assert_true(accept(&r, top + 1));
			assert_false(accept(&r, top - windows[w] + 1));
			esp_replay_free(&r);
		}
	}
}

static void test_every_number_of_the_window_is_accepted_once(void **state)
{
	(void)state;
	for (size_t w = 0; w < WINDOWS; w++) {
		struct esp_replay r;
		uint64_t top = 3 * (uint64_t)windows[w] + 77;

		assert_int_equal(esp_replay_init(&r, windows[w]), CV_OK);
		assert_true(accept(&r, top));
		for (uint64_t s = 1; s < top; s++)
			assert_int_equal(accept(&r, s), s > top - windows[w]);
		for (uint64_t s = 0; s <= top; s++)
			assert_false(accept(&r, s));
		esp_replay_free(&r);
	}
}

static void test_number_zero_is_never_accepted(void **state)
{
	struct esp_replay r;

	(void)state;
	assert_int_equal(esp_replay_init(&r, 64), CV_OK);
	assert_false(accept(&r, 0));
	assert_true(accept(&r, 1));
	assert_false(accept(&r, 0));
	esp_replay_free(&r);
}

static void test_a_window_of_zero_refuses_nothing(void **state)
{
	struct esp_replay r;

	(void)state;
	assert_int_equal(esp_replay_init(&r, 0), CV_OK);
	for (int i = 0; i < 3; i++) {
		assert_true(accept(&r, 0));
		assert_true(accept(&r, 100000));
		assert_true(accept(&r, 5));
	}
	assert_true(r.top == 100000);
	esp_replay_free(&r);
}

static void test_only_a_higher_number_is_the_newest(void **state)
{
	struct esp_replay r;

	(void)state;
	assert_int_equal(esp_replay_init(&r, 32), CV_OK);
	assert_true(esp_replay_update(&r, 10));
	assert_false(esp_replay_update(&r, 9));
	assert_true(esp_replay_update(&r, 1000));
	assert_false(esp_replay_update(&r, 999));
	esp_replay_free(&r);
}

static void test_a_jump_forgets_the_whole_ring(void **state)
{
	const uint64_t jumps[] = { 8192, 8256, 16384, SPAN, SPAN * 1000, UINT64_MAX - 100000 };

	(void)state;
	for (size_t j = 0; j < sizeof jumps / sizeof jumps[0]; j++) {
		struct esp_replay r;

		assert_int_equal(esp_replay_init(&r, 8192), CV_OK);
		for (uint64_t s = 1; s <= 9000; s++)
			assert_true(accept(&r, s));
		assert_true(accept(&r, 9000 + jumps[j]));
		for (uint64_t s = 9000 + jumps[j] - 8191; s < 9000 + jumps[j]; s++)
			assert_int_equal(accept(&r, s), s > 9000);
		esp_replay_free(&r);
	}
}

static void test_a_window_above_the_limit_is_refused(void **state)
{
	struct esp_replay r;

	(void)state;
	assert_int_equal(esp_replay_init(&r, ESP_REPLAY_MAX + 1), CV_E_LIMIT);
	esp_replay_free(&r);
	assert_int_equal(esp_replay_init(&r, ESP_REPLAY_MAX), CV_OK);
	esp_replay_free(&r);
}

/* A set that remembers everything: one octet per number. */
static void test_it_agrees_with_a_plain_set_on_random_orders(void **state)
{
	enum { NUMBERS = 60000, STEPS = 40000 };
	uint8_t *seen = malloc(NUMBERS);
	uint64_t rng = 88172645463325252;

	(void)state;
	for (size_t w = 0; w < WINDOWS; w++) {
		struct esp_replay r;
		uint64_t top = 0;

		memset(seen, 0, NUMBERS);
		assert_int_equal(esp_replay_init(&r, windows[w]), CV_OK);
		for (size_t i = 0; i < STEPS; i++) {
			rng ^= rng << 13;
			rng ^= rng >> 7;
			rng ^= rng << 17;
			/* Around the top by up to twice the window, and now and then a leap. */
			uint64_t reach = rng % 100 == 0 ? 500 : 2;
			uint64_t low = top > 2 * (uint64_t)windows[w] ? top - 2 * (uint64_t)windows[w] : 0;
			uint64_t s = low + (rng >> 20) % (top - low + reach + 1);

			if (s >= NUMBERS)
				break;
			bool want = s > 0 && !seen[s] && (s > top || top - s < windows[w]);

			assert_int_equal(accept(&r, s), want);
			if (want) {
				seen[s] = 1;
				top = s > top ? s : top;
			}
		}
		esp_replay_free(&r);
	}
	free(seen);
}

static void check_expand(uint64_t top, uint32_t window, uint64_t sequence)
{
	struct esp_replay r = { .top = top, .window = window };
	uint64_t got = 0;

	assert_true(esp_replay_expand(&r, (uint32_t)sequence, &got));
	assert_true(got == sequence);
}

/* R4303-3.4.3-2, appendix A2.2: from the window's lower edge, the next 2^32 numbers are the ones that can be
 * told apart. */
static void test_high_bits_are_found_around_the_window(void **state)
{
	const uint64_t tops[] = { 64,	     8191,	   8192,	SPAN - 8192, SPAN - 64,
				  SPAN - 1,  SPAN,	   SPAN + 1,	SPAN + 62,   SPAN + 63,
				  SPAN + 64, SPAN + 8190,  SPAN + 8191, SPAN + 8192, 7 * SPAN - 1,
				  7 * SPAN,  7 * SPAN + 5, SPAN << 31 };
	const uint32_t sizes[] = { 32, 64, 8192, 0 };

	(void)state;
	for (size_t t = 0; t < sizeof tops / sizeof tops[0]; t++) {
		for (size_t w = 0; w < 4; w++) {
			uint64_t size = sizes[w] ? sizes[w] : 8192;
			uint64_t bottom = tops[t] >= size ? tops[t] - size + 1 : 1;

			for (uint64_t s = bottom; s < bottom + 200; s++)
				check_expand(tops[t], sizes[w], s);
			for (uint64_t s = tops[t]; s < tops[t] + 200; s++)
				check_expand(tops[t], sizes[w], s);
			if (tops[t] >= size)
				check_expand(tops[t], sizes[w], bottom + SPAN - 1);
		}
	}
}

/* Before the first packet the numbers below zero do not exist; behind the last there is nothing either. */
static void test_numbers_outside_of_64_bits_are_refused(void **state)
{
	struct esp_replay fresh = { .top = 0, .window = 64 }, old = { .top = 10, .window = 64 };
	struct esp_replay spent = { .top = UINT64_MAX, .window = 64 };
	uint64_t got;

	(void)state;
	assert_false(esp_replay_expand(&fresh, UINT32_MAX, &got));
	assert_false(esp_replay_expand(&fresh, UINT32_MAX - 62, &got));
	assert_true(esp_replay_expand(&fresh, UINT32_MAX - 63, &got));
	assert_true(got == UINT32_MAX - 63);
	assert_false(esp_replay_expand(&old, UINT32_MAX, &got));
	assert_false(esp_replay_expand(&spent, 0, &got));
	assert_false(esp_replay_expand(&spent, UINT32_MAX - 64, &got));
	assert_true(esp_replay_expand(&spent, UINT32_MAX - 63, &got));
	assert_true(got == UINT64_MAX - 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_window_is_exact_at_both_edges),
		cmocka_unit_test(test_every_number_of_the_window_is_accepted_once),
		cmocka_unit_test(test_number_zero_is_never_accepted),
		cmocka_unit_test(test_a_window_of_zero_refuses_nothing),
		cmocka_unit_test(test_only_a_higher_number_is_the_newest),
		cmocka_unit_test(test_a_jump_forgets_the_whole_ring),
		cmocka_unit_test(test_a_window_above_the_limit_is_refused),
		cmocka_unit_test(test_it_agrees_with_a_plain_set_on_random_orders),
		cmocka_unit_test(test_high_bits_are_found_around_the_window),
		cmocka_unit_test(test_numbers_outside_of_64_bits_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
