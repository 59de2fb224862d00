/* UDP in batches over the loopback, with and without the kernel's segmentation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "octets.h"
#include "xport/framing.h"
#include "xport/socket.h"
#include "xport/udp.h"

enum { DATAGRAMS_MAX = 400, ANY_PORT = 0 };

static struct xport_udp from, to;
static struct xport_udp_rx rx;
static uint8_t *data; /* what is sent */

/* What came, datagram by datagram. */
static struct {
	size_t len[DATAGRAMS_MAX];
	uint8_t tos[DATAGRAMS_MAX];
	uint64_t sum[DATAGRAMS_MAX];
	unsigned count;
	struct cv_addr local, remote;
} got;

static struct cv_addr addr(const char *ip, uint16_t port)
{
	struct cv_addr a = { .port = port };

	assert_int_equal(cv_ip_parse(ip, &a.ip), CV_OK);
	return a;
}

static void begin(const char *from_ip, const char *to_ip)
{
	struct cv_addr a = addr(from_ip, ANY_PORT), b = addr(to_ip, ANY_PORT);
	const char *step;
	uint64_t seed = 7;

	assert_int_equal(xport_udp_open(&from, &a, 0, &step), 0);
	assert_int_equal(xport_udp_open(&to, &b, 0, &step), 0);
	rx.buf = malloc((size_t)XPORT_UDP_BATCH * XPORT_UDP_BUFFER);
	data = malloc(1 << 20);
	assert_non_null(rx.buf);
	assert_non_null(data);
	octets_random_fill(&seed, data, 1 << 20);
	memset(&got, 0, sizeof got);
}

static void end(void)
{
	close(from.fd);
	close(to.fd);
	free(rx.buf);
	free(data);
}

