/* RFC 9329 sections 3 and 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "octets.h"
#include "xport/framing.h"

enum { FRAMES_MAX = 64 };

struct seen {
	unsigned count;
	uint8_t kind[FRAMES_MAX];
	size_t len[FRAMES_MAX];
	uint8_t first[FRAMES_MAX];
	size_t left; /* octets not used up */
};

/* Feeds `input` in pieces that end at `cuts`, keeping what is left over in front of the next piece, as a
 * stream does. */
static struct seen feed(bool wants_prefix, struct cv_bytes input, const size_t *cuts, size_t n_cuts)
{
	struct xport_deframer d = { .wants_prefix = wants_prefix };
	uint8_t *buf = malloc(input.len + 1);
	struct seen s = { 0 };
	size_t have = 0, from = 0;

	assert_non_null(buf);
	for (size_t i = 0; i <= n_cuts; i++) {
		size_t to = i < n_cuts ? cuts[i] : input.len;
		size_t at = 0;
		struct xport_frame f;

		memcpy(buf + have, input.data + from, to - from);
		have += to - from;
		from = to;
		for (;;) {
			uint8_t *exact =
			    malloc(have - at ? have - at : 1); /* a read behind the end is seen */
			size_t used;

			assert_non_null(exact);
			memcpy(exact, buf + at, have - at);
			used = xport_deframe(&d, exact, have - at, &f);
			if (f.kind != XPORT_FRAME_NONE && s.count < FRAMES_MAX) {
				s.kind[s.count] = f.kind;
				s.len[s.count] = f.len;
				s.first[s.count++] = f.len > 0 ? f.message[0] : 0;
			}
			free(exact);
			at += used;
			if (f.kind == XPORT_FRAME_NONE || f.kind == XPORT_FRAME_BAD_PREFIX ||
			    f.kind == XPORT_FRAME_BAD_LENGTH)
				break;
		}
		memmove(buf, buf + at, have - at);
		have -= at;
		if (s.count > 0 && s.kind[s.count - 1] >= XPORT_FRAME_BAD_PREFIX)
			break;
	}
	s.left = have;
	free(buf);
	return s;
}

static struct seen feed_hex(bool wants_prefix, const char *hex)
{
	struct cv_bytes input = octets_hex(hex);
	struct seen s = feed(wants_prefix, input, NULL, 0);

	octets_free(input);
	return s;
}

/* R9329-3-1, R9329-3-2, R9329-3.1-1 */
static void test_an_ike_frame_is_length_marker_message(void **state)
{
	uint8_t message[28];
	uint8_t buf[64];
	struct cv_writer w = cv_writer(buf, sizeof buf);

	(void)state;
	memset(message, 0xab, sizeof message);
	assert_int_equal(xport_frame_ike(&w, cv_bytes(message, sizeof message)), CV_OK);
	assert_int_equal(w.len, 34);
	assert_memory_equal(buf, "\x00\x22\x00\x00\x00\x00\xab", 7);
}

/* R9329-3-7: 65533 octets go out as FF FF, one more is refused; nothing empty goes out, since peers close at
 * a Length below 6. */
static void test_only_messages_that_a_frame_can_hold_are_framed(void **state)
{
	uint8_t *message = calloc(1, XPORT_MESSAGE_MAX);
	uint8_t *buf = malloc(2 * XPORT_FRAME_MAX);
	struct cv_writer w = cv_writer(buf, (size_t)2 * XPORT_FRAME_MAX);

	(void)state;
	assert_int_equal(xport_frame_ike(&w, cv_bytes(message, XPORT_MESSAGE_MAX - XPORT_MARKER_LEN + 1)),
			 CV_E_LIMIT);
	assert_int_equal(xport_frame_ike(&w, cv_bytes(message, 0)), CV_E_LIMIT);
	assert_int_equal(w.len, 0);
	assert_int_equal(xport_frame_ike(&w, cv_bytes(message, XPORT_MESSAGE_MAX - XPORT_MARKER_LEN)), CV_OK);
	assert_int_equal(w.len, XPORT_FRAME_MAX);
	assert_memory_equal(buf, "\xff\xff", 2);
	w = cv_writer(buf, 33);
	assert_int_equal(xport_frame_ike(&w, cv_bytes(message, 28)), CV_E_NOSPACE);
	assert_int_equal(w.len, 0);
	free(message);
	free(buf);
}

