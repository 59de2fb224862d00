/* RFC 791 section 2.3: what is put together again is what was cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packets.h"
#include "plane/user/fragment.h"

static uint8_t packet[65536], whole[65536];

struct gathered {
	size_t len; /* of the payload that is there without a gap */
	uint32_t mtu;
	unsigned count;
	bool last;
	uint16_t base;	 /* offset of the packet that was cut, in units of 8 */
	uint8_t options; /* octets of options in the later headers */
};

static void gather(void *arg, struct cv_bytes f)
{
	struct gathered *g = arg;
	size_t header = (size_t)(f.data[0] & 15) * 4;
	uint16_t field = cv_get_u16(f.data + 6);

	assert_true(f.len <= g->mtu);
	assert_int_equal(cv_get_u16(f.data + 2), f.len);
	assert_int_equal(packets_sum(f.data, header, 0), 0xffff);
	assert_false(g->last);
	assert_int_equal((size_t)((field & 0x1fff) - g->base) * 8, g->len);
	memcpy(whole + g->len, f.data + header, f.len - header);
	g->len += f.len - header;
	g->last = (field & 0x2000) == 0;
	if (g->count > 0)
		g->options = (uint8_t)(header - 20);
	g->count++;
	assert_memory_equal(f.data + 8, packet + 8, 2); /* TTL, protocol */
	assert_memory_equal(f.data + 12, packet + 12, 8);
	assert_memory_equal(f.data + 4, packet + 4, 2);
}

static struct gathered cut(size_t len, uint32_t mtu)
{
	struct gathered g = { .mtu = mtu, .base = cv_get_u16(packet + 6) & 0x1fff };
	uint8_t *work = malloc(mtu);

	assert_int_equal(fragment_ipv4(cv_bytes(packet, len), mtu, work, gather, &g), CV_OK);
	free(work);
	return g;
}

static void test_fragments_make_up_the_packet(void **state)
{
	uint64_t seed = 50;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		struct packets_spec s = { .version = 4,
					  .protocol = PACKETS_UDP,
					  .ttl = 9,
					  .id = (uint16_t)i,
					  .payload = octets_random(&seed) % 9000 };
		size_t len = packets_build(&s, &seed, packet);
		uint32_t mtu = 68 + (uint32_t)(octets_random(&seed) % 1500);
		struct gathered g = cut(len, mtu);

		assert_true(g.last);
		assert_int_equal(g.len, len - 20);
		assert_memory_equal(whole, packet + 20, g.len);
		assert_int_equal(g.count == 1, len <= mtu);
	}
}

static void test_a_fragment_is_cut_into_smaller_ones(void **state)
{
	struct packets_spec s = {
		.version = 4, .protocol = PACKETS_UDP, .frag = 0x2000 | 100, .payload = 1480 - 8
	};
	uint64_t seed = 51;
	struct gathered g;

	(void)state;
	g = cut(packets_build(&s, &seed, packet), 600);
	assert_false(g.last); /* more follow the packet that was cut */
	assert_int_equal(g.len, 1480);
	assert_int_equal(g.count, 3);
}

static void test_only_options_that_say_so_are_copied(void **state)
{
	struct packets_spec s = { .version = 4, .protocol = PACKETS_UDP, .ip_options = 16, .payload = 2000 };
	uint64_t seed = 52;
	size_t len = packets_build(&s, &seed, packet);
	struct gathered g;

	(void)state;
	/* record route (not copied), NOP, router alert (copied), end */
	memcpy(packet + 20, (uint8_t[]){ 7, 7, 4, 1, 2, 3, 4, 1, 0x94, 4, 0, 0, 0, 0, 0, 0 }, 16);
	packets_put_ip_sum(packet);
	g = cut(len, 576);
	assert_int_equal(g.options, 4);
	assert_int_equal(g.len, len - 36);
	packet[21] = 1; /* an option that lies about its length ends the list */
	g = cut(len, 576);
	assert_int_equal(g.options, 0);
	packet[21] = 200;
	g = cut(len, 576);
	assert_int_equal(g.options, 0);
}

static void test_what_may_not_be_cut_is_not(void **state)
{
	struct packets_spec s = { .version = 4, .protocol = PACKETS_UDP, .frag = 0x4000, .payload = 2000 };
	struct gathered g = { 0 };
	uint64_t seed = 53;
	uint8_t work[1500];
	size_t len = packets_build(&s, &seed, packet);

	(void)state;
	assert_int_equal(fragment_ipv4(cv_bytes(packet, len), 1000, work, gather, &g), CV_E_POLICY);
	s.frag = 0;
	len = packets_build(&s, &seed, packet);
	assert_int_equal(fragment_ipv4(cv_bytes(packet, len), 67, work, gather, &g), CV_E_LIMIT);
	s.version = 6;
	len = packets_build(&s, &seed, packet);
	assert_int_equal(fragment_ipv4(cv_bytes(packet, len), 1280, work, gather, &g), CV_E_SYNTAX);
	assert_int_equal(g.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fragments_make_up_the_packet),
		cmocka_unit_test(test_a_fragment_is_cut_into_smaller_ones),
		cmocka_unit_test(test_only_options_that_say_so_are_copied),
		cmocka_unit_test(test_what_may_not_be_cut_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
