/* The control server in a loop of the test's own, with clients that do not behave. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "ctl/server.h"

static char folder[] = "/tmp/cvd-ctl-XXXXXX";
static char path[128];
static uv_loop_t loop;
static struct ctl_server *server;
static uint64_t last_id;
static unsigned requests;
static bool answer_at_once;
static size_t answer_size;

static void on_request(void *arg, uint64_t id, const struct ctl_request *request)
{
	(void)arg;
	(void)request;
	last_id = id;
	requests++;
	if (!answer_at_once)
		return;
	char *text = calloc(1, answer_size + 1);
	assert_non_null(text);
	memset(text, 'x', answer_size);
	json_t *data = json_string(text);
	ctl_server_done(server, id, true, "done", data);
	free(text);
}

static int begin(void **state)
{
	(void)state;
	char text[200];
	struct ctl_server_callbacks callbacks = { .request = on_request };
	requests = 0;
	last_id = 0;
	answer_at_once = true;
	answer_size = 10;
	uv_loop_init(&loop);
	return ctl_server_new(&loop, path, &callbacks, &server, text, sizeof(text)) == CV_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	ctl_server_close(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_not_equal(access(path, F_OK), 0);
	return uv_loop_close(&loop);
}

static int make_folder(void **state)
{
	(void)state;
	/* As the daemon does. */
	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/ctl", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* Lets the server do all it can do now. */
