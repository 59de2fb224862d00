#include "ike/receive.h"

#include <string.h>

#include "ike/admit.h"
#include "ike/auth.h"
#include "ike/create_child.h"
#include "ike/informational.h"
#include "ike/liveness.h"
#include "ike/output.h"
#include "ike/sa.h"
#include "ike/sa_init.h"
#include "ike/stream.h"
#include "ike/task.h"

static void strange(struct ike_engine *e, const struct ike_path *path, const char *text)
{
	char peer[CV_ADDR_TEXT_MAX], left_out[CV_LOG_LEFT_OUT_MAX];
	uint64_t dropped;

	if (cv_log_allowed(&e->strange, e->now_ms, &dropped))
		cv_log(CV_LOG_INFO, "ike", NULL, "message from %s %s ignored: %s%s",
		       ike_transport_name(path->transport), cv_addr_text(&path->remote, peer), text,
		       cv_log_left_out(dropped, left_out));
}

static void malformed(struct ike_engine *e, const struct ike_path *path, const char *text)
{
	e->counters.malformed++;
	strange(e, path, text);
	ike_stream_bad(e, path);
}

/* --- requests --- */

static enum ike_verdict dispatch(struct ike_sa *sa, const struct ike_msg *msg, struct wire_builder *reply)
{
	switch (msg->h.exchange) {
	case WIRE_IKE_AUTH: return ike_auth_request(sa, msg, reply);
	case WIRE_CREATE_CHILD_SA: return ike_create_child_request(sa, msg, reply);
	case WIRE_INFORMATIONAL: return ike_informational_request(sa, msg, reply);
	default: return IKE_SILENT;
	}
}

/* The whole request is refused. INVALID_SYNTAX ends the IKE SA on both sides (RFC 7296 section 2.21.3);
 * before authentication any refusal does. */
static void reject(struct ike_sa *sa, const struct ike_msg *msg, uint16_t notify)
{
	struct wire_builder reply;
	bool fatal = notify == WIRE_N_INVALID_SYNTAX || sa->state == IKE_SA_INIT_DONE;

	ike_message_reply(sa->engine, &reply);
	wire_notify_build_plain(
	    &reply, notify, cv_bytes(&msg->critical, notify == WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD ? 1 : 0));
	ike_message_respond(sa, &msg->path, msg->h.exchange, msg->h.message_id, &reply);
	sa->recv_id++;
	ike_sa_log(sa, CV_LOG_WARNING, "%s request refused: %s", wire_exchange_name(msg->h.exchange),
		   wire_notify_name(notify));
	if (fatal)
		ike_sa_linger(sa, "the peer sent a request that cannot be read");
}

static void handle_request(struct ike_sa *sa, const struct ike_msg *msg)
{
	struct wire_builder reply;

	switch (ike_admit(sa, msg, true)) {
	case IKE_NOT_NOW: sa->engine->counters.window_dropped++; return;
	case IKE_MALFORMED:
		sa->engine->counters.malformed++;
		reject(sa, msg, WIRE_N_INVALID_SYNTAX);
		return;
	case IKE_ADMITTED: break;
	}
	ike_message_reply(sa->engine, &reply);
	switch (dispatch(sa, msg, &reply)) {
	case IKE_REPLY:
		ike_message_respond(sa, &msg->path, msg->h.exchange, msg->h.message_id, &reply);
		sa->recv_id++;
		break;
	case IKE_WAIT: sa->waiting = true; break;
	case IKE_SILENT: break;
	}
}

void ike_receive_resume(struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->hs;
	struct ike_msg msg = { .path = hs->request_path };

	if (!sa->waiting || sa->dead)
		return;
	sa->waiting = false;
	msg.h = (struct wire_header){ .spi_i = sa->spi_remote,
				      .spi_r = sa->spi_local,
				      .major = 2,
				      .exchange = WIRE_IKE_AUTH,
				      .flags = WIRE_FLAG_INITIATOR,
				      .message_id = sa->recv_id };
	/* It was well formed when it came. */
	if (wire_chain_decode(hs->request_first, cv_bytes(hs->request, hs->request_len), &msg.chain,
			      &msg.critical)) {
		ike_sa_close(sa, "out of memory");
		return;
	}
	handle_request(sa, &msg);
}

/* The newest authenticated request says where the peer is (RFC 7296 section 2.23, R9329-6.1-24). Who is
 * behind a NAT himself stays put, and nobody moves between UDP and TCP this way. */
