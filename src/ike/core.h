/* The objects of the engine, for the files of this room only. Who owns what: the engine owns connections, IKE
 * SAs, streams and queued outputs; an IKE SA owns its tasks, children, keys and handshake state; policies are
 * shared by reference count. An object that ends during a call is only marked; it is freed when the call is
 * over, so that no handler loses the ground under its feet. */
#ifndef CULVERT_IKE_CORE_H
#define CULVERT_IKE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/ke.h"
#include "crypto/suite.h"
#include "ike/cookie.h"
#include "ike/engine.h"
#include "ike/index.h"
#include "ike/keys.h"
#include "lib/log.h"
#include "lib/table.h"
#include "lib/timerq.h"
#include "wire/message.h"

enum {
	IKE_NONCE_LEN = 32,	     /* at least half the key of any PRF we have (RFC 7296 section 2.10) */
	IKE_HALFOPEN_MS = 30000,     /* a peer has this long to finish IKE_AUTH */
	IKE_LINGER_MS = 10000,	     /* how long a last response is kept for a peer that lost it */
	IKE_STANDBY_MS = 3000,	     /* how long a rung that lost is kept, see ike_auth_abandon */
	IKE_DELETE_MS = 5000,	     /* how long we wait for the answer to a Delete */
	IKE_STREAM_IDLE_MS = 10000,  /* a stream without IKE SA is closed after this (R9329-6.1-7, 6.3.1-1) */
	IKE_STREAM_BAD_MAX = 8,	     /* broken messages in a row until a stream is closed (R9329-6.1-18) */
	IKE_STREAM_INITS_MAX = 8,    /* IKE SAs begun over one accepted stream */
	IKE_DOUBT_MS = 10000,	     /* without a sign of life, before an unproven hint leads to a question */
	IKE_USAGE_WAIT_MS = 500,     /* the plane's time to answer IKE_OUT_USAGE_WANTED */
	IKE_UNIQUE_GRACE_MS = 10000, /* see ike_sa_identify */
	IKE_SA_CHILDREN_MAX = 64,    /* Child SAs that one peer may have on an IKE SA */
	IKE_MESSAGE_MAX = 65535,
	IKE_BUILD_MAX = 16384, /* what we build ourselves stays far below */
	IKE_INIT_DIGEST_LEN = 16,
	IKE_COOKIE_THRESHOLD = 128,
	IKE_HALFOPEN_MAX = 4096,
	IKE_PORT = 500,
	IKE_NAT_PORT = 4500,
};

struct ike_sa;
struct ike_attempt;
struct ike_stream;

/* A connection's wishes, shared by everything that was made from them. */
struct ike_policy {
	unsigned refs;
	struct ike_conn conn;
};

/* Somebody who waits for a connection to be up or down. */
struct ike_waiter {
	struct ike_waiter *next;
	uint64_t request_id;
};

struct ike_connection {
	struct ike_engine *engine;
	char name[IKE_NAME_MAX];   /* key of engine->conns */
	struct ike_policy *policy; /* for new IKE SAs */
	struct ike_link by_peer;   /* engine->by_peer, under the peer's configured address */
	struct ike_sa *sas;	   /* established ones first, the newest of them in front */
	struct ike_sa *sas_last;
	struct ike_attempt *attempt; /* while it is brought up, else NULL */
	struct ike_waiter *up_waiters;
	struct ike_waiter *down_waiters;
	char *last_error; /* NULL: none */
	bool removed;
	bool wanted; /* brought up, and not taken down since */
};

/* The algorithms that were agreed on; 0 where there is none. */
struct ike_suite {
	uint16_t encr, key_bits, prf, integ, ke;
	bool esn;
};

/* An identity in as much memory as it needs. */
struct ike_identity {
	uint16_t len;
	uint8_t type;
	uint8_t data[];
};

/* An open question to the driver; lives inside who asked. */
struct ike_want {
	uint64_t id; /* key of engine->wants; 0: not asked */
	void (*answer)(struct ike_want *want, bool found, struct cv_bytes secret);
};

