#include "host/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum cv_err host_nl_open(struct host_nl *nl)
{
	nl->seq = 0;
	nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (nl->socket == NULL)
		return CV_E_IO;
	struct timeval limit = { .tv_sec = 5 };
	/* Strict checking makes the kernel filter dumps by table and family (Linux 4.20); without it we
	 * filter. */
	int on = 1;
	mnl_socket_setsockopt(nl->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl->socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0) {
		host_nl_close(nl);
		return CV_E_IO;
	}
	return CV_OK;
}

void host_nl_close(struct host_nl *nl)
{
	if (nl->socket != NULL) {
		int saved = errno;
		mnl_socket_close(nl->socket);
		errno = saved;
	}
	nl->socket = NULL;
}

struct nlmsghdr *host_nl_begin(struct host_nl *nl, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(nl->buf);
	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = ++nl->seq;
	return request;
}

enum cv_err host_nl_run(struct host_nl *nl, struct nlmsghdr *request, mnl_cb_t each, void *arg)
{
	unsigned port = mnl_socket_get_portid(nl->socket);
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(nl->socket, request, request->nlmsg_len) < 0)
		return CV_E_IO;
	for (;;) {
		ssize_t len = mnl_socket_recvfrom(nl->socket, nl->buf, sizeof(nl->buf));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return CV_E_IO;
		int more = mnl_cb_run(nl->buf, (size_t)len, nl->seq, port, each, arg);
		/* A late answer to a request that was given up: not ours. */
		if (more < 0 && errno == ESRCH && ((struct nlmsghdr *)(void *)nl->buf)->nlmsg_seq != nl->seq)
			continue;
		if (more < 0)
			return CV_E_IO;
		if (more == MNL_CB_STOP)
			return CV_OK;
	}
}

void host_nl_put_ip(struct nlmsghdr *request, uint16_t attribute, const struct cv_ip *ip)
{
	mnl_attr_put(request, attribute, cv_ip_len(ip), ip->b);
}

struct cv_ip host_nl_get_ip(const struct nlattr *attribute)
{
	if (attribute == NULL)
		return (struct cv_ip){ 0 };
	return cv_ip_from_bytes(
	    cv_bytes(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute)));
}

uint8_t host_nl_family(const struct cv_ip *ip)
{
	return ip->family == CV_IPV6 ? AF_INET6 : AF_INET;
}
