/* The words of ike= and esp=. Which algorithms there should be: RFC 8247 (IKE) and RFC 8221 (ESP). */
#include <ctype.h>
#include <string.h>

#include "conf/proposal.h"
#include "conf/value.h"
#include "crypto/ke.h"
#include "crypto/prf.h"
#include "crypto/suite.h"

static const char weak_cipher[] = "it is weak, and RFC 8247 or RFC 8221 forbids it; use aes256gcm16";
static const char small_block[] = "its blocks of 64 bits are too small for much traffic; use aes256gcm16";
static const char rare_cipher[] = "culvert does not have it; use aes256gcm16, chacha20_poly1305 or aes256";
static const char short_tag[] = "of GCM culvert has the tag of 16 octets only; use aes256gcm16";
static const char weak_hash[] = "it is broken, and RFC 8247 and RFC 8221 forbid it; use sha2_256";
static const char old_hash[] = "culvert does not use SHA-1, which is on its way out (RFC 8247); use sha2_256";
static const char rare_hash[] = "culvert does not have it; use sha2_256";
static const char cut_hash[] = "RFC 8221 wants all 128 bits of HMAC-SHA2-256; use sha2_256";
static const char weak_group[] = "it is too small, and RFC 8247 advises against it; use x25519 or dh14";
static const char odd_group[] =
    "its primes have subgroups whose origin nobody can check (RFC 8247 advises against it); use x25519 or "
    "dh14";
static const char rare_group[] = "culvert does not have it; use x25519, dh19 or dh14";
static const char pq_group[] = "culvert has no post-quantum key exchange; use x25519";

struct known_word {
	const char *word; /* lower case, without '_' and '-' */
	uint8_t kind;
	uint16_t id;
	const char *refusal;
};

