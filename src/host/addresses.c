#include "host/addresses.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "host/netlink.h"

struct reading {
	struct host_addresses *out;
	size_t cap;
};

static void take_attribute(const struct nlattr *a, uint16_t type, struct cv_ip *ip)
{
	if (mnl_attr_get_type(a) == type)
		*ip = host_nl_get_ip(a);
}

static int take_address(const struct nlmsghdr *message, void *arg)
{
	struct reading *r = arg;
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(message);
	struct cv_ip address = { 0 }, local = { 0 };
	uint32_t flags = m->ifa_flags;
	const struct nlattr *a;
	mnl_attr_for_each(a, message, sizeof(*m))
	{
		take_attribute(a, IFA_ADDRESS, &address);
		take_attribute(a, IFA_LOCAL, &local);
		if (mnl_attr_get_type(a) == IFA_FLAGS)
			flags = mnl_attr_get_u32(a);
	}
	/* On a point-to-point link IFA_ADDRESS is the other end's. */
	if (local.family == CV_FAMILY_NONE)
		local = address;
	if (local.family == CV_FAMILY_NONE || (flags & IFA_F_DADFAILED))
		return MNL_CB_OK;
	if (r->out->count == r->cap) {
		size_t cap = r->cap == 0 ? 16 : r->cap * 2;
		void *at = reallocarray(r->out->at, cap, sizeof(*r->out->at));
		if (at == NULL) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		r->out->at = at;
		r->cap = cap;
	}
	r->out->at[r->out->count++] = (struct host_address){
		.ip = local,
		.bits = m->ifa_prefixlen,
		.ifindex = m->ifa_index,
		.global = m->ifa_scope == RT_SCOPE_UNIVERSE,
		.temporary = (flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED | IFA_F_TENTATIVE)) != 0,
	};
	return MNL_CB_OK;
}

enum cv_err host_addresses_read(struct host_addresses *out)
{
	*out = (struct host_addresses){ 0 };
	struct host_nl *nl = malloc(sizeof(*nl));
	if (nl == NULL)
		return CV_E_NOMEM;
	struct reading r = { .out = out };
	enum cv_err err = host_nl_open(nl);
	if (err == CV_OK) {
		struct nlmsghdr *request = host_nl_begin(nl, RTM_GETADDR, NLM_F_DUMP);
		mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
		err = host_nl_run(nl, request, take_address, &r);
		host_nl_close(nl);
	}
	free(nl);
	if (err != CV_OK)
		host_addresses_free(out);
	return err;
}

void host_addresses_free(struct host_addresses *a)
{
	free(a->at);
	*a = (struct host_addresses){ 0 };
}

bool host_addresses_has(const struct host_addresses *a, const struct cv_ip *ip)
{
	for (size_t i = 0; i < a->count; i++)
		if (cv_ip_equal(&a->at[i].ip, ip))
			return true;
	return false;
}

struct cv_ip host_addresses_inside(const struct host_addresses *a, const struct cv_ip *first,
				   const struct cv_ip *last)
{
	struct cv_ip best = { 0 };
	int best_rank = 0;
	for (size_t i = 0; i < a->count; i++) {
		const struct host_address *h = &a->at[i];
		if (h->ip.family != first->family || !h->global || cv_ip_compare(&h->ip, first) < 0 ||
		    cv_ip_compare(&h->ip, last) > 0)
			continue;
		int rank = h->temporary ? 1 : 2;
		if (rank > best_rank) {
			best = h->ip;
			best_rank = rank;
		}
	}
	return best;
}

/* --- ways --- */

struct way_reading {
	struct host_way way;
	uint32_t metric; /* of the best default route so far */
	bool found;
	bool only_default;
};

static uint32_t metrics_mtu(const struct nlattr *metrics)
{
	const struct nlattr *a;
	mnl_attr_for_each_nested(a, metrics)
	{
		if (mnl_attr_get_type(a) == RTAX_MTU)
			return mnl_attr_get_u32(a);
	}
	return 0;
}

static int take_route(const struct nlmsghdr *message, void *arg)
{
	struct way_reading *r = arg;
	const struct rtmsg *m = mnl_nlmsg_get_payload(message);
	struct host_way way = { 0 };
	uint32_t metric = 0, table = m->rtm_table;
	const struct nlattr *a;
	mnl_attr_for_each(a, message, sizeof(*m))
	{
		take_attribute(a, RTA_PREFSRC, &way.source);
		take_attribute(a, RTA_GATEWAY, &way.gateway);
		switch (mnl_attr_get_type(a)) {
		case RTA_OIF: way.ifindex = mnl_attr_get_u32(a); break;
		case RTA_PRIORITY: metric = mnl_attr_get_u32(a); break;
		case RTA_TABLE: table = mnl_attr_get_u32(a); break;
		case RTA_METRICS: way.mtu = metrics_mtu(a); break;
		default: break;
		}
	}
	if (m->rtm_type != RTN_UNICAST && m->rtm_type != RTN_LOCAL)
		return MNL_CB_OK;
	if (r->only_default && (m->rtm_dst_len != 0 || table != RT_TABLE_MAIN || way.ifindex == 0 ||
				(r->found && metric >= r->metric)))
		return MNL_CB_OK;
	r->way = way;
	r->metric = metric;
	r->found = true;
	return MNL_CB_OK;
}

