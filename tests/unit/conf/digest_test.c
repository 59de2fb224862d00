/* Reload touches only what changed. */
#include "conf_text.h"

static uint64_t digest_of(const char *text)
{
	struct loaded l = load_text(text);
	uint64_t d;

	if (l.err != CV_OK)
		fail_msg("%s", l.messages[0].text);
	d = conf_conn_find(l.conf, "net")->digest;
	unload(&l);
	return d;
}

static const char plain[] =
    "conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n\tleftsubnet=10.1.0.0/16,10.2.0.0/16\n";

static void test_place_order_and_comments_do_not_change_the_digest(void **state)
{
	uint64_t d = digest_of(plain);

	(void)state;
	assert_true(d == digest_of(plain));
	assert_true(
	    d ==
	    digest_of("# a comment\n\nconfig setup\n\tuniqueids=no\n\nconn net\n\tauthby=secret  # another\n"
		      "\tright = 192.0.2.2\n\tleft=192.0.2.1\n\tleftsubnet=\"10.1.0.0/16,10.2.0.0/16\"\n"
		      "\tx-note=hello\n"));
	assert_true(
	    d ==
	    digest_of(
		"conn base\n\tauthby=secret\n\tleft=192.0.2.1\nconn net\n\tright=192.0.2.2\n\talso=base\n"
		"\tleftsubnet=10.1.0.0/16,10.2.0.0/16\n"));
	assert_true(
	    d == digest_of("conn %default\n\tauthby=secret\nconn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n"
			   "\tleftsubnet=10.1.0.0/16,10.2.0.0/16\n"));
}

static void test_every_other_value_changes_the_digest(void **state)
{
	static const char *const others[] = {
		"conn net\n\tleft=192.0.2.2\n\tright=192.0.2.1\n\tauthby=secret\n"
		"\tleftsubnet=10.1.0.0/16,10.2.0.0/16\n",
		"conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=null\n"
		"\tleftsubnet=10.1.0.0/16,10.2.0.0/16\n",
		"conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n"
		"\trightsubnet=10.1.0.0/16,10.2.0.0/16\n",
		"conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n"
		"\tleftsubnet=10.1.0.0/16,10.2.0.0/16\n\tpfs=no\n",
		"conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n\tleftsubnet=10.2.0.0/16\n"
		"\tleftsubnet=10.1.0.0/16\n",
		"config setup\n\tkeep-alive=9s\n"
		"conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n"
		"\tleftsubnet=10.1.0.0/16,10.2.0.0/16\n",
	};
	uint64_t d = digest_of(plain);

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_true(d != digest_of(others[i]));
}

static void test_the_order_of_networks_counts(void **state)
{
	static const char head[] = "conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n";
	char one[256], other[256];

	(void)state;
	snprintf(one, sizeof(one), "%s\tleftsubnets=10.1.0.0/16\n\tleftsubnets=10.2.0.0/16\n", head);
	snprintf(other, sizeof(other), "%s\tleftsubnets=10.2.0.0/16\n\tleftsubnets=10.1.0.0/16\n", head);
	assert_true(digest_of(one) != digest_of(other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place_order_and_comments_do_not_change_the_digest),
		cmocka_unit_test(test_the_order_of_networks_counts),
		cmocka_unit_test(test_every_other_value_changes_the_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
