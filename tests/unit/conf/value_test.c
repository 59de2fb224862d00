#include "conf_text.h"

#include "conf/value.h"

static void test_booleans_have_all_of_libreswans_spellings(void **state)
{
	static const char *const yes[] = { "yes", "true", "on", "y", "1", "YES", "True" };
	static const char *const no[] = { "no", "false", "off", "n", "0", "No", "OFF" };
	static const char *const neither[] = { "", "2", "ja", "yess", "y e s", "enabled" };
	bool b;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(conf_parse_bool(yes[i], &b) && b);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_true(conf_parse_bool(no[i], &b) && !b);
	for (size_t i = 0; i < sizeof(neither) / sizeof(*neither); i++)
		assert_false(conf_parse_bool(neither[i], &b));
}

static void test_times_have_units_and_a_default_unit(void **state)
{
	static const struct {
		const char *text;
		uint32_t unit_ms;
		uint64_t ms;
	} good[] = {
		{ "0", 1000, 0 },      { "30", 1000, 30000 }, { "500", 1, 500 },       { "30s", 1, 30000 },
		{ "2ms", 1000, 2 },    { "1500us", 1000, 2 }, { "1000us", 1000, 1 },   { "5m", 1, 300000 },
		{ "8h", 1, 28800000 }, { "1d", 1, 86400000 }, { "2w", 1, 1209600000 },
	};
	static const char *const bad[] = {
		"",	"s",	"-1", "1.5s", "10 s", "1y", "99999999999999999999", "18446744073709551615w",
		"0x10", "5min", "+3"
	};
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(conf_parse_time(good[i].text, good[i].unit_ms, &ms));
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(conf_parse_time(bad[i], 1000, &ms));
}

static void test_sizes_have_binary_units(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = { { "0", 0 },	 { "1400", 1400 },    { "2Ki", 2048 }, { "2KiB", 2048 },
		     { "3Mi", 3 << 20 }, { "1GiB", 1 << 30 }, { "1k", 1024 } };
	static const char *const bad[] = { "", "KiB", "1KB", "1 Ki", "17EiB", "-5" };
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(conf_parse_size(good[i].text, &size));
		assert_true(size == good[i].size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(conf_parse_size(bad[i], &size));
}

static void test_ports_are_1_to_65535(void **state)
{
	uint16_t port = 0;

	(void)state;
	assert_true(conf_parse_port("1", &port) && port == 1);
	assert_true(conf_parse_port("65535", &port) && port == 65535);
	assert_false(conf_parse_port("0", &port));
	assert_false(conf_parse_port("65536", &port));
	assert_false(conf_parse_port("http", &port));
	assert_false(conf_parse_port("80 ", &port));
}

static void test_lists_are_parted_by_commas_blanks_and_braces(void **state)
{
	const char *list = " {a, bb\tccc} , d";
	const char *const want[] = { "a", "bb", "ccc", "d" };
	char item[8];
	bool too_long;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(conf_next_item(&list, item, sizeof(item), &too_long));
		assert_string_equal(item, want[i]);
		assert_false(too_long);
	}
	assert_false(conf_next_item(&list, item, sizeof(item), &too_long));
	list = "123456789";
	assert_true(conf_next_item(&list, item, sizeof(item), &too_long));
	assert_true(too_long);
	assert_string_equal(item, "1234567");
}

static void check_id(const char *text, uint8_t type, const char *data, size_t len)
{
	struct ike_id id;
	const char *wrong = conf_parse_id(text, &id);

	if (wrong)
		fail_msg("%s: %s", text, wrong);
	assert_int_equal(id.type, type);
	assert_int_equal(id.len, len);
	assert_memory_equal(id.data, data, len);
}

/* R7296-3.5: the types that a preshared key goes with. */
static void test_identities_have_the_type_that_their_form_says(void **state)
{
	(void)state;
	check_id("@east", WIRE_ID_FQDN, "east", 4);
	check_id("east.example.com", WIRE_ID_FQDN, "east.example.com", 16);
	check_id("user@example.com", WIRE_ID_RFC822, "user@example.com", 16);
	check_id("@@user@example.com", WIRE_ID_RFC822, "user@example.com", 16);
	check_id("192.0.2.1", WIRE_ID_IPV4, "\xc0\x00\x02\x01", 4);
	check_id("2001:db8::1", WIRE_ID_IPV6, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	check_id("@#00ffA1", WIRE_ID_KEY_ID, "\x00\xff\xa1", 3);
	check_id("@#0x00ff", WIRE_ID_KEY_ID, "\x00\xff", 2);
	check_id("@[my key]", WIRE_ID_KEY_ID, "my key", 6);
	check_id("%any", 0, "", 0);
	check_id("%none", 0, "", 0);
	check_id("%null", WIRE_ID_NULL, "", 0);
}

static void test_what_is_no_identity_is_refused_with_a_reason(void **state)
{
	static const char *const bad[] = { "",	     "@",   "@#",	 "@#0",		"@#xyz",
					   "@[open", "@[]", "%fromcert", "C=CA, O=Org", "@~3000" };
	struct ike_id id;
	char longest[2 + IKE_ID_MAX + 1] = "@";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_non_null(conf_parse_id(bad[i], &id));
	memset(longest + 1, 'a', IKE_ID_MAX);
	assert_null(conf_parse_id(longest, &id));
	longest[IKE_ID_MAX + 1] = 'a';
	longest[IKE_ID_MAX + 2] = '\0';
	assert_non_null(conf_parse_id(longest, &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_booleans_have_all_of_libreswans_spellings),
		cmocka_unit_test(test_times_have_units_and_a_default_unit),
		cmocka_unit_test(test_sizes_have_binary_units),
		cmocka_unit_test(test_ports_are_1_to_65535),
		cmocka_unit_test(test_lists_are_parted_by_commas_blanks_and_braces),
		cmocka_unit_test(test_identities_have_the_type_that_their_form_says),
		cmocka_unit_test(test_what_is_no_identity_is_refused_with_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
