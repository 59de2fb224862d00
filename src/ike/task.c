#include "ike/task.h"

#include <stdio.h>
#include <stdlib.h>

#include "ike/output.h"
#include "ike/sa.h"

static void task_free(struct ike_task *task)
{
	if (task->ops->release)
		task->ops->release(task);
	free(task);
}

static void flight_over(struct ike_sa *sa)
{
	cv_timer_cancel(&sa->engine->timers, &sa->retransmit);
	free(sa->flight);
	sa->flight = NULL;
	sa->flight_len = 0;
}

void ike_task_add(struct ike_sa *sa, struct ike_task *task)
{
	struct ike_task **at = &sa->tasks;

	while (*at)
		at = &(*at)->next;
	task->next = NULL;
	*at = task;
	ike_task_run(sa);
}

void ike_task_add_next(struct ike_sa *sa, struct ike_task *task)
{
	struct ike_task **at = &sa->tasks;

	if (sa->flight && *at)
		at = &(*at)->next;
	task->next = *at;
	*at = task;
	ike_task_run(sa);
}

static enum cv_err build_init(struct ike_sa *sa, struct ike_task *task, struct cv_bytes *out)
{
	struct ike_engine *e = sa->engine;
	struct wire_header h = { .spi_i = sa->spi_local,
				 .major = 2,
				 .exchange = task->ops->exchange,
				 .flags = WIRE_FLAG_INITIATOR };
	struct wire_builder b;
	enum cv_err err;

	wire_build_message(&b, e->tx, sizeof(e->tx), &h);
	err = task->ops->build(sa, task, &b);
	if (!err)
		err = wire_build_finish(&b, out);
	return err ? err : task->ops->built(sa, task, *out);
}

static enum cv_err build(struct ike_sa *sa, struct ike_task *task, struct cv_bytes *out)
{
	struct wire_builder b;
	enum cv_err err;

	if (task->ops->exchange == WIRE_IKE_SA_INIT)
		return build_init(sa, task, out);
	/* Message ids must not wrap (R7296-2.2-3). */
	if (sa->send_id == UINT32_MAX)
		return CV_E_LIMIT;
	ike_message_request(sa->engine, &b);
	err = task->ops->build(sa, task, &b);
	return err ? err : ike_message_seal(sa, &b, task->ops->exchange, false, sa->send_id, out);
}

static uint64_t flight_deadline(const struct ike_sa *sa)
{
	return sa->flight_since_ms + sa->policy->conn.retransmit_timeout_ms;
}

static void arm_retransmit(struct ike_sa *sa)
{
	uint64_t due = flight_deadline(sa), next = sa->engine->now_ms + sa->flight_interval_ms;

	if (sa->path.transport == IKE_UDP && next < due)
		due = next;
	ike_sa_arm(sa, &sa->retransmit, due);
}

/* Without a stream the request waits for the next one (R9329-6.2-3). */
static void transmit(struct ike_sa *sa)
{
	if (sa->stream_lost)
		return;
	sa->last_out_ms = sa->engine->now_ms;
	ike_out_send(sa->engine, &sa->path, cv_bytes(sa->flight, sa->flight_len));
}

static void launch(struct ike_sa *sa, struct ike_task *task)
{
	struct cv_bytes message;
	enum cv_err err = build(sa, task, &message);

	if (!err)
		err = ike_core_keep(&sa->flight, &sa->flight_len, message);
	if (err) {
		char why[96];

		snprintf(why, sizeof(why), "cannot build %s: %s", task->ops->name, cv_err_text(err));
		ike_sa_close(sa, why);
		return;
	}
	sa->flight_since_ms = sa->engine->now_ms;
	sa->flight_interval_ms = sa->policy->conn.retransmit_interval_ms;
	transmit(sa);
	arm_retransmit(sa);
}

void ike_task_run(struct ike_sa *sa)
{
	if (!sa->dead && !sa->flight && sa->tasks)
		launch(sa, sa->tasks);
}

bool ike_task_expects(const struct ike_sa *sa, const struct wire_header *h)
{
	return sa->flight && sa->tasks && h->message_id == sa->send_id &&
	       h->exchange == sa->tasks->ops->exchange;
}

void ike_task_response(struct ike_sa *sa, const struct ike_msg *response)
{
	struct ike_task *task = sa->tasks;

	switch (task->ops->process(sa, task, response)) {
	case IKE_TASK_WAIT: return;
	case IKE_TASK_AGAIN: flight_over(sa); break;
	case IKE_TASK_DONE:
		flight_over(sa);
		sa->send_id++;
		sa->tasks = task->next;
		task_free(task);
		break;
	}
	ike_task_run(sa);
}

void ike_task_resend(struct ike_sa *sa)
{
	if (!sa->flight)
		return;
	sa->engine->counters.retransmits++;
	transmit(sa);
}

void ike_task_rebuild(struct ike_sa *sa)
{
	if (sa->flight && sa->tasks)
		launch(sa, sa->tasks);
}

void ike_task_overdue(struct ike_sa *sa)
{
	struct ike_task *task = sa->tasks;
	char why[160], peer[CV_ADDR_TEXT_MAX];

	if (!sa->flight || !task)
		return;
	if (sa->engine->now_ms < flight_deadline(sa)) {
		ike_task_resend(sa);
		sa->flight_interval_ms *= 2;
		arm_retransmit(sa);
		return;
	}
	if (task->ops->expired) {
		task->ops->expired(sa, task);
		return;
	}
	snprintf(why, sizeof(why), "%s did not answer %s within %u s", cv_addr_text(&sa->path.remote, peer),
		 task->ops->name, sa->policy->conn.retransmit_timeout_ms / 1000);
	ike_sa_close(sa, why);
}

void ike_task_drop_waiting(struct ike_sa *sa)
{
	struct ike_task **at = sa->flight && sa->tasks ? &sa->tasks->next : &sa->tasks;

	while (*at) {
		struct ike_task *task = *at;

		*at = task->next;
		task_free(task);
	}
}

void ike_task_inherit(struct ike_sa *from, struct ike_sa *to)
{
	struct ike_task **first = from->flight && from->tasks ? &from->tasks->next : &from->tasks;
	struct ike_task **last = &to->tasks;

	while (*last)
		last = &(*last)->next;
	*last = *first;
	*first = NULL;
	ike_task_run(to);
}

void ike_task_drop_all(struct ike_sa *sa)
{
	flight_over(sa);
	ike_task_drop_waiting(sa);
}

bool ike_task_has(const struct ike_sa *sa, const struct ike_task_ops *ops)
{
	for (const struct ike_task *task = sa->tasks; task; task = task->next) {
		if (task->ops == ops)
			return true;
	}
	return false;
}
