/* Simulated TCP: reliable ordered streams of whole framed messages. Loss only delays; faults refuse, drop,
 * reset or close. The accepting end learns of a connection with its first message. */
#ifndef CULVERT_SIM_STREAM_H
#define CULVERT_SIM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "network.h"

#define SIM_STREAM_ACCEPTED (1ULL << 63) /* set in every id that an accepting node gets */

enum sim_stream_state { SIM_STREAM_DIALLING, SIM_STREAM_OPEN, SIM_STREAM_DEAD };

struct sim_frame {
	struct sim_frame *next;
	bool fin; /* the end of the stream, no message */
	uint8_t kind;
	size_t len;
	uint8_t data[];
};

struct sim_end {
	unsigned node;
	uint64_t id; /* as that node calls it */
	struct cv_addr local;
	struct cv_addr remote;	/* as that node sees it */
	bool attached;		/* the node still holds this end */
	bool spoke;		/* a whole message came in */
	struct sim_frame *head; /* what waits to be sent from here */
	struct sim_frame **tail;
	bool busy;	/* the head is on its way */
	uint32_t tries; /* of the head */
};

struct sim_stream {
	struct sim_stream *next;
	struct sim_network *net;
	uint64_t serial;
	uint8_t state; /* enum sim_stream_state */
	uint32_t syn_tries;
	struct sim_end end[2]; /* 0 dialled, 1 accepted */
};

/* from.ip may be none, from.port is ignored: the system chooses. Results come by `opened` or `failed`. */
void sim_stream_dial(struct sim_network *net, unsigned node, uint64_t id, const struct cv_addr *from,
		     const struct cv_addr *to);
/* False: the node has no such open stream. */
bool sim_stream_send(struct sim_network *net, unsigned node, uint64_t id, uint8_t kind, struct cv_bytes data);
/* Orderly, or the end of an attempt. Nothing more is told to this node. False: it has no such stream. */
bool sim_stream_close(struct sim_network *net, unsigned node, uint64_t id);
/* The node has crashed: its ends are gone without a word. */
void sim_stream_crash(struct sim_network *net, unsigned node);
/* A middlebox resets every stream of the node. */
void sim_stream_reset_all(struct sim_network *net, unsigned node);
/* Streams of which this node holds an end. */
unsigned sim_stream_count(const struct sim_network *net, unsigned node);
/* The end of that name, NULL for none; `dialling` tells whether it is not open yet. */
const struct sim_end *sim_stream_find(const struct sim_network *net, unsigned node, uint64_t id,
				      bool *dialling, uint64_t *serial);
void sim_streams_free(struct sim_network *net);

#endif
