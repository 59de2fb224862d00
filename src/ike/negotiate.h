/* What both ends agree on for a Child SA: algorithms and selectors, for IKE_AUTH and CREATE_CHILD_SA alike.
 */
#ifndef CULVERT_IKE_NEGOTIATE_H
#define CULVERT_IKE_NEGOTIATE_H

#include "ike/message.h"
#include "ike/select.h"

struct ike_agreed {
	struct ike_policy *policy; /* the IKE SA's, or of another connection between the same identities */
	uint16_t index;		   /* which child of it */
	struct ike_selected chosen;
	struct wire_ts_list local, remote;
};

/* As responder: finds the child of ours that the request is for. rekeyed: the child it replaces, or NULL. 0,
 * or the error notify to answer with (the log has the reason). */
uint16_t ike_negotiate_answer(struct ike_sa *sa, const struct ike_msg *request, uint8_t ke_mode,
			      uint16_t sent_group, const struct ike_child *rekeyed, struct ike_agreed *out);
/* How well the selectors of the request fit the best child of a connection, 1 to 7; 0: none. */
unsigned ike_negotiate_fit(const struct ike_conn *conn, const struct ike_path *path,
			   const struct ike_msg *request);
/* Adds SAr with our SPI, then (separately, behind nonce and KE) TSi and TSr. */
void ike_negotiate_build_sa(struct wire_builder *b, const struct ike_agreed *agreed, uint32_t spi_in);
void ike_negotiate_build_ts(struct wire_builder *b, const struct ike_agreed *agreed);

/* As initiator: adds our offer for a child of the policy. */
void ike_negotiate_offer_sa(struct ike_sa *sa, struct wire_builder *b, uint32_t spi_in, bool keep_ke);
void ike_negotiate_offer_ts(struct ike_sa *sa, struct wire_builder *b, uint16_t index);
/* Checks the answer to it. False: why, in plain words. *made: the peer believes that the Child SA exists. */
bool ike_negotiate_accept(struct ike_sa *sa, const struct ike_msg *response, uint16_t index, uint8_t ke_mode,
			  struct ike_agreed *out, bool *made, char *why, size_t cap);
/* Plain words for an error notify in an answer, with what we offered. */
void ike_negotiate_explain(const struct ike_sa *sa, uint16_t notify, uint16_t index, char *why, size_t cap);

#endif
