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

/* From worst to best. A lone identity is enough when it is ours or the peer's; among several both ends must
 * be there, or one with %any: the others are meant for others. */
enum tier { UNSUITED, NOBODY_NAMED, ANY_ONLY, PEER_ALONE, PEER_AND_ANY, OURS, BOTH };

/* by_address: an address in the list also stands for the host that has it, whatever its identity. */
static enum tier find_tier(const struct conf_secret *s, const struct ike_secret_query *q, bool by_address)
{
	bool local = false;
	bool remote = false;
	bool any = false;

	if (!s->id_count)
		return NOBODY_NAMED;
	for (uint16_t i = 0; i < s->id_count; i++) {
		const struct ike_id *id = &s->ids[i];

		if (s->any[i]) {
			any = true;
			continue;
		}
		local = local || same_id(id, &q->local) || (by_address && is_address(id, &q->local_ip));
		remote = remote || same_id(id, &q->remote) || (by_address && is_address(id, &q->remote_ip));
	}
	if (local && remote)
		return BOTH;
	if (local && (any || s->id_count == 1))
		return OURS;
	if (remote && any)
		return PEER_AND_ANY;
	if (remote && s->id_count == 1)
		return PEER_ALONE;
	return any ? ANY_ONLY : UNSUITED;
}

unsigned conf_secret_match(const struct conf_secret *s, const struct ike_secret_query *query)
{
	enum tier by_id = find_tier(s, query, false);
	enum tier by_address = find_tier(s, query, true);

	if (by_id > ANY_ONLY)
		return 2 * BOTH + by_id;
	return by_address > ANY_ONLY ? BOTH + by_address : by_id;
}

enum cv_err conf_secrets_find(const struct conf_secrets *s, const struct ike_secret_query *query,
			      struct cv_bytes *out)
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
