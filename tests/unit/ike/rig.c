#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/prf.h"
#include "lib/log.h"
#include "lib/timerq.h"
#include "wire/payloads.h"

/* Repeatable "randomness": the tests never depend on luck. */
static void fake_random(void *arg, uint8_t *out, size_t len)
{
	struct rig_end *end = arg;

	for (size_t i = 0; i < len; i++) {
		end->seed = end->seed * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(end->seed >> 56);
	}
}

/* --- configuration --- */

struct wire_ts rig_ts(const char *prefix)
{
	struct wire_ts ts = { .port_last = 65535 };
	struct cv_prefix p;

	assert_int_equal(cv_prefix_parse(prefix, &p), CV_OK);
	ts.first = cv_prefix_first(&p);
	ts.last = cv_prefix_last(&p);
	return ts;
}

static void add(struct wire_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	p->transform[p->transform_count++] =
	    (struct wire_transform){ .type = type, .id = id, .key_bits = key_bits };
}

void rig_proposal(struct wire_sa *sa, uint16_t encr, uint16_t key_bits, uint16_t prf, uint16_t integ,
		  uint16_t ke)
{
	struct wire_proposal *p = &sa->proposal[sa->count++];

	*p = (struct wire_proposal){ .number = sa->count, .protocol = prf ? WIRE_PROTO_IKE : WIRE_PROTO_ESP };
	add(p, WIRE_T_ENCR, encr, key_bits);
	if (prf)
		add(p, WIRE_T_PRF, prf, 0);
	if (integ)
		add(p, WIRE_T_INTEG, integ, 0);
	if (ke)
		add(p, WIRE_T_KE, ke, 0);
	if (!prf) {
		add(p, WIRE_T_ESN, WIRE_ESN_YES, 0);
		add(p, WIRE_T_ESN, WIRE_ESN_NO, 0);
	}
}

void rig_child(struct ike_conn *conn, unsigned index, const char *local, const char *remote)
{
	struct ike_child_policy *child = &conn->child[index];

	memset(child, 0, sizeof(*child));
	snprintf(child->name, sizeof(child->name), index ? "%.50s/%u" : "%.50s", conn->name, index);
	if (local)
		child->local[child->local_count++] = rig_ts(local);
	if (remote)
		child->remote[child->remote_count++] = rig_ts(remote);
	if (conn->child_count <= index)
		conn->child_count = (uint8_t)(index + 1);
}

void rig_conn(struct ike_conn *conn, const char *name, const char *local_ip, const char *remote_ip)
{
	memset(conn, 0, sizeof(*conn));
	snprintf(conn->name, sizeof(conn->name), "%s", name);
	if (local_ip)
		assert_int_equal(cv_ip_parse(local_ip, &conn->local_ip), CV_OK);
	if (remote_ip)
		assert_int_equal(cv_ip_parse(remote_ip, &conn->remote_ip), CV_OK);
	conn->rung_count = 1;
	conn->rung[0] = (struct ike_rung){ .transport = IKE_UDP, .port = 500 };
	conn->accept_udp = conn->accept_tcp = true;
	conn->local_auth = conn->remote_auth = IKE_AUTHBY_SECRET;
	rig_proposal(&conn->ike_proposals, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_256, 0,
		     WIRE_KE_CURVE25519);
	rig_proposal(&conn->esp_proposals, WIRE_ENCR_AES_GCM_16, 256, 0, 0, 0);
	conn->narrowing = true;
	conn->replay_window = 8192;
	conn->mtu = 1300;
	conn->retransmit_interval_ms = 500;
	conn->retransmit_timeout_ms = 60000;
}

void rig_usual(struct rig_end *end, struct ike_conn *conn)
{
	bool a = end == &end->rig->a;

	rig_conn(conn, "net", a ? "192.0.2.1" : "192.0.2.2", a ? "192.0.2.2" : "192.0.2.1");
	rig_child(conn, 0, a ? "10.0.1.0/24" : "10.0.2.0/24", a ? "10.0.2.0/24" : "10.0.1.0/24");
}

void rig_conn_set(struct rig_end *end, const struct ike_conn *conn)
{
	struct ike_event event = { .type = IKE_EV_CONN_SET, .policy = conn };

	assert_int_equal(rig_event(end, &event), CV_OK);
}

static void end_new(struct rig *rig, struct rig_end *end, const char *ip, uint64_t seed,
		    const struct ike_engine_config *config)
{
	struct ike_engine_config c = *config;

	end->rig = rig;
	end->seed = seed;
	end->secret = "a secret that nobody else knows";
	assert_int_equal(cv_ip_parse(ip, &end->ip), CV_OK);
	c.random = fake_random;
	c.random_arg = end;
	assert_int_equal(ike_engine_new(&c, rig->now, &end->e), CV_OK);
}

