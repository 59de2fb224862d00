#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/bulk.h"
#include "crypto/cipher.h"
#include "crypto/prf.h"
#include "crypto/suite.h"
#include "vectors.h"
#include "wire/numbers.h"

/* One INFORMATIONAL request with SET_WINDOW_SIZE 10 under every suite. The ChaCha20-Poly1305 message is that
 * of RFC 7634 appendix B; the others were computed with Python's cryptography and hmac modules from the same
 * parts. */
#define AAD_LEN	   32 /* IKE header and generic header */
#define PLAIN	   "0000000c000040010000000a"
#define IV_COUNTER 0x1011121314151617

static const struct message_case {
	uint16_t encr, key_bits, integ;
	const char *message;
} cases[] = {
	{ WIRE_ENCR_CHACHA20_POLY1305, 0, 0,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e2025000000000900000045290000291011121314151617"
	  "610394701f8d017f7c129248896b71bfe25236efd7cdc67066906315b2" },
	{ WIRE_ENCR_AES_GCM_16, 128, 0,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e2025000000000900000045290000291011121314151617"
	  "9146c4ffacb89c2bc9f175a7fa300a7cc3736a7d6febaa1cde9ff2970d" },
	{ WIRE_ENCR_AES_GCM_12, 128, 0,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e2025000000000900000041290000251011121314151617"
	  "9146c4ffacb89c2bc9f175a7fa58cd133297416bd1d4c3cfe2" },
	{ WIRE_ENCR_AES_GCM_8, 128, 0,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000003d290000211011121314151617"
	  "9146c4ffacb89c2bc9f175a7fa8349f272543398c9" },
	{ WIRE_ENCR_AES_GCM_16, 192, 0,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e2025000000000900000045290000291011121314151617"
	  "d5494373b78235a26210ae6e03b1114922ac43ca8547a2f5fc2b3eee34" },
	{ WIRE_ENCR_AES_GCM_16, 256, 0,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e2025000000000900000045290000291011121314151617"
	  "9440c4dcb893200cfb55f6fdcc30045d78376cd938f8f24d89b4ab48f2" },
	{ WIRE_ENCR_AES_GCM_12, 256, 0,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e2025000000000900000041290000251011121314151617"
	  "9440c4dcb893200cfb55f6fdccb36388f75150c5e441e898da" },
	{ WIRE_ENCR_AES_GCM_8, 256, 0,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000003d290000211011121314151617"
	  "9440c4dcb893200cfb55f6fdcc0cc6958f024d4ada" },
	{ WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000005029000034e0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "77ee00b716f3bba299a3d239747bccd8b567c38378e1715744a6822340978ca9" },
	{ WIRE_ENCR_AES_CBC, 192, WIRE_AUTH_HMAC_SHA2_384_192,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e20250000000009000000582900003ce0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "81c2bd36bfb95699e63b1208b4a2826343a5f0b0d5b4a4b64f23fa3039f3d73444dba27e076692a5" },
	{ WIRE_ENCR_AES_CBC, 256, WIRE_AUTH_HMAC_SHA2_512_256,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000006029000044e0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "50f70e5c90153f9c372f322ac8dae652bfcb034947f4d6085955d99a3d48ef056bff5054e2cc01d5c52dacb26140cf5"
	  "c" },
	{ WIRE_ENCR_AES_CBC, 256, WIRE_AUTH_HMAC_SHA1_96,
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004c29000030e0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	  "50f70e5c90153f9c372f322ac8dae65263ebd35e43f59e4e30fda5e1" },
};
enum { CASES = sizeof cases / sizeof cases[0] };

static uint8_t iv_random[16];

static struct octets counting(uint8_t first, size_t len)
{
	struct octets o = { .len = len };

	for (size_t i = 0; i < len; i++)
		o.b[i] = (uint8_t)(first + i);
	return o;
}

static struct crypto_sk *new_sk(const struct message_case *c)
{
	const struct crypto_encr_info *encr = crypto_encr(c->encr, c->key_bits);
	const struct crypto_integ_info *integ = crypto_integ(c->integ);
	struct octets key = counting(0x80, encr->key_len), salt = hex("a0a1a2a3");
	struct octets integ_key = counting(0x10, integ ? integ->key_len : 0);
	struct crypto_sk *sk = NULL;

