/* CREATE_CHILD_SA: further Child SAs, PFS, and the rekeying that a foreign peer asks for. */
#include "foreign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/child.h"

typedef void (*edit_fn)(struct ike_conn *conn, bool a);

static struct rig *rig_with(edit_fn edit)
{
	struct rig *rig = rig_new(NULL);
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig_usual(&rig->a, conn);
	if (edit)
		edit(conn, true);
	rig_conn_set(&rig->a, conn);
	rig_usual(&rig->b, conn);
	if (edit)
		edit(conn, false);
	rig_conn_set(&rig->b, conn);
	free(conn);
	return rig;
}

static void up(struct rig *rig)
{
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
}

/* --- several children --- */

static void three_children(struct ike_conn *conn, bool a)
{
	rig_child(conn, 1, a ? "10.1.1.0/24" : "10.1.2.0/24", a ? "10.1.2.0/24" : "10.1.1.0/24");
	rig_child(conn, 2, a ? "fd00:1::/64" : "fd00:2::/64", a ? "fd00:2::/64" : "fd00:1::/64");
}

static void pfs(struct ike_conn *conn, bool a)
{
	three_children(conn, a);
	conn->esp_proposals.count = 0;
	rig_proposal(&conn->esp_proposals, WIRE_ENCR_AES_GCM_16, 256, 0, 0, WIRE_KE_CURVE25519);
}

/* HDR, SK {SA, Ni, [KEi], TSi, TSr}  -->
 *                                    <--  HDR, SK {SA, Nr, [KEr], TSi, TSr}   (RFC 7296 section 1.3.1) */
static void every_configured_child_is_made(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct rig *rig = rig_with(i ? pfs : three_children);

		rig_up(&rig->a, "net", 1);
		for (unsigned n = 0; n < 4; n++)
			rig_deliver(rig);
		assert_null(rig_last_report(&rig->a, IKE_REPORT_UP));
		rig_expect(rig, &rig->b, WIRE_CREATE_CHILD_SA, false);
		assert_int_equal(rig->packet_count, 1); /* R7296-2.3-1: one request at a time */
		rig_run(rig);
		rig_assert_same_children(rig, 3);
		assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_UP)->request_id, 1);
		rig_down(&rig->b, "net", 2);
		rig_assert_nothing_left(rig);
		rig_free(rig);
	}
}

static void third_is_strange_to_b(struct ike_conn *conn, bool a)
{
	three_children(conn, a);
	if (!a)
		conn->child_count = 2;
}

static void one_child_refused_is_named_and_the_others_stand(void **state)
{
	struct rig *rig = rig_with(third_is_strange_to_b);

	(void)state;
	up(rig);
	rig_assert_same_children(rig, 2);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "net/2"));
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "TS_UNACCEPTABLE"));
	/* `up` once more asks only for what is missing. */
	rig_up(&rig->a, "net", 5);
	assert_int_equal(rig->packet_count, 1);
	rig_run(rig);
	assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_FAILED)->request_id, 5);
	rig_assert_same_children(rig, 2);
	rig_free(rig);
}

static void b_wants_another_group(struct ike_conn *conn, bool a)
{
	struct wire_proposal *p;

	pfs(conn, a);
	p = &conn->esp_proposals.proposal[0];
	if (a)
		p->transform[p->transform_count++] =
		    (struct wire_transform){ .type = WIRE_T_KE, .id = WIRE_KE_ECP256 };
	for (unsigned i = 0; !a && i < p->transform_count; i++) {
		if (p->transform[i].type == WIRE_T_KE)
			p->transform[i].id = WIRE_KE_ECP256;
	}
}

/* R7296-1.3-1 */
static void other_group_for_a_child_is_a_fresh_exchange(void **state)
{
	struct rig *rig = rig_with(b_wants_another_group);

	(void)state;
	up(rig);
	rig_assert_same_children(rig, 3);
	rig_free(rig);
}

