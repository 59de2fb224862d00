/* Which algorithms are chosen, and which answers are believed. */
#include "rig.h"

#include "crypto/prf.h"
#include "ike/select.h"

static struct wire_sa none;

static void more(struct wire_sa *sa, uint8_t type, uint16_t id, uint16_t key_bits)
{
	struct wire_proposal *p = &sa->proposal[sa->count - 1];

	p->transform[p->transform_count++] =
	    (struct wire_transform){ .type = type, .id = id, .key_bits = key_bits };
}

static struct wire_sa ike_gcm(uint16_t ke)
{
	struct wire_sa sa = none;

	rig_proposal(&sa, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_256, 0, ke);
	return sa;
}

static struct wire_sa ike_cbc(void)
{
	struct wire_sa sa = none;

	rig_proposal(&sa, WIRE_ENCR_AES_CBC, 256, WIRE_PRF_HMAC_SHA2_256, WIRE_AUTH_HMAC_SHA2_256_128,
		     WIRE_KE_ECP256);
	return sa;
}

static enum cv_err choose(const struct wire_sa *ours, const struct wire_sa *theirs, struct ike_selected *out)
{
	return ike_select(ours, theirs, WIRE_PROTO_IKE, IKE_KE_REQUIRED, 0, NULL, out);
}

static enum cv_err choose_esp(const struct wire_sa *ours, const struct wire_sa *theirs, uint8_t mode,
			      struct ike_selected *out)
{
	return ike_select(ours, theirs, WIRE_PROTO_ESP, mode, 0, NULL, out);
}

/* R7296-2.7-1, R7296-3.3-1 */
static void our_order_decides_and_their_number_is_repeated(void **state)
{
	struct wire_sa ours = none, theirs = none;
	struct ike_selected s;

	(void)state;
	rig_proposal(&ours, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_512, 0, WIRE_KE_CURVE25519);
	rig_proposal(&ours, WIRE_ENCR_AES_GCM_16, 128, WIRE_PRF_HMAC_SHA2_256, 0, WIRE_KE_ECP256);
	rig_proposal(&theirs, WIRE_ENCR_AES_GCM_16, 128, WIRE_PRF_HMAC_SHA2_256, 0, WIRE_KE_ECP256);
	rig_proposal(&theirs, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_512, 0, WIRE_KE_CURVE25519);
	assert_int_equal(choose(&ours, &theirs, &s), CV_OK);
	assert_int_equal(s.number, 2);
	assert_int_equal(s.suite.key_bits, 256);
	assert_int_equal(s.suite.prf, WIRE_PRF_HMAC_SHA2_512);
	assert_int_equal(s.suite.ke, WIRE_KE_CURVE25519);
}

static void nothing_in_common_is_nothing_chosen(void **state)
{
	struct wire_sa ours = ike_gcm(WIRE_KE_ECP256), theirs = ike_gcm(WIRE_KE_ECP256);
	struct ike_selected s;

	(void)state;
	theirs.proposal[0].transform[0].key_bits = 128;
	assert_int_equal(choose(&ours, &theirs, &s), CV_E_NOTFOUND);
	theirs = ike_gcm(WIRE_KE_CURVE25519);
	assert_int_equal(choose(&ours, &theirs, &s), CV_E_NOTFOUND);
	theirs = none;
	assert_int_equal(choose(&ours, &theirs, &s), CV_E_NOTFOUND);
}

/* R7296-3.3.3-1: with AEAD no integrity algorithm, or NONE by name. */
static void aead_goes_without_integrity_or_with_none(void **state)
{
	struct wire_sa ours = ike_gcm(WIRE_KE_ECP256), theirs = ours, answer;
	struct ike_selected s;

	(void)state;
	more(&theirs, WIRE_T_INTEG, WIRE_AUTH_HMAC_SHA2_256_128, 0);
	assert_int_equal(choose(&ours, &theirs, &s), CV_E_NOTFOUND);
	more(&theirs, WIRE_T_INTEG, WIRE_AUTH_NONE, 0);
	assert_int_equal(choose(&ours, &theirs, &s), CV_OK);
	assert_int_equal(s.suite.integ, 0);
	ike_select_answer(&s, WIRE_PROTO_IKE, 0, 0, &answer);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.proposal[0].transform_count, 4);
	assert_int_equal(ike_select_check(&theirs, &answer, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &s), CV_OK);
}

