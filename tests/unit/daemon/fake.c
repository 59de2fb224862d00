#include "fake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/addresses.h"

static char said[8192], given[8192];
static struct ike_output outputs[16];
static size_t output_first, output_end;
static struct ike_sa_info sas[4];
static struct ike_child_info children[4];
static size_t sa_count, child_count;
static bool fail_plane, fail_host, secret_found;
static char secret[128];
static struct ike_counters counters;

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	va_list args;
	size_t len = strlen(said);
	va_start(args, format);
	if (len > 0 && len + 1 < sizeof(said))
		said[len++] = ' ';
	vsnprintf(said + len, sizeof(said) - len, format, args);
	va_end(args);
}

const char *fake_said(void)
{
	memcpy(given, said, sizeof(given));
	said[0] = 0;
	return given;
}

void fake_reset(void)
{
	said[0] = 0;
	output_first = output_end = 0;
	sa_count = child_count = 0;
	fail_plane = fail_host = secret_found = false;
}

void fake_output(const struct ike_output *out)
{
	outputs[output_end++ % 16] = *out;
}

void fake_sa(const struct ike_sa_info *info)
{
	sas[sa_count++] = *info;
}

void fake_child(const struct ike_child_info *info)
{
	children[child_count++] = *info;
}

void fake_fail_plane(void)
{
	fail_plane = true;
}

void fake_fail_host(void)
{
	fail_host = true;
}

bool fake_secret_found(void)
{
	return secret_found;
}

const char *fake_secret(void)
{
	return secret;
}

/* --- the engine --- */

struct ike_engine {
	int unused;
};

enum cv_err ike_engine_new(const struct ike_engine_config *config, uint64_t now_ms, struct ike_engine **out)
{
	(void)config;
	(void)now_ms;
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? CV_E_NOMEM : CV_OK;
}

void ike_engine_free(struct ike_engine *e)
{
	free(e);
}

enum cv_err ike_engine_event(struct ike_engine *e, uint64_t now_ms, const struct ike_event *event)
{
	(void)e;
	(void)now_ms;
	switch (event->type) {
	case IKE_EV_UP: say("up:%s", event->conn); break;
	case IKE_EV_DOWN: say("down:%s", event->conn); break;
	case IKE_EV_CONN_SET: say("set:%s", event->policy->name); break;
	case IKE_EV_CONN_REMOVE: say("remove:%s", event->conn); break;
	case IKE_EV_ACQUIRE: say("acquire:%s", event->conn); break;
	case IKE_EV_CHILD_FAILED: say("child_failed:%x", event->spi_in); break;
	case IKE_EV_CHILD_USAGE:
		say("usage:%x:%u:%u", event->spi_in, (unsigned)event->last_in_ms,
		    (unsigned)event->last_out_ms);
		break;
	case IKE_EV_SHUTDOWN: say("shutdown"); break;
	case IKE_EV_SECRET:
		secret_found = event->found;
		snprintf(secret, sizeof(secret), "%.*s", (int)event->secret.len,
			 event->secret.len == 0 ? "" : (const char *)event->secret.data);
		say("secret:%u", (unsigned)event->request_id);
		break;
	default: say("event:%u", event->type); break;
	}
	return CV_OK;
}

uint64_t ike_engine_next_ms(const struct ike_engine *e)
{
	(void)e;
	return CV_NEVER;
}

void ike_engine_tick(struct ike_engine *e, uint64_t now_ms)
{
	(void)e;
	(void)now_ms;
}

struct ike_output ike_engine_output(struct ike_engine *e)
{
	(void)e;
	return output_first == output_end ? (struct ike_output){ .type = IKE_OUT_NONE }
					  : outputs[output_first++ % 16];
}

void ike_engine_each_sa(const struct ike_engine *e, bool (*visit)(void *arg, const struct ike_sa_info *info),
			void *arg)
{
	(void)e;
	for (size_t i = 0; i < sa_count && visit(arg, &sas[i]); i++)
		continue;
}

void ike_engine_each_child(const struct ike_engine *e,
			   bool (*visit)(void *arg, const struct ike_child_info *info), void *arg)
{
	(void)e;
	for (size_t i = 0; i < child_count && visit(arg, &children[i]); i++)
		continue;
}

const char *ike_engine_last_error(const struct ike_engine *e, const char *conn)
{
	(void)e;
	return strcmp(conn, "failing") == 0 ? "nobody answers" : "";
}

const struct ike_counters *ike_engine_counters(const struct ike_engine *e)
{
	(void)e;
	return &counters;
}

enum cv_err ike_engine_export_keys(const struct ike_engine *e, uint64_t spi_local, struct ike_sa_keys *out)
{
	(void)e;
	(void)spi_local;
	(void)out;
	return CV_E_NOTFOUND;
}

const char *ike_sa_state_name(uint8_t state)
{
	return state == IKE_SA_ESTABLISHED ? "established" : "init sent";
}

/* --- the plane --- */

enum cv_err plane_user_new(uv_loop_t *loop, const struct plane_config *config,
			   const struct plane_callbacks *callbacks, struct plane **out)
{
	(void)loop;
	(void)config;
	(void)callbacks;
	*out = NULL;
	return CV_OK;
}

void plane_free(struct plane *p)
{
	(void)p;
}

enum cv_err plane_listen_udp(struct plane *p, const struct cv_addr *at, char *text, size_t cap)
{
	(void)p;
	if (at->port == 9) {
		snprintf(text, cap, "port 9 is taken");
		return CV_E_IO;
	}
	say("listen_udp:%u", at->port);
	return CV_OK;
}