	memcpy(key.b + key.len, salt.b, encr->salt_len);
	key.len += encr->salt_len;
	assert_int_equal(crypto_sk_new(c->encr, c->key_bits, c->integ, view(&key), view(&integ_key), &sk),
			 CV_OK);
	return sk;
}

/* R7296-3.14-2, R5282-5.1-1: least padding, AAD up to the generic header, 8-octet IV. */
static void test_a_whole_message_is_sealed_to_known_octets(void **state)
{
	struct octets plain = hex(PLAIN);

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct octets want = hex(cases[i].message), got = { .len = want.len };
		struct crypto_sk *sk = new_sk(&cases[i]);
		uint8_t *region = got.b + AAD_LEN;

		assert_int_equal(crypto_sk_sealed_len(sk, plain.len), want.len - AAD_LEN);
		assert_true(crypto_sk_iv_len(sk) + plain.len + crypto_sk_trailer_max(sk) >=
			    want.len - AAD_LEN);
		memcpy(got.b, want.b, AAD_LEN);
		memcpy(region + crypto_sk_iv_len(sk), plain.b, plain.len);
		assert_int_equal(crypto_sk_seal(sk, cv_bytes(got.b, AAD_LEN), region, plain.len,
						want.len - AAD_LEN, IV_COUNTER, iv_random),
				 CV_OK);
		assert_memory_equal(got.b, want.b, want.len);
		crypto_sk_free(sk);
	}
}

static void test_a_known_message_is_opened(void **state)
{
	struct octets plain = hex(PLAIN);

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct octets message = hex(cases[i].message);
		struct crypto_sk *sk = new_sk(&cases[i]);
		struct cv_bytes got;

		assert_int_equal(crypto_sk_open(sk, cv_bytes(message.b, AAD_LEN), message.b + AAD_LEN,
						message.len - AAD_LEN, &got),
				 CV_OK);
		assert_true(cv_bytes_equal(got, view(&plain)));
		crypto_sk_free(sk);
	}
}

/* R7296-3.14-3: over the whole message, and the ICV first. */
static void test_any_flipped_bit_fails_the_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct octets good = hex(cases[i].message);
		struct crypto_sk *sk = new_sk(&cases[i]);

		for (size_t bit = 0; bit < good.len * 8; bit++) {
			struct octets bad = good;
			struct cv_bytes plain;

			bad.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(crypto_sk_open(sk, cv_bytes(bad.b, AAD_LEN), bad.b + AAD_LEN,
							bad.len - AAD_LEN, &plain),
					 CV_E_AUTH);
		}
		crypto_sk_free(sk);
	}
}

/* Buffers of exact size, so that the sanitizer sees a read past the end. */
static void test_a_cut_payload_is_refused_without_reading_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct octets good = hex(cases[i].message);
		struct crypto_sk *sk = new_sk(&cases[i]);

		for (size_t len = 0; len < good.len - AAD_LEN; len++) {
			uint8_t *region = malloc(len + 1);
			struct cv_bytes plain;

			memcpy(region + 1, good.b + AAD_LEN, len);
			assert_int_not_equal(
			    crypto_sk_open(sk, cv_bytes(good.b, AAD_LEN), region + 1, len, &plain), CV_OK);
			free(region);
		}
		crypto_sk_free(sk);
	}
}

static void test_every_plaintext_length_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct crypto_sk *sk = new_sk(&cases[i]);

		for (size_t len = 0; len <= 70; len++) {
			struct octets aad = repeat(7, AAD_LEN), plain = counting(1, len);
			size_t sealed = crypto_sk_sealed_len(sk, len);
			uint8_t *region = malloc(sealed);
			struct cv_bytes got;

			memcpy(region + crypto_sk_iv_len(sk), plain.b, len);
			assert_int_equal(
			    crypto_sk_seal(sk, view(&aad), region, len, sealed - 1, len, iv_random),
			    CV_E_NOSPACE);
			assert_int_equal(crypto_sk_seal(sk, view(&aad), region, len, sealed, len, iv_random),
					 CV_OK);
			assert_int_equal(crypto_sk_open(sk, view(&aad), region, sealed, &got), CV_OK);
			assert_true(cv_bytes_equal(got, view(&plain)));
			free(region);
		}
		crypto_sk_free(sk);
	}
}

