/* TCP streams from anybody: what is not RFC 9329, or takes too long, or comes too often, is freed again, and
 * nothing else suffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ends.h"
#include "lib/log.h"

enum { PORT = 4500, SPI_MINE = 0x01020304, SPI_PEER = 0x51525354 };

static struct end e;
static struct cv_addr listening;
static unsigned lines; /* of log about streams that were closed */

static void count_line(void *arg, enum cv_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	if (strstr(line, "closed the TCP stream from 127.0.0.") != NULL)
		lines++;
}

static int start(uint32_t first_message_ms, uint32_t trusted_ms)
{
	memset(&e, 0, sizeof e);
	e.config.stream_first_message_ms = first_message_ms;
	e.config.stream_trusted_ms = trusted_ms;
	e.config.streams_max = 6;
	e.config.streams_per_source = 4;
	end_start(&e, "cvts");
	listening = ends_addr("127.0.0.1", PORT);
	end_listen(&e, IKE_TCP, &listening);
	lines = 0;
	cv_log_set_sink(count_line, NULL);
	return 0;
}

/* Where time is to play no part. */
static int set_up(void **state)
{
	(void)state;
	return start(600000, 600000);
}

static int set_up_short(void **state)
{
	(void)state;
	return start(500, 1500);
}

static int set_up_patient(void **state)
{
	(void)state;
	return start(300, 6000);
}

static int tear_down(void **state)
{
	(void)state;
	cv_log_set_sink(NULL, NULL);
	end_stop(&e);
	return 0;
}

static int dial_from(const char *source)
{
	struct sockaddr_storage from, to;
	struct cv_addr src = ends_addr(source, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t from_len = cv_addr_to_sockaddr(&src, &from), to_len = cv_addr_to_sockaddr(&listening, &to);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, (socklen_t)from_len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, (socklen_t)to_len), 0);
	return fd;
}

static void say(int fd, const void *octets, size_t len)
{
	assert_int_equal(send(fd, octets, len, MSG_NOSIGNAL), (ssize_t)len);
}

