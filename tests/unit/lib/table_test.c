#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/table.h"
#include "octets.h"

struct object {
	char key[24];
	size_t key_len;
	unsigned seen;
};

static const uint8_t seed[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static struct cv_bytes key_of(const void *object)
{
	const struct object *o = object;

	return cv_bytes(o->key, o->key_len);
}

static struct cv_table *new_table(void)
{
	struct cv_table *t;

	assert_int_equal(cv_table_new(&t, key_of, seed), CV_OK);
	return t;
}

/* n objects with keys of 0 to 23 octets, all different. */
static struct object *make_objects(size_t n)
{
	struct object *o = calloc(n, sizeof(*o));

	assert_non_null(o);
	for (size_t i = 0; i < n; i++) {
		o[i].key_len = i == 0 ? 0 : 4 + i % 20;
		memcpy(o[i].key, &(uint32_t){ (uint32_t)i }, 4);
	}
	return o;
}

static void test_what_is_put_is_found_until_it_is_removed(void **state)
{
	struct cv_table *t = new_table();
	struct object a = { "alpha", 5, 0 }, b = { "alphb", 5, 0 }, empty = { "", 0, 0 };

	(void)state;
	assert_int_equal(cv_table_put(t, &a), CV_OK);
	assert_int_equal(cv_table_put(t, &empty), CV_OK);
	assert_ptr_equal(cv_table_get(t, cv_bytes("alpha", 5)), &a);
	assert_ptr_equal(cv_table_get(t, cv_bytes(NULL, 0)), &empty);
	assert_null(cv_table_get(t, cv_bytes("alph", 4)));
	assert_int_equal(cv_table_put(t, &b), CV_OK);
	assert_int_equal(cv_table_count(t), 3);
	assert_ptr_equal(cv_table_remove(t, cv_bytes("alpha", 5)), &a);
	assert_null(cv_table_remove(t, cv_bytes("alpha", 5)));
	assert_null(cv_table_get(t, cv_bytes("alpha", 5)));
	assert_ptr_equal(cv_table_get(t, cv_bytes("alphb", 5)), &b);
	assert_int_equal(cv_table_count(t), 2);
	cv_table_free(t);
	cv_table_free(NULL);
}

static void test_a_key_is_taken_only_once(void **state)
{
	struct cv_table *t = new_table();
	struct object a = { "same", 4, 0 }, b = { "same", 4, 0 };

	(void)state;
	assert_int_equal(cv_table_put(t, &a), CV_OK);
	assert_int_equal(cv_table_put(t, &b), CV_E_EXISTS);
	assert_ptr_equal(cv_table_get(t, cv_bytes("same", 4)), &a);
	assert_int_equal(cv_table_count(t), 1);
	cv_table_free(t);
}

static void test_a_hundred_thousand_entries_are_all_found(void **state)
{
	enum { N = 100000 };
	struct object *o = make_objects(N);
	struct cv_table *t = new_table();

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_int_equal(cv_table_put(t, &o[i]), CV_OK);
	assert_int_equal(cv_table_count(t), N);
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(cv_table_get(t, key_of(&o[i])), &o[i]);
	for (size_t i = 0; i < N; i += 2)
		assert_ptr_equal(cv_table_remove(t, key_of(&o[i])), &o[i]);
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(cv_table_get(t, key_of(&o[i])), i % 2 ? &o[i] : NULL);
	assert_int_equal(cv_table_count(t), N / 2);
	cv_table_free(t);
	free(o);
}

/* Random puts and removes beside a plain array that knows what must be there. */
static void test_a_long_mix_of_puts_and_removes_agrees_with_a_model(void **state)
{
	enum { N = 300, STEPS = 200000 };
	struct object *o = make_objects(N);
	bool in[N] = { false };
	size_t count = 0;
	uint64_t random = 7;
	struct cv_table *t = new_table();

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		size_t i = octets_random(&random) % N;

		assert_ptr_equal(cv_table_get(t, key_of(&o[i])), in[i] ? &o[i] : NULL);
		if (octets_random(&random) % 2) {
			assert_int_equal(cv_table_put(t, &o[i]), in[i] ? CV_E_EXISTS : CV_OK);
			count += !in[i];
			in[i] = true;
		} else {
			assert_ptr_equal(cv_table_remove(t, key_of(&o[i])), in[i] ? &o[i] : NULL);
			count -= in[i];
			in[i] = false;
		}
		assert_int_equal(cv_table_count(t), count);
	}
	cv_table_free(t);
	free(o);
}

