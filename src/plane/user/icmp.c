#include "plane/user/icmp.h"

#include <string.h>

#include <netinet/in.h>

#include "plane/user/checksum.h"
#include "plane/user/packet.h"

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	ICMP_HEADER = 8,
	IPV4_ANSWER_MAX = 576, /* RFC 1812 section 4.3.2.3 */
	ANSWER_HOPS = 64,
	UNREACHABLE = 3,
	FRAGMENTATION_NEEDED = 4,
	PACKET_TOO_BIG = 2,
};

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Echo and the like may be answered, errors may not. */
static bool is_icmp_error(struct cv_bytes packet, const struct packet_info *info)
{
	uint8_t type;

	if (info->protocol != IPPROTO_ICMP && info->protocol != IPPROTO_ICMPV6)
		return false;
	if (info->l4 >= info->total)
		return true;
	type = packet.data[info->l4];
	if (info->protocol == IPPROTO_ICMPV6)
		return type < 128;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static size_t answer_ipv4(struct cv_bytes packet, uint32_t mtu, uint8_t *out)
{
	const uint8_t *src = packet.data + 12;
	size_t quote = min_size(packet.len, IPV4_ANSWER_MAX - IPV4_HEADER - ICMP_HEADER);
	size_t len = IPV4_HEADER + ICMP_HEADER + quote;
	uint8_t *icmp = out + IPV4_HEADER;

	if ((cv_get_u16(packet.data + 6) & 0x1fff) != 0 || src[0] == 0 || src[0] == 127 || src[0] >= 224)
		return 0;
	memset(out, 0, IPV4_HEADER + ICMP_HEADER);
	out[0] = 0x45;
	cv_put_u16(out + 2, (uint16_t)len);
	out[8] = ANSWER_HOPS;
	out[9] = IPPROTO_ICMP;
	memcpy(out + 12, packet.data + 16, 4);
	memcpy(out + 16, src, 4);
	checksum_store(out + 10, checksum_add(0, out, IPV4_HEADER));
	icmp[0] = UNREACHABLE;
	icmp[1] = FRAGMENTATION_NEEDED;
	cv_put_u16(icmp + 6, (uint16_t)mtu);
	memcpy(icmp + ICMP_HEADER, packet.data, quote);
	checksum_store(icmp + 2, checksum_add(0, icmp, ICMP_HEADER + quote));
	return len;
}

static size_t answer_ipv6(struct cv_bytes packet, uint32_t mtu, uint8_t *out)
{
	static const uint8_t unspecified[16];
	const uint8_t *src = packet.data + 8;
	size_t quote = min_size(packet.len, ICMP_ANSWER_MAX - IPV6_HEADER - ICMP_HEADER);
	uint8_t *icmp = out + IPV6_HEADER;
	checksum_t sum;

	if (src[0] == 0xff || memcmp(src, unspecified, sizeof unspecified) == 0)
		return 0;
	memset(out, 0, IPV6_HEADER + ICMP_HEADER);
	out[0] = 0x60;
	cv_put_u16(out + 4, (uint16_t)(ICMP_HEADER + quote));
	out[6] = IPPROTO_ICMPV6;
	out[7] = ANSWER_HOPS;
	memcpy(out + 8, packet.data + 24, 16);
	memcpy(out + 24, src, 16);
	icmp[0] = PACKET_TOO_BIG;
	cv_put_u32(icmp + 4, mtu);
	memcpy(icmp + ICMP_HEADER, packet.data, quote);
	sum = checksum_pseudo(out + 8, 16, IPPROTO_ICMPV6, (uint32_t)(ICMP_HEADER + quote));
	checksum_store(icmp + 2, checksum_add(sum, icmp, ICMP_HEADER + quote));
	return IPV6_HEADER + ICMP_HEADER + quote;
}

size_t icmp_too_big(struct cv_bytes packet, uint32_t mtu, uint8_t out[ICMP_ANSWER_MAX])
{
	struct packet_info info;

	if (!packet_read(packet, &info) || is_icmp_error(packet, &info))
		return 0;
	return info.version == 4 ? answer_ipv4(packet, mtu, out) : answer_ipv6(packet, mtu, out);
}
