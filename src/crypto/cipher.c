#include "crypto/cipher.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "crypto/algs.h"
#include "crypto/bulk.h"
#include "crypto/prf.h"

#define AEAD_NONCE_LEN 12 /* salt and explicit IV (RFC 4106 section 4, RFC 7634 section 2) */
#define ICV_MAX	       32
#define RECORD_MAX     (1 << 24) /* octets; far above any packet, far below what OpenSSL's int holds */
#define CBC_IV_LEN     16
#define CBC_IV_BATCH   32 /* IVs per call of the generator, which costs more than a packet's encryption */

struct crypto_cipher {
	const struct crypto_encr_info *encr;
	uint8_t iv_len;
	uint8_t icv_len;
	uint8_t nonce[AEAD_NONCE_LEN]; /* starts with the salt */
	EVP_CIPHER_CTX *ctx;
	EVP_MAC_CTX *mac;	    /* NULL with AEAD */
	OSSL_PARAM tag[2];	    /* built once; only the address of the ICV changes */
	uint8_t (*ivs)[CBC_IV_LEN]; /* CBC: random, used from the end */
	size_t ivs_left;
	const struct crypto_bulk *bulk; /* takes the place of ctx; NULL: none */
	void *bulk_key;
};

static bool cipher_set_key(struct crypto_cipher *c, const uint8_t *key, bool seal)
{
	c->bulk = crypto_bulk_for(c->encr);
	if (c->bulk) {
		c->bulk_key = c->bulk->key_new(c->encr, key);
		return c->bulk_key != NULL;
	}
	c->ctx = EVP_CIPHER_CTX_new();
	if (!c->ctx || EVP_CipherInit_ex2(c->ctx, crypto_encr_cipher(c->encr), key, NULL, seal, NULL) != 1)
		return false;
	/* ESP and IKE pad by their own rules. */
	return c->encr->aead || EVP_CIPHER_CTX_set_padding(c->ctx, 0) == 1;
}

enum cv_err crypto_cipher_new(uint16_t encr, uint16_t key_bits, uint16_t integ, struct cv_bytes key,
			      struct cv_bytes integ_key, bool seal, struct crypto_cipher **out)
{
	const struct crypto_encr_info *e = crypto_encr(encr, key_bits);
	const struct crypto_integ_info *i = crypto_integ(integ);

	/* An AEAD brings its own integrity, everything else needs one (RFC 7296 section 3.3). */
	if (!e || (e->aead ? integ != 0 : !i))
		return CV_E_UNSUPPORTED;
	if (key.len != (size_t)e->key_len + e->salt_len || integ_key.len != (i ? i->key_len : 0))
		return CV_E_SYNTAX;
	struct crypto_cipher *c = calloc(1, sizeof *c);

	if (!c)
		return CV_E_NOMEM;
	c->encr = e;
	c->iv_len = e->iv_len;
	c->icv_len = i ? i->icv_len : e->icv_len;
	memcpy(c->nonce, key.data + e->key_len, e->salt_len);
	c->tag[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, c->icv_len);
	c->tag[1] = OSSL_PARAM_construct_end();
	if (i)
		c->mac = crypto_hmac_new(crypto_integ_hash(i), integ_key);
	if ((i && !c->mac) || !cipher_set_key(c, key.data, seal)) {
		crypto_cipher_free(c);
		return CV_E_INTERNAL;
	}
	*out = c;
	return CV_OK;
}

void crypto_cipher_free(struct crypto_cipher *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->ctx);
	EVP_MAC_CTX_free(c->mac);
	if (c->bulk)
		c->bulk->key_free(c->bulk_key);
	free(c->ivs);
	cv_wipe(c, sizeof *c);
	free(c);
}

size_t crypto_cipher_iv_len(const struct crypto_cipher *c)
{
	return c->iv_len;
}

size_t crypto_cipher_block_len(const struct crypto_cipher *c)
{
	return c->encr->block_len;
}

size_t crypto_cipher_icv_len(const struct crypto_cipher *c)
{
	return c->icv_len;
}

bool crypto_cipher_is_aead(const struct crypto_cipher *c)
{
	return c->encr->aead;
}

