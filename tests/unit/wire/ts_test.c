#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payload.h"

static struct wire_ts_list list;

static enum cv_err decode(struct cv_bytes body)
{
	return wire_ts_decode(body, &list);
}

/* 192.0.2.0-192.0.2.255 any, then 2001:db8::-2001:db8::ff TCP 80-90; by hand from RFC 7296 section 3.13.1. */
static const char two_selectors[] =
    "02000000"
    "07 00 0010 0000 ffff c0000200 c00002ff"
    "08 06 0028 0050 005a 20010db8000000000000000000000000 20010db80000000000000000000000ff";

static void test_two_selectors_are_read(void **state)
{
	char text[WIRE_TS_TEXT_MAX];

	(void)state;
	assert_int_equal(payload_decode_hex(two_selectors, decode), CV_OK);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.ts[0].protocol, 0);
	assert_int_equal(list.ts[0].port_last, 65535);
	assert_string_equal(wire_ts_text(&list.ts[0], text), "192.0.2.0/24");
	assert_int_equal(list.ts[1].protocol, 6);
	assert_int_equal(list.ts[1].port_first, 80);
	assert_int_equal(list.ts[1].port_last, 90);
	assert_string_equal(wire_ts_text(&list.ts[1], text), "2001:db8::/120/tcp/80-90");
}

static void test_two_selectors_are_built_as_the_figure_says(void **state)
{
	struct cv_bytes expected = octets_hex(two_selectors);
	struct wire_builder b;
	uint8_t buf[128];

	(void)state;
	assert_int_equal(decode(expected), CV_OK);
	wire_build_inner(&b, buf, sizeof(buf));
	wire_ts_build(&b, WIRE_TSR, &list);
	assert_true(cv_bytes_equal(payload_body(&b), expected));
	assert_int_equal(b.first, WIRE_TSR);
	octets_free(expected);
}

static void test_selectors_cut_anywhere_are_refused(void **state)
{
	struct cv_bytes body = octets_hex(two_selectors);

	(void)state;
	assert_int_equal(payload_cuts_accepted(body, decode), 0);
	octets_free(body);
}

/* R7296-3.13.1-1 */
static void test_selectors_that_contradict_themselves_are_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"00000000", /* none at all */
		/* one more, one less than announced; something behind */
		"02000000 07 00 0010 0000 ffff c0000200 c00002ff",
		"01000000 07 00 0010 0000 ffff c0000200 c00002ff 07 00 0010 0000 ffff c0000200 c00002ff",
		"01000000 07 00 0010 0000 ffff c0000200 c00002ff 00",
		/* a length that is not that of its type */
		"01000000 07 00 000f 0000 ffff c0000200 c00002",
		"01000000 07 00 0011 0000 ffff c0000200 c00002ff 00",
		"01000000 07 00 0028 0000 ffff 20010db8000000000000000000000000 "
		"20010db80000000000000000000000ff",
		"01000000 08 00 0010 0000 ffff c0000200 c00002ff",
		"01000000 07 00 0000 0000 ffff c0000200 c00002ff",
		"01000000 07 00 0007 0000 ffff c0000200 c00002ff",
		/* of unknown type, too short for its own header, or longer than the payload */
		"01000000 63 00 0007 000000",
		"01000000 63 00 0009 0000 ffff",
		/* backwards: address, port */
		"01000000 07 00 0010 0000 ffff c0000201 c0000200",
		"01000000 08 00 0028 0000 ffff 20010db8000000000000000000000001 "
		"20010db8000000000000000000000000",
		"01000000 07 06 0010 0051 0050 c0000200 c00002ff",
		"01000000 07 06 0010 fffe 0000 c0000200 c00002ff",
		"01000000 07 06 0010 ffff 0001 c0000200 c00002ff",
		/* ports without a protocol */
		"01000000 07 00 0010 0050 0050 c0000200 c00002ff",
		"01000000 07 00 0010 0000 0000 c0000200 c00002ff",
		"01000000 07 00 0010 ffff 0000 c0000200 c00002ff",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (payload_decode_hex(cases[i], decode) != CV_E_SYNTAX)
			fail_msg("accepted: %s", cases[i]);
}

