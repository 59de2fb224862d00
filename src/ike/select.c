#include "ike/select.h"

#include "crypto/prf.h"

static bool same_transform(const struct wire_transform *a, const struct wire_transform *b)
{
	return a->type == b->type && a->id == b->id && a->key_bits == b->key_bits && !a->unusable &&
	       !b->unusable;
}

static bool contains(const struct wire_proposal *p, const struct wire_transform *t)
{
	for (unsigned i = 0; i < p->transform_count; i++) {
		if (same_transform(&p->transform[i], t))
			return true;
	}
	return false;
}

static bool contains_id(const struct wire_proposal *p, uint8_t type, uint16_t id)
{
	struct wire_transform t = { .type = type, .id = id };

	return contains(p, &t);
}

static bool has_type(const struct wire_proposal *p, uint8_t type)
{
	for (unsigned i = 0; i < p->transform_count; i++) {
		if (p->transform[i].type == type)
			return true;
	}
	return false;
}

/* Do we carry this transform out at all? */
static bool supported(const struct wire_transform *t)
{
	switch (t->type) {
	case WIRE_T_ENCR: return crypto_encr(t->id, t->key_bits) != NULL;
	case WIRE_T_PRF: return crypto_prf_size(t->id) != 0;
	case WIRE_T_INTEG: return t->id == WIRE_AUTH_NONE || crypto_integ(t->id) != NULL;
	case WIRE_T_KE: return t->id == WIRE_KE_NONE || crypto_ke_public_size(t->id) != 0;
	case WIRE_T_ESN: return t->id == WIRE_ESN_NO || t->id == WIRE_ESN_YES;
	default: return false;
	}
}

/* Our first transform of that type that the peer's proposal has too; NULL: none. */
static const struct wire_transform *first_common(const struct wire_proposal *ours,
						 const struct wire_proposal *theirs, uint8_t type)
{
	for (unsigned i = 0; i < ours->transform_count; i++) {
		const struct wire_transform *t = &ours->transform[i];

		if (t->type == type && supported(t) && contains(theirs, t))
			return t;
	}
	return NULL;
}

/* A transform type that we don't know makes the proposal unacceptable (R7296-3.3.6-2). */
static bool all_types_known(const struct wire_proposal *p)
{
	for (unsigned i = 0; i < p->transform_count; i++) {
		if (p->transform[i].type < WIRE_T_ENCR || p->transform[i].type > WIRE_T_ESN)
			return false;
	}
	return true;
}

static bool choose_integ(const struct wire_proposal *ours, const struct wire_proposal *theirs,
			 struct ike_selected *out)
{
	const struct crypto_encr_info *info = crypto_encr(out->suite.encr, out->suite.key_bits);

	if (info->aead) {
		out->integ_none = contains_id(theirs, WIRE_T_INTEG, WIRE_AUTH_NONE);
		out->suite.integ = WIRE_AUTH_NONE;
		return out->integ_none || !has_type(theirs, WIRE_T_INTEG);
	}
	for (unsigned i = 0; i < ours->transform_count; i++) {
		const struct wire_transform *t = &ours->transform[i];

		if (t->type == WIRE_T_INTEG && t->id != WIRE_AUTH_NONE && supported(t) &&
		    contains(theirs, t)) {
			out->suite.integ = t->id;
			return true;
		}
	}
	return false;
}

static bool choose_encr(const struct wire_proposal *ours, const struct wire_proposal *theirs,
			struct ike_selected *out)
{
	for (unsigned i = 0; i < ours->transform_count; i++) {
		const struct wire_transform *t = &ours->transform[i];

		if (t->type != WIRE_T_ENCR || !supported(t) || !contains(theirs, t))
			continue;
		out->suite.encr = t->id;
		out->suite.key_bits = t->key_bits;
		if (choose_integ(ours, theirs, out))
			return true;
	}
	return false;
}

static bool acceptable_group(const struct wire_proposal *ours, const struct wire_proposal *theirs,
			     uint16_t group)
{
	return group != WIRE_KE_NONE && crypto_ke_public_size(group) && contains_id(ours, WIRE_T_KE, group) &&
	       contains_id(theirs, WIRE_T_KE, group);
}

/* Groups the peer insists on where our ESP proposal names none. */
static bool choose_extra(const struct wire_proposal *theirs, uint16_t sent_group, const struct wire_sa *extra,
			 struct ike_suite *suite)
{
	for (unsigned pass = 0; extra && pass < 2; pass++) {
		for (unsigned i = 0; i < theirs->transform_count; i++) {
			const struct wire_transform *t = &theirs->transform[i];

			if (t->type != WIRE_T_KE || (pass == 0 && t->id != sent_group) || !supported(t) ||
			    t->id == WIRE_KE_NONE || !ike_select_has_group(extra, t->id))
				continue;
			suite->ke = t->id;
			return true;
		}
	}
	return false;
}

