#include "crypto/ke.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "crypto/algs.h"
#include "wire/numbers.h"

enum ke_kind { KE_MODP, KE_ECP, KE_MONTGOMERY };

static const struct ke_group {
	uint16_t id;
	uint16_t public_len;
	uint16_t shared_len; /* ECP: only x (RFC 5903 section 7) */
	enum ke_kind kind;
	const char *type; /* OpenSSL's key type and group name */
	const char *name;
} groups[CRYPTO_KE_GROUPS] = {
	{ WIRE_KE_MODP2048, 256, 256, KE_MODP, "DH", "modp_2048" },
	{ WIRE_KE_MODP3072, 384, 384, KE_MODP, "DH", "modp_3072" },
	{ WIRE_KE_MODP4096, 512, 512, KE_MODP, "DH", "modp_4096" },
	{ WIRE_KE_MODP6144, 768, 768, KE_MODP, "DH", "modp_6144" },
	{ WIRE_KE_MODP8192, 1024, 1024, KE_MODP, "DH", "modp_8192" },
	{ WIRE_KE_ECP256, 64, 32, KE_ECP, "EC", "P-256" },
	{ WIRE_KE_ECP384, 96, 48, KE_ECP, "EC", "P-384" },
	{ WIRE_KE_ECP521, 132, 66, KE_ECP, "EC", "P-521" },
	{ WIRE_KE_CURVE25519, 32, 32, KE_MONTGOMERY, "X25519", NULL },
	{ WIRE_KE_CURVE448, 56, 56, KE_MONTGOMERY, "X448", NULL },
};

struct crypto_ke {
	const struct ke_group *group;
	EVP_PKEY *key;
	uint8_t public[CRYPTO_KE_PUBLIC_MAX];
};

/* An uncompressed point has this octet in front of x | y. */
#define EC_UNCOMPRESSED 0x04

static const struct ke_group *group_find(uint16_t id)
{
	for (size_t i = 0; i < CRYPTO_KE_GROUPS; i++) {
		if (groups[i].id == id && (!crypto_algs.ready || crypto_algs.ke[i]))
			return &groups[i];
	}
	return NULL;
}

static EVP_PKEY *group_template(const struct ke_group *g)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, g->type, NULL);
	bool ok = ctx != NULL;

	if (ok && g->kind == KE_MONTGOMERY) {
		/* These have no parameters that could stand alone; any key does. */
		ok = EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &key) == 1;
	} else if (ok) {
		ok = EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_group_name(ctx, g->name) == 1 &&
		     EVP_PKEY_generate(ctx, &key) == 1;
	}
	EVP_PKEY_CTX_free(ctx);
	return ok ? key : NULL;
}

bool crypto_ke_init(struct crypto_algs *algs)
{
	for (size_t i = 0; i < CRYPTO_KE_GROUPS; i++)
		algs->ke[i] = group_template(&groups[i]);
	return algs->ke[0] != NULL; /* group 14 is a MUST (RFC 8247 section 2.4) */
}

size_t crypto_ke_public_size(uint16_t group)
{
	const struct ke_group *g = group_find(group);

	return g ? g->public_len : 0;
}

/* The public value as it stands in the KE payload: MODP padded in front to the prime's length (RFC 7296
 * section 3.4), ECP x | y without OpenSSL's first octet. */
static bool ke_export_public(struct crypto_ke *ke)
{
	unsigned char *encoded = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(ke->key, &encoded);
	size_t skip = ke->group->kind == KE_ECP ? 1 : 0;
	bool ok = len == ke->group->public_len + skip && (skip == 0 || encoded[0] == EC_UNCOMPRESSED);

	if (ok)
		memcpy(ke->public, encoded + skip, ke->group->public_len);
	OPENSSL_free(encoded);
	return ok;
}

enum cv_err crypto_ke_wrap(uint16_t group, EVP_PKEY *key, struct crypto_ke **out)
{
	const struct ke_group *g = group_find(group);
	struct crypto_ke *ke = g ? calloc(1, sizeof *ke) : NULL;

	if (!ke) {
		EVP_PKEY_free(key);
		return g ? CV_E_NOMEM : CV_E_UNSUPPORTED;
	}
	ke->group = g;
	ke->key = key;
	if (!ke_export_public(ke)) {
		crypto_ke_free(ke);
		return CV_E_INTERNAL;
	}
	*out = ke;
	return CV_OK;
}

