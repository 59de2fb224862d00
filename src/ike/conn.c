#include "ike/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/attempt.h"
#include "ike/auth.h"
#include "ike/child.h"
#include "ike/create_child.h"
#include "ike/delete.h"
#include "ike/output.h"
#include "ike/sa.h"
#include "ike/stream.h"
#include "ike/task.h"

struct ike_connection *ike_conn_find(const struct ike_engine *e, const char *name)
{
	return cv_table_get(e->conns, cv_bytes(name, strnlen(name, IKE_NAME_MAX)));
}

/* --- which connection for a peer --- */

static struct cv_bytes peer_key(const struct cv_ip *ip, uint8_t buf[17])
{
	size_t len = cv_ip_is_any(ip) ? 0 : cv_ip_len(ip);

	buf[0] = len ? ip->family : CV_FAMILY_NONE;
	memcpy(buf + 1, ip->b, len);
	return cv_bytes(buf, 1 + len);
}

static bool fits(const struct ike_connection *conn, const struct ike_path *path)
{
	const struct ike_conn *c = &conn->policy->conn;

	if (path->transport == IKE_TCP ? !c->accept_tcp : !c->accept_udp)
		return false;
	return cv_ip_is_any(&c->local_ip) || cv_ip_equal(&c->local_ip, &path->local.ip);
}

struct ike_link *ike_conn_of_peer(const struct ike_engine *e, const struct cv_ip *ip)
{
	uint8_t buf[17];

	return ike_index_first(&e->by_peer, peer_key(ip, buf));
}

struct ike_connection *ike_conn_next(const struct ike_engine *e, const struct ike_path *path,
				     struct ike_conn_walk *walk)
{
	const struct cv_ip anybody = { .family = CV_FAMILY_NONE };

	for (;;) {
		if (walk->link)
			walk->link = walk->link->next;
		while (!walk->link && walk->stage < 2) {
			const struct cv_ip *ip = walk->stage == 0 ? &path->remote.ip : &anybody;

			walk->link = ike_conn_of_peer(e, ip);
			walk->stage++;
		}
		if (!walk->link)
			return NULL;
		if (fits(walk->link->object, path))
			return walk->link->object;
	}
}

/* --- life --- */

static struct ike_connection *conn_new(struct ike_engine *e, const char *name)
{
	struct ike_connection *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->engine = e;
	snprintf(conn->name, sizeof(conn->name), "%s", name);
	if (cv_table_put(e->conns, conn)) {
		free(conn);
		return NULL;
	}
	return conn;
}

static void waiters_free(struct ike_waiter **list)
{
	while (*list) {
		struct ike_waiter *w = *list;

		*list = w->next;
		free(w);
	}
}

static void conn_free(struct ike_connection *conn)
{
	ike_index_remove(&conn->engine->by_peer, &conn->by_peer);
	waiters_free(&conn->up_waiters);
	waiters_free(&conn->down_waiters);
	ike_policy_drop(conn->policy);
	free(conn->last_error);
	free(conn);
}

static void free_when_done(struct ike_connection *conn)
{
	if (conn->removed && !conn->sas && !conn->attempt)
		conn_free(conn);
}

/* Out of the table, and freed with the last IKE SA. */
static void conn_forget(struct ike_connection *conn)
{
	cv_table_remove(conn->engine->conns, cv_bytes(conn->name, strlen(conn->name)));
	ike_index_remove(&conn->engine->by_peer, &conn->by_peer);
	conn->removed = true;
	free_when_done(conn);
}

enum cv_err ike_conn_set(struct ike_engine *e, const struct ike_conn *wanted)
{
	struct ike_connection *conn = ike_conn_find(e, wanted->name);
	struct ike_policy *policy = malloc(sizeof(*policy));
	uint8_t buf[17];

	if (!policy)
		return CV_E_NOMEM;
	policy->refs = 1;
	policy->conn = *wanted;
	if (!conn)
		conn = conn_new(e, wanted->name);
	if (!conn || ike_index_add(&e->by_peer, peer_key(&wanted->remote_ip, buf), &conn->by_peer, conn)) {
		free(policy);
		if (conn && !conn->policy)
			conn_forget(conn);
		return CV_E_NOMEM;
	}
	ike_policy_drop(conn->policy);
	conn->policy = policy;
	return CV_OK;
}

static bool waiter_add(struct ike_waiter **list, uint64_t request_id)
{
	struct ike_waiter *w;

	if (!request_id)
		return true;
	w = calloc(1, sizeof(*w));
	if (!w)
		return false;
	w->request_id = request_id;
	w->next = *list;
	*list = w;
	return true;
}