/* What a peer may send: len octets of 0xa5 of which the last is its Pad Length. */
static void open_peer_padding(const struct message_case *c, size_t len, uint8_t pad, enum cv_err want,
			      size_t want_len)
{
	const struct crypto_encr_info *encr = crypto_encr(c->encr, c->key_bits);
	const struct crypto_integ_info *integ = crypto_integ(c->integ);
	struct octets key = counting(0x80, encr->key_len), salt = hex("a0a1a2a3"), aad = repeat(9, AAD_LEN);
	struct octets integ_key = counting(0x10, integ ? integ->key_len : 0);
	struct crypto_cipher *peer = NULL;
	struct crypto_sk *sk = new_sk(c);
	uint8_t region[512] = { 0 };
	struct cv_bytes got;

	memcpy(key.b + key.len, salt.b, encr->salt_len);
	key.len += encr->salt_len;
	assert_int_equal(
	    crypto_cipher_new(c->encr, c->key_bits, c->integ, view(&key), view(&integ_key), true, &peer),
	    CV_OK);
	memset(region + encr->iv_len, 0xa5, len);
	if (len > 0)
		region[encr->iv_len + len - 1] = pad;
	struct crypto_record record = { .aad = view(&aad), .iv = region, .len = len };
	size_t region_len = encr->iv_len + len + crypto_cipher_icv_len(peer);

	assert_int_equal(crypto_cipher_seal(peer, &record), CV_OK);
	assert_int_equal(crypto_sk_open(sk, view(&aad), region, region_len, &got), want);
	if (!want)
		assert_int_equal(got.len, want_len);
	crypto_cipher_free(peer);
	crypto_sk_free(sk);
}

/* R7296-3.14-2: any padding that aligns, with any contents; R5282-5.1-1: with AEAD too. */
static void test_long_padding_of_any_contents_is_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		open_peer_padding(&cases[i], 288, 0, CV_OK, 287);
		open_peer_padding(&cases[i], 288, 17, CV_OK, 270);
		open_peer_padding(&cases[i], 288, 255, CV_OK, 32);
		open_peer_padding(&cases[i], 32, 31, CV_OK, 0);
	}
}

static void test_padding_longer_than_the_payload_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		open_peer_padding(&cases[i], 32, 32, CV_E_SYNTAX, 0);
		open_peer_padding(&cases[i], 16, 255, CV_E_SYNTAX, 0);
		open_peer_padding(&cases[i], 0, 0, CV_E_TRUNCATED, 0); /* not even a Pad Length */
	}
}

static void test_iv_counter_is_written_and_counts(void **state)
{
	struct crypto_sk *sk = new_sk(&cases[1]);
	struct octets aad = repeat(7, AAD_LEN);
	uint8_t first[64] = { 0 }, second[64] = { 0 };

	(void)state;
	assert_int_equal(crypto_sk_seal(sk, view(&aad), first, 8, sizeof first, 1, iv_random), CV_OK);
	assert_int_equal(crypto_sk_seal(sk, view(&aad), second, 8, sizeof second, 2, iv_random), CV_OK);
	assert_int_equal(cv_get_u64(first), 1);
	assert_int_equal(cv_get_u64(second), 2);
	assert_memory_not_equal(first + 8, second + 8, 9);
	crypto_sk_free(sk);
}

