#include "crypto/suite.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cipher.h"

struct crypto_sk {
	const struct crypto_encr_info *encr;
	struct crypto_cipher *seal;
	struct crypto_cipher *open;
};

enum cv_err crypto_sk_new(uint16_t encr, uint16_t key_bits, uint16_t integ, struct cv_bytes key,
			  struct cv_bytes integ_key, struct crypto_sk **out)
{
	struct crypto_sk *sk = calloc(1, sizeof *sk);

	if (!sk)
		return CV_E_NOMEM;
	sk->encr = crypto_encr(encr, key_bits);
	enum cv_err err = crypto_cipher_new(encr, key_bits, integ, key, integ_key, true, &sk->seal);

	if (!err)
		err = crypto_cipher_new(encr, key_bits, integ, key, integ_key, false, &sk->open);
	if (err) {
		crypto_sk_free(sk);
		return err;
	}
	*out = sk;
	return CV_OK;
}

void crypto_sk_free(struct crypto_sk *sk)
{
	if (!sk)
		return;
	crypto_cipher_free(sk->seal);
	crypto_cipher_free(sk->open);
	free(sk);
}

size_t crypto_sk_iv_len(const struct crypto_sk *sk)
{
	return sk->encr->iv_len;
}

size_t crypto_sk_trailer_max(const struct crypto_sk *sk)
{
	return sk->encr->block_len + crypto_cipher_icv_len(sk->seal);
}

/* Octets of plaintext, padding and Pad Length: the least that fill whole blocks (RFC 7296 section 3.14). */
static size_t padded_len(const struct crypto_sk *sk, size_t plain_len)
{
	size_t block = sk->encr->block_len;

	return (plain_len + 1 + block - 1) / block * block;
}

size_t crypto_sk_sealed_len(const struct crypto_sk *sk, size_t plain_len)
{
	return sk->encr->iv_len + padded_len(sk, plain_len) + crypto_cipher_icv_len(sk->seal);
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
	return crypto_cipher_seal(sk->seal, &(struct crypto_record){ .aad = aad, .iv = region, .len = len });
}

enum cv_err crypto_sk_open(struct crypto_sk *sk, struct cv_bytes aad, uint8_t *region, size_t region_len,
			   struct cv_bytes *plain)
{
	size_t outside = sk->encr->iv_len + crypto_cipher_icv_len(sk->open);

	if (region_len <= outside)
		return CV_E_TRUNCATED;
	size_t len = region_len - outside;

	if (len % sk->encr->block_len != 0)
		return CV_E_SYNTAX;
	enum cv_err err =
	    crypto_cipher_open(sk->open, &(struct crypto_record){ .aad = aad, .iv = region, .len = len });

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
