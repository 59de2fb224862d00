/* Joining packets: cutting what comes out must give what went in, in the order of each flow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packets.h"
#include "plane/user/coalesce.h"
#include "plane/user/segment.h"

enum { INPUT_MAX = 400, FLOWS = 40, SLOT = 2048 };

struct stored {
	uint8_t b[SLOT];
	size_t len;
};

/* What went in and what came out, by the flow octet of the source address. */
static struct {
	struct stored in[INPUT_MAX], out[INPUT_MAX];
	unsigned in_count, out_count;
	unsigned supers;  /* super-packets that came out */
	unsigned largest; /* packets in the largest of them */
} run;

static uint8_t arena[INPUT_MAX][SLOT];
static uint8_t linear[70000];

/* An IPv4 ID says nothing where DF is set (RFC 6864 section 4.1). */
static void forget_atomic_id(uint8_t *p)
{
	if (p[0] >> 4 != 4 || (p[6] & 0x40) == 0)
		return;
	cv_put_u16(p + 4, 0);
	packets_put_ip_sum(p);
}

static void store(const uint8_t *p, size_t len)
{
	struct stored *s = &run.out[run.out_count++];

	assert_true(run.out_count <= INPUT_MAX);
	assert_true(len <= SLOT);
	memcpy(s->b, p, len);
	s->len = len;
	forget_atomic_id(s->b);
}

static void collect(void *arg, const struct virtio_net_hdr *hdr, struct iovec *pieces, unsigned n)
{
	struct segment_plan plan;
	size_t len = 0;

	(void)arg;
	for (unsigned i = 1; i <= n; i++) {
		memcpy(linear + len, pieces[i].iov_base, pieces[i].iov_len);
		len += pieces[i].iov_len;
	}
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		assert_int_equal(hdr->flags, 0);
		store(linear, len);
		return;
	}
	assert_int_equal(hdr->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_true(n > 1);
	assert_true(len <= PACKET_MAX);
	run.supers++;
	run.largest = n > run.largest ? n : run.largest;
	assert_int_equal(segment_plan(hdr, cv_bytes(linear, len), &plan), CV_OK);
	assert_int_equal(plan.count, n);
	/* The kernel completes the checksum from what stands in the field: the pseudo-header's sum. */
	assert_int_equal(cv_get_u16(linear + hdr->csum_start + hdr->csum_offset),
			 packets_pseudo(linear, plan.info.protocol, len - plan.info.l4));
	if (plan.info.version == 4)
		assert_int_equal(packets_sum(linear, 20, 0), 0xffff);
	for (uint32_t i = 0; i < plan.count; i++) {
		static uint8_t cut[70000];

		store(cut, packets_cut(linear, len, plan.info.l4, plan.info.payload, hdr->gso_size, i, cut));
	}
}

static void begin(void)
{
	memset(&run, 0, sizeof run);
}

static void add(struct coalesce *c, const uint8_t *p, size_t len)
{
	struct stored *s = &run.in[run.in_count];

	memcpy(s->b, p, len);
	s->len = len;
	forget_atomic_id(s->b);
	memcpy(arena[run.in_count], p, len);
	coalesce_add(c, arena[run.in_count++], len);
}

static void check(void)
{
	assert_int_equal(run.in_count, run.out_count);
	for (unsigned flow = 0; flow < FLOWS * 4; flow++) {
		unsigned at = 0;

		for (unsigned i = 0; i < run.in_count; i++) {
			if (packets_flow(run.in[i].b) != flow)
				continue;
			while (at < run.out_count && packets_flow(run.out[at].b) != flow)
				at++;
			assert_true(at < run.out_count);
			assert_int_equal(run.out[at].len, run.in[i].len);
			assert_memory_equal(run.out[at].b, run.in[i].b, run.in[i].len);
			at++;
		}
	}
}

/* A flow's next packet: mostly what follows, sometimes anything else. */
static void next_packet(struct packets_spec *s, uint64_t *seed)
{
	uint64_t r = octets_random(seed);

	s->seq += (uint32_t)s->payload;
	s->id++;
	s->flags = PACKET_TCP_ACK;
	s->payload = 1000;
	if (r % 5 != 0)
		return;
	switch (r >> 8 & 31) {
	case 0: s->payload = r >> 16 & 1023; break;
	case 1: s->payload = 1001; break;
	case 2: s->flags |= PACKET_TCP_PSH; break;
	case 3: s->flags |= PACKET_TCP_FIN; break;
	case 4:
		s->flags |= PACKET_TCP_URG;
		s->urgent = 7;
		break;
	case 5: s->flags |= PACKET_TCP_CWR; break;
	case 6: s->flags |= 0x40; break; /* ECE */
	case 7: s->flags = PACKET_TCP_SYN; break;
	case 8: s->flags |= PACKET_TCP_RST; break;
	case 9: s->flags = 0; break;
	case 10: s->seq += 3000; break;
	case 11: s->seq -= 1000; break;
	case 12: s->ack++; break;
	case 13: s->window++; break;
	case 14: s->tos ^= 1; break;
	case 15: s->tos = 0x2e << 2; break;
	case 16: s->ttl--; break;
	case 17: s->id += 5; break;
	case 18: s->id--; break;
	case 19: s->frag ^= 0x4000; break;
	case 20: s->frag = 0x2000; break;
	case 21: s->l4_options = s->l4_options ? 0 : 12; break;
	case 22: s->option_seed++; break;
	case 23: s->ip_options = s->ip_options ? 0 : 8; break;
	case 24: s->payload = 0; break;
	case 25: s->frag = 0x0001; break;
	case 26: s->version = s->version == 4 ? 6 : 4; break;
	case 27: s->protocol = s->protocol == PACKETS_TCP ? PACKETS_UDP : PACKETS_TCP; break;
	case 28:
		s->urgent = 0;
		s->frag = 0x4000;
		break;
	default: break;
	}
	if (s->version == 6)
		s->frag = 0;
	if (s->protocol == PACKETS_UDP)
		s->l4_options = 0;
}

