/* Both halves of a stream over a socket pair whose buffers are as small as the system lets them be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "octets.h"
#include "xport/stream.h"

enum { READ_CAP = 2 * XPORT_FRAME_MAX };

struct pair {
	int out, in;
	struct xport_spares spares;
	struct xport_writer w;
	struct xport_reader r;
	uint8_t *buf;
	/* what came out of the reader, in order */
	struct {
		uint8_t kind;
		uint32_t number; /* the four octets behind SPI or marker */
		size_t len;
	} got[20000];
	unsigned count;
	size_t octets;
};

static void begin(struct pair *p, bool dialled)
{
	int fd[2];
	int small = 4096;

	memset(p, 0, sizeof *p);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	p->out = fd[0];
	p->in = fd[1];
	setsockopt(p->out, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	p->buf = malloc(READ_CAP);
	assert_non_null(p->buf);
	xport_writer_init(&p->w, dialled, &p->spares);
	xport_reader_init(&p->r, dialled);
}

static void end(struct pair *p)
{
	xport_writer_free(&p->w);
	xport_reader_free(&p->r);
	xport_spares_free(&p->spares);
	close(p->out);
	close(p->in);
	free(p->buf);
}

static enum xport_read receive_some(struct pair *p, size_t cap)
{
	struct xport_frame f;
	size_t len, at = 0;
	int error;
	enum xport_read rc = xport_reader_read(&p->r, p->in, p->buf, p->r.partial_len + cap, &len, &error);

	if (rc != XPORT_READ_OCTETS)
		return rc;
	for (;;) {
		at += xport_deframe(&p->r.deframer, p->buf + at, len - at, &f);
		if (f.kind == XPORT_FRAME_NONE || f.kind >= XPORT_FRAME_BAD_PREFIX)
			break;
		p->got[p->count].kind = f.kind;
		p->got[p->count].len = f.len;
		if (f.kind == XPORT_FRAME_IKE)
			p->got[p->count].number = cv_get_u32(f.message);
		else if (f.kind == XPORT_FRAME_ESP)
			p->got[p->count].number = cv_get_u32(f.message + 4);
		p->count++;
	}
	assert_int_equal(xport_reader_keep(&p->r, cv_bytes(p->buf + at, len - at)), CV_OK);
	return rc;
}

/* An ESP frame of that many octets with a number in it. */
static size_t put_esp(uint8_t *at, uint32_t number, size_t esp_len)
{
	xport_frame_put_length(at, esp_len);
	memset(at + 2, 0x5a, esp_len);
	cv_put_u32(at + 6, number);
	return esp_len + 2;
}

static enum cv_err queue_ike(struct pair *p, uint32_t number, size_t len)
{
	uint8_t message[4096] = { 0 };

	cv_put_u32(message, number);
	return xport_writer_queue_ike(&p->w, cv_bytes(message, len));
}

static enum xport_write push(struct pair *p, const struct iovec *iov, unsigned n)
{
	int error;

	return xport_writer_push(&p->w, p->out, iov, n, &error);
}

/* R9329-6.1-2, R9329-4-1; libreswan reads the prefix in one read(). */
static void test_the_prefix_leaves_together_with_the_first_frame(void **state)
{
	struct pair p;
	uint8_t got[128];

	(void)state;
	begin(&p, true);
	assert_int_equal(push(&p, NULL, 0), XPORT_WRITE_DONE);
	assert_int_equal(recv(p.in, got, sizeof got, 0), -1); /* alone it stays */
	assert_int_equal(queue_ike(&p, 7, 28), CV_OK);
	assert_int_equal(push(&p, NULL, 0), XPORT_WRITE_DONE);
	assert_int_equal(recv(p.in, got, sizeof got, 0), 6 + 34);
	assert_memory_equal(got, "IKETCP\x00\x22\x00\x00\x00\x00", 12);
	assert_int_equal(queue_ike(&p, 8, 28), CV_OK);
	assert_int_equal(push(&p, NULL, 0), XPORT_WRITE_DONE);
	assert_int_equal(recv(p.in, got, sizeof got, 0), 34); /* once per stream: R9329-4-2 */
	end(&p);
}

/* R9329-6.1-15: the first frame may be ESP. */
static void test_the_prefix_leaves_before_esp_too(void **state)
{
	struct pair p;
	uint8_t frame[64], got[128];
	struct iovec iov = { frame, put_esp(frame, 1, 40) };

	(void)state;
	begin(&p, true);
	assert_int_equal(push(&p, &iov, 1), XPORT_WRITE_DONE);
	assert_int_equal(recv(p.in, got, sizeof got, 0), 6 + 42);
	assert_memory_equal(got, "IKETCP\x00\x2a", 8);
	end(&p);
}

/* R9329-6.1-4 */
static void test_an_accepted_stream_sends_no_prefix(void **state)
{
	struct pair p;
	uint8_t got[128];

	(void)state;
	begin(&p, false);
	assert_int_equal(queue_ike(&p, 7, 28), CV_OK);
	assert_int_equal(push(&p, NULL, 0), XPORT_WRITE_DONE);
	assert_int_equal(recv(p.in, got, sizeof got, 0), 34);
	end(&p);
}

/* Fills the socket with ESP frames of random sizes until it is full. Returns the next number. */
static uint32_t fill(struct pair *p, uint64_t *seed, uint32_t number)
{
	static uint8_t frames[3][64 * 1024];
	enum xport_write rc = XPORT_WRITE_DONE;

	while (rc == XPORT_WRITE_DONE) {
		struct iovec iov[3];

		for (unsigned i = 0; i < 3; i++) {
			size_t len = 0;
			unsigned n = 1 + (unsigned)(octets_random(seed) % 8);

			while (n-- > 0)
				len += put_esp(frames[i] + len, number++, 16 + octets_random(seed) % 1500);
			iov[i] = (struct iovec){ frames[i], len };
			p->octets += len;
		}
		rc = push(p, iov, 3);
	}
	assert_int_equal(rc, XPORT_WRITE_BLOCKED);
	return number;
}

/* The tail of a batch is kept, comes out in order, and no frame is torn; IKE goes ahead of it at a frame
 * boundary. */
static void test_what_the_socket_does_not_take_follows_in_order_with_ike_first(void **state)
{
	uint64_t seed = 4711;
	struct pair *p = malloc(sizeof *p);

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		uint32_t next = 0, ike_at = 0, esp = 0, ike = 0;
		bool whole_frames_wait;

		begin(p, round % 2);
		next = fill(p, &seed, next);
		assert_true(p->w.end > p->w.start);
		whole_frames_wait = p->w.end - p->w.start > p->w.cut;
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(queue_ike(p, 1000000 + i, 28 + octets_random(&seed) % 3000), CV_OK);
		while (!xport_writer_empty(&p->w)) {
			(void)receive_some(p, 1 + octets_random(&seed) % 5000);
			(void)push(p, NULL, 0);
		}
		while (receive_some(p, 5000) == XPORT_READ_OCTETS)
			continue;
		assert_null(p->r.partial);
		for (unsigned i = 0; i < p->count; i++) {
			if (p->got[i].kind == XPORT_FRAME_ESP) {
				assert_int_equal(p->got[i].number, esp++);
			} else if (p->got[i].kind == XPORT_FRAME_IKE) {
				assert_int_equal(p->got[i].number, 1000000 + ike++);
				ike_at = esp;
			}
		}
		assert_int_equal(esp, next);
		assert_int_equal(ike, 3);
		assert_int_equal(ike_at < esp, whole_frames_wait); /* ESP queued before came after */
		end(p);
	}
	free(p);
}

