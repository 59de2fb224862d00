/* Gathers what is there, for `culvert status`. One walk over all SAs, whatever their number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/status.h"
#include "daemon/daemon.h"

/* The Child SAs of one IKE SA, until that is reached. */
struct family {
	uint64_t ike_spi;
	json_t *children;
};

struct gathering {
	struct daemon *daemon;
	const char *only; /* connection, or "" */
	struct ctl_clock clock;
	struct cv_table *families;
	json_t *children; /* flat, for traffic */
	bool failed;
	unsigned halfopen;
};

static struct cv_bytes family_key(const void *object)
{
	const struct family *f = object;
	return cv_bytes(&f->ike_spi, sizeof(f->ike_spi));
}

static struct ctl_clock clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (struct ctl_clock){ .mono_ms = daemon_now_ms(),
				   .unix_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

static json_t *child_json(const struct gathering *g, const struct ike_child_info *info)
{
	struct plane_child_stats s = { 0 };
	plane_child_stats(g->daemon->plane, info->spi_in, &s);
	struct ctl_traffic t = {
		.bytes_in = s.bytes_in,
		.bytes_out = s.bytes_out,
		.packets_in = s.packets_in,
		.packets_out = s.packets_out,
		.last_in_ms = s.last_in_ms,
		.last_out_ms = s.last_out_ms,
		.replays = s.replays,
		.bad_icv = s.bad_icv,
		.bad_selector = s.bad_selector,
		.bad_packet = s.bad_packet,
		.dropped_queue = s.dropped_queue,
		.too_big = s.too_big,
		.mtu = plane_child_mtu(g->daemon->plane, info->spi_in),
	};
	return ctl_json_child(info, &t, &g->clock);
}

static bool is_wanted(const struct gathering *g, const char *conn)
{
	return g->only[0] == 0 || strcmp(g->only, conn) == 0;
}

static struct family *family_get(struct gathering *g, uint64_t ike_spi)
{
	struct family *f = cv_table_get(g->families, cv_bytes(&ike_spi, sizeof(ike_spi)));
	if (f != NULL)
		return f;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->ike_spi = ike_spi;
	f->children = json_array();
	if (f->children == NULL || cv_table_put(g->families, f) != CV_OK) {
		json_decref(f->children);
		free(f);
		return NULL;
	}
	return f;
}

static bool take_child(void *arg, const struct ike_child_info *info)
{
	struct gathering *g = arg;
	if (!is_wanted(g, info->conn))
		return true;
	json_t *array = g->children;
	if (g->families != NULL) {
		const struct family *f = family_get(g, info->ike_spi);
		array = f == NULL ? NULL : f->children;
	}
	json_t *child = child_json(g, info);
	/* json_array_append_new takes NULLs as failures, and releases the value in any case. */
	g->failed = json_array_append_new(array, child) != 0;
	return !g->failed;
}

static bool take_sa(void *arg, const struct ike_sa_info *info)
{
	struct gathering *g = arg;
	struct daemon_conn *c = daemon_conn_find(g->daemon, info->conn);
	if (info->established_ms == 0 && !info->initiator)
		g->halfopen++;
	if (c == NULL || !is_wanted(g, info->conn))
		return true;
	if (c->status == NULL)
		c->status = json_array();
	struct family *f = cv_table_get(g->families, cv_bytes(&info->spi_local, sizeof(info->spi_local)));
	json_t *children = f == NULL ? json_array() : json_incref(f->children);
	g->failed = json_array_append_new(c->status, ctl_json_sa(info, children, &g->clock)) != 0;
	return !g->failed;
}

static uint8_t conn_state(const struct daemon_conn *c)
{
	const json_t *sas = c->status;
	if (!c->loaded)
		return CTL_CONN_NOT_LOADED;
	for (size_t i = 0; i < json_array_size(sas); i++) {
		const json_t *sa = json_array_get(sas, i);
		if (!json_is_null(json_object_get(sa, "established")) &&
		    json_array_size(json_object_get(sa, "children")) > 0)
			return CTL_CONN_UP;
	}
	if (json_array_size(sas) > 0)
		return CTL_CONN_CONNECTING;
	return c->trapped ? CTL_CONN_ON_DEMAND : CTL_CONN_DOWN;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct daemon_conn *const *)a)->name, (*(struct daemon_conn *const *)b)->name);
}

struct sorting {
	struct daemon_conn **at;
	size_t count;
	const struct gathering *g;
};

