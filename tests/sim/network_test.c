/* The simulated network itself: what it promises to the simulator. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "stream.h"

/* A node that writes down what it is told. */
struct listener {
	char log[512]; /* one letter per happening: first octet of a message, 'R' refused, 'O' opened, 'F'
			  failed, 'L' lost */
	struct cv_addr local, remote;
	uint64_t id;
	int os_error;
	uint16_t port;
};

struct world {
	struct sim_clock clock;
	struct sim_trace trace;
	struct sim_network net;
	struct listener node[2];
};

static void note(struct listener *l, char c)
{
	size_t n = strlen(l->log);

	l->log[n] = c;
}

static bool datagram(void *arg, const struct cv_addr *local, const struct cv_addr *remote, uint8_t kind,
		     struct cv_bytes d)
{
	struct listener *l = arg;

	(void)kind;
	if (local->port != l->port)
		return false;
	note(l, (char)d.data[0]);
	l->local = *local;
	l->remote = *remote;
	return true;
}

static void refused(void *arg, const struct cv_addr *local, const struct cv_addr *remote, int os_error)
{
	struct listener *l = arg;

	note(l, 'R');
	l->local = *local;
	l->remote = *remote;
	l->os_error = os_error;
}

static bool accepts(void *arg, const struct cv_addr *local)
{
	return local->port == ((struct listener *)arg)->port;
}

static void opened(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote)
{
	struct listener *l = arg;

	note(l, 'O');
	l->id = id;
	l->local = *local;
	l->remote = *remote;
}

static void failed(void *arg, uint64_t id, const struct cv_addr *remote, int os_error)
{
	struct listener *l = arg;

	(void)id;
	(void)remote;
	note(l, 'F');
	l->os_error = os_error;
}

static void lost(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote,
		 int os_error)
{
	(void)local;
	failed(arg, id, remote, os_error);
	((struct listener *)arg)->log[strlen(((struct listener *)arg)->log) - 1] = 'L';
}

static void framed(void *arg, uint64_t id, const struct cv_addr *local, const struct cv_addr *remote,
		   uint8_t kind, struct cv_bytes d)
{
	struct listener *l = arg;

	(void)kind;
	note(l, (char)d.data[0]);
	l->id = id;
	l->local = *local;
	l->remote = *remote;
}

static const struct sim_node_ops ops = { datagram, refused, accepts, opened, failed, lost, framed };

static struct cv_addr at(uint8_t host, uint16_t port)
{
	return (struct cv_addr){ .ip = { .family = CV_IPV4, .b = { 192, 0, 2, host } }, .port = port };
}

static int set_up(void **state)
{
	struct world *w = sim_alloc(sizeof(*w));

	sim_clock_init(&w->clock, 1000);
	sim_trace_init(&w->trace, &w->clock, false);
	sim_network_init(&w->net, &w->clock, &w->trace, 7);
	for (uint8_t i = 0; i < 2; i++) {
		struct sim_node n = { .name = "node", .link.delay_ms = 10, .ops = &ops, .arg = &w->node[i] };

		n.ip[0] = at((uint8_t)(i + 1), 0).ip;
		w->node[i].port = 500;
		sim_network_add(&w->net, &n);
	}
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	sim_network_end(&w->net);
	sim_clock_end(&w->clock);
	free(w);
	return 0;
}

static void run(struct world *w)
{
	while (sim_clock_next(&w->clock) != SIM_NEVER)
		sim_clock_step(&w->clock);
}

static void send_from(struct world *w, unsigned node, const char *letter, uint16_t to_port)
{
	struct cv_addr a = at((uint8_t)(node + 1), 500), b = at((uint8_t)(2 - node), to_port);

	sim_udp_send(&w->net, node, &a, &b, SIM_IKE, cv_bytes(letter, 1));
}

static void a_datagram_takes_the_delay_of_both_links(void **state)
{
	struct world *w = *state;

	send_from(w, 0, "a", 500);
	run(w);
	assert_string_equal(w->node[1].log, "a");
	assert_int_equal(w->clock.now_ms, 1021);
	assert_int_equal(w->node[1].remote.port, 500);
}

