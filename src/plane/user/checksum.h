/* The Internet checksum (RFC 1071) over inner packets. Sums are kept in the host's byte order, wide, and
 * folded once: ones' complement addition does not care about byte order as long as both ends of it are the
 * same. */
#ifndef CULVERT_PLANE_USER_CHECKSUM_H
#define CULVERT_PLANE_USER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* A sum over octet strings of even length (only the last one may be odd). Add up to 2^31 octets before
 * folding. */
typedef uint64_t checksum_t;

checksum_t checksum_add(checksum_t sum, const uint8_t *p, size_t len);
/* Copies and adds up in one pass; the two do not overlap. */
checksum_t checksum_copy(checksum_t sum, uint8_t *restrict dst, const uint8_t *restrict src, size_t len);
/* Adds a number as it would stand in the packet in network byte order. */
checksum_t checksum_add_u16(checksum_t sum, uint16_t v);
checksum_t checksum_add_u32(checksum_t sum, uint32_t v);
/* The TCP and UDP pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1); addr_len is 4 or 16, src and
 * dst stand one behind the other as in the IP header. */
checksum_t checksum_pseudo(const uint8_t *src_dst, size_t addr_len, uint8_t protocol, uint32_t l4_len);
/* Folds to 16 bits without complementing; the value is in the host's order: store it with memcpy. */
uint16_t checksum_fold(checksum_t sum);
/* Stores ~fold(sum) at p. */
void checksum_store(uint8_t *p, checksum_t sum);

#endif