/* What is only needed until an IKE SA is established. */
struct ike_handshake {
	uint8_t *init_i; /* the IKE_SA_INIT request, whole: AUTH covers it (RFC 7296 section 2.15) */
	size_t init_i_len;
	uint8_t *init_r; /* ... and the response */
	size_t init_r_len;
	uint8_t nonce[IKE_NONCE_LEN]; /* ours */
	uint8_t *peer_nonce;
	size_t peer_nonce_len;
	struct crypto_ke *ke; /* initiator, until the response came */
	uint16_t ke_group;
	uint8_t cookie[WIRE_COOKIE_MAX];
	uint8_t cookie_len;
	uint8_t cookie_tries;
	uint8_t ke_tries;
	bool redial; /* initiator: the peer wants the request again, and may end the stream before that */
	bool nat_claimed;	     /* one end was made to see a NAT, where there may be none */
	uint8_t rung;		     /* initiator: which one of the attempt */
	struct ike_attempt *attempt; /* initiator */
	struct ike_want want;	     /* responder */
	struct ike_sa *want_sa;
	struct cv_secret secret; /* responder: what the driver answered */
	bool secret_known;
	uint8_t *request; /* responder: the decrypted IKE_AUTH request that waits for the secret */
	size_t request_len;
	uint8_t request_first; /* type of its first payload */
	struct ike_path request_path;
	uint32_t child_spi;   /* initiator: our inbound SPI of the first Child SA */
	uint16_t child_index; /* initiator: which child of the policy is made with the IKE SA */
	bool has_packet; /* a packet asked for the tunnel: its selectors go first (RFC 7296 section 2.9) */
	struct wire_ts packet_src;
	struct wire_ts packet_dst;
};

enum ike_child_state { IKE_CHILD_NEW, IKE_CHILD_INSTALLED, IKE_CHILD_DELETING, IKE_CHILD_GONE };

struct ike_child {
	struct ike_child *next;
	struct ike_sa *sa;
	uint32_t spi_in; /* key of engine->children */
	uint32_t spi_out;
	uint32_t id;
	uint8_t state; /* enum ike_child_state */
	bool initiator;
	struct ike_suite suite;
	struct ike_policy *policy; /* of the connection as it was */
	uint16_t index;		   /* which child of the policy */
	uint64_t installed_ms;
	struct ike_child_sa *held; /* with keys, while it waits to be installed (standby) */
	uint8_t local_count;
	uint8_t remote_count;
	struct wire_ts ts[]; /* local, then remote */
};

struct ike_task;

struct ike_sa {
	struct ike_engine *engine;
	uint64_t spi_local; /* key of engine->sas */
	uint64_t spi_remote;
	uint8_t state;		/* enum ike_sa_state; changed by ike_sa_set_state only */
	bool initiator;		/* original initiator of this IKE SA: the I flag (RFC 7296 section 3.1) */
	bool stream_originator; /* who dials (R9329-1.2-1); outlives rekeying */
	bool nat_local;		/* we are behind a NAT */
	bool nat_remote;	/* the peer is */
	bool peer_claims_nat;	/* the peer knows NAT traversal (its IKE_SA_INIT had the notifies) */
	bool waiting;		/* a request of the peer waits for the driver */
	bool standby;		/* lost the race of the rungs; its children are not installed */
	bool rekeyed;		/* the peer has put another IKE SA in its place */
	bool auth_null;		/* the peer's identity is not proven (RFC 7619) */
	bool stream_lost;
	bool usage_asked;
	bool halfopen; /* counted in engine->halfopen */
	bool in_inits;
	bool ended; /* its connection knows that it is over */
	bool dead;
	struct cv_log_limit complaints; /* lines about what the authenticated peer does wrong */
	struct ike_sa *dead_next;

	struct ike_path path;
	uint64_t path_since_ms;
	char *why; /* why this transport; NULL: nothing to say */

	struct ike_connection *conn;
	struct ike_sa *conn_next, *conn_prev;
	struct ike_policy *policy;
	struct ike_link by_identity;
	struct ike_stream *stream; /* of path, or NULL */
	struct ike_sa *stream_next, *stream_prev;

	struct ike_suite suite;
	struct ike_keys keys;
	struct crypto_sk *sk_in, *sk_out;
	uint64_t iv_counter;

	uint32_t send_id;	/* of our next, or present, request */
	uint32_t recv_id;	/* of the peer's next request */
	struct ike_task *tasks; /* the first one is in flight when flight is set */
	uint8_t *flight;
	size_t flight_len;
	uint64_t flight_since_ms;
	uint32_t flight_interval_ms;
	uint8_t *response; /* to request recv_id - 1 */
	size_t response_len;

