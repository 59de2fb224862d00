#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/secret.h"
#include "lib/table.h"
#include "lib/timerq.h"

/* The linker sends the room's calls here (--wrap); while `fail` is set there is no memory. */
static bool fail;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return fail ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fail ? NULL : __real_realloc(p, size);
}

static void test_a_secret_without_memory_is_empty(void **state)
{
	struct cv_secret s = { .len = 99 };

	(void)state;
	fail = true;
	assert_int_equal(cv_secret_alloc(&s, 32), CV_E_NOMEM);
	assert_null(s.data);
	assert_int_equal(s.len, 0);
	assert_int_equal(cv_secret_copy(&s, cv_bytes("abc", 3)), CV_E_NOMEM);
	fail = false;
	assert_null(s.data);
	cv_secret_free(&s);
}

struct object {
	uint32_t key;
};

static struct cv_bytes key_of(const void *object)
{
	return cv_bytes(&((const struct object *)object)->key, 4);
}

/* A put that needs more room fails; everything from before is there, and later puts work again. */
static void test_a_table_without_memory_keeps_what_it_has(void **state)
{
	static const uint8_t seed[16] = { 1 };
	struct object o[100];
	struct cv_table *t;
	size_t kept;

	(void)state;
	fail = true;
	assert_int_equal(cv_table_new(&t, key_of, seed), CV_E_NOMEM);
	assert_null(t);
	fail = false;
	assert_int_equal(cv_table_new(&t, key_of, seed), CV_OK);
	for (uint32_t i = 0; i < 100; i++)
		o[i].key = i;
	fail = true;
	for (kept = 0; kept < 100 && cv_table_put(t, &o[kept]) == CV_OK; kept++)
		;
	assert_true(kept > 0 && kept < 100);
	assert_int_equal(cv_table_count(t), kept);
	fail = false;
	assert_null(cv_table_get(t, key_of(&o[kept])));
	for (size_t i = kept; i < 100; i++)
		assert_int_equal(cv_table_put(t, &o[i]), CV_OK);
	for (size_t i = 0; i < 100; i++)
		assert_ptr_equal(cv_table_get(t, key_of(&o[i])), &o[i]);
	cv_table_free(t);
}

static unsigned fired;

static void count(struct cv_timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	fired++;
}

static void test_a_timer_queue_without_memory_keeps_what_it_has(void **state)
{
	struct cv_timerq q = { 0 };
	struct cv_timer t[100] = { 0 };
	unsigned armed = 0;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		t[i].fire = count;
	assert_int_equal(cv_timer_set(&q, &t[armed++], 5), CV_OK);
	fail = true;
	while (armed < 100 && cv_timer_set(&q, &t[armed], 5) == CV_OK)
		armed++;
	assert_true(armed < 100);
	assert_int_equal(t[armed].slot, 0);
	/* Moving an armed one needs no memory. */
	assert_int_equal(cv_timer_set(&q, &t[0], 3), CV_OK);
	fail = false;
	assert_true(cv_timerq_next_ms(&q) == 3);
	cv_timerq_run(&q, 5);
	assert_int_equal(fired, armed);
	cv_timerq_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_secret_without_memory_is_empty),
		cmocka_unit_test(test_a_table_without_memory_keeps_what_it_has),
		cmocka_unit_test(test_a_timer_queue_without_memory_keeps_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
