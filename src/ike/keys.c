#include "ike/keys.h"

#include <string.h>

#include "crypto/prf.h"
#include "ike/core.h"

enum { KEYMAT_MAX = 4 * CV_KEY_MAX };

static size_t encr_octets(const struct ike_suite *suite)
{
	const struct crypto_encr_info *info = crypto_encr(suite->encr, suite->key_bits);

	return info ? (size_t)info->key_len + info->salt_len : 0;
}

static size_t integ_octets(const struct ike_suite *suite)
{
	const struct crypto_integ_info *info = suite->integ ? crypto_integ(suite->integ) : NULL;

	return info ? info->key_len : 0;
}

static enum cv_err expand(struct ike_keys *keys, const struct ike_suite *suite,
			  const struct ike_keys_input *input, struct cv_bytes skeyseed)
{
	uint8_t spi[2 * WIRE_IKE_SPI_LEN];
	struct cv_bytes seed[] = { input->ni, input->nr, cv_bytes(spi, sizeof(spi)) };
	size_t p = crypto_prf_size(suite->prf), a = integ_octets(suite), e = encr_octets(suite);
	enum cv_err err;

	if (!p || !e)
		return CV_E_UNSUPPORTED;
	cv_put_u64(spi, input->spi_i);
	cv_put_u64(spi + WIRE_IKE_SPI_LEN, input->spi_r);
	ike_keys_wipe(keys);
	err = cv_secret_alloc(&keys->all, 3 * p + 2 * a + 2 * e);
	if (err)
		return err;
	keys->d_len = keys->p_len = (uint8_t)p;
	keys->a_len = (uint8_t)a;
	keys->e_len = (uint8_t)e;
	err = crypto_prf_plus(suite->prf, skeyseed, seed, 3, keys->all.data, keys->all.len);
	if (err)
		ike_keys_wipe(keys);
	return err;
}

enum cv_err ike_keys_derive(struct ike_keys *keys, const struct ike_suite *suite,
			    const struct ike_keys_input *input)
{
	uint8_t nonces[2 * WIRE_NONCE_MAX], skeyseed[CRYPTO_PRF_MAX];
	struct cv_writer w = cv_writer(nonces, sizeof(nonces));
	enum cv_err err;

	cv_writer_put(&w, input->ni);
	cv_writer_put(&w, input->nr);
	if (!cv_writer_ok(&w))
		return CV_E_NOSPACE;
	err = crypto_prf(suite->prf, cv_writer_bytes(&w), &input->shared, 1, skeyseed);
	if (!err)
		err = expand(keys, suite, input, cv_bytes(skeyseed, crypto_prf_size(suite->prf)));
	cv_wipe(skeyseed, sizeof(skeyseed));
	return err;
}

enum cv_err ike_keys_rekey(struct ike_keys *keys, const struct ike_suite *suite,
			   const struct ike_keys_input *input, uint16_t old_prf, const struct ike_keys *old)
{
	struct cv_bytes parts[] = { input->shared, input->ni, input->nr };
	uint8_t skeyseed[CRYPTO_PRF_MAX];
	enum cv_err err = crypto_prf(old_prf, ike_keys_d(old), parts, 3, skeyseed);

	if (!err)
		err = expand(keys, suite, input, cv_bytes(skeyseed, crypto_prf_size(old_prf)));
	cv_wipe(skeyseed, sizeof(skeyseed));
	return err;
}

void ike_keys_wipe(struct ike_keys *keys)
{
	cv_secret_free(&keys->all);
	*keys = (struct ike_keys){ 0 };
}

struct cv_bytes ike_keys_d(const struct ike_keys *keys)
{
	return cv_bytes(keys->all.data, keys->d_len);
}

struct cv_bytes ike_keys_a(const struct ike_keys *keys, bool initiator)
{
	size_t at = (size_t)keys->d_len + (initiator ? 0 : keys->a_len);

	return cv_bytes(keys->all.data + at, keys->a_len);
}

struct cv_bytes ike_keys_e(const struct ike_keys *keys, bool initiator)
{
	size_t at = (size_t)keys->d_len + 2u * keys->a_len + (initiator ? 0 : keys->e_len);

	return cv_bytes(keys->all.data + at, keys->e_len);
}

struct cv_bytes ike_keys_p(const struct ike_keys *keys, bool initiator)
{
	size_t at = (size_t)keys->d_len + 2u * keys->a_len + 2u * keys->e_len + (initiator ? 0 : keys->p_len);

	return cv_bytes(keys->all.data + at, keys->p_len);
}

enum cv_err ike_keys_sk(const struct ike_keys *keys, const struct ike_suite *suite, bool initiator,
			struct crypto_sk **out)
{
	return crypto_sk_new(suite->encr, suite->key_bits, suite->integ, ike_keys_e(keys, initiator),
			     ike_keys_a(keys, initiator), out);
}

enum cv_err ike_keys_child(const struct ike_keys *keys, uint16_t prf, const struct ike_suite *suite,
			   const struct ike_keys_input *input, struct ike_child_sa *child)
{
	struct cv_bytes seed[] = { input->shared, input->ni, input->nr };
	size_t e = encr_octets(suite), a = integ_octets(suite);
	uint8_t keymat[KEYMAT_MAX];
	struct cv_cursor c = cv_cursor(cv_bytes(keymat, 2 * (e + a)));
	struct cv_key *order[4] = { &child->encr_key_out, &child->integ_key_out, &child->encr_key_in,
				    &child->integ_key_in };
	enum cv_err err;

	if (!e || e > CV_KEY_MAX || a > CV_KEY_MAX)
		return CV_E_UNSUPPORTED;
	if (!child->initiator) {
		order[0] = &child->encr_key_in;
		order[1] = &child->integ_key_in;
		order[2] = &child->encr_key_out;
		order[3] = &child->integ_key_out;
	}
	err = crypto_prf_plus(prf, ike_keys_d(keys), seed, 3, keymat, 2 * (e + a));
	for (size_t i = 0; i < 4 && !err; i++)
		err = cv_key_set(order[i], cv_cursor_take(&c, i % 2 ? a : e));
	cv_wipe(keymat, sizeof(keymat));
	return err;
}
