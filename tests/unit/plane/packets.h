/* Inner packets for the plane's tests, built and cut the plain way: one octet at a time, one packet at a
 * time. */
#ifndef CULVERT_TESTS_PACKETS_H
#define CULVERT_TESTS_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "octets.h"
#include "plane/user/packet.h"

enum { PACKETS_TCP = 6, PACKETS_UDP = 17, PACKETS_ICMP = 1 };

/* RFC 1071 section 4.1, as it stands there. */
static inline uint16_t packets_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	if (len % 2 != 0)
		sum += (uint32_t)(p[len - 1] << 8);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline uint16_t packets_pseudo(const uint8_t *ip, uint8_t protocol, size_t l4_len)
{
	uint32_t sum = (uint32_t)l4_len + protocol;

	if (ip[0] >> 4 == 4)
		return packets_sum(ip + 12, 8, sum);
	return packets_sum(ip + 8, 32, sum);
}

/* What a packet is made of. */
struct packets_spec {
	uint8_t version;
	uint8_t protocol;
	uint8_t tos, ttl;
	uint16_t id, frag;  /* IPv4; frag: flags and offset as in the header */
	uint8_t ip_options; /* IPv4: octets, a multiple of 4; IPv6: octets of a hop-by-hop header, a multiple
			       of 8 */
	uint8_t flow;	    /* changes addresses and ports */
	bool back;	    /* from 10.2.0.0/16 or fd02::/16 to 10.1.0.0/16 or fd01::/16, not the other way */
	uint32_t seq, ack;
	uint16_t window, urgent;
	uint8_t flags;	    /* TCP */
	uint8_t l4_options; /* TCP: octets, a multiple of 4 */
	uint8_t option_seed;
	size_t payload;
};

static inline size_t packets_l4(const struct packets_spec *s)
{
	return (s->version == 4 ? 20u : 40u) + s->ip_options;
}

static inline size_t packets_header(const struct packets_spec *s)
{
	return packets_l4(s) + (s->protocol == PACKETS_TCP ? 20u + s->l4_options : 8u);
}

static inline void packets_put_ip_sum(uint8_t *ip)
{
	size_t len = (size_t)(ip[0] & 15) * 4;

	cv_put_u16(ip + 10, 0);
	cv_put_u16(ip + 10, (uint16_t)~packets_sum(ip, len, 0));
}

/* Right checksum of layer 4; 0 becomes 0xffff in UDP. */
static inline void packets_put_l4_sum(uint8_t *ip, size_t l4, size_t len, uint8_t protocol)
{
	size_t at = l4 + (protocol == PACKETS_TCP ? 16 : 6);
	uint16_t sum;

	cv_put_u16(ip + at, 0);
	sum = (uint16_t)~packets_sum(ip + l4, len - l4, packets_pseudo(ip, protocol, len - l4));
	if (sum == 0 && protocol == PACKETS_UDP)
		sum = 0xffff;
	cv_put_u16(ip + at, sum);
}

static inline void packets_put_ip(const struct packets_spec *s, uint8_t *p, size_t total)
{
	size_t l4 = packets_l4(s);

	memset(p, 0, l4);
	if (s->version == 4) {
		p[0] = (uint8_t)(0x40 | l4 / 4);
		p[1] = s->tos;
		cv_put_u16(p + 2, (uint16_t)total);
		cv_put_u16(p + 4, s->id);
		cv_put_u16(p + 6, s->frag);
		p[8] = s->ttl;
		p[9] = s->protocol;
		memcpy(p + 12, (uint8_t[]){ 10, s->back ? 2 : 1, 0, s->flow, 10, s->back ? 1 : 2, 0, 1 }, 8);
		memset(p + 20, 1, s->ip_options);
		packets_put_ip_sum(p);
		return;
	}
	p[0] = (uint8_t)(0x60 | s->tos >> 4);
	p[1] = (uint8_t)(s->tos << 4);
	cv_put_u16(p + 4, (uint16_t)(total - 40));
	p[6] = s->ip_options > 0 ? 0 : s->protocol;
	p[7] = s->ttl;
	p[8] = p[24] = 0xfd;
	p[9] = s->back ? 2 : 1;
	p[25] = s->back ? 1 : 2;
	p[23] = s->flow;
	p[39] = 1;
	if (s->ip_options > 0) {
		p[40] = s->protocol;
		p[41] = (uint8_t)(s->ip_options / 8 - 1);
		p[42] = 1; /* PadN */
		p[43] = (uint8_t)(s->ip_options - 4);
	}
}

