/* IKE_SA_INIT as responder. Anybody can send one: what costs memory or a key exchange comes last. */
#include "ike/sa_init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/prf.h"
#include "ike/admit.h"
#include "ike/conn.h"
#include "ike/cookie.h"
#include "ike/nat.h"
#include "ike/output.h"
#include "ike/sa.h"
#include "ike/select.h"
#include "ike/stream.h"

/* A request as far as it was read. */
struct offer {
	const struct ike_msg *msg;
	struct wire_sa sa;
	struct wire_ke_payload ke;
	struct cv_bytes nonce;
	struct ike_connection *conn;
	struct ike_selected chosen;
};

static bool log_stranger(struct ike_engine *e, const struct ike_path *path, const char *text)
{
	char peer[CV_ADDR_TEXT_MAX], left_out[CV_LOG_LEFT_OUT_MAX];
	uint64_t dropped;

	if (!cv_log_allowed(&e->refused, e->now_ms, &dropped))
		return false;
	cv_log(CV_LOG_NOTICE, "ike", NULL, "IKE_SA_INIT from %s %s refused: %s%s",
	       ike_transport_name(path->transport), cv_addr_text(&path->remote, peer), text,
	       cv_log_left_out(dropped, left_out));
	return true;
}

static void refuse(struct ike_engine *e, const struct ike_msg *msg, uint16_t notify, struct cv_bytes data,
		   const char *why)
{
	log_stranger(e, &msg->path, why);
	ike_message_refuse(e, &msg->path, &msg->h, notify, data);
}

/* --- retransmissions (R7296-2.1-6) --- */

static enum cv_err digest_of(const struct ike_msg *msg, uint8_t out[CRYPTO_SHA256_LEN])
{
	static const uint8_t key[] = "IKE_SA_INIT";
	struct cv_bytes parts[] = { msg->raw, cv_ip_bytes(&msg->path.remote.ip),
				    cv_bytes(&msg->path.transport, sizeof(msg->path.transport)) };

	return crypto_hmac_sha256(cv_bytes(key, sizeof(key) - 1), parts, 3, out);
}

/* True: seen before, and answered as before where that is still due. */
static bool seen_before(struct ike_engine *e, const struct ike_msg *msg, const uint8_t *digest)
{
	struct ike_sa *sa = cv_table_get(e->inits, cv_bytes(digest, IKE_INIT_DIGEST_LEN));

	if (!sa)
		return false;
	if (sa->state == IKE_SA_INIT_DONE && sa->recv_id == 1 && sa->response && !sa->waiting) {
		e->counters.retransmits++;
		ike_out_send(e, &msg->path, cv_bytes(sa->response, sa->response_len));
	}
	return true;
}

/* --- cookies --- */

static bool under_load(const struct ike_engine *e, const struct ike_path *path)
{
	uint32_t threshold = e->config.cookie_threshold ? e->config.cookie_threshold : IKE_COOKIE_THRESHOLD;

	if (e->config.cookie_always)
		return true;
	/* A TCP peer has shown already that it can hear us (R9329-6.3-1). */
	return path->transport == IKE_UDP && e->halfopen >= threshold;
}

/* True: go on. False: a cookie was asked for, and nothing is kept. */
static bool cookie_ok(struct ike_engine *e, const struct ike_msg *msg, struct cv_bytes nonce)
{
	struct ike_cookie_subject subject = { .ni = nonce, .ip = msg->path.remote.ip, .spi_i = msg->h.spi_i };
	uint8_t fresh[IKE_COOKIE_SECRET_LEN], cookie[IKE_COOKIE_LEN];
	struct wire_notify_payload n;

	if (!under_load(e, &msg->path))
		return true;
	if (wire_notify_find(&msg->chain, WIRE_N_COOKIE, &n)) {
		if (ike_cookie_check(&e->cookies, e->now_ms, &subject, n.data))
			return true;
		e->counters.cookies_bad++;
	}
	if (ike_cookie_stale(&e->cookies, e->now_ms)) {
		ike_core_random(e, fresh, sizeof(fresh));
		ike_cookie_rotate(&e->cookies, e->now_ms, fresh);
		cv_wipe(fresh, sizeof(fresh));
	}
	if (ike_cookie_make(&e->cookies, &subject, cookie) == CV_OK) {
		e->counters.cookies_sent++;
		ike_message_redo(e, &msg->path, &msg->h, WIRE_N_COOKIE, cv_bytes(cookie, sizeof(cookie)));
	}
	return false;
}

/* --- choosing --- */

