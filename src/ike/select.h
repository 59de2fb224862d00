/* Choosing algorithms (RFC 7296 sections 2.7 and 3.3, RFC 5282 section 8). */
#ifndef CULVERT_IKE_SELECT_H
#define CULVERT_IKE_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "ike/core.h"
#include "wire/payloads.h"

/* How the KE transforms of ESP proposals are taken. */
enum ike_select_ke {
	IKE_KE_REQUIRED, /* IKE SA: one must be chosen */
	IKE_KE_IGNORED, /* Child SA made in IKE_AUTH: none is used, whatever is offered (RFC 7296 section 1.2)
			 */
	IKE_KE_OPTIONAL, /* Child SA made later: as configured */
};

struct ike_selected {
	struct ike_suite suite;
	uint8_t number; /* of the peer's proposal */
	uint8_t spi_len;
	uint64_t spi;	 /* the peer's */
	bool integ_none; /* the peer offered INTEG NONE by name, so the answer names it */
	bool ke_none;	 /* likewise KE NONE */
};

/* As responder: the first of our proposals that one of the peer's can meet, with the transforms in our order
 * of preference; among common groups `sent_group` (that of the KE payload, 0: none) is preferred, which saves
 * a round trip. `extra_groups`: proposals whose KE transforms are acceptable as well where ours name none
 * (pfs=no accepts PFS), or NULL. CV_E_NOTFOUND: NO_PROPOSAL_CHOSEN. */
enum cv_err ike_select(const struct wire_sa *ours, const struct wire_sa *theirs, uint8_t protocol,
		       uint8_t ke_mode, uint16_t sent_group, const struct wire_sa *extra_groups,
		       struct ike_selected *out) CV_NODISCARD;

/* As initiator: the answer must be exactly one proposal, made of one of ours with one transform of each type
 * (R7296-3.3.6-1). CV_E_SYNTAX when it is not. */
enum cv_err ike_select_check(const struct wire_sa *offered, const struct wire_sa *answer, uint8_t protocol,
			     uint8_t ke_mode, struct ike_selected *out) CV_NODISCARD;

/* The answer to what was selected, with our SPI of spi_len octets. */
void ike_select_answer(const struct ike_selected *selected, uint8_t protocol, uint8_t spi_len, uint64_t spi,
		       struct wire_sa *out);

/* Does a connection with these proposals accept a suite that was chosen for another one? */
bool ike_select_allows(const struct wire_sa *ours, const struct ike_suite *suite);

/* What we offer: proposals numbered from 1 with our SPI; keep_ke false leaves KE transforms out. */
void ike_select_offer(const struct wire_sa *ours, uint8_t protocol, uint8_t spi_len, uint64_t spi,
		      bool keep_ke, struct wire_sa *out);

/* The first group that is offered and that we can do; 0: none. */
uint16_t ike_select_first_group(const struct wire_sa *offer);
bool ike_select_has_group(const struct wire_sa *offer, uint16_t group);

#endif
