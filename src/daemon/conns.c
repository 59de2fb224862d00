/* The connections: loaded from the configuration, brought up and tried again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "host/addresses.h"
#include "lib/log.h"

/* Trying again: after 10 s, then twice as long each time, up to 5 minutes. */
enum { RETRY_FIRST_MS = 10000, RETRY_LAST_MS = 300000 };

/* Ids of traps in host/ are above those of Child SAs, which are SPIs. */
#define TRAP_ID_BASE (UINT64_C(1) << 32)

struct daemon_conn *daemon_conn_find(const struct daemon *d, const char *name)
{
	return cv_table_get(d->conns, cv_bytes(name, strlen(name)));
}

static struct cv_log_ctx log_ctx(const struct daemon_conn *c)
{
	return (struct cv_log_ctx){ .conn = c->name };
}

/* --- up, down, again --- */

static void stop_trying(struct daemon *d, struct daemon_conn *c)
{
	c->wanted = false;
	c->failures = 0;
	cv_timer_cancel(&d->timers, &c->retry);
}

enum cv_err daemon_conn_up(struct daemon *d, struct daemon_conn *c, uint64_t request_id)
{
	struct ike_event event = { .type = IKE_EV_UP, .request_id = request_id };
	memcpy(event.conn, c->name, sizeof(event.conn));
	if (c->conf.autostart == CONF_AUTO_START)
		c->wanted = true;
	cv_timer_cancel(&d->timers, &c->retry);
	return daemon_event(d, &event);
}

enum cv_err daemon_conn_down(struct daemon *d, struct daemon_conn *c, uint64_t request_id)
{
	struct ike_event event = { .type = IKE_EV_DOWN, .request_id = request_id };
	memcpy(event.conn, c->name, sizeof(event.conn));
	stop_trying(d, c);
	return daemon_event(d, &event);
}

static void retry_due(struct cv_timer *timer, uint64_t now_ms)
{
	(void)now_ms;
	struct daemon_conn *c =
	    (struct daemon_conn *)(void *)((char *)timer - offsetof(struct daemon_conn, retry));
	struct cv_log_ctx ctx = log_ctx(c);
	if (daemon_conn_up(c->daemon, c, 0) != CV_OK)
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, &ctx, "cannot be tried again");
}

static void retry_later(struct daemon *d, struct daemon_conn *c)
{
	struct cv_log_ctx ctx = log_ctx(c);
	uint64_t delay = RETRY_FIRST_MS;
	uint16_t spread;
	for (unsigned i = 0; i < c->failures && delay < RETRY_LAST_MS; i++)
		delay *= 2;
	if (delay > RETRY_LAST_MS)
		delay = RETRY_LAST_MS;
	c->failures++;
	/* Many that lost the same peer at once do not all come back at once. */
	daemon_random(NULL, (uint8_t *)&spread, sizeof(spread));
	delay += delay / 10 * spread / UINT16_MAX;
	if (cv_timer_set(&d->timers, &c->retry, daemon_now_ms() + delay) != CV_OK)
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, &ctx, "out of memory: it is not tried again");
	else
		cv_log(CV_LOG_INFO, DAEMON_ROOM, &ctx, "is tried again in %u s", (unsigned)(delay / 1000));
	daemon_timer_arm(d);
}

void daemon_conn_reported(struct daemon *d, const char *name, uint8_t report)
{
	struct daemon_conn *c = daemon_conn_find(d, name);
	if (c == NULL || d->stopping)
		return;
	if (report == IKE_REPORT_UP) {
		c->failures = 0;
		cv_timer_cancel(&d->timers, &c->retry);
	} else if (report != IKE_REPORT_PROGRESS && c->wanted && c->retry.slot == 0) {
		retry_later(d, c);
	}
}

/* --- loading --- */

static void untrap(struct daemon *d, struct daemon_conn *c)
{
	if (!c->trapped)
		return;
	plane_trap_remove(d->plane, c->name);
	host_child_remove(d->host, c->trap_id);
	c->trapped = false;
}