static void a_has_a_favourite(struct ike_conn *conn, bool a)
{
	three_children(conn, a);
	conn->esp_proposals.count = 0;
	rig_proposal(&conn->esp_proposals, WIRE_ENCR_AES_GCM_16, 256, 0, 0,
		     a ? WIRE_KE_ECP256 : WIRE_KE_CURVE25519);
	if (a)
		conn->esp_proposals.proposal[0].transform[conn->esp_proposals.proposal[0].transform_count++] =
		    (struct wire_transform){ .type = WIRE_T_KE, .id = WIRE_KE_CURVE25519 };
}

/* The IKE SA has told which group the peer takes: no exchange is lost on another (libreswan 4.10 answers
 * INVALID_SYNTAX to a wrong guess). */
static void first_guess_for_a_child_is_the_group_of_the_ike_sa(void **state)
{
	struct rig *rig = rig_with(a_has_a_favourite);

	(void)state;
	up(rig);
	rig_assert_same_children(rig, 3);
	assert_int_equal(rig->sent_udp, 2 * 4); /* IKE_SA_INIT, IKE_AUTH, two CREATE_CHILD_SA */
	rig_free(rig);
}

static void b_has_no_pfs(struct ike_conn *conn, bool a)
{
	three_children(conn, a);
	if (a)
		pfs(conn, a);
}

static void only_b_has_pfs(struct ike_conn *conn, bool a)
{
	three_children(conn, a);
	if (!a)
		pfs(conn, a);
}

static void pfs_that_only_the_peer_asks_for_is_granted(void **state)
{
	struct rig *rig = rig_with(b_has_no_pfs);

	(void)state;
	up(rig);
	rig_assert_same_children(rig, 3);
	rig_free(rig);
	rig = rig_with(only_b_has_pfs);
	up(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "NO_PROPOSAL_CHOSEN"));
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

/* --- lost and repeated messages --- */

/* R7296-2.1-1 to R7296-2.1-4 */
static void lost_messages_are_made_good(void **state)
{
	struct rig *rig = rig_with(three_children);

	(void)state;
	rig_up(&rig->a, "net", 1);
	for (unsigned n = 0, waited = 0; waited < 200 && !rig_last_report(&rig->a, IKE_REPORT_UP);) {
		if (!rig_peek(rig)) {
			rig_wait(rig, 500);
			waited++;
		} else if (n++ % 3 == 1) {
			rig_lose(rig);
		} else {
			rig_deliver(rig);
		}
	}
	rig_run(rig);
	rig_assert_same_children(rig, 3);
	rig_free(rig);
}

/* R7296-2.1-3, R7296-2.1-5: a request seen before makes no second Child SA. */
static void repeated_request_makes_no_second_child(void **state)
{
	struct rig *rig = rig_with(three_children);
	struct rig_packet request, answer;

	(void)state;
	rig_up(&rig->a, "net", 1);
	for (unsigned n = 0; n < 4; n++)
		rig_deliver(rig);
	request = *rig_peek(rig);
	rig_deliver(rig);
	answer = *rig_peek(rig);
	rig_inject(&rig->b, &request.path, request.data, request.len);
	assert_int_equal(rig->packet_count, 2);
	assert_memory_equal(rig->packet[1].data, answer.data, answer.len);
	rig_run(rig);
	rig_assert_same_children(rig, 3);
	/* Two requests later it is too old. */
	rig_inject(&rig->b, &request.path, request.data, request.len);
	assert_null(rig_peek(rig));
	rig_assert_same_children(rig, 3);
	rig_free(rig);
}

/* --- a foreign peer rekeys --- */

struct rekey {
	uint8_t protocol;
	uint64_t new_spi;
	uint64_t old_spi; /* REKEY_SA; 0: none */
	uint8_t nonce[32];
	uint16_t group; /* KE payload; 0: none */
	struct cv_bytes ke;
	bool no_ts;
};

