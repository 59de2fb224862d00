#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/prf.h"
#include "crypto/suite.h"
#include "vectors.h"
#include "wire/numbers.h"

static const char hi_there[] = "4869205468657265";
static const char what_do_ya_want[] = "7768617420646f2079612077616e7420666f72206e6f7468696e673f";
static const char larger_than_block[] = "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a"
					"65204b6579202d2048617368204b6579204669727374";
static const char larger_key_and_data[] = "5468697320697320612074657374207573696e672061206c6172676572207468"
					  "616e20626c6f636b2d73697a65206b657920616e642061206c61726765722074"
					  "68616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565"
					  "647320746f20626520686173686564206265666f7265206265696e6720757365"
					  "642062792074686520484d414320616c676f726974686d2e";

/* The numbers of RFC 4868 section 2.7.1, which are those of RFC 4231 sections 4.2 to 4.8. */
struct hmac_case {
	struct octets key, data;
	const char *sha256, *sha384, *sha512;
};

static void check_prf(uint16_t prf, const struct hmac_case *c, const char *expected)
{
	uint8_t out[CRYPTO_PRF_MAX];
	struct octets want = hex(expected);
	/* Cut in two, so that the parts are known to be joined. */
	struct cv_bytes parts[] = { cv_bytes(c->data.b, 3), cv_bytes(c->data.b + 3, c->data.len - 3) };

	assert_int_equal(crypto_prf_size(prf), want.len);
	assert_int_equal(crypto_prf(prf, view(&c->key), parts, 2, out), CV_OK);
	assert_memory_equal(out, want.b, want.len);
}

