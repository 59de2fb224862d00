#include "ike/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/attempt.h"
#include "ike/output.h"
#include "ike/sa.h"
#include "ike/sa_init.h"

const char *ike_transport_name(uint8_t transport)
{
	return transport == IKE_TCP ? "TCP" : "UDP";
}

const char *ike_errno_text(int os_error)
{
	const char *text = os_error ? strerrordesc_np(os_error) : "the other end closed it";

	return text ? text : "unknown error";
}

static struct ike_stream *find(const struct ike_engine *e, uint64_t id)
{
	return cv_table_get(e->streams, cv_bytes(&id, sizeof(id)));
}

static void stream_free(struct ike_stream *s)
{
	struct ike_engine *e = s->engine;

	while (s->sas) {
		struct ike_sa *sa = s->sas;

		s->sas = sa->stream_next;
		sa->stream = NULL;
		sa->stream_next = sa->stream_prev = NULL;
	}
	cv_timer_cancel(&e->timers, &s->idle);
	cv_table_remove(e->streams, cv_bytes(&s->id, sizeof(s->id)));
	free(s);
}

static void stream_close(struct ike_stream *s)
{
	struct ike_path path = { .transport = IKE_TCP, .stream_id = s->id };

	ike_out_stream_close(s->engine, &path);
	stream_free(s);
}

static void idle_fired(struct cv_timer *timer, uint64_t now_ms)
{
	struct ike_stream *s =
	    (struct ike_stream *)(void *)((char *)timer - offsetof(struct ike_stream, idle));

	(void)now_ms;
	stream_close(s);
}

static void arm_idle(struct ike_stream *s)
{
	if (cv_timer_set(&s->engine->timers, &s->idle, s->engine->now_ms + IKE_STREAM_IDLE_MS) != CV_OK)
		stream_close(s);
}

static struct ike_stream *make(struct ike_engine *e, uint64_t id, bool ours)
{
	struct ike_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->engine = e;
	s->id = id;
	s->ours = ours;
	s->open = !ours;
	s->idle.fire = idle_fired;
	if (cv_table_put(e->streams, s)) {
		free(s);
		return NULL;
	}
	return s;
}

enum cv_err ike_stream_dial(struct ike_engine *e, struct ike_path *path)
{
	path->stream_id = ++e->next_stream;
	if (!make(e, path->stream_id, true))
		return CV_E_NOMEM;
	ike_out_stream_open(e, path);
	return CV_OK;
}

static void take_off(struct ike_sa *sa)
{
	struct ike_stream *s = sa->stream;

	if (sa->stream_prev)
		sa->stream_prev->stream_next = sa->stream_next;
	else
		s->sas = sa->stream_next;
	if (sa->stream_next)
		sa->stream_next->stream_prev = sa->stream_prev;
	sa->stream_next = sa->stream_prev = NULL;
	sa->stream = NULL;
}

void ike_stream_unbind(struct ike_sa *sa)
{
	struct ike_stream *s = sa->stream;

	if (!s)
		return;
	take_off(sa);
	if (s->sas)
		return;
	/* R9329-6.1-6: who dialled closes; R9329-6.1-7: the other one gives it some seconds to do so. */
	if (s->ours)
		stream_close(s);
	else
		arm_idle(s);
}

void ike_stream_bind(struct ike_sa *sa)
{
	struct ike_engine *e = sa->engine;
	struct ike_stream *s;

	if (sa->path.transport != IKE_TCP) {
		ike_stream_unbind(sa);
		return;
	}
	s = find(e, sa->path.stream_id);
	if (!s)
		s = make(e, sa->path.stream_id, false);
	if (!s || s == sa->stream)
		return;
	ike_stream_unbind(sa);
	cv_timer_cancel(&e->timers, &s->idle);
	sa->stream = s;
	sa->stream_next = s->sas;
	if (s->sas)
		s->sas->stream_prev = sa;
	s->sas = sa;
	if (sa->stream_lost) {
		sa->stream_lost = false;
		cv_timer_cancel(&e->timers, &sa->expire);
	}
}

