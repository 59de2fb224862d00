/* What an algorithm number means to us: sizes, and whether we carry it out. */
#ifndef CULVERT_CRYPTO_SUITE_H
#define CULVERT_CRYPTO_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/secret.h"

struct crypto_encr_info {
	uint16_t id;	   /* enum wire_encr */
	uint16_t key_bits; /* as in the Key Length attribute */
	bool key_attr;	   /* the transform carries a Key Length attribute */
	bool aead;
	uint8_t key_len;   /* octets of cipher key */
	uint8_t salt_len;  /* octets behind the key in the keying material (AEAD: 4) */
	uint8_t iv_len;	   /* explicit IV: 8 for AEAD, 16 for CBC */
	uint8_t block_len; /* padding granularity: 1 for AEAD (ESP aligns to 4 itself), 16 for CBC */
	uint8_t icv_len;   /* AEAD only */
};

struct crypto_integ_info {
	uint16_t id; /* enum wire_integ */
	uint8_t key_len;
	uint8_t icv_len;
};

/* NULL when we do not carry it out: what RFC 8247 section 2 and RFC 8221 section 5 forbid is never there.
 * key_bits 0 for ciphers without a choice (ChaCha20). */
const struct crypto_encr_info *crypto_encr(uint16_t id, uint16_t key_bits);
const struct crypto_integ_info *crypto_integ(uint16_t id);

/* Protection of IKE messages (RFC 7296 section 3.14, RFC 5282). One object per direction of an IKE SA. */
struct crypto_sk;
/* key: cipher key with salt (AEAD) or without; integ_key empty with AEAD. */
enum cv_err crypto_sk_new(uint16_t encr, uint16_t key_bits, uint16_t integ, struct cv_bytes key,
			  struct cv_bytes integ_key, struct crypto_sk **out) CV_NODISCARD;
void crypto_sk_free(struct crypto_sk *sk);
/* Octets that sealing adds in front (IV) of the plaintext, at most behind it (padding, Pad Length, ICV). */
size_t crypto_sk_iv_len(const struct crypto_sk *sk);
size_t crypto_sk_trailer_max(const struct crypto_sk *sk);
/* Exact octets of IV + ciphertext + padding + Pad Length + ICV for a plaintext of that length. */
size_t crypto_sk_sealed_len(const struct crypto_sk *sk, size_t plain_len);
/* aad: from the IKE header to the end of the SK (or SKF) generic header (and SKF's fragment fields), with
 * final lengths. It stands directly in front of `region` in memory: region = iv | plaintext of plain_len
 * octets | room; the IV field is filled here (AEAD: from the counter iv_counter, never twice; CBC: from
 * iv_random). In place. */
enum cv_err crypto_sk_seal(struct crypto_sk *sk, struct cv_bytes aad, uint8_t *region, size_t plain_len,
			   size_t region_len, uint64_t iv_counter, const uint8_t iv_random[16]) CV_NODISCARD;
/* Verifies first, then decrypts in place; *plain points into region. CV_E_AUTH, CV_E_TRUNCATED, CV_E_SYNTAX
 * (padding). */
enum cv_err crypto_sk_open(struct crypto_sk *sk, struct cv_bytes aad, uint8_t *region, size_t region_len,
			   struct cv_bytes *plain) CV_NODISCARD;

#endif
