/* A peer played by the test, which seals its own ESP: paths that move, forged and repeated packets, streams
 * that do not keep up, and Child SAs that come and go under traffic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ends.h"

enum { PORT = 4500, SPI_MINE = 0x01020304, SPI_PEER = 0x51525354, SPI_OTHER = 0x61626364 };

static struct end e;
static struct cv_addr listening;
static uint8_t buf[70000];

static int set_up(void **state)
{
	(void)state;
	memset(&e, 0, sizeof e);
	end_start(&e, "cvtp");
	listening = ends_addr("127.0.0.1", PORT);
	end_listen(&e, IKE_TCP, &listening);
	end_listen(&e, IKE_UDP, &listening);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	end_stop(&e);
	return 0;
}

/* --- the peer's sockets --- */

static int dial(int type, int small_buffer)
{
	struct sockaddr_storage to;
	size_t len = cv_addr_to_sockaddr(&listening, &to);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (small_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small_buffer, sizeof small_buffer);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, (socklen_t)len), 0);
	return fd;
}

static void say(int fd, const void *octets, size_t len)
{
	assert_int_equal(send(fd, octets, len, MSG_NOSIGNAL), (ssize_t)len);
}

static bool has_messages(void *arg)
{
	return e.log.messages >= *(unsigned *)arg;
}

/* A stream that has greeted; e.log.path is its path. */
static int dial_stream(int small_buffer)
{
	static const uint8_t hello[40] = { 'I', 'K', 'E', 'T', 'C', 'P', 0, 34, 0, 0, 0, 0, 1, [39] = 28 };
	unsigned wanted = e.log.messages + 1;
	int fd = dial(SOCK_STREAM, small_buffer);

	say(fd, hello, sizeof hello);
	ends_run(&e, NULL, has_messages, &wanted);
	return fd;
}

static bool is_closed(void *arg)
{
	uint8_t octet;
	ssize_t n = recv(*(int *)arg, &octet, 1, MSG_DONTWAIT | MSG_PEEK);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

/* --- the peer's half of the SA --- */

static struct ike_child_sa install(uint32_t spi_in, uint32_t spi_out, const struct ike_path *path)
{
	struct ike_child_sa child = ends_child(spi_in, spi_out, false, path);

	assert_int_equal(plane_child_install(e.plane, &child), CV_OK);
	return child;
}

/* A framed ESP packet with a small UDP datagram for the plane in it; its length. */
static size_t seal(struct esp_out *sa, uint8_t *frame)
{
	const struct packets_spec s = { .version = 4, .protocol = PACKETS_UDP, .flow = 1, .payload = 100 };
	size_t header = esp_out_header_len(sa), esp_len = esp_out_packet_len(sa, 128);
	uint64_t seed = 140;

	cv_put_u16(frame, (uint16_t)(esp_len + 2));
	assert_int_equal(packets_build(&s, &seed, frame + 2 + header), 128);
	assert_int_equal(esp_out_seal(sa, frame + 2, 128, 4), CV_OK);
	return esp_len + 2;
}

struct counter {
	uint32_t spi;
	size_t offset; /* into struct plane_child_stats */
	uint64_t wanted;
};

static bool has_counted(void *arg)
{
	const struct counter *c = arg;
	struct plane_child_stats s;
	uint64_t value;

	if (!plane_child_stats(e.plane, c->spi, &s))
		return false;
	memcpy(&value, (uint8_t *)&s + c->offset, sizeof value);
	return value >= c->wanted;
}

#define COUNTS(spi, field, n)                                                                                \
	ends_run(&e, NULL, has_counted,                                                                      \
		 &(struct counter){ spi, offsetof(struct plane_child_stats, field), n })

static bool has_moved(void *arg)
{
	return e.log.moved == *(unsigned *)arg;
}

/* Octets that come from the plane within what the idle loop takes. */
static size_t receive(int fd)
{
	size_t total = 0;

	for (unsigned i = 0; i < 30; i++) {
		ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);

		if (n > 0)
			total += (size_t)n;
		ends_idle(&e, NULL, 2);
	}
	return total;
}

