#include "ike/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/auth.h"
#include "ike/create_child.h"
#include "ike/nat.h"
#include "ike/output.h"
#include "ike/sa.h"
#include "ike/sa_init.h"
#include "ike/stream.h"

static void advance(struct ike_attempt *attempt);

static struct ike_attempt *of_timer(struct cv_timer *timer)
{
	return (struct ike_attempt *)(void *)((char *)timer - offsetof(struct ike_attempt, timer));
}

static struct ike_attempt *of_want(struct ike_want *want)
{
	return (struct ike_attempt *)(void *)((char *)want - offsetof(struct ike_attempt, want));
}

static const char *rung_text(const struct ike_attempt *attempt, unsigned rung, char *out, size_t cap)
{
	const struct ike_rung *r = &attempt->policy->conn.rung[rung];
	struct cv_addr at = { .ip = attempt->policy->conn.remote_ip, .port = r->port };
	char peer[CV_ADDR_TEXT_MAX];

	snprintf(out, cap, "%s %s", ike_transport_name(r->transport), cv_addr_text(&at, peer));
	return out;
}

static double seconds(uint64_t from_ms, uint64_t to_ms)
{
	return (double)(to_ms - from_ms) / 1000.0;
}

/* --- the end --- */

static void let_go(struct ike_attempt *attempt, unsigned rung, const char *why)
{
	struct ike_sa *sa = attempt->sa[rung];

	attempt->sa[rung] = NULL;
	if (!sa || sa->dead)
		return;
	/* The peer may have accepted it already: then it has to be deleted properly. */
	if (sa->state == IKE_SA_AUTH_SENT) {
		ike_auth_abandon(sa);
		return;
	}
	sa->hs->attempt = NULL;
	ike_sa_close(sa, why);
}

void ike_attempt_free(struct ike_attempt *attempt)
{
	struct ike_engine *e = attempt->conn->engine;

	for (unsigned i = 0; i < IKE_RUNGS_MAX; i++) {
		if (attempt->sa[i] && attempt->sa[i]->hs)
			attempt->sa[i]->hs->attempt = NULL;
	}
	ike_want_cancel(e, &attempt->want);
	cv_timer_cancel(&e->timers, &attempt->timer);
	cv_secret_free(&attempt->secret);
	ike_policy_drop(attempt->policy);
	attempt->conn->attempt = NULL;
	free(attempt);
}

void ike_attempt_cancel(struct ike_attempt *attempt)
{
	for (unsigned i = 0; i < IKE_RUNGS_MAX; i++)
		let_go(attempt, i, "no longer wanted");
	ike_attempt_free(attempt);
}

static void fail(struct ike_attempt *attempt, const char *text)
{
	struct ike_connection *conn = attempt->conn;

	ike_attempt_cancel(attempt);
	ike_conn_failed(conn, text);
}

/* Every rung with its story. */
static void fail_all_rungs(struct ike_attempt *attempt)
{
	char text[512], rung[96];
	size_t len = (size_t)snprintf(text, sizeof(text), "could not bring it up.");

	for (unsigned i = 0; i < attempt->ladder.count && len < sizeof(text); i++) {
		const char *story = attempt->outcome[i][0] ? attempt->outcome[i] : "no answer";

		len += (size_t)snprintf(text + len, sizeof(text) - len, " %s: %s.",
					rung_text(attempt, i, rung, sizeof(rung)), story);
	}
	fail(attempt, text);
}

/* --- rungs --- */

static void set_outcome(struct ike_attempt *attempt, unsigned rung, const char *text)
{
	snprintf(attempt->outcome[rung], IKE_OUTCOME_MAX, "%s", text);
}

static void rung_impossible(struct ike_attempt *attempt, unsigned rung, const char *text)
{
	set_outcome(attempt, rung, text);
	ike_ladder_failed(&attempt->ladder, (uint8_t)rung, attempt->conn->engine->now_ms);
}

static enum cv_err rung_make(struct ike_attempt *attempt, unsigned rung, const struct ike_path *path)
{
	struct ike_sa *sa;
	enum cv_err err = ike_sa_new(attempt->conn, attempt->policy, true, &sa);

