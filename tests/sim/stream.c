#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SYN_RETRY_MS = 1000, /* doubles */
	SYN_TRIES = 8,	     /* as Linux: after 127 s it has failed */
	RETRY_MS = 200,	     /* of a lost segment; doubles */
	RETRY_MAX_MS = 30000,
	RETRIES = 12,		 /* then the sender gives up */
	FIRST_MESSAGE_MS = 5000, /* an accepted stream must have said something */
};

struct job {
	uint64_t serial;
	unsigned end;
	bool refused;
};

static struct sim_stream *by_serial(const struct sim_network *net, uint64_t serial)
{
	for (struct sim_stream *s = net->streams; s; s = s->next)
		if (s->serial == serial)
			return s;
	return NULL;
}

static struct sim_end *find(const struct sim_network *net, unsigned node, uint64_t id,
			    struct sim_stream **stream)
{
	for (struct sim_stream *s = net->streams; s; s = s->next) {
		for (unsigned e = 0; e < 2; e++) {
			if (s->end[e].attached && s->end[e].node == node && s->end[e].id == id) {
				*stream = s;
				return &s->end[e];
			}
		}
	}
	return NULL;
}

static void later(struct sim_stream *s, unsigned end, uint64_t delay_ms, sim_action action, bool refused)
{
	struct job *j = sim_alloc(sizeof(*j));

	*j = (struct job){ .serial = s->serial, .end = end, .refused = refused };
	sim_clock_in(s->net->clock, delay_ms, action, s->net, j);
}

static void drop_queue(struct sim_end *e)
{
	while (e->head) {
		struct sim_frame *f = e->head;

		e->head = f->next;
		free(f);
	}
	e->tail = &e->head;
}

static void forget(struct sim_stream *s)
{
	struct sim_stream **at = &s->net->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	drop_queue(&s->end[0]);
	drop_queue(&s->end[1]);
	free(s);
}

/* The node no longer holds this end; told why unless it knows. */
static void detach(struct sim_stream *s, unsigned end, bool tell, int os_error)
{
	struct sim_end *e = &s->end[end];
	const struct sim_node *n = &s->net->node[e->node];
	struct sim_end copy = *e;
	bool was = e->attached, dialling = s->state == SIM_STREAM_DIALLING;
	bool known = end == 0 || e->spoke;

	e->attached = false;
	if (!s->end[0].attached && !s->end[1].attached && !s->end[0].head && !s->end[1].head)
		s->state = SIM_STREAM_DEAD;
	if (!was || !tell)
		return;
	if (dialling)
		n->ops->failed(n->arg, copy.id, &copy.remote, os_error);
	else if (known)
		n->ops->lost(n->arg, copy.id, &copy.local, &copy.remote, os_error);
}

static void sweep(struct sim_network *net)
{
	struct sim_stream *next;

	for (struct sim_stream *s = net->streams; s; s = next) {
		next = s->next;
		if (s->state == SIM_STREAM_DEAD)
			forget(s);
	}
}

static void reset_arrives(void *owner, void *arg)
{
	struct sim_network *net = owner;
	struct job *j = arg;
	struct sim_stream *s = by_serial(net, j->serial);

	if (s && !net->node[s->end[j->end].node].fault.down) {
		drop_queue(&s->end[j->end]);
		detach(s, j->end, true, ECONNRESET);
		sweep(net);
	}
	free(j);
}

static bool passes(struct sim_stream *s, unsigned end)
{
	struct sim_network *net = s->net;
	struct sim_node *a = &net->node[s->end[end].node], *b = &net->node[s->end[!end].node];

	return !a->fault.down && !b->fault.down &&
	       !sim_network_loses(net, s->end[end].node, s->end[!end].node);
}

