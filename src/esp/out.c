#include "esp/esp.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cipher.h"
#include "esp/sa.h"

enum cv_err esp_out_new(const struct esp_params *params, struct esp_out **out)
{
	if (params->spi == 0)
		return CV_E_SYNTAX; /* never on the wire (RFC 4303 section 2.1) */
	struct esp_out *sa = calloc(1, sizeof *sa);

	if (!sa)
		return CV_E_NOMEM;
	enum cv_err err = crypto_cipher_new(params->encr, params->key_bits, params->integ, params->encr_key,
					    params->integ_key, true, &sa->cipher);

	if (err) {
		esp_out_free(sa);
		return err;
	}
	sa->spi = params->spi;
	sa->esn = params->esn;
	sa->last = params->esn ? UINT64_MAX : UINT32_MAX;
	sa->layout = esp_layout_of(sa->cipher);
	*out = sa;
	return CV_OK;
}

void esp_out_free(struct esp_out *sa)
{
	if (!sa)
		return;
	crypto_cipher_free(sa->cipher);
	free(sa);
}

size_t esp_out_header_len(const struct esp_out *sa)
{
	return sa->layout.header_len;
}

/* Octets that are encrypted: the inner packet, padding, Pad Length, Next Header, up to the next boundary. */
static size_t data_len(const struct esp_layout *layout, size_t inner_len)
{
	return (inner_len + ESP_TRAILER_LEN + layout->align - 1) / layout->align * layout->align;
}

size_t esp_out_packet_len(const struct esp_out *sa, size_t inner_len)
{
	return sa->layout.header_len + data_len(&sa->layout, inner_len) + sa->layout.icv_len;
}

size_t esp_out_inner_max(const struct esp_out *sa, size_t esp_len)
{
	size_t outside = (size_t)sa->layout.header_len + sa->layout.icv_len;

	if (esp_len < outside + sa->layout.align)
		return 0;
	return (esp_len - outside) / sa->layout.align * sa->layout.align - ESP_TRAILER_LEN;
}

uint64_t esp_out_sequence(const struct esp_out *sa)
{
	return sa->sequence;
}

/* Padding 1, 2, 3, ..., its length, and the next header (RFC 4303 section 2.4). */
static void put_trailer(uint8_t *at, size_t pad, uint8_t next_header)
{
	for (size_t i = 0; i < pad; i++)
		at[i] = (uint8_t)(i + 1);
	at[pad] = (uint8_t)pad;
	at[pad + 1] = next_header;
}

enum cv_err esp_out_seal(struct esp_out *sa, uint8_t *buf, size_t inner_len, uint8_t next_header)
{
	struct esp_auth auth;
	size_t len = data_len(&sa->layout, inner_len);
	uint8_t *iv = buf + ESP_HEADER_LEN;

	if (sa->sequence == sa->last)
		return CV_E_LIMIT;
	/* Counted before anything can fail: a number, and with it a nonce, is never used twice. */
	sa->sequence++;
	cv_put_u32(buf, sa->spi);
	cv_put_u32(buf + 4, (uint32_t)sa->sequence);
	enum cv_err err = crypto_cipher_iv(sa->cipher, sa->sequence, iv);

	if (err)
		return err;
	put_trailer(buf + sa->layout.header_len + inner_len, len - inner_len - ESP_TRAILER_LEN, next_header);
	struct crypto_record record = { .iv = iv, .len = len };

	esp_auth_fill(&auth, &sa->layout, sa->esn, buf, sa->sequence, &record);
	return crypto_cipher_seal(sa->cipher, &record);
}
