#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "lib/timerq.h"
#include "octets.h"

struct alarm {
	struct cv_timer timer; /* first, so that a timer is its alarm */
	unsigned fired;
	uint64_t fired_at;
	unsigned position;
};

static struct cv_timerq queue;
static unsigned fired_total;

static void count(struct cv_timer *t, uint64_t now_ms)
{
	struct alarm *a = (struct alarm *)t;

	assert_int_equal(t->slot, 0);
	a->fired++;
	a->fired_at = now_ms;
	a->position = ++fired_total;
}

static int set_up(void **state)
{
	(void)state;
	queue = (struct cv_timerq){ 0 };
	fired_total = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cv_timerq_free(&queue);
	return 0;
}

static void arm(struct alarm *a, uint64_t due)
{
	if (!a->timer.fire)
		a->timer.fire = count;
	assert_int_equal(cv_timer_set(&queue, &a->timer, due), CV_OK);
}

static void test_nothing_armed_is_never_due(void **state)
{
	struct alarm a = { 0 };

	(void)state;
	assert_true(cv_timerq_next_ms(&queue) == CV_NEVER);
	cv_timerq_run(&queue, CV_NEVER - 1);
	cv_timer_cancel(&queue, &a.timer);
	assert_true(cv_timerq_next_ms(&queue) == CV_NEVER);
}

static void test_a_timer_fires_once_when_its_time_has_come(void **state)
{
	struct alarm a = { 0 };

	(void)state;
	arm(&a, 100);
	assert_true(cv_timerq_next_ms(&queue) == 100);
	cv_timerq_run(&queue, 99);
	assert_int_equal(a.fired, 0);
	cv_timerq_run(&queue, 100);
	assert_int_equal(a.fired, 1);
	cv_timerq_run(&queue, 200);
	assert_int_equal(a.fired, 1);
}

static void test_arming_again_moves_a_timer(void **state)
{
	struct alarm a = { 0 }, b = { 0 };

	(void)state;
	arm(&a, 10);
	arm(&b, 20);
	arm(&a, 30);
	assert_true(cv_timerq_next_ms(&queue) == 20);
	arm(&a, 5);
	assert_true(cv_timerq_next_ms(&queue) == 5);
	cv_timerq_run(&queue, 100);
	assert_int_equal(a.fired, 1);
	assert_int_equal(a.position, 1);
}

static void test_a_cancelled_timer_does_not_fire(void **state)
{
	struct alarm a = { 0 }, b = { 0 };

	(void)state;
	arm(&a, 10);
	arm(&b, 20);
	cv_timer_cancel(&queue, &a.timer);
	cv_timer_cancel(&queue, &a.timer);
	cv_timerq_run(&queue, 100);
	assert_int_equal(a.fired, 0);
	assert_int_equal(b.fired, 1);
}

static void test_equal_deadlines_fire_in_the_order_of_arming(void **state)
{
	struct alarm a[20] = { 0 };

	(void)state;
	for (size_t i = 0; i < 20; i++)
		arm(&a[i], 7);
	cv_timerq_run(&queue, 7);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(a[i].position, i + 1);
}

static void arm_itself_at_once(struct cv_timer *t, uint64_t now_ms)
{
	((struct alarm *)t)->fired++;
	assert_int_equal(cv_timer_set(&queue, t, now_ms), CV_OK);
}

static void test_a_timer_that_arms_itself_for_now_does_not_hold_up_the_run(void **state)
{
	struct alarm a = { .timer.fire = arm_itself_at_once };

	(void)state;
	arm(&a, 10);
	cv_timerq_run(&queue, 10);
	assert_int_equal(a.fired, 1);
	assert_true(cv_timerq_next_ms(&queue) == 11);
	cv_timerq_run(&queue, 11);
	assert_int_equal(a.fired, 2);
	/* Outside of a run a time that is over stays as it is, so that the next run takes it. */
	arm(&a, 3);
	assert_true(cv_timerq_next_ms(&queue) == 3);
}

static struct alarm victim;

static void cancel_victim(struct cv_timer *t, uint64_t now_ms)
{
	(void)t;
	(void)now_ms;
	cv_timer_cancel(&queue, &victim.timer);
}

static void test_a_timer_may_cancel_another_that_is_due(void **state)
{
	struct alarm a = { .timer.fire = cancel_victim };

	(void)state;
	victim = (struct alarm){ 0 };
	arm(&a, 1);
	arm(&victim, 2);
	cv_timerq_run(&queue, 5);
	assert_int_equal(victim.fired, 0);
}

static void free_itself(struct cv_timer *t, uint64_t now_ms)
{
	(void)now_ms;
	free(t);
}

static void test_a_timer_may_free_its_object(void **state)
{
	struct alarm *a = calloc(1, sizeof(*a));

	(void)state;
	assert_non_null(a);
	a->timer.fire = free_itself;
	arm(a, 1);
	cv_timerq_run(&queue, 1);
	assert_true(cv_timerq_next_ms(&queue) == CV_NEVER);
}

static void test_freeing_the_queue_disarms_its_timers(void **state)
{
	struct alarm a = { 0 };

	(void)state;
	arm(&a, 1);
	cv_timerq_free(&queue);
	assert_int_equal(a.timer.slot, 0);
	arm(&a, 2);
	assert_true(cv_timerq_next_ms(&queue) == 2);
}

/* Thousands of timers armed, moved and cancelled at random: all fire in order, none early, none twice. */
static void test_many_timers_fire_in_order(void **state)
{
	enum { N = 5000 };
	struct alarm *a = calloc(N, sizeof(*a));
	uint64_t seed = 42;

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < N; i++)
		arm(&a[i], octets_random(&seed) % 10000);
	for (size_t i = 0; i < N; i += 3)
		arm(&a[i], octets_random(&seed) % 10000);
	for (size_t i = 0; i < N; i += 5)
		cv_timer_cancel(&queue, &a[i].timer);
	for (uint64_t now = 0; now < 10000; now += 17)
		cv_timerq_run(&queue, now);
	cv_timerq_run(&queue, 10000);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(a[i].fired, i % 5 ? 1 : 0);
		if (a[i].fired)
			assert_true(a[i].fired_at >= a[i].timer.due_ms &&
				    a[i].fired_at < a[i].timer.due_ms + 17);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t j = i + 1; j < N && j < i + 50; j++)
			if (a[i].fired && a[j].fired && a[i].timer.due_ms < a[j].timer.due_ms)
				assert_true(a[i].position < a[j].position);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_armed_is_never_due, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_timer_fires_once_when_its_time_has_come, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_arming_again_moves_a_timer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_cancelled_timer_does_not_fire, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_equal_deadlines_fire_in_the_order_of_arming, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_timer_that_arms_itself_for_now_does_not_hold_up_the_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_timer_may_cancel_another_that_is_due, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_timer_may_free_its_object, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_freeing_the_queue_disarms_its_timers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_timers_fire_in_order, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
