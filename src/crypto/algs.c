#include "crypto/algs.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "crypto/bulk.h"
#include "crypto/prf.h"

struct crypto_algs crypto_algs;

static const char *const hash_names[CRYPTO_HASHES] = {
	[CRYPTO_HASH_SHA1] = "SHA1",
	[CRYPTO_HASH_SHA256] = "SHA256",
	[CRYPTO_HASH_SHA384] = "SHA384",
	[CRYPTO_HASH_SHA512] = "SHA512",
};

static EVP_MAC_CTX *hmac_template(EVP_MAC *mac, const char *hash_name)
{
	char name[16];
	OPENSSL_strlcpy(name, hash_name, sizeof name);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	if (ctx && EVP_MAC_CTX_set_params(ctx, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static bool hmac_init(struct crypto_algs *algs)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	if (!mac)
		return false;
	for (size_t i = 0; i < CRYPTO_HASHES; i++)
		algs->hmac[i] = hmac_template(mac, hash_names[i]);
	EVP_MAC_free(mac); /* the templates hold their own references */
	return algs->hmac[CRYPTO_HASH_SHA256] != NULL;
}

enum cv_err crypto_init(void)
{
	if (crypto_algs.ready)
		return CV_OK;
	/* NAT detection hashes with SHA-1 (RFC 7296 section 2.23), so it is not optional. */
	crypto_algs.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (!crypto_algs.sha1 || !hmac_init(&crypto_algs) || !crypto_suite_init(&crypto_algs) ||
	    !crypto_ke_init(&crypto_algs)) {
		crypto_cleanup();
		return CV_E_INTERNAL;
	}
	/* What an OpenSSL provider does not have has left its complaint. */
	ERR_clear_error();
	crypto_algs.ready = true;
	crypto_bulk_init();
	return CV_OK;
}

void crypto_cleanup(void)
{
	EVP_MD_free(crypto_algs.sha1);
	for (size_t i = 0; i < CRYPTO_HASHES; i++)
		EVP_MAC_CTX_free(crypto_algs.hmac[i]);
	for (size_t i = 0; i < CRYPTO_CIPHERS; i++)
		EVP_CIPHER_free(crypto_algs.cipher[i]);
	for (size_t i = 0; i < CRYPTO_KE_GROUPS; i++)
		EVP_PKEY_free(crypto_algs.ke[i]);
	crypto_algs = (struct crypto_algs){ 0 };
	crypto_bulk_cleanup();
	ERR_clear_error();
}

EVP_MAC_CTX *crypto_hmac_new(enum crypto_hash hash, struct cv_bytes key)
{
	static const uint8_t empty;
	EVP_MAC_CTX *ctx = crypto_algs.hmac[hash] ? EVP_MAC_CTX_dup(crypto_algs.hmac[hash]) : NULL;

	/* A NULL key would mean "the same key as before". */
	if (ctx && EVP_MAC_init(ctx, key.len ? key.data : &empty, key.len, NULL) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

bool crypto_hmac_run(EVP_MAC_CTX *hmac, const struct cv_bytes *parts, size_t count, uint8_t *out,
		     size_t out_len)
{
	uint8_t full[CRYPTO_PRF_MAX];
	size_t full_len = 0;

	if (EVP_MAC_init(hmac, NULL, 0, NULL) != 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > 0 && EVP_MAC_update(hmac, parts[i].data, parts[i].len) != 1)
			return false;
	}
	if (EVP_MAC_final(hmac, full, &full_len, sizeof full) != 1 || full_len < out_len)
		return false;
	memcpy(out, full, out_len);
	cv_wipe(full, sizeof full);
	return true;
}

enum cv_err crypto_random(uint8_t *out, size_t len)
{
	return RAND_priv_bytes_ex(NULL, out, len, 0) == 1 ? CV_OK : CV_E_INTERNAL;
}
