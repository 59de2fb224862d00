#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "host/range.h"

struct list {
	char text[1024];
	unsigned count, limit;
};

static bool take(void *arg, const struct cv_prefix *p)
{
	struct list *l = arg;
	char text[CV_PREFIX_TEXT_MAX];
	if (l->count == l->limit)
		return false;
	l->count++;
	if (l->text[0] != 0)
		strcat(l->text, " ");
	if (strlen(l->text) + CV_PREFIX_TEXT_MAX < sizeof(l->text))
		strcat(l->text, cv_prefix_text(p, text));
	return true;
}

static struct cv_ip ip(const char *text)
{
	struct cv_ip out;
	assert_int_equal(cv_ip_parse(text, &out), CV_OK);
	return out;
}

static void check(const char *first, const char *last, const char *want)
{
	struct cv_ip a = ip(first), b = ip(last);
	struct list l = { .limit = 1000 };
	assert_true(host_range_split(&a, &b, take, &l));
	assert_string_equal(l.text, want);
}

static void a_range_that_is_a_network_is_one_prefix(void **state)
{
	(void)state;
	check("192.0.2.0", "192.0.2.255", "192.0.2.0/24");
	check("192.0.2.7", "192.0.2.7", "192.0.2.7/32");
	check("0.0.0.0", "255.255.255.255", "0.0.0.0/0");
	check("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64");
	check("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0");
}

static void any_other_range_is_covered_exactly(void **state)
{
	(void)state;
	check("10.0.0.1", "10.0.0.6", "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32");
	check("10.0.0.0", "10.0.2.255", "10.0.0.0/23 10.0.2.0/24");
	check("255.255.255.254", "255.255.255.255", "255.255.255.254/31");
	check("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127");
}

static void the_worst_range_has_twice_its_bits_less_two(void **state)
{
	(void)state;
	struct cv_ip a = ip("0.0.0.1"), b = ip("255.255.255.254");
	struct list l = { .limit = 1000 };
	assert_true(host_range_split(&a, &b, take, &l));
	assert_int_equal(l.count, 62);
}

static void an_empty_or_mixed_range_has_none(void **state)
{
	(void)state;
	check("10.0.0.2", "10.0.0.1", "");
	check("10.0.0.2", "2001:db8::1", "");
}

static void splitting_stops_when_told(void **state)
{
	(void)state;
	struct cv_ip a = ip("0.0.0.1"), b = ip("255.255.255.254");
	struct list l = { .limit = 3 };
	assert_false(host_range_split(&a, &b, take, &l));
	assert_int_equal(l.count, 3);
}

static void the_network_of_an_address_has_no_host_bits(void **state)
{
	(void)state;
	char text[CV_PREFIX_TEXT_MAX];
	struct cv_ip a = ip("192.0.2.77"), b = ip("2001:db8::1:2");
	struct cv_prefix p = host_network_of(&a, 27);
	assert_string_equal(cv_prefix_text(&p, text), "192.0.2.64/27");
	p = host_network_of(&a, 0);
	assert_string_equal(cv_prefix_text(&p, text), "0.0.0.0/0");
	p = host_network_of(&b, 64);
	assert_string_equal(cv_prefix_text(&p, text), "2001:db8::/64");
}

static void only_a_smaller_part_is_inside(void **state)
{
	(void)state;
	struct cv_prefix wide = { .ip = ip("10.0.0.0"), .bits = 8 },
			 part = { .ip = ip("10.1.0.0"), .bits = 16 };
	struct cv_prefix other = { .ip = ip("11.0.0.0"), .bits = 16 },
			 six = { .ip = ip("a00::"), .bits = 16 };
	assert_true(host_prefix_inside(&part, &wide));
	assert_false(host_prefix_inside(&wide, &part));
	assert_false(host_prefix_inside(&wide, &wide));
	assert_false(host_prefix_inside(&other, &wide));
	assert_false(host_prefix_inside(&six, &wide));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_that_is_a_network_is_one_prefix),
		cmocka_unit_test(any_other_range_is_covered_exactly),
		cmocka_unit_test(the_worst_range_has_twice_its_bits_less_two),
		cmocka_unit_test(an_empty_or_mixed_range_has_none),
		cmocka_unit_test(splitting_stops_when_told),
		cmocka_unit_test(the_network_of_an_address_has_no_host_bits),
		cmocka_unit_test(only_a_smaller_part_is_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
