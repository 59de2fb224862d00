/* A whole IKE message: header, chain and every payload that stands in the clear. Besides not crashing, what
 * was accepted must survive being built and read again. */
#include <stdlib.h>
#include <string.h>

#include "wire/payloads.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken property is a finding like any crash. */
static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t buf[70000];

/* The body of the payload that was just built as an inner chain. */
static struct cv_bytes rebuilt(struct wire_builder *b)
{
	struct cv_bytes out;

	require(wire_build_finish(b, &out) == CV_OK && out.len >= WIRE_PAYLOAD_HEADER_LEN);
	return cv_bytes(out.data + WIRE_PAYLOAD_HEADER_LEN, out.len - WIRE_PAYLOAD_HEADER_LEN);
}

static void check_sa(struct cv_bytes body)
{
	static struct wire_sa a, b;
	struct wire_builder builder;

	if (wire_sa_decode(body, &a) != CV_OK)
		return;
	wire_build_inner(&builder, buf, sizeof(buf));
	wire_sa_build(&builder, &a);
	require(wire_sa_decode(rebuilt(&builder), &b) == CV_OK && a.count == b.count);
	for (unsigned i = 0; i < a.count; i++) {
		require(a.proposal[i].transform_count == b.proposal[i].transform_count);
		require(a.proposal[i].spi == b.proposal[i].spi &&
			a.proposal[i].number == b.proposal[i].number);
		for (unsigned j = 0; j < a.proposal[i].transform_count; j++) {
			const struct wire_transform *t = &a.proposal[i].transform[j],
						    *u = &b.proposal[i].transform[j];

			require(t->type == u->type && t->id == u->id && t->key_bits == u->key_bits &&
				!u->unusable);
			require(strlen(wire_transform_name(t->type, t->id)) &&
				strlen(wire_transform_type_name(t->type)));
		}
	}
}

static void check_ts(struct cv_bytes body)
{
	struct wire_ts_list a, b;
	struct wire_builder builder;
	char text[WIRE_TS_TEXT_MAX];

	if (wire_ts_decode(body, &a) != CV_OK || a.count == 0)
		return;
	wire_build_inner(&builder, buf, sizeof(buf));
	wire_ts_build(&builder, WIRE_TSI, &a);
	require(wire_ts_decode(rebuilt(&builder), &b) == CV_OK && a.count == b.count);
	for (unsigned i = 0; i < a.count; i++) {
		require(cv_ip_equal(&a.ts[i].first, &b.ts[i].first) &&
			cv_ip_equal(&a.ts[i].last, &b.ts[i].last));
		require(strlen(wire_ts_text(&a.ts[i], text)) < WIRE_TS_TEXT_MAX - 1);
	}
}

static void check_notify(struct cv_bytes body)
{
	struct wire_notify_payload a, b;
	struct wire_builder builder;

	if (wire_notify_decode(body, &a) != CV_OK)
		return;
	wire_build_inner(&builder, buf, sizeof(buf));
	wire_notify_build(&builder, &a);
	require(wire_notify_decode(rebuilt(&builder), &b) == CV_OK && a.spi == b.spi && a.type == b.type &&
		cv_bytes_equal(a.data, b.data));
	require(strlen(wire_notify_name(a.type)) > 0);
	require(!wire_notify_explain(a.type) || a.type < WIRE_N_FIRST_STATUS);
}

static void check_delete(struct cv_bytes body)
{
	struct wire_delete a, b;
	struct wire_builder builder;

	if (wire_delete_decode(body, &a) != CV_OK)
		return;
	wire_build_inner(&builder, buf, sizeof(buf));
	wire_delete_build(&builder, &a);
	require(wire_delete_decode(rebuilt(&builder), &b) == CV_OK && a.count == b.count);
	require(memcmp(a.spi, b.spi, a.count * sizeof(a.spi[0])) == 0);
}

static void check_small(const struct wire_payload *p)
{
	struct wire_ke_payload ke;
	struct wire_id id;
	struct wire_auth auth;
	struct cv_bytes nonce;

	if (wire_ke_decode(p->body, &ke) == CV_OK)
		require(ke.data.len > 0);
	if (wire_id_decode(p->body, &id) == CV_OK)
		require(strlen(wire_id_type_name(id.type)) > 0);
	if (wire_auth_decode(p->body, &auth) == CV_OK)
		require(auth.data.len > 0 && strlen(wire_auth_method_name(auth.method)) > 0);
	if (wire_nonce_decode(p->body, &nonce) == CV_OK)
		require(nonce.len >= WIRE_NONCE_MIN && nonce.len <= WIRE_NONCE_MAX);
}

/* Every body goes through every decoder: which one it is meant for is the peer's choice anyhow. */
static void check_chain(const struct wire_chain *chain)
{
	struct wire_notify_payload n;

	for (unsigned i = 0; i < chain->count; i++) {
		const struct wire_payload *p = &chain->payload[i];

		check_sa(p->body);
		check_ts(p->body);
		check_notify(p->body);
		check_delete(p->body);
		check_small(p);
		require(strlen(wire_payload_name(p->type)) > 0);
		require(wire_chain_find(chain, p->type) && wire_chain_count(chain, p->type));
	}
	if (wire_notify_find_error(chain, &n))
		require(n.type < WIRE_N_FIRST_STATUS);
	if (wire_notify_find(chain, WIRE_N_COOKIE, &n))
		require(n.data.len >= 1 && n.data.len <= WIRE_COOKIE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cv_bytes message = cv_bytes(data, size), body;
	struct wire_header header;
	static struct wire_chain chain;
	uint8_t critical;
	enum cv_err err;

	if (wire_header_decode(message, &header) != CV_OK)
		return 0;
	require(strlen(wire_exchange_name(header.exchange)) > 0);
	/* Whatever the header says of version and length, so that mutations of it don't hide the payloads. */
	body = cv_bytes(data + WIRE_IKE_HEADER_LEN, size - WIRE_IKE_HEADER_LEN);
	err = wire_chain_decode(header.next_payload, body, &chain, &critical);
	require(err == CV_OK || wire_message_check(message) != CV_OK);
	check_chain(&chain);
	return 0;
}
