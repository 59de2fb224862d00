#include "ike/delete.h"

#include <stdlib.h>

#include "ike/child.h"
#include "ike/create_child.h"
#include "ike/sa.h"

struct delete_task {
	struct ike_task base;
	uint32_t spi_in; /* of the Child SA; 0: the IKE SA */
	uint16_t notify;
};

static enum cv_err build(struct ike_sa *sa, struct ike_task *task, struct wire_builder *b)
{
	const struct delete_task *t = (const struct delete_task *)task;
	struct wire_delete d = { .protocol = t->spi_in ? WIRE_PROTO_ESP : WIRE_PROTO_IKE };

	(void)sa;
	if (t->notify)
		wire_notify_build_plain(b, t->notify, cv_bytes(NULL, 0));
	if (t->spi_in)
		d.spi[d.count++] = t->spi_in;
	wire_delete_build(b, &d);
	return CV_OK;
}

static enum ike_task_result sa_deleted(struct ike_sa *sa, struct ike_task *task,
				       const struct ike_msg *response)
{
	(void)task;
	(void)response;
	ike_sa_close(sa, sa->delete_why);
	return IKE_TASK_DONE;
}

static void sa_expired(struct ike_sa *sa, struct ike_task *task)
{
	(void)task;
	ike_sa_close(sa, sa->delete_why);
}

static enum ike_task_result child_deleted(struct ike_sa *sa, struct ike_task *task,
					  const struct ike_msg *response)
{
	const struct delete_task *t = (const struct delete_task *)task;
	struct ike_child *child = ike_child_by_spi_in(sa->engine, t->spi_in);

	/* The incoming half was kept until now (R7296-1.4.1-2). */
	(void)response;
	if (child && child->sa == sa)
		ike_child_drop(child);
	return IKE_TASK_DONE;
}

static const struct ike_task_ops delete_sa_ops = {
	.name = "the Delete of the IKE SA",
	.exchange = WIRE_INFORMATIONAL,
	.build = build,
	.process = sa_deleted,
	.expired = sa_expired,
};

static const struct ike_task_ops delete_child_ops = {
	.name = "the Delete of a Child SA",
	.exchange = WIRE_INFORMATIONAL,
	.changes_children = true,
	.build = build,
	.process = child_deleted,
};

void ike_delete_sa_start(struct ike_sa *sa, const char *why, uint16_t notify)
{
	struct delete_task *task = calloc(1, sizeof(*task));

	if (!task || !ike_sa_set_state(sa, IKE_SA_DELETING)) {
		free(task);
		ike_sa_close(sa, why);
		return;
	}
	ike_sa_log(sa, CV_LOG_INFO, "deleting the IKE SA: %s", why);
	sa->delete_why = why;
	ike_task_drop_waiting(sa);
	ike_child_drop_all(sa);
	task->base.ops = &delete_sa_ops;
	task->notify = notify;
	ike_sa_arm(sa, &sa->expire, sa->engine->now_ms + IKE_DELETE_MS);
	ike_task_add(sa, &task->base);
}

void ike_delete_spi_start(struct ike_sa *sa, uint32_t spi_in)
{
	struct delete_task *task = calloc(1, sizeof(*task));

	if (!task) {
		ike_sa_close(sa, "out of memory");
		return;
	}
	task->base.ops = &delete_child_ops;
	task->spi_in = spi_in;
	ike_task_add(sa, &task->base);
}

void ike_delete_child_start(struct ike_child *child)
{
	if (ike_child_set_state(child, IKE_CHILD_DELETING))
		ike_delete_spi_start(child->sa, child->spi_in);
}

/* The peer names the SPIs it receives on: ours to send to. We answer with the other halves, but not for those
 * that we are deleting ourselves (R7296-1.4.1-2), nor for those we don't know (R7296-2.25.1-3). */
static void delete_children(struct ike_sa *sa, const struct wire_delete *d, struct wire_delete *answer)
{
	for (unsigned i = 0; i < d->count; i++) {
		struct ike_child *child = ike_child_by_spi_out(sa, d->spi[i]);

		if (!child || child->state == IKE_CHILD_DELETING)
			continue;
		if (answer->count < WIRE_DELETE_SPIS_MAX)
			answer->spi[answer->count++] = child->spi_in;
		ike_sa_log(sa, CV_LOG_NOTICE, "Child SA %s (SPI in %08x) deleted by the peer",
			   ike_child_name(child), child->spi_in);
		ike_child_drop(child);
	}
}

bool ike_delete_overtakes(const struct ike_sa *sa, const struct ike_msg *msg)
{
	struct wire_delete d;

	if (sa->path.transport != IKE_UDP || !ike_create_child_in_flight(sa))
		return false;
	for (unsigned i = 0; i < msg->chain.count; i++) {
		if (msg->chain.payload[i].type != WIRE_DELETE ||
		    wire_delete_decode(msg->chain.payload[i].body, &d) || d.protocol != WIRE_PROTO_ESP)
			continue;
		for (unsigned k = 0; k < d.count; k++) {
			if (!ike_child_by_spi_out(sa, d.spi[k]))
				return true;
		}
	}
	return false;
}

bool ike_delete_requested(struct ike_sa *sa, const struct ike_msg *msg, struct wire_builder *reply)
{
	struct wire_delete d, answer = { .protocol = WIRE_PROTO_ESP };
	bool whole = false;

	for (unsigned i = 0; i < msg->chain.count; i++) {
		if (msg->chain.payload[i].type != WIRE_DELETE ||
		    wire_delete_decode(msg->chain.payload[i].body, &d))
			continue;
		if (d.protocol == WIRE_PROTO_IKE)
			whole = true;
		else if (d.protocol == WIRE_PROTO_ESP)
			delete_children(sa, &d, &answer);
	}
	/* The answer to the end of the IKE SA is empty (R7296-1.4.1-4). */
	if (answer.count && !whole)
		wire_delete_build(reply, &answer);
	return whole;
}
