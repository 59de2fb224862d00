/* What the daemon makes of configuration, reports and commands. Engine, plane and host only write down what
 * they are asked. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake.h"
#include "lib/log.h"

static char folder[] = "/tmp/cvd-daemon-XXXXXX";
static char config[64], secrets[64];
static struct daemon d;
static char heard[4096];

static void catch_log(void *arg, enum cv_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void hear(void *arg, const char *text)
{
	(void)arg;
	strncat(heard, text, sizeof(heard) - strlen(heard) - 1);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
}

#define SETUP "config setup\n    listen-tcp=no\n"
#define CONN(name, remote, more)                                                                             \
	"\nconn " name "\n    left=192.0.2.1\n    right=" remote                                             \
	"\n    leftsubnet=10.1.0.0/24\n    rightsubnet=10.2.0.0/24\n"                                        \
	"    authby=secret\n" more

static int begin(void **state)
{
	(void)state;
	snprintf(config, sizeof(config), "%s/ipsec.conf", folder);
	snprintf(secrets, sizeof(secrets), "%s/ipsec.secrets", folder);
	write_file(secrets, "192.0.2.1 192.0.2.2 : PSK \"the secret of these two\"\n");
	cv_log_set_sink(catch_log, NULL);
	fake_reset();
	heard[0] = 0;
	memset(&d, 0, sizeof(d));
	d.lock = -1;
	d.options = (struct daemon_options){ .config = config, .secrets = secrets, .run_dir = folder };
	return uv_loop_init(&d.loop);
}

static int end(void **state)
{
	(void)state;
	daemon_free(&d);
	unlink(config);
	unlink(secrets);
	cv_log_set_sink(NULL, NULL);
	return 0;
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void start(const char *text)
{
	write_file(config, text);
	assert_int_equal(daemon_start(&d), CV_OK);
}

static void assert_has(const char *text, const char *part)
{
	if (text == NULL || part == NULL) {
		fail();
	} else if (strstr(text, part) == NULL) {
		print_error("missing: %s\nin: %s\n", part, text);
		fail();
	}
}

static void assert_lacks(const char *text, const char *part)
{
	if (text == NULL || part == NULL) {
		fail();
	} else if (strstr(text, part) != NULL) {
		print_error("unwanted: %s\nin: %s\n", part, text);
		fail();
	}
}

static void report(const char *conn, uint8_t kind)
{
	struct ike_output out = { .type = IKE_OUT_REPORT, .report = kind };
	snprintf(out.conn, sizeof(out.conn), "%s", conn);
	fake_output(&out);
	struct ike_event nothing = { .type = IKE_EV_ADDRESSES };
	assert_int_equal(daemon_event(&d, &nothing), CV_OK);
}

/* How long until the connection is tried again, rounded down to seconds. */
static unsigned retry_in(const char *name)
{
	const struct daemon_conn *c = daemon_conn_find(&d, name);
	return c->retry.slot == 0 ? 0 : (unsigned)((c->retry.due_ms - daemon_now_ms() + 500) / 1000);
}

static void start_loads_what_the_file_says_by_its_auto(void **state)
{
	(void)state;
	start(SETUP CONN("ignored", "192.0.2.2", "") CONN("added", "192.0.2.3", "    auto=add\n") CONN(
	    "started", "192.0.2.4", "    auto=start\n") CONN("trapped", "192.0.2.5", "    auto=ondemand\n"));
	const char *said = fake_said();
	assert_has(said, "listen_udp:500");
	assert_has(said, "listen_udp:4500");
	assert_lacks(said, "listen_tcp");
	assert_has(said, "set:added");
	assert_has(said, "set:started up:started");
	assert_has(said, "set:trapped trap:trapped:1x1 route:100000001:");
	assert_lacks(said, "ignored");
	assert_lacks(said, "up:added");
}

