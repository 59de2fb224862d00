#include "ike/cookie.h"

#include <string.h>

#include "crypto/prf.h"
#include "lib/secret.h"

bool ike_cookie_stale(const struct ike_cookie_jar *jar, uint64_t now_ms)
{
	return !jar->used || now_ms - jar->since_ms >= IKE_COOKIE_ROTATE_MS;
}

void ike_cookie_rotate(struct ike_cookie_jar *jar, uint64_t now_ms,
		       const uint8_t secret[IKE_COOKIE_SECRET_LEN])
{
	/* A secret that lay unused for long must not live on as "the previous one". */
	jar->old = jar->used && now_ms - jar->since_ms < 2 * (uint64_t)IKE_COOKIE_ROTATE_MS;
	memcpy(jar->secret[1], jar->secret[0], IKE_COOKIE_SECRET_LEN);
	memcpy(jar->secret[0], secret, IKE_COOKIE_SECRET_LEN);
	jar->since_ms = now_ms;
	jar->version++;
	jar->used = true;
}

static enum cv_err cookie_of(const struct ike_cookie_jar *jar, unsigned which,
			     const struct ike_cookie_subject *subject, uint8_t out[IKE_COOKIE_LEN])
{
	uint8_t spi[8];
	struct cv_bytes parts[] = { subject->ni, cv_ip_bytes(&subject->ip), cv_bytes(spi, sizeof(spi)) };

	cv_put_u64(spi, subject->spi_i);
	out[0] = (uint8_t)(jar->version - which);
	return crypto_hmac_sha256(cv_bytes(jar->secret[which], IKE_COOKIE_SECRET_LEN), parts, 3, out + 1);
}

enum cv_err ike_cookie_make(const struct ike_cookie_jar *jar, const struct ike_cookie_subject *subject,
			    uint8_t out[IKE_COOKIE_LEN])
{
	return jar->used ? cookie_of(jar, 0, subject, out) : CV_E_STATE;
}

bool ike_cookie_check(const struct ike_cookie_jar *jar, uint64_t now_ms,
		      const struct ike_cookie_subject *subject, struct cv_bytes cookie)
{
	uint8_t good[IKE_COOKIE_LEN];
	unsigned which;

	if (!jar->used || cookie.len != IKE_COOKIE_LEN)
		return false;
	which = (uint8_t)(jar->version - cookie.data[0]);
	if (which > 1 || (which == 1 && !jar->old))
		return false;
	if (now_ms - jar->since_ms >= 2 * (uint64_t)IKE_COOKIE_ROTATE_MS)
		return false;
	if (cookie_of(jar, which, subject, good))
		return false;
	return cv_secret_equal(cv_bytes(good, sizeof(good)), cookie);
}

void ike_cookie_wipe(struct ike_cookie_jar *jar)
{
	cv_wipe(jar, sizeof(*jar));
}
