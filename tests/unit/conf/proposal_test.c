/* ike= and esp=: every spelling that files have, and what is refused. */
#include "conf_text.h"

#include "conf/proposal.h"

static const struct conf_where here = { .file = "test", .line = 1 };

struct parsed {
	bool ok;
	struct wire_sa sa;
	struct conf_journal journal;
};

static struct parsed parse(const char *text, enum wire_protocol protocol, const struct wire_sa *groups,
			   uint8_t esn)
{
	struct parsed p = { 0 };

	p.ok = conf_proposals_parse(&p.journal, here, protocol == WIRE_PROTO_IKE ? "ike" : "esp", text,
				    protocol, groups, esn, &p.sa);
	return p;
}

/* "encr:20/256 prf:5 ke:31; ..." */
static void write_down(const struct wire_sa *sa, char *out, size_t cap)
{
	static const char *const type[] = { "?", "encr", "prf", "integ", "ke", "esn" };
	size_t n = 0;

	out[0] = '\0';
	for (uint8_t i = 0; i < sa->count; i++)
		for (uint8_t k = 0; k < sa->proposal[i].transform_count; k++) {
			const struct wire_transform *t = &sa->proposal[i].transform[k];

			n += (size_t)snprintf(out + n, cap - n, "%s%s:%u",
					      k	  ? " "
					      : i ? "; "
						  : "",
					      type[t->type], t->id);
			if (t->key_bits)
				n += (size_t)snprintf(out + n, cap - n, "/%u", t->key_bits);
			assert_true(n < cap);
		}
}

static void check(const char *text, enum wire_protocol protocol, const char *want)
{
	struct parsed p = parse(text, protocol, NULL, CONF_ESN_NO);
	char got[2048];

	if (!p.ok)
		fail_msg("%s: %s", text, p.journal.list[0].text);
	write_down(&p.sa, got, sizeof(got));
	if (strcmp(got, want) != 0)
		fail_msg("%s gives %s, not %s", text, got, want);
	for (uint8_t i = 0; i < p.sa.count; i++) { /* R7296-3.3-1 */
		assert_int_equal(p.sa.proposal[i].number, i + 1);
		assert_int_equal(p.sa.proposal[i].protocol, protocol);
	}
	free(p.journal.list);
}

static void test_all_spellings_of_aes_gcm_are_one_cipher(void **state)
{
	static const char *const same[] = { "aes256gcm16",   "aes256gcm",      "aes256gcm128",
					    "aes_gcm256",    "aes_gcm_256",    "aes_gcm_c_256",
					    "aes_gcm_c256",  "aes_gcm_c-256",  "aes_gcm_16_256",
					    "aes_gcm16_256", "AES_GCM_16_256", "aes-gcm-256",
					    "aes-256-gcm",   "aes256-gcm",     "AES256GCM16",
					    "aes256gcmc" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		snprintf(text, sizeof(text), "%s-sha2_256-x25519", same[i]);
		check(text, WIRE_PROTO_IKE, "encr:20/256 prf:5 ke:31");
	}
	check("aes128gcm16-sha256-dh19", WIRE_PROTO_IKE, "encr:20/128 prf:5 ke:19");
	check("aes_gcm_128-sha256-dh19", WIRE_PROTO_IKE, "encr:20/128 prf:5 ke:19");
	check("aes128gcm128-sha256-dh19", WIRE_PROTO_IKE, "encr:20/128 prf:5 ke:19");
}

static void test_all_spellings_of_aes_cbc_are_one_cipher(void **state)
{
	static const char *const same[] = { "aes128",	   "aes_128",	  "aes_cbc_128",
					    "aes128_cbc",  "aes_cbc128",  "aes-128",
					    "aes-cbc-128", "AES_CBC_128", "aes128cbc" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		snprintf(text, sizeof(text), "%s-sha2_256-dh14", same[i]);
		check(text, WIRE_PROTO_IKE, "encr:12/128 prf:5 integ:12 ke:14");
	}
}

static void test_a_cipher_without_a_key_size_offers_256_and_128_bits(void **state)
{
	(void)state;
	check("aes-sha2_256-dh14", WIRE_PROTO_IKE, "encr:12/256 encr:12/128 prf:5 integ:12 ke:14");
	check("aes_gcm-sha2_256-dh14", WIRE_PROTO_IKE, "encr:20/256 encr:20/128 prf:5 ke:14");
}

