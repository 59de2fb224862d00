#include "esp/esp.h"

#include <stdlib.h>
#include <string.h>

#include "esp/selector.h"
#include "lib/table.h"

/* Pairs of prefixes live in one hash table. Its key begins with the two prefix lengths, and a short list
 * holds the combinations of lengths in use, the longest first: a lookup asks the table once for each
 * combination, however many selectors there are. Ranges that are no prefix are rare and stand in a sorted
 * list. */

#define KEY_MAX (3 + 16 + 16)

struct spd_rule {
	struct spd_rule *next;	     /* in its bucket or among the ranges: best first */
	struct spd_rule *next_owned; /* of the same object */
	struct spd_bucket *bucket;   /* NULL: a range */
	uint32_t rank;		     /* higher is more specific */
	uint64_t serial;	     /* higher is newer */
	void *object;
	struct wire_ts local, remote;
};

struct spd_bucket {
	uint8_t key_len;
	uint8_t key[KEY_MAX]; /* family, two prefix lengths, two masked addresses */
	struct spd_rule *rules;
};

struct spd_owner {
	const void *object;
	struct spd_rule *rules;
};

/* A combination of prefix lengths in use. */
struct spd_class {
	struct spd_class *next; /* most specific first */
	uint8_t family, local_bits, remote_bits;
	uint32_t buckets;
	uint32_t rank;
};

struct esp_spd {
	struct cv_table *buckets;
	struct cv_table *owners;
	struct spd_class *classes;
	struct spd_rule *ranges;
	uint64_t serial;
};

static struct cv_bytes bucket_key(const void *object)
{
	const struct spd_bucket *b = object;

	return cv_bytes(b->key, b->key_len);
}

static struct cv_bytes owner_key(const void *object)
{
	const struct spd_owner *o = object;

	return cv_bytes(&o->object, sizeof o->object);
}

enum cv_err esp_spd_new(const uint8_t seed[16], struct esp_spd **out)
{
	struct esp_spd *spd = calloc(1, sizeof *spd);

	if (!spd)
		return CV_E_NOMEM;
	if (cv_table_new(&spd->buckets, bucket_key, seed) || cv_table_new(&spd->owners, owner_key, seed)) {
		esp_spd_free(spd);
		return CV_E_NOMEM;
	}
	*out = spd;
	return CV_OK;
}

/* --- how specific a rule is --- */

/* The prefix length that a range would need to hold all its addresses; exact for a prefix. */
static uint8_t range_bits(const struct wire_ts *ts)
{
	uint8_t borrow = 0, count_bits = 0;
	size_t len = cv_ip_len(&ts->first);

	/* The highest bit set in last - first tells the size, from the last octet to the first. */
	for (size_t i = len; i-- > 0;) {
		unsigned difference = (unsigned)ts->last.b[i] - ts->first.b[i] - borrow;

		borrow = difference > UINT8_MAX;
		for (uint8_t bit = 0; bit < 8; bit++) {
			if (difference & (1U << bit))
				count_bits = (uint8_t)((len - 1 - i) * 8 + bit + 1);
		}
	}
	return (uint8_t)(len * 8 - count_bits);
}

/* 0 for ANY to 17 for OPAQUE. */
static uint32_t port_rank(const struct wire_ts *ts)
{
	uint32_t count, rank = 16;

	if (ts->port_first > ts->port_last)
		return 17;
	for (count = ts->port_last - ts->port_first; count > 0; count >>= 1)
		rank--;
	return rank;
}

/* Addresses first, the remote side's before the local's, then the protocol, then the ports. */
static uint32_t bits_rank(uint8_t local_bits, uint8_t remote_bits)
{
	return (uint32_t)(local_bits + remote_bits) << 16 | (uint32_t)remote_bits << 8;
}

static uint32_t rule_rank(const struct wire_ts *local, const struct wire_ts *remote)
{
	uint32_t protocol = local->protocol || remote->protocol;

	return bits_rank(range_bits(local), range_bits(remote)) | protocol << 7 |
	       (port_rank(local) + port_rank(remote));
}

static bool is_better(const struct spd_rule *a, const struct spd_rule *b)
{
	return a->rank != b->rank ? a->rank > b->rank : a->serial > b->serial;
}

/* --- keys --- */

static void mask_copy(uint8_t *out, const struct cv_ip *ip, size_t len, uint8_t bits)
{
	memset(out, 0, len);
	memcpy(out, ip->b, bits / 8);
	if (bits % 8)
		out[bits / 8] = (uint8_t)(ip->b[bits / 8] & (0xff00 >> bits % 8));
}

