/* Packets through two planes and back: over TCP and UDP, IPv4 and IPv6 outside and inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "ends.h"

enum { SPI_A = 0x01020304, SPI_B = 0x71a2a3a4, PORT = 4500 };

static struct end a, b;
static uint8_t packet[70000], taken[70000], cut[70000];

struct way {
	uint8_t transport;
	const char *ip;
};

static bool b_has_message(void *arg)
{
	return b.log.messages >= *(unsigned *)arg;
}

static bool a_opened(void *arg)
{
	(void)arg;
	return a.log.opened > 0;
}

static const uint8_t hello[28] = { 1, [27] = 28 };

/* Both ends up, a Child SA between them; TCP: dialled by a. */
static void connect_ends(const struct way *w)
{
	struct cv_addr at = ends_addr(w->ip, PORT);
	struct ike_path path_a = { .transport = w->transport, .local = at, .remote = at };
	struct ike_path path_b = path_a;
	struct ike_child_sa child;
	unsigned one = 1;

	end_start(&a, "cvta");
	end_start(&b, "cvtb");
	end_listen(&b, w->transport, &at);
	if (w->transport == IKE_UDP) {
		path_a.local.port = path_b.remote.port = PORT + 1;
		end_listen(&a, IKE_UDP, &path_a.local);
	} else {
		path_a.stream_id = 42;
		path_a.local = (struct cv_addr){ 0 };
		plane_stream_open(a.plane, &path_a);
		ends_run(&a, &b, a_opened, NULL);
		path_a = a.log.path;
		assert_int_equal(path_a.stream_id, 42);
	}
	plane_send_ike(a.plane, &path_a, cv_bytes(hello, sizeof hello));
	ends_run(&a, &b, b_has_message, &one);
	path_b = b.log.path;
	assert_int_equal(b.log.message_len, sizeof hello);
	assert_memory_equal(b.log.message, hello, sizeof hello);
	assert_true(cv_addr_equal(&path_b.remote, &path_a.local));
	assert_true(cv_addr_equal(&path_b.local, &at));
	child = ends_child(SPI_B, SPI_A, false, &path_b);
	assert_int_equal(plane_child_install(b.plane, &child), CV_OK);
	child = ends_child(SPI_A, SPI_B, true, &path_a);
	assert_int_equal(plane_child_install(a.plane, &child), CV_OK);
}

static void disconnect(void)
{
	end_stop(&a);
	end_stop(&b);
}

/* What is to arrive, by flow, as the plain way cuts it; an IPv4 ID counts only without DF. */
enum { EXPECTED_MAX = 4000 };
static struct {
	uint64_t sum;
	unsigned flow;
	bool come;
} expected[EXPECTED_MAX];
static unsigned expected_count, come;