static void put_one(uint8_t flow)
{
	const struct packets_spec s = {
		.version = 4, .protocol = PACKETS_UDP, .flow = flow, .back = true, .payload = 500
	};
	const struct virtio_net_hdr none = { 0 };
	uint64_t seed = 141;

	end_put(&e, &none, buf, packets_build(&s, &seed, buf));
}

/* R9329-6.1-10, R9329-6.1-15, R9329-6.1-23, R9329-6.1-24, R9329-6.1-26, R9329-10-15 */
static void test_the_newest_valid_packet_says_which_stream_is_used(void **state)
{
	int one = dial_stream(0), two;
	struct ike_path path = e.log.path;
	struct ike_child_sa child = install(SPI_MINE, SPI_PEER, &path);
	struct esp_out *sa = ends_peer_out(&child);
	uint8_t first[300], second[300], third[300];
	size_t len = seal(sa, first);
	unsigned moves = 1;

	(void)state;
	(void)seal(sa, second);
	(void)seal(sa, third);
	say(one, first, len);
	COUNTS(SPI_MINE, packets_in, 1);
	assert_int_equal(e.log.moved, 0);

	two = dial(SOCK_STREAM, 0);
	say(two, "IKETCP", 6);
	say(two, first, len); /* a replay moves nothing */
	COUNTS(SPI_MINE, replays, 1);
	ends_idle(&e, NULL, 20);
	assert_int_equal(e.log.moved, 0);
	say(two, third, len); /* the newest does; the first frame of a stream may be ESP */
	ends_run(&e, NULL, has_moved, &moves);
	assert_int_equal(e.log.spi, SPI_MINE);
	assert_int_not_equal(e.log.path.stream_id, path.stream_id);
	say(one, second, len); /* late on the old stream: valid, not newest */
	COUNTS(SPI_MINE, packets_in, 3);
	ends_idle(&e, NULL, 20);
	assert_int_equal(e.log.moved, 1);

	put_one(1);
	assert_true(receive(one) > 0); /* until control has followed */
	plane_child_path(e.plane, SPI_MINE, &e.log.path);
	put_one(1);
	assert_true(receive(two) > 0);
	assert_int_equal(receive(one), 0);
	esp_out_free(sa);
	close(one);
	close(two);
}

/* RFC 7296 section 2.23; a replay or forged packet from elsewhere changes nothing. */
static void test_a_new_udp_address_is_followed_after_a_valid_packet(void **state)
{
	struct ike_path path = { .transport = IKE_UDP,
				 .local = listening,
				 .remote = ends_addr("127.0.0.1", 9) };
	struct ike_child_sa child = install(SPI_MINE, SPI_PEER, &path);
	struct esp_out *sa = ends_peer_out(&child);
	uint8_t frame[300];
	size_t len = seal(sa, frame);
	int fd = dial(SOCK_DGRAM, 0);
	unsigned moves = 1;

	(void)state;
	frame[len - 1] ^= 1;
	say(fd, frame + 2, len - 2);
	COUNTS(SPI_MINE, bad_icv, 1);
	ends_idle(&e, NULL, 20);
	assert_int_equal(e.log.moved, 0);
	frame[len - 1] ^= 1;
	for (unsigned i = 0; i < 5; i++) {
		say(fd, frame + 2, len - 2);
		say(fd, "\xff", 1); /* NAT keepalives are passed over */
		len = seal(sa, frame);
	}
	ends_run(&e, NULL, has_moved, &moves);
	COUNTS(SPI_MINE, packets_in, 5);
	ends_idle(&e, NULL, 20);
	assert_int_equal(e.log.moved, 1); /* said once */
	plane_child_path(e.plane, SPI_MINE, &e.log.path);
	put_one(1);
	assert_true(receive(fd) > 500);
	esp_out_free(sa);
	close(fd);
}

