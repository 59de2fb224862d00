#include "esp/selector.h"

enum { ICMP = 1, ICMPV6 = 58, MOBILITY = 135 };

static bool ports_any(const struct wire_ts *ts)
{
	return ts->port_first == 0 && ts->port_last == UINT16_MAX;
}

/* OPAQUE stands for ports that cannot be seen, ANY for those too (RFC 4301 section 4.4.1.1). */
static bool port_fits(const struct wire_ts *ts, bool known, uint16_t port)
{
	if (ports_any(ts))
		return true;
	if (ts->port_first > ts->port_last)
		return !known && ts->port_first == UINT16_MAX && ts->port_last == 0;
	return known && ts->port_first <= port && port <= ts->port_last;
}

static bool protocol_fits(const struct wire_ts *ts, const struct esp_flow *flow)
{
	return ts->protocol == 0 || ts->protocol == flow->protocol;
}

bool esp_selector_sends(const struct wire_ts *ts, const struct esp_flow *flow)
{
	return protocol_fits(ts, flow) && port_fits(ts, flow->ports, flow->src_port);
}

bool esp_selector_receives(const struct wire_ts *ts, const struct esp_flow *flow)
{
	if (!protocol_fits(ts, flow))
		return false;
	/* These have one field only. A side's selector says what that side sends (RFC 4301 section 4.4.1.3).
	 */
	if (flow->protocol == ICMP || flow->protocol == ICMPV6 || flow->protocol == MOBILITY)
		return true;
	return port_fits(ts, flow->ports, flow->dst_port);
}

bool esp_selector_covers(const struct wire_ts *ts, const struct cv_ip *ip)
{
	return ip->family == ts->first.family && cv_ip_compare(&ts->first, ip) <= 0 &&
	       cv_ip_compare(ip, &ts->last) <= 0;
}

bool esp_selectors_allow(const struct wire_ts_list *src, const struct wire_ts_list *dst,
			 const struct esp_flow *flow)
{
	bool sent = false, received = false;

	for (size_t i = 0; !sent && i < src->count; i++)
		sent = esp_selector_covers(&src->ts[i], &flow->src) && esp_selector_sends(&src->ts[i], flow);
	for (size_t i = 0; sent && !received && i < dst->count; i++)
		received =
		    esp_selector_covers(&dst->ts[i], &flow->dst) && esp_selector_receives(&dst->ts[i], flow);
	return sent && received;
}
