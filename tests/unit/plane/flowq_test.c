/* The queue in front of a socket: who goes first, how it shares, when it drops, and that nothing gets lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/bytes.h"
#include "plane/user/checksum.h"
#include "plane/user/flowq.h"

enum { TARGET = 5000, INTERVAL = 100000, MTU = 1500, PACKETS_MAX = 4096, FOREVER = 1u << 30 };

struct packet {
	struct flowq_packet p; /* first */
	unsigned flow, number;
	bool inside; /* the queue has it */
};

static struct flowq q;
static struct packet packets[PACKETS_MAX];
static unsigned made, gone;

static void on_gone(void *arg, struct flowq_packet *p)
{
	struct packet *packet = (struct packet *)p;

	assert_ptr_equal(arg, &gone);
	assert_true(packet->inside);
	packet->inside = false;
	gone++;
}

static int setup(void **state)
{
	const struct flowq_config config = {
		.quantum = MTU, .target_us = TARGET, .interval_us = INTERVAL, .memory_max = FOREVER
	};

	(void)state;
	flowq_init(&q, &config, on_gone, &gone);
	made = gone = 0;
	return 0;
}

/* One packet of `segments` segments of `len` octets, the last of `last`. */
static struct packet *put(unsigned flow, uint32_t segments, uint32_t len, uint32_t last, uint64_t now_us)
{
	struct packet *packet = &packets[made];

	assert_true(made < PACKETS_MAX);
	*packet = (struct packet){ .flow = flow, .number = made, .inside = true };
	made++;
	packet->p = (struct flowq_packet){
		.hash = flow, .memory = 2048, .segments = segments, .segment_len = len, .last_len = last
	};
	flowq_put(&q, &packet->p, now_us);
	return packet;
}

static struct packet *put_mtu(unsigned flow, uint64_t now_us)
{
	return put(flow, 1, MTU, MTU, now_us);
}

static struct packet *take(uint64_t now_us, size_t max, struct flowq_piece *piece)
{
	struct packet *packet;

	if (!flowq_take(&q, now_us, max, piece))
		return NULL;
	packet = (struct packet *)piece->packet;
	assert_true(packet->inside);
	assert_true(piece->count > 0 && piece->first + piece->count <= piece->packet->segments);
	assert_int_equal(piece->last, piece->first + piece->count == piece->packet->segments);
	packet->inside = !piece->last;
	return packet;
}

static unsigned take_flow(uint64_t now_us)
{
	struct flowq_piece piece;
	struct packet *packet = take(now_us, FOREVER, &piece);

	assert_non_null(packet);
	return packet->flow;
}

static void test_a_sparse_flow_overtakes_a_long_one(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		put_mtu(1, 0);
	for (unsigned i = 0; i < 5; i++)
		(void)take_flow(10);
	put(2, 1, 84, 84, 20);
	assert_int_equal(take_flow(20), 2);
	/* and again, each time that it comes back after a pause */
	(void)take_flow(30);
	(void)take_flow(30);
	put(2, 1, 84, 84, 40);
	assert_int_equal(take_flow(40), 2);
}

static void test_a_flow_that_keeps_sending_is_not_sparse_for_long(void **state)
{
	unsigned turns = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		put_mtu(1, 0);
		put_mtu(2, 0);
	}
	put_mtu(3, 0); /* as one that is always there before its turn */
	for (unsigned i = 0; i < 60; i++) {
		unsigned flow = take_flow(10);

		if (flow == 3) {
			turns++;
			put_mtu(3, 10);
		}
	}
	assert_in_range(turns, 19, 21); /* its third */
}

static void test_a_sparse_flow_comes_between_the_segments_of_a_super_packet(void **state)
{
	struct flowq_piece piece;
	struct packet *bulk;

	(void)state;
	bulk = put(1, 45, MTU, 700, 0);
	assert_ptr_equal(take(10, 4 * MTU, &piece), bulk);
	put(2, 1, 100, 100, 20);
	assert_int_equal(take_flow(20), 2);
	assert_ptr_equal(take(30, 4 * MTU, &piece), bulk);
	assert_int_equal(piece.first,
			 1); /* a quantum, though there was room for more: another flow was there */
}