static bool choose_ke(const struct wire_proposal *ours, const struct wire_proposal *theirs, uint8_t mode,
		      uint16_t sent_group, const struct wire_sa *extra, struct ike_suite *suite)
{
	bool theirs_none = !has_type(theirs, WIRE_T_KE) || contains_id(theirs, WIRE_T_KE, WIRE_KE_NONE);
	bool ours_none = !has_type(ours, WIRE_T_KE) || contains_id(ours, WIRE_T_KE, WIRE_KE_NONE);
	const struct wire_transform *t;

	suite->ke = WIRE_KE_NONE;
	if (mode == IKE_KE_IGNORED)
		return true;
	if (acceptable_group(ours, theirs, sent_group)) {
		suite->ke = sent_group;
		return true;
	}
	for (unsigned i = 0; i < ours->transform_count; i++) {
		t = &ours->transform[i];
		if (t->type == WIRE_T_KE && acceptable_group(ours, theirs, t->id)) {
			suite->ke = t->id;
			return true;
		}
	}
	if (mode == IKE_KE_REQUIRED)
		return false;
	if (ours_none && theirs_none)
		return true;
	return !has_type(ours, WIRE_T_KE) && choose_extra(theirs, sent_group, extra, suite);
}

static bool match(const struct wire_proposal *ours, const struct wire_proposal *theirs, uint8_t ke_mode,
		  uint16_t sent_group, const struct wire_sa *extra, struct ike_selected *out)
{
	const struct wire_transform *t;

	*out =
	    (struct ike_selected){ .number = theirs->number, .spi_len = theirs->spi_len, .spi = theirs->spi };
	if (ours->protocol != theirs->protocol || !all_types_known(theirs) || !choose_encr(ours, theirs, out))
		return false;
	if (ours->protocol == WIRE_PROTO_IKE) {
		t = first_common(ours, theirs, WIRE_T_PRF);
		if (!t)
			return false;
		out->suite.prf = t->id;
	} else {
		t = first_common(ours, theirs, WIRE_T_ESN);
		if (!t)
			return false;
		out->suite.esn = t->id == WIRE_ESN_YES;
	}
	if (!choose_ke(ours, theirs, ke_mode, sent_group, extra, &out->suite))
		return false;
	out->ke_none =
	    ke_mode == IKE_KE_OPTIONAL && out->suite.ke == WIRE_KE_NONE && has_type(theirs, WIRE_T_KE);
	return true;
}

enum cv_err ike_select(const struct wire_sa *ours, const struct wire_sa *theirs, uint8_t protocol,
		       uint8_t ke_mode, uint16_t sent_group, const struct wire_sa *extra_groups,
		       struct ike_selected *out)
{
	for (unsigned i = 0; i < ours->count; i++) {
		if (ours->proposal[i].protocol != protocol)
			continue;
		for (unsigned j = 0; j < theirs->count; j++) {
			if (match(&ours->proposal[i], &theirs->proposal[j], ke_mode, sent_group, extra_groups,
				  out))
				return CV_OK;
		}
	}
	return CV_E_NOTFOUND;
}

/* One transform per type, each out of the proposal that was offered. */
static bool answer_consistent(const struct wire_proposal *offered, const struct wire_proposal *answer)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < answer->transform_count; i++) {
		const struct wire_transform *t = &answer->transform[i];
		bool none = t->id == 0 && (t->type == WIRE_T_INTEG || t->type == WIRE_T_KE);

		if (t->type < WIRE_T_ENCR || t->type > WIRE_T_ESN || seen & 1u << t->type || t->unusable)
			return false;
		if (!supported(t) || (!contains(offered, t) && !(none && !has_type(offered, t->type))))
			return false;
		seen |= 1u << t->type;
	}
	return true;
}

static void suite_of(const struct wire_proposal *p, struct ike_suite *suite)
{
	for (unsigned i = 0; i < p->transform_count; i++) {
		const struct wire_transform *t = &p->transform[i];

		switch (t->type) {
		case WIRE_T_ENCR:
			suite->encr = t->id;
			suite->key_bits = t->key_bits;
			break;
		case WIRE_T_PRF: suite->prf = t->id; break;
		case WIRE_T_INTEG: suite->integ = t->id; break;
		case WIRE_T_KE: suite->ke = t->id; break;
		case WIRE_T_ESN: suite->esn = t->id == WIRE_ESN_YES; break;
		default: break;
		}
	}
}

/* Are the types there that the protocol cannot do without (RFC 7296 section 3.3.3)? */
static bool suite_complete(const struct wire_proposal *offered, const struct wire_proposal *answer,
			   uint8_t ke_mode, const struct ike_suite *suite)
{
	const struct crypto_encr_info *info = crypto_encr(suite->encr, suite->key_bits);

	if (!has_type(answer, WIRE_T_ENCR) || !info || info->aead != (suite->integ == WIRE_AUTH_NONE))
		return false;
	if (ke_mode == IKE_KE_REQUIRED && suite->ke == WIRE_KE_NONE)
		return false;
	if (ke_mode == IKE_KE_OPTIONAL && suite->ke == WIRE_KE_NONE && has_type(offered, WIRE_T_KE) &&
	    !contains_id(offered, WIRE_T_KE, WIRE_KE_NONE))
		return false;
	return has_type(answer, answer->protocol == WIRE_PROTO_IKE ? WIRE_T_PRF : WIRE_T_ESN);
}

