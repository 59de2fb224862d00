#include "tap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { EXCHANGE_INIT = 34, PAYLOAD_SK = 46, PAYLOAD_NOTIFY = 41, FLAG_I = 0x08, FLAG_R = 0x20, HEADER = 28 };

struct header {
	uint64_t spi_i, spi_r;
	uint8_t next, version, exchange, flags;
	uint32_t id, length;
};

/* One distinct message of a flow. */
struct record {
	uint64_t hash;
	uint64_t iv; /* its first eight octets */
	uint32_t id;
	bool response;
	uint64_t stream; /* on which it went first, 0: UDP */
};

/* All that one end of one IKE SA has sent. */
struct flow {
	struct flow *next;
	unsigned host, incarnation;
	uint64_t spi_i, spi_r;
	bool initiator;
	uint8_t transport;
	uint32_t count, cap;
	struct record *record;
	int64_t request_sent;	  /* highest id, -1: none */
	int64_t response_sent;	  /* highest id, -1: none */
	int64_t request_answered; /* highest id whose genuine response was delivered, -1: none */
};

/* What one stream carries. */
struct lane {
	struct lane *next;
	uint64_t stream;
	uint64_t spi_i;
};

struct sim_tap {
	struct flow *due; /* who owes the answer that a repeated request asks for again */
	uint32_t due_id;
	struct flow *flows;
	struct lane *lanes;
};

struct sim_tap *sim_tap_new(void)
{
	return sim_alloc(sizeof(struct sim_tap));
}

void sim_tap_free(struct sim_tap *t)
{
	while (t->flows) {
		struct flow *f = t->flows;

		t->flows = f->next;
		free(f->record);
		free(f);
	}
	while (t->lanes) {
		struct lane *l = t->lanes;

		t->lanes = l->next;
		free(l);
	}
	free(t);
}

static uint64_t hash_of(struct cv_bytes b)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ b.len;

	for (size_t i = 0; i < b.len; i++)
		h = (h ^ b.data[i]) * 0x100000001b3ULL;
	return h;
}

static bool read_header(struct cv_bytes m, struct header *h)
{
	const uint8_t *b = m.data;

	if (m.len < HEADER)
		return false;
	*h = (struct header){ .spi_i = cv_get_u64(b),
			      .spi_r = cv_get_u64(b + 8),
			      .next = b[16],
			      .version = b[17],
			      .exchange = b[18],
			      .flags = b[19],
			      .id = cv_get_u32(b + 20),
			      .length = cv_get_u32(b + 24) };
	return true;
}

static struct flow *flow_of(struct sim_tap *t, const struct sim_host *h, const struct header *hd, bool make)
{
	bool initiator = hd->flags & FLAG_I;
	struct flow *f;

	for (f = t->flows; f; f = f->next)
		if (f->host == h->index && f->incarnation == h->incarnation && f->spi_i == hd->spi_i &&
		    f->spi_r == hd->spi_r && f->initiator == initiator)
			return f;
	if (!make)
		return NULL;
	f = sim_alloc(sizeof(*f));
	*f = (struct flow){ .next = t->flows,
			    .host = h->index,
			    .incarnation = h->incarnation,
			    .spi_i = hd->spi_i,
			    .spi_r = hd->spi_r,
			    .initiator = initiator,
			    .request_sent = -1,
			    .response_sent = -1,
			    .request_answered = -1 };
	t->flows = f;
	return f;
}

static void remember(struct flow *f, const struct record *r)
{
	if (f->count == f->cap) {
		uint32_t cap = f->cap ? f->cap * 2 : 8;
		struct record *all = sim_alloc(cap * sizeof(*all));

		if (f->count)
			memcpy(all, f->record, f->count * sizeof(*all));
		free(f->record);
		f->record = all;
		f->cap = cap;
	}
	f->record[f->count++] = *r;
}

