/* Traffic selectors: what may be agreed on (RFC 7296 section 2.9). */
#ifndef CULVERT_IKE_TS_H
#define CULVERT_IKE_TS_H

#include <stdbool.h>

#include "ike/policy.h"
#include "wire/payloads.h"

/* The whole traffic of one host. */
struct wire_ts ike_ts_host(const struct cv_ip *ip);
/* A side of a child's policy as a list; none configured is the host at ip. */
void ike_ts_list(const struct wire_ts *ts, unsigned count, const struct cv_ip *ip, struct wire_ts_list *out);
/* What two selectors have in common; false: nothing. */
bool ike_ts_intersect(const struct wire_ts *a, const struct wire_ts *b, struct wire_ts *out);
bool ike_ts_contains(const struct wire_ts *outer, const struct wire_ts *inner);
/* What is in both lists, in the order of `offered`, so that the first selector keeps its place (RFC 7296
 * section 2.9). False: nothing. */
bool ike_ts_narrow(const struct wire_ts_list *offered, const struct wire_ts_list *allowed,
		   struct wire_ts_list *out);
/* Is every selector of `inner` within one of `outer`? An empty list is not. */
bool ike_ts_subset(const struct wire_ts_list *inner, const struct wire_ts_list *outer);
/* Each within the other. */
bool ike_ts_same(const struct wire_ts_list *a, const struct wire_ts_list *b);
/* "10.0.1.0/24, 10.0.9.0/24" */
const char *ike_ts_text(const struct wire_ts_list *list, char *out, size_t cap);

#endif
