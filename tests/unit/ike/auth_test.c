/* IKE_AUTH: secrets, identities, NULL authentication, which connection answers, and older IKE SAs of one
 * peer. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include "wire/payloads.h"

typedef void (*edit_fn)(struct ike_conn *conn);

static void change(struct rig_end *end, edit_fn edit)
{
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig_usual(end, conn);
	edit(conn);
	rig_conn_set(end, conn);
	free(conn);
}

static struct ike_id fqdn(const char *name)
{
	struct ike_id id = { .type = WIRE_ID_FQDN, .len = (uint16_t)strlen(name) };

	memcpy(id.data, name, id.len);
	return id;
}

static void up(struct rig *rig)
{
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
}

static void assert_up(struct rig *rig)
{
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	rig_assert_same_children(rig, 1);
}

/* --- secrets --- */

/* R7296-2.21.2-1: AUTHENTICATION_FAILED and nothing more. */
static void different_secrets_fail_and_leave_nothing(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	rig->b.secret = "another secret";
	up(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "AUTHENTICATION_FAILED"));
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 0);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void secret_missing_here_is_said_before_the_peer_answers(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	rig->a.secret = NULL;
	rig_up(&rig->a, "net", 1);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "ipsec.secrets"));
	while (rig_peek(rig))
		rig_lose(rig);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void secret_missing_there_looks_like_a_wrong_one(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	rig->b.secret = NULL;
	up(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "AUTHENTICATION_FAILED"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

/* The driver may take its time; meanwhile retransmissions change nothing. */
static void late_secrets_are_waited_for(void **state)
{
	struct rig *rig = rig_new_usual();
	struct rig_packet auth;

	(void)state;
	rig->a.hold_secret = rig->b.hold_secret = true;
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	assert_int_equal(rig_count(&rig->a, IKE_SA_INIT_DONE), 1);
	rig_answer_secret(&rig->a, "late");
	auth = *rig_peek(rig);
	rig_run(rig);
	rig_inject(&rig->b, &auth.path, auth.data, auth.len);
	assert_null(rig_peek(rig));
	assert_int_equal(rig->b.query.remote.type, WIRE_ID_IPV4);
	assert_memory_equal(rig->b.query.remote.data, "\xc0\x00\x02\x01", 4);
	rig_answer_secret(&rig->b, "late");
	rig_run(rig);
	assert_up(rig);
	rig_free(rig);
}

static void answer_to_nobodys_question_is_ignored(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_event event = { .type = IKE_EV_SECRET, .request_id = 4711, .found = true };

	(void)state;
	assert_int_equal(rig_event(&rig->a, &event), CV_E_NOTFOUND);
	rig->b.hold_secret = true;
	up(rig);
	/* B gives the half-open IKE SA up while the driver thinks. */
	rig->udp_blocked = true;
	rig_wait(rig, 31000);
	event.request_id = rig->b.secret_asked;
	assert_int_equal(rig_event(&rig->b, &event), CV_E_NOTFOUND);
	rig_free(rig);
}

/* R7296-2.15-3: long secrets count to their last octet. */
static void long_secret_counts_to_its_last_octet(void **state)
{
	struct rig *rig = rig_new_usual();
	char a[200], b[200];

	(void)state;
	memset(a, 'x', sizeof(a) - 1);
	a[sizeof(a) - 1] = '\0';
	memcpy(b, a, sizeof(b));
	b[198] = 'y';
	rig->a.secret = a;
	rig->b.secret = b;
	up(rig);
	assert_non_null(rig_last_report(&rig->a, IKE_REPORT_FAILED));
	rig->b.secret = a;
	up(rig);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	rig_free(rig);
}

/* A guesser gets no more memory than anybody who has not finished. */
static void failed_guesses_count_as_half_open(void **state)
{
	static const struct ike_engine_config few = { .initiate_udp = true, .halfopen_max = 2 };
	struct rig *rig = rig_new(&few);
	struct ike_conn *conn = malloc(sizeof(*conn));

	(void)state;
	assert_non_null(conn);
	rig_usual(&rig->a, conn);
	rig_conn_set(&rig->a, conn);
	rig_usual(&rig->b, conn);
	rig_conn_set(&rig->b, conn);
	free(conn);
	rig->a.secret = "a guess";
	for (unsigned i = 0; i < 3; i++)
		up(rig);
	assert_int_equal(ike_engine_counters(rig->b.e)->halfopen_dropped, 1);
	rig_pass(rig, 100000);
	rig->a.secret = rig->b.secret;
	up(rig);
	assert_up(rig);
	rig_free(rig);
}

/* --- what the responder says is checked too --- */

static void names_of_a(struct ike_conn *conn)
{
	conn->local_id = fqdn("a.example");
	conn->remote_id = fqdn("b.example");
}

static void names_of_b(struct ike_conn *conn)
{
	conn->local_id = fqdn("b.example");
	conn->remote_id = fqdn("a.example");
}

static void wrong_name_of_b(struct ike_conn *conn)
{
	conn->local_id = fqdn("c.example");
	conn->remote_id = fqdn("a.example");
}

static void no_name_wanted(struct ike_conn *conn)
{
	conn->local_id = fqdn("a.example");
}

static void identities_are_exchanged_and_matched(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_sa_info a, b;

	(void)state;
	change(&rig->a, names_of_a);
	change(&rig->b, names_of_b);
	up(rig);
	assert_up(rig);
	assert_true(rig_sa(&rig->a, &a) && rig_sa(&rig->b, &b));
	assert_true(ike_id_equal(&a.local_id, &b.remote_id));
	assert_true(ike_id_equal(&a.remote_id, &b.local_id));
	assert_memory_equal(a.remote_id.data, "b.example", 9);
	rig_free(rig);
}

static void responder_that_is_not_the_asked_one_refuses(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->a, names_of_a);
	change(&rig->b, wrong_name_of_b);
	up(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "AUTHENTICATION_FAILED"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void unknown_initiator_is_refused(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->a, no_name_wanted);
	up(rig);
	assert_up(rig);
	change(&rig->b, wrong_name_of_b);
	rig_down(&rig->a, "net", 2);
	rig_run(rig);
	change(&rig->a, names_of_a);
	up(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "AUTHENTICATION_FAILED"));
	rig_free(rig);
}

/* R7296-2.21.2-3: the initiator does not believe the responder, which thinks that all is well, and is told.
 */
static void initiator_that_disbelieves_tells_the_responder(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->a, names_of_a);
	change(&rig->b, names_of_b);
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_deliver(rig);
	rig_deliver(rig);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	/* Meanwhile A's configuration cannot change its mind: the policy is the one it began with. */
	change(&rig->a, no_name_wanted);
	rig_run(rig);
	assert_up(rig);
	rig_down(&rig->a, "net", 2);
	rig_run(rig);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

/* --- which connection --- */

static void two_connections(struct rig *rig)
{
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig_usual(&rig->b, conn);
	conn->local_id = fqdn("b.example");
	conn->remote_id = fqdn("x.example");
	rig_conn_set(&rig->b, conn);
	strcpy(conn->name, "second");
	rig_child(conn, 0, "10.0.3.0/24", "10.0.1.0/24");
	conn->remote_id = fqdn("a.example");
	rig_conn_set(&rig->b, conn);
	strcpy(conn->name, "third");
	conn->remote_id = fqdn("z.example");
	rig_conn_set(&rig->b, conn);
	rig_usual(&rig->a, conn);
	names_of_a(conn);
	rig_child(conn, 0, "10.0.1.0/24", "10.0.3.0/24");
	rig_conn_set(&rig->a, conn);
	free(conn);
}

static void identities_decide_between_connections_to_one_peer(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_sa_info b;

	(void)state;
	two_connections(rig);
	up(rig);
	assert_up(rig);
	assert_true(rig_sa(&rig->b, &b));
	assert_string_equal(b.conn, "second");
	assert_string_equal(rig->b.child[0].conn, "second");
	rig_free(rig);
}

static void any_peer(struct ike_conn *conn)
{
	conn->remote_ip = (struct cv_ip){ 0 };
	conn->local_ip = (struct cv_ip){ 0 };
}

static void connection_for_anybody_answers_but_does_not_start(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->b, any_peer);
	rig_up(&rig->b, "net", 3);
	assert_true(rig_said(&rig->b, IKE_REPORT_FAILED, "can only be answered"));
	up(rig);
	assert_up(rig);
	rig_free(rig);
}

