/* CREATE_CHILD_SA as initiator: further Child SAs. */
#include "ike/create_child.h"

#include <stdio.h>
#include <stdlib.h>

#include "ike/child.h"
#include "ike/conn.h"
#include "ike/delete.h"
#include "ike/negotiate.h"
#include "ike/sa.h"
#include "ike/task.h"
#include "ike/ts.h"

enum { KE_TRIES_MAX = 3 };

struct create_task {
	struct ike_task base;
	uint16_t index;
	uint32_t spi_in;
	uint8_t nonce[IKE_NONCE_LEN];
	struct crypto_ke *ke;
	uint16_t group; /* 0: the IKE SA's, or else the first one configured, or none */
	uint8_t ke_tries;
	bool over; /* answered; only its memory is left */
};

static const struct ike_task_ops create_ops;

static void release(struct ike_task *task)
{
	crypto_ke_free(((struct create_task *)task)->ke);
}

static bool start(struct ike_sa *sa, uint16_t index, uint16_t group, uint8_t tries)
{
	struct create_task *task = calloc(1, sizeof(*task));

	if (!task)
		return false;
	task->base.ops = &create_ops;
	task->index = index;
	task->group = group;
	task->ke_tries = tries;
	ike_task_add_next(sa, &task->base);
	return true;
}

static enum cv_err build(struct ike_sa *sa, struct ike_task *base, struct wire_builder *b)
{
	struct create_task *task = (struct create_task *)base;
	enum cv_err err;

	task->spi_in = ike_child_new_spi(sa->engine);
	ike_core_random(sa->engine, task->nonce, sizeof(task->nonce));
	/* The best guess is what this peer took last time. libreswan 4.10 answers a wrong one with
	 * INVALID_SYNTAX. */
	if (!task->group && ike_select_has_group(&sa->policy->conn.esp_proposals, sa->suite.ke))
		task->group = sa->suite.ke;
	if (!task->group)
		task->group = ike_select_first_group(&sa->policy->conn.esp_proposals);
	ike_negotiate_offer_sa(sa, b, task->spi_in, true);
	wire_nonce_build(b, cv_bytes(task->nonce, sizeof(task->nonce)));
	if (task->group) {
		err = crypto_ke_new(task->group, &task->ke);
		if (err)
			return err;
		wire_ke_build(b, task->group, crypto_ke_public(task->ke));
	}
	ike_negotiate_offer_ts(sa, b, task->index);
	return CV_OK;
}

void ike_create_child_failed(struct ike_sa *sa, uint16_t index, const char *why)
{
	char text[512];

	snprintf(text, sizeof(text), "Child SA %s failed: %.400s", sa->policy->conn.child[index].name, why);
	ike_sa_log(sa, CV_LOG_ERROR, "%s", text);
	ike_core_set_text(&sa->child_error, text);
}

/* The peer wants another group: a fresh exchange with that one (R7296-1.2-2). */
static bool take_group(struct ike_sa *sa, struct create_task *task, const struct ike_msg *msg)
{
	struct wire_notify_payload n;
	uint16_t group;

	if (!wire_notify_find(&msg->chain, WIRE_N_INVALID_KE_PAYLOAD, &n) || n.data.len != 2)
		return false;
	group = cv_get_u16(n.data.data);
	if (group == task->group || task->ke_tries >= KE_TRIES_MAX || !crypto_ke_public_size(group) ||
	    !ike_select_has_group(&sa->policy->conn.esp_proposals, group))
		return false;
	return start(sa, task->index, group, (uint8_t)(task->ke_tries + 1));
}

/* g^ir, or nothing when the peer chose to do without; false: its KE payload does not fit. */
static bool shared_of(const struct create_task *task, const struct ike_msg *msg, uint16_t chosen,
		      struct cv_secret *shared)
{
	struct wire_ke_payload ke;

	if (!chosen)
		return true;
	if (!task->ke || chosen != task->group || wire_ke_decode(ike_msg_body(msg, WIRE_KE), &ke) ||
	    ke.group != chosen)
		return false;
	return crypto_ke_shared(task->ke, ke.data, shared) == CV_OK;
}

