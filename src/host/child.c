#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/addresses.h"
#include "host/host.h"
#include "host/kernel.h"
#include "host/private.h"
#include "host/range.h"
#include "host/rpfilter.h"
#include "lib/log.h"

/* Writes the state first, so that a kill between the two leaves nothing that nobody knows of. */
static enum cv_err rule_need(struct host *h, uint8_t family, char *text, size_t cap)
{
	unsigned *count = family == CV_IPV6 ? &h->in_family6 : &h->in_family4;
	bool *recorded = family == CV_IPV6 ? &h->state.rule6 : &h->state.rule4;
	if ((*count)++ > 0)
		return CV_OK;
	*recorded = true;
	if (host_state_write(&h->state) != CV_OK) {
		snprintf(text, cap, "cannot write %s: %s", h->state.path, strerror(errno));
		return CV_E_IO;
	}
	enum cv_err err = host_kernel_rule(&h->nl, family, true);
	if (err != CV_OK)
		snprintf(text, cap, "cannot add an IPv%d rule: %s", family, strerror(errno));
	return err;
}

static void rule_release(struct host *h, uint8_t family)
{
	unsigned *count = family == CV_IPV6 ? &h->in_family6 : &h->in_family4;
	bool *recorded = family == CV_IPV6 ? &h->state.rule6 : &h->state.rule4;
	if (--*count > 0)
		return;
	host_rule_drop(h, family);
	*recorded = false;
	if (host_state_write(&h->state) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot write %s: %s", h->state.path,
		       strerror(errno));
}

struct claiming {
	struct host *h;
	struct host_child_entry *c;
	enum cv_err err;
};

static bool claim_remote(void *arg, const struct cv_prefix *prefix)
{
	struct claiming *k = arg;
	k->err = host_routes_claim(&k->h->routes, &k->h->nl, &k->c->owner, prefix, false);
	return k->err == CV_OK;
}

/* Keeps the network out of this child's tunnel, when it lies in there at all. */
static bool throw_network(void *arg, const struct cv_prefix *prefix)
{
	struct claiming *k = arg;
	if (host_routes_claimed_inside(&k->c->owner, prefix))
		k->err = host_routes_claim(&k->h->routes, &k->h->nl, &k->c->owner, prefix, true);
	return k->err == CV_OK;
}

static enum cv_err throw_local_networks(struct host *h, struct host_child_entry *c,
					const struct host_addresses *addresses)
{
	struct claiming k = { .h = h, .c = c };
	for (unsigned i = 0; i < c->local.count && k.err == CV_OK; i++)
		host_range_split(&c->local.ts[i].first, &c->local.ts[i].last, throw_network, &k);
	for (size_t i = 0; i < addresses->count && k.err == CV_OK; i++) {
		const struct host_address *a = &addresses->at[i];
		struct cv_prefix network = host_network_of(&a->ip, a->bits);
		/* A lone address has no network, and is found in the local table anyway. */
		if (a->ifindex != h->tun && a->bits < cv_ip_len(&a->ip) * 8)
			throw_network(&k, &network);
	}
	/* Multicast and link-local addresses mean something on their own link only. */
	static const struct cv_prefix link_only[] = {
		{ { CV_IPV4, { 224 } }, 4 },
		{ { CV_IPV4, { 169, 254 } }, 16 },
		{ { CV_IPV6, { 0xff } }, 8 },
		{ { CV_IPV6, { 0xfe, 0x80 } }, 10 },
	};
	for (size_t i = 0; i < sizeof(link_only) / sizeof(link_only[0]) && k.err == CV_OK; i++)
		throw_network(&k, &link_only[i]);
	return k.err;
}

static struct cv_ip choose_source(const struct host_child_entry *c, const struct host_addresses *addresses,
				  uint8_t family)
{
	struct cv_ip found = { 0 };
	if (c->wanted_source.family == family)
		return c->wanted_source;
	for (unsigned i = 0; found.family == CV_FAMILY_NONE && i < c->local.count; i++)
		if (c->local.ts[i].first.family == family)
			found = host_addresses_inside(addresses, &c->local.ts[i].first, &c->local.ts[i].last);
	return found;
}

/* leftsourceip that no interface has goes to the TUN device. */
static enum cv_err provide_source(struct host *h, struct host_child_entry *c,
				  const struct host_addresses *addresses)
{
	if (c->wanted_source.family == CV_FAMILY_NONE || host_addresses_has(addresses, &c->wanted_source))
		return CV_OK;
	c->added = c->wanted_source;
	return host_kernel_address_add(&h->nl, h->tun, &c->added);
}

/* Another child that wants the address inherits it. */
static bool inherit_source(void *arg, void *object)
{
	struct host_child_entry *gone = arg, *c = object;
	if (!cv_ip_equal(&gone->added, &c->wanted_source))
		return true;
	c->added = gone->added;
	gone->added.family = CV_FAMILY_NONE;
	return false;
}

static void withdraw_source(struct host *h, struct host_child_entry *c)
{
	if (c->added.family != CV_FAMILY_NONE)
		cv_table_each(h->children, inherit_source, c);
	if (c->added.family != CV_FAMILY_NONE &&
	    host_kernel_address_delete(&h->nl, h->tun, &c->added) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot remove an address of the tunnel device: %s",
		       strerror(errno));
	c->added.family = CV_FAMILY_NONE;
}