/* R9329-6.1-18, R9329-6.1-19 */
static void test_a_forged_packet_with_a_known_spi_closes_its_stream_only(void **state)
{
	int good = dial_stream(0), bad;
	struct ike_path path = e.log.path;
	struct ike_child_sa child = install(SPI_MINE, SPI_PEER, &path);
	struct esp_out *sa = ends_peer_out(&child);
	uint8_t frame[300];
	size_t len = seal(sa, frame);

	(void)state;
	bad = dial_stream(0);
	frame[20] ^= 1;
	say(bad, frame, len);
	ends_run(&e, NULL, is_closed, &bad);
	COUNTS(SPI_MINE, bad_icv, 1);
	len = seal(sa, frame);
	say(good, frame, len);
	COUNTS(SPI_MINE, packets_in, 1);
	assert_int_equal(e.log.lost, 1);
	esp_out_free(sa);
	close(good);
	close(bad);
}

/* A peer that does not read holds up nobody else, and loses what does not fit; then it catches up. */
static void test_a_full_stream_does_not_hold_up_another(void **state)
{
	int slow = dial_stream(4096), fast;
	struct ike_child_sa child = install(SPI_MINE, SPI_PEER, &e.log.path);
	struct ike_child_sa other;
	struct plane_child_stats stats;

	(void)state;
	fast = dial_stream(0);
	other = ends_child(SPI_OTHER, SPI_OTHER, false, &e.log.path);
	other.remote.ts[0].first.b[3] = other.remote.ts[0].last.b[3] = 1;
	other.remote.ts[0].first.b[2] = other.remote.ts[0].last.b[2] = 0;
	other.local.ts[0].first.b[3] = 9;
	other.local.ts[0].last = other.local.ts[0].first; /* from 10.2.0.9 to 10.1.0.1 */
	assert_int_equal(plane_child_install(e.plane, &other), CV_OK);
	do {
		for (unsigned i = 0; i < 200; i++)
			put_one(1);
		ends_idle(&e, NULL, 1);
		assert_true(plane_child_stats(e.plane, SPI_MINE, &stats));
	} while (stats.dropped_queue == 0);
	for (unsigned i = 0; i < 10; i++)
		put_one(9);
	COUNTS(SPI_OTHER, packets_out, 10);
	assert_true(receive(fast) >= 10 * 500);

	/* Nothing was torn: what arrives late still opens. */
	struct esp_in *sa = ends_peer_in(&child);
	size_t have = 0;
	unsigned opened = 0;

	for (unsigned idle = 0; idle < 100;) {
		ssize_t n = recv(slow, buf + have, sizeof buf - have, MSG_DONTWAIT);
		size_t at = 0;

		idle = n > 0 ? 0 : idle + 1;
		ends_idle(&e, NULL, n > 0 ? 0 : 1);
		have += n > 0 ? (size_t)n : 0;
		while (have - at >= 2 && have - at >= cv_get_u16(buf + at)) {
			struct esp_opened packet;
			size_t len = cv_get_u16(buf + at);

			assert_int_equal(esp_in_open(sa, buf + at + 2, len - 2, &packet), CV_OK);
			opened++;
			at += len;
		}
		memmove(buf, buf + at, have - at);
		have -= at;
	}
	assert_true(plane_child_stats(e.plane, SPI_MINE, &stats));
	assert_int_equal(opened, stats.packets_out);
	esp_in_free(sa);
	close(slow);
	close(fast);
}

