/* Key exchange methods: MODP, ECP and Curve25519/448 groups (RFC 3526, 5903, 8031, checks of RFC 6989).
 * Groups that RFC 8247 forbids or advises against (1, 2, 5, 22 to 24) are not carried out. */
#ifndef CULVERT_CRYPTO_KE_H
#define CULVERT_CRYPTO_KE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/secret.h"

#define CRYPTO_KE_PUBLIC_MAX 1024 /* MODP-8192 */

struct crypto_ke; /* one own key pair */

/* Octets of a public value; 0: the group is not supported (enum wire_ke). */
size_t crypto_ke_public_size(uint16_t group);
enum cv_err crypto_ke_new(uint16_t group, struct crypto_ke **out) CV_NODISCARD;
void crypto_ke_free(struct crypto_ke *ke); /* wipes; NULL is fine */
uint16_t crypto_ke_group(const struct crypto_ke *ke);
/* The own public value as it stands in the KE payload. */
struct cv_bytes crypto_ke_public(const struct crypto_ke *ke);
/* The shared secret. A value of the wrong length or outside the group is CV_E_SYNTAX (RFC 6989, RFC 7748
 * section 6). */
enum cv_err crypto_ke_shared(const struct crypto_ke *ke, struct cv_bytes peer_public,
			     struct cv_secret *out) CV_NODISCARD;

#endif
