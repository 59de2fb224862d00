/* IPv4 fragmentation (RFC 791 section 2.3) of inner packets without DF that are too big for the tunnel. */
#ifndef CULVERT_PLANE_USER_FRAGMENT_H
#define CULVERT_PLANE_USER_FRAGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"

typedef void fragment_emit(void *arg, struct cv_bytes fragment);

/* Calls emit for every fragment of `packet` (whole, checksums right, maybe itself a fragment), none longer
 * than mtu; work has room for mtu octets. CV_E_POLICY: DF is set; CV_E_SYNTAX: not IPv4; CV_E_LIMIT: the MTU
 * leaves no room. */
enum cv_err fragment_ipv4(struct cv_bytes packet, uint32_t mtu, uint8_t *work, fragment_emit *emit,
			  void *arg) CV_NODISCARD;

#endif
