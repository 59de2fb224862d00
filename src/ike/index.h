/* Objects found by a key that several of them may share (connections by peer address, IKE SAs by identity).
 * Finding costs the same however many keys there are. */
#ifndef CULVERT_IKE_INDEX_H
#define CULVERT_IKE_INDEX_H

#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/table.h"

struct ike_bucket;

/* Lives inside the indexed object; zero-initialised means not indexed. */
struct ike_link {
	struct ike_link *next;
	struct ike_link *prev;
	struct ike_bucket *bucket;
	void *object;
};

struct ike_index {
	struct cv_table *buckets;
};

/* seed: 16 octets of randomness. CV_E_NOMEM. */
enum cv_err ike_index_init(struct ike_index *index, const uint8_t seed[16]) CV_NODISCARD;
/* Takes every object out; the objects themselves stay. */
void ike_index_free(struct ike_index *index);
/* Files object under a copy of key, newest first. A link that is filed already moves. CV_E_NOMEM. */
enum cv_err ike_index_add(struct ike_index *index, struct cv_bytes key, struct ike_link *link,
			  void *object) CV_NODISCARD;
/* Harmless on a link that is not filed. */
void ike_index_remove(struct ike_index *index, struct ike_link *link);
/* First link under key, or NULL; the others follow by ->next. */
struct ike_link *ike_index_first(const struct ike_index *index, struct cv_bytes key);

#endif
