/* Tells when this host's addresses or links have changed. */
#ifndef CULVERT_HOST_MONITOR_H
#define CULVERT_HOST_MONITOR_H

#include <uv.h>

#include "lib/err.h"

struct host_monitor;

/* Calls `changed` from the loop a moment after addresses or links have changed: once for changes that come
 * together. */
enum cv_err host_monitor_new(uv_loop_t *loop, void (*changed)(void *arg), void *arg,
			     struct host_monitor **out) CV_NODISCARD;
/* No more calls; the object goes when the loop has closed its handles. NULL is fine. */
void host_monitor_free(struct host_monitor *m);

#endif
