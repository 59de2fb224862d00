#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/bulk.h"
#include "crypto/prf.h"
#include "packets.h"

static const struct suite {
	uint16_t encr, key_bits, integ;
} suites[] = {
	{ WIRE_ENCR_AES_GCM_16, 128, 0 },
	{ WIRE_ENCR_AES_GCM_16, 192, 0 },
	{ WIRE_ENCR_AES_GCM_16, 256, 0 },
	{ WIRE_ENCR_AES_GCM_12, 256, 0 },
	{ WIRE_ENCR_AES_GCM_8, 256, 0 },
	{ WIRE_ENCR_CHACHA20_POLY1305, 0, 0 },
	{ WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128 },
	{ WIRE_ENCR_AES_CBC, 192, WIRE_AUTH_HMAC_SHA2_384_192 },
	{ WIRE_ENCR_AES_CBC, 256, WIRE_AUTH_HMAC_SHA2_512_256 },
};
enum { SUITES = sizeof suites / sizeof suites[0] };

/* The ping under several suites, computed with Python's cryptography and hmac modules. Extended: sequence
 * number 5 * 2^32 + 7, else 1; with AEAD the IV is the sequence number, with CBC e0 e1 e2 ... */
static const struct known_packet {
	uint16_t encr, key_bits, integ;
	bool esn;
	const char *packet;
} known[] = {
	{ WIRE_ENCR_CHACHA20_POLY1305, 0, 0, false,
	  "01020304000000010000000000000001df63ec517e5cea43bcd5a97de1d90d61a0e0d5fd1f81e038e56faa1a89041258"
	  "29c2a5acd10f6949c402b6fdddfe00acecdaa655d15c58bf904546a0d3028563dc9eec5c5ec03e91a71c521276e51cea"
	  "b09d5bdcdd610e01ec1725da2c7b0cbae177c257fcc9b55f" },
	{ WIRE_ENCR_CHACHA20_POLY1305, 0, 0, true,
	  "01020304000000070000000500000007543689c5df9cd724e4d12a8f0dddced47252c153974aee8cbc2b12e74659f5f7"
	  "cebd2456593b566a7d0e7e2df8a6492c8fa3b129ffc6c3763b5cfdcaea8d63fd40542805c63e2302b32beddbf86de67c"
	  "aea4488c17355b7cbcd271c47bcb22f2923e09059ebe5caf" },
	{ WIRE_ENCR_AES_GCM_16, 128, 0, false,
	  "0102030400000001000000000000000109cee806a7a789dce0d568e6f7ac3405eae0e4afb236c4fc54c5961c23e8b6f0"
	  "27e984ee3280552b70ed75993a56b87f180eb0428a30f729e42bf783e23b9837f2d5103b263ddc5f28e9835f4d57ac51"
	  "d0c030ef208574324e6bd1aa761dfcf25b026725821fd523" },
	{ WIRE_ENCR_AES_GCM_16, 128, 0, true,
	  "01020304000000070000000500000007f37670f2496582f162c4495c6df3a7f9959a244d643a22a3ce3d9fc3d5266cfb"
	  "8bd349463019c36acc98a5deeee4c51e5e2c6a6a693c100f210acdcbeb49c69a304425dccdf7c319d63bb4455e4644f0"
	  "f408407e1e31b4098af196adffb4462ff935a73ee0744c7e" },
	{ WIRE_ENCR_AES_GCM_16, 256, 0, false,
	  "01020304000000010000000000000001b32d62528266255f74418c084a25c80ff0a79b1c1b727a31664c3e52e8bc1f61"
	  "9cafd94134dc0bf27f731a0a0e5b79b2afc3417b5399e49515f7d80cc0028ec114ce4cec52f122e82deeb5405fbd56dd"
	  "4bb9402ade3f35e8d21f08b00b6fe7eef6aea7a38f6a554b" },
	{ WIRE_ENCR_AES_GCM_16, 256, 0, true,
	  "0102030400000007000000050000000723c7bde235205ab022596b1c22b6562135d2f8e5a761ecfd7b3931b44b20f0c1"
	  "6aafd086177b10c405fd30e0ff1a0647a5b8de57882f8a6661da250e9fd150fff5be34d90f2e9147fb389dea06ac030b"
	  "02d06c27655329c855a48ca3ef1f5b63905784153b65a964" },
	{ WIRE_ENCR_AES_GCM_12, 256, 0, true,
	  "0102030400000007000000050000000723c7bde235205ab022596b1c22b6562135d2f8e5a761ecfd7b3931b44b20f0c1"
	  "6aafd086177b10c405fd30e0ff1a0647a5b8de57882f8a6661da250e9fd150fff5be34d90f2e9147fb389dea06ac030b"
	  "02d06c27655329c855a48ca3ef1f5b6390578415" },
	{ WIRE_ENCR_AES_GCM_8, 256, 0, false,
	  "01020304000000010000000000000001b32d62528266255f74418c084a25c80ff0a79b1c1b727a31664c3e52e8bc1f61"
	  "9cafd94134dc0bf27f731a0a0e5b79b2afc3417b5399e49515f7d80cc0028ec114ce4cec52f122e82deeb5405fbd56dd"
	  "4bb9402ade3f35e8d21f08b00b6fe7ee" },
	{ WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128, false,
	  "0102030400000001e0e1e2e3e4e5e6e7e8e9eaebecedeeef94d69637f455fb891d4fa0da9ad13db8cc2ca2b55bdcc03f"
	  "30f745eb43a107470ad8fded6681471a3f10f7bfa731ad7bd893c2f45432026ef055750eb9f3188c22b8540e5e35e304"
	  "76a3000b60b5eb35d38487aebae337470d182ad0643ba9704c2dabeb70bf230bcf8d3b688aace7f0" },
	{ WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128, true,
	  "0102030400000007e0e1e2e3e4e5e6e7e8e9eaebecedeeef94d69637f455fb891d4fa0da9ad13db8cc2ca2b55bdcc03f"
	  "30f745eb43a107470ad8fded6681471a3f10f7bfa731ad7bd893c2f45432026ef055750eb9f3188c22b8540e5e35e304"
	  "76a3000b60b5eb35d38487aebae337470d182ad0643ba970e60b78e2471e7543b04032437174183b" },
	{ WIRE_ENCR_AES_CBC, 256, WIRE_AUTH_HMAC_SHA2_512_256, false,
	  "0102030400000001e0e1e2e3e4e5e6e7e8e9eaebecedeeef6fa599cadb85cf942904091bee01924fff6c42a13a28e0db"
	  "39cdd0b4d169bac30eeac488648940224f2e5f0001c2caa5e311b934e416a166b51c66f93aacb7b02e14af0c2f37f7e0"
	  "619ca72c66153b1e90832fd007a450e52837efa6316970fff948951ed31b5527ea06cb8308247a4bbd4300379c07bb27"
	  "562c2800a28746be" },
	{ WIRE_ENCR_AES_CBC, 256, WIRE_AUTH_HMAC_SHA2_512_256, true,
	  "0102030400000007e0e1e2e3e4e5e6e7e8e9eaebecedeeef6fa599cadb85cf942904091bee01924fff6c42a13a28e0db"
	  "39cdd0b4d169bac30eeac488648940224f2e5f0001c2caa5e311b934e416a166b51c66f93aacb7b02e14af0c2f37f7e0"
	  "619ca72c66153b1e90832fd007a450e52837efa6316970ff997651ccd9d881db8a9496abd41bd8fb333bb4173a819eaa"
	  "8f418a9461ee0da0" },
};
enum { KNOWN = sizeof known / sizeof known[0] };

