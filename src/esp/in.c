#include "esp/esp.h"

#include <stdlib.h>

#include "crypto/cipher.h"
#include "esp/sa.h"

enum cv_err esp_in_new(const struct esp_params *params, struct esp_in **out)
{
	struct esp_in *sa = calloc(1, sizeof *sa);

	if (!sa)
		return CV_E_NOMEM;
	enum cv_err err = crypto_cipher_new(params->encr, params->key_bits, params->integ, params->encr_key,
					    params->integ_key, false, &sa->cipher);

	if (!err)
		err = esp_replay_init(&sa->replay, params->replay_window);
	if (err) {
		esp_in_free(sa);
		return err;
	}
	sa->esn = params->esn;
	sa->layout = esp_layout_of(sa->cipher);
	*out = sa;
	return CV_OK;
}

void esp_in_free(struct esp_in *sa)
{
	if (!sa)
		return;
	crypto_cipher_free(sa->cipher);
	esp_replay_free(&sa->replay);
	free(sa);
}

/* Finds where the inner packet ends; the padding must count 1, 2, 3, ... (RFC 4303 section 2.4). */
static enum cv_err strip_trailer(uint8_t *data, size_t len, struct esp_opened *out)
{
	size_t pad = data[len - 2];

	if (pad + ESP_TRAILER_LEN > len)
		return CV_E_SYNTAX;
	const uint8_t *padding = data + len - ESP_TRAILER_LEN - pad;

	for (size_t i = 0; i < pad; i++) {
		if (padding[i] != i + 1)
			return CV_E_SYNTAX;
	}
	out->inner = data;
	out->inner_len = len - ESP_TRAILER_LEN - pad;
	out->next_header = data[len - 1];
	return CV_OK;
}

enum cv_err esp_in_open(struct esp_in *sa, uint8_t *packet, size_t len, struct esp_opened *out)
{
	size_t outside = (size_t)sa->layout.header_len + sa->layout.icv_len;
	struct esp_auth auth;

	if (len < outside + sa->layout.align)
		return CV_E_TRUNCATED;
	if ((len - outside) % sa->layout.align != 0)
		return CV_E_SYNTAX;
	struct crypto_record record = { .iv = packet + ESP_HEADER_LEN, .len = len - outside };
	uint64_t sequence = cv_get_u32(packet + 4);

	if ((sa->esn && !esp_replay_expand(&sa->replay, (uint32_t)sequence, &sequence)) ||
	    !esp_replay_check(&sa->replay, sequence))
		return CV_E_REPLAY;
	esp_auth_fill(&auth, &sa->layout, sa->esn, packet, sequence, &record);
	enum cv_err err = crypto_cipher_open(sa->cipher, &record);

	if (err)
		return err;
	out->sequence = sequence;
	out->newest = esp_replay_update(&sa->replay, sequence);
	return strip_trailer(packet + sa->layout.header_len, record.len, out);
}
