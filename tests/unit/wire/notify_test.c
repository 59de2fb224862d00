#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payload.h"

static struct wire_notify_payload n;

static enum cv_err decode(struct cv_bytes body)
{
	return wire_notify_decode(body, &n);
}

/* The payload inside RFC 7634 appendix B: SET_WINDOW_SIZE of 10. */
static void test_the_notify_of_rfc7634_appendix_b_is_read_and_built(void **state)
{
	struct cv_bytes payload = octets_hex("0000000c 00004001 0000000a"), out;
	struct wire_builder b;
	uint8_t buf[32];

	(void)state;
	assert_int_equal(decode(cv_bytes(payload.data + 4, 8)), CV_OK);
	assert_int_equal(n.type, WIRE_N_SET_WINDOW_SIZE);
	assert_int_equal(n.protocol, WIRE_PROTO_NONE);
	assert_int_equal(n.spi_len, 0);
	assert_int_equal(cv_get_u32(n.data.data), 10);
	wire_build_inner(&b, buf, sizeof(buf));
	wire_notify_build_plain(&b, WIRE_N_SET_WINDOW_SIZE, cv_bytes("\0\0\0\x0a", 4));
	assert_int_equal(wire_build_finish(&b, &out), CV_OK);
	assert_true(cv_bytes_equal(out, payload));
	octets_free(payload);
}

/* R7296-3.10-1 */
static void test_the_length_of_the_spi_follows_from_the_protocol(void **state)
{
	uint8_t body[4 + 255] = { 0 };

	(void)state;
	cv_put_u16(body + 2, 9999);
	for (unsigned protocol = 0; protocol < 6; protocol++)
		for (unsigned len = 0; len < 256; len++) {
			bool good = len == 0 || (len == 8 && protocol == WIRE_PROTO_IKE) ||
				    (len == 4 && (protocol == WIRE_PROTO_AH || protocol == WIRE_PROTO_ESP));

			body[0] = (uint8_t)protocol;
			body[1] = (uint8_t)len;
			assert_int_equal(decode(cv_bytes(body, sizeof(body))), good ? CV_OK : CV_E_SYNTAX);
		}
}

static void test_spis_are_read_and_built(void **state)
{
	struct cv_bytes child = octets_hex("03044009 f1020304"),
			ike = octets_hex("01080004 f102030405060708 99");
	struct wire_builder b;
	uint8_t buf[64];

	(void)state;
	assert_int_equal(decode(child), CV_OK);
	assert_int_equal(n.type, WIRE_N_REKEY_SA);
	assert_true(n.spi == 0xf1020304 && n.data.len == 0);
	wire_build_inner(&b, buf, sizeof(buf));
	wire_notify_build(&b, &n);
	assert_true(cv_bytes_equal(payload_body(&b), child));
	assert_int_equal(decode(ike), CV_OK);
	assert_true(n.spi == 0xf102030405060708 && n.data.len == 1);
	wire_build_inner(&b, buf, sizeof(buf));
	wire_notify_build(&b, &n);
	assert_true(cv_bytes_equal(payload_body(&b), ike));
	assert_int_equal(payload_cuts_accepted(cv_bytes(ike.data, 12), decode), 0);
	assert_int_equal(payload_cuts_accepted(child, decode), 0);
	octets_free(child);
	octets_free(ike);
}

/* R7296-2.6-1 and R7296-2.3-1, among others */
static void test_data_of_fixed_form_has_its_length(void **state)
{
	static const struct {
		uint16_t type;
		size_t min, max;
	} cases[] = {
		{ WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD, 1, 1 },
		{ WIRE_N_INVALID_KE_PAYLOAD, 2, 2 },
		{ WIRE_N_SET_WINDOW_SIZE, 4, 4 },
		{ WIRE_N_NAT_DETECTION_SOURCE_IP, 20, 20 },
		{ WIRE_N_NAT_DETECTION_DESTINATION_IP, 20, 20 },
		{ WIRE_N_COOKIE, 1, 64 },
		{ WIRE_N_INITIAL_CONTACT, 0, 79 },
		{ 60000, 0, 79 },
	};
	uint8_t body[4 + 80] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t len = 0; len < 80; len++) {
			bool good = len >= cases[i].min && len <= cases[i].max;

			cv_put_u16(body + 2, cases[i].type);
			assert_int_equal(payload_decode_cut(cv_bytes(body, 4 + len), 4 + len, decode),
					 good ? CV_OK : CV_E_SYNTAX);
		}
}