static void tcp_ports_of_the_file_are_listened_on(void **state)
{
	(void)state;
	start("config setup\n    listen-udp=no\n    listen-tcp=443,4500\n");
	const char *said = fake_said();
	assert_has(said, "listen_tcp:443");
	assert_has(said, "listen_tcp:4500");
	assert_lacks(said, "listen_udp");
}

static void a_connection_without_an_end_here_is_not_loaded_and_says_why(void **state)
{
	(void)state;
	start(SETUP
	      "\nconn far\n    left=198.51.100.1\n    right=198.51.100.2\n    authby=secret\n    auto=add\n");
	const struct daemon_conn *c = daemon_conn_find(&d, "far");
	assert_non_null(c);
	assert_false(c->loaded);
	assert_string_not_equal(c->why_not, "");
}

static void a_bad_file_keeps_the_daemon_from_starting(void **state)
{
	(void)state;
	write_file(config, "config setup\n    nonsense=yes\n");
	assert_int_equal(daemon_start(&d), CV_E_SYNTAX);
}

static void auto_start_is_tried_again_with_growing_delays(void **state)
{
	(void)state;
	static const unsigned delays[] = { 10, 20, 40, 80, 160, 300, 300 };
	start(SETUP CONN("net", "192.0.2.2", "    auto=start\n"));
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		report("net", IKE_REPORT_FAILED);
		assert_in_range(retry_in("net"), delays[i], delays[i] + delays[i] / 10 + 1);
		/* Due now: tried, and no longer waiting. */
		fake_said();
		cv_timerq_run(&d.timers, daemon_now_ms() + 400000);
		assert_has(fake_said(), "up:net");
		assert_int_equal(retry_in("net"), 0);
	}
	report("net", IKE_REPORT_UP);
	report("net", IKE_REPORT_DOWN);
	assert_in_range(retry_in("net"), 10, 12);
}

static void a_connection_taken_down_by_the_user_is_not_tried_again(void **state)
{
	(void)state;
	start(SETUP CONN("net", "192.0.2.2", "    auto=start\n"));
	struct daemon_conn *c = daemon_conn_find(&d, "net");
	report("net", IKE_REPORT_FAILED);
	assert_int_equal(daemon_conn_down(&d, c, 7), CV_OK);
	assert_int_equal(retry_in("net"), 0);
	report("net", IKE_REPORT_DOWN);
	assert_int_equal(retry_in("net"), 0);
}

static void a_connection_that_was_only_added_is_not_tried_again(void **state)
{
	(void)state;
	start(SETUP CONN("net", "192.0.2.2", "    auto=add\n"));
	assert_int_equal(daemon_conn_up(&d, daemon_conn_find(&d, "net"), 7), CV_OK);
	report("net", IKE_REPORT_FAILED);
	assert_int_equal(retry_in("net"), 0);
}

static void reload_touches_only_what_changed(void **state)
{
	(void)state;
	start(SETUP CONN("a", "192.0.2.2", "    auto=add\n") CONN("b", "192.0.2.3", "    auto=add\n")
		  CONN("c", "192.0.2.4", "    auto=ondemand\n"));
	fake_said();
	write_file(config, SETUP "\n# a comment moves the lines\n" CONN("a", "192.0.2.2", "    auto=add\n")
			       CONN("b", "192.0.2.3", "    auto=add\n    mtu=1300\n")
				   CONN("d", "192.0.2.5", "    auto=start\n"));
	assert_int_equal(daemon_reload(&d, hear, NULL), CV_OK);
	const char *said = fake_said();
	assert_lacks(said, ":a");
	assert_has(said, "remove:b set:b");
	assert_has(said, "untrap:c");
	assert_has(said, "unroute:100000001");
	assert_has(said, "remove:c");
	assert_has(said, "set:d up:d");
	assert_null(daemon_conn_find(&d, "c"));
}

