/* Somebody on the way who reads everything and adds messages of his own: cut, bent, repeated, reflected,
 * forged. He can spoof any source over UDP, and opens TCP streams of his own; he does not hold back other
 * people's messages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "stream.h"

enum { MEMORY = 48, MESSAGE_MAX = 4096, WAITING = 16, LATE_MS = 1500, FLOOD_MS = 4000 };

struct heard {
	struct cv_addr src, dst;
	uint8_t proto;
	size_t len;
	uint8_t data[MESSAGE_MAX];
};

/* A message that waits for the attacker's stream to be connected. */
struct waiting {
	uint64_t id;
	size_t len;
	uint8_t data[MESSAGE_MAX];
};

struct sim_attacker {
	struct sim *s;
	struct sim_rng rng;
	unsigned node;
	uint64_t stream_id;
	uint64_t flood_until_ms;
	unsigned heard_count;
	struct heard first; /* for the flood */
	struct heard heard[MEMORY];
	struct waiting waiting[WAITING];
};

static bool ignore_datagram(void *arg, const struct cv_addr *local, const struct cv_addr *remote,
			    uint8_t kind, struct cv_bytes data)
{
	(void)arg;
	(void)local;
	(void)remote;
	(void)kind;
	(void)data;
	return true;
}

static void ignore_refused(void *arg, const struct cv_addr *local, const struct cv_addr *remote, int os_error)
{
	(void)arg;
	(void)local;
	(void)remote;
	(void)os_error;
}

static bool accepts_nothing(void *arg, const struct cv_addr *local)
{
	(void)arg;
	(void)local;
	return false;
}

static struct waiting *waiting_for(struct sim_attacker *a, uint64_t id)
{
	for (unsigned i = 0; i < WAITING; i++)
		if (a->waiting[i].id == id)
			return &a->waiting[i];
	return NULL;
}

/* Late enough that the genuine message was there first: who relays a fresh request over a stream of his own
 * becomes the peer's address by the rules (R9329-6.1-24), and could as well reset the real stream. */
static void speak(void *owner, void *arg)
{
	struct sim_attacker *a = owner;
	uint64_t id = *(uint64_t *)arg;
	struct waiting *w = waiting_for(a, id);

	free(arg);
	if (!w)
		return;
	sim_stream_send(&a->s->net, a->node, id, SIM_IKE, cv_bytes(w->data, w->len));
	if (sim_rng_chance(&a->rng, 500))
		sim_stream_close(&a->s->net, a->node, id);
	w->id = 0;
}

static void opened(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote)
{
	struct sim_attacker *a = arg;
	uint64_t *copy = sim_alloc(sizeof(*copy));

	(void)local;
	(void)remote;
	*copy = id;
	sim_clock_in(&a->s->clock, LATE_MS, speak, a, copy);
}

static void failed(void *arg, uint64_t id, const struct cv_addr *remote, int os_error)
{
	struct waiting *w = waiting_for(arg, id);

	(void)remote;
	(void)os_error;
	if (w)
		w->id = 0;
}

static void lost(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote,
		 int os_error)
{
	(void)local;
	failed(arg, id, remote, os_error);
}

static void framed(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote,
		   uint8_t kind, struct cv_bytes data)
{
	struct sim_attacker *a = arg;

	(void)local;
	(void)remote;
	(void)kind;
	(void)data;
	sim_stream_close(&a->s->net, a->node, id);
}

static const struct sim_node_ops attacker_ops = { .datagram = ignore_datagram,
						  .refused = ignore_refused,
						  .accepts = accepts_nothing,
						  .opened = opened,
						  .failed = failed,
						  .lost = lost,
						  .framed = framed };

static void by_stream(struct sim_attacker *a, const struct cv_addr *to, struct cv_bytes m)
{
	struct waiting *w = waiting_for(a, 0);
	struct cv_addr from = { 0 };

	if (!w || m.len > MESSAGE_MAX)
		return;
	w->id = ++a->stream_id;
	w->len = m.len;
	if (m.len)
		memcpy(w->data, m.data, m.len);
	sim_stream_dial(&a->s->net, a->node, w->id, &from, to);
}

/* To where the message goes, as if from its sender; on TCP that needs a stream of the attacker's own, and the
 * dialling end has no listener. */
