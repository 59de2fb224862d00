/* The IKE header and the chain of payloads (RFC 7296 sections 3.1, 3.2). Decoding gives views into the
 * message; encoding writes typed values. No state. */
#ifndef CULVERT_WIRE_MESSAGE_H
#define CULVERT_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"
#include "wire/numbers.h"

struct wire_header {
	uint64_t spi_i;
	uint64_t spi_r;
	uint8_t next_payload;
	uint8_t major;
	uint8_t minor;
	uint8_t exchange; /* enum wire_exchange, or unknown */
	uint8_t flags;	  /* enum wire_flag; unknown bits kept */
	uint32_t message_id;
	uint32_t length; /* of the whole message, octets */
};

/* Reads the 28 octets; CV_E_TRUNCATED when there are fewer. Checks nothing else, so that the caller can
 * answer a foreign version (RFC 7296 section 2.5). */
enum cv_err wire_header_decode(struct cv_bytes message, struct wire_header *out) CV_NODISCARD;

struct wire_payload {
	uint8_t type; /* enum wire_payload_type, or unknown */
	bool critical;
	uint8_t next;	      /* the next payload field; for SK and SKF the type of the first inner payload */
	struct cv_bytes body; /* without the generic header */
	size_t offset;	      /* of the generic header from the start of the decoded region */
};

/* More payloads than this in one chain are CV_E_LIMIT (bounded work for hostile input). An honest message
 * stays far below it. */
#define WIRE_PAYLOADS_MAX 64

struct wire_chain {
	uint8_t count;
	struct wire_payload payload[WIRE_PAYLOADS_MAX];
};

/* Cuts `region` into payloads, the first of type `first`; SK and SKF end the chain (R7296-3.1-7). The chain
 * must end exactly at the end: else CV_E_SYNTAX. Unknown types are kept; the first unknown one with the
 * critical bit sets *critical_unknown (0: none), which is not an error here. */
enum cv_err wire_chain_decode(uint8_t first, struct cv_bytes region, struct wire_chain *out,
			      uint8_t *critical_unknown) CV_NODISCARD;

/* First payload of that type, or NULL. */
const struct wire_payload *wire_chain_find(const struct wire_chain *chain, uint8_t type);
unsigned wire_chain_count(const struct wire_chain *chain, uint8_t type);

/* Builds one message or one inner chain. begin..end of each payload patch the chain of next-payload fields.
 */
struct wire_builder {
	struct cv_writer w;
	size_t next_field;   /* offset of the octet that names the next payload, or SIZE_MAX */
	size_t open_payload; /* offset of the generic header being written, or SIZE_MAX */
	uint8_t first;	     /* type of the first payload written so far (for inner chains) */
	bool has_header;     /* Length is to be patched at the end */
};

/* A message with its header in front; Length is patched by wire_build_finish. header->next_payload and
 * ->length are not looked at; of the flags only Initiator and Response go out. */
void wire_build_message(struct wire_builder *b, uint8_t *buf, size_t cap, const struct wire_header *header);
/* A chain without a header (the inside of SK); b->first names its first payload. */
void wire_build_inner(struct wire_builder *b, uint8_t *buf, size_t cap);
/* One payload at a time: beginning a second one before the first has ended fails the writer, as does a
 * payload above 65535 octets. While SK is being written b->next_field is where the type of its first inner
 * payload goes. */
void wire_build_begin(struct wire_builder *b, uint8_t type);
void wire_build_end(struct wire_builder *b);
/* The finished octets, or CV_E_NOSPACE when anything did not fit (or was not built by the rules above). */
enum cv_err wire_build_finish(struct wire_builder *b, struct cv_bytes *out) CV_NODISCARD;

#endif