	if (err)
		return err;
	err = ike_sa_handshake(sa);
	if (err) {
		ike_sa_close(sa, "out of memory");
		return err;
	}
	sa->hs->attempt = attempt;
	sa->hs->rung = (uint8_t)rung;
	sa->hs->has_packet = attempt->has_packet;
	sa->hs->packet_src = attempt->packet_src;
	sa->hs->packet_dst = attempt->packet_dst;
	sa->stream_originator = true;
	attempt->sa[rung] = sa;
	ike_sa_set_path(sa, path);
	if (path->transport == IKE_UDP)
		ike_init_start(sa);
	else
		ike_sa_arm(sa, &sa->expire, sa->engine->now_ms + attempt->policy->conn.retransmit_timeout_ms);
	return CV_OK;
}

/* What is said when a further rung begins. */
static void announce(struct ike_attempt *attempt, unsigned rung)
{
	char line[IKE_OUTCOME_MAX + 256], last[96], now[96];

	rung_text(attempt, rung, now, sizeof(now));
	if (rung == 0) {
		snprintf(line, sizeof(line), "trying %s", now);
	} else {
		const char *story = attempt->outcome[rung - 1];
		char silence[64];

		snprintf(silence, sizeof(silence), "no answer after %.1f s",
			 seconds(attempt->begun_ms[rung - 1], attempt->begun_ms[rung]));
		rung_text(attempt, rung - 1, last, sizeof(last));
		snprintf(line, sizeof(line), "%s: %s, trying %s%s", last, story[0] ? story : silence, now,
			 attempt->sa[rung - 1] ? " as well" : "");
	}
	ike_conn_progress(attempt->conn, line);
}

static void rung_begin(struct ike_attempt *attempt, unsigned rung)
{
	struct ike_engine *e = attempt->conn->engine;
	const struct ike_conn *c = &attempt->policy->conn;
	struct ike_path path = { .transport = c->rung[rung].transport };
	enum cv_err err = CV_OK;

	attempt->begun_ms[rung] = e->now_ms;
	path.local.ip = attempt->local_ip;
	path.remote.ip = c->remote_ip;
	path.remote.port = c->rung[rung].port;
	announce(attempt, rung);
	if (path.transport == IKE_UDP) {
		if (!e->config.initiate_udp) {
			rung_impossible(attempt, rung, "this host does not use UDP (listen-udp=no)");
			return;
		}
		if (!path.remote.port)
			path.remote.port = c->remote_ike_port ? c->remote_ike_port : IKE_PORT;
		path.local.port = ike_nat_local_port(c, path.remote.port);
	} else {
		err = ike_stream_dial(e, &path);
	}
	if (!err)
		err = rung_make(attempt, rung, &path);
	if (err)
		rung_impossible(attempt, rung, cv_err_text(err));
}

/* Does what the ladder says now. The attempt may be gone after it. */
static void advance(struct ike_attempt *attempt)
{
	struct ike_engine *e = attempt->conn->engine;
	uint64_t next;
	uint8_t rung;

	/* What a rung meets in its first moment comes back here: the loop below sees to it. */
	if (attempt->advancing)
		return;
	attempt->advancing = true;
	while ((rung = ike_ladder_take(&attempt->ladder, e->now_ms)) != IKE_RUNG_NONE)
		rung_begin(attempt, rung);
	attempt->advancing = false;
	if (ike_ladder_over(&attempt->ladder, e->now_ms)) {
		fail_all_rungs(attempt);
		return;
	}
	next = ike_ladder_next_ms(&attempt->ladder);
	if (next == CV_NEVER)
		cv_timer_cancel(&e->timers, &attempt->timer);
	else if (cv_timer_set(&e->timers, &attempt->timer, next) != CV_OK)
		fail(attempt, "out of memory");
}

static void timer_fired(struct cv_timer *timer, uint64_t now_ms)
{
	(void)now_ms;
	advance(of_timer(timer));
}

/* --- the secret --- */

static void secret_missing(struct ike_attempt *attempt, const struct ike_secret_query *query)
{
	char text[400], local[IKE_ID_TEXT_MAX], remote[IKE_ID_TEXT_MAX];

	snprintf(text, sizeof(text),
		 "there is no secret for %.120s and %.120s: add a PSK line for them to ipsec.secrets",
		 ike_id_text(&query->local, local, sizeof(local)),
		 ike_id_text(&query->remote, remote, sizeof(remote)));
	fail(attempt, text);
}