/* The selectors of all Child SAs of the connection together; those left out in the file are the ends
 * themselves. */
static bool trap_selectors(const struct ike_conn *conn, struct wire_ts_list *local,
			   struct wire_ts_list *remote)
{
	for (unsigned i = 0; i < conn->child_count; i++) {
		const struct ike_child_policy *p = &conn->child[i];
		struct wire_ts self = { .first = conn->local_ip,
					.last = conn->local_ip,
					.port_last = UINT16_MAX };
		struct wire_ts peer = { .first = conn->remote_ip,
					.last = conn->remote_ip,
					.port_last = UINT16_MAX };
		const struct wire_ts *mine = p->local_count == 0 ? &self : p->local;
		const struct wire_ts *theirs = p->remote_count == 0 ? &peer : p->remote;
		unsigned mine_count = p->local_count == 0 ? 1 : p->local_count;
		unsigned theirs_count = p->remote_count == 0 ? 1 : p->remote_count;
		if (local->count + mine_count > WIRE_TS_MAX || remote->count + theirs_count > WIRE_TS_MAX)
			return false;
		memcpy(&local->ts[local->count], mine, mine_count * sizeof(*mine));
		memcpy(&remote->ts[remote->count], theirs, theirs_count * sizeof(*theirs));
		local->count = (uint8_t)(local->count + mine_count);
		remote->count = (uint8_t)(remote->count + theirs_count);
	}
	return true;
}

static void trap(struct daemon *d, struct daemon_conn *c)
{
	char text[200] = "it has too many selectors";
	struct wire_ts_list local = { 0 }, remote = { 0 };
	struct cv_log_ctx ctx = log_ctx(c);
	c->trap_id = TRAP_ID_BASE + ++d->last_trap_id;
	struct host_child routes = {
		.id = c->trap_id,
		.local = &local,
		.remote = &remote,
		.source = c->conf.source_ip,
		.peer = c->conf.ike.remote_ip,
		.mtu = c->conf.mtu,
		.metric = c->conf.metric,
	};
	enum cv_err err = trap_selectors(&c->conf.ike, &local, &remote) ? CV_OK : CV_E_LIMIT;
	if (err == CV_OK) {
		err = plane_trap_add(d->plane, c->name, &local, &remote);
		snprintf(text, sizeof(text), "%s", cv_err_text(err));
	}
	if (err == CV_OK) {
		err = host_child_add(d->host, &routes, text, sizeof(text));
		if (err != CV_OK)
			plane_trap_remove(d->plane, c->name);
	}
	c->trapped = err == CV_OK;
	if (!c->trapped)
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, &ctx, "packets cannot start it (auto=ondemand): %s", text);
}

bool daemon_address_is_ours(void *arg, const struct cv_ip *ip)
{
	return host_addresses_has(arg, ip);
}

struct looking {
	const char *name;
	bool found;
};

static bool look_at_sa(void *arg, const struct ike_sa_info *info)
{
	struct looking *l = arg;
	l->found = info->state == IKE_SA_ESTABLISHED && strcmp(info->conn, l->name) == 0;
	return !l->found;
}

bool daemon_conn_is_up(const struct daemon *d, const char *name)
{
	struct looking l = { .name = name };
	ike_engine_each_sa(d->engine, look_at_sa, &l);
	return l.found;
}

static bool orient(const struct conf_conn *conf, struct conf_conn *out, char *text, size_t cap)
{
	struct host_addresses addresses;
	struct host_way way4 = { 0 }, way6 = { 0 };
	if (host_addresses_read(&addresses) != CV_OK) {
		snprintf(text, cap, "cannot read this host's addresses");
		return false;
	}
	/* No default route is no error: not every connection needs one. */
	if (host_default_way(CV_IPV4, &way4) != CV_OK)
		way4.source.family = CV_FAMILY_NONE;
	if (host_default_way(CV_IPV6, &way6) != CV_OK)
		way6.source.family = CV_FAMILY_NONE;
	enum cv_err err =
	    conf_orient(conf, daemon_address_is_ours, &addresses, &way4.source, &way6.source, out, text, cap);
	host_addresses_free(&addresses);
	return err == CV_OK;
}