static void finish(struct ike_sa *sa, struct create_task *task, const struct ike_msg *msg)
{
	struct ike_child_params params = {
		.policy = sa->policy, .index = task->index, .initiator = true, .spi_in = task->spi_in
	};
	struct cv_secret shared = { 0 };
	struct ike_agreed agreed;
	struct ike_child *child;
	const char *wrong = NULL;
	char why[480];
	bool made;

	if (!ike_negotiate_accept(sa, msg, task->index, IKE_KE_OPTIONAL, &agreed, &made, why, sizeof(why)))
		wrong = why;
	else if (wire_nonce_decode(ike_msg_body(msg, WIRE_NONCE), &params.nr))
		wrong = "the peer's answer has no well-formed nonce";
	else if (!shared_of(task, msg, agreed.chosen.suite.ke, &shared))
		wrong = "the peer's key exchange value is invalid";
	if (!wrong) {
		params.spi_out = (uint32_t)agreed.chosen.spi;
		params.suite = agreed.chosen.suite;
		params.ni = cv_bytes(task->nonce, sizeof(task->nonce));
		params.shared = cv_secret_bytes(&shared);
		params.local = &agreed.local;
		params.remote = &agreed.remote;
		if (ike_child_make(sa, &params, &child))
			wrong = "out of memory";
	}
	cv_secret_free(&shared);
	if (!wrong)
		return;
	ike_create_child_failed(sa, task->index, wrong);
	if (made)
		ike_delete_spi_start(sa, task->spi_in);
}

static enum ike_task_result process(struct ike_sa *sa, struct ike_task *base, const struct ike_msg *msg)
{
	struct create_task *task = (struct create_task *)base;

	if (sa->state != IKE_SA_ESTABLISHED || take_group(sa, task, msg))
		return IKE_TASK_DONE;
	task->over = true;
	finish(sa, task, msg);
	ike_conn_settle(sa->conn);
	return IKE_TASK_DONE;
}

static const struct ike_task_ops create_ops = {
	.name = "CREATE_CHILD_SA",
	.exchange = WIRE_CREATE_CHILD_SA,
	.changes_children = true,
	.build = build,
	.process = process,
	.release = release,
};

bool ike_create_child_pending(const struct ike_sa *sa)
{
	for (const struct ike_task *t = sa->tasks; t; t = t->next) {
		if (t->ops == &create_ops && !((const struct create_task *)t)->over)
			return true;
	}
	return false;
}

bool ike_create_child_in_flight(const struct ike_sa *sa)
{
	return sa->flight && sa->tasks && sa->tasks->ops == &create_ops;
}

static bool pending(const struct ike_sa *sa, uint16_t index)
{
	for (const struct ike_task *t = sa->tasks; t; t = t->next) {
		if (t->ops == &create_ops && ((const struct create_task *)t)->index == index)
			return true;
	}
	return false;
}

void ike_create_child_missing(struct ike_sa *sa, uint16_t but)
{
	const struct ike_conn *conn = &sa->policy->conn;

	/* In the order of the configuration: each goes ahead of those already waiting. */
	for (unsigned i = conn->child_count; i-- > 0;) {
		if (i == but || pending(sa, (uint16_t)i) || ike_child_of_policy(sa, sa->policy, (uint16_t)i))
			continue;
		if (!start(sa, (uint16_t)i, 0, 0))
			ike_create_child_failed(sa, (uint16_t)i, "out of memory");
	}
}

uint16_t ike_create_child_for_packet(const struct ike_sa *sa, const struct wire_ts *src,
				     const struct wire_ts *dst)
{
	const struct ike_conn *conn = &sa->policy->conn;

	for (unsigned i = 0; i < conn->child_count; i++) {
		struct wire_ts_list from = { .count = 1, .ts = { *src } },
				    to = { .count = 1, .ts = { *dst } };
		struct wire_ts_list local, remote;

		ike_ts_list(conn->child[i].local, conn->child[i].local_count, &sa->path.local.ip, &local);
		ike_ts_list(conn->child[i].remote, conn->child[i].remote_count, &sa->path.remote.ip, &remote);
		if (ike_ts_subset(&from, &local) && ike_ts_subset(&to, &remote))
			return (uint16_t)i;
	}
	return 0;
}
