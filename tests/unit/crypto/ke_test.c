#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/param_build.h>

#include "crypto/algs.h"
#include "crypto/ke.h"
#include "crypto/prf.h"
#include "vectors.h"
#include "wire/numbers.h"

#define KE_HEADER_LEN 8 /* generic payload header, group, reserved (RFC 7296 section 3.4) */

static const uint16_t all_groups[] = {
	WIRE_KE_MODP2048, WIRE_KE_MODP3072, WIRE_KE_MODP4096, WIRE_KE_MODP6144,	  WIRE_KE_MODP8192,
	WIRE_KE_ECP256,	  WIRE_KE_ECP384,   WIRE_KE_ECP521,   WIRE_KE_CURVE25519, WIRE_KE_CURVE448,
};
enum { GROUPS = sizeof all_groups / sizeof all_groups[0] };

static void push_number(OSSL_PARAM_BLD *bld, const char *name, const struct octets *o, BIGNUM **keep)
{
	*keep = BN_bin2bn(o->b, (int)o->len, NULL);
	assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, name, *keep), 1);
}

/* An own key pair with known numbers, made with OpenSSL directly. public: as OpenSSL encodes it. */
static struct crypto_ke *known_pair(uint16_t group, const char *type, const char *name, struct octets private,
				    struct octets public)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n_private = NULL, *n_public = NULL;
	EVP_PKEY *key = NULL;
	struct crypto_ke *ke = NULL;

	if (name)
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
	if (name)
		push_number(bld, OSSL_PKEY_PARAM_PRIV_KEY, &private, &n_private);
	else
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PRIV_KEY, private.b, private.len);
	if (name && strcmp(type, "DH") == 0)
		push_number(bld, OSSL_PKEY_PARAM_PUB_KEY, &public, &n_public);
	else
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, public.b, public.len);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n_private);
	BN_free(n_public);
	assert_int_equal(crypto_ke_wrap(group, key, &ke), CV_OK);
	return ke;
}

static void check_shared(const struct crypto_ke *ke, const struct octets *peer, const struct octets *want)
{
	struct cv_secret shared = { 0 };

	assert_int_equal(crypto_ke_shared(ke, view(peer), &shared), CV_OK);
	assert_int_equal(shared.len, want->len);
	assert_memory_equal(shared.data, want->b, want->len);
	cv_secret_free(&shared);
}

static void check_refused(const struct crypto_ke *ke, const struct octets *peer)
{
	struct cv_secret shared = { 0 };

	assert_int_equal(crypto_ke_shared(ke, view(peer), &shared), CV_E_SYNTAX);
	assert_null(shared.data);
}

static struct octets tail_of(const struct octets *o, size_t skip)
{
	struct octets rest = { .len = o->len - skip };

	memcpy(rest.b, o->b + skip, rest.len);
	return rest;
}

/* R5903-7-1: KE data is x | y, the secret is x. Numbers of RFC 5903 sections 8.1 to 8.3. */
static void test_ecp_groups_give_the_numbers_of_rfc5903(void **state)
{
	const struct {
		uint16_t group;
		const char *name, *i, *payload_i, *r, *payload_r, *shared;
	} cases[] = {
		{
		    WIRE_KE_ECP256,
		    "P-256",
		    "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
		    "0000004800130000dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
		    "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
		    "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
		    "0000004800130000d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
		    "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
		    "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
		},
		{
		    WIRE_KE_ECP384,
		    "P-384",
		    "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee"
		    "3faef896783ab194",
		    "0000006800140000667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
		    "de3ac808acb4bdb4c88732aee95f41aa9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ad"
		    "a024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
		    "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2"
		    "960e4bd55a7448fc",
		    "0000006800140000e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
		    "0d1ac43a0336def96fda41d0774a3571dcfbec7aacf3196472169e838430367f66eebe3c6e70c416"
		    "dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
		    "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d0"
		    "9cf5d4a270f59746",
		},
		{
		    WIRE_KE_ECP521,
		    "P-521",
		    "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c295"
		    "2c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
		    "0000008c001500000015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbe"
		    "e1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e017cae20b664"
		    "1d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d"
		    "5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
		    "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757"
		    "a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
		    "0000008c0015000000d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a21"
		    "9b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f015c68226383"
		    "956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d6"
		    "78ae49cb57091f4732296579ab44fcd17f0fc56a",
		    "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa24"
		    "0a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea",
		},
	};

	(void)state;
	for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
		struct octets payload_i = hex(cases[n].payload_i), payload_r = hex(cases[n].payload_r);
		struct octets ke_i = tail_of(&payload_i, KE_HEADER_LEN),
			      ke_r = tail_of(&payload_r, KE_HEADER_LEN);
		struct octets point_i = tail_of(&payload_i, KE_HEADER_LEN - 1), shared = hex(cases[n].shared);
		struct octets point_r = tail_of(&payload_r, KE_HEADER_LEN - 1);

		point_i.b[0] = point_r.b[0] = 4;
		struct crypto_ke *i =
		    known_pair(cases[n].group, "EC", cases[n].name, hex(cases[n].i), point_i);
		struct crypto_ke *r =
		    known_pair(cases[n].group, "EC", cases[n].name, hex(cases[n].r), point_r);

		assert_int_equal(crypto_ke_public(i).len, ke_i.len);
		assert_memory_equal(crypto_ke_public(i).data, ke_i.b, ke_i.len);
		assert_memory_equal(crypto_ke_public(r).data, ke_r.b, ke_r.len);
		check_shared(i, &ke_r, &shared);
		check_shared(r, &ke_i, &shared);
		crypto_ke_free(i);
		crypto_ke_free(r);
	}
}

