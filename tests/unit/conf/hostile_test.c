/* Odd and hostile files: a message with file and line, never more. */
#include "conf_text.h"

static void test_an_empty_file_and_one_of_comments_are_good(void **state)
{
	static const char *const empty[] = {
		"", "\n", "# only\n\t# comments\n", "version 2.0\nconfig setup\n", "\r\n\r\n", "   "
	};

	(void)state;
	for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
		struct loaded l = load_text(empty[i]);

		assert_int_equal(l.err, CV_OK);
		assert_int_equal(l.count, 0);
		assert_int_equal(conf_conn_count(l.conf), 0);
		assert_null(conf_conn_find(l.conf, "net"));
		unload(&l);
	}
}

static void test_dos_line_ends_and_a_missing_last_newline_are_read(void **state)
{
	struct loaded l =
	    load_text("conn net\r\n\tleft=192.0.2.1\r\n\tright=192.0.2.2\r\n\tauthby=secret\r\n\tauto=start");

	(void)state;
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(l.count, 0);
	assert_int_equal(conf_conn_find(l.conf, "net")->autostart, CONF_AUTO_START);
	unload(&l);
}

static void test_nul_octets_are_said_with_their_line(void **state)
{
	static const char text[] = "config setup\n\tlisten-udp=\0yes\n";
	struct loaded l = load_octets(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_said(&l, "test.conf:2: there is a NUL octet in this line; is this a text file?");
	unload(&l);
}

static void test_control_characters_in_values_are_refused(void **state)
{
	struct loaded l = load_conn("\tleftid=@ea\x1bst\n");

	(void)state;
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_said(&l, "test.conf:6: the value of 'leftid' has an unprintable character");
	unload(&l);
}

static void test_messages_never_carry_what_could_harm_a_terminal(void **state)
{
	struct loaded l = load_text("conn net\n\tlef\x1b[31mt=1\n\x9b\x07 bell\nc\xc3\xb6nn x\n");

	(void)state;
	assert_int_equal(l.err, CV_E_SYNTAX);
	for (size_t i = 0; i < l.count; i++)
		for (const char *p = l.messages[i].text; *p; p++)
			assert_in_range(*p, 0x20, 0x7e);
	unload(&l);
}

static void test_a_line_of_a_megabyte_is_said_with_its_length(void **state)
{
	size_t len = 1 << 20;
	char *text = malloc(len);
	struct loaded l;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	memcpy(text, "conn net\n\tleft=", 15);
	l = load_octets(text, len);
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_said(&l, "test.conf:2: the line is too long (1048567 octets; at most 16384)");
	unload(&l);
	free(text);
}

static void test_garbage_gives_a_bounded_list_of_messages(void **state)
{
	size_t len = 4 << 20;
	uint8_t *data = malloc(len);
	uint32_t x = 1;
	struct loaded l;

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
	l = load_octets(data, len);
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_in_range(l.count, 1, 221);
	assert_said(&l, "further messages are not shown");
	unload(&l);
	free(data);
}

static void test_many_unknown_names_end_soon(void **state)
{
	size_t lines = 400000, at = 0;
	char *text = malloc(lines * 8 + 32);
	struct loaded l;

	(void)state;
	assert_non_null(text);
	at += (size_t)sprintf(text, "conn net\n");
	for (size_t i = 0; i < lines; i++)
		at += (size_t)sprintf(text + at, "\tk%zx=v\n", i % 4096);
	l = load_octets(text, at);
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_in_range(l.count, 1, 221);
	unload(&l);
	free(text);
}

static char *repeat(const char *head, const char *format, unsigned count)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	fputs(head, f);
	for (unsigned i = 0; i < count; i++) {
		char line[128];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), format, i, i + 1);
#pragma GCC diagnostic pop
		fputs(line, f);
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static void test_a_chain_of_also_ends_at_a_depth(void **state)
{
	char *text = repeat("", "conn c%u\n\talso=c%u\n", 2000);
	struct loaded l = load_text(text);

	(void)state;
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_said(&l, "nested too deeply (at most 32)");
	unload(&l);
	free(text);
}

