/* Private to crypto/: AEAD for packets by something faster than OpenSSL, where the machine has it. */
#ifndef CULVERT_CRYPTO_BULK_H
#define CULVERT_CRYPTO_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/suite.h"
#include "lib/bytes.h"

/* What an implementation brings. Keys serve both directions; calls with different keys may run at the same
 * time. */
struct crypto_bulk {
	const char *name; /* with its version */
	/* NULL when memory is missing. */
	void *(*key_new)(const struct crypto_encr_info *encr, const uint8_t *key);
	void (*key_free)(void *key); /* wipes */
	/* In place; nonce: 12 octets. */
	void (*seal)(const void *key, const uint8_t *nonce, struct cv_bytes aad, uint8_t *data, size_t len,
		     uint8_t *icv, size_t icv_len);
	/* In place; false when the ICV is another. */
	bool (*open)(const void *key, const uint8_t *nonce, struct cv_bytes aad, uint8_t *data, size_t len,
		     const uint8_t *icv, size_t icv_len);
};

/* The implementation that was chosen for this cipher; NULL: OpenSSL. */
const struct crypto_bulk *crypto_bulk_for(const struct crypto_encr_info *encr);
/* For tests and measurements: from now on new ciphers are made with the alternative (if there is one) or with
 * OpenSSL. */
void crypto_bulk_force(bool alternative);
/* Tries what there is against OpenSSL and keeps the faster. */
void crypto_bulk_init(void);
void crypto_bulk_cleanup(void);

#ifdef CULVERT_IPSEC_MB
/* Intel's ipsec-mb, made for single packets. NULL when it does not know this processor. */
const struct crypto_bulk *crypto_mb_init(void);
void crypto_mb_cleanup(void);
#endif

#endif
