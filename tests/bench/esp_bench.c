/* What one core seals and opens: packets and gigabits a second of esp_out_seal and esp_in_open, beside the
 * same cipher through plain EVP calls, for each algorithm and size. Not a test: it passes no verdict.
 *
 *     esp_bench [MILLISECONDS]    time for each figure, default 200
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "crypto/prf.h"
#include "crypto/suite.h"
#include "crypto/version.h"
#include "esp/esp.h"
#include "wire/numbers.h"

#define BATCH	 64 /* packets sealed, then opened, as the data plane does */
#define ROOM	 17000
#define NS_PER_S 1000000000ULL

static const size_t sizes[] = { 64, 576, 1400, 16384 };

static const struct bench_suite {
	const char *name, *evp;
	uint16_t encr, key_bits, integ;
} suites[] = {
	{ "AES-128-GCM", "AES-128-GCM", WIRE_ENCR_AES_GCM_16, 128, 0 },
	{ "AES-256-GCM", "AES-256-GCM", WIRE_ENCR_AES_GCM_16, 256, 0 },
	{ "ChaCha20-Poly1305", "ChaCha20-Poly1305", WIRE_ENCR_CHACHA20_POLY1305, 0, 0 },
	{ "AES-256-CBC + SHA2-256", NULL, WIRE_ENCR_AES_CBC, 256, WIRE_AUTH_HMAC_SHA2_256_128 },
	{ "AES-256-CBC + SHA2-512", NULL, WIRE_ENCR_AES_CBC, 256, WIRE_AUTH_HMAC_SHA2_512_256 },
};

static uint64_t budget_ns = 200000000;
static uint8_t *packets[BATCH];
static const uint8_t key[128] = { 1, 2, 3 };

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* other work on the machine does not count */
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "esp_bench: %s failed\n", what);
	exit(1);
}

struct timing {
	uint64_t seal_ns, open_ns, packets;
};

static void time_esp(const struct bench_suite *s, size_t inner_len, struct timing *t)
{
	const struct crypto_encr_info *e = crypto_encr(s->encr, s->key_bits);
	const struct crypto_integ_info *i = crypto_integ(s->integ);
	struct esp_params params = { .spi = 0x1000,
				     .encr = s->encr,
				     .key_bits = s->key_bits,
				     .integ = s->integ,
				     .esn = true,
				     .replay_window = 8192 };
	struct esp_out *out;
	struct esp_in *in;

	params.encr_key = cv_bytes(key, (size_t)e->key_len + e->salt_len);
	params.integ_key = cv_bytes(key, i ? i->key_len : 0);
	require(!esp_out_new(&params, &out) && !esp_in_new(&params, &in), "making the SA");
	size_t len = esp_out_packet_len(out, inner_len);

	while (t->seal_ns + t->open_ns < budget_ns) {
		uint64_t start = now_ns();

		for (size_t n = 0; n < BATCH; n++)
			require(!esp_out_seal(out, packets[n], inner_len, 4), "sealing");
		uint64_t middle = now_ns();

		for (size_t n = 0; n < BATCH; n++) {
			struct esp_opened opened;

			require(!esp_in_open(in, packets[n], len, &opened), "opening");
		}
		t->seal_ns += middle - start;
		t->open_ns += now_ns() - middle;
		t->packets += BATCH;
	}
	esp_out_free(out);
	esp_in_free(in);
}

static EVP_CIPHER_CTX *keyed(const EVP_CIPHER *cipher, int enc)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	require(ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key, NULL, enc) == 1, "keying");
	return ctx;
}

/* The usual calls, as the manual shows them, on contexts that keep their key. */
static void time_evp(const struct bench_suite *s, size_t inner_len, struct timing *t)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, s->evp, NULL);
	EVP_CIPHER_CTX *seal = keyed(cipher, 1), *open = keyed(cipher, 0);
	uint64_t nonce[2] = { 0 }, back[2] = { 0 };
	int len = (int)(inner_len + 4), done;

	while (t->seal_ns + t->open_ns < budget_ns) {
		uint64_t start = now_ns();

		for (size_t n = 0; n < BATCH; n++) {
			nonce[0]++;
			require(EVP_EncryptInit_ex(seal, NULL, NULL, NULL, (uint8_t *)nonce) == 1 &&
				    EVP_EncryptUpdate(seal, NULL, &done, key, 12) == 1 &&
				    EVP_EncryptUpdate(seal, packets[n], &done, packets[n], len) == 1 &&
				    EVP_EncryptFinal_ex(seal, packets[n] + len, &done) == 1 &&
				    EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_AEAD_GET_TAG, 16, packets[n] + len) ==
					1,
				"EVP sealing");
		}
		uint64_t middle = now_ns();

		for (size_t n = 0; n < BATCH; n++) {
			back[0]++;
			require(EVP_DecryptInit_ex(open, NULL, NULL, NULL, (uint8_t *)back) == 1 &&
				    EVP_CIPHER_CTX_ctrl(open, EVP_CTRL_AEAD_SET_TAG, 16, packets[n] + len) ==
					1 &&
				    EVP_DecryptUpdate(open, NULL, &done, key, 12) == 1 &&
				    EVP_DecryptUpdate(open, packets[n], &done, packets[n], len) == 1 &&
				    EVP_DecryptFinal_ex(open, packets[n] + len, &done) == 1,
				"EVP opening");
		}
		t->seal_ns += middle - start;
		t->open_ns += now_ns() - middle;
		t->packets += BATCH;
	}
	EVP_CIPHER_CTX_free(seal);
	EVP_CIPHER_CTX_free(open);
	EVP_CIPHER_free(cipher);
}

static void print_rate(uint64_t count, uint64_t ns, size_t len)
{
	double seconds = (double)ns / (double)NS_PER_S;

	printf("  %7.0f k/s %6.2f Gbit/s", (double)count / seconds / 1e3,
	       (double)(count * len * 8) / seconds / 1e9);
}

static void print_line(const char *name, const char *how, size_t len, const struct timing *t)
{
	printf("%-24s %-4s %6zu", name, how, len);
	print_rate(t->packets, t->seal_ns, len);
	print_rate(t->packets, t->open_ns, len);
	printf("\n");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		budget_ns = strtoull(argv[1], NULL, 10) * 1000000;
	require(!crypto_init(), "starting OpenSSL");
	for (size_t n = 0; n < BATCH; n++) {
		packets[n] = calloc(1, ROOM);
		require(packets[n] != NULL, "allocating");
	}
	printf("ESP by %s\n", crypto_bulk_name());
	printf("%-24s %-4s %6s  %-26s  %s\n", "algorithm", "", "octets", "seal", "open");
	for (size_t s = 0; s < sizeof suites / sizeof suites[0]; s++) {
		for (size_t n = 0; n < sizeof sizes / sizeof sizes[0]; n++) {
			struct timing esp = { 0 }, evp = { 0 };

			time_esp(&suites[s], sizes[n], &esp);
			print_line(suites[s].name, "esp", sizes[n], &esp);
			if (!suites[s].evp)
				continue;
			time_evp(&suites[s], sizes[n], &evp);
			print_line("", "EVP", sizes[n], &evp);
		}
	}
	for (size_t n = 0; n < BATCH; n++)
		free(packets[n]);
	crypto_cleanup();
	return 0;
}
