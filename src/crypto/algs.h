/* Private to crypto/: what crypto_init fetched from OpenSSL. Fetching by name costs more than most of the
 * operations themselves, so nothing is looked up after start. Read-only between crypto_init and
 * crypto_cleanup. */
#ifndef CULVERT_CRYPTO_ALGS_H
#define CULVERT_CRYPTO_ALGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "lib/bytes.h"
#include "lib/err.h"

enum crypto_hash {
	CRYPTO_HASH_SHA1,
	CRYPTO_HASH_SHA256,
	CRYPTO_HASH_SHA384,
	CRYPTO_HASH_SHA512,
	CRYPTO_HASHES
};

#define CRYPTO_CIPHERS	 7 /* as OpenSSL counts them: without the ICV lengths */
#define CRYPTO_KE_GROUPS 10

struct crypto_algs {
	bool ready;
	EVP_MD *sha1;
	EVP_MAC_CTX *hmac[CRYPTO_HASHES];   /* without a key, to be duplicated; NULL: not available */
	EVP_CIPHER *cipher[CRYPTO_CIPHERS]; /* NULL: not available */
	EVP_PKEY *ke[CRYPTO_KE_GROUPS];	    /* the group's parameters or a key of it; NULL: not available */
};

extern struct crypto_algs crypto_algs;

/* Each file fills and releases its own part; false when something that we cannot do without is missing. */
bool crypto_ke_init(struct crypto_algs *algs);
bool crypto_suite_init(struct crypto_algs *algs);
/* The fetched cipher of a row of crypto_encr. */
struct crypto_encr_info;
const EVP_CIPHER *crypto_encr_cipher(const struct crypto_encr_info *info);
/* The hash of a row of crypto_integ. */
struct crypto_integ_info;
enum crypto_hash crypto_integ_hash(const struct crypto_integ_info *info);

/* An own key pair from a key of the group, which it takes over, also on failure. */
struct crypto_ke;
enum cv_err crypto_ke_wrap(uint16_t group, EVP_PKEY *key, struct crypto_ke **out) CV_NODISCARD;

/* A keyed HMAC that crypto_hmac_run can use again and again; NULL when memory or the hash is missing. The
 * caller frees it with EVP_MAC_CTX_free. */
EVP_MAC_CTX *crypto_hmac_new(enum crypto_hash hash, struct cv_bytes key);
/* The HMAC of all parts, cut to out_len octets (at most 64). */
bool crypto_hmac_run(EVP_MAC_CTX *hmac, const struct cv_bytes *parts, size_t count, uint8_t *out,
		     size_t out_len);

#endif