/* R7296-3.3.3-2 */
static void cbc_never_goes_without_integrity(void **state)
{
	struct wire_sa ours = ike_cbc(), theirs = ike_cbc();
	struct ike_selected s;

	(void)state;
	assert_int_equal(choose(&ours, &theirs, &s), CV_OK);
	assert_int_equal(s.suite.integ, WIRE_AUTH_HMAC_SHA2_256_128);
	for (unsigned i = 0; i < theirs.proposal[0].transform_count; i++) {
		if (theirs.proposal[0].transform[i].type == WIRE_T_INTEG) {
			theirs.proposal[0].transform[i].id = WIRE_AUTH_NONE;
			ours.proposal[0].transform[i].id = WIRE_AUTH_NONE;
		}
	}
	assert_int_equal(choose(&ours, &theirs, &s), CV_E_NOTFOUND);
}

/* R7296-3.3.6-2 */
static void unknown_transform_type_spoils_only_its_proposal(void **state)
{
	struct wire_sa ours = ike_gcm(WIRE_KE_ECP256), theirs = ike_gcm(WIRE_KE_ECP256);
	struct ike_selected s;

	(void)state;
	more(&theirs, 77, 1, 0);
	assert_int_equal(choose(&ours, &theirs, &s), CV_E_NOTFOUND);
	rig_proposal(&theirs, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_256, 0, WIRE_KE_ECP256);
	assert_int_equal(choose(&ours, &theirs, &s), CV_OK);
	assert_int_equal(s.number, 2);
}

static void transform_with_an_unknown_attribute_is_never_chosen(void **state)
{
	struct wire_sa ours = ike_gcm(WIRE_KE_ECP256), theirs = ike_gcm(WIRE_KE_ECP256);
	struct ike_selected s;

	(void)state;
	theirs.proposal[0].transform[0].unusable = true;
	assert_int_equal(choose(&ours, &theirs, &s), CV_E_NOTFOUND);
}

static void group_of_the_key_exchange_payload_saves_a_round_trip(void **state)
{
	struct wire_sa ours = ike_gcm(WIRE_KE_CURVE25519), theirs;
	struct ike_selected s;

	(void)state;
	more(&ours, WIRE_T_KE, WIRE_KE_ECP256, 0);
	theirs = ours;
	assert_int_equal(
	    ike_select(&ours, &theirs, WIRE_PROTO_IKE, IKE_KE_REQUIRED, WIRE_KE_ECP256, NULL, &s), CV_OK);
	assert_int_equal(s.suite.ke, WIRE_KE_ECP256);
	assert_int_equal(
	    ike_select(&ours, &theirs, WIRE_PROTO_IKE, IKE_KE_REQUIRED, WIRE_KE_MODP2048, NULL, &s), CV_OK);
	assert_int_equal(s.suite.ke, WIRE_KE_CURVE25519);
}

/* R7296-1.2-5, and sequence numbers are agreed on. */
static void esp_ignores_or_demands_key_exchange_as_told(void **state)
{
	struct wire_sa plain = none, pfs = none;
	struct ike_selected s;

	(void)state;
	rig_proposal(&plain, WIRE_ENCR_AES_GCM_16, 256, 0, 0, 0);
	rig_proposal(&pfs, WIRE_ENCR_AES_GCM_16, 256, 0, 0, WIRE_KE_ECP256);
	assert_int_equal(choose_esp(&plain, &pfs, IKE_KE_IGNORED, &s), CV_OK);
	assert_int_equal(s.suite.ke, 0);
	assert_true(s.suite.esn);
	assert_int_equal(choose_esp(&pfs, &plain, IKE_KE_IGNORED, &s), CV_OK);
	assert_int_equal(choose_esp(&pfs, &plain, IKE_KE_OPTIONAL, &s), CV_E_NOTFOUND);
	assert_int_equal(choose_esp(&plain, &pfs, IKE_KE_OPTIONAL, &s), CV_E_NOTFOUND);
	assert_int_equal(choose_esp(&pfs, &pfs, IKE_KE_OPTIONAL, &s), CV_OK);
	assert_int_equal(s.suite.ke, WIRE_KE_ECP256);
	more(&pfs, WIRE_T_KE, WIRE_KE_NONE, 0);
	assert_int_equal(choose_esp(&plain, &pfs, IKE_KE_OPTIONAL, &s), CV_OK);
	assert_int_equal(s.suite.ke, 0);
	assert_true(s.ke_none);
}