/* R8031-3-1, numbers of RFC 7748 sections 6.1 and 6.2. */
static void test_montgomery_curves_give_the_numbers_of_rfc7748(void **state)
{
	struct octets a = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	struct octets pub_a = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	struct octets pub_b = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	struct octets shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	struct octets a448 = hex("9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d"
				 "d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b");
	struct octets pub_a448 = hex("9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c"
				     "22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0");
	struct octets pub_b448 = hex("3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430"
				     "27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609");
	struct octets shared448 = hex("07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b"
				      "b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d");
	struct crypto_ke *x25519 = known_pair(WIRE_KE_CURVE25519, "X25519", NULL, a, pub_a);
	struct crypto_ke *x448 = known_pair(WIRE_KE_CURVE448, "X448", NULL, a448, pub_a448);

	(void)state;
	assert_memory_equal(crypto_ke_public(x25519).data, pub_a.b, pub_a.len);
	check_shared(x25519, &pub_b, &shared);
	pub_b.b[31] |= 0x80; /* the top bit is masked, not refused (RFC 7748 section 5) */
	check_shared(x25519, &pub_b, &shared);
	check_shared(x448, &pub_b448, &shared448);
	crypto_ke_free(x25519);
	crypto_ke_free(x448);
}

/* R8031-3-1: RFC 7748 section 6.1; points of small order end at the all-zero secret. */
static void test_x25519_refuses_points_of_small_order(void **state)
{
	const char *points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct crypto_ke *ke;

	(void)state;
	assert_int_equal(crypto_ke_new(WIRE_KE_CURVE25519, &ke), CV_OK);
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		struct octets point = hex(points[i]);

		check_refused(ke, &point);
	}
	crypto_ke_free(ke);
}

static void test_both_sides_agree_in_every_group(void **state)
{
	(void)state;
	for (size_t i = 0; i < GROUPS; i++) {
		struct crypto_ke *a, *b;
		struct cv_secret ab = { 0 }, ba = { 0 };

		assert_int_equal(crypto_ke_new(all_groups[i], &a), CV_OK);
		assert_int_equal(crypto_ke_new(all_groups[i], &b), CV_OK);
		assert_int_equal(crypto_ke_group(a), all_groups[i]);
		assert_int_equal(crypto_ke_public(a).len, crypto_ke_public_size(all_groups[i]));
		assert_false(cv_bytes_equal(crypto_ke_public(a), crypto_ke_public(b)));
		assert_int_equal(crypto_ke_shared(a, crypto_ke_public(b), &ab), CV_OK);
		assert_int_equal(crypto_ke_shared(b, crypto_ke_public(a), &ba), CV_OK);
		assert_true(cv_secret_equal(cv_secret_bytes(&ab), cv_secret_bytes(&ba)));
		cv_secret_free(&ab);
		cv_secret_free(&ba);
		crypto_ke_free(a);
		crypto_ke_free(b);
	}
}

static void test_a_public_value_of_wrong_length_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < GROUPS; i++) {
		struct crypto_ke *a, *b;
		struct octets peer = { .len = crypto_ke_public_size(all_groups[i]) };

		assert_int_equal(crypto_ke_new(all_groups[i], &a), CV_OK);
		assert_int_equal(crypto_ke_new(all_groups[i], &b), CV_OK);
		memcpy(peer.b, crypto_ke_public(b).data, peer.len);
		peer.len--;
		check_refused(a, &peer);
		peer.len += 2;
		check_refused(a, &peer);
		peer.len = 0;
		check_refused(a, &peer);
		crypto_ke_free(a);
		crypto_ke_free(b);
	}
}

