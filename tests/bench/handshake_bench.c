/* How many IKE SAs with a Child SA one pair of processes sets up in a second (PSK, x25519, AES-256-GCM), what
 * a handshake costs the responder, and how much memory an established tunnel takes there. Two engines, no
 * network, no plane: the processes talk through a socket pair. usage: handshake-bench [TUNNELS]; prints one
 * JSON object. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/prf.h"
#include "ike/engine.h"
#include "lib/log.h"
#include "lib/timerq.h"

enum { MESSAGE_MAX = 4096, IN_FLIGHT = 32 };
static const char SECRET[] = "a key for a benchmark of no worth elsewhere";

struct datagram {
	struct ike_path path; /* as the receiver sees it */
	size_t len;
	uint8_t message[MESSAGE_MAX];
};

/* What the responder tells at the end. */
struct result {
	double cpu_seconds;
	long memory_kib;
	uint64_t established;
};

struct side {
	struct ike_engine *engine;
	int socket;
	uint64_t up;
	uint64_t failed;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void die(const char *what)
{
	fprintf(stderr, "handshake-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void random_octets(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	if (crypto_random(out, len) != CV_OK)
		die("random");
}

static long private_kib(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	long sum = 0;
	long value;

	if (f == NULL)
		die("smaps_rollup");
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Private_Clean: %ld", &value) == 1 ||
		    sscanf(line, "Private_Dirty: %ld", &value) == 1)
			sum += value;
	fclose(f);
	return sum;
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void send_out(struct side *s, const struct ike_output *out)
{
	static struct datagram d;

	if (out->message.len > MESSAGE_MAX)
		die("message too long");
	d.path = out->path;
	d.path.local = out->path.remote;
	d.path.remote = out->path.local;
	d.len = out->message.len;
	memcpy(d.message, out->message.data, out->message.len);
	if (send(s->socket, &d, offsetof(struct datagram, message) + d.len, 0) < 0)
		die("send");
}

static void drain(struct side *s)
{
	for (;;) {
		struct ike_output out = ike_engine_output(s->engine);

		switch (out.type) {
		case IKE_OUT_NONE: return;
		case IKE_OUT_SEND: send_out(s, &out); break;
		case IKE_OUT_WANT_SECRET: {
			struct ike_event answer = { .type = IKE_EV_SECRET,
						    .request_id = out.request_id,
						    .found = true,
						    .secret = cv_bytes(SECRET, sizeof(SECRET) - 1) };
			if (ike_engine_event(s->engine, now_ms(), &answer) != CV_OK)
				die("secret");
			break;
		}
		case IKE_OUT_REPORT:
			s->up += out.report == IKE_REPORT_UP;
			s->failed += out.report == IKE_REPORT_FAILED;
			break;
		default: break;
		}
	}
}

/* Waits for one datagram (or the next timer) and lets the engine work. False: the other side is gone. */
static bool step(struct side *s)
{
	static struct datagram d;
	ssize_t got = recv(s->socket, &d, sizeof(d), 0);

	if (got < 0 && errno == EAGAIN) {
		ike_engine_tick(s->engine, now_ms());
	} else if (got <= 0) {
		return false;
	} else {
		struct ike_event message = { .type = IKE_EV_MESSAGE,
					     .path = d.path,
					     .message = cv_bytes(d.message, d.len) };

		if (ike_engine_event(s->engine, now_ms(), &message) != CV_OK)
			die("message");
	}
	drain(s);
	return true;
}

static struct wire_transform transform(uint8_t type, uint16_t id, uint16_t bits)
{
	return (struct wire_transform){ .type = type, .id = id, .key_bits = bits };
}

static void fill_policy(struct ike_conn *c, bool initiator, unsigned number)
{
	struct wire_proposal *ike = &c->ike_proposals.proposal[0];
	struct wire_proposal *esp = &c->esp_proposals.proposal[0];

	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "t%u", number);
	c->local_ip = cv_ip_from_bytes(
	    cv_bytes(initiator ? (uint8_t[]){ 10, 0, 0, 1 } : (uint8_t[]){ 10, 0, 0, 2 }, 4));
	if (initiator)
		c->remote_ip = cv_ip_from_bytes(cv_bytes((uint8_t[]){ 10, 0, 0, 2 }, 4));
	c->rung_count = 1;
	c->rung[0] = (struct ike_rung){ .transport = IKE_UDP, .port = 500 };
	c->accept_udp = true;
	c->local_auth = c->remote_auth = IKE_AUTHBY_SECRET;
	c->local_id.type = WIRE_ID_FQDN;
	c->local_id.len = (uint16_t)snprintf((char *)c->local_id.data, IKE_ID_MAX,
					     initiator ? "client%u" : "gateway", number);
	if (initiator) {
		c->remote_id.type = WIRE_ID_FQDN;
		c->remote_id.len = (uint16_t)snprintf((char *)c->remote_id.data, IKE_ID_MAX, "gateway");
	}
	c->ike_proposals.count = 1;
	*ike = (struct wire_proposal){ .number = 1, .protocol = WIRE_PROTO_IKE, .transform_count = 3 };
	ike->transform[0] = transform(WIRE_T_ENCR, WIRE_ENCR_AES_GCM_16, 256);
	ike->transform[1] = transform(WIRE_T_PRF, WIRE_PRF_HMAC_SHA2_256, 0);
	ike->transform[2] = transform(WIRE_T_KE, WIRE_KE_CURVE25519, 0);
	c->esp_proposals.count = 1;
	*esp = (struct wire_proposal){
		.number = 1, .protocol = WIRE_PROTO_ESP, .transform_count = 2, .spi_len = 4
	};
	esp->transform[0] = transform(WIRE_T_ENCR, WIRE_ENCR_AES_GCM_16, 256);
	esp->transform[1] = transform(WIRE_T_ESN, WIRE_ESN_NO, 0);
	c->child_count = 1;
	snprintf(c->child[0].name, IKE_NAME_MAX, "%s", c->name);
	c->child[0].local_count = c->child[0].remote_count = 1;
	c->child[0].local[0] = c->child[0].remote[0] =
	    (struct wire_ts){ .first = { .family = CV_IPV4 },
			      .last = { .family = CV_IPV4, .b = { 255, 255, 255, 255 } },
			      .port_last = 65535 };
	c->narrowing = true;
	c->replay_window = 8192;
	c->retransmit_interval_ms = 500;
	c->retransmit_timeout_ms = 30000;
}

static void set_policy(struct side *s, bool initiator, unsigned number)
{
	static struct ike_conn conn;
	struct ike_event set = { .type = IKE_EV_CONN_SET, .policy = &conn };

	fill_policy(&conn, initiator, number);
	if (ike_engine_event(s->engine, now_ms(), &set) != CV_OK)
		die("policy");
	drain(s);
}

static struct side side_new(int socket)
{
	struct side s = { .socket = socket };
	struct ike_engine_config config = { .random = random_octets,
					    .initiate_udp = true,
					    .cookie_threshold = UINT32_MAX,
					    .halfopen_max = UINT32_MAX };
	struct timeval wait = { .tv_usec = 10000 };

