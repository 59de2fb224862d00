#include "host/updown.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

enum {
	TIME_LIMIT_MS = 30000,
	LAST_LIMIT_MS = 5000,
	WAITING_MAX = 20000,
	LINE_MAX_LEN = 512,
	LINES_MAX = 200
};

#define ROOM "updown"

/* One run of a script that waits or runs. */
struct job {
	struct job *next;
	char **environment;
	char verb[24];
	char shell[300];     /* what /bin/sh is given */
	const char *command; /* the administrator's part of it */
};

/* The jobs of one connection, one at a time. The handles live as long as the lane. */
struct lane {
	struct lane *next;
	struct host_updown *all;
	char conn[IKE_NAME_MAX];
	struct job *first, **end;
	bool running, output_open;
	int exit_status, exit_signal;
	bool exited, overdue;
	uv_process_t process;
	uv_timer_t limit;
	uv_pipe_t output;
	unsigned handles; /* not yet closed */
	char line[LINE_MAX_LEN + 1];
	size_t line_len;
	unsigned lines;
	char read_buf[2048];
};

struct host_updown {
	uv_loop_t *loop;
	struct lane *lanes;
	size_t waiting;
	bool finishing;
	void (*done)(void *arg);
	void *done_arg;
};

static void lane_start(struct lane *l);

enum cv_err host_updown_new(uv_loop_t *loop, struct host_updown **out)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return CV_E_NOMEM;
	(*out)->loop = loop;
	return CV_OK;
}

static void check_finished(struct host_updown *u)
{
	if (!u->finishing || u->lanes != NULL)
		return;
	void (*done)(void *arg) = u->done;
	void *arg = u->done_arg;
	free(u);
	done(arg);
}

static void job_free(struct job *j)
{
	if (j != NULL)
		free(j->environment);
	free(j);
}

static void say_line(struct lane *l)
{
	struct cv_log_ctx ctx = { .conn = l->conn };
	if (l->line_len == 0)
		return;
	l->line[l->line_len] = 0;
	l->line_len = 0;
	if (++l->lines <= LINES_MAX)
		cv_log(CV_LOG_INFO, ROOM, &ctx, "%s: %s", l->first->verb, l->line);
	else if (l->lines == LINES_MAX + 1)
		cv_log(CV_LOG_WARNING, ROOM, &ctx, "%s: more output is left out", l->first->verb);
}

static void say_end(const struct lane *l)
{
	struct cv_log_ctx ctx = { .conn = l->conn };
	if (l->overdue)
		cv_log(CV_LOG_WARNING, ROOM, &ctx, "%s: killed, it took too long: %s", l->first->verb,
		       l->first->command);
	else if (l->exit_signal != 0)
		cv_log(CV_LOG_WARNING, ROOM, &ctx, "%s: ended by signal %d: %s", l->first->verb,
		       l->exit_signal, l->first->command);
	else if (l->exit_status != 0)
		cv_log(CV_LOG_WARNING, ROOM, &ctx, "%s: exit status %d: %s", l->first->verb, l->exit_status,
		       l->first->command);
	else
		cv_log(CV_LOG_DEBUG, ROOM, &ctx, "%s: done", l->first->verb);
}

static void lane_unlink(struct lane *l)
{
	struct lane **at = &l->all->lanes;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
}

/* The first job is over and all its handles are closed. */
static void lane_next(struct lane *l)
{
	struct host_updown *u = l->all;
	struct job *j = l->first;
	l->first = j->next;
	if (l->first == NULL)
		l->end = &l->first;
	job_free(j);
	u->waiting--;
	l->running = false;
	if (l->first != NULL) {
		lane_start(l);
		return;
	}
	lane_unlink(l);
	free(l);
	check_finished(u);
}

static void on_closed(uv_handle_t *handle)
{
	struct lane *l = handle->data;
	if (--l->handles == 0)
		lane_next(l);
}

/* A child of the script may hold the output open for ever: the script's own end counts. */
static void lane_close(struct lane *l)
{
	say_line(l);
	say_end(l);
	uv_close((uv_handle_t *)&l->process, on_closed);
	uv_close((uv_handle_t *)&l->limit, on_closed);
	uv_close((uv_handle_t *)&l->output, on_closed);
}

static void on_script_end(uv_process_t *process, int64_t status, int signal)
{
	struct lane *l = process->data;
	l->exited = true;
	l->exit_status = (int)status;
	l->exit_signal = signal;
	if (!l->output_open)
		lane_close(l);
	else
		uv_timer_start(&l->limit, l->limit.timer_cb, 100, 0);
}

static void on_limit(uv_timer_t *timer)
{
	struct lane *l = timer->data;
	if (l->exited) {
		lane_close(l);
		return;
	}
	l->overdue = true;
	/* The script leads its own process group. */
	kill(-l->process.pid, SIGKILL);
}

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	(void)wanted;
	struct lane *l = handle->data;
	*buf = uv_buf_init(l->read_buf, sizeof(l->read_buf));
}