static void a_connection_that_was_up_comes_up_again_after_it_changed(void **state)
{
	(void)state;
	start(SETUP CONN("net", "192.0.2.2", "    auto=add\n"));
	struct ike_sa_info up = { .conn = "net", .state = IKE_SA_ESTABLISHED };
	fake_sa(&up);
	fake_said();
	write_file(config, SETUP CONN("net", "192.0.2.22", "    auto=add\n"));
	assert_int_equal(daemon_reload(&d, NULL, NULL), CV_OK);
	assert_has(fake_said(), "remove:net set:net up:net");
}

static void a_bad_file_leaves_the_running_configuration(void **state)
{
	(void)state;
	start(SETUP CONN("net", "192.0.2.2", "    auto=add\n"));
	fake_said();
	write_file(config, SETUP CONN("net", "192.0.2.2", "    auto=add\n    nonsense=yes\n"));
	assert_int_not_equal(daemon_reload(&d, hear, NULL), CV_OK);
	assert_has(heard, "ipsec.conf:");
	assert_has(heard, "nonsense");
	assert_string_equal(fake_said(), "");
	assert_true(daemon_conn_find(&d, "net")->loaded);
	/* Also when it is the secrets that cannot be read. */
	write_file(config, SETUP);
	write_file(secrets, "192.0.2.1 : PSK \"unfinished\n");
	assert_int_not_equal(daemon_reload(&d, hear, NULL), CV_OK);
	assert_string_equal(fake_said(), "");
	assert_non_null(daemon_conn_find(&d, "net"));
}

static void reload_listens_where_the_file_says_now(void **state)
{
	(void)state;
	start("config setup\n    listen-tcp=4500\n");
	fake_said();
	write_file(config, "config setup\n    listen-tcp=443\n");
	assert_int_equal(daemon_reload(&d, NULL, NULL), CV_OK);
	const char *said = fake_said();
	assert_has(said, "unlisten_tcp:4500");
	assert_has(said, "listen_tcp:443");
	assert_lacks(said, "udp");
}

static void secrets_are_answered_from_the_file(void **state)
{
	(void)state;
	start(SETUP);
	struct ike_output out = { .type = IKE_OUT_WANT_SECRET, .request_id = 5 };
	out.query.local_ip = (struct cv_ip){ CV_IPV4, { 192, 0, 2, 1 } };
	out.query.remote_ip = (struct cv_ip){ CV_IPV4, { 192, 0, 2, 2 } };
	out.query.local = (struct ike_id){ .type = WIRE_ID_IPV4, .len = 4, .data = { 192, 0, 2, 1 } };
	out.query.remote = (struct ike_id){ .type = WIRE_ID_IPV4, .len = 4, .data = { 192, 0, 2, 2 } };
	fake_output(&out);
	struct ike_event nothing = { .type = IKE_EV_ADDRESSES };
	assert_int_equal(daemon_event(&d, &nothing), CV_OK);
	assert_has(fake_said(), "secret:5");
	assert_true(fake_secret_found());
	assert_string_equal(fake_secret(), "the secret of these two");
	out.query.remote.data[3] = out.query.remote_ip.b[3] = 77;
	fake_output(&out);
	assert_int_equal(daemon_event(&d, &nothing), CV_OK);
	assert_false(fake_secret_found());
}

static struct ike_child_sa child_of(const char *conn, uint32_t spi_in)
{
	struct ike_child_sa sa = { .spi_in = spi_in, .spi_out = 7 };
	snprintf(sa.conn, sizeof(sa.conn), "%s", conn);
	snprintf(sa.name, sizeof(sa.name), "%s", conn);
	sa.path.transport = IKE_TCP;
	sa.path.stream_id = 3;
	return sa;
}

static void install(const struct ike_child_sa *sa)
{
	struct ike_output out = { .type = IKE_OUT_CHILD_INSTALL, .child = sa };
	fake_output(&out);
	struct ike_event nothing = { .type = IKE_EV_ADDRESSES };
	fake_said();
	assert_int_equal(daemon_event(&d, &nothing), CV_OK);
}