static void damage(uint8_t *p, size_t len, uint64_t *seed)
{
	uint64_t r = octets_random(seed);
	size_t from = p[0] >> 4 == 4 ? 24 : 44; /* behind the ports: it is to stay in its flow */

	if (r % 40 == 0)
		p[from + (r >> 8) % (len - from)] ^=
		    (uint8_t)(1 + (r >> 32) % 255); /* a wrong checksum stays wrong */
	else if (r % 97 == 0 && p[0] >> 4 == 4)
		p[10] ^= 1;
}

static void test_cutting_undoes_joining(void **state)
{
	static struct coalesce c;
	static uint8_t p[SLOT];
	uint64_t seed = 30;
	unsigned supers = 0;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		struct packets_spec flow[FLOWS];
		unsigned flows = 1 + (unsigned)(octets_random(&seed) % (round % 4 == 0 ? FLOWS : 4));

		begin();
		coalesce_init(&c, round % 7 != 1, round % 7 != 2, collect, NULL);
		for (unsigned i = 0; i < flows; i++)
			flow[i] = (struct packets_spec){ .version = octets_random(&seed) & 1 ? 4 : 6,
							 .protocol = octets_random(&seed) & 3 ? PACKETS_TCP
											      : PACKETS_UDP,
							 .ttl = 64,
							 .flow = (uint8_t)i,
							 .frag = 0,
							 .seq = (uint32_t)octets_random(&seed),
							 .flags = PACKET_TCP_ACK,
							 .payload = 1000 };
		for (unsigned i = 0; i < INPUT_MAX; i++) {
			struct packets_spec *s = &flow[octets_random(&seed) % flows];
			size_t len;

			next_packet(s, &seed);
			len = packets_build(s, &seed, p);
			damage(p, len, &seed);
			add(&c, p, len);
			if (octets_random(&seed) % 100 == 0)
				coalesce_flush(&c);
		}
		coalesce_flush(&c);
		check();
		supers += run.supers;
	}
	assert_true(supers > 4000); /* it does join */
}

static void join_run(struct packets_spec *s, unsigned n, void (*change)(struct packets_spec *s, unsigned i))
{
	static struct coalesce c;
	static uint8_t p[SLOT];
	uint64_t seed = 31;

	begin();
	coalesce_init(&c, true, true, collect, NULL);
	for (unsigned i = 0; i < n; i++) {
		if (change != NULL)
			change(s, i);
		add(&c, p, packets_build(s, &seed, p));
		s->seq += (uint32_t)s->payload;
		s->id++;
	}
	coalesce_flush(&c);
	check();
}

static struct packets_spec plain(uint8_t version, uint8_t protocol)
{
	return (struct packets_spec){ .version = version,
				      .protocol = protocol,
				      .ttl = 64,
				      .flags = PACKET_TCP_ACK,
				      .l4_options = protocol == PACKETS_TCP ? 12 : 0,
				      .payload = 1300 };
}

static void test_a_full_run_becomes_super_packets_of_up_to_64_kib(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct packets_spec s = plain(i & 1 ? 4 : 6, i & 2 ? PACKETS_TCP : PACKETS_UDP);

		join_run(&s, 120, NULL);
		assert_int_equal(run.largest, (65535 - packets_header(&s)) / 1300);
		assert_int_equal(run.supers, 3);
	}
}

static void push_every_fifth(struct packets_spec *s, unsigned i)
{
	s->flags = i % 5 == 4 ? PACKET_TCP_ACK | PACKET_TCP_PSH : PACKET_TCP_ACK;
}

static void test_psh_ends_a_super_packet(void **state)
{
	struct packets_spec s = plain(4, PACKETS_TCP);

	(void)state;
	join_run(&s, 20, push_every_fifth);
	assert_int_equal(run.supers, 4);
	assert_int_equal(run.largest, 5);
}

static void short_every_third(struct packets_spec *s, unsigned i)
{
	s->payload = i % 3 == 2 ? 17 : 1300;
}

static void test_a_short_packet_ends_a_super_packet(void **state)
{
	struct packets_spec s = plain(6, PACKETS_UDP);

	(void)state;
	join_run(&s, 30, short_every_third);
	assert_int_equal(run.supers, 10);
	assert_int_equal(run.largest, 3);
}

