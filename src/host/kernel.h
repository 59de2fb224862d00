/* Single changes of the kernel's routing: rules, routes, devices. Private to host/. */
#ifndef CULVERT_HOST_KERNEL_H
#define CULVERT_HOST_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "host/netlink.h"
#include "lib/addr.h"
#include "lib/err.h"

/* Adds (harmless when it is there) or removes (harmless when it is not) our rule; family: enum cv_family. */
enum cv_err host_kernel_rule(struct host_nl *nl, uint8_t family, bool add) CV_NODISCARD;

/* A route in our table. */
struct host_kernel_route {
	struct cv_prefix to;
	bool throw_on; /* no device: the lookup goes on in the next table */
	uint32_t ifindex;
	struct cv_ip source; /* family none: the kernel's choice */
	uint32_t mtu;	     /* 0: the device's */
	uint32_t metric;     /* 0: the kernel's */
};
/* Adds it, or puts it in the place of the one with the same prefix and metric. */
enum cv_err host_kernel_route_set(struct host_nl *nl, const struct host_kernel_route *route) CV_NODISCARD;
/* Harmless when it is not there. */
enum cv_err host_kernel_route_delete(struct host_nl *nl, const struct host_kernel_route *route) CV_NODISCARD;
/* Removes every route in our table. */
enum cv_err host_kernel_table_flush(struct host_nl *nl, uint8_t family) CV_NODISCARD;

/* Sets the device up or down, and its MTU. */
enum cv_err host_kernel_link_set(struct host_nl *nl, uint32_t ifindex, bool up, uint32_t mtu) CV_NODISCARD;
/* Adds an address (all bits) to the device. */
enum cv_err host_kernel_address_add(struct host_nl *nl, uint32_t ifindex,
				    const struct cv_ip *ip) CV_NODISCARD;
enum cv_err host_kernel_address_delete(struct host_nl *nl, uint32_t ifindex,
				       const struct cv_ip *ip) CV_NODISCARD;

/* net.FAMILY.conf.INTERFACE.NAME, an integer ("ipv4", "eth0", "rp_filter"). */
enum cv_err host_kernel_conf_get(const char *family, const char *interface, const char *name,
				 int *out) CV_NODISCARD;
enum cv_err host_kernel_conf_set(const char *family, const char *interface, const char *name,
				 int value) CV_NODISCARD;

#endif