/* Rows in groups. */
/* clang-format off */
static const struct known_word known_words[] = {
	/* ciphers beside AES */
	{ "chacha20poly1305", CONF_ALG_ENCR, WIRE_ENCR_CHACHA20_POLY1305 },
	{ "chacha20", CONF_ALG_ENCR, WIRE_ENCR_CHACHA20_POLY1305 },
	{ "3des", CONF_ALG_ENCR, WIRE_ENCR_3DES, small_block },
	{ "3descbc", CONF_ALG_ENCR, WIRE_ENCR_3DES, small_block },
	{ "des", CONF_ALG_ENCR, WIRE_ENCR_DES, weak_cipher },
	{ "descbc", CONF_ALG_ENCR, WIRE_ENCR_DES, weak_cipher }, { "rc5", CONF_ALG_ENCR, 4, weak_cipher },
	{ "idea", CONF_ALG_ENCR, 5, weak_cipher }, { "cast", CONF_ALG_ENCR, 6, small_block },
	{ "cast128", CONF_ALG_ENCR, 6, small_block }, { "blowfish", CONF_ALG_ENCR, 7, small_block },
	{ "twofish", CONF_ALG_ENCR, 65004, rare_cipher }, { "serpent", CONF_ALG_ENCR, 65001, rare_cipher },
	{ "camellia", CONF_ALG_ENCR, WIRE_ENCR_CAMELLIA_CBC, rare_cipher },
	{ "camellia128", CONF_ALG_ENCR, WIRE_ENCR_CAMELLIA_CBC, rare_cipher },
	{ "camellia192", CONF_ALG_ENCR, WIRE_ENCR_CAMELLIA_CBC, rare_cipher },
	{ "camellia256", CONF_ALG_ENCR, WIRE_ENCR_CAMELLIA_CBC, rare_cipher },
	{ "nullauthaesgmac", CONF_ALG_ENCR, WIRE_ENCR_NULL_AUTH_AES_GMAC, rare_cipher },
	/* hashes */
	{ "sha2", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_256 },
	{ "sha256", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_256 },
	{ "sha2256", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_256 },
	{ "hmacsha2256", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_256 },
	{ "hmacsha256", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_256 },
	{ "sha384", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_384 },
	{ "sha2384", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_384 },
	{ "hmacsha2384", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_384 },
	{ "hmacsha384", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_384 },
	{ "sha512", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_512 },
	{ "sha2512", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_512 },
	{ "hmacsha2512", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_512 },
	{ "hmacsha512", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA2_512 },
	{ "sha", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA1, old_hash },
	{ "sha1", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA1, old_hash },
	{ "hmacsha1", CONF_ALG_HASH, WIRE_PRF_HMAC_SHA1, old_hash },
	{ "sha196", CONF_ALG_INTEG, WIRE_AUTH_HMAC_SHA1_96, old_hash },
	{ "sha1160", CONF_ALG_INTEG, 7, old_hash }, { "md5", CONF_ALG_HASH, WIRE_PRF_HMAC_MD5, weak_hash },
	{ "hmacmd5", CONF_ALG_HASH, WIRE_PRF_HMAC_MD5, weak_hash },
	{ "md596", CONF_ALG_INTEG, WIRE_AUTH_HMAC_MD5_96, weak_hash },
	{ "md5128", CONF_ALG_INTEG, 6, weak_hash },
	/* integrity only */
	{ "sha2256128", CONF_ALG_INTEG, WIRE_AUTH_HMAC_SHA2_256_128 },
	{ "hmacsha2256128", CONF_ALG_INTEG, WIRE_AUTH_HMAC_SHA2_256_128 },
	{ "sha2384192", CONF_ALG_INTEG, WIRE_AUTH_HMAC_SHA2_384_192 },
	{ "hmacsha2384192", CONF_ALG_INTEG, WIRE_AUTH_HMAC_SHA2_384_192 },
	{ "sha2512256", CONF_ALG_INTEG, WIRE_AUTH_HMAC_SHA2_512_256 },
	{ "hmacsha2512256", CONF_ALG_INTEG, WIRE_AUTH_HMAC_SHA2_512_256 },
	{ "sha25696", CONF_ALG_INTEG, 0, cut_hash }, { "sha225696", CONF_ALG_INTEG, 0, cut_hash },
	{ "sha2truncbug", CONF_ALG_INTEG, 0, cut_hash },
	{ "aesxcbc", CONF_ALG_INTEG, WIRE_AUTH_AES_XCBC_96, rare_hash },
	{ "aesxcbc96", CONF_ALG_INTEG, WIRE_AUTH_AES_XCBC_96, rare_hash },
	{ "aescmac", CONF_ALG_INTEG, WIRE_AUTH_AES_CMAC_96, rare_hash },
	{ "aescmac96", CONF_ALG_INTEG, WIRE_AUTH_AES_CMAC_96, rare_hash },
	{ "ripemd", CONF_ALG_INTEG, 0, rare_hash }, { "aes128gmac", CONF_ALG_INTEG, 9, rare_hash },
	{ "aes192gmac", CONF_ALG_INTEG, 10, rare_hash }, { "aes256gmac", CONF_ALG_INTEG, 11, rare_hash },
	/* PRF only */
	{ "prfsha256", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_256 },
	{ "prfsha2256", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_256 },
	{ "prfhmacsha2256", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_256 },
	{ "prfsha384", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_384 },
	{ "prfsha2384", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_384 },
	{ "prfhmacsha2384", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_384 },
	{ "prfsha512", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_512 },
	{ "prfsha2512", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_512 },
	{ "prfhmacsha2512", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA2_512 },
	{ "prfsha1", CONF_ALG_PRF, WIRE_PRF_HMAC_SHA1, old_hash },
	{ "prfmd5", CONF_ALG_PRF, WIRE_PRF_HMAC_MD5, weak_hash },
	{ "prfaesxcbc", CONF_ALG_PRF, WIRE_PRF_AES128_XCBC, rare_hash },
	{ "prfaescmac", CONF_ALG_PRF, WIRE_PRF_AES128_CMAC, rare_hash },
	/* groups by name; by number see below */
	{ "modp768", CONF_ALG_KE, WIRE_KE_MODP768, weak_group },
	{ "modp1024", CONF_ALG_KE, WIRE_KE_MODP1024, weak_group },
	{ "modp1536", CONF_ALG_KE, WIRE_KE_MODP1536, weak_group },
	{ "modp2048", CONF_ALG_KE, WIRE_KE_MODP2048 }, { "modp3072", CONF_ALG_KE, WIRE_KE_MODP3072 },
	{ "modp4096", CONF_ALG_KE, WIRE_KE_MODP4096 }, { "modp6144", CONF_ALG_KE, WIRE_KE_MODP6144 },
	{ "modp8192", CONF_ALG_KE, WIRE_KE_MODP8192 }, { "ecp256", CONF_ALG_KE, WIRE_KE_ECP256 },
	{ "ecp384", CONF_ALG_KE, WIRE_KE_ECP384 }, { "ecp521", CONF_ALG_KE, WIRE_KE_ECP521 },
	{ "modp1024s160", CONF_ALG_KE, WIRE_KE_MODP1024_160, odd_group },
	{ "modp2048s224", CONF_ALG_KE, WIRE_KE_MODP2048_224, odd_group },
	{ "modp2048s256", CONF_ALG_KE, WIRE_KE_MODP2048_256, odd_group },
	{ "curve25519", CONF_ALG_KE, WIRE_KE_CURVE25519 }, { "x25519", CONF_ALG_KE, WIRE_KE_CURVE25519 },
	{ "curve448", CONF_ALG_KE, WIRE_KE_CURVE448 }, { "x448", CONF_ALG_KE, WIRE_KE_CURVE448 },
	{ "mlkem512", CONF_ALG_KE, 35, pq_group }, { "mlkem768", CONF_ALG_KE, 36, pq_group },
	{ "mlkem1024", CONF_ALG_KE, 37, pq_group },
	/* the rest */
	{ "none", CONF_ALG_NONE, 0 }, { "null", CONF_ALG_NONE, 0 }, { "esn", CONF_ALG_ESN, WIRE_ESN_YES },
	{ "noesn", CONF_ALG_ESN, WIRE_ESN_NO },
};
/* clang-format on */

