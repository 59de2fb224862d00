#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/state.h"

static char folder[64];
static char file[128];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/cvd-state-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(file, sizeof(file), "%s/host.state", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

static void write_file(const char *text)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void no_file_is_an_empty_state(void **state)
{
	(void)state;
	struct host_state s;
	assert_int_equal(host_state_read(folder, &s), CV_OK);
	assert_false(s.rule4 || s.rule6);
	assert_int_equal(s.sysctl_count, 0);
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	struct host_state s, again;
	assert_int_equal(host_state_read(folder, &s), CV_OK);
	s.rule6 = true;
	s.sysctl_count = 2;
	s.sysctl[0] = (struct host_state_sysctl){ "eth0", 1, 2 };
	s.sysctl[1] = (struct host_state_sysctl){ "wlan0.7", 0, 2 };
	assert_int_equal(host_state_write(&s), CV_OK);
	assert_int_equal(host_state_read(folder, &again), CV_OK);
	assert_false(again.rule4);
	assert_true(again.rule6);
	assert_int_equal(again.sysctl_count, 2);
	assert_string_equal(again.sysctl[1].interface, "wlan0.7");
	assert_int_equal(again.sysctl[0].before, 1);
	assert_int_equal(again.sysctl[0].now, 2);
}

static void an_empty_state_leaves_no_file(void **state)
{
	(void)state;
	struct host_state s;
	assert_int_equal(host_state_read(folder, &s), CV_OK);
	s.rule4 = true;
	assert_int_equal(host_state_write(&s), CV_OK);
	assert_int_equal(access(file, F_OK), 0);
	s.rule4 = s.rule6 = false;
	s.sysctl_count = 0;
	assert_int_equal(host_state_write(&s), CV_OK);
	assert_int_not_equal(access(file, F_OK), 0);
	assert_int_equal(host_state_write(&s), CV_OK);
}

static void a_damaged_file_is_told_and_keeps_what_was_readable(void **state)
{
	(void)state;
	struct host_state s;
	write_file("culvertd host state 1\nrule 4\nrule 9\n");
	assert_int_equal(host_state_read(folder, &s), CV_E_SYNTAX);
	assert_true(s.rule4);
	write_file("something else\nrule 4\n");
	assert_int_equal(host_state_read(folder, &s), CV_E_SYNTAX);
	write_file("");
	assert_int_equal(host_state_read(folder, &s), CV_E_SYNTAX);
}

/* The name becomes part of a path that root writes to. */
static void an_interface_name_cannot_lead_out_of_its_folder(void **state)
{
	(void)state;
	static const char *const bad[] = { "rp_filter ../../x 1 2\n", "rp_filter .. 1 2\n",
					   "rp_filter . 1 2\n",	      "rp_filter a/b 1 2\n",
					   "rp_filter eth0 1 2 3\n",  "rp_filter eth0 1\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct host_state s;
		char text[128];
		snprintf(text, sizeof(text), "culvertd host state 1\n%s", bad[i]);
		write_file(text);
		assert_int_equal(host_state_read(folder, &s), CV_E_SYNTAX);
		assert_int_equal(s.sysctl_count, 0);
	}
}

static void more_settings_than_there_is_room_for_do_not_overflow(void **state)
{
	(void)state;
	struct host_state s;
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs("culvertd host state 1\n", f);
	for (int i = 0; i < 1000; i++)
		fprintf(f, "rp_filter eth%d 1 2\n", i);
	fclose(f);
	assert_int_equal(host_state_read(folder, &s), CV_E_SYNTAX);
	assert_int_equal(s.sysctl_count, HOST_STATE_SYSCTLS_MAX);
}

static void a_folder_whose_name_is_too_long_is_refused(void **state)
{
	(void)state;
	struct host_state s;
	char long_name[400];
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = 0;
	assert_int_equal(host_state_read(long_name, &s), CV_E_NOSPACE);
}

static void a_state_that_cannot_be_written_is_an_error(void **state)
{
	(void)state;
	struct host_state s;
	assert_int_equal(host_state_read("/proc/none", &s), CV_OK);
	s.rule4 = true;
	assert_int_equal(host_state_write(&s), CV_E_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_file_is_an_empty_state, make_folder, NULL),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(an_empty_state_leaves_no_file),
		cmocka_unit_test(a_damaged_file_is_told_and_keeps_what_was_readable),
		cmocka_unit_test(an_interface_name_cannot_lead_out_of_its_folder),
		cmocka_unit_test(more_settings_than_there_is_room_for_do_not_overflow),
		cmocka_unit_test(a_folder_whose_name_is_too_long_is_refused),
		cmocka_unit_test_setup_teardown(a_state_that_cannot_be_written_is_an_error, NULL,
						remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
