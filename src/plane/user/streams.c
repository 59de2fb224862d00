/* TCP streams as the control thread sees them: dialled, accepted, limited, closed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plane/user/user.h"
#include "xport/pace.h"
#include "xport/socket.h"

enum {
	LINGER_MS = 3000,
	STARVED_MS = 100, /* without descriptors, nothing is accepted for so long */
};

#define ACCEPTED_ID (UINT64_C(1) << 63) /* in every stream id that is ours to choose */

struct user_stream *user_stream_find(struct plane *p, uint64_t id)
{
	return cv_table_get(p->streams, cv_bytes(&id, sizeof id));
}

/* --- lists, oldest first --- */

static void list_remove(struct user_stream *s)
{
	struct user_stream_list *list = s->ctl.list;

	if (list == NULL)
		return;
	if (s->ctl.prev != NULL)
		s->ctl.prev->ctl.next = s->ctl.next;
	else
		list->first = s->ctl.next;
	if (s->ctl.next != NULL)
		s->ctl.next->ctl.prev = s->ctl.prev;
	else
		list->last = s->ctl.prev;
	list->count--;
	s->ctl.list = NULL;
}

static void list_append(struct user_stream_list *list, struct user_stream *s)
{
	list_remove(s);
	s->ctl.prev = list->last;
	s->ctl.next = NULL;
	if (list->last != NULL)
		list->last->ctl.next = s;
	else
		list->first = s;
	list->last = s;
	list->count++;
	s->ctl.list = list;
}

static void on_tick(uv_timer_t *timer);

/* The timer runs only while somebody is on a list, or the listeners rest. */
static void arm(struct plane *p)
{
	const struct user_stream_list *lists[] = { &p->strangers, &p->lingering };
	uint64_t now = user_now_ms();
	uint64_t due = p->accept_again_ms != 0 ? p->accept_again_ms : UINT64_MAX;

	for (unsigned i = 0; i < 2; i++)
		for (const struct user_stream *s = lists[i]->first; s != NULL; s = s->ctl.next)
			due = s->ctl.due_ms < due ? s->ctl.due_ms : due;
	if (due == UINT64_MAX)
		(void)uv_timer_stop(&p->timer);
	else
		(void)uv_timer_start(&p->timer, on_tick, due > now ? due - now : 1, 0);
}

/* --- the workers' part --- */

static void post_both(struct plane *p, uint8_t type, struct user_stream *s)
{
	struct user_queue *queues[] = { inbound_commands(p->inbound), outbound_commands(p->outbound) };

	for (unsigned i = 0; i < 2; i++) {
		struct user_msg *msg = user_msg_new(type, cv_bytes(NULL, 0));

		if (msg == NULL)
			continue;
		msg->object = s;
		if (type == USER_CMD_STREAM_ADD)
			user_stream_use(s);
		else
			user_stream_ref(s);
		(void)user_queue_post(queues[i], msg);
	}
}

/* Outbound first: by the time a message from the peer can arrive, an answer finds its way. */
static void hand_over(struct plane *p, struct user_stream *s)
{
	s->ctl.state = USER_STREAM_OPEN;
	xport_tcp_tune(s->fd);
	if (p->config.congestion[0] != '\0')
		(void)xport_congestion_set(s->fd, p->config.congestion); /* known since the start */
	post_both(p, USER_CMD_STREAM_ADD, s);
}

static void on_dial_closed(uv_handle_t *handle)
{
	user_stream_unuse(handle->data);
}

static void forget(struct plane *p, struct user_stream *s)
{
	(void)cv_table_remove(p->streams, cv_bytes(&s->path.stream_id, sizeof s->path.stream_id));
	list_remove(s);
	if (s->ctl.state == USER_STREAM_DIALING) {
		if (s->fd >= 0)
			uv_close((uv_handle_t *)&s->ctl.poll, on_dial_closed);
	} else {
		(void)shutdown(s->fd, SHUT_RDWR);
		if (!p->closing)
			post_both(p, USER_CMD_STREAM_REMOVE, s);
	}
	user_stream_unuse(s);
}