/* More frames come while the socket is full, as long as there is room; then all of it arrives. */
static void test_frames_pile_up_behind_a_full_socket_within_bounds(void **state)
{
	static uint8_t frames[32 * 1024];
	uint64_t seed = 99;
	struct pair *p = malloc(sizeof *p);
	uint32_t next;
	unsigned rounds = 0;

	(void)state;
	begin(p, false);
	next = fill(p, &seed, 0);
	for (; xport_writer_room(&p->w) >= sizeof frames; rounds++) {
		size_t len = 0;

		while (len + 1402 <= sizeof frames)
			len += put_esp(frames + len, next++, 1400);
		assert_int_equal(push(p, &(struct iovec){ frames, len }, 1), XPORT_WRITE_BLOCKED);
	}
	assert_true(rounds > 20);
	assert_true(p->w.end - p->w.start <= XPORT_PENDING_MAX);
	while (!xport_writer_empty(&p->w)) {
		(void)receive_some(p, READ_CAP - XPORT_FRAME_MAX);
		(void)push(p, NULL, 0);
	}
	while (receive_some(p, 5000) == XPORT_READ_OCTETS)
		continue;
	for (unsigned i = 0; i < p->count; i++)
		assert_int_equal(p->got[i].number, i);
	assert_int_equal(p->count, next);
	assert_null(p->w.pending); /* a drained stream holds no memory */
	assert_int_equal(p->spares.count, 1);
	end(p);
	free(p);
}

static void test_the_ike_queue_is_bounded(void **state)
{
	uint64_t seed = 5;
	struct pair *p = malloc(sizeof *p);
	unsigned n = 0;

	(void)state;
	begin(p, false);
	(void)fill(p, &seed, 0);
	while (queue_ike(p, n, 4096) == CV_OK)
		n++;
	assert_in_range(n, 100, XPORT_IKE_QUEUE_MAX / 4096);
	end(p);
	free(p);
}

static void test_a_broken_stream_is_reported_once_written_to(void **state)
{
	struct pair p;
	int error;

	(void)state;
	begin(&p, true);
	shutdown(p.in, SHUT_RDWR);
	assert_int_equal(queue_ike(&p, 1, 28), CV_OK);
	assert_int_equal(xport_writer_push(&p.w, p.out, NULL, 0, &error), XPORT_WRITE_FAILED);
	assert_int_equal(error, EPIPE);
	end(&p);
}

/* R9329-6.1-12 */
static void test_the_end_of_a_stream_throws_the_partial_frame_away(void **state)
{
	struct pair p;

	(void)state;
	begin(&p, false);
	p.r.deframer.wants_prefix = false;
	assert_int_equal(send(p.out, "\x00\x22\x00\x00\x00\x00half", 10, 0), 10);
	assert_int_equal(receive_some(&p, 100), XPORT_READ_OCTETS);
	assert_int_equal(p.r.partial_len, 10);
	assert_int_equal(receive_some(&p, 100), XPORT_READ_NOTHING);
	assert_int_equal(p.r.partial_len, 10);
	shutdown(p.out, SHUT_WR);
	assert_int_equal(receive_some(&p, 100), XPORT_READ_END);
	assert_null(p.r.partial);
	assert_int_equal(p.count, 0);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_prefix_leaves_together_with_the_first_frame),
		cmocka_unit_test(test_the_prefix_leaves_before_esp_too),
		cmocka_unit_test(test_an_accepted_stream_sends_no_prefix),
		cmocka_unit_test(test_what_the_socket_does_not_take_follows_in_order_with_ike_first),
		cmocka_unit_test(test_frames_pile_up_behind_a_full_socket_within_bounds),
		cmocka_unit_test(test_the_ike_queue_is_bounded),
		cmocka_unit_test(test_a_broken_stream_is_reported_once_written_to),
		cmocka_unit_test(test_the_end_of_a_stream_throws_the_partial_frame_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