static void a_port_without_listener_is_refused_by_icmp(void **state)
{
	struct world *w = *state;

	send_from(w, 0, "a", 501);
	run(w);
	assert_string_equal(w->node[0].log, "R");
	assert_int_equal(w->node[0].os_error, ECONNREFUSED);
	assert_int_equal(w->node[0].remote.port, 501);
}

static void loss_and_duplication_are_as_frequent_as_asked_for(void **state)
{
	struct world *w = *state;
	size_t got;

	w->net.node[0].link.loss_pm = 300;
	w->net.node[1].link.dup_pm = 200;
	for (int i = 0; i < 300; i++)
		send_from(w, 0, "a", 500);
	run(w);
	got = strlen(w->node[1].log);
	assert_in_range(got, 220, 285); /* 300 * 0.7 * 1.2 = 252 */
}

static void faults_stop_what_they_are_about_and_nothing_else(void **state)
{
	struct world *w = *state;

	w->net.node[1].fault.udp_drop = true;
	w->net.node[1].fault.udp_drop_port = 4500;
	w->node[1].port = 4500;
	send_from(w, 0, "a", 4500);
	run(w);
	w->node[1].port = 500;
	send_from(w, 0, "b", 500);
	run(w);
	w->net.node[1].fault = (struct sim_fault){ .udp_refuse = true };
	send_from(w, 0, "c", 500);
	run(w);
	assert_string_equal(w->node[1].log, "b");
	assert_string_equal(w->node[0].log, "R");
}

static void behind_nat(struct world *w)
{
	struct sim_nat *n = &w->net.nat[w->net.nat_count++];

	n->outside = at(99, 0).ip;
	n->udp_idle_ms = 30000;
	n->symmetric = true;
	w->net.node[0].nat = n;
}

static void nat_rewrites_lets_answers_in_and_forgets(void **state)
{
	struct world *w = *state;
	struct cv_addr here = at(2, 500), seen;

	behind_nat(w);
	send_from(w, 0, "a", 500);
	run(w);
	seen = w->node[1].remote;
	assert_int_equal(seen.ip.b[3], 99);
	assert_int_not_equal(seen.port, 500);
	sim_udp_send(&w->net, 1, &here, &seen, SIM_IKE, cv_bytes("b", 1));
	send_from(w, 1, "x", 500); /* to the private address */
	run(w);
	w->clock.now_ms += 31000;
	sim_udp_send(&w->net, 1, &here, &seen, SIM_IKE, cv_bytes("c", 1));
	run(w);
	assert_string_equal(w->node[0].log, "b");
	send_from(w, 0, "d", 500);
	run(w);
	assert_int_not_equal(w->node[1].remote.port, seen.port);
}

static void dial(struct world *w)
{
	struct cv_addr a = { 0 }, b = at(2, 500);

	sim_stream_dial(&w->net, 0, 5, &a, &b);
}

static void a_stream_keeps_the_order_and_loses_nothing(void **state)
{
	struct world *w = *state;
	const char *text = "abcdefghijklmnopqrstuvwxyz";

	w->net.node[0].link = (struct sim_link){ .delay_ms = 10, .jitter_ms = 100, .loss_pm = 300 };
	dial(w);
	while (!strchr(w->node[0].log, 'O'))
		sim_clock_step(&w->clock);
	assert_true(w->node[0].local.port > 1024);
	for (size_t i = 0; i < 26; i++)
		assert_true(sim_stream_send(&w->net, 0, 5, SIM_IKE, cv_bytes(text + i, 1)));
	assert_true(sim_stream_close(&w->net, 0, 5));
	assert_false(sim_stream_send(&w->net, 0, 5, SIM_IKE, cv_bytes("!", 1)));
	run(w);
	assert_string_equal(w->node[1].log, "abcdefghijklmnopqrstuvwxyzL");
	assert_int_equal(w->node[1].os_error, 0);
	assert_true(w->node[1].id & SIM_STREAM_ACCEPTED);
	assert_string_equal(w->node[0].log, "O");
	assert_null(w->net.streams);
}

