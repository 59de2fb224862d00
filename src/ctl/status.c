#include "ctl/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crypto/version.h"
#include "ctl/protocol.h"
#include "wire/numbers.h"
#include "wire/payloads.h"

/* Puts a member in; without memory the object goes, and later calls do nothing. */
static void put(json_t **object, const char *name, json_t *value)
{
	if (*object == NULL) {
		json_decref(value);
		return;
	}
	if (json_object_set_new(*object, name, value) != 0) {
		json_decref(*object);
		*object = NULL;
	}
}

static void put_text(json_t **object, const char *name, const char *text)
{
	put(object, name, ctl_json_text(text));
}

static void put_number(json_t **object, const char *name, uint64_t number)
{
	put(object, name, json_integer((json_int_t)number));
}

static void put_spi(json_t **object, const char *name, uint64_t spi, int digits)
{
	char text[20];
	snprintf(text, sizeof(text), "%0*" PRIx64, digits, spi);
	put_text(object, name, text);
}

static json_t *time_of(uint64_t mono_ms, const struct ctl_clock *clock)
{
	if (mono_ms == 0)
		return json_null();
	return json_integer((clock->unix_ms + (int64_t)(mono_ms - clock->mono_ms)) / 1000);
}

static void put_addr(json_t **object, const char *name, const struct cv_addr *addr)
{
	char text[CV_ADDR_TEXT_MAX];
	put_text(object, name, cv_addr_text(addr, text));
}

static void put_ip(json_t **object, const char *name, const struct cv_ip *ip)
{
	char text[CV_IP_TEXT_MAX];
	put(object, name, ip->family == CV_FAMILY_NONE ? json_null() : ctl_json_text(cv_ip_text(ip, text)));
}

static void put_id(json_t **object, const char *name, const struct ike_id *id)
{
	char text[IKE_ID_TEXT_MAX];
	put(object, name, id->type == 0 ? json_null() : ctl_json_text(ike_id_text(id, text, sizeof(text))));
}

