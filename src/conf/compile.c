#include "conf/compile.h"

#include <stdio.h>
#include <string.h>

#include "conf/option.h"
#include "conf/proposal.h"
#include "conf/value.h"

static const uint32_t default_replay_window = 8192;
static const uint32_t replay_window_max = 1 << 20; /* 128 KiB per SA */
static const uint32_t mtu_min = 576, mtu_max = 65535;

/* The table's fallback of an option, so that a default stands in one place only. */
static const char *default_of(const char *name)
{
	for (const struct conf_option *o = conf_options(); o->name; o++)
		if (o->section == CONF_SECTION_CONN && strcmp(o->name, name) == 0)
			return o->fallback;
	return "";
}

struct conf_setup conf_setup_defaults(const char *path)
{
	struct conf_setup s = { .listen_udp = true,
				.logappend = true,
				.logtime = true,
				.log_level = CV_LOG_INFO,
				.uniqueids = true,
				.cookie_threshold = 1000,
				.halfopen_max = 50000,
				.nat_keepalive_ms = 20000 };
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path + 1) : 0;

	if ((size_t)snprintf(s.secretsfile, sizeof(s.secretsfile), "%.*sipsec.secrets", folder, path) >=
	    sizeof(s.secretsfile))
		s.secretsfile[0] = '\0';
	return s;
}

static struct conf_raw_conn raw_defaults(void)
{
	return (struct conf_raw_conn){ .autostart = CONF_AUTO_IGNORE,
				       .enable_tcp = CONF_TCP_NO,
				       .encapsulation = IKE_ENCAP_AUTO,
				       .esn = CONF_ESN_EITHER,
				       .pfs = true,
				       .nat_keepalive = true,
				       .retransmit_interval_ms = 500,
				       .retransmit_timeout_ms = 30000,
				       .replay_window = default_replay_window };
}

static void apply_all(struct conf_journal *j, const struct conf_entries *values, struct conf_raw_conn *raw)
{
	for (size_t i = 0; i < values->count; i++) {
		const struct conf_entry *e = &values->list[i];

		conf_option_apply(j, e, e->option->sided ? (void *)&raw->end[e->side] : (void *)raw);
	}
}

/* auto= decides how the other values are looked at, so it goes first. */
static bool is_ignored(const struct conf_entries *values)
{
	for (size_t i = 0; i < values->count; i++)
		if (strcmp(values->list[i].option->name, "auto") == 0) {
			const struct conf_word *w =
			    conf_word_find(values->list[i].option->words, values->list[i].value);

			return w && w->value == CONF_AUTO_IGNORE;
		}
	return true;
}

struct compiling {
	struct conf_journal *journal;
	struct conf_where at;
	const char *name;
	const struct conf_raw_conn *raw;
	struct conf_conn *out;
};

#define SIDES 2
static const char *const side_name[SIDES] = { "left", "right" };

/* --- hosts, identities, authentication --- */

static void check_hosts(const struct compiling *c)
{
	const struct conf_host *h = c->raw->host;

	for (int s = 0; s < SIDES; s++)
		if (h[s].kind == CONF_HOST_UNSET)
			conf_say(c->journal, CV_LOG_ERROR, c->at, "conn %s has no %s=", c->name,
				 side_name[s]);
	if (h[0].kind == CONF_HOST_ANY && h[1].kind == CONF_HOST_ANY)
		conf_say(c->journal, CV_LOG_ERROR, c->at,
			 "conn %s: left and right are both %%any; one must be this host", c->name);
	else if (h[0].kind == CONF_HOST_DEFAULTROUTE && h[1].kind == CONF_HOST_DEFAULTROUTE)
		conf_say(c->journal, CV_LOG_ERROR, c->at, "conn %s: left and right are both %%defaultroute",
			 c->name);
	else if (h[0].kind == CONF_HOST_IP && h[1].kind == CONF_HOST_IP && h[0].ip.family != h[1].ip.family)
		conf_say(c->journal, CV_LOG_ERROR, c->at,
			 "conn %s: left and right are of IPv4 and IPv6; they must be of one", c->name);
	else if (h[0].kind == CONF_HOST_IP && h[1].kind == CONF_HOST_IP && cv_ip_equal(&h[0].ip, &h[1].ip))
		conf_say(c->journal, CV_LOG_ERROR, c->at, "conn %s: left and right are the same address",
			 c->name);
}

