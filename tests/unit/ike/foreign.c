#include "foreign.h"

#include <stdlib.h>
#include <string.h>

struct foreign_task {
	struct ike_task base;
	foreign_build build;
	void *arg;
	struct foreign_answer *answer;
};

static enum cv_err build(struct ike_sa *sa, struct ike_task *base, struct wire_builder *b)
{
	struct foreign_task *task = (struct foreign_task *)base;

	(void)sa;
	if (task->build)
		task->build(b, task->arg);
	return CV_OK;
}

static void read_ke(const struct ike_msg *msg, struct foreign_answer *a)
{
	struct wire_ke_payload ke;

	if (wire_ke_decode(ike_msg_body(msg, WIRE_KE), &ke))
		return;
	a->ke_len = ke.data.len;
	memcpy(a->ke, ke.data.data, ke.data.len);
}

static enum ike_task_result process(struct ike_sa *sa, struct ike_task *base, const struct ike_msg *msg)
{
	struct foreign_answer *a = ((struct foreign_task *)base)->answer;
	struct cv_bytes nonce;

	(void)sa;
	a->answered = true;
	a->payloads = msg->chain.count;
	a->deletes = wire_chain_count(&msg->chain, WIRE_DELETE);
	if (a->deletes)
		assert_int_equal(wire_delete_decode(ike_msg_body(msg, WIRE_DELETE), &a->deleted), CV_OK);
	if (wire_notify_find_error(&msg->chain, &a->notify))
		a->error = a->notify.type;
	a->has_sa = wire_sa_decode(ike_msg_body(msg, WIRE_SA), &a->sa) == CV_OK;
	if (wire_nonce_decode(ike_msg_body(msg, WIRE_NONCE), &nonce) == CV_OK) {
		memcpy(a->nonce, nonce.data, nonce.len);
		a->nonce_len = nonce.len;
	}
	read_ke(msg, a);
	return IKE_TASK_DONE;
}

/* One for each exchange. */
static const struct ike_task_ops ops[] = {
	{ .name = "a foreign request", .exchange = WIRE_IKE_AUTH, .build = build, .process = process },
	{ .name = "a foreign request", .exchange = WIRE_CREATE_CHILD_SA, .build = build, .process = process },
	{ .name = "a foreign request", .exchange = WIRE_INFORMATIONAL, .build = build, .process = process },
};

struct first {
	uint64_t spi;
	uint8_t transport; /* 0: any */
};

static bool take_first(void *arg, const struct ike_sa_info *info)
{
	struct first *f = arg;

	if (info->state == IKE_SA_ESTABLISHED && (!f->transport || info->path.transport == f->transport))
		f->spi = info->spi_local;
	return f->spi == 0;
}

struct ike_sa *foreign_sa_over(const struct rig_end *end, uint8_t transport)
{
	struct first f = { .transport = transport };

	ike_engine_each_sa(end->e, take_first, &f);
	assert_true(f.spi != 0);
	return ike_sa_find(end->e, f.spi);
}

struct ike_sa *foreign_sa(const struct rig_end *end)
{
	return foreign_sa_over(end, 0);
}

void foreign_send(struct rig_end *end, struct ike_sa *sa, uint8_t exchange, foreign_build add, void *arg,
		  struct foreign_answer *answer)
{
	struct foreign_task *task = calloc(1, sizeof(*task));

	assert_non_null(task);
	memset(answer, 0, sizeof(*answer));
	task->base.ops = &ops[exchange - WIRE_IKE_AUTH];
	task->build = add;
	task->arg = arg;
	task->answer = answer;
	ike_task_add(sa, &task->base);
	rig_drain(end);
}

void foreign_ask(struct rig_end *end, struct ike_sa *sa, uint8_t exchange, foreign_build add, void *arg,
		 struct foreign_answer *answer)
{
	foreign_send(end, sa, exchange, add, arg, answer);
	rig_run(end->rig);
}