static uint64_t digest(uint8_t *p, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	if (p[0] >> 4 == 4 && (p[6] & 0x40)) {
		cv_put_u16(p + 4, 0);
		packets_put_ip_sum(p);
	}
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

static void expect(uint8_t *p, size_t len)
{
	assert_true(expected_count < EXPECTED_MAX);
	expected[expected_count].flow = packets_flow(p);
	expected[expected_count].come = false;
	expected[expected_count++].sum = digest(p, len);
}

/* Within its flow a packet has to be the next that is expected. */
static void arrived(uint8_t *p, size_t len)
{
	unsigned flow = packets_flow(p);
	uint64_t sum = digest(p, len);

	for (unsigned i = 0; i < expected_count; i++) {
		if (expected[i].come || expected[i].flow != flow)
			continue;
		if (expected[i].sum != sum)
			fail_msg("a packet of flow %u with %zu octets is not the expected one", flow, len);
		expected[i].come = true;
		come++;
		return;
	}
	fail_msg("a packet of flow %u that nobody sent", flow);
}

static void take_all(struct end *e)
{
	struct virtio_net_hdr hdr;
	size_t len, header;

	while ((len = end_take(e, &hdr, taken, sizeof taken)) > 0) {
		if (hdr.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
			arrived(taken, len);
			continue;
		}
		header = hdr.csum_start + 8u; /* the kernel's hdr_len is no more than a hint */
		if (hdr.gso_type != VIRTIO_NET_HDR_GSO_UDP_L4)
			header = hdr.csum_start + (taken[hdr.csum_start + 12] >> 4) * 4u;
		for (size_t i = 0, n;
		     (n = packets_cut(taken, len, hdr.csum_start, header, hdr.gso_size, i, cut)) > 0; i++)
			arrived(cut, n);
	}
}

static bool all_come(void *arg)
{
	take_all(arg);
	return come == expected_count;
}

static void put_super(struct end *from, struct packets_spec *s, size_t size, uint64_t *seed)
{
	size_t len = packets_build(s, seed, packet);
	size_t l4 = packets_l4(s), header = packets_header(s);
	struct virtio_net_hdr hdr;

	for (size_t i = 0, n; (n = packets_cut(packet, len, l4, header, size, i, cut)) > 0; i++)
		expect(cut, n);
	hdr = packets_offload(s, packet, len, s->payload > size ? size : 0);
	end_put(from, &hdr, packet, len);
}

static void send_mix(struct end *from, struct end *to, bool back, uint64_t seed)
{
	expected_count = come = 0;
	for (unsigned i = 0; i < 60; i++) {
		uint64_t r = octets_random(&seed);
		bool tcp = r & 1;
		struct packets_spec s = { .version = r & 2 ? 4 : 6,
					  .protocol = tcp ? PACKETS_TCP : PACKETS_UDP,
					  .tos = r & 4 ? 2 : 0,
					  .ttl = 64,
					  .id = (uint16_t)(r >> 16),
					  .frag = r & 8 ? 0x4000 : 0,
					  .flow = (uint8_t)(2 + (r >> 32) % 20),
					  .back = back,
					  .seq = (uint32_t)octets_random(&seed),
					  .ack = (uint32_t)octets_random(&seed),
					  .window = 500,
					  .flags = (uint8_t)(r & 16 ? 0x18 : 0x10),
					  .l4_options = tcp ? 12 : 0 };

		s.payload = octets_random(&seed) % (i % 4 ? 1300 : 40000);
		size_t size = 200 + octets_random(&seed) % 1100;

		if (!tcp && size < s.payload / 60) /* the kernel takes no more than 64 datagrams in one */
			size = s.payload / 60;
		put_super(from, &s, size, &seed);
		if (i % 16 == 0)
			ends_run(from, to, all_come, to);
	}
	ends_run(from, to, all_come, to);
}

static const struct way ways[] = {
	{ IKE_TCP, "127.0.0.1" }, { IKE_UDP, "127.0.0.1" }, { IKE_TCP, "::1" }, { IKE_UDP, "::1" }
};

static void test_packets_of_all_kinds_cross_unchanged_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct plane_child_stats sa, sb;

		connect_ends(&ways[i]);
		send_mix(&a, &b, false, 60 + i);
		send_mix(&b, &a, true, 70 + i);
		assert_true(plane_child_stats(a.plane, SPI_A, &sa));
		assert_true(plane_child_stats(b.plane, SPI_B, &sb));
		assert_int_equal(sa.packets_out, sb.packets_in);
		assert_int_equal(sa.bytes_out, sb.bytes_in);
		assert_int_equal(sb.packets_out, sa.packets_in);
		assert_true(sa.packets_out > 300 && sb.packets_out > 300);
		assert_int_equal(sa.bad_icv + sa.replays + sa.bad_packet + sa.bad_selector + sa.dropped_queue,
				 0);
		assert_int_equal(a.log.moved + b.log.moved, 0);
		disconnect();
	}
}

/* IKE messages come whole, in order, from either end, also over a stream that is full of ESP. */
static void test_ike_messages_pass_beside_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		unsigned wanted = 1;
		uint64_t seed = 80;

		connect_ends(&ways[i]);
		for (uint8_t n = 0; n < 20; n++) {
			uint8_t message[1500] = { n, [24] = 0, 0, 1500 >> 8, 1500 & 255 };
			struct ike_path path = b.log.path;
			struct packets_spec s = { .version = 4,
						  .protocol = PACKETS_TCP,
						  .flow = 3,
						  .flags = 0x10,
						  .payload = 20000 };

			expected_count = come = 0;
			put_super(
			    &b, &(struct packets_spec){ .version = 4, .protocol = PACKETS_UDP, .back = true },
			    1000, &seed);
			put_super(&a, &s, 1300, &seed);
			path.local = b.log.path.remote;
			path.remote = b.log.path.local;
			path.stream_id = path.stream_id ? 42 : 0;
			plane_send_ike(a.plane, &path, cv_bytes(message, sizeof message));
			wanted++;
			ends_run(&a, &b, b_has_message, &wanted);
			assert_int_equal(b.log.message_len, sizeof message);
			assert_memory_equal(b.log.message, message, sizeof message);
		}
		disconnect();
	}
}

