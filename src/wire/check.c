/* Decodes whatever stands in the clear in a message, and keeps nothing of it. */
#include "wire/payloads.h"

static enum cv_err check_payload(const struct wire_payload *p)
{
	union {
		struct wire_sa sa;
		struct wire_ke_payload ke;
		struct wire_id id;
		struct wire_auth auth;
		struct cv_bytes nonce;
		struct wire_notify_payload notify;
		struct wire_delete del;
		struct wire_ts_list ts;
	} u;

	switch (p->type) {
	case WIRE_SA: return wire_sa_decode(p->body, &u.sa);
	case WIRE_KE: return wire_ke_decode(p->body, &u.ke);
	case WIRE_IDI:
	case WIRE_IDR: return wire_id_decode(p->body, &u.id);
	case WIRE_AUTH: return wire_auth_decode(p->body, &u.auth);
	case WIRE_NONCE: return wire_nonce_decode(p->body, &u.nonce);
	case WIRE_NOTIFY: return wire_notify_decode(p->body, &u.notify);
	case WIRE_DELETE: return wire_delete_decode(p->body, &u.del);
	case WIRE_TSI:
	case WIRE_TSR: return wire_ts_decode(p->body, &u.ts);
	default: return CV_OK;
	}
}

enum cv_err wire_message_check(struct cv_bytes message)
{
	struct wire_header header;
	struct wire_chain chain;
	uint8_t critical;
	enum cv_err err = wire_header_decode(message, &header);

	if (err != CV_OK)
		return err;
	if (header.major != 2)
		return CV_E_UNSUPPORTED;
	if (header.length != message.len || header.spi_i == 0)
		return CV_E_SYNTAX;
	err =
	    wire_chain_decode(header.next_payload,
			      cv_bytes(message.data + WIRE_IKE_HEADER_LEN, message.len - WIRE_IKE_HEADER_LEN),
			      &chain, &critical);
	for (uint8_t i = 0; err == CV_OK && i < chain.count; i++)
		err = check_payload(&chain.payload[i]);
	return err;
}