/* Does every NAT on the way still know the stream? */
static bool mapped(struct sim_stream *s)
{
	struct sim_network *net = s->net;
	struct sim_end *d = &s->end[0];
	struct sim_nat *nat = net->node[d->node].nat;

	if (!nat || d->local.ip.family != CV_IPV4)
		return true;
	struct cv_addr out =
	    sim_nat_out(nat, net->clock->now_ms, SIM_PROTO_TCP, &d->local, &d->remote, false);

	return out.ip.family && cv_addr_equal(&out, &s->end[1].remote);
}

static void pump(struct sim_stream *s, unsigned end);

static void frame_arrives(void *owner, void *arg)
{
	struct sim_network *net = owner;
	struct job *j = arg;
	struct sim_stream *s = by_serial(net, j->serial);
	struct sim_end *from = s ? &s->end[j->end] : NULL, *to = s ? &s->end[!j->end] : NULL;
	struct sim_frame *f = from ? from->head : NULL;
	unsigned end = j->end;

	free(j);
	if (!f)
		return;
	from->busy = false;
	from->tries = 0;
	from->head = f->next;
	if (!from->head)
		from->tail = &from->head;
	if (!to->attached) { /* a crashed or closed end answers with RST */
		later(s, end, sim_network_delay(net, from->node, to->node), reset_arrives, false);
	} else if (f->fin) {
		drop_queue(to);
		detach(s, !end, true, 0);
	} else {
		const struct sim_node *n = &net->node[to->node];

		to->spoke = true;
		n->ops->framed(n->arg, to->id, &to->local, &to->remote, f->kind, cv_bytes(f->data, f->len));
	}
	free(f);
	pump(s, end);
	if (!s->end[0].attached && !s->end[1].attached && !s->end[0].head && !s->end[1].head)
		s->state = SIM_STREAM_DEAD;
	sweep(net);
}

static void try_again(void *owner, void *arg)
{
	struct job *j = arg;
	struct sim_stream *s = by_serial(owner, j->serial);

	if (s) {
		s->end[j->end].busy = false;
		pump(s, j->end);
		sweep(owner);
	}
	free(j);
}

/* A middlebox ends it: both ends hear of it. */
static void middlebox(void *owner, void *arg)
{
	struct job *j = arg;
	struct sim_stream *s = by_serial(owner, j->serial);

	for (unsigned e = 0; s && e < 2; e++) {
		drop_queue(&s->end[e]);
		detach(s, e, true, j->refused ? ECONNRESET : 0);
	}
	sweep(owner);
	free(j);
}

/* Sends the head of the queue, or tries again later as TCP does. */
static void pump(struct sim_stream *s, unsigned end)
{
	struct sim_end *e = &s->end[end];
	struct sim_network *net = s->net;
	const struct sim_fault *a = &net->node[e->node].fault, *b = &net->node[s->end[!end].node].fault;

	if (!e->head || e->busy || s->state == SIM_STREAM_DEAD)
		return;
	bool resets = sim_rng_chance(&net->rng, a->tcp_reset_pm + b->tcp_reset_pm);
	bool closes = sim_rng_chance(&net->rng, a->tcp_close_pm + b->tcp_close_pm);

	e->busy = true;
	if (resets || closes) {
		later(s, end, 1, middlebox, resets);
		return;
	}
	bool known = mapped(s);
	const struct sim_nat *nat = net->node[s->end[0].node].nat;

	if (!known && nat && nat->resets) {
		later(s, end, 2, reset_arrives, false);
	} else if (known && passes(s, end)) {
		later(s, end, sim_network_delay(net, e->node, s->end[!end].node), frame_arrives, false);
	} else if (e->tries++ < RETRIES) {
		uint64_t wait = (uint64_t)RETRY_MS << e->tries;

		later(s, end, wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS, try_again, false);
	} else {
		drop_queue(e);
		detach(s, end, true, ETIMEDOUT);
	}
}

static void must_have_spoken(void *owner, void *arg)
{
	struct job *j = arg;
	struct sim_stream *s = by_serial(owner, j->serial);

	if (s && s->end[1].attached && !s->end[1].spoke) {
		detach(s, 1, false, 0);
		later(s, 0, sim_network_delay(s->net, s->end[0].node, s->end[1].node), reset_arrives, false);
	}
	free(j);
}