static bool b_saw_bad_selector(void *arg)
{
	struct plane_child_stats s;

	return plane_child_stats(b.plane, SPI_B, &s) && s.bad_selector == *(uint64_t *)arg;
}

static bool a_has_no_policy(void *arg)
{
	struct plane_stats s;

	plane_stats(a.plane, &s);
	return s.no_policy >= *(uint64_t *)arg;
}

/* RFC 4301 sections 5.1 and 5.2: both ends hold packets against the selectors. */
static void test_packets_outside_the_selectors_are_dropped(void **state)
{
	struct packets_spec s = { .version = 4, .protocol = PACKETS_UDP, .payload = 10 };
	struct virtio_net_hdr hdr = { 0 }, got;
	uint64_t seed = 90, one = 1;
	struct plane_stats before;
	struct ike_child_sa child;
	struct ike_path path;

	(void)state;
	connect_ends(&ways[1]);
	plane_stats(a.plane, &before);
	one = before.no_policy + 1;
	packets_build(&s, &seed, packet);
	packet[17] = 3; /* to 10.3.0.1 */
	packets_put_ip_sum(packet);
	end_put(&a, &hdr, packet, 38);
	ends_run(&a, &b, a_has_no_policy, &one);

	/* The other end allows less than this one sends. */
	path = b.log.path;
	plane_child_remove(b.plane, SPI_B);
	child = ends_child(SPI_B, SPI_A, false, &path);
	child.remote.ts[0].last.b[1] = 1;
	child.remote.ts[0].last.b[2] = child.remote.ts[0].last.b[3] = 0; /* 10.1.0.0 only */
	assert_int_equal(plane_child_install(b.plane, &child), CV_OK);
	s.flow = 7;
	end_put(&a, &hdr, packet, packets_build(&s, &seed, packet));
	one = 1;
	ends_run(&a, &b, b_saw_bad_selector, &one);
	s.flow = 0;
	end_put(&a, &hdr, packet, packets_build(&s, &seed, packet));
	expected_count = come = 0;
	expect(packet, 38);
	ends_run(&a, &b, all_come, &b);
	assert_int_equal(end_take(&b, &got, taken, sizeof taken), 0);
	disconnect();
}

struct icmp_wanted {
	struct end *end;
	size_t len;
};

static bool has_packet(void *arg)
{
	struct icmp_wanted *w = arg;
	struct virtio_net_hdr hdr;

	w->len = end_take(w->end, &hdr, taken, sizeof taken);
	return w->len > 0;
}

/* R9329-3-7: a frame's length field says 65535 at most; the kernel sends what the route's MTU allows. */
static void test_an_mtu_never_exceeds_what_a_length_field_can_say(void **state)
{
	struct ike_path path = { .transport = IKE_UDP, .remote = ends_addr("127.0.0.1", PORT) };
	struct ike_child_sa child = ends_child(SPI_A, SPI_B, true, &path);

	(void)state;
	end_start(&a, "cvta");
	child.mtu = 65535;
	assert_int_equal(plane_child_install(a.plane, &child), CV_OK);
	assert_true(plane_child_mtu(a.plane, SPI_A) < 65000);
	assert_true(plane_child_mtu(a.plane, SPI_A) > 64000);
	end_stop(&a);
}

static void test_packets_too_big_are_answered_with_the_inner_mtu(void **state)
{
	struct icmp_wanted w = { .end = &a };
	struct virtio_net_hdr hdr = { 0 };
	uint64_t seed = 100;

	(void)state;
	connect_ends(&ways[0]);
	uint32_t mtu = plane_child_mtu(a.plane, SPI_A);
	struct packets_spec s = { .version = 4, .protocol = PACKETS_UDP, .frag = 0x4000, .flow = 5 };

	/* AES-GCM in TCP in IPv4 on a link of 1500: 20 + 32 + 2 + 8 + 8 + 2 + 16 octets around it, and 2 of
	 * padding */
	assert_int_equal(mtu, 1410);
	s.payload = mtu - 28 + 1;
	end_put(&a, &hdr, packet, packets_build(&s, &seed, packet));
	ends_run(&a, &b, has_packet, &w);
	assert_int_equal(taken[20], 3);
	assert_int_equal(taken[21], 4);
	assert_int_equal(cv_get_u16(taken + 26), mtu);
	s.version = 6;
	s.payload = mtu - 48 + 1;
	end_put(&a, &hdr, packet, packets_build(&s, &seed, packet));
	ends_run(&a, &b, has_packet, &w);
	assert_int_equal(taken[40], 2);
	assert_int_equal(cv_get_u32(taken + 44), mtu);
	expected_count = come = 0;
	s.payload = mtu - 48; /* the largest that fits */
	put_super(&a, &s, s.payload, &seed);
	ends_run(&a, &b, all_come, &b);
	struct plane_child_stats stats;

	assert_true(plane_child_stats(a.plane, SPI_A, &stats));
	assert_int_equal(stats.too_big, 2);
	disconnect();
}

