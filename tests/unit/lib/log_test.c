#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"

static char caught[16384];
static enum cv_log_level caught_level;
static unsigned caught_count;
static char path[64];

static void catch_line(void *arg, enum cv_log_level level, const char *line)
{
	(void)arg;
	snprintf(caught, sizeof(caught), "%s", line);
	caught_level = level;
	caught_count++;
}

static int set_up(void **state)
{
	(void)state;
	caught[0] = '\0';
	caught_count = 0;
	cv_log_set_level(CV_LOG_INFO);
	cv_log_set_time(true);
	cv_log_set_sink(catch_line, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cv_log_set_sink(NULL, NULL);
	return cv_log_open(CV_LOG_TO_STDERR, NULL, true) == CV_OK ? 0 : -1;
}

/* Puts stderr (fd 2), or the log file, where read_log finds it. */
static void make_path(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/culvert-log-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static void read_log(char *out, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, cap - 1, f);
	out[n] = '\0';
	fclose(f);
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&re, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" does not match %s", text, pattern);
	regfree(&re);
}

static void test_a_line_names_level_room_and_whom_it_is_about(void **state)
{
	struct cv_log_ctx all = { .conn = "office", .ike_spi = 0x0123456789abcdef, .esp_spi = 0xc0ffee };
	struct cv_log_ctx ike = { .ike_spi = 1 }, esp = { .esp_spi = 0xffffffff }, none = { 0 };

	(void)state;
	cv_log(CV_LOG_NOTICE, "ike", &all, "up after %d ms", 12);
	assert_string_equal(caught, "notice ike: [office #0123456789abcdef esp 00c0ffee] up after 12 ms");
	assert_int_equal(caught_level, CV_LOG_NOTICE);
	cv_log(CV_LOG_ERROR, "ike", &ike, "x");
	assert_string_equal(caught, "error ike: [#0000000000000001] x");
	cv_log(CV_LOG_WARNING, "esp", &esp, "x");
	assert_string_equal(caught, "warning esp: [esp ffffffff] x");
	cv_log(CV_LOG_INFO, "conf", &none, "x");
	assert_string_equal(caught, "info conf: x");
	cv_log(CV_LOG_INFO, "conf", NULL, "x");
	assert_string_equal(caught, "info conf: x");
}

static void test_text_of_a_peer_can_neither_forge_a_line_nor_drive_a_terminal(void **state)
{
	struct cv_log_ctx ctx = { .conn = "a\nb" };

	(void)state;
	cv_log(CV_LOG_INFO, "ike", &ctx, "id %s", "x\n2026 error ike: \x1b[2J\x7f\x80\\ ~");
	assert_string_equal(caught, "info ike: [a\\x0ab] id x\\x0a2026 error ike: \\x1b[2J\\x7f\\x80\\x5c ~");
}

static void test_lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	cv_log(CV_LOG_DEBUG, "ike", NULL, "x");
	assert_int_equal(caught_count, 0);
	assert_false(cv_log_enabled(CV_LOG_DEBUG));
	cv_log_set_level(CV_LOG_DEBUG);
	cv_log(CV_LOG_DEBUG, "ike", NULL, "x");
	assert_string_equal(caught, "debug ike: x");
	cv_log_set_level(CV_LOG_ERROR);
	cv_log(CV_LOG_WARNING, "ike", NULL, "x");
	assert_int_equal(caught_count, 1);
	cv_log(CV_LOG_ERROR, "ike", NULL, "x");
	assert_int_equal(caught_count, 2);
}

static void test_a_long_line_is_cut_and_says_so(void **state)
{
	static char text[8192];

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	cv_log(CV_LOG_INFO, "ike", NULL, "%s", text);
	assert_true(strlen(caught) < 10000);
	assert_string_equal(caught + strlen(caught) - 7, "\\x0a...");
}

static void fail_write(void *arg, enum cv_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
	errno = ENOSPC;
}

