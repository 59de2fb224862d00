#include "ike/sa.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/attempt.h"
#include "ike/child.h"
#include "ike/conn.h"
#include "ike/liveness.h"
#include "ike/output.h"
#include "ike/stream.h"
#include "ike/task.h"

/* Which states may follow which, as bits. */
static const uint8_t moves[] = {
	[IKE_SA_NONE] =
	    1u << IKE_SA_INIT_SENT | 1u << IKE_SA_INIT_DONE | 1u << IKE_SA_ESTABLISHED | 1u << IKE_SA_CLOSED,
	[IKE_SA_INIT_SENT] = 1u << IKE_SA_INIT_DONE | 1u << IKE_SA_CLOSED,
	[IKE_SA_INIT_DONE] =
	    1u << IKE_SA_AUTH_SENT | 1u << IKE_SA_ESTABLISHED | 1u << IKE_SA_DELETING | 1u << IKE_SA_CLOSED,
	[IKE_SA_AUTH_SENT] = 1u << IKE_SA_ESTABLISHED | 1u << IKE_SA_DELETING | 1u << IKE_SA_CLOSED,
	[IKE_SA_ESTABLISHED] = 1u << IKE_SA_DELETING | 1u << IKE_SA_CLOSED,
	[IKE_SA_DELETING] = 1u << IKE_SA_CLOSED,
	[IKE_SA_CLOSED] = 0,
};