static void add_rekey(struct wire_builder *b, void *arg)
{
	const struct rekey *r = arg;
	struct wire_sa sa = { 0 };
	struct wire_ts_list here = { .count = 1 }, there = { .count = 1 };

	if (r->old_spi) {
		struct wire_notify_payload n = {
			.protocol = WIRE_PROTO_ESP, .spi_len = 4, .spi = r->old_spi, .type = WIRE_N_REKEY_SA
		};

		wire_notify_build(b, &n);
	}
	rig_proposal(&sa, WIRE_ENCR_AES_GCM_16, 256,
		     r->protocol == WIRE_PROTO_IKE ? WIRE_PRF_HMAC_SHA2_256 : 0, 0, r->group);
	sa.proposal[0].spi_len = r->protocol == WIRE_PROTO_IKE ? 8 : 4;
	sa.proposal[0].spi = r->new_spi;
	wire_sa_build(b, &sa);
	wire_nonce_build(b, cv_bytes(r->nonce, sizeof(r->nonce)));
	if (r->ke.len)
		wire_ke_build(b, r->group, r->ke);
	if (r->protocol == WIRE_PROTO_IKE || r->no_ts)
		return;
	here.ts[0] = rig_ts("10.0.1.0/24");
	there.ts[0] = rig_ts("10.0.2.0/24");
	wire_ts_build(b, WIRE_TSI, &here);
	wire_ts_build(b, WIRE_TSR, &there);
}

static void add_delete(struct wire_builder *b, void *arg)
{
	wire_delete_build(b, arg);
}

/* HDR, SK {N(REKEY_SA), SA, Ni, TSi, TSr}  -->
 *                                          <--  HDR, SK {SA, Nr, TSi, TSr}
 * HDR, SK {D}                              -->
 *                                          <--  HDR, SK {D}                (RFC 7296 section 1.3.3) */
static void peer_rekeys_a_child(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_ESP, .new_spi = 0x11223344, .nonce = { 1 } };
	struct wire_delete d = { .protocol = WIRE_PROTO_ESP, .count = 1 };
	struct foreign_answer answer;
	uint32_t old_out;

	(void)state;
	up(rig);
	old_out = rig->b.child[0].spi_out;
	r.old_spi = old_out;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_true(answer.answered && answer.has_sa);
	assert_int_equal(answer.error, 0);
	/* R7296-2.8.1-1: both stand until the peer deletes the old one. */
	assert_int_equal(rig->b.child_count, 2);
	assert_int_equal(rig->b.child[1].spi_out, 0x11223344);
	assert_int_equal(rig->b.child[1].spi_in, answer.sa.proposal[0].spi);
	d.spi[0] = old_out;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_delete, &d, &answer);
	assert_int_equal(answer.deletes, 1);
	assert_int_equal(rig->b.child_count, 1);
	assert_int_equal(rig->b.child[0].spi_out, 0x11223344);
	assert_null(rig_last_report(&rig->b, IKE_REPORT_DOWN));
	rig_free(rig);
}

/* R7296-2.25-2 */
static void rekey_of_an_unknown_child_is_child_sa_not_found(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_ESP, .new_spi = 0x11223344, .old_spi = 0x99999999 };
	struct foreign_answer answer;

	(void)state;
	up(rig);
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_int_equal(answer.error, WIRE_N_CHILD_SA_NOT_FOUND);
	assert_int_equal(answer.notify.protocol, WIRE_PROTO_ESP);
	assert_int_equal(answer.notify.spi, 0x99999999);
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

/* R7296-2.25.1-1 */
static void rekey_of_a_child_that_is_being_deleted_is_a_temporary_failure(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_ESP, .new_spi = 0x11223344 };
	struct ike_event event = { .type = IKE_EV_CHILD_FAILED };
	struct foreign_answer answer;

	(void)state;
	up(rig);
	event.spi_in = rig->b.child[0].spi_in;
	r.old_spi = rig->b.child[0].spi_out;
	rig_event(&rig->b, &event);
	rig_expect(rig, &rig->a, WIRE_INFORMATIONAL, false);
	rig_lose(rig);
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_int_equal(answer.error, WIRE_N_TEMPORARY_FAILURE);
	rig_free(rig);
}

/* HDR, SK {SA, Ni, KEi}  -->
 *                        <--  HDR, SK {SA, Nr, KEr}
 * HDR, SK {D}            -->  on the old IKE SA                            (RFC 7296 section 2.18) */
