/* Messages of the engine: what handlers see of a received one, and how ours are made. */
#ifndef CULVERT_IKE_MESSAGE_H
#define CULVERT_IKE_MESSAGE_H

#include "ike/core.h"
#include "wire/payloads.h"

struct ike_msg {
	struct wire_header h;
	struct ike_path path;
	struct cv_bytes raw;	 /* the whole message as it came */
	struct wire_chain chain; /* what the handler reads: inside SK, or the plain payloads of IKE_SA_INIT */
	uint8_t critical;	 /* type of an unknown payload with the critical bit; 0: none */
	bool response;
};

/* Body of the first payload of that type; {NULL, 0}: none. */
struct cv_bytes ike_msg_body(const struct ike_msg *msg, uint8_t type);

/* Starts a payload chain for the inside of SK in the engine's buffer: of a request, or of an answer. One of
 * each at a time. */
void ike_message_request(struct ike_engine *e, struct wire_builder *b);
void ike_message_reply(struct ike_engine *e, struct wire_builder *b);
/* Protects a finished inner chain as one message of that exchange; *out is in the engine's buffer, valid
 * until the next one is built. */
enum cv_err ike_message_seal(struct ike_sa *sa, struct wire_builder *inner, uint8_t exchange, bool response,
			     uint32_t id, struct cv_bytes *out) CV_NODISCARD;
/* Opens the SK payload of a message that stands in e->rx. *first: type of the first inner payload. CV_E_AUTH
 * when it is not from the peer. */
enum cv_err ike_message_open(struct ike_sa *sa, const struct wire_payload *sk, size_t message_len,
			     struct cv_bytes *plain) CV_NODISCARD;

/* Sends the answer to request `id` and keeps it for a retransmitted request (RFC 7296 section 2.1). */
void ike_message_respond(struct ike_sa *sa, const struct ike_path *path, uint8_t exchange, uint32_t id,
			 struct wire_builder *inner);
/* An unprotected answer with one notify, rate-limited (RFC 7296 sections 2.21.1, 2.21.4). spi_r: ours, or 0.
 */
void ike_message_refuse(struct ike_engine *e, const struct ike_path *path, const struct wire_header *request,
			uint16_t notify, struct cv_bytes data);
/* The same for cookies and other groups, which get no limit of their own (they are the answer to load). */
void ike_message_redo(struct ike_engine *e, const struct ike_path *path, const struct wire_header *request,
		      uint16_t notify, struct cv_bytes data);

#endif