static void inject(struct sim_attacker *a, const struct cv_addr *src, const struct cv_addr *dst,
		   uint8_t proto, struct cv_bytes m)
{
	struct cv_addr to = *dst;

	if (proto == SIM_PROTO_TCP && sim_rng_chance(&a->rng, 700)) {
		by_stream(a, &to, m);
		return;
	}
	if (proto == SIM_PROTO_TCP)
		to.port = sim_rng_chance(&a->rng, 500) ? 500 : 4500;
	sim_udp_inject(&a->s->net, src, &to, m, sim_rng_below(&a->rng, 40));
}

/* May this message be bent at all? A changed IKE_SA_INIT can spoil the handshake that it belongs to. */
static bool may_bend(const struct sim_attacker *a, const uint8_t *m, size_t len)
{
	return a->s->plan->attack_init || len < 28 || m[18] != 34;
}

/* An answer in the clear, one Notify payload of an error type, with the message's SPIs and id. */
static void forge_notify(struct sim_attacker *a, const struct sim_packet *p)
{
	static const uint16_t types[] = { 1, 4, 5, 7, 9, 11, 14, 17, 24, 38, 43, 16390 };
	bool reply = sim_rng_chance(&a->rng, 500);
	uint16_t type = types[sim_rng_below(&a->rng, sizeof(types) / sizeof(types[0]) -
							 (a->s->plan->attack_init ? 0 : 1))];
	uint8_t m[28 + 8 + 2];

	if (p->len < 28 || (type == 17 && !a->s->plan->attack_init))
		return;
	memcpy(m, p->data, 28);
	m[16] = 41;
	if (m[18] != 34 && sim_rng_chance(&a->rng, 500))
		m[18] = 37;
	m[19] = (uint8_t)((reply ? p->data[19] ^ 0x08 : p->data[19]) | 0x20);
	cv_put_u32(m + 24, sizeof(m));
	memcpy(m + 28, (uint8_t[8]){ 0, 0, 0, 10, 0, 0, (uint8_t)(type >> 8), (uint8_t)type }, 8);
	cv_put_u16(m + 36, (uint16_t)sim_rng_next(&a->rng));
	if (reply)
		inject(a, &p->dst, &p->src, p->proto, cv_bytes(m, sizeof(m)));
	else
		inject(a, &p->src, &p->dst, p->proto, cv_bytes(m, sizeof(m)));
}

static void truncated(struct sim_attacker *a, const struct sim_packet *p)
{
	uint8_t m[MESSAGE_MAX];
	size_t len = sim_rng_below(&a->rng, (uint32_t)p->len);

	memcpy(m, p->data, p->len);
	if (len >= 28 && sim_rng_chance(&a->rng, 500))
		cv_put_u32(m + 24, (uint32_t)len);
	inject(a, &p->src, &p->dst, p->proto, cv_bytes(m, len));
}

static void flipped(struct sim_attacker *a, const struct sim_packet *p)
{
	uint8_t m[MESSAGE_MAX];

	memcpy(m, p->data, p->len);
	for (unsigned n = 1 + sim_rng_below(&a->rng, 3); n; n--)
		m[sim_rng_below(&a->rng, (uint32_t)p->len)] ^= (uint8_t)(1 << sim_rng_below(&a->rng, 8));
	inject(a, &p->src, &p->dst, p->proto, cv_bytes(m, p->len));
}

/* Another exchange type, message id, flags or version in the header. */
static void dressed_up(struct sim_attacker *a, const struct sim_packet *p)
{
	static const uint8_t where[] = { 16, 17, 18, 19, 20, 23, 27 };
	uint8_t m[MESSAGE_MAX];

	memcpy(m, p->data, p->len);
	if (p->len > 28)
		m[where[sim_rng_below(&a->rng, sizeof(where))]] = (uint8_t)sim_rng_next(&a->rng);
	inject(a, &p->src, &p->dst, p->proto, cv_bytes(m, p->len));
}

static void replayed(struct sim_attacker *a)
{
	unsigned have = a->heard_count < MEMORY ? a->heard_count : MEMORY;
	const struct heard *h = &a->heard[sim_rng_below(&a->rng, have)];

	inject(a, &h->src, &h->dst, h->proto, cv_bytes(h->data, h->len));
}

/* What goes over TCP comes over UDP as well, and the other way round. */
static void crossed(struct sim_attacker *a, const struct sim_packet *p)
{
	struct cv_addr to = p->dst;

	if (p->proto == SIM_PROTO_UDP) {
		to.port = 4500;
		by_stream(a, &to, cv_bytes(p->data, p->len));
		return;
	}
	to.port = sim_rng_chance(&a->rng, 500) ? 500 : 4500;
	sim_udp_inject(&a->s->net, &p->src, &to, cv_bytes(p->data, p->len), sim_rng_below(&a->rng, 400));
}