enum cv_err crypto_cipher_iv(struct crypto_cipher *c, uint64_t counter, uint8_t *iv)
{
	if (c->encr->aead) {
		cv_put_u64(iv, counter);
		return CV_OK;
	}
	if (!c->ivs && !(c->ivs = calloc(CBC_IV_BATCH, CBC_IV_LEN)))
		return CV_E_NOMEM;
	if (c->ivs_left == 0) {
		if (crypto_random(c->ivs[0], (size_t)CBC_IV_BATCH * CBC_IV_LEN))
			return CV_E_INTERNAL;
		c->ivs_left = CBC_IV_BATCH;
	}
	memcpy(iv, c->ivs[--c->ivs_left], CBC_IV_LEN);
	return CV_OK;
}

/* Sets the nonce and the parameters (the expected ICV, or none), then runs AAD and data through. */
static bool aead_run(struct crypto_cipher *c, const struct crypto_record *r, uint8_t *data,
		     const OSSL_PARAM *params)
{
	int done;

	return EVP_CipherInit_ex2(c->ctx, NULL, NULL, c->nonce, -1, params) == 1 &&
	       EVP_CipherUpdate(c->ctx, NULL, &done, r->aad.data, (int)r->aad.len) == 1 &&
	       EVP_CipherUpdate(c->ctx, data, &done, data, (int)r->len) == 1;
}

static enum cv_err aead_seal(struct crypto_cipher *c, const struct crypto_record *r)
{
	uint8_t *data = r->iv + c->iv_len, *icv = data + r->len;
	int done;

	memcpy(c->nonce + c->encr->salt_len, r->iv, c->iv_len);
	if (c->bulk) {
		c->bulk->seal(c->bulk_key, c->nonce, r->aad, data, r->len, icv, c->icv_len);
		return CV_OK;
	}
	c->tag[0].data = icv;
	if (!aead_run(c, r, data, NULL) || EVP_CipherFinal_ex(c->ctx, icv, &done) != 1 ||
	    EVP_CIPHER_CTX_get_params(c->ctx, c->tag) != 1)
		return CV_E_INTERNAL;
	return CV_OK;
}

static enum cv_err aead_open(struct crypto_cipher *c, const struct crypto_record *r)
{
	uint8_t *data = r->iv + c->iv_len, *icv = data + r->len;
	int done;

	memcpy(c->nonce + c->encr->salt_len, r->iv, c->iv_len);
	if (c->bulk)
		return c->bulk->open(c->bulk_key, c->nonce, r->aad, data, r->len, icv, c->icv_len)
			   ? CV_OK
			   : CV_E_AUTH;
	c->tag[0].data = icv;
	if (!aead_run(c, r, data, c->tag))
		return CV_E_INTERNAL;
	return EVP_CipherFinal_ex(c->ctx, icv, &done) == 1 ? CV_OK : CV_E_AUTH;
}

/* The ICV covers everything in front of it (RFC 4303 section 2.8, RFC 7296 section 3.14). */
static bool record_mac(struct crypto_cipher *c, const struct crypto_record *r, uint8_t icv[ICV_MAX])
{
	const struct cv_bytes parts[] = { r->aad, cv_bytes(r->iv, c->iv_len + r->len), r->tail };

	return crypto_hmac_run(c->mac, parts, 3, icv, c->icv_len);
}

static bool cbc_run(struct crypto_cipher *c, const struct crypto_record *r)
{
	uint8_t *data = r->iv + c->iv_len;
	int done;

	return r->len % c->encr->block_len == 0 &&
	       EVP_CipherInit_ex2(c->ctx, NULL, NULL, r->iv, -1, NULL) == 1 &&
	       EVP_CipherUpdate(c->ctx, data, &done, data, (int)r->len) == 1;
}

enum cv_err crypto_cipher_seal(struct crypto_cipher *c, const struct crypto_record *r)
{
	if (r->len > RECORD_MAX)
		return CV_E_NOSPACE;
	if (c->encr->aead)
		return aead_seal(c, r);
	return cbc_run(c, r) && record_mac(c, r, r->iv + c->iv_len + r->len) ? CV_OK : CV_E_INTERNAL;
}

enum cv_err crypto_cipher_open(struct crypto_cipher *c, const struct crypto_record *r)
{
	uint8_t icv[ICV_MAX];

	if (r->len > RECORD_MAX)
		return CV_E_NOSPACE;
	if (c->encr->aead)
		return aead_open(c, r);
	if (!record_mac(c, r, icv))
		return CV_E_INTERNAL;
	if (!cv_secret_equal(cv_bytes(icv, c->icv_len), cv_bytes(r->iv + c->iv_len + r->len, c->icv_len)))
		return CV_E_AUTH;
	return cbc_run(c, r) ? CV_OK : CV_E_INTERNAL;
}
