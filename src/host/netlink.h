/* One rtnetlink socket with requests that are answered at once. Private to host/. */
#ifndef CULVERT_HOST_NETLINK_H
#define CULVERT_HOST_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "lib/addr.h"
#include "lib/err.h"

struct host_nl {
	struct mnl_socket *socket;
	uint32_t seq;
	uint8_t buf[16384]; /* of the request being built, then of the answers */
};

enum cv_err host_nl_open(struct host_nl *nl) CV_NODISCARD;
void host_nl_close(struct host_nl *nl);

/* Begins a request in nl->buf; flags without NLM_F_REQUEST. */
struct nlmsghdr *host_nl_begin(struct host_nl *nl, uint16_t type, uint16_t flags);
/* Sends it and takes every answer to `each` (may be NULL) until the kernel has acknowledged or the dump has
 * ended. CV_E_IO with errno when the kernel refuses. An answer of the kernel never takes long; after 5 s it
 * is EAGAIN. */
enum cv_err host_nl_run(struct host_nl *nl, struct nlmsghdr *request, mnl_cb_t each, void *arg) CV_NODISCARD;

/* Appends an attribute with the address's 4 or 16 octets. */
void host_nl_put_ip(struct nlmsghdr *request, uint16_t attribute, const struct cv_ip *ip);
/* The address in an attribute of a message of this system address family; family none when it does not fit.
 */
struct cv_ip host_nl_get_ip(const struct nlattr *attribute);
/* AF_INET or AF_INET6. */
uint8_t host_nl_family(const struct cv_ip *ip);

#endif