static int take_mtu(const struct nlmsghdr *message, void *arg)
{
	const struct nlattr *a;
	mnl_attr_for_each(a, message, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(a) == IFLA_MTU)
			*(uint32_t *)arg = mnl_attr_get_u32(a);
	}
	return MNL_CB_OK;
}

static enum cv_err link_mtu(struct host_nl *nl, uint32_t ifindex, uint32_t *mtu)
{
	struct nlmsghdr *request = host_nl_begin(nl, RTM_GETLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(request, sizeof(*m));
	m->ifi_index = (int)ifindex;
	return host_nl_run(nl, request, take_mtu, mtu);
}

static enum cv_err finish_way(struct host_nl *nl, enum cv_err err, const struct way_reading *r,
			      struct host_way *out)
{
	if (err == CV_E_IO && (errno == ENETUNREACH || errno == EHOSTUNREACH || errno == ESRCH ||
			       errno == EACCES || errno == EINVAL || errno == ENODEV))
		return CV_E_NOTFOUND;
	if (err != CV_OK)
		return err;
	if (!r->found || r->way.ifindex == 0)
		return CV_E_NOTFOUND;
	*out = r->way;
	if (if_indextoname(out->ifindex, out->ifname) == NULL)
		return CV_E_NOTFOUND;
	if (out->mtu == 0 && link_mtu(nl, out->ifindex, &out->mtu) != CV_OK)
		return CV_E_NOTFOUND;
	return CV_OK;
}

static enum cv_err ask_way(struct host_nl *nl, const struct cv_ip *destination, struct host_way *out)
{
	struct nlmsghdr *request = host_nl_begin(nl, RTM_GETROUTE, 0);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(request, sizeof(*m));
	m->rtm_family = host_nl_family(destination);
	m->rtm_dst_len = (uint8_t)(cv_ip_len(destination) * 8);
	host_nl_put_ip(request, RTA_DST, destination);
	mnl_attr_put_u32(request, RTA_MARK, HOST_MARK);
	struct way_reading r = { 0 };
	enum cv_err err = host_nl_run(nl, request, take_route, &r);
	return finish_way(nl, err, &r, out);
}

static enum cv_err ask_default(struct host_nl *nl, uint8_t family, struct host_way *out)
{
	struct nlmsghdr *request = host_nl_begin(nl, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(request, sizeof(*m));
	m->rtm_family = family == CV_IPV6 ? AF_INET6 : AF_INET;
	struct way_reading r = { .only_default = true };
	enum cv_err err = host_nl_run(nl, request, take_route, &r);
	return finish_way(nl, err, &r, out);
}

static enum cv_err with_socket(const struct cv_ip *destination, uint8_t family, struct host_way *out)
{
	struct host_nl *nl = malloc(sizeof(*nl));
	if (nl == NULL)
		return CV_E_NOMEM;
	*out = (struct host_way){ 0 };
	enum cv_err err = host_nl_open(nl);
	if (err == CV_OK) {
		err = destination != NULL ? ask_way(nl, destination, out) : ask_default(nl, family, out);
		host_nl_close(nl);
	}
	free(nl);
	return err;
}

enum cv_err host_way_to(const struct cv_ip *destination, struct host_way *out)
{
	return with_socket(destination, 0, out);
}

enum cv_err host_default_way(uint8_t family, struct host_way *out)
{
	enum cv_err err = with_socket(NULL, family, out);
	if (err != CV_OK || out->source.family != CV_FAMILY_NONE)
		return err;
	/* The kernel names the source only in answer to a question about one destination. A route without
	 * gateway has no such destination: any address of the Internet will do, it is only looked up. */
	struct cv_ip somewhere = { .family = family, .b = { 192, 0, 2, 1 } };
	if (family == CV_IPV6)
		somewhere = (struct cv_ip){ .family = CV_IPV6, .b = { 0x20, 0x01, 0x0d, 0xb8 } };
	struct host_way to;
	/* A link-local gateway would give a link-local source. */
	bool ask_gateway = out->gateway.family == CV_IPV4;
	err = host_way_to(ask_gateway ? &out->gateway : &somewhere, &to);
	out->source = to.source;
	return err;
}
