/* Which end is this host. */
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/value.h"

struct orienting {
	bool (*is_local)(void *arg, const struct cv_ip *ip);
	void *arg;
	const struct cv_ip *default4;
	const struct cv_ip *default6;
};

static void swap_ips(struct cv_ip *a, struct cv_ip *b)
{
	struct cv_ip t = *a;

	*a = *b;
	*b = t;
}

static void swap_child(struct ike_child_policy *child)
{
	struct ike_child_policy t = *child;

	child->local_count = t.remote_count;
	memcpy(child->local, t.remote, sizeof(child->local));
	child->remote_count = t.local_count;
	memcpy(child->remote, t.local, sizeof(child->remote));
}

static void swap_ends(struct conf_conn *c)
{
	struct conf_conn t = *c;

	swap_ips(&c->ike.local_ip, &c->ike.remote_ip);
	swap_ips(&c->source_ip, &c->remote_source_ip);
	c->ike.local_ike_port = t.ike.remote_ike_port;
	c->ike.remote_ike_port = t.ike.local_ike_port;
	c->ike.local_id = t.ike.remote_id;
	c->ike.remote_id = t.ike.local_id;
	c->ike.local_auth = t.ike.remote_auth;
	c->ike.remote_auth = t.ike.local_auth;
	c->local_defaultroute = t.remote_defaultroute;
	c->remote_defaultroute = t.local_defaultroute;
	memcpy(c->updown, t.remote_updown, sizeof(c->updown));
	memcpy(c->remote_updown, t.updown, sizeof(c->remote_updown));
	for (uint8_t i = 0; i < c->ike.child_count; i++)
		swap_child(&c->ike.child[i]);
}

/* The address of the default route, of the other end's family, or hostaddrfamily's; IPv4 rather than IPv6. */
static struct cv_ip default_address(const struct orienting *o, const struct conf_conn *c,
				    const struct cv_ip *other)
{
	uint8_t family = other->family ? other->family : c->family;

	if (family == CV_IPV6 || (family == CV_FAMILY_NONE && !o->default4->family))
		return *o->default6;
	return *o->default4;
}

static bool end_is_local(const struct orienting *o, const struct cv_ip *ip, bool defaultroute)
{
	return defaultroute || (ip->family && o->is_local(o->arg, ip));
}

/* Ours may still be open, where it is that of %defaultroute, %any, or nobody's. */
static void fill_local_id(struct ike_conn *ike)
{
	if (ike->local_id.type)
		return;
	if (ike->local_auth == IKE_AUTHBY_NULL)
		ike->local_id.type = WIRE_ID_NULL; /* RFC 7619 section 2.2 */
	else
		ike->local_id = conf_id_of_address(&ike->local_ip);
}

static void add_rung(struct ike_conn *ike, uint8_t transport, uint16_t port)
{
	ike->rung[ike->rung_count++] = (struct ike_rung){ .transport = transport, .port = port };
}

/* libreswan's rule since 5.2: the peer's ikeport names its TCP port as well when there is only TCP. */
static uint16_t tcp_port(const struct conf_conn *c)
{
	if (c->tcp_remoteport)
		return c->tcp_remoteport;
	return c->enable_tcp == CONF_TCP_YES && c->ike.remote_ike_port ? c->ike.remote_ike_port : 4500;
}

static void make_ladder(struct conf_conn *c)
{
	c->ike.rung_count = 0;
	if (c->enable_tcp != CONF_TCP_YES)
		add_rung(&c->ike, IKE_UDP, c->ike.remote_ike_port ? c->ike.remote_ike_port : 500);
	if (c->enable_tcp != CONF_TCP_NO)
		add_rung(&c->ike, IKE_TCP, tcp_port(c));
}

static const char *end_text(const struct cv_ip *ip, char out[CV_IP_TEXT_MAX])
{
	return ip->family ? cv_ip_text(ip, out) : "%any";
}

static enum cv_err not_ours(const struct conf_conn *c, char *text, size_t cap)
{
	char left[CV_IP_TEXT_MAX], right[CV_IP_TEXT_MAX];

	snprintf(text, cap, "neither left (%s) nor right (%s) is an address of this host; %s",
		 end_text(&c->ike.local_ip, left), end_text(&c->ike.remote_ip, right),
		 c->ike.local_ip.family && c->ike.remote_ip.family
		     ? "give one of them an address of this host, or %defaultroute"
		     : "%any is always the other host; for this host write %defaultroute");
	return CV_E_NOTFOUND;
}

enum cv_err conf_orient(const struct conf_conn *conn, bool (*is_local)(void *arg, const struct cv_ip *ip),
			void *arg, const struct cv_ip *default_local4, const struct cv_ip *default_local6,
			struct conf_conn *out, char *text, size_t cap)
{
	const struct orienting o = { is_local, arg, default_local4, default_local6 };
	bool left = end_is_local(&o, &conn->ike.local_ip, conn->local_defaultroute);
	bool right = end_is_local(&o, &conn->ike.remote_ip, conn->remote_defaultroute);

	if (left && right) {
		char a[CV_IP_TEXT_MAX], b[CV_IP_TEXT_MAX];

		snprintf(text, cap,
			 "left (%s) and right (%s) are both addresses of this host; one must be the peer's",
			 conn->local_defaultroute ? "%defaultroute" : end_text(&conn->ike.local_ip, a),
			 conn->remote_defaultroute ? "%defaultroute" : end_text(&conn->ike.remote_ip, b));
		return CV_E_EXISTS;
	}
	if (!left && !right)
		return not_ours(conn, text, cap);
	*out = *conn;
	if (right)
		swap_ends(out);
	if (out->local_defaultroute)
		out->ike.local_ip = default_address(&o, out, &out->ike.remote_ip);
	if (!out->ike.local_ip.family) {
		snprintf(text, cap, "%%defaultroute: this host has no default route%s",
			 out->ike.remote_ip.family == CV_IPV6 ? " for IPv6" : "");
		return CV_E_NOTFOUND;
	}
	fill_local_id(&out->ike);
	make_ladder(out);
	out->oriented = true;
	snprintf(text, cap, "%s", right ? "right is this host" : "left is this host");
	return CV_OK;
}