static void test_chacha20_has_no_key_size(void **state)
{
	static const char *const same[] = { "chacha20poly1305", "chacha20_poly1305", "chacha20-poly1305",
					    "chacha20" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		snprintf(text, sizeof(text), "%s-sha2_512-x25519", same[i]);
		check(text, WIRE_PROTO_IKE, "encr:28 prf:7 ke:31");
	}
}

static void test_all_spellings_of_hashes_and_groups_are_known(void **state)
{
	static const char *const sha256[] = { "sha2_256", "sha256",	   "sha2-256",	    "sha2",
					      "SHA2_256", "hmac_sha2_256", "hmac-sha2-256", "hmac_sha256" };
	static const char *const group31[] = { "dh31", "x25519", "curve25519", "X25519", "group31" };
	static const char *const group19[] = { "dh19", "ecp256", "ecp_256", "ECP256" };
	static const char *const group14[] = { "dh14", "modp2048", "MODP2048", "modp_2048" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(sha256) / sizeof(*sha256); i++) {
		snprintf(text, sizeof(text), "aes128-%s-dh14", sha256[i]);
		check(text, WIRE_PROTO_IKE, "encr:12/128 prf:5 integ:12 ke:14");
	}
	for (size_t i = 0; i < sizeof(group31) / sizeof(*group31); i++) {
		snprintf(text, sizeof(text), "aes128-sha512-%s", group31[i]);
		check(text, WIRE_PROTO_IKE, "encr:12/128 prf:7 integ:14 ke:31");
	}
	for (size_t i = 0; i < sizeof(group19) / sizeof(*group19); i++) {
		snprintf(text, sizeof(text), "aes128-sha384-%s", group19[i]);
		check(text, WIRE_PROTO_IKE, "encr:12/128 prf:6 integ:13 ke:19");
	}
	for (size_t i = 0; i < sizeof(group14) / sizeof(*group14); i++) {
		snprintf(text, sizeof(text), "aes128-sha2_384;%s", group14[i]);
		check(text, WIRE_PROTO_IKE, "encr:12/128 prf:6 integ:13 ke:14");
	}
	check("aes256gcm16-sha2_256-modp3072+modp4096+modp6144+modp8192+ecp384+ecp521", WIRE_PROTO_IKE,
	      "encr:20/256 prf:5 ke:15 ke:16 ke:17 ke:18 ke:20 ke:21");
}

static void test_libreswans_alternatives_are_joined_by_plus(void **state)
{
	(void)state;
	check("aes256gcm16+aes128gcm16-sha2_512+sha2_256-dh19+dh31", WIRE_PROTO_IKE,
	      "encr:20/256 encr:20/128 prf:7 prf:5 ke:19 ke:31");
	check("aes256-sha2-256+sha2-512-dh14", WIRE_PROTO_IKE,
	      "encr:12/256 prf:5 prf:7 integ:12 integ:14 ke:14");
	/* twice is once: R7296-3.3-3 */
	check("aes256+aes256-sha256+sha2_256-dh14+modp2048", WIRE_PROTO_IKE,
	      "encr:12/256 prf:5 integ:12 ke:14");
}

static void test_strongswans_words_are_parted_by_dashes(void **state)
{
	(void)state;
	check("aes128gcm16-prfsha256-prfsha384-ecp256-modp3072", WIRE_PROTO_IKE,
	      "encr:20/128 prf:5 prf:6 ke:19 ke:15");
	check("aes256-sha256-prfsha512-modp2048", WIRE_PROTO_IKE, "encr:12/256 prf:7 integ:12 ke:14");
	check("chacha20poly1305-prfsha256-x25519!", WIRE_PROTO_IKE, "encr:28 prf:5 ke:31");
}

static void test_two_hashes_of_ike_are_integrity_and_prf(void **state)
{
	(void)state;
	check("aes256-sha2_256-sha2_512-dh14", WIRE_PROTO_IKE, "encr:12/256 prf:7 integ:12 ke:14");
	check("aes256gcm16-none-sha2_512-dh14", WIRE_PROTO_IKE, "encr:20/256 prf:7 ke:14");
	check("aes_gcm256-null-sha2_256-dh14", WIRE_PROTO_IKE, "encr:20/256 prf:5 ke:14");
}

