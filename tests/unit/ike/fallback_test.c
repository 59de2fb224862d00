/* The ladder at work: UDP first, TCP where UDP does not pass, and what happens to the rungs that lose. */
#include "foreign.h"

#include <stdlib.h>
#include <string.h>

#include "ike/conn.h"
#include "wire/payloads.h"

/* A climbs UDP, then TCP port 4500; B takes both. */
static struct rig *ladder_rig(void)
{
	struct rig *rig = rig_new(NULL);
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig_usual(&rig->a, conn);
	conn->rung_count = 2;
	conn->rung[1] = (struct ike_rung){ .transport = IKE_TCP, .port = 4500 };
	rig_conn_set(&rig->a, conn);
	rig_usual(&rig->b, conn);
	rig_conn_set(&rig->b, conn);
	free(conn);
	return rig;
}

static struct rig *tcp_rig(void)
{
	struct rig *rig = rig_new(NULL);
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	rig_usual(&rig->a, conn);
	conn->rung[0] = (struct ike_rung){ .transport = IKE_TCP, .port = 4500 };
	conn->liveness_delay_ms = 30000;
	rig_conn_set(&rig->a, conn);
	rig_usual(&rig->b, conn);
	rig_conn_set(&rig->b, conn);
	free(conn);
	return rig;
}

static void assert_up_over(struct rig *rig, uint8_t transport)
{
	struct ike_sa_info a, b;

	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	assert_true(rig_sa(&rig->a, &a) && rig_sa(&rig->b, &b));
	assert_int_equal(a.path.transport, transport);
	assert_int_equal(b.path.transport, transport);
	rig_assert_same_children(rig, 1);
	assert_int_equal(rig->a.child[0].path.transport, transport);
	assert_int_equal(rig->b.child[0].path.transport, transport);
}

static void with_udp_passing_tcp_is_never_tried(void **state)
{
	struct rig *rig = ladder_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	rig_pass(rig, 10000);
	assert_up_over(rig, IKE_UDP);
	assert_int_equal(rig->stream_count, 0);
	rig_free(rig);
}

/* R9329-5.1-2, R9329-5.1-4: UDP first, and at least two sends of it before TCP. */
static void with_udp_dropped_tcp_stands_after_one_second(void **state)
{
	struct rig *rig = ladder_rig();
	struct ike_sa_info info;

	(void)state;
	rig->udp_blocked = true;
	rig_up(&rig->a, "net", 1);
	rig_pass(rig, 999);
	assert_int_equal(rig->sent_udp, 2);
	assert_int_equal(rig->stream_count, 0);
	rig_pass(rig, 1);
	assert_up_over(rig, IKE_TCP);
	assert_true(
	    rig_said(&rig->a, IKE_REPORT_PROGRESS, "UDP 192.0.2.2:500: no answer after 1.0 s, trying TCP"));
	assert_true(rig_sa(&rig->a, &info));
	assert_string_equal(info.why, "UDP did not answer for 1.0 s");
	/* Nothing of the lost rung is left (R9329-5.1-5). */
	rig->udp_blocked = false;
	rig_pass(rig, 30000);
	assert_int_equal(rig->sent_udp, 2);
	assert_up_over(rig, IKE_TCP);
	rig_free(rig);
}

static void with_udp_refused_tcp_stands_at_once(void **state)
{
	struct rig *rig = ladder_rig();

	(void)state;
	rig->udp_refused = true;
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	assert_up_over(rig, IKE_TCP);
	assert_true(rig_said(&rig->a, IKE_REPORT_PROGRESS, "refused (Connection refused)"));
	rig_free(rig);
}

