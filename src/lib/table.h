/* A hash table of pointers with keys inside the objects; lookup cost does not grow with the number of
 * entries. The hash is keyed with a random seed per table, so that a peer who chooses keys cannot choose
 * collisions. */
#ifndef CULVERT_LIB_TABLE_H
#define CULVERT_LIB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"

/* The hash that tables use: collisions cannot be chosen without knowing the seed. */
uint64_t cv_hash(const uint64_t seed[2], struct cv_bytes key);

struct cv_table; /* opaque */

/* key_of: the key of an object as a view of octets that stays the same while the object is in the table.
 * seed: 16 octets of randomness. */
enum cv_err cv_table_new(struct cv_table **out, struct cv_bytes (*key_of)(const void *object),
			 const uint8_t seed[16]) CV_NODISCARD;
void cv_table_free(struct cv_table *t);					 /* not the objects; NULL is fine */
enum cv_err cv_table_put(struct cv_table *t, void *object) CV_NODISCARD; /* CV_E_EXISTS, CV_E_NOMEM */
void *cv_table_get(const struct cv_table *t, struct cv_bytes key);	 /* NULL: none */
void *cv_table_remove(struct cv_table *t, struct cv_bytes key);		 /* the object, or NULL */
size_t cv_table_count(const struct cv_table *t);
/* Calls visit for every object; visit may remove that object from the table. Stops when visit returns false.
 */
void cv_table_each(struct cv_table *t, bool (*visit)(void *arg, void *object), void *arg);

#endif
