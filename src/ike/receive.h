/* From octets of the network to the handler they are meant for. */
#ifndef CULVERT_IKE_RECEIVE_H
#define CULVERT_IKE_RECEIVE_H

#include "ike/message.h"

/* What a handler of requests decides. */
enum ike_verdict {
	IKE_REPLY,  /* the reply is built */
	IKE_WAIT,   /* the driver was asked; ike_receive_resume goes on */
	IKE_SILENT, /* no answer */
};

/* A message from the network. */
void ike_receive(struct ike_engine *e, const struct ike_path *path, struct cv_bytes message);
/* Handles the request that waited for the driver's answer. */
void ike_receive_resume(struct ike_sa *sa);

#endif
