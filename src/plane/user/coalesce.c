#include "plane/user/coalesce.h"

#include <string.h>

#include <netinet/in.h>

#include "plane/user/checksum.h"

enum { IP_DF = 0x4000 };

void coalesce_init(struct coalesce *c, bool tcp, bool udp, coalesce_emit *emit, void *arg)
{
	*c = (struct coalesce){ .tcp = tcp, .udp = udp, .emit = emit, .arg = arg };
}

static void emit_plain(struct coalesce *c, uint8_t *packet, size_t len)
{
	const struct virtio_net_hdr hdr = { 0 };
	struct iovec pieces[2] = { { 0 }, { .iov_base = packet, .iov_len = len } };

	c->emit(c->arg, &hdr, pieces, 1);
}

/* --- what may be joined at all --- */

static bool checksums_right(const uint8_t *packet, const struct packet_info *info)
{
	size_t l4_len = info->total - info->l4;
	checksum_t sum;

	if (info->version == 4 && checksum_fold(checksum_add(0, packet, info->l4)) != 0xffff)
		return false;
	if (info->version == 4)
		sum = checksum_pseudo(packet + 12, 4, info->protocol, (uint32_t)l4_len);
	else
		sum = checksum_pseudo(packet + 8, 16, info->protocol, (uint32_t)l4_len);
	return checksum_fold(checksum_add(sum, packet + info->l4, l4_len)) == 0xffff;
}

static bool can_join(const struct coalesce *c, const uint8_t *packet, const struct packet_info *info)
{
	const uint8_t *l4 = packet + info->l4;

	if (info->extended || info->total == info->payload)
		return false;
	if (info->protocol == IPPROTO_TCP)
		return c->tcp && (l4[13] & PACKET_TCP_ACK) != 0 &&
		       (l4[13] & (PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_URG | PACKET_TCP_CWR)) == 0 &&
		       checksums_right(packet, info);
	return c->udp && cv_get_u16(l4 + PACKET_UDP_CHECKSUM) != 0 &&
	       cv_get_u16(l4 + 4) == info->total - info->l4 && checksums_right(packet, info);
}

/* --- flows --- */

static uint32_t flow_hash(const uint8_t *packet, const struct packet_info *info)
{
	size_t at = info->version == 4 ? 12 : 8;
	size_t end = info->version == 4 ? 20 : 40;
	uint32_t h = cv_get_u32(packet + info->l4) ^ info->protocol;

	for (; at < end; at += 4)
		h = (h ^ cv_get_u32(packet + at)) * 0x9e3779b1u;
	return h;
}

/* Ports stand at the same place in TCP and UDP. */
static bool same_flow(const struct coalesce_flow *f, const uint8_t *packet, const struct packet_info *info)
{
	if (f->info.version != info->version || f->info.protocol != info->protocol)
		return false;
	if (info->version == 4 && memcmp(f->head + 12, packet + 12, 8) != 0)
		return false;
	if (info->version == 6 && memcmp(f->head + 8, packet + 8, 32) != 0)
		return false;
	return memcmp(f->head + f->info.l4, packet + info->l4, 4) == 0;
}

static struct coalesce_flow *find_flow(struct coalesce *c, const uint8_t *packet,
				       const struct packet_info *info, uint32_t hash)
{
	for (unsigned i = 0; i < COALESCE_FLOWS; i++) {
		struct coalesce_flow *f = &c->flow[i];

		if (f->head != NULL && f->hash == hash && same_flow(f, packet, info))
			return f;
	}
	return NULL;
}

/* --- a super-packet's end --- */

static void finish_headers(struct coalesce_flow *f)
{
	uint8_t *ip = f->head;
	uint8_t *l4 = ip + f->info.l4;
	uint32_t l4_len = f->total - f->info.l4;
	checksum_t pseudo;
	uint16_t folded;

	if (f->info.version == 4) {
		cv_put_u16(ip + 2, (uint16_t)f->total);
		cv_put_u16(ip + 10, 0);
		checksum_store(ip + 10, checksum_add(0, ip, f->info.l4));
		pseudo = checksum_pseudo(ip + 12, 4, f->info.protocol, l4_len);
	} else {
		cv_put_u16(ip + 4, (uint16_t)l4_len);
		pseudo = checksum_pseudo(ip + 8, 16, f->info.protocol, l4_len);
	}
	folded = checksum_fold(pseudo);
	if (f->info.protocol == IPPROTO_TCP) {
		l4[13] |= f->last_flags & (PACKET_TCP_FIN | PACKET_TCP_PSH);
		memcpy(l4 + PACKET_TCP_CHECKSUM, &folded, 2);
	} else {
		cv_put_u16(l4 + 4, (uint16_t)l4_len);
		memcpy(l4 + PACKET_UDP_CHECKSUM, &folded, 2);
	}
}

static uint8_t gso_type(const struct packet_info *info)
{
	if (info->protocol == IPPROTO_UDP)
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	return info->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
}

