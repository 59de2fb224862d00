/* Which secret is for whom: the most specific record wins, as in libreswan. */
#include "conf/secrets.h"

#include <string.h>
#include <strings.h>

/* Names are compared without regard to case, as they are by DNS. */
static bool same_id(const struct ike_id *a, const struct ike_id *b)
{
	if (a->type != b->type || a->len != b->len)
		return false;
	if (a->type == WIRE_ID_FQDN || a->type == WIRE_ID_RFC822)
		return strncasecmp((const char *)a->data, (const char *)b->data, a->len) == 0;
	return memcmp(a->data, b->data, a->len) == 0;
}

static bool is_address(const struct ike_id *id, const struct cv_ip *ip)
{
	struct cv_ip mine;

	if (id->type != WIRE_ID_IPV4 && id->type != WIRE_ID_IPV6)
		return false;
	mine = cv_ip_from_bytes(cv_bytes(id->data, id->len));
	return ip->family && cv_ip_equal(&mine, ip);
}

/* 2: the identity itself; 1: the host's address; 0: neither. */
static unsigned end_match(const struct ike_id *listed, const struct ike_id *id, const struct cv_ip *ip)
{
	if (same_id(listed, id))
		return 2;
	return is_address(listed, ip) ? 1 : 0;
}

unsigned conf_secret_match(const struct conf_secret *s, const struct ike_secret_query *query)
{
	/* From worst to best. A lone identity is enough when it is ours or the peer's; among several both ends must be
	 * there, or one with %any: the others are meant for others. */
	enum { NOBODY_NAMED = 1, ANY_ONLY, PEER_ALONE, PEER_AND_ANY, OURS, BOTH };
	unsigned local = 0;
	unsigned remote = 0;
	bool any = false;
	unsigned tier = 0;

	if (!s->id_count)
		return NOBODY_NAMED * 8;
	for (uint16_t i = 0; i < s->id_count; i++) {
		unsigned l = s->any[i] ? 0 : end_match(&s->ids[i], &query->local, &query->local_ip);
		unsigned r = s->any[i] ? 0 : end_match(&s->ids[i], &query->remote, &query->remote_ip);

		any = any || s->any[i];
		local = l > local ? l : local;
		remote = r > remote ? r : remote;
	}
	if (local && remote)
		tier = BOTH;
	else if (local && (any || s->id_count == 1))
		tier = OURS;
	else if (remote && any)
		tier = PEER_AND_ANY;
	else if (remote && s->id_count == 1)
		tier = PEER_ALONE;
	else if (any)
		tier = ANY_ONLY;
	return tier ? tier * 8 + local + remote : 0;
}

enum cv_err conf_secrets_find(const struct conf_secrets *s, const struct ike_secret_query *query, struct cv_bytes *out)
{
	const struct conf_secret *best = NULL;
	unsigned best_match = 0;

	for (size_t i = 0; i < s->count; i++) {
		unsigned match = conf_secret_match(&s->list[i], query);

		if (match > best_match) {
			best = &s->list[i];
			best_match = match;
		}
	}
	if (!best)
		return CV_E_NOTFOUND;
	*out = cv_secret_bytes(&best->psk);
	return CV_OK;
}
