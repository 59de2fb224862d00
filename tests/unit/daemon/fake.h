/* An engine, a plane and a host that only write down what the daemon asks of them. */
#ifndef CULVERT_TESTS_UNIT_DAEMON_FAKE_H
#define CULVERT_TESTS_UNIT_DAEMON_FAKE_H

#include "daemon/daemon.h"

/* Everything asked, one word each, since the last fake_said ("conn_set:net up:net trap_add:net ..."). */
const char *fake_said(void);
/* The engine's next outputs. */
void fake_output(const struct ike_output *out);
/* What status finds. */
void fake_sa(const struct ike_sa_info *info);
void fake_child(const struct ike_child_info *info);
/* Makes the next plane_child_install or host_child_add fail. */
void fake_fail_plane(void);
void fake_fail_host(void);
/* Of the last IKE_EV_SECRET. */
bool fake_secret_found(void);
const char *fake_secret(void);
void fake_reset(void);

#endif
