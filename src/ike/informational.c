#include "ike/informational.h"

#include "ike/delete.h"
#include "ike/sa.h"

/* Delete payloads are all or nothing: a broken one is a syntax error of the whole request. */
static bool well_formed(const struct ike_msg *msg)
{
	struct wire_delete d;

	for (unsigned i = 0; i < msg->chain.count; i++) {
		if (msg->chain.payload[i].type == WIRE_DELETE &&
		    wire_delete_decode(msg->chain.payload[i].body, &d))
			return false;
	}
	return true;
}

enum ike_verdict ike_informational_request(struct ike_sa *sa, const struct ike_msg *msg,
					   struct wire_builder *reply)
{
	struct wire_notify_payload n;

	if (!well_formed(msg)) {
		wire_notify_build_plain(reply, WIRE_N_INVALID_SYNTAX, cv_bytes(NULL, 0));
		ike_sa_linger(sa, "the peer sent a malformed Delete payload");
		return IKE_REPLY;
	}
	if (ike_delete_overtakes(sa, msg))
		return IKE_SILENT;
	if (ike_delete_requested(sa, msg, reply)) {
		ike_sa_linger(sa, "the peer ended it");
		return IKE_REPLY;
	}
	/* The peer has found out that it does not believe us (R7296-2.21.2-3). */
	if (wire_notify_find(&msg->chain, WIRE_N_AUTHENTICATION_FAILED, &n))
		ike_sa_linger(sa, "the peer did not accept our authentication");
	else if (wire_notify_find(&msg->chain, WIRE_N_INVALID_SYNTAX, &n))
		ike_sa_linger(sa, "the peer could not read a message of ours");
	return IKE_REPLY;
}