static struct cv_bytes make_key(uint8_t key[KEY_MAX], uint8_t local_bits, uint8_t remote_bits,
				const struct cv_ip *local, const struct cv_ip *remote)
{
	size_t len = cv_ip_len(local);

	key[0] = local->family;
	key[1] = local_bits;
	key[2] = remote_bits;
	mask_copy(key + 3, local, len, local_bits);
	mask_copy(key + 3 + len, remote, len, remote_bits);
	return cv_bytes(key, 3 + 2 * len);
}

/* --- classes and buckets --- */

static struct spd_class **class_slot(struct esp_spd *spd, uint8_t family, uint8_t local_bits,
				     uint8_t remote_bits)
{
	uint32_t rank = bits_rank(local_bits, remote_bits);
	struct spd_class **slot = &spd->classes;

	while (*slot && ((*slot)->rank > rank || ((*slot)->rank == rank && (*slot)->family < family)))
		slot = &(*slot)->next;
	return slot;
}

static bool class_matches(const struct spd_class *c, const uint8_t key[3])
{
	return c && c->family == key[0] && c->local_bits == key[1] && c->remote_bits == key[2];
}

static bool class_take(struct esp_spd *spd, const uint8_t key[3])
{
	struct spd_class **slot = class_slot(spd, key[0], key[1], key[2]);

	if (!class_matches(*slot, key)) {
		struct spd_class *c = calloc(1, sizeof *c);

		if (!c)
			return false;
		*c = (struct spd_class){ .next = *slot,
					 .family = key[0],
					 .local_bits = key[1],
					 .remote_bits = key[2],
					 .rank = bits_rank(key[1], key[2]) };
		*slot = c;
	}
	(*slot)->buckets++;
	return true;
}

static void class_release(struct esp_spd *spd, const uint8_t key[3])
{
	struct spd_class **slot = class_slot(spd, key[0], key[1], key[2]);
	struct spd_class *c = *slot;

	if (!class_matches(c, key) || --c->buckets > 0)
		return;
	*slot = c->next;
	free(c);
}

static struct spd_bucket *bucket_get(struct esp_spd *spd, struct cv_bytes key)
{
	struct spd_bucket *b = cv_table_get(spd->buckets, key);

	if (b)
		return b;
	b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->key_len = (uint8_t)key.len;
	memcpy(b->key, key.data, key.len);
	if (!class_take(spd, b->key)) {
		free(b);
		return NULL;
	}
	if (cv_table_put(spd->buckets, b)) {
		class_release(spd, b->key);
		free(b);
		return NULL;
	}
	return b;
}

static void bucket_drop_if_empty(struct esp_spd *spd, struct spd_bucket *b)
{
	if (b->rules)
		return;
	cv_table_remove(spd->buckets, bucket_key(b));
	class_release(spd, b->key);
	free(b);
}

/* --- rules --- */

static void rule_insert(struct spd_rule **list, struct spd_rule *rule)
{
	while (*list && is_better(*list, rule))
		list = &(*list)->next;
	rule->next = *list;
	*list = rule;
}

static void rule_remove(struct esp_spd *spd, struct spd_rule *rule)
{
	struct spd_rule **slot = rule->bucket ? &rule->bucket->rules : &spd->ranges;

	while (*slot && *slot != rule)
		slot = &(*slot)->next;
	if (*slot)
		*slot = rule->next;
	if (rule->bucket)
		bucket_drop_if_empty(spd, rule->bucket);
	free(rule);
}

/* Can any packet fit both selectors? */
static bool pair_possible(const struct wire_ts *local, const struct wire_ts *remote)
{
	return cv_ip_len(&local->first) > 0 && local->first.family == local->last.family &&
	       local->first.family == remote->first.family && remote->first.family == remote->last.family &&
	       (local->protocol == 0 || remote->protocol == 0 || local->protocol == remote->protocol) &&
	       cv_ip_compare(&local->first, &local->last) <= 0 &&
	       cv_ip_compare(&remote->first, &remote->last) <= 0;
}