static void log_no_proposal(struct ike_engine *e, const struct offer *offer)
{
	char theirs[220], ours[220], text[600];

	ike_proposals_text(&offer->sa, theirs, sizeof(theirs));
	ike_proposals_text(&offer->conn->policy->conn.ike_proposals, ours, sizeof(ours));
	snprintf(text, sizeof(text), "it offers ike=%s, connection %s has ike=%s", theirs, offer->conn->name,
		 ours);
	log_stranger(e, &offer->msg->path, text);
}

/* The first connection for this peer whose algorithms fit. */
static bool choose(struct ike_engine *e, struct offer *offer)
{
	struct ike_conn_walk walk = { 0 };
	struct ike_connection *conn;

	while ((conn = ike_conn_next(e, &offer->msg->path, &walk))) {
		offer->conn = conn;
		if (ike_select(&conn->policy->conn.ike_proposals, &offer->sa, WIRE_PROTO_IKE, IKE_KE_REQUIRED,
			       offer->ke.group, NULL, &offer->chosen) == CV_OK)
			return true;
	}
	if (!offer->conn) {
		log_stranger(e, &offer->msg->path, "no connection is configured for that address");
	} else {
		log_no_proposal(e, offer);
	}
	ike_message_refuse(e, &offer->msg->path, &offer->msg->h, WIRE_N_NO_PROPOSAL_CHOSEN,
			   cv_bytes(NULL, 0));
	return false;
}

/* --- the answer --- */

static enum cv_err exchange_keys(struct ike_sa *sa, const struct offer *offer, struct crypto_ke **ke)
{
	struct ike_keys_input input = { .ni = offer->nonce, .spi_i = sa->spi_remote, .spi_r = sa->spi_local };
	struct cv_secret shared = { 0 };
	enum cv_err err = crypto_ke_new(sa->suite.ke, ke);

	if (!err)
		err = crypto_ke_shared(*ke, offer->ke.data, &shared);
	input.nr = cv_bytes(sa->hs->nonce, sizeof(sa->hs->nonce));
	input.shared = cv_secret_bytes(&shared);
	if (!err)
		err = ike_sa_set_keys(sa, &input, NULL);
	cv_secret_free(&shared);
	return err;
}

static enum cv_err build_response(struct ike_sa *sa, const struct offer *offer, const struct crypto_ke *ke,
				  struct cv_bytes *out)
{
	struct ike_engine *e = sa->engine;
	struct wire_header h = { .spi_i = sa->spi_remote,
				 .spi_r = sa->spi_local,
				 .major = 2,
				 .exchange = WIRE_IKE_SA_INIT,
				 .flags = WIRE_FLAG_RESPONSE };
	struct wire_builder b;
	struct wire_sa answer;

	wire_build_message(&b, e->tx, sizeof(e->tx), &h);
	ike_select_answer(&offer->chosen, WIRE_PROTO_IKE, 0, 0, &answer);
	wire_sa_build(&b, &answer);
	wire_ke_build(&b, crypto_ke_group(ke), crypto_ke_public(ke));
	wire_nonce_build(&b, cv_bytes(sa->hs->nonce, sizeof(sa->hs->nonce)));
	if (sa->peer_claims_nat)
		ike_nat_build(e, &b, &sa->path, sa->spi_remote, sa->spi_local, ike_nat_claims(sa));
	return wire_build_finish(&b, out);
}

static enum cv_err remember(struct ike_sa *sa, const struct offer *offer, const uint8_t *digest,
			    struct cv_bytes response)
{
	struct ike_handshake *hs = sa->hs;
	enum cv_err err = ike_core_keep(&hs->init_i, &hs->init_i_len, offer->msg->raw);

	if (!err)
		err = ike_core_keep(&hs->init_r, &hs->init_r_len, response);
	if (!err)
		err = ike_core_keep(&hs->peer_nonce, &hs->peer_nonce_len, offer->nonce);
	if (!err)
		err = ike_core_keep(&sa->response, &sa->response_len, response);
	memcpy(sa->init_digest, digest, IKE_INIT_DIGEST_LEN);
	if (!err)
		err = cv_table_put(sa->engine->inits, sa);
	sa->in_inits = !err;
	return err;
}

static enum cv_err answer(struct ike_sa *sa, const struct offer *offer, const uint8_t *digest)
{
	struct ike_engine *e = sa->engine;
	struct crypto_ke *ke = NULL;
	struct cv_bytes response;
	enum cv_err err;