static void test_the_flow_hash_alone_tells_flows_apart(void **state)
{
	(void)state;
	put_mtu(7, 0);
	put_mtu(7 + FLOWQ_FLOWS, 0); /* the same place in the table: one flow */
	assert_int_equal(take_flow(1), 7);
	assert_int_equal(take_flow(1), 7 + FLOWQ_FLOWS);
}

static void share(uint32_t len_a, uint32_t len_b, uint64_t octets[2])
{
	struct flowq_piece piece;

	octets[0] = octets[1] = 0;
	for (unsigned i = 0; i < 2000; i++) {
		put(0, 1, len_a, len_a, 0);
		put(1, 1, len_b, len_b, 0);
	}
	for (unsigned i = 0; i < 1000; i++) {
		struct packet *packet = take(1, FOREVER, &piece);

		assert_non_null(packet);
		octets[packet->flow] += piece.packet->segment_len;
	}
}

static void test_two_long_flows_share_by_octets(void **state)
{
	uint64_t octets[2];

	(void)state;
	share(MTU, MTU, octets);
	assert_in_range(octets[0], octets[1] - MTU, octets[1] + MTU);
}

static void test_small_packets_get_as_many_octets_as_large_ones(void **state)
{
	uint64_t octets[2];

	(void)state;
	share(300, MTU, octets);
	assert_in_range(octets[0], octets[1] - 2 * MTU, octets[1] + 2 * MTU);
}

static void test_a_super_packet_leaves_in_pieces_that_fit(void **state)
{
	struct flowq_piece piece;
	uint32_t next = 0;

	(void)state;
	q.config.quantum = 64 * 1024;
	put(1, 10, 1400, 300, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_non_null(take(1, 5000, &piece));
		assert_int_equal(piece.first, next);
		next += piece.count;
		assert_int_equal(piece.count,
				 i < 2 ? 4 : 2); /* not less than was asked for, and no segment more */
	}
	assert_true(piece.last);
	assert_true(flowq_is_empty(&q));
	assert_int_equal(q.memory, 0);
	assert_int_equal(gone, 0);
}

/* --- CoDel: a queue that always holds, of which one packet of flow 1 leaves every millisecond --- */

static void fill_up(unsigned n, bool ect)
{
	for (unsigned i = 0; i < n; i++)
		put_mtu(1, 0)->p.ect = ect;
}

static void test_nothing_is_dropped_before_an_interval_above_the_target(void **state)
{
	struct flowq_piece piece;

	(void)state;
	fill_up(300, false);
	for (uint64_t now = TARGET; now < TARGET + INTERVAL; now += 1000)
		assert_non_null(take(now, FOREVER, &piece));
	assert_int_equal(q.dropped, 0);
	assert_non_null(take(TARGET + INTERVAL, FOREVER, &piece));
	assert_int_equal(q.dropped, 1);
	assert_int_equal(gone, 1);
}

static void test_a_queue_that_drains_once_in_an_interval_is_good(void **state)
{
	struct flowq_piece piece;

	(void)state;
	for (uint64_t now = 0; now < 10 * INTERVAL; now += INTERVAL / 2) {
		for (unsigned i = 0; i < 20; i++)
			put_mtu(1, now);
		while (take(now + TARGET + 1000, FOREVER, &piece) != NULL)
			continue;
	}
	assert_int_equal(q.dropped, 0);
}

/* RFC 8289 section 5.4: the n-th drop comes interval / sqrt(n) after the one before it. */
static void test_drops_come_faster_by_the_root_of_their_count(void **state)
{
	static const uint64_t after[] = { 0, 100000, 170710, 228445, 278445, 323166 };
	struct flowq_piece piece;
	uint64_t first = TARGET + INTERVAL;
	unsigned dropped = 0;

	(void)state;
	fill_up(3000, false);
	for (uint64_t now = TARGET; now < first + 330000; now += 200) {
		assert_non_null(take(now, FOREVER, &piece));
		if (q.dropped == dropped)
			continue;
		assert_int_equal(q.dropped, dropped + 1);
		assert_in_range(now, first + after[dropped], first + after[dropped] + 210);
		dropped++;
	}
	assert_int_equal(dropped, 6);
}