/* --- NULL authentication (RFC 7619) --- */

static void null_both(struct ike_conn *conn)
{
	conn->local_auth = conn->remote_auth = IKE_AUTHBY_NULL;
	conn->local_id.type = WIRE_ID_NULL;
	conn->remote_id.type = WIRE_ID_NULL;
}

static void null_of_a(struct ike_conn *conn)
{
	conn->local_auth = IKE_AUTHBY_NULL;
	conn->local_id.type = WIRE_ID_NULL;
}

static void null_of_a_at_b(struct ike_conn *conn)
{
	conn->remote_auth = IKE_AUTHBY_NULL;
	/* R7619: the name of a peer that proves nothing decides nothing. */
	conn->remote_id = fqdn("somebody.example");
}

static void null_authentication_needs_no_secret(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_sa_info b;

	(void)state;
	change(&rig->a, null_both);
	change(&rig->b, null_both);
	rig->a.secret = rig->b.secret = NULL;
	up(rig);
	assert_up(rig);
	assert_true(rig_sa(&rig->b, &b));
	assert_int_equal(b.remote_id.type, WIRE_ID_NULL);
	assert_int_equal(b.remote_id.len, 0);
	rig_free(rig);
}

static void one_side_may_be_anonymous_while_the_other_proves_itself(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->a, null_of_a);
	change(&rig->b, null_of_a_at_b);
	up(rig);
	assert_up(rig);
	rig_down(&rig->a, "net", 2);
	rig_run(rig);
	rig->b.secret = "not the one that A knows";
	up(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "the secrets of the two ends differ"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void null_authentication_is_refused_where_it_is_not_configured(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->a, null_of_a);
	up(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "AUTHENTICATION_FAILED"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

/* --- the Child SA of IKE_AUTH --- */

static void other_esp(struct ike_conn *conn)
{
	conn->esp_proposals.count = 0;
	rig_proposal(&conn->esp_proposals, WIRE_ENCR_CHACHA20_POLY1305, 0, 0, 0, 0);
}

static void other_subnet(struct ike_conn *conn)
{
	rig_child(conn, 0, "10.9.9.0/24", "10.0.1.0/24");
}

/* R7296-2.21.2-2: the IKE SA stands, the child does not, and the user hears why. */
static void refused_child_leaves_the_ike_sa_up(void **state)
{
	static const struct {
		edit_fn edit;
		const char *said, *offered;
	} cases[] = { { other_esp, "NO_PROPOSAL_CHOSEN", "we offered esp=aes256gcm16" },
		      { other_subnet, "TS_UNACCEPTABLE",
			"we offered 10.0.1.0/24 (here) and 10.0.2.0/24 (there)" } };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct rig *rig = rig_new_usual();

		change(&rig->b, cases[i].edit);
		up(rig);
		assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
		assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
		assert_int_equal(rig->sent_udp, 4);
		assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, cases[i].said));
		assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, cases[i].offered));
		assert_null(rig_last_report(&rig->a, IKE_REPORT_UP));
		rig_assert_same_children(rig, 0);
		rig_down(&rig->a, "net", 2);
		rig_assert_nothing_left(rig);
		rig_free(rig);
	}
}