enum cv_err ike_select_check(const struct wire_sa *offered, const struct wire_sa *answer, uint8_t protocol,
			     uint8_t ke_mode, struct ike_selected *out)
{
	const struct wire_proposal *p = &answer->proposal[0];

	if (answer->count != 1 || p->protocol != protocol)
		return CV_E_SYNTAX;
	for (unsigned i = 0; i < offered->count; i++) {
		if (offered->proposal[i].number != p->number)
			continue;
		if (!answer_consistent(&offered->proposal[i], p))
			return CV_E_SYNTAX;
		*out = (struct ike_selected){ .number = p->number, .spi_len = p->spi_len, .spi = p->spi };
		suite_of(p, &out->suite);
		if (!suite_complete(&offered->proposal[i], p, ke_mode, &out->suite))
			return CV_E_SYNTAX;
		return CV_OK;
	}
	return CV_E_SYNTAX;
}

static void add(struct wire_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	p->transform[p->transform_count++] =
	    (struct wire_transform){ .type = type, .id = id, .key_bits = key_bits };
}

void ike_select_answer(const struct ike_selected *selected, uint8_t protocol, uint8_t spi_len, uint64_t spi,
		       struct wire_sa *out)
{
	const struct ike_suite *suite = &selected->suite;
	struct wire_proposal *p = &out->proposal[0];

	out->count = 1;
	*p = (struct wire_proposal){
		.number = selected->number, .protocol = protocol, .spi_len = spi_len, .spi = spi
	};
	add(p, WIRE_T_ENCR, suite->encr, suite->key_bits);
	if (protocol == WIRE_PROTO_IKE)
		add(p, WIRE_T_PRF, suite->prf, 0);
	if (suite->integ != WIRE_AUTH_NONE || selected->integ_none)
		add(p, WIRE_T_INTEG, suite->integ, 0);
	if (suite->ke != WIRE_KE_NONE || selected->ke_none)
		add(p, WIRE_T_KE, suite->ke, 0);
	if (protocol == WIRE_PROTO_ESP)
		add(p, WIRE_T_ESN, suite->esn ? WIRE_ESN_YES : WIRE_ESN_NO, 0);
}

bool ike_select_allows(const struct wire_sa *ours, const struct ike_suite *suite)
{
	for (unsigned i = 0; i < ours->count; i++) {
		const struct wire_proposal *p = &ours->proposal[i];
		struct wire_transform encr = { .type = WIRE_T_ENCR,
					       .id = suite->encr,
					       .key_bits = suite->key_bits };

		if (contains(p, &encr) && contains_id(p, WIRE_T_PRF, suite->prf) &&
		    contains_id(p, WIRE_T_KE, suite->ke) &&
		    (suite->integ == WIRE_AUTH_NONE || contains_id(p, WIRE_T_INTEG, suite->integ)))
			return true;
	}
	return false;
}

void ike_select_offer(const struct wire_sa *ours, uint8_t protocol, uint8_t spi_len, uint64_t spi,
		      bool keep_ke, struct wire_sa *out)
{
	out->count = 0;
	for (unsigned i = 0; i < ours->count; i++) {
		const struct wire_proposal *from = &ours->proposal[i];
		struct wire_proposal *to = &out->proposal[out->count];

		if (from->protocol != protocol)
			continue;
		*to = (struct wire_proposal){ .number = (uint8_t)(out->count + 1),
					      .protocol = protocol,
					      .spi_len = spi_len,
					      .spi = spi };
		for (unsigned j = 0; j < from->transform_count; j++) {
			if (keep_ke || from->transform[j].type != WIRE_T_KE)
				to->transform[to->transform_count++] = from->transform[j];
		}
		out->count++;
	}
}

uint16_t ike_select_first_group(const struct wire_sa *offer)
{
	for (unsigned i = 0; i < offer->count; i++) {
		const struct wire_proposal *p = &offer->proposal[i];

		for (unsigned j = 0; j < p->transform_count; j++) {
			const struct wire_transform *t = &p->transform[j];

			if (t->type == WIRE_T_KE && t->id != WIRE_KE_NONE && supported(t))
				return t->id;
		}
	}
	return 0;
}

bool ike_select_has_group(const struct wire_sa *offer, uint16_t group)
{
	for (unsigned i = 0; i < offer->count; i++) {
		if (contains_id(&offer->proposal[i], WIRE_T_KE, group))
			return true;
	}
	return false;
}
