/* NAT detection, the move to port 4500, keepalives, and peers whose address changes. */
#include "foreign.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/prf.h"

typedef void (*edit_fn)(struct ike_conn *conn, bool a);

static void plain(struct ike_conn *conn, bool a)
{
	(void)a;
	conn->nat_keepalive_ms = 20000;
}

/* B takes A from any address: it comes through a NAT. */
static void through_nat(struct ike_conn *conn, bool a)
{
	plain(conn, a);
	if (!a)
		conn->remote_ip = (struct cv_ip){ 0 };
}

static struct rig *rig_with(edit_fn edit, bool nat)
{
	struct rig *rig = rig_new(NULL);
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig->nat_a = nat;
	rig->nat_shift = 7000;
	assert_int_equal(cv_ip_parse("203.0.113.9", &rig->nat_ip), CV_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct rig_end *end = i ? &rig->b : &rig->a;

		rig_usual(end, conn);
		edit(conn, i == 0);
		rig_conn_set(end, conn);
	}
	free(conn);
	return rig;
}

static void up(struct rig *rig)
{
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	rig_assert_same_children(rig, 1);
}

/* R7296-2.23-1 */
static void without_a_nat_everything_stays_on_port_500(void **state)
{
	struct rig *rig = rig_with(plain, false);
	struct ike_sa_info a, b;

	(void)state;
	up(rig);
	assert_true(rig_sa(&rig->a, &a) && rig_sa(&rig->b, &b));
	assert_false(a.nat_local || a.nat_remote || b.nat_local || b.nat_remote);
	assert_int_equal(a.path.remote.port, 500);
	assert_false(rig->a.child[0].udp_encap);
	rig_pass(rig, 100000);
	assert_int_equal(rig->a.keepalives, 0);
	rig_free(rig);
}

/* R7296-2.23-2, R7296-2.11-1: from IKE_AUTH on port 4500, and answers to where the request came from. */
static void behind_a_nat_the_initiator_moves_to_port_4500(void **state)
{
	struct rig *rig = rig_with(through_nat, true);
	struct ike_sa_info a, b;

	(void)state;
	rig_up(&rig->a, "net", 1);
	assert_int_equal(rig_peek(rig)->path.remote.port, 7500);
	rig_deliver(rig);
	rig_deliver(rig);
	assert_int_equal(rig_peek(rig)->path.remote.port, 11500);
	assert_int_equal(rig_peek(rig)->path.local.port, 4500);
	rig_run(rig);
	rig_assert_same_children(rig, 1);
	assert_true(rig_sa(&rig->a, &a) && rig_sa(&rig->b, &b));
	assert_true(a.nat_local && !a.nat_remote && !b.nat_local && b.nat_remote);
	assert_int_equal(a.path.local.port, 4500);
	assert_int_equal(b.path.remote.port, 11500);
	assert_true(rig->a.child[0].udp_encap && rig->b.child[0].udp_encap);
	assert_int_equal(rig->b.child[0].path.remote.port, 11500);
	rig_free(rig);
}

/* R3948-4-1, R7296-2.23-5: who is behind the NAT keeps it open, and only when nothing else was sent. */
static void host_behind_the_nat_sends_keepalives(void **state)
{
	struct rig *rig = rig_with(through_nat, true);

	(void)state;
	up(rig);
	rig_pass(rig, 100000);
	assert_int_equal(rig->a.keepalives, 5);
	assert_int_equal(rig->b.keepalives, 0);
	rig_free(rig);
}

/* Does this IKE_SA_INIT say that it comes from where it comes from, as any implementation would check
 * (R7296-2.23-1)? */
static bool source_is_true(const struct rig_packet *packet)
{
	struct wire_header h = rig_header(packet);
	struct cv_bytes port = cv_bytes(
	    (uint8_t[]){ (uint8_t)(packet->path.remote.port >> 8), (uint8_t)packet->path.remote.port }, 2);
	struct cv_bytes parts[] = { cv_bytes(packet->data, 16), cv_ip_bytes(&packet->path.remote.ip), port };
	struct wire_notify_payload source;
	struct wire_chain chain;
	uint8_t critical, want[CRYPTO_SHA1_LEN];

	assert_int_equal(wire_chain_decode(h.next_payload, cv_bytes(packet->data + 28, packet->len - 28),
					   &chain, &critical),
			 CV_OK);
	assert_true(wire_notify_find(&chain, WIRE_N_NAT_DETECTION_SOURCE_IP, &source));
	assert_int_equal(crypto_sha1(parts, 3, want), CV_OK);
	return cv_bytes_equal(source.data, cv_bytes(want, sizeof(want)));
}

static void claims(struct ike_conn *conn, bool a)
{
	plain(conn, a);
	conn->encapsulation = a ? IKE_ENCAP_YES : IKE_ENCAP_AUTO;
}

static void forbids(struct ike_conn *conn, bool a)
{
	through_nat(conn, a);
	conn->encapsulation = IKE_ENCAP_NO;
}