static void a_child_sa_goes_into_the_plane_and_gets_its_routes(void **state)
{
	(void)state;
	start(SETUP CONN("net", "192.0.2.2", "    auto=add\n"));
	struct ike_child_sa sa = child_of("net", 0xc0ffee);
	install(&sa);
	assert_has(fake_said(), "plane_install:c0ffee trusted:3 route:c0ffee:1390");
	daemon_child_usage(&d, 0xc0ffee);
	assert_has(fake_said(), "usage:c0ffee:11:22");
	struct ike_path path = { .transport = IKE_UDP };
	daemon_child_path(&d, 0xc0ffee, &path);
	assert_has(fake_said(), "plane_path:c0ffee mtu:c0ffee:1390");
	daemon_child_remove(&d, 0xc0ffee);
	assert_has(fake_said(), "unroute:c0ffee plane_remove:c0ffee");
	daemon_child_remove(&d, 0xc0ffee);
	assert_string_equal(fake_said(), "");
}

static void a_child_sa_that_cannot_be_used_is_given_back(void **state)
{
	(void)state;
	start(SETUP CONN("net", "192.0.2.2", "    auto=add\n"));
	struct ike_child_sa sa = child_of("net", 0xc0ffee);
	fake_fail_plane();
	install(&sa);
	const char *said = fake_said();
	assert_has(said, "child_failed:c0ffee");
	assert_lacks(said, "route");
	fake_fail_host();
	install(&sa);
	assert_has(fake_said(), "plane_install:c0ffee trusted:3 plane_remove:c0ffee child_failed:c0ffee");
}

static void an_unknown_name_is_answered_with_the_nearest_and_the_list(void **state)
{
	(void)state;
	char text[400];
	start(SETUP CONN("office", "192.0.2.2", "    auto=add\n")
		  CONN("home", "192.0.2.3", "    auto=add\n"));
	daemon_conn_unknown_text(&d, "offise", text, sizeof(text));
	assert_has(text, "no connection 'offise'; did you mean 'office'?");
	assert_has(text, "home");
	daemon_conn_unknown_text(&d, "xyzzyxyzzy", text, sizeof(text));
	assert_lacks(text, "did you mean");
	assert_has(text, "office");
}

static void many_names_do_not_overflow_the_list(void **state)
{
	(void)state;
	char *all = calloc(1, 40000), text[800];
	assert_non_null(all);
	strcpy(all, SETUP);
	for (int i = 0; i < 100; i++) {
		char one[400];
		snprintf(one, sizeof(one),
			 CONN("a-connection-with-a-rather-long-name-%d", "192.0.2.2", "    auto=add\n"), i);
		strcat(all, one);
	}
	start(all);
	free(all);
	daemon_conn_unknown_text(&d, "x", text, sizeof(text));
	assert_has(text, "...");
	assert_true(strlen(text) < 500);
}