#define KNOWN_HIGH ((uint64_t)5 << 32)

static struct esp_out *new_out(const struct suite *s, bool esn)
{
	struct esp_params params = test_params(s->encr, s->key_bits, s->integ, esn);
	struct esp_out *sa = NULL;

	assert_int_equal(esp_out_new(&params, &sa), CV_OK);
	return sa;
}

static struct esp_in *new_in(const struct suite *s, bool esn, uint32_t window)
{
	struct esp_params params = test_params(s->encr, s->key_bits, s->integ, esn);
	struct esp_in *sa = NULL;

	params.replay_window = window;
	assert_int_equal(esp_in_new(&params, &sa), CV_OK);
	return sa;
}

/* A sealed packet in a buffer of exact size. */
static uint8_t *seal(struct esp_out *sa, const struct octets *inner, uint8_t next_header, size_t *len)
{
	uint8_t *packet;

	*len = esp_out_packet_len(sa, inner->len);
	packet = malloc(*len);
	memcpy(packet + esp_out_header_len(sa), inner->b, inner->len);
	assert_int_equal(esp_out_seal(sa, packet, inner->len, next_header), CV_OK);
	return packet;
}

static void test_packets_are_sealed_to_known_octets(void **state)
{
	struct octets ping = hex(rfc7634_ping);

	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		const struct known_packet *k = &known[i];
		struct octets want = hex(k->packet);
		struct esp_out *sa = new_out(&(struct suite){ k->encr, k->key_bits, k->integ }, k->esn);
		size_t len;

		sa->sequence = k->esn ? KNOWN_HIGH + 6 : 0;
		uint8_t *packet = seal(sa, &ping, 4, &len);

		assert_int_equal(len, want.len);
		if (k->integ == 0) /* a CBC packet's IV is random */
			assert_memory_equal(packet, want.b, len);
		free(packet);
		esp_out_free(sa);
	}
}

