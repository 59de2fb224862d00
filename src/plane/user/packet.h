/* What cutting and joining inner packets need to know of their headers. */
#ifndef CULVERT_PLANE_USER_PACKET_H
#define CULVERT_PLANE_USER_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#include "lib/bytes.h"

/* Debian 12's kernel headers are older than USO on TUN (Linux 6.2). */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum {
	PACKET_VNET_LEN = 10, /* struct virtio_net_hdr in front of every packet on the TUN device */
	PACKET_MAX = 65535,
	PACKET_TCP_CHECKSUM = 16, /* offsets in the headers */
	PACKET_UDP_CHECKSUM = 6,
	PACKET_TCP_FIN = 0x01,
	PACKET_TCP_SYN = 0x02,
	PACKET_TCP_RST = 0x04,
	PACKET_TCP_PSH = 0x08,
	PACKET_TCP_ACK = 0x10,
	PACKET_TCP_URG = 0x20,
	PACKET_TCP_CWR = 0x80,
};

struct packet_info {
	uint8_t version;  /* 4 or 6 */
	uint8_t protocol; /* of layer 4: behind the extension headers */
	bool fragment;	  /* of any kind: layer 4 cannot be looked at as a whole */
	bool extended;	  /* IPv4 options or IPv6 extension headers are there */
	uint16_t l4;	  /* offset of layer 4 */
	uint16_t payload; /* offset of the TCP or UDP payload; equals l4 when there is no whole TCP or UDP
			     header */
	uint32_t total;	  /* octets by the IP header, at most what is there */
};

/* Reads the headers; false when it is not IP or its lengths lie. */
bool packet_read(struct cv_bytes packet, struct packet_info *out);

#endif