static void peer_rekeys_the_ike_sa(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_IKE,
			   .new_spi = 0x0102030405060708,
			   .nonce = { 7 },
			   .group = WIRE_KE_CURVE25519 };
	struct wire_delete d = { .protocol = WIRE_PROTO_IKE };
	struct ike_keys_input input = { .ni = cv_bytes(r.nonce, sizeof(r.nonce)), .spi_i = r.new_spi };
	struct cv_secret shared = { 0 };
	struct foreign_answer answer;
	struct ike_sa_keys theirs;
	struct ike_keys keys = { 0 };
	struct crypto_ke *ke;
	struct ike_sa *old_a, *old_b, *new_b;
	uint32_t spi_in;

	(void)state;
	up(rig);
	old_a = foreign_sa(&rig->a);
	old_b = foreign_sa(&rig->b);
	spi_in = rig->b.child[0].spi_in;
	assert_int_equal(crypto_ke_new(WIRE_KE_CURVE25519, &ke), CV_OK);
	r.ke = crypto_ke_public(ke);
	foreign_ask(&rig->a, old_a, WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_int_equal(answer.error, 0);
	assert_true(answer.has_sa);
	assert_int_equal(answer.sa.proposal[0].spi_len, 8);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 2);
	/* R7296-2.18-1: SKEYSEED from the old SK_d by the old PRF. */
	input.spi_r = answer.sa.proposal[0].spi;
	input.nr = cv_bytes(answer.nonce, answer.nonce_len);
	assert_int_equal(crypto_ke_shared(ke, cv_bytes(answer.ke, answer.ke_len), &shared), CV_OK);
	input.shared = cv_secret_bytes(&shared);
	assert_int_equal(ike_keys_rekey(&keys, &old_a->suite, &input, old_a->suite.prf, &old_a->keys), CV_OK);
	assert_int_equal(ike_engine_export_keys(rig->b.e, input.spi_r, &theirs), CV_OK);
	assert_true(cv_bytes_equal(ike_keys_d(&keys), cv_key_bytes(&theirs.sk_d)));
	assert_true(cv_bytes_equal(ike_keys_e(&keys, true), cv_key_bytes(&theirs.sk_ei)));
	/* R7296-2.8-3: the children have moved, and stay. */
	new_b = ike_sa_find(rig->b.e, input.spi_r);
	assert_non_null(new_b);
	assert_int_equal(new_b->child_count, 1);
	assert_int_equal(new_b->send_id, 0);
	assert_int_equal(old_b->child_count, 0);
	/* R7296-2.25.2-1: nothing more on the old one. */
	foreign_ask(&rig->a, old_a, WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_int_equal(answer.error, WIRE_N_TEMPORARY_FAILURE);
	foreign_ask(&rig->a, old_a, WIRE_INFORMATIONAL, add_delete, &d, &answer);
	assert_true(answer.answered);
	rig_wait(rig, 20000);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(rig->b.child_count, 1);
	assert_int_equal(rig->b.child[0].spi_in, spi_in);
	assert_null(rig_last_report(&rig->b, IKE_REPORT_DOWN));
	cv_secret_free(&shared);
	ike_keys_wipe(&keys);
	crypto_ke_free(ke);
	rig_free(rig);
}

static void old_ike_sa_that_the_peer_forgets_is_deleted(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_IKE,
			   .new_spi = 0x0102030405060708,
			   .nonce = { 7 },
			   .group = WIRE_KE_CURVE25519 };
	struct foreign_answer answer;
	struct crypto_ke *ke;

	(void)state;
	up(rig);
	assert_int_equal(crypto_ke_new(WIRE_KE_CURVE25519, &ke), CV_OK);
	r.ke = crypto_ke_public(ke);
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	rig_wait(rig, 60000);
	rig_expect(rig, &rig->a, WIRE_INFORMATIONAL, false);
	rig_deliver(rig);
	rig_deliver(rig);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(rig->b.child_count, 1);
	crypto_ke_free(ke);
	rig_free(rig);
}

static void rekey_of_the_ike_sa_with_another_group_or_none(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_IKE, .new_spi = 1, .group = WIRE_KE_ECP256 };
	struct foreign_answer answer;
	uint8_t ke[64] = { 4 };

	(void)state;
	up(rig);
	r.ke = cv_bytes(ke, sizeof(ke));
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_int_equal(answer.error, WIRE_N_NO_PROPOSAL_CHOSEN);
	/* R7296-2.18-1: never without key exchange. */
	r.group = 0;
	r.ke.len = 0;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_int_equal(answer.error, WIRE_N_INVALID_SYNTAX);
	rig_free(rig);
}

