/* The syntax of ike= and esp=:
 *
 *   list     = proposal *("," proposal)
 *   proposal = ciphers *("-" hashes or groups)
 *
 * where "+" joins alternatives, and several dashes do too for groups (as strongSwan writes it). libreswan's
 * older files have ";" in front of the group. Names may be broken by dashes themselves (sha2-256), so the
 * longest run of pieces that makes a word counts as one. Two places with hashes in ike= are integrity and
 * PRF, as in libreswan. */
#include "conf/proposal.h"

#include <stdio.h>
#include <string.h>

#include "crypto/suite.h"

enum { WORDS_MAX = 32, PIECES_MAX = 4, PIECE_LEN_MAX = 32 };

static const uint16_t default_hashes[] = { WIRE_PRF_HMAC_SHA2_512, WIRE_PRF_HMAC_SHA2_256 };
static const uint16_t default_groups[] = { WIRE_KE_CURVE25519, WIRE_KE_ECP256,	 WIRE_KE_ECP384,
					   WIRE_KE_ECP521,     WIRE_KE_MODP2048, WIRE_KE_MODP3072,
					   WIRE_KE_MODP4096 };

/* What one proposal of the list names, in its order. */
struct word {
	struct conf_algorithm alg;
	unsigned place; /* counts what is parted by dashes and semicolons; 0: the ciphers' */
	bool addke;	/* stands behind a semicolon */
};

struct reader {
	struct conf_journal *journal;
	struct conf_where at;
	const char *key;
	const char *text; /* the whole value, for positions */
	enum wire_protocol protocol;
	const struct wire_sa *groups;
	uint8_t esn;
	struct wire_sa *out;
	struct word words[WORDS_MAX];
	size_t count;
};

static bool wrong(const struct reader *r, const char *where, const char *word, const char *what)
{
	conf_say(r->journal, CV_LOG_ERROR, r->at, "%s=: '%s' (at character %zu): %s", r->key,
		 conf_show(word).text, (size_t)(where - r->text) + 1, what);
	return false;
}

/* --- words --- */

static size_t piece_len(const char *p)
{
	return strcspn(p, "+-;,! \t");
}

/* The longest run of pieces parted by dashes from p on that is a word. Its length, or 0. */
static size_t longest_word(const char *p, struct conf_algorithm *alg)
{
	char word[PIECE_LEN_MAX];
	size_t best = 0;
	size_t len = 0;

	for (int pieces = 0; pieces < PIECES_MAX; pieces++) {
		struct conf_algorithm found;

		size_t piece = piece_len(p + len);

		len += piece;
		if (!piece || len >= sizeof(word))
			break;
		memcpy(word, p, len);
		word[len] = '\0';
		if (conf_algorithm_find(word, &found)) {
			*alg = found;
			best = len;
		}
		if (p[len] != '-')
			break;
		len++;
	}
	return best;
}

static bool take_word(struct reader *r, const char **p, unsigned place, bool addke)
{
	struct word *w = &r->words[r->count];
	char shown[PIECE_LEN_MAX];
	size_t len;

	if (r->count == WORDS_MAX)
		return wrong(r, *p, *p, "there are too many words in one proposal");
	len = longest_word(*p, &w->alg);
	snprintf(shown, sizeof(shown), "%.*s", (int)(len ? len : piece_len(*p)), *p);
	if (!len)
		return wrong(r, *p, shown, "there is no algorithm of this name");
	if (w->alg.kind == CONF_ALG_NONE && place == 0)
		return wrong(r, *p, shown, "encryption cannot be left out; use aes256gcm16");
	if (w->alg.refusal)
		return wrong(r, *p, shown, w->alg.refusal);
	if ((w->alg.kind == CONF_ALG_ENCR) != (place == 0))
		return wrong(r, *p, shown,
			     place ? "the ciphers stand first in a proposal, joined by '+'"
				   : "a proposal starts with a cipher, like aes256gcm16");
	w->place = place;
	w->addke = addke;
	r->count++;
	*p += len;
	return true;
}

/* One proposal, up to its comma or the end. */
static bool read_words(struct reader *r, const char **p)
{
	unsigned place = 0;
	bool addke = false;

	r->count = 0;
	for (;;) {
		*p += strspn(*p, " \t");
		if (!take_word(r, p, place, addke))
			return false;
		*p += strspn(*p, " \t!"); /* a '!' at the end was once "only these" */
		if (**p == '\0' || **p == ',')
			return true;
		if (**p == '-' || **p == ';')
			place++;
		else if (**p != '+')
			return wrong(r, *p, *p, "expected one of + - ; ,");
		addke = **p == ';';
		(*p)++;
	}
}

/* --- transforms --- */