/* R9329-5.1-5: a new IKE_SA_INIT with a new SPI and digests over the TCP ports. */
static void each_rung_is_an_attempt_of_its_own(void **state)
{
	struct rig *rig = ladder_rig();
	struct rig_packet udp;

	(void)state;
	rig_up(&rig->a, "net", 1);
	udp = *rig_peek(rig);
	rig_lose(rig);
	rig->udp_blocked = true;
	rig_wait(rig, 1000);
	rig_expect(rig, &rig->b, WIRE_IKE_SA_INIT, false);
	assert_int_equal(rig_peek(rig)->path.transport, IKE_TCP);
	assert_true(rig_header(rig_peek(rig)).spi_i != rig_header(&udp).spi_i);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_NAT_DETECTION_SOURCE_IP)); /* R9329-6.5-1 */
	rig_run(rig);
	assert_up_over(rig, IKE_TCP);
	/* R9329-6.5-2: the digests were over the TCP ports, so nobody sees a NAT. */
	assert_false(rig->a.child[0].udp_encap);
	/* The late first message does no harm: the answer goes to nobody. */
	rig->udp_blocked = false;
	rig_inject(&rig->b, &udp.path, udp.data, udp.len);
	rig_run(rig);
	rig_pass(rig, 40000);
	assert_up_over(rig, IKE_TCP);
	rig_free(rig);
}

/* UDP 500 passes, 4500 (or what is large) does not: IKE_SA_INIT is answered, IKE_AUTH never. */
static void unanswered_auth_over_udp_brings_tcp_too(void **state)
{
	struct rig *rig = ladder_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_deliver(rig);
	rig_expect(rig, &rig->b, WIRE_IKE_AUTH, false);
	rig_lose(rig);
	rig->udp_blocked = true;
	rig_pass(rig, 999);
	assert_int_equal(rig->stream_count, 0);
	rig_pass(rig, 1);
	assert_up_over(rig, IKE_TCP);
	rig_pass(rig, 60000);
	assert_up_over(rig, IKE_TCP);
	rig_free(rig);
}

/* The answer to IKE_AUTH over UDP comes when TCP has won: B must hear that it is not wanted. */
static void late_loser_is_deleted_properly(void **state)
{
	struct rig *rig = ladder_rig();
	struct rig_packet late;

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_deliver(rig);
	rig_deliver(rig);
	rig_expect(rig, &rig->a, WIRE_IKE_AUTH, true);
	late = *rig_peek(rig);
	rig_lose(rig);
	rig->udp_blocked = true;
	rig_pass(rig, 1000);
	rig->udp_blocked = false;
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 2);
	assert_int_equal(rig->b.child_count, 2);
	assert_int_equal(rig->a.child_count, 1);
	rig_inject(&rig->a, &late.path, late.data, late.len);
	/* It is kept for a moment, in case the peer ends the other one. */
	assert_null(rig_peek(rig));
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 2);
	assert_int_equal(rig->a.child_count, 1);
	rig_pass(rig, 5000);
	assert_up_over(rig, IKE_TCP);
	rig_free(rig);
}

/* Both rungs were established at the peer, and it keeps the one that lost here: then that one is the tunnel.
 * Its Delete may come before or after the late answer. */
static void rung_that_lost_takes_over_when_the_peer_ends_the_other(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 2; order++) {
		struct rig *rig = ladder_rig();
		struct rig_packet late;
		struct ike_sa *tcp;

		rig_up(&rig->a, "net", 1);
		rig_deliver(rig);
		rig_deliver(rig);
		rig_deliver(rig);
		late = *rig_peek(rig);
		rig_lose(rig);
		rig->udp_blocked = true;
		rig_pass(rig, 1000);
		rig->udp_blocked = false;
		assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 2);
		tcp = foreign_sa_over(&rig->b, IKE_TCP);
		if (order)
			rig_inject(&rig->a, &late.path, late.data, late.len);
		assert_int_equal(rig->a.child_count, 1);
		ike_conn_delete_sa(tcp, "the peer prefers the other one");
		rig_drain(&rig->b);
		rig_run(rig);
		assert_int_equal(rig->a.child_count, order);
		if (!order)
			rig_inject(&rig->a, &late.path, late.data, late.len);
		rig_pass(rig, 10000);
		assert_up_over(rig, IKE_UDP);
		rig_down(&rig->a, "net", 2);
		rig_run(rig);
		rig_assert_nothing_left(rig);
		rig_free(rig);
	}
}

