#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/cipher.h"
#include "crypto/ke.h"
#include "crypto/prf.h"
#include "vectors.h"
#include "wire/numbers.h"

enum { THREADS = 4, ROUNDS = 20 };

/* Everything that is shared behind the scenes: the groups' templates, the PRFs' templates, the fetched
 * ciphers. False when anything came out wrong; cmocka's asserts belong to the main thread. */
static bool exchange(uint16_t group)
{
	struct crypto_ke *a = NULL, *b = NULL;
	struct cv_secret ab = { 0 }, ba = { 0 };
	bool ok = !crypto_ke_new(group, &a) && !crypto_ke_new(group, &b) &&
		  !crypto_ke_shared(a, crypto_ke_public(b), &ab) &&
		  !crypto_ke_shared(b, crypto_ke_public(a), &ba) &&
		  cv_secret_equal(cv_secret_bytes(&ab), cv_secret_bytes(&ba));

	cv_secret_free(&ab);
	cv_secret_free(&ba);
	crypto_ke_free(a);
	crypto_ke_free(b);
	return ok;
}

static bool derive(void)
{
	const struct octets key = repeat(0x0b, 20), data = hex("4869205468657265");
	const struct octets want = hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	struct cv_bytes part = view(&data);
	uint8_t out[32];

	return !crypto_prf(WIRE_PRF_HMAC_SHA2_256, view(&key), &part, 1, out) && memcmp(out, want.b, 32) == 0;
}

static bool seal_and_open(uint16_t encr, uint16_t key_bits, uint16_t integ)
{
	const struct crypto_encr_info *e = crypto_encr(encr, key_bits);
	const struct crypto_integ_info *i = crypto_integ(integ);
	const struct octets key = repeat(3, 64);
	struct cv_bytes cipher_key = cv_bytes(key.b, (size_t)e->key_len + e->salt_len);
	struct cv_bytes integ_key = cv_bytes(key.b, i ? i->key_len : 0);
	struct crypto_cipher *seal = NULL, *open = NULL;
	uint8_t room[200] = { 0 };
	struct crypto_record record = { .aad = cv_bytes(key.b, 8), .iv = room, .len = 96 };
	bool ok = !crypto_cipher_new(encr, key_bits, integ, cipher_key, integ_key, true, &seal) &&
		  !crypto_cipher_new(encr, key_bits, integ, cipher_key, integ_key, false, &open);

	for (uint64_t n = 1; ok && n <= 50; n++)
		ok = !crypto_cipher_iv(seal, n, room) && !crypto_cipher_seal(seal, &record) &&
		     !crypto_cipher_open(open, &record) && room[e->iv_len] == 0 && room[e->iv_len + 95] == 0;
	crypto_cipher_free(seal);
	crypto_cipher_free(open);
	return ok;
}

static void *work(void *arg)
{
	bool *ok = arg;

	for (int n = 0; *ok && n < ROUNDS; n++)
		*ok = exchange(WIRE_KE_CURVE25519) && exchange(WIRE_KE_ECP256) &&
		      exchange(WIRE_KE_MODP2048) && derive() && seal_and_open(WIRE_ENCR_AES_GCM_16, 256, 0) &&
		      seal_and_open(WIRE_ENCR_CHACHA20_POLY1305, 0, 0) &&
		      seal_and_open(WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128);
	return NULL;
}

static void test_threads_do_not_disturb_each_other(void **state)
{
	pthread_t thread[THREADS];
	bool ok[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		ok[i] = true;
		assert_int_equal(pthread_create(&thread[i], NULL, work, &ok[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		assert_true(ok[i]);
	}
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
		cmocka_unit_test(test_threads_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
