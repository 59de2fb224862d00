#include "plane/user/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_tun.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

_Static_assert(sizeof(struct virtio_net_hdr) == PACKET_VNET_LEN, "the device is told this length");

/* The best the kernel takes: USO came with 6.2, and one that refuses it refuses the whole set. */
static int set_offloads(struct tun *t)
{
	const unsigned tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	t->tso = true;
	t->uso = true;
	if (ioctl(t->fd, TUNSETOFFLOAD, tso | TUN_F_USO4 | TUN_F_USO6) == 0)
		return 0;
	t->uso = false;
	if (ioctl(t->fd, TUNSETOFFLOAD, tso) == 0)
		return 0;
	t->tso = false;
	return ioctl(t->fd, TUNSETOFFLOAD, TUN_F_CSUM);
}

static int create_device(struct tun *t, const char *name, const char **step)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int header = PACKET_VNET_LEN;

	strncpy(ifr.ifr_name, name, sizeof ifr.ifr_name - 1);
	*step = "create the TUN device";
	if (ioctl(t->fd, TUNSETIFF, &ifr) < 0)
		return -1;
	memcpy(t->name, ifr.ifr_name, sizeof t->name);
	*step = "set up the offloads of the TUN device";
	if (ioctl(t->fd, TUNSETVNETHDRSZ, &header) < 0)
		return -1;
	return set_offloads(t);
}

static int bring_up(const struct tun *t, uint32_t mtu, const char **step)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };
	int rc = -1;
	int error;

	*step = "set the MTU of the TUN device";
	if (s < 0)
		return -1;
	memcpy(ifr.ifr_name, t->name, sizeof ifr.ifr_name);
	ifr.ifr_mtu = (int)mtu;
	if (ioctl(s, SIOCSIFMTU, &ifr) == 0) {
		*step = "bring up the TUN device";
		rc = ioctl(s, SIOCGIFFLAGS, &ifr);
		ifr.ifr_flags |= IFF_UP;
		if (rc == 0)
			rc = ioctl(s, SIOCSIFFLAGS, &ifr);
	}
	error = errno;
	close(s);
	errno = error;
	return rc;
}

enum cv_err tun_open(struct tun *t, const char *name, uint32_t mtu, const char **step)
{
	int error;

	*t = (struct tun){ 0 };
	*step = "open /dev/net/tun";
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return CV_E_IO;
	if (create_device(t, name, step) == 0 && bring_up(t, mtu, step) == 0)
		return CV_OK;
	error = errno;
	tun_close(t);
	errno = error;
	return CV_E_IO;
}

void tun_close(struct tun *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

ssize_t tun_read(int fd, struct virtio_net_hdr *hdr, uint8_t *buf, size_t cap)
{
	struct iovec iov[2] = { { hdr, sizeof *hdr }, { buf, cap } };
	ssize_t n = readv(fd, iov, 2);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n <= PACKET_VNET_LEN) {
		errno = EBADMSG;
		return -1;
	}
	return n - PACKET_VNET_LEN;
}

int tun_write(int fd, const struct virtio_net_hdr *hdr, struct iovec *pieces, unsigned n)
{
	pieces[0] = (struct iovec){ (void *)(uintptr_t)hdr, sizeof *hdr };
	return writev(fd, pieces, (int)n + 1) < 0 ? errno : 0;
}
