/* SAs with known keys, and known packets under them. */
#ifndef CULVERT_TESTS_ESP_PACKETS_H
#define CULVERT_TESTS_ESP_PACKETS_H

#include <stdint.h>
#include <string.h>

#include "../crypto/vectors.h"
#include "crypto/suite.h"
#include "esp/esp.h"
#include "esp/sa.h"
#include "wire/numbers.h"

/* Keys of the tests: cipher key 80 81 82 ..., salt a0 a1 a2 a3, integrity key 10 11 12 ... */
static uint8_t test_encr_key[64];
static uint8_t test_integ_key[64];

static inline struct esp_params test_params(uint16_t encr, uint16_t key_bits, uint16_t integ, bool esn)
{
	const struct crypto_encr_info *e = crypto_encr(encr, key_bits);
	const struct crypto_integ_info *i = crypto_integ(integ);

	for (uint8_t n = 0; n < 64; n++) {
		test_encr_key[n] = (uint8_t)(0x80 + n);
		test_integ_key[n] = (uint8_t)(0x10 + n);
	}
	memcpy(test_encr_key + e->key_len, "\xa0\xa1\xa2\xa3", 4);
	return (struct esp_params){
		.spi = 0x01020304,
		.encr = encr,
		.key_bits = key_bits,
		.integ = integ,
		.esn = esn,
		.replay_window = 64,
		.encr_key = cv_bytes(test_encr_key, (size_t)e->key_len + e->salt_len),
		.integ_key = cv_bytes(test_integ_key, i ? i->key_len : 0),
	};
}

/* The ping that RFC 7634 appendix A sends through its tunnel. */
static const char rfc7634_ping[] = "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
				   "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
				   "2425262728292a2b2c2d2e2f3031323334353637";

#endif