static void make_query(const struct ike_attempt *attempt, struct ike_secret_query *query)
{
	const struct ike_conn *c = &attempt->policy->conn;

	*query = (struct ike_secret_query){ .local = c->local_id,
					    .remote = c->remote_id,
					    .local_ip = attempt->local_ip,
					    .remote_ip = c->remote_ip };
}

static void secret_answered(struct ike_want *want, bool found, struct cv_bytes secret)
{
	struct ike_attempt *attempt = of_want(want);
	struct ike_secret_query query;

	if (!found) {
		make_query(attempt, &query);
		secret_missing(attempt, &query);
		return;
	}
	if (cv_secret_copy(&attempt->secret, secret)) {
		fail(attempt, "out of memory");
		return;
	}
	attempt->secret_known = true;
	attempt->advancing = true;
	for (unsigned i = 0; i < attempt->ladder.count; i++) {
		struct ike_sa *sa = attempt->sa[i];

		if (sa && !sa->dead && sa->state == IKE_SA_INIT_DONE)
			ike_auth_start(sa);
	}
	attempt->advancing = false;
	advance(attempt);
}

static bool ask_secret(struct ike_attempt *attempt)
{
	const struct ike_conn *c = &attempt->policy->conn;
	struct ike_secret_query query;

	attempt->secret_known = c->local_auth != IKE_AUTHBY_SECRET && c->remote_auth != IKE_AUTHBY_SECRET;
	if (attempt->secret_known)
		return true;
	make_query(attempt, &query);
	attempt->want.answer = secret_answered;
	return ike_want_ask(attempt->conn->engine, &attempt->want, &query) == CV_OK;
}

/* --- events --- */

void ike_attempt_start(struct ike_connection *conn, const struct ike_event *event)
{
	struct ike_engine *e = conn->engine;
	struct ike_attempt *attempt;

	if (cv_ip_is_any(&conn->policy->conn.remote_ip)) {
		ike_conn_failed(
		    conn,
		    "the peer's address is not known: this connection can only be answered, not started");
		return;
	}
	if (!conn->policy->conn.rung_count || !conn->policy->conn.child_count) {
		ike_conn_failed(conn, "the connection names no transport or no subnets");
		return;
	}
	attempt = calloc(1, sizeof(*attempt));
	if (!attempt) {
		ike_conn_failed(conn, "out of memory");
		return;
	}
	attempt->conn = conn;
	attempt->policy = ike_policy_hold(conn->policy);
	attempt->timer.fire = timer_fired;
	attempt->local_ip = conn->policy->conn.local_ip;
	if (cv_ip_is_any(&attempt->local_ip))
		attempt->local_ip = event->path.local.ip;
	if (event->type == IKE_EV_ACQUIRE) {
		attempt->has_packet = true;
		attempt->packet_src = event->packet_src;
		attempt->packet_dst = event->packet_dst;
	}
	conn->attempt = attempt;
	ike_ladder_init(&attempt->ladder, &attempt->policy->conn, e->now_ms);
	if (ask_secret(attempt))
		advance(attempt);
	else
		fail(attempt, "out of memory");
}

void ike_attempt_stream_opened(struct ike_sa *sa, const struct ike_path *path)
{
	if (!sa->hs || !sa->hs->attempt)
		return;
	sa->path.local = path->local;
	if (sa->state == IKE_SA_INIT_SENT) {
		ike_task_rebuild(sa);
		return;
	}
	if (sa->state != IKE_SA_NONE)
		return;
	cv_timer_cancel(&sa->engine->timers, &sa->expire);
	ike_init_start(sa);
}

void ike_attempt_answered(struct ike_sa *sa)
{
	struct ike_attempt *attempt = sa->hs->attempt;
	char line[200], rung[96];

	snprintf(line, sizeof(line), "%s: answered", rung_text(attempt, sa->hs->rung, rung, sizeof(rung)));
	ike_conn_progress(attempt->conn, line);
	attempt->outcome[sa->hs->rung][0] = '\0';
	ike_ladder_answered(&attempt->ladder, sa->hs->rung, sa->engine->now_ms);
	if (attempt->secret_known)
		ike_auth_start(sa);
	if (sa->conn->attempt == attempt)
		advance(attempt);
}