static uint8_t end_auth(const struct conf_raw_conn *raw, int side)
{
	return raw->end[side].auth ? raw->end[side].auth : raw->authby;
}

static void check_auth(const struct compiling *c)
{
	if (!end_auth(c->raw, CONF_LEFT) || !end_auth(c->raw, CONF_RIGHT))
		conf_say(c->journal, CV_LOG_ERROR, c->at,
			 "conn %s has no authby=; without it libreswan uses certificates or raw keys, which "
			 "culvert does not have: write authby=secret and put a preshared key into the "
			 "secrets file",
			 c->name);
}

static struct ike_id end_id(const struct conf_raw_conn *raw, int side)
{
	const struct conf_raw_id *id = &raw->end[side].id;

	if (id->given)
		return id->id;
	/* RFC 7619 section 2.2: who does not authenticate need not say who he is */
	if (raw->host[side].kind != CONF_HOST_IP || end_auth(raw, side) == IKE_AUTHBY_NULL)
		return (struct ike_id){ .type = 0 };
	return conf_id_of_address(&raw->host[side].ip);
}

static void fill_hosts(const struct compiling *c)
{
	struct ike_conn *ike = &c->out->ike;
	const struct conf_raw_conn *raw = c->raw;

	ike->local_ip = raw->host[CONF_LEFT].ip;
	ike->remote_ip = raw->host[CONF_RIGHT].ip;
	c->out->local_defaultroute = raw->host[CONF_LEFT].kind == CONF_HOST_DEFAULTROUTE;
	c->out->remote_defaultroute = raw->host[CONF_RIGHT].kind == CONF_HOST_DEFAULTROUTE;
	c->out->family = raw->family;
	ike->local_ike_port = raw->end[CONF_LEFT].ikeport;
	ike->remote_ike_port = raw->end[CONF_RIGHT].ikeport;
	ike->local_id = end_id(raw, CONF_LEFT);
	ike->remote_id = end_id(raw, CONF_RIGHT);
	ike->local_auth = end_auth(raw, CONF_LEFT);
	ike->remote_auth = end_auth(raw, CONF_RIGHT);
	ike->accept_udp = true; /* what the daemon listens on decides */
	ike->accept_tcp = true;
}

/* --- Child SAs --- */

/* One selector with the end's protoport, unless it has its own. */
static struct wire_ts with_protoport(struct wire_ts ts, bool own, const struct conf_protoport *pp)
{
	if (!own && pp->given) {
		ts.protocol = pp->protocol;
		ts.port_first = pp->port_first;
		ts.port_last = pp->port_last;
	}
	return ts;
}

/* All of subnet=, or the one of subnets= with this index. Returns their number; 0: the host itself. */
static uint8_t end_selectors(const struct conf_raw_end *end, const struct conf_host *host, uint8_t index,
			     struct wire_ts out[IKE_SELECTORS_MAX])
{
	uint8_t n = 0;

	for (uint8_t i = 0; i < end->subnet.count; i++)
		out[n++] = with_protoport(end->subnet.ts[i], end->subnet.with_protocol[i], &end->protoport);
	if (end->subnets.count)
		out[n++] = with_protoport(end->subnets.ts[index], end->subnets.with_protocol[index],
					  &end->protoport);
	if (n || !end->protoport.given || host->kind != CONF_HOST_IP)
		return n;
	out[0] =
	    with_protoport((struct wire_ts){ .first = host->ip, .last = host->ip, .port_last = UINT16_MAX },
			   false, &end->protoport);
	return 1;
}

static bool has_family(const struct wire_ts *ts, uint8_t count, uint8_t family)
{
	for (uint8_t i = 0; i < count; i++)
		if (ts[i].first.family == family)
			return true;
	return false;
}

/* Whether some packet could match both ends. */
static bool is_possible(const struct ike_child_policy *p)
{
	if (!p->local_count || !p->remote_count)
		return true;
	return (has_family(p->local, p->local_count, CV_IPV4) &&
		has_family(p->remote, p->remote_count, CV_IPV4)) ||
	       (has_family(p->local, p->local_count, CV_IPV6) &&
		has_family(p->remote, p->remote_count, CV_IPV6));
}