static void quiet(void *arg, enum cv_log_level level, const char *line)
{
	(void)arg;
	if (getenv("RIG_VERBOSE"))
		fprintf(stderr, "    [%d] %s\n", (int)level, line);
}

struct rig *rig_new(const struct ike_engine_config *config)
{
	static const struct ike_engine_config plain = { .initiate_udp = true, .uniqueids = true };
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	assert_int_equal(crypto_init(), CV_OK);
	cv_log_set_level(CV_LOG_DEBUG);
	cv_log_set_sink(quiet, NULL);
	rig->now = 1000;
	end_new(rig, &rig->a, "192.0.2.1", 11, config ? config : &plain);
	end_new(rig, &rig->b, "192.0.2.2", 22, config ? config : &plain);
	return rig;
}

struct rig *rig_new_usual(void)
{
	struct rig *rig = rig_new(NULL);
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig_usual(&rig->a, conn);
	rig_conn_set(&rig->a, conn);
	rig_usual(&rig->b, conn);
	rig_conn_set(&rig->b, conn);
	free(conn);
	return rig;
}

void rig_free(struct rig *rig)
{
	ike_engine_free(rig->a.e);
	ike_engine_free(rig->b.e);
	free(rig);
}

/* --- the network --- */

static struct rig_end *other(struct rig_end *end)
{
	return end == &end->rig->a ? &end->rig->b : &end->rig->a;
}

static void push(struct rig_end *to, const struct ike_path *path, struct cv_bytes message)
{
	struct rig *rig = to->rig;
	struct rig_packet *p;

	assert_true(rig->packet_count < RIG_PACKETS_MAX);
	p = &rig->packet[rig->packet_count++];
	assert_true(message.len <= sizeof(p->data));
	p->to = to;
	p->path = *path;
	p->len = message.len;
	memcpy(p->data, message.data, message.len);
}

static void send_udp(struct rig_end *from, const struct ike_output *out)
{
	struct rig *rig = from->rig;
	struct ike_path seen = { .transport = IKE_UDP, .local = out->path.remote, .remote = out->path.local };

	rig->sent_udp++;
	if (rig->udp_refused) {
		struct ike_event event = { .type = IKE_EV_UDP_REFUSED, .path = out->path, .os_error = 111 };

		rig_event(from, &event);
		return;
	}
	if (rig->udp_blocked)
		return;
	if (cv_ip_is_any(&seen.remote.ip))
		seen.remote.ip = from->ip;
	if (rig->nat_a && from == &rig->a) {
		seen.remote.ip = rig->nat_ip;
		seen.remote.port = (uint16_t)(seen.remote.port + rig->nat_shift);
	} else if (rig->nat_a) {
		/* Only what A sent first finds its way back. */
		assert_true(cv_ip_equal(&seen.local.ip, &rig->nat_ip));
		seen.local.ip = rig->a.ip;
		seen.local.port = (uint16_t)(seen.local.port - rig->nat_shift);
	}
	push(other(from), &seen, out->message);
}

static void send_tcp(struct rig_end *from, const struct ike_output *out)
{
	struct rig *rig = from->rig;

	rig->sent_tcp++;
	for (unsigned i = 0; i < rig->stream_count; i++) {
		uint64_t mine = from == &rig->a ? rig->stream[i].a_id : rig->stream[i].b_id;
		struct ike_path seen = { .transport = IKE_TCP };

		if (mine != out->path.stream_id || !rig->stream[i].open)
			continue;
		seen.stream_id = from == &rig->a ? rig->stream[i].b_id : rig->stream[i].a_id;
		seen.remote = from == rig->stream[i].dialler ? rig->stream[i].from : rig->stream[i].to;
		seen.local = from == rig->stream[i].dialler ? rig->stream[i].to : rig->stream[i].from;
		push(other(from), &seen, out->message);
		return;
	}
}

