/* INFORMATIONAL and what protects every exchange: Delete, liveness, message ids, errors of authenticated
 * peers. */
#include "foreign.h"

#include <stdlib.h>
#include <string.h>

static struct rig *up_with(void (*edit)(struct ike_conn *conn))
{
	struct rig *rig = rig_new(NULL);
	struct ike_conn *conn = malloc(sizeof(*conn));

	assert_non_null(conn);
	for (unsigned i = 0; i < 2; i++) {
		struct rig_end *end = i ? &rig->b : &rig->a;

		rig_usual(end, conn);
		if (edit)
			edit(conn);
		rig_conn_set(end, conn);
	}
	free(conn);
	rig_up(&rig->a, "net", 1);
	rig_run(rig);
	rig_assert_same_children(rig, 1);
	return rig;
}

/* --- questions --- */

/* R7296-1.4-1: HDR, SK {}  -->
 *                          <--  HDR, SK {} */
static void empty_request_gets_an_empty_answer(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;

	(void)state;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &answer);
	assert_true(answer.answered);
	assert_int_equal(answer.payloads, 0);
	rig_free(rig);
}

static void add_strange(struct wire_builder *b, void *arg)
{
	(void)arg;
	wire_notify_build_plain(b, 40000, cv_bytes("x", 1));
	wire_notify_build_plain(b, 8192, cv_bytes("x", 1));
}

/* R7296-3.10.1-1 */
static void unknown_notifies_in_a_request_are_ignored(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;

	(void)state;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_strange, NULL, &answer);
	assert_int_equal(answer.payloads, 0);
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

/* --- Delete --- */

static void add_delete(struct wire_builder *b, void *arg)
{
	wire_delete_build(b, arg);
}

/* R7296-1.4.1-1 */
static void deleted_child_is_answered_with_its_other_half(void **state)
{
	struct rig *rig = up_with(NULL);
	struct wire_delete d = { .protocol = WIRE_PROTO_ESP, .count = 1 };
	struct foreign_answer answer;
	uint32_t other_half = rig->b.child[0].spi_in;

	(void)state;
	d.spi[0] = rig->b.child[0].spi_out;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_delete, &d, &answer);
	assert_int_equal(answer.deletes, 1);
	assert_int_equal(answer.deleted.count, 1);
	assert_int_equal(answer.deleted.spi[0], other_half);
	assert_int_equal(rig->b.child_count, 0);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	/* R7296-2.25.1-3: an unknown one now. */
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_delete, &d, &answer);
	assert_true(answer.answered);
	assert_int_equal(answer.payloads, 0);
	rig_free(rig);
}

/* R7296-1.4.1-2: B deletes the child itself when the peer's Delete comes. */
static void crossing_deletes_of_a_child_end_it_once(void **state)
{
	struct rig *rig = up_with(NULL);
	struct wire_delete d = { .protocol = WIRE_PROTO_ESP, .count = 1 };
	struct ike_event event = { .type = IKE_EV_CHILD_FAILED, .spi_in = rig->b.child[0].spi_in };
	struct foreign_answer answer;

	(void)state;
	d.spi[0] = rig->b.child[0].spi_out;
	rig_event(&rig->b, &event);
	foreign_send(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_delete, &d, &answer);
	rig_run(rig);
	assert_true(answer.answered);
	assert_int_equal(answer.deletes, 0);
	assert_int_equal(rig->b.child_count, 0);
	assert_int_equal(rig->a.child_count, 0);
	rig_free(rig);
}

/* R7296-2.25.2-2 */
static void crossing_deletes_of_the_ike_sa_are_both_answered(void **state)
{
	struct rig *rig = up_with(NULL);

	(void)state;
	rig_down(&rig->a, "net", 2);
	rig_down(&rig->b, "net", 3);
	assert_int_equal(rig->packet_count, 2);
	rig_run(rig);
	assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_DOWN)->request_id, 2);
	assert_int_equal(rig_last_report(&rig->b, IKE_REPORT_DOWN)->request_id, 3);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void delete_that_is_never_answered_ends_after_a_while(void **state)
{
	struct rig *rig = up_with(NULL);

	(void)state;
	rig->udp_blocked = true;
	rig_down(&rig->a, "net", 2);
	rig_wait(rig, 4999);
	assert_null(rig_last_report(&rig->a, IKE_REPORT_DOWN));
	rig_wait(rig, 1);
	assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_DOWN)->request_id, 2);
	assert_int_equal(rig_count(&rig->a, IKE_SA_DELETING), 0);
	rig_free(rig);
}

