#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../crypto/vectors.h"
#include "esp/esp.h"

/* Headers to put together: 192.0.2.1 to 198.51.100.2 and 2001:db8::1 to 2001:db8:1::2. */
static struct octets ipv4(uint8_t protocol, uint16_t fragment, const char *payload)
{
	struct octets p = hex("45000000 00010000 40000000 c0000201 c6336402"), rest = hex(payload);

	memcpy(p.b + p.len, rest.b, rest.len);
	p.len += rest.len;
	cv_put_u16(p.b + 2, (uint16_t)p.len);
	cv_put_u16(p.b + 6, fragment);
	p.b[9] = protocol;
	return p;
}

static struct octets ipv6(uint8_t next, const char *payload)
{
	struct octets p =
	    hex("60000000 00000040 20010db8000000000000000000000001 20010db8000100000000000000000002");
	struct octets rest = hex(payload);

	memcpy(p.b + p.len, rest.b, rest.len);
	p.len += rest.len;
	cv_put_u16(p.b + 4, (uint16_t)(p.len - 40));
	p.b[6] = next;
	return p;
}

/* Reads from a buffer of exact size. */
static enum cv_err read_flow(const struct octets *p, struct esp_flow *flow)
{
	uint8_t *exact = malloc(p->len + 1);

	memcpy(exact + 1, p->b, p->len);
	enum cv_err err = esp_flow_read(cv_bytes(exact + 1, p->len), flow);

	free(exact);
	return err;
}

static void check_ports(const struct octets *p, uint8_t protocol, bool known, uint16_t src, uint16_t dst)
{
	struct esp_flow flow;

	assert_int_equal(read_flow(p, &flow), CV_OK);
	assert_int_equal(flow.protocol, protocol);
	assert_int_equal(flow.ports, known);
	assert_int_equal(flow.src_port, src);
	assert_int_equal(flow.dst_port, dst);
	assert_int_equal(flow.len, p->len);
}

static void check_refused(const struct octets *p)
{
	struct esp_flow flow;

	assert_int_not_equal(read_flow(p, &flow), CV_OK);
}

/* R4301-4.4.1.1-1 */
static void test_addresses_and_ports_of_ipv4_are_read(void **state)
{
	struct octets p = ipv4(6, 0x4000, "0050 c001 00000000");
	struct esp_flow flow;
	char text[CV_IP_TEXT_MAX];

	(void)state;
	check_ports(&p, 6, true, 80, 49153);
	assert_int_equal(read_flow(&p, &flow), CV_OK);
	assert_string_equal(cv_ip_text(&flow.src, text), "192.0.2.1");
	assert_string_equal(cv_ip_text(&flow.dst, text), "198.51.100.2");
	p = ipv4(17, 0, "0035 1194");
	check_ports(&p, 17, true, 53, 4500);
	p = ipv4(132, 0, "0001 0002");
	check_ports(&p, 132, true, 1, 2);
}

static void test_addresses_and_ports_of_ipv6_are_read(void **state)
{
	struct octets p = ipv6(17, "0035 1194 0008 0000");
	struct esp_flow flow;
	char text[CV_IP_TEXT_MAX];

	(void)state;
	check_ports(&p, 17, true, 53, 4500);
	assert_int_equal(read_flow(&p, &flow), CV_OK);
	assert_string_equal(cv_ip_text(&flow.src, text), "2001:db8::1");
	assert_string_equal(cv_ip_text(&flow.dst, text), "2001:db8:1::2");
}

/* RFC 4301 section 4.4.1.1: type in the high octet, code in the low one; a Mobility Header has only a type.
 */
static void test_icmp_type_and_code_stand_for_ports(void **state)
{
	struct octets echo = ipv4(1, 0, "0800 0000 00010001"), big = ipv6(58, "0200 0000 00000500");
	struct octets unreachable = ipv4(1, 0, "0304 0000"), mobility = ipv6(135, "3b00 0500 00000000");

	(void)state;
	check_ports(&echo, 1, true, 0x0800, 0x0800);
	check_ports(&unreachable, 1, true, 0x0304, 0x0304);
	check_ports(&big, 58, true, 0x0200, 0x0200);
	check_ports(&mobility, 135, true, 0x0500, 0x0500);
}

