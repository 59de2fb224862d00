#include "lib/secret.h"

#include <stdlib.h>
#include <string.h>

enum cv_err cv_secret_alloc(struct cv_secret *s, size_t len)
{
	*s = (struct cv_secret){ 0 };
	s->data = calloc(1, len ? len : 1);
	if (!s->data)
		return CV_E_NOMEM;
	s->len = len;
	return CV_OK;
}

enum cv_err cv_secret_copy(struct cv_secret *s, struct cv_bytes from)
{
	enum cv_err err = cv_secret_alloc(s, from.len);

	if (err == CV_OK && from.len)
		memcpy(s->data, from.data, from.len);
	return err;
}

void cv_secret_free(struct cv_secret *s)
{
	if (s->data) {
		cv_wipe(s->data, s->len);
		free(s->data);
	}
	*s = (struct cv_secret){ 0 };
}

struct cv_bytes cv_secret_bytes(const struct cv_secret *s)
{
	return cv_bytes(s->data, s->len);
}

struct cv_bytes cv_key_bytes(const struct cv_key *k)
{
	return cv_bytes(k->b, k->len <= CV_KEY_MAX ? k->len : CV_KEY_MAX);
}

enum cv_err cv_key_set(struct cv_key *k, struct cv_bytes from)
{
	if (from.len > CV_KEY_MAX)
		return CV_E_NOSPACE;
	cv_key_wipe(k);
	if (from.len)
		memcpy(k->b, from.data, from.len);
	k->len = (uint16_t)from.len;
	return CV_OK;
}

void cv_key_wipe(struct cv_key *k)
{
	cv_wipe(k, sizeof(*k));
}

bool cv_secret_equal(struct cv_bytes a, struct cv_bytes b)
{
	/* volatile: the compiler must not turn the loop into one that ends at the first difference. */
	volatile uint8_t diff = 0;

	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		diff |= a.data[i] ^ b.data[i];
	return diff == 0;
}

void cv_wipe(void *p, size_t len)
{
	if (len)
		explicit_bzero(p, len);
}
