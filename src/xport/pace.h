/* What the kernel's TCP knows of a stream, and how much it may hold that is not sent: the queue belongs in
 * front of the stream, where packets can still overtake each other. */
#ifndef CULVERT_XPORT_PACE_H
#define CULVERT_XPORT_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

enum { XPORT_CONGESTION_MAX = 16 }; /* octets of a name, with the zero behind it */

/* The kernel has a congestion control of that name, and lets us use it. */
bool xport_congestion_known(const char *name);
/* Sets the stream's congestion control; false when the kernel does not have it. */
bool xport_congestion_set(int fd, const char *name);

struct xport_pace {
	uint64_t rate;	     /* octets a second that lately arrived; 0: not known */
	uint32_t rtt_us;     /* smoothed */
	uint32_t min_rtt_us; /* 0: not known */
	bool starting; /* BBR's STARTUP: it still looks for the rate of the link, sending faster than that */
};
enum cv_err xport_pace_read(int fd, struct xport_pace *out) CV_NODISCARD;

/* Never sends faster than this, in octets a second; XPORT_PACE_FREE: as the congestion control says. */
#define XPORT_PACE_FREE UINT64_MAX
void xport_pace_limit(int fd, uint64_t rate);

/* The socket is writable while less than half of this is unsent (TCP_NOTSENT_LOWAT). */
void xport_unsent_max(int fd, uint32_t octets);
/* Octets that the kernel holds and has not sent once. */
size_t xport_unsent(int fd);

#endif
