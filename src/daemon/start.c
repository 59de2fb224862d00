/* Beginning and end of the process. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "crypto/prf.h"
#include "daemon/daemon.h"
#include "lib/log.h"

enum { STOP_MS = 3000, TUN_MTU = 1500 };

uint64_t daemon_now_ms(void)
{
	return uv_hrtime() / 1000000;
}

void daemon_random(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	while (len > 0) {
		ssize_t got = getrandom(out, len, 0);
		/* Only an interrupted call gives nothing; there is no going on without randomness. */
		if (got < 0)
			continue;
		out += got;
		len -= (size_t)got;
	}
}

void daemon_set_log(struct daemon *d, const struct conf_setup *setup)
{
	cv_log_set_level(d->options.debug ? CV_LOG_DEBUG : setup->log_level);
	cv_log_set_time(setup->logtime);
	if (d->options.log == NULL && setup->logfile[0] != 0 &&
	    cv_log_open(CV_LOG_TO_FILE, setup->logfile, setup->logappend) != CV_OK)
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, NULL, "cannot write the log to %s", setup->logfile);
}

/* --- signals --- */

static void on_signal(uv_signal_t *handle, int signal)
{
	struct daemon *d = handle->data;
	if (signal == SIGHUP) {
		/* Errors are in the log, and the old configuration stays. */
		if (!d->stopping && daemon_reload(d, NULL, NULL) != CV_OK)
			cv_log(CV_LOG_DEBUG, DAEMON_ROOM, NULL, "SIGHUP changed nothing");
		return;
	}
	cv_log(CV_LOG_NOTICE, DAEMON_ROOM, NULL, "%s: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
	daemon_stop(d);
}

static void start_signals(struct daemon *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		uv_signal_start(&d->signals[i], on_signal, numbers[i]);
	}
}

/* --- beginning --- */

static struct cv_bytes conn_key(const void *object)
{
	const struct daemon_conn *c = object;
	return cv_bytes(c->name, strlen(c->name));
}

static struct cv_bytes child_key(const void *object)
{
	const struct daemon_child *c = object;
	return cv_bytes(&c->spi_in, sizeof(c->spi_in));
}

static enum cv_err make_tables(struct daemon *d)
{
	uint8_t seed[16];
	daemon_random(NULL, seed, sizeof(seed));
	enum cv_err err = cv_table_new(&d->conns, conn_key, seed);
	if (err == CV_OK)
		err = cv_table_new(&d->children, child_key, seed);
	if (err == CV_OK)
		err = host_updown_new(&d->loop, &d->updown);
	return err;
}

static enum cv_err make_engine(struct daemon *d)
{
	const struct conf_setup *setup = conf_setup(d->conf);
	struct ike_engine_config config = {
		.random = daemon_random,
		.initiate_udp = setup->listen_udp,
		/* The userspace plane has no raw ESP. */
		.esp_needs_udp = true,
		.cookie_threshold = setup->cookie_never ? UINT32_MAX : setup->cookie_threshold,
		.halfopen_max = setup->halfopen_max,
		.cookie_always = setup->cookie_always,
		.uniqueids = setup->uniqueids,
	};
	return ike_engine_new(&config, daemon_now_ms(), &d->engine);
}

static enum cv_err make_plane(struct daemon *d)
{
	char text[200];
	struct plane_config config = { .mark = HOST_MARK,
				       .tun_mtu = TUN_MTU,
				       .udp_buffer = conf_setup(d->conf)->socket_buffer };
	struct plane_callbacks callbacks = daemon_plane_callbacks(d);
	enum cv_err err;

	memcpy(config.congestion, conf_setup(d->conf)->tcp_congestion, sizeof(config.congestion));
	err = plane_user_new(&d->loop, &config, &callbacks, &d->plane);
	if (err != CV_OK) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL,
		       "not started: no TUN device. 'busy' means that another culvertd runs in this network "
		       "namespace");
		return err;
	}
	err = host_tun_up(d->host, plane_tun_name(d->plane), TUN_MTU, text, sizeof(text));
	if (err != CV_OK)
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL, "%s", text);
	return err;
}

/* The routes follow at once; what the change means for the connections is the engine's to say. */
static void on_addresses(void *arg)
{
	struct daemon *d = arg;
	cv_log(CV_LOG_DEBUG, DAEMON_ROOM, NULL, "this host's addresses have changed");
	host_refresh(d->host);
}

