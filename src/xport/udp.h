/* UDP in batches: what comes in with recvmmsg and UDP_GRO, what goes out with sendmmsg and UDP_SEGMENT. */
#ifndef CULVERT_XPORT_UDP_H
#define CULVERT_XPORT_UDP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include "lib/addr.h"
#include "lib/bytes.h"
#include "lib/err.h"

#define XPORT_IKE_PORT                                                                                       \
	500 /* the one port whose messages carry no non-ESP marker, and no ESP (RFC 7296 section 3.1) */

enum {
	XPORT_UDP_BATCH = 8,	     /* receive buffers */
	XPORT_UDP_BUFFER = 65536,    /* octets of each */
	XPORT_UDP_SEGMENTS_MAX = 64, /* of one send; the kernel's limit */
	XPORT_UDP_SEND_MAX = 65000,  /* octets of one send, below what a UDP length can say */
	XPORT_UDP_RUNS_MAX = 64,     /* runs of one xport_udp_send */
};

struct xport_udp {
	int fd;
	struct cv_addr bound;
	bool marker;	 /* messages carry the marker, ESP may come */
	atomic_bool gso; /* until the kernel refuses it */
};

/* Opens and binds; -1 and errno as xport_udp_socket. */
int xport_udp_open(struct xport_udp *u, const struct cv_addr *at, uint32_t mark, const char **step);

/* --- receiving --- */
struct xport_datagrams {
	uint8_t *data;
	size_t len;
	size_t segment; /* datagrams of that many octets each stand side by side, the last may be shorter */
	struct cv_addr local; /* where they came to */
	struct cv_addr remote;
	uint8_t tos;
};
struct xport_udp_rx {
	uint8_t *buf; /* XPORT_UDP_BATCH * XPORT_UDP_BUFFER octets of the caller's */
	struct xport_datagrams got[XPORT_UDP_BATCH];
};
/* How many of rx->got are filled; 0: nothing there, -1: errno. */
int xport_udp_receive(struct xport_udp *u, struct xport_udp_rx *rx);

/* What an ICMP message said of something we sent. False when there is no more. */
struct xport_udp_error {
	struct cv_addr local;
	struct cv_addr remote;
	int os_error;
};
bool xport_udp_next_error(struct xport_udp *u, struct xport_udp_error *out);

/* --- sending --- */
/* Where to, in the system's form, made once per path. */
struct xport_udp_dest {
	struct sockaddr_storage remote;
	socklen_t remote_len;
	struct cv_ip local; /* source address; none: the system's choice */
};
void xport_udp_dest_set(struct xport_udp_dest *d, const struct cv_addr *local, const struct cv_addr *remote);
/* Datagrams side by side for one destination, as xport_datagrams. */
struct xport_udp_run {
	uint8_t *data;
	size_t len;
	size_t segment;
	unsigned count; /* datagrams */
	uint8_t tos;
	const struct xport_udp_dest *to;
};
/* Sends runs in order and says in *done how many are off the caller's hands. 0, EAGAIN (wait until the socket
 * is writable, then go on), or the errno of the first run that the system refused; refused runs are dropped
 * and their datagrams added to *dropped. */
int xport_udp_send(struct xport_udp *u, const struct xport_udp_run *runs, unsigned n, unsigned *done,
		   uint64_t *dropped);
/* One datagram at once, for IKE: with the marker where the port wants it. 0 or errno. */
int xport_udp_send_ike(struct xport_udp *u, const struct cv_addr *local, const struct cv_addr *remote,
		       struct cv_bytes message);
/* One NAT keepalive (RFC 3948 section 2.3). */
int xport_udp_send_keepalive(struct xport_udp *u, const struct cv_addr *local, const struct cv_addr *remote);

#endif