uint16_t conf_hash_integ(uint16_t prf)
{
	switch (prf) {
	case WIRE_PRF_HMAC_SHA2_256: return WIRE_AUTH_HMAC_SHA2_256_128;
	case WIRE_PRF_HMAC_SHA2_384: return WIRE_AUTH_HMAC_SHA2_384_192;
	case WIRE_PRF_HMAC_SHA2_512: return WIRE_AUTH_HMAC_SHA2_512_256;
	default: return WIRE_AUTH_NONE;
	}
}

/* Lower case, without underscores and dashes, in which spellings differ. False: too long for any word. */
static bool normalise(const char *word, char *out, size_t cap)
{
	size_t n = 0;

	for (; *word; word++) {
		if (*word == '_' || *word == '-')
			continue;
		if (n + 1 >= cap)
			return false;
		out[n++] = (char)tolower((unsigned char)*word);
	}
	out[n] = '\0';
	return n > 0;
}

/* Takes a key size off the front. 0: there is none. */
static uint16_t take_size(const char **p)
{
	static const struct {
		const char *text;
		uint16_t bits;
	} sizes[] = { { "128", 128 }, { "192", 192 }, { "256", 256 } };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (strncmp(*p, sizes[i].text, 3) == 0) {
			*p += 3;
			return sizes[i].bits;
		}
	return 0;
}