/* The header's fixed parts (RFC 7296 section 3.1). */
static void check_header(struct sim_host *h, const struct header *hd, size_t len)
{
	struct sim_trace *t = &h->sim->trace;

	if (hd->length != len)
		sim_violation(t, "%s sends Length %u in a message of %zu octets", h->name, hd->length, len);
	if (hd->version != 0x20)
		sim_violation(t, "%s sends version %02x (R7296-3.1-2)", h->name, hd->version);
	if (hd->flags & ~(FLAG_I | FLAG_R))
		sim_violation(t, "%s sends flags %02x (R7296-3.1-5)", h->name, hd->flags);
	if (!hd->spi_i)
		sim_violation(t, "%s sends initiator SPI zero (R7296-3.1-1)", h->name);
	if (hd->exchange == EXCHANGE_INIT && !(hd->flags & FLAG_R) &&
	    (hd->spi_r || hd->id || !(hd->flags & FLAG_I)))
		sim_violation(t, "%s sends a strange IKE_SA_INIT request (R7296-3.1-1)", h->name);
}

/* In the clear after IKE_SA_INIT there are only answers that say why a message could not be understood: one
 * Notify of INVALID_IKE_SPI, INVALID_MAJOR_VERSION or INVALID_SYNTAX (RFC 7296 sections 1.5, 2.5, 2.21.4). */
static bool clear_allowed(const struct header *hd, struct cv_bytes m)
{
	const uint8_t *b = m.data + HEADER;

	if (hd->exchange == EXCHANGE_INIT)
		return true;
	if (!(hd->flags & FLAG_R) || hd->next != PAYLOAD_NOTIFY || m.len < HEADER + 8 || b[0] != 0 ||
	    b[5] != 0)
		return false;
	uint16_t type = cv_get_u16(b + 6);

	return type == 4 || type == 5 || type == 7;
}

static void check_window(struct sim_host *h, struct flow *f, uint32_t id)
{
	struct sim_trace *t = &h->sim->trace;

	if (f->request_sent < 0 && id != (f->initiator ? 1u : 0u))
		sim_violation(t, "%s numbers its first protected request %u (R7296-2.2-1)", h->name, id);
	else if (f->request_sent >= 0 && id != (uint64_t)f->request_sent + 1)
		sim_violation(t, "%s sends request %u after %" PRId64 " (R7296-2.2-1)", h->name, id,
			      f->request_sent);
	if (f->request_sent > f->request_answered)
		sim_violation(t, "%s sends request %u while %" PRId64 " is unanswered (R7296-2.3-1)", h->name,
			      id, f->request_sent);
	f->request_sent = id;
}

static void check_protected(struct sim_host *h, struct flow *f, const struct header *hd, uint64_t stream,
			    struct cv_bytes m)
{
	struct sim_trace *t = &h->sim->trace;
	struct record r = { .hash = hash_of(m),
			    .iv = m.len >= HEADER + 12 ? cv_get_u64(m.data + HEADER + 4) : 0,
			    .id = hd->id,
			    .response = hd->flags & FLAG_R,
			    .stream = stream };

	for (uint32_t i = 0; i < f->count; i++) {
		const struct record *o = &f->record[i];

		if (o->id == r.id && o->response == r.response) {
			if (o->hash != r.hash)
				sim_violation(t, "%s sends two different %ss with id %u (R7296-2.1-2)",
					      h->name, r.response ? "response" : "request", r.id);
			else if (stream && o->stream == stream && !r.response)
				sim_violation(t, "%s repeats request %u on the same stream (R9329-6.2-1)",
					      h->name, r.id);
			return;
		}
	}
	for (uint32_t i = 0; i < f->count; i++)
		if (f->record[i].iv == r.iv)
			sim_violation(t, "%s uses an IV twice with one key, ids %u and %u", h->name,
				      f->record[i].id, r.id);
	if (!r.response)
		check_window(h, f, r.id);
	remember(f, &r);
}