static void late_answer_over_udp_wins_when_tcp_has_not_yet(void **state)
{
	struct rig *rig = ladder_rig();
	struct rig_packet init;

	(void)state;
	rig->tcp = RIG_TCP_SILENT;
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	init = *rig_peek(rig);
	rig_lose(rig);
	rig->udp_blocked = true;
	rig_pass(rig, 1500);
	assert_int_equal(rig->stream_count, 1);
	rig->udp_blocked = false;
	rig_inject(&rig->a, &init.path, init.data, init.len);
	rig_run(rig);
	assert_up_over(rig, IKE_UDP);
	assert_int_equal(rig->a.streams_closed, 1);
	rig_free(rig);
}

static void nothing_passes_is_said_with_the_story_of_every_rung(void **state)
{
	struct rig *rig = ladder_rig();
	const struct rig_report *r;

	(void)state;
	rig->udp_blocked = true;
	rig->tcp = RIG_TCP_REFUSED;
	rig_up(&rig->a, "net", 5);
	rig_pass(rig, 59999);
	assert_null(rig_last_report(&rig->a, IKE_REPORT_FAILED));
	rig_pass(rig, 1);
	r = rig_last_report(&rig->a, IKE_REPORT_FAILED);
	assert_non_null(r);
	assert_int_equal(r->request_id, 5);
	assert_non_null(strstr(r->text, "UDP 192.0.2.2:500: no answer in 60 s"));
	assert_non_null(strstr(r->text, "TCP 192.0.2.2:4500: could not connect (Connection refused)"));
	assert_string_equal(ike_engine_last_error(rig->a.e, "net"), r->text);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void everything_refused_fails_within_seconds(void **state)
{
	struct rig *rig = ladder_rig();

	(void)state;
	rig->udp_refused = true;
	rig->tcp = RIG_TCP_REFUSED;
	rig_up(&rig->a, "net", 5);
	rig_pass(rig, 3000);
	assert_non_null(rig_last_report(&rig->a, IKE_REPORT_FAILED));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void udp_only_fails_after_the_retransmit_timeout(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	rig->udp_blocked = true;
	rig_up(&rig->a, "net", 5);
	rig_pass(rig, 60000);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "no answer in 60 s"));
	/* 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s (R7296-2.4-1) */
	assert_int_equal(rig->sent_udp, 7);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void silent_tcp_is_given_up(void **state)
{
	struct rig *rig = tcp_rig();

	(void)state;
	rig->tcp = RIG_TCP_SILENT;
	rig_up(&rig->a, "net", 5);
	rig_pass(rig, 60000);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "no TCP connection came about"));
	assert_int_equal(rig->a.streams_closed, 1);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void host_without_udp_goes_straight_to_tcp(void **state)
{
	static const struct ike_engine_config no_udp = { .initiate_udp = false, .uniqueids = true };
	struct rig *rig = rig_new(&no_udp);
	struct ike_conn *conn = malloc(sizeof(*conn));

	(void)state;
	assert_non_null(conn);
	rig_usual(&rig->a, conn);
	conn->rung_count = 2;
	conn->rung[1] = (struct ike_rung){ .transport = IKE_TCP, .port = 4500 };
	rig_conn_set(&rig->a, conn);
	rig_usual(&rig->b, conn);
	rig_conn_set(&rig->b, conn);
	free(conn);
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	assert_up_over(rig, IKE_TCP);
	assert_int_equal(rig->sent_udp, 0);
	rig_free(rig);
}

static void down_during_the_attempt_ends_it_quietly(void **state)
{
	struct rig *rig = ladder_rig();

	(void)state;
	rig->udp_blocked = true;
	rig_up(&rig->a, "net", 1);
	rig_pass(rig, 700);
	rig_down(&rig->a, "net", 2);
	assert_non_null(rig_last_report(&rig->a, IKE_REPORT_FAILED));
	assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_DOWN)->request_id, 2);
	rig_assert_nothing_left(rig);
	assert_int_equal(rig->stream_count, 0);
	rig_free(rig);
}

/* --- one tunnel over one stream --- */