static bool take_word(const char **p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

/* What follows "gcm": the tag in octets (16), as a letter (c) or, behind a key size, in bits (aes256gcm128);
 * then the key size where it did not come first (aes_gcm_16_256, aes_gcm_c_256, aes_gcm256). */
static bool parse_gcm(const char *p, struct conf_algorithm *out)
{
	bool full_tag = true;

	if (out->key_bits && (strcmp(p, "128") == 0 || strcmp(p, "96") == 0 || strcmp(p, "64") == 0)) {
		full_tag = strcmp(p, "128") == 0;
		p = "";
	} else if (take_word(&p, "8") || take_word(&p, "a")) {
		full_tag = false;
	} else if (strncmp(p, "128", 3) != 0 && (take_word(&p, "12") || take_word(&p, "b"))) {
		full_tag = false;
	} else if (!take_word(&p, "16")) {
		take_word(&p, "c");
	}
	if (!out->key_bits)
		out->key_bits = take_size(&p);
	out->id = WIRE_ENCR_AES_GCM_16;
	if (!full_tag)
		out->refusal = short_tag;
	return *p == '\0';
}

/* aes, aes256, aes_cbc_256, aes128gcm16, aes_gcm_c_256 and so on. */
static bool parse_aes(const char *p, struct conf_algorithm *out)
{
	if (!take_word(&p, "aes"))
		return false;
	*out = (struct conf_algorithm){ .kind = CONF_ALG_ENCR,
					.id = WIRE_ENCR_AES_CBC,
					.key_bits = take_size(&p) };
	if (take_word(&p, "gcm"))
		return parse_gcm(p, out);
	if (strncmp(p, "ccm", 3) == 0 || strncmp(p, "ctr", 3) == 0) {
		out->id = p[1] == 'c' ? WIRE_ENCR_AES_CCM_16 : WIRE_ENCR_AES_CTR;
		out->refusal = rare_cipher;
		p += 3; /* and tag and key sizes in whatever spelling */
		return p[strspn(p, "0123456789abc")] == '\0';
	}
	take_word(&p, "cbc");
	if (!out->key_bits)
		out->key_bits = take_size(&p);
	return *p == '\0';
}

/* dh14, group14 */
static bool parse_group_number(const char *p, struct conf_algorithm *out)
{
	uint64_t n;

	if (!take_word(&p, "dh") && !take_word(&p, "group"))
		return false;
	if (!conf_parse_number(p, UINT16_MAX, &n))
		return false;
	*out = (struct conf_algorithm){ .kind = CONF_ALG_KE,
					.id = (uint16_t)n,
					.refusal = n == 0 ? rare_group : NULL };
	for (size_t i = 0; i < sizeof(known_words) / sizeof(*known_words); i++)
		if (known_words[i].kind == CONF_ALG_KE && known_words[i].id == n)
			out->refusal = known_words[i].refusal;
	return true;
}

static bool parse_known(const char *word, struct conf_algorithm *out)
{
	for (size_t i = 0; i < sizeof(known_words) / sizeof(*known_words); i++) {
		const struct known_word *k = &known_words[i];

		if (strcmp(k->word, word) == 0) {
			*out = (struct conf_algorithm){ .kind = k->kind, .id = k->id, .refusal = k->refusal };
			return true;
		}
	}
	return false;
}

/* A word that is in order may still name something that this build's crypto library lacks. */
static void check_available(struct conf_algorithm *a)
{
	if (a->refusal)
		return;
	if (a->kind == CONF_ALG_KE && crypto_ke_public_size(a->id) == 0)
		a->refusal = rare_group;
	else if (a->kind == CONF_ALG_INTEG && !crypto_integ(a->id))
		a->refusal = rare_hash;
	else if (a->kind == CONF_ALG_PRF && crypto_prf_size(a->id) == 0)
		a->refusal = rare_hash;
	else if (a->kind == CONF_ALG_ENCR && a->key_bits && !crypto_encr(a->id, a->key_bits))
		a->refusal = rare_cipher;
}

bool conf_algorithm_find(const char *word, struct conf_algorithm *out)
{
	char plain[32] = "";

	if (!normalise(word, plain, sizeof(plain)))
		return false;
	if (!parse_known(plain, out) && !parse_aes(plain, out) && !parse_group_number(plain, out))
		return false;
	check_available(out);
	return true;
}
