#include "plane/user/packet.h"

#include <netinet/in.h>

enum { IPV4_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20, UDP_HEADER = 8 };

static void read_l4(struct cv_bytes packet, struct packet_info *out)
{
	const uint8_t *l4 = packet.data + out->l4;
	size_t left = out->total - out->l4;
	size_t header = 0;

	out->payload = out->l4;
	if (out->fragment)
		return;
	if (out->protocol == IPPROTO_TCP && left >= TCP_HEADER) {
		header = (size_t)(l4[12] >> 4) * 4;
		if (header < TCP_HEADER)
			header = 0;
	} else if (out->protocol == IPPROTO_UDP && left >= UDP_HEADER) {
		header = UDP_HEADER;
	}
	if (header <= left)
		out->payload = (uint16_t)(out->l4 + header);
}

static bool read_ipv4(struct cv_bytes packet, struct packet_info *out)
{
	const uint8_t *ip = packet.data;
	size_t header;

	if (packet.len < IPV4_HEADER)
		return false;
	header = (size_t)(ip[0] & 0x0f) * 4;
	out->total = cv_get_u16(ip + 2);
	if (header < IPV4_HEADER || out->total < header || out->total > packet.len)
		return false;
	out->protocol = ip[9];
	out->fragment = (cv_get_u16(ip + 6) & 0x3fff) != 0;
	out->extended = header != IPV4_HEADER;
	out->l4 = (uint16_t)header;
	read_l4(packet, out);
	return true;
}

static bool is_ipv6_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_MH;
}

static bool read_ipv6(struct cv_bytes packet, struct packet_info *out)
{
	struct cv_cursor c;

	if (packet.len < IPV6_HEADER)
		return false;
	out->total = IPV6_HEADER + (uint32_t)cv_get_u16(packet.data + 4);
	if (out->total > packet.len || out->total > PACKET_MAX)
		return false;
	out->protocol = packet.data[6];
	c = cv_cursor(cv_bytes(packet.data + IPV6_HEADER, out->total - IPV6_HEADER));
	while (is_ipv6_extension(out->protocol)) {
		uint8_t next = cv_cursor_u8(&c);

		cv_cursor_skip(&c, (size_t)(cv_cursor_u8(&c) + 1) * 8 - 2);
		if (!cv_cursor_ok(&c))
			return false;
		out->protocol = next;
		out->extended = true;
	}
	if (out->protocol == IPPROTO_FRAGMENT) {
		out->fragment = true;
		out->extended = true;
	}
	out->l4 = (uint16_t)(out->total - cv_cursor_left(&c));
	read_l4(packet, out);
	return true;
}

bool packet_read(struct cv_bytes packet, struct packet_info *out)
{
	*out = (struct packet_info){ 0 };
	if (packet.len == 0)
		return false;
	out->version = packet.data[0] >> 4;
	if (out->version == 4)
		return read_ipv4(packet, out);
	return out->version == 6 && read_ipv6(packet, out);
}
