/* Is the peer still there (RFC 7296 section 2.4)? And keepalives for NATs (RFC 3948 section 4). */
#ifndef CULVERT_IKE_LIVENESS_H
#define CULVERT_IKE_LIVENESS_H

#include "ike/core.h"
#include "ike/task.h"

/* Starts both clocks of an established IKE SA. */
void ike_liveness_start(struct ike_sa *sa);
/* The clocks went off. */
void ike_liveness_due(struct ike_sa *sa);
void ike_keepalive_due(struct ike_sa *sa);
/* Asks the peer now: an empty INFORMATIONAL. Whoever does not answer is gone. */
void ike_liveness_ask(struct ike_sa *sa);
/* What the plane saw of a child. */
void ike_liveness_usage(struct ike_sa *sa, uint64_t last_in_ms, uint64_t last_out_ms);
extern const struct ike_task_ops ike_liveness_ops;

#endif
