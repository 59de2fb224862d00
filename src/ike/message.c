#include "ike/message.h"

#include <string.h>

#include "ike/output.h"
#include "ike/sa.h"

enum { REFUSALS_PER_SECOND = 50 };

struct cv_bytes ike_msg_body(const struct ike_msg *msg, uint8_t type)
{
	const struct wire_payload *p = wire_chain_find(&msg->chain, type);

	return p ? p->body : cv_bytes(NULL, 0);
}

void ike_message_request(struct ike_engine *e, struct wire_builder *b)
{
	wire_build_inner(b, e->inner, sizeof(e->inner));
}

void ike_message_reply(struct ike_engine *e, struct wire_builder *b)
{
	wire_build_inner(b, e->reply, sizeof(e->reply));
}

static struct wire_header header_of(const struct ike_sa *sa, uint8_t exchange, bool response, uint32_t id)
{
	struct wire_header h = { .major = 2, .exchange = exchange, .message_id = id };

	h.spi_i = sa->initiator ? sa->spi_local : sa->spi_remote;
	h.spi_r = sa->initiator ? sa->spi_remote : sa->spi_local;
	h.flags = (sa->initiator ? WIRE_FLAG_INITIATOR : 0) | (response ? WIRE_FLAG_RESPONSE : 0);
	return h;
}

enum cv_err ike_message_seal(struct ike_sa *sa, struct wire_builder *inner, uint8_t exchange, bool response,
			     uint32_t id, struct cv_bytes *out)
{
	struct ike_engine *e = sa->engine;
	struct wire_header h = header_of(sa, exchange, response, id);
	struct wire_builder b;
	struct cv_bytes plain, whole;
	uint8_t iv[16];
	size_t sealed, at;
	enum cv_err err = wire_build_finish(inner, &plain);

	if (err)
		return err;
	sealed = crypto_sk_sealed_len(sa->sk_out, plain.len);
	wire_build_message(&b, e->tx, sizeof(e->tx), &h);
	wire_build_begin(&b, WIRE_SK);
	at = b.w.len;
	cv_writer_zero(&b.w, crypto_sk_iv_len(sa->sk_out));
	cv_writer_put(&b.w, plain);
	cv_writer_zero(&b.w, sealed - crypto_sk_iv_len(sa->sk_out) - plain.len);
	wire_build_end(&b);
	err = wire_build_finish(&b, &whole);
	if (err)
		return err;
	/* SK's own next-payload field names the first payload inside (R7296-3.14-4). */
	e->tx[at - WIRE_PAYLOAD_HEADER_LEN] = inner->first;
	ike_core_random(e, iv, sizeof(iv));
	err = crypto_sk_seal(sa->sk_out, cv_bytes(e->tx, at), e->tx + at, plain.len, whole.len - at,
			     sa->iv_counter, iv);
	sa->iv_counter++;
	cv_wipe(inner->w.data, plain.len);
	*out = whole;
	return err;
}

enum cv_err ike_message_open(struct ike_sa *sa, const struct wire_payload *sk, size_t message_len,
			     struct cv_bytes *plain)
{
	uint8_t *rx = sa->engine->rx;
	size_t at = (size_t)(sk->body.data - rx);

	return crypto_sk_open(sa->sk_in, cv_bytes(rx, at), rx + at, message_len - at, plain);
}

void ike_message_respond(struct ike_sa *sa, const struct ike_path *path, uint8_t exchange, uint32_t id,
			 struct wire_builder *inner)
{
	struct cv_bytes whole;
	enum cv_err err = ike_message_seal(sa, inner, exchange, true, id, &whole);

	if (!err)
		err = ike_core_keep(&sa->response, &sa->response_len, whole);
	if (err) {
		ike_sa_log(sa, CV_LOG_ERROR, "cannot answer %s: %s", wire_exchange_name(exchange),
			   cv_err_text(err));
		return;
	}
	ike_out_send(sa->engine, path, whole);
}

void ike_message_redo(struct ike_engine *e, const struct ike_path *path, const struct wire_header *request,
		      uint16_t notify, struct cv_bytes data)
{
	struct wire_header h = { .spi_i = request->spi_i,
				 .spi_r = request->spi_r,
				 .major = 2,
				 .exchange = request->exchange,
				 .message_id = request->message_id,
				 .flags = WIRE_FLAG_RESPONSE };
	struct wire_builder b;
	struct cv_bytes whole;

	/* Who answers for a lost IKE SA of which it was the original initiator keeps that flag (R7296-3.1-4).
	 */
	if (!(request->flags & WIRE_FLAG_INITIATOR))
		h.flags |= WIRE_FLAG_INITIATOR;
	wire_build_message(&b, e->tx, sizeof(e->tx), &h);
	wire_notify_build_plain(&b, notify, data);
	if (wire_build_finish(&b, &whole) == CV_OK)
		ike_out_send(e, path, whole);
}

void ike_message_refuse(struct ike_engine *e, const struct ike_path *path, const struct wire_header *request,
			uint16_t notify, struct cv_bytes data)
{
	if (ike_rate_allowed(&e->error_rate, e->now_ms, REFUSALS_PER_SECOND))
		ike_message_redo(e, path, request, notify, data);
}