static void test_wrong_key_lengths_and_combinations_are_refused(void **state)
{
	struct octets key = repeat(1, 36), integ_key = repeat(2, 32);
	struct cv_bytes none = cv_bytes(NULL, 0);
	struct crypto_sk *sk;

	(void)state;
	/* an AEAD with an integrity algorithm, and CBC without one (R8221-5-1) */
	assert_int_equal(crypto_sk_new(WIRE_ENCR_AES_GCM_16, 256, WIRE_AUTH_HMAC_SHA2_256_128, view(&key),
				       view(&integ_key), &sk),
			 CV_E_UNSUPPORTED);
	assert_int_equal(crypto_sk_new(WIRE_ENCR_AES_CBC, 256, 0, cv_bytes(key.b, 32), none, &sk),
			 CV_E_UNSUPPORTED);
	assert_int_equal(crypto_sk_new(WIRE_ENCR_AES_GCM_16, 256, 0, cv_bytes(key.b, 32), none, &sk),
			 CV_E_SYNTAX);
	assert_int_equal(crypto_sk_new(WIRE_ENCR_AES_GCM_16, 256, 0, view(&key), view(&integ_key), &sk),
			 CV_E_SYNTAX);
	assert_int_equal(crypto_sk_new(WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128,
				       cv_bytes(key.b, 16), cv_bytes(integ_key.b, 20), &sk),
			 CV_E_SYNTAX);
}

/* R8247-2-1, R8221-5-1: DES, NULL in IKE and MD5 are MUST NOT. 3DES is not worth carrying. */
static void test_forbidden_and_unknown_algorithms_are_refused(void **state)
{
	const uint16_t encrs[] = { 0, 1, WIRE_ENCR_DES, WIRE_ENCR_3DES, WIRE_ENCR_NULL, 17, 22, 29, 65535 };
	const uint16_t integs[] = { WIRE_AUTH_NONE, WIRE_AUTH_HMAC_MD5_96, 3, 4, 6, 7, 15, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof encrs / sizeof encrs[0]; i++) {
		for (uint16_t bits = 0; bits <= 512; bits += 8)
			assert_null(crypto_encr(encrs[i], bits));
	}
	for (size_t i = 0; i < sizeof integs / sizeof integs[0]; i++)
		assert_null(crypto_integ(integs[i]));
	assert_null(crypto_encr(WIRE_ENCR_AES_GCM_16, 0));
	assert_null(crypto_encr(WIRE_ENCR_AES_GCM_16, 64));
	assert_null(
	    crypto_encr(WIRE_ENCR_CHACHA20_POLY1305, 256)); /* RFC 7634 section 4: no Key Length attribute */
}

/* RFC 4868 section 2.6; R8221-6-1: 16 octets of SHA2-256, not 12. */
static void test_integrity_algorithms_have_the_lengths_of_rfc4868(void **state)
{
	const struct {
		uint16_t id;
		size_t key_len, icv_len;
	} want[] = {
		{ WIRE_AUTH_HMAC_SHA2_256_128, 32, 16 },
		{ WIRE_AUTH_HMAC_SHA2_384_192, 48, 24 },
		{ WIRE_AUTH_HMAC_SHA2_512_256, 64, 32 },
		{ WIRE_AUTH_HMAC_SHA1_96, 20, 12 },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(crypto_integ(want[i].id)->key_len, want[i].key_len);
		assert_int_equal(crypto_integ(want[i].id)->icv_len, want[i].icv_len);
	}
}

static int setup_openssl(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof iv_random; i++)
		iv_random[i] = (uint8_t)(0xe0 + i);
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
		cmocka_unit_test(test_a_whole_message_is_sealed_to_known_octets),
		cmocka_unit_test(test_a_known_message_is_opened),
		cmocka_unit_test(test_any_flipped_bit_fails_the_check),
		cmocka_unit_test(test_a_cut_payload_is_refused_without_reading_on),
		cmocka_unit_test(test_every_plaintext_length_comes_back),
		cmocka_unit_test(test_long_padding_of_any_contents_is_accepted),
		cmocka_unit_test(test_padding_longer_than_the_payload_is_refused),
		cmocka_unit_test(test_iv_counter_is_written_and_counts),
		cmocka_unit_test(test_wrong_key_lengths_and_combinations_are_refused),
		cmocka_unit_test(test_forbidden_and_unknown_algorithms_are_refused),
		cmocka_unit_test(test_integrity_algorithms_have_the_lengths_of_rfc4868),
	};

	int failed = cmocka_run_group_tests_name("OpenSSL", tests, setup_openssl, teardown);

	return failed + cmocka_run_group_tests_name("alternative", tests, setup_alternative, teardown);
}
