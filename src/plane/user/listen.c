/* UDP sockets and TCP listeners. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plane/user/user.h"
#include "xport/socket.h"

enum { ACCEPTS_PER_WAKE = 64 };

static enum cv_err refuse(const char *transport, const char *step, const struct cv_addr *at, char *text,
			  size_t cap)
{
	char addr[CV_ADDR_TEXT_MAX];

	snprintf(text, cap, "cannot %s %s %s: %s%s", step, transport, cv_addr_text(at, addr), strerror(errno),
		 errno == EADDRINUSE ? " (is another IKE daemon running?)" : "");
	return CV_E_IO;
}

/* Both workers are told, or none. */
static bool post_udp(struct plane *p, uint8_t type, struct user_udp *u)
{
	struct user_msg *in = user_msg_new(type, cv_bytes(NULL, 0));
	struct user_msg *out = user_msg_new(type, cv_bytes(NULL, 0));

	if (in == NULL || out == NULL) {
		free(in);
		free(out);
		return false;
	}
	in->object = u;
	out->object = u;
	(void)user_queue_post(inbound_commands(p->inbound), in);
	(void)user_queue_post(outbound_commands(p->outbound), out);
	return true;
}

enum cv_err plane_listen_udp(struct plane *p, const struct cv_addr *at, char *text, size_t cap)
{
	struct user_udp *u = calloc(1, sizeof *u);
	const char *step = "";

	if (u == NULL) {
		snprintf(text, cap, "out of memory");
		return CV_E_NOMEM;
	}
	if (xport_udp_open(&u->udp, at, p->config.mark, &step) < 0) {
		free(u);
		return refuse("UDP", step, at, text, cap);
	}
	if (uv_sem_init(&u->released, 0) != 0) {
		close(u->udp.fd);
		free(u);
		snprintf(text, cap, "out of memory");
		return CV_E_NOMEM;
	}
	if (p->config.udp_buffer != 0)
		xport_socket_buffers(u->udp.fd, p->config.udp_buffer);
	atomic_init(&u->refs, 3); /* control, inbound, outbound */
	if (!post_udp(p, USER_CMD_UDP_ADD, u)) {
		atomic_store(&u->refs, 1);
		user_udp_unref(u);
		snprintf(text, cap, "out of memory");
		return CV_E_NOMEM;
	}
	u->next = p->udps;
	p->udps = u;
	return CV_OK;
}

/* The socket bound to the path's own address, else the one bound to any. */
struct user_udp *user_udp_find(struct plane *p, const struct ike_path *path)
{
	struct user_udp *any = NULL;

	for (struct user_udp *u = p->udps; u != NULL; u = u->next) {
		const struct cv_addr *bound = &u->udp.bound;

		if (bound->ip.family != path->remote.ip.family || bound->port != path->local.port)
			continue;
		if (cv_ip_is_any(&bound->ip))
			any = u;
		else if (cv_ip_is_any(&path->local.ip) || cv_ip_equal(&bound->ip, &path->local.ip))
			return u;
	}
	return any;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct user_listener *l = poll->data;

	(void)events;
	for (unsigned i = 0; i < ACCEPTS_PER_WAKE && status == 0; i++) {
		struct cv_addr remote;
		int fd = xport_tcp_accept(l->fd, &remote);

		if (fd >= 0) {
			user_stream_accepted(l->plane, fd, &remote);
			continue;
		}
		if (errno == ECONNABORTED)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			user_streams_starved(l->plane);
		return;
	}
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct user_listener *l = handle->data;
	struct plane *p = l->plane;

	free(l);
	user_handle_gone(p);
}

/* The descriptor goes at once: libuv has let go of it when uv_close returns. */
static void close_listener(struct user_listener *l)
{
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	close(l->fd);
}

enum cv_err plane_listen_tcp(struct plane *p, const struct cv_addr *at, char *text, size_t cap)
{
	struct user_listener *l = calloc(1, sizeof *l);
	const char *step = "";

	if (l == NULL) {
		snprintf(text, cap, "out of memory");
		return CV_E_NOMEM;
	}
	l->fd = xport_tcp_listener(at, p->config.mark, &step);
	if (l->fd < 0) {
		free(l);
		return refuse("TCP", step, at, text, cap);
	}
	l->plane = p;
	l->at = *at;
	l->poll.data = l;
	if (uv_poll_init(p->loop, &l->poll, l->fd) != 0) {
		close(l->fd);
		free(l);
		snprintf(text, cap, "out of memory");
		return CV_E_NOMEM;
	}
	p->handles++;
	l->next = p->listeners;
	p->listeners = l;
	if (p->accept_again_ms == 0)
		(void)uv_poll_start(&l->poll, UV_READABLE, on_connection);
	return CV_OK;
}

void user_listen_pause(struct plane *p, bool pause)
{
	for (struct user_listener *l = p->listeners; l != NULL; l = l->next)
		if (pause)
			(void)uv_poll_stop(&l->poll);
		else
			(void)uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

static void unlisten_udp(struct plane *p, const struct cv_addr *at)
{
	for (struct user_udp **u = &p->udps; *u != NULL; u = &(*u)->next) {
		struct user_udp *gone = *u;

		if (!cv_addr_equal(&gone->udp.bound, at))
			continue;
		*u = gone->next;
		/* The address is free for another socket when this returns. */
		if (post_udp(p, USER_CMD_UDP_REMOVE, gone)) {
			uv_sem_wait(&gone->released);
			uv_sem_wait(&gone->released);
		}
		user_udp_unref(gone);
		return;
	}
}

void plane_unlisten(struct plane *p, uint8_t transport, const struct cv_addr *at)
{
	if (transport == IKE_UDP) {
		unlisten_udp(p, at);
		return;
	}
	for (struct user_listener **l = &p->listeners; *l != NULL; l = &(*l)->next) {
		struct user_listener *gone = *l;

		if (!cv_addr_equal(&gone->at, at))
			continue;
		*l = gone->next;
		close_listener(gone);
		return;
	}
}

void user_listen_free(struct plane *p)
{
	while (p->udps != NULL) {
		struct user_udp *u = p->udps;

		p->udps = u->next;
		user_udp_unref(u);
	}
	while (p->listeners != NULL) {
		struct user_listener *l = p->listeners;

		p->listeners = l->next;
		close_listener(l);
	}
}
