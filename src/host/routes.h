/* The routes of all children in one table: a prefix that several want stands once, and goes with the last of
 * them. Private to host/. */
#ifndef CULVERT_HOST_ROUTES_H
#define CULVERT_HOST_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/kernel.h"
#include "host/netlink.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/table.h"

struct use;

/* Who wants routes, and how they are to look. Lives inside the child. */
struct host_route_owner {
	uint32_t ifindex;
	struct cv_ip source4, source6; /* family none: the kernel's choice */
	uint32_t mtu;
	uint32_t metric;
	struct use **use;
	size_t use_count;
};

struct host_routes {
	struct cv_table *entries;
};

enum cv_err host_routes_init(struct host_routes *r, const uint8_t seed[16]) CV_NODISCARD;
/* After all owners have released theirs. */
void host_routes_free(struct host_routes *r);

/* The owner wants `to` through its device, or (throw_on) kept out of the tunnels. On failure the claim still
 * has to be released. */
enum cv_err host_routes_claim(struct host_routes *r, struct host_nl *nl, struct host_route_owner *o,
			      const struct cv_prefix *to, bool throw_on) CV_NODISCARD;
/* All throws of the owner are stale until they are claimed again. */
void host_routes_age(struct host_route_owner *o);
/* Gives up all claims, or those that are stale. Goes through all of them; the first error is returned. */
enum cv_err host_routes_release(struct host_routes *r, struct host_nl *nl, struct host_route_owner *o,
				bool only_stale) CV_NODISCARD;
/* Installs all claims again: after the owner's source has changed, or the kernel may have dropped some. */
enum cv_err host_routes_renew(struct host_routes *r, struct host_nl *nl,
			      struct host_route_owner *o) CV_NODISCARD;
/* Is the network a smaller part of something the owner has routed into the tunnel? */
bool host_routes_claimed_inside(const struct host_route_owner *o, const struct cv_prefix *network);
/* Is the address? */
bool host_routes_claimed_has(const struct host_route_owner *o, const struct cv_ip *ip);

#endif