static enum cv_err make_ctl(struct daemon *d)
{
	char path[300], text[400];
	struct ctl_server_callbacks callbacks = { .arg = d, .request = daemon_command };
	snprintf(path, sizeof(path), "%s/%s", d->options.run_dir, CTL_SOCKET_NAME);
	enum cv_err err = ctl_server_new(&d->loop, path, &callbacks, &d->ctl, text, sizeof(text));
	if (err != CV_OK)
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL, "%s", text);
	return err;
}

enum cv_err daemon_start(struct daemon *d)
{
	char text[300];
	uv_timer_init(&d->loop, &d->timer);
	uv_timer_init(&d->loop, &d->stop_timer);
	d->timer.data = d->stop_timer.data = d;
	start_signals(d);
	d->started = (int64_t)time(NULL);
	/* First: the host gets its network back from a killed process, whatever is wrong with the
	 * configuration. */
	enum cv_err err = host_new(d->options.run_dir, &d->host, text, sizeof(text));
	if (err != CV_OK) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL, "%s", text);
		return err;
	}
	err = daemon_config_read(d, &d->conf, &d->secrets, NULL, NULL);
	if (err != CV_OK) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL,
		       "not started: correct %s first; 'culvert check' reads it the same way",
		       d->options.config);
		return err;
	}
	daemon_set_log(d, conf_setup(d->conf));
	if ((err = crypto_init()) != CV_OK || (err = make_tables(d)) != CV_OK ||
	    (err = make_engine(d)) != CV_OK) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL, "cannot start: %s", cv_err_text(err));
		return err;
	}
	if ((err = make_plane(d)) != CV_OK || (err = daemon_listen(d, d->conf)) != CV_OK)
		return err;
	if (d->options.keylog != NULL)
		cv_log(CV_LOG_WARNING, DAEMON_ROOM, NULL,
		       "all session keys are written to %s: who reads them reads the tunnels",
		       d->options.keylog);
	err = host_monitor_new(&d->loop, on_addresses, d, &d->monitor);
	if (err != CV_OK) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL, "cannot watch this host's addresses: %s",
		       cv_err_text(err));
		return err;
	}
	daemon_conns_apply(d, d->conf);
	/* The socket last: who finds it finds everything ready. */
	err = make_ctl(d);
	if (err == CV_OK)
		cv_log(CV_LOG_NOTICE, DAEMON_ROOM, NULL, "culvertd %s is ready: %zu connections, device %s",
		       CULVERT_VERSION, cv_table_count(d->conns), plane_tun_name(d->plane));
	return err;
}

/* --- end --- */

static void stop_due(uv_timer_t *timer)
{
	cv_log(CV_LOG_WARNING, DAEMON_ROOM, NULL,
	       "not every peer has answered its Delete; stopping all the same");
	daemon_finish(timer->data);
}

void daemon_stop(struct daemon *d)
{
	struct ike_event event = { .type = IKE_EV_SHUTDOWN };
	if (d->stopping) {
		daemon_finish(d);
		return;
	}
	d->stopping = true;
	uv_timer_start(&d->stop_timer, stop_due, STOP_MS, 0);
	if (daemon_event(d, &event) != CV_OK)
		daemon_finish(d);
}

void daemon_finish(struct daemon *d)
{
	d->finished = true;
	uv_stop(&d->loop);
}

static bool drop_child(void *arg, void *object)
{
	daemon_child_remove(arg, ((struct daemon_child *)object)->spi_in);
	return true;
}

static void updown_done(void *arg)
{
	struct daemon *d = arg;
	d->updown = NULL;
}

static void close_handles(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->timer, NULL);
	uv_close((uv_handle_t *)&d->stop_timer, NULL);
	for (size_t i = 0; i < sizeof(d->signals) / sizeof(d->signals[0]); i++)
		uv_close((uv_handle_t *)&d->signals[i], NULL);
}

void daemon_free(struct daemon *d)
{
	d->stopping = d->finished = true;
	if (d->ctl != NULL)
		ctl_server_close(d->ctl);
	if (d->children != NULL)
		cv_table_each(d->children, drop_child, d);
	cv_table_free(d->children);
	daemon_conns_free(d);
	if (d->updown != NULL)
		host_updown_finish(d->updown, updown_done, d);
	host_monitor_free(d->monitor);
	host_free(d->host);
	plane_free(d->plane);
	ike_engine_free(d->engine);
	close_handles(d);
	/* Until the last answers are written and the scripts are done, each within its limit. */
	uv_run(&d->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&d->loop) != 0)
		cv_log(CV_LOG_DEBUG, DAEMON_ROOM, NULL, "the event loop was not empty");
	cv_timerq_free(&d->timers);
	conf_secrets_free(d->secrets);
	conf_free(d->conf);
	if (d->lock >= 0)
		close(d->lock);
}
