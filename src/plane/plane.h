/* How packets and messages move: the transport sockets, the streams, and the Child SAs on top of them. One
 * interface for the userspace plane (user/) and, later, the kernel's. The caller is the control thread with
 * its libuv loop; a plane may have threads of its own, but every callback below runs on the control thread.
 */
#ifndef CULVERT_PLANE_PLANE_H
#define CULVERT_PLANE_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "ike/engine.h"
#include "lib/addr.h"
#include "lib/err.h"

struct plane;

/* Limits and switches; zero means the default. */
struct plane_config {
	char tun_name[16]; /* "culvert0" */
	uint32_t tun_mtu;  /* of the device; routes carry the connection's own: 1500 */
	uint32_t mark;	   /* SO_MARK of every transport socket, so that they never loop into the tunnel */
	uint32_t
	    stream_first_message_ms; /* an accepted stream must have sent a whole message by then: 5000 */
	uint32_t stream_trusted_ms;  /* ... and must have been trusted by then: 60000 */
	uint32_t streams_max; /* accepted streams not yet trusted, in total: 1024; the oldest goes first */
	uint32_t streams_per_source; /* ... and per source address: 64 */
	uint32_t workers;	     /* lanes: 1 */
	char congestion[16]; /* of TCP streams; system: the system's; "": bbr where the kernel has it */
	uint32_t
	    udp_buffer; /* octets of the receive and send buffers of UDP sockets: as the plane thinks best */
};

struct plane_callbacks {
	void *arg;
	/* An IKE message arrived. */
	void (*message)(void *arg, const struct ike_path *path, struct cv_bytes message);
	void (*stream_opened)(void *arg, const struct ike_path *path); /* dialled by us */
	void (*stream_failed)(void *arg, const struct ike_path *path, int os_error);
	void (*stream_lost)(void *arg, const struct ike_path *path, int os_error);
	void (*udp_refused)(void *arg, const struct ike_path *path, int os_error);
	/* Authenticated ESP moved an SA's peer to another path (NAT rebinding, new stream). */
	void (*child_moved)(void *arg, uint32_t spi_in, const struct ike_path *path);
	/* An SA ran out of sequence numbers, or sealing failed for good. */
	void (*child_failed)(void *arg, uint32_t spi_in, enum cv_err why);
	/* A packet matched a trap. */
	void (*acquire)(void *arg, const char *conn, const struct wire_ts *src, const struct wire_ts *dst);
};

enum cv_err plane_user_new(uv_loop_t *loop, const struct plane_config *config,
			   const struct plane_callbacks *callbacks, struct plane **out) CV_NODISCARD;
/* Closes sockets and the TUN device, joins threads, makes no more callbacks. The loop has to run once more
 * after it (until uv_run returns, if nothing else is in it) for libuv to let go of the handles. */
void plane_free(struct plane *p);

/* --- transport --- */
/* On UDP port 500 messages stand alone; on any other they have the non-ESP marker, and ESP comes there too.
 */
/* ip may be any (family set, all zero). On failure text says which socket and why. */
enum cv_err plane_listen_udp(struct plane *p, const struct cv_addr *at, char *text, size_t cap) CV_NODISCARD;
enum cv_err plane_listen_tcp(struct plane *p, const struct cv_addr *at, char *text, size_t cap) CV_NODISCARD;
/* When it returns the address is free to be listened on again. */
void plane_unlisten(struct plane *p, uint8_t transport, const struct cv_addr *at);
/* Results come as stream_opened or stream_failed. The stream prefix goes out with the first message. */
void plane_stream_open(struct plane *p, const struct ike_path *path);
/* Orderly: what is queued goes out first, for up to three seconds. No callback follows. */
void plane_stream_close(struct plane *p, uint64_t stream_id);
/* This stream carries an authenticated IKE SA: the limits for strangers no longer apply to it. (The same is
 * taken from a Child SA that is installed on it, and from authentic ESP on it.) */
void plane_stream_trusted(struct plane *p, uint64_t stream_id);
/* Ahead of queued ESP. Lost silently when the path is gone (IKE's own timers notice). */
void plane_send_ike(struct plane *p, const struct ike_path *path, struct cv_bytes message);
void plane_send_keepalive(struct plane *p, const struct ike_path *path);

/* --- Child SAs --- */
enum cv_err plane_child_install(struct plane *p, const struct ike_child_sa *child) CV_NODISCARD;
void plane_child_path(struct plane *p, uint32_t spi_in, const struct ike_path *path);
void plane_child_remove(struct plane *p, uint32_t spi_in);
/* Packets that match start the tunnel (auto=ondemand); the first of them is kept and sent when it stands. */
enum cv_err plane_trap_add(struct plane *p, const char *conn, const struct wire_ts_list *local,
			   const struct wire_ts_list *remote) CV_NODISCARD;
void plane_trap_remove(struct plane *p, const char *conn);

/* --- counters --- */
struct plane_child_stats {
	uint64_t packets_in, bytes_in, packets_out, bytes_out; /* inner octets */
	uint64_t last_in_ms, last_out_ms;		       /* CLOCK_MONOTONIC milliseconds; 0: never */
	uint64_t replays, bad_icv, bad_selector, bad_packet, dropped_queue, too_big; /* packets */
};
bool plane_child_stats(struct plane *p, uint32_t spi_in, struct plane_child_stats *out);
struct plane_stats {
	uint64_t unknown_spi, bad_frames, streams_accepted, streams_refused, streams_timed_out, no_policy,
	    bad_tun;
	uint64_t udp_dropped,
	    tun_refused; /* datagrams the system did not send, packets the device did not take */
	uint32_t streams_open;
	char crypto[64]; /* which implementation seals */
};
void plane_stats(struct plane *p, struct plane_stats *out);
const char *plane_tun_name(const struct plane *p);
/* The inner MTU that the plane uses for this child (what its route should carry). */
uint32_t plane_child_mtu(struct plane *p, uint32_t spi_in);

#endif