enum cv_err crypto_ke_new(uint16_t group, struct crypto_ke **out)
{
	const struct ke_group *g = group_find(group);
	EVP_PKEY *key = NULL;

	if (!g)
		return CV_E_UNSUPPORTED;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, crypto_algs.ke[g - groups], NULL);

	bool ok = ctx && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &key) == 1;

	EVP_PKEY_CTX_free(ctx);
	if (!ok) {
		ERR_clear_error();
		return CV_E_INTERNAL;
	}
	return crypto_ke_wrap(group, key, out);
}

void crypto_ke_free(struct crypto_ke *ke)
{
	if (!ke)
		return;
	EVP_PKEY_free(ke->key); /* OpenSSL wipes the private part */
	free(ke);
}

uint16_t crypto_ke_group(const struct crypto_ke *ke)
{
	return ke->group->id;
}

struct cv_bytes crypto_ke_public(const struct crypto_ke *ke)
{
	return cv_bytes(ke->public, ke->group->public_len);
}

/* RFC 6989 section 2.1: 1 < r < p - 1. That is enough in a group of a safe prime; OpenSSL's own validation
 * would add an exponentiation ten times as long as the exchange itself. */
static bool modp_in_range(const struct ke_group *g, struct cv_bytes value)
{
	BIGNUM *p = NULL, *r = BN_bin2bn(value.data, (int)value.len, NULL);
	bool ok = r && EVP_PKEY_get_bn_param(crypto_algs.ke[g - groups], OSSL_PKEY_PARAM_FFC_P, &p) == 1 &&
		  BN_sub_word(p, 1) == 1 && BN_cmp(r, BN_value_one()) > 0 && BN_cmp(r, p) < 0;

	BN_free(p);
	BN_free(r);
	return ok;
}

/* NULL when the value is none of the group's. For ECP OpenSSL checks that the point is on the curve; these
 * curves have no small subgroups, so that is all (RFC 6989 section 2.3). X25519 and X448 take every value
 * (RFC 7748 section 5). */
static EVP_PKEY *ke_import_public(const struct ke_group *g, struct cv_bytes value)
{
	uint8_t encoded[CRYPTO_KE_PUBLIC_MAX + 1] = { EC_UNCOMPRESSED };
	size_t skip = g->kind == KE_ECP ? 1 : 0;
	EVP_PKEY *peer;

	if (g->kind == KE_MODP && !modp_in_range(g, value))
		return NULL;
	peer = EVP_PKEY_new();
	memcpy(encoded + skip, value.data, value.len);
	if (peer && EVP_PKEY_copy_parameters(peer, crypto_algs.ke[g - groups]) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(peer, encoded, value.len + skip) == 1)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

static bool ke_derive(const struct crypto_ke *ke, EVP_PKEY *peer, struct cv_secret *out)
{
	unsigned pad = 1; /* g^ir is as long as the prime (RFC 7296 section 2.14) */
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_uint(OSSL_EXCHANGE_PARAM_PAD, &pad),
		OSSL_PARAM_construct_end(),
	};
	size_t len = out->len;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ke->key, NULL);
	bool ok = ctx && EVP_PKEY_derive_init_ex(ctx, ke->group->kind == KE_MODP ? params : NULL) == 1 &&
		  EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1 &&
		  EVP_PKEY_derive(ctx, out->data, &len) == 1 && len == out->len;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

enum cv_err crypto_ke_shared(const struct crypto_ke *ke, struct cv_bytes peer_public, struct cv_secret *out)
{
	static const uint8_t zero[CRYPTO_KE_PUBLIC_MAX];

	if (peer_public.len != ke->group->public_len)
		return CV_E_SYNTAX;
	if (cv_secret_alloc(out, ke->group->shared_len))
		return CV_E_NOMEM;
	EVP_PKEY *peer = ke_import_public(ke->group, peer_public);
	bool ok = peer && ke_derive(ke, peer, out) &&
		  !cv_secret_equal(cv_secret_bytes(out), cv_bytes(zero, out->len)); /* RFC 7748 section 6 */

	EVP_PKEY_free(peer);
	if (!ok) {
		cv_secret_free(out);
		ERR_clear_error();
	}
	return ok ? CV_OK : CV_E_SYNTAX;
}
