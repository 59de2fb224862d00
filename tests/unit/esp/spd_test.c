#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "esp/esp.h"

static const uint8_t seed[16] = "0123456789abcde";
static char a, b, c, d; /* objects: only their addresses count */

/* "FIRST-LAST" or "PREFIX", any protocol and port unless set afterwards. */
static struct wire_ts ts(const char *text)
{
	struct wire_ts t = { .port_last = 65535 };
	char first[CV_IP_TEXT_MAX];
	const char *dash = strchr(text, '-');
	struct cv_prefix p;

	if (dash) {
		snprintf(first, sizeof first, "%.*s", (int)(dash - text), text);
		assert_int_equal(cv_ip_parse(first, &t.first), CV_OK);
		assert_int_equal(cv_ip_parse(dash + 1, &t.last), CV_OK);
	} else {
		assert_int_equal(cv_prefix_parse(text, &p), CV_OK);
		t.first = cv_prefix_first(&p);
		t.last = cv_prefix_last(&p);
	}
	return t;
}

static struct wire_ts ts_port(const char *text, uint8_t protocol, uint16_t first, uint16_t last)
{
	struct wire_ts t = ts(text);

	t.protocol = protocol;
	t.port_first = first;
	t.port_last = last;
	return t;
}

static struct wire_ts_list one(struct wire_ts t)
{
	struct wire_ts_list list = { .count = 1 };

	list.ts[0] = t;
	return list;
}

static struct esp_flow flow(const char *src, const char *dst, uint8_t protocol, uint16_t src_port,
			    uint16_t dst_port)
{
	struct esp_flow f = {
		.protocol = protocol, .ports = true, .src_port = src_port, .dst_port = dst_port
	};

	assert_int_equal(cv_ip_parse(src, &f.src), CV_OK);
	assert_int_equal(cv_ip_parse(dst, &f.dst), CV_OK);
	return f;
}

static struct esp_flow udp(const char *src, const char *dst)
{
	return flow(src, dst, 17, 1000, 2000);
}

static struct esp_spd *new_spd(void)
{
	struct esp_spd *spd = NULL;

	assert_int_equal(esp_spd_new(seed, &spd), CV_OK);
	return spd;
}

static void add(struct esp_spd *spd, struct wire_ts local, struct wire_ts remote, void *object)
{
	struct wire_ts_list l = one(local), r = one(remote);

	assert_int_equal(esp_spd_add(spd, &l, &r, object), CV_OK);
}

static void *find(const struct esp_spd *spd, struct esp_flow f)
{
	return esp_spd_find(spd, &f);
}

/* R4301-4.4.1-1: no match means no policy. */
static void test_a_flow_finds_its_selectors_and_nothing_else(void **state)
{
	struct esp_spd *spd = new_spd();

	(void)state;
	assert_null(find(spd, udp("10.0.0.1", "10.1.0.1")));
	add(spd, ts("10.0.0.0/24"), ts("10.1.0.0/16"), &a);
	add(spd, ts("2001:db8:1::/64"), ts("2001:db8:2::/64"), &b);
	assert_ptr_equal(find(spd, udp("10.0.0.1", "10.1.0.1")), &a);
	assert_ptr_equal(find(spd, udp("10.0.0.255", "10.1.255.255")), &a);
	assert_null(find(spd, udp("10.0.1.0", "10.1.0.1")));
	assert_null(find(spd, udp("10.0.0.1", "10.2.0.0")));
	assert_null(find(spd, udp("10.1.0.1", "10.0.0.1")));
	assert_ptr_equal(find(spd, udp("2001:db8:1::1", "2001:db8:2::1")), &b);
	assert_null(find(spd, udp("2001:db8:1:1::1", "2001:db8:2::1")));
	esp_spd_free(spd);
}

static void test_the_longest_prefixes_win(void **state)
{
	struct esp_spd *spd = new_spd();

	(void)state;
	add(spd, ts("10.0.0.1"), ts("10.1.0.1"), &c);
	add(spd, ts("0.0.0.0/0"), ts("0.0.0.0/0"), &a);
	add(spd, ts("10.0.0.0/24"), ts("10.1.0.0/24"), &b);
	assert_ptr_equal(find(spd, udp("192.0.2.1", "198.51.100.1")), &a);
	assert_ptr_equal(find(spd, udp("10.0.0.2", "10.1.0.1")), &b);
	assert_ptr_equal(find(spd, udp("10.0.0.1", "10.1.0.1")), &c);
	/* the same sum of lengths: the remote side's counts more */
	add(spd, ts("10.0.0.0/26"), ts("10.1.0.0/22"), &d);
	assert_ptr_equal(find(spd, udp("10.0.0.2", "10.1.0.2")), &b);
	esp_spd_free(spd);
}

