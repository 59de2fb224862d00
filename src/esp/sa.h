/* Private to esp/: the two halves of an SA, how an ESP packet is laid out (RFC 4303 section 2) and what of it
 * the ICV covers. */
#ifndef CULVERT_ESP_SA_H
#define CULVERT_ESP_SA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/cipher.h"
#include "esp/esp.h"
#include "esp/replay.h"
#include "lib/bytes.h"

#define ESP_HEADER_LEN	8 /* SPI and sequence number */
#define ESP_TRAILER_LEN 2 /* Pad Length and Next Header */
#define ESP_ALIGN	4 /* the ICV begins at such a boundary (section 2.4) */

struct esp_layout {
	uint8_t header_len; /* with the IV */
	uint8_t align;	    /* of what is encrypted */
	uint8_t icv_len;
	bool aead;
};

struct esp_out {
	struct crypto_cipher *cipher;
	uint64_t sequence; /* of the last packet */
	uint64_t last;	   /* the highest that may be used */
	uint32_t spi;
	bool esn;
	struct esp_layout layout;
};

struct esp_in {
	struct crypto_cipher *cipher;
	struct esp_replay replay;
	bool esn;
	struct esp_layout layout;
};

static inline struct esp_layout esp_layout_of(const struct crypto_cipher *cipher)
{
	size_t block = crypto_cipher_block_len(cipher);

	return (struct esp_layout){
		.header_len = (uint8_t)(ESP_HEADER_LEN + crypto_cipher_iv_len(cipher)),
		.align = (uint8_t)(block > ESP_ALIGN ? block : ESP_ALIGN),
		.icv_len = (uint8_t)crypto_cipher_icv_len(cipher),
		.aead = crypto_cipher_is_aead(cipher),
	};
}

/* Room for the sequence number's high half, which is authenticated but not sent. */
struct esp_auth {
	uint8_t b[ESP_HEADER_LEN + 4];
};

/* Sets the record's aad and tail: SPI and low bits as they stand in the packet; with extended numbers AEAD
 * has the high bits between them (RFC 4106 section 5), an HMAC at the very end (RFC 4303 section 2.2.1). */
static inline void esp_auth_fill(struct esp_auth *auth, const struct esp_layout *layout, bool esn,
				 const uint8_t *packet, uint64_t sequence, struct crypto_record *record)
{
	record->aad = cv_bytes(packet, ESP_HEADER_LEN);
	if (!esn)
		return;
	if (layout->aead) {
		cv_put_u32(auth->b, cv_get_u32(packet));
		cv_put_u64(auth->b + 4, sequence);
		record->aad = cv_bytes(auth->b, sizeof auth->b);
	} else {
		cv_put_u32(auth->b, (uint32_t)(sequence >> 32));
		record->tail = cv_bytes(auth->b, 4);
	}
}

#endif
