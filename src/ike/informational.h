/* INFORMATIONAL requests (RFC 7296 section 1.4). */
#ifndef CULVERT_IKE_INFORMATIONAL_H
#define CULVERT_IKE_INFORMATIONAL_H

#include "ike/receive.h"

/* Deletes, errors, and the empty question whether we are there. Always answered (R7296-1.4-1). */
enum ike_verdict ike_informational_request(struct ike_sa *sa, const struct ike_msg *msg,
					   struct wire_builder *reply);

#endif
