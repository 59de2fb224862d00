#include "ike/liveness.h"

#include <stdio.h>
#include <stdlib.h>

#include "ike/output.h"
#include "ike/sa.h"

static enum cv_err build(struct ike_sa *sa, struct ike_task *task, struct wire_builder *b)
{
	(void)sa;
	(void)task;
	(void)b;
	return CV_OK;
}

static enum ike_task_result process(struct ike_sa *sa, struct ike_task *task, const struct ike_msg *response)
{
	(void)sa;
	(void)task;
	(void)response;
	return IKE_TASK_DONE;
}

static void expired(struct ike_sa *sa, struct ike_task *task)
{
	char why[160], peer[CV_ADDR_TEXT_MAX];

	(void)task;
	snprintf(why, sizeof(why), "%s %s does not answer any more (no answer to a liveness check in %u s)",
		 sa->path.transport == IKE_TCP ? "TCP" : "UDP", cv_addr_text(&sa->path.remote, peer),
		 sa->policy->conn.retransmit_timeout_ms / 1000);
	ike_sa_close(sa, why);
}

const struct ike_task_ops ike_liveness_ops = {
	.name = "a liveness check",
	.exchange = WIRE_INFORMATIONAL,
	.build = build,
	.process = process,
	.expired = expired,
};

void ike_liveness_start(struct ike_sa *sa)
{
	const struct ike_conn *conn = &sa->policy->conn;

	if (conn->liveness_delay_ms)
		ike_sa_arm(sa, &sa->liveness, sa->engine->now_ms + conn->liveness_delay_ms);
	/* Who is behind the NAT keeps its mapping open; never over TCP (R9329-6.6-1). */
	if (conn->nat_keepalive_ms && sa->nat_local && sa->path.transport == IKE_UDP)
		ike_sa_arm(sa, &sa->keepalive, sa->engine->now_ms + conn->nat_keepalive_ms);
}

void ike_liveness_ask(struct ike_sa *sa)
{
	struct ike_task *task;

	if (sa->state != IKE_SA_ESTABLISHED || ike_task_has(sa, &ike_liveness_ops))
		return;
	task = calloc(1, sizeof(*task));
	if (!task)
		return;
	task->ops = &ike_liveness_ops;
	ike_task_add(sa, task);
}

static bool ask_plane(struct ike_sa *sa)
{
	bool any = false;

	for (const struct ike_child *child = sa->children; child; child = child->next) {
		if (child->state == IKE_CHILD_INSTALLED) {
			ike_out_usage_wanted(sa->engine, child->spi_in);
			any = true;
		}
	}
	return any;
}

void ike_liveness_due(struct ike_sa *sa)
{
	uint64_t now = sa->engine->now_ms, quiet_until = sa->last_in_ms + sa->policy->conn.liveness_delay_ms;

	if (now < quiet_until) {
		sa->usage_asked = false;
		ike_sa_arm(sa, &sa->liveness, quiet_until);
		return;
	}
	/* ESP is a sign of life as good as IKE: ask the plane first. */
	if (!sa->usage_asked && ask_plane(sa)) {
		sa->usage_asked = true;
		ike_sa_arm(sa, &sa->liveness, now + IKE_USAGE_WAIT_MS);
		return;
	}
	sa->usage_asked = false;
	/* A request in flight asks the same question already. */
	if (!sa->flight)
		ike_liveness_ask(sa);
	ike_sa_arm(sa, &sa->liveness, now + sa->policy->conn.liveness_delay_ms);
}

void ike_liveness_usage(struct ike_sa *sa, uint64_t last_in_ms, uint64_t last_out_ms)
{
	uint64_t now = sa->engine->now_ms;

	if (last_in_ms > sa->last_in_ms)
		sa->last_in_ms = last_in_ms < now ? last_in_ms : now;
	if (last_out_ms > sa->last_out_ms)
		sa->last_out_ms = last_out_ms < now ? last_out_ms : now;
}

void ike_keepalive_due(struct ike_sa *sa)
{
	uint64_t now = sa->engine->now_ms, next = sa->last_out_ms + sa->policy->conn.nat_keepalive_ms;

	if (sa->path.transport != IKE_UDP || !sa->nat_local)
		return;
	if (now >= next) {
		ike_out_keepalive(sa->engine, &sa->path);
		sa->last_out_ms = now;
		next = now + sa->policy->conn.nat_keepalive_ms;
	}
	ike_sa_arm(sa, &sa->keepalive, next);
}