/* R7296-2.25.1-4: B is asking for a child at this moment. */
static void rekey_of_the_ike_sa_while_a_child_is_made_is_a_temporary_failure(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_IKE, .new_spi = 1, .group = WIRE_KE_CURVE25519 };
	struct ike_event event = { .type = IKE_EV_CHILD_FAILED };
	struct foreign_answer answer;
	struct crypto_ke *ke;

	(void)state;
	up(rig);
	event.spi_in = rig->b.child[0].spi_in;
	rig_event(&rig->b, &event);
	rig_lose(rig);
	assert_int_equal(crypto_ke_new(WIRE_KE_CURVE25519, &ke), CV_OK);
	r.ke = crypto_ke_public(ke);
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_int_equal(answer.error, WIRE_N_TEMPORARY_FAILURE);
	crypto_ke_free(ke);
	rig_free(rig);
}

static void child_without_selectors_is_invalid_syntax_and_ends_the_ike_sa(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_ESP, .new_spi = 0x11223344, .no_ts = true };
	struct foreign_answer answer;

	(void)state;
	up(rig);
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
	assert_int_equal(answer.error, WIRE_N_INVALID_SYNTAX);
	assert_int_equal(rig->b.child_count, 0);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 0);
	rig_free(rig);
}

static void children_of_one_peer_are_bounded(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_ESP };
	struct foreign_answer answer = { 0 };
	unsigned made = 0;
	struct ike_sa *a;

	(void)state;
	up(rig);
	a = foreign_sa(&rig->a);
	rig->b.many = true;
	for (unsigned i = 0; i < 100 && answer.error == 0; i++) {
		r.new_spi = 0x10000000 + i;
		foreign_ask(&rig->a, a, WIRE_CREATE_CHILD_SA, add_rekey, &r, &answer);
		made += answer.has_sa;
	}
	assert_int_equal(answer.error, WIRE_N_NO_ADDITIONAL_SAS);
	assert_int_equal(made, IKE_SA_CHILDREN_MAX - 1);
	rig_free(rig);
}

/* --- several connections on one IKE SA --- */

static void second_connection(struct rig_end *end, const char *remote_name)
{
	struct ike_conn *conn = malloc(sizeof(*conn));
	bool a = end == &end->rig->a;

	assert_non_null(conn);
	rig_usual(end, conn);
	strcpy(conn->name, "second");
	rig_child(conn, 0, a ? "10.8.1.0/24" : "10.8.2.0/24", a ? "10.8.2.0/24" : "10.8.1.0/24");
	if (remote_name) {
		conn->remote_id.type = WIRE_ID_FQDN;
		conn->remote_id.len = (uint16_t)strlen(remote_name);
		memcpy(conn->remote_id.data, remote_name, conn->remote_id.len);
	}
	rig_conn_set(end, conn);
	free(conn);
}

static void add_other_subnets(struct wire_builder *b, void *arg)
{
	struct rekey *r = arg;
	struct wire_ts_list here = { .count = 1 }, there = { .count = 1 };

	r->no_ts = true;
	add_rekey(b, r);
	here.ts[0] = rig_ts("10.8.1.0/24");
	there.ts[0] = rig_ts("10.8.2.0/24");
	wire_ts_build(b, WIRE_TSI, &here);
	wire_ts_build(b, WIRE_TSR, &there);
}

/* libreswan puts the Child SAs of all connections between the same two identities onto one IKE SA. */
static void child_of_another_connection_may_come_over_the_same_ike_sa(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_ESP, .new_spi = 0x11223344 };
	struct foreign_answer answer;

	(void)state;
	up(rig);
	second_connection(&rig->b, NULL);
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_other_subnets, &r, &answer);
	assert_int_equal(answer.error, 0);
	assert_int_equal(rig->b.child_count, 2);
	assert_string_equal(rig->b.child[1].conn, "second");
	/* `down second` ends that child, and leaves the IKE SA to its own connection. */
	rig_down(&rig->b, "second", 4);
	assert_int_equal(rig_last_report(&rig->b, IKE_REPORT_DOWN)->request_id, 4);
	rig_run(rig);
	assert_int_equal(rig->b.child_count, 1);
	assert_string_equal(rig->b.child[0].conn, "net");
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	rig_free(rig);
}