static void with_pfs(struct ike_conn *conn)
{
	conn->esp_proposals.count = 0;
	rig_proposal(&conn->esp_proposals, WIRE_ENCR_AES_CBC, 128, 0, WIRE_AUTH_HMAC_SHA2_256_128,
		     WIRE_KE_ECP256);
}

/* R7296-1.2-5: no KE transforms in IKE_AUTH, and integrity keys where the cipher needs them. */
static void child_of_ike_auth_has_no_key_exchange_of_its_own(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->a, with_pfs);
	change(&rig->b, with_pfs);
	up(rig);
	assert_up(rig);
	assert_int_equal(rig->a.child[0].encr, WIRE_ENCR_AES_CBC);
	assert_int_equal(rig->a.child[0].encr_key_in.len, 16);
	assert_int_equal(rig->a.child[0].integ_key_in.len, 32);
	rig_free(rig);
}

static void all_wide(struct ike_conn *conn)
{
	rig_child(conn, 0, "10.0.0.0/8", "10.0.0.0/8");
}

static void strict_wide(struct ike_conn *conn)
{
	all_wide(conn);
	conn->narrowing = false;
}

/* R7296-2.9-1 */
static void responder_narrows_to_what_it_has(void **state)
{
	struct rig *rig = rig_new_usual();
	char text[WIRE_TS_TEXT_MAX];

	(void)state;
	change(&rig->a, all_wide);
	up(rig);
	assert_up(rig);
	assert_string_equal(wire_ts_text(&rig->a.child[0].local.ts[0], text), "10.0.1.0/24");
	assert_string_equal(wire_ts_text(&rig->a.child[0].remote.ts[0], text), "10.0.2.0/24");
	rig_free(rig);
}

static void initiator_without_narrowing_refuses_less_and_deletes_it(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	change(&rig->a, strict_wide);
	up(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "narrowing=yes would accept that"));
	rig_assert_same_children(rig, 0);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	rig_free(rig);
}

/* --- one peer, several IKE SAs --- */

/* R7296-2.4-5: A was restarted; its INITIAL_CONTACT ends the IKE SA that B still has. */
static void initial_contact_ends_what_a_lost_peer_left(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_conn *conn = malloc(sizeof(*conn));
	static const struct ike_engine_config plain = { .initiate_udp = true, .uniqueids = true };
	struct rig *fresh;

	(void)state;
	assert_non_null(conn);
	up(rig);
	assert_up(rig);
	rig->now += 1000;
	/* A new A takes the place of the old one. */
	fresh = rig_new(&plain);
	fresh->a.seed = 33;
	fresh->now = rig->now;
	ike_engine_free(fresh->b.e);
	fresh->b = rig->b;
	fresh->b.rig = fresh;
	rig_usual(&fresh->a, conn);
	rig_conn_set(&fresh->a, conn);
	rig_up(&fresh->a, "net", 1);
	rig_run(fresh);
	assert_up(fresh);
	rig->b.e = NULL;
	free(conn);
	rig_free(rig);
	rig_free(fresh);
}

