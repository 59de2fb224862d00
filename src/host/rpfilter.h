/* The reverse-path filter of outer interfaces. With rp_filter=1 the kernel drops packets from the peer's
 * outer address when the way back to it (looked up without our mark) leads into the tunnel, as it does with a
 * tunnel for 0.0.0.0/0; the loose mode, 2, lets them in. Private to host/. */
#ifndef CULVERT_HOST_RPFILTER_H
#define CULVERT_HOST_RPFILTER_H

#include "host/private.h"

/* Sets the interface towards `peer` to loose mode when it is strict; recorded, and said in the log. */
void host_rpfilter_loosen(struct host *h, struct host_child_entry *c, const struct cv_ip *peer);
/* The child no longer needs it. */
void host_rpfilter_release(struct host *h, struct host_child_entry *c);
/* Takes one change back, unless the value is no longer the one that we set. */
void host_rpfilter_restore(const struct host_state_sysctl *change);

#endif