/* Run under ThreadSanitizer this shows that control and workers share nothing they should not. */
static void test_child_sas_and_streams_come_and_go_under_traffic(void **state)
{
	struct ike_path udp = { .transport = IKE_UDP,
				.local = listening,
				.remote = ends_addr("127.0.0.1", 9) };
	struct ike_path paths[2] = { udp };
	uint8_t frame[300];
	int fd = -1;

	(void)state;
	for (unsigned i = 0; i < 150; i++) {
		struct ike_child_sa child;
		struct plane_child_stats stats;
		struct plane_stats all;
		struct esp_out *sa;

		if (i % 10 == 0) {
			close(fd);
			fd = dial_stream(0);
			paths[1] = e.log.path;
		}
		child = install(SPI_MINE + i, SPI_PEER + i, &paths[i % 2]);
		sa = ends_peer_out(&child);
		for (unsigned n = 0; n < 20; n++) {
			/* A worker may not know the SA yet, and the stream may end by that. */
			(void)!send(fd, frame, seal(sa, frame), MSG_NOSIGNAL | MSG_DONTWAIT);
			put_one((uint8_t)n);
			if (n % 7 == 0)
				plane_child_path(e.plane, child.spi_in, &paths[n % 2]);
			ends_idle(&e, NULL, 0);
			uv_run(&e.loop, UV_RUN_NOWAIT);
			(void)recv(fd, buf, sizeof buf, MSG_DONTWAIT);
			(void)plane_child_stats(e.plane, child.spi_in, &stats);
			plane_stats(e.plane, &all);
		}
		if (i % 3 != 0)
			plane_child_remove(e.plane, child.spi_in);
		else if (i % 2)
			plane_stream_close(e.plane, paths[1].stream_id);
		if (i % 3 == 0 && i % 2) {
			close(fd);
			fd = dial_stream(0);
			paths[1] = e.log.path;
		}
		esp_out_free(sa);
	}
	close(fd);
}

/* As a reload does that moves the sockets. */
static void test_a_udp_socket_can_be_closed_and_opened_again_under_a_child_sa(void **state)
{
	int fd = dial(SOCK_DGRAM, 0);
	struct ike_path path = { .transport = IKE_UDP, .local = listening };
	struct sockaddr_storage mine;
	socklen_t len = sizeof mine;

	(void)state;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&mine, &len), 0);
	assert_int_equal(cv_addr_from_sockaddr(&mine, &path.remote), CV_OK);
	(void)install(SPI_MINE, SPI_PEER, &path);
	put_one(1);
	assert_true(receive(fd) > 500);
	plane_unlisten(e.plane, IKE_UDP, &listening);
	put_one(1);
	COUNTS(SPI_MINE, dropped_queue, 1);
	end_listen(&e, IKE_UDP, &listening);
	plane_child_path(e.plane, SPI_MINE, &path);
	(void)receive(fd);
	put_one(1);
	assert_true(receive(fd) > 500);
	close(fd);
}

static bool has_failed(void *arg)
{
	(void)arg;
	return e.log.lost > 0;
}

static void test_a_reset_stream_is_lost_and_its_child_sa_stays(void **state)
{
	struct linger at_once = { .l_onoff = 1 };
	int fd = dial_stream(0);
	struct ike_path path = e.log.path;
	struct plane_child_stats stats;

	(void)state;
	(void)install(SPI_MINE, SPI_PEER, &path);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	close(fd);
	ends_run(&e, NULL, has_failed, NULL);
	assert_int_equal(e.log.os_error, ECONNRESET);
	assert_int_equal(e.log.path.stream_id, path.stream_id);
	put_one(1); /* R9329-6.1-8: the SA lives on, its packets have nowhere to go */
	COUNTS(SPI_MINE, dropped_queue, 1);
	fd = dial_stream(0);
	plane_child_path(e.plane, SPI_MINE, &e.log.path);
	put_one(1);
	assert_true(receive(fd) > 500);
	assert_true(plane_child_stats(e.plane, SPI_MINE, &stats));
	plane_child_remove(e.plane, SPI_MINE);
	assert_false(plane_child_stats(e.plane, SPI_MINE, &stats));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_newest_valid_packet_says_which_stream_is_used,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_new_udp_address_is_followed_after_a_valid_packet,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_forged_packet_with_a_known_spi_closes_its_stream_only,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_full_stream_does_not_hold_up_another, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_child_sas_and_streams_come_and_go_under_traffic, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_udp_socket_can_be_closed_and_opened_again_under_a_child_sa, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_reset_stream_is_lost_and_its_child_sa_stays, set_up,
						tear_down),
	};

	if (!ends_enter())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