static void test_dropping_ends_when_the_queue_is_short_again(void **state)
{
	struct flowq_piece piece;
	uint64_t now;
	uint64_t dropped;

	(void)state;
	fill_up(400, false);
	for (now = TARGET; q.dropped < 2; now += 1000)
		assert_non_null(take(now, FOREVER, &piece));
	while (take(now, FOREVER, &piece) != NULL)
		continue;
	dropped = q.dropped;
	for (unsigned i = 0; i < 1000; i++) {
		put_mtu(1, now);
		put_mtu(1, now);
		now += 1000;
		assert_non_null(take(now, FOREVER, &piece));
		assert_non_null(take(now, FOREVER, &piece));
	}
	assert_int_equal(q.dropped, dropped);
}

static void test_dropping_goes_on_where_it_was_when_the_queue_soon_stands_again(void **state)
{
	struct flowq_piece piece;
	uint64_t now;

	(void)state;
	fill_up(1200, false);
	for (now = TARGET; q.dropped < 9; now += 1000)
		assert_non_null(take(now, FOREVER, &piece));
	while (take(now, FOREVER, &piece) != NULL)
		continue;
	for (unsigned i = 0; i < 600; i++)
		put_mtu(1, now);
	for (uint64_t end = now + TARGET + INTERVAL + INTERVAL; now < end; now += 1000)
		assert_non_null(take(now, FOREVER, &piece));
	assert_true(q.dropped > 9 + 2); /* with a count from 1 it would be 2 */
}

static void test_one_segment_of_a_super_packet_is_dropped_not_all(void **state)
{
	struct flowq_piece piece;
	uint32_t left = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		put(1, 45, MTU, MTU, 0);
	for (uint64_t now = TARGET; q.dropped == 0; now += 1000)
		left += take(now, MTU, &piece) != NULL;
	assert_int_equal(q.dropped, 1);
	assert_int_equal(gone, 0);
	while (take(0, MTU, &piece) != NULL)
		left++;
	assert_int_equal(left, 4 * 45 - 1);
}

static void test_a_packet_alone_is_never_a_standing_queue(void **state)
{
	struct flowq_piece piece;

	(void)state;
	for (uint64_t now = 0; now < 20 * INTERVAL; now += INTERVAL) {
		put_mtu(1, now);
		assert_non_null(take(now + INTERVAL, FOREVER, &piece));
	}
	assert_int_equal(q.dropped, 0);
}

static void test_one_flow_is_judged_apart_from_the_others(void **state)
{
	struct flowq_piece piece;

	(void)state;
	fill_up(400, false);
	for (uint64_t now = TARGET; now < 6 * INTERVAL; now += 2000) {
		put(2, 1, 100, 100, now);
		for (unsigned i = 0; i < 2; i++)
			assert_non_null(take(now, FOREVER, &piece));
	}
	assert_true(q.dropped > 3);
	for (unsigned i = 0; i < made; i++)
		if (packets[i].flow == 2)
			assert_false(packets[i].inside);
}

static void test_ecn_capable_segments_are_marked_instead_of_dropped(void **state)
{
	struct flowq_piece piece;
	unsigned marks = 0;

	(void)state;
	fill_up(600, true);
	for (uint64_t now = TARGET; now < TARGET + 4 * INTERVAL; now += 1000) {
		assert_non_null(take(now, FOREVER, &piece));
		marks += piece.mark;
	}
	assert_int_equal(q.dropped, 0);
	assert_int_equal(gone, 0);
	assert_int_equal(marks, 5); /* at the times of test_drops_come_faster_by_the_root_of_their_count */
	assert_int_equal(q.marked, marks);
}