/* R9329-6.2-1: nothing is sent twice over TCP. */
static void requests_are_not_repeated_over_tcp(void **state)
{
	struct rig *rig = tcp_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_lose(rig);
	rig_pass(rig, 59000);
	assert_int_equal(rig->sent_tcp, 1);
	rig_pass(rig, 1000);
	assert_non_null(rig_last_report(&rig->a, IKE_REPORT_FAILED));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

/* R9329-6.4-1 */
static void error_in_init_over_tcp_ends_the_attempt_at_once(void **state)
{
	struct rig *rig = tcp_rig();
	struct ike_conn *conn = malloc(sizeof(*conn));

	(void)state;
	assert_non_null(conn);
	rig_usual(&rig->b, conn);
	conn->ike_proposals.count = 0;
	rig_proposal(&conn->ike_proposals, WIRE_ENCR_AES_CBC, 256, WIRE_PRF_HMAC_SHA2_512,
		     WIRE_AUTH_HMAC_SHA2_512_256, WIRE_KE_MODP2048);
	rig_conn_set(&rig->b, conn);
	free(conn);
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "NO_PROPOSAL_CHOSEN"));
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "we offered ike=aes256gcm16-sha2_256-x25519"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

/* R9329-6.1-5, R9329-6.1-6: Delete first, then the originator closes the stream. */
static void originator_closes_the_stream_after_the_delete(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct rig *rig = tcp_rig();

		rig_up(&rig->a, "net", 1);
		rig_run(rig);
		assert_up_over(rig, IKE_TCP);
		rig_down(who ? &rig->b : &rig->a, "net", 2);
		rig_run(rig);
		assert_int_equal(rig->a.streams_closed, 1);
		assert_int_equal(rig->b.streams_closed, 0);
		rig_assert_nothing_left(rig);
		rig_free(rig);
	}
}

/* R9329-6.1-7 */
static void responder_closes_a_stream_that_the_originator_forgot(void **state)
{
	struct rig *rig = tcp_rig();
	struct ike_path path = { .transport = IKE_TCP, .stream_id = 1ull << 63 | 99 };
	static const uint8_t rubbish[40] = { 1 };

	(void)state;
	path.remote.ip = rig->a.ip;
	path.local.ip = rig->b.ip;
	rig_inject(&rig->b, &path, rubbish, sizeof(rubbish));
	rig_pass(rig, 9999);
	assert_int_equal(rig->b.streams_closed, 0);
	rig_pass(rig, 1);
	assert_int_equal(rig->b.streams_closed, 1);
	rig_free(rig);
}

/* R9329-6.1-18, R9329-6.1-19: a few broken messages are not enough, many in a row are. */
static void broken_messages_in_a_row_close_the_stream(void **state)
{
	struct rig *rig = tcp_rig();
	struct ike_path path = { .transport = IKE_TCP, .stream_id = 1ull << 63 | 99 };
	static const uint8_t rubbish[40] = { 1 };

	(void)state;
	path.remote.ip = rig->a.ip;
	path.local.ip = rig->b.ip;
	for (unsigned i = 0; i < 7; i++)
		rig_inject(&rig->b, &path, rubbish, sizeof(rubbish));
	assert_int_equal(rig->b.streams_closed, 0);
	rig_inject(&rig->b, &path, rubbish, sizeof(rubbish));
	assert_int_equal(rig->b.streams_closed, 1);
	rig_pass(rig, 20000);
	assert_int_equal(rig->b.streams_closed, 1);
	rig_free(rig);
}

/* R9329-6.1-20: a good message in between starts the count anew. */
static void good_message_makes_up_for_broken_ones(void **state)
{
	static const uint8_t rubbish[40] = { 1 };
	struct rig *rig = tcp_rig();
	struct foreign_answer answer;
	struct ike_sa *b;

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	b = foreign_sa(&rig->b);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 7; i++)
			rig_inject(&rig->b, &b->path, rubbish, sizeof(rubbish));
		foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &answer);
		assert_true(answer.answered);
	}
	assert_int_equal(rig->b.streams_closed, 0);
	rig_free(rig);
}

