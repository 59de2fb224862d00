/* The whole protocol engine, with one connection, beside an honest peer made of the same engine. The input
 * says how far the two have come and what is then done to the first one: a first octet (enum scene), then
 * records of { kind, length in two octets, that many octets }. Without the keys nothing may end what is
 * established; whoever sends, whatever the engine sends must be well formed. */
#include <stdlib.h>
#include <string.h>

#include "crypto/prf.h"
#include "crypto/suite.h"
#include "ike/engine.h"
#include "lib/log.h"
#include "lib/timerq.h"
#include "wire/message.h"
#include "wire/payloads.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 48, OUTPUTS_MAX = 4000, MESSAGE_MAX = 66000, HANDSHAKE_MAX = 12 };

enum scene {
	SCENE_INITIATOR = 1,
	SCENE_TCP = 2,
	SCENE_HALF_OPEN = 4,   /* IKE_SA_INIT is over */
	SCENE_ESTABLISHED = 8, /* IKE_AUTH too */
	SCENE_COOKIE = 16,
	SCENE_NULL = 32, /* NULL authentication */
};

enum kind {
	KIND_RAW,     /* a message as it is */
	KIND_NAMED,   /* a message whose SPIs, version and length are put right */
	KIND_PATCHED, /* the peer's latest message with some octets changed: { offset in two octets, exclusive
			 or }... */
	KIND_SEALED, /* exchange, flags, offset of the message id, first payload; the rest is put into SK with
			the right keys */
	KIND_TIME,   /* tens of milliseconds in two octets */
	KIND_EVENT,  /* type, os_error, which SPI; the rest is a message */
	KIND_COUNT,
};

struct side {
	struct ike_engine *engine;
	uint64_t random;
	struct ike_path path;	   /* as this side sees it */
	uint8_t sent[MESSAGE_MAX]; /* the latest message, for the other side */
	size_t sent_len;
	bool fresh;		    /* not delivered yet */
	struct wire_header request; /* header of the latest request this side sent */
};

static struct side target, peer;
static uint64_t now;
static uint8_t scratch[MESSAGE_MAX];
static const char secret[] = "between the two of them";

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void swallow(void *arg, enum cv_log_level level, const char *line)
{
	(void)arg;
	(void)level;
	for (; *line; line++)
		require(*line >= 0x20 && *line <= 0x7e);
}

static void next_random(void *arg, uint8_t *out, size_t len)
{
	struct side *s = arg;

	while (len--) {
		s->random = s->random * 6364136223846793005u + 1442695040888963407u;
		*out++ = (uint8_t)(s->random >> 56);
	}
}

/* --- the connection --- */

static void add(struct wire_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	p->transform[p->transform_count++] =
	    (struct wire_transform){ .type = type, .id = id, .key_bits = key_bits };
}

static void offer(struct wire_sa *sa, uint8_t protocol)
{
	bool ike = protocol == WIRE_PROTO_IKE;

	*sa = (struct wire_sa){ .count = 2 };
	for (unsigned i = 0; i < 2; i++) {
		struct wire_proposal *p = &sa->proposal[i];

		p->number = (uint8_t)(i + 1);
		p->protocol = protocol;
		add(p, WIRE_T_ENCR, i ? WIRE_ENCR_AES_CBC : WIRE_ENCR_AES_GCM_16, i ? 128 : 256);
		if (i)
			add(p, WIRE_T_INTEG, WIRE_AUTH_HMAC_SHA2_256_128, 0);
		if (ike)
			add(p, WIRE_T_PRF, WIRE_PRF_HMAC_SHA2_256, 0);
		else
			add(p, WIRE_T_ESN, WIRE_ESN_NO, 0);
		add(p, WIRE_T_KE, WIRE_KE_CURVE25519, 0);
	}
}

static struct wire_ts subnet(uint8_t third)
{
	struct wire_ts ts = { .first = { .family = CV_IPV4, .b = { 10, 0, third, 0 } },
			      .last = { .family = CV_IPV4, .b = { 10, 0, third, 255 } },
			      .port_last = 65535 };

	return ts;
}

