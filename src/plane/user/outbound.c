/* The outbound worker: one thread from the TUN device to the sockets. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "plane/user/outbound.h"
#include "xport/socket.h"

/* True: the device may have more. */
static bool fill(struct outbound *w)
{
	size_t octets = 0;

	for (unsigned i = 0; i < OUT_READ_PACKETS && octets < OUT_READ_OCTETS; i++) {
		ssize_t n;

		if (!w->tun_reading || !out_incoming_ready(w))
			return false;
		n = tun_read(w->plane->tun.fd, &w->hdr, w->incoming->data, PACKET_MAX);
		if (n == 0)
			return false;
		if (n < 0) {
			user_count(&w->plane->stats.bad_tun, 1);
			if (errno != EBADMSG)
				return false;
			continue;
		}
		octets += (size_t)n;
		out_packet(w, &w->hdr, cv_bytes(w->incoming->data, (size_t)n));
	}
	return true;
}

static void on_again(uv_idle_t *again)
{
	out_work(again->data);
}

void out_work(struct outbound *w)
{
	bool more = true;

	w->now_ms = user_now_ms();
	for (unsigned i = 0; i < OUT_TURNS && more; i++) {
		bool unread = fill(w);

		more = out_queues_serve(w) || unread;
	}
	if (more && !w->stopping)
		(void)uv_idle_start(&w->again, on_again);
	else
		(void)uv_idle_stop(&w->again);
}

static void on_tun(uv_poll_t *poll, int status, int events)
{
	struct outbound *w = poll->data;

	(void)events;
	out_work(w);
	if (status >= 0)
		return;
	w->tun_reading =
	    false; /* an error comes only when the device is gone; libuv has stopped the handle */
	cv_log(CV_LOG_ERROR, USER_ROOM, NULL,
	       "the device %s was removed from outside; no packets pass until the daemon is restarted",
	       w->plane->tun.name);
}

static void on_udp_writable(uv_poll_t *poll, int status, int events)
{
	struct user_udp *u = poll->data;
	struct outbound *w = poll->loop->data;

	(void)events;
	(void)uv_poll_stop(poll);
	if (status < 0)
		(void)xport_socket_error(u->udp.fd);
	w->udp_blocked = NULL;
	out_batch_flush(w);
	out_work(w);
}

void out_udp_block(struct outbound *w, struct user_udp *u)
{
	if (w->stopping || !u->out_polling)
		return; /* the next flush tries again */
	w->udp_blocked = u;
	if (uv_poll_start(&u->out_poll, UV_WRITABLE, on_udp_writable) != 0)
		w->udp_blocked = NULL;
}

static void udp_add(struct outbound *w, struct user_udp *u)
{
	u->out_polling = !w->stopping && uv_poll_init(&w->loop, &u->out_poll, u->udp.fd) == 0;
	u->out_poll.data = u;
	u->out_next = w->udps;
	w->udps = u;
}

static void on_udp_closed(uv_handle_t *handle)
{
	user_udp_release(handle->data);
}

static void udp_remove(struct outbound *w, struct user_udp *u)
{
	for (struct user_udp **at = &w->udps; *at != NULL; at = &(*at)->out_next) {
		if (*at != u)
			continue;
		*at = u->out_next;
		out_children_leave_udp(w, u);
		if (w->udp_blocked == u)
			w->udp_blocked = NULL;
		if (u->out_polling)
			uv_close((uv_handle_t *)&u->out_poll, on_udp_closed);
		else
			user_udp_release(u);
		u->out_polling = false;
		return;
	}
}

static void send_ike(struct outbound *w, const struct user_msg *msg)
{
	struct user_stream *s = msg->object;

	if (s->out.attached && !s->out.dead && !s->out.closing &&
	    xport_writer_queue_ike(&s->out.writer, cv_bytes(msg->data, msg->len)) == CV_OK)
		out_stream_push(w, s, NULL, 0);
	user_stream_unref(s);
}

static void stop(struct outbound *w)
{
	w->stopping = true;
	w->tun_reading = false;
	while (w->streams != NULL)
		out_stream_remove(w, w->streams);
	while (w->udps != NULL)
		udp_remove(w, w->udps);
	uv_close((uv_handle_t *)&w->tun_poll, NULL);
	uv_close((uv_handle_t *)&w->again, NULL);
	uv_close((uv_handle_t *)&w->commands.wake, NULL);
}

static void stream_command(struct outbound *w, const struct user_msg *msg)
{
	struct user_stream *s = msg->object;

	if (s->out.attached && msg->type == USER_CMD_STREAM_REMOVE)
		out_stream_remove(w, s);
	else if (s->out.attached)
		out_stream_close(w, s);
	user_stream_unref(s);
}

