/* IKE_AUTH as responder. */
#include "ike/auth.h"

#include <stdio.h>
#include <string.h>

#include "ike/child.h"
#include "ike/conn.h"
#include "ike/negotiate.h"
#include "ike/sa.h"
#include "ike/select.h"

struct claim {
	struct wire_id idi;
	struct ike_id remote; /* the same by value */
	struct ike_id asked;  /* IDr, type 0: none */
	struct wire_auth auth;
	bool has_auth;
};

/* Every failure looks the same from outside (R7296-2.21.2-1); the log knows better. */
static enum ike_verdict refuse(struct ike_sa *sa, struct wire_builder *reply, const char *why)
{
	ike_sa_complain(sa, "authentication failed: %s", why);
	ike_message_reply(sa->engine, reply);
	wire_notify_build_plain(reply, WIRE_N_AUTHENTICATION_FAILED, cv_bytes(NULL, 0));
	ike_sa_linger(sa, "authentication failed");
	return IKE_REPLY;
}

static enum ike_verdict malformed(struct ike_sa *sa, struct wire_builder *reply)
{
	ike_message_reply(sa->engine, reply);
	wire_notify_build_plain(reply, WIRE_N_INVALID_SYNTAX, cv_bytes(NULL, 0));
	ike_sa_complain(sa, "the IKE_AUTH request is malformed");
	ike_sa_linger(sa, "the IKE_AUTH request was malformed");
	return IKE_REPLY;
}

static bool read_id(struct cv_bytes body, struct ike_id *out)
{
	struct wire_id id;

	if (wire_id_decode(body, &id) || id.data.len > IKE_ID_MAX)
		return false;
	out->type = id.type;
	out->len = (uint16_t)id.data.len;
	memcpy(out->data, id.data.data, id.data.len);
	return true;
}

static bool read_claim(const struct ike_msg *msg, struct claim *out)
{
	*out = (struct claim){ 0 };
	if (wire_id_decode(ike_msg_body(msg, WIRE_IDI), &out->idi) ||
	    !read_id(ike_msg_body(msg, WIRE_IDI), &out->remote))
		return false;
	if (wire_chain_find(&msg->chain, WIRE_IDR) && !read_id(ike_msg_body(msg, WIRE_IDR), &out->asked))
		return false;
	out->has_auth = wire_chain_find(&msg->chain, WIRE_AUTH) != NULL;
	return !out->has_auth || wire_auth_decode(ike_msg_body(msg, WIRE_AUTH), &out->auth) == CV_OK;
}

/* --- which connection --- */

/* How well the claim fits; 0: not at all. Of several connections to one peer, that differ in their subnets
 * only, the one that the first Child SA is for. */
static unsigned fit(const struct ike_sa *sa, const struct ike_connection *conn, const struct claim *claim,
		    const struct ike_msg *msg)
{
	const struct ike_conn *c = &conn->policy->conn;
	struct ike_id here;
	unsigned score = 1;

	if (ike_auth_method(c->remote_auth) != claim->auth.method ||
	    !ike_select_allows(&c->ike_proposals, &sa->suite))
		return 0;
	/* With NULL authentication the name says nothing (RFC 7619 section 2.2). */
	if (c->remote_auth != IKE_AUTHBY_NULL && c->remote_id.type) {
		if (!ike_id_equal(&c->remote_id, &claim->remote))
			return 0;
		score += 4;
	}
	if (claim->asked.type) {
		ike_auth_local_id(c, &sa->path, &here);
		if (!ike_id_equal(&here, &claim->asked))
			return 0;
		score += 2;
	}
	return (score * 8 + ike_negotiate_fit(c, &sa->path, msg)) * 2 + (conn == sa->conn);
}

static bool choose(struct ike_sa *sa, const struct claim *claim, const struct ike_msg *msg)
{
	struct ike_conn_walk walk = { 0 };
	struct ike_connection *conn, *best = NULL;
	unsigned best_score = 0;

	while ((conn = ike_conn_next(sa->engine, &sa->path, &walk))) {
		unsigned score = fit(sa, conn, claim, msg);

		if (score <= best_score)
			continue;
		best_score = score;
		best = conn;
	}
	if (best)
		ike_conn_move(best, sa);
	return best != NULL;
}

/* --- the secret --- */

static void secret_answered(struct ike_want *want, bool found, struct cv_bytes secret)
{
	struct ike_handshake *hs =
	    (struct ike_handshake *)(void *)((char *)want - offsetof(struct ike_handshake, want));
	struct ike_sa *sa = hs->want_sa;

	hs->secret_known = true;
	if (found && cv_secret_copy(&hs->secret, secret)) {
		ike_sa_close(sa, "out of memory");
		return;
	}
	ike_receive_resume(sa);
}

