/* Pseudo-random functions and prf+ (RFC 7296 sections 2.13, 2.14), and the digests IKE needs. */
#ifndef CULVERT_CRYPTO_PRF_H
#define CULVERT_CRYPTO_PRF_H

#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/secret.h"

#define CRYPTO_PRF_MAX	  64 /* octets of the longest output */
#define CRYPTO_SHA1_LEN	  20
#define CRYPTO_SHA256_LEN 32

/* Once per process, before anything else of this room; fetches all algorithms. CV_E_INTERNAL when OpenSSL
 * can't. */
enum cv_err crypto_init(void) CV_NODISCARD;
void crypto_cleanup(void);

/* Output (and preferred key) size of a PRF in octets; 0: unknown or not supported (enum wire_prf). */
size_t crypto_prf_size(uint16_t prf);
/* out has crypto_prf_size(prf) octets. data is the concatenation of `count` parts. */
enum cv_err crypto_prf(uint16_t prf, struct cv_bytes key, const struct cv_bytes *parts, size_t count,
		       uint8_t *out) CV_NODISCARD;
/* Fills out with prf+(key, seed parts); more than 255 blocks or 8 parts is CV_E_LIMIT. */
enum cv_err crypto_prf_plus(uint16_t prf, struct cv_bytes key, const struct cv_bytes *seed, size_t count,
			    uint8_t *out, size_t len) CV_NODISCARD;

enum cv_err crypto_sha1(const struct cv_bytes *parts, size_t count,
			uint8_t out[CRYPTO_SHA1_LEN]) CV_NODISCARD;
enum cv_err crypto_hmac_sha256(struct cv_bytes key, const struct cv_bytes *parts, size_t count,
			       uint8_t out[CRYPTO_SHA256_LEN]) CV_NODISCARD;

/* From the system's generator. */
enum cv_err crypto_random(uint8_t *out, size_t len) CV_NODISCARD;

#endif
