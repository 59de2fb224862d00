/* The insides of struct host, for the files of this room only. */
#ifndef CULVERT_HOST_PRIVATE_H
#define CULVERT_HOST_PRIVATE_H

#include <net/if.h>

#include "host/host.h"
#include "host/netlink.h"
#include "host/routes.h"
#include "host/state.h"
#include "lib/table.h"

#define HOST_ROOM "host" /* in log lines */

struct host_child_entry {
	uint64_t id;
	struct host_route_owner owner;
	struct wire_ts_list local;
	struct cv_ip wanted_source;  /* leftsourceip */
	struct cv_ip added;	     /* the address that the TUN device has because of it */
	bool in_family4, in_family6; /* it counts in the host's numbers below */
	char loosened[IF_NAMESIZE];  /* the interface whose rp_filter it needs loose, or "" */
};

struct host {
	struct host_nl nl;
	struct host_state state;
	unsigned loosened_by[HOST_STATE_SYSCTLS_MAX]; /* how many children need state.sysctl[i] */
	unsigned in_family4, in_family6;	      /* how many children have routes of that family */
	struct host_routes routes;
	struct cv_table *children; /* struct host_child_entry by id */
	uint32_t tun;		   /* interface index */
};

/* Removes the rule and all routes of that family (enum cv_family). */
void host_rule_drop(struct host *h, uint8_t family);

#endif
