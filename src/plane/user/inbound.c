/* The inbound worker: one thread from the sockets to the TUN device. */
#include <stdlib.h>
#include <string.h>

#include "plane/user/inbound.h"

static struct cv_bytes child_key(const void *object)
{
	const struct in_child *c = object;

	return cv_bytes(&c->spi_in, sizeof c->spi_in);
}

void in_child_free(struct in_child *c)
{
	if (c == NULL)
		return;
	esp_in_free(c->sa);
	user_child_stats_unref(c->stats);
	free(c);
}

static void child_add(struct inbound *w, struct in_child *c)
{
	w->last = NULL;
	if (cv_table_put(w->children, c) != CV_OK)
		in_child_free(c);
}

static void child_remove(struct inbound *w, uint32_t spi)
{
	w->last = NULL;
	in_child_free(cv_table_remove(w->children, cv_bytes(&spi, sizeof spi)));
}

static void child_path(struct inbound *w, const struct user_msg *msg)
{
	struct in_child *c = cv_table_get(w->children, cv_bytes(&msg->spi, sizeof msg->spi));

	if (c != NULL)
		c->path = msg->path;
}

static void stream_command(struct inbound *w, const struct user_msg *msg)
{
	struct user_stream *s = msg->object;

	if (msg->type == USER_CMD_STREAM_CLOSE)
		s->in.discard = true;
	else if (s->in.attached)
		in_stream_remove(w, s);
	user_stream_unref(s);
}

static void stop(struct inbound *w)
{
	w->stopping = true;
	while (w->streams != NULL)
		in_stream_remove(w, w->streams);
	while (w->udps != NULL)
		in_udp_remove(w, w->udps);
	uv_close((uv_handle_t *)&w->commands.wake, NULL);
}

static void run_command(struct inbound *w, const struct user_msg *msg)
{
	switch (msg->type) {
	case USER_CMD_STOP: stop(w); break;
	case USER_CMD_STREAM_ADD: in_stream_add(w, msg->object); break;
	case USER_CMD_STREAM_REMOVE:
	case USER_CMD_STREAM_CLOSE: stream_command(w, msg); break;
	case USER_CMD_CHILD_ADD: child_add(w, msg->object); break;
	case USER_CMD_CHILD_REMOVE: child_remove(w, msg->spi); break;
	case USER_CMD_CHILD_PATH: child_path(w, msg); break;
	case USER_CMD_UDP_ADD: in_udp_add(w, msg->object); break;
	case USER_CMD_UDP_REMOVE: in_udp_remove(w, msg->object); break;
	default: break;
	}
}

static void on_commands(uv_async_t *wake)
{
	struct inbound *w = wake->data;

	for (struct user_msg *msg = user_queue_take(&w->commands), *next; msg != NULL; msg = next) {
		next = msg->next;
		run_command(w, msg);
		free(msg);
	}
}

static void run(void *arg)
{
	struct inbound *w = arg;

	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
}

static bool free_child(void *arg, void *object)
{
	(void)arg;
	in_child_free(object);
	return true;
}

static void release(struct inbound *w)
{
	if (w->children != NULL)
		cv_table_each(w->children, free_child, NULL);
	cv_table_free(w->children);
	user_queue_free(&w->commands);
	free(w->buf);
	free(w);
}

static enum cv_err start(struct inbound *w)
{
	enum cv_err err = user_queue_init(&w->commands, &w->loop, on_commands, w);

	w->loop.data = w;
	return err == CV_OK ? user_thread_start(&w->thread, "culvert-in", run, w) : err;
}

enum cv_err inbound_new(struct plane *p, struct inbound **out)
{
	struct inbound *w = calloc(1, sizeof *w);
	enum cv_err err;

	if (w == NULL)
		return CV_E_NOMEM;
	w->plane = p;
	w->buf = malloc(IN_BUFFER);
	w->rx.buf = w->buf;
	coalesce_init(&w->coalesce, p->tun.tso, p->tun.uso, in_packet_write, w);
	err = w->buf != NULL ? user_table_new(&w->children, child_key) : CV_E_NOMEM;
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

void inbound_free(struct inbound *w)
{
	if (w == NULL)
		return;
	if (!user_queue_post(&w->commands, user_msg_new(USER_CMD_STOP, cv_bytes(NULL, 0))))
		return; /* no memory to say it: the process is at its end anyway */
	(void)uv_thread_join(&w->thread);
	(void)uv_loop_close(&w->loop);
	release(w);
}

struct user_queue *inbound_commands(struct inbound *w)
{
	return &w->commands;
}