static void test_hmac_sha2_gives_the_numbers_of_rfc4231(void **state)
{
	const struct hmac_case cases[] = {
		{ repeat(0x0b, 20), hex(hi_there),
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		  "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2"
		  "fa9cb6",
		  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		  "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
		{ hex("4a656665"), hex(what_do_ya_want),
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfa"
		  "b21649",
		  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
		{ repeat(0xaa, 20), repeat(0xdd, 50),
		  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
		  "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101"
		  "a34f27",
		  "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
		  "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb" },
		{ hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), repeat(0xcd, 50),
		  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
		  "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c6"
		  "74cffb",
		  "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
		  "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd" },
		{ repeat(0xaa, 131), hex(larger_than_block),
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
		  "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163"
		  "f44952",
		  "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
		  "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598" },
		{ repeat(0xaa, 131), hex(larger_key_and_data),
		  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
		  "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c"
		  "46523e",
		  "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
		  "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		check_prf(WIRE_PRF_HMAC_SHA2_256, &cases[i], cases[i].sha256);
		check_prf(WIRE_PRF_HMAC_SHA2_384, &cases[i], cases[i].sha384);
		check_prf(WIRE_PRF_HMAC_SHA2_512, &cases[i], cases[i].sha512);
	}
}

/* RFC 2202 section 3, cases 1 and 6. */
static void test_hmac_sha1_gives_the_numbers_of_rfc2202(void **state)
{
	const struct hmac_case first = { repeat(0x0b, 20), hex(hi_there), NULL, NULL, NULL };
	const struct hmac_case sixth = { repeat(0xaa, 80), hex(larger_than_block), NULL, NULL, NULL };

	(void)state;
	check_prf(WIRE_PRF_HMAC_SHA1, &first, "b617318655057264e28bc0b6fb378c8ef146be00");
	check_prf(WIRE_PRF_HMAC_SHA1, &sixth, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

/* RFC 7296 section 2.13, written out here block by block. */
static void test_prf_plus_chains_blocks_as_the_rfc_says(void **state)
{
	const uint16_t prfs[] = { WIRE_PRF_HMAC_SHA1, WIRE_PRF_HMAC_SHA2_256, WIRE_PRF_HMAC_SHA2_384,
				  WIRE_PRF_HMAC_SHA2_512 };
	const struct octets key = repeat(0x42, 40), seed = hex(larger_key_and_data);
	struct cv_bytes seed_parts[] = { cv_bytes(seed.b, 32), cv_bytes(seed.b + 32, 0),
					 cv_bytes(seed.b + 32, seed.len - 32) };

	(void)state;
	for (size_t p = 0; p < 4; p++) {
		size_t block = crypto_prf_size(prfs[p]);
		uint8_t want[5 * CRYPTO_PRF_MAX], got[5 * CRYPTO_PRF_MAX], number = 0;
		size_t len = 4 * block + 7;

		for (size_t at = 0; at < 5 * block; at += block) {
			number++;
			struct cv_bytes parts[] = { cv_bytes(want + at - (at ? block : 0), at ? block : 0),
						    view(&seed), cv_bytes(&number, 1) };
			assert_int_equal(crypto_prf(prfs[p], view(&key), parts, 3, want + at), CV_OK);
		}
		memset(got, 0xee, sizeof got);
		assert_int_equal(crypto_prf_plus(prfs[p], view(&key), seed_parts, 3, got, len), CV_OK);
		assert_memory_equal(got, want, len);
		assert_int_equal(got[len], 0xee);
	}
}

static void test_prf_plus_ends_after_255_blocks(void **state)
{
	const struct octets key = repeat(1, 32), seed = repeat(2, 16);
	struct cv_bytes part = view(&seed);
	size_t most = (size_t)255 * 32;
	uint8_t *out = malloc(most + 1);

	(void)state;
	assert_int_equal(crypto_prf_plus(WIRE_PRF_HMAC_SHA2_256, view(&key), &part, 1, out, most), CV_OK);
	assert_int_equal(crypto_prf_plus(WIRE_PRF_HMAC_SHA2_256, view(&key), &part, 1, out, most + 1),
			 CV_E_LIMIT);
	free(out);
}

/* A PSK may be empty in a hand-written test file; the key of HMAC then is 64 zero octets (RFC 2104 section
 * 2). */
static void test_an_empty_key_is_a_key(void **state)
{
	uint8_t empty[32], zeroes[32];
	const struct octets data = hex(hi_there), zero_key = repeat(0, 64);
	struct cv_bytes part = view(&data);

	(void)state;
	assert_int_equal(crypto_hmac_sha256(cv_bytes(NULL, 0), &part, 1, empty), CV_OK);
	assert_int_equal(crypto_hmac_sha256(view(&zero_key), &part, 1, zeroes), CV_OK);
	assert_memory_equal(empty, zeroes, 32);
}

/* R8247-2-1: MD5 is MUST NOT. */
static void test_forbidden_and_unknown_prfs_are_refused(void **state)
{
	const uint16_t refused[] = { 0,	  WIRE_PRF_HMAC_MD5, 3, WIRE_PRF_AES128_XCBC, WIRE_PRF_AES128_CMAC, 9,
				     1024 };
	uint8_t out[CRYPTO_PRF_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		assert_int_equal(crypto_prf_size(refused[i]), 0);
		assert_int_equal(crypto_prf(refused[i], cv_bytes("k", 1), NULL, 0, out), CV_E_UNSUPPORTED);
		assert_int_equal(crypto_prf_plus(refused[i], cv_bytes("k", 1), NULL, 0, out, 1),
				 CV_E_UNSUPPORTED);
	}
}

/* FIPS 180's "abc". */
static void test_sha1_digests_all_parts(void **state)
{
	uint8_t out[CRYPTO_SHA1_LEN];
	const struct cv_bytes parts[] = { cv_bytes("a", 1), cv_bytes(NULL, 0), cv_bytes("bc", 2) };
	struct octets want = hex("a9993e364706816aba3e25717850c26c9cd0d89d");

	(void)state;
	assert_int_equal(crypto_sha1(parts, 3, out), CV_OK);
	assert_memory_equal(out, want.b, want.len);
}

static void test_random_octets_differ(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	assert_int_equal(crypto_random(a, sizeof a), CV_OK);
	assert_int_equal(crypto_random(b, sizeof b), CV_OK);
	assert_memory_not_equal(a, b, sizeof a);
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
		cmocka_unit_test(test_hmac_sha2_gives_the_numbers_of_rfc4231),
		cmocka_unit_test(test_hmac_sha1_gives_the_numbers_of_rfc2202),
		cmocka_unit_test(test_prf_plus_chains_blocks_as_the_rfc_says),
		cmocka_unit_test(test_prf_plus_ends_after_255_blocks),
		cmocka_unit_test(test_an_empty_key_is_a_key),
		cmocka_unit_test(test_forbidden_and_unknown_prfs_are_refused),
		cmocka_unit_test(test_sha1_digests_all_parts),
		cmocka_unit_test(test_random_octets_differ),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
