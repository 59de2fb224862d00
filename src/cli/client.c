#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int explain_no_daemon(const char *path, int error)
{
	if (error == EACCES || error == EPERM)
		fprintf(stderr, "culvert: may not use %s: only root may; try sudo\n", path);
	else if (error == ENOENT || error == ECONNREFUSED)
		fprintf(stderr,
			"culvert: culvertd is not running (nobody listens at %s)\n"
			"Start it with 'systemctl start culvertd', or run 'culvertd' in a terminal. If it "
			"runs with another "
			"--run-dir, give the same here.\n",
			path);
	else
		fprintf(stderr, "culvert: cannot connect to %s: %s\n", path, strerror(error));
	return CLI_NO_DAEMON;
}

/* The socket, or -1 after having said why. */
static int connect_daemon(const struct cli_options *options)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int len = snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", options->run_dir, CTL_SOCKET_NAME);
	if (len < 0 || (size_t)len >= sizeof(at.sun_path)) {
		fprintf(stderr, "culvert: the run folder's name is too long: %s\n", options->run_dir);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	explain_no_daemon(at.sun_path, errno);
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool send_all(int fd, const char *text)
{
	size_t len = strlen(text);
	while (len > 0) {
		ssize_t done = send(fd, text, len, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR && !interrupted)
			continue;
		if (done < 0)
			return false;
		text += done;
		len -= (size_t)done;
	}
	return true;
}

/* The conversation, and what has been read of it. */
struct talk {
	int fd;
	int64_t deadline; /* INT64_MAX: none */
	char *buf;
	size_t len, cap;
};

/* Reads more; CLI_OK, or why not. */
static int read_more(struct talk *t)
{
	int64_t left = t->deadline == INT64_MAX ? -1 : t->deadline - now_ms();
	if (interrupted || (t->deadline != INT64_MAX && left <= 0))
		return CLI_NOT_WAITED;
	struct pollfd poll_fd = { .fd = t->fd, .events = POLLIN };
	int ready = poll(&poll_fd, 1, left > 60000 ? 60000 : (int)left);
	if (ready <= 0)
		return ready == 0 || errno == EINTR ? CLI_OK : CLI_NO_DAEMON;
	if (t->cap - t->len < 4096) {
		size_t cap = t->cap * 2 + 65536;
		char *buf = realloc(t->buf, cap);
		if (buf == NULL)
			return CLI_FAILED;
		t->buf = buf;
		t->cap = cap;
	}
	ssize_t got = recv(t->fd, t->buf + t->len, t->cap - t->len, 0);
	if (got <= 0)
		return got < 0 && errno == EINTR ? CLI_OK : CLI_NO_DAEMON;
	t->len += (size_t)got;
	return CLI_OK;
}

/* Takes the whole lines that are there. True when the last answer was among them. */
static bool take_lines(struct talk *t, void (*progress)(const char *text), struct ctl_answer *last, bool *bad)
{
	for (;;) {
		char *end = t->len == 0 ? NULL : memchr(t->buf, '\n', t->len);
		if (end == NULL)
			return false;
		size_t len = (size_t)(end - t->buf);
		*bad = ctl_answer_parse(cv_bytes(t->buf, len), last) != CV_OK;
		t->len -= len + 1;
		memmove(t->buf, end + 1, t->len);
		if (*bad || last->kind != CTL_PROGRESS)
			return true;
		if (progress != NULL)
			progress(last->text);
		ctl_answer_free(last);
	}
}

static int converse(struct talk *t, void (*progress)(const char *text), struct ctl_answer *last)
{
	int result = CLI_OK;
	bool bad = false;
	size_t searched = 0;
	while (result == CLI_OK) {
		result = read_more(t);
		/* A long answer comes in many pieces: search only what is new. */
		if (t->len == searched || memchr(t->buf + searched, '\n', t->len - searched) == NULL) {
			searched = t->len;
			continue;
		}
		if (take_lines(t, progress, last, &bad)) {
			if (!bad)
				return CLI_OK;
			fprintf(stderr,
				"culvert: culvertd's answer makes no sense; are both of the same version?\n");
			return CLI_FAILED;
		}
		searched = t->len;
	}
	return result;
}

static void explain_end(const struct ctl_request *request, int result)
{
	if (result == CLI_NO_DAEMON)
		fprintf(stderr,
			"culvert: culvertd ended, or hung up, before it answered; its log says why\n");
	else if (result == CLI_NOT_WAITED && request->command == CTL_UP)
		fprintf(stderr,
			"culvert: stopped waiting; culvertd goes on trying. 'culvert status %s' shows how it "
			"stands, "
			"'culvert down %s' ends it.\n",
			request->name, request->name);
	else if (result == CLI_NOT_WAITED)
		fprintf(stderr, "culvert: stopped waiting; culvertd goes on with it\n");
}

int cli_ask(const struct cli_options *options, const struct ctl_request *request,
	    void (*progress)(const char *text), struct ctl_answer *last)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	sigaction(SIGINT, &action, NULL);
	memset(last, 0, sizeof(*last));
	char *line = ctl_request_line(request);
	struct talk t = { .fd = connect_daemon(options), .deadline = INT64_MAX };
	if (options->timeout_s != 0)
		t.deadline = now_ms() + (int64_t)options->timeout_s * 1000;
	int result = CLI_NO_DAEMON;
	if (t.fd >= 0 && line != NULL) {
		result = send_all(t.fd, line) ? converse(&t, progress, last) : CLI_NO_DAEMON;
		explain_end(request, result);
	}
	if (t.fd >= 0)
		close(t.fd);
	free(t.buf);
	free(line);
	return result;
}
