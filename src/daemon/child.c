/* Child SAs: from the engine into the plane, with the host's routes and the administrator's scripts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/keylog.h"
#include "host/addresses.h"
#include "lib/log.h"

static struct daemon_child *find(const struct daemon *d, uint32_t spi_in)
{
	return cv_table_get(d->children, cv_bytes(&spi_in, sizeof(spi_in)));
}

static struct cv_log_ctx log_ctx(const struct daemon_child *c)
{
	return (struct cv_log_ctx){ .conn = c->conn, .esp_spi = c->spi_in };
}

/* --- scripts --- */

static void run_updown(struct daemon *d, const struct daemon_child *c, bool up)
{
	struct host_way way = { 0 };
	struct plane_child_stats stats = { 0 };
	struct cv_log_ctx ctx = log_ctx(c);
	if (d->updown == NULL || c->conf == NULL || c->conf->updown[0] == 0)
		return;
	if (host_way_to(&c->outer_remote, &way) != CV_OK)
		cv_log(CV_LOG_DEBUG, DAEMON_ROOM, &ctx,
		       "there is no route to the peer to tell the updown script");
	plane_child_stats(d->plane, c->spi_in, &stats);
	struct host_updown_call call = {
		.command = c->conf->updown,
		.conn = c->name,
		.up = up,
		.me = c->outer_local,
		.peer = c->outer_remote,
		.my_id = &c->local_id,
		.peer_id = &c->remote_id,
		.next_hop = way.gateway,
		.interface = way.ifname,
		.tun = plane_tun_name(d->plane),
		.spi_in = c->spi_in,
		.spi_out = c->spi_out,
		.bytes_in = stats.bytes_in,
		.bytes_out = stats.bytes_out,
		.mtu = c->conf->mtu,
		.metric = c->conf->metric,
	};
	enum cv_err err = CV_OK;
	for (unsigned i = 0; i < c->local.count; i++) {
		for (unsigned j = 0; j < c->remote.count && err == CV_OK; j++) {
			call.my_client = &c->local.ts[i];
			call.peer_client = &c->remote.ts[j];
			if (call.my_client->first.family != call.peer_client->first.family)
				continue;
			call.my_source = host_child_source(d->host, c->spi_in, call.my_client->first.family);
			err = host_updown_add(d->updown, &call);
		}
	}
	if (err != CV_OK)
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, &ctx, "the updown script is not run: %s",
		       cv_err_text(err));
}

/* --- coming and going --- */

struct finding_ids {
	const struct daemon_child *child;
	uint64_t ike_spi;
	struct ike_id *local_id, *remote_id;
};

static bool take_ids(void *arg, const struct ike_sa_info *info)
{
	struct finding_ids *f = arg;
	if (info->spi_local != f->ike_spi)
		return true;
	*f->local_id = info->local_id;
	*f->remote_id = info->remote_id;
	return false;
}

static struct daemon_child *child_new(struct daemon *d, const struct ike_child_sa *sa)
{
	struct daemon_child *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->spi_in = sa->spi_in;
	c->spi_out = sa->spi_out;
	memcpy(c->conn, sa->conn, sizeof(c->conn));
	memcpy(c->name, sa->name, sizeof(c->name));
	c->outer_local = sa->path.local.ip;
	c->outer_remote = sa->path.remote.ip;
	c->local = sa->local;
	c->remote = sa->remote;
	const struct daemon_conn *conn = daemon_conn_find(d, sa->conn);
	if (conn != NULL)
		c->conf = malloc(sizeof(*c->conf));
	if (c->conf != NULL)
		*c->conf = conn->conf;
	if ((conn != NULL && c->conf == NULL) || cv_table_put(d->children, c) != CV_OK) {
		free(c->conf);
		free(c);
		return NULL;
	}
	return c;
}

static void child_free(struct daemon *d, struct daemon_child *c)
{
	cv_table_remove(d->children, cv_bytes(&c->spi_in, sizeof(c->spi_in)));
	free(c->conf);
	free(c);
}