static void syn_answered(void *owner, void *arg)
{
	struct sim_network *net = owner;
	struct job *j = arg;
	struct sim_stream *s = by_serial(net, j->serial);
	bool refused = j->refused;

	free(j);
	if (!s || s->state != SIM_STREAM_DIALLING)
		return;
	struct sim_end *e = &s->end[0];
	const struct sim_node *n = &net->node[e->node];

	if (refused) {
		detach(s, 0, true, ECONNREFUSED);
		s->state = SIM_STREAM_DEAD;
		sweep(net);
		return;
	}
	s->state = SIM_STREAM_OPEN;
	later(s, 1, FIRST_MESSAGE_MS, must_have_spoken, false);
	n->ops->opened(n->arg, e->id, &e->local, &e->remote);
}

/* Who would accept this connection; false: nobody, and the SYN vanishes. */
static bool accepter(struct sim_stream *s, bool *listens)
{
	struct sim_network *net = s->net;
	struct sim_end *d = &s->end[0], *a = &s->end[1];
	struct sim_nat *nat = net->node[d->node].nat;
	struct cv_addr src = d->local;

	if (nat && src.ip.family == CV_IPV4)
		src = sim_nat_out(nat, net->clock->now_ms, SIM_PROTO_TCP, &d->local, &d->remote, true);
	if (!sim_network_resolve(net, SIM_PROTO_TCP, &d->remote, &src, &a->node, &a->local))
		return false;
	a->remote = src;
	*listens = net->node[a->node].ops->accepts(net->node[a->node].arg, &a->local);
	return true;
}

static void syn(void *owner, void *arg)
{
	struct sim_network *net = owner;
	struct job *j = arg;
	struct sim_stream *s = by_serial(net, j->serial);
	bool listens = false, refused;

	free(j);
	if (!s || s->state != SIM_STREAM_DIALLING)
		return;
	struct sim_end *d = &s->end[0], *a = &s->end[1];
	const struct sim_fault *x = &net->node[d->node].fault;
	bool there = accepter(s, &listens);
	const struct sim_fault *y = there ? &net->node[a->node].fault : x;

	refused = x->tcp_syn_refuse || y->tcp_syn_refuse || (there && !listens);
	if (!x->down && !y->down && !x->tcp_syn_drop && !y->tcp_syn_drop && (there || refused) &&
	    !sim_network_loses(net, d->node, there ? a->node : d->node)) {
		uint64_t rtt = there ? sim_network_delay(net, d->node, a->node) +
					   sim_network_delay(net, d->node, a->node)
				     : 2;

		if (!refused) {
			a->id = SIM_STREAM_ACCEPTED | s->serial;
			a->attached = true;
			rtt += x->tcp_slow_ms + y->tcp_slow_ms;
		}
		later(s, 0, rtt, syn_answered, refused);
		return;
	}
	if (++s->syn_tries < SYN_TRIES) {
		later(s, 0, (uint64_t)SYN_RETRY_MS << (s->syn_tries - 1), syn, false);
		return;
	}
	detach(s, 0, true, ETIMEDOUT);
	s->state = SIM_STREAM_DEAD;
	sweep(net);
}

void sim_stream_dial(struct sim_network *net, unsigned node, uint64_t id, const struct cv_addr *from,
		     const struct cv_addr *to)
{
	struct sim_stream *s = sim_alloc(sizeof(*s));

	s->net = net;
	s->serial = ++net->stream_serial;
	s->end[0] =
	    (struct sim_end){ .node = node, .id = id, .local = *from, .remote = *to, .attached = true };
	if (!from->ip.family)
		s->end[0].local.ip = sim_node_ip(net, node, to->ip.family);
	s->end[0].local.port = (uint16_t)(40000 + s->serial % 20000);
	s->end[0].tail = &s->end[0].head;
	s->end[1].tail = &s->end[1].head;
	s->next = net->streams;
	net->streams = s;
	later(s, 0, 0, syn, false);
}

