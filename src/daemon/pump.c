#include <string.h>

#include "daemon/daemon.h"
#include "lib/log.h"

static void answer_secret(struct daemon *d, const struct ike_output *out)
{
	struct ike_event answer = { .type = IKE_EV_SECRET, .request_id = out->request_id };
	if (d->secrets != NULL)
		answer.found = conf_secrets_find(d->secrets, &out->query, &answer.secret) == CV_OK;
	if (daemon_event(d, &answer) != CV_OK)
		cv_log(CV_LOG_DEBUG, DAEMON_ROOM, NULL, "a secret came too late");
}

static void take_report(struct daemon *d, const struct ike_output *out)
{
	struct cv_log_ctx ctx = { .conn = out->conn };
	/* Progress and failures the engine has logged itself. */
	if (out->report == IKE_REPORT_UP || out->report == IKE_REPORT_DOWN)
		cv_log(CV_LOG_NOTICE, DAEMON_ROOM, &ctx, "%s", out->text);
	if (out->request_id != 0 && out->report == IKE_REPORT_PROGRESS)
		ctl_server_progress(d->ctl, out->request_id, out->text);
	else if (out->request_id != 0)
		ctl_server_done(d->ctl, out->request_id, out->report != IKE_REPORT_FAILED, out->text, NULL);
	daemon_conn_reported(d, out->conn, out->report);
}

static void carry_out(struct daemon *d, const struct ike_output *out)
{
	switch (out->type) {
	case IKE_OUT_SEND: plane_send_ike(d->plane, &out->path, out->message); break;
	case IKE_OUT_STREAM_OPEN: plane_stream_open(d->plane, &out->path); break;
	case IKE_OUT_STREAM_CLOSE: plane_stream_close(d->plane, out->path.stream_id); break;
	case IKE_OUT_WANT_SECRET: answer_secret(d, out); break;
	case IKE_OUT_CHILD_INSTALL: daemon_child_install(d, out->child); break;
	case IKE_OUT_CHILD_PATH: daemon_child_path(d, out->spi_in, &out->path); break;
	case IKE_OUT_CHILD_REMOVE: daemon_child_remove(d, out->spi_in); break;
	case IKE_OUT_REPORT: take_report(d, out); break;
	case IKE_OUT_KEEPALIVE: plane_send_keepalive(d->plane, &out->path); break;
	case IKE_OUT_USAGE_WANTED: daemon_child_usage(d, out->spi_in); break;
	case IKE_OUT_IDLE: daemon_finish(d); break;
	default: break;
	}
}

/* What carrying out an output causes is fed to the engine at once, and what that causes waits its turn here.
 */
static void pump(struct daemon *d)
{
	if (d->pumping || d->finished)
		return;
	d->pumping = true;
	for (;;) {
		struct ike_output out = ike_engine_output(d->engine);
		if (out.type == IKE_OUT_NONE)
			break;
		carry_out(d, &out);
	}
	d->pumping = false;
	daemon_timer_arm(d);
}

enum cv_err daemon_event(struct daemon *d, const struct ike_event *event)
{
	if (d->engine == NULL)
		return CV_E_STATE;
	enum cv_err err = ike_engine_event(d->engine, daemon_now_ms(), event);
	pump(d);
	return err;
}

void daemon_timer_due(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	uint64_t now = daemon_now_ms();
	cv_timerq_run(&d->timers, now);
	if (ike_engine_next_ms(d->engine) <= now)
		ike_engine_tick(d->engine, now);
	pump(d);
	daemon_timer_arm(d);
}

void daemon_timer_arm(struct daemon *d)
{
	uint64_t next = ike_engine_next_ms(d->engine), retry = cv_timerq_next_ms(&d->timers),
		 now = daemon_now_ms();
	if (retry < next)
		next = retry;
	if (d->finished || next == CV_NEVER) {
		uv_timer_stop(&d->timer);
		return;
	}
	uv_update_time(&d->loop);
	uv_timer_start(&d->timer, daemon_timer_due, next > now ? next - now : 0, 0);
}

