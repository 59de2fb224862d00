#include "xport/pace.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* the C library's tcp_info is too old for rates */

enum { BBR_GAIN_STARTING = 2 * 256 }; /* 739 in STARTUP, at most 320 later; in 1/256 */

bool xport_congestion_known(const char *name)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool known;

	if (fd < 0)
		return false;
	known = xport_congestion_set(fd, name);
	close(fd);
	return known;
}

bool xport_congestion_set(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0;
}

static bool bbr_starts(int fd)
{
	union tcp_cc_info info = { 0 };
	socklen_t len = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_CC_INFO, &info, &len) == 0 && len == sizeof info.bbr &&
	       info.bbr.bbr_pacing_gain > BBR_GAIN_STARTING;
}

enum cv_err xport_pace_read(int fd, struct xport_pace *out)
{
	struct tcp_info info = { 0 }; /* an older kernel fills in less of it */
	socklen_t len = sizeof info;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return CV_E_IO;
	*out = (struct xport_pace){
		.rate = info.tcpi_delivery_rate,
		.rtt_us = info.tcpi_rtt,
		.min_rtt_us = info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt,
		.starting = bbr_starts(fd),
	};
	return CV_OK;
}

void xport_pace_limit(int fd, uint64_t rate)
{
	(void)setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
}

void xport_unsent_max(int fd, uint32_t octets)
{
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &octets, sizeof octets);
}

size_t xport_unsent(int fd)
{
	int octets = 0;

	return ioctl(fd, SIOCOUTQNSD, &octets) == 0 && octets > 0 ? (size_t)octets : 0;
}