static void encapsulation_yes_takes_both_ends_to_port_4500(void **state)
{
	struct rig *rig = rig_with(claims, false);
	struct ike_sa_info a, b;

	(void)state;
	up(rig);
	assert_true(rig_sa(&rig->a, &a) && rig_sa(&rig->b, &b));
	assert_false(a.nat_local || a.nat_remote || b.nat_local || b.nat_remote);
	assert_int_equal(a.path.local.port, 4500);
	assert_int_equal(a.path.remote.port, 4500);
	assert_true(rig->a.child[0].udp_encap && rig->b.child[0].udp_encap);
	rig_free(rig);
}

static void claims_through_nat(struct ike_conn *conn, bool a)
{
	through_nat(conn, a);
	conn->encapsulation = IKE_ENCAP_YES;
}

/* What is claimed does not hide what is there. */
static void real_nat_is_seen_behind_a_claimed_one(void **state)
{
	struct rig *rig = rig_with(claims_through_nat, true);
	struct ike_sa_info a, b;

	(void)state;
	up(rig);
	assert_true(rig_sa(&rig->a, &a) && rig_sa(&rig->b, &b));
	assert_true(a.nat_local && !a.nat_remote && !b.nat_local && b.nat_remote);
	rig_free(rig);
}

/* A plane without raw ESP: the peer must put its own ESP into UDP as well, whoever begins. */
static void plane_that_needs_udp_makes_the_peer_use_it(void **state)
{
	static const struct ike_engine_config needs = { .initiate_udp = true, .esp_needs_udp = true };

	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct rig *rig = rig_new(&needs);
		struct ike_conn *conn = malloc(sizeof(*conn));
		struct ike_sa_info a, b;

		assert_non_null(conn);
		/* B is another implementation, which sends raw ESP where no NAT is seen. */
		for (unsigned i = 0; i < 2; i++) {
			rig_usual(i ? &rig->b : &rig->a, conn);
			conn->encapsulation = i ? IKE_ENCAP_NO : IKE_ENCAP_AUTO;
			rig_conn_set(i ? &rig->b : &rig->a, conn);
		}
		free(conn);
		rig_up(who ? &rig->b : &rig->a, "net", 1);
		assert_int_equal(source_is_true(rig_peek(rig)), who);
		assert_true(rig_deliver(rig));
		assert_int_equal(source_is_true(rig_peek(rig)), !who);
		rig_run(rig);
		rig_assert_same_children(rig, 1);
		assert_true(rig_sa(&rig->a, &a) && rig_sa(&rig->b, &b));
		assert_false(a.nat_local || a.nat_remote || b.nat_local || b.nat_remote);
		if (who == 0)
			assert_int_equal(b.path.local.port, 4500);
		rig_free(rig);
	}
}

static void encapsulation_no_stays_on_port_500(void **state)
{
	struct rig *rig = rig_with(forbids, true);
	struct ike_sa_info a;

	(void)state;
	up(rig);
	assert_true(rig_sa(&rig->a, &a));
	assert_int_equal(a.path.local.port, 500);
	rig_free(rig);
}

static void other_port(struct ike_conn *conn, bool a)
{
	plain(conn, a);
	if (a)
		conn->rung[0].port = 0;
	conn->remote_ike_port = a ? 4500 : 0;
}

static void peer_on_port_4500_is_spoken_to_from_4500(void **state)
{
	struct rig *rig = rig_with(other_port, false);

	(void)state;
	rig_up(&rig->a, "net", 1);
	assert_int_equal(rig_peek(rig)->path.remote.port, 4500);
	assert_int_equal(rig_peek(rig)->path.local.port, 4500);
	rig_run(rig);
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

/* R7296-2.23-6: the NAT gave A another port; its next authenticated request shows it. */
static void responder_follows_the_newest_authenticated_message(void **state)
{
	struct rig *rig = rig_with(through_nat, true);
	struct foreign_answer answer;
	struct ike_sa_info b;

	(void)state;
	up(rig);
	rig->nat_shift = 9000;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &answer);
	assert_true(answer.answered);
	assert_true(rig_sa(&rig->b, &b));
	assert_int_equal(b.path.remote.port, 13500);
	assert_int_equal(rig->b.child[0].path.remote.port, 13500);
	rig_free(rig);
}

/* R7296-2.23-6: the same, shown by ESP alone; nobody moves the peer between UDP and TCP or on another port of
 * ours so. */
static void responder_follows_the_newest_authenticated_esp(void **state)
{
	struct rig *rig = rig_with(through_nat, true);
	struct ike_event moved = { .type = IKE_EV_CHILD_MOVED };
	struct ike_sa_info b;

	(void)state;
	up(rig);
	assert_true(rig_sa(&rig->b, &b));
	moved.spi_in = rig->b.child[0].spi_in;
	moved.path = b.path;
	moved.path.remote.port = 14000;
	assert_int_equal(rig_event(&rig->b, &moved), CV_OK);
	assert_true(rig_sa(&rig->b, &b));
	assert_int_equal(b.path.remote.port, 14000);
	assert_int_equal(rig->b.child[0].path.remote.port, 14000);

	moved.path.remote.port = 15000;
	moved.path.local.port = 500;
	assert_int_equal(rig_event(&rig->b, &moved), CV_OK);
	moved.path = b.path;
	moved.path.transport = IKE_TCP;
	assert_int_equal(rig_event(&rig->b, &moved), CV_OK);
	assert_true(rig_sa(&rig->b, &b));
	assert_int_equal(b.path.transport, IKE_UDP);
	assert_int_equal(b.path.remote.port, 14000);
	rig_free(rig);
}

