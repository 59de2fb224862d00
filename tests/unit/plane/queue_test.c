/* The queues between the threads: strangers cannot fill the memory through them, and nothing that has to
 * arrive is lost for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "plane/user/queue.h"

static void on_wake(uv_async_t *wake)
{
	(void)wake;
}

static struct user_msg *of_len(uint8_t type, size_t len)
{
	static const uint8_t octets[4096];
	struct user_msg *msg = user_msg_new(type, cv_bytes(octets, len));

	assert_non_null(msg);
	return msg;
}

static size_t drain(struct user_queue *q)
{
	size_t count = 0;

	for (struct user_msg *msg = user_queue_take(q), *next; msg != NULL; msg = next, count++) {
		next = msg->next;
		free(msg);
	}
	return count;
}

static void test_a_flood_is_bounded_by_the_memory_it_costs(void **state)
{
	struct user_queue *q = *state;

	for (size_t len = 1; len <= 4096; len *= 64) {
		size_t most = USER_QUEUE_OCTETS_MAX / (sizeof(struct user_msg) + len), count = 0, more = 0;

		while (count <= most && user_queue_post(q, of_len(USER_EV_MESSAGE, len)))
			count++;
		assert_int_equal(count, most);
		while (user_queue_post(q, of_len(USER_EV_UDP_REFUSED, 0)))
			assert_true(more++ < len);
		assert_true(user_queue_post(q, of_len(USER_EV_STREAM_LOST, 0)));
		assert_int_equal(drain(q), most + more + 1);
		assert_true(user_queue_post(q, of_len(USER_EV_MESSAGE, len)));
		assert_int_equal(drain(q), 1);
	}
}

static void test_messages_come_out_in_order(void **state)
{
	struct user_queue *q = *state;
	struct user_msg *msg;

	for (size_t len = 1; len < 4; len++)
		assert_true(user_queue_post(q, of_len(USER_EV_MESSAGE, len)));
	assert_false(user_queue_post(q, NULL));
	msg = user_queue_take(q);
	for (size_t len = 1; len < 4; len++) {
		struct user_msg *next = msg->next;

		assert_int_equal(msg->len, len);
		free(msg);
		msg = next;
	}
	assert_null(msg);
}

static uv_loop_t loop;
static struct user_queue queue;

static int set_up(void **state)
{
	*state = &queue;
	return uv_loop_init(&loop) == 0 && user_queue_init(&queue, &loop, on_wake, NULL) == CV_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	uv_close((uv_handle_t *)&queue.wake, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	user_queue_free(&queue);
	return uv_loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_flood_is_bounded_by_the_memory_it_costs, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_messages_come_out_in_order, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