static void change_marks(struct packets_spec *s, unsigned i)
{
	s->tos = i / 10 % 2 ? 3 : 2; /* CE, ECT(0) */
}

/* R9329-9.5-1: a CE mark stays on the packet that had it. */
static void test_packets_of_different_marks_are_not_joined(void **state)
{
	struct packets_spec s = plain(4, PACKETS_TCP);

	(void)state;
	join_run(&s, 40, change_marks);
	assert_int_equal(run.supers, 4);
	assert_int_equal(run.largest, 10);
}

static void same_id(struct packets_spec *s, unsigned i)
{
	(void)i;
	s->id = 0;
}

static void test_a_constant_id_is_joined_only_where_df_makes_it_meaningless(void **state)
{
	struct packets_spec s = plain(4, PACKETS_TCP);

	(void)state;
	s.frag = 0x4000;
	join_run(&s, 10, same_id);
	assert_int_equal(run.supers, 1);
	s.frag = 0;
	join_run(&s, 10, same_id);
	assert_int_equal(run.supers, 0);
}

static void test_only_plain_data_is_joined(void **state)
{
	const uint8_t flags[] = { PACKET_TCP_ACK | PACKET_TCP_SYN, PACKET_TCP_ACK | PACKET_TCP_RST,
				  PACKET_TCP_ACK | PACKET_TCP_URG, PACKET_TCP_ACK | PACKET_TCP_CWR, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof flags; i++) {
		struct packets_spec s = plain(4, PACKETS_TCP);

		s.flags = flags[i];
		join_run(&s, 10, NULL);
		assert_int_equal(run.supers, 0);
	}
}

/* One of the reserved bits is AccECN's AE: it is said per packet. */
static void test_reserved_bits_of_tcp_are_kept(void **state)
{
	static struct coalesce c;
	static uint8_t p[SLOT];
	struct packets_spec s = plain(6, PACKETS_TCP);
	uint64_t seed = 35;

	(void)state;
	begin();
	coalesce_init(&c, true, true, collect, NULL);
	for (unsigned i = 0; i < 8; i++) {
		size_t len = packets_build(&s, &seed, p);

		p[40 + 12] |= i / 4;
		packets_put_l4_sum(p, 40, len, PACKETS_TCP);
		add(&c, p, len);
		s.seq += 1300;
	}
	coalesce_flush(&c);
	check();
	assert_int_equal(run.supers, 2);
}

static void test_a_wrong_checksum_is_neither_joined_nor_mended(void **state)
{
	static struct coalesce c;
	static uint8_t p[SLOT];
	struct packets_spec s = plain(4, PACKETS_TCP);
	uint64_t seed = 32;

	(void)state;
	begin();
	coalesce_init(&c, true, true, collect, NULL);
	for (unsigned i = 0; i < 9; i++) {
		size_t len = packets_build(&s, &seed, p);

		if (i == 4)
			p[len - 1] ^= 0x10;
		add(&c, p, len);
		s.seq += 1300;
		s.id++;
	}
	coalesce_flush(&c);
	check();
	assert_int_equal(run.supers, 2);
	assert_int_equal(run.largest, 4);
}

static void test_nothing_is_joined_for_a_device_without_offloads(void **state)
{
	static struct coalesce c;
	static uint8_t p[SLOT];
	uint64_t seed = 33;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct packets_spec s = plain(4, i ? PACKETS_TCP : PACKETS_UDP);

		begin();
		coalesce_init(&c, i == 0, i == 1, collect, NULL);
		for (unsigned n = 0; n < 10; n++)
			add(&c, p, packets_build(&s, &seed, p));
		coalesce_flush(&c);
		check();
		assert_int_equal(run.supers, 0);
	}
}

static void test_padding_behind_the_packet_is_dropped(void **state)
{
	static struct coalesce c;
	static uint8_t p[SLOT];
	struct packets_spec s = plain(4, PACKETS_ICMP);
	uint64_t seed = 34;
	size_t len = packets_build(&s, &seed, p);

	(void)state;
	begin();
	coalesce_init(&c, true, true, collect, NULL);
	coalesce_add(&c, p, len + 100);
	coalesce_flush(&c);
	assert_int_equal(run.out_count, 1);
	assert_int_equal(run.out[0].len, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cutting_undoes_joining),
		cmocka_unit_test(test_a_full_run_becomes_super_packets_of_up_to_64_kib),
		cmocka_unit_test(test_psh_ends_a_super_packet),
		cmocka_unit_test(test_a_short_packet_ends_a_super_packet),
		cmocka_unit_test(test_packets_of_different_marks_are_not_joined),
		cmocka_unit_test(test_a_constant_id_is_joined_only_where_df_makes_it_meaningless),
		cmocka_unit_test(test_only_plain_data_is_joined),
		cmocka_unit_test(test_reserved_bits_of_tcp_are_kept),
		cmocka_unit_test(test_a_wrong_checksum_is_neither_joined_nor_mended),
		cmocka_unit_test(test_nothing_is_joined_for_a_device_without_offloads),
		cmocka_unit_test(test_padding_behind_the_packet_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
