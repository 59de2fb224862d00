/* Private to the userspace plane: what its threads share, and who owns which part of it.
 *
 * Three threads: control (the daemon's loop), outbound (TUN to sockets), inbound (sockets to TUN). An object
 * that more than one of them holds has a reference count and is split into parts, each touched by one thread
 * only. */
#ifndef CULVERT_PLANE_USER_USER_H
#define CULVERT_PLANE_USER_USER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "ike/engine.h"
#include "lib/log.h"
#include "lib/table.h"
#include "plane/plane.h"
#include "plane/user/queue.h"
#include "plane/user/tun.h"
#include "xport/stream.h"
#include "xport/udp.h"

#define USER_ROOM "plane"

/* Counters have one writer each and are read from other threads. */
typedef _Atomic uint64_t user_counter;

static inline void user_count(user_counter *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}
static inline uint64_t user_counted(user_counter *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* Of one Child SA pair; the writers' halves stand in cache lines of their own. */
struct user_child_stats {
	_Alignas(64) user_counter packets_in;
	user_counter bytes_in, last_in_ms, replays, bad_icv, bad_selector, bad_packet;
	atomic_uint refs;
	_Alignas(64) user_counter packets_out;
	user_counter bytes_out, last_out_ms, dropped_queue, too_big;
};
void user_child_stats_unref(struct user_child_stats *s);

struct out_queue; /* outbound's */

/* A UDP socket. Control sends IKE through it, inbound reads it, outbound sends ESP. */
struct user_udp {
	atomic_uint refs;
	struct xport_udp udp;
	struct user_udp *next; /* control's list */
	uv_sem_t released;     /* by each worker once */
	uv_poll_t in_poll;     /* inbound */
	struct user_udp *in_next;
	uv_poll_t out_poll; /* outbound: while the socket is full */
	struct user_udp *out_next;
	struct out_queue *out_queue; /* what waits to be sealed; NULL: nothing */
	bool out_polling;
};
void user_udp_ref(struct user_udp *u);
void user_udp_unref(struct user_udp *u);   /* the last one closes the socket */
void user_udp_release(struct user_udp *u); /* by a worker: lets control know, and drops its reference */

struct user_stream;
struct user_stream_list {
	struct user_stream *first, *last;
	unsigned count;
};

enum user_stream_state { USER_STREAM_DIALING, USER_STREAM_OPEN, USER_STREAM_LINGER };

/* A TCP stream. Control and the two workers use it; a Child SA that sends on it only refers to it. */
struct user_stream {
	atomic_uint refs;  /* the object's */
	atomic_uint users; /* the descriptor's; each holds a reference too */
	int fd;
	bool accepted;
	struct ike_path path; /* fixed once the workers have it */
	struct {
		struct plane *plane;
		uint8_t state;		       /* enum user_stream_state */
		bool spoke;		       /* a whole message came */
		struct user_stream_list *list; /* strangers, lingering, or NULL */
		uint64_t due_ms;
		struct user_stream *prev, *next;
		uv_poll_t poll; /* while it connects */
	} ctl;
	struct {
		struct xport_reader reader;
		uv_poll_t poll;
		bool spoke;
		bool discard;
		bool ended;
		bool attached; /* in the worker's list */
		unsigned junk; /* messages in a row that were neither IKE nor ESP of ours */
		struct user_stream *prev, *next;
	} in;
	struct {
		struct xport_writer writer;
		uv_poll_t poll;
		bool polling;
		bool blocked; /* the socket takes no more until it is writable */
		bool closing;
		bool dead;
		bool attached;		 /* in the worker's list */
		struct out_queue *queue; /* what waits to be sealed; NULL: nothing */
		int64_t allow;		 /* octets to write before the socket is asked again */
		uint32_t unsent_max;	 /* octets it may hold */
		uint32_t rtt_us;
		uint64_t rate; /* octets a second; 0: not known */
		uint64_t sampled_us;
		uint64_t best_rate, best_us; /* while BBR starts: the highest rate, and since when */
		bool limited;		     /* ... and it is held to that */
		struct user_stream *prev, *next;
	} out;
};
void user_stream_ref(struct user_stream *s);
void user_stream_unref(struct user_stream *s);
void user_stream_use(struct user_stream *s);
void user_stream_unuse(struct user_stream *s); /* the last one closes the socket */

/* --- workers --- */
struct inbound;
struct outbound;

/* Start the thread; CV_E_NOMEM, CV_E_INTERNAL. */
enum cv_err inbound_new(struct plane *p, struct inbound **out) CV_NODISCARD;
enum cv_err outbound_new(struct plane *p, struct outbound **out) CV_NODISCARD;
/* Ends the thread, waits for it, and frees all it owns. NULL is fine. */
void inbound_free(struct inbound *w);
void outbound_free(struct outbound *w);
struct user_queue *inbound_commands(struct inbound *w);
struct user_queue *outbound_commands(struct outbound *w);

/* Counters of the whole plane, by their writers. */
struct user_stats {
	user_counter unknown_spi, bad_frames, tun_refused;		   /* inbound */
	user_counter no_policy, bad_tun, udp_dropped;			   /* outbound */
	user_counter streams_accepted, streams_refused, streams_timed_out; /* control */
};

/* --- control --- */
struct user_listener {
	struct plane *plane;
	int fd;
	struct cv_addr at;
	uv_poll_t poll;
	struct user_listener *next;
};

/* What control knows of a Child SA pair. */
struct user_child {
	uint32_t spi_in;
	uint32_t mtu;
	struct user_child_stats *stats;
};

struct plane {
	uv_loop_t *loop;
	struct plane_config config;
	struct plane_callbacks callbacks;
	struct tun tun;
	struct user_queue events;
	uv_timer_t timer; /* strangers and lingering streams */
	unsigned handles; /* of control's loop that are still open; the plane goes with the last */
	bool closing;
	struct user_udp *udps;
	struct user_listener *listeners;
	struct cv_table *streams;	   /* by path.stream_id */
	struct user_stream_list strangers; /* accepted, not trusted yet; oldest first */
	struct user_stream_list lingering; /* closed by us, while the rest goes out */
	uint64_t accept_again_ms;	   /* the listeners rest until then; 0: they do not */
	uint64_t next_stream_id;
	struct cv_table *children; /* by spi_in */
	struct cv_log_limit stranger_log, event_log;
	struct user_stats stats;
	struct inbound *inbound;
	struct outbound *outbound;
};

uint64_t user_now_ms(void);		    /* CLOCK_MONOTONIC */
void user_random(uint8_t *out, size_t len); /* of the kernel; for hash seeds */
void user_handle_gone(struct plane *p);	    /* a handle of control's loop was closed; maybe the last */
/* With all signals blocked: they are the daemon's. name: at most 15 characters. CV_E_INTERNAL. */
enum cv_err user_thread_start(uv_thread_t *thread, const char *name, uv_thread_cb run,
			      void *arg) CV_NODISCARD;
/* Closes every handle of a loop whose thread never started, and the loop. */
void user_loop_abandon(uv_loop_t *loop);
enum cv_err user_table_new(struct cv_table **out, struct cv_bytes (*key_of)(const void *object)) CV_NODISCARD;

/* events.c: the callbacks. */
void user_events_run(uv_async_t *wake);

/* streams.c */
struct user_stream *user_stream_find(struct plane *p, uint64_t id);
/* It is over: tells the workers and, where the daemon knows the stream, the daemon. */
void user_stream_lost(struct plane *p, struct user_stream *s, int os_error);
void user_stream_spoke(struct plane *p, struct user_stream *s); /* its first whole message came */
void user_stream_trust(struct plane *p, struct user_stream *s);
void user_streams_free(struct plane *p);
/* There are no descriptors left for a new one: the oldest stranger makes room, and the listeners rest. */
void user_streams_starved(struct plane *p);
void user_stream_accepted(struct plane *p, int fd, const struct cv_addr *remote); /* takes fd over */

/* listen.c */
struct user_udp *user_udp_find(struct plane *p,
			       const struct ike_path *path); /* the socket to send from, or NULL */
void user_listen_free(struct plane *p);
void user_listen_pause(struct plane *p, bool pause); /* all TCP listeners */

/* children.c */
void user_children_free(struct plane *p);

#endif