static void test_protocol_and_ports_are_more_specific_than_none(void **state)
{
	struct esp_spd *spd = new_spd();

	(void)state;
	add(spd, ts_port("10.0.0.0/24", 6, 0, 65535), ts_port("10.1.0.0/24", 6, 443, 443), &c);
	add(spd, ts_port("10.0.0.0/24", 6, 0, 65535), ts_port("10.1.0.0/24", 6, 0, 65535), &b);
	add(spd, ts("10.0.0.0/24"), ts("10.1.0.0/24"), &a);
	add(spd, ts_port("10.0.0.0/24", 6, 0, 65535), ts_port("10.1.0.0/24", 6, 400, 500), &d);
	assert_ptr_equal(find(spd, flow("10.0.0.1", "10.1.0.1", 17, 443, 443)), &a);
	assert_ptr_equal(find(spd, flow("10.0.0.1", "10.1.0.1", 6, 443, 80)), &b);
	assert_ptr_equal(find(spd, flow("10.0.0.1", "10.1.0.1", 6, 5, 443)), &c);
	assert_ptr_equal(find(spd, flow("10.0.0.1", "10.1.0.1", 6, 5, 444)), &d);
	/* a longer prefix counts more than a port */
	add(spd, ts("10.0.0.0/25"), ts("10.1.0.0/24"), &a);
	assert_ptr_equal(find(spd, flow("10.0.0.1", "10.1.0.1", 6, 5, 443)), &a);
	esp_spd_free(spd);
}

static void test_a_protocol_on_one_side_only_counts_for_both(void **state)
{
	struct esp_spd *spd = new_spd();

	(void)state;
	add(spd, ts("10.0.0.0/24"), ts_port("10.1.0.0/24", 6, 80, 80), &a);
	add(spd, ts_port("10.0.0.0/24", 6, 0, 65535), ts_port("10.1.0.0/24", 17, 0, 65535),
	    &b); /* fits nothing */
	assert_ptr_equal(find(spd, flow("10.0.0.1", "10.1.0.1", 6, 5, 80)), &a);
	assert_null(find(spd, flow("10.0.0.1", "10.1.0.1", 17, 5, 80)));
	assert_null(find(spd, flow("10.0.0.1", "10.1.0.1", 6, 5, 81)));
	esp_spd_free(spd);
}

/* A rekeyed Child SA has the same selectors as the old one. */
static void test_the_newest_of_equals_wins_and_leaves_the_old_one_behind(void **state)
{
	struct esp_spd *spd = new_spd();

	(void)state;
	add(spd, ts("10.0.0.0/24"), ts("10.1.0.0/24"), &a);
	add(spd, ts("10.0.0.0/24"), ts("10.1.0.0/24"), &b);
	assert_ptr_equal(find(spd, udp("10.0.0.1", "10.1.0.1")), &b);
	esp_spd_remove(spd, &b);
	assert_ptr_equal(find(spd, udp("10.0.0.1", "10.1.0.1")), &a);
	add(spd, ts("10.0.0.0/24"), ts("10.1.0.0/24"), &b);
	esp_spd_remove(spd, &a);
	assert_ptr_equal(find(spd, udp("10.0.0.1", "10.1.0.1")), &b);
	esp_spd_remove(spd, &b);
	assert_null(find(spd, udp("10.0.0.1", "10.1.0.1")));
	esp_spd_remove(spd, &b);
	esp_spd_remove(spd, &c);
	esp_spd_free(spd);
}

static void test_ranges_that_are_no_prefix_are_found(void **state)
{
	struct esp_spd *spd = new_spd();

	(void)state;
	add(spd, ts("10.0.0.3-10.0.0.9"), ts("10.1.0.0/24"), &a);
	add(spd, ts("0.0.0.0/0"), ts("0.0.0.0/0"), &b);
	assert_ptr_equal(find(spd, udp("10.0.0.2", "10.1.0.1")), &b);
	assert_ptr_equal(find(spd, udp("10.0.0.3", "10.1.0.1")), &a);
	assert_ptr_equal(find(spd, udp("10.0.0.9", "10.1.0.1")), &a);
	assert_ptr_equal(find(spd, udp("10.0.0.10", "10.1.0.1")), &b);
	/* a prefix inside the range is more specific, one around it less */
	add(spd, ts("10.0.0.4/31"), ts("10.1.0.0/24"), &c);
	add(spd, ts("10.0.0.0/24"), ts("10.1.0.0/24"), &d);
	assert_ptr_equal(find(spd, udp("10.0.0.5", "10.1.0.1")), &c);
	assert_ptr_equal(find(spd, udp("10.0.0.6", "10.1.0.1")), &a);
	assert_ptr_equal(find(spd, udp("10.0.0.10", "10.1.0.1")), &d);
	esp_spd_remove(spd, &a);
	assert_ptr_equal(find(spd, udp("10.0.0.6", "10.1.0.1")), &d);
	esp_spd_free(spd);
}