/* Around the length at which cutting begins: all of it, or "..." at the end. */
static void test_no_line_is_cut_in_silence(void **state)
{
	static char text[2100];

	(void)state;
	for (int len = 2000; len < 2100; len++) {
		memset(text, 'a', (size_t)len);
		text[len] = '\0';
		cv_log(CV_LOG_INFO, "ike", NULL, "%s", text);
		assert_true(strcmp(caught + 10, text) == 0 ||
			    strcmp(caught + strlen(caught) - 4, "a...") == 0);
	}
}

static void test_logging_keeps_errno(void **state)
{
	(void)state;
	cv_log_set_sink(fail_write, NULL);
	errno = ENOENT;
	cv_log(CV_LOG_INFO, "conf", NULL, "x");
	assert_int_equal(errno, ENOENT);
}

static void test_a_file_gets_stamped_lines_and_is_appended_to_or_begun_anew(void **state)
{
	char text[1024];
	struct stat st;

	(void)state;
	make_path();
	cv_log_set_sink(NULL, NULL);
	assert_int_equal(cv_log_open(CV_LOG_TO_FILE, path, true), CV_OK);
	cv_log(CV_LOG_INFO, "ike", NULL, "one");
	cv_log_set_time(false);
	cv_log(CV_LOG_INFO, "ike", NULL, "two");
	assert_int_equal(cv_log_open(CV_LOG_TO_FILE, path, true), CV_OK);
	cv_log(CV_LOG_INFO, "ike", NULL, "three");
	read_log(text, sizeof(text));
	assert_matches(text,
		       "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z info ike: one\n"
		       "info ike: two\ninfo ike: three\n$");
	assert_int_equal(cv_log_open(CV_LOG_TO_FILE, path, false), CV_OK);
	cv_log(CV_LOG_INFO, "ike", NULL, "four");
	read_log(text, sizeof(text));
	assert_string_equal(text, "info ike: four\n");
	unlink(path);
	assert_int_equal(cv_log_open(CV_LOG_TO_FILE, path, false), CV_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0007, 0);
	unlink(path);
}

static void test_a_file_that_cannot_be_opened_leaves_the_old_target(void **state)
{
	char text[256];

	(void)state;
	make_path();
	cv_log_set_sink(NULL, NULL);
	cv_log_set_time(false);
	assert_int_equal(cv_log_open(CV_LOG_TO_FILE, path, false), CV_OK);
	assert_int_equal(cv_log_open(CV_LOG_TO_FILE, "/nonexistent/culvert.log", true), CV_E_IO);
	cv_log(CV_LOG_INFO, "ike", NULL, "still here");
	read_log(text, sizeof(text));
	assert_string_equal(text, "info ike: still here\n");
	unlink(path);
}