static uint64_t sum_of(const uint8_t *p, size_t len)
{
	uint64_t h = len;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

/* Takes what is there until `wanted` datagrams have come. */
static void receive(unsigned wanted)
{
	while (got.count < wanted) {
		struct pollfd p = { .fd = to.fd, .events = POLLIN };
		int n;

		assert_int_equal(poll(&p, 1, 60000), 1);
		n = xport_udp_receive(&to, &rx);
		assert_true(n >= 0);
		for (int i = 0; i < n; i++) {
			const struct xport_datagrams *d = &rx.got[i];

			got.local = d->local;
			got.remote = d->remote;
			for (size_t at = 0; at < d->len; at += d->segment) {
				size_t len = d->len - at < d->segment ? d->len - at : d->segment;

				assert_true(got.count < DATAGRAMS_MAX);
				got.len[got.count] = len;
				got.tos[got.count] = d->tos;
				got.sum[got.count++] = sum_of(d->data + at, len);
			}
		}
	}
	assert_int_equal(got.count, wanted);
}

static void check_batch(const char *ip, bool gso)
{
	const size_t segment[] = { 1400, 1400, 33, 900, 1200 }, length[] = { 14000, 20000, 33, 900, 12345 };
	struct xport_udp_run run[5];
	struct xport_udp_dest dest;
	uint64_t dropped = 0;
	size_t at = 0;
	unsigned n = 0, done;

	begin(ip, ip);
	xport_udp_dest_set(&dest, &from.bound, &to.bound);
	atomic_store(&from.gso, gso);
	for (unsigned i = 0; i < 5; i++) {
		run[i] =
		    (struct xport_udp_run){ .data = data + at,
					    .len = length[i],
					    .segment = segment[i],
					    .count = (unsigned)((length[i] + segment[i] - 1) / segment[i]),
					    .tos = (uint8_t)(i * 4 + (i & 3)),
					    .to = &dest };
		at += length[i];
		n += run[i].count;
	}
	assert_int_equal(xport_udp_send(&from, run, 5, &done, &dropped), 0);
	assert_int_equal(done, 5);
	assert_int_equal(dropped, 0);
	receive(n);
	n = 0;
	for (unsigned i = 0; i < 5; i++) {
		for (size_t o = 0; o < run[i].len; o += run[i].segment, n++) {
			size_t len = run[i].len - o < run[i].segment ? run[i].len - o : run[i].segment;

			assert_int_equal(got.len[n], len);
			assert_true(got.sum[n] == sum_of(run[i].data + o, len));
			assert_int_equal(got.tos[n], run[i].tos);
		}
	}
	assert_true(cv_addr_equal(&got.remote, &from.bound));
	assert_true(cv_addr_equal(&got.local, &to.bound));
	end();
}

static void test_a_batch_arrives_datagram_by_datagram(void **state)
{
	(void)state;
	for (unsigned gso = 0; gso < 2; gso++) {
		check_batch("127.0.0.1", gso);
		check_batch("::1", gso);
	}
}

/* The address a message came to is the one to answer from. */
static void test_a_socket_bound_to_any_knows_where_a_datagram_came_to(void **state)
{
	struct cv_addr target;

	(void)state;
	begin("127.0.0.1", "0.0.0.0");
	target = addr("127.0.0.77", to.bound.port);
	assert_int_equal(xport_udp_send_ike(&from, &from.bound, &target, cv_bytes(data, 28)), 0);
	receive(1);
	assert_true(cv_addr_equal(&got.local, &target));
	assert_int_equal(got.len[0], 32); /* with the marker, since the port is not 500 */
	assert_int_equal(xport_udp_send_ike(&to, &got.local, &got.remote, cv_bytes(data, 28)), 0);
	struct xport_udp swap = from;

	from = to;
	to = swap;
	receive(2);
	assert_true(cv_addr_equal(&got.remote, &target));
	end();
}

/* RFC 7296 section 3.1: no marker on port 500; RFC 3948 section 2.3: no keepalives there. */
static void test_port_500_carries_bare_messages(void **state)
{
	(void)state;
	begin("127.0.0.1", "127.0.0.1");
	from.marker = false;
	assert_int_equal(xport_udp_send_keepalive(&from, &from.bound, &to.bound), 0);
	assert_int_equal(xport_udp_send_ike(&from, &from.bound, &to.bound, cv_bytes(data, 28)), 0);
	receive(1);
	assert_int_equal(got.len[0], 28);
	from.marker = true;
	assert_int_equal(xport_udp_send_keepalive(&from, &from.bound, &to.bound), 0);
	receive(2);
	assert_int_equal(got.len[1], 1);
	assert_true(got.sum[1] == sum_of((const uint8_t[]){ XPORT_KEEPALIVE }, 1));
	end();
}

static void test_what_icmp_says_comes_back_with_the_address(void **state)
{
	struct cv_addr closed;
	struct xport_udp_error e;
	struct pollfd p;

	(void)state;
	begin("127.0.0.1", "127.0.0.1");
	closed = to.bound;
	close(to.fd);
	assert_int_equal(xport_udp_send_ike(&from, &from.bound, &closed, cv_bytes(data, 28)), 0);
	p = (struct pollfd){ .fd = from.fd };
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_true(p.revents & POLLERR);
	assert_true(xport_udp_next_error(&from, &e));
	assert_int_equal(e.os_error, ECONNREFUSED);
	assert_true(cv_addr_equal(&e.remote, &closed));
	assert_false(xport_udp_next_error(&from, &e));
	to.fd = dup(from.fd);
	end();
}

/* An error that an earlier datagram left on the socket costs no later one. */
static void test_an_old_error_does_not_lose_the_next_batch(void **state)
{
	struct cv_addr closed = addr("127.0.0.1", 1);
	struct xport_udp_dest dest;
	struct pollfd p;
	uint64_t dropped = 0;
	unsigned done;

	(void)state;
	begin("127.0.0.1", "127.0.0.1");
	assert_int_equal(xport_udp_send_ike(&from, &from.bound, &closed, cv_bytes(data, 28)), 0);
	p = (struct pollfd){ .fd = from.fd };
	assert_int_equal(poll(&p, 1, 60000), 1);
	xport_udp_dest_set(&dest, &from.bound, &to.bound);
	struct xport_udp_run run = { .data = data, .len = 5000, .segment = 1000, .count = 5, .to = &dest };

	assert_int_equal(xport_udp_send(&from, &run, 1, &done, &dropped), 0);
	assert_int_equal(dropped, 0);
	receive(5);
	end();
}

static void test_a_destination_that_cannot_be_reached_is_counted_and_passed_over(void **state)
{
	struct xport_udp_dest bad, good;
	uint64_t dropped = 0;
	unsigned done;

	(void)state;
	begin("127.0.0.1", "127.0.0.1");
	struct cv_addr broadcast = addr("255.255.255.255", 9);

	xport_udp_dest_set(&bad, &from.bound, &broadcast); /* EACCES without SO_BROADCAST */
	xport_udp_dest_set(&good, &from.bound, &to.bound);
	struct xport_udp_run run[] = {
		{ .data = data, .len = 500, .segment = 500, .count = 1, .to = &bad },
		{ .data = data, .len = 700, .segment = 700, .count = 1, .to = &good },
	};

	assert_int_not_equal(xport_udp_send(&from, run, 2, &done, &dropped), 0);
	assert_int_equal(done, 2);
	assert_int_equal(dropped, 1);
	receive(1);
	assert_int_equal(got.len[0], 700);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_batch_arrives_datagram_by_datagram),
		cmocka_unit_test(test_a_socket_bound_to_any_knows_where_a_datagram_came_to),
		cmocka_unit_test(test_port_500_carries_bare_messages),
		cmocka_unit_test(test_what_icmp_says_comes_back_with_the_address),
		cmocka_unit_test(test_an_old_error_does_not_lose_the_next_batch),
		cmocka_unit_test(test_a_destination_that_cannot_be_reached_is_counted_and_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
