/* A network address translator for IPv4: mappings made by traffic from the inside, forgotten when idle. */
#ifndef CULVERT_SIM_NAT_H
#define CULVERT_SIM_NAT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

#define SIM_NAT_MAPPINGS 128

enum sim_proto { SIM_PROTO_UDP = 17, SIM_PROTO_TCP = 6 };

struct sim_mapping {
	uint8_t proto; /* enum sim_proto; 0: free */
	struct cv_addr inside;
	struct cv_addr remote; /* of the packet that made it */
	uint16_t port;	       /* outside */
	uint64_t last_ms;
};

struct sim_nat {
	struct cv_ip outside;
	bool keeps_ports; /* uses the inside port when it is free */
	bool symmetric;	  /* a mapping per remote end, and only that one gets in; else anybody does */
	bool resets;	  /* answers a TCP segment without a mapping with RST, else drops it */
	uint32_t udp_idle_ms;
	uint32_t tcp_idle_ms;
	struct cv_ip forward; /* ports 500 and 4500 from outside without a mapping go there; none: dropped */
	uint16_t next_port;
	struct sim_mapping map[SIM_NAT_MAPPINGS];
};

/* From the inside: the source as seen outside. May make a mapping when `make`; else, or when the table is
 * full, the family of the answer may be none. */
struct cv_addr sim_nat_out(struct sim_nat *n, uint64_t now_ms, uint8_t proto, const struct cv_addr *inside,
			   const struct cv_addr *remote, bool make);
/* From the outside: the inside address, family none when nothing fits. */
struct cv_addr sim_nat_in(struct sim_nat *n, uint64_t now_ms, uint8_t proto, uint16_t port,
			  const struct cv_addr *remote);
/* The box restarts: all mappings are gone, and new ones get other ports. */
void sim_nat_flush(struct sim_nat *n);

#endif