static void test_every_pair_of_two_lists_counts(void **state)
{
	struct esp_spd *spd = new_spd();
	struct wire_ts_list local = { .count = 3 }, remote = { .count = 2 };

	(void)state;
	local.ts[0] = ts("10.0.0.0/24");
	local.ts[1] = ts("10.0.2.0/24");
	local.ts[2] = ts("2001:db8:1::/64");
	remote.ts[0] = ts("10.1.0.0/24");
	remote.ts[1] = ts("2001:db8:2::/64");
	assert_int_equal(esp_spd_add(spd, &local, &remote, &a), CV_OK);
	assert_ptr_equal(find(spd, udp("10.0.0.1", "10.1.0.1")), &a);
	assert_ptr_equal(find(spd, udp("10.0.2.1", "10.1.0.1")), &a);
	assert_null(find(spd, udp("10.0.1.1", "10.1.0.1")));
	assert_ptr_equal(find(spd, udp("2001:db8:1::1", "2001:db8:2::1")), &a);
	esp_spd_remove(spd, &a);
	assert_null(find(spd, udp("10.0.0.1", "10.1.0.1")));
	assert_null(find(spd, udp("2001:db8:1::1", "2001:db8:2::1")));
	/* families that never meet: no rule, and nothing left behind */
	local.count = 1;
	remote.ts[0] = remote.ts[1];
	remote.count = 1;
	assert_int_equal(esp_spd_add(spd, &local, &remote, &a), CV_OK);
	esp_spd_remove(spd, &a);
	esp_spd_free(spd);
}

/* R4301-7.3-1, R4301-4.4.1.1-1: what has no visible ports fits ANY and OPAQUE, never a port. */
static void test_packets_without_ports_fit_any_and_opaque_only(void **state)
{
	struct esp_spd *spd = new_spd();
	struct esp_flow fragment = udp("10.0.0.1", "10.1.0.1");

	(void)state;
	fragment.ports = false;
	fragment.fragment = true;
	fragment.src_port = fragment.dst_port = 0;
	add(spd, ts_port("10.0.0.0/24", 17, 0, 0), ts_port("10.1.0.0/24", 17, 0, 0), &a);
	assert_null(esp_spd_find(spd, &fragment));
	add(spd, ts_port("10.0.0.0/24", 17, 65535, 0), ts_port("10.1.0.0/24", 17, 65535, 0), &b);
	assert_ptr_equal(esp_spd_find(spd, &fragment), &b);
	assert_null(find(spd, udp("10.0.0.1", "10.1.0.1")));
	esp_spd_remove(spd, &b);
	add(spd, ts_port("10.0.0.0/24", 17, 0, 65535), ts_port("10.1.0.0/24", 17, 0, 65535), &c);
	assert_ptr_equal(esp_spd_find(spd, &fragment), &c);
	assert_ptr_equal(find(spd, udp("10.0.0.1", "10.1.0.1")), &c);
	esp_spd_free(spd);
}

/* RFC 4301 section 4.4.1.3: a side's ICMP selector names what that side sends; OPAQUE says nothing. */
static void test_icmp_types_count_on_the_senders_side(void **state)
{
	struct wire_ts_list local = one(ts_port("10.0.0.0/24", 1, 0x0800, 0x08ff));
	struct wire_ts_list remote = one(ts_port("10.1.0.0/24", 1, 0x0000, 0x00ff)), opaque = remote;
	struct esp_flow request_out = flow("10.0.0.1", "10.1.0.1", 1, 0x0800, 0x0800);
	struct esp_flow reply_out = flow("10.0.0.1", "10.1.0.1", 1, 0, 0);
	struct esp_flow request_in = flow("10.1.0.1", "10.0.0.1", 1, 0x0800, 0x0800);
	struct esp_flow reply_in = flow("10.1.0.1", "10.0.0.1", 1, 0, 0);
	struct esp_spd *spd = new_spd();

	(void)state;
	assert_int_equal(esp_spd_add(spd, &local, &remote, &a), CV_OK);
	assert_ptr_equal(esp_spd_find(spd, &request_out), &a);
	assert_null(esp_spd_find(spd, &reply_out));
	assert_true(esp_selectors_allow(&remote, &local, &reply_in));
	assert_false(esp_selectors_allow(&remote, &local, &request_in));
	opaque.ts[0].port_first = 65535;
	opaque.ts[0].port_last = 0;
	assert_true(esp_selectors_allow(&local, &opaque, &request_out));
	assert_false(esp_selectors_allow(&opaque, &local, &reply_in));
	esp_spd_free(spd);
}

