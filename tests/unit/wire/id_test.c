#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "payload.h"

static struct wire_id id;

static enum cv_err decode(struct cv_bytes body)
{
	return wire_id_decode(body, &id);
}

/* R7296-3.5-1; RFC 7619 section 2.4 for ID_NULL */
static void test_addresses_have_the_length_of_their_type(void **state)
{
	static const struct {
		uint8_t type;
		size_t len; /* SIZE_MAX: any */
	} cases[] = {
		{ WIRE_ID_IPV4, 4 },	      { WIRE_ID_IPV6, 16 },
		{ WIRE_ID_NULL, 0 },	      { WIRE_ID_FQDN, SIZE_MAX },
		{ WIRE_ID_RFC822, SIZE_MAX }, { WIRE_ID_KEY_ID, SIZE_MAX },
		{ WIRE_ID_DER_DN, SIZE_MAX }, { 200, SIZE_MAX },
	};
	uint8_t body[40] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		body[0] = cases[i].type;
		for (size_t len = 0; len < sizeof(body) - 4; len++) {
			bool good = cases[i].len == SIZE_MAX || len == cases[i].len;

			assert_int_equal(payload_decode_cut(cv_bytes(body, 4 + len), 4 + len, decode),
					 good ? CV_OK : CV_E_SYNTAX);
			assert_true(!good || (id.type == cases[i].type && id.data.len == len));
		}
	}
}

static void test_a_short_payload_is_refused(void **state)
{
	struct cv_bytes body = octets_hex("0b000000");

	(void)state;
	assert_int_equal(payload_cuts_accepted(body, decode), 0);
	octets_free(body);
}

/* R7296-3.5-1: no terminator is added or taken away; R7296-3.2-1. */
static void test_data_is_taken_as_it_is_and_reserved_octets_are_ignored(void **state)
{
	struct cv_bytes body = octets_hex("02ffffff 6100");

	(void)state;
	assert_int_equal(wire_id_decode(body, &id), CV_OK);
	assert_true(cv_bytes_equal(id.data, cv_bytes("a\0", 2)));
	octets_free(body);
}

static void test_an_identity_is_built_for_either_side(void **state)
{
	static const uint8_t expected[] = { 36,	 0, 0, 15, 2,  0, 0, 0, 'w', 'e', 's', 't', '.', 'n',
					    'l', 0, 0, 0,  12, 1, 0, 0, 0,   192, 0,   2,   1 };
	struct wire_id fqdn = { .type = WIRE_ID_FQDN, .data = cv_bytes("west.nl", 7) };
	struct wire_id ip = { .type = WIRE_ID_IPV4, .data = cv_bytes("\xc0\x00\x02\x01", 4) };
	struct wire_builder b;
	struct cv_bytes out;
	uint8_t buf[64];

	(void)state;
	wire_build_inner(&b, buf, sizeof(buf));
	wire_id_build(&b, WIRE_IDI, &fqdn);
	wire_id_build(&b, WIRE_IDR, &ip);
	assert_int_equal(wire_build_finish(&b, &out), CV_OK);
	assert_int_equal(b.first, WIRE_IDI);
	assert_true(cv_bytes_equal(out, cv_bytes(expected, sizeof(expected))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_have_the_length_of_their_type),
		cmocka_unit_test(test_a_short_payload_is_refused),
		cmocka_unit_test(test_data_is_taken_as_it_is_and_reserved_octets_are_ignored),
		cmocka_unit_test(test_an_identity_is_built_for_either_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