/* R9329-6.1-14 */
static void second_ike_sa_on_a_busy_stream_is_refused(void **state)
{
	struct rig *rig = tcp_rig();
	struct rig_packet init;

	(void)state;
	rig_up(&rig->a, "net", 1);
	init = *rig_peek(rig);
	rig_run(rig);
	assert_up_over(rig, IKE_TCP);
	init.data[0] ^= 0x55; /* another SPI: not a retransmission */
	rig_inject(&rig->b, &init.path, init.data, init.len);
	assert_null(rig_peek(rig));
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 0);
	assert_up_over(rig, IKE_TCP);
	rig_free(rig);
}

/* A half-open IKE SA on the stream gives way to a new attempt on it. */
static void half_open_ike_sa_gives_way_on_its_stream(void **state)
{
	struct rig *rig = tcp_rig();
	struct rig_packet init;

	(void)state;
	rig_up(&rig->a, "net", 1);
	init = *rig_peek(rig);
	init.data[0] ^= 0x55;
	rig_inject(&rig->b, &init.path, init.data, init.len);
	assert_int_equal(rig_count(&rig->b, IKE_SA_INIT_DONE), 1);
	rig_run(rig);
	assert_up_over(rig, IKE_TCP);
	rig_free(rig);
}

/* R9329-6.1-8: the stream is lost without Delete; nobody dials, nothing is dropped at once, and in the end it
 * is said. */
static void lost_stream_keeps_the_ike_sa_for_a_while(void **state)
{
	struct rig *rig = tcp_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	rig_break_stream(rig, 0);
	rig_pass(rig, 59000);
	assert_up_over(rig, IKE_TCP);
	rig_pass(rig, 1000);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 0);
	assert_true(rig_said(&rig->a, IKE_REPORT_DOWN, "the TCP connection was lost and did not come back"));
	assert_true(rig_said(&rig->b, IKE_REPORT_DOWN, "the TCP connection was lost and did not come back"));
	assert_int_equal(rig->stream_count, 1);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void up_after_a_lost_stream_makes_a_new_tunnel_at_once(void **state)
{
	struct rig *rig = tcp_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	rig_break_stream(rig, 0);
	rig_pass(rig, 20000);
	rig_up(&rig->a, "net", 2);
	rig_run(rig);
	assert_up_over(rig, IKE_TCP);
	assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_UP)->request_id, 2);
	assert_null(rig_last_report(&rig->a, IKE_REPORT_DOWN));
	rig_free(rig);
}

