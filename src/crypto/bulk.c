#include "crypto/bulk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "crypto/cipher.h"
#include "crypto/version.h"
#include "wire/numbers.h"

/* The choice is made by measuring: which one is faster depends on the processor and on OpenSSL's version. */
#define MEASURED_LEN	1400 /* octets; a full packet */
#define MEASURED_ROUNDS 5    /* for each; the best counts, so that a busy machine does not decide */
#define MEASURED_CALLS	150
#define WORTH_PERCENT	105 /* by how much the alternative must be faster to be taken */
#define RECORD_ROOM	(16 + MEASURED_LEN + 16)

enum kind { KIND_GCM, KIND_CHACHA, KINDS };

static const struct crypto_bulk *alternative;
static bool chosen[KINDS];
static char name[96];

static enum kind kind_of(uint16_t encr)
{
	return encr == WIRE_ENCR_CHACHA20_POLY1305 ? KIND_CHACHA : KIND_GCM;
}

const struct crypto_bulk *crypto_bulk_for(const struct crypto_encr_info *encr)
{
	return encr->aead && chosen[kind_of(encr->id)] ? alternative : NULL;
}

void crypto_bulk_force(bool on)
{
	for (size_t i = 0; i < KINDS; i++)
		chosen[i] = on;
}

struct trial {
	struct crypto_cipher *cipher;
	uint8_t room[RECORD_ROOM];
	uint64_t best_ns;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool trial_seal(struct trial *t, size_t len)
{
	static const uint8_t aad[12] = { 1 };
	const struct crypto_record record = { .aad = cv_bytes(aad, sizeof aad), .iv = t->room, .len = len };

	return crypto_cipher_seal(t->cipher, &record) == CV_OK;
}

static bool trial_start(struct trial *t, uint16_t encr, uint16_t key_bits, bool on)
{
	static const uint8_t key[36] = { 1, 2, 3 };

	*t = (struct trial){ .best_ns = UINT64_MAX };
	chosen[kind_of(encr)] = on;
	return crypto_cipher_new(encr, key_bits, 0, cv_bytes(key, sizeof key), cv_bytes(NULL, 0), true,
				 &t->cipher) == CV_OK;
}

static bool trial_round(struct trial *t)
{
	uint64_t start = now_ns();

	for (size_t i = 0; i < MEASURED_CALLS; i++) {
		if (!trial_seal(t, MEASURED_LEN))
			return false;
	}
	uint64_t took = now_ns() - start;

	t->best_ns = took < t->best_ns ? took : t->best_ns;
	return true;
}

/* Is the alternative right, for every length of last block, and faster? */
static bool trial_won(struct trial *openssl, struct trial *other)
{
	for (size_t len = 1; len < MEASURED_LEN; len += len < 300 ? 1 : 61) {
		if (!trial_seal(openssl, len) || !trial_seal(other, len) ||
		    memcmp(openssl->room, other->room, RECORD_ROOM) != 0)
			return false;
	}
	for (size_t i = 0; i < MEASURED_ROUNDS; i++) {
		if (!trial_round(openssl) || !trial_round(other))
			return false;
	}
	return openssl->best_ns * 100 > other->best_ns * WORTH_PERCENT;
}

static bool alternative_wins(uint16_t encr, uint16_t key_bits)
{
	struct trial openssl, other;
	bool won = trial_start(&openssl, encr, key_bits, false);

	won = trial_start(&other, encr, key_bits, true) && won && trial_won(&openssl, &other);
	crypto_cipher_free(openssl.cipher);
	crypto_cipher_free(other.cipher);
	return won;
}

static void set_name(void)
{
	char openssl[32];

	snprintf(openssl, sizeof openssl, "OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
	if (!chosen[KIND_GCM] && !chosen[KIND_CHACHA])
		snprintf(name, sizeof name, "%s", openssl);
	else
		snprintf(name, sizeof name, "%s for %s%s%s, else %s", alternative->name,
			 chosen[KIND_GCM] ? "AES-GCM" : "",
			 chosen[KIND_GCM] && chosen[KIND_CHACHA] ? " and " : "",
			 chosen[KIND_CHACHA] ? "ChaCha20" : "", openssl);
}

void crypto_bulk_init(void)
{
	bool gcm = false, chacha = false;

#ifdef CULVERT_IPSEC_MB
	/* Who told OpenSSL to do nothing but FIPS does not want to go around it. */
	if (EVP_default_properties_is_fips_enabled(NULL) != 1)
		alternative = crypto_mb_init();
#endif
	if (alternative) {
		gcm = alternative_wins(WIRE_ENCR_AES_GCM_16, 256);
		chacha = alternative_wins(WIRE_ENCR_CHACHA20_POLY1305, 0);
	}
	chosen[KIND_GCM] = gcm;
	chosen[KIND_CHACHA] = chacha;
	set_name();
}

void crypto_bulk_cleanup(void)
{
	crypto_bulk_force(false);
	alternative = NULL;
#ifdef CULVERT_IPSEC_MB
	crypto_mb_cleanup();
#endif
}

const char *crypto_bulk_name(void)
{
	return name;
}