static void turn(void)
{
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static int client(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	strcpy(at.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	turn();
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	turn();
}

/* What has arrived; "closed" when the server hung up with nothing said. */
static const char *hear(int fd)
{
	static char text[65536];
	turn();
	ssize_t len = recv(fd, text, sizeof(text) - 1, 0);
	if (len == 0 || (len < 0 && errno != EAGAIN))
		return "closed";
	text[len < 0 ? 0 : len] = 0;
	return text;
}

static void the_socket_is_for_its_owner_only(void **state)
{
	(void)state;
	struct stat s;
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
}

static void requests_are_answered_one_after_the_other(void **state)
{
	(void)state;
	int fd = client();
	say(fd, "{\"command\":\"status\"}\n");
	assert_string_equal(hear(fd), "{\"done\":true,\"text\":\"done\",\"data\":\"xxxxxxxxxx\"}\n");
	say(fd, "{\"command\":\"status\"}\n{\"command\":\"version\"}\n");
	assert_int_equal(requests, 3);
	close(fd);
}

static void progress_comes_before_the_end_of_a_long_request(void **state)
{
	(void)state;
	answer_at_once = false;
	int fd = client();
	say(fd, "{\"command\":\"up\",\"name\":\"x\"}\n{\"command\":\"version\"}\n");
	assert_int_equal(requests, 1);
	ctl_server_progress(server, last_id, "first");
	assert_string_equal(hear(fd), "{\"progress\":\"first\"}\n");
	uint64_t first = last_id;
	ctl_server_done(server, first, false, "no", NULL);
	assert_string_equal(hear(fd), "{\"done\":false,\"text\":\"no\"}\n");
	assert_int_equal(requests, 2);
	/* The answered request is no more. */
	ctl_server_progress(server, first, "late");
	assert_string_equal(hear(fd), "");
	ctl_server_done(server, last_id, true, "yes", NULL);
	close(fd);
}

static void a_client_that_is_gone_is_forgotten(void **state)
{
	(void)state;
	answer_at_once = false;
	int fd = client();
	say(fd, "{\"command\":\"up\",\"name\":\"x\"}\n");
	close(fd);
	turn();
	ctl_server_progress(server, last_id, "nobody hears");
	turn();
	ctl_server_done(server, last_id, true, "nobody hears", json_integer(7));
	turn();
}

static void a_client_that_sends_no_more_still_gets_its_answers(void **state)
{
	(void)state;
	answer_at_once = false;
	int fd = client();
	say(fd, "{\"command\":\"up\",\"name\":\"x\"}\n");
	shutdown(fd, SHUT_WR);
	turn();
	ctl_server_done(server, last_id, true, "yes", NULL);
	assert_string_equal(hear(fd), "{\"done\":true,\"text\":\"yes\"}\n");
	assert_string_equal(hear(fd), "closed");
	close(fd);
}

static void garbage_is_answered_and_ends_the_conversation(void **state)
{
	(void)state;
	static const char *const garbage[] = { "GET / HTTP/1.1\r\n\r\n", "{\n", "\n", "\x16\x03\x01\x02\n",
					       "{\"command\":\"fly\"}\n{\"command\":\"status\"}\n" };
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		int fd = client();
		say(fd, garbage[i]);
		assert_non_null(strstr(hear(fd), "\"done\":false"));
		assert_string_equal(hear(fd), "closed");
		close(fd);
	}
	assert_int_equal(requests, 0);
}

static void a_request_of_any_length_uses_no_more_than_its_limit(void **state)
{
	(void)state;
	char piece[1024];
	memset(piece, 'a', sizeof(piece));
	int fd = client();
	for (int i = 0; i < 100; i++) {
		if (send(fd, piece, sizeof(piece), MSG_NOSIGNAL) < 0)
			break;
		turn();
	}
	assert_non_null(strstr(hear(fd), "too long"));
	close(fd);
	assert_int_equal(requests, 0);
}

/* One octet at a time, by a hundred at once, while somebody else works. */
static void slow_clients_disturb_nobody(void **state)
{
	(void)state;
	enum { MANY = 50 };
	static const char text[] = "{\"command\":\"status\"}\n";
	int slow[MANY];
	for (int i = 0; i < MANY; i++)
		slow[i] = client();
	for (size_t at = 0; text[at] != 0; at++) {
		for (int i = 0; i < MANY; i++)
			assert_int_equal(send(slow[i], &text[at], 1, MSG_NOSIGNAL), 1);
		turn();
	}
	for (int i = 0; i < MANY; i++) {
		assert_non_null(strstr(hear(slow[i]), "\"done\":true"));
		close(slow[i]);
	}
	assert_int_equal(requests, MANY);
}

static void hundreds_of_idle_clients_do_not_lock_the_next_one_out(void **state)
{
	(void)state;
	enum { MANY = 300 };
	int idle[MANY];
	for (int i = 0; i < MANY; i++)
		idle[i] = client();
	int fd = client();
	say(fd, "{\"command\":\"status\"}\n");
	assert_non_null(strstr(hear(fd), "\"done\":true"));
	/* The oldest had to go. */
	assert_string_equal(hear(idle[0]), "closed");
	assert_string_equal(hear(idle[MANY - 1]), "");
	for (int i = 0; i < MANY; i++)
		close(idle[i]);
	close(fd);
}

/* The first one's `up` must not be dropped for newcomers. */
static void working_clients_are_not_dropped_for_newcomers(void **state)
{
	(void)state;
	enum { MANY = 64 };
	int busy[MANY];
	answer_at_once = false;
	for (int i = 0; i < MANY; i++) {
		busy[i] = client();
		say(busy[i], "{\"command\":\"up\",\"name\":\"x\"}\n");
	}
	assert_int_equal(requests, MANY);
	int fd = client();
	assert_non_null(strstr(hear(fd), "too many"));
	ctl_server_done(server, 1, true, "yes", NULL);
	assert_non_null(strstr(hear(busy[0]), "yes"));
	for (int i = 0; i < MANY; i++)
		close(busy[i]);
	close(fd);
}

static void a_client_that_does_not_read_is_cut_off(void **state)
{
	(void)state;
	char text[1024];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	answer_at_once = false;
	int fd = client();
	say(fd, "{\"command\":\"up\",\"name\":\"x\"}\n");
	for (int i = 0; i < 10000; i++)
		ctl_server_progress(server, last_id, text);
	turn();
	/* What was queued beyond the limit was not kept. */
	size_t got = 0;
	for (const char *piece = hear(fd); piece[0] != 0 && strcmp(piece, "closed") != 0; piece = hear(fd))
		got += strlen(piece);
	assert_true(got < 4 * 1024 * 1024);
	close(fd);
}

static void a_client_that_asks_without_reading_is_not_served_on(void **state)
{
	(void)state;
	answer_size = 700000;
	int fd = client();
	for (int i = 0; i < 100; i++)
		if (send(fd, "{\"command\":\"status\"}\n", 21, MSG_NOSIGNAL) < 0)
			break;
	turn();
	assert_in_range(requests, 1, 4);
	close(fd);
}

static void a_leftover_socket_is_replaced(void **state)
{
	(void)state;
	ctl_server_close(server);
	turn();
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	char text[200];
	struct ctl_server_callbacks callbacks = { .request = on_request };
	assert_int_equal(ctl_server_new(&loop, path, &callbacks, &server, text, sizeof(text)), CV_OK);
	close(client());
}

static void a_path_that_cannot_be_is_an_error_with_words(void **state)
{
	(void)state;
	char text[400] = "", long_path[300];
	struct ctl_server *other;
	struct ctl_server_callbacks callbacks = { .request = on_request };
	assert_int_equal(ctl_server_new(&loop, "/proc/none/ctl", &callbacks, &other, text, sizeof(text)),
			 CV_E_IO);
	assert_non_null(strstr(text, "/proc/none/ctl"));
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = 0;
	assert_int_equal(ctl_server_new(&loop, long_path, &callbacks, &other, text, sizeof(text)), CV_E_IO);
	/* A socket's path has 108 octets with its end: one more is an error, not a shorter path. */
	memcpy(long_path, "/tmp/", 5);
	long_path[108] = 0;
	assert_int_equal(ctl_server_new(&loop, long_path, &callbacks, &other, text, sizeof(text)), CV_E_IO);
	long_path[107] = 0;
	assert_int_equal(access(long_path, F_OK), -1);
}

/* An answer that is on its way when the server closes still arrives. */
static void closing_lets_answers_out(void **state)
{
	(void)state;
	answer_at_once = false;
	int fd = client();
	say(fd, "{\"command\":\"down\",\"name\":\"x\"}\n");
	ctl_server_done(server, last_id, true, "stopped", NULL);
	ctl_server_close(server);
	assert_non_null(strstr(hear(fd), "stopped"));
	assert_string_equal(hear(fd), "closed");
	close(fd);
	char text[200];
	struct ctl_server_callbacks callbacks = { .request = on_request };
	assert_int_equal(ctl_server_new(&loop, path, &callbacks, &server, text, sizeof(text)), CV_OK);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(the_socket_is_for_its_owner_only),
		WITH_SERVER(requests_are_answered_one_after_the_other),
		WITH_SERVER(progress_comes_before_the_end_of_a_long_request),
		WITH_SERVER(a_client_that_is_gone_is_forgotten),
		WITH_SERVER(a_client_that_sends_no_more_still_gets_its_answers),
		WITH_SERVER(garbage_is_answered_and_ends_the_conversation),
		WITH_SERVER(a_request_of_any_length_uses_no_more_than_its_limit),
		WITH_SERVER(slow_clients_disturb_nobody),
		WITH_SERVER(hundreds_of_idle_clients_do_not_lock_the_next_one_out),
		WITH_SERVER(working_clients_are_not_dropped_for_newcomers),
		WITH_SERVER(a_client_that_does_not_read_is_cut_off),
		WITH_SERVER(a_client_that_asks_without_reading_is_not_served_on),
		WITH_SERVER(a_leftover_socket_is_replaced),
		WITH_SERVER(a_path_that_cannot_be_is_an_error_with_words),
		WITH_SERVER(closing_lets_answers_out),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