static void stream_lost_during_the_handshake_fails_the_rung(void **state)
{
	struct rig *rig = tcp_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_break_stream(rig, 0);
	assert_true(
	    rig_said(&rig->a, IKE_REPORT_FAILED, "the TCP connection was lost (the other end closed it)"));
	rig_lose(rig);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

/* Over TCP alone; B wants another group than A's first. */
static struct rig *wish_rig(void)
{
	struct rig *rig = rig_new(NULL);
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	for (unsigned i = 0; i < 2; i++) {
		struct wire_proposal *p;

		rig_usual(i ? &rig->b : &rig->a, conn);
		conn->rung[0] = (struct ike_rung){ .transport = IKE_TCP, .port = 4500 };
		conn->ike_proposals.count = 0;
		rig_proposal(&conn->ike_proposals, WIRE_ENCR_AES_GCM_16, 256, WIRE_PRF_HMAC_SHA2_256, 0,
			     i ? WIRE_KE_ECP256 : WIRE_KE_CURVE25519);
		p = &conn->ike_proposals.proposal[0];
		if (!i)
			p->transform[p->transform_count++] =
			    (struct wire_transform){ .type = WIRE_T_KE, .id = WIRE_KE_ECP256 };
		rig_conn_set(i ? &rig->b : &rig->a, conn);
	}
	free(conn);
	return rig;
}

/* libreswan as responder ends the stream behind INVALID_KE_PAYLOAD and COOKIE. */
static void stream_that_ends_with_a_wish_is_dialled_again(void **state)
{
	struct rig *rig = wish_rig();
	uint64_t spi;

	(void)state;
	rig_up(&rig->a, "net", 1);
	spi = rig_header(rig_peek(rig)).spi_i;
	rig_deliver(rig);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_INVALID_KE_PAYLOAD));
	rig_deliver(rig);
	rig_lose(rig); /* A's second request met the end of the stream */
	rig_break_stream(rig, 0);
	assert_int_equal(rig->stream_count, 2);
	rig_expect(rig, &rig->b, WIRE_IKE_SA_INIT, false);
	assert_int_equal(rig_header(rig_peek(rig)).spi_i, spi);
	rig_run(rig);
	assert_up_over(rig, IKE_TCP);
	rig_down(&rig->a, "net", 2);
	rig_run(rig);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void stream_that_ends_twice_for_one_wish_fails_the_rung(void **state)
{
	struct rig *rig = wish_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_deliver(rig);
	rig_lose(rig);
	rig_break_stream(rig, 0);
	rig_lose(rig);
	rig_break_stream(rig, 1);
	assert_int_equal(rig->stream_count, 2);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "the TCP connection was lost"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void stream_that_cannot_be_dialled_again_fails_the_rung(void **state)
{
	struct rig *rig = wish_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_deliver(rig);
	rig_deliver(rig);
	rig_lose(rig);
	rig->tcp = RIG_TCP_REFUSED;
	rig_break_stream(rig, 0);
	assert_true(rig_said(&rig->a, IKE_REPORT_FAILED, "could not connect"));
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

/* R9329-5.5: everything of the IKE SA goes over the stream. */
static void nothing_goes_over_udp_while_tcp_carries_the_tunnel(void **state)
{
	struct rig *rig = tcp_rig();

	(void)state;
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	rig_pass(rig, 300000);
	rig_down(&rig->b, "net", 2);
	rig_run(rig);
	assert_int_equal(rig->sent_udp, 0);
	assert_int_equal(rig->a.keepalives, 0); /* R9329-6.6-1 */
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_udp_passing_tcp_is_never_tried),
		cmocka_unit_test(with_udp_dropped_tcp_stands_after_one_second),
		cmocka_unit_test(with_udp_refused_tcp_stands_at_once),
		cmocka_unit_test(each_rung_is_an_attempt_of_its_own),
		cmocka_unit_test(unanswered_auth_over_udp_brings_tcp_too),
		cmocka_unit_test(late_loser_is_deleted_properly),
		cmocka_unit_test(rung_that_lost_takes_over_when_the_peer_ends_the_other),
		cmocka_unit_test(late_answer_over_udp_wins_when_tcp_has_not_yet),
		cmocka_unit_test(nothing_passes_is_said_with_the_story_of_every_rung),
		cmocka_unit_test(everything_refused_fails_within_seconds),
		cmocka_unit_test(udp_only_fails_after_the_retransmit_timeout),
		cmocka_unit_test(silent_tcp_is_given_up),
		cmocka_unit_test(host_without_udp_goes_straight_to_tcp),
		cmocka_unit_test(down_during_the_attempt_ends_it_quietly),
		cmocka_unit_test(requests_are_not_repeated_over_tcp),
		cmocka_unit_test(error_in_init_over_tcp_ends_the_attempt_at_once),
		cmocka_unit_test(originator_closes_the_stream_after_the_delete),
		cmocka_unit_test(responder_closes_a_stream_that_the_originator_forgot),
		cmocka_unit_test(broken_messages_in_a_row_close_the_stream),
		cmocka_unit_test(good_message_makes_up_for_broken_ones),
		cmocka_unit_test(second_ike_sa_on_a_busy_stream_is_refused),
		cmocka_unit_test(half_open_ike_sa_gives_way_on_its_stream),
		cmocka_unit_test(lost_stream_keeps_the_ike_sa_for_a_while),
		cmocka_unit_test(up_after_a_lost_stream_makes_a_new_tunnel_at_once),
		cmocka_unit_test(stream_lost_during_the_handshake_fails_the_rung),
		cmocka_unit_test(stream_that_ends_with_a_wish_is_dialled_again),
		cmocka_unit_test(stream_that_ends_twice_for_one_wish_fails_the_rung),
		cmocka_unit_test(stream_that_cannot_be_dialled_again_fails_the_rung),
		cmocka_unit_test(nothing_goes_over_udp_while_tcp_carries_the_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