/* R9329-3-3, R9329-3.2-1 */
static void test_four_zero_octets_are_ike_and_all_else_is_esp(void **state)
{
	struct seen s = feed_hex(false, "0008 00000000 aabb 0008 00000001 ccdd 0008 01000000 eeff");

	(void)state;
	assert_int_equal(s.count, 3);
	assert_int_equal(s.kind[0], XPORT_FRAME_IKE);
	assert_int_equal(s.len[0], 2);
	assert_int_equal(s.first[0], 0xaa);
	assert_int_equal(s.kind[1], XPORT_FRAME_ESP);
	assert_int_equal(s.len[1], 6);
	assert_int_equal(s.kind[2], XPORT_FRAME_ESP);
	assert_int_equal(s.left, 0);
}

/* R9329-3-9, R9329-6.6-2, R9329-3-8 */
static void test_empty_messages_and_keepalives_are_passed_over(void **state)
{
	struct seen s =
	    feed_hex(true, "494b45544350 0003ff 0002 0008 00000001 ccdd 0003ff 0002 0008 00000000 aabb");

	(void)state;
	assert_int_equal(s.count, 7);
	assert_int_equal(s.kind[0], XPORT_FRAME_PREFIX);
	assert_int_equal(s.kind[1], XPORT_FRAME_IGNORED);
	assert_int_equal(s.kind[2], XPORT_FRAME_IGNORED);
	assert_int_equal(s.kind[3], XPORT_FRAME_ESP);
	assert_int_equal(s.kind[4], XPORT_FRAME_IGNORED);
	assert_int_equal(s.kind[5], XPORT_FRAME_IGNORED);
	assert_int_equal(s.kind[6], XPORT_FRAME_IKE);
}

static void test_short_messages_that_are_nothing_are_junk(void **state)
{
	const char *junk[] = { "000300", "0003fe", "0004ffff", "0005000000", "000600000000" };

	(void)state;
	for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
		struct seen s = feed_hex(false, junk[i]);

		assert_int_equal(s.count, 1);
		assert_int_equal(s.kind[0], XPORT_FRAME_JUNK);
		assert_int_equal(s.left, 0);
	}
}

/* R9329-3.1-3, R9329-3.2-4: at the start, mid stream, split between the two octets. */
static void test_length_0_and_1_are_fatal_for_ever(void **state)
{
	const char *broken[] = { "0000", "0001", "000800000001ccdd0000aabbccdd", "000800000001ccdd0001ff" };

	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		struct cv_bytes input = octets_hex(broken[i]);

		for (size_t cut = 0; cut <= input.len; cut++) {
			struct seen s = feed(false, input, &cut, 1);

			assert_int_equal(s.kind[s.count - 1], XPORT_FRAME_BAD_LENGTH);
			assert_int_equal(s.count, i < 2 ? 1 : 2);
		}
		octets_free(input);
	}
	struct xport_deframer d = { 0 };
	uint8_t good[] = { 0, 8, 0, 0, 0, 1, 1, 1 }, bad[] = { 0, 1 };
	struct xport_frame f;

	assert_int_equal(xport_deframe(&d, bad, sizeof bad, &f), 0);
	assert_int_equal(xport_deframe(&d, good, sizeof good, &f), 0);
	assert_int_equal(f.kind, XPORT_FRAME_BAD_LENGTH);
}

/* R9329-6.1-3, R9329-6.1-17: nothing counts before the whole prefix; a wrong octet ends the stream at once.
 */