static void on_output(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct lane *l = stream->data;
	if (len < 0) {
		uv_read_stop(stream);
		l->output_open = false;
		if (l->exited)
			lane_close(l);
		return;
	}
	for (ssize_t i = 0; i < len; i++) {
		char c = buf->base[i];
		if (c == '\n' || l->line_len == LINE_MAX_LEN)
			say_line(l);
		if (c != '\n')
			l->line[l->line_len++] = c >= ' ' && c != 0x7f ? c : '?';
	}
}

static void lane_failed(struct lane *l, int error)
{
	struct cv_log_ctx ctx = { .conn = l->conn };
	cv_log(CV_LOG_WARNING, ROOM, &ctx, "%s: cannot start %s: %s", l->first->verb, l->first->command,
	       uv_strerror(error));
	uv_close((uv_handle_t *)&l->process, on_closed);
	uv_close((uv_handle_t *)&l->limit, on_closed);
	uv_close((uv_handle_t *)&l->output, on_closed);
}

static void lane_start(struct lane *l)
{
	uv_loop_t *loop = l->all->loop;
	l->running = true;
	l->exited = l->overdue = false;
	l->line_len = 0;
	l->lines = 0;
	memset(&l->process, 0, sizeof(l->process));
	uv_timer_init(loop, &l->limit);
	uv_pipe_init(loop, &l->output, 0);
	l->process.data = l->limit.data = l->output.data = l;
	l->handles = 3;
	char shell[] = "/bin/sh", option[] = "-c";
	char *args[] = { shell, option, l->first->shell, NULL };
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&l->output },
		{ .flags = UV_IGNORE },
	};
	uv_process_options_t options = {
		.exit_cb = on_script_end,
		.file = "/bin/sh",
		.args = args,
		.env = l->first->environment,
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};
	int error = uv_spawn(loop, &l->process, &options);
	if (error != 0) {
		lane_failed(l, error);
		return;
	}
	l->output_open = uv_read_start((uv_stream_t *)&l->output, give_buffer, on_output) == 0;
	uv_timer_start(&l->limit, on_limit, l->all->finishing ? LAST_LIMIT_MS : TIME_LIMIT_MS, 0);
}

static struct lane *lane_of(struct host_updown *u, const char *conn)
{
	for (struct lane *l = u->lanes; l != NULL; l = l->next)
		if (strcmp(l->conn, conn) == 0)
			return l;
	struct lane *l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->all = u;
	l->end = &l->first;
	snprintf(l->conn, sizeof(l->conn), "%s", conn);
	l->next = u->lanes;
	u->lanes = l;
	return l;
}

static struct job *job_new(const struct host_updown_call *call, const char *stem)
{
	struct job *j = calloc(1, sizeof(*j));
	if (j == NULL)
		return NULL;
	/* Output and errors share one pipe, so that their lines stay in order. */
	static const char redirect[] = "exec 2>&1\n";
	snprintf(j->shell, sizeof(j->shell), "%s%s", redirect, call->command);
	j->command = j->shell + sizeof(redirect) - 1;
	host_updown_verb(call, stem, j->verb, sizeof(j->verb));
	j->environment = host_updown_environment(call, j->verb);
	if (j->environment == NULL) {
		free(j);
		return NULL;
	}
	return j;
}

static enum cv_err add_verb(struct host_updown *u, const struct host_updown_call *call, const char *stem)
{
	if (u->waiting >= WAITING_MAX)
		return CV_E_LIMIT;
	struct job *j = job_new(call, stem);
	struct lane *l = j == NULL ? NULL : lane_of(u, call->conn);
	if (l == NULL) {
		job_free(j);
		return CV_E_NOMEM;
	}
	*l->end = j;
	l->end = &j->next;
	u->waiting++;
	if (!l->running)
		lane_start(l);
	return CV_OK;
}

enum cv_err host_updown_add(struct host_updown *u, const struct host_updown_call *call)
{
	static const char *const up[] = { "prepare", "route", "up", NULL };
	static const char *const down[] = { "down", "unroute", NULL };
	enum cv_err err = u->finishing ? CV_E_STATE : CV_OK;
	for (const char *const *stem = call->up ? up : down; *stem != NULL && err == CV_OK; stem++)
		err = add_verb(u, call, *stem);
	return err;
}

void host_updown_finish(struct host_updown *u, void (*done)(void *arg), void *arg)
{
	u->finishing = true;
	u->done = done;
	u->done_arg = arg;
	for (struct lane *l = u->lanes; l != NULL; l = l->next)
		if (l->running && !l->exited && uv_is_active((uv_handle_t *)&l->limit))
			uv_timer_start(&l->limit, on_limit, LAST_LIMIT_MS, 0);
	check_finished(u);
}