static struct daemon_conn *conn_new(struct daemon *d, const char *name)
{
	struct daemon_conn *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->daemon = d;
	c->retry.fire = retry_due;
	if (cv_table_put(d->conns, c) != CV_OK) {
		free(c);
		return NULL;
	}
	return c;
}

/* Takes it out of the engine, with the SAs that it has. */
static void unload(struct daemon *d, struct daemon_conn *c)
{
	struct ike_event event = { .type = IKE_EV_CONN_REMOVE };
	struct cv_log_ctx ctx = log_ctx(c);
	memcpy(event.conn, c->name, sizeof(event.conn));
	stop_trying(d, c);
	untrap(d, c);
	if (c->loaded && daemon_event(d, &event) != CV_OK)
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, &ctx, "the engine does not know it");
	c->loaded = false;
}

void daemon_conn_remove(struct daemon *d, struct daemon_conn *c)
{
	struct cv_log_ctx ctx = log_ctx(c);
	unload(d, c);
	cv_log(CV_LOG_INFO, DAEMON_ROOM, &ctx, "connection removed");
	cv_table_remove(d->conns, cv_bytes(c->name, strlen(c->name)));
	free(c);
}

static bool is_same(const struct daemon_conn *c, const struct conf_conn *oriented)
{
	return c->loaded && c->conf.digest == oriented->digest &&
	       cv_ip_equal(&c->conf.ike.local_ip, &oriented->ike.local_ip) &&
	       cv_ip_equal(&c->conf.ike.remote_ip, &oriented->ike.remote_ip);
}

static bool set_in_engine(struct daemon *d, struct daemon_conn *c)
{
	struct ike_event event = { .type = IKE_EV_CONN_SET, .policy = &c->conf.ike };
	uint16_t port = c->conf.ike.local_ike_port;
	memcpy(event.conn, c->name, sizeof(event.conn));
	if (port != 0 && conf_setup(d->conf)->listen_udp && daemon_listen_udp(d, port) != CV_OK) {
		snprintf(c->why_not, sizeof(c->why_not), "cannot listen on UDP port %u", port);
		return false;
	}
	enum cv_err err = daemon_event(d, &event);
	if (err != CV_OK)
		snprintf(c->why_not, sizeof(c->why_not), "%s", cv_err_text(err));
	return err == CV_OK;
}

bool daemon_conn_load(struct daemon *d, const struct conf_conn *conf, bool by_hand)
{
	struct conf_conn *oriented = calloc(1, sizeof(*oriented));
	struct daemon_conn *c = daemon_conn_find(d, conf->ike.name);
	bool again = c != NULL && c->loaded && (c->wanted || daemon_conn_is_up(d, c->name));
	struct cv_log_ctx ctx = { .conn = conf->ike.name };
	if (oriented == NULL || (c == NULL && (c = conn_new(d, conf->ike.name)) == NULL)) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, &ctx, "out of memory: not loaded");
		free(oriented);
		return false;
	}
	bool good = orient(conf, oriented, c->why_not, sizeof(c->why_not));
	if (good && is_same(c, oriented)) {
		c->by_hand = c->by_hand || by_hand;
		free(oriented);
		return true;
	}
	unload(d, c);
	c->conf = good ? *oriented : *conf;
	c->by_hand = by_hand;
	free(oriented);
	c->loaded = good && set_in_engine(d, c);
	if (!c->loaded) {
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, &ctx, "%s:%u: not loaded: %s", conf->file, conf->line,
		       c->why_not);
		return false;
	}
	c->why_not[0] = 0;
	cv_log(CV_LOG_INFO, DAEMON_ROOM, &ctx, "connection loaded");
	if (c->conf.autostart == CONF_AUTO_ONDEMAND)
		trap(d, c);
	if ((again || c->conf.autostart == CONF_AUTO_START) && daemon_conn_up(d, c, 0) != CV_OK)
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, &ctx, "cannot be brought up");
	return true;
}

