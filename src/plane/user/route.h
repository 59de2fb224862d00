/* Where a Child SA's packets go; made by control, used by outbound. */
#ifndef CULVERT_PLANE_USER_ROUTE_H
#define CULVERT_PLANE_USER_ROUTE_H

#include "plane/user/user.h"

/* Exactly one of udp and stream is set, or none: packets are dropped until a path comes. Holds references. */
struct out_route {
	struct user_udp *udp;
	struct user_stream *stream;
	struct xport_udp_dest dest;
};

void out_route_init(struct out_route *r, struct plane *p, const struct ike_path *path); /* control only */
void out_route_clear(struct out_route *r);

/* The outbound half of a Child SA. Control makes it, then it is outbound's. */
struct esp_out;
struct out_child {
	uint32_t spi_in; /* names the pair */
	uint32_t spi_out;
	uint32_t mtu;
	size_t overhead; /* octets in front of the inner packet */
	bool spent;	 /* no more sequence numbers */
	struct esp_out *sa;
	struct out_route route;
	struct user_child_stats *stats;
	struct wire_ts_list *selectors; /* local and remote, until the worker has them in its table */
	char conn[IKE_NAME_MAX];
};
void out_child_free(struct out_child *c);

/* A policy without SA yet (auto=ondemand), with the packets that wait for it. */
enum { OUT_TRAP_PACKETS = 8 };
struct out_trap {
	struct out_trap *next;
	char conn[IKE_NAME_MAX];
	struct wire_ts_list local, remote;
	uint64_t asked_ms; /* 0: not yet */
	unsigned held;
	struct out_held {
		struct virtio_net_hdr hdr;
		size_t len;
		uint8_t *packet;
	} packet[OUT_TRAP_PACKETS];
};
void out_trap_free(struct out_trap *t);

/* The inbound half. */
struct esp_in;
struct in_child {
	uint32_t spi_in;
	struct esp_in *sa;
	struct ike_path path; /* of the newest packet; before it, the one it was installed with */
	struct user_child_stats *stats;
	struct wire_ts_list local, remote;
};
void in_child_free(struct in_child *c);

#endif