void ike_attempt_hinted(struct ike_sa *sa, const char *text)
{
	struct ike_attempt *attempt = sa->hs->attempt;
	char line[IKE_OUTCOME_MAX + 128], rung[96];

	if (strcmp(attempt->outcome[sa->hs->rung], text) == 0)
		return;
	set_outcome(attempt, sa->hs->rung, text);
	snprintf(line, sizeof(line), "%s: %s", rung_text(attempt, sa->hs->rung, rung, sizeof(rung)), text);
	ike_conn_progress(attempt->conn, line);
	ike_ladder_hinted(&attempt->ladder, sa->hs->rung, sa->engine->now_ms);
	advance(attempt);
}

void ike_attempt_rung_failed(struct ike_sa *sa, const char *text)
{
	if (sa->hs && sa->hs->attempt)
		set_outcome(sa->hs->attempt, sa->hs->rung, text);
	ike_sa_close(sa, text);
}

void ike_attempt_sa_ended(struct ike_sa *sa, const char *why)
{
	struct ike_attempt *attempt = sa->hs->attempt;
	unsigned rung = sa->hs->rung;

	sa->hs->attempt = NULL;
	attempt->sa[rung] = NULL;
	if (!attempt->outcome[rung][0])
		set_outcome(attempt, rung, why);
	ike_ladder_failed(&attempt->ladder, (uint8_t)rung, attempt->conn->engine->now_ms);
	advance(attempt);
}

/* Why the tunnel goes this way: the story of the rungs below. */
static void explain(const struct ike_attempt *attempt, struct ike_sa *sa)
{
	char why[160];
	unsigned rung = sa->hs->rung;
	const struct ike_rung *below;

	if (rung == 0) {
		ike_core_set_text(&sa->why, attempt->ladder.count > 1 ? "first choice"
								      : "the only transport configured");
		return;
	}
	below = &attempt->policy->conn.rung[rung - 1];
	if (attempt->outcome[rung - 1][0])
		snprintf(why, sizeof(why), "%s: %.120s", ike_transport_name(below->transport),
			 attempt->outcome[rung - 1]);
	else
		snprintf(why, sizeof(why), "%s did not answer for %.1f s",
			 ike_transport_name(below->transport),
			 seconds(attempt->begun_ms[rung - 1], attempt->begun_ms[rung]));
	ike_core_set_text(&sa->why, why);
}

void ike_attempt_won(struct ike_sa *sa)
{
	struct ike_attempt *attempt = sa->hs->attempt;
	unsigned rung = sa->hs->rung;

	explain(attempt, sa);
	sa->hs->attempt = NULL;
	attempt->sa[rung] = NULL;
	ike_attempt_cancel(attempt);
}

void ike_attempt_refused(struct ike_sa *sa, const char *text)
{
	struct ike_attempt *attempt = sa->hs->attempt;
	char line[512], rung[96];

	snprintf(line, sizeof(line), "%s: %s", rung_text(attempt, sa->hs->rung, rung, sizeof(rung)), text);
	sa->hs->attempt = NULL;
	attempt->sa[sa->hs->rung] = NULL;
	fail(attempt, line);
}

/* Rungs of one connection that the ICMP message is about. */
static void udp_refused(struct ike_connection *conn, const struct ike_path *path, const char *text)
{
	struct ike_attempt *attempt = conn->attempt;

	for (unsigned i = 0; attempt && conn->attempt == attempt && i < attempt->ladder.count; i++) {
		struct ike_sa *sa = attempt->sa[i];

		if (sa && sa->path.transport == IKE_UDP && sa->state == IKE_SA_INIT_SENT &&
		    cv_addr_equal(&sa->path.remote, &path->remote))
			ike_attempt_hinted(sa, text);
	}
}

void ike_attempt_udp_refused(struct ike_engine *e, const struct ike_path *path, int os_error)
{
	char text[128];

	snprintf(text, sizeof(text), "refused (%s)", ike_errno_text(os_error));
	for (struct ike_link *link = ike_conn_of_peer(e, &path->remote.ip); link; link = link->next)
		udp_refused(link->object, path, text);
}
