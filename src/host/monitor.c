#include "host/monitor.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

/* An interface that comes up brings several changes within a few milliseconds. */
enum { GATHER_MS = 200 };

struct host_monitor {
	struct mnl_socket *socket;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles; /* not yet closed */
	void (*changed)(void *arg);
	void *arg;
};

static void on_timer(uv_timer_t *timer)
{
	struct host_monitor *m = timer->data;
	m->changed(m->arg);
}

/* What has changed is read anew anyway: the messages are only thrown away. When some were lost (ENOBUFS)
 * there was a change all the more. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct host_monitor *m = poll->data;
	char buf[8192];
	(void)status;
	(void)events;
	while (recv(mnl_socket_get_fd(m->socket), buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		continue;
	if (!uv_is_active((uv_handle_t *)&m->timer))
		uv_timer_start(&m->timer, on_timer, GATHER_MS, 0);
}

enum cv_err host_monitor_new(uv_loop_t *loop, void (*changed)(void *arg), void *arg,
			     struct host_monitor **out)
{
	struct host_monitor *m = calloc(1, sizeof(*m));
	if (m == NULL)
		return CV_E_NOMEM;
	m->changed = changed;
	m->arg = arg;
	m->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (m->socket == NULL ||
	    mnl_socket_bind(m->socket, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
			    MNL_SOCKET_AUTOPID) < 0 ||
	    uv_poll_init(loop, &m->poll, mnl_socket_get_fd(m->socket)) != 0) {
		int saved = errno;
		if (m->socket != NULL)
			mnl_socket_close(m->socket);
		free(m);
		errno = saved;
		return CV_E_IO;
	}
	uv_timer_init(loop, &m->timer);
	m->handles = 2;
	m->poll.data = m->timer.data = m;
	uv_poll_start(&m->poll, UV_READABLE, on_readable);
	*out = m;
	return CV_OK;
}

static void on_closed(uv_handle_t *handle)
{
	struct host_monitor *m = handle->data;
	if (--m->handles > 0)
		return;
	mnl_socket_close(m->socket);
	free(m);
}

void host_monitor_free(struct host_monitor *m)
{
	if (m == NULL)
		return;
	uv_close((uv_handle_t *)&m->poll, on_closed);
	uv_close((uv_handle_t *)&m->timer, on_closed);
}
