#include "crypto/bulk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <intel-ipsec-mb.h>

#include "lib/secret.h"
#include "wire/numbers.h"

#define KEY_ALIGN  64
#define ICV_MAX	   16
#define CHACHA_KEY 32

/* Holds the functions for this processor; the direct calls change nothing in it. */
static IMB_MGR *manager;

struct mb_key {
	struct gcm_key_data gcm; /* first: it wants its alignment */
	uint8_t chacha[CHACHA_KEY];
	aes_gcm_enc_dec_t gcm_seal; /* NULL: ChaCha20-Poly1305 */
	aes_gcm_enc_dec_t gcm_open;
};

static void *mb_key_new(const struct crypto_encr_info *encr, const uint8_t *key)
{
	struct mb_key *k = aligned_alloc(KEY_ALIGN, (sizeof *k + KEY_ALIGN - 1) / KEY_ALIGN * KEY_ALIGN);

	if (!k)
		return NULL;
	memset(k, 0, sizeof *k);
	if (encr->id == WIRE_ENCR_CHACHA20_POLY1305) {
		memcpy(k->chacha, key, CHACHA_KEY);
		return k;
	}
	switch (encr->key_bits) {
	case 128:
		IMB_AES128_GCM_PRE(manager, key, &k->gcm);
		k->gcm_seal = manager->gcm128_enc;
		k->gcm_open = manager->gcm128_dec;
		break;
	case 192:
		IMB_AES192_GCM_PRE(manager, key, &k->gcm);
		k->gcm_seal = manager->gcm192_enc;
		k->gcm_open = manager->gcm192_dec;
		break;
	default:
		IMB_AES256_GCM_PRE(manager, key, &k->gcm);
		k->gcm_seal = manager->gcm256_enc;
		k->gcm_open = manager->gcm256_dec;
		break;
	}
	return k;
}

static void mb_key_free(void *key)
{
	if (!key)
		return;
	cv_wipe(key, sizeof(struct mb_key));
	free(key);
}

static void mb_seal(const void *key, const uint8_t *nonce, struct cv_bytes aad, uint8_t *data, size_t len,
		    uint8_t *icv, size_t icv_len)
{
	const struct mb_key *k = key;

	if (k->gcm_seal) {
		struct gcm_context_data ctx;

		k->gcm_seal(&k->gcm, &ctx, data, data, len, nonce, aad.data, aad.len, icv, icv_len);
	} else {
		struct chacha20_poly1305_context_data ctx;

		IMB_CHACHA20_POLY1305_INIT(manager, k->chacha, &ctx, nonce, aad.data, aad.len);
		IMB_CHACHA20_POLY1305_ENC_UPDATE(manager, k->chacha, &ctx, data, data, len);
		IMB_CHACHA20_POLY1305_ENC_FINALIZE(manager, &ctx, icv, icv_len);
	}
}

static bool mb_open(const void *key, const uint8_t *nonce, struct cv_bytes aad, uint8_t *data, size_t len,
		    const uint8_t *icv, size_t icv_len)
{
	const struct mb_key *k = key;
	uint8_t want[ICV_MAX];

	if (k->gcm_open) {
		struct gcm_context_data ctx;

		k->gcm_open(&k->gcm, &ctx, data, data, len, nonce, aad.data, aad.len, want, icv_len);
	} else {
		struct chacha20_poly1305_context_data ctx;

		IMB_CHACHA20_POLY1305_INIT(manager, k->chacha, &ctx, nonce, aad.data, aad.len);
		IMB_CHACHA20_POLY1305_DEC_UPDATE(manager, k->chacha, &ctx, data, data, len);
		IMB_CHACHA20_POLY1305_DEC_FINALIZE(manager, &ctx, want, icv_len);
	}
	return cv_secret_equal(cv_bytes(want, icv_len), cv_bytes(icv, icv_len));
}

static char name[32];
static const struct crypto_bulk mb = { name, mb_key_new, mb_key_free, mb_seal, mb_open };

const struct crypto_bulk *crypto_mb_init(void)
{
	IMB_ARCH arch = IMB_ARCH_NONE;

	manager = alloc_mb_mgr(0);
	if (!manager)
		return NULL;
	init_mb_mgr_auto(manager, &arch);
	/* Without AES instructions it emulates them in C. */
	if (arch == IMB_ARCH_NONE || arch == IMB_ARCH_NOAESNI || imb_get_errno(manager) != 0) {
		crypto_mb_cleanup();
		return NULL;
	}
	snprintf(name, sizeof name, "ipsec-mb %s", imb_get_version_str());
	return &mb;
}

void crypto_mb_cleanup(void)
{
	if (manager)
		free_mb_mgr(manager);
	manager = NULL;
}
