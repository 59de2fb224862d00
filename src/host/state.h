/* The state file: what this process has changed on the host and has to take back, also after a kill -9.
 * Written (to a new file, then renamed) before each change. Private to host/. */
#ifndef CULVERT_HOST_STATE_H
#define CULVERT_HOST_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define HOST_STATE_SYSCTLS_MAX 32
#define HOST_STATE_PATH_MAX    256

struct host_state_sysctl {
	char interface[16]; /* whose net.ipv4.conf.*.rp_filter */
	int before;
	int now; /* what we set: only this is taken back, not what somebody else set later */
};

struct host_state {
	char path[HOST_STATE_PATH_MAX];
	bool rule4, rule6; /* the rule, and routes in the table, of this family */
	size_t sysctl_count;
	struct host_state_sysctl sysctl[HOST_STATE_SYSCTLS_MAX];
};

/* Reads run_dir/host.state; no file is an empty state. CV_E_SYNTAX when the file is damaged (what was
 * readable is in *out), CV_E_IO, CV_E_NOSPACE (path too long). */
enum cv_err host_state_read(const char *run_dir, struct host_state *out) CV_NODISCARD;
/* Writes it; an empty state removes the file. CV_E_IO. */
enum cv_err host_state_write(const struct host_state *s) CV_NODISCARD;

#endif