static void run_command(struct outbound *w, struct user_msg *msg)
{
	switch (msg->type) {
	case USER_CMD_STOP: stop(w); break;
	case USER_CMD_STREAM_ADD: out_stream_add(w, msg->object); break;
	case USER_CMD_STREAM_REMOVE:
	case USER_CMD_STREAM_CLOSE: stream_command(w, msg); break;
	case USER_CMD_CHILD_ADD: out_child_add(w, msg->object); break;
	case USER_CMD_CHILD_REMOVE: out_child_remove(w, msg->spi); break;
	case USER_CMD_CHILD_PATH:
		out_child_route(w, msg->spi, msg->object);
		free(msg->object);
		break;
	case USER_CMD_UDP_ADD: udp_add(w, msg->object); break;
	case USER_CMD_UDP_REMOVE: udp_remove(w, msg->object); break;
	case USER_CMD_SEND_IKE: send_ike(w, msg); break;
	case USER_CMD_TRAP_ADD: out_trap_add(w, msg->object); break;
	case USER_CMD_TRAP_REMOVE: out_trap_remove(w, msg->conn); break;
	default: break;
	}
}

static void on_commands(uv_async_t *wake)
{
	struct outbound *w = wake->data;

	w->now_ms = user_now_ms();
	for (struct user_msg *msg = user_queue_take(&w->commands), *next; msg != NULL; msg = next) {
		next = msg->next;
		run_command(w, msg);
		free(msg);
	}
	if (!w->stopping)
		out_work(w);
}

static void run(void *arg)
{
	struct outbound *w = arg;

	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
}

static struct cv_bytes child_key(const void *object)
{
	const struct out_child *c = object;

	return cv_bytes(&c->spi_in, sizeof c->spi_in);
}

static void release(struct outbound *w)
{
	out_queues_free(w);
	out_children_free(w);
	xport_spares_free(&w->spares);
	user_queue_free(&w->commands);
	free(w->batch.buf);
	free(w->scratch);
	free(w->fragment);
	free(w);
}

static enum cv_err allocate(struct outbound *w)
{
	uint8_t seed[16];

	user_random(seed, sizeof seed);
	user_random((uint8_t *)w->flow_seed, sizeof w->flow_seed);
	w->batch.buf = malloc(OUT_BATCH_CAP);
	w->scratch = malloc(PACKET_MAX);
	w->fragment = malloc(PACKET_MAX);
	if (w->batch.buf == NULL || w->scratch == NULL || w->fragment == NULL ||
	    esp_spd_new(seed, &w->spd) != CV_OK || esp_spd_new(seed, &w->trap_spd) != CV_OK)
		return CV_E_NOMEM;
	return user_table_new(&w->children, child_key);
}

static enum cv_err start(struct outbound *w)
{
	enum cv_err err = user_queue_init(&w->commands, &w->loop, on_commands, w);

	w->loop.data = w;
	if (err != CV_OK)
		return err;
	if (uv_poll_init(&w->loop, &w->tun_poll, w->plane->tun.fd) != 0)
		return CV_E_INTERNAL;
	w->tun_poll.data = w;
	(void)uv_idle_init(&w->loop, &w->again);
	w->again.data = w;
	if (uv_poll_start(&w->tun_poll, UV_READABLE, on_tun) != 0)
		return CV_E_INTERNAL;
	w->tun_reading = true;
	return user_thread_start(&w->thread, "culvert-out", run, w);
}

enum cv_err outbound_new(struct plane *p, struct outbound **out)
{
	struct outbound *w = calloc(1, sizeof *w);
	enum cv_err err;

	if (w == NULL)
		return CV_E_NOMEM;
	w->plane = p;
	err = allocate(w);
	if (err == CV_OK && uv_loop_init(&w->loop) != 0)
		err = CV_E_NOMEM;
	if (err != CV_OK) {
		release(w);
		return err;
	}
	err = start(w);
	if (err != CV_OK) {
		user_loop_abandon(&w->loop);
		release(w);
		return err;
	}
	*out = w;
	return CV_OK;
}

void outbound_free(struct outbound *w)
{
	if (w == NULL)
		return;
	if (!user_queue_post(&w->commands, user_msg_new(USER_CMD_STOP, cv_bytes(NULL, 0))))
		return; /* no memory to say it: the process is at its end anyway */
	(void)uv_thread_join(&w->thread);
	(void)uv_loop_close(&w->loop);
	release(w);
}

struct user_queue *outbound_commands(struct outbound *w)
{
	return &w->commands;
}
