/* The one source of chance in the simulator: everything is drawn from a 64-bit seed. Not for keys. */
#ifndef CULVERT_SIM_RNG_H
#define CULVERT_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_rng {
	uint64_t state;
};

/* A stream of its own for each purpose, so that one more draw in one place does not change all the others. */
struct sim_rng sim_rng_new(uint64_t seed, uint64_t purpose);
uint64_t sim_rng_next(struct sim_rng *r);
/* 0 .. n-1; 0 for n == 0. */
uint32_t sim_rng_below(struct sim_rng *r, uint32_t n);
/* lo .. hi, both included. */
uint32_t sim_rng_between(struct sim_rng *r, uint32_t lo, uint32_t hi);
/* True in `per_mille` of 1000 draws; draws always, so that the stream of numbers does not depend on the
 * chance. */
bool sim_rng_chance(struct sim_rng *r, uint32_t per_mille);
void sim_rng_fill(struct sim_rng *r, uint8_t *out, size_t len);

#endif
