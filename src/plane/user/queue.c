#include "plane/user/queue.h"

#include <stdlib.h>
#include <string.h>

struct user_msg *user_msg_new(uint8_t type, struct cv_bytes data)
{
	struct user_msg *msg = calloc(1, sizeof *msg + data.len);

	if (msg == NULL)
		return NULL;
	msg->type = type;
	msg->len = data.len;
	if (data.len > 0)
		memcpy(msg->data, data.data, data.len);
	return msg;
}

enum cv_err user_queue_init(struct user_queue *q, uv_loop_t *reader, uv_async_cb on_wake, void *data)
{
	*q = (struct user_queue){ 0 };
	if (uv_mutex_init(&q->lock) != 0)
		return CV_E_NOMEM;
	if (uv_async_init(reader, &q->wake, on_wake) != 0) {
		uv_mutex_destroy(&q->lock);
		return CV_E_NOMEM;
	}
	q->wake.data = data;
	q->ready = true;
	return CV_OK;
}

void user_queue_free(struct user_queue *q)
{
	if (!q->ready)
		return;
	for (struct user_msg *msg = user_queue_take(q), *next; msg != NULL; msg = next) {
		next = msg->next;
		free(msg);
	}
	uv_mutex_destroy(&q->lock);
	q->ready = false;
}

/* What strangers can cause in any number; the rest must arrive, and comes at the pace of our own doing. */
static bool may_be_lost(const struct user_msg *msg)
{
	return msg->len > 0 || msg->type == USER_EV_UDP_REFUSED;
}

bool user_queue_post(struct user_queue *q, struct user_msg *msg)
{
	bool room;

	if (msg == NULL)
		return false;
	uv_mutex_lock(&q->lock);
	room = !may_be_lost(msg) || q->octets + sizeof *msg + msg->len <= USER_QUEUE_OCTETS_MAX;
	if (room) {
		if (q->tail != NULL)
			q->tail->next = msg;
		else
			q->head = msg;
		q->tail = msg;
		q->octets += sizeof *msg + msg->len;
		uv_async_send(&q->wake);
	}
	uv_mutex_unlock(&q->lock);
	if (!room)
		free(msg);
	return room;
}

struct user_msg *user_queue_take(struct user_queue *q)
{
	struct user_msg *all;

	uv_mutex_lock(&q->lock);
	all = q->head;
	q->head = NULL;
	q->tail = NULL;
	q->octets = 0;
	uv_mutex_unlock(&q->lock);
	return all;
}
