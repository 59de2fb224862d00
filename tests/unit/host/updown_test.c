/* Scripts that succeed, fail, hang and flood, in a loop of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/updown.h"
#include "lib/log.h"

static uv_loop_t loop;
static struct host_updown *updown;
static char folder[] = "/tmp/cvd-updown-XXXXXX";
static char heard[65536];
static bool finished;

static void hear(void *arg, enum cv_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	size_t len = strlen(heard);
	snprintf(heard + len, sizeof(heard) - len, "%s\n", line);
}

static struct wire_ts selector(const char *prefix_text)
{
	struct cv_prefix p;
	assert_int_equal(cv_prefix_parse(prefix_text, &p), CV_OK);
	return (struct wire_ts){ .first = cv_prefix_first(&p),
				 .last = cv_prefix_last(&p),
				 .port_last = UINT16_MAX };
}

static struct wire_ts mine, theirs;
static struct ike_id my_id = { .type = WIRE_ID_FQDN, .len = 4, .data = "west" };
static struct ike_id peer_id = { .type = WIRE_ID_FQDN, .len = 4, .data = "east" };

static struct host_updown_call call_of(const char *conn, const char *command, bool up)
{
	mine = selector("10.1.0.0/24");
	theirs = selector("10.2.0.0/16");
	return (struct host_updown_call){
		.command = command,
		.conn = conn,
		.up = up,
		.me = { CV_IPV4, { 192, 0, 2, 1 } },
		.peer = { CV_IPV4, { 192, 0, 2, 2 } },
		.my_id = &my_id,
		.peer_id = &peer_id,
		.my_client = &mine,
		.peer_client = &theirs,
		.interface = "eth0",
		.tun = "culvert0",
		.spi_in = 0x1234,
		.spi_out = 0x5678,
	};
}

static const char *variable(char **environment, const char *name)
{
	size_t len = strlen(name);
	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return *environment + len + 1;
	return "(none)";
}

static int begin(void **state)
{
	(void)state;
	heard[0] = 0;
	finished = false;
	cv_log_set_sink(hear, NULL);
	cv_log_set_level(CV_LOG_DEBUG);
	uv_loop_init(&loop);
	return host_updown_new(&loop, &updown) == CV_OK ? 0 : -1;
}

static void on_finished(void *arg)
{
	(void)arg;
	finished = true;
}

/* Lets everything run to its end. */
static void finish(void)
{
	host_updown_finish(updown, on_finished, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(finished);
	assert_int_equal(uv_loop_close(&loop), 0);
	cv_log_set_sink(NULL, NULL);
}

static void add(const struct host_updown_call *call)
{
	assert_int_equal(host_updown_add(updown, call), CV_OK);
}

static void assert_heard(const char *part)
{
	if (strstr(heard, part) == NULL) {
		print_error("missing: %s\nin: %s\n", part, heard);
		fail();
	}
}

static void the_environment_is_libreswans(void **state)
{
	(void)state;
	struct host_updown_call call = call_of("net/1x2", "true", true);
	call.mtu = 1400;
	call.my_source = (struct cv_ip){ CV_IPV4, { 10, 1, 0, 1 } };
	theirs.protocol = 6;
	theirs.port_first = theirs.port_last = 80;
	char **e = host_updown_environment(&call, "up-client");
	assert_non_null(e);
	assert_string_equal(variable(e, "PLUTO_VERB"), "up-client");
	assert_string_equal(variable(e, "PLUTO_CONNECTION"), "net/1x2");
	assert_string_equal(variable(e, "PLUTO_ME"), "192.0.2.1");
	assert_string_equal(variable(e, "PLUTO_PEER"), "192.0.2.2");
	assert_string_equal(variable(e, "PLUTO_NEXT_HOP"), "192.0.2.2");
	assert_string_equal(variable(e, "PLUTO_MY_ID"), "@west");
	assert_string_equal(variable(e, "PLUTO_MY_CLIENT"), "10.1.0.0/24");
	assert_string_equal(variable(e, "PLUTO_MY_CLIENT_NET"), "10.1.0.0");
	assert_string_equal(variable(e, "PLUTO_MY_CLIENT_MASK"), "255.255.255.0");
	assert_string_equal(variable(e, "PLUTO_MY_PORT"), "0");
	assert_string_equal(variable(e, "PLUTO_PEER_CLIENT"), "10.2.0.0/16");
	assert_string_equal(variable(e, "PLUTO_PEER_PROTOCOL"), "6");
	assert_string_equal(variable(e, "PLUTO_PEER_PORT"), "80");
	assert_string_equal(variable(e, "PLUTO_MY_SOURCEIP"), "10.1.0.1");
	assert_string_equal(variable(e, "PLUTO_MTU"), "1400");
	assert_string_equal(variable(e, "PLUTO_METRIC"), "(none)");
	assert_string_equal(variable(e, "SPI_IN"), "0x1234");
	assert_string_not_equal(variable(e, "PATH"), "(none)");
	/* Nothing of the daemon's own environment. */
	assert_string_equal(variable(e, "HOME"), "(none)");
	free(e);
}

static void the_verb_tells_host_from_client_and_ipv6(void **state)
{
	(void)state;
	char out[32];
	struct host_updown_call call = call_of("net", "true", true);
	assert_string_equal(host_updown_verb(&call, "up", out, sizeof(out)), "up-client");
	mine = selector("192.0.2.1/32");
	assert_string_equal(host_updown_verb(&call, "down", out, sizeof(out)), "down-host");
	mine = selector("2001:db8::/64");
	assert_string_equal(host_updown_verb(&call, "route", out, sizeof(out)), "route-client-v6");
}

/* The peer chooses its identity, and scripts are written carelessly. */
static void an_identity_cannot_carry_a_command(void **state)
{
	(void)state;
	static const char evil[] = "x$(reboot)`id`;'\"\\\n&|<>*";
	struct ike_id id = { .type = WIRE_ID_FQDN, .len = sizeof(evil) - 1 };
	memcpy(id.data, evil, sizeof(evil));
	struct host_updown_call call = call_of("net", "true", true);
	call.peer_id = &id;
	char **e = host_updown_environment(&call, "up-client");
	assert_non_null(e);
	assert_null(strpbrk(variable(e, "PLUTO_PEER_ID"), "$();`'\"\\\n&|<>*"));
	free(e);
}

static void the_longest_values_do_not_overflow(void **state)
{
	(void)state;
	struct ike_id id = { .type = WIRE_ID_KEY_ID, .len = IKE_ID_MAX };
	memset(id.data, 0xff, sizeof(id.data));
	struct host_updown_call call = call_of("net", "true", true);
	call.my_id = call.peer_id = &id;
	mine = selector("2001:db8:1111:2222:3333:4444:5555:6666/128");
	theirs = (struct wire_ts){ .first = mine.first,
				   .last = { CV_IPV6, { 0xff, 0xff, 0xff } },
				   .port_last = 1 };
	char **e = host_updown_environment(&call, "up-client-v6");
	assert_non_null(e);
	assert_non_null(strchr(variable(e, "PLUTO_PEER_CLIENT"), '-'));
	assert_string_not_equal(variable(e, "PLUTO_OUTBYTES"), "(none)");
	free(e);
}

static void scripts_of_a_connection_run_one_after_the_other(void **state)
{
	(void)state;
	char command[200];
	snprintf(command, sizeof(command), "echo begin $PLUTO_VERB; sleep 0.05; echo end $PLUTO_VERB");
	struct host_updown_call call = call_of("net", command, true);
	add(&call);
	call.up = false;
	add(&call);
	finish();
	static const char *const order[] = { "begin prepare-client", "end prepare-client",
					     "begin route-client",   "end route-client",
					     "begin up-client",	     "end up-client",
					     "begin down-client",    "end down-client",
					     "begin unroute-client", "end unroute-client" };
	const char *at = heard;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		at = strstr(at, order[i]);
		if (at == NULL) {
			print_error("missing or out of order: %s\nin: %s\n", order[i], heard);
			fail();
			return;
		}
	}
}