/* The whole packet with right checksums; its length. */
static inline size_t packets_build(const struct packets_spec *s, uint64_t *seed, uint8_t *p)
{
	size_t l4 = packets_l4(s);
	size_t header = packets_header(s);
	size_t total = header + s->payload;

	packets_put_ip(s, p, total);
	memset(p + l4, 0, header - l4);
	cv_put_u16(p + l4, (uint16_t)(1000 + s->flow));
	cv_put_u16(p + l4 + 2, 80);
	octets_random_fill(seed, p + header, s->payload);
	if (s->protocol == PACKETS_TCP) {
		cv_put_u32(p + l4 + 4, s->seq);
		cv_put_u32(p + l4 + 8, s->ack);
		p[l4 + 12] = (uint8_t)((20 + s->l4_options) / 4 << 4);
		p[l4 + 13] = s->flags;
		cv_put_u16(p + l4 + 14, s->window);
		cv_put_u16(p + l4 + 18, s->urgent);
		memset(p + l4 + 20, 1 + s->option_seed, s->l4_options);
	} else {
		cv_put_u16(p + l4 + 4, (uint16_t)(total - l4));
	}
	packets_put_l4_sum(p, l4, total, s->protocol);
	return total;
}

/* The header that the kernel gives with such a packet when the checksum, or the cutting, is left to us; the
 * packet's checksum field then holds the pseudo-header's sum. */
static inline struct virtio_net_hdr packets_offload(const struct packets_spec *s, uint8_t *p, size_t len,
						    size_t gso_size)
{
	size_t l4 = packets_l4(s);
	size_t at = s->protocol == PACKETS_TCP ? 16 : 6;
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				    .csum_start = (uint16_t)l4,
				    .csum_offset = (uint16_t)at };

	cv_put_u16(p + l4 + at, packets_pseudo(p, s->protocol, len - l4));
	if (gso_size > 0) {
		h.gso_size = (uint16_t)gso_size;
		h.hdr_len = (uint16_t)packets_header(s);
		h.gso_type = s->protocol == PACKETS_UDP ? VIRTIO_NET_HDR_GSO_UDP_L4
			     : s->version == 4		? VIRTIO_NET_HDR_GSO_TCPV4
							: VIRTIO_NET_HDR_GSO_TCPV6;
	}
	return h;
}

/* Cuts a super-packet the plain way: packet number i of size octets of payload each, into out; its length, or
 * 0 when there is none. TCP: the sequence number goes on, PSH and FIN only in the last, CWR only in the
 * first. */
static inline size_t packets_cut(const uint8_t *whole, size_t len, size_t l4, size_t header, size_t size,
				 size_t i, uint8_t *out)
{
	size_t from = header + i * size;
	size_t n = len - from < size ? len - from : size;
	bool last = from + n == len;
	uint8_t protocol = header - l4 == 8 ? PACKETS_UDP : PACKETS_TCP;

	if (from >= len && i > 0)
		return 0;
	memcpy(out, whole, header);
	memcpy(out + header, whole + from, n);
	if (protocol == PACKETS_TCP) {
		cv_put_u32(out + l4 + 4, (uint32_t)(cv_get_u32(whole + l4 + 4) + i * size));
		if (!last)
			out[l4 + 13] &= (uint8_t)~0x09;
		if (i > 0)
			out[l4 + 13] &= (uint8_t)~0x80;
	} else {
		cv_put_u16(out + l4 + 4, (uint16_t)(8 + n));
	}
	if (whole[0] >> 4 == 4) {
		cv_put_u16(out + 2, (uint16_t)(header + n));
		cv_put_u16(out + 4, (uint16_t)(cv_get_u16(whole + 4) + i));
		packets_put_ip_sum(out);
	} else {
		cv_put_u16(out + 4, (uint16_t)(header + n - 40));
	}
	packets_put_l4_sum(out, l4, header + n, protocol);
	return header + n;
}

/* Which flow a packet is of: family and protocol make different ones too; a fragment counts to its addresses.
 */
static inline unsigned packets_flow(const uint8_t *p)
{
	bool v4 = p[0] >> 4 == 4;
	uint8_t next = v4 ? p[9] : p[6] == 0 ? p[40] : p[6];

	return (unsigned)(v4 ? p[15] : p[23]) * 4 + (v4 ? 2 : 0) + (next == PACKETS_TCP);
}

#endif
