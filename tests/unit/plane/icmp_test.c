#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packets.h"
#include "plane/user/icmp.h"

static uint8_t packet[4000], answer[ICMP_ANSWER_MAX];

static size_t build(uint8_t version, uint8_t protocol, size_t payload)
{
	struct packets_spec s = {
		.version = version, .protocol = protocol, .frag = 0x4000, .payload = payload
	};
	uint64_t seed = 40;

	return packets_build(&s, &seed, packet);
}

static void test_ipv4_gets_fragmentation_needed_with_the_mtu(void **state)
{
	size_t len = build(4, PACKETS_TCP, 2000);
	size_t n = icmp_too_big(cv_bytes(packet, len), 1390, answer);

	(void)state;
	assert_int_equal(n, 576);
	assert_int_equal(packets_sum(answer, 20, 0), 0xffff);
	assert_int_equal(cv_get_u16(answer + 2), n);
	assert_memory_equal(answer + 12, packet + 16, 4);
	assert_memory_equal(answer + 16, packet + 12, 4);
	assert_int_equal(answer[20], 3);
	assert_int_equal(answer[21], 4);
	assert_int_equal(cv_get_u16(answer + 26), 1390);
	assert_int_equal(packets_sum(answer + 20, n - 20, 0), 0xffff);
	assert_memory_equal(answer + 28, packet, n - 28);
}

static void test_ipv6_gets_packet_too_big_with_the_mtu(void **state)
{
	size_t len = build(6, PACKETS_UDP, 2000);
	size_t n = icmp_too_big(cv_bytes(packet, len), 1390, answer);

	(void)state;
	assert_int_equal(n, 1280);
	assert_int_equal(cv_get_u16(answer + 4), n - 40);
	assert_memory_equal(answer + 8, packet + 24, 16);
	assert_memory_equal(answer + 24, packet + 8, 16);
	assert_int_equal(answer[40], 2);
	assert_int_equal(cv_get_u32(answer + 44), 1390);
	assert_int_equal(packets_sum(answer + 40, n - 40, packets_pseudo(answer, 58, n - 40)), 0xffff);
	assert_memory_equal(answer + 48, packet, n - 48);
}

static void test_a_short_packet_is_quoted_whole(void **state)
{
	size_t len = build(4, PACKETS_UDP, 100);

	(void)state;
	assert_int_equal(icmp_too_big(cv_bytes(packet, len), 68, answer), 28 + len);
}

/* RFC 1122 section 3.2.2, RFC 4443 section 2.4 (e) */
static void test_what_must_not_be_answered_is_not(void **state)
{
	size_t len = build(4, PACKETS_TCP, 200);

	(void)state;
	packet[7] = 1; /* a later fragment */
	assert_int_equal(icmp_too_big(cv_bytes(packet, len), 100, answer), 0);
	for (unsigned i = 0; i < 4; i++) {
		build(4, PACKETS_TCP, 200);
		packet[12] = (uint8_t[]){ 0, 127, 224, 255 }[i];
		assert_int_equal(icmp_too_big(cv_bytes(packet, len), 100, answer), 0);
	}
	len = build(4, PACKETS_ICMP, 200);
	packet[20] = 3; /* an ICMP error */
	assert_int_equal(icmp_too_big(cv_bytes(packet, len), 100, answer), 0);
	packet[20] = 8; /* an echo request */
	assert_int_not_equal(icmp_too_big(cv_bytes(packet, len), 100, answer), 0);
	len = build(6, 58, 200);
	packet[40] = 1;
	assert_int_equal(icmp_too_big(cv_bytes(packet, len), 100, answer), 0);
	packet[40] = 128;
	assert_int_not_equal(icmp_too_big(cv_bytes(packet, len), 100, answer), 0);
	packet[8] = 0xff; /* from a multicast address */
	assert_int_equal(icmp_too_big(cv_bytes(packet, len), 100, answer), 0);
	memset(packet + 8, 0, 16);
	assert_int_equal(icmp_too_big(cv_bytes(packet, len), 100, answer), 0);
	assert_int_equal(icmp_too_big(cv_bytes(packet, 10), 100, answer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_gets_fragmentation_needed_with_the_mtu),
		cmocka_unit_test(test_ipv6_gets_packet_too_big_with_the_mtu),
		cmocka_unit_test(test_a_short_packet_is_quoted_whole),
		cmocka_unit_test(test_what_must_not_be_answered_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
