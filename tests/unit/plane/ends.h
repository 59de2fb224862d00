/* Two planes in one network namespace of the test's own: each end has a TUN device, into which packets are
 * put, and from which they are taken, with a packet socket. The test's thread is the control thread of both.
 */
#ifndef CULVERT_TESTS_ENDS_H
#define CULVERT_TESTS_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "esp/esp.h"
#include "packets.h"
#include "plane/plane.h"

enum { ENDS_LOG = 64, ENDS_VNET = 10 };

/* What the plane's callbacks said. */
struct end_log {
	unsigned messages, opened, failed, lost, refused, moved, child_failed, acquired;
	struct ike_path path;  /* of the last of them */
	uint8_t message[2048]; /* the last */
	size_t message_len;
	uint32_t spi;
	int os_error;
	char conn[IKE_NAME_MAX];
	struct wire_ts src, dst;
};

struct end {
	uv_loop_t loop;
	struct plane *plane;
	struct plane_config config;
	int tap;
	struct end_log log;
};

/* Enters a namespace of its own with nothing but the loopback; false (with the reason on stdout) when it may
 * not. */
bool ends_enter(void);

void end_start(struct end *e, const char *tun); /* config may be filled before */
void end_stop(struct end *e);
/* Runs the control loops of both (b may be NULL) until done(arg), which fails the test when it never comes.
 */
void ends_run(struct end *a, struct end *b, bool (*done)(void *arg), void *arg);
/* ... for so long, when nothing is expected to happen. */
void ends_idle(struct end *a, struct end *b, unsigned ms);

struct cv_addr ends_addr(const char *ip, uint16_t port);
void end_listen(struct end *e, uint8_t transport, const struct cv_addr *at);

/* A Child SA with keys made from the two SPIs. Selectors: 10.1.0.0/16 and fd01::/16 on the side of
 * `low`, 10.2.0.0/16 and fd02::/16 on the other, as in packets.h. */
struct ike_child_sa ends_child(uint32_t spi_in, uint32_t spi_out, bool low, const struct ike_path *path);
/* The same SA's outbound half for a peer played by the test itself. */
struct esp_out *ends_peer_out(const struct ike_child_sa *child);
struct esp_in *ends_peer_in(const struct ike_child_sa *child);

/* Puts a packet into the TUN device as if the host's stack had sent it. */
void end_put(struct end *e, const struct virtio_net_hdr *hdr, const uint8_t *packet, size_t len);
/* Takes the next packet that the plane wrote to the device; 0: none now. */
size_t end_take(struct end *e, struct virtio_net_hdr *hdr, uint8_t *packet, size_t cap);

#endif
