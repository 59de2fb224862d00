#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/bytes.h"
#include "octets.h"

static void test_reads_are_big_endian_and_in_order(void **state)
{
	static const uint8_t in[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
	struct cv_cursor c = cv_cursor(cv_bytes(in, sizeof(in)));
	struct cv_bytes rest;

	(void)state;
	assert_int_equal(cv_cursor_u8(&c), 0x01);
	assert_int_equal(cv_cursor_u16(&c), 0x0203);
	assert_int_equal(cv_cursor_u32(&c), 0x04050607);
	assert_true(cv_cursor_u64(&c) == 0x08090a0b0c0d0e0f);
	assert_int_equal(cv_cursor_left(&c), 2);
	assert_false(cv_cursor_done(&c));
	rest = cv_cursor_rest(&c);
	assert_int_equal(rest.len, 2);
	assert_ptr_equal(rest.data, in + 15);
	assert_true(cv_cursor_done(&c));
}

/* Each kind of read that wants more than there is: it fails, yields zero, moves nothing, and all later ones
 * fail too, even those that would have fitted. */
static void test_a_read_past_the_end_fails_for_good(void **state)
{
	static const uint8_t seven[7] = { 1, 1, 1, 1, 1, 1, 1 };
	struct cv_bytes in = octets_exact(cv_bytes(seven, sizeof(seven)));

	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		struct cv_cursor c = cv_cursor(in);
		struct cv_bytes part = cv_bytes(NULL, 0);

		switch (kind) {
		case 0: assert_true(cv_cursor_u64(&c) == 0); break;
		case 1:
			cv_cursor_skip(&c, 4);
			assert_int_equal(cv_cursor_u32(&c), 0);
			break;
		case 2:
			cv_cursor_skip(&c, 6);
			assert_int_equal(cv_cursor_u16(&c), 0);
			break;
		case 3:
			cv_cursor_skip(&c, 7);
			assert_int_equal(cv_cursor_u8(&c), 0);
			break;
		case 4: cv_cursor_skip(&c, SIZE_MAX); break;
		default: part = cv_cursor_take(&c, 8); break;
		}
		assert_null(part.data);
		assert_false(cv_cursor_ok(&c));
		assert_int_equal(cv_cursor_left(&c), 0);
		assert_int_equal(cv_cursor_u8(&c), 0);
		assert_int_equal(cv_cursor_rest(&c).len, 0);
		assert_false(cv_cursor_done(&c));
	}
	octets_free(in);
}

static void test_an_empty_input_is_done_and_has_nothing(void **state)
{
	struct cv_cursor c = cv_cursor(cv_bytes(NULL, 0));

	(void)state;
	assert_true(cv_cursor_done(&c));
	assert_int_equal(cv_cursor_take(&c, 0).len, 0);
	assert_true(cv_cursor_ok(&c));
	assert_int_equal(cv_cursor_u8(&c), 0);
	assert_false(cv_cursor_ok(&c));
}

static void test_a_length_without_memory_is_failed_from_the_start(void **state)
{
	struct cv_cursor c = cv_cursor(cv_bytes(NULL, 5));

	(void)state;
	assert_false(cv_cursor_ok(&c));
}

static void test_a_sub_cursor_ends_where_it_was_told(void **state)
{
	static const uint8_t in[] = { 1, 2, 3, 4 };
	struct cv_cursor c = cv_cursor(cv_bytes(in, sizeof(in)));
	struct cv_cursor sub = cv_cursor_sub(&c, 3);

	(void)state;
	assert_int_equal(cv_cursor_u16(&sub), 0x0102);
	assert_int_equal(cv_cursor_u16(&sub), 0);
	assert_false(cv_cursor_ok(&sub));
	assert_true(cv_cursor_ok(&c));
	assert_int_equal(cv_cursor_u8(&c), 4);
}

static void test_a_sub_cursor_longer_than_the_input_fails_both(void **state)
{
	static const uint8_t in[] = { 1, 2, 3, 4 };
	struct cv_cursor c = cv_cursor(cv_bytes(in, sizeof(in)));
	struct cv_cursor sub = cv_cursor_sub(&c, 5);

	(void)state;
	assert_false(cv_cursor_ok(&sub));
	assert_false(cv_cursor_ok(&c));
}

static void test_a_failure_by_hand_sticks(void **state)
{
	static const uint8_t in[] = { 1 };
	struct cv_cursor c = cv_cursor(cv_bytes(in, sizeof(in)));

	(void)state;
	cv_cursor_fail(&c);
	assert_int_equal(cv_cursor_u8(&c), 0);
	assert_false(cv_cursor_ok(&c));
}

static void test_what_was_written_can_be_read_back(void **state)
{
	uint8_t buf[32];
	struct cv_writer w = cv_writer(buf, sizeof(buf));
	size_t where;
	static const uint8_t expected[] = { 0x12, 0x12, 0x34, 0xbe, 0xef, 0, 0,	  0,   1, 1, 2,
					    3,	  4,	5,    6,    7,	  8, 'a', 'b', 0, 0 };

	(void)state;
	cv_writer_u8(&w, 0x12);
	cv_writer_u16(&w, 0x1234);
	where = cv_writer_reserve(&w, 2);
	cv_writer_u32(&w, 1);
	cv_writer_u64(&w, 0x0102030405060708);
	cv_writer_put(&w, cv_bytes("ab", 2));
	cv_writer_zero(&w, 2);
	cv_writer_patch_u16(&w, where, 0xbeef);
	assert_true(cv_writer_ok(&w));
	assert_int_equal(cv_writer_bytes(&w).len, sizeof(expected));
	assert_memory_equal(buf, expected, sizeof(expected));
}

