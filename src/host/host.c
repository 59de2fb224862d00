#include "host/host.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "host/kernel.h"
#include "host/private.h"
#include "host/rpfilter.h"
#include "lib/log.h"
#include "lib/table.h"

/* --- taking back --- */

void host_rule_drop(struct host *h, uint8_t family)
{
	if (host_kernel_table_flush(&h->nl, family) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot remove the IPv%d routes in table %d: %s",
		       family, HOST_TABLE, strerror(errno));
	if (host_kernel_rule(&h->nl, family, false) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot remove the IPv%d rule with priority %d: %s",
		       family, HOST_RULE_PRIORITY, strerror(errno));
}

static void state_undo(struct host *h)
{
	if (h->state.rule4)
		host_rule_drop(h, CV_IPV4);
	if (h->state.rule6)
		host_rule_drop(h, CV_IPV6);
	for (size_t i = 0; i < h->state.sysctl_count; i++)
		host_rpfilter_restore(&h->state.sysctl[i]);
	h->state.rule4 = h->state.rule6 = false;
	h->state.sysctl_count = 0;
	if (host_state_write(&h->state) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot remove %s: %s", h->state.path,
		       strerror(errno));
}

static enum cv_err undo_leftovers(struct host *h, const char *run_dir, char *text, size_t cap)
{
	enum cv_err err = host_state_read(run_dir, &h->state);
	if (err == CV_E_NOSPACE || err == CV_E_IO) {
		snprintf(text, cap, "cannot read %s: %s", h->state.path,
			 err == CV_E_IO ? strerror(errno) : "the run folder's name is too long");
		return err;
	}
	if (err == CV_E_SYNTAX) {
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL,
		       "%s is damaged; all rules and routes of table %d are removed", h->state.path,
		       HOST_TABLE);
		h->state.rule4 = h->state.rule6 = true;
	}
	if (!h->state.rule4 && !h->state.rule6 && h->state.sysctl_count == 0)
		return CV_OK;
	cv_log(CV_LOG_NOTICE, HOST_ROOM, NULL,
	       "an earlier culvertd was killed: undoing its routes and settings");
	state_undo(h);
	return CV_OK;
}

/* --- beginning and end --- */

static struct cv_bytes child_key(const void *object)
{
	const struct host_child_entry *c = object;
	return cv_bytes(&c->id, sizeof(c->id));
}

enum cv_err host_new(const char *run_dir, struct host **out, char *text, size_t cap)
{
	uint8_t seed[16];
	struct host *h = calloc(1, sizeof(*h));
	if (h == NULL || getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		free(h);
		snprintf(text, cap, "out of memory");
		return CV_E_NOMEM;
	}
	enum cv_err err = host_nl_open(&h->nl);
	if (err != CV_OK) {
		snprintf(text, cap, "cannot open a netlink socket: %s", strerror(errno));
		free(h);
		return err;
	}
	err = undo_leftovers(h, run_dir, text, cap);
	if (err == CV_OK && (host_routes_init(&h->routes, seed) != CV_OK ||
			     cv_table_new(&h->children, child_key, seed) != CV_OK)) {
		snprintf(text, cap, "out of memory");
		err = CV_E_NOMEM;
	}
	if (err != CV_OK) {
		host_routes_free(&h->routes);
		host_nl_close(&h->nl);
		free(h);
		return err;
	}
	*out = h;
	return CV_OK;
}

static bool remove_child(void *arg, void *object)
{
	host_child_remove(arg, ((struct host_child_entry *)object)->id);
	return true;
}

void host_free(struct host *h)
{
	if (h == NULL)
		return;
	cv_table_each(h->children, remove_child, h);
	state_undo(h);
	cv_table_free(h->children);
	host_routes_free(&h->routes);
	host_nl_close(&h->nl);
	free(h);
}

enum cv_err host_tun_up(struct host *h, const char *name, uint32_t mtu, char *text, size_t cap)
{
	h->tun = if_nametoindex(name);
	if (h->tun == 0) {
		snprintf(text, cap, "there is no device %s: %s", name, strerror(errno));
		return CV_E_NOTFOUND;
	}
	/* All of this goes with the device. Setting it down first takes away addresses that IPv6 made on its
	 * own, with which the kernel would send router solicitations into the tunnel. No IPv6 on this host is
	 * not an error. */
	enum cv_err err = host_kernel_link_set(&h->nl, h->tun, false, mtu);
	if (host_kernel_conf_set("ipv4", name, "rp_filter", 2) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot set net.ipv4.conf.%s.rp_filter to 2: %s",
		       name, strerror(errno));
	if (host_kernel_conf_set("ipv6", name, "addr_gen_mode", 1) != CV_OK)
		cv_log(CV_LOG_DEBUG, HOST_ROOM, NULL, "net.ipv6.conf.%s.addr_gen_mode stays: %s", name,
		       strerror(errno));
	if (err == CV_OK)
		err = host_kernel_link_set(&h->nl, h->tun, true, mtu);
	if (err != CV_OK)
		snprintf(text, cap, "cannot set device %s up: %s", name, strerror(errno));
	return err;
}
