/* The IKEv2 protocol engine (RFC 7296). Sans-IO: no sockets, clock, threads, files or randomness of its own.
 * The driver feeds events with the present time, then takes outputs until none is left, and calls
 * ike_engine_tick when ike_engine_next_ms has come. The daemon, the simulator and the fuzzers are drivers. */
#ifndef CULVERT_IKE_ENGINE_H
#define CULVERT_IKE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ike/policy.h"
#include "lib/addr.h"
#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/secret.h"

/* Where a message came from, or goes to. By value, everywhere. */
struct ike_path {
	uint8_t transport;    /* enum ike_transport */
	struct cv_addr local; /* UDP: the socket's port too (500 or 4500: 4500 carries the non-ESP marker) */
	struct cv_addr remote;
	uint64_t stream_id; /* TCP: nonzero, chosen by who opened it: the engine when dialling (top bit
			     * clear), the transport when accepting (top bit set) */
};

enum ike_event_type {
	IKE_EV_MESSAGE,	      /* a whole IKE message, without marker or frame length */
	IKE_EV_STREAM_OPENED, /* our dialled stream is connected; path.local is now known */
	IKE_EV_STREAM_FAILED, /* our dialled stream could not be opened; os_error says why */
	IKE_EV_STREAM_LOST,   /* an open stream ended (either kind); os_error 0: orderly end */
	IKE_EV_UDP_REFUSED,   /* ICMP says nobody listens there, or the host or network is unreachable (a hint
				 only) */
	IKE_EV_UP,	      /* user or start-up: bring a connection up */
	IKE_EV_DOWN,	      /* user: take it down (all its SAs), with Delete */
	IKE_EV_CONN_SET, /* add, or replace, a connection; SAs made from an old version live on until they end
			  */
	IKE_EV_CONN_REMOVE, /* forget it, and take down what it has */
	IKE_EV_SECRET,	    /* answer to IKE_OUT_WANT_SECRET */
	IKE_EV_CHILD_USAGE, /* what the plane saw: last time of authenticated inbound and of outbound traffic
			     */
	IKE_EV_ACQUIRE,	    /* a packet waits for a tunnel (auto=ondemand) */
	IKE_EV_ADDRESSES,   /* the host's addresses changed; local says which one the route to remote uses now
			     */
	IKE_EV_SHUTDOWN,    /* take everything down; the driver stops when IKE_OUT_IDLE comes */
	IKE_EV_CHILD_FAILED, /* the plane could not install it */
	IKE_EV_CHILD_MOVED,  /* the newest authentic ESP packet of spi_in came from `path`, which is new */
	IKE_EV_CHILD_ERROR,  /* the plane saw a broken or unknown SPI on `path` (counted, never a trigger by
				itself) */
};

struct ike_event {
	uint8_t type;	      /* enum ike_event_type */
	struct ike_path path; /* UP, ACQUIRE: local.ip may name the address that the route to the peer uses,
			       * for connections without a configured one */
	struct cv_bytes message;       /* MESSAGE: read-only, valid during the call */
	int os_error;		       /* errno of STREAM_*, UDP_REFUSED */
	char conn[IKE_NAME_MAX];       /* UP, DOWN, CONN_REMOVE, ACQUIRE */
	const struct ike_conn *policy; /* CONN_SET: copied */
	uint64_t request_id;	       /* UP, DOWN: echoed in IKE_OUT_REPORT; SECRET: that of the question */
	bool found;		       /* SECRET */
	struct cv_bytes secret;	       /* SECRET: copied, wiped with the SA */
	uint32_t spi_in;	       /* CHILD_USAGE, CHILD_FAILED, CHILD_MOVED: our inbound SPI */
	uint64_t last_in_ms;	       /* CHILD_USAGE: 0 for never */
	uint64_t last_out_ms;
	struct wire_ts packet_src; /* ACQUIRE: of the packet */
	struct wire_ts packet_dst;
};

