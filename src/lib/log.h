/* The one way to say something. Every line has a level, a room and, where they are known, the
 * connection's name and the SA's SPI. Safe to call from any thread. */
#ifndef CULVERT_LIB_LOG_H
#define CULVERT_LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

enum cv_log_level { CV_LOG_ERROR, CV_LOG_WARNING, CV_LOG_NOTICE, CV_LOG_INFO, CV_LOG_DEBUG };

/* Whom a line is about; any part may be empty. */
struct cv_log_ctx {
	const char *conn; /* connection name or NULL */
	uint64_t ike_spi; /* our SPI of the IKE SA or 0 */
	uint32_t esp_spi; /* SPI of a Child SA or 0 */
};

/* Where lines go. Default: stderr, level INFO. */
enum cv_log_target { CV_LOG_TO_STDERR, CV_LOG_TO_FILE, CV_LOG_TO_JOURNAL };
/* path: for CV_LOG_TO_FILE. append: false starts the file anew. CV_E_IO leaves the old target. */
enum cv_err cv_log_open(enum cv_log_target target, const char *path, bool append) CV_NODISCARD;
void cv_log_set_level(enum cv_log_level level);
void cv_log_set_time(bool with_time); /* stamp lines on stderr and in files; default yes */
bool cv_log_enabled(enum cv_log_level level);

/* One line: "TIME LEVEL ROOM: [CONN #IKESPI esp SPI] TEXT". What is not printable ASCII comes out as \xNN, so
 * text from a peer may be given as it is (with %s). Keeps errno. */
void cv_log(enum cv_log_level level, const char *room, const struct cv_log_ctx *ctx, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* For lines that a peer can cause: at most `burst` lines per `interval_ms`; what was left out is counted and
 * said with the next line. One limiter per kind of line, static or in the object it is about.
 * now_ms: the caller's clock (any monotonic milliseconds). Returns true when the line may be written;
 * *dropped then holds how many were left out since the last. One thread at a time per limiter. */
struct cv_log_limit {
	uint32_t burst;
	uint32_t interval_ms;
	uint64_t window_start_ms;
	uint32_t used;
	uint64_t dropped;
};
bool cv_log_allowed(struct cv_log_limit *limit, uint64_t now_ms, uint64_t *dropped);
/* " (7 more were not logged)" for the end of the line, "" for none. Returns out. */
#define CV_LOG_LEFT_OUT_MAX 64
const char *cv_log_left_out(uint64_t dropped, char out[CV_LOG_LEFT_OUT_MAX]);

/* Tests and the simulator catch lines here instead; NULL ends it. The line has no time stamp and no newline.
 * The sink must not log itself. */
typedef void (*cv_log_sink)(void *arg, enum cv_log_level level, const char *line);
void cv_log_set_sink(cv_log_sink sink, void *arg);

#endif
