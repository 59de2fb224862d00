#include "lib/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

size_t cv_ip_len(const struct cv_ip *ip)
{
	switch (ip->family) {
	case CV_IPV4: return 4;
	case CV_IPV6: return 16;
	default: return 0;
	}
}

struct cv_ip cv_ip_from_bytes(struct cv_bytes b)
{
	struct cv_ip ip = { 0 };

	if (b.len != 4 && b.len != 16)
		return ip;
	ip.family = b.len == 4 ? CV_IPV4 : CV_IPV6;
	memcpy(ip.b, b.data, b.len);
	return ip;
}

struct cv_bytes cv_ip_bytes(const struct cv_ip *ip)
{
	return cv_bytes(ip->b, cv_ip_len(ip));
}

bool cv_ip_equal(const struct cv_ip *a, const struct cv_ip *b)
{
	return cv_ip_compare(a, b) == 0;
}

int cv_ip_compare(const struct cv_ip *a, const struct cv_ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, cv_ip_len(a));
}

bool cv_ip_is_any(const struct cv_ip *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->b, zero, cv_ip_len(ip)) == 0;
}

enum cv_err cv_ip_parse(const char *text, struct cv_ip *out)
{
	struct cv_ip ip = { 0 };

	if (inet_pton(AF_INET, text, ip.b) == 1) {
		ip.family = CV_IPV4;
	} else {
		memset(ip.b, 0, sizeof(ip.b));
		if (inet_pton(AF_INET6, text, ip.b) != 1)
			return CV_E_SYNTAX;
		ip.family = CV_IPV6;
	}
	*out = ip;
	return CV_OK;
}

const char *cv_ip_text(const struct cv_ip *ip, char out[CV_IP_TEXT_MAX])
{
	int family = ip->family == CV_IPV4 ? AF_INET : AF_INET6;

	if (cv_ip_len(ip) == 0 || !inet_ntop(family, ip->b, out, CV_IP_TEXT_MAX))
		snprintf(out, CV_IP_TEXT_MAX, "none");
	return out;
}

bool cv_addr_equal(const struct cv_addr *a, const struct cv_addr *b)
{
	return a->port == b->port && a->scope == b->scope && cv_ip_equal(&a->ip, &b->ip);
}

const char *cv_addr_text(const struct cv_addr *a, char out[CV_ADDR_TEXT_MAX])
{
	char ip[CV_IP_TEXT_MAX];

	cv_ip_text(&a->ip, ip);
	if (a->ip.family == CV_IPV6 && a->scope)
		snprintf(out, CV_ADDR_TEXT_MAX, "[%s%%%u]:%u", ip, (unsigned)a->scope, a->port);
	else if (a->ip.family == CV_IPV6)
		snprintf(out, CV_ADDR_TEXT_MAX, "[%s]:%u", ip, a->port);
	else
		snprintf(out, CV_ADDR_TEXT_MAX, "%s:%u", ip, a->port);
	return out;
}

/* The address with the bits behind the prefix set to `ones`. */
static struct cv_ip fill_host(const struct cv_prefix *p, bool ones)
{
	struct cv_ip ip = p->ip;
	size_t len = cv_ip_len(&ip);

	for (size_t i = 0; i < len; i++) {
		unsigned kept = p->bits <= 8 * i ? 0 : p->bits - 8 * (unsigned)i;
		uint8_t host = kept >= 8 ? 0 : (uint8_t)(0xff >> kept);

		ip.b[i] = ones ? ip.b[i] | host : ip.b[i] & (uint8_t)~host;
	}
	return ip;
}

/* The number of bits after the slash, or -1. */
static int parse_bits(const char *text, unsigned max)
{
	unsigned v = 0;

	if (text[0] == '\0' || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		v = v * 10 + (unsigned)(*text - '0');
	}
	return v <= max ? (int)v : -1;
}