/* Tells everybody on the list, or nobody in particular when it is empty. */
static void tell(struct ike_connection *conn, struct ike_waiter **list, uint8_t kind, const char *text,
		 bool last)
{
	if (!*list)
		ike_out_report(conn->engine, kind, conn->name, 0, text);
	for (const struct ike_waiter *w = *list; w; w = w->next)
		ike_out_report(conn->engine, kind, conn->name, w->request_id, text);
	if (last)
		waiters_free(list);
}

void ike_conn_progress(struct ike_connection *conn, const char *text)
{
	struct cv_log_ctx ctx = { .conn = conn->name };

	cv_log(CV_LOG_INFO, "ike", &ctx, "%s", text);
	tell(conn, &conn->up_waiters, IKE_REPORT_PROGRESS, text, false);
}

void ike_conn_failed(struct ike_connection *conn, const char *text)
{
	struct cv_log_ctx ctx = { .conn = conn->name };

	cv_log(CV_LOG_ERROR, "ike", &ctx, "%s", text);
	ike_core_set_text(&conn->last_error, text);
	tell(conn, &conn->up_waiters, IKE_REPORT_FAILED, text, true);
}

/* --- the IKE SAs of a connection --- */

static void link_first(struct ike_connection *conn, struct ike_sa *sa)
{
	sa->conn_prev = NULL;
	sa->conn_next = conn->sas;
	if (conn->sas)
		conn->sas->conn_prev = sa;
	else
		conn->sas_last = sa;
	conn->sas = sa;
}

static void link_last(struct ike_connection *conn, struct ike_sa *sa)
{
	sa->conn_next = NULL;
	sa->conn_prev = conn->sas_last;
	if (conn->sas_last)
		conn->sas_last->conn_next = sa;
	else
		conn->sas = sa;
	conn->sas_last = sa;
}

static void unlink_sa(struct ike_sa *sa)
{
	if (sa->conn_prev)
		sa->conn_prev->conn_next = sa->conn_next;
	else
		sa->conn->sas = sa->conn_next;
	if (sa->conn_next)
		sa->conn_next->conn_prev = sa->conn_prev;
	else
		sa->conn->sas_last = sa->conn_prev;
	sa->conn_next = sa->conn_prev = NULL;
}

void ike_conn_adopt(struct ike_connection *conn, struct ike_sa *sa)
{
	sa->conn = conn;
	link_last(conn, sa);
	conn->engine->open_sas++;
}

void ike_conn_raise(struct ike_sa *sa)
{
	unlink_sa(sa);
	link_first(sa->conn, sa);
}

void ike_conn_move(struct ike_connection *conn, struct ike_sa *sa)
{
	struct ike_connection *old = sa->conn;

	if (old == conn)
		return;
	unlink_sa(sa);
	conn->engine->open_sas--;
	ike_conn_adopt(conn, sa);
	ike_policy_drop(sa->policy);
	sa->policy = ike_policy_hold(conn->policy);
	free_when_done(old);
}

void ike_conn_release(struct ike_sa *sa)
{
	struct ike_connection *conn = sa->conn;

	unlink_sa(sa);
	sa->conn = NULL;
	free_when_done(conn);
}

struct ike_sa *ike_conn_sa(const struct ike_connection *conn)
{
	for (struct ike_sa *sa = conn->sas; sa; sa = sa->conn_next) {
		if (sa->state == IKE_SA_ESTABLISHED && !sa->standby && !sa->rekeyed && !sa->stream_lost)
			return sa;
	}
	return NULL;
}

bool ike_conn_has_other(const struct ike_sa *but)
{
	for (const struct ike_sa *sa = but->conn->sas; sa; sa = sa->conn_next) {
		if (sa != but && sa->state == IKE_SA_ESTABLISHED && !sa->standby && !sa->rekeyed &&
		    sa->child_count)
			return true;
	}
	return false;
}

/* Is anything left that a user would call up? */
static bool anything_left(const struct ike_connection *conn)
{
	for (const struct ike_sa *sa = conn->sas; sa; sa = sa->conn_next) {
		if (!sa->ended && sa->established_ms && !sa->standby)
			return true;
	}
	return false;
}

static struct ike_sa *find_standby(const struct ike_connection *conn)
{
	for (struct ike_sa *sa = conn->sas; sa; sa = sa->conn_next) {
		if (sa->state == IKE_SA_ESTABLISHED && sa->standby)
			return sa;
	}
	return NULL;
}