/* The algorithms that we have are far fewer than WIRE_TRANSFORMS_MAX and each is added once (twice would be
 * against RFC 7296 section 3.3), so the room is enough for any text. */
static void add_transform(struct wire_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	for (uint8_t i = 0; i < p->transform_count; i++)
		if (p->transform[i].type == type && p->transform[i].id == id &&
		    p->transform[i].key_bits == key_bits)
			return;
	if (p->transform_count < WIRE_TRANSFORMS_MAX)
		p->transform[p->transform_count++] =
		    (struct wire_transform){ .type = type, .id = id, .key_bits = key_bits };
}

static bool has_type(const struct wire_proposal *p, uint8_t type)
{
	for (uint8_t i = 0; i < p->transform_count; i++)
		if (p->transform[i].type == type)
			return true;
	return false;
}

static bool is_aead(const struct conf_algorithm *a)
{
	const struct crypto_encr_info *info = crypto_encr(a->id, a->key_bits);

	if (!info)
		info = crypto_encr(a->id, 256);
	return info && info->aead;
}

/* A cipher whose key size was left out stands for 256 and 128 bits. */
static void add_ciphers(const struct reader *r, struct wire_proposal *p, bool aead)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct conf_algorithm *a = &r->words[i].alg;

		if (a->kind != CONF_ALG_ENCR || is_aead(a) != aead)
			continue;
		if (a->key_bits || crypto_encr(a->id, 0)) {
			add_transform(p, WIRE_T_ENCR, a->id, a->key_bits);
		} else {
			add_transform(p, WIRE_T_ENCR, a->id, 256);
			add_transform(p, WIRE_T_ENCR, a->id, 128);
		}
	}
}

/* The first and last place with hashes: where there are two, the first is integrity and the last the PRF. */
static void hash_places(const struct reader *r, unsigned *first, unsigned *last)
{
	*first = 0;
	*last = 0;
	for (size_t i = 0; i < r->count; i++)
		if (r->words[i].alg.kind == CONF_ALG_HASH) {
			if (!*first)
				*first = r->words[i].place;
			*last = r->words[i].place;
		}
}

static void add_prfs(const struct reader *r, struct wire_proposal *p, bool aead)
{
	unsigned first, last;

	hash_places(r, &first, &last);
	for (size_t i = 0; i < r->count; i++)
		if (r->words[i].alg.kind == CONF_ALG_PRF)
			add_transform(p, WIRE_T_PRF, r->words[i].alg.id, 0);
	if (has_type(p, WIRE_T_PRF))
		return;
	for (size_t i = 0; i < r->count; i++)
		if (r->words[i].alg.kind == CONF_ALG_HASH && (aead || r->words[i].place == last))
			add_transform(p, WIRE_T_PRF, r->words[i].alg.id, 0);
	if (has_type(p, WIRE_T_PRF))
		return;
	for (size_t i = 0; i < sizeof(default_hashes) / sizeof(*default_hashes); i++)
		add_transform(p, WIRE_T_PRF, default_hashes[i], 0);
}

static void add_integs(const struct reader *r, struct wire_proposal *p)
{
	unsigned first, last;

	hash_places(r, &first, &last);
	for (size_t i = 0; i < r->count; i++) {
		const struct conf_algorithm *a = &r->words[i].alg;

		if (a->kind == CONF_ALG_INTEG)
			add_transform(p, WIRE_T_INTEG, a->id, 0);
		else if (a->kind == CONF_ALG_HASH &&
			 (r->protocol == WIRE_PROTO_ESP || r->words[i].place == first))
			add_transform(p, WIRE_T_INTEG, conf_hash_integ(a->id), 0);
	}
	if (has_type(p, WIRE_T_INTEG))
		return;
	for (size_t i = 0; i < sizeof(default_hashes) / sizeof(*default_hashes); i++)
		add_transform(p, WIRE_T_INTEG, conf_hash_integ(default_hashes[i]), 0);
}

/* "none" right behind the ciphers is about integrity, later about the group. */
static bool names_no_group(const struct reader *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->words[i].alg.kind == CONF_ALG_NONE && r->words[i].place > 1)
			return true;
	return false;
}

static void add_groups_of(const struct wire_sa *groups, struct wire_proposal *p)
{
	for (uint8_t i = 0; i < groups->count; i++)
		for (uint8_t k = 0; k < groups->proposal[i].transform_count; k++)
			if (groups->proposal[i].transform[k].type == WIRE_T_KE)
				add_transform(p, WIRE_T_KE, groups->proposal[i].transform[k].id, 0);
}