static void open_stream(struct rig_end *from, const struct ike_output *out)
{
	struct rig *rig = from->rig;
	struct ike_event event = { .type = IKE_EV_STREAM_OPENED, .path = out->path };
	unsigned n = rig->stream_count++;

	assert_true(n < RIG_STREAMS_MAX);
	rig->stream[n].dialler = from;
	rig->stream[n].a_id = rig->stream[n].b_id = out->path.stream_id;
	if (from == &rig->a)
		rig->stream[n].b_id = 1ull << 63 | (n + 1);
	else
		rig->stream[n].a_id = 1ull << 63 | (n + 1);
	rig->stream[n].from = (struct cv_addr){ .ip = from->ip, .port = (uint16_t)(40000 + n) };
	rig->stream[n].to = out->path.remote;
	event.path.local = rig->stream[n].from;
	if (rig->tcp == RIG_TCP_SILENT)
		return;
	if (rig->tcp == RIG_TCP_REFUSED) {
		event.type = IKE_EV_STREAM_FAILED;
		event.os_error = 111;
	}
	rig->stream[n].open = rig->tcp == RIG_TCP_OPEN;
	rig_event(from, &event);
}

static void lost(struct rig_end *end, uint64_t id)
{
	struct ike_event event = { .type = IKE_EV_STREAM_LOST,
				   .path = { .transport = IKE_TCP, .stream_id = id } };

	rig_event(end, &event);
}

static void close_stream(struct rig_end *from, const struct ike_output *out)
{
	struct rig *rig = from->rig;

	from->streams_closed++;
	for (unsigned i = 0; i < rig->stream_count; i++) {
		uint64_t mine = from == &rig->a ? rig->stream[i].a_id : rig->stream[i].b_id;

		if (mine != out->path.stream_id || !rig->stream[i].open)
			continue;
		/* What is on its way arrives before the end of the stream does. */
		rig_run(rig);
		rig->stream[i].open = false;
		lost(other(from), from == &rig->a ? rig->stream[i].b_id : rig->stream[i].a_id);
		return;
	}
}

void rig_break_stream(struct rig *rig, unsigned n)
{
	assert_true(n < rig->stream_count && rig->stream[n].open);
	rig->stream[n].open = false;
	lost(&rig->a, rig->stream[n].a_id);
	lost(&rig->b, rig->stream[n].b_id);
}

/* --- outputs --- */

static void give_secret(struct rig_end *end, uint64_t request_id, const char *secret)
{
	struct ike_event event = { .type = IKE_EV_SECRET, .request_id = request_id, .found = secret != NULL };

	if (secret)
		event.secret = cv_bytes(secret, strlen(secret));
	rig_event(end, &event);
}

void rig_answer_secret(struct rig_end *end, const char *secret)
{
	uint64_t id = end->secret_asked;

	assert_true(id != 0);
	end->secret_asked = 0;
	give_secret(end, id, secret);
}

static void installed(struct rig_end *end, const struct ike_child_sa *child)
{
	if (end->many && end->child_count == RIG_CHILDREN_MAX)
		return;
	assert_true(end->child_count < RIG_CHILDREN_MAX);
	for (unsigned i = 0; i < end->child_count; i++)
		assert_true(end->child[i].spi_in != child->spi_in);
	end->child[end->child_count++] = *child;
}

static void removed(struct rig_end *end, uint32_t spi_in)
{
	for (unsigned i = 0; i < end->child_count; i++) {
		if (end->child[i].spi_in == spi_in) {
			end->child[i] = end->child[--end->child_count];
			return;
		}
	}
	if (!end->many)
		fail_msg("a child is removed that was never installed");
}

static void moved(struct rig_end *end, uint32_t spi_in, const struct ike_path *path)
{
	for (unsigned i = 0; i < end->child_count; i++) {
		if (end->child[i].spi_in == spi_in)
			end->child[i].path = *path;
	}
}

static void report(struct rig_end *end, const struct ike_output *out)
{
	struct rig_report *r = &end->report[end->report_count++];

	assert_true(end->report_count <= RIG_REPORTS_MAX);
	r->kind = out->report;
	r->request_id = out->request_id;
	snprintf(r->conn, sizeof(r->conn), "%s", out->conn);
	snprintf(r->text, sizeof(r->text), "%s", out->text);
	if (getenv("RIG_VERBOSE"))
		fprintf(stderr, "    %c: report %d: %s\n", end == &end->rig->a ? 'A' : 'B', r->kind, r->text);
}

static void carry_out(struct rig_end *end, const struct ike_output *out)
{
	switch (out->type) {
	case IKE_OUT_SEND:
		if (out->path.transport == IKE_UDP)
			send_udp(end, out);
		else
			send_tcp(end, out);
		break;
	case IKE_OUT_STREAM_OPEN: open_stream(end, out); break;
	case IKE_OUT_STREAM_CLOSE: close_stream(end, out); break;
	case IKE_OUT_WANT_SECRET:
		end->query = out->query;
		if (end->hold_secret)
			end->secret_asked = out->request_id;
		else
			give_secret(end, out->request_id, end->secret);
		break;
	case IKE_OUT_CHILD_INSTALL: installed(end, out->child); break;
	case IKE_OUT_CHILD_PATH: moved(end, out->spi_in, &out->path); break;
	case IKE_OUT_CHILD_REMOVE: removed(end, out->spi_in); break;
	case IKE_OUT_REPORT: report(end, out); break;
	case IKE_OUT_KEEPALIVE: end->keepalives++; break;
	case IKE_OUT_USAGE_WANTED: end->usage_wanted = out->spi_in; break;
	case IKE_OUT_IDLE: end->idle = true; break;
	default: break;
	}
}

