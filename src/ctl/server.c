#include "ctl/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"

enum {
	CLIENTS_MAX = 64,
	IDLE_MS = 10000,	  /* to send a whole request, or to read an answer */
	CLOSING_MS = 1000,	  /* for answers that are still under way at the end */
	UNREAD_MAX = 1024 * 1024, /* progress that a client does not read */
};

#define ROOM "ctl"

struct client {
	struct client *next;
	struct ctl_server *server;
	uv_pipe_t pipe;
	uv_timer_t timer;
	unsigned handles; /* not yet closed */
	bool closing;
	bool eof;	  /* the other end sends no more */
	bool ended;	  /* nothing more will be asked */
	uint64_t request; /* that runs, or 0 */
	size_t unread;	  /* octets of answers not yet written */
	size_t len;
	char line[CTL_REQUEST_MAX];
};

struct ctl_server {
	uv_pipe_t pipe;
	struct ctl_server_callbacks callbacks;
	struct client *clients; /* newest first */
	unsigned count;
	uint64_t last_id;
	bool closing;
	bool pipe_closed;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

struct writing {
	uv_write_t request;
	struct client *client;
	size_t len;
	char *line;
};

static void client_work(struct client *c);

static void server_check_gone(struct ctl_server *s)
{
	if (s->closing && s->pipe_closed && s->clients == NULL)
		free(s);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;
	if (--c->handles > 0)
		return;
	struct ctl_server *s = c->server;
	struct client **at = &s->clients;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	s->count--;
	free(c);
	server_check_gone(s);
}

static void client_close(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	c->request = 0;
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
	uv_close((uv_handle_t *)&c->timer, on_client_closed);
}

static void on_timer(uv_timer_t *timer)
{
	client_close(timer->data);
}

/* The clock runs while we wait for the client, not while it waits for us. */
static void client_clock(struct client *c)
{
	if (c->closing)
		return;
	if (c->unread > 0 || c->request == 0)
		uv_timer_start(&c->timer, on_timer, IDLE_MS, 0);
	else
		uv_timer_stop(&c->timer);
}

/* After something has happened: is there a reason to keep it, and who waits for whom? */
static void client_settle(struct client *c)
{
	if (c->unread == 0 && c->request == 0 && (c->ended || c->server->closing))
		client_close(c);
	else
		client_clock(c);
}

static void on_written(uv_write_t *request, int status)
{
	struct writing *w = request->data;
	struct client *c = w->client;
	c->unread -= w->len;
	free(w->line);
	free(w);
	if (status < 0)
		client_close(c);
	if (c->closing)
		return;
	client_work(c);
	client_settle(c);
}

/* Takes the line. */
static void client_send(struct client *c, char *line)
{
	struct writing *w = line == NULL ? NULL : malloc(sizeof(*w));
	if (w == NULL) {
		free(line);
		client_close(c);
		return;
	}
	*w = (struct writing){ .client = c, .len = strlen(line), .line = line };
	w->request.data = w;
	uv_buf_t buf = uv_buf_init(line, (unsigned)w->len);
	c->unread += w->len;
	if (uv_write(&w->request, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0) {
		c->unread -= w->len;
		free(line);
		free(w);
		client_close(c);
		return;
	}
	client_clock(c);
}

static struct client *find(const struct ctl_server *s, uint64_t id)
{
	if (id == 0)
		return NULL;
	for (struct client *c = s->clients; c != NULL; c = c->next)
		if (c->request == id)
			return c;
	return NULL;
}

void ctl_server_progress(struct ctl_server *s, uint64_t id, const char *text)
{
	struct client *c = find(s, id);
	if (c == NULL)
		return;
	if (c->unread > UNREAD_MAX)
		client_close(c);
	else
		client_send(c, ctl_answer_line(CTL_PROGRESS, text, NULL));
}

void ctl_server_done(struct ctl_server *s, uint64_t id, bool ok, const char *text, json_t *data)
{
	struct client *c = find(s, id);
	if (c != NULL) {
		c->request = 0;
		client_send(c, ctl_answer_line(ok ? CTL_DONE : CTL_FAILED, text, data));
	}
	json_decref(data);
	if (c != NULL)
		client_work(c);
}

void ctl_server_answer(struct ctl_server *s, uint64_t id, bool ok, const char *format, ...)
{
	char text[800];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ctl_server_done(s, id, ok, text, NULL);
}

/* A request that cannot be read ends the conversation: what follows it may be anything. */
static void client_refuse(struct client *c, const char *text)
{
	c->ended = true;
	c->len = 0;
	uv_read_stop((uv_stream_t *)&c->pipe);
	client_send(c, ctl_answer_line(CTL_FAILED, text, NULL));
}

/* Begins the next request, when a whole one is there and none runs. */
static void client_work(struct client *c)
{
	struct ctl_request request;
	char text[160];
	while (!c->closing && !c->ended && c->request == 0 && c->unread <= UNREAD_MAX &&
	       !c->server->closing) {
		char *end = memchr(c->line, '\n', c->len);
		if (end == NULL) {
			c->ended = c->eof;
			if (c->len == sizeof(c->line))
				client_refuse(c, "the request is too long");
			return;
		}
		size_t len = (size_t)(end - c->line);
		enum cv_err err = ctl_request_parse(cv_bytes(c->line, len), &request, text, sizeof(text));
		if (err != CV_OK) {
			client_refuse(c, text);
			return;
		}
		c->len -= len + 1;
		memmove(c->line, end + 1, c->len);
		c->request = ++c->server->last_id;
		client_clock(c);
		c->server->callbacks.request(c->server->callbacks.arg, c->request, &request);
	}
}

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	(void)wanted;
	struct client *c = handle->data;
	*buf = uv_buf_init(c->line + c->len, (unsigned)(sizeof(c->line) - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	(void)buf;
	struct client *c = stream->data;
	/* No room (UV_ENOBUFS): the client sends on while its request runs, and gets no more of our memory.
	 */
	if (len < 0 && len != UV_EOF) {
		client_close(c);
		return;
	}
	c->eof = len == UV_EOF;
	c->len += c->eof ? 0 : (size_t)len;
	client_work(c);
	if (!c->closing)
		client_settle(c);
}

static bool peer_allowed(const struct client *c)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	uv_os_fd_t fd;
	if (uv_fileno((const uv_handle_t *)&c->pipe, &fd) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return false;
	return who.uid == 0 || who.uid == geteuid();
}

/* Makes room: the client that has been silent for longest has to go. */
static void drop_oldest_idle(struct ctl_server *s)
{
	struct client *oldest = NULL;
	for (struct client *c = s->clients; c != NULL; c = c->next)
		if (!c->closing && c->request == 0 && c->unread == 0)
			oldest = c;
	if (oldest != NULL)
		client_close(oldest);
}

static unsigned count_open(const struct ctl_server *s)
{
	unsigned count = 0;
	for (const struct client *c = s->clients; c != NULL; c = c->next)
		count += !c->closing;
	return count;
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct ctl_server *s = stream->data;
	struct client *c = status < 0 ? NULL : calloc(1, sizeof(*c));
	if (c == NULL)
		return;
	if (count_open(s) >= CLIENTS_MAX)
		drop_oldest_idle(s);
	c->server = s;
	c->handles = 2;
	c->next = s->clients;
	s->clients = c;
	s->count++;
	uv_pipe_init(stream->loop, &c->pipe, 0);
	uv_timer_init(stream->loop, &c->timer);
	c->pipe.data = c->timer.data = c;
	if (uv_accept(stream, (uv_stream_t *)&c->pipe) != 0 || !peer_allowed(c) || s->closing) {
		client_close(c);
		return;
	}
	if (count_open(s) > CLIENTS_MAX) {
		client_refuse(c, "culvertd has too many control connections already");
		return;
	}
	client_clock(c);
	if (uv_read_start((uv_stream_t *)&c->pipe, give_buffer, on_read) != 0)
		client_close(c);
}

static void on_pipe_closed(uv_handle_t *handle)
{
	struct ctl_server *s = handle->data;
	s->pipe_closed = true;
	server_check_gone(s);
}

enum cv_err ctl_server_new(uv_loop_t *loop, const char *path, const struct ctl_server_callbacks *callbacks,
			   struct ctl_server **out, char *text, size_t cap)
{
	struct ctl_server *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		snprintf(text, cap, "out of memory");
		return CV_E_NOMEM;
	}
	s->callbacks = *callbacks;
	snprintf(s->path, sizeof(s->path), "%s", path);
	uv_pipe_init(loop, &s->pipe, 0);
	s->pipe.data = s;
	unlink(path);
	mode_t mask = umask(0177);
	/* libuv would cut it, and nobody would find the socket. */
	int error = strlen(path) >= sizeof(s->path) ? UV_ENAMETOOLONG : uv_pipe_bind(&s->pipe, path);
	umask(mask);
	if (error == 0)
		error = uv_listen((uv_stream_t *)&s->pipe, 32, on_connection);
	if (error != 0) {
		snprintf(text, cap, "cannot listen at %s: %s", path, uv_strerror(error));
		s->closing = true;
		uv_close((uv_handle_t *)&s->pipe, on_pipe_closed);
		return CV_E_IO;
	}
	*out = s;
	return CV_OK;
}

void ctl_server_close(struct ctl_server *s)
{
	s->closing = true;
	unlink(s->path);
	for (struct client *c = s->clients; c != NULL; c = c->next) {
		if (c->closing)
			continue;
		if (c->unread == 0)
			client_close(c);
		else
			uv_timer_start(&c->timer, on_timer, CLOSING_MS, 0);
	}
	uv_close((uv_handle_t *)&s->pipe, on_pipe_closed);
}
