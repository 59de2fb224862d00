#include "seeded.h"

#include <openssl/rand.h>

#include "rng.h"

static struct sim_rng rng;

static int fill(unsigned char *out, int len)
{
	sim_rng_fill(&rng, out, (size_t)len);
	return 1;
}

static int ready(void)
{
	return 1;
}

static const RAND_METHOD method = { .bytes = fill, .pseudorand = fill, .status = ready };

bool sim_seeded_install(void)
{
	return RAND_set_rand_method(&method) == 1;
}

void sim_seeded_reset(uint64_t seed)
{
	rng = sim_rng_new(seed, 4);
}
