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
/* Authentic, newest ESP of one of its Child SAs came from another address: the NAT in front of the peer has a
 * new mapping (RFC 7296 section 2.23). Only for UDP and a peer behind a NAT. */
void ike_receive_moved(struct ike_sa *sa, const struct ike_path *path);
/* Handles the request that waited for the driver's answer. */
void ike_receive_resume(struct ike_sa *sa);

#endif