static void test_selectors_of_unknown_type_are_left_out(void **state)
{
	(void)state;
	assert_int_equal(
	    payload_decode_hex("02000000 63 00 000a 0000 ffff aabb 07 00 0010 0000 ffff c0000200 c00002ff",
			       decode),
	    CV_OK);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.ts[0].first.b[0], 192);
	assert_int_equal(payload_decode_hex("01000000 09 00 0008 0000 ffff", decode), CV_OK);
	assert_int_equal(list.count, 0);
}

static void test_single_addresses_and_ports_and_opaque_ones_are_fine(void **state)
{
	(void)state;
	assert_int_equal(payload_decode_hex("01ffffff 07 06 0010 0050 0050 c0000201 c0000201", decode),
			 CV_OK);
	assert_int_equal(list.ts[0].port_first, 80);
	assert_int_equal(list.ts[0].port_last, 80);
	assert_int_equal(payload_decode_hex("01ffffff 07 11 0010 ffff 0000 c0000201 c0000201", decode),
			 CV_OK);
	assert_int_equal(list.ts[0].port_first, 65535);
	assert_int_equal(list.ts[0].port_last, 0);
}

static void test_more_selectors_than_we_hold_are_a_limit(void **state)
{
	uint8_t body[4 + 16 * (WIRE_TS_MAX + 1)] = { WIRE_TS_MAX + 1 };
	static const uint8_t one[16] = { 7, 0, 0, 16, 0, 0, 255, 255, 10, 0, 0, 0, 10, 0, 0, 255 };

	(void)state;
	for (size_t i = 0; i <= WIRE_TS_MAX; i++)
		memcpy(body + 4 + 16 * i, one, 16);
	assert_int_equal(decode(cv_bytes(body, sizeof(body))), CV_E_LIMIT);
	body[0] = WIRE_TS_MAX;
	assert_int_equal(decode(cv_bytes(body, sizeof(body) - 16)), CV_OK);
	assert_int_equal(list.count, WIRE_TS_MAX);
}

static void make_random(uint64_t *seed, struct wire_ts *ts)
{
	size_t len = octets_random(seed) % 2 ? 4 : 16;
	uint8_t a[16], b[16];
	bool swap;

	octets_random_fill(seed, a, len);
	octets_random_fill(seed, b, len);
	swap = memcmp(a, b, len) > 0;
	*ts = (struct wire_ts){ .first = cv_ip_from_bytes(cv_bytes(swap ? b : a, len)),
				.last = cv_ip_from_bytes(cv_bytes(swap ? a : b, len)),
				.port_last = 65535 };
	if (octets_random(seed) % 2) {
		uint16_t p = (uint16_t)octets_random(seed), q = (uint16_t)octets_random(seed);

		ts->protocol = (uint8_t)(1 + octets_random(seed) % 255);
		ts->port_first = p < q ? p : q;
		ts->port_last = p < q ? q : p;
	}
}

static void test_what_is_built_is_read_back(void **state)
{
	uint64_t seed = 11;
	uint8_t buf[2048];

	(void)state;
	for (unsigned run = 0; run < 500; run++) {
		struct wire_ts_list made = { .count = (uint8_t)(1 + run % WIRE_TS_MAX) };
		struct wire_builder b;
		struct cv_bytes body;

		for (unsigned i = 0; i < made.count; i++)
			make_random(&seed, &made.ts[i]);
		wire_build_inner(&b, buf, sizeof(buf));
		wire_ts_build(&b, WIRE_TSI, &made);
		body = payload_body(&b);
		assert_int_equal(payload_decode_cut(body, body.len, decode), CV_OK);
		assert_int_equal(list.count, made.count);
		for (unsigned i = 0; i < made.count; i++) {
			assert_true(cv_ip_equal(&list.ts[i].first, &made.ts[i].first));
			assert_true(cv_ip_equal(&list.ts[i].last, &made.ts[i].last));
			assert_int_equal(list.ts[i].protocol, made.ts[i].protocol);
			assert_int_equal(list.ts[i].port_first, made.ts[i].port_first);
			assert_int_equal(list.ts[i].port_last, made.ts[i].port_last);
		}
	}
}