static void noise(struct sim_attacker *a, const struct sim_packet *p)
{
	uint8_t m[600];
	size_t len = sim_rng_below(&a->rng, sizeof(m));

	sim_rng_fill(&a->rng, m, len);
	if (len >= 28 && sim_rng_chance(&a->rng, 700)) { /* a header that makes sense, then noise */
		memcpy(m, p->data, p->len < 28 ? p->len : 28);
		cv_put_u32(m + 24, (uint32_t)len);
	}
	inject(a, &p->src, &p->dst, p->proto, cv_bytes(m, len));
}

/* An IKE_SA_INIT request of an SPI that nobody chose, from nowhere. */
static void stranger(struct sim_attacker *a, const struct sim_packet *p)
{
	struct cv_addr from = p->src;
	uint8_t m[MESSAGE_MAX];

	if (p->len < 28 || p->data[18] != 34 || (p->data[19] & 0x20))
		return;
	memcpy(m, p->data, p->len);
	sim_rng_fill(&a->rng, m, 8);
	from.port = (uint16_t)sim_rng_between(&a->rng, 1024, 65000);
	inject(a, &from, &p->dst, p->proto, cv_bytes(m, p->len));
}

static void flood(void *owner, void *arg)
{
	struct sim_attacker *a = owner;
	const struct heard *h = &a->first;
	struct sim_packet *p;

	(void)arg;
	if (a->s->healed || a->s->clock.now_ms > a->flood_until_ms)
		return;
	p = sim_alloc(sizeof(*p) + h->len);
	*p = (struct sim_packet){ .proto = h->proto, .src = h->src, .dst = h->dst, .len = h->len };
	p->src.ip.b[2] = (uint8_t)sim_rng_below(&a->rng, 256);
	memcpy(p->data, h->data, h->len);
	stranger(a, p);
	free(p);
	sim_clock_in(&a->s->clock, a->s->plan->flood_ms, flood, a, NULL);
}

static void watch(void *arg, const struct sim_packet *p)
{
	struct sim_attacker *a = arg;
	struct heard *h = &a->heard[a->heard_count % MEMORY];

	if (p->kind != SIM_IKE || p->sender == a->node || !p->len || p->len > MESSAGE_MAX)
		return;
	*h = (struct heard){ .src = p->src, .dst = p->dst, .proto = p->proto, .len = p->len };
	memcpy(h->data, p->data, p->len);
	if (!a->heard_count++ && a->s->plan->flood_ms) {
		a->first = *h;
		a->flood_until_ms = a->s->clock.now_ms + FLOOD_MS;
		flood(a, NULL);
	}
	while (sim_rng_chance(&a->rng, a->s->plan->attack_pm)) {
		bool bend = may_bend(a, p->data, p->len);

		switch (sim_rng_below(&a->rng, 10)) {
		case 0: truncated(a, p); break;
		case 1:
			if (bend)
				flipped(a, p);
			break;
		case 2:
			if (bend)
				dressed_up(a, p);
			break;
		case 3: replayed(a); break;
		case 4: inject(a, &p->dst, &p->src, p->proto, cv_bytes(p->data, p->len)); break;
		case 5: noise(a, p); break;
		case 6: stranger(a, p); break;
		case 7: crossed(a, p); break;
		default: forge_notify(a, p); break;
		}
	}
}

struct sim_attacker *sim_attacker_new(struct sim *s, uint64_t seed)
{
	struct sim_attacker *a = sim_alloc(sizeof(*a));
	struct sim_node node = { .name = "attacker", .ops = &attacker_ops, .arg = a };

	a->s = s;
	a->rng = sim_rng_new(seed, 3);
	node.ip[0] = (struct cv_ip){ .family = CV_IPV4, .b = { 203, 0, 113, 66 } };
	node.ip[1] = (struct cv_ip){ .family = CV_IPV6, .b = { 0x20, 1, 0xd, 0xb8, [15] = 0x66 } };
	a->node = sim_network_add(&s->net, &node);
	s->net.watch = watch;
	s->net.watch_arg = a;
	return a;
}

void sim_attacker_free(struct sim_attacker *a)
{
	free(a);
}