static void test_what_is_left_out_of_ike_is_filled_with_good_defaults(void **state)
{
	static const char groups[] = "ke:31 ke:19 ke:20 ke:21 ke:14 ke:15 ke:16";
	char want[256];

	(void)state;
	snprintf(want, sizeof(want), "encr:20/256 prf:7 prf:5 %s", groups);
	check("aes256gcm16", WIRE_PROTO_IKE, want);
	snprintf(want, sizeof(want), "encr:12/128 prf:7 prf:5 integ:14 integ:12 %s", groups);
	check("aes128", WIRE_PROTO_IKE, want);
	check("aes128-dh14", WIRE_PROTO_IKE, "encr:12/128 prf:7 prf:5 integ:14 integ:12 ke:14");
}

/* RFC 7296 section 3.3: a cipher with integrity of its own and one without cannot share a proposal. */
static void test_ciphers_with_and_without_integrity_become_two_proposals(void **state)
{
	(void)state;
	check("aes256gcm16+aes256-sha2_256-dh14", WIRE_PROTO_IKE,
	      "encr:20/256 prf:5 ke:14; encr:12/256 prf:5 integ:12 ke:14");
	check("aes256gcm16+aes256+chacha20_poly1305", WIRE_PROTO_ESP,
	      "encr:20/256 encr:28 esn:0; encr:12/256 integ:14 integ:12 esn:0");
}

static void test_lists_of_proposals_keep_their_order(void **state)
{
	(void)state;
	check("aes256-sha2_512-dh14, aes128gcm16-sha2_256-dh31", WIRE_PROTO_IKE,
	      "encr:12/256 prf:7 integ:14 ke:14; encr:20/128 prf:5 ke:31");
}

static void test_esp_has_integrity_and_no_prf(void **state)
{
	(void)state;
	check("aes256-sha2_256", WIRE_PROTO_ESP, "encr:12/256 integ:12 esn:0");
	check("aes256-sha2_512_256", WIRE_PROTO_ESP, "encr:12/256 integ:14 esn:0");
}

static void test_esp_takes_groups_from_ike_unless_it_names_them(void **state)
{
	struct parsed ike =
	    parse("aes256gcm16-sha2_256-dh31+dh14,aes256-sha2_256-dh14+dh15", WIRE_PROTO_IKE, NULL, 0);
	struct parsed p = parse("aes256gcm16", WIRE_PROTO_ESP, &ike.sa, CONF_ESN_NO);
	char got[256];

	(void)state;
	assert_true(ike.ok && p.ok);
	write_down(&p.sa, got, sizeof(got));
	assert_string_equal(got, "encr:20/256 ke:31 ke:14 ke:15 esn:0");
	p = parse("aes256gcm16-dh16", WIRE_PROTO_ESP, &ike.sa, CONF_ESN_NO);
	write_down(&p.sa, got, sizeof(got));
	assert_string_equal(got, "encr:20/256 ke:16 esn:0");
	p = parse("aes256-sha2_256-none", WIRE_PROTO_ESP, &ike.sa, CONF_ESN_NO);
	write_down(&p.sa, got, sizeof(got));
	assert_string_equal(got, "encr:12/256 integ:12 esn:0");
	p = parse("aes256-sha2_256-dh14+none", WIRE_PROTO_ESP, &ike.sa, CONF_ESN_NO);
	write_down(&p.sa, got, sizeof(got));
	assert_string_equal(got, "encr:12/256 integ:12 ke:14 ke:0 esn:0");
}

static void test_esn_says_which_sequence_numbers_are_offered(void **state)
{
	static const struct {
		const char *text;
		uint8_t esn;
		const char *want;
	} cases[] = {
		{ "aes256gcm16", CONF_ESN_EITHER, "encr:20/256 esn:1 esn:0" },
		{ "aes256gcm16", CONF_ESN_YES, "encr:20/256 esn:1" },
		{ "aes256gcm16", CONF_ESN_NO, "encr:20/256 esn:0" },
		{ "aes256gcm16-esn", CONF_ESN_NO, "encr:20/256 esn:1" },
		{ "aes256gcm16-noesn", CONF_ESN_EITHER, "encr:20/256 esn:0" },
		{ "aes256gcm16-esn-noesn", CONF_ESN_NO, "encr:20/256 esn:1 esn:0" },
	};
	char got[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct parsed p = parse(cases[i].text, WIRE_PROTO_ESP, NULL, cases[i].esn);

		assert_true(p.ok);
		write_down(&p.sa, got, sizeof(got));
		assert_string_equal(got, cases[i].want);
	}
}

