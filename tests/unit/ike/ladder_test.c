/* The ladder as pure logic: which rung begins when, and when there is nothing left to hope for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/ladder.h"
#include "lib/timerq.h"

static struct ike_ladder ladder_of(unsigned count, uint32_t stagger_ms, uint32_t interval_ms)
{
	struct ike_conn *conn = calloc(1, sizeof(*conn));
	struct ike_ladder l;

	assert_non_null(conn);
	conn->rung_count = (uint8_t)count;
	conn->rung_stagger_ms = stagger_ms;
	conn->retransmit_interval_ms = interval_ms;
	for (unsigned i = 0; i < count; i++)
		conn->rung[i].transport = i ? IKE_TCP : IKE_UDP;
	ike_ladder_init(&l, conn, 0);
	free(conn);
	return l;
}

static void first_rung_begins_at_once_the_next_after_the_stagger(void **state)
{
	struct ike_ladder l = ladder_of(3, 0, 500);

	(void)state;
	assert_int_equal(ike_ladder_take(&l, 0), 0);
	assert_int_equal(ike_ladder_take(&l, 0), IKE_RUNG_NONE);
	assert_int_equal(ike_ladder_next_ms(&l), 1000);
	assert_int_equal(ike_ladder_take(&l, 999), IKE_RUNG_NONE);
	assert_int_equal(ike_ladder_take(&l, 1000), 1);
	assert_int_equal(ike_ladder_take(&l, 1999), IKE_RUNG_NONE);
	assert_int_equal(ike_ladder_take(&l, 2000), 2);
	assert_int_equal(ike_ladder_next_ms(&l), CV_NEVER);
	assert_false(ike_ladder_over(&l, 2000));
}

/* R9329-5.1-4 */
static void udp_is_sent_twice_before_tcp_begins_however_short_the_stagger(void **state)
{
	struct ike_ladder l = ladder_of(2, 100, 500);

	(void)state;
	assert_int_equal(ike_ladder_take(&l, 0), 0);
	assert_int_equal(ike_ladder_next_ms(&l), 1000);
}

static void hint_and_failure_start_the_next_rung_at_once(void **state)
{
	struct ike_ladder l = ladder_of(3, 1000, 500);

	(void)state;
	assert_int_equal(ike_ladder_take(&l, 0), 0);
	ike_ladder_hinted(&l, 0, 10);
	assert_int_equal(ike_ladder_next_ms(&l), 10);
	assert_int_equal(ike_ladder_take(&l, 10), 1);
	ike_ladder_failed(&l, 1, 20);
	assert_int_equal(ike_ladder_take(&l, 20), 2);
	assert_false(ike_ladder_over(&l, 20));
}

static void answer_holds_the_next_rung_back_for_one_stagger(void **state)
{
	struct ike_ladder l = ladder_of(2, 1000, 500);

	(void)state;
	assert_int_equal(ike_ladder_take(&l, 0), 0);
	ike_ladder_answered(&l, 0, 900);
	assert_int_equal(ike_ladder_take(&l, 1000), IKE_RUNG_NONE);
	assert_int_equal(ike_ladder_take(&l, 1900), 1);
}

static void failure_of_a_higher_rung_does_not_hurry_while_a_lower_one_authenticates(void **state)
{
	struct ike_ladder l = ladder_of(3, 1000, 500);

	(void)state;
	assert_int_equal(ike_ladder_take(&l, 0), 0);
	assert_int_equal(ike_ladder_take(&l, 1000), 1);
	ike_ladder_answered(&l, 0, 1100);
	ike_ladder_failed(&l, 1, 1200);
	assert_int_equal(ike_ladder_take(&l, 1200), IKE_RUNG_NONE);
	assert_int_equal(ike_ladder_take(&l, 2100), 2);
}

static void all_failed_is_over_at_once(void **state)
{
	struct ike_ladder l = ladder_of(2, 1000, 500);

	(void)state;
	assert_int_equal(ike_ladder_take(&l, 0), 0);
	ike_ladder_failed(&l, 0, 5);
	assert_false(ike_ladder_over(&l, 5));
	assert_int_equal(ike_ladder_take(&l, 5), 1);
	ike_ladder_failed(&l, 1, 6);
	assert_true(ike_ladder_over(&l, 6));
}

/* R7296-2.21.1-1: a hint alone ends nothing at once. */
static void hinted_rungs_get_a_last_patience(void **state)
{
	struct ike_ladder l = ladder_of(2, 1000, 500);

	(void)state;
	assert_int_equal(ike_ladder_take(&l, 0), 0);
	ike_ladder_hinted(&l, 0, 5);
	assert_int_equal(ike_ladder_take(&l, 5), 1);
	ike_ladder_failed(&l, 1, 6);
	assert_false(ike_ladder_over(&l, 6));
	assert_int_equal(ike_ladder_next_ms(&l), 6 + IKE_HINT_PATIENCE_MS);
	assert_true(ike_ladder_over(&l, 6 + IKE_HINT_PATIENCE_MS));
}

static void late_answer_of_a_hinted_rung_counts(void **state)
{
	struct ike_ladder l = ladder_of(1, 1000, 500);

	(void)state;
	assert_int_equal(ike_ladder_take(&l, 0), 0);
	ike_ladder_hinted(&l, 0, 5);
	ike_ladder_answered(&l, 0, 2000);
	assert_false(ike_ladder_over(&l, 100000));
	assert_int_equal(ike_ladder_next_ms(&l), CV_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_rung_begins_at_once_the_next_after_the_stagger),
		cmocka_unit_test(udp_is_sent_twice_before_tcp_begins_however_short_the_stagger),
		cmocka_unit_test(hint_and_failure_start_the_next_rung_at_once),
		cmocka_unit_test(answer_holds_the_next_rung_back_for_one_stagger),
		cmocka_unit_test(failure_of_a_higher_rung_does_not_hurry_while_a_lower_one_authenticates),
		cmocka_unit_test(all_failed_is_over_at_once),
		cmocka_unit_test(hinted_rungs_get_a_last_patience),
		cmocka_unit_test(late_answer_of_a_hinted_rung_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
