#include "host/rpfilter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/addresses.h"
#include "host/kernel.h"
#include "lib/log.h"

enum { STRICT = 1, LOOSE = 2 };

void host_rpfilter_restore(const struct host_state_sysctl *c)
{
	int now;
	/* The interface may be gone, or somebody else has set it since. */
	if (host_kernel_conf_get("ipv4", c->interface, "rp_filter", &now) != CV_OK || now != c->now)
		return;
	if (host_kernel_conf_set("ipv4", c->interface, "rp_filter", c->before) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL,
		       "cannot set net.ipv4.conf.%s.rp_filter back to %d: %s", c->interface, c->before,
		       strerror(errno));
}

static size_t find(const struct host *h, const char *interface)
{
	size_t i = 0;
	while (i < h->state.sysctl_count && strcmp(h->state.sysctl[i].interface, interface) != 0)
		i++;
	return i;
}

/* The kernel applies the larger of the interface's value and that of "all". */
static bool is_strict(const char *interface, int *own)
{
	int all;
	return host_kernel_conf_get("ipv4", "all", "rp_filter", &all) == CV_OK &&
	       host_kernel_conf_get("ipv4", interface, "rp_filter", own) == CV_OK && all != LOOSE &&
	       *own != LOOSE && (all == STRICT || *own == STRICT);
}

static bool change(struct host *h, const char *interface, int own)
{
	struct host_state_sysctl *s = &h->state.sysctl[h->state.sysctl_count];
	*s = (struct host_state_sysctl){ .before = own, .now = LOOSE };
	snprintf(s->interface, sizeof(s->interface), "%s", interface);
	h->state.sysctl_count++;
	if (host_state_write(&h->state) == CV_OK &&
	    host_kernel_conf_set("ipv4", interface, "rp_filter", LOOSE) == CV_OK) {
		cv_log(CV_LOG_NOTICE, HOST_ROOM, NULL,
		       "net.ipv4.conf.%s.rp_filter is 2 (loose) while a tunnel covers its peer's own address",
		       interface);
		return true;
	}
	cv_log(CV_LOG_WARNING, HOST_ROOM, NULL,
	       "cannot set net.ipv4.conf.%s.rp_filter to 2: %s; the peer's packets may be dropped", interface,
	       strerror(errno));
	h->state.sysctl_count--;
	return false;
}

void host_rpfilter_loosen(struct host *h, struct host_child_entry *c, const struct cv_ip *peer)
{
	struct host_way way;
	int own = 0;
	if (peer->family != CV_IPV4 || !host_routes_claimed_has(&c->owner, peer) ||
	    host_way_to(peer, &way) != CV_OK)
		return;
	size_t i = find(h, way.ifname);
	if (i == h->state.sysctl_count) {
		if (i == HOST_STATE_SYSCTLS_MAX || !is_strict(way.ifname, &own) ||
		    !change(h, way.ifname, own))
			return;
		h->loosened_by[i] = 0;
	}
	h->loosened_by[i]++;
	memcpy(c->loosened, way.ifname, sizeof(c->loosened));
}

void host_rpfilter_release(struct host *h, struct host_child_entry *c)
{
	size_t i = c->loosened[0] == 0 ? h->state.sysctl_count : find(h, c->loosened);
	c->loosened[0] = 0;
	if (i == h->state.sysctl_count || --h->loosened_by[i] > 0)
		return;
	host_rpfilter_restore(&h->state.sysctl[i]);
	h->state.sysctl_count--;
	h->state.sysctl[i] = h->state.sysctl[h->state.sysctl_count];
	h->loosened_by[i] = h->loosened_by[h->state.sysctl_count];
	if (host_state_write(&h->state) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot write %s: %s", h->state.path,
		       strerror(errno));
}