/* Takes all outputs first: pointers in them end with the next call of the engine. */
void rig_drain(struct rig_end *end)
{
	static unsigned depth;
	struct ike_output out;

	assert_true(++depth < 50);
	while ((out = ike_engine_output(end->e)).type != IKE_OUT_NONE) {
		struct ike_child_sa child;
		uint8_t *copy = malloc(out.message.len + 1);

		assert_non_null(copy);
		if (out.type == IKE_OUT_SEND) {
			memcpy(copy, out.message.data, out.message.len);
			out.message.data = copy;
		}
		if (out.child) {
			child = *out.child;
			out.child = &child;
		}
		carry_out(end, &out);
		free(copy);
	}
	depth--;
}

enum cv_err rig_event(struct rig_end *end, const struct ike_event *event)
{
	enum cv_err err = ike_engine_event(end->e, end->rig->now, event);

	rig_drain(end);
	return err;
}

enum cv_err rig_up(struct rig_end *end, const char *conn, uint64_t request_id)
{
	struct ike_event event = { .type = IKE_EV_UP, .request_id = request_id };

	snprintf(event.conn, sizeof(event.conn), "%s", conn);
	return rig_event(end, &event);
}

enum cv_err rig_down(struct rig_end *end, const char *conn, uint64_t request_id)
{
	struct ike_event event = { .type = IKE_EV_DOWN, .request_id = request_id };

	snprintf(event.conn, sizeof(event.conn), "%s", conn);
	return rig_event(end, &event);
}

void rig_inject(struct rig_end *to, const struct ike_path *path, const void *data, size_t len)
{
	struct ike_event event = { .type = IKE_EV_MESSAGE, .path = *path, .message = cv_bytes(data, len) };

	rig_event(to, &event);
}

struct rig_packet *rig_peek(struct rig *rig)
{
	return rig->packet_count ? &rig->packet[0] : NULL;
}

void rig_lose(struct rig *rig)
{
	assert_true(rig->packet_count > 0);
	rig->packet_count--;
	memmove(&rig->packet[0], &rig->packet[1], rig->packet_count * sizeof(rig->packet[0]));
}

bool rig_deliver(struct rig *rig)
{
	struct rig_packet *p;

	if (!rig->packet_count)
		return false;
	p = malloc(sizeof(*p));
	assert_non_null(p);
	*p = rig->packet[0];
	rig_lose(rig);
	rig_inject(p->to, &p->path, p->data, p->len);
	free(p);
	return true;
}

void rig_run(struct rig *rig)
{
	while (rig_deliver(rig))
		;
}

static uint64_t next_due(const struct rig *rig)
{
	uint64_t a = ike_engine_next_ms(rig->a.e), b = ike_engine_next_ms(rig->b.e);

	return a < b ? a : b;
}

static void pass(struct rig *rig, uint64_t ms, bool deliver)
{
	uint64_t until = rig->now + ms;

	for (;;) {
		uint64_t due = next_due(rig);

		if (due > until)
			break;
		if (due > rig->now)
			rig->now = due;
		ike_engine_tick(rig->a.e, rig->now);
		rig_drain(&rig->a);
		ike_engine_tick(rig->b.e, rig->now);
		rig_drain(&rig->b);
		if (deliver)
			rig_run(rig);
	}
	rig->now = until;
}

void rig_pass(struct rig *rig, uint64_t ms)
{
	pass(rig, ms, true);
}

void rig_wait(struct rig *rig, uint64_t ms)
{
	pass(rig, ms, false);
}

/* --- looking --- */

struct wire_header rig_header(const struct rig_packet *packet)
{
	struct wire_header h;

	assert_int_equal(wire_header_decode(cv_bytes(packet->data, packet->len), &h), CV_OK);
	return h;
}

void rig_expect(struct rig *rig, const struct rig_end *to, uint8_t exchange, bool response)
{
	struct rig_packet *p = rig_peek(rig);
	struct wire_header h;

	if (!p) {
		fail_msg("nothing is on its way");
		return;
	}
	h = rig_header(p);
	assert_ptr_equal(p->to, to);
	assert_int_equal(h.exchange, exchange);
	assert_int_equal(!!(h.flags & WIRE_FLAG_RESPONSE), response);
}

