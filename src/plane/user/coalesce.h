/* Joins inner packets of one flow that follow each other into super-packets for the TUN device, as a network
 * driver's GRO does: cutting a super-packet again yields the packets that went in (but for the IPv4 ID where
 * DF makes it meaningless, RFC 6864 section 4). Nothing is copied: the pieces stay where they were opened
 * until they are written. */
#ifndef CULVERT_PLANE_USER_COALESCE_H
#define CULVERT_PLANE_USER_COALESCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/uio.h>

#include "plane/user/packet.h"

enum {
	COALESCE_FLOWS = 16,
	COALESCE_PIECES = 64, /* packets in one super-packet */
};

/* Gets one packet for the device: the header, and pieces[1..n]; pieces[0] is free for the header. */
typedef void coalesce_emit(void *arg, const struct virtio_net_hdr *hdr, struct iovec *pieces, unsigned n);

struct coalesce_flow {
	uint8_t *head; /* first packet; NULL: the place is free */
	struct packet_info info;
	uint32_t hash;
	uint32_t total;	   /* octets of the super-packet so far */
	uint32_t size;	   /* payload of each packet but the last */
	uint32_t next_seq; /* TCP */
	uint16_t next_id;  /* IPv4 */
	uint8_t last_flags;
	unsigned count;
	struct iovec piece[1 + COALESCE_PIECES];
};

struct coalesce {
	bool tcp; /* what the device takes as super-packets */
	bool udp;
	coalesce_emit *emit;
	void *arg;
	unsigned next_victim;
	struct coalesce_flow flow[COALESCE_FLOWS];
};

void coalesce_init(struct coalesce *c, bool tcp, bool udp, coalesce_emit *emit, void *arg);
/* Takes a whole inner packet, which must stay where it is, and may be written to, until coalesce_flush. Order
 * within a flow is kept. */
void coalesce_add(struct coalesce *c, uint8_t *packet, size_t len);
/* Emits what is held back. */
void coalesce_flush(struct coalesce *c);

#endif
