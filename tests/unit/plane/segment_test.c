/* The cutting of super-packets beside plain per-packet handling (packets.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packets.h"
#include "plane/user/segment.h"

static uint8_t packet[65536], want[65536];

static struct packets_spec random_spec(uint64_t *seed)
{
	uint64_t r = octets_random(seed);
	bool tcp = r % 4 != 0;

	return (struct packets_spec){
		.version = r >> 8 & 1 ? 4 : 6,
		.protocol = tcp ? PACKETS_TCP : PACKETS_UDP,
		.tos = (uint8_t)(r >> 16),
		.ttl = (uint8_t)(1 + (r >> 24) % 255),
		.id = (uint16_t)(r >> 32),
		.frag = r >> 9 & 1 ? 0x4000 : 0,
		.ip_options = r >> 10 & 7 ? 0 : 8,
		.flow = (uint8_t)(r >> 48),
		.seq = (uint32_t)octets_random(seed),
		.ack = (uint32_t)octets_random(seed),
		.window = (uint16_t)octets_random(seed),
		.flags = (uint8_t)(octets_random(seed) & 0xff),
		.l4_options = tcp ? (uint8_t)(octets_random(seed) % 11 * 4) : 0,
		.payload = octets_random(seed) % 20000,
	};
}

static void check_cutting(const struct packets_spec *s, size_t size, uint64_t *seed)
{
	size_t len = packets_build(s, seed, packet);
	struct virtio_net_hdr hdr = packets_offload(s, packet, len, size);
	struct cv_bytes exact = octets_exact(cv_bytes(packet, len));
	struct segment_plan plan;
	size_t n = 0;

	assert_int_equal(segment_plan(&hdr, exact, &plan), CV_OK);
	for (size_t want_len;
	     (want_len = packets_cut(packet, len, packets_l4(s), packets_header(s), size, n, want)) > 0;
	     n++) {
		uint8_t *got = malloc(want_len);

		assert_true(n < plan.count);
		assert_int_equal(segment_len(&plan, (uint32_t)n), want_len);
		segment_write(&plan, (uint32_t)n, got);
		assert_memory_equal(got, want, want_len);
		free(got);
	}
	assert_int_equal(plan.count, n);
	octets_free(exact);
}

static void test_super_packets_are_cut_as_the_plain_way_cuts_them(void **state)
{
	uint64_t seed = 20;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		struct packets_spec s = random_spec(&seed);
		size_t size = 1 + octets_random(&seed) % 1500;

		if (octets_random(&seed) % 8 == 0) /* exactly whole segments, or just one */
			s.payload = size * (octets_random(&seed) % 10);
		check_cutting(&s, size, &seed);
	}
}

static void test_the_largest_super_packet_is_cut(void **state)
{
	struct packets_spec s = {
		.version = 4, .protocol = PACKETS_TCP, .ttl = 64, .l4_options = 12, .flags = 0x18
	};
	uint64_t seed = 21;

	(void)state;
	s.payload = 65535 - packets_header(&s);
	check_cutting(&s, 1366, &seed);
	s.version = 6;
	s.payload = 65535 - packets_header(&s);
	check_cutting(&s, 1346, &seed);
	s.seq = 0xfffffff0; /* sequence numbers and IDs wrap */
	s.version = 4;
	s.id = 0xfffe;
	check_cutting(&s, 1000, &seed);
}

static void test_psh_and_fin_end_the_last_packet_and_cwr_stays_in_the_first(void **state)
{
	struct packets_spec s = {
		.version = 4, .protocol = PACKETS_TCP, .flags = 0x80 | 0x10 | 0x08 | 0x01, .payload = 250
	};
	uint64_t seed = 22;
	size_t len = packets_build(&s, &seed, packet);
	struct virtio_net_hdr hdr = packets_offload(&s, packet, len, 100);
	struct segment_plan plan;
	uint8_t out[200];

	(void)state;
	hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	assert_int_equal(segment_plan(&hdr, cv_bytes(packet, len), &plan), CV_OK);
	assert_int_equal(plan.count, 3);
	segment_write(&plan, 0, out);
	assert_int_equal(out[33], 0x90);
	segment_write(&plan, 1, out);
	assert_int_equal(out[33], 0x10);
	segment_write(&plan, 2, out);
	assert_int_equal(out[33], 0x19);
}

static void test_a_partial_checksum_is_completed(void **state)
{
	uint64_t seed = 23;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct packets_spec s = random_spec(&seed);
		size_t len = packets_build(&s, &seed, packet);
		struct virtio_net_hdr hdr;
		struct segment_plan plan;

		memcpy(want, packet, len);
		hdr = packets_offload(&s, packet, len, 0);
		assert_int_equal(segment_plan(&hdr, cv_bytes(packet, len), &plan), CV_OK);
		assert_int_equal(plan.count, 1);
		assert_int_equal(segment_len(&plan, 0), len);
		uint8_t *got = malloc(len);

		segment_write(&plan, 0, got);
		assert_memory_equal(got, want, len);
		free(got);
	}
}

static void test_a_udp_checksum_of_zero_is_sent_as_all_ones(void **state)
{
	struct packets_spec s = { .version = 4, .protocol = PACKETS_UDP, .ttl = 1, .payload = 2 };
	uint64_t seed = 24;
	size_t len = packets_build(&s, &seed, packet);
	struct virtio_net_hdr hdr;
	struct segment_plan plan;
	uint8_t out[30];

	(void)state;
	cv_put_u16(packet + 28, 0);
	cv_put_u16(packet + 26, 0);
	cv_put_u16(packet + 28, (uint16_t)~packets_sum(packet + 20, 10, packets_pseudo(packet, 17, 10)));
	hdr = packets_offload(&s, packet, len, 0);
	assert_int_equal(segment_plan(&hdr, cv_bytes(packet, len), &plan), CV_OK);
	segment_write(&plan, 0, out);
	assert_int_equal(cv_get_u16(out + 26), 0xffff);
	hdr = packets_offload(&s, packet, len, 2);
	assert_int_equal(segment_plan(&hdr, cv_bytes(packet, len), &plan), CV_OK);
	segment_write(&plan, 0, out);
	assert_int_equal(cv_get_u16(out + 26), 0xffff);
}

