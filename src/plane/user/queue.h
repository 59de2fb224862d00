/* Messages between the control thread and the workers: commands one way, events the other. At control rate
 * only; no packet of the data path ever passes here. */
#ifndef CULVERT_PLANE_USER_QUEUE_H
#define CULVERT_PLANE_USER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "ike/engine.h"
#include "lib/err.h"

enum user_msg_type {
	/* commands to both workers; `object` carries a reference or the ownership */
	USER_CMD_STOP,
	USER_CMD_STREAM_ADD,	/* object: struct user_stream, a use of it */
	USER_CMD_STREAM_REMOVE, /* object: a reference; dropped at once */
	USER_CMD_STREAM_CLOSE,	/* object: a reference; outbound sends what is queued, then FIN; inbound
				 * discards what  comes */
	USER_CMD_CHILD_ADD,	/* object: struct out_child or struct in_child, owned */
	USER_CMD_CHILD_REMOVE,	/* spi */
	USER_CMD_CHILD_PATH,	/* spi, path; outbound: object is struct out_route, owned */
	USER_CMD_UDP_ADD,	/* object: struct user_udp, a reference */
	USER_CMD_UDP_REMOVE,	/* object: struct user_udp, to compare only */
	USER_CMD_SEND_IKE,	/* object: struct user_stream, a reference; data */
	USER_CMD_TRAP_ADD,	/* object: struct out_trap, owned */
	USER_CMD_TRAP_REMOVE,	/* conn */
	/* events to the control thread */
	USER_EV_MESSAGE,      /* path, data: an IKE message */
	USER_EV_STREAM_SPOKE, /* stream_id: its first whole message came */
	USER_EV_STREAM_LOST,  /* stream_id, os_error, text */
	USER_EV_UDP_REFUSED,  /* path, os_error */
	USER_EV_CHILD_MOVED,  /* spi, path */
	USER_EV_CHILD_FAILED, /* spi, err */
	USER_EV_ACQUIRE,      /* conn, src, dst */
};

struct user_msg {
	struct user_msg *next;
	uint8_t type; /* enum user_msg_type */
	uint32_t spi;
	uint64_t stream_id;
	void *object;
	struct ike_path path;
	int os_error;
	enum cv_err err;
	const char *text; /* static */
	char conn[IKE_NAME_MAX];
	struct wire_ts src, dst;
	size_t len;
	uint8_t data[];
};

/* A new message with a copy of data; NULL without memory. */
struct user_msg *user_msg_new(uint8_t type, struct cv_bytes data);

struct user_queue {
	uv_mutex_t lock;
	uv_async_t wake; /* in the reader's loop; its data is the reader's */
	struct user_msg *head;
	struct user_msg *tail;
	size_t octets; /* of memory in the messages that wait: the smallest cost far more than their data */
	bool ready;
};

enum { USER_QUEUE_OCTETS_MAX = 8 * 1024 * 1024 }; /* of messages that wait for a thread */

enum cv_err user_queue_init(struct user_queue *q, uv_loop_t *reader, uv_async_cb on_wake,
			    void *data) CV_NODISCARD;
/* Frees what is left; the handle has to be closed by its loop before. */
void user_queue_free(struct user_queue *q);
/* Takes the message over (NULL is ignored). False, and the message is gone, when too much waits already; that
 * happens only to those with data and to USER_EV_UDP_REFUSED. */
bool user_queue_post(struct user_queue *q, struct user_msg *msg);
/* Everything that is there, in order. */
struct user_msg *user_queue_take(struct user_queue *q);

#endif
