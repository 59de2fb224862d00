#include "ike/negotiate.h"

#include <stdio.h>
#include <string.h>

#include "ike/auth.h"
#include "ike/child.h"
#include "ike/conn.h"
#include "ike/sa.h"
#include "ike/ts.h"

static void configured(const struct ike_conn *conn, const struct ike_path *path, unsigned index,
		       struct wire_ts_list *local, struct wire_ts_list *remote)
{
	const struct ike_child_policy *child = &conn->child[index];

	ike_ts_list(child->local, child->local_count, &path->local.ip, local);
	ike_ts_list(child->remote, child->remote_count, &path->remote.ip, remote);
}

/* How well a child of ours fits the offer, up to 7; 0: not at all. */
static unsigned fit(const struct ike_conn *conn, const struct ike_path *path, unsigned index,
		    const struct wire_ts_list *offered_local, const struct wire_ts_list *offered_remote,
		    struct ike_agreed *out)
{
	struct wire_ts_list local, remote;
	bool as_offered, as_configured;

	configured(conn, path, index, &local, &remote);
	if (!ike_ts_narrow(offered_local, &local, &out->local) ||
	    !ike_ts_narrow(offered_remote, &remote, &out->remote))
		return 0;
	as_offered = ike_ts_same(&out->local, offered_local) && ike_ts_same(&out->remote, offered_remote);
	as_configured = ike_ts_same(&out->local, &local) && ike_ts_same(&out->remote, &remote);
	if (!conn->narrowing && !as_offered && !as_configured)
		return 0;
	return 1 + 4u * as_offered + 2u * as_configured;
}

unsigned ike_negotiate_fit(const struct ike_conn *conn, const struct ike_path *path,
			   const struct ike_msg *request)
{
	struct wire_ts_list local, remote;
	struct ike_agreed trial;
	unsigned best = 0;

	if (wire_ts_decode(ike_msg_body(request, WIRE_TSI), &remote) ||
	    wire_ts_decode(ike_msg_body(request, WIRE_TSR), &local))
		return 0;
	for (unsigned i = 0; i < conn->child_count && i < IKE_CHILDREN_MAX; i++) {
		unsigned score = fit(conn, path, i, &local, &remote, &trial);

		best = score > best ? score : best;
	}
	return best;
}

static void log_selectors(struct ike_sa *sa, const struct wire_ts_list *local,
			  const struct wire_ts_list *remote)
{
	struct wire_ts_list ours, theirs;
	char a[160], b[160], c[160], d[160];

	configured(&sa->policy->conn, &sa->path, 0, &ours, &theirs);
	ike_sa_complain(sa,
			"no Child SA: the peer asks for %s (here) and %s (there), configured are %s and %s%s",
			ike_ts_text(local, a, sizeof(a)), ike_ts_text(remote, b, sizeof(b)),
			ike_ts_text(&ours, c, sizeof(c)), ike_ts_text(&theirs, d, sizeof(d)),
			sa->policy->conn.child_count > 1 ? ", ..." : "");
}

/* The best child of one policy, if it is better than *best. */
static void choose_of(struct ike_sa *sa, struct ike_policy *policy, const struct ike_child *rekeyed,
		      const struct wire_ts_list *local, const struct wire_ts_list *remote, unsigned *best,
		      struct ike_agreed *out)
{
	const struct ike_conn *conn = &policy->conn;
	struct ike_agreed trial;

	for (unsigned i = 0; i < conn->child_count && i < IKE_CHILDREN_MAX; i++) {
		unsigned score = fit(conn, &sa->path, i, local, remote, &trial);

		if (score)
			score += ike_child_of_policy(sa, policy, (uint16_t)i) == NULL;
		if (score && rekeyed && strcmp(conn->child[i].name, ike_child_name(rekeyed)) == 0)
			score += 16;
		if (score <= *best)
			continue;
		*best = score;
		out->policy = policy;
		out->index = (uint16_t)i;
		out->local = trial.local;
		out->remote = trial.remote;
	}
}

/* Would this connection have accepted the IKE SA as it is? Other implementations put the Child SAs of several
 * connections between the same two identities on one IKE SA. */
