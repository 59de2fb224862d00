/* CREATE_CHILD_SA (RFC 7296 section 1.3), both roles. */
#ifndef CULVERT_IKE_CREATE_CHILD_H
#define CULVERT_IKE_CREATE_CHILD_H

#include "ike/receive.h"

enum { IKE_CHILD_ALL = 0xffff };

/* As initiator: asks for every child of the policy that is not there, but for that one (it was just tried),
 * or IKE_CHILD_ALL. */
void ike_create_child_missing(struct ike_sa *sa, uint16_t but);
/* Is any asked for, or about to be? */
bool ike_create_child_pending(const struct ike_sa *sa);
/* Is one asked for at this moment, the answer outstanding? */
bool ike_create_child_in_flight(const struct ike_sa *sa);
/* Notes for those who wait that a child failed. */
void ike_create_child_failed(struct ike_sa *sa, uint16_t index, const char *why);
/* The child of the policy whose subnets a packet fits; the first one when none does. */
uint16_t ike_create_child_for_packet(const struct ike_sa *sa, const struct wire_ts *src,
				     const struct wire_ts *dst);

/* As responder: a further Child SA, the rekeying of one, or of the IKE SA. */
enum ike_verdict ike_create_child_request(struct ike_sa *sa, const struct ike_msg *msg,
					  struct wire_builder *reply);

/* The rekeying of the IKE SA (RFC 7296 section 2.18), asked for by the peer. */
enum ike_verdict ike_rekey_request(struct ike_sa *sa, const struct ike_msg *msg, struct wire_builder *reply);
/* Adds an error notify as the whole answer. */
enum ike_verdict ike_create_child_refuse(struct ike_sa *sa, struct wire_builder *reply, uint16_t notify,
					 struct cv_bytes data);

#endif
