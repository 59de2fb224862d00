/* Which messages and payloads are admitted in which state, before any handler reads them. */
#ifndef CULVERT_IKE_ADMIT_H
#define CULVERT_IKE_ADMIT_H

#include "ike/message.h"

enum ike_admission {
	IKE_ADMITTED,
	IKE_NOT_NOW,   /* no such message in this state or from this side: drop it */
	IKE_MALFORMED, /* a payload is missing, given twice, or does not belong here */
};

/* sa: NULL for a request that asks for a new one. is_protected: its payloads came inside SK. */
enum ike_admission ike_admit(const struct ike_sa *sa, const struct ike_msg *msg, bool is_protected);

#endif