/* One IKE SA keeps its transport, and a TCP stream belongs to one IKE SA. */
static void check_transport(struct sim_tap *t, struct sim_host *h, struct flow *f,
			    const struct ike_path *path, uint64_t stream, bool dialled)
{
	struct lane *l;

	if (f->transport && f->transport != path->transport)
		sim_violation(&h->sim->trace, "%s moves an IKE SA from %s to %s (R9329-5-5, R9329-5.1-5)",
			      h->name, f->transport == IKE_TCP ? "TCP" : "UDP",
			      path->transport == IKE_TCP ? "TCP" : "UDP");
	f->transport = path->transport;
	if (!stream || !dialled)
		return;
	for (l = t->lanes; l; l = l->next) {
		if (l->stream != stream)
			continue;
		if (l->spi_i != f->spi_i)
			sim_violation(&h->sim->trace,
				      "%s puts a second IKE SA on one TCP stream (R9329-6.1-14)", h->name);
		return;
	}
	l = sim_alloc(sizeof(*l));
	*l = (struct lane){ .next = t->lanes, .stream = stream, .spi_i = f->spi_i };
	t->lanes = l;
}

void sim_tap_sent(struct sim_tap *t, struct sim_host *h, const struct ike_path *path, uint64_t stream,
		  bool dialled, struct cv_bytes message)
{
	struct header hd;
	struct flow *f;

	if (!read_header(message, &hd)) {
		sim_violation(&h->sim->trace, "%s sends %zu octets, no IKE message", h->name, message.len);
		return;
	}
	if (hd.next != PAYLOAD_SK) {
		if (!clear_allowed(&hd, message))
			sim_violation(&h->sim->trace, "%s sends exchange %u in the clear", h->name,
				      hd.exchange);
		if (hd.exchange != EXCHANGE_INIT)
			return; /* an answer without state: its header copies the peer's */
	}
	check_header(h, &hd, message.len);
	f = flow_of(t, h, &hd, true);
	if (hd.next == PAYLOAD_SK) {
		check_protected(h, f, &hd, stream, message);
		if (hd.flags & FLAG_R && hd.id > f->response_sent)
			f->response_sent = hd.id;
		if (f == t->due && hd.flags & FLAG_R && hd.id == t->due_id)
			t->due = NULL;
	}
	if (hd.next == PAYLOAD_SK || !(hd.flags & FLAG_R))
		check_transport(t, h, f, path, stream, dialled);
}

/* Only what the other end of this SA really sent, to the last bit. */
static bool genuine(const struct sim_tap *t, const struct header *hd, struct cv_bytes message)
{
	uint64_t hash = hash_of(message);

	for (const struct flow *f = t->flows; f; f = f->next) {
		if (f->spi_i != hd->spi_i || f->spi_r != hd->spi_r || f->initiator != !!(hd->flags & FLAG_I))
			continue;
		for (uint32_t i = 0; i < f->count; i++)
			if (f->record[i].hash == hash)
				return true;
	}
	return false;
}

void sim_tap_delivered(struct sim_tap *t, struct sim_host *h, const struct ike_path *path,
		       struct cv_bytes message)
{
	struct header hd, other;
	struct flow *mine;

	t->due = NULL;
	if (!read_header(message, &hd) || hd.next != PAYLOAD_SK || !genuine(t, &hd, message))
		return;
	other = hd;
	other.flags ^= FLAG_I;
	mine = flow_of(t, h, &other, false);
	if (!mine)
		return;
	if (hd.flags & FLAG_R) {
		if (hd.id <= mine->request_sent && hd.id > mine->request_answered)
			mine->request_answered = hd.id;
	} else if (hd.id == mine->response_sent && path->transport == mine->transport) {
		t->due = mine;
		t->due_id = hd.id;
	}
}

struct lookup {
	const struct flow *flow;
	bool found;
};

static bool same_sa(void *arg, const struct ike_sa_info *info)
{
	struct lookup *l = arg;

	l->found |= info->spi_local == (l->flow->initiator ? l->flow->spi_i : l->flow->spi_r);
	return true;
}

void sim_tap_handled(struct sim_tap *t, struct sim_host *h)
{
	struct lookup l = { .flow = t->due };

	if (!t->due)
		return;
	ike_engine_each_sa(h->engine, same_sa, &l);
	if (l.found)
		sim_violation(&h->sim->trace, "%s does not repeat its answer to request %u (R7296-2.1-3)",
			      h->name, t->due_id);
	t->due = NULL;
}
