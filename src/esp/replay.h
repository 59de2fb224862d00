/* Private to esp/: the anti-replay window (RFC 4303 section 3.4.3 and appendix A), as a ring of bitmap words
 * that moves by whole words (the idea of RFC 6479), so that advancing costs the same for every size. */
#ifndef CULVERT_ESP_REPLAY_H
#define CULVERT_ESP_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define ESP_REPLAY_MAX (1U << 20) /* packets */

struct esp_replay {
	uint64_t top;	 /* highest sequence number accepted so far, 0: none */
	uint32_t window; /* packets; 0: nothing is refused */
	uint32_t mask;	 /* words in the ring - 1 */
	uint64_t *ring;
};

/* CV_E_NOMEM; CV_E_LIMIT for a window above ESP_REPLAY_MAX. */
enum cv_err esp_replay_init(struct esp_replay *r, uint32_t window) CV_NODISCARD;
void esp_replay_free(struct esp_replay *r);
/* The whole sequence number of a packet that carries only its low 32 bits (appendix A2.2). False when it
 * would lie before the first or behind the last possible number. */
bool esp_replay_expand(const struct esp_replay *r, uint32_t low, uint64_t *sequence);
/* May this number be accepted, if the ICV holds? */
bool esp_replay_check(const struct esp_replay *r, uint64_t sequence);
/* Marks a number that esp_replay_check allowed, after the ICV held. True when it is the highest so far. */
bool esp_replay_update(struct esp_replay *r, uint64_t sequence);

#endif