static enum ike_verdict ask_secret(struct ike_sa *sa, const struct ike_msg *msg, const struct claim *claim)
{
	struct ike_handshake *hs = sa->hs;
	struct ike_secret_query query = { .remote = claim->remote,
					  .local_ip = sa->path.local.ip,
					  .remote_ip = sa->path.remote.ip };
	const struct wire_payload *first = &msg->chain.payload[0],
				  *last = &msg->chain.payload[msg->chain.count - 1];
	const uint8_t *from = first->body.data - WIRE_PAYLOAD_HEADER_LEN,
		      *to = last->body.data + last->body.len;

	ike_auth_local_id(&sa->policy->conn, &sa->path, &query.local);
	/* The message stands in the engine's buffer, which the next one will overwrite. */
	if (ike_core_keep(&hs->request, &hs->request_len, cv_bytes(from, (size_t)(to - from))))
		return IKE_SILENT;
	hs->request_first = first->type;
	hs->request_path = msg->path;
	hs->want_sa = sa;
	hs->want.answer = secret_answered;
	return ike_want_ask(sa->engine, &hs->want, &query) ? IKE_SILENT : IKE_WAIT;
}

/* --- the answer --- */

static void make_child(struct ike_sa *sa, const struct ike_msg *msg, struct wire_builder *reply)
{
	struct ike_handshake *hs = sa->hs;
	struct ike_child_params params = { .initiator = false, .spi_in = ike_child_new_spi(sa->engine) };
	struct ike_agreed agreed;
	struct ike_child *child;
	uint16_t error = ike_negotiate_answer(sa, msg, IKE_KE_IGNORED, 0, NULL, &agreed);

	if (!error) {
		params.policy = agreed.policy;
		params.index = agreed.index;
		params.spi_out = (uint32_t)agreed.chosen.spi;
		params.suite = agreed.chosen.suite;
		params.ni = cv_bytes(hs->peer_nonce, hs->peer_nonce_len);
		params.nr = cv_bytes(hs->nonce, sizeof(hs->nonce));
		params.local = &agreed.local;
		params.remote = &agreed.remote;
		if (ike_child_make(sa, &params, &child))
			error = WIRE_N_TEMPORARY_FAILURE;
	}
	/* The IKE SA stands all the same (R7296-2.21.2-2). */
	if (error) {
		wire_notify_build_plain(reply, error, cv_bytes(NULL, 0));
		return;
	}
	ike_negotiate_build_sa(reply, &agreed, params.spi_in);
	ike_negotiate_build_ts(reply, &agreed);
}

static enum ike_verdict accept_peer(struct ike_sa *sa, const struct ike_msg *msg, const struct claim *claim,
				    struct wire_builder *reply)
{
	struct cv_bytes secret = cv_secret_bytes(&sa->hs->secret);
	struct wire_notify_payload n;

	sa->auth_null = sa->policy->conn.remote_auth == IKE_AUTHBY_NULL;
	sa->remote_id = ike_identity_new(claim->idi.type, claim->idi.data);
	if (!sa->remote_id || ike_auth_build_id(sa, reply) || ike_auth_build_auth(sa, secret, reply))
		return refuse(sa, reply, "out of memory");
	if (!ike_sa_established(sa))
		return IKE_SILENT;
	if (ike_sa_identify(sa, wire_notify_find(&msg->chain, WIRE_N_INITIAL_CONTACT, &n)))
		ike_sa_log(sa, CV_LOG_ERROR, "out of memory: older IKE SAs of this peer are not looked for");
	make_child(sa, msg, reply);
	ike_sa_handshake_free(sa);
	ike_conn_settle(sa->conn);
	return IKE_REPLY;
}

enum ike_verdict ike_auth_request(struct ike_sa *sa, const struct ike_msg *msg, struct wire_builder *reply)
{
	struct ike_handshake *hs = sa->hs;
	const struct ike_conn *conn;
	struct claim claim;
	char text[IKE_ID_TEXT_MAX + 64], id[IKE_ID_TEXT_MAX];

	if (!read_claim(msg, &claim))
		return malformed(sa, reply);
	if (!claim.has_auth)
		return refuse(sa, reply, "the peer wants EAP, which is not configured");
	if (!hs->secret_known && !choose(sa, &claim, msg)) {
		snprintf(text, sizeof(text),
			 "no connection fits the identity %s and its authentication method",
			 ike_id_text(&claim.remote, id, sizeof(id)));
		return refuse(sa, reply, text);
	}
	conn = &sa->policy->conn;
	if (conn->local_auth == IKE_AUTHBY_SECRET || conn->remote_auth == IKE_AUTHBY_SECRET) {
		if (!hs->secret_known)
			return ask_secret(sa, msg, &claim);
		if (!hs->secret.data) {
			snprintf(text, sizeof(text), "there is no secret for %s",
				 ike_id_text(&claim.remote, id, sizeof(id)));
			return refuse(sa, reply, text);
		}
	}
	if (!ike_auth_verify(sa, conn->remote_auth, cv_secret_bytes(&hs->secret), ike_msg_body(msg, WIRE_IDI),
			     &claim.auth))
		return refuse(sa, reply, "the secrets of the two ends differ");
	return accept_peer(sa, msg, &claim, reply);
}