static void test_known_packets_are_opened(void **state)
{
	struct octets ping = hex(rfc7634_ping);

	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		const struct known_packet *k = &known[i];
		struct octets packet = hex(k->packet);
		struct esp_in *sa = new_in(&(struct suite){ k->encr, k->key_bits, k->integ }, k->esn, 64);
		struct esp_opened opened;

		sa->replay.top = k->esn ? KNOWN_HIGH : 0;
		assert_int_equal(esp_in_open(sa, packet.b, packet.len, &opened), CV_OK);
		assert_int_equal(opened.inner_len, ping.len);
		assert_memory_equal(opened.inner, ping.b, ping.len);
		assert_int_equal(opened.next_header, 4);
		assert_int_equal(opened.sequence, k->esn ? KNOWN_HIGH + 7 : 1);
		assert_true(opened.newest);
		esp_in_free(sa);
	}
}

static void test_the_packet_of_rfc7634_appendix_a_is_opened(void **state)
{
	struct octets ping = hex(rfc7634_ping);
	struct octets packet = hex(
	    "0102030400000005101112131415161724039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
	    "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da"
	    "9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43");
	struct esp_in *sa = new_in(&(struct suite){ WIRE_ENCR_CHACHA20_POLY1305, 0, 0 }, false, 64);
	struct esp_opened opened;

	(void)state;
	assert_int_equal(esp_in_open(sa, packet.b, packet.len, &opened), CV_OK);
	assert_int_equal(opened.inner_len, ping.len);
	assert_memory_equal(opened.inner, ping.b, ping.len);
	assert_int_equal(opened.sequence, 5);
	esp_in_free(sa);
}