/* One waits for a file that the other one makes: together they end, one after the other they would not. */
static void scripts_of_two_connections_run_side_by_side(void **state)
{
	(void)state;
	char wait[200], make[200], file[64];
	snprintf(file, sizeof(file), "%s/there", folder);
	snprintf(wait, sizeof(wait), "while ! test -e %s; do sleep 0.01; done; echo seen", file);
	snprintf(make, sizeof(make), "touch %s", file);
	struct host_updown_call first = call_of("first", wait, true), second = call_of("second", make, true);
	add(&first);
	add(&second);
	finish();
	assert_heard("[first] up-client: seen");
	unlink(file);
}

static void errors_and_output_are_told_with_the_connection(void **state)
{
	(void)state;
	struct host_updown_call call =
	    call_of("net", "echo out; echo err >&2; printf unfinished; exit 3", true);
	add(&call);
	finish();
	assert_heard("[net] up-client: out");
	assert_heard("[net] up-client: err");
	assert_heard("[net] up-client: unfinished");
	assert_heard("exit status 3");
}

static void a_script_that_is_not_there_is_told(void **state)
{
	(void)state;
	struct host_updown_call call = call_of("net", "/nonexistent/script", true);
	add(&call);
	finish();
	assert_heard("exit status 127");
}

static void a_killed_script_is_told(void **state)
{
	(void)state;
	struct host_updown_call call = call_of("net", "kill -KILL $$", true);
	add(&call);
	finish();
	assert_heard("ended by signal 9");
}

