#include "plane/user/checksum.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

/* Two 64-bit lanes: every x86-64 and arm64 has them, and a compiler without vectors splits them by itself. */
typedef uint64_t lanes __attribute__((vector_size(16)));

#define LOW_HALF 0xffffffffu

static inline __attribute__((always_inline)) lanes lanes_load(const uint8_t *p)
{
	lanes v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* 32-bit words are added into 64-bit lanes, so that no carry is lost and none has to be looked after. */
static inline __attribute__((always_inline)) checksum_t
sum_any(checksum_t sum, uint8_t *restrict dst, const uint8_t *restrict src, size_t len, bool copy)
{
	const lanes low = { LOW_HALF, LOW_HALF };
	lanes even = { 0, 0 };
	lanes odd = { 0, 0 };
	lanes total;
	uint64_t word = 0;
	size_t i = 0;

	for (; len - i >= 64; i += 64) {
		lanes a = lanes_load(src + i);
		lanes b = lanes_load(src + i + 16);
		lanes c = lanes_load(src + i + 32);
		lanes d = lanes_load(src + i + 48);

		even += (a & low) + (b & low) + (c & low) + (d & low);
		odd += (a >> 32) + (b >> 32) + (c >> 32) + (d >> 32);
		if (copy) {
			memcpy(dst + i, &a, 16);
			memcpy(dst + i + 16, &b, 16);
			memcpy(dst + i + 32, &c, 16);
			memcpy(dst + i + 48, &d, 16);
		}
	}
	for (; len - i >= 8; i += 8) {
		memcpy(&word, src + i, 8);
		sum += (word & LOW_HALF) + (word >> 32);
		if (copy)
			memcpy(dst + i, &word, 8);
	}
	if (i < len) {
		word = 0;
		memcpy(&word, src + i, len - i);
		sum += (word & LOW_HALF) + (word >> 32);
		if (copy)
			memcpy(dst + i, src + i, len - i);
	}
	total = even + odd;
	/* Each lane is below 2^62 for any input that fits an address space; halve the words before adding. */
	return sum + (total[0] & LOW_HALF) + (total[0] >> 32) + (total[1] & LOW_HALF) + (total[1] >> 32);
}

checksum_t checksum_add(checksum_t sum, const uint8_t *p, size_t len)
{
	return sum_any(sum, NULL, p, len, false);
}

checksum_t checksum_copy(checksum_t sum, uint8_t *restrict dst, const uint8_t *restrict src, size_t len)
{
	return sum_any(sum, dst, src, len, true);
}

checksum_t checksum_add_u16(checksum_t sum, uint16_t v)
{
	return sum + htons(v);
}

checksum_t checksum_add_u32(checksum_t sum, uint32_t v)
{
	return sum + htonl(v);
}

checksum_t checksum_pseudo(const uint8_t *src_dst, size_t addr_len, uint8_t protocol, uint32_t l4_len)
{
	checksum_t sum = checksum_add(0, src_dst, 2 * addr_len);

	return checksum_add_u32(checksum_add_u32(sum, protocol), l4_len);
}

uint16_t checksum_fold(checksum_t sum)
{
	sum = (sum & LOW_HALF) + (sum >> 32);
	sum = (sum & LOW_HALF) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

void checksum_store(uint8_t *p, checksum_t sum)
{
	uint16_t folded = (uint16_t)~checksum_fold(sum);

	memcpy(p, &folded, sizeof folded);
}
