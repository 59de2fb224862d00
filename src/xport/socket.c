#include "xport/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LISTEN_BACKLOG = 512,
	UDP_RECEIVE_BUFFER = 4 * 1024 * 1024, /* bursts of 64 KiB super-datagrams */
};

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

static int give_up(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

static int open_socket(uint8_t family, int type, uint32_t mark, const char **step)
{
	int fd;

	*step = "open a socket for";
	fd = socket(family == CV_IPV6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	*step = "set the mark of";
	if (mark != 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0)
		return give_up(fd);
	*step = "set options of";
	if (family == CV_IPV6 && set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0)
		return give_up(fd);
	return fd;
}

static int bind_socket(int fd, const struct cv_addr *at, const char **step)
{
	struct sockaddr_storage sa;
	size_t len = cv_addr_to_sockaddr(at, &sa);

	*step = "bind";
	return bind(fd, (struct sockaddr *)&sa, (socklen_t)len);
}

/* The outer packets carry no DF: a path smaller than the one the inner MTU was computed for still works. */
static int tune_udp(int fd, uint8_t family)
{
	(void)set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE,
		      UDP_RECEIVE_BUFFER);	/* needs CAP_NET_ADMIN; fine without */
	(void)set_int(fd, SOL_UDP, UDP_GRO, 1); /* since Linux 5.0; fine without */
	if (family == CV_IPV6)
		return set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) |
		       set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) |
		       set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) |
		       set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	return set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) | set_int(fd, IPPROTO_IP, IP_RECVTOS, 1) |
	       set_int(fd, IPPROTO_IP, IP_RECVERR, 1) |
	       set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
}

int xport_udp_socket(const struct cv_addr *at, uint32_t mark, const char **step)
{
	int fd = open_socket(at->ip.family, SOCK_DGRAM, mark, step);

	if (fd < 0)
		return -1;
	if (tune_udp(fd, at->ip.family) < 0 || bind_socket(fd, at, step) < 0)
		return give_up(fd);
	return fd;
}

int xport_tcp_listener(const struct cv_addr *at, uint32_t mark, const char **step)
{
	int fd = open_socket(at->ip.family, SOCK_STREAM, mark, step);

	if (fd < 0)
		return -1;
	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 || bind_socket(fd, at, step) < 0)
		return give_up(fd);
	*step = "listen on";
	if (listen(fd, LISTEN_BACKLOG) < 0)
		return give_up(fd);
	return fd;
}

int xport_tcp_dial(const struct cv_addr *local, const struct cv_addr *remote, uint32_t mark,
		   const char **step)
{
	int fd = open_socket(remote->ip.family, SOCK_STREAM, mark, step);
	struct sockaddr_storage sa;
	size_t len;

	if (fd < 0)
		return -1;
	if (!cv_ip_is_any(&local->ip)) {
		struct cv_addr from = *local;

		from.port = 0; /* the system's choice (R9329-2-4) */
		if (bind_socket(fd, &from, step) < 0)
			return give_up(fd);
	}
	*step = "connect to";
	len = cv_addr_to_sockaddr(remote, &sa);
	if (connect(fd, (struct sockaddr *)&sa, (socklen_t)len) < 0 && errno != EINPROGRESS)
		return give_up(fd);
	return fd;
}

int xport_tcp_accept(int listener, struct cv_addr *remote)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;
	int fd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && cv_addr_from_sockaddr(&sa, remote) != CV_OK) {
		close(fd);
		errno = ECONNABORTED;
		return -1;
	}
	return fd;
}

void xport_tcp_tune(int fd)
{
	(void)set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void xport_socket_buffers(int fd, uint32_t octets)
{
	int size = octets > INT32_MAX ? INT32_MAX : (int)octets;

	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, size) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_RCVBUF, size);
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, size) < 0)
		(void)set_int(fd, SOL_SOCKET, SO_SNDBUF, size);
}

int xport_socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return errno;
	return error;
}

enum cv_err xport_socket_local(int fd, struct cv_addr *out)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return CV_E_IO;
	return cv_addr_from_sockaddr(&sa, out);
}

uint32_t xport_route_mtu(const struct cv_addr *remote, uint32_t mark)
{
	const char *step;
	int fd = open_socket(remote->ip.family, SOCK_DGRAM, mark, &step);
	struct sockaddr_storage sa;
	size_t addr_len;
	socklen_t len = sizeof(int);
	int mtu = 0;
	int rc;

	if (fd < 0)
		return 0;
	addr_len = cv_addr_to_sockaddr(remote, &sa);
	rc = connect(fd, (struct sockaddr *)&sa, (socklen_t)addr_len);
	if (rc == 0 && remote->ip.family == CV_IPV6)
		rc = getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &len);
	else if (rc == 0)
		rc = getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len);
	close(fd);
	return rc == 0 && mtu > 0 ? (uint32_t)mtu : 0;
}