	sa->halfopen = true;
	e->halfopen++;
	sa->spi_remote = offer->msg->h.spi_i;
	sa->suite = offer->chosen.suite;
	err = ike_sa_handshake(sa);
	if (err)
		return err;
	ike_sa_set_path(sa, &offer->msg->path);
	ike_nat_detect(sa, &offer->msg->chain, sa->spi_remote, 0);
	err = exchange_keys(sa, offer, &ke);
	if (!err)
		err = build_response(sa, offer, ke, &response);
	crypto_ke_free(ke);
	if (!err)
		err = remember(sa, offer, digest, response);
	if (err)
		return err;
	sa->recv_id = 1;
	ike_sa_set_state(sa, IKE_SA_INIT_DONE);
	ike_out_send(e, &sa->path, response);
	ike_sa_arm(sa, &sa->expire, e->now_ms + IKE_HALFOPEN_MS);
	return CV_OK;
}

static void make(struct ike_engine *e, struct offer *offer, const uint8_t *digest)
{
	struct ike_sa *sa;
	enum cv_err err;

	if (!ike_stream_free_for_init(e, &offer->msg->path)) {
		log_stranger(e, &offer->msg->path,
			     "this TCP connection has an IKE SA, or has begun too many");
		return;
	}
	if (ike_sa_new(offer->conn, offer->conn->policy, false, &sa))
		return;
	err = answer(sa, offer, digest);
	if (!err)
		return;
	ike_sa_close(sa, cv_err_text(err));
	/* A public value outside the group (RFC 6989) is a malformed message. */
	if (err == CV_E_SYNTAX)
		refuse(e, offer->msg, WIRE_N_INVALID_SYNTAX, cv_bytes(NULL, 0),
		       "its key exchange value is invalid");
}

/* The SPIs of a first IKE SA stand in the header alone (R7296-3.3.1-1). */
static bool names_spi(const struct wire_sa *sa)
{
	for (unsigned i = 0; i < sa->count; i++) {
		if (sa->proposal[i].spi_len)
			return true;
	}
	return false;
}

/* Nothing is promised to a stranger, but who makes an honest mistake should hear of it (RFC 7296
 * section 2.21.1). */
static bool unreadable(struct ike_engine *e, const struct ike_msg *msg)
{
	e->counters.malformed++;
	refuse(e, msg, WIRE_N_INVALID_SYNTAX, cv_bytes(NULL, 0), "the message cannot be read");
	return false;
}

static bool read_offer(struct ike_engine *e, struct ike_msg *msg, struct offer *offer)
{
	struct cv_bytes body =
	    cv_bytes(msg->raw.data + WIRE_IKE_HEADER_LEN, msg->raw.len - WIRE_IKE_HEADER_LEN);

	if (wire_chain_decode(msg->h.next_payload, body, &msg->chain, &msg->critical))
		return unreadable(e, msg);
	if (msg->critical) {
		refuse(e, msg, WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD, cv_bytes(&msg->critical, 1),
		       "it demands an extension that we do not know");
		return false;
	}
	if (ike_admit(NULL, msg, false) != IKE_ADMITTED ||
	    wire_sa_decode(ike_msg_body(msg, WIRE_SA), &offer->sa) || names_spi(&offer->sa) ||
	    wire_ke_decode(ike_msg_body(msg, WIRE_KE), &offer->ke) ||
	    wire_nonce_decode(ike_msg_body(msg, WIRE_NONCE), &offer->nonce))
		return unreadable(e, msg);
	return true;
}

void ike_init_request(struct ike_engine *e, struct ike_msg *msg)
{
	uint32_t most = e->config.halfopen_max ? e->config.halfopen_max : IKE_HALFOPEN_MAX;
	struct offer offer = { .msg = msg };
	uint8_t digest[CRYPTO_SHA256_LEN], group[2];

	/* Our own request, thrown back at us: answering it would spoil our handshake. */
	if (ike_sa_find(e, msg->h.spi_i))
		return;
	if (e->stopping || digest_of(msg, digest) || seen_before(e, msg, digest))
		return;
	if (!read_offer(e, msg, &offer)) {
		ike_stream_bad(e, &msg->path);
		return;
	}
	if (!cookie_ok(e, msg, offer.nonce))
		return;
	if (e->halfopen >= most) {
		e->counters.halfopen_dropped++;
		log_stranger(e, &msg->path, "too many peers have begun and not finished");
		return;
	}
	if (!choose(e, &offer))
		return;
	if (offer.chosen.suite.ke != offer.ke.group) {
		cv_put_u16(group, offer.chosen.suite.ke);
		ike_message_redo(e, &msg->path, &msg->h, WIRE_N_INVALID_KE_PAYLOAD,
				 cv_bytes(group, sizeof(group)));
		return;
	}
	make(e, &offer, digest);
}