/* Plane, then routes: a packet that is routed into the tunnel finds its SA. */
static enum cv_err install(struct daemon *d, struct daemon_child *c, const struct ike_child_sa *sa,
			   char *text, size_t cap)
{
	enum cv_err err = plane_child_install(d->plane, sa);
	if (err != CV_OK) {
		snprintf(text, cap, "%s", cv_err_text(err));
		return err;
	}
	if (sa->path.transport == IKE_TCP)
		plane_stream_trusted(d->plane, sa->path.stream_id);
	struct host_child routes = {
		.id = c->spi_in,
		.local = &c->local,
		.remote = &c->remote,
		.peer = c->outer_remote,
		.mtu = plane_child_mtu(d->plane, c->spi_in),
	};
	if (c->conf != NULL) {
		routes.source = c->conf->source_ip;
		routes.metric = c->conf->metric;
	}
	err = host_child_add(d->host, &routes, text, cap);
	if (err != CV_OK)
		plane_child_remove(d->plane, c->spi_in);
	return err;
}

static void export_keys(const struct daemon *d, const struct ike_child_sa *sa)
{
	struct cv_log_ctx ctx = { .conn = sa->conn, .esp_spi = sa->spi_in };
	uint64_t ike_spi = sa->ike_spi;
	struct ike_sa_keys keys;
	enum cv_err err = daemon_keylog_child(d->options.keylog, sa);
	if (err == CV_OK)
		err = ike_engine_export_keys(d->engine, ike_spi, &keys);
	if (err == CV_OK)
		err = daemon_keylog_ike(d->options.keylog, &keys);
	if (err != CV_OK)
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, &ctx, "keys are not written to %s: %s", d->options.keylog,
		       cv_err_text(err));
	cv_wipe(&keys, sizeof(keys));
}

void daemon_child_install(struct daemon *d, const struct ike_child_sa *sa)
{
	char text[200] = "out of memory";
	struct cv_log_ctx ctx = { .conn = sa->conn, .esp_spi = sa->spi_in };
	uint32_t spi_in = sa->spi_in;
	uint64_t ike_spi = sa->ike_spi;
	struct daemon_child *c = child_new(d, sa);
	enum cv_err err = c == NULL ? CV_E_NOMEM : install(d, c, sa, text, sizeof(text));
	if (err == CV_OK) {
		if (d->options.keylog != NULL)
			export_keys(d, sa);
		/* From here on *sa is no longer valid: the engine is called. */
		struct finding_ids f = { .ike_spi = ike_spi,
					 .local_id = &c->local_id,
					 .remote_id = &c->remote_id };
		ike_engine_each_sa(d->engine, take_ids, &f);
		run_updown(d, c, true);
		return;
	}
	cv_log(CV_LOG_ERROR, DAEMON_ROOM, &ctx, "the Child SA cannot be used: %s", text);
	if (c != NULL)
		child_free(d, c);
	struct ike_event failed = { .type = IKE_EV_CHILD_FAILED, .spi_in = spi_in };
	if (daemon_event(d, &failed) != CV_OK)
		cv_log(CV_LOG_DEBUG, DAEMON_ROOM, &ctx, "the engine no longer knows it");
}

void daemon_child_path(struct daemon *d, uint32_t spi_in, const struct ike_path *path)
{
	struct daemon_child *c = find(d, spi_in);
	if (c == NULL)
		return;
	plane_child_path(d->plane, spi_in, path);
	if (path->transport == IKE_TCP)
		plane_stream_trusted(d->plane, path->stream_id);
	c->outer_local = path->local.ip;
	c->outer_remote = path->remote.ip;
	host_child_mtu(d->host, spi_in, plane_child_mtu(d->plane, spi_in));
}

void daemon_child_remove(struct daemon *d, uint32_t spi_in)
{
	struct daemon_child *c = find(d, spi_in);
	if (c == NULL)
		return;
	run_updown(d, c, false);
	host_child_remove(d->host, spi_in);
	plane_child_remove(d->plane, spi_in);
	child_free(d, c);
}

void daemon_child_usage(struct daemon *d, uint32_t spi_in)
{
	struct plane_child_stats stats = { 0 };
	if (!plane_child_stats(d->plane, spi_in, &stats))
		return;
	struct ike_event event = {
		.type = IKE_EV_CHILD_USAGE,
		.spi_in = spi_in,
		.last_in_ms = stats.last_in_ms,
		.last_out_ms = stats.last_out_ms,
	};
	if (daemon_event(d, &event) != CV_OK)
		cv_log(CV_LOG_DEBUG, DAEMON_ROOM, NULL, "the engine no longer knows the Child SA");
}