static void test_ipv4_without_df_is_fragmented(void **state)
{
	struct packets_spec s = { .version = 4, .protocol = PACKETS_UDP, .flow = 5, .payload = 1470 };
	struct icmp_wanted w = { .end = &b };
	struct virtio_net_hdr hdr;
	uint64_t seed = 101;
	size_t len = 0;

	(void)state;
	connect_ends(&ways[1]);
	hdr = packets_offload(&s, packet, packets_build(&s, &seed, packet), 0);
	end_put(&a, &hdr, packet, 1498);
	for (unsigned i = 0; i < 2; i++) {
		ends_run(&a, &b, has_packet, &w);
		assert_true(w.len <= 1418);
		memcpy(cut + (size_t)(cv_get_u16(taken + 6) & 0x1fff) * 8, taken + 20, w.len - 20);
		len += w.len - 20;
	}
	assert_int_equal(len, 1478);
	packets_put_l4_sum(packet, 20, 1498, PACKETS_UDP);
	assert_memory_equal(cut, packet + 20, 1478);
	disconnect();
}

static bool a_acquired(void *arg)
{
	return a.log.acquired == *(unsigned *)arg;
}

static void test_the_packets_that_start_a_tunnel_pass_it_when_it_stands(void **state)
{
	struct packets_spec s = { .version = 4, .protocol = PACKETS_TCP, .flow = 5, .flags = 2 };
	uint64_t seed = 110;
	struct ike_child_sa child;
	struct ike_path path;
	unsigned once = 1;

	(void)state;
	connect_ends(&ways[1]);
	path = b.log.path;
	path.local = b.log.path.remote;
	path.remote = b.log.path.local;
	plane_child_remove(a.plane, SPI_A);
	child = ends_child(SPI_A, SPI_B, true, &path);
	assert_int_equal(plane_trap_add(a.plane, "test", &child.local, &child.remote), CV_OK);
	/* What overtakes the command on its way to the worker finds no policy: the first packet is put again
	 * until it is kept. */
	for (unsigned tries = 0; a.log.acquired == 0 && tries < 1000; tries++) {
		expected_count = come = 0;
		seed = 110;
		put_super(&a, &s, 1000, &seed);
		ends_idle(&a, &b, 30);
	}
	for (unsigned i = 0; i < 2; i++)
		put_super(&a, &s, 1000, &seed);
	ends_run(&a, &b, a_acquired, &once);
	assert_string_equal(a.log.conn, "test");
	assert_int_equal(a.log.src.first.b[3], 5);
	assert_int_equal(a.log.src.protocol, 6);
	assert_int_equal(a.log.src.port_first, 1005);
	assert_int_equal(a.log.dst.port_last, 80);
	ends_idle(&a, &b, 30);
	assert_int_equal(come, 0);
	assert_int_equal(a.log.acquired, 1);
	assert_int_equal(plane_child_install(a.plane, &child), CV_OK);
	ends_run(&a, &b, all_come, &b);
	put_super(&a, &s, 1000, &seed); /* the trap does not stand in the way */
	ends_run(&a, &b, all_come, &b);
	assert_int_equal(a.log.acquired, 1);
	plane_trap_remove(a.plane, "test");
	plane_child_remove(a.plane, SPI_A);
	ends_idle(&a, &b, 30);
	struct plane_stats before;

	plane_stats(a.plane, &before);
	end_put(&a, &(struct virtio_net_hdr){ 0 }, packet, packets_build(&s, &seed, packet));
	uint64_t wanted = before.no_policy + 1;

	ends_run(&a, &b, a_has_no_policy, &wanted);
	assert_int_equal(a.log.acquired, 1);
	disconnect();
}