static void child_of_a_connection_with_another_identity_may_not(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct rekey r = { .protocol = WIRE_PROTO_ESP, .new_spi = 0x11223344 };
	struct foreign_answer answer;

	(void)state;
	up(rig);
	second_connection(&rig->b, "somebody.else");
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_CREATE_CHILD_SA, add_other_subnets, &r, &answer);
	assert_int_equal(answer.error, WIRE_N_TS_UNACCEPTABLE);
	assert_int_equal(rig->b.child_count, 1);
	rig_free(rig);
}

/* --- the plane refuses --- */

static void child_that_the_plane_cannot_carry_is_deleted_at_both_ends(void **state)
{
	struct rig *rig = rig_with(NULL);
	struct ike_event event = { .type = IKE_EV_CHILD_FAILED };

	(void)state;
	up(rig);
	event.spi_in = rig->a.child[0].spi_in;
	rig_event(&rig->a, &event);
	rig_run(rig);
	rig_assert_same_children(rig, 0);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "this host could not set it up"));
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	rig_up(&rig->a, "net", 3);
	rig_run(rig);
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

/* --- a packet asks --- */

/* R7296-2.9-2: its selectors go first, and the child it fits is made with the IKE SA. */
static void packet_brings_up_the_child_it_fits(void **state)
{
	struct rig *rig = rig_with(three_children);
	struct ike_event event = { .type = IKE_EV_ACQUIRE, .conn = "net" };
	char text[WIRE_TS_TEXT_MAX];

	(void)state;
	event.packet_src = rig_ts("10.1.1.5/32");
	event.packet_dst = rig_ts("10.1.2.6/32");
	rig_event(&rig->a, &event);
	rig_event(&rig->a, &event);
	assert_int_equal(rig->packet_count, 1);
	for (unsigned n = 0; n < 4; n++)
		rig_deliver(rig);
	assert_int_equal(rig->a.child_count, 1);
	assert_string_equal(rig->a.child[0].name, "net/1");
	assert_string_equal(wire_ts_text(&rig->a.child[0].local.ts[0], text), "10.1.1.5/32");
	rig_run(rig);
	rig_assert_same_children(rig, 3);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_configured_child_is_made),
		cmocka_unit_test(one_child_refused_is_named_and_the_others_stand),
		cmocka_unit_test(other_group_for_a_child_is_a_fresh_exchange),
		cmocka_unit_test(first_guess_for_a_child_is_the_group_of_the_ike_sa),
		cmocka_unit_test(pfs_that_only_the_peer_asks_for_is_granted),
		cmocka_unit_test(lost_messages_are_made_good),
		cmocka_unit_test(repeated_request_makes_no_second_child),
		cmocka_unit_test(peer_rekeys_a_child),
		cmocka_unit_test(rekey_of_an_unknown_child_is_child_sa_not_found),
		cmocka_unit_test(rekey_of_a_child_that_is_being_deleted_is_a_temporary_failure),
		cmocka_unit_test(peer_rekeys_the_ike_sa),
		cmocka_unit_test(old_ike_sa_that_the_peer_forgets_is_deleted),
		cmocka_unit_test(rekey_of_the_ike_sa_with_another_group_or_none),
		cmocka_unit_test(rekey_of_the_ike_sa_while_a_child_is_made_is_a_temporary_failure),
		cmocka_unit_test(child_without_selectors_is_invalid_syntax_and_ends_the_ike_sa),
		cmocka_unit_test(children_of_one_peer_are_bounded),
		cmocka_unit_test(child_of_another_connection_may_come_over_the_same_ike_sa),
		cmocka_unit_test(child_of_a_connection_with_another_identity_may_not),
		cmocka_unit_test(child_that_the_plane_cannot_carry_is_deleted_at_both_ends),
		cmocka_unit_test(packet_brings_up_the_child_it_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
