#include "esp/esp.h"

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER_LEN 40
#define EXT_HEADERS_MAX 16 /* more than any real packet has; bounds the work on a hostile one */

enum {
	HOP_BY_HOP = 0,
	ICMP = 1,
	TCP = 6,
	UDP = 17,
	ROUTING = 43,
	FRAGMENT = 44,
	ICMPV6 = 58,
	DEST_OPTIONS = 60,
	DCCP = 33,
	SCTP = 132,
	MOBILITY = 135,
	UDPLITE = 136
};

/* A header too short for its ports leaves them unknown: then it fits only selectors that do not ask. */
static void read_ports(struct cv_cursor *c, struct esp_flow *flow)
{
	uint16_t first, second;

	switch (flow->protocol) {
	case TCP:
	case UDP:
	case DCCP:
	case SCTP:
	case UDPLITE:
		first = cv_cursor_u16(c);
		second = cv_cursor_u16(c);
		break;
	case ICMP:
	case ICMPV6: first = second = cv_cursor_u16(c); break;
	case MOBILITY: /* the type is the third octet and counts in the high bits (RFC 7296 section 3.13.1) */
		cv_cursor_skip(c, 2);
		first = second = (uint16_t)(cv_cursor_u8(c) << 8);
		break;
	default: return;
	}
	if (!cv_cursor_ok(c))
		return;
	flow->ports = true;
	flow->src_port = first;
	flow->dst_port = second;
}

static enum cv_err read_ipv4(struct cv_bytes packet, struct esp_flow *flow)
{
	if (packet.len < IPV4_HEADER_MIN)
		return CV_E_TRUNCATED;
	size_t header_len = (size_t)(packet.data[0] & 0xf) * 4;
	uint16_t fragment = cv_get_u16(packet.data + 6);

	flow->len = cv_get_u16(packet.data + 2);
	if (header_len < IPV4_HEADER_MIN || header_len > flow->len || flow->len > packet.len)
		return CV_E_SYNTAX;
	flow->protocol = packet.data[9];
	flow->src = cv_ip_from_bytes(cv_bytes(packet.data + 12, 4));
	flow->dst = cv_ip_from_bytes(cv_bytes(packet.data + 16, 4));
	flow->fragment = (fragment & 0x1fff) != 0;
	if (!flow->fragment) {
		struct cv_cursor c = cv_cursor(cv_bytes(packet.data + header_len, flow->len - header_len));

		read_ports(&c, flow);
	}
	return CV_OK;
}

/* Goes over one extension header of the kinds that RFC 4301 section 4.4.1.1 says to skip. */
static uint8_t skip_extension(struct cv_cursor *c, uint8_t type, bool *fragment)
{
	uint8_t next = cv_cursor_u8(c);

	if (type == FRAGMENT) {
		cv_cursor_skip(c, 1);
		*fragment = (cv_cursor_u16(c) & 0xfff8) != 0;
		cv_cursor_skip(c, 4);
	} else {
		size_t len = ((size_t)cv_cursor_u8(c) + 1) * 8;

		cv_cursor_skip(c, len - 2);
	}
	return next;
}

static bool is_extension(uint8_t type)
{
	return type == HOP_BY_HOP || type == ROUTING || type == FRAGMENT || type == DEST_OPTIONS;
}

static enum cv_err read_ipv6(struct cv_bytes packet, struct esp_flow *flow)
{
	if (packet.len < IPV6_HEADER_LEN)
		return CV_E_TRUNCATED;
	flow->len = IPV6_HEADER_LEN + (size_t)cv_get_u16(packet.data + 4);
	if (flow->len > packet.len)
		return CV_E_SYNTAX;
	flow->src = cv_ip_from_bytes(cv_bytes(packet.data + 8, 16));
	flow->dst = cv_ip_from_bytes(cv_bytes(packet.data + 24, 16));
	struct cv_cursor c = cv_cursor(cv_bytes(packet.data + IPV6_HEADER_LEN, flow->len - IPV6_HEADER_LEN));
	uint8_t next = packet.data[6];

	for (int i = 0; is_extension(next) && !flow->fragment; i++) {
		if (i == EXT_HEADERS_MAX)
			return CV_E_SYNTAX;
		next = skip_extension(&c, next, &flow->fragment);
		if (!cv_cursor_ok(&c))
			return CV_E_SYNTAX;
	}
	flow->protocol = next;
	if (!flow->fragment)
		read_ports(&c, flow);
	return CV_OK;
}

enum cv_err esp_flow_read(struct cv_bytes packet, struct esp_flow *out)
{
	*out = (struct esp_flow){ 0 };
	if (packet.len == 0)
		return CV_E_TRUNCATED;
	switch (packet.data[0] >> 4) {
	case 4: return read_ipv4(packet, out);
	case 6: return read_ipv6(packet, out);
	default: return CV_E_SYNTAX;
	}
}
