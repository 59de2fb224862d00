#include "plane/user/segment.h"

#include <string.h>

#include <netinet/in.h>

enum { FLAGS_WORD = 12, FLAGS_OCTET = 13 }; /* in the TCP header */

static size_t address_offset(const struct packet_info *info)
{
	return info->version == 4 ? 12 : 8;
}

static size_t address_len(const struct packet_info *info)
{
	return info->version == 4 ? 4 : 16;
}

/* The sums of everything that is the same in all packets. */
static void plan_sums(struct segment_plan *plan)
{
	const struct packet_info *info = &plan->info;
	const uint8_t *ip = plan->packet;
	const uint8_t *l4 = ip + info->l4;
	checksum_t sum = checksum_pseudo(ip + address_offset(info), address_len(info), info->protocol, 0);

	sum = checksum_add(sum, l4, 4);
	if (info->protocol == IPPROTO_TCP) {
		sum = checksum_add(sum, l4 + 8, 4);
		sum = checksum_add(sum, l4 + 14, 2);
		sum = checksum_add(sum, l4 + 18, (size_t)(info->payload - info->l4) - 18);
	}
	plan->l4_sum = sum;
	if (info->version == 4) {
		sum = checksum_add(0, ip, 2);
		sum = checksum_add(sum, ip + 6, 4);
		plan->ip_sum = checksum_add(sum, ip + 12, (size_t)info->l4 - 12);
	}
}

static bool gso_fits_packet(uint8_t gso_type, const struct packet_info *info)
{
	switch (gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4: return info->version == 4 && info->protocol == IPPROTO_TCP;
	case VIRTIO_NET_HDR_GSO_TCPV6: return info->version == 6 && info->protocol == IPPROTO_TCP;
	case VIRTIO_NET_HDR_GSO_UDP_L4: return info->protocol == IPPROTO_UDP;
	default: return false;
	}
}

static enum cv_err plan_super_packet(const struct virtio_net_hdr *hdr, size_t len, struct segment_plan *plan)
{
	const struct packet_info *info = &plan->info;

	if (!gso_fits_packet(hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN, info))
		return CV_E_SYNTAX;
	if (info->payload == info->l4 || info->total != len || hdr->gso_size == 0)
		return CV_E_SYNTAX;
	plan->payload_len = info->total - info->payload;
	plan->size = hdr->gso_size;
	if (plan->payload_len > plan->size)
		plan->count = (plan->payload_len + plan->size - 1) / plan->size;
	plan_sums(plan);
	return CV_OK;
}

enum cv_err segment_plan(const struct virtio_net_hdr *hdr, struct cv_bytes packet, struct segment_plan *out)
{
	*out = (struct segment_plan){ .packet = packet.data, .count = 1 };
	if (!packet_read(packet, &out->info) || hdr->hdr_len > packet.len)
		return CV_E_SYNTAX;
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return plan_super_packet(hdr, packet.len, out);
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (hdr->csum_start == 0 ||
		    (uint32_t)hdr->csum_start + hdr->csum_offset + 2 > out->info.total)
			return CV_E_SYNTAX;
		out->checksum_start = hdr->csum_start;
		out->checksum_at = (uint16_t)(hdr->csum_start + hdr->csum_offset);
	}
	return CV_OK;
}

size_t segment_len(const struct segment_plan *plan, uint32_t i)
{
	if (plan->size == 0)
		return plan->info.total;
	if (i + 1 < plan->count)
		return plan->info.payload + plan->size;
	return plan->info.payload + plan->payload_len - i * plan->size;
}

/* UDP says with 0 that there is no checksum (RFC 768); ones' complement has a second zero for it. */
static void store_udp(uint8_t *p, checksum_t sum)
{
	checksum_store(p, sum);
	if (p[0] == 0 && p[1] == 0)
		p[0] = p[1] = 0xff;
}

static void write_single(const struct segment_plan *plan, uint8_t *dst)
{
	checksum_t sum;

	if (plan->checksum_start == 0) {
		memcpy(dst, plan->packet, plan->info.total);
		return;
	}
	memcpy(dst, plan->packet, plan->checksum_start);
	sum = checksum_copy(0, dst + plan->checksum_start, plan->packet + plan->checksum_start,
			    plan->info.total - plan->checksum_start);
	if (plan->info.protocol == IPPROTO_UDP)
		store_udp(dst + plan->checksum_at, sum);
	else
		checksum_store(dst + plan->checksum_at, sum);
}

static void write_ip(const struct segment_plan *plan, uint32_t i, uint8_t *ip, size_t len)
{
	uint16_t id;

	if (plan->info.version == 6) {
		cv_put_u16(ip + 4, (uint16_t)(len - 40));
		return;
	}
	id = (uint16_t)(cv_get_u16(ip + 4) + i);
	cv_put_u16(ip + 2, (uint16_t)len);
	cv_put_u16(ip + 4, id);
	checksum_store(ip + 10, checksum_add_u16(checksum_add_u16(plan->ip_sum, (uint16_t)len), id));
}

static void write_tcp(const struct segment_plan *plan, uint32_t i, uint8_t *tcp, checksum_t sum)
{
	uint32_t seq = cv_get_u32(tcp + 4) + i * plan->size;

	cv_put_u32(tcp + 4, seq);
	if (i + 1 < plan->count)
		tcp[FLAGS_OCTET] &= (uint8_t) ~(PACKET_TCP_FIN | PACKET_TCP_PSH);
	if (i > 0)
		tcp[FLAGS_OCTET] &=
		    (uint8_t)~PACKET_TCP_CWR; /* said once per window (RFC 3168 section 6.1.2) */
	sum = checksum_add_u32(sum, seq);
	sum = checksum_add(sum, tcp + FLAGS_WORD, 2);
	checksum_store(tcp + PACKET_TCP_CHECKSUM, sum);
}

void segment_write(const struct segment_plan *plan, uint32_t i, uint8_t *dst)
{
	const struct packet_info *info = &plan->info;
	uint8_t *l4 = dst + info->l4;
	size_t len, l4_len;
	checksum_t sum;

	if (plan->size == 0) {
		write_single(plan, dst);
		return;
	}
	len = segment_len(plan, i);
	l4_len = len - info->l4;
	memcpy(dst, plan->packet, info->payload);
	sum = checksum_copy(plan->l4_sum, dst + info->payload,
			    plan->packet + info->payload + (size_t)i * plan->size, len - info->payload);
	sum = checksum_add_u32(sum, (uint32_t)l4_len);
	write_ip(plan, i, dst, len);
	if (info->protocol == IPPROTO_TCP) {
		write_tcp(plan, i, l4, sum);
		return;
	}
	cv_put_u16(l4 + 4, (uint16_t)l4_len);
	store_udp(l4 + PACKET_UDP_CHECKSUM, checksum_add_u16(sum, (uint16_t)l4_len));
}
