#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One line is
 *
 *   2026-11-23T17:01:02.123Z notice ike: [office #0123456789abcdef esp c0ffee01] text
 *
 * and the part in brackets is left out when nothing of it is known. Octets that are not printable ASCII, and
 * the backslash, are written as \xNN: text that a peer chose can neither forge a line nor drive a terminal.
 */

enum { TEXT_MAX = 2048, LINE_MAX_LEN = 4 * TEXT_MAX + 512 };

static const char *const level_name[] = { "error", "warning", "notice", "info", "debug" };
/* Priorities of syslog(3), which journald reads from "<N>" at the start of a line. */
static const char level_priority[] = { '3', '4', '5', '6', '7' };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int max_level = CV_LOG_INFO;
static atomic_bool with_time = true;
/* Under the lock: */
static enum cv_log_target target = CV_LOG_TO_STDERR;
static int target_fd = STDERR_FILENO;
static cv_log_sink sink;
static void *sink_arg;

struct line {
	char text[LINE_MAX_LEN];
	size_t len;
};

static void add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *format, ...)
{
	va_list args;
	size_t left = sizeof(l->text) - l->len;
	int n;

	va_start(args, format);
	n = vsnprintf(l->text + l->len, left, format, args);
	va_end(args);
	if (n > 0)
		l->len += (size_t)n < left ? (size_t)n : left - 1;
}

static void add_escaped(struct line *l, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c > 0x7e || c == '\\')
			add(l, "\\x%02x", c);
		else if (l->len < sizeof(l->text) - 1)
			l->text[l->len++] = *text;
	}
}

static void add_time(struct line *l)
{
	struct timespec now;
	struct tm tm;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0 || !gmtime_r(&now.tv_sec, &tm)) {
		add(l, "no-time ");
		return;
	}
	l->len += strftime(l->text + l->len, sizeof(l->text) - l->len, "%Y-%m-%dT%H:%M:%S", &tm);
	add(l, ".%03dZ ", (int)(now.tv_nsec / 1000000));
}

static void add_context(struct line *l, const struct cv_log_ctx *ctx)
{
	const char *space = "";

	if (!ctx || (!ctx->conn && !ctx->ike_spi && !ctx->esp_spi))
		return;
	add(l, "[");
	if (ctx->conn) {
		add_escaped(l, ctx->conn);
		space = " ";
	}
	if (ctx->ike_spi) {
		add(l, "%s#%016llx", space, (unsigned long long)ctx->ike_spi);
		space = " ";
	}
	if (ctx->esp_spi)
		add(l, "%sesp %08x", space, (unsigned)ctx->esp_spi);
	add(l, "] ");
}

enum cv_err cv_log_open(enum cv_log_target new_target, const char *path, bool append)
{
	int fd = STDERR_FILENO;

	if (new_target == CV_LOG_TO_FILE) {
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | (append ? 0 : O_TRUNC),
			  0640);
		if (fd < 0)
			return CV_E_IO;
	}
	pthread_mutex_lock(&lock);
	if (target == CV_LOG_TO_FILE)
		close(target_fd);
	target = new_target;
	target_fd = fd;
	pthread_mutex_unlock(&lock);
	return CV_OK;
}

void cv_log_set_level(enum cv_log_level level)
{
	atomic_store(&max_level, (int)level);
}

void cv_log_set_time(bool yes)
{
	atomic_store(&with_time, yes);
}

bool cv_log_enabled(enum cv_log_level level)
{
	return (int)level <= atomic_load(&max_level);
}

/* One write where the system allows it, so that lines of several processes do not mix. A log that cannot be
 * written is no reason to stop. */
static void write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

/* Called with the lock held; start is where the line begins behind the time stamp. */
static void emit(enum cv_log_level level, struct line *l, size_t start)
{
	char priority[3] = { '<', level_priority[level], '>' };

	if (sink) {
		sink(sink_arg, level, l->text + start);
		return;
	}
	l->text[l->len++] = '\n';
	if (target == CV_LOG_TO_JOURNAL) {
		/* The journal stamps lines itself: the time in front gives way to the priority. */
		start -= sizeof(priority);
		memcpy(l->text + start, priority, sizeof(priority));
		write_all(target_fd, l->text + start, l->len - start);
	} else {
		start = atomic_load(&with_time) ? 0 : start;
		write_all(target_fd, l->text + start, l->len - start);
	}
}

void cv_log(enum cv_log_level level, const char *room, const struct cv_log_ctx *ctx, const char *format, ...)
{
	int saved_errno = errno;
	char text[TEXT_MAX];
	struct line l;
	size_t start;
	va_list args;
	int n;

	if (!cv_log_enabled(level))
		return;
	l.len = 0;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);
	add_time(&l);
	start = l.len;
	add(&l, "%s %s: ", level_name[level], room);
	add_context(&l, ctx);
	add_escaped(&l, text);
	if (l.len > sizeof(l.text) - 2)
		l.len = sizeof(l.text) - 2; /* room for the newline */
	l.text[l.len] = '\0';
	pthread_mutex_lock(&lock);
	emit(level, &l, start);
	pthread_mutex_unlock(&lock);
	errno = saved_errno;
}

bool cv_log_allowed(struct cv_log_limit *limit, uint64_t now_ms, uint64_t *dropped)
{
	*dropped = 0;
	/* The subtraction wraps around for a clock that went back: a new window then, too. */
	if (now_ms - limit->window_start_ms >= limit->interval_ms) {
		limit->window_start_ms = now_ms;
		limit->used = 0;
	}
	if (limit->used >= limit->burst) {
		limit->dropped++;
		return false;
	}
	limit->used++;
	*dropped = limit->dropped;
	limit->dropped = 0;
	return true;
}

const char *cv_log_left_out(uint64_t dropped, char out[CV_LOG_LEFT_OUT_MAX])
{
	out[0] = '\0';
	if (dropped)
		snprintf(out, CV_LOG_LEFT_OUT_MAX, " (%" PRIu64 " more were not logged)", dropped);
	return out;
}

void cv_log_set_sink(cv_log_sink new_sink, void *arg)
{
	pthread_mutex_lock(&lock);
	sink = new_sink;
	sink_arg = arg;
	pthread_mutex_unlock(&lock);
}