/* Places of removed entries must be won back, or the table ends up with no free one, and searches without
 * end. */
static void test_fresh_keys_come_and_go_for_ever(void **state)
{
	enum { N = 100000, LIVE = 11 };
	struct object *o = make_objects(N);
	struct cv_table *t = new_table();

	(void)state;
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(cv_table_put(t, &o[i]), CV_OK);
		if (i >= LIVE)
			assert_ptr_equal(cv_table_remove(t, key_of(&o[i - LIVE])), &o[i - LIVE]);
		assert_null(cv_table_get(t, cv_bytes("nobody", 6)));
	}
	assert_int_equal(cv_table_count(t), LIVE);
	cv_table_free(t);
	free(o);
}

struct walk {
	struct cv_table *table;
	unsigned visits;
	unsigned stop_after;
	bool remove;
};

static bool visit(void *arg, void *object)
{
	struct walk *w = arg;
	struct object *o = object;

	o->seen++;
	if (w->remove) {
		assert_ptr_equal(cv_table_remove(w->table, key_of(o)), o);
		memset(o->key, 0xee, sizeof(o->key));
	}
	return ++w->visits != w->stop_after;
}

static void test_a_walk_sees_every_entry_once_even_if_it_removes_them(void **state)
{
	enum { N = 1000 };
	struct object *o = make_objects(N);
	struct walk w = { .table = new_table() };

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_int_equal(cv_table_put(w.table, &o[i]), CV_OK);
	cv_table_each(w.table, visit, &w);
	assert_int_equal(w.visits, N);
	w.remove = true;
	cv_table_each(w.table, visit, &w);
	assert_int_equal(w.visits, 2 * N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(o[i].seen, 2);
	assert_int_equal(cv_table_count(w.table), 0);
	cv_table_each(w.table, visit, &w);
	assert_int_equal(w.visits, 2 * N);
	cv_table_free(w.table);
	free(o);
}

static void test_a_walk_stops_when_told(void **state)
{
	enum { N = 50 };
	struct object *o = make_objects(N);
	struct walk w = { .table = new_table(), .stop_after = 7 };

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_int_equal(cv_table_put(w.table, &o[i]), CV_OK);
	cv_table_each(w.table, visit, &w);
	assert_int_equal(w.visits, 7);
	cv_table_free(w.table);
	free(o);
}

static bool note_order(void *arg, void *object)
{
	uint32_t **next = arg;

	memcpy((*next)++, ((struct object *)object)->key, 4);
	return true;
}

/* Where the keys come to lie with that seed. */
static void order_with(const uint8_t *with_seed, struct object *o, size_t n, uint32_t *order)
{
	struct cv_table *t;

	assert_int_equal(cv_table_new(&t, key_of, with_seed), CV_OK);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(cv_table_put(t, &o[i]), CV_OK);
	cv_table_each(t, note_order, &order);
	cv_table_free(t);
}

/* A peer who chooses keys must not know where they land: every octet of the seed decides. */
static void test_another_seed_spreads_the_same_keys_otherwise(void **state)
{
	enum { N = 64 };
	struct object *o = make_objects(N);
	uint32_t order[N], other[N];

	(void)state;
	order_with(seed, o, N, order);
	order_with(seed, o, N, other);
	assert_memory_equal(order, other, sizeof(order));
	for (size_t i = 0; i < sizeof(seed); i++) {
		uint8_t changed[sizeof(seed)];

		memcpy(changed, seed, sizeof(seed));
		changed[i] ^= 0x80;
		order_with(changed, o, N, other);
		assert_memory_not_equal(order, other, sizeof(order));
	}
	free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_put_is_found_until_it_is_removed),
		cmocka_unit_test(test_a_key_is_taken_only_once),
		cmocka_unit_test(test_a_hundred_thousand_entries_are_all_found),
		cmocka_unit_test(test_a_long_mix_of_puts_and_removes_agrees_with_a_model),
		cmocka_unit_test(test_fresh_keys_come_and_go_for_ever),
		cmocka_unit_test(test_a_walk_sees_every_entry_once_even_if_it_removes_them),
		cmocka_unit_test(test_a_walk_stops_when_told),
		cmocka_unit_test(test_another_seed_spreads_the_same_keys_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
