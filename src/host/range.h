/* Address ranges of selectors as prefixes, for routes. Private to host/. */
#ifndef CULVERT_HOST_RANGE_H
#define CULVERT_HOST_RANGE_H

#include <stdbool.h>

#include "lib/addr.h"

/* Gives `visit` the fewest prefixes that together are exactly [first, last], in order; stops when it returns
 * false, and returns false then. An empty or mixed range has none. */
bool host_range_split(const struct cv_ip *first, const struct cv_ip *last,
		      bool (*visit)(void *arg, const struct cv_prefix *prefix), void *arg);

/* The network of that many bits in which ip lies. */
struct cv_prefix host_network_of(const struct cv_ip *ip, uint8_t bits);

/* Is `inner` a smaller part of `outer`? */
bool host_prefix_inside(const struct cv_prefix *inner, const struct cv_prefix *outer);

#endif
