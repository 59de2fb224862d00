/* The peer rekeys the IKE SA (RFC 7296 sections 1.3.2 and 2.18): a new one inherits the children, and the
 * peer deletes the old one. */
#include "ike/create_child.h"

#include "ike/child.h"
#include "ike/conn.h"
#include "ike/sa.h"
#include "ike/select.h"
#include "ike/task.h"

enum { OLD_SA_MS = 60000 }; /* a peer that never deletes the old IKE SA gets it deleted */

struct rekey {
	struct ike_selected chosen;
	struct wire_ke_payload ke;
	struct cv_bytes ni;
	uint8_t nr[IKE_NONCE_LEN];
};

static enum cv_err exchange_keys(struct ike_sa *sa, const struct ike_sa *old, const struct rekey *r,
				 struct crypto_ke **ke)
{
	struct ike_keys_input input = { .ni = r->ni,
					.nr = cv_bytes(r->nr, sizeof(r->nr)),
					.spi_i = sa->spi_remote,
					.spi_r = sa->spi_local };
	struct cv_secret shared = { 0 };
	enum cv_err err = crypto_ke_new(sa->suite.ke, ke);

	if (!err)
		err = crypto_ke_shared(*ke, r->ke.data, &shared);
	input.shared = cv_secret_bytes(&shared);
	if (!err)
		err = ike_sa_set_keys(sa, &input, old);
	cv_secret_free(&shared);
	return err;
}

static enum cv_err inherit(struct ike_sa *sa, struct ike_sa *old)
{
	sa->local_id =
	    ike_identity_new(old->local_id->type, cv_bytes(old->local_id->data, old->local_id->len));
	sa->remote_id =
	    ike_identity_new(old->remote_id->type, cv_bytes(old->remote_id->data, old->remote_id->len));
	if (!sa->local_id || !sa->remote_id)
		return CV_E_NOMEM;
	ike_policy_drop(sa->policy);
	sa->policy = ike_policy_hold(old->policy);
	ike_core_set_text(&sa->why, old->why);
	sa->stream_originator = old->stream_originator;
	sa->nat_local = old->nat_local;
	sa->nat_remote = old->nat_remote;
	sa->peer_claims_nat = old->peer_claims_nat;
	sa->auth_null = old->auth_null;
	ike_sa_set_path(sa, &old->path);
	sa->path_since_ms = old->path_since_ms;
	return CV_OK;
}

static enum cv_err make(struct ike_sa *old, const struct rekey *r, struct crypto_ke **ke, struct ike_sa **out)
{
	struct ike_sa *sa;
	enum cv_err err = ike_sa_new(old->conn, old->policy, false, &sa);

	if (err)
		return err;
	sa->spi_remote = r->chosen.spi;
	sa->suite = r->chosen.suite;
	err = inherit(sa, old);
	if (!err)
		err = exchange_keys(sa, old, r, ke);
	if (!err && !ike_sa_established(sa))
		err = CV_E_STATE;
	if (!err) {
		sa->established_ms = old->established_ms;
		sa->created_ms = old->created_ms;
		/* The old one leaves quietly: this is no second IKE SA of the same peer. */
		old->rekeyed = true;
		err = ike_sa_identify(sa, false);
	}
	if (err) {
		old->rekeyed = false;
		ike_sa_close(sa, cv_err_text(err));
		return err;
	}
	*out = sa;
	return CV_OK;
}

static void replace(struct ike_sa *old, struct ike_sa *sa)
{
	ike_index_remove(&old->engine->by_identity, &old->by_identity);
	ike_child_inherit(old, sa);
	ike_task_inherit(old, sa);
	ike_sa_log(sa, CV_LOG_NOTICE, "IKE SA rekeyed by the peer; the old one was %016llx",
		   (unsigned long long)old->spi_local);
	cv_timer_cancel(&old->engine->timers, &old->liveness);
	cv_timer_cancel(&old->engine->timers, &old->keepalive);
	ike_sa_arm(old, &old->expire, old->engine->now_ms + OLD_SA_MS);
}

static enum ike_verdict answer(struct ike_sa *old, struct rekey *r, struct wire_builder *reply)
{
	struct crypto_ke *ke = NULL;
	struct wire_sa chosen;
	struct ike_sa *sa;
	enum cv_err err;

	ike_core_random(old->engine, r->nr, sizeof(r->nr));
	err = make(old, r, &ke, &sa);
	if (!err) {
		ike_select_answer(&r->chosen, WIRE_PROTO_IKE, WIRE_IKE_SPI_LEN, sa->spi_local, &chosen);
		wire_sa_build(reply, &chosen);
		wire_nonce_build(reply, cv_bytes(r->nr, sizeof(r->nr)));
		wire_ke_build(reply, crypto_ke_group(ke), crypto_ke_public(ke));
		replace(old, sa);
	}
	crypto_ke_free(ke);
	if (!err)
		return IKE_REPLY;
	return ike_create_child_refuse(old, reply,
				       err == CV_E_SYNTAX ? WIRE_N_INVALID_SYNTAX : WIRE_N_TEMPORARY_FAILURE,
				       cv_bytes(NULL, 0));
}

enum ike_verdict ike_rekey_request(struct ike_sa *sa, const struct ike_msg *msg, struct wire_builder *reply)
{
	struct rekey r = { 0 };
	struct wire_sa theirs;
	uint8_t group[2];

	/* While we make or end a Child SA the peer is to try again later (R7296-2.25.1-4). */
	if (sa->flight && sa->tasks->ops->changes_children)
		return ike_create_child_refuse(sa, reply, WIRE_N_TEMPORARY_FAILURE, cv_bytes(NULL, 0));
	if (wire_sa_decode(ike_msg_body(msg, WIRE_SA), &theirs) ||
	    wire_nonce_decode(ike_msg_body(msg, WIRE_NONCE), &r.ni) ||
	    wire_ke_decode(ike_msg_body(msg, WIRE_KE), &r.ke))
		return ike_create_child_refuse(sa, reply, WIRE_N_INVALID_SYNTAX, cv_bytes(NULL, 0));
	if (ike_select(&sa->policy->conn.ike_proposals, &theirs, WIRE_PROTO_IKE, IKE_KE_REQUIRED, r.ke.group,
		       NULL, &r.chosen))
		return ike_create_child_refuse(sa, reply, WIRE_N_NO_PROPOSAL_CHOSEN, cv_bytes(NULL, 0));
	if (r.chosen.spi_len != WIRE_IKE_SPI_LEN || !r.chosen.spi)
		return ike_create_child_refuse(sa, reply, WIRE_N_INVALID_SYNTAX, cv_bytes(NULL, 0));
	if (r.chosen.suite.ke != r.ke.group) {
		cv_put_u16(group, r.chosen.suite.ke);
		return ike_create_child_refuse(sa, reply, WIRE_N_INVALID_KE_PAYLOAD,
					       cv_bytes(group, sizeof(group)));
	}
	return answer(sa, &r, reply);
}
