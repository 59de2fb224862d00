/* What this host's addresses and routes are. */
#ifndef CULVERT_HOST_ADDRESSES_H
#define CULVERT_HOST_ADDRESSES_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"

/* One address on one interface. */
struct host_address {
	struct cv_ip ip;
	uint8_t bits; /* of the network on the link */
	uint32_t ifindex;
	bool global;	/* scope universe: may be used towards other hosts */
	bool temporary; /* IPv6 privacy address, deprecated, or not yet ready */
};

/* All addresses at one moment. */
struct host_addresses {
	struct host_address *at;
	size_t count;
};

/* Asks the kernel; to be released with host_addresses_free. CV_E_IO, CV_E_NOMEM. */
enum cv_err host_addresses_read(struct host_addresses *out) CV_NODISCARD;
void host_addresses_free(struct host_addresses *a);
bool host_addresses_has(const struct host_addresses *a, const struct cv_ip *ip);
/* The address to use as source inside `within` (a global, lasting one first); family none when there is none.
 */
struct cv_ip host_addresses_inside(const struct host_addresses *a, const struct cv_ip *first,
				   const struct cv_ip *last);

/* How packets of ours (with the transport's mark) leave towards one destination. */
struct host_way {
	struct cv_ip source;
	struct cv_ip gateway; /* family none: on the link */
	uint32_t ifindex;
	char ifname[IF_NAMESIZE];
	uint32_t mtu; /* of the route, else of the interface */
};

/* CV_E_NOTFOUND when there is no route, CV_E_IO. */
enum cv_err host_way_to(const struct cv_ip *destination, struct host_way *out) CV_NODISCARD;
/* The default route of enum cv_family `family`; CV_E_NOTFOUND when there is none. */
enum cv_err host_default_way(uint8_t family, struct host_way *out) CV_NODISCARD;

#endif
