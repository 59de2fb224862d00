/* COOKIE of IKE_SA_INIT without state (RFC 7296 section 2.6): version | HMAC-SHA-256(secret, Ni | address |
 * SPIi). The port is left out, so that a cookie got on one TCP connection is good on the next (R9329-6.3-3).
 */
#ifndef CULVERT_IKE_COOKIE_H
#define CULVERT_IKE_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/bytes.h"
#include "lib/err.h"

enum { IKE_COOKIE_LEN = 1 + 32, IKE_COOKIE_SECRET_LEN = 32, IKE_COOKIE_ROTATE_MS = 120000 };

/* The present secret and the one before it. */
struct ike_cookie_jar {
	uint8_t secret[2][IKE_COOKIE_SECRET_LEN];
	uint64_t since_ms;
	uint8_t version; /* of secret[0] */
	bool used;	 /* there is a secret */
	bool old;	 /* there is one before it */
};

struct ike_cookie_subject {
	struct cv_bytes ni;
	struct cv_ip ip;
	uint64_t spi_i;
};

/* Is a new secret due? Then the caller gives fresh random octets to ike_cookie_rotate. */
bool ike_cookie_stale(const struct ike_cookie_jar *jar, uint64_t now_ms);
void ike_cookie_rotate(struct ike_cookie_jar *jar, uint64_t now_ms,
		       const uint8_t secret[IKE_COOKIE_SECRET_LEN]);
enum cv_err ike_cookie_make(const struct ike_cookie_jar *jar, const struct ike_cookie_subject *subject,
			    uint8_t out[IKE_COOKIE_LEN]) CV_NODISCARD;
/* Made by the present or the previous secret for this subject? */
bool ike_cookie_check(const struct ike_cookie_jar *jar, uint64_t now_ms,
		      const struct ike_cookie_subject *subject, struct cv_bytes cookie);
void ike_cookie_wipe(struct ike_cookie_jar *jar);

#endif
