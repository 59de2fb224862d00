/* Buffers for keys: wiped when released, never logged. */
#ifndef CULVERT_LIB_SECRET_H
#define CULVERT_LIB_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"

/* Key material of any length on the heap. */
struct cv_secret {
	uint8_t *data;
	size_t len;
};

/* Gives *s zeroed room for len octets; CV_E_NOMEM. What *s held before is not released. */
enum cv_err cv_secret_alloc(struct cv_secret *s, size_t len) CV_NODISCARD;
enum cv_err cv_secret_copy(struct cv_secret *s, struct cv_bytes from) CV_NODISCARD;
/* Wipes and frees; *s is {NULL, 0} after it. Harmless on an empty one. */
void cv_secret_free(struct cv_secret *s);
struct cv_bytes cv_secret_bytes(const struct cv_secret *s);

/* A short negotiated key that travels by value in events and outputs. */
#define CV_KEY_MAX 128
struct cv_key {
	uint16_t len; /* octets used */
	uint8_t b[CV_KEY_MAX];
};

struct cv_bytes cv_key_bytes(const struct cv_key *k);
/* CV_E_NOSPACE above CV_KEY_MAX. */
enum cv_err cv_key_set(struct cv_key *k, struct cv_bytes from) CV_NODISCARD;
void cv_key_wipe(struct cv_key *k);

/* In constant time for equal lengths. */
bool cv_secret_equal(struct cv_bytes a, struct cv_bytes b);
/* Never optimised away. */
void cv_wipe(void *p, size_t len);

#endif
