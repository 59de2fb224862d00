/* include: relative, in patterns, nested, in circles. */
#include "conf_text.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/culvert-conf-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

static void put(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(const char *name, const char *format, ...)
{
	char path[128];
	va_list args;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	assert_int_equal(fclose(f), 0);
}

static struct loaded load_file(const char *name)
{
	struct loaded l;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	l.err = conf_load(path, &l.conf, &l.messages, &l.count);
	return l;
}

/* What makes a whole connection of "conn NAME". */
static const char whole[] = "\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n";

static void test_includes_count_from_the_including_file_and_come_in_order(void **state)
{
	char sub[128];
	struct loaded l;

	(void)state;
	snprintf(sub, sizeof(sub), "%s/conf.d", folder);
	assert_int_equal(mkdir(sub, 0700), 0);
	put("ipsec.conf", "conn first%sinclude conf.d/*.conf\nconn last%s", whole, whole);
	put("conf.d/b.conf", "conn b%s", whole);
	put("conf.d/a.conf", "include extra\ninclude \"none-*.here\"\nconn a%s", whole);
	put("conf.d/extra", "conn extra%s", whole);
	l = load_file("ipsec.conf");
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(l.count, 0);
	assert_int_equal(conf_conn_count(l.conf), 5);
	assert_string_equal(conf_conn_at(l.conf, 0)->ike.name, "first");
	assert_string_equal(conf_conn_at(l.conf, 1)->ike.name, "extra");
	assert_string_equal(conf_conn_at(l.conf, 2)->ike.name, "a");
	assert_string_equal(conf_conn_at(l.conf, 3)->ike.name, "b");
	assert_string_equal(conf_conn_at(l.conf, 4)->ike.name, "last");
	assert_null(conf_conn_at(l.conf, 5));
	assert_int_equal(conf_conn_at(l.conf, 2)->line, 3);
	assert_non_null(strstr(conf_conn_at(l.conf, 2)->file, "/conf.d/a.conf"));
	unload(&l);
}

static void test_also_reaches_into_included_files(void **state)
{
	struct loaded l;

	(void)state;
	put("ipsec.conf", "conn net\n\talso=base\n\tright=192.0.2.2\n\tauto=add\ninclude base.conf\n");
	put("base.conf", "conn base\n\tleft=192.0.2.1\n\tauthby=secret\n");
	l = load_file("ipsec.conf");
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(conf_conn_count(l.conf), 1);
	unload(&l);
}

static void test_a_missing_included_file_is_a_warning(void **state)
{
	struct loaded l;

	(void)state;
	put("ipsec.conf", "include nothing.conf\nconn net%s", whole);
	l = load_file("ipsec.conf");
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(l.count, 1);
	assert_int_equal(l.messages[0].level, CV_LOG_WARNING);
	assert_said(&l, "ipsec.conf:1: there is no file ");
	unload(&l);
}

static void test_a_circle_of_includes_is_cut(void **state)
{
	struct loaded l;

	(void)state;
	put("ipsec.conf", "include other.conf\nconn net%s", whole);
	put("other.conf", "include ipsec.conf\nconn other%s", whole);
	l = load_file("ipsec.conf");
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(conf_conn_count(l.conf), 2);
	assert_said(&l, "includes itself; it is not read again");
	unload(&l);
}

static void test_includes_nest_ten_deep_and_no_deeper(void **state)
{
	char name[32];
	struct loaded l;

	(void)state;
	for (int depth = 1; depth <= 11; depth++) {
		snprintf(name, sizeof(name), "%d.conf", depth);
		if (depth < 11)
			put(name, "include %d.conf\n", depth + 1);
		else
			put(name, "conn deep%s", whole);
	}
	l = load_file("2.conf"); /* 2 to 11: ten files */
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(conf_conn_count(l.conf), 1);
	unload(&l);
	l = load_file("1.conf");
	assert_int_equal(l.err, CV_E_SYNTAX);
	assert_said(&l, "10.conf:1: includes are nested too deeply (at most 10)");
	unload(&l);
}

static void test_what_is_no_file_is_not_read(void **state)
{
	char path[128];
	struct loaded l;

	(void)state;
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(60); /* it must not wait for a writer; if it does, this ends the test */
	l = load_file("pipe");
	alarm(0);
	assert_int_equal(l.err, CV_E_IO);
	assert_said(&l, "is not a regular file");
	unload(&l);
	l = load_file("");
	assert_int_equal(l.err, CV_E_IO);
	unload(&l);
	l = load_file("missing");
	assert_int_equal(l.err, CV_E_IO);
	assert_said(&l, "No such file or directory");
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_includes_count_from_the_including_file_and_come_in_order,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_also_reaches_into_included_files, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_a_missing_included_file_is_a_warning, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_a_circle_of_includes_is_cut, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_includes_nest_ten_deep_and_no_deeper, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(test_what_is_no_file_is_not_read, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
