/* Makes the crypto library's own randomness (key pairs) come from the seed as well, so that a run repeats to
 * the last octet. For the simulator only. */
#ifndef CULVERT_SIM_SEEDED_H
#define CULVERT_SIM_SEEDED_H

#include <stdbool.h>
#include <stdint.h>

/* Before crypto_init. False: the library does not allow it. */
bool sim_seeded_install(void);
/* Start of a run. */
void sim_seeded_reset(uint64_t seed);

#endif
