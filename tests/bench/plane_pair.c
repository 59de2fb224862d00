/* One end of a tunnel without IKE: a data plane with one Child SA from fixed keys, for measuring and testing
 * the plane alone. Start one end with `listen` and the other with `connect`, each in a network namespace of
 * its own, and give each TUN device its address and route. Keys that stand in a public file protect nothing.
 *
 *   plane-pair listen|connect tcp|udp LOCAL REMOTE TUN LOCAL-SUBNET REMOTE-SUBNET [CIPHER]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "crypto/prf.h"
#include "lib/log.h"
#include "plane/plane.h"
#include "wire/numbers.h"

enum { PORT = 4500, SPI_LISTENER = 0x11223344, SPI_CONNECTOR = 0x55667788, HELLO_LEN = 28 };

struct end {
	uv_loop_t loop;
	uv_signal_t interrupt, terminate;
	struct plane *plane;
	struct ike_path path;
	struct wire_ts local, remote;
	bool listens;
	bool tcp;
	uint16_t encr;
	uint16_t key_bits;
	bool installed;
};

static struct cv_addr address(const char *text, uint16_t port)
{
	struct cv_addr a = { .port = port };

	if (cv_ip_parse(text, &a.ip) != CV_OK) {
		fprintf(stderr, "%s is not an address\n", text);
		exit(2);
	}
	return a;
}

static struct wire_ts subnet(const char *text)
{
	struct cv_prefix p;

	if (cv_prefix_parse(text, &p) != CV_OK) {
		fprintf(stderr, "%s is not a subnet\n", text);
		exit(2);
	}
	return (
	    struct wire_ts){ .first = cv_prefix_first(&p), .last = cv_prefix_last(&p), .port_last = 65535 };
}

static void fill_key(struct cv_key *k, uint16_t len, uint8_t seed)
{
	k->len = len;
	for (uint16_t i = 0; i < len; i++)
		k->b[i] = (uint8_t)(seed + i);
}

static void install(struct end *e, const struct ike_path *path)
{
	uint16_t key_len = (uint16_t)(e->key_bits / 8 + 4);
	struct ike_child_sa child = {
		.conn = "pair",
		.spi_in = e->listens ? SPI_LISTENER : SPI_CONNECTOR,
		.spi_out = e->listens ? SPI_CONNECTOR : SPI_LISTENER,
		.encr = e->encr,
		.key_bits = e->encr == WIRE_ENCR_CHACHA20_POLY1305 ? 0 : e->key_bits,
		.esn = true,
		.replay_window = 8192,
		.local = { .count = 1, .ts = { e->local } },
		.remote = { .count = 1, .ts = { e->remote } },
		.path = *path,
	};

	enum cv_err err;

	if (e->installed)
		return;
	fill_key(&child.encr_key_in, key_len, e->listens ? 1 : 101);
	fill_key(&child.encr_key_out, key_len, e->listens ? 101 : 1);
	err = plane_child_install(e->plane, &child);
	if (err != CV_OK) {
		fprintf(stderr, "cannot install the Child SA: %s\n", cv_err_text(err));
		exit(1);
	}
	e->installed = true;
	printf("ready mtu %u\n", plane_child_mtu(e->plane, child.spi_in));
	fflush(stdout);
}

/* Something that looks like an IKE message, so that the listener learns of the stream. */
static void say_hello(struct end *e, const struct ike_path *path)
{
	uint8_t hello[HELLO_LEN] = { 1 };

	hello[HELLO_LEN - 1] = HELLO_LEN;
	plane_send_ike(e->plane, path, cv_bytes(hello, sizeof hello));
}

static void on_message(void *arg, const struct ike_path *path, struct cv_bytes message)
{
	(void)message;
	install(arg, path);
}

static void on_opened(void *arg, const struct ike_path *path)
{
	install(arg, path);
	say_hello(arg, path);
}

static void on_failed(void *arg, const struct ike_path *path, int os_error)
{
	(void)arg;
	(void)path;
	fprintf(stderr, "the stream failed: %s\n", strerror(os_error));
	exit(1);
}

static void on_refused(void *arg, const struct ike_path *path, int os_error)
{
	(void)arg;
	(void)path;
	fprintf(stderr, "UDP: %s\n", strerror(os_error));
}

static void on_moved(void *arg, uint32_t spi_in, const struct ike_path *path)
{
	struct end *e = arg;

	plane_child_path(e->plane, spi_in, path);
}

static void on_child_failed(void *arg, uint32_t spi_in, enum cv_err why)
{
	(void)arg;
	fprintf(stderr, "SA %08x failed: %s\n", spi_in, cv_err_text(why));
}