	cv_log_set_level(CV_LOG_ERROR);
	if (crypto_init() != CV_OK || ike_engine_new(&config, now_ms(), &s.engine) != CV_OK)
		die("engine");
	if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		die("timeout");
	return s;
}

static int responder(int socket, int report)
{
	struct side s = side_new(socket);
	struct result r;
	long before;
	double cpu;

	set_policy(&s, false, 0);
	before = private_kib();
	cpu = cpu_seconds();
	while (step(&s))
		;
	r.cpu_seconds = cpu_seconds() - cpu;
	r.memory_kib = private_kib() - before;
	r.established = ike_engine_counters(s.engine)->sas_established;
	if (write(report, &r, sizeof(r)) != sizeof(r))
		die("report");
	ike_engine_free(s.engine);
	return 0;
}

static void initiator(int socket, unsigned tunnels, double *seconds)
{
	struct side s = side_new(socket);
	unsigned started = 0;
	struct timespec a, b;

	for (unsigned i = 0; i < tunnels; i++)
		set_policy(&s, true, i);
	clock_gettime(CLOCK_MONOTONIC, &a);
	while (s.up < tunnels && s.failed == 0) {
		for (; started < tunnels && started - s.up < IN_FLIGHT; started++) {
			struct ike_event up = { .type = IKE_EV_UP, .request_id = started + 1 };

			snprintf(up.conn, sizeof(up.conn), "t%u", started);
			if (ike_engine_event(s.engine, now_ms(), &up) != CV_OK)
				die("up");
			drain(&s);
		}
		if (!step(&s))
			die("the responder is gone");
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	if (s.failed != 0)
		die("a handshake failed");
	*seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	ike_engine_free(s.engine);
}

int main(int argc, char **argv)
{
	unsigned tunnels = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
	int pair[2];
	int report[2];
	double seconds = 0;
	struct result r;
	pid_t child;

	if (tunnels == 0)
		die("no tunnels");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 || pipe(report) < 0)
		die("socketpair");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		close(pair[0]);
		return responder(pair[1], report[1]);
	}
	close(pair[1]);
	initiator(pair[0], tunnels, &seconds);
	close(pair[0]);
	if (read(report[0], &r, sizeof(r)) != sizeof(r))
		die("no report from the responder");
	waitpid(child, NULL, 0);
	printf("{\"tunnels\": %u, \"handshakes_per_second\": %.0f, \"responder_cpu_ms_per_handshake\": %.3f, "
	       "\"responder_memory_per_tunnel_octets\": %.0f}\n",
	       tunnels, tunnels / seconds, r.cpu_seconds * 1000 / tunnels,
	       (double)r.memory_kib * 1024 / (r.established ? (double)r.established : 1.0));
	return r.established == tunnels ? 0 : 1;
}