/* RFC 3602 section 4, cases 5 to 8. They have no ICV; ours is put behind them. */
static void test_the_packets_of_rfc3602_are_opened(void **state)
{
	const struct {
		const char *key, *packet, *inner;
		uint8_t next_header;
		uint32_t sequence;
	} cases[] = {
		{ "90d382b410eeba7ad938c46cec1a82bf",
		  "0000432100000001e96e8c08ab465763fd098d45dd3ff893"
		  "f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55db080b59ec3a8e"
		  "4b7e52"
		  "775b07d1db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7cfbad4a6",
		  "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324"
		  "252627"
		  "28292a2b2c2d2e2f3031323334353637",
		  1, 1 },
		{ "90d382b410eeba7ad938c46cec1a82bf",
		  "000043210000000869d08df7d203329db093fc4924e5bd80"
		  "f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75",
		  "0800b5e8a80a0500a69c083d0b660e00777777777777777777777777", 1, 8 },
		{ "0123456789abcdef0123456789abcdef",
		  "0000876500000002f4e765244f6407adf13dc1380f673f37"
		  "773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b85"
		  "9243c6"
		  "47752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1"
		  "c22f0d",
		  "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a2040008090a0b0c0d0e0f10"
		  "111213"
		  "1415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
		  4, 2 },
		{ "0123456789abcdef0123456789abcdef",
		  "000087650000000585d47224b5f3dd5d2101d4ea8dffab22"
		  "15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07"
		  "ff9639"
		  "b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc6d17a0decbb13892",
		  "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffffffffffffffffff"
		  "ffffff"
		  "ffffffffffffffffffffffffffffffffffffffff",
		  4, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct esp_params params =
		    test_params(WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128, false);
		struct octets key = hex(cases[i].key), packet = hex(cases[i].packet),
			      inner = hex(cases[i].inner);
		struct cv_bytes whole = view(&packet);
		struct esp_opened opened;
		struct esp_in *sa;

		params.encr_key = view(&key);
		assert_int_equal(esp_in_new(&params, &sa), CV_OK);
		assert_int_equal(crypto_hmac_sha256(params.integ_key, &whole, 1, packet.b + packet.len),
				 CV_OK);
		assert_int_equal(esp_in_open(sa, packet.b, packet.len + 16, &opened), CV_OK);
		assert_int_equal(opened.inner_len, inner.len);
		assert_memory_equal(opened.inner, inner.b, inner.len);
		assert_int_equal(opened.next_header, cases[i].next_header);
		assert_int_equal(opened.sequence, cases[i].sequence);
		esp_in_free(sa);
	}
}

/* R4303-2.4-1: the least padding that aligns; the promised lengths are exact and the room behind is left
 * alone. */
static void test_every_inner_length_comes_back(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		for (int esn = 0; esn <= 1; esn++) {
			struct esp_out *out = new_out(&suites[s], esn);
			struct esp_in *in = new_in(&suites[s], esn, 8192);
			size_t align = suites[s].integ ? 16 : 4;

			for (size_t n = 0; n <= 300; n++) {
				struct octets inner = repeat((uint8_t)n, n);
				struct esp_opened opened;
				size_t len;
				uint8_t *packet = seal(out, &inner, 41, &len);

				assert_int_equal((len - esp_out_header_len(out) - in->layout.icv_len) % align,
						 0);
				assert_true(esp_out_inner_max(out, len) >= n);
				assert_true(esp_out_inner_max(out, len) < n + align);
				assert_true(n == 0 || esp_out_inner_max(out, len - 1) < n + align - 1);
				assert_int_equal(esp_out_packet_len(out, esp_out_inner_max(out, len)), len);
				assert_int_equal(esp_in_open(in, packet, len, &opened), CV_OK);
				assert_int_equal(opened.inner_len, n);
				assert_memory_equal(opened.inner, inner.b, n);
				assert_int_equal(opened.next_header, 41);
				assert_int_equal(opened.sequence, n + 1);
				assert_int_equal(esp_out_sequence(out), n + 1);
				free(packet);
			}
			esp_out_free(out);
			esp_in_free(in);
		}
	}
}

static void test_inner_max_never_overfills(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		struct esp_out *out = new_out(&suites[s], true);
		size_t least = esp_out_packet_len(out, 0);

		for (size_t esp_len = 0; esp_len < 1500; esp_len++) {
			size_t inner = esp_out_inner_max(out, esp_len);

			if (esp_len < least) {
				assert_int_equal(inner, 0);
				continue;
			}
			assert_true(esp_out_packet_len(out, inner) <= esp_len);
			assert_true(esp_out_packet_len(out, inner + 1) > esp_len);
		}
		esp_out_free(out);
	}
}

/* Makes a packet as a peer might, from octets that are to be encrypted as they stand. */
static enum cv_err open_data(const struct suite *s, const struct octets *data, struct esp_opened *opened)
{
	struct esp_out *out = new_out(s, false);
	struct esp_in *in = new_in(s, false, 64);
	size_t header_len = esp_out_header_len(out), len = header_len + data->len + in->layout.icv_len;
	uint8_t *packet = malloc(len);

	cv_put_u32(packet, out->spi);
	cv_put_u32(packet + 4, 1);
	memset(packet + 8, 1,
	       header_len - 8); /* would pass for padding, should the reader go back that far */
	memcpy(packet + header_len, data->b, data->len);
	struct crypto_record record = { .aad = cv_bytes(packet, 8), .iv = packet + 8, .len = data->len };

	assert_int_equal(crypto_cipher_seal(out->cipher, &record), CV_OK);
	enum cv_err err = esp_in_open(in, packet, len, opened);

	free(packet);
	esp_out_free(out);
	esp_in_free(in);
	return err;
}

