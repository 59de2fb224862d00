#include "xport/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h>

#include "xport/framing.h"
#include "xport/socket.h"

enum { CONTROL_LEN = 256 };

struct control {
	_Alignas(struct cmsghdr) uint8_t b[CONTROL_LEN];
};

int xport_udp_open(struct xport_udp *u, const struct cv_addr *at, uint32_t mark, const char **step)
{
	u->fd = xport_udp_socket(at, mark, step);
	if (u->fd < 0)
		return -1;
	u->bound = *at;
	if (at->port == 0 && xport_socket_local(u->fd, &u->bound) != CV_OK)
		u->bound = *at;
	u->marker = u->bound.port != XPORT_IKE_PORT;
	atomic_init(&u->gso, true);
	return 0;
}

/* --- receiving --- */

static int control_int(const struct cmsghdr *c)
{
	int v = 0;
	size_t len = c->cmsg_len - CMSG_LEN(0);

	if (len == 1)
		return *(const uint8_t *)CMSG_DATA(c);
	if (len >= sizeof v)
		memcpy(&v, CMSG_DATA(c), sizeof v);
	return v;
}

/* The address a packet came to: in_pktinfo's ipi_spec_dst is the one to answer from. */
static void control_address(const struct cmsghdr *c, struct cv_addr *local)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof info);
		local->ip = cv_ip_from_bytes(cv_bytes(&info.ipi_spec_dst, 4));
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof info);
		local->ip = cv_ip_from_bytes(cv_bytes(&info.ipi6_addr, 16));
		if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
			local->scope = info.ipi6_ifindex;
	}
}

static void read_control(struct msghdr *msg, struct xport_datagrams *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		control_address(c, &out->local);
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int segment = control_int(c);

			if (segment > 0)
				out->segment = (size_t)segment;
		} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
			   (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)) {
			out->tos = (uint8_t)control_int(c);
		}
	}
}

static bool read_message(const struct xport_udp *u, struct mmsghdr *m, struct xport_datagrams *out)
{
	const struct sockaddr_storage *from = m->msg_hdr.msg_name;

	*out = (struct xport_datagrams){ .data = m->msg_hdr.msg_iov->iov_base,
					 .len = m->msg_len,
					 .local = u->bound };
	if (m->msg_len == 0 || (m->msg_hdr.msg_flags & MSG_TRUNC) != 0)
		return false;
	if (cv_addr_from_sockaddr(from, &out->remote) != CV_OK)
		return false;
	out->segment = out->len;
	read_control(&m->msg_hdr, out);
	return true;
}

int xport_udp_receive(struct xport_udp *u, struct xport_udp_rx *rx)
{
	struct mmsghdr m[XPORT_UDP_BATCH];
	struct iovec iov[XPORT_UDP_BATCH];
	struct sockaddr_storage from[XPORT_UDP_BATCH];
	struct control control[XPORT_UDP_BATCH];
	int got = 0;
	int n;

	memset(m, 0, sizeof m);
	for (unsigned i = 0; i < XPORT_UDP_BATCH; i++) {
		iov[i] = (struct iovec){ rx->buf + (size_t)i * XPORT_UDP_BUFFER, XPORT_UDP_BUFFER };
		m[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						.msg_namelen = sizeof from[i],
						.msg_iov = &iov[i],
						.msg_iovlen = 1,
						.msg_control = &control[i],
						.msg_controllen = sizeof control[i] };
	}
	n = recvmmsg(u->fd, m, XPORT_UDP_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	for (int i = 0; i < n; i++)
		got += read_message(u, &m[i], &rx->got[got]);
	return got;
}

bool xport_udp_next_error(struct xport_udp *u, struct xport_udp_error *out)
{
	struct sockaddr_storage to = { 0 };
	struct control control;
	uint8_t sent[64];
	struct iovec iov = { sent, sizeof sent };
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = sizeof to,
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof control };

	*out = (struct xport_udp_error){ .local = u->bound };
	if (recvmsg(u->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	if (cv_addr_from_sockaddr(&to, &out->remote) != CV_OK)
		return true; /* os_error 0: of no use, but there may be more */
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		control_address(c, &out->local);
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			struct sock_extended_err e;

			memcpy(&e, CMSG_DATA(c), sizeof e);
			out->os_error = (int)e.ee_errno;
		}
	}
	return true;
}

/* --- sending --- */

void xport_udp_dest_set(struct xport_udp_dest *d, const struct cv_addr *local, const struct cv_addr *remote)
{
	*d = (struct xport_udp_dest){ 0 };
	d->remote_len = (socklen_t)cv_addr_to_sockaddr(remote, &d->remote);
	if (!cv_ip_is_any(&local->ip) && local->ip.family == remote->ip.family)
		d->local = local->ip;
}

static void put_control(struct msghdr *msg, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)msg->msg_control + msg->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

