#include "ike/index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct ike_bucket {
	struct ike_link *first;
	size_t key_len;
	uint8_t key[];
};

static struct cv_bytes bucket_key(const void *object)
{
	const struct ike_bucket *bucket = object;

	return cv_bytes(bucket->key, bucket->key_len);
}

enum cv_err ike_index_init(struct ike_index *index, const uint8_t seed[16])
{
	return cv_table_new(&index->buckets, bucket_key, seed);
}

static bool drop_bucket(void *arg, void *object)
{
	struct ike_bucket *bucket = object;
	struct ike_link *link = bucket->first;

	(void)arg;
	while (link) {
		struct ike_link *next = link->next;

		*link = (struct ike_link){ 0 };
		link = next;
	}
	free(bucket);
	return true;
}

void ike_index_free(struct ike_index *index)
{
	if (!index->buckets)
		return;
	cv_table_each(index->buckets, drop_bucket, NULL);
	cv_table_free(index->buckets);
	index->buckets = NULL;
}

static struct ike_bucket *bucket_make(struct ike_index *index, struct cv_bytes key)
{
	struct ike_bucket *bucket = cv_table_get(index->buckets, key);

	if (bucket)
		return bucket;
	bucket = calloc(1, sizeof(*bucket) + key.len);
	if (!bucket)
		return NULL;
	bucket->key_len = key.len;
	memcpy(bucket->key, key.data, key.len);
	if (cv_table_put(index->buckets, bucket) != CV_OK) {
		free(bucket);
		return NULL;
	}
	return bucket;
}

enum cv_err ike_index_add(struct ike_index *index, struct cv_bytes key, struct ike_link *link, void *object)
{
	struct ike_bucket *bucket;

	ike_index_remove(index, link);
	bucket = bucket_make(index, key);
	if (!bucket)
		return CV_E_NOMEM;
	*link = (struct ike_link){ .next = bucket->first, .bucket = bucket, .object = object };
	if (bucket->first)
		bucket->first->prev = link;
	bucket->first = link;
	return CV_OK;
}

void ike_index_remove(struct ike_index *index, struct ike_link *link)
{
	struct ike_bucket *bucket = link->bucket;

	if (!bucket)
		return;
	if (link->prev)
		link->prev->next = link->next;
	else
		bucket->first = link->next;
	if (link->next)
		link->next->prev = link->prev;
	*link = (struct ike_link){ 0 };
	if (!bucket->first) {
		cv_table_remove(index->buckets, cv_bytes(bucket->key, bucket->key_len));
		free(bucket);
	}
}

struct ike_link *ike_index_first(const struct ike_index *index, struct cv_bytes key)
{
	const struct ike_bucket *bucket = cv_table_get(index->buckets, key);

	return bucket ? bucket->first : NULL;
}