static void test_a_write_that_does_not_fit_writes_nothing_and_sticks(void **state)
{
	uint8_t buf[4] = { 9, 9, 9, 9 };
	struct cv_writer w = cv_writer(buf, 3);

	(void)state;
	cv_writer_u16(&w, 0x0102);
	cv_writer_u16(&w, 0x0304);
	assert_false(cv_writer_ok(&w));
	cv_writer_u8(&w, 5);
	assert_int_equal(cv_writer_bytes(&w).len, 0);
	assert_null(cv_writer_bytes(&w).data);
	assert_int_equal(buf[2], 9);
	assert_int_equal(buf[3], 9);
}

static void test_a_huge_write_does_not_wrap_around(void **state)
{
	uint8_t buf[4];
	struct cv_writer w = cv_writer(buf, sizeof(buf));

	(void)state;
	cv_writer_u8(&w, 1);
	cv_writer_put(&w, cv_bytes(buf, SIZE_MAX));
	assert_false(cv_writer_ok(&w));
}

static void test_a_patch_outside_of_what_was_written_fails(void **state)
{
	uint8_t buf[16];
	static const size_t offset_u16[] = { 3, 4, 5, SIZE_MAX }, offset_u32[] = { 1, 4, SIZE_MAX - 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(offset_u16) / sizeof(offset_u16[0]); i++) {
		struct cv_writer w = cv_writer(buf, sizeof(buf));

		cv_writer_u32(&w, 0);
		cv_writer_patch_u16(&w, offset_u16[i], 1);
		assert_false(cv_writer_ok(&w));
	}
	for (size_t i = 0; i < sizeof(offset_u32) / sizeof(offset_u32[0]); i++) {
		struct cv_writer w = cv_writer(buf, sizeof(buf));

		cv_writer_u32(&w, 0);
		cv_writer_patch_u32(&w, offset_u32[i], 1);
		assert_false(cv_writer_ok(&w));
	}
}

static void test_patches_at_the_edges_fit(void **state)
{
	uint8_t buf[4];
	struct cv_writer w = cv_writer(buf, sizeof(buf));

	(void)state;
	cv_writer_u32(&w, 0);
	cv_writer_patch_u32(&w, 0, 0x01020304);
	cv_writer_patch_u16(&w, 2, 0x0506);
	assert_true(cv_writer_ok(&w));
	assert_memory_equal(buf, "\x01\x02\x05\x06", 4);
}

static void test_equality_looks_at_length_and_contents(void **state)
{
	(void)state;
	assert_true(cv_bytes_equal(cv_bytes("ab", 2), cv_bytes("abc", 2)));
	assert_false(cv_bytes_equal(cv_bytes("ab", 2), cv_bytes("abc", 3)));
	assert_false(cv_bytes_equal(cv_bytes("ab", 2), cv_bytes("ac", 2)));
	assert_true(cv_bytes_equal(cv_bytes(NULL, 0), cv_bytes("x", 0)));
}

static void test_numbers_in_memory_go_there_and_back(void **state)
{
	uint8_t b[8];

	(void)state;
	cv_put_u64(b, 0x8182838485868788);
	assert_memory_equal(b, "\x81\x82\x83\x84\x85\x86\x87\x88", 8);
	assert_true(cv_get_u64(b) == 0x8182838485868788);
	assert_int_equal(cv_get_u32(b + 1), 0x82838485);
	assert_int_equal(cv_get_u16(b + 6), 0x8788);
}

static void test_hex_is_cut_at_whole_octets(void **state)
{
	char out[7];

	(void)state;
	assert_string_equal(cv_hex(cv_bytes("\x00\xaf\x10", 3), out, sizeof(out)), "00af10");
	assert_string_equal(cv_hex(cv_bytes("\x00\xaf\x10", 3), out, 6), "00af");
	assert_string_equal(cv_hex(cv_bytes("\x00\xaf\x10", 3), out, 1), "");
	out[0] = 'x';
	(void)cv_hex(cv_bytes("\x00", 1), out, 0);
	assert_int_equal(out[0], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_are_big_endian_and_in_order),
		cmocka_unit_test(test_a_read_past_the_end_fails_for_good),
		cmocka_unit_test(test_an_empty_input_is_done_and_has_nothing),
		cmocka_unit_test(test_a_length_without_memory_is_failed_from_the_start),
		cmocka_unit_test(test_a_sub_cursor_ends_where_it_was_told),
		cmocka_unit_test(test_a_sub_cursor_longer_than_the_input_fails_both),
		cmocka_unit_test(test_a_failure_by_hand_sticks),
		cmocka_unit_test(test_what_was_written_can_be_read_back),
		cmocka_unit_test(test_a_write_that_does_not_fit_writes_nothing_and_sticks),
		cmocka_unit_test(test_a_huge_write_does_not_wrap_around),
		cmocka_unit_test(test_a_patch_outside_of_what_was_written_fails),
		cmocka_unit_test(test_patches_at_the_edges_fit),
		cmocka_unit_test(test_equality_looks_at_length_and_contents),
		cmocka_unit_test(test_numbers_in_memory_go_there_and_back),
		cmocka_unit_test(test_hex_is_cut_at_whole_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