/* The answer to the Delete is lost: the repeated Delete must find somebody who answers it. */
static void lost_answer_to_a_delete_is_given_again(void **state)
{
	struct rig *rig = up_with(NULL);

	(void)state;
	rig_down(&rig->a, "net", 2);
	rig_deliver(rig);
	rig_lose(rig);
	assert_null(rig_last_report(&rig->a, IKE_REPORT_DOWN));
	rig_wait(rig, 500);
	rig_run(rig);
	assert_non_null(rig_last_report(&rig->a, IKE_REPORT_DOWN));
	assert_int_equal(rig_last_report(&rig->b, IKE_REPORT_DOWN)->request_id, 0);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void add_error(struct wire_builder *b, void *arg)
{
	wire_notify_build_plain(b, *(uint16_t *)arg, cv_bytes(NULL, 0));
}

/* R7296-2.21.2-3 */
static void peer_that_says_authentication_failed_is_believed(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;
	uint16_t type = WIRE_N_AUTHENTICATION_FAILED;

	(void)state;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_error, &type, &answer);
	assert_true(answer.answered);
	assert_int_equal(rig->b.child_count, 0);
	assert_true(rig_said(&rig->b, IKE_REPORT_DOWN, "did not accept our authentication"));
	rig_free(rig);
}

/* RFC 7296 section 2.21.3 */
static void peer_that_could_not_read_us_ends_the_ike_sa(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;
	uint16_t type = WIRE_N_INVALID_SYNTAX;

	(void)state;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_error, &type, &answer);
	assert_true(answer.answered);
	assert_int_equal(rig->b.child_count, 0);
	rig_free(rig);
}

/* --- liveness --- */

static void with_liveness(struct ike_conn *conn)
{
	conn->liveness_delay_ms = 10000;
	conn->retransmit_timeout_ms = 20000;
}

/* R7296-2.4-3: ESP that came in lately makes the question needless. */
static void plane_is_asked_before_the_peer(void **state)
{
	struct rig *rig = up_with(with_liveness);
	struct ike_event usage = { .type = IKE_EV_CHILD_USAGE, .spi_in = rig->a.child[0].spi_in };

	(void)state;
	rig_wait(rig, 10000);
	assert_int_equal(rig->a.usage_wanted, rig->a.child[0].spi_in);
	assert_null(rig_peek(rig));
	usage.last_in_ms = rig->now - 1000;
	rig_event(&rig->a, &usage);
	usage.spi_in = rig->b.child[0].spi_in;
	rig_event(&rig->b, &usage);
	rig_wait(rig, 8999);
	assert_null(rig_peek(rig));
	rig_wait(rig, 1 + 500);
	rig_expect(rig, &rig->b, WIRE_INFORMATIONAL, false);
	rig_run(rig);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	rig_free(rig);
}

/* R7296-2.4-6, R9329-6.7-1 */
static void peer_that_does_not_answer_is_gone_with_all_children(void **state)
{
	struct rig *rig = up_with(with_liveness);

	(void)state;
	rig->udp_blocked = true;
	rig_wait(rig, 30499);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	rig_wait(rig, 1);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 0);
	assert_int_equal(rig->a.child_count, 0);
	assert_true(rig_said(&rig->a, IKE_REPORT_DOWN, "does not answer any more"));
	assert_non_null(strstr(ike_engine_last_error(rig->a.e, "net"), "does not answer any more"));
	rig_free(rig);
}

static void idle_tunnel_stays_up_by_its_liveness_checks(void **state)
{
	struct rig *rig = up_with(with_liveness);

	(void)state;
	rig_pass(rig, 3600000);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

/* A replayed message is authentic, but proves nothing about now. */
static void replayed_message_is_no_sign_of_life(void **state)
{
	struct rig *rig = up_with(with_liveness);
	struct foreign_answer answer;
	struct rig_packet old;

	(void)state;
	foreign_send(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &answer);
	old = *rig_peek(rig);
	rig_run(rig);
	rig->udp_blocked = true;
	for (unsigned i = 0; i < 30; i++) {
		rig_wait(rig, 1000);
		rig_inject(&rig->b, &old.path, old.data, old.len);
	}
	rig_wait(rig, 2000);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 0);
	rig_free(rig);
}

/* --- message ids --- */