/* A daemon that a script starts keeps its output open for as long as it lives. */
static void a_child_left_behind_by_a_script_delays_nothing(void **state)
{
	(void)state;
	char command[200], file[64], line[32];
	unsigned alive = 0;
	snprintf(file, sizeof(file), "%s/pids", folder);
	snprintf(command, sizeof(command), "sleep 600 & echo $! >> %s", file);
	struct host_updown_call call = call_of("net", command, true);
	add(&call);
	finish();
	FILE *f = fopen(file, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		alive += pid > 1 && kill(pid, SIGKILL) == 0;
	}
	fclose(f);
	unlink(file);
	assert_int_equal(alive, 3);
}

/* At the end of the daemon there is less patience. */
static void a_script_that_hangs_is_killed_with_its_children(void **state)
{
	(void)state;
	struct host_updown_call call = call_of("net", "[ $PLUTO_VERB = up-client ] && sleep 600", true);
	add(&call);
	finish();
	assert_heard("up-client: killed, it took too long: [ $PLUTO_VERB");
}

static void a_flood_of_output_is_cut_and_control_characters_are_not_logged(void **state)
{
	(void)state;
	struct host_updown_call call =
	    call_of("net", "printf 'bell\\007esc\\033[2J\\n'; yes | head -n 100000", true);
	add(&call);
	finish();
	assert_heard("bell?esc?[2J");
	assert_heard("more output is left out");
	assert_true(strlen(heard) < 60000);
}

static void nothing_is_begun_after_the_end(void **state)
{
	(void)state;
	struct host_updown_call call = call_of("net", "echo late", true);
	struct host_updown_call slow = call_of("slow", "sleep 0.05", true);
	add(&slow);
	host_updown_finish(updown, on_finished, NULL);
	assert_int_equal(host_updown_add(updown, &call), CV_E_STATE);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_true(finished);
	assert_int_equal(uv_loop_close(&loop), 0);
	cv_log_set_sink(NULL, NULL);
	assert_null(strstr(heard, "late"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_is_libreswans),
		cmocka_unit_test(the_verb_tells_host_from_client_and_ipv6),
		cmocka_unit_test(an_identity_cannot_carry_a_command),
		cmocka_unit_test(the_longest_values_do_not_overflow),
		cmocka_unit_test_setup(scripts_of_a_connection_run_one_after_the_other, begin),
		cmocka_unit_test_setup(scripts_of_two_connections_run_side_by_side, begin),
		cmocka_unit_test_setup(errors_and_output_are_told_with_the_connection, begin),
		cmocka_unit_test_setup(a_script_that_is_not_there_is_told, begin),
		cmocka_unit_test_setup(a_killed_script_is_told, begin),
		cmocka_unit_test_setup(a_child_left_behind_by_a_script_delays_nothing, begin),
		cmocka_unit_test_setup(a_script_that_hangs_is_killed_with_its_children, begin),
		cmocka_unit_test_setup(a_flood_of_output_is_cut_and_control_characters_are_not_logged, begin),
		cmocka_unit_test_setup(nothing_is_begun_after_the_end, begin),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