static void enqueue(struct sim_stream *s, unsigned end, bool fin, uint8_t kind, struct cv_bytes data)
{
	struct sim_end *e = &s->end[end];
	struct sim_frame *f = sim_alloc(sizeof(*f) + data.len);

	f->fin = fin;
	f->kind = kind;
	f->len = data.len;
	if (data.len)
		memcpy(f->data, data.data, data.len);
	*e->tail = f;
	e->tail = &f->next;
	pump(s, end);
}

bool sim_stream_send(struct sim_network *net, unsigned node, uint64_t id, uint8_t kind, struct cv_bytes data)
{
	struct sim_stream *s;
	struct sim_end *e = find(net, node, id, &s);

	if (!e || s->state != SIM_STREAM_OPEN)
		return false;
	if (net->watch) {
		struct sim_packet *p = sim_alloc(sizeof(*p) + data.len);

		*p = (struct sim_packet){ .net = net,
					  .kind = kind,
					  .proto = SIM_PROTO_TCP,
					  .sender = node,
					  .inside = e->local,
					  .src = e->local,
					  .dst = e->remote,
					  .stream = s->serial,
					  .len = data.len };
		memcpy(p->data, data.data, data.len);
		net->watch(net->watch_arg, p);
		free(p);
	}
	enqueue(s, e == &s->end[1], false, kind, data);
	return true;
}

bool sim_stream_close(struct sim_network *net, unsigned node, uint64_t id)
{
	struct sim_stream *s;
	struct sim_end *e = find(net, node, id, &s);

	if (!e)
		return false;
	if (s->state == SIM_STREAM_DIALLING) {
		if (e == &s->end[0] && s->end[1].attached) /* SYN and FIN cross */
			s->end[1].attached = false;
		e->attached = false;
		s->state = SIM_STREAM_DEAD;
		return true;
	}
	enqueue(s, e == &s->end[1], true, 0, cv_bytes(NULL, 0));
	detach(s, e == &s->end[1], false, 0);
	return true;
}

void sim_stream_crash(struct sim_network *net, unsigned node)
{
	for (struct sim_stream *s = net->streams; s; s = s->next) {
		for (unsigned e = 0; e < 2; e++) {
			if (s->end[e].node != node || !s->end[e].attached)
				continue;
			drop_queue(&s->end[e]);
			detach(s, e, false, 0);
			if (s->state == SIM_STREAM_DIALLING && e == 0)
				s->state = SIM_STREAM_DEAD;
		}
	}
	sweep(net);
}

void sim_stream_reset_all(struct sim_network *net, unsigned node)
{
	for (struct sim_stream *s = net->streams; s; s = s->next)
		for (unsigned e = 0; e < 2; e++)
			if (s->end[e].node == node && s->end[e].attached && s->state == SIM_STREAM_OPEN)
				later(s, e, 1, reset_arrives, false), later(s, !e, 1, reset_arrives, false);
}

unsigned sim_stream_count(const struct sim_network *net, unsigned node)
{
	unsigned n = 0;

	for (const struct sim_stream *s = net->streams; s; s = s->next)
		for (unsigned e = 0; e < 2; e++)
			n += s->end[e].attached && s->end[e].node == node;
	return n;
}

const struct sim_end *sim_stream_find(const struct sim_network *net, unsigned node, uint64_t id,
				      bool *dialling, uint64_t *serial)
{
	struct sim_stream *s;
	const struct sim_end *e = find(net, node, id, &s);

	if (e) {
		*dialling = s->state == SIM_STREAM_DIALLING;
		*serial = s->serial;
	}
	return e;
}

void sim_streams_free(struct sim_network *net)
{
	while (net->streams)
		forget(net->streams);
}
