/* The TUN device, opened so that super-packets pass it. */
#ifndef CULVERT_PLANE_USER_TUN_H
#define CULVERT_PLANE_USER_TUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/uio.h>

#include "lib/err.h"
#include "plane/user/packet.h"

struct tun {
	int fd;
	char name[16];
	bool tso; /* TCP super-packets pass in both directions */
	bool uso; /* UDP ones too (Linux 6.2) */
};

/* Creates the device, sets its MTU and brings it up. CV_E_IO with errno; *step names what failed. */
enum cv_err tun_open(struct tun *t, const char *name, uint32_t mtu, const char **step) CV_NODISCARD;
void tun_close(struct tun *t);
/* One packet with its virtio header split off. Octets of the packet; 0: nothing there; -1: errno, or EBADMSG
 * for a packet too short for its header. */
ssize_t tun_read(int fd, struct virtio_net_hdr *hdr, uint8_t *buf, size_t cap);
/* Writes one packet: pieces[0] is filled with the header, pieces[1..n] is the packet. 0 or errno. */
int tun_write(int fd, const struct virtio_net_hdr *hdr, struct iovec *pieces, unsigned n);

#endif
