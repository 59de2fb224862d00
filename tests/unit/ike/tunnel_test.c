/* The life of a tunnel between two engines: IKE_SA_INIT, IKE_AUTH with PSK, the first Child SA, Delete. */
#include "rig.h"

/* A                                   B
 * HDR, SAi1, KEi, Ni            -->
 *                               <--   HDR, SAr1, KEr, Nr
 * HDR, SK {IDi, AUTH, SA, TS}   -->
 *                               <--   HDR, SK {IDr, AUTH, SA, TS}           (RFC 7296 section 1.2) */
static void psk_tunnel_comes_up_in_four_messages(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_sa_info a, b;

	(void)state;
	assert_int_equal(rig_up(&rig->a, "net", 7), CV_OK);
	rig_expect(rig, &rig->b, WIRE_IKE_SA_INIT, false);
	rig_deliver(rig);
	rig_expect(rig, &rig->a, WIRE_IKE_SA_INIT, true);
	rig_deliver(rig);
	rig_expect(rig, &rig->b, WIRE_IKE_AUTH, false);
	assert_int_equal(rig_header(rig_peek(rig)).message_id, 1); /* R7296-2.2-1 */
	rig_deliver(rig);
	assert_int_equal(rig_count(&rig->b, IKE_SA_ESTABLISHED), 1);
	rig_expect(rig, &rig->a, WIRE_IKE_AUTH, true);
	rig_deliver(rig);
	assert_null(rig_peek(rig));
	assert_true(rig_sa(&rig->a, &a) && rig_sa(&rig->b, &b));
	assert_int_equal(a.spi_local, b.spi_remote);
	assert_int_equal(a.spi_remote, b.spi_local);
	assert_true(a.initiator && !b.initiator);
	rig_assert_same_children(rig, 1);
	assert_int_equal(rig->a.child[0].mtu, 1300);
	assert_int_equal(rig->a.child[0].replay_window, 8192);
	assert_non_null(rig_last_report(&rig->a, IKE_REPORT_UP));
	assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_UP)->request_id, 7);
	assert_non_null(rig_last_report(&rig->b, IKE_REPORT_UP));
	rig_free(rig);
}

/* HDR, SK {D}  -->
 *              <--  HDR, SK {}            (RFC 7296 section 1.4.1) */
static void either_end_can_delete_the_tunnel(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct rig *rig = rig_new_usual();
		struct rig_end *end = who ? &rig->b : &rig->a, *far = who ? &rig->a : &rig->b;

		assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
		rig_run(rig);
		rig_assert_same_children(rig, 1);
		assert_int_equal(rig_down(end, "net", 9), CV_OK);
		assert_int_equal(end->child_count, 0);
		rig_expect(rig, far, WIRE_INFORMATIONAL, false);
		rig_deliver(rig);
		assert_int_equal(far->child_count, 0);
		assert_non_null(rig_last_report(far, IKE_REPORT_DOWN));
		rig_expect(rig, end, WIRE_INFORMATIONAL, true);
		rig_deliver(rig);
		assert_non_null(rig_last_report(end, IKE_REPORT_DOWN));
		assert_int_equal(rig_last_report(end, IKE_REPORT_DOWN)->request_id, 9);
		rig_assert_nothing_left(rig);
		rig_free(rig);
	}
}

static void tunnel_comes_up_again_after_it_went_down(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(rig_up(i == 2 ? &rig->b : &rig->a, "net", i), CV_OK);
		rig_run(rig);
		rig_assert_same_children(rig, 1);
		assert_int_equal(rig_down(&rig->a, "net", 100 + i), CV_OK);
		rig_run(rig);
		rig_assert_same_children(rig, 0);
	}
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

static void up_of_a_tunnel_that_stands_is_answered_at_once(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	rig_run(rig);
	assert_int_equal(rig_up(&rig->a, "net", 2), CV_OK);
	assert_null(rig_peek(rig));
	assert_int_equal(rig_last_report(&rig->a, IKE_REPORT_UP)->request_id, 2);
	rig_free(rig);
}

static void unknown_connection_is_refused(void **state)
{
	struct rig *rig = rig_new_usual();

	(void)state;
	assert_int_equal(rig_up(&rig->a, "nothing", 1), CV_E_NOTFOUND);
	assert_int_equal(rig_down(&rig->a, "nothing", 1), CV_E_NOTFOUND);
	rig_free(rig);
}

static void shutdown_deletes_everything_and_says_when_it_is_done(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_event event = { .type = IKE_EV_SHUTDOWN };

	(void)state;
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	rig_run(rig);
	assert_int_equal(rig_event(&rig->a, &event), CV_OK);
	assert_false(rig->a.idle);
	rig_run(rig);
	assert_true(rig->a.idle);
	assert_int_equal(rig->b.child_count, 0);
	assert_int_equal(rig_up(&rig->a, "net", 2), CV_E_STATE);
	rig_free(rig);
}

static void removing_a_connection_takes_its_tunnel_down(void **state)
{
	struct rig *rig = rig_new_usual();
	struct ike_event event = { .type = IKE_EV_CONN_REMOVE, .conn = "net" };

	(void)state;
	assert_int_equal(rig_up(&rig->a, "net", 1), CV_OK);
	rig_run(rig);
	assert_int_equal(rig_event(&rig->a, &event), CV_OK);
	rig_run(rig);
	assert_int_equal(rig_up(&rig->a, "net", 2), CV_E_NOTFOUND);
	rig_assert_nothing_left(rig);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(psk_tunnel_comes_up_in_four_messages),
		cmocka_unit_test(either_end_can_delete_the_tunnel),
		cmocka_unit_test(tunnel_comes_up_again_after_it_went_down),
		cmocka_unit_test(up_of_a_tunnel_that_stands_is_answered_at_once),
		cmocka_unit_test(unknown_connection_is_refused),
		cmocka_unit_test(shutdown_deletes_everything_and_says_when_it_is_done),
		cmocka_unit_test(removing_a_connection_takes_its_tunnel_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