static bool rule_add(struct esp_spd *spd, struct spd_owner *owner, const struct wire_ts *local,
		     const struct wire_ts *remote, void *object)
{
	struct cv_prefix l, r;
	uint8_t key[KEY_MAX];
	struct spd_rule *rule = calloc(1, sizeof *rule);

	if (!rule)
		return false;
	rule->local = *local;
	rule->remote = *remote;
	rule->rank = rule_rank(local, remote);
	rule->serial = spd->serial;
	rule->object = object;
	if (cv_prefix_from_range(&local->first, &local->last, &l) &&
	    cv_prefix_from_range(&remote->first, &remote->last, &r)) {
		rule->bucket = bucket_get(spd, make_key(key, l.bits, r.bits, &l.ip, &r.ip));
		if (!rule->bucket) {
			free(rule);
			return false;
		}
	}
	rule_insert(rule->bucket ? &rule->bucket->rules : &spd->ranges, rule);
	rule->next_owned = owner->rules;
	owner->rules = rule;
	return true;
}

static struct spd_owner *owner_get(struct esp_spd *spd, const void *object)
{
	struct spd_owner *o = cv_table_get(spd->owners, cv_bytes(&object, sizeof object));

	if (o)
		return o;
	o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->object = object;
	if (cv_table_put(spd->owners, o)) {
		free(o);
		return NULL;
	}
	return o;
}

/* Removes the rules of one owner that were added at `serial` or later. */
static void owner_cut(struct esp_spd *spd, struct spd_owner *owner, uint64_t serial)
{
	while (owner->rules && owner->rules->serial >= serial) {
		struct spd_rule *rule = owner->rules;

		owner->rules = rule->next_owned;
		rule_remove(spd, rule);
	}
	if (!owner->rules) {
		cv_table_remove(spd->owners, owner_key(owner));
		free(owner);
	}
}

enum cv_err esp_spd_add(struct esp_spd *spd, const struct wire_ts_list *local,
			const struct wire_ts_list *remote, void *object)
{
	struct spd_owner *owner = owner_get(spd, object);
	bool ok = owner != NULL;

	if (!owner)
		return CV_E_NOMEM;
	spd->serial++;
	for (size_t i = 0; ok && i < local->count; i++) {
		for (size_t j = 0; ok && j < remote->count; j++) {
			if (pair_possible(&local->ts[i], &remote->ts[j]))
				ok = rule_add(spd, owner, &local->ts[i], &remote->ts[j], object);
		}
	}
	if (!ok || !owner->rules)
		owner_cut(spd, owner, spd->serial);
	return ok ? CV_OK : CV_E_NOMEM;
}

void esp_spd_remove(struct esp_spd *spd, const void *object)
{
	struct spd_owner *owner = cv_table_get(spd->owners, cv_bytes(&object, sizeof object));

	if (owner)
		owner_cut(spd, owner, 0);
}

static bool owner_visit(void *arg, void *object)
{
	owner_cut(arg, object, 0);
	return true;
}

void esp_spd_free(struct esp_spd *spd)
{
	if (!spd)
		return;
	if (spd->owners)
		cv_table_each(spd->owners, owner_visit, spd);
	cv_table_free(spd->owners);
	cv_table_free(spd->buckets);
	free(spd);
}

/* --- lookup --- */

static const struct spd_rule *prefix_find(const struct esp_spd *spd, const struct esp_flow *flow)
{
	uint8_t key[KEY_MAX];

	for (const struct spd_class *c = spd->classes; c; c = c->next) {
		if (c->family != flow->src.family)
			continue;
		struct cv_bytes k = make_key(key, c->local_bits, c->remote_bits, &flow->src, &flow->dst);
		const struct spd_bucket *b = cv_table_get(spd->buckets, k);

		for (const struct spd_rule *r = b ? b->rules : NULL; r; r = r->next) {
			if (esp_selector_sends(&r->local, flow) && esp_selector_receives(&r->remote, flow))
				return r;
		}
	}
	return NULL;
}

/* `than`: what was found among the prefixes; only a better range counts. */
static const struct spd_rule *range_find(const struct esp_spd *spd, const struct esp_flow *flow,
					 const struct spd_rule *than)
{
	for (const struct spd_rule *r = spd->ranges; r && (!than || is_better(r, than)); r = r->next) {
		if (esp_selector_covers(&r->local, &flow->src) &&
		    esp_selector_covers(&r->remote, &flow->dst) && esp_selector_sends(&r->local, flow) &&
		    esp_selector_receives(&r->remote, flow))
			return r;
	}
	return than;
}

void *esp_spd_find(const struct esp_spd *spd, const struct esp_flow *flow)
{
	const struct spd_rule *rule = range_find(spd, flow, prefix_find(spd, flow));

	return rule ? rule->object : NULL;
}
