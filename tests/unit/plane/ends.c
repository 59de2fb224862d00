#include "ends.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "crypto/prf.h"
#include "wire/numbers.h"

enum { PATIENCE_MS = 60000 }; /* of a test that would otherwise wait for ever */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		printf("cannot write %s\n", path);
	close(fd);
}

bool ends_enter(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int s;

	if (unshare(CLONE_NEWNET) < 0 || access("/dev/net/tun", R_OK | W_OK) < 0) {
		printf("skipped: needs root and /dev/net/tun (%s)\n", strerror(errno));
		return false;
	}
	s = socket(AF_INET, SOCK_DGRAM, 0);
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) < 0) {
		printf("skipped: cannot bring up the loopback (%s)\n", strerror(errno));
		return false;
	}
	close(s);
	/* The stack itself is to stay silent on the devices of the test. */
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	return crypto_init() == CV_OK;
}

/* --- callbacks --- */

static void on_message(void *arg, const struct ike_path *path, struct cv_bytes message)
{
	struct end_log *l = &((struct end *)arg)->log;

	l->messages++;
	l->path = *path;
	l->message_len = message.len < sizeof l->message ? message.len : sizeof l->message;
	memcpy(l->message, message.data, l->message_len);
}

static void on_opened(void *arg, const struct ike_path *path)
{
	struct end *e = arg;

	e->log.opened++;
	e->log.path = *path;
}

static void on_failed(void *arg, const struct ike_path *path, int os_error)
{
	struct end *e = arg;

	e->log.failed++;
	e->log.path = *path;
	e->log.os_error = os_error;
}

static void on_lost(void *arg, const struct ike_path *path, int os_error)
{
	struct end *e = arg;

	e->log.lost++;
	e->log.path = *path;
	e->log.os_error = os_error;
}

static void on_refused(void *arg, const struct ike_path *path, int os_error)
{
	struct end *e = arg;

	e->log.refused++;
	e->log.path = *path;
	e->log.os_error = os_error;
}

static void on_moved(void *arg, uint32_t spi_in, const struct ike_path *path)
{
	struct end *e = arg;

	e->log.moved++;
	e->log.spi = spi_in;
	e->log.path = *path;
}

static void on_child_failed(void *arg, uint32_t spi_in, enum cv_err why)
{
	struct end *e = arg;

	(void)why;
	e->log.child_failed++;
	e->log.spi = spi_in;
}

static void on_acquire(void *arg, const char *conn, const struct wire_ts *src, const struct wire_ts *dst)
{
	struct end *e = arg;

	e->log.acquired++;
	e->log.src = *src;
	e->log.dst = *dst;
	strncpy(e->log.conn, conn, sizeof e->log.conn - 1);
}

/* --- ends --- */

static int open_tap(const char *tun)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(tun) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;
	int big = 16 * 1024 * 1024;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one), 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

void end_start(struct end *e, const char *tun)
{
	struct plane_callbacks callbacks = { .arg = e,
					     .message = on_message,
					     .stream_opened = on_opened,
					     .stream_failed = on_failed,
					     .stream_lost = on_lost,
					     .udp_refused = on_refused,
					     .child_moved = on_moved,
					     .child_failed = on_child_failed,
					     .acquire = on_acquire };

	memset(&e->log, 0, sizeof e->log);
	strncpy(e->config.tun_name, tun, sizeof e->config.tun_name - 1);
	assert_int_equal(uv_loop_init(&e->loop), 0);
	assert_int_equal(plane_user_new(&e->loop, &e->config, &callbacks, &e->plane), CV_OK);
	assert_string_equal(plane_tun_name(e->plane), tun);
	e->tap = open_tap(tun);
}

void end_stop(struct end *e)
{
	close(e->tap);
	plane_free(e->plane);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&e->loop), 0);
	memset(e, 0, sizeof *e);
}

