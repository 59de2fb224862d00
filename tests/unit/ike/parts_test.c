/* The small pure parts: traffic selectors, cookies, texts of identities and proposals, the index. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/prf.h"
#include "ike/cookie.h"
#include "ike/index.h"
#include "ike/ts.h"

/* --- traffic selectors (RFC 7296 section 2.9) --- */

static struct wire_ts_list list(const char *a, const char *b)
{
	struct wire_ts_list l = { .count = 1 };

	l.ts[0] = rig_ts(a);
	if (b)
		l.ts[l.count++] = rig_ts(b);
	return l;
}

static void assert_text(const struct wire_ts_list *l, const char *text)
{
	char out[256];

	assert_string_equal(ike_ts_text(l, out, sizeof(out)), text);
}

static void narrowing_yields_the_intersection_in_the_order_of_the_offer(void **state)
{
	struct wire_ts_list offer = list("10.0.5.7/32", "10.0.0.0/8"),
			    have = list("10.0.5.0/24", "10.0.9.0/24"), out;

	(void)state;
	assert_true(ike_ts_narrow(&offer, &have, &out));
	/* R7296-2.9-2: the packet's selector stays first. */
	assert_text(&out, "10.0.5.7/32, 10.0.5.0/24, 10.0.9.0/24");
	offer = list("192.168.0.0/16", NULL);
	assert_false(ike_ts_narrow(&offer, &have, &out));
	assert_text(&out, "nothing");
	offer = list("fd00::/8", NULL);
	assert_false(ike_ts_narrow(&offer, &have, &out));
}

static void ranges_that_overlap_in_part_are_cut(void **state)
{
	struct wire_ts a = rig_ts("10.0.0.0/24"), b = rig_ts("10.0.0.0/24"), out;
	char text[WIRE_TS_TEXT_MAX];

	(void)state;
	a.last.b[3] = 20;
	b.first.b[3] = 10;
	assert_true(ike_ts_intersect(&a, &b, &out));
	assert_string_equal(wire_ts_text(&out, text), "10.0.0.10-10.0.0.20");
	b.first.b[3] = 21;
	assert_false(ike_ts_intersect(&a, &b, &out));
}

static void protocols_and_ports_narrow_too(void **state)
{
	struct wire_ts any = rig_ts("10.0.0.0/8"), tcp = any, http = any, udp = any, opaque = any, out;

	(void)state;
	tcp.protocol = http.protocol = 6;
	http.port_first = http.port_last = 80;
	udp.protocol = 17;
	opaque.port_first = 65535;
	opaque.port_last = 0;
	assert_true(ike_ts_intersect(&any, &http, &out));
	assert_int_equal(out.protocol, 6);
	assert_int_equal(out.port_last, 80);
	assert_true(ike_ts_contains(&tcp, &http));
	assert_false(ike_ts_contains(&http, &tcp));
	assert_false(ike_ts_intersect(&udp, &http, &out));
	/* R7296-3.13.1-1: OPAQUE belongs to ANY and to nothing else. */
	assert_true(ike_ts_intersect(&any, &opaque, &out));
	assert_int_equal(out.port_first, 65535);
	assert_true(ike_ts_contains(&any, &opaque));
	http.protocol = 0;
	assert_false(ike_ts_intersect(&http, &opaque, &out));
	assert_true(ike_ts_contains(&opaque, &opaque));
}

static void subset_and_equality_of_lists(void **state)
{
	struct wire_ts_list all = list("10.0.0.0/8", "192.168.0.0/16"), some = list("10.1.0.0/16", NULL),
			    turned = list("192.168.0.0/16", "10.0.0.0/8"), empty = { 0 };

	(void)state;
	assert_true(ike_ts_subset(&some, &all));
	assert_false(ike_ts_subset(&all, &some));
	assert_false(ike_ts_subset(&empty, &all));
	assert_true(ike_ts_same(&all, &turned));
	assert_false(ike_ts_same(&all, &some));
}

/* --- cookies (RFC 7296 section 2.6) --- */

static struct ike_cookie_subject subject(void)
{
	static const uint8_t nonce[16] = { 1, 2, 3 };
	struct ike_cookie_subject s = { .ni = cv_bytes(nonce, sizeof(nonce)), .spi_i = 5 };