static enum cv_err need_rules(struct host *h, struct host_child_entry *c, const struct wire_ts_list *remote,
			      char *text, size_t cap)
{
	enum cv_err err = CV_OK;
	for (unsigned i = 0; i < remote->count; i++) {
		c->in_family4 = c->in_family4 || remote->ts[i].first.family == CV_IPV4;
		c->in_family6 = c->in_family6 || remote->ts[i].first.family == CV_IPV6;
	}
	/* Both are counted even when the first fails: both will be released. */
	if (c->in_family4)
		err = rule_need(h, CV_IPV4, text, cap);
	if (c->in_family6) {
		enum cv_err err6 = rule_need(h, CV_IPV6, text, cap);
		err = err != CV_OK ? err : err6;
	}
	return err;
}

static enum cv_err install(struct host *h, struct host_child_entry *c, const struct host_child *child,
			   char *text, size_t cap)
{
	struct host_addresses addresses;
	enum cv_err err = host_addresses_read(&addresses);
	if (err == CV_OK)
		err = provide_source(h, c, &addresses);
	if (err != CV_OK) {
		snprintf(text, cap, "cannot set up the source address: %s", strerror(errno));
		host_addresses_free(&addresses);
		return err;
	}
	c->owner.source4 = choose_source(c, &addresses, CV_IPV4);
	c->owner.source6 = choose_source(c, &addresses, CV_IPV6);
	/* The throw routes come last: they are for networks inside what was claimed. */
	struct claiming k = { .h = h, .c = c };
	for (unsigned i = 0; i < child->remote->count && k.err == CV_OK; i++)
		host_range_split(&child->remote->ts[i].first, &child->remote->ts[i].last, claim_remote, &k);
	if (k.err == CV_OK)
		k.err = throw_local_networks(h, c, &addresses);
	host_addresses_free(&addresses);
	if (k.err != CV_OK)
		snprintf(text, cap, "cannot set up a route: %s",
			 k.err == CV_E_IO ? strerror(errno) : cv_err_text(k.err));
	return k.err;
}

enum cv_err host_child_add(struct host *h, const struct host_child *child, char *text, size_t cap)
{
	struct host_child_entry *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		snprintf(text, cap, "out of memory");
		return CV_E_NOMEM;
	}
	c->id = child->id;
	c->local = *child->local;
	c->wanted_source = child->source;
	c->owner.ifindex = h->tun;
	c->owner.mtu = child->mtu;
	c->owner.metric = child->metric;
	enum cv_err err = cv_table_put(h->children, c);
	if (err != CV_OK) {
		snprintf(text, cap, "%s", cv_err_text(err));
		free(c);
		return err;
	}
	err = need_rules(h, c, child->remote, text, cap);
	if (err == CV_OK)
		err = install(h, c, child, text, cap);
	if (err == CV_OK)
		host_rpfilter_loosen(h, c, &child->peer);
	else
		host_child_remove(h, child->id);
	return err;
}

void host_child_remove(struct host *h, uint64_t id)
{
	struct host_child_entry *c = cv_table_remove(h->children, cv_bytes(&id, sizeof(id)));
	if (c == NULL)
		return;
	if (host_routes_release(&h->routes, &h->nl, &c->owner, false) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot remove a route: %s", strerror(errno));
	if (c->in_family4)
		rule_release(h, CV_IPV4);
	if (c->in_family6)
		rule_release(h, CV_IPV6);
	host_rpfilter_release(h, c);
	withdraw_source(h, c);
	free(c);
}

void host_child_mtu(struct host *h, uint64_t id, uint32_t mtu)
{
	struct host_child_entry *c = cv_table_get(h->children, cv_bytes(&id, sizeof(id)));
	if (c == NULL || c->owner.mtu == mtu)
		return;
	c->owner.mtu = mtu;
	if (host_routes_renew(&h->routes, &h->nl, &c->owner) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot set the MTU of a route: %s", strerror(errno));
}

struct cv_ip host_child_source(const struct host *h, uint64_t id, uint8_t family)
{
	const struct host_child_entry *c = cv_table_get(h->children, cv_bytes(&id, sizeof(id)));
	if (c == NULL)
		return (struct cv_ip){ 0 };
	return family == CV_IPV6 ? c->owner.source6 : c->owner.source4;
}

/* --- changes of the host's own addresses --- */

struct refreshing {
	struct host *h;
	struct host_addresses addresses;
};

static bool refresh_child(void *arg, void *object)
{
	struct refreshing *r = arg;
	struct host_child_entry *c = object;
	c->owner.source4 = choose_source(c, &r->addresses, CV_IPV4);
	c->owner.source6 = choose_source(c, &r->addresses, CV_IPV6);
	/* What has gone is released last: no moment without the exceptions that stay. */
	host_routes_age(&c->owner);
	if (throw_local_networks(r->h, c, &r->addresses) != CV_OK ||
	    host_routes_renew(&r->h->routes, &r->h->nl, &c->owner) != CV_OK ||
	    host_routes_release(&r->h->routes, &r->h->nl, &c->owner, true) != CV_OK)
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL,
		       "cannot adapt the routes to this host's addresses: %s", strerror(errno));
	return true;
}

void host_refresh(struct host *h)
{
	struct refreshing r = { .h = h };
	if (host_addresses_read(&r.addresses) != CV_OK) {
		cv_log(CV_LOG_WARNING, HOST_ROOM, NULL, "cannot read this host's addresses: %s",
		       strerror(errno));
		return;
	}
	cv_table_each(h->children, refresh_child, &r);
	host_addresses_free(&r.addresses);
}
