/* Delete payloads (RFC 7296 section 1.4.1), both ways. */
#ifndef CULVERT_IKE_DELETE_H
#define CULVERT_IKE_DELETE_H

#include "ike/message.h"
#include "ike/task.h"

/* Tells the peer that the IKE SA ends; it is closed with the answer, or without one after a while. Children
 * go at once. why: a constant text. notify: an error that goes along, or 0. */
void ike_delete_sa_start(struct ike_sa *sa, const char *why, uint16_t notify);
/* Ends one Child SA. */
void ike_delete_child_start(struct ike_child *child);
/* Ends one that only the peer believes in, by our inbound SPI. */
void ike_delete_spi_start(struct ike_sa *sa, uint32_t spi_in);

/* Does a request delete a Child SA that we are just about to learn of? Over UDP its Delete can overtake the
 * answer to CREATE_CHILD_SA. Leave the request unanswered then: the peer repeats it. */
bool ike_delete_overtakes(const struct ike_sa *sa, const struct ike_msg *msg);
/* Carries out the Delete payloads of a request and adds those of the answer. True: the IKE SA is to end. */
bool ike_delete_requested(struct ike_sa *sa, const struct ike_msg *msg, struct wire_builder *reply);

#endif
