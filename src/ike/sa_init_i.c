/* IKE_SA_INIT as initiator. */
#include "ike/sa_init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/attempt.h"
#include "ike/nat.h"
#include "ike/sa.h"
#include "ike/select.h"
#include "ike/stream.h"

enum { COOKIE_TRIES_MAX = 4, KE_TRIES_MAX = 3 };

static enum cv_err build(struct ike_sa *sa, struct ike_task *task, struct wire_builder *b)
{
	struct ike_handshake *hs = sa->hs;
	struct wire_sa offer;

	(void)task;
	/* The cookie goes first and everything behind it stays as it was (R7296-2.6-1). */
	if (hs->cookie_len)
		wire_notify_build_plain(b, WIRE_N_COOKIE, cv_bytes(hs->cookie, hs->cookie_len));
	ike_select_offer(&sa->policy->conn.ike_proposals, WIRE_PROTO_IKE, 0, 0, true, &offer);
	wire_sa_build(b, &offer);
	wire_ke_build(b, hs->ke_group, crypto_ke_public(hs->ke));
	wire_nonce_build(b, cv_bytes(hs->nonce, sizeof(hs->nonce)));
	hs->nat_claimed = ike_nat_claims(sa);
	ike_nat_build(sa->engine, b, &sa->path, sa->spi_local, 0, hs->nat_claimed);
	return CV_OK;
}

static enum cv_err built(struct ike_sa *sa, struct ike_task *task, struct cv_bytes message)
{
	(void)task;
	return ike_core_keep(&sa->hs->init_i, &sa->hs->init_i_len, message);
}

static enum cv_err new_ke(struct ike_handshake *hs, uint16_t group)
{
	crypto_ke_free(hs->ke);
	hs->ke = NULL;
	hs->ke_group = group;
	return crypto_ke_new(group, &hs->ke);
}

void ike_init_start(struct ike_sa *sa)
{
	struct ike_task *task = calloc(1, sizeof(*task));
	enum cv_err err = task ? CV_OK : CV_E_NOMEM;
	uint16_t group = ike_select_first_group(&sa->policy->conn.ike_proposals);

	if (!err)
		err = group ? new_ke(sa->hs, group) : CV_E_UNSUPPORTED;
	if (err || !ike_sa_set_state(sa, IKE_SA_INIT_SENT)) {
		free(task);
		ike_sa_close(sa, err == CV_E_UNSUPPORTED ? "ike= names no key exchange group that we can do"
							 : "cannot begin a key exchange");
		return;
	}
	task->ops = &ike_init_ops;
	ike_task_add(sa, task);
}

bool ike_init_redial(struct ike_sa *sa)
{
	struct ike_path path = sa->path;

	if (sa->state != IKE_SA_INIT_SENT || !sa->hs->redial)
		return false;
	sa->hs->redial = false;
	path.local.port = 0;
	if (ike_stream_dial(sa->engine, &path))
		return false;
	ike_sa_set_path(sa, &path);
	return true;
}

/* An answer that nobody has signed says no. Over UDP somebody else may have sent it: go on waiting for a good
 * one (R7296-2.21.1-1). Over TCP there is nothing to wait for (R9329-6.4-1). */
static enum ike_task_result refused(struct ike_sa *sa, const char *text)
{
	if (sa->path.transport == IKE_UDP) {
		ike_attempt_hinted(sa, text);
		return IKE_TASK_WAIT;
	}
	ike_attempt_rung_failed(sa, text);
	return IKE_TASK_DONE;
}

static enum ike_task_result take_cookie(struct ike_sa *sa, struct cv_bytes cookie)
{
	struct ike_handshake *hs = sa->hs;

	if (cookie.len == 0 || cookie.len > WIRE_COOKIE_MAX)
		return refused(sa, "sent a cookie of a wrong length");
	/* The same again comes of a request that was sent twice before the first answer. */
	if (sa->path.transport == IKE_UDP && cv_bytes_equal(cookie, cv_bytes(hs->cookie, hs->cookie_len)))
		return IKE_TASK_WAIT;
	if (++hs->cookie_tries > COOKIE_TRIES_MAX)
		return refused(sa, "asked for a cookie again and again");
	memcpy(hs->cookie, cookie.data, cookie.len);
	hs->cookie_len = (uint8_t)cookie.len;
	hs->redial = true;
	return IKE_TASK_AGAIN;
}

static enum ike_task_result take_group(struct ike_sa *sa, struct cv_bytes data)
{
	struct ike_handshake *hs = sa->hs;
	uint16_t group = data.len == 2 ? cv_get_u16(data.data) : 0;
	char text[160];

	/* So does the wish for the group that was granted already. */
	if (sa->path.transport == IKE_UDP && hs->ke_tries && group == hs->ke_group)
		return IKE_TASK_WAIT;
	if (!group || group == hs->ke_group || !crypto_ke_public_size(group) ||
	    !ike_select_has_group(&sa->policy->conn.ike_proposals, group)) {
		snprintf(text, sizeof(text), "asks for key exchange group %s, which ike= does not offer",
			 wire_transform_name(WIRE_T_KE, group));
		return refused(sa, text);
	}
	if (++hs->ke_tries > KE_TRIES_MAX)
		return refused(sa, "asked for another key exchange group again and again");
	ike_sa_log(sa, CV_LOG_INFO, "the peer wants key exchange group %s",
		   wire_transform_name(WIRE_T_KE, group));
	if (new_ke(hs, group)) {
		ike_attempt_rung_failed(sa, "cannot make a key for the group that the peer wants");
		return IKE_TASK_DONE;
	}
	hs->redial = true;
	return IKE_TASK_AGAIN;
}

