#include "ike/core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/output.h"

void ike_core_random(struct ike_engine *e, uint8_t *out, size_t len)
{
	e->config.random(e->config.random_arg, out, len);
}

void ike_core_set_text(char **slot, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	free(*slot);
	*slot = copy;
}

enum cv_err ike_core_keep(uint8_t **slot, size_t *len, struct cv_bytes from)
{
	uint8_t *copy = malloc(from.len ? from.len : 1);

	free(*slot);
	*slot = copy;
	*len = copy ? from.len : 0;
	if (!copy)
		return CV_E_NOMEM;
	if (from.len)
		memcpy(copy, from.data, from.len);
	return CV_OK;
}

bool ike_rate_allowed(struct ike_rate *rate, uint64_t now_ms, uint32_t burst)
{
	if (rate->second != now_ms / 1000) {
		rate->second = now_ms / 1000;
		rate->used = 0;
	}
	return rate->used++ < burst;
}

struct ike_policy *ike_policy_hold(struct ike_policy *policy)
{
	policy->refs++;
	return policy;
}

void ike_policy_drop(struct ike_policy *policy)
{
	if (policy && --policy->refs == 0)
		free(policy);
}

struct ike_identity *ike_identity_new(uint8_t type, struct cv_bytes data)
{
	struct ike_identity *identity;

	if (data.len > IKE_ID_MAX)
		return NULL;
	identity = malloc(sizeof(*identity) + data.len);
	if (!identity)
		return NULL;
	identity->type = type;
	identity->len = (uint16_t)data.len;
	if (data.len)
		memcpy(identity->data, data.data, data.len);
	return identity;
}

struct ike_id ike_identity_id(const struct ike_identity *identity)
{
	struct ike_id id = { 0 };

	if (!identity)
		return id;
	id.type = identity->type;
	id.len = identity->len;
	memcpy(id.data, identity->data, identity->len);
	return id;
}

enum cv_err ike_want_ask(struct ike_engine *e, struct ike_want *want, const struct ike_secret_query *query)
{
	enum cv_err err;

	want->id = ++e->next_want;
	err = cv_table_put(e->wants, want);
	if (!err)
		err = ike_out_want_secret(e, want->id, query);
	if (err)
		ike_want_cancel(e, want);
	return err;
}

void ike_want_cancel(struct ike_engine *e, struct ike_want *want)
{
	if (want->id)
		cv_table_remove(e->wants, cv_bytes(&want->id, sizeof(want->id)));
	want->id = 0;
}