/* number: 1 for the target, 2 for the peer. */
static void make_conn(struct ike_conn *c, uint8_t number, uint8_t scene)
{
	uint8_t other = 3 - number;

	*c = (struct ike_conn){ .name = "fuzz",
				.local_ip = { .family = CV_IPV4, .b = { 192, 0, 2, number } },
				.remote_ip = { .family = CV_IPV4, .b = { 192, 0, 2, other } },
				.rung_count = 1,
				.accept_udp = true,
				.accept_tcp = true,
				.local_id = { .type = WIRE_ID_FQDN, .len = 1, .data = { '0' + number } },
				.remote_id = { .type = WIRE_ID_FQDN, .len = 1, .data = { '0' + other } },
				.child_count = 1,
				.narrowing = true,
				.replay_window = 64,
				.retransmit_interval_ms = 500,
				.retransmit_timeout_ms = 60000,
				.liveness_delay_ms = 30000,
				.nat_keepalive_ms = 20000 };
	c->rung[0] = (struct ike_rung){ .transport = scene & SCENE_TCP ? IKE_TCP : IKE_UDP,
					.port = scene & SCENE_TCP ? 4500 : 500 };
	c->local_auth = c->remote_auth = scene & SCENE_NULL ? IKE_AUTHBY_NULL : IKE_AUTHBY_SECRET;
	offer(&c->ike_proposals, WIRE_PROTO_IKE);
	offer(&c->esp_proposals, WIRE_PROTO_ESP);
	c->child[0] = (struct ike_child_policy){ .name = "fuzz", .local_count = 1, .remote_count = 1 };
	c->child[0].local[0] = subnet(number);
	c->child[0].remote[0] = subnet(other);
}

/* --- driving --- */

static void feed(struct side *s, struct ike_event *ev)
{
	/* The result is about what a driver asks, which here may be nonsense. */
	enum cv_err err = ike_engine_event(s->engine, now, ev);

	require(err <= CV_E_INTERNAL);
}

static void took_message(struct side *s, const struct ike_output *out)
{
	struct wire_header h;

	require(out->message.len <= sizeof(s->sent) && wire_message_check(out->message) == CV_OK);
	require(wire_header_decode(out->message, &h) == CV_OK && h.spi_i != 0);
	require(out->path.transport == IKE_UDP || out->path.stream_id != 0);
	memcpy(s->sent, out->message.data, out->message.len);
	s->sent_len = out->message.len;
	s->fresh = true;
	if (!(h.flags & WIRE_FLAG_RESPONSE))
		s->request = h;
}

/* Takes all outputs and answers the questions among them. */
static void drain(struct side *s)
{
	unsigned count = 0;
	struct ike_output out;

	while ((out = ike_engine_output(s->engine)).type != IKE_OUT_NONE) {
		struct ike_event ev = { .request_id = out.request_id, .path = out.path };

		require(++count < OUTPUTS_MAX);
		switch (out.type) {
		case IKE_OUT_SEND: took_message(s, &out); break;
		case IKE_OUT_WANT_SECRET:
			ev.type = IKE_EV_SECRET;
			ev.found = true;
			ev.secret = cv_bytes(secret, sizeof(secret) - 1);
			feed(s, &ev);
			break;
		case IKE_OUT_STREAM_OPEN:
			ev.type = IKE_EV_STREAM_OPENED;
			ev.path.local = s->path.local;
			s->path.stream_id = ev.path.stream_id;
			feed(s, &ev);
			break;
		case IKE_OUT_CHILD_INSTALL:
			require(out.child && out.child->spi_in && out.child->spi_out);
			require(out.child->local.count && out.child->remote.count &&
				out.child->encr_key_in.len);
			break;
		default: break;
		}
	}
}

static void give(struct side *s, struct cv_bytes message)
{
	struct ike_event ev = { .type = IKE_EV_MESSAGE, .path = s->path, .message = message };

	feed(s, &ev);
	drain(s);
}

/* From memory that ends with the message. */
static void give_copy(struct side *s, const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	require(exact != NULL);
	if (len)
		memcpy(exact, data, len);
	give(s, cv_bytes(exact, len));
	free(exact);
}

/* Carries messages to and fro, at most that many. */
static void converse(unsigned messages)
{
	while (messages && (target.fresh || peer.fresh)) {
		struct side *from = target.fresh ? &target : &peer, *to = target.fresh ? &peer : &target;

		from->fresh = false;
		give_copy(to, from->sent, from->sent_len);
		messages--;
	}
}

static void start_side(struct side *s, uint8_t number, uint8_t scene)
{
	struct ike_engine_config config = { .random = next_random,
					    .random_arg = s,
					    .initiate_udp = true,
					    .cookie_always = scene & SCENE_COOKIE,
					    .uniqueids = true };
	static struct ike_conn conn;
	struct ike_event ev = { .type = IKE_EV_CONN_SET, .policy = &conn };
	uint16_t port = scene & SCENE_TCP ? 4500 : 500;

	memset(s, 0, sizeof(*s));
	s->random = number;
	make_conn(&conn, number, scene);
	require(ike_engine_new(&config, now, &s->engine) == CV_OK);
	s->path = (struct ike_path){ .transport = conn.rung[0].transport,
				     .local = { .ip = conn.local_ip, .port = port },
				     .remote = { .ip = conn.remote_ip, .port = port } };
	/* Who answers sees the stream under a number of its own; who dials learns his from the engine. */
	s->path.stream_id = scene & SCENE_TCP ? 1ull << 63 | number : 0;
	feed(s, &ev);
	drain(s);
}

