#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "xport/socket.h"

static int get_int(int fd, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, option, &value, &len), 0);
	return value;
}

static void test_buffers_have_the_size_that_was_asked_for(void **state)
{
	struct cv_addr at = { .ip = { CV_IPV4, { 127, 0, 0, 1 } } };
	const char *step;
	int fd = xport_udp_socket(&at, 0, &step);

	(void)state;
	assert_true(fd >= 0);
	xport_socket_buffers(fd, 48 * 1024);
	/* Linux counts its own overhead in and tells the double. */
	assert_int_equal(get_int(fd, SO_RCVBUF), 2 * 48 * 1024);
	assert_int_equal(get_int(fd, SO_SNDBUF), 2 * 48 * 1024);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffers_have_the_size_that_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
