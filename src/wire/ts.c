/* Traffic Selector payloads (RFC 7296 section 3.13). */
#include "wire/payloads.h"

#include <netinet/in.h>
#include <stdio.h>

enum { PORTS_LEN = 4, SELECTOR_HEADER_LEN = 4, PORT_MAX = 65535 };

/* The octets of one address in a selector of that type; 0 for a type that we don't know. */
static size_t address_len(uint8_t type)
{
	switch (type) {
	case WIRE_TS_IPV4_RANGE: return 4;
	case WIRE_TS_IPV6_RANGE: return 16;
	default: return 0;
	}
}

static bool any_port(const struct wire_ts *ts)
{
	return ts->port_first == 0 && ts->port_last == PORT_MAX;
}

static bool opaque_port(const struct wire_ts *ts)
{
	return ts->port_first == PORT_MAX && ts->port_last == 0;
}

/* Ranges run upwards, with OPAQUE as the one exception; ports belong to a protocol (section 3.13.1). */
static bool ranges_valid(const struct wire_ts *ts)
{
	if (cv_ip_compare(&ts->first, &ts->last) > 0)
		return false;
	if (ts->protocol == 0)
		return any_port(ts);
	return ts->port_first <= ts->port_last || opaque_port(ts);
}

/* One selector; *known is false for one that is only skipped. */
static bool decode_selector(struct cv_cursor *c, struct wire_ts *out, bool *known)
{
	struct cv_cursor in;
	uint8_t type = cv_cursor_u8(c);
	size_t len = address_len(type);
	uint16_t length;

	*known = len != 0;
	out->protocol = cv_cursor_u8(c);
	length = cv_cursor_u16(c);
	if (!cv_cursor_ok(c) || length < SELECTOR_HEADER_LEN + PORTS_LEN)
		return false;
	in = cv_cursor_sub(c, (size_t)length - SELECTOR_HEADER_LEN);
	if (!*known)
		return cv_cursor_ok(&in);
	out->port_first = cv_cursor_u16(&in);
	out->port_last = cv_cursor_u16(&in);
	out->first = cv_ip_from_bytes(cv_cursor_take(&in, len));
	out->last = cv_ip_from_bytes(cv_cursor_take(&in, len));
	return cv_cursor_done(&in) && ranges_valid(out);
}

enum cv_err wire_ts_decode(struct cv_bytes body, struct wire_ts_list *out)
{
	struct cv_cursor c = cv_cursor(body);
	uint8_t announced = cv_cursor_u8(&c);

	out->count = 0;
	cv_cursor_skip(&c, 3);
	if (announced == 0)
		return CV_E_SYNTAX;
	for (unsigned i = 0; i < announced; i++) {
		struct wire_ts ts;
		bool known;

		if (!decode_selector(&c, &ts, &known))
			return CV_E_SYNTAX;
		if (!known)
			continue;
		if (out->count == WIRE_TS_MAX)
			return CV_E_LIMIT;
		out->ts[out->count++] = ts;
	}
	return cv_cursor_done(&c) ? CV_OK : CV_E_SYNTAX;
}

void wire_ts_build(struct wire_builder *b, uint8_t payload_type, const struct wire_ts_list *list)
{
	struct cv_writer *w = &b->w;

	wire_build_begin(b, payload_type);
	if (list->count == 0 || list->count > WIRE_TS_MAX)
		w->failed = true;
	cv_writer_u8(w, list->count);
	cv_writer_zero(w, 3);
	for (unsigned i = 0; i < list->count && cv_writer_ok(w); i++) {
		const struct wire_ts *ts = &list->ts[i];
		size_t len = cv_ip_len(&ts->first);

		if (len == 0 || len != cv_ip_len(&ts->last))
			w->failed = true;
		cv_writer_u8(w, len == 4 ? WIRE_TS_IPV4_RANGE : WIRE_TS_IPV6_RANGE);
		cv_writer_u8(w, ts->protocol);
		cv_writer_u16(w, (uint16_t)(SELECTOR_HEADER_LEN + PORTS_LEN + 2 * len));
		cv_writer_u16(w, ts->port_first);
		cv_writer_u16(w, ts->port_last);
		cv_writer_put(w, cv_ip_bytes(&ts->first));
		cv_writer_put(w, cv_ip_bytes(&ts->last));
	}
	wire_build_end(b);
}

static const char *protocol_text(uint8_t protocol, char out[8])
{
	switch (protocol) {
	case IPPROTO_ICMP: return "icmp";
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_GRE: return "gre";
	case IPPROTO_ICMPV6: return "ipv6-icmp";
	case IPPROTO_SCTP: return "sctp";
	default: snprintf(out, 8, "%u", protocol); return out;
	}
}

/* "80", "80-90"; for ICMP type.code, or the type alone when it is all its codes (section 3.13.1). */
static void ports_text(const struct wire_ts *ts, char out[24])
{
	bool icmp = ts->protocol == IPPROTO_ICMP || ts->protocol == IPPROTO_ICMPV6;
	unsigned a = ts->port_first, b = ts->port_last;

	if (opaque_port(ts))
		snprintf(out, 24, "opaque");
	else if (icmp && a >> 8 == b >> 8 && (a & 255) == 0 && (b & 255) == 255)
		snprintf(out, 24, "%u", a >> 8);
	else if (icmp && a == b)
		snprintf(out, 24, "%u.%u", a >> 8, a & 255);
	else if (icmp)
		snprintf(out, 24, "%u.%u-%u.%u", a >> 8, a & 255, b >> 8, b & 255);
	else if (a == b)
		snprintf(out, 24, "%u", a);
	else
		snprintf(out, 24, "%u-%u", a, b);
}

const char *wire_ts_text(const struct wire_ts *ts, char out[WIRE_TS_TEXT_MAX])
{
	char first[CV_PREFIX_TEXT_MAX], last[CV_IP_TEXT_MAX], number[8], ports[24];
	const char *dash = "";
	struct cv_prefix prefix;

	last[0] = '\0';
	if (cv_prefix_from_range(&ts->first, &ts->last, &prefix)) {
		cv_prefix_text(&prefix, first);
	} else {
		cv_ip_text(&ts->first, first);
		cv_ip_text(&ts->last, last);
		dash = "-";
	}
	if (ts->protocol == 0) {
		snprintf(out, WIRE_TS_TEXT_MAX, "%s%s%s", first, dash, last);
	} else if (any_port(ts)) {
		snprintf(out, WIRE_TS_TEXT_MAX, "%s%s%s/%s", first, dash, last,
			 protocol_text(ts->protocol, number));
	} else {
		ports_text(ts, ports);
		snprintf(out, WIRE_TS_TEXT_MAX, "%s%s%s/%s/%s", first, dash, last,
			 protocol_text(ts->protocol, number), ports);
	}
	return out;
}