static void check_ends(const struct compiling *c)
{
	for (int s = 0; s < SIDES; s++) {
		const struct conf_raw_end *end = &c->raw->end[s];

		if (end->subnet.count && end->subnets.count)
			conf_say(c->journal, CV_LOG_ERROR, c->at,
				 "conn %s has both %ssubnet= and %ssubnets=; use one of them", c->name,
				 side_name[s], side_name[s]);
		if (end->protoport.given && end->protoport.protocol && !end->subnet.count &&
		    !end->subnets.count && c->raw->host[s].kind != CONF_HOST_IP &&
		    c->raw->host[s].kind != CONF_HOST_UNSET)
			conf_say(c->journal, CV_LOG_ERROR, c->at,
				 "conn %s: %sprotoport= needs %ssubnet= here, as the address of %s is not "
				 "known beforehand",
				 c->name, side_name[s], side_name[s], side_name[s]);
	}
}

static void fill_child(const struct compiling *c, uint8_t left, uint8_t right, bool only,
		       struct ike_child_policy *out)
{
	const struct conf_raw_conn *raw = c->raw;

	if (only)
		snprintf(out->name, sizeof(out->name), "%s", c->name);
	else
		snprintf(out->name, sizeof(out->name), "%.*s/%ux%u", IKE_NAME_MAX - 9, c->name, left + 1U,
			 right + 1U);
	out->local_count = end_selectors(&raw->end[CONF_LEFT], &raw->host[CONF_LEFT], left, out->local);
	out->remote_count = end_selectors(&raw->end[CONF_RIGHT], &raw->host[CONF_RIGHT], right, out->remote);
}

/* Every one of leftsubnets= with every one of rightsubnets=, as far as they are of one family. */
static void fill_children(const struct compiling *c)
{
	uint8_t lefts = c->raw->end[CONF_LEFT].subnets.count;
	uint8_t rights = c->raw->end[CONF_RIGHT].subnets.count;
	struct ike_conn *ike = &c->out->ike;
	struct ike_child_policy child;

	lefts = lefts ? lefts : 1;
	rights = rights ? rights : 1;
	for (uint8_t l = 0; l < lefts; l++)
		for (uint8_t r = 0; r < rights; r++) {
			memset(&child, 0, sizeof(child));
			fill_child(c, l, r, lefts * rights == 1, &child);
			if (!is_possible(&child))
				continue;
			if (ike->child_count == IKE_CHILDREN_MAX) {
				conf_say(c->journal, CV_LOG_ERROR, c->at,
					 "conn %s: leftsubnets= and rightsubnets= make more than %d Child "
					 "SAs (leftsubnet= and rightsubnet= put all networks into one)",
					 c->name, IKE_CHILDREN_MAX);
				return;
			}
			ike->child[ike->child_count++] = child;
		}
	if (!ike->child_count)
		conf_say(c->journal, CV_LOG_ERROR, c->at,
			 "conn %s: the networks of left and right must both have IPv4 or both have IPv6",
			 c->name);
}

/* --- the rest --- */

static void fill_proposals(const struct compiling *c)
{
	const struct conf_raw_conn *raw = c->raw;
	struct ike_conn *ike = &c->out->ike;
	const struct conf_entry *e = raw->ike;

	if (!conf_proposals_parse(c->journal, e ? e->at : c->at, e ? e->key : "ike",
				  e ? e->value : default_of("ike"), WIRE_PROTO_IKE, NULL, raw->esn,
				  &ike->ike_proposals))
		return;
	e = raw->esp;
	if (!conf_proposals_parse(c->journal, e ? e->at : c->at, e ? e->key : "esp",
				  e ? e->value : default_of("esp"), WIRE_PROTO_ESP,
				  raw->pfs ? &ike->ike_proposals : NULL, raw->esn, &ike->esp_proposals))
		memset(&ike->esp_proposals, 0, sizeof(ike->esp_proposals)); /* the error is said */
}