enum cv_err cv_prefix_parse(const char *text, struct cv_prefix *out)
{
	char ip[CV_IP_TEXT_MAX];
	struct cv_prefix p = { 0 };
	struct cv_ip first;
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int bits;

	if (len >= sizeof(ip))
		return CV_E_SYNTAX;
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (cv_ip_parse(ip, &p.ip) != CV_OK)
		return CV_E_SYNTAX;
	bits = (int)cv_ip_len(&p.ip) * 8;
	if (slash)
		bits = parse_bits(slash + 1, (unsigned)bits);
	if (bits < 0)
		return CV_E_SYNTAX;
	p.bits = (uint8_t)bits;
	first = fill_host(&p, false);
	if (!cv_ip_equal(&first, &p.ip))
		return CV_E_SYNTAX;
	*out = p;
	return CV_OK;
}

const char *cv_prefix_text(const struct cv_prefix *p, char out[CV_PREFIX_TEXT_MAX])
{
	char ip[CV_IP_TEXT_MAX];

	snprintf(out, CV_PREFIX_TEXT_MAX, "%s/%u", cv_ip_text(&p->ip, ip), p->bits);
	return out;
}

bool cv_prefix_contains(const struct cv_prefix *p, const struct cv_ip *ip)
{
	struct cv_prefix of_ip = { .ip = *ip, .bits = p->bits };
	struct cv_ip net = fill_host(&of_ip, false);
	struct cv_ip want = fill_host(p, false);

	return cv_ip_len(ip) != 0 && cv_ip_equal(&net, &want);
}

struct cv_ip cv_prefix_first(const struct cv_prefix *p)
{
	return fill_host(p, false);
}

struct cv_ip cv_prefix_last(const struct cv_prefix *p)
{
	return fill_host(p, true);
}

bool cv_prefix_from_range(const struct cv_ip *first, const struct cv_ip *last, struct cv_prefix *out)
{
	struct cv_prefix p = { .ip = *first };
	struct cv_ip low, high;
	size_t max = cv_ip_len(first) * 8;

	if (max == 0 || first->family != last->family)
		return false;
	while (p.bits < max && !((first->b[p.bits / 8] ^ last->b[p.bits / 8]) & (0x80 >> p.bits % 8)))
		p.bits++;
	low = fill_host(&p, false);
	high = fill_host(&p, true);
	if (!cv_ip_equal(&low, first) || !cv_ip_equal(&high, last))
		return false;
	*out = p;
	return true;
}

size_t cv_addr_to_sockaddr(const struct cv_addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (a->ip.family == CV_IPV4) {
		struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(a->port) };

		memcpy(&sin.sin_addr, a->ip.b, 4);
		memcpy(out, &sin, sizeof(sin));
		return sizeof(sin);
	}
	if (a->ip.family == CV_IPV6) {
		struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
					     .sin6_port = htons(a->port),
					     .sin6_scope_id = a->scope };

		memcpy(&sin6.sin6_addr, a->ip.b, 16);
		memcpy(out, &sin6, sizeof(sin6));
		return sizeof(sin6);
	}
	return 0;
}

enum cv_err cv_addr_from_sockaddr(const struct sockaddr_storage *s, struct cv_addr *out)
{
	*out = (struct cv_addr){ 0 };
	if (s->ss_family == AF_INET) {
		struct sockaddr_in sin;

		memcpy(&sin, s, sizeof(sin));
		out->ip = cv_ip_from_bytes(cv_bytes(&sin.sin_addr, 4));
		out->port = ntohs(sin.sin_port);
		return CV_OK;
	}
	if (s->ss_family == AF_INET6) {
		struct sockaddr_in6 sin6;

		memcpy(&sin6, s, sizeof(sin6));
		out->ip = cv_ip_from_bytes(cv_bytes(&sin6.sin6_addr, 16));
		out->port = ntohs(sin6.sin6_port);
		out->scope = sin6.sin6_scope_id;
		return CV_OK;
	}
	return CV_E_UNSUPPORTED;
}