static void a_refused_stream_fails_after_one_round_trip(void **state)
{
	struct world *w = *state;

	w->node[1].port = 443;
	dial(w);
	run(w);
	assert_string_equal(w->node[0].log, "F");
	assert_int_equal(w->node[0].os_error, ECONNREFUSED);
	assert_int_equal(w->clock.now_ms, 1042);
}

static void dropped_syns_time_out_as_on_linux(void **state)
{
	struct world *w = *state;

	w->net.node[1].fault.tcp_syn_drop = true;
	dial(w);
	run(w);
	assert_int_equal(w->node[0].os_error, ETIMEDOUT);
	assert_int_equal(w->clock.now_ms, 128000);
	assert_null(w->net.streams);
}

static void a_silent_stream_is_closed_by_the_accepting_end(void **state)
{
	struct world *w = *state;

	dial(w);
	run(w);
	assert_string_equal(w->node[0].log, "OL");
	assert_string_equal(w->node[1].log, "");
	assert_in_range(w->clock.now_ms, 6000, 6200);
}

static void a_crashed_end_answers_with_reset(void **state)
{
	struct world *w = *state;

	dial(w);
	while (!strchr(w->node[0].log, 'O'))
		sim_clock_step(&w->clock);
	assert_true(sim_stream_send(&w->net, 0, 5, SIM_IKE, cv_bytes("a", 1)));
	run(w);
	sim_stream_crash(&w->net, 1);
	assert_true(sim_stream_send(&w->net, 0, 5, SIM_IKE, cv_bytes("b", 1)));
	run(w);
	assert_string_equal(w->node[1].log, "a");
	assert_string_equal(w->node[0].log, "OL");
	assert_int_equal(w->node[0].os_error, ECONNRESET);
	assert_null(w->net.streams);
}

static void a_stream_through_nat_dies_with_its_mapping(void **state)
{
	struct world *w = *state;

	behind_nat(w);
	w->net.nat[0].resets = true;
	dial(w);
	while (!strchr(w->node[0].log, 'O'))
		sim_clock_step(&w->clock);
	assert_true(sim_stream_send(&w->net, 0, 5, SIM_IKE, cv_bytes("a", 1)));
	run(w);
	assert_int_equal(w->node[1].remote.ip.b[3], 99);
	sim_nat_flush(&w->net.nat[0]);
	assert_true(sim_stream_send(&w->net, 0, 5, SIM_IKE, cv_bytes("b", 1)));
	run(w);
	assert_string_equal(w->node[1].log, "a");
	assert_string_equal(w->node[0].log, "OL");
}

static void the_same_seed_gives_the_same_network(void **state)
{
	char first[512];
	struct world *w = *state;

	for (int turn = 0; turn < 2; turn++) {
		w->net.rng = sim_rng_new(99, 2);
		memset(w->node[1].log, 0, sizeof(w->node[1].log));
		w->net.node[0].link =
		    (struct sim_link){ .loss_pm = 200, .dup_pm = 200, .reorder_pm = 300, .jitter_ms = 9 };
		for (char c = 'a'; c <= 'z'; c++)
			send_from(w, 0, &c, 500);
		run(w);
		if (!turn)
			memcpy(first, w->node[1].log, sizeof(first));
	}
	assert_string_equal(first, w->node[1].log);
	assert_string_not_equal(first, "abcdefghijklmnopqrstuvwxyz");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_datagram_takes_the_delay_of_both_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_port_without_listener_is_refused_by_icmp, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(loss_and_duplication_are_as_frequent_as_asked_for, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(faults_stop_what_they_are_about_and_nothing_else, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(nat_rewrites_lets_answers_in_and_forgets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stream_keeps_the_order_and_loses_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_refused_stream_fails_after_one_round_trip, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(dropped_syns_time_out_as_on_linux, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_silent_stream_is_closed_by_the_accepting_end, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_crashed_end_answers_with_reset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stream_through_nat_dies_with_its_mapping, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_same_seed_gives_the_same_network, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