static void test_protocols_without_ports_have_none(void **state)
{
	struct octets gre = ipv4(47, 0, "0000 0800"), esp = ipv6(50, "01020304 00000001"),
		      none = ipv6(59, "");
	struct octets ah = ipv6(51, "0604 0000 01020304 00000001");

	(void)state;
	check_ports(&gre, 47, false, 0, 0);
	check_ports(&esp, 50, false, 0, 0);
	check_ports(&ah, 51, false, 0, 0);
	check_ports(&none, 59, false, 0, 0);
}

/* R4301-7.3-1: only the first fragment shows ports. */
static void test_fragments_of_ipv4_are_told_apart(void **state)
{
	struct octets first = ipv4(17, 0x2000, "0035 1194 0100 0000"), later = ipv4(17, 0x2001, "0035 1194");
	struct octets last = ipv4(17, 0x0010, "0035 1194"), far = ipv4(17, 0x1000, "0035 1194");
	struct esp_flow flow;

	(void)state;
	check_ports(&first, 17, true, 53, 4500);
	check_ports(&later, 17, false, 0, 0);
	check_ports(&last, 17, false, 0, 0);
	check_ports(&far, 17, false, 0, 0);
	assert_int_equal(read_flow(&first, &flow), CV_OK);
	assert_false(flow.fragment);
	assert_int_equal(read_flow(&later, &flow), CV_OK);
	assert_true(flow.fragment);
}

static void test_fragments_of_ipv6_are_told_apart(void **state)
{
	struct octets first = ipv6(44, "1100 0001 00000001 0035 1194 0100 0000");
	struct octets later = ipv6(44, "1100 0009 00000001 0035 1194"),
		      atomic = ipv6(44, "1100 0000 00000001 0035 1194");
	/* What follows in a later fragment is payload, whatever the header says. */
	struct octets options = ipv6(44, "3c00 0009 00000001 1100 0000 00000000 0035 1194");
	struct esp_flow flow;

	(void)state;
	check_ports(&first, 17, true, 53, 4500);
	check_ports(&atomic, 17, true, 53, 4500);
	check_ports(&later, 17, false, 0, 0);
	check_ports(&options, 60, false, 0, 0);
	assert_int_equal(read_flow(&later, &flow), CV_OK);
	assert_true(flow.fragment);
	assert_int_equal(read_flow(&atomic, &flow), CV_OK);
	assert_false(flow.fragment);
}

static void test_ipv6_extension_headers_are_skipped(void **state)
{
	/* hop-by-hop of 8, destination options of 16, routing of 8, then TCP */
	struct octets p = ipv6(0, "3c00 010400000000"
				  "2b01 010c000000000000000000000000"
				  "0600 0000 00000000"
				  "0050 c001 00000000");

	(void)state;
	check_ports(&p, 6, true, 80, 49153);
}

static void test_ipv4_options_are_skipped(void **state)
{
	struct octets p = ipv4(17, 0, "01010101 01010100 0035 1194");

	(void)state;
	p.b[0] = 0x47;
	check_ports(&p, 17, true, 53, 4500);
}

/* R4303-2.7-1: what stands behind the packet by its own length is padding. */
static void test_padding_behind_the_packet_is_not_part_of_it(void **state)
{
	struct octets p = ipv4(17, 0, "0035 1194"), q = ipv6(17, "0035 1194");
	struct esp_flow flow;

	(void)state;
	p.len += 100;
	assert_int_equal(read_flow(&p, &flow), CV_OK);
	assert_int_equal(flow.len, 24);
	q.len += 100;
	assert_int_equal(read_flow(&q, &flow), CV_OK);
	assert_int_equal(flow.len, 44);
}

static void test_ports_are_not_read_from_the_padding(void **state)
{
	struct octets p = ipv4(17, 0, "0035"), q = ipv6(6, "0035");

	(void)state;
	p.len += 2;
	q.len += 2;
	struct esp_flow flow;

	assert_int_equal(read_flow(&p, &flow), CV_OK);
	assert_false(flow.ports);
	assert_int_equal(flow.src_port, 0);
	assert_int_equal(read_flow(&q, &flow), CV_OK);
	assert_false(flow.ports);
}