/* --- what the plane tells --- */

static void feed_path(struct daemon *d, uint8_t type, const struct ike_path *path, int os_error)
{
	struct ike_event event = { .type = type, .path = *path, .os_error = os_error };
	if (daemon_event(d, &event) != CV_OK)
		cv_log(CV_LOG_DEBUG, DAEMON_ROOM, NULL, "the engine has no use for event %u", type);
}

static void on_message(void *arg, const struct ike_path *path, struct cv_bytes message)
{
	struct ike_event event = { .type = IKE_EV_MESSAGE, .path = *path, .message = message };
	if (daemon_event(arg, &event) != CV_OK)
		cv_log(CV_LOG_DEBUG, DAEMON_ROOM, NULL, "a message was not taken");
}

static void on_stream_opened(void *arg, const struct ike_path *path)
{
	feed_path(arg, IKE_EV_STREAM_OPENED, path, 0);
}

static void on_stream_failed(void *arg, const struct ike_path *path, int os_error)
{
	feed_path(arg, IKE_EV_STREAM_FAILED, path, os_error);
}

static void on_stream_lost(void *arg, const struct ike_path *path, int os_error)
{
	feed_path(arg, IKE_EV_STREAM_LOST, path, os_error);
}

static void on_udp_refused(void *arg, const struct ike_path *path, int os_error)
{
	feed_path(arg, IKE_EV_UDP_REFUSED, path, os_error);
}

static void on_child_moved(void *arg, uint32_t spi_in, const struct ike_path *path)
{
	struct daemon *d = arg;
	const struct daemon_child *c = cv_table_get(d->children, cv_bytes(&spi_in, sizeof(spi_in)));
	struct ike_event event = { .type = IKE_EV_CHILD_MOVED, .spi_in = spi_in, .path = *path };
	char text[CV_ADDR_TEXT_MAX];
	struct cv_log_ctx ctx = { .conn = c == NULL ? NULL : c->conn, .esp_spi = spi_in };
	cv_log(CV_LOG_INFO, DAEMON_ROOM, &ctx, "the peer's ESP now comes from %s",
	       cv_addr_text(&path->remote, text));
	if (daemon_event(d, &event) != CV_OK)
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, &ctx, "the answers cannot follow it");
}

static void on_child_failed(void *arg, uint32_t spi_in, enum cv_err why)
{
	struct ike_event event = { .type = IKE_EV_CHILD_FAILED, .spi_in = spi_in };
	struct cv_log_ctx ctx = { .esp_spi = spi_in };
	cv_log(CV_LOG_WARNING, DAEMON_ROOM, &ctx, "this Child SA can no longer be used: %s",
	       cv_err_text(why));
	if (daemon_event(arg, &event) != CV_OK)
		daemon_child_remove(arg, spi_in);
}

static void on_acquire(void *arg, const char *conn, const struct wire_ts *src, const struct wire_ts *dst)
{
	struct ike_event event = { .type = IKE_EV_ACQUIRE, .packet_src = *src, .packet_dst = *dst };
	struct cv_log_ctx ctx = { .conn = conn };
	strncpy(event.conn, conn, sizeof(event.conn) - 1);
	if (daemon_event(arg, &event) != CV_OK)
		cv_log(CV_LOG_DEBUG, DAEMON_ROOM, &ctx, "a packet asked for a connection that is gone");
}

struct plane_callbacks daemon_plane_callbacks(struct daemon *d)
{
	return (struct plane_callbacks){
		.arg = d,
		.message = on_message,
		.stream_opened = on_stream_opened,
		.stream_failed = on_stream_failed,
		.stream_lost = on_stream_lost,
		.udp_refused = on_udp_refused,
		.child_moved = on_child_moved,
		.child_failed = on_child_failed,
		.acquire = on_acquire,
	};
}
