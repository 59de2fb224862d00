#include "rng.h"

/* SplitMix64: passes the usual batteries, and any state is a good state. */
uint64_t sim_rng_next(struct sim_rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

struct sim_rng sim_rng_new(uint64_t seed, uint64_t purpose)
{
	struct sim_rng r = { .state = purpose * 0xd1342543de82ef95ULL };

	r.state = seed ^ sim_rng_next(&r);
	return r;
}

uint32_t sim_rng_below(struct sim_rng *r, uint32_t n)
{
	uint64_t v = sim_rng_next(r) >> 32;

	return (uint32_t)((v * n) >> 32);
}

uint32_t sim_rng_between(struct sim_rng *r, uint32_t lo, uint32_t hi)
{
	return lo + sim_rng_below(r, hi - lo + 1);
}

bool sim_rng_chance(struct sim_rng *r, uint32_t per_mille)
{
	return sim_rng_below(r, 1000) < per_mille;
}

void sim_rng_fill(struct sim_rng *r, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(sim_rng_next(r) >> 56);
}
