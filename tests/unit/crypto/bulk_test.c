#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/bulk.h"
#include "crypto/cipher.h"
#include "crypto/prf.h"
#include "crypto/version.h"
#include "vectors.h"
#include "wire/numbers.h"

#define IV_LEN	8
#define ICV_MAX 16

static const struct {
	uint16_t encr, key_bits;
} suites[] = {
	{ WIRE_ENCR_AES_GCM_16, 128 }, { WIRE_ENCR_AES_GCM_16, 192 }, { WIRE_ENCR_AES_GCM_16, 256 },
	{ WIRE_ENCR_AES_GCM_12, 192 }, { WIRE_ENCR_AES_GCM_8, 256 },  { WIRE_ENCR_CHACHA20_POLY1305, 0 },
};
enum { SUITES = sizeof suites / sizeof suites[0] };

static struct crypto_cipher *make(size_t suite, bool alternative, bool seal)
{
	const struct octets key = repeat(0x5a, 64);
	size_t len = crypto_encr(suites[suite].encr, suites[suite].key_bits)->key_len + 4U;
	struct crypto_cipher *c = NULL;

	crypto_bulk_force(alternative);
	assert_int_equal(crypto_cipher_new(suites[suite].encr, suites[suite].key_bits, 0,
					   cv_bytes(key.b, len), cv_bytes(NULL, 0), seal, &c),
			 CV_OK);
	return c;
}

/* What one implementation seals the other opens, for every length of the last block and both lengths of AAD
 * that ESP and IKE use most. Without an alternative on this machine both are OpenSSL. */
static void test_both_implementations_speak_the_same(void **state)
{
	const struct octets aad = repeat(0x33, 32);
	const size_t aad_lens[] = { 8, 12, 32 };

	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		struct crypto_cipher *seal[2] = { make(s, false, true), make(s, true, true) };
		struct crypto_cipher *open[2] = { make(s, false, false), make(s, true, false) };
		size_t icv_len = crypto_cipher_icv_len(seal[0]);

		for (size_t len = 1; len < 2000; len += len < 600 ? 1 : 37) {
			size_t whole = IV_LEN + len + icv_len;
			uint8_t *a = malloc(whole), *b = malloc(whole);
			struct crypto_record ra = { cv_bytes(aad.b, aad_lens[len % 3]), a, len, { 0 } },
					     rb = ra;

			rb.iv = b;
			memset(a, (int)len & 0xff, whole);
			memcpy(b, a, whole);
			assert_int_equal(crypto_cipher_seal(seal[0], &ra), CV_OK);
			assert_int_equal(crypto_cipher_seal(seal[1], &rb), CV_OK);
			assert_memory_equal(a, b, whole);
			assert_int_equal(crypto_cipher_open(open[1], &ra), CV_OK);
			assert_int_equal(crypto_cipher_open(open[0], &rb), CV_OK);
			assert_memory_equal(a, b, whole);
			assert_int_equal(a[IV_LEN + len - 1], len & 0xff);
			free(a);
			free(b);
		}
		for (size_t i = 0; i < 2; i++) {
			crypto_cipher_free(seal[i]);
			crypto_cipher_free(open[i]);
		}
	}
}

static void test_the_choice_has_a_name(void **state)
{
	(void)state;
	assert_non_null(strstr(crypto_bulk_name(), "OpenSSL 3."));
	assert_true(strlen(crypto_bulk_name()) < 64); /* it stands in the status */
}

/* An algorithm that the alternative does not know is OpenSSL's whatever was chosen. */
static void test_cbc_is_always_openssl(void **state)
{
	(void)state;
	crypto_bulk_force(true);
	assert_null(crypto_bulk_for(crypto_encr(WIRE_ENCR_AES_CBC, 256)));
}

static int setup(void **state)
{
	(void)state;
	return crypto_init();
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
		cmocka_unit_test(test_both_implementations_speak_the_same),
		cmocka_unit_test(test_the_choice_has_a_name),
		cmocka_unit_test(test_cbc_is_always_openssl),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