static void test_ce_leaves_the_ipv4_checksum_right(void **state)
{
	uint8_t ip[20] = { 0x45, 0, 0x05, 0xdc, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 1, 2, 3, 192, 0, 2, 9 };

	(void)state;
	for (unsigned id = 0; id < 65536; id++) {
		for (uint8_t ecn = 1; ecn <= 3; ecn++) {
			ip[1] = (uint8_t)(0xb8 | ecn);
			cv_put_u16(ip + 4, (uint16_t)id);
			cv_put_u16(ip + 10, 0);
			checksum_store(ip + 10, checksum_add(0, ip, sizeof ip));
			flowq_mark_ce(ip);
			assert_int_equal(ip[1], 0xbb);
			assert_int_equal(checksum_fold(checksum_add(0, ip, sizeof ip)), 0xffff);
		}
	}
}

static void test_ce_stands_in_the_ipv6_traffic_class(void **state)
{
	uint8_t ip[40] = { 0x6b, 0x8f, 0xff, 0xff };
	const uint8_t want[4] = { 0x6b, 0xbf, 0xff,
				  0xff }; /* class 0xb8 becomes 0xbb, the flow label stays */

	(void)state;
	flowq_mark_ce(ip);
	assert_memory_equal(ip, want, sizeof want);
}

/* --- memory --- */

static void test_the_longest_flow_pays_for_want_of_memory(void **state)
{
	struct packet *first;

	(void)state;
	q.config.memory_max = (size_t)20 * 2048;
	first = put_mtu(1, 0);
	for (unsigned i = 0; i < 16; i++)
		put_mtu(1, 0);
	for (unsigned i = 0; i < 3; i++)
		put(2, 1, 100, 100, 0);
	assert_int_equal(gone, 0);
	put(3, 1, 100, 100, 0);
	assert_int_equal(gone, 1);
	assert_false(first->inside); /* the oldest: its sender learns of it soonest */
	assert_int_equal(q.overflown, 1);
	for (unsigned i = 0; i < 1000; i++)
		put_mtu(1, 0);
	assert_true(q.memory <= q.config.memory_max);
	for (unsigned i = 0; i < made; i++)
		if (packets[i].flow != 1)
			assert_true(packets[i].inside);
}

static void test_a_packet_that_fits_nowhere_goes_itself(void **state)
{
	struct packet *packet;

	(void)state;
	q.config.memory_max = 100;
	packet = put_mtu(1, 0);
	assert_false(packet->inside);
	assert_true(flowq_is_empty(&q));
	assert_int_equal(q.memory, 0);
}

static void test_emptying_gives_everything_back_in_order(void **state)
{
	unsigned last[3] = { 0 };
	unsigned count = 0;
	struct flowq_packet *p;
	struct flowq_piece piece;

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		put(i % 3, 3, MTU, 40, 0);
	assert_non_null(take(1, MTU, &piece)); /* begun, not finished */
	while ((p = flowq_empty(&q)) != NULL) {
		struct packet *packet = (struct packet *)p;

		assert_true(count < 3 || packet->number >= last[packet->flow]);
		last[packet->flow] = packet->number;
		count++;
	}
	assert_int_equal(count, 30);
	assert_int_equal(gone, 0);
	assert_int_equal(q.memory, 0);
	assert_int_equal(q.backlog, 0);
	put_mtu(1, 2); /* and it can be used again */
	assert_int_equal(take_flow(3), 1);
}

/* --- beside a naive model --- */

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

/* What must hold whatever happens: every segment leaves at most once and in the order of its flow, those that
 * do not leave were counted as dropped, and the sums agree with a plain count of what is inside. */
struct model {
	unsigned next_packet[8]; /* per flow, as the number among all */
	uint64_t segments_in, segments_out;
	uint64_t octets_inside, memory_inside;
};

static void model_count(struct model *m)
{
	m->octets_inside = m->memory_inside = 0;
	for (unsigned i = 0; i < made; i++) {
		const struct flowq_packet *p = &packets[i].p;

		if (!packets[i].inside)
			continue;
		m->memory_inside += p->memory;
		for (uint32_t s = p->next; s < p->segments; s++)
			m->octets_inside += s + 1 == p->segments ? p->last_len : p->segment_len;
	}
}