void user_stream_lost(struct plane *p, struct user_stream *s, int os_error)
{
	struct ike_path path = s->path;
	uint8_t state = s->ctl.state;
	bool known = !s->accepted || s->ctl.spoke;

	forget(p, s);
	arm(p);
	if (state == USER_STREAM_DIALING)
		p->callbacks.stream_failed(p->callbacks.arg, &path, os_error);
	else if (state == USER_STREAM_OPEN && known)
		p->callbacks.stream_lost(p->callbacks.arg, &path, os_error);
}

void plane_stream_close(struct plane *p, uint64_t stream_id)
{
	struct user_stream *s = user_stream_find(p, stream_id);

	if (s == NULL || s->ctl.state == USER_STREAM_LINGER)
		return;
	if (s->ctl.state == USER_STREAM_DIALING) {
		forget(p, s);
		return;
	}
	s->ctl.state = USER_STREAM_LINGER;
	s->ctl.due_ms = user_now_ms() + LINGER_MS;
	list_append(&p->lingering, s);
	post_both(p, USER_CMD_STREAM_CLOSE, s);
	arm(p);
}

static struct user_stream *stream_new(int fd, bool accepted)
{
	struct user_stream *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	atomic_init(&s->refs, 1);
	atomic_init(&s->users, 1);
	s->fd = fd;
	s->accepted = accepted;
	s->path.transport = IKE_TCP;
	return s;
}

/* --- dialling --- */

static void on_connected(uv_poll_t *poll, int status, int events)
{
	struct user_stream *s = poll->data;
	struct plane *p = s->ctl.plane;
	int error = xport_socket_error(s->fd);

	(void)events;
	if (error == 0 && status < 0)
		error = ECONNABORTED;
	if (error == 0 && xport_socket_local(s->fd, &s->path.local) != CV_OK)
		error = ENOTCONN;
	if (error != 0) {
		user_stream_lost(p, s, error);
		return;
	}
	uv_close((uv_handle_t *)&s->ctl.poll, on_dial_closed);
	hand_over(p, s);
	p->callbacks.stream_opened(p->callbacks.arg, &s->path);
}

/* The result of a dial that failed at once still comes as a callback, from the loop. */
static void post_failure(struct plane *p, const struct user_stream *s, int error)
{
	struct user_msg *msg = user_msg_new(USER_EV_STREAM_LOST, cv_bytes(NULL, 0));

	if (msg != NULL) {
		msg->stream_id = s->path.stream_id;
		msg->os_error = error;
	}
	(void)user_queue_post(&p->events, msg);
}

void plane_stream_open(struct plane *p, const struct ike_path *path)
{
	const char *step = "";
	struct user_stream *s = stream_new(-1, false);

	if (s == NULL)
		return;
	s->ctl.plane = p;
	s->path = *path;
	if (cv_table_put(p->streams, s) != CV_OK) {
		user_stream_unuse(s);
		return;
	}
	s->fd = xport_tcp_dial(&path->local, &path->remote, p->config.mark, &step);
	if (s->fd < 0) {
		post_failure(p, s, errno);
		return;
	}
	(void)uv_poll_init(p->loop, &s->ctl.poll, s->fd);
	s->ctl.poll.data = s;
	user_stream_use(s); /* the handle's */
	if (uv_poll_start(&s->ctl.poll, UV_WRITABLE, on_connected) != 0)
		post_failure(p, s, ENOMEM);
}

/* --- strangers: accepted streams that nobody has vouched for yet --- */

static void refuse_stranger(struct plane *p, struct user_stream *s, const char *why)
{
	char addr[CV_ADDR_TEXT_MAX], left_out[CV_LOG_LEFT_OUT_MAX];
	uint64_t dropped;

	if (cv_log_allowed(&p->stranger_log, user_now_ms(), &dropped))
		cv_log(CV_LOG_INFO, USER_ROOM, NULL, "closed the TCP stream from %s: %s%s",
		       cv_addr_text(&s->path.remote, addr), why, cv_log_left_out(dropped, left_out));
	user_stream_lost(p, s, ETIMEDOUT);
}

