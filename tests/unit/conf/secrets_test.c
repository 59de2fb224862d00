/* ipsec.secrets: forms, choice, and that nothing of it is ever said. */
#include "conf_text.h"

#include <sys/stat.h>
#include <unistd.h>

#include "conf/value.h"

struct read_secrets {
	struct conf_secrets *secrets;
	enum cv_err err;
	struct conf_message *messages;
	size_t count;
};

static struct read_secrets read_octets(const void *text, size_t len)
{
	struct read_secrets r;

	r.err = conf_secrets_load_text("keys", cv_bytes(text, len), &r.secrets, &r.messages, &r.count);
	return r;
}

static struct read_secrets read_text(const char *text)
{
	return read_octets(text, strlen(text));
}

static void drop(struct read_secrets *r)
{
	conf_secrets_free(r->secrets);
	free(r->messages);
}

static struct ike_secret_query query(const char *local, const char *remote)
{
	struct ike_secret_query q = { 0 };

	assert_null(conf_parse_id(local, &q.local));
	assert_null(conf_parse_id(remote, &q.remote));
	assert_int_equal(cv_ip_parse("192.0.2.1", &q.local_ip), CV_OK);
	assert_int_equal(cv_ip_parse("198.51.100.1", &q.remote_ip), CV_OK);
	return q;
}

/* want: NULL when there should be none */
static void check(const struct read_secrets *r, const char *local, const char *remote, const char *want)
{
	struct ike_secret_query q = query(local, remote);
	struct cv_bytes got;
	enum cv_err err = conf_secrets_find(r->secrets, &q, &got);

	if (!want) {
		assert_int_equal(err, CV_E_NOTFOUND);
		return;
	}
	if (err != CV_OK || got.len != strlen(want) || memcmp(got.data, want, got.len) != 0)
		fail_msg("%s with %s: not the key %s", local, remote, want);
}

static void test_a_secret_may_be_quoted_hex_base64_or_text(void **state)
{
	static const char *const same[] = {
		": PSK \"a key of 16 oct.\"\n",
		": PSK 'a key of 16 oct.'\n",
		":PSK \"a key of 16 oct.\"\n",
		": psk 0x61206b6579206f66203136206f63742e\n",
		": PSK 0x6120_6b65_7920_6f66_2031_3620_6f63_742E\n",
		": PSK 0sYSBrZXkgb2YgMTYgb2N0Lg==\n",
		": PSK 0sYSBrZXkgb2YgMTYgb2N0Lg\n",
		": PSK 0ta key of 16 oct.\n",
		": PSK \"a key of 16 oct.\" # comment",
		": PSK\n\t\"a key of 16 oct.\"\n",
		":\n # comment\n PSK\n \"a key of 16 oct.\"",
		": PSK\"a key of 16 oct.\"\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct read_secrets r = read_text(same[i]);

		if (r.err != CV_OK || r.count)
			fail_msg("%s: %s", same[i], r.count ? r.messages[0].text : cv_err_text(r.err));
		check(&r, "@a", "@b", "a key of 16 oct.");
		drop(&r);
	}
}

static void test_quotes_keep_everything_between_them(void **state)
{
	struct read_secrets r = read_text(
	    "@a : PSK \"  # no 'comment' \\ and : no end  \"\n@b : PSK '\"double\" inside quotes'\n");

	(void)state;
	assert_int_equal(r.err, CV_OK);
	check(&r, "@a", "@z", "  # no 'comment' \\ and : no end  ");
	check(&r, "@b", "@z", "\"double\" inside quotes");
	drop(&r);
}

static void test_the_most_specific_secret_wins_wherever_it_stands(void **state)
{
	struct read_secrets r = read_text(": PSK \"nobody is named\"\n"
					  "%any : PSK \"any is named only\"\n"
					  "@west %any : PSK \"west and any one\"\n"
					  "@west @east : PSK \"west and east!!!\"\n"
					  "@west @east : PSK \"the second of them\"\n"
					  "@north @south @middle : PSK \"a group of three\"\n"
					  "@lonely : PSK \"lonely with all\"\n");

	(void)state;
	assert_int_equal(r.err, CV_OK);
	check(&r, "@west", "@east", "west and east!!!");
	check(&r, "@east", "@west", "west and east!!!");
	check(&r, "@west", "@other", "west and any one");
	check(&r, "@north", "@middle", "a group of three");
	check(&r, "@north", "@other", "any is named only"); /* the group's key is for the group */
	check(&r, "@lonely", "@other", "lonely with all");
	check(&r, "@other", "@lonely", "lonely with all");
	check(&r, "@other", "@another", "any is named only");
	drop(&r);
	r = read_text("@west @east : PSK \"west and east!!!\"\n");
	check(&r, "@west", "@north", NULL);
	check(&r, "@north", "@south", NULL);
	drop(&r);
}

