#include "ike/policy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/bytes.h"

bool ike_id_equal(const struct ike_id *a, const struct ike_id *b)
{
	return a->type == b->type && cv_bytes_equal(cv_bytes(a->data, a->len), cv_bytes(b->data, b->len));
}

/* What is not printable is shown as \xHH, so that a peer cannot write into a terminal. */
static const char *printable(const struct ike_id *id, const char *before, char *out, size_t cap)
{
	size_t len = (size_t)snprintf(out, cap, "%s", before);

	for (size_t i = 0; i < id->len && len < cap; i++) {
		uint8_t c = id->data[i];

		len += (size_t)snprintf(out + len, cap - len,
					c >= 0x21 && c < 0x7f && c != '\\' ? "%c" : "\\x%02x", c);
	}
	return out;
}

const char *ike_id_text(const struct ike_id *id, char *out, size_t cap)
{
	char ip[CV_IP_TEXT_MAX], hex[2 * IKE_ID_MAX + 1];
	struct cv_ip address = cv_ip_from_bytes(cv_bytes(id->data, id->len));

	switch (id->type) {
	case 0: snprintf(out, cap, "%%any"); return out;
	case WIRE_ID_NULL: snprintf(out, cap, "%%null"); return out;
	case WIRE_ID_IPV4:
	case WIRE_ID_IPV6:
		if (!address.family)
			break;
		snprintf(out, cap, "%s", cv_ip_text(&address, ip));
		return out;
	case WIRE_ID_FQDN: return printable(id, "@", out, cap);
	case WIRE_ID_RFC822: return printable(id, "", out, cap);
	default: break;
	}
	snprintf(out, cap, "@#%s", cv_hex(cv_bytes(id->data, id->len), hex, sizeof(hex)));
	return out;
}

/* --- proposals, in the words of ike= and esp= --- */

struct word {
	uint8_t type;
	uint16_t id;
	uint16_t key_bits;
	const char *text;
};

static const struct word words[] = {
	{ WIRE_T_ENCR, WIRE_ENCR_AES_GCM_16, 128, "aes128gcm16" },
	{ WIRE_T_ENCR, WIRE_ENCR_AES_GCM_16, 192, "aes192gcm16" },
	{ WIRE_T_ENCR, WIRE_ENCR_AES_GCM_16, 256, "aes256gcm16" },
	{ WIRE_T_ENCR, WIRE_ENCR_AES_CBC, 128, "aes128" },
	{ WIRE_T_ENCR, WIRE_ENCR_AES_CBC, 192, "aes192" },
	{ WIRE_T_ENCR, WIRE_ENCR_AES_CBC, 256, "aes256" },
	{ WIRE_T_ENCR, WIRE_ENCR_CHACHA20_POLY1305, 0, "chacha20poly1305" },
	{ WIRE_T_ENCR, WIRE_ENCR_3DES, 0, "3des" },
	{ WIRE_T_ENCR, WIRE_ENCR_NULL, 0, "null" },
	{ WIRE_T_PRF, WIRE_PRF_HMAC_SHA2_256, 0, "sha2_256" },
	{ WIRE_T_PRF, WIRE_PRF_HMAC_SHA2_384, 0, "sha2_384" },
	{ WIRE_T_PRF, WIRE_PRF_HMAC_SHA2_512, 0, "sha2_512" },
	{ WIRE_T_PRF, WIRE_PRF_HMAC_SHA1, 0, "sha1" },
	{ WIRE_T_INTEG, WIRE_AUTH_HMAC_SHA2_256_128, 0, "sha2_256" },
	{ WIRE_T_INTEG, WIRE_AUTH_HMAC_SHA2_384_192, 0, "sha2_384" },
	{ WIRE_T_INTEG, WIRE_AUTH_HMAC_SHA2_512_256, 0, "sha2_512" },
	{ WIRE_T_INTEG, WIRE_AUTH_HMAC_SHA1_96, 0, "sha1" },
	{ WIRE_T_KE, WIRE_KE_MODP1024, 0, "dh2" },
	{ WIRE_T_KE, WIRE_KE_MODP1536, 0, "dh5" },
	{ WIRE_T_KE, WIRE_KE_MODP2048, 0, "dh14" },
	{ WIRE_T_KE, WIRE_KE_MODP3072, 0, "dh15" },
	{ WIRE_T_KE, WIRE_KE_MODP4096, 0, "dh16" },
	{ WIRE_T_KE, WIRE_KE_MODP8192, 0, "dh18" },
	{ WIRE_T_KE, WIRE_KE_ECP256, 0, "dh19" },
	{ WIRE_T_KE, WIRE_KE_ECP384, 0, "dh20" },
	{ WIRE_T_KE, WIRE_KE_ECP521, 0, "dh21" },
	{ WIRE_T_KE, WIRE_KE_CURVE25519, 0, "x25519" },
};

static const char *word_of(const struct wire_transform *t)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].type == t->type && words[i].id == t->id && words[i].key_bits == t->key_bits)
			return words[i].text;
	}
	return wire_transform_name(t->type, t->id);
}

struct text {
	char *out;
	size_t cap;
	size_t len;
};

static void put(struct text *t, const char *before, const char *word)
{
	if (t->len < t->cap)
		t->len += (size_t)snprintf(t->out + t->len, t->cap - t->len, "%s%s", before, word);
}

/* All transforms of one type, joined by "+"; none leaves no trace. */
static void put_type(struct text *t, const struct wire_proposal *p, uint8_t type, const char *before)
{
	for (unsigned i = 0; i < p->transform_count; i++) {
		if (p->transform[i].type != type || (p->transform[i].id == 0 && type != WIRE_T_ENCR))
			continue;
		put(t, before, word_of(&p->transform[i]));
		before = "+";
	}
}

static bool same_hashes(const struct wire_proposal *p)
{
	const struct wire_transform *prf = NULL, *integ = NULL;
	unsigned prfs = 0, integs = 0;

	for (unsigned i = 0; i < p->transform_count; i++) {
		if (p->transform[i].type == WIRE_T_PRF) {
			prf = &p->transform[i];
			prfs++;
		} else if (p->transform[i].type == WIRE_T_INTEG) {
			integ = &p->transform[i];
			integs++;
		}
	}
	return prfs == 1 && integs == 1 && strcmp(word_of(prf), word_of(integ)) == 0;
}

const char *ike_proposals_text(const struct wire_sa *sa, char *out, size_t cap)
{
	struct text t = { .out = out, .cap = cap };

	out[0] = '\0';
	for (unsigned i = 0; i < sa->count; i++) {
		const struct wire_proposal *p = &sa->proposal[i];

		put_type(&t, p, WIRE_T_ENCR, i ? ", " : "");
		put_type(&t, p, WIRE_T_INTEG, "-");
		/* One word stands for both hashes when they are the same. */
		if (!same_hashes(p))
			put_type(&t, p, WIRE_T_PRF, "-");
		put_type(&t, p, WIRE_T_KE, "-");
	}
	return sa->count ? out : "nothing";
}