static void follow(struct ike_sa *sa, const struct ike_path *path)
{
	if (sa->state != IKE_SA_ESTABLISHED && sa->state != IKE_SA_INIT_DONE)
		return;
	if (path->transport != sa->path.transport || (sa->stream_originator && path->transport == IKE_TCP))
		return;
	if (path->transport == IKE_UDP && sa->nat_local && !sa->nat_remote && sa->state == IKE_SA_ESTABLISHED)
		return;
	ike_sa_set_path(sa, path);
}

void ike_receive_moved(struct ike_sa *sa, const struct ike_path *path)
{
	if (sa->state == IKE_SA_ESTABLISHED && sa->nat_remote && path->transport == IKE_UDP &&
	    path->local.port == sa->path.local.port)
		follow(sa, path);
}

static void request(struct ike_sa *sa, struct ike_msg *msg, enum cv_err syntax)
{
	struct ike_engine *e = sa->engine;

	if (msg->h.message_id == sa->recv_id - 1 && sa->response) {
		e->counters.retransmits++;
		ike_out_send(e, &msg->path, cv_bytes(sa->response, sa->response_len));
		return;
	}
	if (msg->h.message_id != sa->recv_id || sa->waiting) {
		e->counters.window_dropped++;
		return;
	}
	ike_sa_heard(sa);
	follow(sa, &msg->path);
	if (syntax) {
		e->counters.malformed++;
		reject(sa, msg, WIRE_N_INVALID_SYNTAX);
	} else if (msg->critical) {
		reject(sa, msg, WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	} else {
		handle_request(sa, msg);
	}
}

/* --- responses --- */

static void response(struct ike_sa *sa, struct ike_msg *msg, enum cv_err syntax)
{
	struct ike_engine *e = sa->engine;

	if (!ike_task_expects(sa, &msg->h)) {
		e->counters.window_dropped++;
		return;
	}
	ike_sa_heard(sa);
	/* Both ends have lost each other when an authenticated answer cannot be read. */
	if (syntax || ike_admit(sa, msg, true) != IKE_ADMITTED) {
		e->counters.malformed++;
		ike_sa_close(sa, "the peer's answer cannot be read");
		return;
	}
	ike_task_response(sa, msg);
}

/* --- finding the IKE SA --- */

/* RFC 7296 section 2.21.4: only requests, only at a low rate, and nothing of ours changes. */
static void unknown(struct ike_engine *e, const struct ike_msg *msg)
{
	e->counters.unknown_spi++;
	strange(e, &msg->path, "it names an IKE SA that does not exist (any more)");
	if (!msg->response && msg->h.spi_i && msg->h.spi_r)
		ike_message_refuse(e, &msg->path, &msg->h, WIRE_N_INVALID_IKE_SPI, cv_bytes(NULL, 0));
	/* Last: it may close the stream. */
	ike_stream_bad(e, &msg->path);
}

static struct ike_sa *find(const struct ike_engine *e, const struct wire_header *h)
{
	bool from_initiator = h->flags & WIRE_FLAG_INITIATOR;
	uint64_t ours = from_initiator ? h->spi_r : h->spi_i, theirs = from_initiator ? h->spi_i : h->spi_r;
	struct ike_sa *sa = ours ? ike_sa_find(e, ours) : NULL;

	return sa && sa->initiator != from_initiator && sa->spi_remote == theirs ? sa : NULL;
}

/* The peer, or somebody else, says that it does not know our IKE SA: nothing changes by that, but it is worth
 * a question, once in a while (R7296-2.21.4-1, R7296-2.4-4). */
static bool doubted(struct ike_sa *sa, const struct ike_msg *msg)
{
	struct ike_engine *e = sa->engine;
	struct wire_notify_payload n;

	if (!msg->response || !wire_notify_find(&msg->chain, WIRE_N_INVALID_IKE_SPI, &n) ||
	    !cv_ip_equal(&msg->path.remote.ip, &sa->path.remote.ip))
		return false;
	if (sa->state == IKE_SA_ESTABLISHED && !sa->flight && e->now_ms - sa->last_in_ms >= IKE_DOUBT_MS)
		ike_liveness_ask(sa);
	return true;
}

static void receive_protected(struct ike_engine *e, struct ike_msg *msg)
{
	struct ike_sa *sa = find(e, &msg->h);
	const struct wire_payload *sk;
	struct cv_bytes whole, plain;
	enum cv_err err;

	if (!sa) {
		unknown(e, msg);
		return;
	}
	/* An IKE SA stays on its transport, replies included (R9329-5-5): this is a copy that somebody else
	 * sent. */
	if (msg->path.transport != sa->path.transport) {
		e->counters.window_dropped++;
		return;
	}
	memcpy(e->rx, msg->raw.data, msg->raw.len);
	whole = cv_bytes(e->rx, msg->raw.len);
	err = wire_chain_decode(msg->h.next_payload,
				cv_bytes(e->rx + WIRE_IKE_HEADER_LEN, whole.len - WIRE_IKE_HEADER_LEN),
				&msg->chain, &msg->critical);
	sk = err ? NULL : wire_chain_find(&msg->chain, WIRE_SK);
	if (!err && !sk && doubted(sa, msg))
		return;
	if (!sk) {
		malformed(e, &msg->path, "it is not protected, or not well formed");
		return;
	}
	if (!sa->sk_in) {
		e->counters.window_dropped++;
		return;
	}
	if (ike_message_open(sa, sk, whole.len, &plain)) {
		e->counters.bad_integrity++;
		strange(e, &msg->path, "its integrity check fails");
		ike_stream_bad(e, &msg->path);
		return;
	}
	ike_stream_good(e, &msg->path);
	err = wire_chain_decode(sk->next, plain, &msg->chain, &msg->critical);
	if (msg->response)
		response(sa, msg, err);
	else
		request(sa, msg, err);
}

static void receive_init(struct ike_engine *e, struct ike_msg *msg)
{
	struct ike_sa *sa;

	if (msg->h.message_id != 0 || !msg->h.spi_i) {
		malformed(e, &msg->path, "IKE_SA_INIT with a message id, or without SPI");
		return;
	}
	if (!msg->response) {
		if (!(msg->h.flags & WIRE_FLAG_INITIATOR) || msg->h.spi_r)
			malformed(e, &msg->path, "IKE_SA_INIT request with a responder's SPI or flag");
		else
			ike_init_request(e, msg);
		return;
	}
	sa = msg->h.flags & WIRE_FLAG_INITIATOR ? NULL : ike_sa_find(e, msg->h.spi_i);
	if (!sa || !sa->initiator || sa->state != IKE_SA_INIT_SENT || !ike_task_expects(sa, &msg->h) ||
	    msg->path.transport != sa->path.transport || msg->path.stream_id != sa->path.stream_id) {
		e->counters.unknown_spi++;
		return;
	}
	/* R7296-2.21.1-1: what is not signed and makes no sense is as good as lost. */
	if (wire_chain_decode(
		msg->h.next_payload,
		cv_bytes(msg->raw.data + WIRE_IKE_HEADER_LEN, msg->raw.len - WIRE_IKE_HEADER_LEN),
		&msg->chain, &msg->critical) ||
	    ike_admit(sa, msg, false) != IKE_ADMITTED) {
		malformed(e, &msg->path, "IKE_SA_INIT response is not well formed");
		return;
	}
	ike_task_response(sa, msg);
}

/* A version that we do not speak (RFC 7296 section 2.5). */
static void foreign_version(struct ike_engine *e, const struct ike_msg *msg)
{
	e->counters.bad_version++;
	strange(e, &msg->path,
		msg->h.major < 2 ? "it is IKEv1, which is not supported" : "its major version is not 2");
	/* A newer peer may try again in our version on the same stream (R9329-6.4-2). */
	if (msg->h.major < 2)
		ike_stream_bad(e, &msg->path);
	/* No IKE SA has the SPI zero (R7296-3.1-1): that is no IKE of any version. */
	if (msg->h.major > 2 && !msg->response && msg->h.spi_i)
		ike_message_refuse(e, &msg->path, &msg->h, WIRE_N_INVALID_MAJOR_VERSION, cv_bytes(NULL, 0));
}

void ike_receive(struct ike_engine *e, const struct ike_path *path, struct cv_bytes message)
{
	struct ike_msg msg = { .path = *path, .raw = message };

	e->counters.messages_in++;
	/* Whatever it is: a stream that leads to nothing is closed after a while (R9329-6.1-7). */
	ike_stream_seen(e, path);
	if (wire_header_decode(message, &msg.h) || message.len > IKE_MESSAGE_MAX) {
		malformed(e, path, "it is too short or too long for an IKE header");
		return;
	}
	msg.response = msg.h.flags & WIRE_FLAG_RESPONSE;
	if (msg.h.major != 2) {
		foreign_version(e, &msg);
		return;
	}
	if (msg.h.length != message.len) {
		malformed(e, path, "its length is not the one it names");
		return;
	}
	if (msg.h.exchange == WIRE_IKE_SA_INIT)
		receive_init(e, &msg);
	else
		receive_protected(e, &msg);
}