static void put_source(struct msghdr *msg, const struct cv_ip *ip)
{
	if (ip->family == CV_IPV4) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, ip->b, 4);
		put_control(msg, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	} else if (ip->family == CV_IPV6) {
		struct in6_pktinfo info = { 0 };

		memcpy(&info.ipi6_addr, ip->b, 16);
		put_control(msg, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
}

static void fill_message(struct msghdr *msg, const struct xport_udp_run *run, struct iovec *iov,
			 struct control *control, bool gso)
{
	uint16_t segment = (uint16_t)run->segment;
	int tos = run->tos;

	memset(control, 0, sizeof *control);
	*msg = (struct msghdr){ .msg_name = (void *)(uintptr_t)&run->to->remote,
				.msg_namelen = run->to->remote_len,
				.msg_iov = iov,
				.msg_iovlen = 1,
				.msg_control = control };
	put_source(msg, &run->to->local);
	if (tos != 0 && run->to->remote.ss_family == AF_INET6)
		put_control(msg, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
	else if (tos != 0)
		put_control(msg, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
	if (gso)
		put_control(msg, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
	if (msg->msg_controllen == 0)
		msg->msg_control = NULL;
}

/* A run whose super-datagram the system will not take goes out datagram by datagram. EAGAIN only before the
 * first. */
static int send_singly(struct xport_udp *u, const struct xport_udp_run *run, uint64_t *dropped)
{
	struct control control;
	struct msghdr msg;
	int error = 0;

	for (size_t at = 0; at < run->len; at += run->segment) {
		size_t len = run->len - at < run->segment ? run->len - at : run->segment;
		struct iovec iov = { run->data + at, len };

		fill_message(&msg, run, &iov, &control, false);
		if (sendmsg(u->fd, &msg, MSG_DONTWAIT) >= 0)
			continue;
		if (errno == EAGAIN && at == 0)
			return EAGAIN;
		error = errno;
		++*dropped;
	}
	return error == EAGAIN ? 0 : error;
}

static bool gso_refused(int error)
{
	return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP;
}

/* The run at the head of the queue was refused: tries what else there is. */
static int send_refused(struct xport_udp *u, const struct xport_udp_run *run, int error, uint64_t *dropped)
{
	if (run->count > 1 && gso_refused(error)) {
		if (error == EIO)
			atomic_store_explicit(&u->gso, false, memory_order_relaxed);
		return send_singly(u, run, dropped);
	}
	/* What an ICMP message said of an earlier packet is reported by the next call, whoever makes it. */
	if (error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH)
		return send_singly(u, run, dropped);
	*dropped += run->count;
	return error;
}

static int send_some(struct xport_udp *u, const struct xport_udp_run *runs, unsigned n, bool gso)
{
	struct mmsghdr m[XPORT_UDP_RUNS_MAX];
	struct iovec iov[XPORT_UDP_RUNS_MAX];
	struct control control[XPORT_UDP_RUNS_MAX];

	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){ runs[i].data, runs[i].len };
		fill_message(&m[i].msg_hdr, &runs[i], &iov[i], &control[i], gso && runs[i].count > 1);
		m[i].msg_len = 0;
	}
	return sendmmsg(u->fd, m, n, MSG_DONTWAIT);
}

/* How many runs go into one call: without GSO only single datagrams, in front of the first that needs
 * cutting. */
static unsigned batch_len(const struct xport_udp_run *runs, unsigned n, bool gso)
{
	unsigned i = 0;

	while (i < n && i < XPORT_UDP_RUNS_MAX && (gso || runs[i].count == 1))
		i++;
	return i;
}

int xport_udp_send(struct xport_udp *u, const struct xport_udp_run *runs, unsigned n, unsigned *done,
		   uint64_t *dropped)
{
	int first_error = 0;

	*done = 0;
	while (*done < n) {
		bool gso = atomic_load_explicit(&u->gso, memory_order_relaxed);
		unsigned batch = batch_len(runs + *done, n - *done, gso);
		int sent = batch > 0 ? send_some(u, runs + *done, batch, gso) : 0;
		int error = sent < 0 ? errno : 0;

		if (sent > 0) {
			*done += (unsigned)sent;
			continue;
		}
		if (batch == 0)
			error = send_singly(u, &runs[*done], dropped);
		else if (error != EAGAIN)
			error = send_refused(u, &runs[*done], error, dropped);
		if (error == EAGAIN)
			return EAGAIN;
		if (error != 0 && first_error == 0)
			first_error = error;
		++*done;
	}
	return first_error;
}

static int send_octets(struct xport_udp *u, const struct cv_addr *local, const struct cv_addr *remote,
		       struct iovec *iov, unsigned n)
{
	struct xport_udp_dest dest;
	struct xport_udp_run run = { .to = &dest };
	struct control control;
	struct msghdr msg;

	xport_udp_dest_set(&dest, local, remote);
	fill_message(&msg, &run, iov, &control, false);
	msg.msg_iovlen = n;
	if (sendmsg(u->fd, &msg, MSG_DONTWAIT) >= 0)
		return 0;
	/* The first call may only have told of an ICMP error for an earlier message. */
	return sendmsg(u->fd, &msg, MSG_DONTWAIT) >= 0 ? 0 : errno;
}

int xport_udp_send_ike(struct xport_udp *u, const struct cv_addr *local, const struct cv_addr *remote,
		       struct cv_bytes message)
{
	static const uint8_t marker[XPORT_MARKER_LEN];
	struct iovec iov[2] = { { (void *)(uintptr_t)marker, sizeof marker },
				{ (void *)(uintptr_t)message.data, message.len } };

	return u->marker ? send_octets(u, local, remote, iov, 2) : send_octets(u, local, remote, iov + 1, 1);
}

int xport_udp_send_keepalive(struct xport_udp *u, const struct cv_addr *local, const struct cv_addr *remote)
{
	uint8_t octet = XPORT_KEEPALIVE;
	struct iovec iov = { &octet, 1 };

	return u->marker ? send_octets(u, local, remote, &iov, 1) : 0;
}