static void esp_without_sequence_number_transform_is_unacceptable(void **state)
{
	struct wire_sa ours = none, theirs;
	struct ike_selected s;

	(void)state;
	rig_proposal(&ours, WIRE_ENCR_AES_GCM_16, 256, 0, 0, 0);
	theirs = ours;
	theirs.proposal[0].transform_count -= 2;
	assert_int_equal(choose_esp(&ours, &theirs, IKE_KE_IGNORED, &s), CV_E_NOTFOUND);
	theirs.proposal[0].transform_count++;
	theirs.proposal[0].transform[1].id = WIRE_ESN_NO;
	assert_int_equal(choose_esp(&ours, &theirs, IKE_KE_IGNORED, &s), CV_OK);
	assert_false(s.suite.esn);
}

/* R7296-3.3.6-1 */
static void answer_must_be_made_of_what_was_offered(void **state)
{
	struct wire_sa offer = ike_cbc(), good, bad;
	struct ike_selected s;

	(void)state;
	more(&offer, WIRE_T_KE, WIRE_KE_CURVE25519, 0);
	assert_int_equal(choose(&offer, &offer, &s), CV_OK);
	ike_select_answer(&s, WIRE_PROTO_IKE, 0, 0, &good);
	assert_int_equal(ike_select_check(&offer, &good, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &s), CV_OK);
	bad = good;
	bad.proposal[0].number = 2;
	assert_int_equal(ike_select_check(&offer, &bad, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &s), CV_E_SYNTAX);
	bad = good;
	bad.count = 2;
	assert_int_equal(ike_select_check(&offer, &bad, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &s), CV_E_SYNTAX);
	bad = good;
	bad.proposal[0].protocol = WIRE_PROTO_ESP;
	assert_int_equal(ike_select_check(&offer, &bad, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &s), CV_E_SYNTAX);
	/* Two of one type, even though both were offered. */
	bad = good;
	more(&bad, WIRE_T_KE, WIRE_KE_CURVE25519, 0);
	assert_int_equal(ike_select_check(&offer, &bad, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &s), CV_E_SYNTAX);
	for (unsigned i = 0; i < good.proposal[0].transform_count; i++) {
		bad = good;
		bad.proposal[0].transform[i].id ^= 1;
		assert_int_equal(ike_select_check(&offer, &bad, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &s),
				 CV_E_SYNTAX);
		bad = good;
		bad.proposal[0].transform[i] = bad.proposal[0].transform[--bad.proposal[0].transform_count];
		assert_int_equal(ike_select_check(&offer, &bad, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &s),
				 CV_E_SYNTAX);
	}
}

static void offers_are_numbered_and_carry_our_spi(void **state)
{
	struct wire_sa ours = none, offer;

	(void)state;
	rig_proposal(&ours, WIRE_ENCR_AES_GCM_16, 256, 0, 0, WIRE_KE_ECP256);
	rig_proposal(&ours, WIRE_ENCR_AES_GCM_16, 128, 0, 0, WIRE_KE_ECP256);
	ours.proposal[0].number = ours.proposal[1].number = 9;
	ike_select_offer(&ours, WIRE_PROTO_ESP, 4, 0x1234, false, &offer);
	assert_int_equal(offer.count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(offer.proposal[i].number, i + 1);
		assert_int_equal(offer.proposal[i].spi, 0x1234);
		assert_int_equal(offer.proposal[i].transform_count, ours.proposal[i].transform_count - 1);
	}
	assert_int_equal(ike_select_first_group(&offer), 0);
	assert_int_equal(ike_select_first_group(&ours), WIRE_KE_ECP256);
}

static int init(void **state)
{
	(void)state;
	return crypto_init() == CV_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_order_decides_and_their_number_is_repeated),
		cmocka_unit_test(nothing_in_common_is_nothing_chosen),
		cmocka_unit_test(aead_goes_without_integrity_or_with_none),
		cmocka_unit_test(cbc_never_goes_without_integrity),
		cmocka_unit_test(unknown_transform_type_spoils_only_its_proposal),
		cmocka_unit_test(transform_with_an_unknown_attribute_is_never_chosen),
		cmocka_unit_test(group_of_the_key_exchange_payload_saves_a_round_trip),
		cmocka_unit_test(esp_ignores_or_demands_key_exchange_as_told),
		cmocka_unit_test(esp_without_sequence_number_transform_is_unacceptable),
		cmocka_unit_test(answer_must_be_made_of_what_was_offered),
		cmocka_unit_test(offers_are_numbered_and_carry_our_spi),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
