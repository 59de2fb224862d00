#include "esp/esp.h"

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER_LEN 40
#define ECN_MASK	3

enum ecn { NOT_ECT, ECT_1, ECT_0, CE, DROP };

/* RFC 6040 section 4.2, figure 4: [inner][outer]. */
static const uint8_t decapsulated[4][4] = {
	[NOT_ECT] = { [NOT_ECT] = NOT_ECT, [ECT_0] = NOT_ECT, [ECT_1] = NOT_ECT, [CE] = DROP },
	[ECT_0] = { [NOT_ECT] = ECT_0, [ECT_0] = ECT_0, [ECT_1] = ECT_1, [CE] = CE },
	[ECT_1] = { [NOT_ECT] = ECT_1, [ECT_0] = ECT_1, [ECT_1] = ECT_1, [CE] = CE },
	[CE] = { [NOT_ECT] = CE, [ECT_0] = CE, [ECT_1] = CE, [CE] = CE },
};

/* The header checksum after its first word changed (RFC 1624 equation 3). */
static void fix_checksum(uint8_t *header, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint16_t)~cv_get_u16(header + 10) + (uint32_t)(uint16_t)~before + after;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	cv_put_u16(header + 10, (uint16_t)~sum);
}

static bool is_ipv4(struct cv_bytes packet)
{
	return packet.len >= IPV4_HEADER_MIN && packet.data[0] >> 4 == 4;
}

static bool is_ipv6(struct cv_bytes packet)
{
	return packet.len >= IPV6_HEADER_LEN && packet.data[0] >> 4 == 6;
}

bool esp_decap_ecn(uint8_t *inner, size_t len, uint8_t outer_ecn)
{
	struct cv_bytes packet = cv_bytes(inner, len);

	if (!is_ipv4(packet) && !is_ipv6(packet))
		return false;
	uint8_t now = esp_packet_tos(packet) & ECN_MASK;
	uint8_t then = decapsulated[now][outer_ecn & ECN_MASK];

	if (then == DROP)
		return false;
	if (then == now)
		return true;
	if (is_ipv4(packet)) {
		uint16_t before = cv_get_u16(inner);

		inner[1] = (uint8_t)((inner[1] & ~ECN_MASK) | then);
		fix_checksum(inner, before, cv_get_u16(inner));
	} else { /* the traffic class lies across the first two octets */
		inner[1] = (uint8_t)((inner[1] & ~(ECN_MASK << 4)) | then << 4);
	}
	return true;
}

uint8_t esp_packet_tos(struct cv_bytes packet)
{
	if (is_ipv4(packet))
		return packet.data[1];
	if (is_ipv6(packet))
		return (uint8_t)(cv_get_u16(packet.data) >> 4);
	return 0;
}