/* With the exponent 8 the public value is 256, and a peer's 4 gives 65536: far shorter than the prime. */
static void test_modp_values_are_padded_to_the_length_of_the_prime(void **state)
{
	struct octets want_public = repeat(0, 256), peer = repeat(0, 256), want_shared = repeat(0, 256);
	struct crypto_ke *ke = known_pair(WIRE_KE_MODP2048, "DH", "modp_2048", hex("08"), hex("0100"));

	(void)state;
	want_public.b[254] = 1;
	peer.b[255] = 4;
	want_shared.b[253] = 1;
	assert_memory_equal(crypto_ke_public(ke).data, want_public.b, 256);
	check_shared(ke, &peer, &want_shared);
	crypto_ke_free(ke);
}

/* R6989-2-1: 1 < r < p - 1. The prime comes from OpenSSL's separate list of RFC 3526. */
static void test_modp_values_outside_the_range_are_refused(void **state)
{
	BIGNUM *p = BN_get_rfc3526_prime_2048(NULL);
	struct octets peer = repeat(0, 256);
	struct crypto_ke *ke;

	(void)state;
	assert_int_equal(crypto_ke_new(WIRE_KE_MODP2048, &ke), CV_OK);
	check_refused(ke, &peer);
	peer.b[255] = 1;
	check_refused(ke, &peer);
	peer = repeat(0xff, 256);
	check_refused(ke, &peer);
	for (int i = 1; i >= -1; i--) { /* p + 1, p, p - 1 */
		BIGNUM *n = BN_dup(p);

		if (i < 0)
			BN_sub_word(n, 1);
		else
			BN_add_word(n, (BN_ULONG)i);
		assert_int_equal(BN_bn2binpad(n, peer.b, 256), 256);
		check_refused(ke, &peer);
		BN_free(n);
	}
	BN_free(p);
	crypto_ke_free(ke);
}

/* R5903-7-1, R6989-2-1. */
static void test_ecp_points_off_the_curve_are_refused(void **state)
{
	const uint16_t groups[] = { WIRE_KE_ECP256, WIRE_KE_ECP384, WIRE_KE_ECP521 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct crypto_ke *a, *b;
		struct octets peer = { .len = crypto_ke_public_size(groups[i]) };

		assert_int_equal(crypto_ke_new(groups[i], &a), CV_OK);
		assert_int_equal(crypto_ke_new(groups[i], &b), CV_OK);
		check_refused(a, &peer); /* 0, 0 */
		memcpy(peer.b, crypto_ke_public(b).data, peer.len);
		peer.b[peer.len - 1] ^= 1;
		check_refused(a, &peer);
		peer.b[peer.len - 1] ^= 1;
		memset(peer.b, 0xff, peer.len / 2); /* x above the prime */
		check_refused(a, &peer);
		crypto_ke_free(a);
		crypto_ke_free(b);
	}
}

/* R8247-2-1: groups 1 and 22 are MUST NOT, 2, 5, 23 and 24 SHOULD NOT. */
static void test_forbidden_and_unknown_groups_are_refused(void **state)
{
	const uint16_t refused[] = { WIRE_KE_NONE,
				     WIRE_KE_MODP768,
				     WIRE_KE_MODP1024,
				     WIRE_KE_MODP1536,
				     WIRE_KE_MODP1024_160,
				     WIRE_KE_MODP2048_224,
				     WIRE_KE_MODP2048_256,
				     33,
				     65535 };

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		struct crypto_ke *ke;

		assert_int_equal(crypto_ke_public_size(refused[i]), 0);
		assert_int_equal(crypto_ke_new(refused[i], &ke), CV_E_UNSUPPORTED);
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
		cmocka_unit_test(test_ecp_groups_give_the_numbers_of_rfc5903),
		cmocka_unit_test(test_montgomery_curves_give_the_numbers_of_rfc7748),
		cmocka_unit_test(test_x25519_refuses_points_of_small_order),
		cmocka_unit_test(test_both_sides_agree_in_every_group),
		cmocka_unit_test(test_a_public_value_of_wrong_length_is_refused),
		cmocka_unit_test(test_modp_values_are_padded_to_the_length_of_the_prime),
		cmocka_unit_test(test_modp_values_outside_the_range_are_refused),
		cmocka_unit_test(test_ecp_points_off_the_curve_are_refused),
		cmocka_unit_test(test_forbidden_and_unknown_groups_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
