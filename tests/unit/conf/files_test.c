/* Whole files: what is in files/good must load, what is in files/bad must not, each with exactly the messages
 * that stand in NAME.want beside it ("LINE level: text" each; no such file: silently). */
#include "conf_text.h"

#include <dirent.h>

static const char *level_text(uint8_t level)
{
	return level == CV_LOG_ERROR ? "error" : level == CV_LOG_WARNING ? "warning" : "note";
}

/* The messages as .want writes them down. */
static char *write_down(const struct loaded *l, const char *path)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	for (size_t i = 0; i < l->count; i++) {
		const char *m = l->messages[i].text;

		assert_int_equal(strncmp(m, path, strlen(path)), 0);
		m += strlen(path) + 1;
		fprintf(f, "%.*s %s: %s\n", (int)strcspn(m, ":"), m, level_text(l->messages[i].level),
			m + strcspn(m, ":") + 2);
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

/* "@DIR@" in a message stands for the folder of the files. */
static char *read_want(const char *path)
{
	char name[1024], line[1024];
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	FILE *f;

	assert_non_null(out);
	snprintf(name, sizeof(name), "%.*s.want", (int)(strlen(path) - strlen(".conf")), path);
	f = fopen(name, "r");
	while (f && fgets(line, sizeof(line), f)) {
		char *dir = strstr(line, "@DIR@");

		if (dir)
			fprintf(out, "%.*s%.*s%s", (int)(dir - line), line, (int)(strrchr(path, '/') - path),
				path, dir + 5);
		else
			fputs(line, out);
	}
	if (f)
		fclose(f);
	assert_int_equal(fclose(out), 0);
	return text;
}

static unsigned check_folder(const char *folder, enum cv_err want_err)
{
	char dir[512], path[1024];
	const struct dirent *d;
	unsigned files = 0;
	DIR *list;

	snprintf(dir, sizeof(dir), "%s/%s", CONF_TEST_FILES, folder);
	list = opendir(dir);
	assert_non_null(list);
	while ((d = readdir(list))) {
		size_t len = strlen(d->d_name);
		struct loaded l;
		char *got, *want;

		if (len < 5 || strcmp(d->d_name + len - 5, ".conf") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		l.err = conf_load(path, &l.conf, &l.messages, &l.count);
		got = write_down(&l, path);
		want = read_want(path);
		if (l.err != want_err || strcmp(got, want) != 0) {
			fprintf(stderr, "%s: %s, with\n%s", path, cv_err_text(l.err), got);
			fprintf(stderr, "but should have\n%s", want);
			fail();
		}
		free(got);
		free(want);
		unload(&l);
		files++;
	}
	closedir(list);
	return files;
}

static void test_good_files_load_with_the_messages_that_they_deserve(void **state)
{
	(void)state;
	assert_in_range(check_folder("good", CV_OK), 8, 1000);
}

static void test_bad_files_are_refused_with_file_line_and_reason(void **state)
{
	(void)state;
	assert_in_range(check_folder("bad", CV_E_SYNTAX), 12, 1000);
}

static void test_the_connections_own_values_win_then_also_then_default(void **state)
{
	struct loaded l = load_text(
	    "conn %default\n\tauthby=secret\n\tdpddelay=1s\n\tretransmit-timeout=11s\n\tmtu=1001\n"
	    "conn inner\n\tdpddelay=2s\n\tretransmit-timeout=12s\n\tmetric=2\n"
	    "conn middle\n\talso=inner\n\tdpddelay=3s\n\tretransmit-timeout=13s\n"
	    "conn other\n\tdpddelay=4s\n\tmetric=4\n\tnarrowing=yes\n"
	    "conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tdpddelay=5s\n\talso=middle\n\talso=other\n"
	    "\tauto=add\n");
	const struct conf_conn *c;

	(void)state;
	assert_int_equal(l.err, CV_OK);
	c = conf_conn_find(l.conf, "net");
	assert_int_equal(c->ike.liveness_delay_ms, 5000);      /* its own */
	assert_int_equal(c->ike.retransmit_timeout_ms, 13000); /* the first also= */
	assert_int_equal(c->metric, 2);			       /* nested also= goes before the next also= */
	assert_true(c->ike.narrowing);			       /* the second */
	assert_int_equal(c->mtu, 1001);			       /* %default */
	unload(&l);
}

static void test_connections_keep_the_files_order_and_are_found_by_name(void **state)
{
	static const char *const names[] = { "mid", "zebra", "Apple", "apple", "last" };
	char text[1024] = "conn %default\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n";
	struct loaded l;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		strcat(text, "conn ");
		strcat(text, names[i]);
		strcat(text, "\n");
	}
	l = load_text(text);
	assert_int_equal(conf_conn_count(l.conf), 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(conf_conn_at(l.conf, i)->ike.name, names[i]);
		assert_ptr_equal(conf_conn_find(l.conf, names[i]), conf_conn_at(l.conf, i));
	}
	assert_null(conf_conn_find(l.conf, "none"));
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_files_load_with_the_messages_that_they_deserve),
		cmocka_unit_test(test_bad_files_are_refused_with_file_line_and_reason),
		cmocka_unit_test(test_connections_keep_the_files_order_and_are_found_by_name),
		cmocka_unit_test(test_the_connections_own_values_win_then_also_then_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