	assert_int_equal(cv_ip_parse("192.0.2.1", &s.ip), CV_OK);
	return s;
}

static void rotate(struct ike_cookie_jar *jar, uint64_t now, uint8_t seed)
{
	uint8_t secret[IKE_COOKIE_SECRET_LEN];

	memset(secret, seed, sizeof(secret));
	ike_cookie_rotate(jar, now, secret);
}

static void cookie_is_good_for_its_subject_only(void **state)
{
	struct ike_cookie_jar jar = { 0 };
	struct ike_cookie_subject s = subject(), other = s;
	uint8_t cookie[IKE_COOKIE_LEN];

	(void)state;
	assert_int_equal(ike_cookie_make(&jar, &s, cookie), CV_E_STATE);
	rotate(&jar, 0, 1);
	assert_int_equal(ike_cookie_make(&jar, &s, cookie), CV_OK);
	assert_true(ike_cookie_check(&jar, 1, &s, cv_bytes(cookie, sizeof(cookie))));
	other.spi_i = 6;
	assert_false(ike_cookie_check(&jar, 1, &other, cv_bytes(cookie, sizeof(cookie))));
	other = s;
	other.ip.b[3]++;
	assert_false(ike_cookie_check(&jar, 1, &other, cv_bytes(cookie, sizeof(cookie))));
	other = s;
	other.ni.len--;
	assert_false(ike_cookie_check(&jar, 1, &other, cv_bytes(cookie, sizeof(cookie))));
	assert_false(ike_cookie_check(&jar, 1, &s, cv_bytes(cookie, sizeof(cookie) - 1)));
	for (unsigned i = 0; i < sizeof(cookie); i++) {
		cookie[i] ^= 1;
		assert_false(ike_cookie_check(&jar, 1, &s, cv_bytes(cookie, sizeof(cookie))));
		cookie[i] ^= 1;
	}
}

/* R7296-2.6-3 */
static void cookie_of_the_previous_secret_is_good_for_a_while(void **state)
{
	struct ike_cookie_jar jar = { 0 };
	struct ike_cookie_subject s = subject();
	uint8_t cookie[IKE_COOKIE_LEN];

	(void)state;
	assert_true(ike_cookie_stale(&jar, 0));
	rotate(&jar, 0, 1);
	assert_false(ike_cookie_stale(&jar, IKE_COOKIE_ROTATE_MS - 1));
	assert_true(ike_cookie_stale(&jar, IKE_COOKIE_ROTATE_MS));
	assert_int_equal(ike_cookie_make(&jar, &s, cookie), CV_OK);
	rotate(&jar, IKE_COOKIE_ROTATE_MS, 2);
	assert_true(ike_cookie_check(&jar, IKE_COOKIE_ROTATE_MS, &s, cv_bytes(cookie, sizeof(cookie))));
	rotate(&jar, 2 * IKE_COOKIE_ROTATE_MS, 3);
	assert_false(ike_cookie_check(&jar, 2 * IKE_COOKIE_ROTATE_MS, &s, cv_bytes(cookie, sizeof(cookie))));
}

static void secret_that_lay_unused_is_forgotten(void **state)
{
	struct ike_cookie_jar jar = { 0 };
	struct ike_cookie_subject s = subject();
	uint8_t cookie[IKE_COOKIE_LEN];

	(void)state;
	rotate(&jar, 0, 1);
	assert_int_equal(ike_cookie_make(&jar, &s, cookie), CV_OK);
	assert_false(ike_cookie_check(&jar, 2 * IKE_COOKIE_ROTATE_MS, &s, cv_bytes(cookie, sizeof(cookie))));
	rotate(&jar, 2 * IKE_COOKIE_ROTATE_MS, 2);
	assert_false(ike_cookie_check(&jar, 2 * IKE_COOKIE_ROTATE_MS, &s, cv_bytes(cookie, sizeof(cookie))));
}

/* --- texts --- */

static void assert_id(uint8_t type, const void *data, size_t len, const char *text)
{
	struct ike_id id = { .type = type, .len = (uint16_t)len };
	char out[IKE_ID_TEXT_MAX];

	memcpy(id.data, data, len);
	assert_string_equal(ike_id_text(&id, out, sizeof(out)), text);
}