static void status_has_every_connection_with_its_sas_and_children(void **state)
{
	(void)state;
	start(SETUP CONN("b", "192.0.2.2", "    auto=add\n") CONN("failing", "192.0.2.3", "    auto=add\n")
		  CONN("a", "192.0.2.4", "    auto=ondemand\n"));
	struct ike_sa_info sa = { .conn = "b",
				  .spi_local = 0x1122,
				  .state = IKE_SA_ESTABLISHED,
				  .established_ms = 5,
				  .path.transport = IKE_TCP,
				  .why = "UDP did not answer" };
	struct ike_child_info child = { .conn = "b", .name = "b", .ike_spi = 0x1122, .spi_in = 0xc0ffee };
	fake_sa(&sa);
	fake_child(&child);
	json_t *all = daemon_status(&d, "");
	assert_non_null(all);
	const json_t *conns = json_object_get(all, "connections");
	assert_int_equal(json_array_size(conns), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(conns, 0), "name")), "a");
	assert_string_equal(json_string_value(json_object_get(json_array_get(conns, 0), "state")),
			    "on demand");
	const json_t *b = json_array_get(conns, 1);
	assert_string_equal(json_string_value(json_object_get(b, "state")), "up");
	const json_t *ike = json_array_get(json_object_get(b, "ike_sas"), 0);
	assert_string_equal(json_string_value(json_object_get(ike, "transport")), "tcp");
	assert_string_equal(json_string_value(json_object_get(ike, "transport_why")), "UDP did not answer");
	const json_t *esp = json_array_get(json_object_get(ike, "children"), 0);
	assert_string_equal(json_string_value(json_object_get(esp, "spi_in")), "00c0ffee");
	assert_int_equal(json_integer_value(json_object_get(esp, "bytes_in")), 1000);
	assert_string_equal(json_string_value(json_object_get(json_array_get(conns, 2), "last_error")),
			    "nobody answers");
	json_decref(all);
	all = daemon_status(&d, "a");
	assert_int_equal(json_array_size(json_object_get(all, "connections")), 1);
	json_decref(all);
	all = daemon_traffic(&d, "");
	assert_int_equal(json_array_size(json_object_get(all, "children")), 1);
	json_decref(all);
}

static void stopping_tells_the_engine_and_ends_when_it_is_idle(void **state)
{
	(void)state;
	start(SETUP);
	fake_said();
	struct ike_output idle = { .type = IKE_OUT_IDLE };
	fake_output(&idle);
	daemon_stop(&d);
	assert_has(fake_said(), "shutdown");
	assert_true(d.finished);
}

static void a_second_daemon_in_the_run_folder_is_refused_by_name(void **state)
{
	(void)state;
	char text[400], path[128];
	int first = daemon_instance_lock(folder, text, sizeof(text));
	assert_true(first >= 0);
	assert_int_equal(daemon_instance_lock(folder, text, sizeof(text)), -1);
	char pid[32];
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_has(text, pid);
	close(first);
	first = daemon_instance_lock(folder, text, sizeof(text));
	assert_true(first >= 0);
	close(first);
	snprintf(path, sizeof(path), "%s/culvertd.pid", folder);
	unlink(path);
}

static void a_run_folder_that_others_may_write_to_is_refused(void **state)
{
	(void)state;
	char text[400];
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(daemon_instance_lock(folder, text, sizeof(text)), -1);
	assert_has(text, "nobody else may write");
	assert_int_equal(chmod(folder, 0700), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(start_loads_what_the_file_says_by_its_auto),
		TEST(tcp_ports_of_the_file_are_listened_on),
		TEST(a_connection_without_an_end_here_is_not_loaded_and_says_why),
		TEST(a_bad_file_keeps_the_daemon_from_starting),
		TEST(auto_start_is_tried_again_with_growing_delays),
		TEST(a_connection_taken_down_by_the_user_is_not_tried_again),
		TEST(a_connection_that_was_only_added_is_not_tried_again),
		TEST(reload_touches_only_what_changed),
		TEST(a_connection_that_was_up_comes_up_again_after_it_changed),
		TEST(a_bad_file_leaves_the_running_configuration),
		TEST(reload_listens_where_the_file_says_now),
		TEST(secrets_are_answered_from_the_file),
		TEST(a_child_sa_goes_into_the_plane_and_gets_its_routes),
		TEST(a_child_sa_that_cannot_be_used_is_given_back),
		TEST(an_unknown_name_is_answered_with_the_nearest_and_the_list),
		TEST(many_names_do_not_overflow_the_list),
		TEST(status_has_every_connection_with_its_sas_and_children),
		TEST(stopping_tells_the_engine_and_ends_when_it_is_idle),
		cmocka_unit_test(a_second_daemon_in_the_run_folder_is_refused_by_name),
		cmocka_unit_test(a_run_folder_that_others_may_write_to_is_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