static bool is_closed(void *arg)
{
	uint8_t octet;
	ssize_t n = recv(*(int *)arg, &octet, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

static void assert_open(int fd)
{
	ends_idle(&e, NULL, 20);
	assert_false(is_closed(&fd));
}

static void assert_gets_closed(int fd)
{
	ends_run(&e, NULL, is_closed, &fd);
	close(fd);
}

static bool has_streams(void *arg)
{
	struct plane_stats s;

	plane_stats(e.plane, &s);
	return s.streams_open == *(unsigned *)arg;
}

static void assert_streams(unsigned n)
{
	ends_run(&e, NULL, has_streams, &n);
}

static bool has_messages(void *arg)
{
	return e.log.messages >= *(unsigned *)arg;
}

static void assert_messages(unsigned n)
{
	ends_run(&e, NULL, has_messages, &n);
	assert_int_equal(e.log.messages, n);
}

#define HELLO_LEN 34
static const uint8_t hello[HELLO_LEN] = { 0, HELLO_LEN, 0, 0, 0, 0, 1, [33] = 28 };

static int dial_and_greet(const char *source)
{
	int fd = dial_from(source);
	unsigned before = e.log.messages;

	say(fd, "IKETCP", 6);
	say(fd, hello, sizeof hello);
	assert_messages(before + 1);
	return fd;
}

/* R9329-6.1-17 */
static void test_a_web_request_is_closed_at_once(void **state)
{
	int fd = dial_from("127.0.0.1");

	(void)state;
	say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
	assert_gets_closed(fd);
	assert_streams(0);
	assert_int_equal(lines, 1);
	assert_int_equal(e.log.lost, 0); /* nobody was told of it */
	assert_int_equal(e.log.messages, 0);
}

static void test_silence_and_a_dribble_end_in_time(void **state)
{
	int silent = dial_from("127.0.0.1"), slow = dial_from("127.0.0.1"), half = dial_from("127.0.0.1");
	struct plane_stats s;

	(void)state;
	say(half, "IKETCP\x00\xff", 8);
	for (unsigned i = 0; i < 6; i++) {
		say(slow, &"IKETCP"[i], 1);
		ends_idle(&e, NULL, 10);
	}
	assert_streams(3);
	assert_gets_closed(silent);
	assert_gets_closed(slow);
	assert_gets_closed(half);
	assert_streams(0);
	plane_stats(e.plane, &s);
	assert_int_equal(s.streams_timed_out, 3);
	assert_int_equal(s.streams_accepted, 3);
}

/* R9329-6.1-3: the prefix may come one octet at a time. */
static void test_a_slow_but_right_peer_is_served(void **state)
{
	int fd = dial_from("127.0.0.1");

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		say(fd, &"IKETCP"[i], 1);
		ends_idle(&e, NULL, 3);
	}
	for (unsigned i = 0; i < sizeof hello; i++) {
		say(fd, hello + i, 1);
		ends_idle(&e, NULL, 1);
	}
	assert_messages(1);
	assert_int_equal(e.log.message_len, 28);
	assert_true(e.log.path.stream_id >> 63);
	assert_open(fd);
	close(fd);
	assert_streams(0);
	assert_int_equal(e.log.lost, 1);
	assert_int_equal(e.log.os_error, 0);
}

static void test_who_speaks_but_never_proves_who_he_is_goes_later(void **state)
{
	int fd = dial_and_greet("127.0.0.1"), silent = dial_from("127.0.0.1");

	(void)state;
	assert_gets_closed(silent); /* though it came later */
	assert_open(fd);
	assert_int_equal(e.log.lost, 0);
	assert_gets_closed(fd);
	assert_int_equal(e.log.lost, 1);
}

/* The clock of the silent one does not wait for that of somebody who has spoken before. */
static void test_silence_ends_in_time_behind_one_who_has_spoken(void **state)
{
	int fd = dial_and_greet("127.0.0.1"), silent;

	(void)state;
	ends_idle(&e, NULL, 400);
	silent = dial_from("127.0.0.1");
	assert_gets_closed(silent);
	assert_open(fd);
	close(fd);
	assert_streams(0);
}

static void test_streams_are_accepted_again_when_descriptors_are_back(void **state)
{
	int stranger = dial_and_greet("127.0.0.1"), waiting = dial_from("127.0.0.1");
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_gets_closed(stranger); /* it had to make room */
	assert_streams(0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_streams(1);
	assert_open(waiting);
	close(waiting);
	assert_streams(0);
}

static void test_a_trusted_stream_stays(void **state)
{
	int fd = dial_and_greet("127.0.0.1");

	(void)state;
	plane_stream_trusted(e.plane, e.log.path.stream_id);
	ends_idle(&e, NULL, 2100);
	assert_open(fd);
	close(fd);
	assert_streams(0);
}

/* R9329-10-1: the oldest stranger goes first; those who are trusted do not count. */
static void test_a_flood_drops_the_oldest_strangers_only(void **state)
{
	int trusted = dial_and_greet("127.0.0.1"), fd[12];
	struct plane_stats s;

	(void)state;
	plane_stream_trusted(e.plane, e.log.path.stream_id);
	for (unsigned i = 0; i < 5; i++)
		fd[i] = dial_from("127.0.0.1");
	assert_gets_closed(fd[0]); /* the fifth of one source */
	for (unsigned i = 5; i < 9; i++) {
		char source[20];

		snprintf(source, sizeof source, "127.0.0.%u", i);
		fd[i] = dial_from(source);
	}
	assert_gets_closed(fd[1]); /* more than six in all */
	assert_gets_closed(fd[2]);
	assert_streams(1 + 6);
	plane_stats(e.plane, &s);
	assert_int_equal(s.streams_refused, 3);
	assert_open(trusted);
	for (unsigned i = 3; i < 9; i++)
		close(fd[i]);
	close(trusted);
	assert_streams(0);
	assert_true(lines <= 5);
}

/* R9329-3.1-3 */
static void test_a_length_below_two_closes_the_stream(void **state)
{
	(void)state;
	for (uint8_t length = 0; length < 2; length++) {
		int fd = dial_and_greet("127.0.0.1");

		say(fd, (uint8_t[]){ 0, length }, 2);
		assert_gets_closed(fd);
	}
	assert_streams(0);
	assert_int_equal(e.log.lost, 2);
}

/* R9329-3-9, R9329-6.6-2 */
static void test_empty_frames_and_keepalives_harm_nothing(void **state)
{
	int fd = dial_and_greet("127.0.0.1");

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		say(fd, "\x00\x02\x00\x03\xff", 5);
	say(fd, hello, sizeof hello);
	assert_messages(2);
	assert_open(fd);
	close(fd);
	assert_streams(0);
}

/* R9329-6.1-19, R9329-6.1-20: a few unknown SPIs pass, many in a row do not; a valid message starts the count
 * anew. */
static void test_only_many_senseless_messages_in_a_row_close_the_stream(void **state)
{
	static const uint8_t unknown[] = { 0, 14, 9, 9, 9, 9, 0, 0, 0, 1, 1, 2, 3, 4 };
	int fd = dial_and_greet("127.0.0.1");
	struct plane_stats s;

	(void)state;
	plane_stream_trusted(e.plane, e.log.path.stream_id);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 8; i++)
			say(fd, unknown, sizeof unknown);
		say(fd, hello, sizeof hello);
	}
	assert_messages(4);
	assert_open(fd);
	plane_stats(e.plane, &s);
	assert_int_equal(s.unknown_spi, 24);
	for (unsigned i = 0; i < 4; i++)
		say(fd, unknown, sizeof unknown);
	for (unsigned i = 0; i < 5; i++)
		say(fd, "\x00\x03\x07", 3);
	assert_gets_closed(fd);
	assert_int_equal(e.log.lost, 1);
	assert_int_equal(e.log.os_error, EPROTO);
}