static void set_scene(uint8_t scene)
{
	struct ike_event up = { .type = IKE_EV_UP, .conn = "fuzz", .request_id = 1 };
	unsigned messages = scene & SCENE_COOKIE ? 4 : 2;

	now = 1000000;
	start_side(&target, 1, scene);
	start_side(&peer, 2, scene);
	if (scene & SCENE_INITIATOR) {
		up.path.local = target.path.local;
		feed(&target, &up);
		drain(&target);
	} else {
		up.path.local = peer.path.local;
		feed(&peer, &up);
		drain(&peer);
	}
	if (scene & SCENE_ESTABLISHED)
		converse(HANDSHAKE_MAX);
	else if (scene & SCENE_HALF_OPEN)
		converse(messages);
}

/* --- what is there --- */

struct census {
	unsigned established;
	unsigned children;
	uint64_t spi;
};

static bool count_sa(void *arg, const struct ike_sa_info *info)
{
	struct census *c = arg;

	require(strlen(ike_sa_state_name(info->state)) > 0);
	if (info->state == IKE_SA_ESTABLISHED) {
		c->established++;
		c->children += info->child_count;
	}
	c->spi = info->spi_local;
	return true;
}

static struct census take_census(const struct side *s)
{
	struct census c = { 0 };

	ike_engine_each_sa(s->engine, count_sa, &c);
	return c;
}

/* --- records --- */

static void play_named(struct cv_bytes r)
{
	struct census c = take_census(&target);
	struct wire_header h;

	if (r.len < WIRE_IKE_HEADER_LEN || r.len > sizeof(scratch) || wire_header_decode(r, &h) != CV_OK)
		return;
	memcpy(scratch, r.data, r.len);
	/* The two SPIs stand where the flag says who is who. */
	cv_put_u64(scratch + (h.flags & WIRE_FLAG_INITIATOR ? 8 : 0), c.spi);
	cv_put_u64(scratch + (h.flags & WIRE_FLAG_INITIATOR ? 0 : 8), take_census(&peer).spi);
	scratch[17] = 0x20;
	cv_put_u32(scratch + 24, (uint32_t)r.len);
	give_copy(&target, scratch, r.len);
}

static void play_patched(struct cv_bytes r)
{
	struct cv_cursor c = cv_cursor(r);

	if (!peer.sent_len)
		return;
	memcpy(scratch, peer.sent, peer.sent_len);
	while (cv_cursor_left(&c) >= 3) {
		size_t at = cv_cursor_u16(&c) % peer.sent_len;

		scratch[at] ^= cv_cursor_u8(&c);
	}
	give_copy(&target, scratch, peer.sent_len);
}

/* The protection of what the peer sends, from the keys that the target exports. */
static struct crypto_sk *peer_protection(const struct ike_sa_keys *k, bool peer_is_initiator)
{
	const struct cv_key *e = peer_is_initiator ? &k->sk_ei : &k->sk_er,
			    *a = peer_is_initiator ? &k->sk_ai : &k->sk_ar;
	struct crypto_sk *sk;

	return crypto_sk_new(k->encr, k->key_bits, k->integ, cv_key_bytes(e), cv_key_bytes(a), &sk) == CV_OK
		   ? sk
		   : NULL;
}

static size_t seal(struct crypto_sk *sk, const struct wire_header *h, uint8_t first, struct cv_bytes inner)
{
	static uint64_t counter;
	static const uint8_t iv[16] = { 7 };
	size_t sealed = crypto_sk_sealed_len(sk, inner.len), at;
	struct wire_builder b;
	struct cv_bytes whole;

	wire_build_message(&b, scratch, sizeof(scratch), h);
	wire_build_begin(&b, WIRE_SK);
	at = b.w.len;
	cv_writer_zero(&b.w, crypto_sk_iv_len(sk));
	cv_writer_put(&b.w, inner);
	cv_writer_zero(&b.w, sealed - crypto_sk_iv_len(sk) - inner.len);
	wire_build_end(&b);
	if (wire_build_finish(&b, &whole) != CV_OK)
		return 0;
	scratch[at - WIRE_PAYLOAD_HEADER_LEN] = first;
	if (crypto_sk_seal(sk, cv_bytes(scratch, at), scratch + at, inner.len, whole.len - at, ++counter,
			   iv) != CV_OK)
		return 0;
	return whole.len;
}