const char *ike_sa_state_name(uint8_t state)
{
	static const char *const names[] = { "none",	    "init-sent", "init-done", "auth-sent",
					     "established", "deleting",	 "closed" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

void ike_sa_log(const struct ike_sa *sa, enum cv_log_level level, const char *format, ...)
{
	struct cv_log_ctx ctx = { .conn = sa->conn ? sa->conn->name : NULL, .ike_spi = sa->spi_local };
	char text[640];
	va_list args;

	if (!cv_log_enabled(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cv_log(level, "ike", &ctx, "%s", text);
}

void ike_sa_complain(struct ike_sa *sa, const char *format, ...)
{
	struct cv_log_limit *limit = sa->established_ms ? &sa->complaints : &sa->engine->refused;
	char text[640], left_out[CV_LOG_LEFT_OUT_MAX];
	uint64_t dropped;
	va_list args;

	if (!cv_log_allowed(limit, sa->engine->now_ms, &dropped))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ike_sa_log(sa, CV_LOG_WARNING, "%s%s", text, cv_log_left_out(dropped, left_out));
}

static struct ike_sa *sa_of(struct cv_timer *timer, size_t offset)
{
	return (struct ike_sa *)(void *)((char *)timer - offset);
}

static void expire_fired(struct cv_timer *timer, uint64_t now_ms)
{
	struct ike_sa *sa = sa_of(timer, offsetof(struct ike_sa, expire));

	(void)now_ms;
	if (sa->hs && sa->hs->attempt)
		ike_attempt_rung_failed(sa, "no TCP connection came about");
	else if (sa->state == IKE_SA_DELETING)
		ike_sa_close(sa, sa->delete_why ? sa->delete_why : "deleted");
	else if (sa->state != IKE_SA_ESTABLISHED)
		ike_sa_close(sa, "IKE_AUTH was not finished in time");
	else if (sa->stream_lost)
		ike_sa_close(sa, "the TCP connection was lost and did not come back");
	else if (sa->standby)
		ike_conn_delete_sa(sa, "another way to the peer is in use");
	else if (sa->rekeyed || ike_conn_has_other(sa))
		ike_conn_delete_sa(sa, "another IKE SA took its place");
}

static void retransmit_fired(struct cv_timer *timer, uint64_t now_ms)
{
	(void)now_ms;
	ike_task_overdue(sa_of(timer, offsetof(struct ike_sa, retransmit)));
}

static void liveness_fired(struct cv_timer *timer, uint64_t now_ms)
{
	(void)now_ms;
	ike_liveness_due(sa_of(timer, offsetof(struct ike_sa, liveness)));
}

static void keepalive_fired(struct cv_timer *timer, uint64_t now_ms)
{
	(void)now_ms;
	ike_keepalive_due(sa_of(timer, offsetof(struct ike_sa, keepalive)));
}

enum cv_err ike_sa_new(struct ike_connection *conn, struct ike_policy *policy, bool initiator,
		       struct ike_sa **out)
{
	struct ike_engine *e = conn->engine;
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return CV_E_NOMEM;
	do
		ike_core_random(e, (uint8_t *)&sa->spi_local, sizeof(sa->spi_local));
	while (!sa->spi_local || ike_sa_find(e, sa->spi_local));
	if (cv_table_put(e->sas, sa)) {
		free(sa);
		return CV_E_NOMEM;
	}
	sa->engine = e;
	sa->initiator = initiator;
	sa->created_ms = sa->path_since_ms = sa->last_in_ms = sa->last_out_ms = e->now_ms;
	sa->policy = ike_policy_hold(policy);
	sa->complaints = (struct cv_log_limit){ .burst = 5, .interval_ms = 60000 };
	sa->retransmit.fire = retransmit_fired;
	sa->expire.fire = expire_fired;
	sa->liveness.fire = liveness_fired;
	sa->keepalive.fire = keepalive_fired;
	ike_conn_adopt(conn, sa);
	*out = sa;
	return CV_OK;
}

struct ike_sa *ike_sa_find(const struct ike_engine *e, uint64_t spi_local)
{
	return cv_table_get(e->sas, cv_bytes(&spi_local, sizeof(spi_local)));
}

bool ike_sa_set_state(struct ike_sa *sa, uint8_t state)
{
	if (state > IKE_SA_CLOSED || !(moves[sa->state] & 1u << state)) {
		ike_sa_log(sa, CV_LOG_ERROR, "an IKE SA cannot go from %s to %s",
			   ike_sa_state_name(sa->state), ike_sa_state_name(state));
		return false;
	}
	ike_sa_log(sa, CV_LOG_DEBUG, "IKE SA %s -> %s", ike_sa_state_name(sa->state),
		   ike_sa_state_name(state));
	sa->state = state;
	return true;
}

enum cv_err ike_sa_handshake(struct ike_sa *sa)
{
	sa->hs = calloc(1, sizeof(*sa->hs));
	if (!sa->hs)
		return CV_E_NOMEM;
	ike_core_random(sa->engine, sa->hs->nonce, sizeof(sa->hs->nonce));
	return CV_OK;
}

void ike_sa_handshake_free(struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->hs;

	if (!hs)
		return;
	ike_want_cancel(sa->engine, &hs->want);
	crypto_ke_free(hs->ke);
	cv_secret_free(&hs->secret);
	free(hs->init_i);
	free(hs->init_r);
	free(hs->peer_nonce);
	free(hs->request);
	cv_wipe(hs, sizeof(*hs));
	free(hs);
	sa->hs = NULL;
}

enum cv_err ike_sa_set_keys(struct ike_sa *sa, const struct ike_keys_input *input, const struct ike_sa *old)
{
	enum cv_err err;

	if (old)
		err = ike_keys_rekey(&sa->keys, &sa->suite, input, old->suite.prf, &old->keys);
	else
		err = ike_keys_derive(&sa->keys, &sa->suite, input);
	if (!err)
		err = ike_keys_sk(&sa->keys, &sa->suite, sa->initiator, &sa->sk_out);
	if (!err)
		err = ike_keys_sk(&sa->keys, &sa->suite, !sa->initiator, &sa->sk_in);
	return err;
}

static void halfopen_over(struct ike_sa *sa)
{
	if (sa->halfopen)
		sa->engine->halfopen--;
	sa->halfopen = false;
}

bool ike_sa_established(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;

	if (!ike_sa_set_state(sa, IKE_SA_ESTABLISHED))
		return false;
	halfopen_over(sa);
	cv_timer_cancel(&e->timers, &sa->expire);
	sa->established_ms = e->now_ms;
	ike_conn_raise(sa);
	e->counters.sas_established++;
	ike_liveness_start(sa);
	return true;
}

void ike_sa_set_path(struct ike_sa *sa, const struct ike_path *path)
{
	bool moved = sa->path.transport != path->transport || sa->path.stream_id != path->stream_id ||
		     !cv_addr_equal(&sa->path.local, &path->local) ||
		     !cv_addr_equal(&sa->path.remote, &path->remote);

	if (!moved)
		return;
	if (sa->state == IKE_SA_ESTABLISHED) {
		char text[CV_ADDR_TEXT_MAX];

		ike_sa_log(sa, CV_LOG_NOTICE, "the peer is now at %s %s", ike_transport_name(path->transport),
			   cv_addr_text(&path->remote, text));
		sa->path_since_ms = sa->engine->now_ms;
	}
	sa->path = *path;
	ike_stream_bind(sa);
	ike_child_follow(sa);
}

void ike_sa_arm(struct ike_sa *sa, struct cv_timer *timer, uint64_t due_ms)
{
	if (!sa->dead && cv_timer_set(&sa->engine->timers, timer, due_ms) != CV_OK)
		ike_sa_close(sa, "out of memory");
}

void ike_sa_heard(struct ike_sa *sa)
{
	sa->last_in_ms = sa->engine->now_ms;
	sa->usage_asked = false;
}

static void stop_timers(struct ike_sa *sa)
{
	struct cv_timerq *q = &sa->engine->timers;

	cv_timer_cancel(q, &sa->retransmit);
	cv_timer_cancel(q, &sa->expire);
	cv_timer_cancel(q, &sa->liveness);
	cv_timer_cancel(q, &sa->keepalive);
}

void ike_sa_close(struct ike_sa *sa, const char *why)
{
	struct ike_engine *e = sa->engine;
	uint8_t was = sa->state;

	if (sa->dead)
		return;
	sa->dead = true;
	sa->dead_next = e->dead;
	e->dead = sa;
	ike_sa_set_state(sa, IKE_SA_CLOSED);
	/* Of one that never stood others tell, at a limited rate; of one that lingers it was said before. */
	ike_sa_log(sa, sa->established_ms && !sa->ended ? CV_LOG_NOTICE : CV_LOG_DEBUG, "IKE SA ended: %s",
		   why);
	if (!sa->established_ms)
		e->counters.sas_failed++;
	halfopen_over(sa);
	stop_timers(sa);
	ike_child_drop_all(sa);
	cv_table_remove(e->sas, cv_bytes(&sa->spi_local, sizeof(sa->spi_local)));
	if (sa->in_inits)
		cv_table_remove(e->inits, cv_bytes(sa->init_digest, IKE_INIT_DIGEST_LEN));
	ike_index_remove(&e->by_identity, &sa->by_identity);
	if (sa->hs)
		ike_want_cancel(e, &sa->hs->want);
	ike_conn_sa_ended(sa, was, why);
}

void ike_sa_linger(struct ike_sa *sa, const char *why)
{
	uint8_t was = sa->state;

	/* Deletes have crossed: ours is still to be answered, or runs out of time (R7296-2.25.2-2). */
	if (was == IKE_SA_DELETING)
		return;
	/* A stream has delivered, or is gone: nobody will ask again. */
	if (sa->path.transport == IKE_TCP || !ike_sa_set_state(sa, IKE_SA_DELETING)) {
		ike_sa_close(sa, why);
		return;
	}
	ike_sa_log(sa, sa->established_ms ? CV_LOG_NOTICE : CV_LOG_DEBUG, "IKE SA ends: %s", why);
	/* One that was never established goes on to count, so that bad guesses cannot fill the memory. */
	if (sa->established_ms)
		halfopen_over(sa);
	stop_timers(sa);
	ike_task_drop_all(sa);
	ike_child_drop_all(sa);
	ike_index_remove(&sa->engine->by_identity, &sa->by_identity);
	ike_sa_arm(sa, &sa->expire, sa->engine->now_ms + IKE_LINGER_MS);
	ike_conn_sa_ended(sa, was, why);
}

static struct cv_bytes identity_key(const struct ike_sa *sa, uint8_t *buf, size_t cap)
{
	struct cv_writer w = cv_writer(buf, cap);

	cv_writer_u8(&w, sa->local_id->type);
	cv_writer_u16(&w, sa->local_id->len);
	cv_writer_put(&w, cv_bytes(sa->local_id->data, sa->local_id->len));
	cv_writer_u8(&w, sa->remote_id->type);
	cv_writer_put(&w, cv_bytes(sa->remote_id->data, sa->remote_id->len));
	return cv_writer_bytes(&w);
}

/* INITIAL_CONTACT speaks of what stood when the peer began: other connections and rungs of the same peer that
 * were being made meanwhile are not meant. Without it only an IKE SA of the same connection is replaced, and
 * not one that was established a moment ago: that may be the peer's other rung, which the peer will end by
 * itself. */
static bool replaces(const struct ike_sa *sa, const struct ike_sa *old, bool initial_contact)
{
	if (old->state != IKE_SA_ESTABLISHED || old->rekeyed)
		return false;
	if (initial_contact)
		return old->established_ms < sa->created_ms;
	return sa->engine->config.uniqueids && old->conn == sa->conn && old->created_ms <= sa->created_ms &&
	       sa->engine->now_ms - old->established_ms >= IKE_UNIQUE_GRACE_MS;
}

/* Both ends began at the same time: one of the two is enough. Who began the one whose initiator's SPI is
 * lower ends it, a little later, when the other one has shown that it is there to stay. */
static void end_crossed(struct ike_sa *sa, struct ike_sa *other)
{
	struct ike_sa *ours = sa->initiator ? sa : other, *theirs = sa->initiator ? other : sa;

	if (sa->initiator == other->initiator || other->state != IKE_SA_ESTABLISHED || other->rekeyed ||
	    other->conn != sa->conn || !sa->engine->config.uniqueids || ours->standby)
		return;
	if (ours->spi_local < theirs->spi_remote)
		ike_sa_arm(ours, &ours->expire, sa->engine->now_ms + IKE_STANDBY_MS);
}

static void meet_twins(struct ike_sa *sa, struct ike_link *link, bool initial_contact)
{
	while (link) {
		struct ike_sa *old = link->object;

		link = link->next;
		if (!replaces(sa, old, initial_contact))
			end_crossed(sa, old);
		/* With INITIAL_CONTACT the peer has said that it knows nothing of the old one. */
		else if (initial_contact)
			ike_sa_close(old, "the peer started afresh (INITIAL_CONTACT)");
		else
			ike_conn_delete_sa(old,
					   "a newer IKE SA of the same peer replaces it (uniqueids=yes)");
	}
}

enum cv_err ike_sa_identify(struct ike_sa *sa, bool initial_contact)
{
	uint8_t buf[2 * (IKE_ID_MAX + 4)];
	struct cv_bytes key = identity_key(sa, buf, sizeof(buf));
	enum cv_err err = ike_index_add(&sa->engine->by_identity, key, &sa->by_identity, sa);

	/* An identity that is not proven must not end anybody's IKE SA (RFC 7619 section 2.3). */
	if (!err && !sa->auth_null)
		meet_twins(sa, sa->by_identity.next, initial_contact);
	return err;
}

static bool busy(const struct ike_connection *conn, const struct ike_sa *but)
{
	for (const struct ike_sa *sa = conn->sas; sa; sa = sa->conn_next) {
		if (sa != but && (sa->state == IKE_SA_ESTABLISHED || sa->state == IKE_SA_AUTH_SENT))
			return true;
	}
	return false;
}

bool ike_sa_is_first_contact(const struct ike_sa *sa)
{
	const struct ike_link *link = ike_conn_of_peer(sa->engine, &sa->policy->conn.remote_ip);

	for (; link; link = link->next) {
		if (busy(link->object, sa))
			return false;
	}
	return true;
}

static void sa_free(struct ike_sa *sa)
{
	ike_stream_unbind(sa);
	ike_conn_release(sa);
	ike_task_drop_all(sa);
	ike_sa_handshake_free(sa);
	ike_keys_wipe(&sa->keys);
	crypto_sk_free(sa->sk_in);
	crypto_sk_free(sa->sk_out);
	ike_policy_drop(sa->policy);
	free(sa->response);
	free(sa->local_id);
	free(sa->remote_id);
	free(sa->child_error);
	free(sa->why);
	cv_wipe(sa, sizeof(*sa));
	free(sa);
}

void ike_sa_reap(struct ike_engine *e)
{
	while (e->dead) {
		struct ike_sa *sa = e->dead;

		e->dead = sa->dead_next;
		sa_free(sa);
	}
}
