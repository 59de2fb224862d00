#include "ike/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/nat.h"
#include "ike/output.h"
#include "ike/sa.h"

static const uint8_t moves[] = {
	[IKE_CHILD_NEW] = 1u << IKE_CHILD_INSTALLED | 1u << IKE_CHILD_GONE,
	[IKE_CHILD_INSTALLED] = 1u << IKE_CHILD_DELETING | 1u << IKE_CHILD_GONE,
	[IKE_CHILD_DELETING] = 1u << IKE_CHILD_GONE,
	[IKE_CHILD_GONE] = 0,
};

static const char *state_name(uint8_t state)
{
	static const char *const names[] = { "new", "installed", "deleting", "gone" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

bool ike_child_set_state(struct ike_child *child, uint8_t state)
{
	if (state > IKE_CHILD_GONE || !(moves[child->state] & 1u << state)) {
		ike_sa_log(child->sa, CV_LOG_ERROR, "a Child SA cannot go from %s to %s",
			   state_name(child->state), state_name(state));
		return false;
	}
	ike_sa_log(child->sa, CV_LOG_DEBUG, "Child SA %08x %s -> %s", child->spi_in, state_name(child->state),
		   state_name(state));
	child->state = state;
	return true;
}

const char *ike_child_name(const struct ike_child *child)
{
	return child->policy->conn.child[child->index].name;
}

uint32_t ike_child_new_spi(struct ike_engine *e)
{
	uint32_t spi;

	do
		ike_core_random(e, (uint8_t *)&spi, sizeof(spi));
	while (spi < 256 || ike_child_by_spi_in(e, spi));
	return spi;
}

struct ike_child *ike_child_by_spi_in(const struct ike_engine *e, uint32_t spi_in)
{
	return cv_table_get(e->children, cv_bytes(&spi_in, sizeof(spi_in)));
}

struct ike_child *ike_child_by_spi_out(const struct ike_sa *sa, uint32_t spi_out)
{
	for (struct ike_child *child = sa->children; child; child = child->next) {
		if (child->spi_out == spi_out)
			return child;
	}
	return NULL;
}

struct ike_child *ike_child_of_policy(const struct ike_sa *sa, const struct ike_policy *policy,
				      uint16_t index)
{
	const char *name = policy->conn.child[index].name;

	for (struct ike_child *child = sa->children; child; child = child->next) {
		if (child->state < IKE_CHILD_DELETING && strcmp(ike_child_name(child), name) == 0)
			return child;
	}
	return NULL;
}

static struct ike_child *child_new(struct ike_sa *sa, const struct ike_child_params *params)
{
	size_t count = (size_t)params->local->count + params->remote->count;
	struct ike_child *child = calloc(1, sizeof(*child) + count * sizeof(child->ts[0]));

	if (!child)
		return NULL;
	child->spi_in = params->spi_in;
	if (cv_table_put(sa->engine->children, child)) {
		free(child);
		return NULL;
	}
	child->sa = sa;
	child->spi_out = params->spi_out;
	child->id = ++sa->engine->next_child;
	child->initiator = params->initiator;
	child->suite = params->suite;
	child->policy = ike_policy_hold(params->policy);
	child->index = params->index;
	child->local_count = params->local->count;
	child->remote_count = params->remote->count;
	memcpy(child->ts, params->local->ts, params->local->count * sizeof(child->ts[0]));
	memcpy(child->ts + child->local_count, params->remote->ts,
	       params->remote->count * sizeof(child->ts[0]));
	child->next = sa->children;
	sa->children = child;
	sa->child_count++;
	return child;
}

static void fill_install(const struct ike_child *child, const struct ike_child_params *params,
			 struct ike_child_sa *out)
{
	const struct ike_sa *sa = child->sa;
	const struct ike_conn *conn = &child->policy->conn;

	snprintf(out->conn, sizeof(out->conn), "%s", conn->name);
	snprintf(out->name, sizeof(out->name), "%s", conn->child[child->index].name);
	out->id = child->id;
	out->ike_spi = sa->spi_local;
	out->spi_in = child->spi_in;
	out->spi_out = child->spi_out;
	out->encr = child->suite.encr;
	out->key_bits = child->suite.key_bits;
	out->integ = child->suite.integ;
	out->esn = child->suite.esn;
	out->replay_window = conn->replay_window;
	out->local = *params->local;
	out->remote = *params->remote;
	out->initiator = params->initiator;
	out->mtu = conn->mtu;
}

static enum cv_err install(struct ike_child *child, struct ike_child_sa *pair)
{
	enum cv_err err;
	char text[256];

	pair->path = ike_nat_child_path(child->sa, &pair->udp_encap);
	err = ike_out_child_install(child->sa->engine, pair);
	if (err)
		return err;
	ike_child_set_state(child, IKE_CHILD_INSTALLED);
	child->installed_ms = child->sa->engine->now_ms;
	ike_sa_log(child->sa, CV_LOG_NOTICE, "Child SA %s up: %s, SPI in %08x out %08x, %s%s%s%s", pair->name,
		   ike_child_text(child, text, sizeof(text)), child->spi_in, child->spi_out,
		   wire_transform_name(WIRE_T_ENCR, child->suite.encr), child->suite.integ ? " " : "",
		   child->suite.integ ? wire_transform_name(WIRE_T_INTEG, child->suite.integ) : "",
		   child->suite.esn ? ", 64-bit sequence numbers" : "");
	return CV_OK;
}

static void held_free(struct ike_child *child)
{
	if (child->held)
		cv_wipe(child->held, sizeof(*child->held));
	free(child->held);
	child->held = NULL;
}

enum cv_err ike_child_make(struct ike_sa *sa, const struct ike_child_params *params, struct ike_child **out)
{
	struct ike_keys_input input = { .ni = params->ni, .nr = params->nr, .shared = params->shared };
	struct ike_child *child = child_new(sa, params);
	enum cv_err err = CV_E_NOMEM;

	if (!child)
		return CV_E_NOMEM;
	child->held = calloc(1, sizeof(*child->held));
	if (child->held) {
		fill_install(child, params, child->held);
		err = ike_keys_child(&sa->keys, sa->suite.prf, &child->suite, &input, child->held);
	}
	if (!err && !sa->standby) {
		err = install(child, child->held);
		held_free(child);
	}
	if (err) {
		ike_child_drop(child);
		return err;
	}
	*out = child;
	return CV_OK;
}

void ike_child_install_held(struct ike_sa *sa)
{
	struct ike_child *next;

	for (struct ike_child *child = sa->children; child; child = next) {
		next = child->next;
		if (!child->held)
			continue;
		if (install(child, child->held))
			ike_child_drop(child);
		else
			held_free(child);
	}
}

static void child_unlink(struct ike_child *child)
{
	struct ike_child **at = &child->sa->children;

	while (*at && *at != child)
		at = &(*at)->next;
	if (*at)
		*at = child->next;
	child->sa->child_count--;
}

void ike_child_drop(struct ike_child *child)
{
	struct ike_engine *e = child->sa->engine;

	if (child->state == IKE_CHILD_INSTALLED || child->state == IKE_CHILD_DELETING)
		ike_out_child_remove(e, child->spi_in);
	ike_child_set_state(child, IKE_CHILD_GONE);
	child_unlink(child);
	cv_table_remove(e->children, cv_bytes(&child->spi_in, sizeof(child->spi_in)));
	held_free(child);
	ike_policy_drop(child->policy);
	free(child);
}

void ike_child_drop_all(struct ike_sa *sa)
{
	for (struct ike_child *child = sa->children, *next; child; child = next) {
		next = child->next;
		ike_child_drop(child);
	}
}

void ike_child_follow(struct ike_sa *sa)
{
	bool udp_encap;
	struct ike_path path = ike_nat_child_path(sa, &udp_encap);

	for (const struct ike_child *child = sa->children; child; child = child->next) {
		if (child->state == IKE_CHILD_INSTALLED || child->state == IKE_CHILD_DELETING)
			ike_out_child_path(sa->engine, child->spi_in, &path);
	}
}

void ike_child_inherit(struct ike_sa *from, struct ike_sa *to)
{
	while (from->children) {
		struct ike_child *child = from->children;

		from->children = child->next;
		from->child_count--;
		child->sa = to;
		child->next = to->children;
		to->children = child;
		to->child_count++;
	}
}

const char *ike_child_text(const struct ike_child *child, char *out, size_t cap)
{
	char ts[WIRE_TS_TEXT_MAX];
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < (unsigned)child->local_count + child->remote_count && len < cap; i++) {
		const char *between = i == 0 ? "" : i == child->local_count ? " === " : ",";

		len +=
		    (size_t)snprintf(out + len, cap - len, "%s%s", between, wire_ts_text(&child->ts[i], ts));
	}
	return out;
}