static bool shares(const struct ike_sa *sa, const struct ike_conn *conn)
{
	const struct ike_conn *own = &sa->policy->conn;
	struct ike_id here, ours = ike_identity_id(sa->local_id), theirs = ike_identity_id(sa->remote_id);

	if (conn->local_auth != own->local_auth || conn->remote_auth != own->remote_auth ||
	    !ike_select_allows(&conn->ike_proposals, &sa->suite))
		return false;
	ike_auth_local_id(conn, &sa->path, &here);
	return ike_id_equal(&here, &ours) &&
	       (sa->auth_null || !conn->remote_id.type || ike_id_equal(&conn->remote_id, &theirs));
}

static bool choose_child(struct ike_sa *sa, const struct ike_child *rekeyed, const struct wire_ts_list *local,
			 const struct wire_ts_list *remote, struct ike_agreed *out)
{
	struct ike_conn_walk walk = { 0 };
	struct ike_connection *conn;
	unsigned best = 0;

	choose_of(sa, sa->policy, rekeyed, local, remote, &best, out);
	while (!best && (conn = ike_conn_next(sa->engine, &sa->path, &walk))) {
		if (shares(sa, &conn->policy->conn))
			choose_of(sa, conn->policy, rekeyed, local, remote, &best, out);
	}
	return best > 0;
}

static void log_proposals(struct ike_sa *sa, const struct ike_conn *conn, const struct wire_sa *theirs)
{
	char a[220], b[220];

	ike_sa_complain(sa, "no Child SA: the peer offers esp=%s, configured is esp=%s",
			ike_proposals_text(theirs, a, sizeof(a)),
			ike_proposals_text(&conn->esp_proposals, b, sizeof(b)));
}

uint16_t ike_negotiate_answer(struct ike_sa *sa, const struct ike_msg *request, uint8_t ke_mode,
			      uint16_t sent_group, const struct ike_child *rekeyed, struct ike_agreed *out)
{
	struct wire_sa theirs;
	struct wire_ts_list local, remote;
	const struct ike_conn *conn;

	if (wire_sa_decode(ike_msg_body(request, WIRE_SA), &theirs) ||
	    wire_ts_decode(ike_msg_body(request, WIRE_TSI), &remote) ||
	    wire_ts_decode(ike_msg_body(request, WIRE_TSR), &local))
		return WIRE_N_INVALID_SYNTAX;
	if (sa->child_count >= IKE_SA_CHILDREN_MAX)
		return WIRE_N_NO_ADDITIONAL_SAS;
	if (!choose_child(sa, rekeyed, &local, &remote, out)) {
		log_selectors(sa, &local, &remote);
		return WIRE_N_TS_UNACCEPTABLE;
	}
	conn = &out->policy->conn;
	if (ike_select(&conn->esp_proposals, &theirs, WIRE_PROTO_ESP, ke_mode, sent_group,
		       &conn->ike_proposals, &out->chosen)) {
		log_proposals(sa, conn, &theirs);
		return WIRE_N_NO_PROPOSAL_CHOSEN;
	}
	if (out->chosen.spi_len != WIRE_ESP_SPI_LEN || out->chosen.spi == 0)
		return WIRE_N_INVALID_SYNTAX;
	return 0;
}

void ike_negotiate_build_sa(struct wire_builder *b, const struct ike_agreed *agreed, uint32_t spi_in)
{
	struct wire_sa answer;

	ike_select_answer(&agreed->chosen, WIRE_PROTO_ESP, WIRE_ESP_SPI_LEN, spi_in, &answer);
	wire_sa_build(b, &answer);
}

void ike_negotiate_build_ts(struct wire_builder *b, const struct ike_agreed *agreed)
{
	wire_ts_build(b, WIRE_TSI, &agreed->remote);
	wire_ts_build(b, WIRE_TSR, &agreed->local);
}

void ike_negotiate_offer_sa(struct ike_sa *sa, struct wire_builder *b, uint32_t spi_in, bool keep_ke)
{
	struct wire_sa offer;

	ike_select_offer(&sa->policy->conn.esp_proposals, WIRE_PROTO_ESP, WIRE_ESP_SPI_LEN, spi_in, keep_ke,
			 &offer);
	wire_sa_build(b, &offer);
}

/* The packet that asked for the tunnel goes first, when it fits (R7296-2.9-2). */
static void put_first(struct wire_ts_list *list, const struct wire_ts *packet)
{
	struct wire_ts_list one = { .count = 1, .ts = { *packet } };

	if (!ike_ts_subset(&one, list) || list->count >= WIRE_TS_MAX)
		return;
	memmove(&list->ts[1], &list->ts[0], list->count * sizeof(list->ts[0]));
	list->ts[0] = *packet;
	list->count++;
}