/* R4303-2.4-1: 0 to 255 octets of padding are accepted, and their contents are looked at. */
static void test_padding_of_every_length_is_accepted_and_checked(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		for (unsigned pad = 0; pad <= 255; pad++) {
			struct octets data = repeat(0xab, (pad + 2 + 15) / 16 * 16);
			struct esp_opened opened;

			for (unsigned i = 0; i < pad; i++)
				data.b[data.len - 2 - pad + i] = (uint8_t)(i + 1);
			data.b[data.len - 2] = (uint8_t)pad;
			data.b[data.len - 1] = 4;
			assert_int_equal(open_data(&suites[s], &data, &opened), CV_OK);
			assert_int_equal(opened.inner_len, data.len - 2 - pad);
			if (pad == 0)
				continue;
			data.b[data.len - 3] ^= 1;
			assert_int_equal(open_data(&suites[s], &data, &opened), CV_E_SYNTAX);
		}
	}
}

static void test_padding_longer_than_the_packet_is_refused(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		for (unsigned pad = 15; pad <= 255; pad++) {
			struct octets data = repeat(0, 16);
			struct esp_opened opened;

			for (uint8_t i = 0; i < 14; i++)
				data.b[i] = (uint8_t)(pad - 13 + i);
			data.b[14] = (uint8_t)pad;
			assert_int_equal(open_data(&suites[s], &data, &opened), CV_E_SYNTAX);
		}
	}
}

/* A valid ICV over nothing: there is no trailer to read. */
static void test_a_packet_without_a_trailer_is_refused(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		struct octets nothing = { .len = 0 };
		struct esp_opened opened;

		assert_int_equal(open_data(&suites[s], &nothing, &opened), CV_E_TRUNCATED);
	}
}

/* R4303-3.4.4-1. */
static void test_any_flipped_bit_fails_and_leaves_the_window_alone(void **state)
{
	struct octets ping = hex(rfc7634_ping);

	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		for (int esn = 0; esn <= 1; esn++) {
			struct esp_out *out = new_out(&suites[s], esn);
			struct esp_in *in = new_in(&suites[s], esn, 64);
			struct esp_opened opened;
			size_t len;
			uint8_t *good = seal(out, &ping, 4, &len), *bad = malloc(len);

			for (size_t bit = 0; bit < len * 8; bit++) {
				memcpy(bad, good, len);
				bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
				enum cv_err err = esp_in_open(in, bad, len, &opened);

				/* A sequence number of 0, or just below 2^32 with extended numbers, is not
				 * even tried. */
				assert_true(err == CV_E_AUTH ||
					    (err == CV_E_REPLAY && bit / 8 >= 4 && bit / 8 < 8));
				assert_int_equal(in->replay.top, 0);
			}
			assert_int_equal(esp_in_open(in, good, len, &opened), CV_OK);
			free(good);
			free(bad);
			esp_out_free(out);
			esp_in_free(in);
		}
	}
}

static void test_every_cut_packet_is_refused_without_reading_on(void **state)
{
	struct octets ping = hex(rfc7634_ping);

	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		struct esp_out *out = new_out(&suites[s], true);
		struct esp_in *in = new_in(&suites[s], true, 64);
		struct esp_opened opened;
		size_t len;
		uint8_t *good = seal(out, &ping, 4, &len);

		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *exact = malloc(cut + 1);

			memcpy(exact + 1, good, cut);
			assert_int_not_equal(esp_in_open(in, exact + 1, cut, &opened), CV_OK);
			free(exact);
		}
		assert_int_equal(in->replay.top, 0);
		free(good);
		esp_out_free(out);
		esp_in_free(in);
	}
}

/* R4303-2.1-1, R3948-2.1-2. */
static void test_spi_zero_is_never_sent(void **state)
{
	struct esp_params params = test_params(WIRE_ENCR_AES_GCM_16, 256, 0, true);
	struct esp_out *sa;

	(void)state;
	params.spi = 0;
	assert_int_equal(esp_out_new(&params, &sa), CV_E_SYNTAX);
}

/* R4303-2.2-1. */
static void test_sequence_numbers_start_at_one_and_never_cycle(void **state)
{
	struct octets inner = repeat(0, 40);

	(void)state;
	for (int esn = 0; esn <= 1; esn++) {
		struct esp_out *sa = new_out(&suites[2], esn);
		uint64_t last = esn ? UINT64_MAX : UINT32_MAX;
		uint8_t buf[128];
		size_t len;
		uint8_t *packet = seal(sa, &inner, 4, &len);

		assert_int_equal(cv_get_u32(packet), 0x01020304);
		assert_int_equal(cv_get_u32(packet + 4), 1);
		free(packet);
		sa->sequence = last - 1;
		assert_int_equal(esp_out_seal(sa, buf, inner.len, 4), CV_OK);
		assert_int_equal(cv_get_u32(buf + 4), UINT32_MAX);
		for (int i = 0; i < 3; i++) {
			memset(buf, 0xcc, sizeof buf);
			assert_int_equal(esp_out_seal(sa, buf, inner.len, 4), CV_E_LIMIT);
			assert_int_equal(buf[0], 0xcc);
			assert_true(esp_out_sequence(sa) == last);
		}
		esp_out_free(sa);
	}
}

