/* What an authenticated but hostile peer can put into ESP, and what anybody can send: the first octet picks
 * the suite, the rest is taken once as an ESP packet, once as what stands encrypted in one (padding, trailer
 * and inner packet are the input's), and once as an inner packet for the flow reader, the selectors and the
 * ECN rules. */
#include <stdlib.h>
#include <string.h>

#include "crypto/cipher.h"
#include "crypto/prf.h"
#include "esp/esp.h"
#include "wire/numbers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SUITES = 4, POLICIES = 6, ALIGN = 16 };

static const struct {
	uint16_t encr, key_bits, integ;
	bool esn;
} suites[SUITES] = {
	{ WIRE_ENCR_AES_GCM_16, 256, 0, true },
	{ WIRE_ENCR_AES_GCM_8, 128, 0, false },
	{ WIRE_ENCR_CHACHA20_POLY1305, 0, 0, false },
	{ WIRE_ENCR_AES_CBC, 128, WIRE_AUTH_HMAC_SHA2_256_128, false },
};

static struct esp_in *in[SUITES];
static struct crypto_cipher *peer[SUITES];
static struct esp_spd *spd;
static struct wire_ts_list local[POLICIES], remote[POLICIES];

/* A broken property is a finding like any crash. */
static void require(bool holds)
{
	if (!holds)
		abort();
}

static struct wire_ts selector(const char *prefix, uint8_t protocol, uint16_t port_first, uint16_t port_last)
{
	struct cv_prefix p;

	require(cv_prefix_parse(prefix, &p) == CV_OK);
	return (struct wire_ts){ cv_prefix_first(&p), cv_prefix_last(&p), protocol, port_first, port_last };
}

static void add_policy(size_t n, struct wire_ts l, struct wire_ts r)
{
	local[n] = (struct wire_ts_list){ .count = 1, .ts = { l } };
	remote[n] = (struct wire_ts_list){ .count = 1, .ts = { r } };
	require(esp_spd_add(spd, &local[n], &remote[n], &local[n]) == CV_OK);
}

static void make_policies(void)
{
	static const uint8_t seed[16];
	struct wire_ts range = selector("192.0.2.0/24", 0, 0, 65535);

	require(esp_spd_new(seed, &spd) == CV_OK);
	range.first.b[3] = 3;
	range.last.b[3] = 77;
	add_policy(0, selector("192.0.0.0/8", 0, 0, 65535), selector("0.0.0.0/0", 0, 0, 65535));
	add_policy(1, selector("192.0.2.0/24", 17, 0, 65535), selector("198.51.100.0/24", 17, 53, 53));
	add_policy(2, selector("192.0.2.0/24", 1, 0x0800, 0x08ff), selector("198.51.100.0/24", 1, 65535, 0));
	add_policy(3, range, selector("198.51.100.0/25", 0, 0, 65535));
	add_policy(4, selector("2001:db8::/32", 0, 0, 65535), selector("2001:db8:1::/48", 0, 0, 65535));
	add_policy(5, selector("::/0", 6, 65535, 0), selector("::/0", 6, 65535, 0));
}

static void make_sas(void)
{
	static const uint8_t key[64] = { 1, 2, 3 };

	for (size_t i = 0; i < SUITES; i++) {
		const struct crypto_encr_info *e = crypto_encr(suites[i].encr, suites[i].key_bits);
		const struct crypto_integ_info *integ = crypto_integ(suites[i].integ);
		struct esp_params params = { .spi = 1,
					     .encr = suites[i].encr,
					     .key_bits = suites[i].key_bits,
					     .integ = suites[i].integ,
					     .esn = suites[i].esn };

		params.encr_key = cv_bytes(key, (size_t)e->key_len + e->salt_len);
		params.integ_key = cv_bytes(key, integ ? integ->key_len : 0);
		require(esp_in_new(&params, &in[i]) == CV_OK);
		require(crypto_cipher_new(params.encr, params.key_bits, params.integ, params.encr_key,
					  params.integ_key, true, &peer[i]) == CV_OK);
	}
}

/* The table and the plain list must say the same. */
static void check_policy(const struct esp_flow *flow)
{
	struct wire_ts_list *found = esp_spd_find(spd, flow);
	bool any = false;

	for (size_t i = 0; i < POLICIES; i++)
		any = any || esp_selectors_allow(&local[i], &remote[i], flow);
	require(any == (found != NULL));
	require(!found || esp_selectors_allow(found, &remote[found - local], flow));
}

static void check_inner(uint8_t *packet, size_t len, uint8_t outer_ecn)
{
	struct esp_flow flow, after;

	if (esp_flow_read(cv_bytes(packet, len), &flow) != CV_OK)
		return;
	require(flow.len <= len && (flow.ports || (flow.src_port == 0 && flow.dst_port == 0)));
	check_policy(&flow);
	if (!esp_decap_ecn(packet, len, outer_ecn))
		return;
	require(esp_flow_read(cv_bytes(packet, len), &after) == CV_OK);
	require(cv_ip_equal(&flow.src, &after.src) && cv_ip_equal(&flow.dst, &after.dst) &&
		flow.len == after.len);
	require(flow.protocol == after.protocol && flow.ports == after.ports &&
		flow.src_port == after.src_port);
}

static void open_raw(size_t suite, const uint8_t *data, size_t size)
{
	uint8_t *packet = malloc(size + 1);
	struct esp_opened opened;

	require(packet != NULL);
	memcpy(packet, data, size);
	require(esp_in_open(in[suite], packet, size, &opened) != CV_OK);
	free(packet);
}

/* Sequence number 1 with everything in front of it as a peer would send it. */
static void open_sealed(size_t suite, const uint8_t *data, size_t size)
{
	static const uint8_t high_zero[4];
	size_t len = (size + ALIGN - 1) / ALIGN * ALIGN, header = 8 + crypto_cipher_iv_len(peer[suite]);
	size_t whole = header + len + crypto_cipher_icv_len(peer[suite]);
	uint8_t aad[12] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1 };
	uint8_t *packet = calloc(1, whole);
	struct esp_opened opened;

	require(packet != NULL);
	packet[3] = packet[7] = 1;
	memcpy(packet + header + len - size, data, size);
	struct crypto_record record = { .aad = cv_bytes(packet, 8), .iv = packet + 8, .len = len };

	if (suites[suite].esn && crypto_cipher_is_aead(peer[suite]))
		record.aad = cv_bytes(aad, sizeof aad);
	else if (suites[suite].esn)
		record.tail = cv_bytes(high_zero, sizeof high_zero);
	require(crypto_cipher_seal(peer[suite], &record) == CV_OK);
	enum cv_err err = esp_in_open(in[suite], packet, whole, &opened);

	require(err == CV_OK || err == CV_E_SYNTAX);
	if (!err) {
		require(opened.inner >= packet &&
			opened.inner + opened.inner_len + 2 <= packet + header + len);
		check_inner(opened.inner, opened.inner_len, 3);
	}
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!spd) {
		require(crypto_init() == CV_OK);
		make_sas();
		make_policies();
	}
	if (size < 2)
		return 0;
	size_t suite = data[0] % SUITES;
	uint8_t *copy = malloc(size - 1);

	require(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	check_inner(copy, size - 1, data[0] >> 6);
	free(copy);
	open_raw(suite, data + 1, size - 1);
	open_sealed(suite, data + 1, size - 1);
	return 0;
}