	struct ike_identity *local_id;
	struct ike_identity *remote_id;
	struct ike_child *children;
	uint8_t child_count;
	const char *delete_why;	  /* a constant text, once we delete it */
	char *child_error;	  /* why a child that somebody waits for failed */
	struct ike_handshake *hs; /* NULL once established */

	uint64_t created_ms;
	uint64_t established_ms;
	uint64_t last_in_ms;
	uint64_t last_out_ms;
	struct cv_timer retransmit;
	struct cv_timer expire; /* half-open, lingering, deleting, or stream lost: then it ends */
	struct cv_timer liveness;
	struct cv_timer keepalive;
	uint8_t init_digest[IKE_INIT_DIGEST_LEN]; /* key of engine->inits */
};

/* A stream that carried a message, or that we dialled. */
struct ike_stream {
	struct ike_engine *engine;
	uint64_t id; /* key of engine->streams */
	bool ours;   /* we dialled it */
	bool open;
	uint8_t bad;	    /* broken messages in a row */
	uint8_t inits;	    /* IKE SAs begun over it, up to the limit */
	struct ike_sa *sas; /* those whose path it is */
	struct cv_timer idle;
};

/* At most `burst` in a second. */
struct ike_rate {
	uint64_t second;
	uint32_t used;
};

struct ike_out_node;

struct ike_engine {
	struct ike_engine_config config;
	uint64_t now_ms;
	struct ike_counters counters;
	struct cv_timerq timers;
	struct cv_table *sas;
	struct cv_table *inits;
	struct cv_table *children;
	struct cv_table *conns;
	struct cv_table *wants;
	struct cv_table *streams;
	struct ike_index by_peer;
	struct ike_index by_identity;
	struct ike_out_node *out_first, *out_last, *out_given;
	struct ike_sa *dead;
	struct ike_cookie_jar cookies;
	struct ike_rate error_rate;
	struct cv_log_limit strange; /* lines about messages that belong to nothing */
	struct cv_log_limit refused; /* lines about IKE SAs that strangers asked for, or began */
	uint32_t halfopen;
	uint32_t open_sas; /* that have not ended */
	uint64_t next_stream;
	uint64_t next_want;
	uint32_t next_child;
	bool stopping;
	bool idle_said;
	uint8_t rx[IKE_MESSAGE_MAX + 1];
	uint8_t tx[IKE_BUILD_MAX];
	uint8_t inner[IKE_BUILD_MAX]; /* payloads of a request of ours being built */
	uint8_t reply[IKE_BUILD_MAX]; /* ... and of an answer: a handler may send requests meanwhile */
};

/* Octets that nobody can predict, from the driver. */
void ike_core_random(struct ike_engine *e, uint8_t *out, size_t len);
/* A copy of text on the heap in place of what *slot held; NULL when there is no memory or no text. */
void ike_core_set_text(char **slot, const char *text);
/* A copy of octets on the heap in place of *slot; CV_E_NOMEM empties it. */
enum cv_err ike_core_keep(uint8_t **slot, size_t *len, struct cv_bytes from) CV_NODISCARD;
/* True while fewer than `burst` were allowed in this second. */
bool ike_rate_allowed(struct ike_rate *rate, uint64_t now_ms, uint32_t burst);
/* Policies by reference count. */
struct ike_policy *ike_policy_hold(struct ike_policy *policy);
void ike_policy_drop(struct ike_policy *policy);
/* Identities on the heap; NULL without memory. */
struct ike_identity *ike_identity_new(uint8_t type, struct cv_bytes data);
/* As struct ike_id, for texts and queries; NULL gives type 0. */
struct ike_id ike_identity_id(const struct ike_identity *identity);
/* Asks the driver for the secret of two identities; the answer comes to want->answer. CV_E_NOMEM. */
enum cv_err ike_want_ask(struct ike_engine *e, struct ike_want *want,
			 const struct ike_secret_query *query) CV_NODISCARD;
/* No answer is wanted any more. Harmless when none was asked. */
void ike_want_cancel(struct ike_engine *e, struct ike_want *want);

#endif