/* R4301-5.2-1: a decrypted packet must fit the SA it came through. */
static void test_inbound_packets_must_fit_their_sa(void **state)
{
	struct wire_ts_list local = one(ts("10.0.0.0/24")),
			    remote = one(ts_port("10.1.0.5-10.1.0.7", 6, 80, 80));

	(void)state;
	struct esp_flow good = flow("10.1.0.6", "10.0.0.1", 6, 80, 4000), bad;

	assert_true(esp_selectors_allow(&remote, &local, &good));
	bad = flow("10.1.0.8", "10.0.0.1", 6, 80, 4000);
	assert_false(esp_selectors_allow(&remote, &local, &bad));
	bad = flow("10.1.0.6", "10.0.1.1", 6, 80, 4000);
	assert_false(esp_selectors_allow(&remote, &local, &bad));
	bad = flow("10.1.0.6", "10.0.0.1", 17, 80, 4000);
	assert_false(esp_selectors_allow(&remote, &local, &bad));
	bad = flow("10.1.0.6", "10.0.0.1", 6, 81, 4000);
	assert_false(esp_selectors_allow(&remote, &local, &bad));
	bad = flow("2001:db8::1", "2001:db8::2", 6, 80, 4000);
	assert_false(esp_selectors_allow(&remote, &local, &bad));
	remote.count = 2;
	remote.ts[1] = ts("10.9.0.0/16");
	bad = flow("10.9.0.6", "10.0.0.1", 6, 81, 4000);
	assert_true(esp_selectors_allow(&remote, &local, &bad));
}

/* --- against a plain list --- */

enum { OBJECTS = 60, ROUNDS = 4000 };

struct model {
	bool used;
	uint64_t serial;
	struct wire_ts local, remote;
};

static uint32_t rng = 2463534242;

static uint32_t roll(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 17;
	rng ^= rng << 5;
	return rng % below;
}

/* Addresses from a small space, so that selectors often overlap. */
static struct cv_ip roll_ip(void)
{
	uint8_t ip[4] = { 10, 0, (uint8_t)roll(2), (uint8_t)roll(8) };

	return cv_ip_from_bytes(cv_bytes(ip, 4));
}

static struct wire_ts roll_ts(uint8_t protocol)
{
	char text[64];
	struct wire_ts t;

	if (roll(4) == 0) {
		t = ts("10.0.0.0/24");
		t.first = roll_ip();
		t.last = roll_ip();
		if (cv_ip_compare(&t.first, &t.last) > 0)
			t.last = t.first;
	} else {
		static const struct {
			uint8_t bits, mask;
		} lengths[] = { { 22, 0 }, { 23, 0 }, { 24, 0 }, { 30, 4 }, { 31, 6 }, { 32, 7 } };
		uint32_t n = roll(6);
		uint32_t third = n < 2 ? 0 : roll(2);

		snprintf(text, sizeof text, "10.0.%u.%u/%u", third, roll(8) & lengths[n].mask,
			 lengths[n].bits);
		t = ts(text);
	}
	t.protocol = protocol;
	if (protocol && roll(2)) {
		t.port_first = (uint16_t)roll(4);
		t.port_last = (uint16_t)(t.port_first + roll(2));
	}
	return t;
}

static bool model_matches(const struct model *m, const struct esp_flow *f)
{
	struct wire_ts_list l = one(m->local), r = one(m->remote);

	return m->used && esp_selectors_allow(&l, &r, f);
}

/* The number of addresses, rounded up to a power of two, as bits. */
static unsigned size_bits(const struct wire_ts *t)
{
	uint32_t n = cv_get_u32(t->last.b) - cv_get_u32(t->first.b);
	unsigned bits = 0;

	for (; n > 0; n >>= 1)
		bits++;
	return bits;
}