void ike_negotiate_offer_ts(struct ike_sa *sa, struct wire_builder *b, uint16_t index)
{
	struct wire_ts_list local, remote;

	configured(&sa->policy->conn, &sa->path, index, &local, &remote);
	if (sa->hs && sa->hs->has_packet) {
		put_first(&local, &sa->hs->packet_src);
		put_first(&remote, &sa->hs->packet_dst);
	}
	wire_ts_build(b, WIRE_TSI, &local);
	wire_ts_build(b, WIRE_TSR, &remote);
}

void ike_negotiate_explain(const struct ike_sa *sa, uint16_t notify, uint16_t index, char *why, size_t cap)
{
	const char *words = wire_notify_explain(notify);
	struct wire_ts_list local, remote;
	char a[160], b[160];
	size_t len;

	len = (size_t)snprintf(why, cap, "the peer answered %s: %s", wire_notify_name(notify),
			       words ? words : "it refused the request");
	if (len >= cap)
		return;
	if (notify == WIRE_N_NO_PROPOSAL_CHOSEN) {
		snprintf(why + len, cap - len, "; we offered esp=%s",
			 ike_proposals_text(&sa->policy->conn.esp_proposals, a, sizeof(a)));
	} else if (notify == WIRE_N_TS_UNACCEPTABLE) {
		configured(&sa->policy->conn, &sa->path, index, &local, &remote);
		snprintf(why + len, cap - len, "; we offered %s (here) and %s (there)",
			 ike_ts_text(&local, a, sizeof(a)), ike_ts_text(&remote, b, sizeof(b)));
	}
}

static bool selectors_ok(struct ike_sa *sa, uint16_t index, const struct ike_agreed *agreed, char *why,
			 size_t cap)
{
	struct wire_ts_list local, remote;
	char a[160], b[160];

	configured(&sa->policy->conn, &sa->path, index, &local, &remote);
	if (!ike_ts_subset(&agreed->local, &local) || !ike_ts_subset(&agreed->remote, &remote)) {
		snprintf(why, cap, "the peer answered with subnets that were not offered: %s and %s",
			 ike_ts_text(&agreed->local, a, sizeof(a)),
			 ike_ts_text(&agreed->remote, b, sizeof(b)));
		return false;
	}
	if (!sa->policy->conn.narrowing &&
	    (!ike_ts_same(&agreed->local, &local) || !ike_ts_same(&agreed->remote, &remote))) {
		snprintf(why, cap,
			 "the peer allows only %s (here) and %s (there); narrowing=yes would accept that",
			 ike_ts_text(&agreed->local, a, sizeof(a)),
			 ike_ts_text(&agreed->remote, b, sizeof(b)));
		return false;
	}
	return true;
}

bool ike_negotiate_accept(struct ike_sa *sa, const struct ike_msg *response, uint16_t index, uint8_t ke_mode,
			  struct ike_agreed *out, bool *made, char *why, size_t cap)
{
	struct wire_notify_payload error;
	struct wire_sa offer, answer;

	*made = false;
	out->policy = sa->policy;
	out->index = index;
	if (wire_notify_find_error(&response->chain, &error)) {
		ike_negotiate_explain(sa, error.type, index, why, cap);
		return false;
	}
	ike_select_offer(&sa->policy->conn.esp_proposals, WIRE_PROTO_ESP, WIRE_ESP_SPI_LEN, 0,
			 ke_mode != IKE_KE_IGNORED, &offer);
	*made = wire_chain_find(&response->chain, WIRE_SA) != NULL;
	if (wire_sa_decode(ike_msg_body(response, WIRE_SA), &answer) ||
	    wire_ts_decode(ike_msg_body(response, WIRE_TSI), &out->local) ||
	    wire_ts_decode(ike_msg_body(response, WIRE_TSR), &out->remote)) {
		snprintf(why, cap, "the peer's answer has no well-formed SA, TSi and TSr payloads");
		return false;
	}
	if (ike_select_check(&offer, &answer, WIRE_PROTO_ESP, ke_mode, &out->chosen) ||
	    out->chosen.spi_len != WIRE_ESP_SPI_LEN || !out->chosen.spi) {
		snprintf(why, cap, "the peer chose algorithms that were not offered");
		return false;
	}
	return selectors_ok(sa, index, out, why, cap);
}
