#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "octets.h"
#include "wire/payloads.h"

/* A message with every payload family in the clear. Returns its length. */
static struct cv_bytes make_message(uint8_t *buf, size_t cap)
{
	struct wire_header h = {
		.spi_i = 1, .major = 2, .exchange = WIRE_IKE_SA_INIT, .flags = WIRE_FLAG_INITIATOR
	};
	struct wire_sa sa = { .count = 1,
			      .proposal = {
				  { .number = 1,
				    .protocol = WIRE_PROTO_IKE,
				    .transform_count = 1,
				    .transform = { { .type = WIRE_T_ENCR, .id = 20, .key_bits = 256 } } } } };
	struct wire_id id = { .type = WIRE_ID_FQDN, .data = cv_bytes("east", 4) };
	struct wire_delete del = { .protocol = WIRE_PROTO_ESP, .count = 1, .spi = { 7 } };
	struct wire_ts_list ts = { .count = 1,
				   .ts = { { .first = { .family = CV_IPV4 },
					     .last = { .family = CV_IPV4, .b = { 255 } },
					     .port_last = 65535 } } };
	uint8_t octets[32] = { 0 };
	struct wire_builder b;
	struct cv_bytes out;

	wire_build_message(&b, buf, cap, &h);
	wire_sa_build(&b, &sa);
	wire_ke_build(&b, WIRE_KE_CURVE25519, cv_bytes(octets, 32));
	wire_id_build(&b, WIRE_IDI, &id);
	wire_id_build(&b, WIRE_IDR, &id);
	wire_auth_build(&b, WIRE_AUTH_PSK, cv_bytes(octets, 32));
	wire_nonce_build(&b, cv_bytes(octets, 32));
	wire_notify_build_plain(&b, WIRE_N_COOKIE, cv_bytes(octets, 8));
	wire_delete_build(&b, &del);
	wire_vendor_build(&b, cv_bytes("v", 1));
	wire_ts_build(&b, WIRE_TSI, &ts);
	wire_ts_build(&b, WIRE_TSR, &ts);
	assert_int_equal(wire_build_finish(&b, &out), CV_OK);
	return out;
}

static void test_a_message_with_every_family_is_well_formed(void **state)
{
	uint8_t buf[1024];
	struct cv_bytes m = make_message(buf, sizeof(buf));

	(void)state;
	assert_int_equal(wire_message_check(m), CV_OK);
}

/* R7296-3.1-6: Length must be that of the message, so no beginning of a message is one. */
static void test_a_message_cut_anywhere_is_refused_without_reading_on(void **state)
{
	uint8_t buf[1024];
	struct cv_bytes m = make_message(buf, sizeof(buf));

	(void)state;
	for (size_t len = 0; len < m.len; len++) {
		struct cv_bytes cut = octets_exact(cv_bytes(m.data, len));

		assert_int_equal(wire_message_check(cut),
				 len < WIRE_IKE_HEADER_LEN ? CV_E_TRUNCATED : CV_E_SYNTAX);
		octets_free(cut);
	}
}

/* The same with the Length field put right, so that the payloads are looked at. */
static void test_a_cut_message_that_denies_it_is_refused_too(void **state)
{
	uint8_t buf[1024];
	struct cv_bytes m = make_message(buf, sizeof(buf));

	(void)state;
	for (size_t len = WIRE_IKE_HEADER_LEN; len < m.len; len++) {
		struct cv_bytes cut = octets_exact(cv_bytes(m.data, len));

		cv_put_u32((uint8_t *)(uintptr_t)cut.data + 24, (uint32_t)len);
		assert_int_equal(wire_message_check(cut), CV_E_SYNTAX);
		octets_free(cut);
	}
}

static void test_a_message_longer_than_its_length_is_refused(void **state)
{
	uint8_t buf[1024] = { 0 };
	struct cv_bytes m = make_message(buf, sizeof(buf));

	(void)state;
	assert_int_equal(wire_message_check(cv_bytes(m.data, m.len + 1)), CV_E_SYNTAX);
}

/* R7296-2.5-1, R7296-3.1-1 and the minor version, which is ignored (R7296-3.1-2) */
static void test_version_and_spi_are_looked_at(void **state)
{
	uint8_t buf[1024];
	struct cv_bytes m = make_message(buf, sizeof(buf));

	(void)state;
	buf[17] = 0x2f;
	assert_int_equal(wire_message_check(m), CV_OK);
	buf[17] = 0x30;
	assert_int_equal(wire_message_check(m), CV_E_UNSUPPORTED);
	buf[17] = 0x10;
	assert_int_equal(wire_message_check(m), CV_E_UNSUPPORTED);
	buf[17] = 0x20;
	memset(buf, 0, 8);
	assert_int_equal(wire_message_check(m), CV_E_SYNTAX);
}

/* One payload of every family, each wrong in a way that only its own decoder sees. */
static void test_every_family_is_decoded(void **state)
{
	static const struct {
		uint8_t type;
		const char *body;
	} cases[] = {
		{ WIRE_SA, "01" },
		{ WIRE_KE, "00130000" },
		{ WIRE_IDI, "01000000 01" },
		{ WIRE_IDR, "0d000000 01" },
		{ WIRE_AUTH, "02000000" },
		{ WIRE_NONCE, "01" },
		{ WIRE_NOTIFY, "00050000 0102030405" },
		{ WIRE_DELETE, "03040001" },
		{ WIRE_TSI, "01000000" },
		{ WIRE_TSR, "00000000" },
	};
	struct wire_header h = { .spi_i = 1, .major = 2 };
	struct wire_builder b;
	uint8_t buf[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cv_bytes body = octets_hex(cases[i].body), out;

		wire_build_message(&b, buf, sizeof(buf), &h);
		wire_build_begin(&b, cases[i].type);
		cv_writer_put(&b.w, body);
		wire_build_end(&b);
		assert_int_equal(wire_build_finish(&b, &out), CV_OK);
		assert_int_equal(wire_message_check(out), CV_E_SYNTAX);
		octets_free(body);
	}
}

/* Every single bit flipped: any answer but for the Length field, no crash and no read behind the end. */
static void test_no_flipped_bit_leads_astray(void **state)
{
	uint8_t buf[1024];
	struct cv_bytes m = make_message(buf, sizeof(buf));

	(void)state;
	for (size_t i = 0; i < 8 * m.len; i++) {
		struct cv_bytes flipped = octets_exact(m);
		enum cv_err err;

		((uint8_t *)(uintptr_t)flipped.data)[i / 8] ^= (uint8_t)(1 << i % 8);
		err = wire_message_check(flipped);
		if (i / 8 >= 24 && i / 8 < 28)
			assert_int_equal(err, CV_E_SYNTAX);
		octets_free(flipped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_with_every_family_is_well_formed),
		cmocka_unit_test(test_a_message_cut_anywhere_is_refused_without_reading_on),
		cmocka_unit_test(test_a_cut_message_that_denies_it_is_refused_too),
		cmocka_unit_test(test_a_message_longer_than_its_length_is_refused),
		cmocka_unit_test(test_version_and_spi_are_looked_at),
		cmocka_unit_test(test_every_family_is_decoded),
		cmocka_unit_test(test_no_flipped_bit_leads_astray),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
