#include "host/range.h"

#include <string.h>

static bool bit_of(const struct cv_ip *ip, unsigned bit)
{
	return (ip->b[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

/* Adds one to the number in the first `bits` bits; false when it was the last. */
static bool next_network(struct cv_ip *ip, unsigned bits)
{
	while (bits > 0) {
		bits--;
		ip->b[bits / 8] ^= (uint8_t)(1u << (7 - bits % 8));
		if (bit_of(ip, bits))
			return true;
	}
	return false;
}

struct cv_prefix host_network_of(const struct cv_ip *ip, uint8_t bits)
{
	struct cv_prefix p = { .ip = *ip, .bits = bits };
	unsigned len = (unsigned)cv_ip_len(ip);
	for (unsigned bit = bits; bit < len * 8; bit++)
		p.ip.b[bit / 8] &= (uint8_t) ~(1u << (7 - bit % 8));
	return p;
}

bool host_prefix_inside(const struct cv_prefix *inner, const struct cv_prefix *outer)
{
	return inner->ip.family == outer->ip.family && inner->bits > outer->bits &&
	       cv_prefix_contains(outer, &inner->ip);
}

/* The largest prefix that begins at `first` and does not reach beyond `last`. */
static struct cv_prefix largest_at(const struct cv_ip *first, const struct cv_ip *last)
{
	struct cv_prefix p = { .ip = *first, .bits = (uint8_t)(cv_ip_len(first) * 8) };
	while (p.bits > 0 && !bit_of(first, p.bits - 1u)) {
		struct cv_prefix wider = { .ip = *first, .bits = (uint8_t)(p.bits - 1) };
		struct cv_ip end = cv_prefix_last(&wider);
		if (cv_ip_compare(&end, last) > 0)
			break;
		p = wider;
	}
	return p;
}

bool host_range_split(const struct cv_ip *first, const struct cv_ip *last,
		      bool (*visit)(void *arg, const struct cv_prefix *prefix), void *arg)
{
	struct cv_ip at = *first;
	if (first->family != last->family || cv_ip_len(first) == 0)
		return true;
	while (cv_ip_compare(&at, last) <= 0) {
		struct cv_prefix p = largest_at(&at, last);
		if (!visit(arg, &p))
			return false;
		if (!next_network(&at, p.bits))
			break;
	}
	return true;
}
