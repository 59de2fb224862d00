/* What culvertd changes on this host so that packets find their tunnel, and how it takes all of it back.
 *
 *   rule   priority 17238: packets without mark 0x4356 look into table 17238 first (IPv4 and IPv6)
 *   table  17238: a route to the TUN device for every remote selector; throw routes (look further, in the
 *          main table) for this host's own networks that lie inside one, so that a tunnel for 0.0.0.0/0
 *          captures neither the local selector's subnet nor what is on the link
 *   mark   0x4356: on every transport socket, so that IKE and ESP never enter the tunnel
 *
 * The rule stands only while there are routes. Before something is changed that would outlive the process it
 * is written into `host.state` in the run folder; the next start undoes what a killed process left. */
#ifndef CULVERT_HOST_HOST_H
#define CULVERT_HOST_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "wire/payloads.h"

#define HOST_MARK	   0x4356
#define HOST_TABLE	   17238 /* the same number in decimal */
#define HOST_RULE_PRIORITY 17238

struct host;

/* Opens netlink, and undoes what an earlier process left according to run_dir/host.state. On failure text
 * says what could not be done. */
enum cv_err host_new(const char *run_dir, struct host **out, char *text, size_t cap) CV_NODISCARD;
/* Undoes everything. NULL is fine. */
void host_free(struct host *h);

/* Sets the TUN device up. Loose reverse-path filter on it: packets out of the tunnel may have sources that
 * this host would answer by another way. No automatic IPv6 addresses on it. */
enum cv_err host_tun_up(struct host *h, const char *name, uint32_t mtu, char *text, size_t cap) CV_NODISCARD;

/* One Child SA (or trap) and the routes that it needs. */
struct host_child {
	uint64_t id; /* chosen by the caller, unique */
	const struct wire_ts_list *local;
	const struct wire_ts_list *remote;
	struct cv_ip source; /* leftsourceip; family none: an address of this host inside `local`, if any */
	struct cv_ip peer;   /* outer address of the peer */
	uint32_t mtu;	     /* 0: that of the device */
	uint32_t metric;
};
/* Adds its routes. On failure nothing of it stays, and text says why. */
enum cv_err host_child_add(struct host *h, const struct host_child *child, char *text,
			   size_t cap) CV_NODISCARD;
/* Removes what no other child needs. Unknown ids are ignored. */
void host_child_remove(struct host *h, uint64_t id);
/* Its inner MTU is another now. */
void host_child_mtu(struct host *h, uint64_t id, uint32_t mtu);
/* This host's addresses have changed: its networks on the link are looked up again. */
void host_refresh(struct host *h);
/* The source address (of enum cv_family `family`) that packets of this host to the child's remote selectors
 * use; family none when none was chosen. */
struct cv_ip host_child_source(const struct host *h, uint64_t id, uint8_t family);

#endif
