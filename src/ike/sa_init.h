/* IKE_SA_INIT (RFC 7296 section 1.2), both roles. */
#ifndef CULVERT_IKE_SA_INIT_H
#define CULVERT_IKE_SA_INIT_H

#include "ike/message.h"
#include "ike/task.h"

/* As initiator, on sa->path: sends the first request. */
void ike_init_start(struct ike_sa *sa);
extern const struct ike_task_ops ike_init_ops;
/* The stream was lost behind a COOKIE or INVALID_KE_PAYLOAD: libreswan ends it there as responder, and waits
 * for the next try on another. False: that is not the case, or there is no memory. */
bool ike_init_redial(struct ike_sa *sa);

/* As responder: a request from somebody who may be anybody. msg->chain is not filled yet. */
void ike_init_request(struct ike_engine *e, struct ike_msg *msg);

#endif
