/* Private to the outbound worker's files: from the TUN device to the sockets. */
#ifndef CULVERT_PLANE_USER_OUTBOUND_H
#define CULVERT_PLANE_USER_OUTBOUND_H

#include "esp/esp.h"
#include "plane/user/flowq.h"
#include "plane/user/packet.h"
#include "plane/user/route.h"
#include "plane/user/segment.h"
#include "plane/user/user.h"

enum {
	OUT_BATCH_CAP = 320 * 1024,
	OUT_BATCH_FULL = 192 * 1024, /* then it leaves, though more may wait in the device */
	OUT_RUNS_MAX = 256,
	OUT_READ_PACKETS = 64,	      /* from the device, before something is sent */
	OUT_READ_OCTETS = 384 * 1024, /* likewise: more than a batch, so that no queue stays in the device */
	OUT_TURNS = 16,		      /* of reading and sending, before the loop looks at other things */
	OUT_QUANTUM_MIN = 1500,	      /* octets */
	OUT_TARGET_MIN_US = 5000,     /* RFC 8290 section 5.2 */
	OUT_INTERVAL_US = 100000,
	OUT_BUFFER_SIZES = 5,
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

/* A packet that waits. */
struct out_queued {
	struct flowq_packet flowq; /* first */
	struct out_queued *spare;
	struct out_child *child;
	struct segment_plan plan; /* of data */
	uint8_t size;		  /* which of the OUT_BUFFER_SIZES */
	uint8_t data[];
};

/* What waits for one way out; there only while something does. */
struct out_queue {
	struct flowq flowq;
	struct outbound *worker;
	struct out_queue *next;
	const void *way;	    /* whose the state of the flows is */
	struct user_stream *stream; /* or */
	struct user_udp *udp;
};

struct outbound {
	struct plane *plane;
	uv_thread_t thread;
	uv_loop_t loop;
	struct user_queue commands;
	uv_poll_t tun_poll;
	uv_idle_t again; /* while something could go out that had no turn yet */
	bool tun_reading;
	bool stopping;
	struct cv_table *children; /* struct out_child by spi_in */
	struct esp_spd *spd;	   /* of children */
	struct esp_spd *trap_spd;  /* asked when no child takes a packet */
	struct out_trap *traps;
	struct user_stream *streams;
	struct user_udp *udps;
	struct user_udp *udp_blocked; /* the socket the rest of the batch waits for */
	struct xport_spares spares;
	struct out_queue *waiting; /* the queues in use */
	size_t queued_memory;	   /* octets of all of them */
	uint64_t flow_seed[2];
	struct out_queue *spare_queues;
	unsigned spare_queues_count;
	struct {
		struct out_queued *first;
		unsigned count;
	} spare_buffers[OUT_BUFFER_SIZES];
	struct out_queued *incoming; /* what the device gives is read into it; NULL: out of memory */
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
	uint8_t *scratch;  /* PACKET_MAX octets: one segment that has to be cut further */
	uint8_t *fragment; /* ... and a fragment of it */
};

static inline uint64_t out_now_us(void)
{
	return uv_hrtime() / 1000;
}

/* --- outbound.c --- */
/* Reads the device and sends what can be sent. */
void out_work(struct outbound *w);

/* --- out_packet.c --- */
/* One packet from the device into the queue of its way. */
void out_packet(struct outbound *w, const struct virtio_net_hdr *hdr, struct cv_bytes packet);
/* One piece of it into the batch. */
void out_packet_seal(struct outbound *w, struct out_child *c, const struct segment_plan *plan,
		     const struct flowq_piece *piece);
/* Seals one whole inner packet that stands in memory. */
void out_seal_packet(struct outbound *w, struct out_child *c, struct cv_bytes packet);

/* --- out_queue.c --- */
/* w->incoming has room for a packet; false without memory. */
bool out_incoming_ready(struct outbound *w);
/* Puts a packet that was read into the queue of c's way; what that costs is counted. */
void out_queue_put(struct outbound *w, struct out_child *c, const struct segment_plan *plan,
		   const struct esp_flow *flow);
/* Sends about a batch from every queue whose way takes it. True: there is more that could go out at once. */
bool out_queues_serve(struct outbound *w);
/* Looks again for the Child SAs of what waits for this way, after one of them changed. */
void out_queue_rehome(struct outbound *w, const struct out_route *r);
void out_queues_free(struct outbound *w);

/* --- out_pace.c --- */
void out_pace_start(struct user_stream *s);
/* Asks the socket how much more it takes; false: nothing until it is writable. */
bool out_pace_ask(struct user_stream *s);
/* What the stream's rate and round trip mean for its queue. */
void out_pace_apply(const struct user_stream *s, struct flowq_config *config);

/* --- out_batch.c --- */
/* The way takes packets, now or later. */
bool out_route_open(const struct out_route *r);
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
/* The socket takes more now; if not, waits until it is writable. Nothing of it stands in the batch. */
bool out_stream_wants(struct outbound *w, struct user_stream *s);
/* Waits until the socket is writable, then flushes the batch again. */
void out_udp_block(struct outbound *w, struct user_udp *u);

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
void out_too_big(struct outbound *w, struct out_child *c, const struct segment_plan *plan,
		 const struct flowq_piece *piece);

#endif
