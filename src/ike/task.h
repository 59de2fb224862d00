/* Work in progress: a task is one request of ours with its answer. The queue owns message ids, the window
 * (one request at a time, RFC 7296 section 2.3) and retransmission (section 2.1; none over TCP, R9329-6.2-1).
 */
#ifndef CULVERT_IKE_TASK_H
#define CULVERT_IKE_TASK_H

#include "ike/message.h"

struct ike_task;

enum ike_task_result {
	IKE_TASK_DONE,	/* the exchange is over */
	IKE_TASK_AGAIN, /* build it again and send it under the same message id (IKE_SA_INIT with COOKIE or
			   other KE) */
	IKE_TASK_WAIT,	/* this was not the answer: go on waiting (IKE_SA_INIT only, it is not protected) */
};

struct ike_task_ops {
	const char *name; /* for the log: "CREATE_CHILD_SA" */
	uint8_t exchange;
	bool changes_children; /* makes or ends a Child SA (RFC 7296 section 2.25) */
	/* Adds the payloads: inside SK, or all of IKE_SA_INIT. An error closes the IKE SA. */
	enum cv_err (*build)(struct ike_sa *sa, struct ike_task *task, struct wire_builder *b);
	/* IKE_SA_INIT only: the finished message. */
	enum cv_err (*built)(struct ike_sa *sa, struct ike_task *task, struct cv_bytes message);
	enum ike_task_result (*process)(struct ike_sa *sa, struct ike_task *task,
					const struct ike_msg *response);
	/* No answer came in time; NULL: the IKE SA is closed. */
	void (*expired)(struct ike_sa *sa, struct ike_task *task);
	/* Releases what the task owns, not the task; may be NULL. */
	void (*release)(struct ike_task *task);
};

/* The first member of every kind of task. */
struct ike_task {
	const struct ike_task_ops *ops;
	struct ike_task *next;
};

/* The queue takes the task (allocated with malloc) over and starts it when its turn comes. */
void ike_task_add(struct ike_sa *sa, struct ike_task *task);
/* Ahead of all that wait, but behind the one in flight. */
void ike_task_add_next(struct ike_sa *sa, struct ike_task *task);
/* Starts the first task when nothing is in flight. */
void ike_task_run(struct ike_sa *sa);
/* A response with the right message id and exchange came. */
void ike_task_response(struct ike_sa *sa, const struct ike_msg *response);
/* Is a request in flight to which this header answers? */
bool ike_task_expects(const struct ike_sa *sa, const struct wire_header *h);
/* Sends the request in flight once more, bit for bit (a new stream came up, R9329-6.2-3). */
void ike_task_resend(struct ike_sa *sa);
/* Builds the request in flight anew and sends it under the same message id. */
void ike_task_rebuild(struct ike_sa *sa);
/* The retransmission timer fired. */
void ike_task_overdue(struct ike_sa *sa);
/* Drops all that wait, but not the one in flight. */
void ike_task_drop_waiting(struct ike_sa *sa);
/* Gives what waits, but not the one in flight, to another IKE SA. */
void ike_task_inherit(struct ike_sa *from, struct ike_sa *to);
void ike_task_drop_all(struct ike_sa *sa);
/* Is one of that kind in flight or waiting? */
bool ike_task_has(const struct ike_sa *sa, const struct ike_task_ops *ops);

#endif
