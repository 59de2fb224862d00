/* The queue in front of a socket: flow queueing with CoDel (RFC 8290, RFC 8289) over inner packets that are
 * not sealed yet. Flows that send little overtake those that send much, the others share by octets, and what
 * stands too long is dropped or marked at its head.
 *
 * A super-packet is a row of segments to the queue: it leaves in as many pieces as the socket's appetite
 * makes of it, others get their turn in between, and CoDel drops or marks one segment of it, as it would have
 * on a wire. Pure logic: no clock, no memory of its own after flowq_new, packets are the caller's. */
#ifndef CULVERT_PLANE_USER_FLOWQ_H
#define CULVERT_PLANE_USER_FLOWQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

enum {
	FLOWQ_FLOWS = 256,
	FLOWQ_CE = 3, /* of the TOS octet (RFC 3168 section 5) */
};

/* Stands inside the caller's packet. */
struct flowq_packet {
	/* filled in by the caller */
	uint32_t hash;	      /* of the flow */
	uint32_t memory;      /* octets that it takes up while it waits */
	uint32_t segments;    /* at least 1 */
	uint32_t next;	      /* the first of them that has not left: 0 */
	uint32_t segment_len; /* octets of each but the last */
	uint32_t last_len;
	bool ect; /* the sender can be told of congestion with a mark (RFC 3168) */
	/* the queue's */
	uint64_t since_us;
	struct flowq_packet *behind;
};

struct flowq_flow {
	struct flowq_packet *head, *tail;
	struct flowq_flow *following; /* in the list of new or of old flows */
	uint64_t backlog;	      /* octets */
	int64_t deficit;	      /* octets it may still send in this round */
	/* CoDel, named as in RFC 8289 section 5 */
	uint64_t first_above_us; /* 0: not above the target */
	uint64_t drop_next_us;
	uint32_t count;
	uint32_t lastcount;
	bool dropping;
	bool listed;
};

struct flowq_list {
	struct flowq_flow *first, *last;
};

struct flowq_config {
	uint32_t quantum;     /* octets a flow sends in its turn */
	uint32_t target_us;   /* that long something may stand for good */
	uint32_t interval_us; /* ... and that long more: about a round trip */
	size_t memory_max;    /* octets; beyond it the longest flow loses its oldest packet */
};

struct flowq {
	struct flowq_config config; /* may change at any time */
	struct flowq_list fresh, old;
	size_t memory;
	uint64_t backlog;				 /* octets of all flows */
	uint64_t dropped, marked;			 /* segments, by CoDel */
	uint64_t overflown;				 /* segments, for want of memory */
	void (*gone)(void *arg, struct flowq_packet *p); /* p was dropped, or nothing of it is left to send */
	void *arg;
	struct flowq_flow flow[FLOWQ_FLOWS];
};

/* A piece of a packet that leaves. */
struct flowq_piece {
	struct flowq_packet *packet;
	uint32_t first, count; /* segments */
	bool mark;	       /* the first of them carries CE (flowq_mark_ce) */
	bool last;	       /* the packet has left the queue and is the caller's again */
};

void flowq_init(struct flowq *q, const struct flowq_config *config,
		void (*gone)(void *arg, struct flowq_packet *packet), void *arg);
/* Appends p to its flow; calls gone for what must go for it, which may be p itself. */
void flowq_put(struct flowq *q, struct flowq_packet *p, uint64_t now_us);
/* The next piece, of about max octets at most but at least one segment. False: the queue is empty. */
bool flowq_take(struct flowq *q, uint64_t now_us, size_t max, struct flowq_piece *out);
/* Takes out any packet, flow by flow and in order within each, without judging it; NULL: none is left. */
struct flowq_packet *flowq_empty(struct flowq *q);
bool flowq_is_empty(const struct flowq *q);

/* Sets CE in an IPv4 or IPv6 header (of at least 20 or 40 octets) and mends the IPv4 checksum (RFC 1624). */
void flowq_mark_ce(uint8_t *packet);
/* ECT(0), ECT(1) or CE. */
bool flowq_packet_ect(uint8_t tos);

#endif
