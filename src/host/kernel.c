#include "host/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/host.h"

/* Of routes and rules that we made, in `ip route` (numbers from 192 on are free for use). */
#define PROTOCOL 217

static enum cv_err run_ignoring(struct host_nl *nl, struct nlmsghdr *request, int harmless1, int harmless2)
{
	enum cv_err err = host_nl_run(nl, request, NULL, NULL);
	return err == CV_E_IO && (errno == harmless1 || errno == harmless2) ? CV_OK : err;
}

enum cv_err host_kernel_rule(struct host_nl *nl, uint8_t family, bool add)
{
	uint16_t flags = add ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nlmsghdr *request = host_nl_begin(nl, add ? RTM_NEWRULE : RTM_DELRULE, flags);
	struct fib_rule_hdr *m = mnl_nlmsg_put_extra_header(request, sizeof(*m));
	m->family = family == CV_IPV6 ? AF_INET6 : AF_INET;
	m->action = FR_ACT_TO_TBL;
	m->flags = FIB_RULE_INVERT;
	mnl_attr_put_u32(request, FRA_PRIORITY, HOST_RULE_PRIORITY);
	mnl_attr_put_u32(request, FRA_FWMARK, HOST_MARK);
	mnl_attr_put_u32(request, FRA_FWMASK, UINT32_MAX);
	mnl_attr_put_u32(request, FRA_TABLE, HOST_TABLE);
	mnl_attr_put_u8(request, FRA_PROTOCOL, PROTOCOL);
	return add ? run_ignoring(nl, request, EEXIST, EEXIST)
		   : run_ignoring(nl, request, ENOENT, EAFNOSUPPORT);
}

static struct nlmsghdr *begin_route(struct host_nl *nl, const struct host_kernel_route *route, uint16_t type,
				    uint16_t flags)
{
	struct nlmsghdr *request = host_nl_begin(nl, type, flags);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(request, sizeof(*m));
	bool removing = type == RTM_DELROUTE;
	m->rtm_family = host_nl_family(&route->to.ip);
	m->rtm_dst_len = route->to.bits;
	m->rtm_protocol = PROTOCOL;
	m->rtm_scope = removing ? RT_SCOPE_NOWHERE : route->throw_on ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	m->rtm_type = removing ? RTN_UNSPEC : route->throw_on ? RTN_THROW : RTN_UNICAST;
	host_nl_put_ip(request, RTA_DST, &route->to.ip);
	mnl_attr_put_u32(request, RTA_TABLE, HOST_TABLE);
	if (route->metric != 0)
		mnl_attr_put_u32(request, RTA_PRIORITY, route->metric);
	return request;
}

