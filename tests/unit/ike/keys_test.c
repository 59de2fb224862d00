/* Key derivation. The expected octets come from a model written from the formulas of RFC 7296
 * (sections 2.13, 2.14, 2.17 and 2.18) over Python's hmac module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/prf.h"
#include "ike/core.h"
#include "ike/keys.h"

static uint8_t ni[32], nr[20], shared[32];

static struct ike_keys_input input(void)
{
	for (unsigned i = 0; i < sizeof(ni); i++)
		ni[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof(nr); i++)
		nr[i] = (uint8_t)(100 + i);
	memset(shared, 0xa5, sizeof(shared));
	return (struct ike_keys_input){ .ni = cv_bytes(ni, sizeof(ni)),
					.nr = cv_bytes(nr, sizeof(nr)),
					.shared = cv_bytes(shared, sizeof(shared)),
					.spi_i = 0x0102030405060708,
					.spi_r = 0x1112131415161718 };
}

static const struct ike_suite gcm = { .encr = WIRE_ENCR_AES_GCM_16,
				      .key_bits = 256,
				      .prf = WIRE_PRF_HMAC_SHA2_256 };
static const struct ike_suite cbc = { .encr = WIRE_ENCR_AES_CBC,
				      .key_bits = 256,
				      .prf = WIRE_PRF_HMAC_SHA2_512,
				      .integ = WIRE_AUTH_HMAC_SHA2_512_256 };

static void assert_hex(struct cv_bytes b, const char *hex)
{
	char text[2 * 256 + 1];

	assert_string_equal(cv_hex(b, text, sizeof(text)), hex);
}

static struct ike_keys first_keys(void)
{
	struct ike_keys_input in = input();
	struct ike_keys keys = { 0 };

	assert_int_equal(crypto_init(), CV_OK);
	assert_int_equal(ike_keys_derive(&keys, &gcm, &in), CV_OK);
	return keys;
}

/* R7296-2.14-1: with AEAD no SK_a, and SK_e with the salt behind the key. */
static void keys_of_ike_sa_init(void **state)
{
	struct ike_keys keys = first_keys();

	(void)state;
	assert_hex(ike_keys_d(&keys), "8725c59e65dbbee94171ac838201efd55a0412885fa99f45c497661ba6318528");
	assert_int_equal(ike_keys_a(&keys, true).len, 0);
	assert_hex(ike_keys_e(&keys, true),
		   "fbb254f485c77cb83b7fdc4d0ece1a802d4c518a0477e55a559989d1ee81ede0e4e9e53f");
	assert_hex(ike_keys_e(&keys, false),
		   "a9de7955dd7aa7b53479f990b03160498ccc90bc3980e907107898fbe39a1105511a50ae");
	assert_hex(ike_keys_p(&keys, true),
		   "edf409f177f4c719e6a4caa15aebd35cf2ae6bf57170a1ec9a2f46c474848fcb");
	assert_hex(ike_keys_p(&keys, false),
		   "36ec02732e9dd6fbbc069224b49fa8494fcea277e01310bb1b50575e495661bc");
	ike_keys_wipe(&keys);
	assert_null(keys.all.data);
}

/* R7296-2.18-1: SKEYSEED by the old PRF, the keys by the new one. */
static void keys_of_a_rekeyed_ike_sa(void **state)
{
	struct ike_keys_input in = input();
	struct ike_keys old = first_keys(), keys = { 0 };

	(void)state;
	assert_int_equal(ike_keys_rekey(&keys, &cbc, &in, gcm.prf, &old), CV_OK);
	assert_hex(ike_keys_d(&keys), "96fbdaa1056c988d87343243cc8d39ac16997dfae6062838481fa62c44f5a06b"
				      "44874d588c2ebc2b6b4d8d29e68ae4213bc64eefbfe6d7f8bf6b1f6e7f702ef4");
	assert_hex(ike_keys_a(&keys, true),
		   "c9447dbcb754d38b9ad7b923fd82f0f429ef4d032e3f0389184e7da0c8c2bfc5"
		   "36d6d99978ff5e10300c6a32a79f207610bc1b8cfbb0db836dbd223864b7007d");
	assert_hex(ike_keys_e(&keys, false),
		   "9ad5f0f4dea83738ea62eba51f14d72692fbf8de4d2a24aa3b8fe3c471d9454c");
	assert_hex(ike_keys_p(&keys, false),
		   "eda60a95ab2223374558a389f2105f62227d0f45be9ea9f03eef9ec4b63c6ec5"
		   "8ffe3f6014a3deddd1bb8562928221e5371ea96520f63e0d9d2f09e13fbd739c");
	ike_keys_wipe(&old);
	ike_keys_wipe(&keys);
}

/* R7296-2.17-1: the exchange initiator's direction first, encryption before integrity; g^ir in front with
 * PFS. */
static void keys_of_a_child_sa(void **state)
{
	static const struct ike_suite esp = { .encr = WIRE_ENCR_AES_CBC,
					      .key_bits = 128,
					      .integ = WIRE_AUTH_HMAC_SHA2_256_128 };
	struct ike_keys_input in = input();
	struct ike_keys keys = first_keys();
	struct ike_child_sa mine = { .initiator = true }, theirs = { .initiator = false };

	(void)state;
	assert_int_equal(ike_keys_child(&keys, gcm.prf, &esp, &in, &mine), CV_OK);
	assert_hex(cv_key_bytes(&mine.encr_key_out), "bef6780cd54a4fd549de08a25d293e06");
	assert_hex(cv_key_bytes(&mine.integ_key_out),
		   "fe59db27966a301fb0fb261a7ded9d50735fbaf1b86d637e4098069cc1d1fd08");
	assert_hex(cv_key_bytes(&mine.encr_key_in), "a90adada3f441f2d3b0aed6d21fdddb7");
	assert_hex(cv_key_bytes(&mine.integ_key_in),
		   "d4ec84d787657a913928702c3d238e8840d9eca76f1c993de5d39cbfd2229a10");
	in.shared.len = 0;
	assert_int_equal(ike_keys_child(&keys, gcm.prf, &esp, &in, &theirs), CV_OK);
	assert_hex(cv_key_bytes(&theirs.encr_key_in), "44ceeef332ac240cd75abcefca04cfed");
	assert_hex(cv_key_bytes(&theirs.integ_key_in),
		   "729e4931c95dc15603c5d19c3e19e7061dc64081284383c39133f423d7e3e47b");
	assert_hex(cv_key_bytes(&theirs.encr_key_out), "32b9a742d223aed1bbd58fd86058e755");
	ike_keys_wipe(&keys);
}

static void unknown_algorithms_give_no_keys(void **state)
{
	struct ike_keys_input in = input();
	struct ike_suite suite = gcm;
	struct ike_keys keys = { 0 };

	(void)state;
	assert_int_equal(crypto_init(), CV_OK);
	suite.prf = 99;
	assert_int_not_equal(ike_keys_derive(&keys, &suite, &in), CV_OK);
	suite = gcm;
	suite.encr = 99;
	assert_int_equal(ike_keys_derive(&keys, &suite, &in), CV_E_UNSUPPORTED);
	assert_null(keys.all.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_ike_sa_init),
		cmocka_unit_test(keys_of_a_rekeyed_ike_sa),
		cmocka_unit_test(keys_of_a_child_sa),
		cmocka_unit_test(unknown_algorithms_give_no_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