static void test_a_stream_without_the_prefix_is_refused(void **state)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: example\r\n\r\n";
	struct seen s = feed(true, cv_bytes(http, sizeof http - 1), NULL, 0);

	(void)state;
	assert_int_equal(s.count, 1);
	assert_int_equal(s.kind[0], XPORT_FRAME_BAD_PREFIX);
	s = feed_hex(true, "0008 00000001 ccdd");
	assert_int_equal(s.kind[0], XPORT_FRAME_BAD_PREFIX);
	for (size_t i = 0; i < XPORT_PREFIX_LEN; i++) {
		uint8_t wrong[] = { 'I', 'K', 'E', 'T', 'C', 'P', 0, 8, 0, 0, 0, 1, 1, 1 };

		wrong[i] ^= 0x20;
		s = feed(true, cv_bytes(wrong, sizeof wrong), NULL, 0);
		assert_int_equal(s.count, 1);
		assert_int_equal(s.kind[0], XPORT_FRAME_BAD_PREFIX);
		s = feed(true, cv_bytes(wrong, i), NULL, 0); /* as far as it is right it waits */
		assert_int_equal(s.count, 0);
		assert_int_equal(s.left, i);
	}
}

/* R9329-4-2: the responder sends none, so the originator takes the first two octets for a length. */
static void test_the_originator_expects_no_prefix(void **state)
{
	struct seen s = feed_hex(false, "494b45544350");

	(void)state;
	assert_int_equal(s.count, 0); /* a frame of 0x494b octets has begun */
	assert_int_equal(s.left, 6);
}

static void assert_same(const struct seen *a, const struct seen *b)
{
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->kind, b->kind, a->count);
	assert_memory_equal(a->first, b->first, a->count);
	for (unsigned i = 0; i < a->count; i++)
		assert_int_equal(a->len[i], b->len[i]);
	assert_int_equal(a->left, b->left);
}

static void test_frames_are_the_same_however_the_stream_is_cut(void **state)
{
	struct cv_bytes input =
	    octets_hex("494b45544350 0008 00000000 aabb 0002 0003ff 0009 00000102 ccddee 0004 0102"
		       "0022 00000000 0102030405060708090a0b0c0d0e0f10111213141516171819 1a1b1c 0007 01");
	struct seen whole = feed(true, input, NULL, 0);
	size_t every[256];

	(void)state;
	assert_int_equal(whole.count, 7);
	assert_int_equal(whole.left, 3);
	for (size_t i = 0; i < input.len; i++)
		every[i] = i;
	struct seen dribble = feed(true, input, every, input.len);

	assert_same(&dribble, &whole);
	for (size_t a = 0; a <= input.len; a++) {
		for (size_t b = a; b <= input.len; b++) {
			struct seen s = feed(true, input, (size_t[]){ a, b }, 2);

			assert_same(&s, &whole);
		}
	}
	octets_free(input);
}

static void test_a_boundary_is_found_from_any_offset(void **state)
{
	struct cv_bytes frames = octets_hex("0008 00000001 ccdd 0006 00000001 0009 00000102 ccddee");
	const size_t ends[] = { 0, 8, 14, 23 };

	(void)state;
	for (size_t at = 0; at <= frames.len; at++) {
		size_t want = 0;

		while (ends[want] < at)
			want++;
		assert_int_equal(xport_frame_boundary(frames.data, frames.len, at), ends[want]);
	}
	octets_free(frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_ike_frame_is_length_marker_message),
		cmocka_unit_test(test_only_messages_that_a_frame_can_hold_are_framed),
		cmocka_unit_test(test_four_zero_octets_are_ike_and_all_else_is_esp),
		cmocka_unit_test(test_empty_messages_and_keepalives_are_passed_over),
		cmocka_unit_test(test_short_messages_that_are_nothing_are_junk),
		cmocka_unit_test(test_length_0_and_1_are_fatal_for_ever),
		cmocka_unit_test(test_a_stream_without_the_prefix_is_refused),
		cmocka_unit_test(test_the_originator_expects_no_prefix),
		cmocka_unit_test(test_frames_are_the_same_however_the_stream_is_cut),
		cmocka_unit_test(test_a_boundary_is_found_from_any_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