enum cv_err plane_listen_tcp(struct plane *p, const struct cv_addr *at, char *text, size_t cap)
{
	(void)p;
	(void)text;
	(void)cap;
	say("listen_tcp:%u", at->port);
	return CV_OK;
}

void plane_unlisten(struct plane *p, uint8_t transport, const struct cv_addr *at)
{
	(void)p;
	say("unlisten_%s:%u", transport == IKE_TCP ? "tcp" : "udp", at->port);
}

void plane_stream_open(struct plane *p, const struct ike_path *path)
{
	(void)p;
	say("stream_open:%u", (unsigned)path->stream_id);
}

void plane_stream_close(struct plane *p, uint64_t stream_id)
{
	(void)p;
	say("stream_close:%u", (unsigned)stream_id);
}

void plane_stream_trusted(struct plane *p, uint64_t stream_id)
{
	(void)p;
	say("trusted:%u", (unsigned)stream_id);
}

void plane_send_ike(struct plane *p, const struct ike_path *path, struct cv_bytes message)
{
	(void)p;
	(void)path;
	say("send:%u", (unsigned)message.len);
}

void plane_send_keepalive(struct plane *p, const struct ike_path *path)
{
	(void)p;
	(void)path;
	say("keepalive");
}

enum cv_err plane_child_install(struct plane *p, const struct ike_child_sa *child)
{
	(void)p;
	if (fail_plane) {
		fail_plane = false;
		return CV_E_UNSUPPORTED;
	}
	say("plane_install:%x", child->spi_in);
	return CV_OK;
}

void plane_child_path(struct plane *p, uint32_t spi_in, const struct ike_path *path)
{
	(void)p;
	(void)path;
	say("plane_path:%x", spi_in);
}

void plane_child_remove(struct plane *p, uint32_t spi_in)
{
	(void)p;
	say("plane_remove:%x", spi_in);
}

enum cv_err plane_trap_add(struct plane *p, const char *conn, const struct wire_ts_list *local,
			   const struct wire_ts_list *remote)
{
	(void)p;
	say("trap:%s:%ux%u", conn, local->count, remote->count);
	return CV_OK;
}

void plane_trap_remove(struct plane *p, const char *conn)
{
	(void)p;
	say("untrap:%s", conn);
}

bool plane_child_stats(struct plane *p, uint32_t spi_in, struct plane_child_stats *out)
{
	(void)p;
	if (spi_in == 0)
		return false;
	out->bytes_in = 1000;
	out->last_in_ms = 11;
	out->last_out_ms = 22;
	return true;
}

void plane_stats(struct plane *p, struct plane_stats *out)
{
	(void)p;
	strcpy(out->crypto, "none");
}

const char *plane_tun_name(const struct plane *p)
{
	(void)p;
	return "fake0";
}

uint32_t plane_child_mtu(struct plane *p, uint32_t spi_in)
{
	(void)p;
	(void)spi_in;
	return 1390;
}

/* --- the host --- */

struct host {
	int unused;
};

enum cv_err host_new(const char *run_dir, struct host **out, char *text, size_t cap)
{
	(void)run_dir;
	(void)text;
	(void)cap;
	*out = calloc(1, sizeof(**out));
	return CV_OK;
}

void host_free(struct host *h)
{
	free(h);
}

enum cv_err host_tun_up(struct host *h, const char *name, uint32_t mtu, char *text, size_t cap)
{
	(void)h;
	(void)name;
	(void)mtu;
	(void)text;
	(void)cap;
	return CV_OK;
}

enum cv_err host_child_add(struct host *h, const struct host_child *child, char *text, size_t cap)
{
	(void)h;
	if (fail_host) {
		fail_host = false;
		snprintf(text, cap, "no route today");
		return CV_E_IO;
	}
	say("route:%llx:%u", (unsigned long long)child->id, child->mtu);
	return CV_OK;
}

void host_child_remove(struct host *h, uint64_t id)
{
	(void)h;
	say("unroute:%llx", (unsigned long long)id);
}

void host_child_mtu(struct host *h, uint64_t id, uint32_t mtu)
{
	(void)h;
	say("mtu:%llx:%u", (unsigned long long)id, mtu);
}

void host_refresh(struct host *h)
{
	(void)h;
	say("refresh");
}

struct cv_ip host_child_source(const struct host *h, uint64_t id, uint8_t family)
{
	(void)h;
	(void)id;
	(void)family;
	return (struct cv_ip){ 0 };
}

/* This host is 192.0.2.1. */
enum cv_err host_addresses_read(struct host_addresses *out)
{
	out->at = calloc(1, sizeof(*out->at));
	out->count = 1;
	out->at[0] = (struct host_address){ .ip = { CV_IPV4, { 192, 0, 2, 1 } }, .bits = 24, .global = true };
	return CV_OK;
}

void host_addresses_free(struct host_addresses *a)
{
	free(a->at);
}

bool host_addresses_has(const struct host_addresses *a, const struct cv_ip *ip)
{
	return cv_ip_equal(&a->at[0].ip, ip);
}

enum cv_err host_way_to(const struct cv_ip *destination, struct host_way *out)
{
	(void)destination;
	(void)out;
	return CV_E_NOTFOUND;
}

enum cv_err host_default_way(uint8_t family, struct host_way *out)
{
	(void)family;
	(void)out;
	return CV_E_NOTFOUND;
}