/* --- a whole configuration --- */

struct sweep {
	struct daemon *daemon;
	const struct conf *conf;
};

static bool remove_missing(void *arg, void *object)
{
	const struct sweep *s = arg;
	struct daemon_conn *c = object;
	const struct conf_conn *conf = conf_conn_find(s->conf, c->name);
	if (conf == NULL || (conf->autostart == CONF_AUTO_IGNORE && !c->by_hand))
		daemon_conn_remove(s->daemon, c);
	return true;
}

void daemon_conns_apply(struct daemon *d, const struct conf *conf)
{
	struct sweep s = { .daemon = d, .conf = conf };
	cv_table_each(d->conns, remove_missing, &s);
	for (size_t i = 0; i < conf_conn_count(conf); i++) {
		const struct conf_conn *c = conf_conn_at(conf, i);
		const struct daemon_conn *present = daemon_conn_find(d, c->ike.name);
		if (c->autostart != CONF_AUTO_IGNORE || present != NULL)
			(void)daemon_conn_load(d, c, present != NULL && present->by_hand);
	}
}

static bool free_conn(void *arg, void *object)
{
	struct daemon *d = arg;
	struct daemon_conn *c = object;
	cv_timer_cancel(&d->timers, &c->retry);
	cv_table_remove(d->conns, cv_bytes(c->name, strlen(c->name)));
	free(c);
	return true;
}

void daemon_conns_free(struct daemon *d)
{
	if (d->conns != NULL)
		cv_table_each(d->conns, free_conn, d);
	cv_table_free(d->conns);
	d->conns = NULL;
}

/* --- names --- */

/* How many letters have to be added, left out or exchanged; the bound keeps the work small. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[IKE_NAME_MAX + 1];
	size_t len = strnlen(b, IKE_NAME_MAX);
	for (size_t j = 0; j <= len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i] != 0; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < len; j++) {
			unsigned best = diagonal + (a[i] != b[j]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j + 1] + 1 < best)
				best = row[j + 1] + 1;
			diagonal = row[j + 1];
			row[j + 1] = best;
		}
	}
	return row[len];
}

struct naming {
	const char *wanted;
	const char *nearest;
	unsigned nearest_distance;
	unsigned count;
	char list[300];
	size_t len;
};

static bool take_name(void *arg, void *object)
{
	struct naming *n = arg;
	const struct daemon_conn *c = object;
	unsigned d = distance(n->wanted, c->name);
	if (n->nearest == NULL || d < n->nearest_distance) {
		n->nearest = c->name;
		n->nearest_distance = d;
	}
	size_t len = strlen(c->name);
	if (n->len + len + 8 < sizeof(n->list))
		n->len += (size_t)snprintf(n->list + n->len, sizeof(n->list) - n->len, "%s%s",
					   n->count == 0 ? "" : ", ", c->name);
	else if (n->len + 6 < sizeof(n->list) && strcmp(n->list + n->len - 3, "...") != 0)
		n->len += (size_t)snprintf(n->list + n->len, sizeof(n->list) - n->len, ", ...");
	n->count++;
	return true;
}

void daemon_conn_unknown_text(const struct daemon *d, const char *name, char *text, size_t cap)
{
	struct naming n = { .wanted = name };
	cv_table_each(d->conns, take_name, &n);
	if (n.count == 0) {
		snprintf(text, cap,
			 "there is no connection '%s'; none is loaded (auto=ignore ones need 'culvert add')",
			 name);
		return;
	}
	int len = snprintf(text, cap, "there is no connection '%s'", name);
	/* A guess that is wrong by half of its letters helps nobody. */
	if (len > 0 && (size_t)len < cap && n.nearest_distance <= strlen(n.nearest) / 2)
		len += snprintf(text + len, cap - (size_t)len, "; did you mean '%s'?", n.nearest);
	if (len > 0 && (size_t)len < cap)
		snprintf(text + len, cap - (size_t)len, "%s loaded: %s",
			 n.nearest_distance <= strlen(n.nearest) / 2 ? "" : ";", n.list);
}
