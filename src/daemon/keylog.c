#include "daemon/keylog.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wire/numbers.h"

#define LINE_MAX_OCTETS 2048
#define HEX_MAX		(2 * CV_KEY_MAX + 1)

/* What Wireshark calls an algorithm, for IKE and for ESP; NULL: it has no name for it. */
struct name {
	uint16_t id;
	uint16_t key_bits; /* 0: any */
	const char *ike;
	const char *esp;
};

static const struct name encryption[] = {
	{ WIRE_ENCR_AES_CBC, 128, "AES-CBC-128 [RFC3602]", "AES-CBC [RFC3602]" },
	{ WIRE_ENCR_AES_CBC, 192, "AES-CBC-192 [RFC3602]", "AES-CBC [RFC3602]" },
	{ WIRE_ENCR_AES_CBC, 256, "AES-CBC-256 [RFC3602]", "AES-CBC [RFC3602]" },
	{ WIRE_ENCR_AES_GCM_16, 128, "AES-GCM-128 with 16 octet ICV [RFC5282]",
	  "AES-GCM with 16 octet ICV [RFC4106]" },
	{ WIRE_ENCR_AES_GCM_16, 192, "AES-GCM-192 with 16 octet ICV [RFC5282]",
	  "AES-GCM with 16 octet ICV [RFC4106]" },
	{ WIRE_ENCR_AES_GCM_16, 256, "AES-GCM-256 with 16 octet ICV [RFC5282]",
	  "AES-GCM with 16 octet ICV [RFC4106]" },
	{ WIRE_ENCR_CHACHA20_POLY1305, 0, NULL, "ChaCha20 with Poly1305 [RFC7634]" },
};

static const struct name integrity[] = {
	{ 0, 0, "NONE [RFC4306]", "NULL" },
	{ WIRE_AUTH_HMAC_SHA2_256_128, 0, "HMAC_SHA2_256_128 [RFC4868]", "HMAC-SHA-256-128 [RFC4868]" },
	{ WIRE_AUTH_HMAC_SHA2_384_192, 0, "HMAC_SHA2_384_192 [RFC4868]", "HMAC-SHA-384-192 [RFC4868]" },
	{ WIRE_AUTH_HMAC_SHA2_512_256, 0, "HMAC_SHA2_512_256 [RFC4868]", "HMAC-SHA-512-256 [RFC4868]" },
};

static const struct name *find_encryption(uint16_t id, uint16_t key_bits)
{
	for (size_t i = 0; i < sizeof(encryption) / sizeof(encryption[0]); i++)
		if (encryption[i].id == id &&
		    (encryption[i].key_bits == 0 || encryption[i].key_bits == key_bits))
			return &encryption[i];
	return NULL;
}

static const struct name *find_integrity(uint16_t id)
{
	for (size_t i = 0; i < sizeof(integrity) / sizeof(integrity[0]); i++)
		if (integrity[i].id == id)
			return &integrity[i];
	return NULL;
}

static const char *hex(const struct cv_key *key, char out[HEX_MAX])
{
	return cv_hex(cv_key_bytes(key), out, HEX_MAX);
}

static enum cv_err append(const char *dir, const char *file, const char *line)
{
	char path[PATH_MAX];
	size_t len = strlen(line);
	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return CV_E_NOSPACE;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return CV_E_IO;
	bool written = write(fd, line, len) == (ssize_t)len;
	return close(fd) == 0 && written ? CV_OK : CV_E_IO;
}

enum cv_err daemon_keylog_ike(const char *dir, const struct ike_sa_keys *keys)
{
	const struct name *encr = find_encryption(keys->encr, keys->key_bits);
	const struct name *integ = find_integrity(keys->integ);
	char line[LINE_MAX_OCTETS], text[4][HEX_MAX];
	if (encr == NULL || encr->ike == NULL || integ == NULL)
		return CV_E_UNSUPPORTED;
	snprintf(line, sizeof(line), "%016" PRIx64 ",%016" PRIx64 ",%s,%s,\"%s\",%s,%s,\"%s\"\n", keys->spi_i,
		 keys->spi_r, hex(&keys->sk_ei, text[0]), hex(&keys->sk_er, text[1]), encr->ike,
		 hex(&keys->sk_ai, text[2]), hex(&keys->sk_ar, text[3]), integ->ike);
	enum cv_err err = append(dir, "ikev2_decryption_table", line);
	cv_wipe(line, sizeof(line));
	cv_wipe(text, sizeof(text));
	return err;
}

static enum cv_err child_direction(const char *dir, const struct ike_child_sa *sa, uint32_t spi,
				   const struct cv_key *encr_key, const struct cv_key *integ_key)
{
	const struct name *encr = find_encryption(sa->encr, sa->key_bits);
	const struct name *integ = find_integrity(sa->integ);
	bool v6 = sa->path.remote.ip.family == CV_IPV6;
	char line[LINE_MAX_OCTETS], text[2][HEX_MAX];
	if (encr == NULL || integ == NULL)
		return CV_E_UNSUPPORTED;
	/* Any addresses: a NAT may change them. */
	snprintf(line, sizeof(line),
		 "\"%s\",\"*\",\"*\",\"0x%08" PRIx32 "\",\"%s\",\"0x%s\",\"%s\",\"%s%s\"\n",
		 v6 ? "IPv6" : "IPv4", spi, encr->esp, hex(encr_key, text[0]), integ->esp,
		 integ_key->len > 0 ? "0x" : "", hex(integ_key, text[1]));
	enum cv_err err = append(dir, "esp_sa", line);
	cv_wipe(line, sizeof(line));
	cv_wipe(text, sizeof(text));
	return err;
}

enum cv_err daemon_keylog_child(const char *dir, const struct ike_child_sa *sa)
{
	enum cv_err err = child_direction(dir, sa, sa->spi_in, &sa->encr_key_in, &sa->integ_key_in);
	if (err != CV_OK)
		return err;
	return child_direction(dir, sa, sa->spi_out, &sa->encr_key_out, &sa->integ_key_out);
}
