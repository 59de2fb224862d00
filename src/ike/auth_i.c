/* IKE_AUTH as initiator. */
#include "ike/auth.h"

#include <stdio.h>
#include <stdlib.h>

#include "ike/attempt.h"
#include "ike/child.h"
#include "ike/create_child.h"
#include "ike/delete.h"
#include "ike/negotiate.h"
#include "ike/sa.h"

static struct cv_bytes secret_of(const struct ike_sa *sa)
{
	const struct ike_attempt *attempt = sa->hs->attempt;

	return attempt ? cv_secret_bytes(&attempt->secret) : cv_secret_bytes(&sa->hs->secret);
}

/* INITIAL_CONTACT says that the peer may forget older IKE SAs: at most one rung may say so, and only when
 * there is none (R7296-2.4-5). */
static void claim_contact(struct ike_sa *sa, struct wire_builder *b)
{
	struct ike_attempt *attempt = sa->hs->attempt;

	if (!attempt || attempt->contact_claimed || !sa->engine->config.uniqueids ||
	    !ike_sa_is_first_contact(sa))
		return;
	attempt->contact_claimed = true;
	wire_notify_build_plain(b, WIRE_N_INITIAL_CONTACT, cv_bytes(NULL, 0));
}

/* A packet asked for the tunnel: the child whose subnets it fits is the first one made. */
static uint16_t first_child(const struct ike_sa *sa)
{
	const struct ike_handshake *hs = sa->hs;

	return hs->has_packet ? ike_create_child_for_packet(sa, &hs->packet_src, &hs->packet_dst) : 0;
}

static enum cv_err build(struct ike_sa *sa, struct ike_task *task, struct wire_builder *b)
{
	const struct ike_id *want = &sa->policy->conn.remote_id;
	enum cv_err err = ike_auth_build_id(sa, b);

	(void)task;
	if (err)
		return err;
	if (want->type && want->type != WIRE_ID_NULL) {
		struct wire_id idr = { .type = want->type, .data = cv_bytes(want->data, want->len) };

		wire_id_build(b, WIRE_IDR, &idr);
	}
	err = ike_auth_build_auth(sa, secret_of(sa), b);
	if (err)
		return err;
	sa->hs->child_spi = ike_child_new_spi(sa->engine);
	sa->hs->child_index = first_child(sa);
	ike_negotiate_offer_sa(sa, b, sa->hs->child_spi, false);
	ike_negotiate_offer_ts(sa, b, sa->hs->child_index);
	claim_contact(sa, b);
	return CV_OK;
}

void ike_auth_start(struct ike_sa *sa)
{
	struct ike_task *task = calloc(1, sizeof(*task));

	if (!task || !ike_sa_set_state(sa, IKE_SA_AUTH_SENT)) {
		free(task);
		ike_sa_close(sa, "out of memory");
		return;
	}
	task->ops = &ike_auth_ops;
	ike_task_add(sa, task);
}

void ike_auth_abandon(struct ike_sa *sa)
{
	struct ike_attempt *attempt = sa->hs->attempt;

	sa->hs->attempt = NULL;
	/* The late answer is checked by it. */
	if (attempt && attempt->secret.data &&
	    cv_secret_copy(&sa->hs->secret, cv_secret_bytes(&attempt->secret))) {
		ike_sa_close(sa, "out of memory");
		return;
	}
	sa->standby = true;
	/* Repeating the request could make the peer establish it only now, and end the one that is in use. */
	cv_timer_cancel(&sa->engine->timers, &sa->retransmit);
	ike_sa_arm(sa, &sa->expire, sa->engine->now_ms + IKE_LINGER_MS);
}

/* We do not accept the peer, which believes that all is well: it is told (R7296-2.21.2-3). */
static void refuse_peer(struct ike_sa *sa, const char *text)
{
	if (sa->hs->attempt)
		ike_attempt_refused(sa, text);
	ike_sa_log(sa, CV_LOG_ERROR, "%s", text);
	ike_delete_sa_start(sa, "the peer was not accepted", WIRE_N_AUTHENTICATION_FAILED);
}

static void refused_by_peer(struct ike_sa *sa, const struct ike_msg *msg)
{
	struct wire_notify_payload error;
	char text[400];

	if (wire_notify_find_error(&msg->chain, &error))
		ike_negotiate_explain(sa, error.type, sa->hs->child_index, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "the peer did not authenticate itself");
	if (sa->hs->attempt)
		ike_attempt_refused(sa, text);
	ike_sa_close(sa, text);
}