static void test_addresses_and_names_are_indices(void **state)
{
	struct read_secrets r =
	    read_text("192.0.2.1 198.51.100.1 : PSK \"between two addresses\"\n"
		      "user@example.com: PSK \"a mail address's\"\n"
		      "WWW.example.com @Other.Example : PSK \"names in any case\"\n"
		      "2001:db8::1 \"2001:db8::2\": PSK \"IPv6 with and without quotes\"\n"
		      "@#0102 \"@[key 1]\": PSK \"no names at all...\"\n");

	(void)state;
	assert_int_equal(r.err, CV_OK);
	check(&r, "192.0.2.1", "198.51.100.1", "between two addresses");
	/* the hosts' addresses count where the identities are names that have no key */
	check(&r, "@a", "@b", "between two addresses");
	check(&r, "user@example.com", "@z", "a mail address's");
	check(&r, "@www.EXAMPLE.com", "other.example", "names in any case");
	check(&r, "2001:db8::2", "2001:db8::1", "IPv6 with and without quotes");
	check(&r, "@#0102", "@[key 1]", "no names at all...");
	drop(&r);
}

static void test_other_kinds_of_secrets_are_left_out_with_a_warning(void **state)
{
	struct read_secrets r = read_text(
	    "@a : RSA {\n\tModulus: 0xabcdef\n\t}\n@b : XAUTH \"password\"\n@c : PPKS \"id\" \"secret\"\n"
	    "@d : PSK \"this one is a good one\"\n");

	(void)state;
	assert_int_equal(r.err, CV_OK);
	assert_int_equal(r.count, 3);
	assert_string_equal(r.messages[0].text,
			    "keys:1: this record is left out: culvert knows preshared keys (PSK) only");
	check(&r, "@a", "@z", NULL);
	check(&r, "@d", "@z", "this one is a good one");
	drop(&r);
}

static void test_bad_records_are_said_without_a_word_of_theirs(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "@a @b PSK \"ThisIsVerySecret\"\n",
		  "keys:1: expected ': PSK \"secret\"' behind the identities" },
		{ "ThisIsVerySecret\n", "keys:1: expected ': PSK" },
		{ ": PSK \"ThisIsVerySecret\n", "keys:1: the closing quote of the secret is missing" },
		{ ": PSK \"ThisIsVerySecret\" more\n",
		  "keys:1: there is something behind the closing quote" },
		{ ": PSK ThisIsVerySecret\n", "keys:1: the secret must be in quotes" },
		{ ": PSK 0xThisIsVerySecret\n", "keys:1: after 0x there must be hexadecimal digits only" },
		{ ": PSK 0x123\n", "keys:1: after 0x there must be an even number of digits" },
		{ ": PSK 0sThisIsVerySecret!\n", "keys:1: after 0s there must be base64 only" },
		{ ": PSK 0sThisIsVerySecre\n", "" },
		{ ": PSK 0sThisI\n", "keys:1: the base64 after 0s ends too early" },
		{ ": PSK \"\"\n", "keys:1: the secret is empty" },
		{ ": PSK\n", "keys:1: there is no secret behind PSK" },
		{ ": PSK 0x\n", "keys:1: the secret is empty" },
		{ "@#ThisIsVerySecret : PSK \"0123456789abcdef\"\n",
		  "keys:1: identity 1 of this record: after @#" },
		{ "\n  indented ThisIsVerySecret\n",
		  "keys:2: an indented line goes on with a record, but there is none" },
		{ "\"ThisIsVerySecret : PSK\n", "keys:1: a closing quote is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct read_secrets r = read_text(cases[i].text);

		if (!*cases[i].want) {
			assert_int_equal(r.err, CV_OK);
			drop(&r);
			continue;
		}
		if (r.err != CV_E_SYNTAX || r.secrets || !r.count ||
		    !strstr(r.messages[0].text, cases[i].want))
			fail_msg("%s: %s", cases[i].text, r.count ? r.messages[0].text : "nothing said");
		for (size_t m = 0; m < r.count; m++)
			assert_null(strstr(r.messages[m].text, "Very"));
		drop(&r);
	}
}