/* What the log and the status show can be written into the file. */
static void test_the_engines_text_of_proposals_reads_back_as_the_same(void **state)
{
	static const char *const texts[] = {
		"aes256gcm16+aes128gcm16,chacha20_poly1305,aes256+aes128",
		"aes256-sha2_256-dh14",
		"aes256-sha2_256-sha2_512-x25519+dh14",
		"aes128+aes192-sha2_512+sha2_384-sha2_256-dh15+dh16+dh17+dh18",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct parsed first = parse(texts[i], WIRE_PROTO_IKE, NULL, CONF_ESN_NO);
		char text[512], a[2048], b[2048];
		struct parsed again = parse(ike_proposals_text(&first.sa, text, sizeof(text)), WIRE_PROTO_IKE,
					    NULL, CONF_ESN_NO);

		assert_true(first.ok && again.ok);
		write_down(&first.sa, a, sizeof(a));
		write_down(&again.sa, b, sizeof(b));
		assert_string_equal(a, b);
	}
}

static void check_refused(const char *text, enum wire_protocol protocol, const char *part)
{
	struct parsed p = parse(text, protocol, NULL, CONF_ESN_NO);

	if (p.ok)
		fail_msg("%s was taken", text);
	assert_int_equal(p.journal.errors, 1);
	if (!strstr(p.journal.list[0].text, part))
		fail_msg("%s: %s (should have: %s)", text, p.journal.list[0].text, part);
	free(p.journal.list);
}