/* RFC 6040: the mark of the inner packet is on the outer one in UDP, and CE comes back in. */
static void test_congestion_marks_cross(void **state)
{
	uint64_t seed = 120;

	(void)state;
	for (size_t way = 0; way < 4; way++) {
		connect_ends(&ways[way]);
		expected_count = come = 0;
		for (uint8_t ecn = 0; ecn < 4; ecn++) {
			struct packets_spec s = { .version = ecn & 1 ? 4 : 6,
						  .protocol = PACKETS_UDP,
						  .flow = ecn,
						  .tos = (uint8_t)(0x28 | ecn),
						  .payload = 64 };

			put_super(&a, &s, 1000, &seed);
		}
		ends_run(&a, &b, all_come, &b);
		disconnect();
	}
}

static bool a_was_refused(void *arg)
{
	(void)arg;
	return a.log.refused > 0;
}

static void test_a_closed_udp_port_is_reported(void **state)
{
	struct cv_addr at = ends_addr("127.0.0.1", PORT);
	struct ike_path path = { .transport = IKE_UDP, .local = at, .remote = ends_addr("127.0.0.1", 999) };

	(void)state;
	end_start(&a, "cvta");
	end_listen(&a, IKE_UDP, &at);
	ends_idle(&a, NULL, 20);
	plane_send_ike(a.plane, &path, cv_bytes(hello, sizeof hello));
	ends_run(&a, NULL, a_was_refused, NULL);
	assert_true(cv_addr_equal(&a.log.path.remote, &path.remote));
	assert_int_equal(a.log.path.local.port, PORT);
	assert_int_not_equal(a.log.os_error, 0);
	end_stop(&a);
}

static bool a_failed(void *arg)
{
	(void)arg;
	return a.log.failed > 0;
}

static void test_a_closed_tcp_port_is_reported(void **state)
{
	struct ike_path path = { .transport = IKE_TCP,
				 .remote = ends_addr("127.0.0.1", 999),
				 .stream_id = 5 };

	(void)state;
	end_start(&a, "cvta");
	plane_stream_open(a.plane, &path);
	ends_run(&a, NULL, a_failed, NULL);
	assert_int_equal(a.log.path.stream_id, 5);
	path.remote = ends_addr("::1", 1); /* a family that the local address does not have: fails at once */
	path.local = ends_addr("127.0.0.1", 0);
	path.stream_id = 6;
	a.log.failed = 0;
	plane_stream_open(a.plane, &path);
	assert_int_equal(a.log.failed, 0); /* still told from the loop */
	ends_run(&a, NULL, a_failed, NULL);
	assert_int_equal(a.log.path.stream_id, 6);
	end_stop(&a);
}

static void test_a_port_in_use_is_said_plainly(void **state)
{
	struct cv_addr at = ends_addr("127.0.0.1", PORT);
	char text[200];

	(void)state;
	end_start(&a, "cvta");
	end_listen(&a, IKE_UDP, &at);
	assert_int_equal(plane_listen_udp(a.plane, &at, text, sizeof text), CV_E_IO);
	assert_non_null(strstr(text, "127.0.0.1:4500"));
	assert_non_null(strstr(text, "in use"));
	plane_unlisten(a.plane, IKE_UDP, &at);
	end_listen(&a, IKE_UDP, &at);
	end_listen(&a, IKE_TCP, &at);
	plane_unlisten(a.plane, IKE_TCP, &at);
	end_listen(&a, IKE_TCP, &at);
	end_stop(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_of_all_kinds_cross_unchanged_both_ways),
		cmocka_unit_test(test_ike_messages_pass_beside_packets),
		cmocka_unit_test(test_packets_outside_the_selectors_are_dropped),
		cmocka_unit_test(test_an_mtu_never_exceeds_what_a_length_field_can_say),
		cmocka_unit_test(test_packets_too_big_are_answered_with_the_inner_mtu),
		cmocka_unit_test(test_ipv4_without_df_is_fragmented),
		cmocka_unit_test(test_the_packets_that_start_a_tunnel_pass_it_when_it_stands),
		cmocka_unit_test(test_congestion_marks_cross),
		cmocka_unit_test(test_a_closed_udp_port_is_reported),
		cmocka_unit_test(test_a_closed_tcp_port_is_reported),
		cmocka_unit_test(test_a_port_in_use_is_said_plainly),
	};

	if (!ends_enter())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