/* R7296-2.3-5, R7296-2.3-1: outside the window nothing is handled, and nothing answered. */
static void request_outside_the_window_is_dropped(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;
	struct ike_sa *a = foreign_sa(&rig->a);

	(void)state;
	a->send_id += 5;
	foreign_send(&rig->a, a, WIRE_INFORMATIONAL, NULL, NULL, &answer);
	rig_deliver(rig);
	assert_null(rig_peek(rig));
	assert_int_equal(ike_engine_counters(rig->b.e)->window_dropped, 1);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	rig_free(rig);
}

/* R7296-2.2-3 */
static void ike_sa_ends_before_message_ids_wrap(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;
	struct ike_sa *a = foreign_sa(&rig->a);

	(void)state;
	a->send_id = UINT32_MAX;
	foreign_send(&rig->a, a, WIRE_INFORMATIONAL, NULL, NULL, &answer);
	assert_null(rig_peek(rig));
	assert_true(a->dead);
	rig_event(&rig->a, &(struct ike_event){ .type = IKE_EV_ADDRESSES });
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 0);
	rig_free(rig);
}

static void add_window(struct wire_builder *b, void *arg)
{
	static const uint8_t ten[4] = { 0, 0, 0, 10 };

	(void)arg;
	wire_notify_build_plain(b, WIRE_N_SET_WINDOW_SIZE, cv_bytes(ten, sizeof(ten)));
}

/* R7296-2.3-2, R7296-2.3-3: a larger window of the peer is never used, and crossing requests are both
 * answered. */
static void requests_cross_and_each_side_has_one_outstanding(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer a1, a2, b1, b2;

	(void)state;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_window, NULL, &a1);
	foreign_send(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &a1);
	foreign_send(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &a2);
	foreign_send(&rig->b, foreign_sa(&rig->b), WIRE_INFORMATIONAL, NULL, NULL, &b1);
	foreign_send(&rig->b, foreign_sa(&rig->b), WIRE_INFORMATIONAL, NULL, NULL, &b2);
	assert_int_equal(rig->packet_count, 2);
	rig_run(rig);
	assert_true(a1.answered && a2.answered && b1.answered && b2.answered);
	rig_free(rig);
}

/* --- broken messages of an authenticated peer --- */

static void add_critical(struct wire_builder *b, void *arg)
{
	(void)arg;
	wire_build_begin(b, 200);
	wire_build_end(b);
	b->w.data[b->w.len - 3] = 0x80;
}

/* R7296-2.5-4 */
static void critical_payload_is_named_in_the_answer(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;

	(void)state;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_critical, NULL, &answer);
	assert_int_equal(answer.error, WIRE_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	rig_assert_same_children(rig, 1);
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &answer);
	assert_true(answer.answered);
	rig_free(rig);
}

static void add_rubbish(struct wire_builder *b, void *arg)
{
	(void)arg;
	wire_build_begin(b, WIRE_NOTIFY);
	wire_build_end(b);
	b->w.data[b->w.len - 1] = 200; /* longer than what is there */
}

/* RFC 7296 section 2.21.3, R9329-6.1-21: fatal for the IKE SA, not for the stream. */
static void malformed_request_is_invalid_syntax_and_ends_the_ike_sa(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;

	(void)state;
	foreign_ask(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, add_rubbish, NULL, &answer);
	assert_int_equal(answer.error, WIRE_N_INVALID_SYNTAX);
	assert_int_equal(rig->b.child_count, 0);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 0);
	rig_free(rig);
}

/* R7296-3.14-3: whatever is changed on the way is dropped without an answer or an effect. */
static void changed_messages_are_dropped_silently(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;
	struct rig_packet p;

	(void)state;
	foreign_send(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &answer);
	p = *rig_peek(rig);
	rig_lose(rig);
	for (size_t bit = 0; bit < p.len * 8; bit++) {
		struct rig_packet bad = p;

		bad.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		rig_inject(&rig->b, &bad.path, bad.data, bad.len);
		while (rig_peek(rig)) {
			/* At most an unprotected word about an SPI or a version that nobody knows. */
			assert_true(bit / 8 < 20);
			assert_true(rig_has_notify(rig_peek(rig), WIRE_N_INVALID_IKE_SPI) ||
				    rig_has_notify(rig_peek(rig), WIRE_N_INVALID_MAJOR_VERSION));
			rig_lose(rig);
		}
	}
	assert_true(ike_engine_counters(rig->b.e)->bad_integrity > 100);
	rig_inject(&rig->b, &p.path, p.data, p.len);
	rig_run(rig);
	assert_true(answer.answered);
	rig_free(rig);
}