static void put_selectors(json_t **object, const char *name, const struct wire_ts *ts, unsigned count)
{
	char text[WIRE_TS_TEXT_MAX];
	json_t *array = json_array();
	for (unsigned i = 0; array != NULL && i < count; i++) {
		if (json_array_append_new(array, ctl_json_text(wire_ts_text(&ts[i], text))) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	put(object, name, array);
}

/* "AES_GCM_16-256" */
static void put_encryption(json_t **object, uint16_t encr, uint16_t key_bits)
{
	char text[96];
	if (encr == 0) {
		put(object, "encryption", json_null());
		return;
	}
	const char *name = wire_transform_name(WIRE_T_ENCR, encr);
	if (key_bits != 0)
		snprintf(text, sizeof(text), "%s-%u", name, key_bits);
	else
		snprintf(text, sizeof(text), "%s", name);
	put_text(object, "encryption", text);
}

static void put_transform(json_t **object, const char *name, uint8_t type, uint16_t id)
{
	put(object, name, id == 0 ? json_null() : ctl_json_text(wire_transform_name(type, id)));
}

json_t *ctl_json_sa(const struct ike_sa_info *sa, json_t *children, const struct ctl_clock *clock)
{
	json_t *o = json_object();
	put_spi(&o, "spi_local", sa->spi_local, 16);
	put_spi(&o, "spi_remote", sa->spi_remote, 16);
	put_text(&o, "role", sa->initiator ? "initiator" : "responder");
	put_text(&o, "state", ike_sa_state_name(sa->state));
	put_text(&o, "transport", sa->path.transport == IKE_TCP ? "tcp" : "udp");
	put_addr(&o, "local", &sa->path.local);
	put_addr(&o, "remote", &sa->path.remote);
	put(&o, "transport_since", time_of(sa->path_since_ms, clock));
	put_text(&o, "transport_why", sa->why);
	put(&o, "established", time_of(sa->established_ms, clock));
	put_id(&o, "local_id", &sa->local_id);
	put_id(&o, "remote_id", &sa->remote_id);
	put_encryption(&o, sa->encr, sa->key_bits);
	put_transform(&o, "prf", WIRE_T_PRF, sa->prf);
	put_transform(&o, "integrity", WIRE_T_INTEG, sa->integ);
	put_transform(&o, "key_exchange", WIRE_T_KE, sa->ke);
	put(&o, "nat_local", json_boolean(sa->nat_local));
	put(&o, "nat_remote", json_boolean(sa->nat_remote));
	put(&o, "rekey_due", json_null());
	put(&o, "children", children);
	return o;
}

static void put_traffic(json_t **o, const struct ctl_traffic *t, const struct ctl_clock *clock)
{
	put_number(o, "bytes_in", t->bytes_in);
	put_number(o, "bytes_out", t->bytes_out);
	put_number(o, "packets_in", t->packets_in);
	put_number(o, "packets_out", t->packets_out);
	put(o, "last_in", time_of(t->last_in_ms, clock));
	put(o, "last_out", time_of(t->last_out_ms, clock));
	json_t *dropped = json_object();
	put_number(&dropped, "replayed", t->replays);
	put_number(&dropped, "bad_integrity", t->bad_icv);
	put_number(&dropped, "outside_selectors", t->bad_selector);
	put_number(&dropped, "malformed", t->bad_packet);
	put_number(&dropped, "queue_full", t->dropped_queue);
	put_number(&dropped, "too_big", t->too_big);
	put(o, "dropped", dropped);
	put_number(o, "mtu", t->mtu);
}

json_t *ctl_json_child(const struct ike_child_info *child, const struct ctl_traffic *traffic,
		       const struct ctl_clock *clock)
{
	json_t *o = json_object();
	put_text(&o, "connection", child->conn);
	put_text(&o, "name", child->name);
	put_spi(&o, "spi_in", child->spi_in, 8);
	put_spi(&o, "spi_out", child->spi_out, 8);
	put_encryption(&o, child->encr, child->key_bits);
	put_transform(&o, "integrity", WIRE_T_INTEG, child->integ);
	put_transform(&o, "key_exchange", WIRE_T_KE, child->ke);
	put(&o, "esn", json_boolean(child->esn));
	put_selectors(&o, "local", child->local.ts, child->local.count);
	put_selectors(&o, "remote", child->remote.ts, child->remote.count);
	put(&o, "since", time_of(child->installed_ms, clock));
	put(&o, "rekey_due", json_null());
	put_traffic(&o, traffic, clock);
	return o;
}

static json_t *policy_children(const struct ike_conn *policy)
{
	json_t *array = json_array();
	for (unsigned i = 0; array != NULL && i < policy->child_count; i++) {
		const struct ike_child_policy *child = &policy->child[i];
		json_t *o = json_object();
		put_text(&o, "name", child->name);
		put_selectors(&o, "local", child->local, child->local_count);
		put_selectors(&o, "remote", child->remote, child->remote_count);
		if (json_array_append_new(array, o) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

json_t *ctl_json_conn(const struct ctl_conn *conn, const struct ctl_clock *clock)
{
	static const char *const states[] = {
		[CTL_CONN_DOWN] = "down",
		[CTL_CONN_CONNECTING] = "connecting",
		[CTL_CONN_UP] = "up",
		[CTL_CONN_ON_DEMAND] = "on demand",
		[CTL_CONN_NOT_LOADED] = "not loaded",
	};
	static const char *const autostart[] = {
		[CONF_AUTO_IGNORE] = "ignore",
		[CONF_AUTO_ADD] = "add",
		[CONF_AUTO_ONDEMAND] = "ondemand",
		[CONF_AUTO_START] = "start",
	};
	json_t *o = json_object();
	put_text(&o, "name", conn->name);
	put_text(&o, "state", states[conn->state]);
	put_text(&o, "auto", autostart[conn->autostart]);
	if (conn->policy != NULL) {
		put_ip(&o, "local", &conn->policy->local_ip);
		put_ip(&o, "remote", &conn->policy->remote_ip);
		put(&o, "configured", policy_children(conn->policy));
	}
	put(&o, "last_error", conn->last_error[0] == 0 ? json_null() : ctl_json_text(conn->last_error));
	put(&o, "retry", time_of(conn->retry_ms, clock));
	put(&o, "ike_sas", conn->ike_sas);
	return o;
}

json_t *ctl_json_counters(const struct ike_counters *c)
{
	json_t *o = json_object();
	put_number(&o, "messages_in", c->messages_in);
	put_number(&o, "messages_out", c->messages_out);
	put_number(&o, "retransmits", c->retransmits);
	put_number(&o, "malformed", c->malformed);
	put_number(&o, "bad_integrity", c->bad_integrity);
	put_number(&o, "unknown_spi", c->unknown_spi);
	put_number(&o, "bad_version", c->bad_version);
	put_number(&o, "cookies_sent", c->cookies_sent);
	put_number(&o, "cookies_bad", c->cookies_bad);
	put_number(&o, "halfopen_dropped", c->halfopen_dropped);
	put_number(&o, "window_dropped", c->window_dropped);
	put_number(&o, "sas_established", c->sas_established);
	put_number(&o, "sas_failed", c->sas_failed);
	return o;
}

json_t *ctl_json_version(void)
{
	json_t *o = json_object();
	put_text(&o, "culvert", CULVERT_VERSION);
	put_text(&o, "crypto", crypto_library_version());
	return o;
}