static void test_the_nonce_of_aead_is_the_sequence_number(void **state)
{
	struct octets inner = repeat(0, 20);
	struct esp_out *sa = new_out(&suites[2], false);

	(void)state;
	for (uint64_t i = 1; i <= 3; i++) {
		size_t len;
		uint8_t *packet = seal(sa, &inner, 4, &len);

		assert_int_equal(cv_get_u64(packet + 8), i);
		free(packet);
	}
	esp_out_free(sa);
}

/* RFC 3602 section 2.1; more packets than one batch of IVs. */
static void test_every_cbc_packet_has_another_iv(void **state)
{
	enum { PACKETS = 100 };
	struct octets inner = repeat(0, 20);
	struct esp_out *sa = new_out(&suites[6], false);
	uint8_t iv[PACKETS][16];

	(void)state;
	for (size_t i = 0; i < PACKETS; i++) {
		size_t len;
		uint8_t *packet = seal(sa, &inner, 4, &len);

		memcpy(iv[i], packet + 8, 16);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(iv[i], iv[j], 16);
		free(packet);
	}
	esp_out_free(sa);
}

/* R4303-3.4.3-1: duplicates and packets that are too old are dropped, in any order of arrival. */
static void test_duplicates_and_old_packets_are_dropped(void **state)
{
	enum { PACKETS = 200, WINDOW = 64 };
	struct octets inner = repeat(0, 20);

	(void)state;
	for (int esn = 0; esn <= 1; esn++) {
		struct esp_out *out = new_out(&suites[2], esn);
		struct esp_in *in = new_in(&suites[2], esn, WINDOW);
		uint8_t *packet[PACKETS + 1], copy[128];
		struct esp_opened opened;
		size_t len = 0;
		/* Below the window, extended numbers take a packet for one of the next span, whose ICV then
		 * fails. */
		enum cv_err too_old = esn ? CV_E_AUTH : CV_E_REPLAY;

		for (size_t i = 1; i <= PACKETS; i++)
			packet[i] = seal(out, &inner, 4, &len);
		/* the last first, then downwards: only the window gets in */
		for (size_t i = PACKETS; i >= 1; i--) {
			memcpy(copy, packet[i], len);
			assert_int_equal(esp_in_open(in, copy, len, &opened),
					 i > PACKETS - WINDOW ? CV_OK : too_old);
			if (i > PACKETS - WINDOW)
				assert_int_equal(opened.newest, i == PACKETS);
		}
		for (size_t i = 1; i <= PACKETS; i++) {
			memcpy(copy, packet[i], len);
			assert_int_equal(esp_in_open(in, copy, len, &opened),
					 i > PACKETS - WINDOW ? CV_E_REPLAY : too_old);
			free(packet[i]);
		}
		esp_out_free(out);
		esp_in_free(in);
	}
}

/* R4303-2.2.1-1, R4303-3.4.3-2: over 2^32 the high bits are never sent, yet both sides count on. */
static void test_extended_numbers_go_on_past_2_to_the_32(void **state)
{
	struct octets inner = repeat(0, 20);

	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		struct esp_out *out = new_out(&suites[s], true);
		struct esp_in *in = new_in(&suites[s], true, 64);
		uint64_t start = ((uint64_t)1 << 32) - 50;

		out->sequence = start;
		in->replay.top = start;
		for (uint64_t i = 1; i <= 100; i++) {
			struct esp_opened opened;
			size_t len;
			uint8_t *packet = seal(out, &inner, 4, &len);

			assert_int_equal(esp_in_open(in, packet, len, &opened), CV_OK);
			assert_true(opened.sequence == start + i);
			free(packet);
		}
		esp_out_free(out);
		esp_in_free(in);
	}
}

