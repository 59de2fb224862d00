/* IP addresses, endpoints and prefixes, by value, without sockets. */
#ifndef CULVERT_LIB_ADDR_H
#define CULVERT_LIB_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"

enum cv_family { CV_FAMILY_NONE = 0, CV_IPV4 = 4, CV_IPV6 = 6 };

struct cv_ip {
	uint8_t family; /* enum cv_family */
	uint8_t b[16];	/* network byte order; the first 4 for IPv4, the rest zero */
};

struct cv_addr {
	struct cv_ip ip;
	uint16_t port;	/* host byte order */
	uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
};

struct cv_prefix {
	struct cv_ip ip; /* host bits are zero */
	uint8_t bits;
};

#define CV_IP_TEXT_MAX	   48 /* longest text with its end */
#define CV_ADDR_TEXT_MAX   80
#define CV_PREFIX_TEXT_MAX 52

size_t cv_ip_len(const struct cv_ip *ip);	  /* 4, 16, or 0 */
struct cv_ip cv_ip_from_bytes(struct cv_bytes b); /* 4 or 16 octets, else family none */
struct cv_bytes cv_ip_bytes(const struct cv_ip *ip);
bool cv_ip_equal(const struct cv_ip *a, const struct cv_ip *b);
int cv_ip_compare(const struct cv_ip *a, const struct cv_ip *b); /* family first, then numerically */
bool cv_ip_is_any(const struct cv_ip *ip);			 /* none, 0.0.0.0 or :: */
enum cv_err cv_ip_parse(const char *text, struct cv_ip *out) CV_NODISCARD; /* numeric only */
const char *cv_ip_text(const struct cv_ip *ip, char out[CV_IP_TEXT_MAX]);

bool cv_addr_equal(const struct cv_addr *a, const struct cv_addr *b);
/* 192.0.2.1:500 or [2001:db8::1]:500 */
const char *cv_addr_text(const struct cv_addr *a, char out[CV_ADDR_TEXT_MAX]);

/* "192.0.2.0/24", "2001:db8::/32", or a lone address (all bits). Host bits set are CV_E_SYNTAX. */
enum cv_err cv_prefix_parse(const char *text, struct cv_prefix *out) CV_NODISCARD;
const char *cv_prefix_text(const struct cv_prefix *p, char out[CV_PREFIX_TEXT_MAX]);
bool cv_prefix_contains(const struct cv_prefix *p, const struct cv_ip *ip);
struct cv_ip cv_prefix_first(const struct cv_prefix *p);
struct cv_ip cv_prefix_last(const struct cv_prefix *p);
/* True and the prefix, when [first, last] is exactly one. */
bool cv_prefix_from_range(const struct cv_ip *first, const struct cv_ip *last, struct cv_prefix *out);

/* To and from the system's form; storage is a struct sockaddr_storage. The system's headers stay in addr.c.
 */
struct sockaddr_storage;
size_t cv_addr_to_sockaddr(const struct cv_addr *a, struct sockaddr_storage *out); /* its length */
enum cv_err cv_addr_from_sockaddr(const struct sockaddr_storage *s, struct cv_addr *out) CV_NODISCARD;

#endif
