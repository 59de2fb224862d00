/* ike= and esp=: proposal texts in libreswan's and strongSwan's spellings. Private to conf/. */
#ifndef CULVERT_CONF_PROPOSAL_H
#define CULVERT_CONF_PROPOSAL_H

#include "conf/message.h"
#include "conf/raw.h"
#include "wire/payloads.h"

/* One word of such a text. */
struct conf_algorithm {
	uint8_t kind;	     /* enum conf_algorithm_kind */
	uint16_t id;	     /* of the IANA registry of its kind */
	uint16_t key_bits;   /* ciphers with a choice; 0: none was named */
	const char *refusal; /* why it is known, but not to be had; NULL: it is */
};
enum conf_algorithm_kind {
	CONF_ALG_ENCR,
	CONF_ALG_HASH /* integrity or PRF, by its place; id is that of the PRF */,
	CONF_ALG_INTEG,
	CONF_ALG_PRF,
	CONF_ALG_KE,
	CONF_ALG_ESN,
	CONF_ALG_NONE /* "none" or "null": no integrity with an AEAD, or no group */,
};

/* Looks one word up. False: there is no such word. */
bool conf_algorithm_find(const char *word, struct conf_algorithm *out);
/* The integrity algorithm that a hash word names. */
uint16_t conf_hash_integ(uint16_t prf);

/* Reads proposals of `protocol` (WIRE_PROTO_IKE or WIRE_PROTO_ESP), best first. What is left out is filled:
 * hashes with sha2_512+sha2_256; groups of IKE with the usual ones; those of ESP, when `groups` is not NULL
 * (pfs=yes), with all of that list. ESN transforms are added as `esn` (enum conf_esn) says. False: said in
 * the journal, by key and position. */
bool conf_proposals_parse(struct conf_journal *j, struct conf_where at, const char *key, const char *text,
			  enum wire_protocol protocol, const struct wire_sa *groups, uint8_t esn,
			  struct wire_sa *out);

#endif
