#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/addr.h"

static struct cv_ip ip(const char *text)
{
	struct cv_ip out = { 0 };

	assert_int_equal(cv_ip_parse(text, &out), CV_OK);
	return out;
}

static struct cv_prefix prefix(const char *text)
{
	struct cv_prefix out = { 0 };

	assert_int_equal(cv_prefix_parse(text, &out), CV_OK);
	return out;
}

static void test_addresses_go_from_text_to_text(void **state)
{
	static const char *const text[] = { "0.0.0.0", "192.0.2.255", "::", "::1", "2001:db8::ff" };
	char out[CV_IP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct cv_ip a = ip(text[i]);

		assert_string_equal(cv_ip_text(&a, out), text[i]);
	}
}

static void test_names_and_half_addresses_are_refused(void **state)
{
	static const char *const text[] = {
		"",	 "localhost", "192.0.2",      "192.0.2.256",  "192.0.2.1 ", "010.0.0.1",
		"1:2:3", ":::",	      "192.0.2.1/24", "fe80::1%eth0", "2001:db8::g"
	};
	struct cv_ip out = { .family = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		assert_int_equal(cv_ip_parse(text[i], &out), CV_E_SYNTAX);
	assert_int_equal(out.family, 99);
}

static void test_octets_of_no_address_length_give_none(void **state)
{
	static const uint8_t b[17] = { 1 };
	char out[CV_IP_TEXT_MAX];

	(void)state;
	for (size_t len = 0; len <= sizeof(b); len++) {
		struct cv_ip a = cv_ip_from_bytes(cv_bytes(b, len));

		assert_int_equal(cv_ip_len(&a), len == 4 || len == 16 ? len : 0);
		assert_int_equal(cv_ip_bytes(&a).len, cv_ip_len(&a));
		if (cv_ip_len(&a) == 0)
			assert_string_equal(cv_ip_text(&a, out), "none");
	}
}

static void test_the_order_is_family_then_number(void **state)
{
	static const char *const rising[] = { "0.0.0.0", "9.255.255.255", "10.0.0.0", "200.0.0.1",
					      "::",	 "::ffff",	  "ff00::" };

	(void)state;
	for (size_t i = 0; i < sizeof(rising) / sizeof(rising[0]); i++)
		for (size_t j = 0; j < sizeof(rising) / sizeof(rising[0]); j++) {
			struct cv_ip a = ip(rising[i]), b = ip(rising[j]);
			int order = cv_ip_compare(&a, &b);

			assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
			assert_int_equal(cv_ip_equal(&a, &b), i == j);
		}
}

static void test_any_is_none_and_all_zeroes(void **state)
{
	struct cv_ip none = { 0 }, v4 = ip("0.0.0.0"), v6 = ip("::"), one = ip("::1"), v4_one = ip("0.0.0.1");

	(void)state;
	assert_true(cv_ip_is_any(&none) && cv_ip_is_any(&v4) && cv_ip_is_any(&v6));
	assert_false(cv_ip_is_any(&one) || cv_ip_is_any(&v4_one));
}

static void test_endpoints_are_written_with_their_port(void **state)
{
	struct cv_addr v4 = { .ip = ip("192.0.2.1"), .port = 500 };
	struct cv_addr v6 = { .ip = ip("2001:db8::1"), .port = 4500 };
	struct cv_addr link = { .ip = ip("fe80::1"), .port = 65535, .scope = 3 };
	struct cv_addr longest = { .ip = ip("fe80:1111:2222:3333:4444:5555:192.168.100.200"),
				   .port = 65535,
				   .scope = UINT32_MAX };
	char out[CV_ADDR_TEXT_MAX];

	(void)state;
	assert_string_equal(cv_addr_text(&v4, out), "192.0.2.1:500");
	assert_string_equal(cv_addr_text(&v6, out), "[2001:db8::1]:4500");
	assert_string_equal(cv_addr_text(&link, out), "[fe80::1%3]:65535");
	assert_string_equal(cv_addr_text(&longest, out),
			    "[fe80:1111:2222:3333:4444:5555:c0a8:64c8%4294967295]:65535");
}

static void test_endpoints_differ_by_address_port_or_scope(void **state)
{
	struct cv_addr a = { .ip = ip("fe80::1"), .port = 500, .scope = 1 }, b = a;

	(void)state;
	assert_true(cv_addr_equal(&a, &b));
	b.port = 501;
	assert_false(cv_addr_equal(&a, &b));
	b = a;
	b.scope = 2;
	assert_false(cv_addr_equal(&a, &b));
	b = a;
	b.ip = ip("fe80::2");
	assert_false(cv_addr_equal(&a, &b));
}

static void test_prefixes_go_from_text_to_text(void **state)
{
	static const char *const text[] = {
		"0.0.0.0/0",	"128.0.0.0/1", "192.0.2.0/24",	"192.0.2.128/25",
		"192.0.2.1/32", "::/0",	       "2001:db8::/33", "2001:db8::1/128"
	};
	char out[CV_PREFIX_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct cv_prefix p = prefix(text[i]);

		assert_string_equal(cv_prefix_text(&p, out), text[i]);
	}
}

static void test_a_lone_address_is_a_prefix_of_all_bits(void **state)
{
	(void)state;
	assert_int_equal(prefix("192.0.2.1").bits, 32);
	assert_int_equal(prefix("2001:db8::1").bits, 128);
}

static void test_bad_prefixes_are_refused(void **state)
{
	static const char *const text[] = { "192.0.2.1/24",
					    "192.0.2.0/33",
					    "192.0.2.0/",
					    "192.0.2.0/-1",
					    "192.0.2.0/ 24",
					    "192.0.2.0/24/",
					    "2001:db8::/129",
					    "2001:db8::1/64",
					    "/24",
					    "10/8",
					    "192.0.2.0/0024",
					    "192.0.2.0/256",
					    "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000/64" };
	struct cv_prefix out;

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		assert_int_equal(cv_prefix_parse(text[i], &out), CV_E_SYNTAX);
}

static void test_a_prefix_contains_its_first_and_last_and_not_their_neighbours(void **state)
{
	struct cv_prefix p = prefix("10.1.128.0/17"), all = prefix("0.0.0.0/0"), v6 = prefix("2001:db8::/33");
	struct cv_ip first = cv_prefix_first(&p), last = cv_prefix_last(&p), v6_last = cv_prefix_last(&v6);
	struct cv_ip below = ip("10.1.127.255"), above = ip("10.2.0.0"), zero = ip("::"), none = { 0 };

	(void)state;
	assert_true(cv_prefix_contains(&p, &first) && cv_prefix_contains(&p, &last));
	assert_false(cv_prefix_contains(&p, &below) || cv_prefix_contains(&p, &above));
	assert_true(cv_prefix_contains(&all, &above));
	assert_false(cv_prefix_contains(&all, &zero) || cv_prefix_contains(&all, &none));
	below = ip("10.1.255.255");
	assert_true(cv_ip_equal(&last, &below));
	above = ip("2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
	assert_true(cv_ip_equal(&v6_last, &above));
}

static void test_a_range_is_a_prefix_only_when_it_is_exactly_one(void **state)
{
	static const struct {
		const char *first, *last, *prefix; /* NULL: none */
	} cases[] = {
		{ "10.0.0.0", "10.0.0.255", "10.0.0.0/24" },
		{ "10.0.0.1", "10.0.0.1", "10.0.0.1/32" },
		{ "0.0.0.0", "255.255.255.255", "0.0.0.0/0" },
		{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0" },
		{ "2001:db8::", "2001:db8::1", "2001:db8::/127" },
		{ "10.0.0.0", "10.0.0.254", NULL },
		{ "10.0.0.1", "10.0.0.255", NULL },
		{ "10.0.0.128", "10.0.1.127", NULL },
		{ "10.0.0.255", "10.0.0.0", NULL },
		{ "10.0.0.0", "::", NULL },
	};
	char out[CV_PREFIX_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cv_ip first = ip(cases[i].first), last = ip(cases[i].last);
		struct cv_prefix p;

		assert_int_equal(cv_prefix_from_range(&first, &last, &p), cases[i].prefix != NULL);
		if (cases[i].prefix)
			assert_string_equal(cv_prefix_text(&p, out), cases[i].prefix);
	}
}

static void test_every_prefix_length_survives_the_way_over_its_range(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct cv_prefix p = { .ip = ip("5555:5555:5555:5555:5555:5555:5555:5555"),
				       .bits = (uint8_t)bits },
				 q;
		struct cv_ip first = cv_prefix_first(&p), last = cv_prefix_last(&p);

		assert_true(cv_prefix_from_range(&first, &last, &q));
		assert_int_equal(q.bits, bits);
		assert_true(cv_prefix_contains(&p, &first) && cv_prefix_contains(&p, &last));
	}
}

static void test_the_last_address_has_every_host_bit(void **state)
{
	static const char *const cases[][2] = {
		{ "10.0.0.0/9", "10.127.255.255" },
		{ "2001:db8::/60", "2001:db8:0:f:ffff:ffff:ffff:ffff" },
		{ "2001:db8::/121", "2001:db8::7f" },
		{ "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cv_prefix p = prefix(cases[i][0]);
		struct cv_ip last = cv_prefix_last(&p), want = ip(cases[i][1]);

		assert_true(cv_ip_equal(&last, &want));
	}
}

static void test_endpoints_go_through_the_systems_form(void **state)
{
	struct cv_addr v4 = { .ip = ip("192.0.2.1"), .port = 500 }, out;
	struct cv_addr v6 = { .ip = ip("fe80::1"), .port = 4500, .scope = 7 };
	struct sockaddr_storage s;

	(void)state;
	assert_int_equal(cv_addr_to_sockaddr(&v4, &s), sizeof(struct sockaddr_in));
	assert_int_equal(cv_addr_from_sockaddr(&s, &out), CV_OK);
	assert_true(cv_addr_equal(&v4, &out));
	assert_int_equal(cv_addr_to_sockaddr(&v6, &s), sizeof(struct sockaddr_in6));
	assert_int_equal(cv_addr_from_sockaddr(&s, &out), CV_OK);
	assert_true(cv_addr_equal(&v6, &out));
}

static void test_the_systems_other_families_are_refused(void **state)
{
	struct sockaddr_storage s = { .ss_family = AF_UNIX };
	struct cv_addr out, none = { 0 };

	(void)state;
	assert_int_equal(cv_addr_from_sockaddr(&s, &out), CV_E_UNSUPPORTED);
	assert_int_equal(cv_addr_to_sockaddr(&none, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_go_from_text_to_text),
		cmocka_unit_test(test_names_and_half_addresses_are_refused),
		cmocka_unit_test(test_octets_of_no_address_length_give_none),
		cmocka_unit_test(test_the_order_is_family_then_number),
		cmocka_unit_test(test_any_is_none_and_all_zeroes),
		cmocka_unit_test(test_endpoints_are_written_with_their_port),
		cmocka_unit_test(test_endpoints_differ_by_address_port_or_scope),
		cmocka_unit_test(test_prefixes_go_from_text_to_text),
		cmocka_unit_test(test_a_lone_address_is_a_prefix_of_all_bits),
		cmocka_unit_test(test_bad_prefixes_are_refused),
		cmocka_unit_test(test_a_prefix_contains_its_first_and_last_and_not_their_neighbours),
		cmocka_unit_test(test_a_range_is_a_prefix_only_when_it_is_exactly_one),
		cmocka_unit_test(test_every_prefix_length_survives_the_way_over_its_range),
		cmocka_unit_test(test_the_last_address_has_every_host_bit),
		cmocka_unit_test(test_endpoints_go_through_the_systems_form),
		cmocka_unit_test(test_the_systems_other_families_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