/* R7296-2.21.4-1, R7296-2.21.4-2 */
static void unknown_ike_sa_is_answered_for_requests_only(void **state)
{
	struct rig *rig = up_with(NULL);
	struct foreign_answer answer;
	struct rig_packet p;

	(void)state;
	foreign_send(&rig->a, foreign_sa(&rig->a), WIRE_INFORMATIONAL, NULL, NULL, &answer);
	p = *rig_peek(rig);
	rig_lose(rig);
	p.data[8] ^= 1;
	rig_inject(&rig->b, &p.path, p.data, p.len);
	assert_true(rig_has_notify(rig_peek(rig), WIRE_N_INVALID_IKE_SPI));
	assert_int_equal(rig_header(rig_peek(rig)).message_id, rig_header(&p).message_id);
	assert_memory_equal(rig_peek(rig)->data, p.data, 16);
	/* A takes no harm by that. */
	rig_deliver(rig);
	assert_int_equal(rig_count(&rig->a, IKE_SA_ESTABLISHED), 1);
	p.data[19] |= WIRE_FLAG_RESPONSE;
	rig_inject(&rig->b, &p.path, p.data, p.len);
	assert_null(rig_peek(rig));
	rig_free(rig);
}

/* The hint changes nothing by itself, but after a while without a sign of life it is worth a question. */
static void peer_that_forgot_the_ike_sa_is_asked(void **state)
{
	struct rig *rig = up_with(NULL);
	struct ike_sa *a = foreign_sa(&rig->a);
	uint8_t hint[28 + 8] = { 0 };

	(void)state;
	cv_put_u64(hint, a->spi_local);
	cv_put_u64(hint + 8, a->spi_remote);
	hint[16] = WIRE_NOTIFY;
	hint[17] = 0x20;
	hint[18] = WIRE_INFORMATIONAL;
	hint[19] = WIRE_FLAG_RESPONSE;
	cv_put_u32(hint + 24, sizeof(hint));
	cv_put_u16(hint + 30, 8);
	cv_put_u16(hint + 34, WIRE_N_INVALID_IKE_SPI);
	rig_inject(&rig->a, &a->path, hint, sizeof(hint));
	assert_null(rig_peek(rig));
	rig_wait(rig, 10000);
	rig_inject(&rig->a, &a->path, hint, sizeof(hint));
	rig_expect(rig, &rig->b, WIRE_INFORMATIONAL, false);
	rig_inject(&rig->a, &a->path, hint, sizeof(hint));
	assert_int_equal(rig->packet_count, 1);
	rig_run(rig);
	rig_inject(&rig->a, &a->path, hint, sizeof(hint));
	assert_null(rig_peek(rig));
	rig_assert_same_children(rig, 1);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_request_gets_an_empty_answer),
		cmocka_unit_test(unknown_notifies_in_a_request_are_ignored),
		cmocka_unit_test(deleted_child_is_answered_with_its_other_half),
		cmocka_unit_test(crossing_deletes_of_a_child_end_it_once),
		cmocka_unit_test(crossing_deletes_of_the_ike_sa_are_both_answered),
		cmocka_unit_test(delete_that_is_never_answered_ends_after_a_while),
		cmocka_unit_test(lost_answer_to_a_delete_is_given_again),
		cmocka_unit_test(peer_that_says_authentication_failed_is_believed),
		cmocka_unit_test(peer_that_could_not_read_us_ends_the_ike_sa),
		cmocka_unit_test(plane_is_asked_before_the_peer),
		cmocka_unit_test(peer_that_does_not_answer_is_gone_with_all_children),
		cmocka_unit_test(idle_tunnel_stays_up_by_its_liveness_checks),
		cmocka_unit_test(replayed_message_is_no_sign_of_life),
		cmocka_unit_test(request_outside_the_window_is_dropped),
		cmocka_unit_test(ike_sa_ends_before_message_ids_wrap),
		cmocka_unit_test(requests_cross_and_each_side_has_one_outstanding),
		cmocka_unit_test(critical_payload_is_named_in_the_answer),
		cmocka_unit_test(malformed_request_is_invalid_syntax_and_ends_the_ike_sa),
		cmocka_unit_test(changed_messages_are_dropped_silently),
		cmocka_unit_test(unknown_ike_sa_is_answered_for_requests_only),
		cmocka_unit_test(peer_that_forgot_the_ike_sa_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