bool rig_has_notify(const struct rig_packet *packet, uint16_t type)
{
	struct wire_header h = rig_header(packet);
	struct wire_notify_payload n;
	struct wire_chain chain;
	uint8_t critical;

	assert_int_equal(wire_chain_decode(h.next_payload, cv_bytes(packet->data + 28, packet->len - 28),
					   &chain, &critical),
			 CV_OK);
	return wire_notify_find(&chain, type, &n);
}

struct counting {
	uint8_t state;
	unsigned count;
	struct ike_sa_info *out;
};

static bool count_sa(void *arg, const struct ike_sa_info *info)
{
	struct counting *c = arg;

	if (info->state != c->state)
		return true;
	c->count++;
	if (c->out)
		*c->out = *info;
	return true;
}

unsigned rig_count(const struct rig_end *end, uint8_t state)
{
	struct counting c = { .state = state };

	ike_engine_each_sa(end->e, count_sa, &c);
	return c.count;
}

bool rig_sa(const struct rig_end *end, struct ike_sa_info *out)
{
	struct counting c = { .state = IKE_SA_ESTABLISHED, .out = out };

	ike_engine_each_sa(end->e, count_sa, &c);
	return c.count > 0;
}

const struct rig_report *rig_last_report(const struct rig_end *end, uint8_t kind)
{
	for (unsigned i = end->report_count; i-- > 0;) {
		if (end->report[i].kind == kind)
			return &end->report[i];
	}
	return NULL;
}

bool rig_said(const struct rig_end *end, uint8_t kind, const char *part)
{
	for (unsigned i = 0; i < end->report_count; i++) {
		if (end->report[i].kind == kind && strstr(end->report[i].text, part))
			return true;
	}
	return false;
}

static void assert_same_ts(const struct wire_ts_list *a, const struct wire_ts_list *b)
{
	char x[WIRE_TS_TEXT_MAX], y[WIRE_TS_TEXT_MAX];

	assert_true(a->count > 0);
	assert_int_equal(a->count, b->count);
	for (unsigned i = 0; i < a->count; i++)
		assert_string_equal(wire_ts_text(&a->ts[i], x), wire_ts_text(&b->ts[i], y));
}

static void assert_crosswise(const struct ike_child_sa *a, const struct ike_child_sa *b)
{
	assert_int_equal(a->spi_out, b->spi_in);
	assert_int_equal(a->encr, b->encr);
	assert_int_equal(a->key_bits, b->key_bits);
	assert_int_equal(a->integ, b->integ);
	assert_int_equal(a->esn, b->esn);
	assert_true(cv_bytes_equal(cv_key_bytes(&a->encr_key_out), cv_key_bytes(&b->encr_key_in)));
	assert_true(cv_bytes_equal(cv_key_bytes(&a->encr_key_in), cv_key_bytes(&b->encr_key_out)));
	assert_true(cv_bytes_equal(cv_key_bytes(&a->integ_key_out), cv_key_bytes(&b->integ_key_in)));
	assert_true(cv_bytes_equal(cv_key_bytes(&a->integ_key_in), cv_key_bytes(&b->integ_key_out)));
	assert_true(a->encr_key_out.len > 0);
	assert_same_ts(&a->local, &b->remote);
	assert_same_ts(&a->remote, &b->local);
}

void rig_assert_same_children(const struct rig *rig, unsigned count)
{
	assert_int_equal(rig->a.child_count, count);
	assert_int_equal(rig->b.child_count, count);
	for (unsigned i = 0; i < count; i++) {
		bool found = false;

		for (unsigned j = 0; j < count; j++) {
			if (rig->a.child[i].spi_in != rig->b.child[j].spi_out)
				continue;
			assert_crosswise(&rig->a.child[i], &rig->b.child[j]);
			found = true;
		}
		assert_true(found);
	}
}

static bool none(void *arg, const struct ike_sa_info *info)
{
	(void)arg;
	fail_msg("an IKE SA is left in state %s", ike_sa_state_name(info->state));
	return false;
}

void rig_assert_nothing_left(struct rig *rig)
{
	rig_pass(rig, 120000);
	ike_engine_each_sa(rig->a.e, none, NULL);
	ike_engine_each_sa(rig->b.e, none, NULL);
	assert_int_equal(rig->a.child_count, 0);
	assert_int_equal(rig->b.child_count, 0);
}