enum ike_output_type {
	IKE_OUT_NONE,
	IKE_OUT_SEND,	       /* message on path (never with marker or frame length) */
	IKE_OUT_STREAM_OPEN,   /* dial path.remote from path.local.ip (may be none) as path.stream_id */
	IKE_OUT_STREAM_CLOSE,  /* orderly: what is queued goes out first */
	IKE_OUT_WANT_SECRET,   /* look up `query`, answer with IKE_EV_SECRET and the same request_id */
	IKE_OUT_CHILD_INSTALL, /* start using a Child SA pair */
	IKE_OUT_CHILD_PATH,    /* the pair (spi_in) now sends on `path` */
	IKE_OUT_CHILD_REMOVE,  /* stop and forget the pair */
	IKE_OUT_REPORT,	      /* progress and results for the user, and state changes for status and events */
	IKE_OUT_KEEPALIVE,    /* send the one octet 0xFF on this UDP path */
	IKE_OUT_USAGE_WANTED, /* send IKE_EV_CHILD_USAGE for spi_in soon */
	IKE_OUT_IDLE,	      /* after IKE_EV_SHUTDOWN: nothing is left */
};

/* A pair of ESP SAs, for the plane. */
struct ike_child_sa {
	char conn[IKE_NAME_MAX];
	char name[IKE_NAME_MAX]; /* of the child policy */
	uint32_t id;		 /* unique in this engine */
	uint64_t ike_spi;	 /* our SPI of the IKE SA, for logs */
	uint32_t spi_in;	 /* chosen by us; unique among our inbound SAs */
	uint32_t spi_out;
	uint16_t encr; /* enum wire_encr */
	uint16_t key_bits;
	uint16_t integ; /* enum wire_integ, 0 with AEAD */
	bool esn;
	uint32_t replay_window;
	struct cv_key encr_key_in, encr_key_out; /* with salt */
	struct cv_key integ_key_in, integ_key_out;
	struct wire_ts_list local; /* negotiated selectors */
	struct wire_ts_list remote;
	struct ike_path path; /* where outbound packets go; inbound is accepted from anywhere */
	bool udp_encap;	      /* ESP in UDP 4500 (always so on IKE_UDP in the userspace plane) */
	bool initiator;
	uint32_t mtu; /* inner; 0: computed by the plane */
	bool tfc_allowed;
};

enum ike_report_kind {
	IKE_REPORT_PROGRESS, /* a line for `culvert up`: "tried UDP 192.0.2.1:500, no answer; trying TCP ..."
			      */
	IKE_REPORT_UP,	     /* what `request_id` asked for stands */
	IKE_REPORT_FAILED,   /* it does not, `text` says why in plain words and what to do */
	IKE_REPORT_DOWN,     /* a connection (or what request_id asked to end) is down */
};

struct ike_output {
	uint8_t type; /* enum ike_output_type */
	struct ike_path path;
	struct cv_bytes message;	  /* SEND: valid until the next call of the engine */
	struct ike_secret_query query;	  /* WANT_SECRET */
	uint64_t request_id;		  /* WANT_SECRET; REPORT: 0 when nobody asked */
	const struct ike_child_sa *child; /* CHILD_INSTALL: valid until the next call of the engine */
	uint32_t spi_in;		  /* CHILD_PATH, CHILD_REMOVE, USAGE_WANTED */
	uint8_t report;			  /* enum ike_report_kind */
	char conn[IKE_NAME_MAX];
	char text[512]; /* REPORT */
};

struct ike_engine_config {
	/* Fills out with octets that nobody can predict (the simulator's are seeded). */
	void (*random)(void *arg, uint8_t *out, size_t len);
	void *random_arg;
	bool initiate_udp;	   /* there are UDP sockets: udp rungs can be tried */
	bool esp_needs_udp;	   /* the plane has no raw ESP: over UDP a NAT is claimed, so that the peer
				    * puts its ESP into UDP too (unless encapsulation=no) */
	uint32_t cookie_threshold; /* half-open IKE SAs as responder before COOKIE is asked; 0: default */
	uint32_t halfopen_max;	   /* then new ones are dropped; 0: default */
	bool cookie_always;	   /* demand COOKIE of everybody (tests, ddos-mode=busy) */
	bool uniqueids;		   /* a new IKE SA of the same identity replaces the old */
};

