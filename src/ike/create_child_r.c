/* CREATE_CHILD_SA as responder. */
#include "ike/create_child.h"

#include "ike/child.h"
#include "ike/negotiate.h"
#include "ike/sa.h"

/* What the request brings along. */
struct request {
	struct wire_ke_payload ke; /* group 0: none */
	struct cv_bytes nonce;
	struct ike_child *rekeyed; /* or NULL */
};

enum ike_verdict ike_create_child_refuse(struct ike_sa *sa, struct wire_builder *reply, uint16_t notify,
					 struct cv_bytes data)
{
	ike_sa_complain(sa, "CREATE_CHILD_SA refused: %s", wire_notify_name(notify));
	ike_message_reply(sa->engine, reply);
	wire_notify_build_plain(reply, notify, data);
	if (notify == WIRE_N_INVALID_SYNTAX)
		ike_sa_linger(sa, "the peer sent a malformed CREATE_CHILD_SA request");
	return IKE_REPLY;
}

/* Names the Child SA that we don't have by the SPI the peer asked for (R7296-2.25-2). */
static enum ike_verdict refuse_unknown(struct ike_sa *sa, struct wire_builder *reply,
				       const struct wire_notify_payload *rekey)
{
	struct wire_notify_payload n = { .protocol = rekey->protocol,
					 .spi_len = rekey->spi_len,
					 .spi = rekey->spi,
					 .type = WIRE_N_CHILD_SA_NOT_FOUND };

	ike_sa_log(sa, CV_LOG_INFO, "the peer wants to rekey a Child SA that is not there");
	wire_notify_build(reply, &n);
	return IKE_REPLY;
}

/* The key exchange with our part of it; false: what to answer instead. Group 0: there is none. */
static bool share(const struct request *req, uint16_t group, struct crypto_ke **ke, struct cv_secret *shared,
		  uint16_t *notify)
{
	*notify = 0;
	if (!group)
		return true;
	*notify = WIRE_N_INVALID_SYNTAX;
	if (req->ke.group != group) {
		*notify = WIRE_N_INVALID_KE_PAYLOAD;
		return false;
	}
	return crypto_ke_new(group, ke) == CV_OK && crypto_ke_shared(*ke, req->ke.data, shared) == CV_OK;
}

static enum ike_verdict make(struct ike_sa *sa, const struct request *req, const struct ike_agreed *agreed,
			     struct wire_builder *reply)
{
	struct ike_child_params params = { .policy = agreed->policy,
					   .index = agreed->index,
					   .initiator = false,
					   .spi_in = ike_child_new_spi(sa->engine),
					   .spi_out = (uint32_t)agreed->chosen.spi,
					   .suite = agreed->chosen.suite,
					   .ni = req->nonce,
					   .local = &agreed->local,
					   .remote = &agreed->remote };
	uint8_t nonce[IKE_NONCE_LEN], group[2];
	struct cv_secret shared = { 0 };
	struct crypto_ke *ke = NULL;
	struct ike_child *child;
	enum ike_verdict verdict = IKE_REPLY;
	uint16_t notify;

	ike_core_random(sa->engine, nonce, sizeof(nonce));
	params.nr = cv_bytes(nonce, sizeof(nonce));
	if (!share(req, agreed->chosen.suite.ke, &ke, &shared, &notify)) {
		cv_put_u16(group, agreed->chosen.suite.ke);
		verdict = ike_create_child_refuse(
		    sa, reply, notify, cv_bytes(group, notify == WIRE_N_INVALID_KE_PAYLOAD ? 2 : 0));
		goto out;
	}
	params.shared = cv_secret_bytes(&shared);
	if (ike_child_make(sa, &params, &child)) {
		verdict = ike_create_child_refuse(sa, reply, WIRE_N_TEMPORARY_FAILURE, cv_bytes(NULL, 0));
		goto out;
	}
	ike_negotiate_build_sa(reply, agreed, params.spi_in);
	wire_nonce_build(reply, params.nr);
	if (ke)
		wire_ke_build(reply, crypto_ke_group(ke), crypto_ke_public(ke));
	ike_negotiate_build_ts(reply, agreed);
out:
	crypto_ke_free(ke);
	cv_secret_free(&shared);
	return verdict;
}

static bool wants_ike_sa(const struct ike_msg *msg)
{
	struct wire_sa sa;

	return wire_sa_decode(ike_msg_body(msg, WIRE_SA), &sa) == CV_OK && sa.count &&
	       sa.proposal[0].protocol == WIRE_PROTO_IKE;
}

enum ike_verdict ike_create_child_request(struct ike_sa *sa, const struct ike_msg *msg,
					  struct wire_builder *reply)
{
	struct wire_notify_payload rekey;
	struct request req = { 0 };
	struct ike_agreed agreed;
	uint16_t error;

	if (wire_nonce_decode(ike_msg_body(msg, WIRE_NONCE), &req.nonce) ||
	    (wire_chain_find(&msg->chain, WIRE_KE) && wire_ke_decode(ike_msg_body(msg, WIRE_KE), &req.ke)))
		return ike_create_child_refuse(sa, reply, WIRE_N_INVALID_SYNTAX, cv_bytes(NULL, 0));
	/* Nothing new on an IKE SA that is about to go (R7296-2.25.2-1). */
	if (sa->state == IKE_SA_DELETING || sa->rekeyed)
		return ike_create_child_refuse(sa, reply, WIRE_N_TEMPORARY_FAILURE, cv_bytes(NULL, 0));
	if (wants_ike_sa(msg))
		return ike_rekey_request(sa, msg, reply);
	if (wire_notify_find(&msg->chain, WIRE_N_REKEY_SA, &rekey)) {
		req.rekeyed =
		    rekey.spi_len == WIRE_ESP_SPI_LEN ? ike_child_by_spi_out(sa, (uint32_t)rekey.spi) : NULL;
		if (!req.rekeyed)
			return refuse_unknown(sa, reply, &rekey);
		if (req.rekeyed->state == IKE_CHILD_DELETING)
			return ike_create_child_refuse(sa, reply, WIRE_N_TEMPORARY_FAILURE,
						       cv_bytes(NULL, 0));
	}
	error = ike_negotiate_answer(sa, msg, IKE_KE_OPTIONAL, req.ke.group, req.rekeyed, &agreed);
	if (error)
		return ike_create_child_refuse(sa, reply, error, cv_bytes(NULL, 0));
	return make(sa, &req, &agreed, reply);
}