static void test_a_short_secret_is_warned_of(void **state)
{
	struct read_secrets r = read_text(": PSK \"123456789012345\"\n");

	(void)state;
	assert_int_equal(r.err, CV_OK);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.messages[0].level, CV_LOG_WARNING);
	assert_non_null(strstr(r.messages[0].text, "shorter than 16 octets"));
	assert_null(strstr(r.messages[0].text, "12345"));
	drop(&r);
}

static void test_records_and_words_that_are_too_long_are_said(void **state)
{
	size_t len = 80000;
	char *text = malloc(len);
	struct read_secrets r;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	memcpy(text, ": PSK \"", 7);
	r = read_octets(text, len);
	assert_int_equal(r.err, CV_E_SYNTAX);
	assert_non_null(strstr(r.messages[0].text, "the line is too long"));
	drop(&r);
	for (size_t i = 0; i + 1000 < len; i += 1000)
		memcpy(text + i + 998, "\n ", 2);
	r = read_octets(text, len);
	assert_int_equal(r.err, CV_E_SYNTAX);
	assert_non_null(strstr(r.messages[0].text, "the record is too long"));
	drop(&r);
	memset(text, 'a', 3000);
	r = read_octets(text, 3000);
	assert_int_equal(r.err, CV_E_SYNTAX);
	assert_non_null(strstr(r.messages[0].text, "a word is too long"));
	drop(&r);
	free(text);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_files_that_others_can_read_are_warned_of_and_includes_are_read(void **state)
{
	char folder[] = "/tmp/culvert-secrets-XXXXXX";
	char main_path[64], part_path[64];
	struct read_secrets r;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(main_path, sizeof(main_path), "%s/ipsec.secrets", folder);
	snprintf(part_path, sizeof(part_path), "%s/one.secrets", folder);
	write_file(main_path, "include *.secrets\n@a : PSK \"0123456789abcdef\"\n", 0600);
	write_file(part_path, "@b : PSK \"fedcba9876543210\"\n", 0644);
	r.err = conf_secrets_load(main_path, &r.secrets, &r.messages, &r.count);
	unlink(main_path);
	unlink(part_path);
	rmdir(folder);
	assert_int_equal(r.err, CV_OK);
	check(&r, "@a", "@z", "0123456789abcdef");
	check(&r, "@b", "@z", "fedcba9876543210");
	/* "*.secrets" finds the including file too; that is said and cut */
	assert_int_equal(r.count, 2);
	assert_non_null(strstr(r.messages[0].text, "includes itself"));
	assert_non_null(strstr(r.messages[1].text, "/one.secrets: others than its owner may read or write"));
	drop(&r);
}

static void test_a_missing_file_is_an_io_error_with_a_message(void **state)
{
	struct read_secrets r;

	(void)state;
	r.err = conf_secrets_load("/nonexistent/ipsec.secrets", &r.secrets, &r.messages, &r.count);
	assert_int_equal(r.err, CV_E_IO);
	assert_null(r.secrets);
	assert_int_equal(r.count, 1);
	assert_string_equal(r.messages[0].text, "/nonexistent/ipsec.secrets: could not open "
						"/nonexistent/ipsec.secrets: No such file or directory");
	drop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_secret_may_be_quoted_hex_base64_or_text),
		cmocka_unit_test(test_quotes_keep_everything_between_them),
		cmocka_unit_test(test_the_most_specific_secret_wins_wherever_it_stands),
		cmocka_unit_test(test_addresses_and_names_are_indices),
		cmocka_unit_test(test_other_kinds_of_secrets_are_left_out_with_a_warning),
		cmocka_unit_test(test_bad_records_are_said_without_a_word_of_theirs),
		cmocka_unit_test(test_a_short_secret_is_warned_of),
		cmocka_unit_test(test_records_and_words_that_are_too_long_are_said),
		cmocka_unit_test(test_files_that_others_can_read_are_warned_of_and_includes_are_read),
		cmocka_unit_test(test_a_missing_file_is_an_io_error_with_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