static void fill_times(const struct compiling *c, const struct conf_setup *setup)
{
	const struct conf_raw_conn *raw = c->raw;
	struct ike_conn *ike = &c->out->ike;

	if (raw->retransmit_interval_ms < 10 || raw->retransmit_timeout_ms < raw->retransmit_interval_ms)
		conf_say(c->journal, CV_LOG_ERROR, c->at,
			 "conn %s: retransmit-interval must be at least 10ms, and retransmit-timeout not "
			 "below it",
			 c->name);
	ike->retransmit_interval_ms = raw->retransmit_interval_ms;
	ike->retransmit_timeout_ms = raw->retransmit_timeout_ms;
	ike->liveness_delay_ms = raw->dpddelay_ms;
	ike->nat_keepalive_ms = raw->nat_keepalive ? setup->nat_keepalive_ms : 0;
}

static void fill_rest(const struct compiling *c)
{
	const struct conf_raw_conn *raw = c->raw;
	struct conf_conn *out = c->out;

	if (raw->replay_window > replay_window_max)
		conf_say(c->journal, CV_LOG_ERROR, c->at, "conn %s: replay-window may be at most %u", c->name,
			 replay_window_max);
	if (raw->mtu && (raw->mtu < mtu_min || raw->mtu > mtu_max))
		conf_say(c->journal, CV_LOG_ERROR, c->at, "conn %s: mtu must be 0, or from %u to %u", c->name,
			 mtu_min, mtu_max);
	out->ike.narrowing = raw->narrowing;
	out->ike.encapsulation = raw->encapsulation;
	out->ike.replay_window = raw->replay_window;
	out->ike.mtu = raw->mtu;
	out->ike.install_trap = raw->autostart == CONF_AUTO_ONDEMAND;
	out->autostart = raw->autostart;
	out->enable_tcp = raw->enable_tcp;
	out->tcp_remoteport = raw->tcp_remoteport;
	out->source_ip = raw->end[CONF_LEFT].source_ip;
	out->remote_source_ip = raw->end[CONF_RIGHT].source_ip;
	memcpy(out->updown, raw->end[CONF_LEFT].updown, sizeof(out->updown));
	memcpy(out->remote_updown, raw->end[CONF_RIGHT].updown, sizeof(out->remote_updown));
	out->mtu = raw->mtu;
	out->metric = raw->metric;
}

static bool is_incomplete(const struct conf_raw_conn *raw)
{
	return raw->host[0].kind == CONF_HOST_UNSET || raw->host[1].kind == CONF_HOST_UNSET ||
	       !end_auth(raw, CONF_LEFT) || !end_auth(raw, CONF_RIGHT);
}

static void fill_all(const struct compiling *c, const struct conf_setup *setup)
{
	snprintf(c->out->ike.name, sizeof(c->out->ike.name), "%s", c->name);
	snprintf(c->out->file, sizeof(c->out->file), "%s", c->at.file);
	c->out->line = c->at.line;
	check_hosts(c);
	check_auth(c);
	check_ends(c);
	fill_hosts(c);
	fill_children(c);
	fill_proposals(c);
	fill_times(c, setup);
	fill_rest(c);
}

enum cv_err conf_compile(struct conf_journal *j, const struct conf_setup *setup,
			 const struct conf_section_text *section, const struct conf_entries *values,
			 struct conf_conn *out)
{
	struct conf_raw_conn raw = raw_defaults();
	struct compiling c = {
		.journal = j, .at = section->at, .name = section->name, .raw = &raw, .out = out
	};
	bool ignored = is_ignored(values);
	size_t errors = j->errors;
	size_t forgiven = j->forgiven;
	enum cv_err err = CV_OK;

	memset(out, 0, sizeof(*out));
	j->lenient = ignored;
	apply_all(j, values, &raw);
	if (ignored && is_incomplete(&raw))
		err = CV_E_NOTFOUND;
	else if (j->errors == errors && j->forgiven == forgiven) /* else what follows would only puzzle */
		fill_all(&c, setup);
	j->lenient = false;
	if (j->errors != errors)
		return CV_E_SYNTAX;
	if (j->forgiven != forgiven) {
		conf_say(j, CV_LOG_WARNING, section->at,
			 "conn %s is left out for these reasons, as it has auto=ignore", section->name);
		return CV_E_NOTFOUND;
	}
	out->digest = conf_digest(setup, section->name, values);
	return err;
}