static void test_values_that_cannot_be_sent_fail_the_builder(void **state)
{
	struct wire_ts good = { .first = { .family = CV_IPV4 },
				.last = { .family = CV_IPV4 },
				.port_last = 65535 };
	struct wire_builder b;
	uint8_t buf[1024];

	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct wire_ts_list bad = { .count = 1, .ts = { good } };

		switch (kind) {
		case 0: bad.count = 0; break;
		case 1: bad.count = WIRE_TS_MAX + 1; break;
		case 2: bad.ts[0].first.family = bad.ts[0].last.family = CV_FAMILY_NONE; break;
		default: bad.ts[0].last.family = CV_IPV6; break;
		}
		wire_build_inner(&b, buf, sizeof(buf));
		wire_ts_build(&b, WIRE_TSI, &bad);
		assert_null(payload_body(&b).data);
	}
}

static void test_text_is_as_short_as_the_selector_is_wide(void **state)
{
	static const struct {
		const char *first, *last;
		uint8_t protocol;
		uint16_t port_first, port_last;
		const char *text;
	} cases[] = {
		{ "0.0.0.0", "255.255.255.255", 0, 0, 65535, "0.0.0.0/0" },
		{ "10.0.0.1", "10.0.0.1", 0, 0, 65535, "10.0.0.1/32" },
		{ "10.0.0.1", "10.0.0.9", 0, 0, 65535, "10.0.0.1-10.0.0.9" },
		{ "10.0.0.1", "10.0.0.9", 17, 0, 65535, "10.0.0.1-10.0.0.9/udp" },
		{ "10.0.0.0", "10.0.0.255", 6, 443, 443, "10.0.0.0/24/tcp/443" },
		{ "10.0.0.0", "10.0.0.255", 6, 65535, 0, "10.0.0.0/24/tcp/opaque" },
		{ "10.0.0.0", "10.0.0.255", 132, 1, 2, "10.0.0.0/24/sctp/1-2" },
		{ "10.0.0.0", "10.0.0.255", 47, 0, 65535, "10.0.0.0/24/gre" },
		{ "10.0.0.0", "10.0.0.255", 253, 0, 65535, "10.0.0.0/24/253" },
		{ "10.0.0.0", "10.0.0.255", 1, 0x0800, 0x08ff, "10.0.0.0/24/icmp/8" },
		{ "10.0.0.0", "10.0.0.255", 1, 0x0301, 0x0301, "10.0.0.0/24/icmp/3.1" },
		{ "10.0.0.0", "10.0.0.255", 1, 0x0301, 0x0504, "10.0.0.0/24/icmp/3.1-5.4" },
		{ "fe80:1111:2222:3333:4444:5555:6666:7777", "fe80:1111:2222:3333:4444:5555:6666:7779", 58,
		  0x8101, 0x82fe,
		  "fe80:1111:2222:3333:4444:5555:6666:7777-fe80:1111:2222:3333:4444:5555:6666:7779/ipv6-icmp/"
		  "129.1-130.254" },
	};
	char text[WIRE_TS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_ts ts = { .protocol = cases[i].protocol,
				      .port_first = cases[i].port_first,
				      .port_last = cases[i].port_last };

		assert_int_equal(cv_ip_parse(cases[i].first, &ts.first), CV_OK);
		assert_int_equal(cv_ip_parse(cases[i].last, &ts.last), CV_OK);
		assert_string_equal(wire_ts_text(&ts, text), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_selectors_are_read),
		cmocka_unit_test(test_two_selectors_are_built_as_the_figure_says),
		cmocka_unit_test(test_selectors_cut_anywhere_are_refused),
		cmocka_unit_test(test_selectors_that_contradict_themselves_are_refused),
		cmocka_unit_test(test_selectors_of_unknown_type_are_left_out),
		cmocka_unit_test(test_single_addresses_and_ports_and_opaque_ones_are_fine),
		cmocka_unit_test(test_more_selectors_than_we_hold_are_a_limit),
		cmocka_unit_test(test_what_is_built_is_read_back),
		cmocka_unit_test(test_values_that_cannot_be_sent_fail_the_builder),
		cmocka_unit_test(test_text_is_as_short_as_the_selector_is_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
