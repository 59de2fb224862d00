#include "ike/ts.h"

#include <stdio.h>

enum { PORT_ANY_LAST = 65535 };

struct wire_ts ike_ts_host(const struct cv_ip *ip)
{
	return (struct wire_ts){ .first = *ip, .last = *ip, .port_last = PORT_ANY_LAST };
}

void ike_ts_list(const struct wire_ts *ts, unsigned count, const struct cv_ip *ip, struct wire_ts_list *out)
{
	out->count = 0;
	if (!count)
		out->ts[out->count++] = ike_ts_host(ip);
	for (unsigned i = 0; i < count && i < WIRE_TS_MAX; i++)
		out->ts[out->count++] = ts[i];
}

static bool opaque(const struct wire_ts *ts)
{
	return ts->port_first == PORT_ANY_LAST && ts->port_last == 0;
}

static bool any_port(const struct wire_ts *ts)
{
	return ts->port_first == 0 && ts->port_last == PORT_ANY_LAST;
}

/* OPAQUE (ports that cannot be seen) is part of ANY and of nothing else (RFC 7296 section 3.13.1). */
static bool ports_intersect(const struct wire_ts *a, const struct wire_ts *b, struct wire_ts *out)
{
	if (opaque(a) || opaque(b)) {
		out->port_first = PORT_ANY_LAST;
		out->port_last = 0;
		return (opaque(a) || any_port(a)) && (opaque(b) || any_port(b));
	}
	out->port_first = a->port_first > b->port_first ? a->port_first : b->port_first;
	out->port_last = a->port_last < b->port_last ? a->port_last : b->port_last;
	return out->port_first <= out->port_last;
}

bool ike_ts_intersect(const struct wire_ts *a, const struct wire_ts *b, struct wire_ts *out)
{
	if (a->first.family != b->first.family || (a->protocol && b->protocol && a->protocol != b->protocol))
		return false;
	out->protocol = a->protocol ? a->protocol : b->protocol;
	out->first = cv_ip_compare(&a->first, &b->first) > 0 ? a->first : b->first;
	out->last = cv_ip_compare(&a->last, &b->last) < 0 ? a->last : b->last;
	return cv_ip_compare(&out->first, &out->last) <= 0 && ports_intersect(a, b, out);
}

static bool equal(const struct wire_ts *a, const struct wire_ts *b)
{
	return cv_ip_equal(&a->first, &b->first) && cv_ip_equal(&a->last, &b->last) &&
	       a->protocol == b->protocol && a->port_first == b->port_first && a->port_last == b->port_last;
}

bool ike_ts_contains(const struct wire_ts *outer, const struct wire_ts *inner)
{
	struct wire_ts common;

	return ike_ts_intersect(outer, inner, &common) && equal(&common, inner);
}

static bool within(const struct wire_ts *ts, const struct wire_ts_list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (ike_ts_contains(&list->ts[i], ts))
			return true;
	}
	return false;
}

bool ike_ts_narrow(const struct wire_ts_list *offered, const struct wire_ts_list *allowed,
		   struct wire_ts_list *out)
{
	struct wire_ts common;

	out->count = 0;
	for (unsigned i = 0; i < offered->count; i++) {
		for (unsigned j = 0; j < allowed->count; j++) {
			if (out->count < WIRE_TS_MAX &&
			    ike_ts_intersect(&offered->ts[i], &allowed->ts[j], &common) &&
			    !within(&common, out))
				out->ts[out->count++] = common;
		}
	}
	return out->count > 0;
}

bool ike_ts_subset(const struct wire_ts_list *inner, const struct wire_ts_list *outer)
{
	for (unsigned i = 0; i < inner->count; i++) {
		if (!within(&inner->ts[i], outer))
			return false;
	}
	return inner->count > 0;
}

bool ike_ts_same(const struct wire_ts_list *a, const struct wire_ts_list *b)
{
	return ike_ts_subset(a, b) && ike_ts_subset(b, a);
}

const char *ike_ts_text(const struct wire_ts_list *list, char *out, size_t cap)
{
	char ts[WIRE_TS_TEXT_MAX];
	size_t len = 0;

	snprintf(out, cap, "nothing");
	for (unsigned i = 0; i < list->count && len < cap; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? ", " : "",
					wire_ts_text(&list->ts[i], ts));
	return out;
}
