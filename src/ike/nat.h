/* NAT detection and UDP encapsulation (RFC 7296 section 2.23, RFC 9329 section 6.5). */
#ifndef CULVERT_IKE_NAT_H
#define CULVERT_IKE_NAT_H

#include "ike/message.h"

/* Adds NAT_DETECTION_SOURCE_IP and _DESTINATION_IP for a message of ours on path. claim: make the peer
 * believe that we are behind a NAT, so that ESP goes in UDP. */
void ike_nat_build(struct ike_engine *e, struct wire_builder *b, const struct ike_path *path, uint64_t spi_i,
		   uint64_t spi_r, bool claim);
/* Reads the peer's, out of a message that came on sa->path. */
void ike_nat_detect(struct ike_sa *sa, const struct wire_chain *chain, uint64_t spi_i, uint64_t spi_r);
/* As initiator, after IKE_SA_INIT over UDP: moves to port 4500 where it is needed. */
void ike_nat_float(struct ike_sa *sa);
/* Where ESP of this IKE SA goes, and whether in UDP. */
struct ike_path ike_nat_child_path(const struct ike_sa *sa, bool *udp_encap);
/* Is the peer to see a NAT on this path, whether there is one or not? */
bool ike_nat_claims(const struct ike_sa *sa);
/* The local UDP port for IKE_SA_INIT to that port: 4500 is the socket with the non-ESP marker. */
uint16_t ike_nat_local_port(const struct ike_conn *conn, uint16_t remote_port);

#endif