/* R9329-6.1-12 */
static void test_a_stream_that_closes_mid_frame_is_freed(void **state)
{
	int fd = dial_and_greet("127.0.0.1");

	(void)state;
	say(fd, "\xff\xff\x00\x00\x00\x00half", 10);
	close(fd);
	assert_streams(0);
	fd = dial_and_greet("127.0.0.1"); /* nothing of it reaches the next */
	assert_open(fd);
	close(fd);
	assert_streams(0);
}

static void test_closing_sends_what_is_queued_first(void **state)
{
	int fd = dial_and_greet("127.0.0.1");
	uint8_t message[28] = { 7 }, got[200];
	uint64_t id = e.log.path.stream_id;

	(void)state;
	plane_send_ike(e.plane, &e.log.path, cv_bytes(message, sizeof message));
	plane_stream_close(e.plane, id);
	say(fd, hello, sizeof hello); /* crosses on the way: nobody hears it, nobody is disturbed */
	ends_idle(&e, NULL, 50);
	assert_int_equal(recv(fd, got, sizeof got, 0), 34);
	assert_int_equal(got[6], 7);
	assert_int_equal(recv(fd, got, sizeof got, 0), 0);
	assert_int_equal(e.log.messages, 1);
	close(fd);
	assert_streams(0);
	assert_int_equal(e.log.lost, 0);
}

static void test_garbage_of_all_kinds_is_survived(void **state)
{
	uint64_t seed = 130;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		uint8_t noise[3000];
		int fd = dial_from("127.0.0.1");
		size_t len = octets_random(&seed) % sizeof noise;

		octets_random_fill(&seed, noise, sizeof noise);
		if (round % 2)
			say(fd, "IKETCP", 6);
		if (round % 3 == 0)
			cv_put_u16(noise, (uint16_t)(octets_random(&seed) % 40));
		(void)!send(fd, noise, len, MSG_NOSIGNAL);
		ends_idle(&e, NULL, 2);
		close(fd);
	}
	assert_streams(0);
	int fd = dial_and_greet("127.0.0.1");

	close(fd);
	assert_streams(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_web_request_is_closed_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silence_and_a_dribble_end_in_time, set_up_short,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_slow_but_right_peer_is_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_speaks_but_never_proves_who_he_is_goes_later,
						set_up_short, tear_down),
		cmocka_unit_test_setup_teardown(test_silence_ends_in_time_behind_one_who_has_spoken,
						set_up_patient, tear_down),
		cmocka_unit_test_setup_teardown(test_streams_are_accepted_again_when_descriptors_are_back,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_trusted_stream_stays, set_up_short, tear_down),
		cmocka_unit_test_setup_teardown(test_a_flood_drops_the_oldest_strangers_only, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_length_below_two_closes_the_stream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_empty_frames_and_keepalives_harm_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_only_many_senseless_messages_in_a_row_close_the_stream,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_stream_that_closes_mid_frame_is_freed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_closing_sends_what_is_queued_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage_of_all_kinds_is_survived, set_up, tear_down),
	};

	if (!ends_enter())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