bool ike_conn_promote(struct ike_connection *conn)
{
	struct ike_sa *sa = conn->wanted ? find_standby(conn) : NULL;

	if (!sa)
		return false;
	sa->standby = false;
	cv_timer_cancel(&conn->engine->timers, &sa->expire);
	ike_sa_log(sa, CV_LOG_NOTICE, "taking over: the peer has ended the other IKE SA");
	ike_child_install_held(sa);
	ike_create_child_missing(sa, IKE_CHILD_ALL);
	ike_conn_settle(conn);
	return true;
}

static bool any_deleting(const struct ike_connection *conn)
{
	for (const struct ike_sa *sa = conn->sas; sa; sa = sa->conn_next) {
		if (!sa->ended && sa->state == IKE_SA_DELETING)
			return true;
	}
	return false;
}

/* One IKE SA of several is gone: whoever waited for it gets an answer from those that are left. */
static void carry_on(struct ike_connection *conn, const char *why)
{
	struct ike_sa *sa = ike_conn_sa(conn);

	if (conn->down_waiters && !any_deleting(conn))
		tell(conn, &conn->down_waiters, IKE_REPORT_DOWN, "down", true);
	if (!conn->up_waiters || conn->attempt)
		return;
	if (sa) {
		ike_create_child_missing(sa, IKE_CHILD_ALL);
		ike_conn_settle(conn);
	} else {
		ike_conn_failed(conn, why);
	}
}

void ike_conn_sa_ended(struct ike_sa *sa, uint8_t was, const char *why)
{
	struct ike_connection *conn = sa->conn;
	bool failed = was != IKE_SA_DELETING;
	char text[400];

	if (sa->ended)
		return;
	sa->ended = true;
	conn->engine->open_sas--;
	if (sa->hs && sa->hs->attempt) {
		ike_attempt_sa_ended(sa, why);
		return;
	}
	if (!sa->established_ms || sa->standby || sa->rekeyed)
		return;
	if (anything_left(conn)) {
		carry_on(conn, why);
		return;
	}
	if (ike_conn_promote(conn))
		return;
	snprintf(text, sizeof(text), "down: %s", sa->delete_why ? sa->delete_why : why);
	if (failed)
		ike_core_set_text(&conn->last_error, text);
	if (!conn->attempt && conn->up_waiters)
		ike_conn_failed(conn, text);
	tell(conn, &conn->down_waiters, IKE_REPORT_DOWN, text, true);
}

void ike_conn_delete_sa(struct ike_sa *sa, const char *why)
{
	if (sa->state == IKE_SA_AUTH_SENT) {
		ike_auth_abandon(sa);
		return;
	}
	if (sa->state == IKE_SA_DELETING)
		return;
	if (sa->state != IKE_SA_ESTABLISHED || sa->stream_lost) {
		ike_sa_close(sa, why);
		return;
	}
	ike_delete_sa_start(sa, why, 0);
}

/* --- what the driver asks --- */

static void up_text(const struct ike_sa *sa, char *out, size_t cap)
{
	char peer[CV_ADDR_TEXT_MAX], child[200];
	size_t len;

	len = (size_t)snprintf(out, cap, "up over %s %s", ike_transport_name(sa->path.transport),
			       cv_addr_text(&sa->path.remote, peer));
	if (sa->why && len < cap)
		len += (size_t)snprintf(out + len, cap - len, " (%s)", sa->why);
	for (const struct ike_child *c = sa->children; c && len < cap; c = c->next)
		len += (size_t)snprintf(out + len, cap - len, "%s %s", c == sa->children ? ":" : ";",
					ike_child_text(c, child, sizeof(child)));
}

void ike_conn_drop_cut_off(struct ike_sa *heir)
{
	struct ike_sa *next;

	for (struct ike_sa *sa = heir->conn->sas; sa; sa = next) {
		next = sa->conn_next;
		if (sa != heir && sa->stream_lost && !sa->dead)
			ike_sa_close(sa, "its TCP connection is gone, and another IKE SA took its place");
	}
}

void ike_conn_settle(struct ike_connection *conn)
{
	struct ike_sa *sa = ike_conn_sa(conn);
	char text[512];

	if (conn->attempt || !sa || ike_create_child_pending(sa))
		return;
	if (sa->child_error) {
		ike_conn_failed(conn, sa->child_error);
		ike_core_set_text(&sa->child_error, NULL);
		return;
	}
	ike_core_set_text(&conn->last_error, NULL);
	up_text(sa, text, sizeof(text));
	tell(conn, &conn->up_waiters, IKE_REPORT_UP, text, true);
}