static void model_take(struct model *m, uint64_t now_us, uint64_t *seed, uint32_t next[])
{
	struct flowq_piece piece;
	struct packet *packet = take(now_us, 1 + draw(seed, 20000), &piece);

	if (packet == NULL) {
		assert_true(flowq_is_empty(&q));
		return;
	}
	assert_true(packet->number >= m->next_packet[packet->flow]);
	m->next_packet[packet->flow] = packet->number;
	assert_true(piece.first >= next[packet->number]);
	next[packet->number] = piece.first + piece.count;
	m->segments_out += piece.count;
}

static void run_model(uint64_t seed)
{
	static uint32_t next[PACKETS_MAX];
	struct model m = { 0 };
	uint64_t now = 1;

	setup(NULL);
	memset(next, 0, sizeof next);
	q.config.memory_max = (size_t)2048 * (10 + draw(&seed, 300));
	q.config.quantum = 300 + draw(&seed, 20000);
	while (made < 1500) {
		uint32_t segments = draw(&seed, 3) > 0 ? 1 : 1 + draw(&seed, 45);
		uint32_t len = 40 + draw(&seed, 1460);
		unsigned puts = draw(&seed, 8);

		for (unsigned i = 0; i < puts; i++) {
			put(draw(&seed, 8), segments, len, segments > 1 ? 40 + draw(&seed, len - 39) : len,
			    now);
			m.segments_in += segments;
		}
		now += draw(&seed, 3000);
		for (unsigned i = draw(&seed, 7); i > 0; i--)
			model_take(&m, now, &seed, next);
		model_count(&m);
		assert_int_equal(q.backlog, m.octets_inside);
		assert_int_equal(q.memory, m.memory_inside);
		assert_true(q.memory <= q.config.memory_max);
	}
	while (!flowq_is_empty(&q))
		model_take(&m, now, &seed, next);
	assert_int_equal(m.segments_in, m.segments_out + q.dropped + q.overflown);
	for (unsigned i = 0; i < made; i++)
		assert_false(packets[i].inside);
}

static void test_random_traffic_agrees_with_a_plain_count(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		run_model(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_sparse_flow_overtakes_a_long_one, setup),
		cmocka_unit_test_setup(test_a_flow_that_keeps_sending_is_not_sparse_for_long, setup),
		cmocka_unit_test_setup(test_a_sparse_flow_comes_between_the_segments_of_a_super_packet,
				       setup),
		cmocka_unit_test_setup(test_the_flow_hash_alone_tells_flows_apart, setup),
		cmocka_unit_test_setup(test_two_long_flows_share_by_octets, setup),
		cmocka_unit_test_setup(test_small_packets_get_as_many_octets_as_large_ones, setup),
		cmocka_unit_test_setup(test_a_super_packet_leaves_in_pieces_that_fit, setup),
		cmocka_unit_test_setup(test_nothing_is_dropped_before_an_interval_above_the_target, setup),
		cmocka_unit_test_setup(test_a_queue_that_drains_once_in_an_interval_is_good, setup),
		cmocka_unit_test_setup(test_drops_come_faster_by_the_root_of_their_count, setup),
		cmocka_unit_test_setup(test_dropping_ends_when_the_queue_is_short_again, setup),
		cmocka_unit_test_setup(test_dropping_goes_on_where_it_was_when_the_queue_soon_stands_again,
				       setup),
		cmocka_unit_test_setup(test_one_segment_of_a_super_packet_is_dropped_not_all, setup),
		cmocka_unit_test_setup(test_a_packet_alone_is_never_a_standing_queue, setup),
		cmocka_unit_test_setup(test_one_flow_is_judged_apart_from_the_others, setup),
		cmocka_unit_test_setup(test_ecn_capable_segments_are_marked_instead_of_dropped, setup),
		cmocka_unit_test_setup(test_ce_leaves_the_ipv4_checksum_right, setup),
		cmocka_unit_test_setup(test_ce_stands_in_the_ipv6_traffic_class, setup),
		cmocka_unit_test_setup(test_the_longest_flow_pays_for_want_of_memory, setup),
		cmocka_unit_test_setup(test_a_packet_that_fits_nowhere_goes_itself, setup),
		cmocka_unit_test_setup(test_emptying_gives_everything_back_in_order, setup),
		cmocka_unit_test(test_random_traffic_agrees_with_a_plain_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
