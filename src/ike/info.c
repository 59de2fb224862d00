/* What is there: for status, tests and invariants. */
#include <stdio.h>
#include <string.h>

#include "ike/child.h"
#include "ike/conn.h"
#include "ike/core.h"
#include "ike/sa.h"

struct visit_sas {
	bool (*visit)(void *arg, const struct ike_sa_info *info);
	void *arg;
};

static bool visit_sa(void *arg, void *object)
{
	const struct visit_sas *v = arg;
	const struct ike_sa *sa = object;
	struct ike_sa_info info = {
		.spi_local = sa->spi_local,
		.spi_remote = sa->spi_remote,
		.initiator = sa->initiator,
		.state = sa->state,
		.path = sa->path,
		.path_since_ms = sa->path_since_ms,
		.established_ms = sa->established_ms,
		.local_id = ike_identity_id(sa->local_id),
		.remote_id = ike_identity_id(sa->remote_id),
		.encr = sa->suite.encr,
		.key_bits = sa->suite.key_bits,
		.prf = sa->suite.prf,
		.integ = sa->suite.integ,
		.ke = sa->suite.ke,
		.nat_local = sa->nat_local,
		.nat_remote = sa->nat_remote,
		.child_count = sa->child_count,
	};

	snprintf(info.conn, sizeof(info.conn), "%s", sa->conn->name);
	snprintf(info.why, sizeof(info.why), "%s", sa->why ? sa->why : "");
	return v->visit(v->arg, &info);
}

void ike_engine_each_sa(const struct ike_engine *e, bool (*visit)(void *arg, const struct ike_sa_info *info),
			void *arg)
{
	struct visit_sas v = { .visit = visit, .arg = arg };

	cv_table_each(e->sas, visit_sa, &v);
}

struct visit_children {
	bool (*visit)(void *arg, const struct ike_child_info *info);
	void *arg;
};

static bool visit_child(void *arg, void *object)
{
	const struct visit_children *v = arg;
	const struct ike_child *child = object;
	const struct ike_conn *conn = &child->policy->conn;
	struct ike_child_info info = {
		.ike_spi = child->sa->spi_local,
		.spi_in = child->spi_in,
		.spi_out = child->spi_out,
		.encr = child->suite.encr,
		.key_bits = child->suite.key_bits,
		.integ = child->suite.integ,
		.ke = child->suite.ke,
		.esn = child->suite.esn,
		.installed_ms = child->installed_ms,
	};

	snprintf(info.conn, sizeof(info.conn), "%s", conn->name);
	snprintf(info.name, sizeof(info.name), "%s", conn->child[child->index].name);
	info.local.count = child->local_count;
	info.remote.count = child->remote_count;
	memcpy(info.local.ts, child->ts, child->local_count * sizeof(child->ts[0]));
	memcpy(info.remote.ts, child->ts + child->local_count, child->remote_count * sizeof(child->ts[0]));
	return v->visit(v->arg, &info);
}

void ike_engine_each_child(const struct ike_engine *e,
			   bool (*visit)(void *arg, const struct ike_child_info *info), void *arg)
{
	struct visit_children v = { .visit = visit, .arg = arg };

	cv_table_each(e->children, visit_child, &v);
}

const char *ike_engine_last_error(const struct ike_engine *e, const char *conn)
{
	const struct ike_connection *c = ike_conn_find(e, conn);

	return c && c->last_error ? c->last_error : "";
}

const struct ike_counters *ike_engine_counters(const struct ike_engine *e)
{
	return &e->counters;
}

enum cv_err ike_engine_export_keys(const struct ike_engine *e, uint64_t spi_local, struct ike_sa_keys *out)
{
	const struct ike_sa *sa = ike_sa_find(e, spi_local);
	enum cv_err err;

	if (!sa || !sa->keys.all.len)
		return CV_E_NOTFOUND;
	*out = (struct ike_sa_keys){ .encr = sa->suite.encr,
				     .key_bits = sa->suite.key_bits,
				     .integ = sa->suite.integ };
	out->spi_i = sa->initiator ? sa->spi_local : sa->spi_remote;
	out->spi_r = sa->initiator ? sa->spi_remote : sa->spi_local;
	err = cv_key_set(&out->sk_d, ike_keys_d(&sa->keys));
	if (!err)
		err = cv_key_set(&out->sk_ai, ike_keys_a(&sa->keys, true));
	if (!err)
		err = cv_key_set(&out->sk_ar, ike_keys_a(&sa->keys, false));
	if (!err)
		err = cv_key_set(&out->sk_ei, ike_keys_e(&sa->keys, true));
	if (!err)
		err = cv_key_set(&out->sk_er, ike_keys_e(&sa->keys, false));
	return err;
}
