/* The ports on which the daemon listens, as the configuration says. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "lib/log.h"

enum { LISTENING_MAX = sizeof(((struct daemon *)0)->listening) / sizeof(struct cv_addr) };

struct wish {
	uint8_t transport;
	struct cv_addr at;
};

struct wishes {
	size_t count;
	struct wish at[LISTENING_MAX];
};

static bool is_wished(const struct wishes *w, uint8_t transport, const struct cv_addr *at)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->at[i].transport == transport && cv_addr_equal(&w->at[i].at, at))
			return true;
	return false;
}

static void wish_for(struct wishes *w, uint8_t transport, const struct cv_ip *ip, uint16_t port)
{
	static const uint8_t families[] = { CV_IPV4, CV_IPV6 };
	for (size_t i = 0; i < sizeof(families); i++) {
		struct cv_addr at = { .ip = *ip, .port = port };
		if (ip->family == CV_FAMILY_NONE)
			at.ip.family = families[i];
		/* A host without IPv6 has nothing to listen on. */
		bool possible = at.ip.family != CV_IPV6 || access("/proc/net/if_inet6", F_OK) == 0;
		if (at.ip.family == families[i] && possible && !is_wished(w, transport, &at) &&
		    w->count < LISTENING_MAX)
			w->at[w->count++] = (struct wish){ transport, at };
	}
}

static bool is_listening(const struct daemon *d, const struct wish *w)
{
	for (size_t i = 0; i < d->listening_count; i++)
		if (d->listening_transport[i] == w->transport && cv_addr_equal(&d->listening[i], &w->at))
			return true;
	return false;
}

static enum cv_err begin(struct daemon *d, const struct wish *w)
{
	char text[300] = "", user[80];
	enum cv_err err;
	if (is_listening(d, w))
		return CV_OK;
	if (d->listening_count == LISTENING_MAX)
		return CV_E_LIMIT;
	if (w->transport == IKE_TCP)
		err = plane_listen_tcp(d->plane, &w->at, text, sizeof(text));
	else
		err = plane_listen_udp(d->plane, &w->at, text, sizeof(text));
	if (err == CV_OK) {
		d->listening_transport[d->listening_count] = w->transport;
		d->listening[d->listening_count++] = w->at;
		return CV_OK;
	}
	daemon_port_user(w->transport, w->at.port, user, sizeof(user));
	cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL, "%s%s%s", text, user[0] == 0 ? "" : "; the port is used by ",
	       user);
	return err;
}

static void end(struct daemon *d, size_t i)
{
	plane_unlisten(d->plane, d->listening_transport[i], &d->listening[i]);
	d->listening_count--;
	d->listening[i] = d->listening[d->listening_count];
	d->listening_transport[i] = d->listening_transport[d->listening_count];
}

struct own_ports {
	struct wishes *wishes;
	const struct cv_ip *ip;
};

/* The connections that are loaded now; new ones ask for their port themselves. */
static bool wish_own_port(void *arg, void *object)
{
	const struct own_ports *o = arg;
	const struct daemon_conn *c = object;
	if (c->loaded && c->conf.ike.local_ike_port != 0)
		wish_for(o->wishes, IKE_UDP, o->ip, c->conf.ike.local_ike_port);
	return true;
}

enum cv_err daemon_listen(struct daemon *d, const struct conf *conf)
{
	const struct conf_setup *setup = conf_setup(conf);
	struct wishes w = { 0 };
	enum cv_err first = CV_OK;
	if (setup->listen_udp) {
		wish_for(&w, IKE_UDP, &setup->listen_ip, 500);
		wish_for(&w, IKE_UDP, &setup->listen_ip, 4500);
	}
	for (unsigned i = 0; i < setup->listen_tcp_count; i++)
		wish_for(&w, IKE_TCP, &setup->listen_ip, setup->listen_tcp[i]);
	struct own_ports own = { .wishes = &w, .ip = &setup->listen_ip };
	if (setup->listen_udp)
		cv_table_each(d->conns, wish_own_port, &own);
	for (size_t i = d->listening_count; i-- > 0;)
		if (!is_wished(&w, d->listening_transport[i], &d->listening[i]))
			end(d, i);
	for (size_t i = 0; i < w.count; i++) {
		enum cv_err err = begin(d, &w.at[i]);
		if (first == CV_OK)
			first = err;
	}
	return first;
}

enum cv_err daemon_listen_udp(struct daemon *d, uint16_t port)
{
	struct wishes w = { 0 };
	enum cv_err err = CV_OK;
	wish_for(&w, IKE_UDP, &conf_setup(d->conf)->listen_ip, port);
	for (size_t i = 0; i < w.count && err == CV_OK; i++)
		err = begin(d, &w.at[i]);
	return err;
}
