#include "plane/user/fragment.h"

#include <stdbool.h>
#include <string.h>

#include "plane/user/checksum.h"
#include "plane/user/packet.h"

enum {
	FIXED_HEADER = 20,
	HEADER_MAX = 60,
	OFFSET_UNIT = 8,
	DF = 0x4000,
	MF = 0x2000,
	OFFSET_MASK = 0x1fff,
	OPTION_COPIED = 0x80,
	OPTION_END = 0,
	OPTION_NOP = 1,
};

/* The header of all fragments but the first: only options that say so are copied. */
static size_t later_header(const uint8_t *header, size_t len, uint8_t out[HEADER_MAX])
{
	struct cv_cursor c = cv_cursor(cv_bytes(header + FIXED_HEADER, len - FIXED_HEADER));
	size_t n = FIXED_HEADER;

	memcpy(out, header, FIXED_HEADER);
	while (cv_cursor_left(&c) > 0) {
		const uint8_t *option = c.pos;
		uint8_t type = cv_cursor_u8(&c);
		uint8_t option_len;

		if (type == OPTION_END)
			break;
		if (type == OPTION_NOP)
			continue;
		option_len = cv_cursor_u8(&c);
		if (option_len < 2)
			break;
		cv_cursor_skip(&c, option_len - 2u);
		if (!cv_cursor_ok(&c))
			break;
		if (type & OPTION_COPIED) {
			memcpy(out + n, option, option_len);
			n += option_len;
		}
	}
	while (n % 4 != 0)
		out[n++] = OPTION_END;
	out[0] = (uint8_t)(0x40 | n / 4);
	return n;
}

static void finish(uint8_t *ip, size_t header, size_t len, uint16_t flags_offset)
{
	cv_put_u16(ip + 2, (uint16_t)len);
	cv_put_u16(ip + 6, flags_offset);
	cv_put_u16(ip + 10, 0);
	checksum_store(ip + 10, checksum_add(0, ip, header));
}

enum cv_err fragment_ipv4(struct cv_bytes packet, uint32_t mtu, uint8_t *work, fragment_emit *emit, void *arg)
{
	uint8_t header[HEADER_MAX];
	struct packet_info info;
	size_t header_len, at;
	uint16_t flags;

	if (!packet_read(packet, &info) || info.version != 4)
		return CV_E_SYNTAX;
	flags = cv_get_u16(packet.data + 6);
	if (flags & DF)
		return CV_E_POLICY;
	header_len = info.l4;
	if (mtu < HEADER_MAX + OFFSET_UNIT)
		return CV_E_LIMIT;
	memcpy(header, packet.data, header_len);
	at = info.l4;
	while (at < info.total) {
		size_t room = (mtu - header_len) / OFFSET_UNIT * OFFSET_UNIT;
		size_t payload = info.total - at;
		uint16_t offset = (uint16_t)((flags & OFFSET_MASK) + (at - info.l4) / OFFSET_UNIT);
		bool more = payload > mtu - header_len;

		if (more)
			payload = room;
		memcpy(work, header, header_len);
		memcpy(work + header_len, packet.data + at, payload);
		finish(work, header_len, header_len + payload,
		       (uint16_t)(offset | (more || (flags & MF) ? MF : 0)));
		emit(arg, cv_bytes(work, header_len + payload));
		at += payload;
		if (header_len == info.l4 && info.extended)
			header_len = later_header(packet.data, info.l4, header);
	}
	return CV_OK;
}