static void test_headers_that_lie_about_lengths_are_refused(void **state)
{
	struct octets p;

	(void)state;
	p = ipv4(17, 0, "0035 1194");
	p.b[0] = 0x44; /* header of 16 octets */
	check_refused(&p);
	p.b[0] = 0x4f; /* of 60 */
	check_refused(&p);
	p = ipv4(17, 0, "0035 1194");
	cv_put_u16(p.b + 2, 25); /* longer than what is there */
	check_refused(&p);
	cv_put_u16(p.b + 2, 19); /* shorter than the header */
	check_refused(&p);
	p = ipv6(17, "0035 1194");
	cv_put_u16(p.b + 4, 5);
	check_refused(&p);
	p = ipv6(0, "1101 0104 0000 0000"); /* an extension header longer than the packet */
	check_refused(&p);
	p = ipv6(44, "1100 0001");
	check_refused(&p);
	p = ipv4(17, 0, "0035 1194");
	p.b[0] = 0x55;
	check_refused(&p);
	p.len = 0;
	check_refused(&p);
}

static void test_an_endless_chain_of_headers_is_refused(void **state)
{
	struct octets p = ipv6(60, "");

	(void)state;
	for (int i = 0; i < 16; i++) {
		struct octets header = hex("3c00 010400000000");

		memcpy(p.b + p.len, header.b, 8);
		p.len += 8;
	}
	p.b[p.len - 8] = 59;
	cv_put_u16(p.b + 4, (uint16_t)(p.len - 40));
	check_ports(&p, 59, false, 0, 0);
	p.b[p.len - 8] = 60;
	memcpy(p.b + p.len, p.b + 40, 8);
	p.len += 8;
	p.b[p.len - 8] = 59;
	cv_put_u16(p.b + 4, (uint16_t)(p.len - 40));
	check_refused(&p);
}

static void test_every_cut_packet_is_refused_without_reading_on(void **state)
{
	struct octets whole[] = {
		ipv4(17, 0, "0035 1194 0000 0000"),
		ipv6(0, "3c00 010400000000 2c00 010400000000 0600 0000 00000000 0050 c001 00000000"),
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (struct octets cut = whole[i]; cut.len-- > 0;)
			check_refused(&cut);
	}
}

static void test_random_octets_never_read_outside(void **state)
{
	uint32_t rng = 12345;

	(void)state;
	for (int n = 0; n < 20000; n++) {
		struct octets p = { .len = (size_t)(n % 120) };
		struct esp_flow flow;

		for (size_t i = 0; i < p.len; i++) {
			rng = rng * 1664525 + 1013904223;
			p.b[i] = (uint8_t)(rng >> 24);
		}
		/* Most get past the first checks. */
		p.b[0] = n % 2 ? 0x45 : 0x60;
		if (p.len >= 40 && n % 8 != 0) {
			cv_put_u16(p.b + (n % 2 ? 2 : 4), (uint16_t)(n % 2 ? p.len : p.len - 40));
			p.b[6] = n % 3 ? (uint8_t[]){ 0, 43, 44, 60 }[p.b[6] % 4] : p.b[6];
		}
		if (read_flow(&p, &flow) == CV_OK)
			assert_true(flow.len <= p.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_and_ports_of_ipv4_are_read),
		cmocka_unit_test(test_addresses_and_ports_of_ipv6_are_read),
		cmocka_unit_test(test_icmp_type_and_code_stand_for_ports),
		cmocka_unit_test(test_protocols_without_ports_have_none),
		cmocka_unit_test(test_fragments_of_ipv4_are_told_apart),
		cmocka_unit_test(test_fragments_of_ipv6_are_told_apart),
		cmocka_unit_test(test_ipv6_extension_headers_are_skipped),
		cmocka_unit_test(test_ipv4_options_are_skipped),
		cmocka_unit_test(test_padding_behind_the_packet_is_not_part_of_it),
		cmocka_unit_test(test_ports_are_not_read_from_the_padding),
		cmocka_unit_test(test_headers_that_lie_about_lengths_are_refused),
		cmocka_unit_test(test_an_endless_chain_of_headers_is_refused),
		cmocka_unit_test(test_every_cut_packet_is_refused_without_reading_on),
		cmocka_unit_test(test_random_octets_never_read_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
