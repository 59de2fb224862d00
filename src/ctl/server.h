/* The control socket's daemon side: accepts, reads requests, and sends their answers, whatever the other end
 * does. Only root and the daemon's own user are served. The process has to ignore SIGPIPE. */
#ifndef CULVERT_CTL_SERVER_H
#define CULVERT_CTL_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "ctl/protocol.h"
#include "lib/err.h"

struct ctl_server;

struct ctl_server_callbacks {
	void *arg;
	/* Must be answered with ctl_server_done, now or later. `id` is never 0 and never used twice. */
	void (*request)(void *arg, uint64_t id, const struct ctl_request *request);
};

/* Listens at path (a leftover socket there is replaced). On failure text says why. */
enum cv_err ctl_server_new(uv_loop_t *loop, const char *path, const struct ctl_server_callbacks *callbacks,
			   struct ctl_server **out, char *text, size_t cap) CV_NODISCARD;
/* Stops listening, removes the socket file, and closes all clients once their answers are written, or after a
 * second. The object goes when the loop has closed its handles. */
void ctl_server_close(struct ctl_server *s);

/* A progress line of a running request. Does nothing when its client has gone. */
void ctl_server_progress(struct ctl_server *s, uint64_t id, const char *text);
/* The last line of a request: ok or failed. data may be NULL; the reference is taken. Does nothing but
 * release data when its client has gone. */
void ctl_server_done(struct ctl_server *s, uint64_t id, bool ok, const char *text, json_t *data);

/* The same with a text made of format, and no data. */
void ctl_server_answer(struct ctl_server *s, uint64_t id, bool ok, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