/* INITIAL_CONTACT, a COOKIE without data, NO_PROPOSAL_CHOSEN, a COOKIE, one of unknown type. */
static void make_chain(struct wire_chain *chain, uint8_t *buf, size_t cap)
{
	struct wire_builder b;
	struct cv_bytes out;
	uint8_t critical;

	wire_build_inner(&b, buf, cap);
	wire_notify_build_plain(&b, WIRE_N_INITIAL_CONTACT, cv_bytes(NULL, 0));
	wire_notify_build_plain(&b, WIRE_N_COOKIE, cv_bytes(NULL, 0));
	wire_vendor_build(&b, cv_bytes("\0\0\0\x0e", 4));
	wire_notify_build_plain(&b, WIRE_N_NO_PROPOSAL_CHOSEN, cv_bytes(NULL, 0));
	wire_notify_build_plain(&b, WIRE_N_COOKIE, cv_bytes("C", 1));
	wire_notify_build_plain(&b, WIRE_N_COOKIE, cv_bytes("D", 1));
	wire_notify_build_plain(&b, 50000, cv_bytes(NULL, 0));
	assert_int_equal(wire_build_finish(&b, &out), CV_OK);
	assert_int_equal(wire_chain_decode(b.first, out, chain, &critical), CV_OK);
}

static void test_finding_takes_the_first_that_is_well_formed(void **state)
{
	struct wire_chain chain;
	uint8_t buf[256];

	(void)state;
	make_chain(&chain, buf, sizeof(buf));
	assert_true(wire_notify_find(&chain, WIRE_N_COOKIE, &n));
	assert_int_equal(n.data.data[0], 'C');
	assert_true(wire_notify_find(&chain, 50000, &n));
	assert_false(wire_notify_find(&chain, WIRE_N_REKEY_SA, &n));
	assert_int_equal(n.type, 0);
}

static void test_finding_an_error_passes_over_the_status_types(void **state)
{
	struct wire_chain chain, none = { .count = 0 };
	uint8_t buf[256];

	(void)state;
	make_chain(&chain, buf, sizeof(buf));
	assert_true(wire_notify_find_error(&chain, &n));
	assert_int_equal(n.type, WIRE_N_NO_PROPOSAL_CHOSEN);
	assert_false(wire_notify_find_error(&none, &n));
	chain.count = 3;
	assert_false(wire_notify_find_error(&chain, &n));
	assert_int_equal(n.type, 0);
}

static void test_an_spi_that_its_protocol_does_not_have_is_not_built(void **state)
{
	struct wire_notify_payload bad = {
		.protocol = WIRE_PROTO_ESP, .spi_len = 8, .spi = 1, .type = WIRE_N_REKEY_SA
	};
	struct wire_builder b;
	uint8_t buf[64];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_notify_build(&b, &bad);
	assert_null(payload_body(&b).data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_notify_of_rfc7634_appendix_b_is_read_and_built),
		cmocka_unit_test(test_the_length_of_the_spi_follows_from_the_protocol),
		cmocka_unit_test(test_spis_are_read_and_built),
		cmocka_unit_test(test_data_of_fixed_form_has_its_length),
		cmocka_unit_test(test_finding_takes_the_first_that_is_well_formed),
		cmocka_unit_test(test_finding_an_error_passes_over_the_status_types),
		cmocka_unit_test(test_an_spi_that_its_protocol_does_not_have_is_not_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