static void identities_read_as_in_the_configuration(void **state)
{
	(void)state;
	assert_id(0, "", 0, "%any");
	assert_id(WIRE_ID_NULL, "", 0, "%null");
	assert_id(WIRE_ID_IPV4, "\xc0\x00\x02\x01", 4, "192.0.2.1");
	assert_id(WIRE_ID_FQDN, "gw.example", 10, "@gw.example");
	assert_id(WIRE_ID_RFC822, "me@x.example", 12, "me@x.example");
	assert_id(WIRE_ID_KEY_ID, "\x01\xff", 2, "@#01ff");
	/* A peer must not write control characters into a terminal. */
	assert_id(WIRE_ID_FQDN, "a\x1b[2J\n", 6, "@a\\x1b[2J\\x0a");
	assert_id(WIRE_ID_IPV4, "\x01", 1, "@#01");
}

static void proposals_read_as_in_the_configuration(void **state)
{
	struct wire_sa sa = { 0 };
	char out[256];

	(void)state;
	assert_string_equal(ike_proposals_text(&sa, out, sizeof(out)), "nothing");
	rig_proposal(&sa, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_512, 0, WIRE_KE_CURVE25519);
	rig_proposal(&sa, WIRE_ENCR_AES_CBC, 128, WIRE_PRF_HMAC_SHA2_256, WIRE_AUTH_HMAC_SHA2_256_128,
		     WIRE_KE_MODP2048);
	assert_string_equal(ike_proposals_text(&sa, out, sizeof(out)),
			    "aes256gcm16-sha2_512-x25519, aes128-sha2_256-dh14");
	assert_string_equal(ike_proposals_text(&sa, out, 12), "aes256gcm16");
	sa.count = 1;
	sa.proposal[0].transform[sa.proposal[0].transform_count++] =
	    (struct wire_transform){ .type = WIRE_T_KE, .id = WIRE_KE_ECP256 };
	assert_string_equal(ike_proposals_text(&sa, out, sizeof(out)), "aes256gcm16-sha2_512-x25519+dh19");
}

/* --- the index --- */

static void objects_are_found_by_shared_keys(void **state)
{
	static const uint8_t seed[16] = { 3 };
	struct ike_index index;
	struct ike_link link[3] = { 0 };
	int objects[3];
	struct cv_bytes x = cv_bytes("x", 1), y = cv_bytes("yy", 2);

	(void)state;
	assert_int_equal(ike_index_init(&index, seed), CV_OK);
	assert_null(ike_index_first(&index, x));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ike_index_add(&index, i == 2 ? y : x, &link[i], &objects[i]), CV_OK);
	assert_ptr_equal(ike_index_first(&index, x)->object, &objects[1]);
	assert_ptr_equal(ike_index_first(&index, x)->next->object, &objects[0]);
	assert_null(ike_index_first(&index, x)->next->next);
	assert_ptr_equal(ike_index_first(&index, y)->object, &objects[2]);
	/* It moves. */
	assert_int_equal(ike_index_add(&index, y, &link[0], &objects[0]), CV_OK);
	assert_null(ike_index_first(&index, x)->next);
	ike_index_remove(&index, &link[1]);
	ike_index_remove(&index, &link[1]);
	assert_null(ike_index_first(&index, x));
	ike_index_free(&index);
	assert_null(link[0].bucket);
}

static int init(void **state)
{
	(void)state;
	return crypto_init() == CV_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(narrowing_yields_the_intersection_in_the_order_of_the_offer),
		cmocka_unit_test(ranges_that_overlap_in_part_are_cut),
		cmocka_unit_test(protocols_and_ports_narrow_too),
		cmocka_unit_test(subset_and_equality_of_lists),
		cmocka_unit_test(cookie_is_good_for_its_subject_only),
		cmocka_unit_test(cookie_of_the_previous_secret_is_good_for_a_while),
		cmocka_unit_test(secret_that_lay_unused_is_forgotten),
		cmocka_unit_test(identities_read_as_in_the_configuration),
		cmocka_unit_test(proposals_read_as_in_the_configuration),
		cmocka_unit_test(objects_are_found_by_shared_keys),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