void ike_stream_seen(struct ike_engine *e, const struct ike_path *path)
{
	struct ike_stream *s;

	if (path->transport != IKE_TCP || find(e, path->stream_id))
		return;
	s = make(e, path->stream_id, false);
	if (s)
		arm_idle(s);
}

void ike_stream_good(struct ike_engine *e, const struct ike_path *path)
{
	struct ike_stream *s = path->transport == IKE_TCP ? find(e, path->stream_id) : NULL;

	if (s)
		s->bad = 0;
}

void ike_stream_bad(struct ike_engine *e, const struct ike_path *path)
{
	struct ike_stream *s;

	if (path->transport != IKE_TCP)
		return;
	ike_stream_seen(e, path);
	s = find(e, path->stream_id);
	if (!s || ++s->bad < IKE_STREAM_BAD_MAX)
		return;
	cv_log(CV_LOG_NOTICE, "ike", NULL,
	       "closing a TCP connection: %d broken messages in a row came over it", s->bad);
	ike_out_stream_close(e, path);
	ike_stream_lost(e, path, 0);
}

bool ike_stream_free_for_init(struct ike_engine *e, const struct ike_path *path)
{
	struct ike_stream *s = path->transport == IKE_TCP ? find(e, path->stream_id) : NULL;
	struct ike_sa *next;

	if (!s)
		return true;
	if (s->ours)
		return false;
	/* Each costs us a key exchange, and over TCP nobody is asked for a cookie. */
	if (s->inits == IKE_STREAM_INITS_MAX)
		return false;
	s->inits++;
	for (struct ike_sa *sa = s->sas; sa; sa = sa->stream_next) {
		if (sa->state != IKE_SA_INIT_DONE || sa->waiting)
			return false;
	}
	for (struct ike_sa *sa = s->sas; sa; sa = next) {
		next = sa->stream_next;
		ike_sa_close(sa, "the peer began anew on the same TCP connection");
	}
	return true;
}

void ike_stream_opened(struct ike_engine *e, const struct ike_path *path)
{
	struct ike_stream *s = find(e, path->stream_id);

	if (!s || s->open)
		return;
	s->open = true;
	if (s->sas)
		ike_attempt_stream_opened(s->sas, path);
	else
		stream_close(s);
}

void ike_stream_failed(struct ike_engine *e, const struct ike_path *path, int os_error)
{
	struct ike_stream *s = find(e, path->stream_id);
	struct ike_sa *sa = s ? s->sas : NULL;
	char text[160];

	if (!s)
		return;
	stream_free(s);
	snprintf(text, sizeof(text), "could not connect (%s)", ike_errno_text(os_error));
	if (sa)
		ike_attempt_rung_failed(sa, text);
}

static void sa_lost(struct ike_sa *sa, int os_error)
{
	char text[200];

	snprintf(text, sizeof(text), "the TCP connection was lost (%s)", ike_errno_text(os_error));
	if (sa->state == IKE_SA_ESTABLISHED) {
		/* R9329-6.1-8: what was agreed on outlives the stream. */
		ike_sa_log(sa, CV_LOG_WARNING, "%s; waiting %u s for it to come back", text,
			   sa->policy->conn.retransmit_timeout_ms / 1000);
		sa->stream_lost = true;
		ike_sa_arm(sa, &sa->expire, sa->engine->now_ms + sa->policy->conn.retransmit_timeout_ms);
	} else if (sa->hs && sa->hs->attempt && ike_init_redial(sa)) {
		return;
	} else if (sa->hs && sa->hs->attempt) {
		ike_attempt_rung_failed(sa, text);
	} else {
		ike_sa_close(sa, text);
	}
}

void ike_stream_lost(struct ike_engine *e, const struct ike_path *path, int os_error)
{
	struct ike_stream *s = find(e, path->stream_id);

	if (!s)
		return;
	while (s->sas) {
		struct ike_sa *sa = s->sas;

		take_off(sa);
		sa_lost(sa, os_error);
	}
	stream_free(s);
}

static bool free_one(void *arg, void *object)
{
	(void)arg;
	free(object);
	return true;
}

void ike_stream_free_all(struct ike_engine *e)
{
	cv_table_each(e->streams, free_one, NULL);
}
