#include "host/routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/range.h"

/* One child's claim of one prefix. */
struct use {
	struct use *next; /* of the same entry, older */
	struct host_route_entry *entry;
	const struct host_route_owner *owner;
	bool throw_on;
	bool stale; /* not claimed again since host_routes_age */
};

/* One prefix of the table, with everybody who wants it. */
struct host_route_entry {
	struct cv_prefix to;
	struct use *uses; /* newest first */
	bool installed;
	struct host_kernel_route current;
};

static struct cv_bytes entry_key(const void *object)
{
	const struct host_route_entry *e = object;
	/* All octets: there is no padding in it. */
	return cv_bytes(&e->to, sizeof(e->to));
}

enum cv_err host_routes_init(struct host_routes *r, const uint8_t seed[16])
{
	return cv_table_new(&r->entries, entry_key, seed);
}

void host_routes_free(struct host_routes *r)
{
	cv_table_free(r->entries);
	r->entries = NULL;
}

/* A tunnel's route goes before any throw of the same prefix, and the newest tunnel's before the older ones.
 */
static const struct use *entry_winner(const struct host_route_entry *e)
{
	for (const struct use *u = e->uses; u != NULL; u = u->next)
		if (!u->throw_on)
			return u;
	return e->uses;
}

static bool same_route(const struct host_kernel_route *a, const struct host_kernel_route *b)
{
	return a->throw_on == b->throw_on && a->ifindex == b->ifindex && a->mtu == b->mtu &&
	       a->metric == b->metric && cv_ip_equal(&a->source, &b->source);
}

/* Brings the kernel's table in line with what is wanted of this prefix; frees the entry when nobody wants it.
 */
static enum cv_err entry_apply(struct host_routes *r, struct host_nl *nl, struct host_route_entry *e)
{
	const struct use *u = entry_winner(e);
	enum cv_err err = CV_OK;
	if (u == NULL) {
		if (e->installed)
			err = host_kernel_route_delete(nl, &e->current);
		cv_table_remove(r->entries, entry_key(e));
		free(e);
		return err;
	}
	struct host_kernel_route want = { .to = e->to, .throw_on = u->throw_on };
	if (!u->throw_on) {
		want.ifindex = u->owner->ifindex;
		want.source = e->to.ip.family == CV_IPV6 ? u->owner->source6 : u->owner->source4;
		want.mtu = u->owner->mtu;
		want.metric = u->owner->metric;
	}
	if (e->installed && same_route(&want, &e->current))
		return CV_OK;
	err = host_kernel_route_set(nl, &want);
	if (err != CV_OK)
		return err;
	/* Another metric is another route for the kernel: the old one still stands. */
	if (e->installed && e->current.metric != want.metric)
		err = host_kernel_route_delete(nl, &e->current);
	e->current = want;
	e->installed = true;
	return err;
}

static struct host_route_entry *entry_get(struct host_routes *r, const struct cv_prefix *to)
{
	struct host_route_entry *e = cv_table_get(r->entries, cv_bytes(to, sizeof(*to)));
	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	e->to = *to;
	if (cv_table_put(r->entries, e) != CV_OK) {
		free(e);
		return NULL;
	}
	return e;
}

static struct use *owner_use(const struct host_route_owner *o, const struct cv_prefix *to)
{
	for (size_t i = 0; i < o->use_count; i++)
		if (o->use[i]->entry->to.bits == to->bits && cv_ip_equal(&o->use[i]->entry->to.ip, &to->ip))
			return o->use[i];
	return NULL;
}

enum cv_err host_routes_claim(struct host_routes *r, struct host_nl *nl, struct host_route_owner *o,
			      const struct cv_prefix *to, bool throw_on)
{
	struct use *present = owner_use(o, to);
	if (present != NULL) {
		present->stale = false;
		return CV_OK;
	}
	struct use **uses = reallocarray(o->use, o->use_count + 1, sizeof(struct use *));
	if (uses == NULL)
		return CV_E_NOMEM;
	o->use = uses;
	struct use *u = calloc(1, sizeof(*u));
	struct host_route_entry *e = u == NULL ? NULL : entry_get(r, to);
	if (e == NULL) {
		free(u);
		return CV_E_NOMEM;
	}
	*u = (struct use){ .next = e->uses, .entry = e, .owner = o, .throw_on = throw_on };
	e->uses = u;
	o->use[o->use_count++] = u;
	return entry_apply(r, nl, e);
}

static enum cv_err drop_use(struct host_routes *r, struct host_nl *nl, struct use *u)
{
	struct host_route_entry *e = u->entry;
	struct use **link = &e->uses;
	while (*link != u)
		link = &(*link)->next;
	*link = u->next;
	free(u);
	return entry_apply(r, nl, e);
}

void host_routes_age(struct host_route_owner *o)
{
	for (size_t i = 0; i < o->use_count; i++)
		o->use[i]->stale = o->use[i]->throw_on;
}

enum cv_err host_routes_release(struct host_routes *r, struct host_nl *nl, struct host_route_owner *o,
				bool only_stale)
{
	enum cv_err first = CV_OK;
	size_t kept = 0;
	for (size_t i = 0; i < o->use_count; i++) {
		if (only_stale && !o->use[i]->stale) {
			o->use[kept++] = o->use[i];
			continue;
		}
		enum cv_err err = drop_use(r, nl, o->use[i]);
		if (first == CV_OK)
			first = err;
	}
	o->use_count = kept;
	if (kept == 0) {
		free(o->use);
		o->use = NULL;
	}
	return first;
}

enum cv_err host_routes_renew(struct host_routes *r, struct host_nl *nl, struct host_route_owner *o)
{
	enum cv_err first = CV_OK;
	for (size_t i = 0; i < o->use_count; i++) {
		/* The kernel may have thrown it out together with an address. */
		o->use[i]->entry->installed = false;
		enum cv_err err = entry_apply(r, nl, o->use[i]->entry);
		if (first == CV_OK)
			first = err;
	}
	return first;
}

bool host_routes_claimed_inside(const struct host_route_owner *o, const struct cv_prefix *network)
{
	for (size_t i = 0; i < o->use_count; i++)
		if (!o->use[i]->throw_on && host_prefix_inside(network, &o->use[i]->entry->to))
			return true;
	return false;
}

bool host_routes_claimed_has(const struct host_route_owner *o, const struct cv_ip *ip)
{
	for (size_t i = 0; i < o->use_count; i++)
		if (!o->use[i]->throw_on && cv_prefix_contains(&o->use[i]->entry->to, ip))
			return true;
	return false;
}
