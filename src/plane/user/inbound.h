/* Private to the inbound worker's files: from the sockets to the TUN device. */
#ifndef CULVERT_PLANE_USER_INBOUND_H
#define CULVERT_PLANE_USER_INBOUND_H

#include "esp/esp.h"
#include "plane/user/coalesce.h"
#include "plane/user/route.h"
#include "plane/user/user.h"

enum {
	IN_BUFFER = XPORT_UDP_BATCH * XPORT_UDP_BUFFER, /* one read of a stream, or one batch of datagrams */
	IN_JUNK_MAX =
	    8, /* messages in a row that are neither IKE nor ESP of ours; then the stream is corrupt */
};

struct inbound {
	struct plane *plane;
	uv_thread_t thread;
	uv_loop_t loop;
	struct user_queue commands;
	bool stopping;
	struct cv_table *children; /* struct in_child by spi_in */
	struct in_child *last;	   /* the one the last packet was for; NULL: none */
	struct user_stream *streams;
	struct user_udp *udps;
	uint64_t now_ms;
	uint8_t *buf; /* IN_BUFFER octets */
	struct xport_udp_rx rx;
	struct coalesce coalesce;
};

/* Where a message came from. */
struct in_source {
	struct ike_path path;
	uint8_t ecn; /* of the outer packet; 0 on TCP, where nobody can see it */
};

enum in_verdict {
	IN_GOOD,   /* authentic: delivered, or dropped by policy */
	IN_JUNK,   /* an unknown SPI, or no ESP packet at all */
	IN_FORGED, /* a known SPI, and the check of its integrity failed */
	IN_STALE,  /* a replay */
};

/* --- in_packet.c --- */
/* Opens one ESP packet in place and hands the inner packet on; coalesce_flush has to follow before the buffer
 * is used again. */
enum in_verdict in_packet_esp(struct inbound *w, const struct in_source *from, uint8_t *packet, size_t len);
void in_packet_write(void *arg, const struct virtio_net_hdr *hdr, struct iovec *pieces,
		     unsigned n); /* coalesce_emit */
void in_ike_message(struct inbound *w, const struct in_source *from, struct cv_bytes message);

/* --- in_stream.c --- */
void in_stream_add(struct inbound *w, struct user_stream *s);
void in_stream_remove(struct inbound *w, struct user_stream *s);

/* --- in_udp.c --- */
void in_udp_add(struct inbound *w, struct user_udp *u);
void in_udp_remove(struct inbound *w, struct user_udp *u);

#endif
