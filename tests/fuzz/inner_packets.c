/* What the TUN device, and an authenticated peer, can hand to the plane. The input is a row of records, each
 * two octets of length, a virtio header, and a packet: it is cut as for sending, the pieces are joined as for
 * receiving and cut again, and must be the same; each is also fragmented, and answered as too big. */
#include <stdlib.h>
#include <string.h>

#include "plane/user/coalesce.h"
#include "plane/user/fragment.h"
#include "plane/user/icmp.h"
#include "plane/user/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECES_MAX = 400, OCTETS_MAX = 400000 };

/* A broken property is a finding like any crash. */
static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct coalesce joiner;
static uint8_t *pieces[PIECES_MAX];
static unsigned piece_count;
static size_t octets;
static uint64_t went_in, came_out;

/* Order does not count here; an IPv4 ID only without DF. */
static uint64_t digest(const uint8_t *p, size_t len)
{
	bool atomic = len >= 20 && p[0] >> 4 == 4 && (p[6] & 0x40);
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++) {
		bool skip = atomic && (i == 4 || i == 5 || i == 10 || i == 11);

		h = (h ^ (skip ? 0 : p[i])) * 0x100000001b3;
	}
	return h;
}

static void emit(void *arg, const struct virtio_net_hdr *hdr, struct iovec *iov, unsigned n)
{
	static uint8_t whole[PACKET_MAX + 1], cut[PACKET_MAX];
	struct segment_plan plan;
	size_t len = 0;

	(void)arg;
	require(n >= 1 && n <= COALESCE_PIECES);
	for (unsigned i = 1; i <= n; i++) {
		require(len + iov[i].iov_len <= PACKET_MAX);
		memcpy(whole + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
	}
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		require(n == 1);
		came_out += digest(whole, len);
		return;
	}
	require(n > 1 && segment_plan(hdr, cv_bytes(whole, len), &plan) == CV_OK && plan.count == n);
	for (uint32_t i = 0; i < plan.count; i++) {
		segment_write(&plan, i, cut);
		came_out += digest(cut, segment_len(&plan, i));
	}
}

struct fragments {
	uint32_t mtu;
	size_t payload;
};

static void check_fragment(void *arg, struct cv_bytes f)
{
	struct fragments *all = arg;
	struct packet_info info;

	require(f.len <= all->mtu && packet_read(f, &info) && info.total == f.len);
	all->payload += f.len - info.l4;
}

static void other_ways(const uint8_t *packet, size_t len, const struct packet_info *info)
{
	struct fragments all = { .mtu = 68 + (uint32_t)(len % 1400) };
	uint8_t answer[ICMP_ANSWER_MAX];
	uint8_t *work = malloc(all.mtu);

	require(work != NULL);
	require(icmp_too_big(cv_bytes(packet, len), all.mtu, answer) <= ICMP_ANSWER_MAX);
	if (fragment_ipv4(cv_bytes(packet, len), all.mtu, work, check_fragment, &all) == CV_OK)
		require(all.payload == info->total - info->l4);
	free(work);
}

/* One record: cuts it and hands the pieces to the joiner, each in memory of exactly its size. */
static void take(const uint8_t *record, size_t len)
{
	struct virtio_net_hdr hdr;
	struct segment_plan plan;

	if (len < sizeof hdr)
		return;
	memcpy(&hdr, record, sizeof hdr);
	if (segment_plan(&hdr, cv_bytes(record + sizeof hdr, len - sizeof hdr), &plan) != CV_OK)
		return;
	other_ways(record + sizeof hdr, len - sizeof hdr, &plan.info);
	for (uint32_t i = 0; i < plan.count && piece_count < PIECES_MAX; i++) {
		size_t n = segment_len(&plan, i);
		uint8_t *p = malloc(n);

		octets += n;
		if (p == NULL || octets > OCTETS_MAX) {
			free(p);
			return;
		}
		segment_write(&plan, i, p);
		went_in += digest(p, n);
		pieces[piece_count++] = p;
		coalesce_add(&joiner, p, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cv_cursor c = cv_cursor(cv_bytes(data, size));

	coalesce_init(&joiner, true, true, emit, NULL);
	piece_count = 0;
	octets = 0;
	went_in = came_out = 0;
	while (cv_cursor_left(&c) > 2) {
		size_t len = cv_cursor_u16(&c);
		struct cv_bytes record =
		    len <= cv_cursor_left(&c) ? cv_cursor_take(&c, len) : cv_cursor_rest(&c);
		uint8_t *exact = malloc(record.len + 1); /* a read behind the end is seen */

		require(exact != NULL);
		memcpy(exact + 1, record.data, record.len);
		take(exact + 1, record.len);
		free(exact);
	}
	coalesce_flush(&joiner);
	require(went_in == came_out);
	while (piece_count > 0)
		free(pieces[--piece_count]);
	return 0;
}