static void play_sealed(struct cv_bytes r, uint32_t *next_id)
{
	struct ike_sa_keys keys;
	struct census census = take_census(&target);
	struct cv_cursor c = cv_cursor(r);
	struct wire_header h = { .major = 2 };
	uint8_t flags, offset, first;
	struct crypto_sk *sk;
	size_t len;

	h.exchange = cv_cursor_u8(&c);
	flags = cv_cursor_u8(&c);
	offset = cv_cursor_u8(&c);
	first = cv_cursor_u8(&c);
	if (!cv_cursor_ok(&c) || ike_engine_export_keys(target.engine, census.spi, &keys) != CV_OK)
		return;
	h.spi_i = keys.spi_i;
	h.spi_r = keys.spi_r;
	h.flags = keys.spi_i == census.spi ? 0 : WIRE_FLAG_INITIATOR;
	h.message_id = *next_id + offset;
	if (flags & 1) {
		h.flags |= WIRE_FLAG_RESPONSE;
		h.message_id = target.request.message_id + offset;
	}
	sk = peer_protection(&keys, h.flags & WIRE_FLAG_INITIATOR);
	if (!sk)
		return;
	len = seal(sk, &h, first, cv_cursor_rest(&c));
	crypto_sk_free(sk);
	if (!len)
		return;
	target.fresh = false;
	give_copy(&target, scratch, len);
	/* It was answered: the next request has the next number. */
	if (target.fresh && !(flags & 1) && offset == 0)
		++*next_id;
}

static void play_time(struct cv_bytes r)
{
	struct cv_cursor c = cv_cursor(r);
	uint64_t until = now + 10ull * cv_cursor_u16(&c);

	for (unsigned i = 0; i < 200 && ike_engine_next_ms(target.engine) <= until; i++) {
		if (now < ike_engine_next_ms(target.engine))
			now = ike_engine_next_ms(target.engine);
		ike_engine_tick(target.engine, now);
		drain(&target);
	}
	now = until;
}

/* True: it may have taken something down rightly. */
static bool play_event(struct cv_bytes r)
{
	struct cv_cursor c = cv_cursor(r);
	static struct ike_conn conn;
	struct ike_event ev = { .path = target.path, .conn = "fuzz" };

	ev.type = cv_cursor_u8(&c) % (IKE_EV_CHILD_ERROR + 1);
	ev.os_error = cv_cursor_u8(&c);
	ev.spi_in = cv_cursor_u32(&c);
	ev.last_in_ms = ev.last_out_ms = now;
	ev.request_id = 2;
	ev.message = cv_cursor_rest(&c);
	if (ev.type == IKE_EV_CONN_SET) {
		make_conn(&conn, 1, 0);
		ev.policy = &conn;
	}
	if (ev.type == IKE_EV_ACQUIRE) {
		ev.packet_src = subnet(1);
		ev.packet_dst = subnet(2);
	}
	feed(&target, &ev);
	drain(&target);
	/* (STREAM_FAILED belongs to a dial that never succeeded; a driver that says so of an open stream is
	 * wrong.) */
	return ev.type == IKE_EV_STREAM_FAILED || ev.type == IKE_EV_DOWN || ev.type == IKE_EV_CONN_REMOVE ||
	       ev.type == IKE_EV_SHUTDOWN || ev.type == IKE_EV_CHILD_FAILED || ev.type == IKE_EV_CONN_SET;
}

/* True: what happened may end what was established. */
static bool play(uint8_t kind, struct cv_bytes r, uint32_t *next_id)
{
	switch (kind) {
	case KIND_RAW: give_copy(&target, r.data, r.len); return false;
	case KIND_NAMED: play_named(r); return false;
	case KIND_PATCHED: play_patched(r); return false;
	case KIND_SEALED: play_sealed(r, next_id); return true;
	case KIND_TIME: play_time(r); return true;
	default: return play_event(r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cv_cursor c = cv_cursor(cv_bytes(data, size));
	uint8_t scene = cv_cursor_u8(&c);
	struct census before, after;
	static bool prepared;
	bool excused = false;
	uint32_t next_id;

	if (!prepared) {
		require(crypto_init() == CV_OK);
		cv_log_set_sink(swallow, NULL);
		cv_log_set_level(CV_LOG_DEBUG);
		prepared = true;
	}
	set_scene(scene);
	before = take_census(&target);
	require(!(scene & SCENE_ESTABLISHED) || (before.established == 1 && before.children == 1));
	/* The peer's next request: behind IKE_SA_INIT and IKE_AUTH when those were its own. */
	next_id = scene & SCENE_INITIATOR ? 0 : scene & SCENE_ESTABLISHED ? 2 : 1;
	for (unsigned i = 0; i < RECORDS_MAX && cv_cursor_left(&c); i++) {
		uint8_t kind = cv_cursor_u8(&c) % KIND_COUNT;
		size_t len = cv_cursor_u16(&c), left = cv_cursor_left(&c);

		excused |= play(kind, cv_cursor_take(&c, len < left ? len : left), &next_id);
	}
	after = take_census(&target);
	require(excused || (after.established >= before.established && after.children >= before.children));
	ike_engine_free(target.engine);
	ike_engine_free(peer.engine);
	return 0;
}
