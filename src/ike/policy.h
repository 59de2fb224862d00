/* What the administrator wants of one connection, in the engine's terms. conf/ makes these; the engine keeps
 * its own copy. No pointers into configuration. */
#ifndef CULVERT_IKE_POLICY_H
#define CULVERT_IKE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/secret.h"
#include "wire/payloads.h"

#define IKE_NAME_MAX	  64  /* of a connection, with its end */
#define IKE_ID_MAX	  256 /* octets of an identity */
#define IKE_RUNGS_MAX	  8
#define IKE_SELECTORS_MAX 16 /* per side and Child SA */
#define IKE_CHILDREN_MAX  16 /* Child SAs configured for one connection */

/* How IKE and ESP travel. */
enum ike_transport { IKE_UDP = 1, IKE_TCP = 2 };

/* One way to the peer; a connection's rungs are tried in order (the ladder). */
struct ike_rung {
	uint8_t transport; /* enum ike_transport */
	uint16_t port;	   /* the peer's; UDP: for IKE_SA_INIT, 4500 follows after NAT detection */
};

/* An identity (RFC 7296 section 3.5). */
struct ike_id {
	uint8_t type; /* enum wire_id_type; 0: any (remote), or the host's address (local) */
	uint16_t len;
	uint8_t data[IKE_ID_MAX];
};
#define IKE_ID_TEXT_MAX (IKE_ID_MAX * 4 + 8)
/* As in the configuration file: @fqdn, user@fqdn, 192.0.2.1, @#hex, %any. */
const char *ike_id_text(const struct ike_id *id, char *out, size_t cap);
bool ike_id_equal(const struct ike_id *a, const struct ike_id *b);

enum ike_authby { IKE_AUTHBY_SECRET = 1, IKE_AUTHBY_NULL = 2 };

/* One Child SA to make, or to accept: narrowed to what both sides allow. */
struct ike_child_policy {
	char name[IKE_NAME_MAX]; /* connection name, or name/1x2 for one of leftsubnets x rightsubnets */
	uint8_t local_count;	 /* 0: the host's own address */
	struct wire_ts local[IKE_SELECTORS_MAX];
	uint8_t remote_count; /* 0: the peer's own address */
	struct wire_ts remote[IKE_SELECTORS_MAX];
};

enum ike_encap { IKE_ENCAP_AUTO, IKE_ENCAP_YES, IKE_ENCAP_NO };

struct ike_conn {
	char name[IKE_NAME_MAX];

	/* ends */
	struct cv_ip local_ip;	  /* family none: any of this host's */
	struct cv_ip remote_ip;	  /* family none: anybody (responder only) */
	uint16_t local_ike_port;  /* UDP; 0: 500 */
	uint16_t remote_ike_port; /* UDP; 0: 500 */
	uint8_t rung_count;
	struct ike_rung rung[IKE_RUNGS_MAX];
	bool accept_udp; /* as responder */
	bool accept_tcp;

	/* authentication */
	struct ike_id local_id;
	struct ike_id remote_id;
	uint8_t local_auth; /* enum ike_authby */
	uint8_t remote_auth;

	/* algorithms, in order of preference */
	struct wire_sa ike_proposals; /* protocol IKE, no SPI */
	struct wire_sa esp_proposals; /* protocol ESP, with KE transforms for PFS in CREATE_CHILD_SA; left out
					 in IKE_AUTH */

	/* Child SAs */
	uint8_t child_count;
	struct ike_child_policy child[IKE_CHILDREN_MAX];
	bool narrowing; /* as initiator: accept less than proposed. As responder narrowing is always tried
			 * first: false demands that the answer is exactly the configured selectors or the
			 * proposal */
	uint8_t encapsulation;	/* enum ike_encap: yes claims a NAT so that ESP goes in UDP */
	uint32_t replay_window; /* packets */

	/* times; milliseconds */
	uint32_t retransmit_interval_ms; /* first; doubles */
	uint32_t retransmit_timeout_ms;	 /* then the exchange, or this rung, has failed */
	uint32_t liveness_delay_ms;	 /* 0: no liveness checks */
	uint32_t nat_keepalive_ms;	 /* 0: none */
	uint32_t rung_stagger_ms; /* next rung after this long without an answer; 0: the default (1000) */

	/* for plane and host, carried through */
	uint32_t mtu;	   /* inner; 0: computed */
	bool install_trap; /* auto=ondemand */
};

/* Looks up what proves an identity; answered by the daemon from ipsec.secrets. */
struct ike_secret_query {
	struct ike_id local;
	struct ike_id remote;
	struct cv_ip local_ip;
	struct cv_ip remote_ip;
};

/* A human text of a proposal list, as in ike= ("aes256gcm16-sha2_256-x25519, ..."). */
const char *ike_proposals_text(const struct wire_sa *sa, char *out, size_t cap);

#endif