/* R8247-2-1 and R8221-5-1: what MUST NOT be, and what SHOULD NOT. */
static void test_weak_algorithms_are_refused_with_what_to_use_instead(void **state)
{
	static const struct {
		const char *text;
		const char *word;
		const char *instead;
	} weak[] = {
		{ "des-sha2_256-dh14", "'des'", "use aes256gcm16" },
		{ "3des-sha2_256-dh14", "'3des'", "use aes256gcm16" },
		{ "aes256-md5-dh14", "'md5'", "use sha2_256" },
		{ "aes256-sha1-dh14", "'sha1'", "use sha2_256" },
		{ "aes256-sha2_256-dh1", "'dh1'", "use x25519" },
		{ "aes256-sha2_256-modp768", "'modp768'", "use x25519" },
		{ "aes256-sha2_256;modp1024", "'modp1024'", "use x25519" },
		{ "aes256-sha2_256-dh2", "'dh2'", "use x25519" },
		{ "aes256-sha2_256-modp1536", "'modp1536'", "use x25519" },
		{ "aes256-sha2_256-dh5", "'dh5'", "use x25519" },
		{ "aes256-sha2_256-dh22", "'dh22'", "use x25519" },
		{ "aes256-sha2_256-dh23", "'dh23'", "use x25519" },
		{ "aes256-sha2_256-dh24", "'dh24'", "use x25519" },
		{ "aes256-sha2_256-modp2048s256", "'modp2048s256'", "use x25519" },
		{ "null-sha2_256-dh14", "'null'", "use aes256gcm16" },
		{ "aes_ctr-sha2_256-dh14", "'aes_ctr'", "use aes256gcm16" },
		{ "aes128gcm8-sha2_256-dh14", "'aes128gcm8'", "use aes256gcm16" },
		{ "aes_gcm_a_128-sha2_256-dh14", "'aes_gcm_a_128'", "use aes256gcm16" },
		{ "aes256-sha256_96-dh14", "'sha256_96'", "use sha2_256" },
		{ "aes256gcm16-sha2_256-mlkem768", "'mlkem768'", "use x25519" },
		{ "aes256gcm16-sha2_256-dh99", "'dh99'", "use x25519" },
		{ "camellia256-sha2_256-dh14", "'camellia256'", "use aes256gcm16" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++) {
		check_refused(weak[i].text, WIRE_PROTO_IKE, weak[i].word);
		check_refused(weak[i].text, WIRE_PROTO_IKE, weak[i].instead);
	}
	check_refused("null-sha2_256", WIRE_PROTO_ESP, "encryption cannot be left out");
}

static void test_unknown_words_are_named_with_their_place(void **state)
{
	(void)state;
	check_refused("aes256-frob-dh14", WIRE_PROTO_IKE,
		      "ike=: 'frob' (at character 8): there is no algorithm of this name");
	check_refused("aes256gcm16, aes257", WIRE_PROTO_ESP, "esp=: 'aes257' (at character 14)");
	check_refused("", WIRE_PROTO_IKE, "at character 1");
	check_refused("aes256,", WIRE_PROTO_IKE, "at character 8");
	check_refused("aes256--dh14", WIRE_PROTO_IKE, "at character 8");
	check_refused("aes256+", WIRE_PROTO_IKE, "at character 8");
	check_refused("sha2_256-aes256", WIRE_PROTO_IKE, "a proposal starts with a cipher");
	check_refused("aes256-sha2_256-aes128", WIRE_PROTO_IKE, "the ciphers stand first");
	check_refused("aes256 sha2_256", WIRE_PROTO_IKE, "expected one of + - ; ,");
}

static void test_words_that_cannot_stand_together_are_refused(void **state)
{
	(void)state;
	check_refused("aes256-sha2_256-none", WIRE_PROTO_IKE, "IKE needs a key exchange");
	check_refused("aes256-none-dh14", WIRE_PROTO_IKE, "this cipher needs integrity");
	check_refused("aes256gcm16-esn", WIRE_PROTO_IKE, "esn belongs in esp=");
	check_refused("aes256-prfsha256", WIRE_PROTO_ESP, "a PRF belongs in ike=");
	check_refused("aes256gcm16-sha2_256-dh14;dh15", WIRE_PROTO_IKE, "one key exchange, not several");
}

static void test_a_hash_beside_a_cipher_with_integrity_is_left_out_with_a_warning(void **state)
{
	struct parsed p = parse("aes_gcm256-sha2_256", WIRE_PROTO_ESP, NULL, CONF_ESN_NO);
	char got[256];

	(void)state;
	assert_true(p.ok);
	write_down(&p.sa, got, sizeof(got));
	assert_string_equal(got, "encr:20/256 esn:0");
	assert_int_equal(p.journal.count, 1);
	assert_int_equal(p.journal.list[0].level, CV_LOG_WARNING);
	free(p.journal.list);
}

static void test_long_lists_end_in_a_message(void **state)
{
	char text[4096] = "";

	(void)state;
	for (int i = 0; i < 17; i++)
		strcat(text, i ? ",aes256gcm16" : "aes256gcm16");
	check_refused(text, WIRE_PROTO_ESP, "there are too many proposals (at most 16)");
	text[0] = '\0';
	for (int i = 0; i < 33; i++)
		strcat(text, i ? "+aes256gcm16" : "aes256gcm16");
	check_refused(text, WIRE_PROTO_ESP, "there are too many words in one proposal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_spellings_of_aes_gcm_are_one_cipher),
		cmocka_unit_test(test_all_spellings_of_aes_cbc_are_one_cipher),
		cmocka_unit_test(test_a_cipher_without_a_key_size_offers_256_and_128_bits),
		cmocka_unit_test(test_chacha20_has_no_key_size),
		cmocka_unit_test(test_all_spellings_of_hashes_and_groups_are_known),
		cmocka_unit_test(test_libreswans_alternatives_are_joined_by_plus),
		cmocka_unit_test(test_strongswans_words_are_parted_by_dashes),
		cmocka_unit_test(test_two_hashes_of_ike_are_integrity_and_prf),
		cmocka_unit_test(test_what_is_left_out_of_ike_is_filled_with_good_defaults),
		cmocka_unit_test(test_ciphers_with_and_without_integrity_become_two_proposals),
		cmocka_unit_test(test_lists_of_proposals_keep_their_order),
		cmocka_unit_test(test_esp_has_integrity_and_no_prf),
		cmocka_unit_test(test_esp_takes_groups_from_ike_unless_it_names_them),
		cmocka_unit_test(test_esn_says_which_sequence_numbers_are_offered),
		cmocka_unit_test(test_the_engines_text_of_proposals_reads_back_as_the_same),
		cmocka_unit_test(test_weak_algorithms_are_refused_with_what_to_use_instead),
		cmocka_unit_test(test_unknown_words_are_named_with_their_place),
		cmocka_unit_test(test_words_that_cannot_stand_together_are_refused),
		cmocka_unit_test(test_a_hash_beside_a_cipher_with_integrity_is_left_out_with_a_warning),
		cmocka_unit_test(test_long_lists_end_in_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