static bool take_conn(void *arg, void *object)
{
	struct sorting *s = arg;
	struct daemon_conn *c = object;
	if (is_wanted(s->g, c->name)) {
		s->at[s->count++] = c;
		return true;
	}
	return true;
}

static json_t *conn_json(const struct gathering *g, struct daemon_conn *c)
{
	struct ctl_conn conn = {
		.name = c->name,
		.state = conn_state(c),
		.autostart = c->conf.autostart,
		.policy = c->loaded ? &c->conf.ike : NULL,
		.last_error = c->loaded ? ike_engine_last_error(g->daemon->engine, c->name) : c->why_not,
		.retry_ms = c->retry.slot != 0 ? c->retry.due_ms : 0,
		.ike_sas = c->status != NULL ? c->status : json_array(),
	};
	c->status = NULL;
	return ctl_json_conn(&conn, &g->clock);
}

/* In the order of their names. */
static json_t *conns_json(struct gathering *g)
{
	size_t count = cv_table_count(g->daemon->conns);
	struct sorting s = { .at = calloc(count + 1, sizeof(struct daemon_conn *)), .g = g };
	json_t *array = s.at == NULL ? NULL : json_array();
	if (s.at != NULL) {
		cv_table_each(g->daemon->conns, take_conn, &s);
		qsort(s.at, s.count, sizeof(struct daemon_conn *), by_name);
	}
	for (size_t i = 0; i < s.count; i++)
		if (json_array_append_new(array, conn_json(g, s.at[i])) != 0)
			g->failed = true;
	free(s.at);
	return array;
}

static bool free_family(void *arg, void *object)
{
	struct gathering *g = arg;
	struct family *f = object;
	cv_table_remove(g->families, family_key(f));
	json_decref(f->children);
	free(f);
	return true;
}

static json_t *listening_json(const struct daemon *d)
{
	json_t *array = json_array();
	for (size_t i = 0; array != NULL && i < d->listening_count; i++) {
		char addr[CV_ADDR_TEXT_MAX], text[CV_ADDR_TEXT_MAX + 8];
		snprintf(text, sizeof(text), "%s %s", d->listening_transport[i] == IKE_TCP ? "tcp" : "udp",
			 cv_addr_text(&d->listening[i], addr));
		json_array_append_new(array, json_string(text));
	}
	return array;
}

static json_t *plane_json(struct daemon *d)
{
	struct plane_stats s = { 0 };
	plane_stats(d->plane, &s);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "crypto", s.crypto, "unknown_spi",
			 (json_int_t)s.unknown_spi, "bad_frames", (json_int_t)s.bad_frames,
			 "streams_accepted", (json_int_t)s.streams_accepted, "streams_refused",
			 (json_int_t)s.streams_refused, "streams_timed_out", (json_int_t)s.streams_timed_out,
			 "no_policy", (json_int_t)s.no_policy, "bad_tun", (json_int_t)s.bad_tun,
			 "streams_open", (json_int_t)s.streams_open);
}

json_t *daemon_status(struct daemon *d, const char *name)
{
	uint8_t seed[16];
	struct gathering g = { .daemon = d, .only = name, .clock = clock_now() };
	daemon_random(NULL, seed, sizeof(seed));
	if (cv_table_new(&g.families, family_key, seed) != CV_OK)
		return NULL;
	ike_engine_each_child(d->engine, take_child, &g);
	if (!g.failed)
		ike_engine_each_sa(d->engine, take_sa, &g);
	json_t *conns = conns_json(&g);
	cv_table_each(g.families, free_family, &g);
	cv_table_free(g.families);
	json_t *all = json_pack("{s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:i, s:o}", "version", CULVERT_VERSION,
				"started", (json_int_t)d->started, "config", d->options.config, "device",
				plane_tun_name(d->plane), "listening", listening_json(d), "counters",
				ctl_json_counters(ike_engine_counters(d->engine)), "plane", plane_json(d),
				"half_open", (int)g.halfopen, "connections", conns);
	if (!g.failed)
		return all;
	json_decref(all);
	return NULL;
}

json_t *daemon_traffic(struct daemon *d, const char *name)
{
	struct gathering g = { .daemon = d, .only = name, .clock = clock_now(), .children = json_array() };
	ike_engine_each_child(d->engine, take_child, &g);
	json_t *all = json_pack("{s:o}", "children", g.children);
	if (!g.failed)
		return all;
	json_decref(all);
	return NULL;
}
