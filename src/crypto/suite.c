#include "crypto/suite.h"

#include "crypto/algs.h"
#include "wire/numbers.h"

static const char *const cipher_names[CRYPTO_CIPHERS] = {
	"AES-128-GCM", "AES-192-GCM", "AES-256-GCM",	   "AES-128-CBC",
	"AES-192-CBC", "AES-256-CBC", "ChaCha20-Poly1305",
};

enum { GCM128, GCM192, GCM256, CBC128, CBC192, CBC256, CHACHA };

/* GCM: RFC 4106 and 5282; ChaCha20-Poly1305: RFC 7634; CBC: RFC 3602. */
static const struct encr_row {
	struct crypto_encr_info info;
	uint8_t cipher;
} encrs[] = {
	{ { WIRE_ENCR_AES_GCM_16, 128, true, true, 16, 4, 8, 1, 16 }, GCM128 },
	{ { WIRE_ENCR_AES_GCM_16, 192, true, true, 24, 4, 8, 1, 16 }, GCM192 },
	{ { WIRE_ENCR_AES_GCM_16, 256, true, true, 32, 4, 8, 1, 16 }, GCM256 },
	{ { WIRE_ENCR_AES_GCM_12, 128, true, true, 16, 4, 8, 1, 12 }, GCM128 },
	{ { WIRE_ENCR_AES_GCM_12, 192, true, true, 24, 4, 8, 1, 12 }, GCM192 },
	{ { WIRE_ENCR_AES_GCM_12, 256, true, true, 32, 4, 8, 1, 12 }, GCM256 },
	{ { WIRE_ENCR_AES_GCM_8, 128, true, true, 16, 4, 8, 1, 8 }, GCM128 },
	{ { WIRE_ENCR_AES_GCM_8, 192, true, true, 24, 4, 8, 1, 8 }, GCM192 },
	{ { WIRE_ENCR_AES_GCM_8, 256, true, true, 32, 4, 8, 1, 8 }, GCM256 },
	{ { WIRE_ENCR_CHACHA20_POLY1305, 0, false, true, 32, 4, 8, 1, 16 }, CHACHA },
	{ { WIRE_ENCR_AES_CBC, 128, true, false, 16, 0, 16, 16, 0 }, CBC128 },
	{ { WIRE_ENCR_AES_CBC, 192, true, false, 24, 0, 16, 16, 0 }, CBC192 },
	{ { WIRE_ENCR_AES_CBC, 256, true, false, 32, 0, 16, 16, 0 }, CBC256 },
};

/* RFC 4868 section 2.6; SHA-1 (RFC 2404) for old peers whose owner asks for it. */
static const struct integ_row {
	struct crypto_integ_info info;
	enum crypto_hash hash;
} integs[] = {
	{ { WIRE_AUTH_HMAC_SHA2_256_128, 32, 16 }, CRYPTO_HASH_SHA256 },
	{ { WIRE_AUTH_HMAC_SHA2_384_192, 48, 24 }, CRYPTO_HASH_SHA384 },
	{ { WIRE_AUTH_HMAC_SHA2_512_256, 64, 32 }, CRYPTO_HASH_SHA512 },
	{ { WIRE_AUTH_HMAC_SHA1_96, 20, 12 }, CRYPTO_HASH_SHA1 },
};

bool crypto_suite_init(struct crypto_algs *algs)
{
	for (size_t i = 0; i < CRYPTO_CIPHERS; i++)
		algs->cipher[i] = EVP_CIPHER_fetch(NULL, cipher_names[i], NULL);
	/* MUST of RFC 8247 section 2.1. */
	return algs->cipher[CBC128] && algs->cipher[CBC256];
}

static const struct encr_row *encr_find(uint16_t id, uint16_t key_bits)
{
	for (size_t i = 0; i < sizeof encrs / sizeof encrs[0]; i++) {
		const struct encr_row *row = &encrs[i];

		if (row->info.id == id && row->info.key_bits == key_bits &&
		    (!crypto_algs.ready || crypto_algs.cipher[row->cipher]))
			return row;
	}
	return NULL;
}

const struct crypto_encr_info *crypto_encr(uint16_t id, uint16_t key_bits)
{
	const struct encr_row *row = encr_find(id, key_bits);

	return row ? &row->info : NULL;
}

const EVP_CIPHER *crypto_encr_cipher(const struct crypto_encr_info *info)
{
	const struct encr_row *row = (const void *)info; /* info is the row's first member */

	return crypto_algs.cipher[row->cipher];
}

static const struct integ_row *integ_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof integs / sizeof integs[0]; i++) {
		if (integs[i].info.id == id && (!crypto_algs.ready || crypto_algs.hmac[integs[i].hash]))
			return &integs[i];
	}
	return NULL;
}

const struct crypto_integ_info *crypto_integ(uint16_t id)
{
	const struct integ_row *row = integ_find(id);

	return row ? &row->info : NULL;
}

enum crypto_hash crypto_integ_hash(const struct crypto_integ_info *info)
{
	const struct integ_row *row = (const void *)info;

	return row->hash;
}