static void test_a_packet_without_offload_passes_as_it_is(void **state)
{
	struct packets_spec s = { .version = 6, .protocol = PACKETS_TCP, .ip_options = 16, .payload = 33 };
	struct virtio_net_hdr hdr = { 0 };
	uint64_t seed = 25;
	size_t len = packets_build(&s, &seed, packet);
	struct segment_plan plan;

	(void)state;
	packet[len - 1] ^= 1; /* even with a wrong checksum: it is the sender's */
	assert_int_equal(segment_plan(&hdr, cv_bytes(packet, len + 5), &plan),
			 CV_OK); /* octets behind it do not count */
	assert_int_equal(segment_len(&plan, 0), len);
	segment_write(&plan, 0, want);
	assert_memory_equal(want, packet, len);
}

struct lie {
	const char *what;
	uint8_t gso_type;
	uint16_t gso_size, hdr_len, csum_start, csum_offset;
	uint8_t flags;
	size_t cut; /* octets missing at the end */
	int at;	    /* an octet to change, -1: none */
	uint8_t to;
};

static void test_headers_that_lie_are_refused(void **state)
{
	const uint8_t tcp4 = VIRTIO_NET_HDR_GSO_TCPV4;
	const struct lie lies[] = {
		{ .what = "no segment size", .gso_type = tcp4, .at = -1 },
		{ .what = "IPv6 said, IPv4 there",
		  .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
		  .gso_size = 100,
		  .at = -1 },
		{ .what = "UDP said, TCP there",
		  .gso_type = VIRTIO_NET_HDR_GSO_UDP_L4,
		  .gso_size = 100,
		  .at = -1 },
		{ .what = "UFO, which is not asked for",
		  .gso_type = VIRTIO_NET_HDR_GSO_UDP,
		  .gso_size = 100,
		  .at = -1 },
		{ .what = "an unknown type", .gso_type = 77, .gso_size = 100, .at = -1 },
		{ .what = "headers longer than the packet",
		  .gso_type = tcp4,
		  .gso_size = 100,
		  .hdr_len = 5000,
		  .at = -1 },
		{ .what = "packet cut off", .gso_type = tcp4, .gso_size = 100, .cut = 1, .at = -1 },
		{ .what = "a fragment", .gso_type = tcp4, .gso_size = 100, .at = 6, .to = 0x20 },
		{ .what = "data offset below 5", .gso_type = tcp4, .gso_size = 100, .at = 32, .to = 0x40 },
		{ .what = "data offset behind the end",
		  .gso_type = tcp4,
		  .gso_size = 100,
		  .cut = 280,
		  .at = 32,
		  .to = 0xf0 },
		{ .what = "not IP", .gso_type = tcp4, .gso_size = 100, .at = 0, .to = 0x55 },
		{ .what = "IP header below 5", .gso_type = tcp4, .gso_size = 100, .at = 0, .to = 0x44 },
		{ .what = "checksum behind the end",
		  .flags = 1,
		  .csum_start = 20,
		  .csum_offset = 319,
		  .at = -1 },
		{ .what = "checksum far behind the end",
		  .flags = 1,
		  .csum_start = 65535,
		  .csum_offset = 65535,
		  .at = -1 },
		{ .what = "checksum that wraps around",
		  .flags = 1,
		  .csum_start = 65500,
		  .csum_offset = 60,
		  .at = -1 },
		{ .what = "checksum at the start", .flags = 1, .csum_start = 0, .csum_offset = 10, .at = -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		const struct lie *l = &lies[i];
		struct packets_spec s = {
			.version = 4, .protocol = PACKETS_TCP, .payload = 300, .flags = 0x10
		};
		uint64_t seed = 26;
		size_t len = packets_build(&s, &seed, packet);
		struct virtio_net_hdr hdr = { .flags = l->flags,
					      .gso_type = l->gso_type,
					      .gso_size = l->gso_size,
					      .hdr_len = l->hdr_len,
					      .csum_start = l->csum_start,
					      .csum_offset = l->csum_offset };
		struct segment_plan plan;
		struct cv_bytes exact;

		if (l->at >= 0)
			packet[l->at] = l->to;
		exact = octets_exact(cv_bytes(packet, len - l->cut));
		if (segment_plan(&hdr, exact, &plan) != CV_E_SYNTAX)
			fail_msg("accepted: %s", l->what);
		octets_free(exact);
	}
	struct virtio_net_hdr none = { 0 };
	struct segment_plan plan;

	assert_int_equal(segment_plan(&none, cv_bytes(NULL, 0), &plan), CV_E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_super_packets_are_cut_as_the_plain_way_cuts_them),
		cmocka_unit_test(test_the_largest_super_packet_is_cut),
		cmocka_unit_test(test_psh_and_fin_end_the_last_packet_and_cwr_stays_in_the_first),
		cmocka_unit_test(test_a_partial_checksum_is_completed),
		cmocka_unit_test(test_a_udp_checksum_of_zero_is_sent_as_all_ones),
		cmocka_unit_test(test_a_packet_without_offload_passes_as_it_is),
		cmocka_unit_test(test_headers_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