static void replayed_or_forged_messages_move_nobody(void **state)
{
	struct rig *rig = rig_with(through_nat, true);
	struct foreign_answer answer;
	struct rig_packet p;
	struct ike_sa_info b;

	(void)state;
	up(rig);
	foreign_send(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &answer);
	p = *rig_peek(rig);
	rig_run(rig);
	p.path.remote.port = 666;
	/* The answer to a repeated request goes to where it came from; the IKE SA stays where it is. */
	rig_inject(&rig->b, &p.path, p.data, p.len);
	while (rig_peek(rig))
		rig_lose(rig);
	p.data[p.len - 1] ^= 1;
	rig_inject(&rig->b, &p.path, p.data, p.len);
	assert_true(rig_sa(&rig->b, &b));
	assert_int_equal(b.path.remote.port, 11500);
	rig_free(rig);
}

static void wherever(struct ike_conn *conn, bool a)
{
	plain(conn, a);
	if (a)
		conn->local_ip = (struct cv_ip){ 0 };
}

/* An own address that nobody knows yet: the NAT is claimed, and the real one is learnt from the answer. */
static void unknown_own_address_is_learnt_from_the_answer(void **state)
{
	struct rig *rig = rig_with(wherever, false);
	struct ike_sa_info a;

	(void)state;
	up(rig);
	assert_true(rig_sa(&rig->a, &a));
	assert_true(cv_ip_equal(&a.path.local.ip, &rig->a.ip));
	assert_int_equal(a.local_id.type, WIRE_ID_IPV4);
	assert_memory_equal(a.local_id.data, rig->a.ip.b, 4);
	/* The peer saw a NAT, so it must be treated as one. */
	assert_int_equal(a.path.local.port, 4500);
	rig_free(rig);
}

static void own_hosts(struct ike_conn *conn, bool a)
{
	plain(conn, a);
	conn->child[0].local_count = conn->child[0].remote_count = 0;
}

static void without_subnets_the_hosts_themselves_are_protected(void **state)
{
	struct rig *rig = rig_with(own_hosts, false);
	char text[WIRE_TS_TEXT_MAX];

	(void)state;
	up(rig);
	assert_string_equal(wire_ts_text(&rig->a.child[0].local.ts[0], text), "192.0.2.1/32");
	assert_string_equal(wire_ts_text(&rig->a.child[0].remote.ts[0], text), "192.0.2.2/32");
	rig_free(rig);
}

static void outer_ipv6(struct ike_conn *conn, bool a)
{
	plain(conn, a);
	assert_int_equal(cv_ip_parse(a ? "2001:db8::1" : "2001:db8::2", &conn->local_ip), CV_OK);
	assert_int_equal(cv_ip_parse(a ? "2001:db8::2" : "2001:db8::1", &conn->remote_ip), CV_OK);
	rig_child(conn, 0, a ? "fd00:1::/64" : "fd00:2::/64", a ? "fd00:2::/64" : "fd00:1::/64");
}

static void ipv6_works_outside_and_inside(void **state)
{
	struct rig *rig = rig_with(outer_ipv6, false);
	struct ike_sa_info a;

	(void)state;
	up(rig);
	assert_true(rig_sa(&rig->a, &a));
	assert_false(a.nat_local || a.nat_remote);
	assert_int_equal(a.local_id.type, WIRE_ID_IPV6);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_nat_everything_stays_on_port_500),
		cmocka_unit_test(behind_a_nat_the_initiator_moves_to_port_4500),
		cmocka_unit_test(host_behind_the_nat_sends_keepalives),
		cmocka_unit_test(encapsulation_yes_takes_both_ends_to_port_4500),
		cmocka_unit_test(real_nat_is_seen_behind_a_claimed_one),
		cmocka_unit_test(plane_that_needs_udp_makes_the_peer_use_it),
		cmocka_unit_test(encapsulation_no_stays_on_port_500),
		cmocka_unit_test(peer_on_port_4500_is_spoken_to_from_4500),
		cmocka_unit_test(responder_follows_the_newest_authenticated_message),
		cmocka_unit_test(responder_follows_the_newest_authenticated_esp),
		cmocka_unit_test(replayed_or_forged_messages_move_nobody),
		cmocka_unit_test(unknown_own_address_is_learnt_from_the_answer),
		cmocka_unit_test(without_subnets_the_hosts_themselves_are_protected),
		cmocka_unit_test(ipv6_works_outside_and_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
