#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "packets.h"
#include "plane/user/checksum.h"

static void test_the_sum_is_that_of_rfc_1071_at_every_length_and_alignment(void **state)
{
	uint64_t seed = 1;
	uint8_t buf[2100], copy[2100];

	(void)state;
	octets_random_fill(&seed, buf, sizeof buf);
	memset(buf + 300, 0xff, 400); /* carries */
	for (size_t len = 0; len <= 2000; len++) {
		size_t at = len % 17;
		uint16_t want = packets_sum(buf + at, len, 0);
		struct cv_bytes exact = octets_exact(cv_bytes(buf + at, len));

		assert_int_equal(ntohs(checksum_fold(checksum_add(0, exact.data, len))), want);
		memset(copy, 0xa5, sizeof copy);
		assert_int_equal(ntohs(checksum_fold(checksum_copy(0, copy + at, exact.data, len))), want);
		assert_memory_equal(copy + at, exact.data, len);
		assert_int_equal(copy[at + len], 0xa5);
		octets_free(exact);
	}
}

static void test_sums_of_parts_add_up(void **state)
{
	uint64_t seed = 2;
	uint8_t buf[512];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		size_t cut = octets_random(&seed) % 256 * 2;
		uint16_t whole;

		octets_random_fill(&seed, buf, sizeof buf);
		whole = checksum_fold(checksum_add(0, buf, sizeof buf));
		assert_int_equal(
		    checksum_fold(checksum_add(checksum_add(0, buf, cut), buf + cut, sizeof buf - cut)),
		    whole);
	}
}

static void test_no_carry_is_lost_in_the_largest_packet(void **state)
{
	uint8_t *buf = malloc(65536);

	(void)state;
	memset(buf, 0xff, 65536);
	for (size_t len = 65520; len <= 65536; len++)
		assert_int_equal(ntohs(checksum_fold(checksum_add(0, buf, len))), packets_sum(buf, len, 0));
	assert_int_equal(checksum_fold(checksum_add(UINT32_MAX, buf, 65536)), 0xffff);
	free(buf);
}

static void test_numbers_count_as_they_stand_in_the_packet(void **state)
{
	const uint8_t octets[] = { 0x12, 0x34, 0xca, 0xfe, 0xba, 0xbe };
	checksum_t sum = checksum_add_u32(checksum_add_u16(0, 0x1234), 0xcafebabe);
	uint8_t stored[2];

	(void)state;
	assert_int_equal(checksum_fold(sum), checksum_fold(checksum_add(0, octets, sizeof octets)));
	checksum_store(stored, sum);
	assert_int_equal(cv_get_u16(stored), (uint16_t)~packets_sum(octets, sizeof octets, 0));
}

static void test_the_pseudo_header_is_right_in_both_families(void **state)
{
	struct packets_spec s = { .version = 4, .protocol = PACKETS_TCP, .flow = 9, .payload = 100 };
	uint64_t seed = 3;
	uint8_t p[256];

	(void)state;
	packets_build(&s, &seed, p);
	assert_int_equal(ntohs(checksum_fold(checksum_pseudo(p + 12, 4, 6, 120))), packets_pseudo(p, 6, 120));
	s.version = 6;
	packets_build(&s, &seed, p);
	assert_int_equal(ntohs(checksum_fold(checksum_pseudo(p + 8, 16, 6, 120))), packets_pseudo(p, 6, 120));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_sum_is_that_of_rfc_1071_at_every_length_and_alignment),
		cmocka_unit_test(test_sums_of_parts_add_up),
		cmocka_unit_test(test_no_carry_is_lost_in_the_largest_packet),
		cmocka_unit_test(test_numbers_count_as_they_stand_in_the_packet),
		cmocka_unit_test(test_the_pseudo_header_is_right_in_both_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