/* NULL, or why the peer is not who it should be. */
static const char *check_peer(struct ike_sa *sa, const struct ike_msg *msg, char *text, size_t cap)
{
	const struct ike_conn *conn = &sa->policy->conn;
	struct cv_bytes id_body = ike_msg_body(msg, WIRE_IDR);
	char want[IKE_ID_TEXT_MAX], have[IKE_ID_TEXT_MAX];
	struct wire_id id;
	struct wire_auth auth;
	struct ike_id theirs;

	if (wire_id_decode(id_body, &id) || wire_auth_decode(ike_msg_body(msg, WIRE_AUTH), &auth) ||
	    id.data.len > IKE_ID_MAX)
		return "the peer's identity or AUTH payload is malformed";
	if (auth.method != ike_auth_method(conn->remote_auth)) {
		snprintf(text, cap, "the peer authenticates by %s, configured is %s",
			 wire_auth_method_name(auth.method),
			 wire_auth_method_name(ike_auth_method(conn->remote_auth)));
		return text;
	}
	if (!ike_auth_verify(sa, conn->remote_auth, secret_of(sa), id_body, &auth))
		return "the peer's authentication failed: the secrets of the two ends differ";
	sa->remote_id = ike_identity_new(id.type, id.data);
	if (!sa->remote_id)
		return "out of memory";
	sa->auth_null = conn->remote_auth == IKE_AUTHBY_NULL;
	theirs = ike_identity_id(sa->remote_id);
	/* A name that nothing proves decides nothing (RFC 7619 section 2.2). */
	if (sa->auth_null || !conn->remote_id.type || ike_id_equal(&theirs, &conn->remote_id))
		return NULL;
	snprintf(text, cap, "the peer says it is %.100s, rightid= says %.100s",
		 ike_id_text(&theirs, have, sizeof(have)), ike_id_text(&conn->remote_id, want, sizeof(want)));
	return text;
}

/* The Child SA that came with it. Its failure leaves the IKE SA up (R7296-2.21.2-2). */
static void take_child(struct ike_sa *sa, const struct ike_msg *msg)
{
	struct ike_handshake *hs = sa->hs;
	struct ike_child_params params = {
		.policy = sa->policy, .index = hs->child_index, .initiator = true, .spi_in = hs->child_spi
	};
	struct ike_agreed agreed;
	struct ike_child *child;
	char why[480];
	bool made;

	if (!ike_negotiate_accept(sa, msg, hs->child_index, IKE_KE_IGNORED, &agreed, &made, why,
				  sizeof(why))) {
		ike_create_child_failed(sa, hs->child_index, why);
		if (made)
			ike_delete_spi_start(sa, hs->child_spi);
		return;
	}
	params.spi_out = (uint32_t)agreed.chosen.spi;
	params.suite = agreed.chosen.suite;
	params.ni = cv_bytes(hs->nonce, sizeof(hs->nonce));
	params.nr = cv_bytes(hs->peer_nonce, hs->peer_nonce_len);
	params.local = &agreed.local;
	params.remote = &agreed.remote;
	if (ike_child_make(sa, &params, &child)) {
		ike_create_child_failed(sa, hs->child_index, "out of memory");
		ike_delete_spi_start(sa, hs->child_spi);
	}
}

/* Another rung won, but the peer has this one as well. */
static void stand_by(struct ike_sa *sa)
{
	if (!sa->conn->wanted)
		ike_conn_delete_sa(sa, "no longer wanted");
	else if (!sa->conn->attempt && !ike_conn_sa(sa->conn))
		ike_conn_promote(sa->conn);
	else
		ike_sa_arm(sa, &sa->expire, sa->engine->now_ms + IKE_STANDBY_MS);
}

static enum ike_task_result process(struct ike_sa *sa, struct ike_task *task, const struct ike_msg *msg)
{
	char text[400];
	const char *wrong;
	uint16_t first;

	(void)task;
	if (!wire_chain_find(&msg->chain, WIRE_AUTH)) {
		refused_by_peer(sa, msg);
		return IKE_TASK_DONE;
	}
	wrong = check_peer(sa, msg, text, sizeof(text));
	if (wrong) {
		refuse_peer(sa, wrong);
		return IKE_TASK_DONE;
	}
	if (!ike_sa_established(sa))
		return IKE_TASK_DONE;
	if (!sa->standby && ike_sa_identify(sa, false))
		ike_sa_log(sa, CV_LOG_ERROR, "out of memory: older IKE SAs of this peer are not looked for");
	take_child(sa, msg);
	if (sa->hs->attempt)
		ike_attempt_won(sa);
	first = sa->hs->child_index;
	ike_sa_handshake_free(sa);
	if (sa->standby) {
		stand_by(sa);
		return IKE_TASK_DONE;
	}
	ike_conn_drop_cut_off(sa);
	ike_create_child_missing(sa, first);
	ike_conn_settle(sa->conn);
	return IKE_TASK_DONE;
}

static void expired(struct ike_sa *sa, struct ike_task *task)
{
	char text[96];

	(void)task;
	snprintf(text, sizeof(text), "IKE_SA_INIT was answered, IKE_AUTH was not in %u s",
		 sa->policy->conn.retransmit_timeout_ms / 1000);
	ike_attempt_rung_failed(sa, text);
}

const struct ike_task_ops ike_auth_ops = {
	.name = "IKE_AUTH",
	.exchange = WIRE_IKE_AUTH,
	.build = build,
	.process = process,
	.expired = expired,
};