/* Two connections of A meet one of B: with uniqueids=yes the second ends the first, but not at once, since it
 * might be a rung of the same attempt. */
static void newer_ike_sa_of_the_same_peer_replaces_the_older_one(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		struct rig *rig = rig_new_usual();
		struct ike_conn *conn = malloc(sizeof(*conn));

		assert_non_null(conn);
		rig_usual(&rig->a, conn);
		strcpy(conn->name, "second");
		rig_conn_set(&rig->a, conn);
		free(conn);
		up(rig);
		rig_pass(rig, late ? 10000 : 9999);
		rig_up(&rig->a, "second", 2);
		rig_run(rig);
		assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), late ? 1 : 2);
		assert_int_equal(rig->b.child_count, late ? 1 : 2);
		assert_int_equal(rig->a.child_count, late ? 1 : 2);
		if (late)
			assert_string_equal(rig_last_report(&rig->a, IKE_REPORT_DOWN)->conn, "net");
		rig_free(rig);
	}
}

/* Of two connections to one peer neither ends the other. */
static void connections_with_the_same_identities_stand_side_by_side(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_conn *conn = malloc(sizeof(*conn));

	(void)state;
	assert_non_null(conn);
	for (unsigned i = 0; i < 2; i++) {
		struct rig_end *end = i ? &rig->b : &rig->a;

		rig_usual(end, conn);
		strcpy(conn->name, "second");
		conn->ike_proposals.count = 0;
		rig_proposal(&conn->ike_proposals, WIRE_ENCR_AES_GCM_16, 128, WIRE_PRF_HMAC_SHA2_256, 0,
			     WIRE_KE_ECP256);
		rig_conn_set(end, conn);
	}
	free(conn);
	up(rig);
	rig_pass(rig, 20000);
	rig_up(&rig->a, "second", 2);
	rig_run(rig);
	rig_assert_same_children(rig, 2);
	rig_free(rig);
}

static void both_ends_that_start_at_once_end_with_one_tunnel(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_up(&rig->b, "net", 2);
	rig_run(rig);
	rig_assert_same_children(rig, 2);
	assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_UP)->conn[0], 'n');
	rig_pass(rig, 5000);
	assert_up(rig);
	assert_null(rig_last_report(&rig->a, IKE_REPORT_DOWN));
	rig_down(&rig->a, "net", 3);
	rig_run(rig);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(different_secrets_fail_and_leave_nothing),
		cmocka_unit_test(secret_missing_here_is_said_before_the_peer_answers),
		cmocka_unit_test(secret_missing_there_looks_like_a_wrong_one),
		cmocka_unit_test(late_secrets_are_waited_for),
		cmocka_unit_test(answer_to_nobodys_question_is_ignored),
		cmocka_unit_test(long_secret_counts_to_its_last_octet),
		cmocka_unit_test(failed_guesses_count_as_half_open),
		cmocka_unit_test(identities_are_exchanged_and_matched),
		cmocka_unit_test(responder_that_is_not_the_asked_one_refuses),
		cmocka_unit_test(unknown_initiator_is_refused),
		cmocka_unit_test(initiator_that_disbelieves_tells_the_responder),
		cmocka_unit_test(identities_decide_between_connections_to_one_peer),
		cmocka_unit_test(connection_for_anybody_answers_but_does_not_start),
		cmocka_unit_test(null_authentication_needs_no_secret),
		cmocka_unit_test(one_side_may_be_anonymous_while_the_other_proves_itself),
		cmocka_unit_test(null_authentication_is_refused_where_it_is_not_configured),
		cmocka_unit_test(refused_child_leaves_the_ike_sa_up),
		cmocka_unit_test(child_of_ike_auth_has_no_key_exchange_of_its_own),
		cmocka_unit_test(responder_narrows_to_what_it_has),
		cmocka_unit_test(initiator_without_narrowing_refuses_less_and_deletes_it),
		cmocka_unit_test(initial_contact_ends_what_a_lost_peer_left),
		cmocka_unit_test(newer_ike_sa_of_the_same_peer_replaces_the_older_one),
		cmocka_unit_test(connections_with_the_same_identities_stand_side_by_side),
		cmocka_unit_test(both_ends_that_start_at_once_end_with_one_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