void ends_run(struct end *a, struct end *b, bool (*done)(void *arg), void *arg)
{
	for (unsigned ms = 0; !done(arg); ms++) {
		if (ms == PATIENCE_MS)
			fail_msg("what was waited for did not come");
		uv_run(&a->loop, UV_RUN_NOWAIT);
		if (b != NULL)
			uv_run(&b->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

void ends_idle(struct end *a, struct end *b, unsigned ms)
{
	while (ms-- > 0) {
		uv_run(&a->loop, UV_RUN_NOWAIT);
		if (b != NULL)
			uv_run(&b->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

struct cv_addr ends_addr(const char *ip, uint16_t port)
{
	struct cv_addr a = { .port = port };

	assert_int_equal(cv_ip_parse(ip, &a.ip), CV_OK);
	return a;
}

void end_listen(struct end *e, uint8_t transport, const struct cv_addr *at)
{
	char text[200] = "";
	enum cv_err err = transport == IKE_TCP ? plane_listen_tcp(e->plane, at, text, sizeof text)
					       : plane_listen_udp(e->plane, at, text, sizeof text);

	if (err != CV_OK)
		fail_msg("%s", text);
}

/* --- Child SAs --- */

static struct wire_ts range(const char *first, const char *last)
{
	struct wire_ts ts = { .port_last = 65535 };

	assert_int_equal(cv_ip_parse(first, &ts.first), CV_OK);
	assert_int_equal(cv_ip_parse(last, &ts.last), CV_OK);
	return ts;
}

static void key_of(struct cv_key *k, uint32_t spi)
{
	uint64_t seed = spi;

	k->len = 36;
	octets_random_fill(&seed, k->b, k->len);
}

struct ike_child_sa ends_child(uint32_t spi_in, uint32_t spi_out, bool low, const struct ike_path *path)
{
	const struct wire_ts_list source = { .count = 2,
					     .ts = { range("10.1.0.0", "10.1.255.255"),
						     range("fd01::",
							   "fd01:ffff:ffff:ffff:ffff:ffff:ffff:ffff") } };
	const struct wire_ts_list target = { .count = 2,
					     .ts = { range("10.2.0.0", "10.2.255.255"),
						     range("fd02::",
							   "fd02:ffff:ffff:ffff:ffff:ffff:ffff:ffff") } };
	struct ike_child_sa child = { .conn = "test",
				      .spi_in = spi_in,
				      .spi_out = spi_out,
				      .encr = WIRE_ENCR_AES_GCM_16,
				      .key_bits = 256,
				      .esn = true,
				      .replay_window = 8192,
				      .local = low ? source : target,
				      .remote = low ? target : source,
				      .path = *path };

	key_of(&child.encr_key_in, spi_in);
	key_of(&child.encr_key_out, spi_out);
	return child;
}

static struct esp_params peer_params(const struct ike_child_sa *child, uint32_t spi, const struct cv_key *key)
{
	return (struct esp_params){ .spi = spi,
				    .encr = child->encr,
				    .key_bits = child->key_bits,
				    .esn = child->esn,
				    .replay_window = 8192,
				    .encr_key = cv_key_bytes(key) };
}

struct esp_out *ends_peer_out(const struct ike_child_sa *child)
{
	const struct esp_params params = peer_params(child, child->spi_in, &child->encr_key_in);
	struct esp_out *sa;

	assert_int_equal(esp_out_new(&params, &sa), CV_OK);
	return sa;
}

struct esp_in *ends_peer_in(const struct ike_child_sa *child)
{
	const struct esp_params params = peer_params(child, child->spi_out, &child->encr_key_out);
	struct esp_in *sa;

	assert_int_equal(esp_in_new(&params, &sa), CV_OK);
	return sa;
}

/* --- packets --- */

void end_put(struct end *e, const struct virtio_net_hdr *hdr, const uint8_t *packet, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)hdr, ENDS_VNET }, { (void *)(uintptr_t)packet, len } };
	ssize_t n;

	while ((n = writev(e->tap, iov, 2)) < 0 && (errno == EAGAIN || errno == ENOBUFS))
		usleep(1000);
	if (n < 0)
		fail_msg("cannot put a packet of %zu octets into the device: %s", len, strerror(errno));
}

size_t end_take(struct end *e, struct virtio_net_hdr *hdr, uint8_t *packet, size_t cap)
{
	for (;;) {
		struct sockaddr_ll from;
		struct iovec iov[2] = { { hdr, ENDS_VNET }, { packet, cap } };
		struct msghdr msg = {
			.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = iov, .msg_iovlen = 2
		};
		ssize_t n = recvmsg(e->tap, &msg, MSG_DONTWAIT);

		if (n < ENDS_VNET)
			return 0;
		if (from.sll_pkttype != PACKET_OUTGOING)
			return (size_t)n - ENDS_VNET;
	}
}
