/* Cuts a packet as it comes from the TUN device (one with a partial checksum, or a TSO or USO super-packet)
 * into the packets that would have been on a wire. */
#ifndef CULVERT_PLANE_USER_SEGMENT_H
#define CULVERT_PLANE_USER_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/err.h"
#include "plane/user/checksum.h"
#include "plane/user/packet.h"

/* How one packet is to be cut; a view of the packet, filled by segment_plan. */
struct segment_plan {
	const uint8_t *packet;
	struct packet_info info;
	uint32_t count;		 /* packets that come out, at least 1 */
	uint32_t size;		 /* payload octets of each but the last */
	uint32_t payload_len;	 /* of all */
	uint16_t checksum_start; /* one packet with a partial checksum; 0: none */
	uint16_t checksum_at;
	checksum_t ip_sum; /* headers, without what differs from packet to packet */
	checksum_t l4_sum;
};

/* Checks what the kernel says of the packet and prepares the cutting. CV_E_SYNTAX: header and packet
 * contradict each other; drop it. */
enum cv_err segment_plan(const struct virtio_net_hdr *hdr, struct cv_bytes packet,
			 struct segment_plan *out) CV_NODISCARD;
/* Octets of packet number i (from 0). */
size_t segment_len(const struct segment_plan *plan, uint32_t i);
/* Writes packet number i with all checksums right; dst has room for segment_len octets. */
void segment_write(const struct segment_plan *plan, uint32_t i, uint8_t *dst);

#endif