static void flow_emit(struct coalesce *c, struct coalesce_flow *f)
{
	struct virtio_net_hdr hdr = { 0 };

	if (f->count > 1) {
		finish_headers(f);
		hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		hdr.gso_type = gso_type(&f->info);
		hdr.hdr_len = f->info.payload;
		hdr.gso_size = (uint16_t)f->size;
		hdr.csum_start = f->info.l4;
		hdr.csum_offset = f->info.protocol == IPPROTO_TCP ? PACKET_TCP_CHECKSUM : PACKET_UDP_CHECKSUM;
	}
	c->emit(c->arg, &hdr, f->piece, f->count);
	f->head = NULL;
}

/* --- joining --- */

static bool same_ip(const struct coalesce_flow *f, const uint8_t *packet, const struct packet_info *info)
{
	const uint8_t *head = f->head;
	uint16_t id;

	if (info->version == 6)
		return memcmp(head, packet, 4) == 0 &&
		       head[7] == packet[7]; /* class, flow label, hop limit */
	if (head[1] != packet[1] || head[8] != packet[8] || memcmp(head + 6, packet + 6, 2) != 0)
		return false;
	id = cv_get_u16(packet + 4);
	return id == f->next_id || ((cv_get_u16(packet + 6) & IP_DF) && id == cv_get_u16(head + 4));
}

static bool same_tcp(const struct coalesce_flow *f, const uint8_t *packet, const struct packet_info *info)
{
	const uint8_t *a = f->head + f->info.l4;
	const uint8_t *b = packet + info->l4;
	const uint8_t ends = PACKET_TCP_FIN | PACKET_TCP_PSH;

	return cv_get_u32(b + 4) == f->next_seq && memcmp(a + 8, b + 8, 4) == 0 && a[12] == b[12] &&
	       ((a[13] ^ b[13]) & ~ends) == 0 && memcmp(a + 14, b + 14, 2) == 0 &&
	       memcmp(a + 18, b + 18, (size_t)(info->payload - info->l4) - 18) == 0;
}

static bool flow_takes(const struct coalesce_flow *f, const uint8_t *packet, const struct packet_info *info)
{
	uint32_t payload = info->total - info->payload;

	return f->info.payload == info->payload && payload <= f->size && f->count < COALESCE_PIECES &&
	       f->total + payload <= PACKET_MAX && same_ip(f, packet, info) &&
	       (info->protocol == IPPROTO_UDP || same_tcp(f, packet, info));
}

/* After a short packet, or one with PSH or FIN, nothing can follow: cutting puts those only at the end. */
static bool ends_flow(const struct coalesce_flow *f, const uint8_t *packet, const struct packet_info *info)
{
	if (info->total - info->payload < f->size)
		return true;
	return info->protocol == IPPROTO_TCP &&
	       (packet[info->l4 + 13] & (PACKET_TCP_FIN | PACKET_TCP_PSH)) != 0;
}

static void flow_append(struct coalesce_flow *f, uint8_t *packet, const struct packet_info *info)
{
	uint32_t payload = info->total - info->payload;

	f->count++;
	if (f->count == 1)
		f->piece[1] = (struct iovec){ .iov_base = packet, .iov_len = info->total };
	else
		f->piece[f->count] = (struct iovec){ .iov_base = packet + info->payload, .iov_len = payload };
	f->total += payload;
	f->next_seq += payload;
	f->next_id++;
	if (info->protocol == IPPROTO_TCP)
		f->last_flags = packet[info->l4 + 13];
}

static struct coalesce_flow *flow_start(struct coalesce *c, uint8_t *packet, const struct packet_info *info,
					uint32_t hash)
{
	struct coalesce_flow *f = &c->flow[c->next_victim++ % COALESCE_FLOWS];

	if (f->head != NULL)
		flow_emit(c, f);
	f->head = packet;
	f->info = *info;
	f->hash = hash;
	f->size = info->total - info->payload;
	f->total = info->payload;
	f->count = 0;
	f->next_seq = cv_get_u32(packet + info->l4 + 4);
	f->next_id = info->version == 4 ? cv_get_u16(packet + 4) : 0;
	return f;
}

void coalesce_add(struct coalesce *c, uint8_t *packet, size_t len)
{
	struct packet_info info;
	struct coalesce_flow *f;
	uint32_t hash;

	if (!packet_read(cv_bytes(packet, len), &info)) {
		emit_plain(c, packet, len);
		return;
	}
	if (info.payload == info.l4) {
		if (info.fragment || info.protocol == IPPROTO_TCP || info.protocol == IPPROTO_UDP)
			coalesce_flush(c); /* which flow it belongs to cannot be seen */
		emit_plain(c, packet, info.total);
		return;
	}
	hash = flow_hash(packet, &info);
	f = find_flow(c, packet, &info, hash);
	if (!can_join(c, packet, &info)) {
		if (f != NULL)
			flow_emit(c, f);
		emit_plain(c, packet, info.total);
		return;
	}
	if (f != NULL && !flow_takes(f, packet, &info)) {
		flow_emit(c, f);
		f = NULL;
	}
	if (f == NULL)
		f = flow_start(c, packet, &info, hash);
	flow_append(f, packet, &info);
	if (ends_flow(f, packet, &info))
		flow_emit(c, f);
}

void coalesce_flush(struct coalesce *c)
{
	for (unsigned i = 0; i < COALESCE_FLOWS; i++) {
		struct coalesce_flow *f = &c->flow[(c->next_victim + i) % COALESCE_FLOWS];

		if (f->head != NULL)
			flow_emit(c, f);
	}
}
