#include "ike/engine.h"

#include <stdlib.h>
#include <string.h>

#include "ike/attempt.h"
#include "ike/child.h"
#include "ike/conn.h"
#include "ike/create_child.h"
#include "ike/delete.h"
#include "ike/liveness.h"
#include "ike/output.h"
#include "ike/receive.h"
#include "ike/sa.h"
#include "ike/stream.h"

static struct cv_bytes sa_key(const void *object)
{
	const struct ike_sa *sa = object;

	return cv_bytes(&sa->spi_local, sizeof(sa->spi_local));
}

static struct cv_bytes init_key(const void *object)
{
	return cv_bytes(((const struct ike_sa *)object)->init_digest, IKE_INIT_DIGEST_LEN);
}

static struct cv_bytes child_key(const void *object)
{
	const struct ike_child *child = object;

	return cv_bytes(&child->spi_in, sizeof(child->spi_in));
}

static struct cv_bytes conn_key(const void *object)
{
	const struct ike_connection *conn = object;

	return cv_bytes(conn->name, strlen(conn->name));
}

static struct cv_bytes want_key(const void *object)
{
	const struct ike_want *want = object;

	return cv_bytes(&want->id, sizeof(want->id));
}

static struct cv_bytes stream_key(const void *object)
{
	const struct ike_stream *stream = object;

	return cv_bytes(&stream->id, sizeof(stream->id));
}

static enum cv_err make_tables(struct ike_engine *e)
{
	const struct {
		struct cv_table **table;
		struct cv_bytes (*key_of)(const void *object);
	} tables[] = { { &e->sas, sa_key },	{ &e->inits, init_key }, { &e->children, child_key },
		       { &e->conns, conn_key }, { &e->wants, want_key }, { &e->streams, stream_key } };
	uint8_t seed[16];
	enum cv_err err = CV_OK;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !err; i++) {
		ike_core_random(e, seed, sizeof(seed));
		err = cv_table_new(tables[i].table, tables[i].key_of, seed);
	}
	ike_core_random(e, seed, sizeof(seed));
	if (!err)
		err = ike_index_init(&e->by_peer, seed);
	ike_core_random(e, seed, sizeof(seed));
	if (!err)
		err = ike_index_init(&e->by_identity, seed);
	return err;
}

enum cv_err ike_engine_new(const struct ike_engine_config *config, uint64_t now_ms, struct ike_engine **out)
{
	struct ike_engine *e = calloc(1, sizeof(*e));
	enum cv_err err;

	if (!e)
		return CV_E_NOMEM;
	e->config = *config;
	e->now_ms = now_ms;
	e->strange = (struct cv_log_limit){ .burst = 5, .interval_ms = 10000 };
	e->refused = (struct cv_log_limit){ .burst = 5, .interval_ms = 10000 };
	err = make_tables(e);
	if (err) {
		ike_engine_free(e);
		return err;
	}
	*out = e;
	return CV_OK;
}

void ike_engine_free(struct ike_engine *e)
{
	if (!e)
		return;
	if (e->conns && e->sas)
		ike_conn_free_all(e);
	cv_timerq_free(&e->timers);
	if (e->streams)
		ike_stream_free_all(e);
	ike_out_clear(e);
	ike_index_free(&e->by_peer);
	ike_index_free(&e->by_identity);
	cv_table_free(e->sas);
	cv_table_free(e->inits);
	cv_table_free(e->children);
	cv_table_free(e->conns);
	cv_table_free(e->wants);
	cv_table_free(e->streams);
	cv_wipe(e, sizeof(*e));
	free(e);
}

/* --- events --- */

static enum cv_err secret(struct ike_engine *e, const struct ike_event *event)
{
	struct ike_want *want =
	    cv_table_remove(e->wants, cv_bytes(&event->request_id, sizeof(event->request_id)));

	if (!want)
		return CV_E_NOTFOUND;
	want->id = 0;
	want->answer(want, event->found, event->secret);
	return CV_OK;
}

static void child_usage(struct ike_engine *e, const struct ike_event *event)
{
	struct ike_child *child = ike_child_by_spi_in(e, event->spi_in);

	if (child)
		ike_liveness_usage(child->sa, event->last_in_ms, event->last_out_ms);
}

static void child_moved(struct ike_engine *e, const struct ike_event *event)
{
	struct ike_child *child = ike_child_by_spi_in(e, event->spi_in);

	if (child)
		ike_receive_moved(child->sa, &event->path);
}

/* The plane has no use for it: the peer is told, and so are those who wait. */
static void child_failed(struct ike_engine *e, uint32_t spi_in)
{
	struct ike_child *child = ike_child_by_spi_in(e, spi_in);
	struct ike_sa *sa;

	if (!child || child->state != IKE_CHILD_INSTALLED)
		return;
	sa = child->sa;
	ike_create_child_failed(sa, child->index,
				"this host could not set it up; the log of the data plane says why");
	ike_delete_child_start(child);
	if (!sa->dead)
		ike_conn_settle(sa->conn);
}

static enum cv_err handle(struct ike_engine *e, const struct ike_event *event)
{
	switch (event->type) {
	case IKE_EV_MESSAGE: ike_receive(e, &event->path, event->message); return CV_OK;
	case IKE_EV_STREAM_OPENED: ike_stream_opened(e, &event->path); return CV_OK;
	case IKE_EV_STREAM_FAILED: ike_stream_failed(e, &event->path, event->os_error); return CV_OK;
	case IKE_EV_STREAM_LOST: ike_stream_lost(e, &event->path, event->os_error); return CV_OK;
	case IKE_EV_UDP_REFUSED: ike_attempt_udp_refused(e, &event->path, event->os_error); return CV_OK;
	case IKE_EV_UP:
	case IKE_EV_ACQUIRE: return ike_conn_up(e, event);
	case IKE_EV_DOWN: return ike_conn_down(e, event->conn, event->request_id);
	case IKE_EV_CONN_SET: return event->policy ? ike_conn_set(e, event->policy) : CV_E_STATE;
	case IKE_EV_CONN_REMOVE: return ike_conn_remove(e, event->conn);
	case IKE_EV_SECRET: return secret(e, event);
	case IKE_EV_CHILD_USAGE: child_usage(e, event); return CV_OK;
	case IKE_EV_CHILD_FAILED: child_failed(e, event->spi_in); return CV_OK;
	case IKE_EV_CHILD_MOVED: child_moved(e, event); return CV_OK;
	case IKE_EV_CHILD_ERROR: ike_stream_bad(e, &event->path); return CV_OK;
	case IKE_EV_SHUTDOWN: ike_conn_shutdown(e); return CV_OK;
	case IKE_EV_ADDRESSES: return CV_OK;
	default: return CV_E_UNSUPPORTED;
	}
}

/* What ends a call: nothing that was closed during it stays. */
static void settle(struct ike_engine *e)
{
	ike_sa_reap(e);
	if (e->stopping && !e->idle_said && e->open_sas == 0) {
		e->idle_said = true;
		ike_out_idle(e);
	}
}

enum cv_err ike_engine_event(struct ike_engine *e, uint64_t now_ms, const struct ike_event *event)
{
	enum cv_err err;

	e->now_ms = now_ms;
	err = handle(e, event);
	settle(e);
	return err;
}

uint64_t ike_engine_next_ms(const struct ike_engine *e)
{
	return cv_timerq_next_ms(&e->timers);
}

void ike_engine_tick(struct ike_engine *e, uint64_t now_ms)
{
	e->now_ms = now_ms;
	cv_timerq_run(&e->timers, now_ms);
	settle(e);
}
