/* Transport sockets with the options all of them share: non-blocking, close-on-exec, marked so that their
 * packets never loop into the tunnel, IPv6 sockets for IPv6 only. */
#ifndef CULVERT_XPORT_SOCKET_H
#define CULVERT_XPORT_SOCKET_H

#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"

/* Each gives a descriptor, or -1 with errno; *step then names the call that failed, for the log. mark 0:
 * none. */

/* Bound to `at`; tells the local address, TOS and errors of what it receives. */
int xport_udp_socket(const struct cv_addr *at, uint32_t mark, const char **step);
/* Bound and listening. */
int xport_tcp_listener(const struct cv_addr *at, uint32_t mark, const char **step);
/* Connecting to `remote` from local->ip where that is not any; wait until it is writable, then
 * xport_socket_error. */
int xport_tcp_dial(const struct cv_addr *local, const struct cv_addr *remote, uint32_t mark,
		   const char **step);
/* The next connection of a listener with its peer; -1 with errno, EAGAIN when there is none. */
int xport_tcp_accept(int listener, struct cv_addr *remote);

/* TCP_NODELAY. */
void xport_tcp_tune(int fd);
/* Receive and send buffers of that many octets, beyond the system's limits where privilege allows it. */
void xport_socket_buffers(int fd, uint32_t octets);
/* SO_ERROR: 0, or what became of a connection; clears it. */
int xport_socket_error(int fd);
/* The socket's own address. */
enum cv_err xport_socket_local(int fd, struct cv_addr *out) CV_NODISCARD;
/* The MTU of the route to `remote`; 0 when it is not known. */
uint32_t xport_route_mtu(const struct cv_addr *remote, uint32_t mark);

#endif
