#include "nat.h"

#include <string.h>

static bool alive(const struct sim_nat *n, const struct sim_mapping *m, uint64_t now_ms)
{
	uint32_t idle = m->proto == SIM_PROTO_UDP ? n->udp_idle_ms : n->tcp_idle_ms;

	return m->proto && (!idle || now_ms - m->last_ms < idle);
}

static bool port_taken(const struct sim_nat *n, uint64_t now_ms, uint8_t proto, uint16_t port)
{
	for (unsigned i = 0; i < SIM_NAT_MAPPINGS; i++)
		if (alive(n, &n->map[i], now_ms) && n->map[i].proto == proto && n->map[i].port == port)
			return true;
	return false;
}

static uint16_t choose_port(struct sim_nat *n, uint64_t now_ms, uint8_t proto, uint16_t wish)
{
	if (n->keeps_ports && !port_taken(n, now_ms, proto, wish))
		return wish;
	if (n->next_port < 20000)
		n->next_port = 20000;
	while (port_taken(n, now_ms, proto, n->next_port))
		n->next_port++;
	return n->next_port++;
}

static struct sim_mapping *find_out(struct sim_nat *n, uint64_t now_ms, uint8_t proto,
				    const struct cv_addr *inside, const struct cv_addr *remote)
{
	for (unsigned i = 0; i < SIM_NAT_MAPPINGS; i++) {
		struct sim_mapping *m = &n->map[i];

		if (m->proto == proto && alive(n, m, now_ms) && cv_addr_equal(&m->inside, inside) &&
		    (!n->symmetric || cv_addr_equal(&m->remote, remote)))
			return m;
	}
	return NULL;
}

/* Forwarded both ways, always. */
static bool forwarded(const struct sim_nat *n, uint8_t proto, uint16_t port)
{
	return n->forward.family && (port == 4500 || (port == 500 && proto == SIM_PROTO_UDP));
}

struct cv_addr sim_nat_out(struct sim_nat *n, uint64_t now_ms, uint8_t proto, const struct cv_addr *inside,
			   const struct cv_addr *remote, bool make)
{
	struct sim_mapping *m = find_out(n, now_ms, proto, inside, remote);

	if (forwarded(n, proto, inside->port) && cv_ip_equal(&inside->ip, &n->forward))
		return (struct cv_addr){ .ip = n->outside, .port = inside->port };
	for (unsigned i = 0; !m && make && i < SIM_NAT_MAPPINGS; i++) {
		if (alive(n, &n->map[i], now_ms))
			continue;
		m = &n->map[i];
		m->proto = 0;
		m->port = choose_port(n, now_ms, proto, inside->port);
		m->proto = proto;
		m->inside = *inside;
		m->remote = *remote;
	}
	if (!m)
		return (struct cv_addr){ 0 };
	m->last_ms = now_ms;
	return (struct cv_addr){ .ip = n->outside, .port = m->port };
}

struct cv_addr sim_nat_in(struct sim_nat *n, uint64_t now_ms, uint8_t proto, uint16_t port,
			  const struct cv_addr *remote)
{
	for (unsigned i = 0; i < SIM_NAT_MAPPINGS; i++) {
		struct sim_mapping *m = &n->map[i];

		if (m->proto != proto || m->port != port || !alive(n, m, now_ms))
			continue;
		if (n->symmetric && !cv_addr_equal(&m->remote, remote))
			continue;
		m->last_ms = now_ms;
		return m->inside;
	}
	if (forwarded(n, proto, port))
		return (struct cv_addr){ .ip = n->forward, .port = port };
	return (struct cv_addr){ 0 };
}

void sim_nat_flush(struct sim_nat *n)
{
	memset(n->map, 0, sizeof(n->map));
	n->next_port = (uint16_t)(n->next_port < 20000 ? 20101 : n->next_port + 101);
}
