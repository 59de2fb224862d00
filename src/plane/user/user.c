#include "plane/user/user.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "crypto/version.h"
#include "xport/pace.h"

/* --- what the threads share --- */

void user_child_stats_unref(struct user_child_stats *s)
{
	if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1)
		free(s);
}

void user_udp_ref(struct user_udp *u)
{
	atomic_fetch_add(&u->refs, 1);
}

void user_udp_unref(struct user_udp *u)
{
	if (u == NULL || atomic_fetch_sub(&u->refs, 1) != 1)
		return;
	close(u->udp.fd);
	uv_sem_destroy(&u->released);
	free(u);
}

void user_udp_release(struct user_udp *u)
{
	user_udp_unref(u); /* control's reference keeps it */
	uv_sem_post(&u->released);
}

void user_stream_ref(struct user_stream *s)
{
	atomic_fetch_add(&s->refs, 1);
}

void user_stream_unref(struct user_stream *s)
{
	if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1)
		free(s);
}

void user_stream_use(struct user_stream *s)
{
	user_stream_ref(s);
	atomic_fetch_add(&s->users, 1);
}

void user_stream_unuse(struct user_stream *s)
{
	if (atomic_fetch_sub(&s->users, 1) == 1 && s->fd >= 0)
		close(s->fd);
	user_stream_unref(s);
}

uint64_t user_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void user_random(uint8_t *out, size_t len)
{
	memset(out, 0, len);
	while (getrandom(out, len, 0) < 0 && errno == EINTR)
		continue;
}

enum cv_err user_table_new(struct cv_table **out, struct cv_bytes (*key_of)(const void *object))
{
	uint8_t seed[16];

	user_random(seed, sizeof seed);
	return cv_table_new(out, key_of, seed);
}

enum cv_err user_thread_start(uv_thread_t *thread, const char *name, uv_thread_cb run, void *arg)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = uv_thread_create(thread, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		(void)pthread_setname_np(*thread, name);
	return rc == 0 ? CV_OK : CV_E_INTERNAL;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void user_loop_abandon(uv_loop_t *loop)
{
	uv_walk(loop, close_handle, NULL);
	(void)uv_run(loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(loop);
}

/* --- the plane --- */

static void set_default(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void set_defaults(struct plane_config *c)
{
	if (c->tun_name[0] == '\0')
		memcpy(c->tun_name, "culvert0", sizeof "culvert0");
	set_default(&c->tun_mtu, 1500);
	set_default(&c->stream_first_message_ms, 5000);
	set_default(&c->stream_trusted_ms, 60000);
	set_default(&c->streams_max, 1024);
	set_default(&c->streams_per_source, 64);
	set_default(&c->workers, 1);
}

/* The name is empty from here on where the system's own control is to be left as it is. */
static void choose_congestion(struct plane_config *c)
{
	static const char best[] = "bbr";
	bool asked = c->congestion[0] != '\0';

	if (strcmp(c->congestion, "system") == 0) {
		c->congestion[0] = '\0';
		return;
	}
	if (!asked)
		memcpy(c->congestion, best, sizeof best);
	if (xport_congestion_known(c->congestion))
		return;
	if (asked)
		cv_log(CV_LOG_WARNING, USER_ROOM, NULL,
		       "tcp-congestion=%s: the kernel does not have it (sysctl "
		       "net.ipv4.tcp_available_congestion_control "
		       "names what it has); TCP streams use the system's",
		       c->congestion);
	c->congestion[0] = '\0';
}

static struct cv_bytes stream_key(const void *object)
{
	const struct user_stream *s = object;

	return cv_bytes(&s->path.stream_id, sizeof s->path.stream_id);
}

static struct cv_bytes child_key(const void *object)
{
	const struct user_child *c = object;

	return cv_bytes(&c->spi_in, sizeof c->spi_in);
}

static void release(struct plane *p)
{
	user_queue_free(&p->events);
	cv_table_free(p->streams);
	cv_table_free(p->children);
	free(p);
}

static void on_handle_closed(uv_handle_t *handle)
{
	user_handle_gone(handle->data);
}

void user_handle_gone(struct plane *p)
{
	if (--p->handles == 0 && p->closing)
		release(p);
}

static enum cv_err start(struct plane *p)
{
	const char *step = NULL;
	enum cv_err err = tun_open(&p->tun, p->config.tun_name, p->config.tun_mtu, &step);

	if (err != CV_OK) {
		cv_log(CV_LOG_ERROR, USER_ROOM, NULL, "cannot %s %s: %s", step, p->config.tun_name,
		       strerror(errno));
		return err;
	}
	cv_log(CV_LOG_INFO, USER_ROOM, NULL, "device %s is up%s%s", p->tun.name,
	       p->tun.tso ? ", with TCP super-packets" : "", p->tun.uso ? " and UDP super-packets" : "");
	err = inbound_new(p, &p->inbound);
	return err == CV_OK ? outbound_new(p, &p->outbound) : err;
}

enum cv_err plane_user_new(uv_loop_t *loop, const struct plane_config *config,
			   const struct plane_callbacks *callbacks, struct plane **out)
{
	struct plane *p = calloc(1, sizeof *p);
	enum cv_err err;

	if (p == NULL)
		return CV_E_NOMEM;
	p->loop = loop;
	p->config = *config;
	p->callbacks = *callbacks;
	p->tun.fd = -1;
	p->stranger_log = (struct cv_log_limit){ .burst = 5, .interval_ms = 10000 };
	p->event_log = (struct cv_log_limit){ .burst = 5, .interval_ms = 10000 };
	set_defaults(&p->config);
	choose_congestion(&p->config);
	err = user_table_new(&p->streams, stream_key);
	if (err == CV_OK)
		err = user_table_new(&p->children, child_key);
	if (err == CV_OK)
		err = user_queue_init(&p->events, loop, user_events_run, p);
	if (err != CV_OK) {
		release(p);
		return err;
	}
	(void)uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	p->handles = 2;
	err = start(p);
	if (err == CV_OK)
		*out = p;
	else
		plane_free(p);
	return err;
}

void plane_free(struct plane *p)
{
	if (p == NULL)
		return;
	p->closing = true;
	outbound_free(p->outbound);
	inbound_free(p->inbound);
	p->outbound = NULL;
	p->inbound = NULL;
	user_streams_free(p);
	user_children_free(p);
	user_listen_free(p);
	tun_close(&p->tun);
	uv_close((uv_handle_t *)&p->timer, on_handle_closed);
	uv_close((uv_handle_t *)&p->events.wake, on_handle_closed);
}

const char *plane_tun_name(const struct plane *p)
{
	return p->tun.name;
}

void plane_stats(struct plane *p, struct plane_stats *out)
{
	*out = (struct plane_stats){
		.unknown_spi = user_counted(&p->stats.unknown_spi),
		.bad_frames = user_counted(&p->stats.bad_frames),
		.streams_accepted = user_counted(&p->stats.streams_accepted),
		.streams_refused = user_counted(&p->stats.streams_refused),
		.streams_timed_out = user_counted(&p->stats.streams_timed_out),
		.no_policy = user_counted(&p->stats.no_policy),
		.bad_tun = user_counted(&p->stats.bad_tun),
		.udp_dropped = user_counted(&p->stats.udp_dropped),
		.tun_refused = user_counted(&p->stats.tun_refused),
		.streams_open = (uint32_t)cv_table_count(p->streams),
	};
	snprintf(out->crypto, sizeof out->crypto, "%s", crypto_bulk_name());
}
