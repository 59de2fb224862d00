#include "ike/admit.h"

enum { BASE = WIRE_SA, NEW = 1u << IKE_SA_NONE };

/* The payload types that we know as bits; 0 for the others. */
static uint32_t bit(uint8_t type)
{
	return (type >= BASE && type <= WIRE_EAP) || type == WIRE_SKF ? 1u << (type - BASE) : 0;
}

enum payload_bit {
	HAS_SA = 1u << (WIRE_SA - BASE),
	HAS_KE = 1u << (WIRE_KE - BASE),
	HAS_IDI = 1u << (WIRE_IDI - BASE),
	HAS_IDR = 1u << (WIRE_IDR - BASE),
	HAS_CERT = 1u << (WIRE_CERT - BASE),
	HAS_CERTREQ = 1u << (WIRE_CERTREQ - BASE),
	HAS_AUTH = 1u << (WIRE_AUTH - BASE),
	HAS_NONCE = 1u << (WIRE_NONCE - BASE),
	HAS_NOTIFY = 1u << (WIRE_NOTIFY - BASE),
	HAS_DELETE = 1u << (WIRE_DELETE - BASE),
	HAS_VENDOR = 1u << (WIRE_VENDOR - BASE),
	HAS_TSI = 1u << (WIRE_TSI - BASE),
	HAS_TSR = 1u << (WIRE_TSR - BASE),
	HAS_CP = 1u << (WIRE_CP - BASE),
	HAS_EAP = 1u << (WIRE_EAP - BASE),
};

struct row {
	uint8_t exchange;
	bool response;
	bool is_protected;
	uint8_t states;	     /* bits of enum ike_sa_state; NEW: no IKE SA yet */
	bool from_initiator; /* who may send it: the original initiator ... */
	bool from_responder; /* ... or its responder */
	uint32_t required;
	uint32_t once;	  /* at most one of each; the required ones too */
	uint32_t allowed; /* any number */
};

static const struct row rows[] = {
	{ WIRE_IKE_SA_INIT, false, false, NEW, true, false, .required = HAS_SA | HAS_KE | HAS_NONCE,
	  .allowed = HAS_NOTIFY | HAS_VENDOR | HAS_CERTREQ },
	/* Without SA it is a COOKIE, INVALID_KE_PAYLOAD or an error. */
	{ WIRE_IKE_SA_INIT, true, false, 1u << IKE_SA_INIT_SENT, false, true,
	  .once = HAS_SA | HAS_KE | HAS_NONCE, .allowed = HAS_NOTIFY | HAS_VENDOR | HAS_CERTREQ },
	/* AUTH may be missing: the peer wants EAP, and is told that it cannot have it. */
	{ WIRE_IKE_AUTH, false, true, 1u << IKE_SA_INIT_DONE, true, false,
	  .required = HAS_IDI | HAS_SA | HAS_TSI | HAS_TSR, .once = HAS_IDR | HAS_AUTH | HAS_CP,
	  .allowed = HAS_NOTIFY | HAS_VENDOR | HAS_CERT | HAS_CERTREQ },
	{ WIRE_IKE_AUTH, true, true, 1u << IKE_SA_AUTH_SENT, false, true,
	  .once = HAS_IDR | HAS_AUTH | HAS_SA | HAS_TSI | HAS_TSR | HAS_CP | HAS_EAP,
	  .allowed = HAS_NOTIFY | HAS_VENDOR | HAS_CERT },
	{ WIRE_CREATE_CHILD_SA, false, true, 1u << IKE_SA_ESTABLISHED | 1u << IKE_SA_DELETING, true, true,
	  .required = HAS_SA | HAS_NONCE, .once = HAS_KE | HAS_TSI | HAS_TSR | HAS_CP,
	  .allowed = HAS_NOTIFY | HAS_VENDOR },
	{ WIRE_CREATE_CHILD_SA, true, true, 1u << IKE_SA_ESTABLISHED | 1u << IKE_SA_DELETING, true, true,
	  .once = HAS_SA | HAS_NONCE | HAS_KE | HAS_TSI | HAS_TSR | HAS_CP,
	  .allowed = HAS_NOTIFY | HAS_VENDOR },
	{ WIRE_INFORMATIONAL, false, true, 1u << IKE_SA_ESTABLISHED | 1u << IKE_SA_DELETING, true, true,
	  .once = HAS_CP, .allowed = HAS_NOTIFY | HAS_DELETE | HAS_VENDOR },
	{ WIRE_INFORMATIONAL, true, true, 1u << IKE_SA_ESTABLISHED | 1u << IKE_SA_DELETING, true, true,
	  .once = HAS_CP, .allowed = HAS_NOTIFY | HAS_DELETE | HAS_VENDOR },
};

static const struct row *find(const struct ike_sa *sa, const struct ike_msg *msg, bool is_protected)
{
	uint8_t state = sa ? sa->state : IKE_SA_NONE;
	bool from_initiator = sa ? !sa->initiator : true;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (r->exchange == msg->h.exchange && r->response == msg->response &&
		    r->is_protected == is_protected && r->states & 1u << state &&
		    (from_initiator ? r->from_initiator : r->from_responder))
			return r;
	}
	return NULL;
}

enum ike_admission ike_admit(const struct ike_sa *sa, const struct ike_msg *msg, bool is_protected)
{
	const struct row *r = find(sa, msg, is_protected);
	uint32_t seen = 0;

	if (!r)
		return IKE_NOT_NOW;
	for (unsigned i = 0; i < msg->chain.count; i++) {
		uint32_t one = bit(msg->chain.payload[i].type);

		/* Unknown types are skipped (R7296-2.5-3); the critical ones were dealt with before. */
		if (!one)
			continue;
		if (!(one & (r->required | r->once | r->allowed)) || (one & seen & (r->required | r->once)))
			return IKE_MALFORMED;
		seen |= one;
	}
	return (seen & r->required) == r->required ? IKE_ADMITTED : IKE_MALFORMED;
}
