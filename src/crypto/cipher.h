/* Authenticated encryption of one record in place: what ESP packets and SK payloads have in common. A record
 * is laid out in memory as IV | data | ICV. Built for speed: the key is set once; AEAD never allocates. */
#ifndef CULVERT_CRYPTO_CIPHER_H
#define CULVERT_CRYPTO_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/suite.h"
#include "lib/bytes.h"
#include "lib/err.h"

/* One key, one direction, one thread at a time. */
struct crypto_cipher;

struct crypto_record {
	struct cv_bytes aad; /* authenticated, not encrypted */
	uint8_t *iv;	     /* iv_len octets, then `len` octets of data, then icv_len octets of ICV */
	size_t len;	     /* of the data; a multiple of block_len */
	struct cv_bytes
	    tail; /* not with AEAD: authenticated behind the data, not sent (ESP's high sequence bits) */
};

/* key: cipher key with salt (AEAD) or without; integ 0 and integ_key empty with AEAD. CV_E_UNSUPPORTED for an
 * algorithm or combination we do not carry out (none without integrity), CV_E_SYNTAX for a key of wrong
 * length. */
enum cv_err crypto_cipher_new(uint16_t encr, uint16_t key_bits, uint16_t integ, struct cv_bytes key,
			      struct cv_bytes integ_key, bool seal, struct crypto_cipher **out) CV_NODISCARD;
void crypto_cipher_free(struct crypto_cipher *c); /* wipes; NULL is fine */
size_t crypto_cipher_iv_len(const struct crypto_cipher *c);
size_t crypto_cipher_block_len(const struct crypto_cipher *c);
size_t crypto_cipher_icv_len(const struct crypto_cipher *c);
bool crypto_cipher_is_aead(const struct crypto_cipher *c);
/* Writes an IV of iv_len octets: the counter for AEAD (the caller never gives it twice; RFC 4106
 * section 3.1), an unpredictable one for CBC (RFC 3602 section 2.1). */
enum cv_err crypto_cipher_iv(struct crypto_cipher *c, uint64_t counter, uint8_t *iv) CV_NODISCARD;
/* Encrypts in place and writes the ICV; the IV is there already. CV_E_NOSPACE above 16 MiB, CV_E_INTERNAL. */
enum cv_err crypto_cipher_seal(struct crypto_cipher *c, const struct crypto_record *r) CV_NODISCARD;
/* Verifies, then decrypts in place (AEAD: what was decrypted must not be looked at after CV_E_AUTH). */
enum cv_err crypto_cipher_open(struct crypto_cipher *c, const struct crypto_record *r) CV_NODISCARD;

#endif
