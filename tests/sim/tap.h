/* Reads along on every host's wire and checks the rules that a single message, or a row of them, must keep.
 * Knows nothing of the engine's inside and shares no code with it. */
#ifndef CULVERT_SIM_TAP_H
#define CULVERT_SIM_TAP_H

#include <stdint.h>

#include "ike/engine.h"
#include "lib/bytes.h"

struct sim_host;
struct sim_tap;

struct sim_tap *sim_tap_new(void);
void sim_tap_free(struct sim_tap *t);
/* An engine sent a message; stream: serial of the simulated stream, 0 for UDP; dialled: by this host. */
void sim_tap_sent(struct sim_tap *t, struct sim_host *h, const struct ike_path *path, uint64_t stream,
		  bool dialled, struct cv_bytes message);
/* A message is handed to an engine. */
void sim_tap_delivered(struct sim_tap *t, struct sim_host *h, const struct ike_path *path,
		       struct cv_bytes message);
/* ... and the engine has done what it wanted to. */
void sim_tap_handled(struct sim_tap *t, struct sim_host *h);

#endif