static unsigned port_bits(const struct wire_ts *t)
{
	unsigned bits = 0;

	for (uint32_t n = t->port_last - t->port_first; n > 0; n >>= 1)
		bits++;
	return bits;
}

/* Is x less specific than y? */
static bool model_worse(const struct model *x, const struct model *y)
{
	unsigned sum_x = size_bits(&x->local) + size_bits(&x->remote),
		 sum_y = size_bits(&y->local) + size_bits(&y->remote);
	unsigned ports_x = port_bits(&x->local) + port_bits(&x->remote);
	unsigned ports_y = port_bits(&y->local) + port_bits(&y->remote);

	if (sum_x != sum_y)
		return sum_x > sum_y;
	if (size_bits(&x->remote) != size_bits(&y->remote))
		return size_bits(&x->remote) > size_bits(&y->remote);
	if (!x->local.protocol != !y->local.protocol)
		return !x->local.protocol;
	if (ports_x != ports_y)
		return ports_x > ports_y;
	return x->serial < y->serial;
}

static const struct model *model_find(const struct model *models, const struct esp_flow *f)
{
	const struct model *best = NULL;

	for (size_t i = 0; i < OBJECTS; i++) {
		if (model_matches(&models[i], f) && (!best || model_worse(best, &models[i])))
			best = &models[i];
	}
	return best;
}

static void test_it_agrees_with_a_plain_list_on_random_policies(void **state)
{
	static struct model models[OBJECTS];
	struct esp_spd *spd = new_spd();

	(void)state;
	for (uint64_t n = 1; n <= ROUNDS; n++) {
		struct model *m = &models[roll(OBJECTS)];

		if (m->used) {
			esp_spd_remove(spd, m);
			m->used = false;
		} else {
			uint8_t protocol = roll(2) ? 17 : 0;

			*m = (struct model){ true, n, roll_ts(protocol), roll_ts(protocol) };
			add(spd, m->local, m->remote, m);
		}
		for (int probe = 0; probe < 20; probe++) {
			struct esp_flow f = { .src = roll_ip(),
					      .dst = roll_ip(),
					      .protocol = roll(4) ? 17 : 6,
					      .ports = roll(8) != 0 };

			if (f.ports) {
				f.src_port = (uint16_t)roll(5);
				f.dst_port = (uint16_t)roll(5);
			}
			assert_ptr_equal(esp_spd_find(spd, &f), model_find(models, &f));
		}
	}
	esp_spd_free(spd);
}

static void test_thousands_of_tunnels_are_told_apart(void **state)
{
	enum { TUNNELS = 20000 };
	struct esp_spd *spd = new_spd();
	static char objects[TUNNELS];
	char text[64];

	(void)state;
	for (unsigned i = 0; i < TUNNELS; i++) {
		snprintf(text, sizeof text, "10.%u.%u.0/24", i >> 8, i & 255);
		add(spd, ts("192.0.2.0/24"), ts(text), &objects[i]);
	}
	for (unsigned i = 0; i < TUNNELS; i++) {
		snprintf(text, sizeof text, "10.%u.%u.77", i >> 8, i & 255);
		assert_ptr_equal(find(spd, udp("192.0.2.1", text)), &objects[i]);
		if (i % 2)
			esp_spd_remove(spd, &objects[i]);
	}
	for (unsigned i = 0; i < TUNNELS; i++) {
		snprintf(text, sizeof text, "10.%u.%u.77", i >> 8, i & 255);
		assert_ptr_equal(find(spd, udp("192.0.2.1", text)), i % 2 ? NULL : &objects[i]);
	}
	esp_spd_free(spd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_flow_finds_its_selectors_and_nothing_else),
		cmocka_unit_test(test_the_longest_prefixes_win),
		cmocka_unit_test(test_protocol_and_ports_are_more_specific_than_none),
		cmocka_unit_test(test_a_protocol_on_one_side_only_counts_for_both),
		cmocka_unit_test(test_the_newest_of_equals_wins_and_leaves_the_old_one_behind),
		cmocka_unit_test(test_ranges_that_are_no_prefix_are_found),
		cmocka_unit_test(test_every_pair_of_two_lists_counts),
		cmocka_unit_test(test_packets_without_ports_fit_any_and_opaque_only),
		cmocka_unit_test(test_icmp_types_count_on_the_senders_side),
		cmocka_unit_test(test_inbound_packets_must_fit_their_sa),
		cmocka_unit_test(test_it_agrees_with_a_plain_list_on_random_policies),
		cmocka_unit_test(test_thousands_of_tunnels_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
