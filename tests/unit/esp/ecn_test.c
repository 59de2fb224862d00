#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "esp/esp.h"

enum { NOT_ECT, ECT_1, ECT_0, CE, DROP };

/* RFC 6040 figure 4, in the order of the codepoints' numbers: [inner][outer]. */
static const int figure4[4][4] = {
	{ NOT_ECT, NOT_ECT, NOT_ECT, DROP },
	{ ECT_1, ECT_1, ECT_1, CE },
	{ ECT_0, ECT_1, ECT_0, CE },
	{ CE, CE, CE, CE },
};

static uint16_t header_sum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += cv_get_u16(header + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void make_ipv4(uint8_t h[20], uint8_t tos, uint16_t id)
{
	const uint8_t plain[20] = { 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1 };

	memcpy(h, plain, 20);
	h[1] = tos;
	cv_put_u16(h + 4, id);
	cv_put_u16(h + 10, (uint16_t)~header_sum(h));
}

/* R7296-2.24-1. Every DSCP and many checksums, so that each carry happens. */
static void test_ipv4_follows_figure_4_and_keeps_its_checksum(void **state)
{
	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		for (uint8_t outer = 0; outer < 4; outer++) {
			for (unsigned id = 0; id < 65536; id += 251) {
				uint8_t h[20], before[20];
				int want = figure4[tos & 3][outer];

				make_ipv4(h, (uint8_t)tos, (uint16_t)id);
				memcpy(before, h, 20);
				assert_int_equal(esp_decap_ecn(h, 20, outer), want != DROP);
				if (want == DROP) {
					assert_memory_equal(h, before, 20);
					continue;
				}
				assert_int_equal(h[1], (tos & 0xfc) | (unsigned)want);
				assert_int_equal(header_sum(h), 0xffff);
				assert_memory_equal(h + 12, before + 12, 8);
			}
		}
	}
}

static void test_ipv6_follows_figure_4_and_keeps_its_flow_label(void **state)
{
	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		for (uint8_t outer = 0; outer < 4; outer++) {
			uint8_t h[40] = { 0 };
			int want = figure4[tos & 3][outer];

			cv_put_u32(h, 6U << 28 | tos << 20 | 0xabcde);
			assert_int_equal(esp_packet_tos(cv_bytes(h, 40)), tos);
			assert_int_equal(esp_decap_ecn(h, 40, outer), want != DROP);
			if (want != DROP)
				assert_int_equal(cv_get_u32(h), 6U << 28 | (tos & 0xfc) << 20 |
								    (unsigned)want << 20 | 0xabcde);
		}
	}
}

static void test_an_unknown_outer_field_changes_nothing(void **state)
{
	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		uint8_t h[20], before[20];

		make_ipv4(h, (uint8_t)tos, 1);
		memcpy(before, h, 20);
		assert_true(esp_decap_ecn(h, 20, 0));
		assert_memory_equal(h, before, 20);
	}
}

static void test_what_is_no_whole_ip_header_is_dropped(void **state)
{
	uint8_t h[40] = { 0x45, 3 };

	(void)state;
	assert_false(esp_decap_ecn(h, 19, 0));
	assert_int_equal(esp_packet_tos(cv_bytes(h, 19)), 0);
	assert_int_equal(esp_packet_tos(cv_bytes(h, 20)), 3);
	h[0] = 0x60;
	assert_false(esp_decap_ecn(h, 39, 0));
	assert_true(esp_decap_ecn(h, 40, 0));
	h[0] = 0x50;
	assert_false(esp_decap_ecn(h, 40, 0));
	assert_false(esp_decap_ecn(h, 0, 0));
	assert_int_equal(esp_packet_tos(cv_bytes(h, 40)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_follows_figure_4_and_keeps_its_checksum),
		cmocka_unit_test(test_ipv6_follows_figure_4_and_keeps_its_flow_label),
		cmocka_unit_test(test_an_unknown_outer_field_changes_nothing),
		cmocka_unit_test(test_what_is_no_whole_ip_header_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