static void add_groups(const struct reader *r, struct wire_proposal *p)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->words[i].alg.kind == CONF_ALG_KE)
			add_transform(p, WIRE_T_KE, r->words[i].alg.id, 0);
	if (names_no_group(r) && has_type(p, WIRE_T_KE))
		add_transform(p, WIRE_T_KE, WIRE_KE_NONE, 0);
	if (has_type(p, WIRE_T_KE) || names_no_group(r))
		return;
	if (r->protocol == WIRE_PROTO_ESP && r->groups)
		add_groups_of(r->groups, p);
	for (size_t i = 0;
	     r->protocol == WIRE_PROTO_IKE && i < sizeof(default_groups) / sizeof(*default_groups); i++)
		add_transform(p, WIRE_T_KE, default_groups[i], 0);
}

/* RFC 7296 section 3.3.3 wants one of type 5 in every proposal of ESP. */
static void add_esn(const struct reader *r, struct wire_proposal *p)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->words[i].alg.kind == CONF_ALG_ESN)
			add_transform(p, WIRE_T_ESN, r->words[i].alg.id, 0);
	if (has_type(p, WIRE_T_ESN))
		return;
	if (r->esn != CONF_ESN_NO)
		add_transform(p, WIRE_T_ESN, WIRE_ESN_YES, 0);
	if (r->esn != CONF_ESN_YES)
		add_transform(p, WIRE_T_ESN, WIRE_ESN_NO, 0);
}

/* --- whole proposals --- */

static bool has_kind(const struct reader *r, uint8_t kind)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->words[i].alg.kind == kind)
			return true;
	return false;
}

/* What cannot stand together. from: where the proposal begins. */
static bool check_words(const struct reader *r, const char *from)
{
	bool ike = r->protocol == WIRE_PROTO_IKE;
	bool ke = false;
	bool cbc = false;

	for (size_t i = 0; i < r->count; i++) {
		if (r->words[i].addke && ke && r->words[i].alg.kind == CONF_ALG_KE)
			return wrong(r, from, from, "culvert does one key exchange, not several (RFC 9370)");
		ke = ke || r->words[i].alg.kind == CONF_ALG_KE;
		cbc = cbc || (r->words[i].alg.kind == CONF_ALG_ENCR && !is_aead(&r->words[i].alg));
	}
	if (ike && names_no_group(r))
		return wrong(r, from, from, "IKE needs a key exchange; use x25519");
	if (ike && has_kind(r, CONF_ALG_ESN))
		return wrong(r, from, from, "esn belongs in esp=");
	if (!ike && has_kind(r, CONF_ALG_PRF))
		return wrong(r, from, from, "a PRF belongs in ike=");
	for (size_t i = 0; cbc && i < r->count; i++)
		if (r->words[i].alg.kind == CONF_ALG_NONE && r->words[i].place == 1)
			return wrong(r, from, from,
				     "this cipher needs integrity; use sha2_256, or aes256gcm16 alone");
	if (!ike && !cbc && (has_kind(r, CONF_ALG_HASH) || has_kind(r, CONF_ALG_INTEG)))
		conf_say(r->journal, CV_LOG_WARNING, r->at,
			 "%s=: the hash is left out, as such a cipher protects integrity by itself", r->key);
	return true;
}

static bool add_proposal(struct reader *r, const char *from, bool aead)
{
	struct wire_proposal *p;

	if (r->out->count == WIRE_PROPOSALS_MAX)
		return wrong(r, from, from, "there are too many proposals (at most 16)");
	p = &r->out->proposal[r->out->count];
	*p = (struct wire_proposal){ .number = (uint8_t)(r->out->count + 1),
				     .protocol = (uint8_t)r->protocol };
	add_ciphers(r, p, aead);
	if (!p->transform_count)
		return true;
	if (r->protocol == WIRE_PROTO_IKE)
		add_prfs(r, p, aead);
	if (!aead)
		add_integs(r, p);
	add_groups(r, p);
	if (r->protocol == WIRE_PROTO_ESP)
		add_esn(r, p);
	r->out->count++;
	return true;
}

bool conf_proposals_parse(struct conf_journal *j, struct conf_where at, const char *key, const char *text,
			  enum wire_protocol protocol, const struct wire_sa *groups, uint8_t esn,
			  struct wire_sa *out)
{
	struct reader r = { .journal = j,
			    .at = at,
			    .key = key,
			    .text = text,
			    .protocol = protocol,
			    .groups = groups,
			    .esn = esn,
			    .out = out };
	const char *p = text;

	memset(out, 0, sizeof(*out));
	for (;;) {
		const char *from = p;

		/* ciphers with and without integrity of their own cannot share a proposal (RFC 7296
		 * section 3.3) */
		if (!read_words(&r, &p) || !check_words(&r, from) || !add_proposal(&r, from, true) ||
		    !add_proposal(&r, from, false))
			return false;
		if (*p == '\0')
			return true;
		p++;
	}
}
