/* The simulated network: nodes on links with delay, jitter, loss, duplication and reordering, behind NAT or
 * not, with faults that come and go. Datagrams here; streams in stream.h on top. One message is one packet.
 */
#ifndef CULVERT_SIM_NETWORK_H
#define CULVERT_SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "lib/addr.h"
#include "lib/bytes.h"
#include "nat.h"
#include "rng.h"
#include "trace.h"

#define SIM_NODES_MAX 8
#define SIM_NATS_MAX  4

enum sim_kind { SIM_IKE = 1, SIM_ESP, SIM_KEEPALIVE };

/* A node's access to the network, both ways. Chances are per mille. */
struct sim_link {
	uint32_t delay_ms;
	uint32_t jitter_ms;
	uint32_t loss_pm;
	uint32_t dup_pm;
	uint32_t reorder_pm; /* held back by up to 300 ms, so that later packets overtake it */
};

/* What a node's access does wrong at present. */
struct sim_fault {
	bool down;		/* nothing passes */
	bool udp_drop;		/* no UDP passes ... */
	uint16_t udp_drop_port; /* ... with this port on either end; 0: none at all */
	uint32_t udp_max_len;	/* larger datagrams vanish; 0: none */
	bool udp_refuse;	/* ICMP administratively prohibited */
	bool tcp_syn_drop;
	bool tcp_syn_refuse;   /* RST to every SYN */
	uint32_t tcp_slow_ms;  /* added to every connect */
	uint32_t tcp_reset_pm; /* per message: the stream is reset instead */
	uint32_t tcp_close_pm; /* per message: a middlebox ends the stream in order instead */
};

/* What the network tells a node. */
struct sim_node_ops {
	/* False: nobody listens on that port. */
	bool (*datagram)(void *arg, const struct cv_addr *local, const struct cv_addr *remote, uint8_t kind,
			 struct cv_bytes data);
	/* ICMP about a datagram that the node sent. */
	void (*refused)(void *arg, const struct cv_addr *local, const struct cv_addr *remote, int os_error);
	bool (*accepts)(void *arg, const struct cv_addr *local);
	void (*opened)(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote);
	void (*failed)(void *arg, uint64_t id, const struct cv_addr *remote, int os_error);
	void (*lost)(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote,
		     int os_error);
	void (*framed)(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote,
		       uint8_t kind, struct cv_bytes data);
};

struct sim_node {
	const char *name;
	struct cv_ip ip[2];  /* v4 and v6, either may be none */
	struct sim_nat *nat; /* for v4; NULL: none */
	struct sim_link link;
	struct sim_fault fault;
	const struct sim_node_ops *ops;
	void *arg;
};

/* One message on its way, as those between the NATs see it. */
struct sim_packet {
	struct sim_network *net;
	uint8_t kind;	       /* enum sim_kind */
	uint8_t proto;	       /* enum sim_proto */
	bool hostile;	       /* made by the attacker */
	unsigned sender;       /* node */
	struct cv_addr inside; /* the sender's own address */
	struct cv_addr src;    /* after NAT */
	struct cv_addr dst;
	uint64_t stream; /* of a stream: its serial */
	size_t len;
	uint8_t data[];
};

struct sim_stream;

struct sim_network {
	struct sim_clock *clock;
	struct sim_trace *trace;
	struct sim_rng rng;
	unsigned node_count;
	struct sim_node node[SIM_NODES_MAX];
	unsigned nat_count;
	struct sim_nat nat[SIM_NATS_MAX];
	struct sim_stream *streams;
	uint64_t stream_serial;
	/* Sees every message of a node when it is sent; NULL: nobody looks. */
	void (*watch)(void *arg, const struct sim_packet *packet);
	void *watch_arg;
};

void sim_network_init(struct sim_network *net, struct sim_clock *clock, struct sim_trace *trace,
		      uint64_t seed);
void sim_network_end(struct sim_network *net);
/* Its number. */
unsigned sim_network_add(struct sim_network *net, const struct sim_node *node);
/* A node's own address of that family. */
struct cv_ip sim_node_ip(const struct sim_network *net, unsigned node, uint8_t family);

/* A datagram from one of the node's addresses. */
void sim_udp_send(struct sim_network *net, unsigned node, const struct cv_addr *from,
		  const struct cv_addr *to, uint8_t kind, struct cv_bytes data);
/* The attacker's: with any source, no loss. */
void sim_udp_inject(struct sim_network *net, const struct cv_addr *from, const struct cv_addr *to,
		    struct cv_bytes data, uint32_t delay_ms);

/* --- for stream.c --- */
/* The node that an outside address leads to, and the address inside; false: none. */
bool sim_network_resolve(struct sim_network *net, uint8_t proto, const struct cv_addr *dst,
			 const struct cv_addr *src, unsigned *node, struct cv_addr *inside);
/* One way, with jitter. */
uint32_t sim_network_delay(struct sim_network *net, unsigned a, unsigned b);
/* Rolls the dice of both links: is this one lost? */
bool sim_network_loses(struct sim_network *net, unsigned a, unsigned b);

#endif
