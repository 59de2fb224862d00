#include "crypto/suite.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cipher.h"

/* IKE messages are rare and IKE SAs are many: only the keys are kept, and the library's contexts, which are
 * large, are made for each message. */
struct crypto_sk {
	const struct crypto_encr_info *encr;
	uint16_t integ;
	uint8_t icv_len;
	struct cv_secret key;
	struct cv_secret integ_key;
};

static enum cv_err cipher_of(const struct crypto_sk *sk, bool seal, struct crypto_cipher **out)
{
	return crypto_cipher_new(sk->encr->id, sk->encr->key_bits, sk->integ, cv_secret_bytes(&sk->key),
				 cv_secret_bytes(&sk->integ_key), seal, out);
}

enum cv_err crypto_sk_new(uint16_t encr, uint16_t key_bits, uint16_t integ, struct cv_bytes key,
			  struct cv_bytes integ_key, struct crypto_sk **out)
{
	struct crypto_sk *sk = calloc(1, sizeof *sk);
	struct crypto_cipher *cipher = NULL;

	if (!sk)
		return CV_E_NOMEM;
	/* Keys and algorithms that don't fit each other are found out now, not with the first message. */
	enum cv_err err = crypto_cipher_new(encr, key_bits, integ, key, integ_key, true, &cipher);

	if (!err)
		err = cv_secret_copy(&sk->key, key);
	if (!err && integ_key.len)
		err = cv_secret_copy(&sk->integ_key, integ_key);
	if (err) {
		crypto_cipher_free(cipher);
		crypto_sk_free(sk);
		return err;
	}
	sk->encr = crypto_encr(encr, key_bits);
	sk->integ = integ;
	sk->icv_len = (uint8_t)crypto_cipher_icv_len(cipher);
	crypto_cipher_free(cipher);
	*out = sk;
	return CV_OK;
}

void crypto_sk_free(struct crypto_sk *sk)
{
	if (!sk)
		return;
	cv_secret_free(&sk->key);
	cv_secret_free(&sk->integ_key);
	free(sk);
}

size_t crypto_sk_iv_len(const struct crypto_sk *sk)
{
	return sk->encr->iv_len;
}

size_t crypto_sk_trailer_max(const struct crypto_sk *sk)
{
	return sk->encr->block_len + sk->icv_len;
}

/* Octets of plaintext, padding and Pad Length: the least that fill whole blocks (RFC 7296 section 3.14). */
static size_t padded_len(const struct crypto_sk *sk, size_t plain_len)
{
	size_t block = sk->encr->block_len;

	return (plain_len + 1 + block - 1) / block * block;
}

size_t crypto_sk_sealed_len(const struct crypto_sk *sk, size_t plain_len)
{
	return sk->encr->iv_len + padded_len(sk, plain_len) + sk->icv_len;
}

enum cv_err crypto_sk_seal(struct crypto_sk *sk, struct cv_bytes aad, uint8_t *region, size_t plain_len,
			   size_t region_len, uint64_t iv_counter, const uint8_t iv_random[16])
{
	if (plain_len > region_len || crypto_sk_sealed_len(sk, plain_len) > region_len)
		return CV_E_NOSPACE;
	size_t len = padded_len(sk, plain_len);
	size_t pad = len - plain_len - 1;
	uint8_t *plain = region + sk->encr->iv_len;

	if (sk->encr->aead)
		cv_put_u64(region, iv_counter);
	else
		memcpy(region, iv_random, sk->encr->iv_len);
	memset(plain + plain_len, 0, pad);
	plain[len - 1] = (uint8_t)pad;
	struct crypto_cipher *cipher = NULL;
	enum cv_err err = cipher_of(sk, true, &cipher);

	if (!err)
		err = crypto_cipher_seal(cipher,
					 &(struct crypto_record){ .aad = aad, .iv = region, .len = len });
	crypto_cipher_free(cipher);
	return err;
}

enum cv_err crypto_sk_open(struct crypto_sk *sk, struct cv_bytes aad, uint8_t *region, size_t region_len,
			   struct cv_bytes *plain)
{
	size_t outside = sk->encr->iv_len + sk->icv_len;

	if (region_len <= outside)
		return CV_E_TRUNCATED;
	size_t len = region_len - outside;

	if (len % sk->encr->block_len != 0)
		return CV_E_SYNTAX;
	struct crypto_cipher *cipher = NULL;
	enum cv_err err = cipher_of(sk, false, &cipher);

	if (!err)
		err = crypto_cipher_open(cipher,
					 &(struct crypto_record){ .aad = aad, .iv = region, .len = len });
	crypto_cipher_free(cipher);
	if (err)
		return err;
	uint8_t *data = region + sk->encr->iv_len;
	size_t pad = data[len - 1];

	/* Any padding that fits is accepted, its contents are of no interest (RFC 7296 section 3.14). */
	if (pad + 1 > len)
		return CV_E_SYNTAX;
	*plain = cv_bytes(data, len - 1 - pad);
	return CV_OK;
}
