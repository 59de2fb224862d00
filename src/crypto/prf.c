#include "crypto/prf.h"

#include <string.h>

#include "crypto/algs.h"
#include "wire/numbers.h"

/* RFC 8247 section 2.2: HMAC-MD5 is MUST NOT; SHA-1 stays for old peers whose owner asks for it. */
static const struct prf_info {
	uint16_t id;
	uint8_t len;
	enum crypto_hash hash;
} prfs[] = {
	{ WIRE_PRF_HMAC_SHA1, 20, CRYPTO_HASH_SHA1 },
	{ WIRE_PRF_HMAC_SHA2_256, 32, CRYPTO_HASH_SHA256 },
	{ WIRE_PRF_HMAC_SHA2_384, 48, CRYPTO_HASH_SHA384 },
	{ WIRE_PRF_HMAC_SHA2_512, 64, CRYPTO_HASH_SHA512 },
};

#define PRF_PLUS_SEED_PARTS 8

static const struct prf_info *prf_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof prfs / sizeof prfs[0]; i++) {
		if (prfs[i].id == id && (!crypto_algs.ready || crypto_algs.hmac[prfs[i].hash]))
			return &prfs[i];
	}
	return NULL;
}

size_t crypto_prf_size(uint16_t prf)
{
	const struct prf_info *info = prf_find(prf);

	return info ? info->len : 0;
}

enum cv_err crypto_prf(uint16_t prf, struct cv_bytes key, const struct cv_bytes *parts, size_t count,
		       uint8_t *out)
{
	const struct prf_info *info = prf_find(prf);

	if (!info)
		return CV_E_UNSUPPORTED;
	EVP_MAC_CTX *hmac = crypto_hmac_new(info->hash, key);
	bool ok = hmac && crypto_hmac_run(hmac, parts, count, out, info->len);

	EVP_MAC_CTX_free(hmac);
	return ok ? CV_OK : CV_E_INTERNAL;
}

/* RFC 7296 section 2.13: T1 = prf(K, S | 0x01), Tn = prf(K, Tn-1 | S | n). */
static bool prf_plus_fill(EVP_MAC_CTX *hmac, size_t block, const struct cv_bytes *seed, size_t count,
			  uint8_t *out, size_t len)
{
	struct cv_bytes parts[PRF_PLUS_SEED_PARTS + 2];
	uint8_t t[CRYPTO_PRF_MAX];
	uint8_t number = 0;
	bool ok = true;

	parts[0] = cv_bytes(t, 0);
	for (size_t i = 0; i < count; i++)
		parts[i + 1] = seed[i];
	parts[count + 1] = cv_bytes(&number, 1);
	for (size_t done = 0; ok && done < len; done += block) {
		number++;
		ok = crypto_hmac_run(hmac, parts, count + 2, t, block);
		if (ok)
			memcpy(out + done, t, len - done < block ? len - done : block);
		parts[0].len = block;
	}
	cv_wipe(t, sizeof t);
	return ok;
}

enum cv_err crypto_prf_plus(uint16_t prf, struct cv_bytes key, const struct cv_bytes *seed, size_t count,
			    uint8_t *out, size_t len)
{
	const struct prf_info *info = prf_find(prf);

	if (!info)
		return CV_E_UNSUPPORTED;
	if (len > (size_t)255 * info->len || count > PRF_PLUS_SEED_PARTS)
		return CV_E_LIMIT;
	EVP_MAC_CTX *hmac = crypto_hmac_new(info->hash, key);
	bool ok = hmac && prf_plus_fill(hmac, info->len, seed, count, out, len);

	EVP_MAC_CTX_free(hmac);
	return ok ? CV_OK : CV_E_INTERNAL;
}

enum cv_err crypto_hmac_sha256(struct cv_bytes key, const struct cv_bytes *parts, size_t count,
			       uint8_t out[CRYPTO_SHA256_LEN])
{
	return crypto_prf(WIRE_PRF_HMAC_SHA2_256, key, parts, count, out);
}

enum cv_err crypto_sha1(const struct cv_bytes *parts, size_t count, uint8_t out[CRYPTO_SHA1_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex2(ctx, crypto_algs.sha1, NULL) == 1;

	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? CV_OK : CV_E_INTERNAL;
}