static enum ike_task_result take_error(struct ike_sa *sa, uint16_t type)
{
	const char *words = wire_notify_explain(type);
	char text[IKE_OUTCOME_MAX], offered[160];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), "answered %s (%s)", wire_notify_name(type),
			       words ? words : "it refuses");
	if (type == WIRE_N_NO_PROPOSAL_CHOSEN && len < sizeof(text))
		snprintf(text + len, sizeof(text) - len, "; we offered ike=%s",
			 ike_proposals_text(&sa->policy->conn.ike_proposals, offered, sizeof(offered)));
	return refused(sa, text);
}

/* Checks everything and derives the keys; NULL, or what is wrong. */
static const char *accept_answer(struct ike_sa *sa, const struct ike_msg *msg)
{
	struct ike_handshake *hs = sa->hs;
	struct ike_keys_input input = { .spi_i = sa->spi_local, .spi_r = msg->h.spi_r };
	struct wire_sa offer, answer;
	struct ike_selected chosen;
	struct wire_ke_payload ke;
	struct cv_secret shared = { 0 };
	enum cv_err err;

	/* The SPIs of a first IKE SA stand in the header alone (R7296-3.3.1-1). */
	if (!msg->h.spi_r || wire_sa_decode(ike_msg_body(msg, WIRE_SA), &answer) ||
	    answer.proposal[0].spi_len || wire_ke_decode(ike_msg_body(msg, WIRE_KE), &ke) ||
	    wire_nonce_decode(ike_msg_body(msg, WIRE_NONCE), &input.nr))
		return "answered with a malformed message";
	ike_select_offer(&sa->policy->conn.ike_proposals, WIRE_PROTO_IKE, 0, 0, true, &offer);
	if (ike_select_check(&offer, &answer, WIRE_PROTO_IKE, IKE_KE_REQUIRED, &chosen))
		return "chose algorithms that were not offered";
	if (ke.group != hs->ke_group || chosen.suite.ke != hs->ke_group)
		return "answered with another key exchange group than ours";
	if (crypto_ke_shared(hs->ke, ke.data, &shared))
		return "sent an invalid key exchange value";
	sa->suite = chosen.suite;
	input.ni = cv_bytes(hs->nonce, sizeof(hs->nonce));
	input.shared = cv_secret_bytes(&shared);
	err = ike_sa_set_keys(sa, &input, NULL);
	cv_secret_free(&shared);
	if (!err)
		err = ike_core_keep(&hs->peer_nonce, &hs->peer_nonce_len, input.nr);
	if (!err)
		err = ike_core_keep(&hs->init_r, &hs->init_r_len, msg->raw);
	return err ? "answered, but its keys could not be made" : NULL;
}

static enum ike_task_result process(struct ike_sa *sa, struct ike_task *task, const struct ike_msg *msg)
{
	struct wire_notify_payload n;
	const char *wrong;

	(void)task;
	if (wire_chain_find(&msg->chain, WIRE_SA) == NULL) {
		if (wire_notify_find(&msg->chain, WIRE_N_COOKIE, &n))
			return take_cookie(sa, n.data);
		if (wire_notify_find(&msg->chain, WIRE_N_INVALID_KE_PAYLOAD, &n))
			return take_group(sa, n.data);
		if (wire_notify_find_error(&msg->chain, &n))
			return take_error(sa, n.type);
		return refused(sa, "answered with a message that makes no sense");
	}
	wrong = accept_answer(sa, msg);
	if (wrong) {
		/* The next answer may be the good one: nothing of this one stays. */
		crypto_sk_free(sa->sk_in);
		crypto_sk_free(sa->sk_out);
		sa->sk_in = sa->sk_out = NULL;
		ike_keys_wipe(&sa->keys);
		return refused(sa, wrong);
	}
	crypto_ke_free(sa->hs->ke);
	sa->hs->ke = NULL;
	sa->spi_remote = msg->h.spi_r;
	sa->path.local.ip = msg->path.local.ip;
	ike_nat_detect(sa, &msg->chain, sa->spi_local, sa->spi_remote);
	ike_sa_set_state(sa, IKE_SA_INIT_DONE);
	ike_nat_float(sa);
	ike_attempt_answered(sa);
	return IKE_TASK_DONE;
}

static void expired(struct ike_sa *sa, struct ike_task *task)
{
	struct ike_attempt *attempt = sa->hs->attempt;
	char text[96];

	(void)task;
	if (attempt && attempt->outcome[sa->hs->rung][0]) {
		ike_sa_close(sa, "no better answer came");
		return;
	}
	snprintf(text, sizeof(text), "no answer in %u s", sa->policy->conn.retransmit_timeout_ms / 1000);
	ike_attempt_rung_failed(sa, text);
}

const struct ike_task_ops ike_init_ops = {
	.name = "IKE_SA_INIT",
	.exchange = WIRE_IKE_SA_INIT,
	.build = build,
	.built = built,
	.process = process,
	.expired = expired,
};