/* Room for one more from this source: the oldest go, first those of the same source. */
static void make_room(struct plane *p, const struct cv_ip *source)
{
	struct user_stream *oldest = NULL;
	unsigned same = 0;

	for (struct user_stream *s = p->strangers.first; s != NULL; s = s->ctl.next) {
		if (!cv_ip_equal(&s->path.remote.ip, source))
			continue;
		if (oldest == NULL)
			oldest = s;
		same++;
	}
	if (same < p->config.streams_per_source)
		oldest = p->strangers.count >= p->config.streams_max ? p->strangers.first : NULL;
	if (oldest == NULL)
		return;
	user_count(&p->stats.streams_refused, 1);
	refuse_stranger(p, oldest, "too many streams that have not proved who they are; the oldest goes");
}

void user_streams_starved(struct plane *p)
{
	struct user_stream *oldest = p->strangers.first;

	/* The workers let go of a descriptor a little later, and there may be no stranger at all: whoever
	 * waits in the backlog must not keep the loop busy until then. */
	user_listen_pause(p, true);
	p->accept_again_ms = user_now_ms() + STARVED_MS;
	if (oldest == NULL) {
		arm(p);
		return;
	}
	user_count(&p->stats.streams_refused, 1);
	refuse_stranger(p, oldest, "the process has no descriptors left for more streams");
}

void user_stream_accepted(struct plane *p, int fd, const struct cv_addr *remote)
{
	struct user_stream *s;

	make_room(p, &remote->ip);
	s = stream_new(fd, true);
	if (s == NULL) {
		close(fd);
		return;
	}
	s->ctl.plane = p;
	s->path.remote = *remote;
	s->path.stream_id = ACCEPTED_ID | ++p->next_stream_id;
	if (xport_socket_local(fd, &s->path.local) != CV_OK || cv_table_put(p->streams, s) != CV_OK) {
		user_stream_unuse(s);
		return;
	}
	user_count(&p->stats.streams_accepted, 1);
	s->ctl.due_ms = user_now_ms() + p->config.stream_first_message_ms;
	list_append(&p->strangers, s);
	hand_over(p, s);
	/* Those before it may have spoken, and be due much later. */
	if (!uv_is_active((uv_handle_t *)&p->timer) ||
	    uv_timer_get_due_in(&p->timer) > p->config.stream_first_message_ms)
		arm(p);
}

void user_stream_spoke(struct plane *p, struct user_stream *s)
{
	if (s->ctl.spoke)
		return;
	s->ctl.spoke = true;
	s->ctl.due_ms += p->config.stream_trusted_ms;
}

void user_stream_trust(struct plane *p, struct user_stream *s)
{
	if (s->ctl.list != &p->strangers)
		return;
	list_remove(s);
	arm(p);
}

void plane_stream_trusted(struct plane *p, uint64_t stream_id)
{
	struct user_stream *s = user_stream_find(p, stream_id);

	if (s != NULL)
		user_stream_trust(p, s);
}

static void on_tick(uv_timer_t *timer)
{
	struct plane *p = timer->data;
	uint64_t now = user_now_ms();
	struct user_stream *next;

	for (struct user_stream *s = p->strangers.first; s != NULL; s = next) {
		next = s->ctl.next;
		if (s->ctl.due_ms > now)
			continue;
		user_count(&p->stats.streams_timed_out, 1);
		refuse_stranger(
		    p, s, s->ctl.spoke ? "it did not authenticate in time" : "no whole message came in time");
	}
	for (struct user_stream *s = p->lingering.first; s != NULL; s = next) {
		next = s->ctl.next;
		if (s->ctl.due_ms <= now)
			forget(p, s);
	}
	if (p->accept_again_ms != 0 && p->accept_again_ms <= now) {
		p->accept_again_ms = 0;
		user_listen_pause(p, false);
	}
	arm(p);
}

static bool free_stream(void *arg, void *object)
{
	forget(arg, object);
	return true;
}

void user_streams_free(struct plane *p)
{
	cv_table_each(p->streams, free_stream, p);
}