static void on_acquire(void *arg, const char *conn, const struct wire_ts *src, const struct wire_ts *dst)
{
	(void)arg;
	(void)conn;
	(void)src;
	(void)dst;
}

static void print_stats(struct end *e)
{
	struct plane_child_stats c;
	struct plane_stats s;

	plane_stats(e->plane, &s);
	(void)plane_child_stats(e->plane, e->listens ? SPI_LISTENER : SPI_CONNECTOR, &c);
	printf("in %llu packets %llu octets, out %llu packets %llu octets\n",
	       (unsigned long long)c.packets_in, (unsigned long long)c.bytes_in,
	       (unsigned long long)c.packets_out, (unsigned long long)c.bytes_out);
	printf("replays %llu, bad icv %llu, bad selector %llu, bad packet %llu, dropped %llu, too big %llu\n",
	       (unsigned long long)c.replays, (unsigned long long)c.bad_icv,
	       (unsigned long long)c.bad_selector, (unsigned long long)c.bad_packet,
	       (unsigned long long)c.dropped_queue, (unsigned long long)c.too_big);
	printf("unknown spi %llu, bad frames %llu, no policy %llu, bad tun %llu, udp dropped %llu, tun "
	       "refused %llu\n",
	       (unsigned long long)s.unknown_spi, (unsigned long long)s.bad_frames,
	       (unsigned long long)s.no_policy, (unsigned long long)s.bad_tun,
	       (unsigned long long)s.udp_dropped, (unsigned long long)s.tun_refused);
	fflush(stdout);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct end *e = handle->data;

	(void)number;
	print_stats(e);
	plane_free(e->plane);
	uv_close((uv_handle_t *)&e->interrupt, NULL);
	uv_close((uv_handle_t *)&e->terminate, NULL);
}

static void choose_cipher(struct end *e, const char *name)
{
	e->encr = strcmp(name, "chacha20poly1305") == 0 ? WIRE_ENCR_CHACHA20_POLY1305 : WIRE_ENCR_AES_GCM_16;
	e->key_bits = strcmp(name, "aes128gcm16") == 0 ? 128 : 256;
}

static void open_transport(struct end *e)
{
	char text[256];
	enum cv_err err = CV_OK;

	if (!e->tcp)
		err = plane_listen_udp(e->plane, &e->path.local, text, sizeof text);
	else if (e->listens)
		err = plane_listen_tcp(e->plane, &e->path.local, text, sizeof text);
	if (err != CV_OK) {
		fprintf(stderr, "%s\n", text);
		exit(1);
	}
	if (!e->tcp)
		install(e, &e->path);
	else if (!e->listens)
		plane_stream_open(e->plane, &e->path);
}

int main(int argc, char **argv)
{
	struct plane_config config = { 0 };
	struct plane_callbacks callbacks = { .message = on_message,
					     .stream_opened = on_opened,
					     .stream_failed = on_failed,
					     .stream_lost = on_failed,
					     .udp_refused = on_refused,
					     .child_moved = on_moved,
					     .child_failed = on_child_failed,
					     .acquire = on_acquire };
	static struct end e;

	if (argc < 8) {
		fprintf(
		    stderr,
		    "usage: %s listen|connect tcp|udp LOCAL REMOTE TUN LOCAL-SUBNET REMOTE-SUBNET [CIPHER]\n",
		    argv[0]);
		return 2;
	}
	e.listens = strcmp(argv[1], "listen") == 0;
	e.tcp = strcmp(argv[2], "tcp") == 0;
	e.path = (struct ike_path){ .transport = e.tcp ? IKE_TCP : IKE_UDP,
				    .local = address(argv[3], PORT),
				    .remote = address(argv[4], PORT),
				    .stream_id = e.tcp ? 1 : 0 };
	e.local = subnet(argv[6]);
	e.remote = subnet(argv[7]);
	choose_cipher(&e, argc > 8 ? argv[8] : "aes256gcm16");
	strncpy(config.tun_name, argv[5], sizeof config.tun_name - 1);
	callbacks.arg = &e;
	uv_loop_init(&e.loop);
	if (crypto_init() != CV_OK || plane_user_new(&e.loop, &config, &callbacks, &e.plane) != CV_OK)
		return 1;
	uv_signal_init(&e.loop, &e.interrupt);
	uv_signal_init(&e.loop, &e.terminate);
	e.interrupt.data = e.terminate.data = &e;
	uv_signal_start(&e.interrupt, on_signal, SIGINT);
	uv_signal_start(&e.terminate, on_signal, SIGTERM);
	open_transport(&e);
	uv_run(&e.loop, UV_RUN_DEFAULT);
	return uv_loop_close(&e.loop) == 0 ? 0 : 1;
}