struct ike_engine;

enum cv_err ike_engine_new(const struct ike_engine_config *config, uint64_t now_ms,
			   struct ike_engine **out) CV_NODISCARD;
void ike_engine_free(struct ike_engine *e); /* wipes all keys; sends nothing */

/* Takes one event. Never fails for what a peer sent; CV_E_* only for what the driver asked (unknown
 * connection). */
enum cv_err ike_engine_event(struct ike_engine *e, uint64_t now_ms, const struct ike_event *event);
/* The nearest time at which ike_engine_tick has work; CV_NEVER for none. */
uint64_t ike_engine_next_ms(const struct ike_engine *e);
void ike_engine_tick(struct ike_engine *e, uint64_t now_ms);
/* The next output, in order; type IKE_OUT_NONE when there is none. Pointers in it are valid until the next
 * call of any function of this engine. */
struct ike_output ike_engine_output(struct ike_engine *e);

/* --- what is there, for status, tests and invariants --- */

enum ike_sa_state {
	IKE_SA_NONE,
	IKE_SA_INIT_SENT,
	IKE_SA_INIT_DONE,
	IKE_SA_AUTH_SENT,
	IKE_SA_ESTABLISHED,
	IKE_SA_DELETING,
	IKE_SA_CLOSED
};
const char *ike_sa_state_name(uint8_t state);

struct ike_sa_info {
	char conn[IKE_NAME_MAX];
	uint64_t spi_local, spi_remote;
	bool initiator;
	uint8_t state; /* enum ike_sa_state */
	struct ike_path path;
	char why[160]; /* why this transport: "UDP did not answer for 1.0 s" */
	uint64_t path_since_ms;
	uint64_t established_ms; /* 0: not yet */
	struct ike_id local_id, remote_id;
	uint16_t encr, key_bits, prf, integ, ke;
	bool nat_local, nat_remote;
	uint8_t child_count;
};

struct ike_child_info {
	char conn[IKE_NAME_MAX];
	char name[IKE_NAME_MAX];
	uint64_t ike_spi;
	uint32_t spi_in, spi_out;
	uint16_t encr, key_bits, integ, ke;
	bool esn;
	struct wire_ts_list local, remote;
	uint64_t installed_ms;
};

/* Calls visit for each; false stops. */
void ike_engine_each_sa(const struct ike_engine *e, bool (*visit)(void *arg, const struct ike_sa_info *info),
			void *arg);
void ike_engine_each_child(const struct ike_engine *e,
			   bool (*visit)(void *arg, const struct ike_child_info *info), void *arg);

/* Why the latest try of a connection failed, for status; "" when it did not. */
const char *ike_engine_last_error(const struct ike_engine *e, const char *conn);

/* Counters, for status and tests. */
struct ike_counters {
	uint64_t messages_in, messages_out, retransmits, malformed, bad_integrity, unknown_spi, bad_version,
	    cookies_sent, cookies_bad, halfopen_dropped, window_dropped, sas_established, sas_failed;
};
const struct ike_counters *ike_engine_counters(const struct ike_engine *e);

/* Exports the keys of an IKE SA for tshark's and the simulator's checks (the daemon does so only when the
 * configuration says so); CV_E_NOTFOUND. */
struct ike_sa_keys {
	uint64_t spi_i, spi_r;
	struct cv_key sk_d, sk_ai, sk_ar, sk_ei, sk_er;
	uint16_t encr, key_bits, integ;
};
enum cv_err ike_engine_export_keys(const struct ike_engine *e, uint64_t spi_local,
				   struct ike_sa_keys *out) CV_NODISCARD;

#endif
