/* Private to the outbound worker's files: from the TUN device to the sockets. */
#ifndef CULVERT_PLANE_USER_OUTBOUND_H
#define CULVERT_PLANE_USER_OUTBOUND_H

#include "esp/esp.h"
#include "plane/user/packet.h"
#include "plane/user/route.h"
#include "plane/user/segment.h"
#include "plane/user/user.h"

enum {
	OUT_BATCH_CAP = 320 * 1024,
	OUT_BATCH_FULL = 192 * 1024, /* then it leaves, though more may wait in the device */
	OUT_RUNS_MAX = 256,
	OUT_ROUNDS = 64, /* packets read before the loop looks at other things */
};

/* Sealed packets side by side with one way out. */
struct out_run {
	struct user_stream *stream; /* or */
	struct user_udp *udp;
	const struct xport_udp_dest *dest; /* UDP */
	uint8_t *data;
	size_t len;
	size_t segment; /* UDP: octets of each but the last */
	unsigned count;
	uint8_t tos;
	bool closed; /* its last packet was a short one */
	bool sent;
};

struct outbound {
	struct plane *plane;
	uv_thread_t thread;
	uv_loop_t loop;
	struct user_queue commands;
	uv_poll_t tun_poll;
	bool tun_reading;
	bool stopping;
	struct cv_table *children; /* struct out_child by spi_in */
	struct esp_spd *spd;	   /* of children */
	struct esp_spd *trap_spd;  /* asked when no child takes a packet */
	struct out_trap *traps;
	struct user_stream *streams;
	unsigned streams_used;	  /* streams with Child SAs */
	unsigned streams_blocked; /* ... of which the socket is full */
	unsigned udp_children;
	struct user_udp *udps;
	struct user_udp *udp_blocked; /* the socket the rest of the batch waits for */
	struct xport_spares spares;
	uint64_t now_ms;
	struct { /* sealed and not sent */
		uint8_t *buf;
		size_t len;
		size_t last; /* octets of the packet reserved last */
		unsigned count;
		struct out_run run[OUT_RUNS_MAX];
		struct xport_udp_run udp[XPORT_UDP_RUNS_MAX]; /* of one send */
		unsigned udp_index[XPORT_UDP_RUNS_MAX];	      /* ... and their places in `run` */
	} batch;
	struct {
		uint64_t second;
		unsigned used;
	} icmp; /* limit */
	struct virtio_net_hdr hdr;
	uint8_t *packet;   /* PACKET_MAX octets: what the device gave */
	uint8_t *scratch;  /* PACKET_MAX octets: one segment that has to be cut further */
	uint8_t *fragment; /* ... and a fragment of it */
};

/* --- out_packet.c: one packet from the device into the batch --- */
void out_packet(struct outbound *w, const struct virtio_net_hdr *hdr, struct cv_bytes packet);
/* Seals one whole inner packet that stands in memory. */
void out_seal_packet(struct outbound *w, struct out_child *c, struct cv_bytes packet);

/* --- out_batch.c --- */
/* Room for one ESP packet of c (with its frame length in front where the path wants one); flushes when there
 * is none. NULL: it cannot go out now, and is counted. */
uint8_t *out_batch_reserve(struct outbound *w, struct out_child *c, size_t esp_len, uint8_t tos);
/* The packet reserved last could not be sealed. */
void out_batch_cancel(struct outbound *w);
/* Sends what is there; what a full UDP socket does not take stays. */
void out_batch_flush(struct outbound *w);
/* What goes away must not be sent to. */
void out_batch_forget_stream(struct outbound *w, const struct user_stream *s);
void out_batch_forget_dest(struct outbound *w, const struct xport_udp_dest *dest);

/* --- out_stream.c --- */
void out_stream_add(struct outbound *w, struct user_stream *s);
void out_stream_remove(struct outbound *w, struct user_stream *s);
void out_stream_close(struct outbound *w, struct user_stream *s);
void out_stream_push(struct outbound *w, struct user_stream *s, const struct iovec *frames, unsigned n);
/* Starts or stops reading the device, by what the sockets can take. */
void out_update_reading(struct outbound *w);
/* Waits until the socket is writable, then flushes the batch again. */
void out_udp_block(struct outbound *w, struct user_udp *u);
/* Counts a Child SA on its path, or takes it out again. */
void out_route_use(struct outbound *w, struct out_route *r);
void out_route_unuse(struct outbound *w, struct out_route *r);

/* --- out_child.c --- */
void out_child_add(struct outbound *w, struct out_child *c);
void out_child_remove(struct outbound *w, uint32_t spi_in);
void out_child_route(struct outbound *w, uint32_t spi_in, struct out_route *route);
void out_trap_add(struct outbound *w, struct out_trap *t);
void out_trap_remove(struct outbound *w, const char *conn);
void out_trap_packet(struct outbound *w, struct out_trap *t, const struct virtio_net_hdr *hdr,
		     struct cv_bytes packet, const struct esp_flow *flow);
/* The socket goes: Child SAs that send through it have no way out until they get another. */
void out_children_leave_udp(struct outbound *w, struct user_udp *u);
void out_children_free(struct outbound *w);

/* --- out_mtu.c: packets that are too big for the Child SA --- */
void out_too_big(struct outbound *w, struct out_child *c, const struct segment_plan *plan);

#endif