/* Runs with fd 2 pointing to the file at path. */
static void log_to_stderr(enum cv_log_target target)
{
	int kept = dup(STDERR_FILENO), fd = open(path, O_WRONLY | O_APPEND);

	assert_true(kept >= 0 && fd >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
	assert_int_equal(cv_log_open(target, NULL, true), CV_OK);
	cv_log(CV_LOG_ERROR, "ike", NULL, "a");
	cv_log(CV_LOG_WARNING, "ike", NULL, "b");
	cv_log(CV_LOG_NOTICE, "ike", NULL, "c");
	cv_log(CV_LOG_INFO, "ike", NULL, "d");
	cv_log_set_level(CV_LOG_DEBUG);
	cv_log(CV_LOG_DEBUG, "ike", NULL, "e");
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(kept);
}

static void test_the_journal_gets_priorities_instead_of_the_time(void **state)
{
	char text[512];

	(void)state;
	make_path();
	cv_log_set_sink(NULL, NULL);
	log_to_stderr(CV_LOG_TO_JOURNAL);
	read_log(text, sizeof(text));
	assert_string_equal(
	    text, "<3>error ike: a\n<4>warning ike: b\n<5>notice ike: c\n<6>info ike: d\n<7>debug ike: e\n");
	unlink(path);
}

static void test_stderr_gets_stamped_lines(void **state)
{
	char text[512];

	(void)state;
	make_path();
	cv_log_set_sink(NULL, NULL);
	log_to_stderr(CV_LOG_TO_STDERR);
	read_log(text, sizeof(text));
	assert_matches(text, "^[0-9T:.-]{23}Z error ike: a\n([^\n]+\n){3}[0-9T:.-]{23}Z debug ike: e\n$");
	unlink(path);
}

static void *log_many(void *arg)
{
	for (int i = 0; i < 500; i++)
		cv_log(CV_LOG_INFO, "ike", NULL, "%s", (const char *)arg);
	return NULL;
}

static void test_lines_of_several_threads_do_not_mix(void **state)
{
	static char text[200000];
	char *line, *next = text;
	char a[] = "aaaaaaaaaaaaaaaaaaaa", b[] = "bbbbbbbbbbbbbbbbbbbb";
	pthread_t thread[2];
	unsigned n = 0;

	(void)state;
	make_path();
	cv_log_set_sink(NULL, NULL);
	cv_log_set_time(false);
	assert_int_equal(cv_log_open(CV_LOG_TO_FILE, path, false), CV_OK);
	assert_int_equal(pthread_create(&thread[0], NULL, log_many, a), 0);
	assert_int_equal(pthread_create(&thread[1], NULL, log_many, b), 0);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	read_log(text, sizeof(text));
	for (; (line = strsep(&next, "\n")) && *line; n++)
		assert_matches(line, "^info ike: (a{20}|b{20})$");
	assert_int_equal(n, 1000);
	unlink(path);
}

static void test_a_limiter_lets_a_burst_through_and_counts_the_rest(void **state)
{
	struct cv_log_limit limit = { .burst = 2, .interval_ms = 1000 };
	uint64_t dropped;

	(void)state;
	assert_true(cv_log_allowed(&limit, 5000, &dropped));
	assert_true(cv_log_allowed(&limit, 5001, &dropped));
	assert_int_equal(dropped, 0);
	for (int i = 0; i < 30; i++)
		assert_false(cv_log_allowed(&limit, 5002, &dropped));
	assert_false(cv_log_allowed(&limit, 5999, &dropped));
	assert_true(cv_log_allowed(&limit, 6000, &dropped));
	assert_int_equal(dropped, 31);
	assert_true(cv_log_allowed(&limit, 6000, &dropped));
	assert_int_equal(dropped, 0);
	assert_false(cv_log_allowed(&limit, 6000, &dropped));
}

static void test_a_limiter_works_from_time_zero(void **state)
{
	struct cv_log_limit limit = { .burst = 1, .interval_ms = 1000 };
	uint64_t dropped;

	(void)state;
	assert_true(cv_log_allowed(&limit, 0, &dropped));
	assert_false(cv_log_allowed(&limit, 1, &dropped));
	assert_true(cv_log_allowed(&limit, 1000, &dropped));
}

static void test_what_was_left_out_is_said_only_when_there_is_something(void **state)
{
	char out[CV_LOG_LEFT_OUT_MAX];

	(void)state;
	assert_string_equal(cv_log_left_out(0, out), "");
	assert_string_equal(cv_log_left_out(7, out), " (7 more were not logged)");
	assert_string_equal(cv_log_left_out(UINT64_MAX, out), " (18446744073709551615 more were not logged)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_line_names_level_room_and_whom_it_is_about, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
		    test_text_of_a_peer_can_neither_forge_a_line_nor_drive_a_terminal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lines_below_the_level_are_not_written, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_long_line_is_cut_and_says_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_line_is_cut_in_silence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_logging_keeps_errno, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_file_gets_stamped_lines_and_is_appended_to_or_begun_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_file_that_cannot_be_opened_leaves_the_old_target,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_journal_gets_priorities_instead_of_the_time, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_stderr_gets_stamped_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lines_of_several_threads_do_not_mix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_limiter_lets_a_burst_through_and_counts_the_rest,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_limiter_works_from_time_zero, set_up, tear_down),
		cmocka_unit_test(test_what_was_left_out_is_said_only_when_there_is_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
