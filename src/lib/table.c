#include "lib/table.h"

#include <stdlib.h>

/* Open addressing with linear probing. A removed entry leaves a mark behind, so that nothing moves while
 * cv_table_each walks; marks go at the next rehash. */

struct slot {
	uint64_t hash;
	void *object; /* NULL: never used since the last rehash; &gone: removed */
};

struct cv_table {
	struct cv_bytes (*key_of)(const void *object);
	uint64_t seed[2];
	struct slot *slot;
	size_t cap; /* a power of two */
	size_t count;
	size_t marks; /* slots that hold &gone */
};

enum { CAP_MIN = 16 };

static char gone;

static uint64_t rotate(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* Octets p[0..len) as a little-endian number, len at most 8. */
static uint64_t load_le(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* SipHash with one round per block and three at the end (Aumasson and Bernstein, 2012): enough against
 * collisions chosen without the seed, and short keys stay cheap. */
uint64_t cv_hash(const uint64_t seed[2], struct cv_bytes key)
{
	uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
			  seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
	size_t whole = key.len & ~(size_t)7;

	for (size_t i = 0; i <= whole; i += 8) {
		uint64_t m = i < whole ? load_le(key.data + i, 8)
				       : load_le(key.data + i, key.len - whole) | (uint64_t)key.len << 56;

		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

enum cv_err cv_table_new(struct cv_table **out, struct cv_bytes (*key_of)(const void *object),
			 const uint8_t seed[16])
{
	struct cv_table *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return CV_E_NOMEM;
	t->slot = calloc(CAP_MIN, sizeof(*t->slot));
	if (!t->slot) {
		free(t);
		return CV_E_NOMEM;
	}
	t->cap = CAP_MIN;
	t->key_of = key_of;
	t->seed[0] = load_le(seed, 8);
	t->seed[1] = load_le(seed + 8, 8);
	*out = t;
	return CV_OK;
}

void cv_table_free(struct cv_table *t)
{
	if (t)
		free(t->slot);
	free(t);
}

/* The slot that holds the key, or NULL. */
static struct slot *find(const struct cv_table *t, uint64_t hash, struct cv_bytes key)
{
	for (size_t i = hash & (t->cap - 1); t->slot[i].object; i = (i + 1) & (t->cap - 1)) {
		struct slot *s = &t->slot[i];

		if (s->hash == hash && s->object != &gone && cv_bytes_equal(t->key_of(s->object), key))
			return s;
	}
	return NULL;
}

/* A slot for a key that is not there yet. */
static struct slot *vacancy(struct slot *slots, size_t cap, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (slots[i].object && slots[i].object != &gone)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

/* Makes room for one more and drops the marks. */
static enum cv_err rehash(struct cv_table *t)
{
	struct slot *old = t->slot, *slots;
	size_t cap = CAP_MIN;

	while (cap < (t->count + 1) * 2)
		cap *= 2;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return CV_E_NOMEM;
	for (size_t i = 0; i < t->cap; i++)
		if (old[i].object && old[i].object != &gone)
			*vacancy(slots, cap, old[i].hash) = old[i];
	t->slot = slots;
	t->cap = cap;
	t->marks = 0;
	free(old);
	return CV_OK;
}

enum cv_err cv_table_put(struct cv_table *t, void *object)
{
	struct cv_bytes key = t->key_of(object);
	uint64_t hash = cv_hash(t->seed, key);
	struct slot *s;

	if (find(t, hash, key))
		return CV_E_EXISTS;
	if ((t->count + t->marks + 1) * 4 > t->cap * 3) {
		enum cv_err err = rehash(t);

		if (err != CV_OK)
			return err;
	}
	s = vacancy(t->slot, t->cap, hash);
	if (s->object)
		t->marks--;
	*s = (struct slot){ .hash = hash, .object = object };
	t->count++;
	return CV_OK;
}

void *cv_table_get(const struct cv_table *t, struct cv_bytes key)
{
	struct slot *s = find(t, cv_hash(t->seed, key), key);

	return s ? s->object : NULL;
}

void *cv_table_remove(struct cv_table *t, struct cv_bytes key)
{
	struct slot *s = find(t, cv_hash(t->seed, key), key);
	size_t i;
	void *object;

	if (!s)
		return NULL;
	object = s->object;
	s->object = &gone;
	t->count--;
	t->marks++;
	/* Marks in front of a free slot hold no chain together: free them at once. */
	i = (size_t)(s - t->slot);
	if (!t->slot[(i + 1) & (t->cap - 1)].object)
		for (; t->slot[i].object == &gone; i = (i - 1) & (t->cap - 1)) {
			t->slot[i].object = NULL;
			t->marks--;
		}
	return object;
}

size_t cv_table_count(const struct cv_table *t)
{
	return t->count;
}

void cv_table_each(struct cv_table *t, bool (*visit)(void *arg, void *object), void *arg)
{
	for (size_t i = 0; i < t->cap; i++) {
		void *object = t->slot[i].object;

		if (object && object != &gone && !visit(arg, object))
			return;
	}
}
