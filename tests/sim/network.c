#include "network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

void sim_network_init(struct sim_network *net, struct sim_clock *clock, struct sim_trace *trace,
		      uint64_t seed)
{
	*net = (struct sim_network){ .clock = clock, .trace = trace, .rng = sim_rng_new(seed, 2) };
}

void sim_network_end(struct sim_network *net)
{
	sim_streams_free(net);
}

unsigned sim_network_add(struct sim_network *net, const struct sim_node *node)
{
	net->node[net->node_count] = *node;
	return net->node_count++;
}

struct cv_ip sim_node_ip(const struct sim_network *net, unsigned node, uint8_t family)
{
	return net->node[node].ip[family == CV_IPV6];
}

bool sim_network_resolve(struct sim_network *net, uint8_t proto, const struct cv_addr *dst,
			 const struct cv_addr *src, unsigned *node, struct cv_addr *inside)
{
	*inside = *dst;
	for (unsigned i = 0; i < net->nat_count; i++)
		if (cv_ip_equal(&net->nat[i].outside, &dst->ip))
			*inside = sim_nat_in(&net->nat[i], net->clock->now_ms, proto, dst->port, src);
	if (!inside->ip.family)
		return false;
	for (unsigned i = 0; i < net->node_count; i++) {
		const struct sim_node *n = &net->node[i];

		if (!cv_ip_equal(&n->ip[inside->ip.family == CV_IPV6], &inside->ip))
			continue;
		if (n->nat && dst->ip.family == CV_IPV4 && cv_addr_equal(inside, dst))
			continue; /* a private address leads nowhere */
		*node = i;
		return true;
	}
	return false;
}

uint32_t sim_network_delay(struct sim_network *net, unsigned a, unsigned b)
{
	const struct sim_link *x = &net->node[a].link, *y = &net->node[b].link;

	return 1 + x->delay_ms + y->delay_ms + sim_rng_below(&net->rng, x->jitter_ms + 1) +
	       sim_rng_below(&net->rng, y->jitter_ms + 1);
}

bool sim_network_loses(struct sim_network *net, unsigned a, unsigned b)
{
	bool lost = sim_rng_chance(&net->rng, net->node[a].link.loss_pm);

	return sim_rng_chance(&net->rng, net->node[b].link.loss_pm) || lost;
}

static bool udp_blocked(const struct sim_fault *f, const struct sim_packet *p)
{
	if (f->down)
		return true;
	if (f->udp_drop && (!f->udp_drop_port || f->udp_drop_port == p->src.port ||
			    f->udp_drop_port == p->dst.port || f->udp_drop_port == p->inside.port))
		return true;
	return f->udp_max_len && p->len > f->udp_max_len;
}

static void icmp_arrives(void *owner, void *arg)
{
	struct sim_packet *p = arg;
	struct sim_network *net = owner;
	const struct sim_node *n = &net->node[p->sender];

	if (!n->fault.down)
		n->ops->refused(n->arg, &p->inside, &p->dst, ECONNREFUSED);
	free(p);
}

static void arrives(void *owner, void *arg)
{
	struct sim_network *net = owner;
	struct sim_packet *p = arg;
	struct cv_addr inside;
	unsigned to;

	if (!sim_network_resolve(net, SIM_PROTO_UDP, &p->dst, &p->src, &to, &inside)) {
		free(p);
		return;
	}
	const struct sim_node *n = &net->node[to];

	if (udp_blocked(&n->fault, p)) {
		free(p);
		return;
	}
	bool taken = !n->fault.udp_refuse &&
		     n->ops->datagram(n->arg, &inside, &p->src, p->kind, cv_bytes(p->data, p->len));
	if (taken || p->hostile || p->kind == SIM_KEEPALIVE) {
		free(p);
		return;
	}
	sim_clock_in(net->clock, 1 + net->node[to].link.delay_ms + net->node[p->sender].link.delay_ms,
		     icmp_arrives, net, p);
}

static struct sim_packet *packet_new(struct sim_network *net, uint8_t kind, struct cv_bytes data)
{
	struct sim_packet *p = sim_alloc(sizeof(*p) + data.len);

	p->net = net;
	p->kind = kind;
	p->proto = SIM_PROTO_UDP;
	p->len = data.len;
	if (data.len)
		memcpy(p->data, data.data, data.len);
	return p;
}

static struct sim_packet *packet_copy(const struct sim_packet *from)
{
	struct sim_packet *p = packet_new(from->net, from->kind, cv_bytes(from->data, from->len));

	memcpy(p, from, sizeof(*p));
	return p;
}

static void travel(struct sim_network *net, struct sim_packet *p, unsigned to)
{
	const struct sim_link *a = &net->node[p->sender].link, *b = &net->node[to].link;
	uint32_t delay = sim_network_delay(net, p->sender, to);

	if (sim_network_loses(net, p->sender, to)) {
		free(p);
		return;
	}
	if (sim_rng_chance(&net->rng, a->reorder_pm + b->reorder_pm))
		delay += sim_rng_below(&net->rng, 300);
	if (sim_rng_chance(&net->rng, a->dup_pm + b->dup_pm))
		sim_clock_in(net->clock, delay + sim_rng_below(&net->rng, 200), arrives, net, packet_copy(p));
	sim_clock_in(net->clock, delay, arrives, net, p);
}

void sim_udp_send(struct sim_network *net, unsigned node, const struct cv_addr *from,
		  const struct cv_addr *to, uint8_t kind, struct cv_bytes data)
{
	struct sim_node *n = &net->node[node];
	struct sim_packet *p = packet_new(net, kind, data);
	struct cv_addr there;
	unsigned target;

	p->sender = node;
	p->inside = p->src = *from;
	p->dst = *to;
	if (n->fault.down) {
		free(p);
		return;
	}
	if (n->nat && from->ip.family == CV_IPV4)
		p->src = sim_nat_out(n->nat, net->clock->now_ms, SIM_PROTO_UDP, from, to, true);
	if (net->watch)
		net->watch(net->watch_arg, p);
	if (n->fault.udp_refuse && kind != SIM_KEEPALIVE) {
		sim_clock_in(net->clock, 1 + n->link.delay_ms, icmp_arrives, net, p);
		return;
	}
	/* Where it goes is looked up again on arrival; here only the link's delay depends on it. */
	if (udp_blocked(&n->fault, p) ||
	    !sim_network_resolve(net, SIM_PROTO_UDP, to, &p->src, &target, &there)) {
		free(p);
		return;
	}
	travel(net, p, target);
}

void sim_udp_inject(struct sim_network *net, const struct cv_addr *from, const struct cv_addr *to,
		    struct cv_bytes data, uint32_t delay_ms)
{
	struct sim_packet *p = packet_new(net, SIM_IKE, data);

	p->hostile = true;
	p->inside = p->src = *from;
	p->dst = *to;
	sim_clock_in(net->clock, delay_ms, arrives, net, p);
}