/* The other side of the same: without extended numbers, a packet of the other span does not open. */
static void test_a_packet_with_other_high_bits_fails(void **state)
{
	struct octets inner = repeat(0, 20);

	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		struct esp_out *out = new_out(&suites[s], true);
		struct esp_in *in = new_in(&suites[s], true, 64);
		struct esp_opened opened;
		size_t len;

		out->sequence = (uint64_t)3 << 32;
		uint8_t *packet = seal(out, &inner, 4, &len);

		assert_int_equal(esp_in_open(in, packet, len, &opened), CV_E_AUTH);
		free(packet);
		esp_out_free(out);
		esp_in_free(in);
	}
}

/* R4303-2.6-1: a dummy is made and opens; whoever opened it drops it by its next header. */
static void test_a_dummy_packet_opens_as_next_header_59(void **state)
{
	struct octets nothing = { .len = 0 };
	struct esp_out *out = new_out(&suites[2], true);
	struct esp_in *in = new_in(&suites[2], true, 64);
	struct esp_opened opened;
	size_t len;
	uint8_t *packet = seal(out, &nothing, 59, &len);

	(void)state;
	assert_int_equal(esp_in_open(in, packet, len, &opened), CV_OK);
	assert_int_equal(opened.next_header, 59);
	assert_int_equal(opened.inner_len, 0);
	free(packet);
	esp_out_free(out);
	esp_in_free(in);
}

/* R4303-3.3.2-1, R8221-5-1. */
static void test_an_sa_without_integrity_is_refused(void **state)
{
	struct esp_params params = test_params(WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128, true);
	struct esp_out *out;
	struct esp_in *in;

	(void)state;
	params.integ = 0;
	params.integ_key.len = 0;
	assert_int_equal(esp_out_new(&params, &out), CV_E_UNSUPPORTED);
	assert_int_equal(esp_in_new(&params, &in), CV_E_UNSUPPORTED);
	params.encr = WIRE_ENCR_NULL;
	params.key_bits = 0;
	params.encr_key.len = 0;
	assert_int_equal(esp_out_new(&params, &out), CV_E_UNSUPPORTED);
	assert_int_equal(esp_in_new(&params, &in), CV_E_UNSUPPORTED);
}

static int setup_openssl(void **state)
{
	(void)state;
	if (crypto_init())
		return 1;
	crypto_bulk_force(false);
	return 0;
}

/* ipsec-mb, where this machine has it; else OpenSSL once more. */
static int setup_alternative(void **state)
{
	if (setup_openssl(state))
		return 1;
	crypto_bulk_force(true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	crypto_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_are_sealed_to_known_octets),
		cmocka_unit_test(test_known_packets_are_opened),
		cmocka_unit_test(test_the_packet_of_rfc7634_appendix_a_is_opened),
		cmocka_unit_test(test_the_packets_of_rfc3602_are_opened),
		cmocka_unit_test(test_every_inner_length_comes_back),
		cmocka_unit_test(test_inner_max_never_overfills),
		cmocka_unit_test(test_padding_of_every_length_is_accepted_and_checked),
		cmocka_unit_test(test_padding_longer_than_the_packet_is_refused),
		cmocka_unit_test(test_a_packet_without_a_trailer_is_refused),
		cmocka_unit_test(test_any_flipped_bit_fails_and_leaves_the_window_alone),
		cmocka_unit_test(test_every_cut_packet_is_refused_without_reading_on),
		cmocka_unit_test(test_spi_zero_is_never_sent),
		cmocka_unit_test(test_sequence_numbers_start_at_one_and_never_cycle),
		cmocka_unit_test(test_the_nonce_of_aead_is_the_sequence_number),
		cmocka_unit_test(test_every_cbc_packet_has_another_iv),
		cmocka_unit_test(test_duplicates_and_old_packets_are_dropped),
		cmocka_unit_test(test_extended_numbers_go_on_past_2_to_the_32),
		cmocka_unit_test(test_a_packet_with_other_high_bits_fails),
		cmocka_unit_test(test_a_dummy_packet_opens_as_next_header_59),
		cmocka_unit_test(test_an_sa_without_integrity_is_refused),
	};

	int failed = cmocka_run_group_tests_name("OpenSSL", tests, setup_openssl, teardown);

	return failed + cmocka_run_group_tests_name("alternative", tests, setup_alternative, teardown);
}
