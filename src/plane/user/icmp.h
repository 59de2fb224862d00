/* The answer to an inner packet that is too big for the tunnel. */
#ifndef CULVERT_PLANE_USER_ICMP_H
#define CULVERT_PLANE_USER_ICMP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"

enum { ICMP_ANSWER_MAX = 1280 };

/* Writes an ICMP "fragmentation needed" (RFC 792, RFC 1191 section 4) or ICMPv6 "packet too big" (RFC 4443
 * section 3.2) about `packet` to its source; it comes from the packet's destination, which is an address that
 * the tunnel's routes lead to. Returns its length, or 0 when the packet must not be answered (RFC 1122
 * section 3.2.2, RFC 4443 section 2.4): ICMP errors, later fragments, sources that are not one host. */
size_t icmp_too_big(struct cv_bytes packet, uint32_t mtu, uint8_t out[ICMP_ANSWER_MAX]);

#endif