enum cv_err host_kernel_route_set(struct host_nl *nl, const struct host_kernel_route *route)
{
	struct nlmsghdr *request = begin_route(nl, route, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	if (!route->throw_on) {
		mnl_attr_put_u32(request, RTA_OIF, route->ifindex);
		if (route->source.family != CV_FAMILY_NONE)
			host_nl_put_ip(request, RTA_PREFSRC, &route->source);
	}
	if (!route->throw_on && route->mtu != 0) {
		struct nlattr *metrics = mnl_attr_nest_start(request, RTA_METRICS);
		mnl_attr_put_u32(request, RTAX_MTU, route->mtu);
		mnl_attr_nest_end(request, metrics);
	}
	return host_nl_run(nl, request, NULL, NULL);
}

enum cv_err host_kernel_route_delete(struct host_nl *nl, const struct host_kernel_route *route)
{
	return run_ignoring(nl, begin_route(nl, route, RTM_DELROUTE, 0), ESRCH, ENODEV);
}

struct flush {
	struct host_kernel_route *at;
	size_t count, cap;
};

static int take_route(const struct nlmsghdr *message, void *arg)
{
	struct flush *f = arg;
	const struct rtmsg *m = mnl_nlmsg_get_payload(message);
	struct host_kernel_route route = { .to.bits = m->rtm_dst_len };
	uint32_t table = m->rtm_table;
	const struct nlattr *a;
	mnl_attr_for_each(a, message, sizeof(*m))
	{
		switch (mnl_attr_get_type(a)) {
		case RTA_TABLE: table = mnl_attr_get_u32(a); break;
		case RTA_DST: route.to.ip = host_nl_get_ip(a); break;
		case RTA_PRIORITY: route.metric = mnl_attr_get_u32(a); break;
		default: break;
		}
	}
	if (table != HOST_TABLE)
		return MNL_CB_OK;
	if (route.to.ip.family == CV_FAMILY_NONE)
		route.to.ip.family = m->rtm_family == AF_INET6 ? CV_IPV6 : CV_IPV4;
	if (f->count == f->cap) {
		size_t cap = f->cap == 0 ? 64 : f->cap * 2;
		void *at = reallocarray(f->at, cap, sizeof(*f->at));
		if (at == NULL) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		f->at = at;
		f->cap = cap;
	}
	f->at[f->count++] = route;
	return MNL_CB_OK;
}

enum cv_err host_kernel_table_flush(struct host_nl *nl, uint8_t family)
{
	struct nlmsghdr *request = host_nl_begin(nl, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(request, sizeof(*m));
	m->rtm_family = family == CV_IPV6 ? AF_INET6 : AF_INET;
	mnl_attr_put_u32(request, RTA_TABLE, HOST_TABLE);
	struct flush f = { 0 };
	enum cv_err err = host_nl_run(nl, request, take_route, &f);
	/* A table that has never had a route does not exist. */
	if (err == CV_E_IO && errno == ENOENT)
		err = CV_OK;
	for (size_t i = 0; err == CV_OK && i < f.count; i++)
		err = host_kernel_route_delete(nl, &f.at[i]);
	free(f.at);
	return err;
}

enum cv_err host_kernel_link_set(struct host_nl *nl, uint32_t ifindex, bool up, uint32_t mtu)
{
	struct nlmsghdr *request = host_nl_begin(nl, RTM_NEWLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(request, sizeof(*m));
	m->ifi_index = (int)ifindex;
	m->ifi_flags = up ? IFF_UP : 0;
	m->ifi_change = IFF_UP;
	mnl_attr_put_u32(request, IFLA_MTU, mtu);
	return host_nl_run(nl, request, NULL, NULL);
}

static struct nlmsghdr *begin_address(struct host_nl *nl, uint16_t type, uint16_t flags, uint32_t ifindex,
				      const struct cv_ip *ip)
{
	struct nlmsghdr *request = host_nl_begin(nl, type, flags);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(request, sizeof(*m));
	m->ifa_family = host_nl_family(ip);
	m->ifa_prefixlen = (uint8_t)(cv_ip_len(ip) * 8);
	m->ifa_index = ifindex;
	/* Nobody on a TUN device could claim it too. */
	m->ifa_flags = ip->family == CV_IPV6 ? IFA_F_NODAD : 0;
	host_nl_put_ip(request, IFA_LOCAL, ip);
	host_nl_put_ip(request, IFA_ADDRESS, ip);
	return request;
}

enum cv_err host_kernel_address_add(struct host_nl *nl, uint32_t ifindex, const struct cv_ip *ip)
{
	struct nlmsghdr *request = begin_address(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, ip);
	return run_ignoring(nl, request, EEXIST, EEXIST);
}

enum cv_err host_kernel_address_delete(struct host_nl *nl, uint32_t ifindex, const struct cv_ip *ip)
{
	return run_ignoring(nl, begin_address(nl, RTM_DELADDR, 0, ifindex, ip), EADDRNOTAVAIL, ENODEV);
}

static int open_conf(const char *family, const char *interface, const char *name, int flags)
{
	char path[160];
	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, interface, name);
	return open(path, flags | O_CLOEXEC);
}

enum cv_err host_kernel_conf_get(const char *family, const char *interface, const char *name, int *out)
{
	int fd = open_conf(family, interface, name, O_RDONLY);
	if (fd < 0)
		return CV_E_IO;
	char text[16] = { 0 };
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return CV_E_IO;
	char *end;
	*out = (int)strtol(text, &end, 10);
	return end != text ? CV_OK : CV_E_SYNTAX;
}

enum cv_err host_kernel_conf_set(const char *family, const char *interface, const char *name, int value)
{
	int fd = open_conf(family, interface, name, O_WRONLY);
	if (fd < 0)
		return CV_E_IO;
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", value);
	ssize_t done = write(fd, text, (size_t)len);
	int saved = errno;
	close(fd);
	errno = saved;
	return done == len ? CV_OK : CV_E_IO;
}