static void test_also_that_doubles_at_every_step_is_linear(void **state)
{
	char *text = repeat("", "conn c%u\n\talso=c%2$u\n\talso=c%2$u\n", 30);
	char *all;
	struct loaded l;

	(void)state;
	assert_true(
	    asprintf(&all, "%sconn c30\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n", text) > 0);
	l = load_text(all);
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(conf_conn_count(l.conf), 31);
	unload(&l);
	free(all);
	free(text);
}

static void test_wide_also_is_bounded(void **state)
{
	char *base = repeat("conn base\n", "\tleftsubnets=10.0.%u.0/24\n", 6000);
	char *conns = repeat("", "conn c%u\n\talso=base\n", 6000);
	char *all;
	struct loaded l;

	(void)state;
	assert_true(asprintf(&all, "%s%s", base, conns) > 0);
	l = load_text(all);
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_said(&l, "the also= lines of this file are too many to follow");
	unload(&l);
	free(all);
	free(base);
	free(conns);
}

static void test_too_many_connections_are_said(void **state)
{
	char *text = repeat("", "conn c%u\n", 16390);
	struct loaded l = load_text(text);

	(void)state;
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_said(&l, "there are more than 16384 connections");
	unload(&l);
	free(text);
}

static void test_include_is_refused_where_there_is_no_file(void **state)
{
	struct loaded l = load_text("include /etc/passwd\n");

	(void)state;
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_said(&l, "test.conf:1: include is not possible here");
	unload(&l);
}

/* Every cut and every single changed octet of a good file: no crash, and always an answer. */
static void test_cut_and_changed_files_always_end_in_an_answer(void **state)
{
	static const char good[] =
	    "version 2\nconfig setup\n\tlisten-tcp=443,4500\nconn %default\n\tauthby=secret\n"
	    "conn net\n\talso=b\n\tleft=192.0.2.1\n\tleftid=@#0102\n\tleftsubnets={10.0.0.0/8/tcp/80 ::/0}\n"
	    "\tike=aes256gcm16+aes-sha2-256;dh14\n\tauto=add\nconn b\n\tright=%any\n"
	    "\trightprotoport=17/%any\n"
	    "\trightsubnet=0/0\n\tdpddelay=5m # x\n\tikev2=\"insist\"\n";
	char text[sizeof(good)];

	(void)state;
	for (size_t cut = 0; cut < sizeof(good); cut++) {
		struct loaded l = load_octets(good, cut);

		unload(&l);
	}
	for (size_t i = 0; i < sizeof(good) - 1; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct loaded l;

			memcpy(text, good, sizeof(good));
			text[i] = (char)(text[i] ^ (1 << bit));
			l = load_octets(text, sizeof(good) - 1);
			assert_true(l.err == CV_OK || l.count > 0);
			unload(&l);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_file_and_one_of_comments_are_good),
		cmocka_unit_test(test_dos_line_ends_and_a_missing_last_newline_are_read),
		cmocka_unit_test(test_nul_octets_are_said_with_their_line),
		cmocka_unit_test(test_control_characters_in_values_are_refused),
		cmocka_unit_test(test_messages_never_carry_what_could_harm_a_terminal),
		cmocka_unit_test(test_a_line_of_a_megabyte_is_said_with_its_length),
		cmocka_unit_test(test_garbage_gives_a_bounded_list_of_messages),
		cmocka_unit_test(test_many_unknown_names_end_soon),
		cmocka_unit_test(test_a_chain_of_also_ends_at_a_depth),
		cmocka_unit_test(test_also_that_doubles_at_every_step_is_linear),
		cmocka_unit_test(test_wide_also_is_bounded),
		cmocka_unit_test(test_too_many_connections_are_said),
		cmocka_unit_test(test_include_is_refused_where_there_is_no_file),
		cmocka_unit_test(test_cut_and_changed_files_always_end_in_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