enum cv_err ike_conn_up(struct ike_engine *e, const struct ike_event *event)
{
	struct ike_connection *conn = ike_conn_find(e, event->conn);
	struct ike_sa *sa;

	if (!conn)
		return CV_E_NOTFOUND;
	if (e->stopping)
		return CV_E_STATE;
	sa = ike_conn_sa(conn);
	/* A packet asks again and again while the tunnel is being made: one answer is enough. */
	if (event->type == IKE_EV_ACQUIRE && (conn->attempt || (sa && ike_create_child_pending(sa))))
		return CV_OK;
	if (!waiter_add(&conn->up_waiters, event->request_id))
		return CV_E_NOMEM;
	conn->wanted = true;
	if (conn->attempt)
		return CV_OK;
	if (!sa) {
		ike_attempt_start(conn, event);
		return CV_OK;
	}
	ike_create_child_missing(sa, IKE_CHILD_ALL);
	ike_conn_settle(conn);
	return CV_OK;
}

static void delete_guests_on(struct ike_sa *sa, const char *name)
{
	struct ike_child *next;

	/* Without memory the IKE SA ends, and its children with it. */
	for (struct ike_child *child = sa->children; child && !sa->dead; child = next) {
		next = child->next;
		if (child->state == IKE_CHILD_INSTALLED && strcmp(child->policy->conn.name, name) == 0)
			ike_delete_child_start(child);
	}
}

/* Child SAs of this connection that the peer put onto the IKE SAs of another one. */
static void delete_guests(struct ike_connection *conn)
{
	struct ike_link *link = ike_conn_of_peer(conn->engine, &conn->policy->conn.remote_ip);

	for (; link; link = link->next) {
		struct ike_connection *host = link->object;

		for (struct ike_sa *sa = host == conn ? NULL : host->sas; sa; sa = sa->conn_next)
			delete_guests_on(sa, conn->name);
	}
}

static void take_down(struct ike_connection *conn, const char *why)
{
	struct ike_sa *next;

	conn->wanted = false;
	if (conn->attempt) {
		ike_attempt_cancel(conn->attempt);
		ike_conn_failed(conn, why);
	}
	for (struct ike_sa *sa = conn->sas; sa; sa = next) {
		next = sa->conn_next;
		if (!sa->dead)
			ike_conn_delete_sa(sa, why);
	}
	delete_guests(conn);
}

enum cv_err ike_conn_down(struct ike_engine *e, const char *name, uint64_t request_id)
{
	struct ike_connection *conn = ike_conn_find(e, name);

	if (!conn)
		return CV_E_NOTFOUND;
	if (!waiter_add(&conn->down_waiters, request_id))
		return CV_E_NOMEM;
	take_down(conn, "taken down by the user");
	if (!anything_left(conn))
		tell(conn, &conn->down_waiters, IKE_REPORT_DOWN, "down", true);
	return CV_OK;
}

enum cv_err ike_conn_remove(struct ike_engine *e, const char *name)
{
	struct ike_connection *conn = ike_conn_find(e, name);

	if (!conn)
		return CV_E_NOTFOUND;
	take_down(conn, "the connection was removed from the configuration");
	conn_forget(conn);
	return CV_OK;
}

static bool shut_one(void *arg, void *object)
{
	(void)arg;
	take_down(object, "culvert is shutting down");
	return true;
}

void ike_conn_shutdown(struct ike_engine *e)
{
	e->stopping = true;
	cv_table_each(e->conns, shut_one, NULL);
}

static bool drop_attempt(void *arg, void *object)
{
	struct ike_connection *conn = object;

	(void)arg;
	if (conn->attempt)
		ike_attempt_free(conn->attempt);
	return true;
}

static bool drop_sa(void *arg, void *object)
{
	struct ike_sa *sa = object;

	(void)arg;
	sa->ended = true;
	ike_sa_close(sa, "the engine ends");
	return true;
}

static bool drop_conn(void *arg, void *object)
{
	(void)arg;
	conn_free(object);
	return true;
}

void ike_conn_free_all(struct ike_engine *e)
{
	cv_table_each(e->conns, drop_attempt, NULL);
	cv_table_each(e->sas, drop_sa, NULL);
	ike_sa_reap(e);
	cv_table_each(e->conns, drop_conn, NULL);
}
