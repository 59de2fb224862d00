/* Routes and rules in a network namespace of the test's own, looked at through the ip command. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/addresses.h"
#include "host/host.h"

static char folder[] = "/tmp/cvd-host-XXXXXX";
static struct host *host;
static int tun = -1;
static const char *why_not;

/* What a command prints. */
static const char *output_of(const char *command)
{
	static char text[8192];
	FILE *f = popen(command, "r");
	assert_non_null(f);
	size_t len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = 0;
	pclose(f);
	return text;
}

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s failed", command);
}

static void assert_has(const char *text, const char *part)
{
	if (text == NULL || part == NULL) {
		fail();
	} else if (strstr(text, part) == NULL) {
		print_error("missing: %s\nin: %s\n", part, text);
		fail();
	}
}

static void assert_lacks(const char *text, const char *part)
{
	if (text == NULL || part == NULL) {
		fail();
	} else if (strstr(text, part) != NULL) {
		print_error("unwanted: %s\nin: %s\n", part, text);
		fail();
	}
}

static bool make_tun(void)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	strcpy(request.ifr_name, "cvdtun");
	tun = open("/dev/net/tun", O_RDWR);
	return tun >= 0 && ioctl(tun, TUNSETIFF, &request) == 0;
}

static void start_host(void)
{
	char text[200] = "";
	assert_int_equal(host_new(folder, &host, text, sizeof(text)), CV_OK);
	assert_int_equal(host_tun_up(host, "cvdtun", 1400, text, sizeof(text)), CV_OK);
}

static int enter_namespace(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	if (unshare(CLONE_NEWNET) != 0)
		why_not = "a network namespace needs root";
	else if (!make_tun())
		why_not = "there is no /dev/net/tun";
	else if (system("ip link set lo up && ip link add outer type veth peer name far && ip link set outer "
			"up && "
			"ip link set far up && ip addr add 198.51.100.2/24 dev outer && ip addr add "
			"10.1.0.1/24 dev lo && "
			"ip -6 addr add 2001:db8:1::1/64 dev outer nodad && ip -6 addr add fd00:1::1/64 dev "
			"lo nodad && "
			"ip route add default via 198.51.100.1") != 0)
		why_not = "the ip command does not work";
	return 0;
}

static int begin(void **state)
{
	(void)state;
	if (why_not != NULL)
		return 0;
	start_host();
	return 0;
}

static int end(void **state)
{
	(void)state;
	host_free(host);
	host = NULL;
	return 0;
}

static int leave_namespace(void **state)
{
	(void)state;
	char file[64];
	snprintf(file, sizeof(file), "%s/host.state", folder);
	unlink(file);
	return rmdir(folder);
}

static void need_namespace(void)
{
	if (why_not != NULL) {
		print_message("skipped: %s\n", why_not);
		skip();
	}
}

static struct wire_ts selector(const char *prefix_text)
{
	struct cv_prefix p;
	assert_int_equal(cv_prefix_parse(prefix_text, &p), CV_OK);
	return (struct wire_ts){ .first = cv_prefix_first(&p),
				 .last = cv_prefix_last(&p),
				 .port_last = UINT16_MAX };
}

static struct cv_ip ip(const char *text)
{
	struct cv_ip out;
	assert_int_equal(cv_ip_parse(text, &out), CV_OK);
	return out;
}

static void add_child(uint64_t id, const char *local_text, const char *remote_text,
		      const struct host_child *more)
{
	char text[200] = "";
	struct wire_ts_list local = { .count = 1, .ts = { selector(local_text) } };
	struct wire_ts_list remote = { .count = 1, .ts = { selector(remote_text) } };
	struct host_child child = more == NULL ? (struct host_child){ .peer = ip("203.0.113.2") } : *more;
	child.id = id;
	child.local = &local;
	child.remote = &remote;
	if (host_child_add(host, &child, text, sizeof(text)) != CV_OK)
		fail_msg("host_child_add: %s", text);
}

static void assert_nothing_left(void)
{
	char file[64];
	assert_lacks(output_of("ip rule; ip -6 rule"), "17238");
	assert_string_equal(
	    output_of("ip route show table 17238 2>/dev/null; ip -6 route show table 17238 2>/dev/null"), "");
	snprintf(file, sizeof(file), "%s/host.state", folder);
	assert_int_not_equal(access(file, F_OK), 0);
}

static void traffic_for_the_remote_subnet_goes_to_the_tunnel_with_source_and_mtu(void **state)
{
	(void)state;
	need_namespace();
	struct host_child more = { .peer = ip("203.0.113.2"), .mtu = 1390, .metric = 7 };
	add_child(1, "10.1.0.0/24", "10.2.0.0/24", &more);
	const char *way = output_of("ip route get 10.2.0.9");
	assert_has(way, "dev cvdtun");
	assert_has(way, "src 10.1.0.1");
	assert_has(output_of("ip route show table 17238"), "metric 7 mtu 1390");
	assert_lacks(output_of("ip route get 10.3.0.9"), "cvdtun");
	host_child_remove(host, 1);
	assert_nothing_left();
}

static void marked_packets_never_enter_the_tunnel(void **state)
{
	(void)state;
	need_namespace();
	add_child(1, "10.1.0.0/24", "0.0.0.0/0", NULL);
	assert_has(output_of("ip route get 203.0.113.2"), "dev cvdtun");
	assert_has(output_of("ip route get 203.0.113.2 mark 0x4356"), "dev outer");
	struct host_way way;
	struct cv_ip peer = ip("203.0.113.2"), source = ip("198.51.100.2");
	assert_int_equal(host_way_to(&peer, &way), CV_OK);
	assert_string_equal(way.ifname, "outer");
	assert_true(cv_ip_equal(&way.source, &source));
	assert_int_equal(way.mtu, 1500);
}

static void a_tunnel_for_everything_spares_what_is_near(void **state)
{
	(void)state;
	need_namespace();
	add_child(1, "10.1.0.0/24", "0.0.0.0/0", NULL);
	assert_has(output_of("ip route get 198.51.100.77"), "dev outer");
	assert_lacks(output_of("ip route get 10.1.0.77"), "cvdtun");
	assert_has(output_of("ip route get 8.8.8.8"), "src 10.1.0.1");
	assert_lacks(output_of("ip route get 224.0.0.5"), "cvdtun");
	host_child_remove(host, 1);
	assert_nothing_left();
}

static void the_same_holds_for_ipv6(void **state)
{
	(void)state;
	need_namespace();
	struct host_child more = { .peer = ip("2001:db8:9::1"), .mtu = 1380 };
	add_child(1, "fd00:1::/64", "::/0", &more);
	assert_has(output_of("ip -6 route get 2001:db8:77::1"), "dev cvdtun");
	assert_has(output_of("ip -6 route get 2001:db8:77::1"), "src fd00:1::1");
	assert_has(output_of("ip -6 route get 2001:db8:1::77"), "dev outer");
	assert_lacks(output_of("ip -6 route get fe80::77 oif outer"), "cvdtun");
	assert_has(output_of("ip -6 route show table 17238"), "mtu 1380");
	host_child_remove(host, 1);
	assert_nothing_left();
}

static void a_network_named_as_remote_goes_through_the_tunnel_though_it_is_on_the_link(void **state)
{
	(void)state;
	need_namespace();
	add_child(1, "10.1.0.0/24", "198.51.100.0/24", NULL);
	assert_has(output_of("ip route get 198.51.100.77"), "dev cvdtun");
}

static void a_prefix_of_two_children_stays_until_both_are_gone(void **state)
{
	(void)state;
	need_namespace();
	struct host_child first = { .peer = ip("203.0.113.2"), .mtu = 1300 };
	struct host_child second = { .peer = ip("203.0.113.2"), .mtu = 1310 };
	add_child(1, "10.1.0.0/24", "10.2.0.0/24", &first);
	add_child(2, "10.1.0.0/24", "10.2.0.0/24", &second);
	assert_has(output_of("ip route show table 17238"), "mtu 1310");
	host_child_remove(host, 2);
	assert_has(output_of("ip route show table 17238"), "mtu 1300");
	host_child_remove(host, 1);
	assert_nothing_left();
}

/* The narrower tunnel must win over the throw that the wider one brought, and give it back. */
static void a_tunnel_goes_before_another_ones_exception(void **state)
{
	(void)state;
	need_namespace();
	add_child(1, "10.1.0.0/24", "0.0.0.0/0", NULL);
	assert_has(output_of("ip route show table 17238"), "throw 198.51.100.0/24");
	add_child(2, "10.1.0.0/24", "198.51.100.0/24", NULL);
	assert_has(output_of("ip route get 198.51.100.77"), "dev cvdtun");
	assert_lacks(output_of("ip route show table 17238"), "throw 198.51.100.0/24");
	host_child_remove(host, 2);
	assert_has(output_of("ip route show table 17238"), "throw 198.51.100.0/24");
	assert_has(output_of("ip route get 198.51.100.77"), "dev outer");
}

static void another_mtu_changes_the_route(void **state)
{
	(void)state;
	need_namespace();
	struct host_child more = { .peer = ip("203.0.113.2"), .mtu = 1300 };
	add_child(1, "10.1.0.0/24", "10.2.0.0/24", &more);
	host_child_mtu(host, 1, 1250);
	assert_has(output_of("ip route show table 17238"), "mtu 1250");
	assert_lacks(output_of("ip route show table 17238"), "mtu 1300");
}

static void a_source_address_that_the_host_lacks_is_lent_and_taken_back(void **state)
{
	(void)state;
	need_namespace();
	struct host_child more = { .peer = ip("203.0.113.2"), .source = ip("10.9.9.9") };
	add_child(1, "10.9.9.9/32", "10.2.0.0/24", &more);
	add_child(2, "10.9.9.9/32", "10.3.0.0/24", &more);
	assert_has(output_of("ip route get 10.2.0.9"), "src 10.9.9.9");
	host_child_remove(host, 1);
	assert_has(output_of("ip addr show dev cvdtun"), "10.9.9.9/32");
	assert_has(output_of("ip route get 10.3.0.9"), "src 10.9.9.9");
	host_child_remove(host, 2);
	assert_lacks(output_of("ip addr show dev cvdtun"), "10.9.9.9");
}

static void new_addresses_are_spared_after_a_refresh(void **state)
{
	(void)state;
	need_namespace();
	add_child(1, "10.1.0.0/24", "0.0.0.0/0", NULL);
	run("ip addr add 172.20.0.1/24 dev outer");
	host_refresh(host);
	assert_has(output_of("ip route get 172.20.0.9"), "dev outer");
	run("ip addr del 172.20.0.1/24 dev outer");
	host_refresh(host);
	assert_has(output_of("ip route get 172.20.0.9"), "dev cvdtun");
	assert_has(output_of("ip route get 8.8.8.8"), "src 10.1.0.1");
}

static void a_strict_reverse_path_filter_is_loosened_and_restored(void **state)
{
	(void)state;
	need_namespace();
	run("sysctl -qw net.ipv4.conf.outer.rp_filter=1");
	add_child(1, "10.1.0.0/24", "0.0.0.0/0", NULL);
	add_child(2, "10.1.0.0/24", "128.0.0.0/1", NULL);
	assert_string_equal(output_of("sysctl -n net.ipv4.conf.outer.rp_filter"), "2\n");
	host_child_remove(host, 1);
	assert_string_equal(output_of("sysctl -n net.ipv4.conf.outer.rp_filter"), "2\n");
	host_child_remove(host, 2);
	assert_string_equal(output_of("sysctl -n net.ipv4.conf.outer.rp_filter"), "1\n");
	run("sysctl -qw net.ipv4.conf.outer.rp_filter=0");
	assert_nothing_left();
}

/* As after kill -9: the first object is never freed. */
static void the_next_start_undoes_what_a_killed_process_left(void **state)
{
	(void)state;
	need_namespace();
	run("sysctl -qw net.ipv4.conf.outer.rp_filter=1");
	add_child(1, "10.1.0.0/24", "0.0.0.0/0", NULL);
	struct host_child more = { .peer = ip("2001:db8:9::1") };
	add_child(2, "fd00:1::/64", "2001:db8:2::/64", &more);
	struct host *killed = host;
	assert_has(output_of("ip rule"), "17238");
	start_host();
	assert_nothing_left();
	assert_string_equal(output_of("sysctl -n net.ipv4.conf.outer.rp_filter"), "1\n");
	host_free(killed);
	run("sysctl -qw net.ipv4.conf.outer.rp_filter=0");
	assert_nothing_left();
}

static void a_setting_that_somebody_else_changed_since_is_left_alone(void **state)
{
	(void)state;
	need_namespace();
	run("sysctl -qw net.ipv4.conf.outer.rp_filter=1");
	add_child(1, "10.1.0.0/24", "0.0.0.0/0", NULL);
	run("sysctl -qw net.ipv4.conf.outer.rp_filter=0");
	host_child_remove(host, 1);
	assert_string_equal(output_of("sysctl -n net.ipv4.conf.outer.rp_filter"), "0\n");
}

static void a_child_that_cannot_be_routed_leaves_nothing(void **state)
{
	(void)state;
	need_namespace();
	char text[200] = "";
	struct wire_ts_list local = { .count = 1, .ts = { selector("10.1.0.0/24") } };
	struct wire_ts_list remote = { .count = 1, .ts = { selector("10.2.0.0/24") } };
	struct host_child child = { .id = 1, .local = &local, .remote = &remote, .peer = ip("203.0.113.2") };
	/* Not the address of anybody: the kernel refuses to give it to a device. */
	child.source = ip("224.0.0.1");
	assert_int_not_equal(host_child_add(host, &child, text, sizeof(text)), CV_OK);
	assert_string_not_equal(text, "");
	assert_nothing_left();
}

static void the_default_route_is_found_with_its_source(void **state)
{
	(void)state;
	need_namespace();
	struct host_way way;
	struct cv_ip source = ip("198.51.100.2"), gateway = ip("198.51.100.1");
	assert_int_equal(host_default_way(CV_IPV4, &way), CV_OK);
	assert_true(cv_ip_equal(&way.source, &source));
	assert_true(cv_ip_equal(&way.gateway, &gateway));
	assert_string_equal(way.ifname, "outer");
	assert_int_equal(host_default_way(CV_IPV6, &way), CV_E_NOTFOUND);
}

static void the_hosts_addresses_are_known(void **state)
{
	(void)state;
	need_namespace();
	struct host_addresses all;
	struct cv_ip mine = ip("10.1.0.1"), mine6 = ip("fd00:1::1"), other = ip("10.1.0.2");
	struct cv_ip first = ip("10.0.0.0"), last = ip("10.255.255.255");
	assert_int_equal(host_addresses_read(&all), CV_OK);
	assert_true(host_addresses_has(&all, &mine));
	assert_true(host_addresses_has(&all, &mine6));
	assert_false(host_addresses_has(&all, &other));
	struct cv_ip found = host_addresses_inside(&all, &first, &last);
	assert_true(cv_ip_equal(&found, &mine));
	host_addresses_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    traffic_for_the_remote_subnet_goes_to_the_tunnel_with_source_and_mtu, begin, end),
		cmocka_unit_test_setup_teardown(marked_packets_never_enter_the_tunnel, begin, end),
		cmocka_unit_test_setup_teardown(a_tunnel_for_everything_spares_what_is_near, begin, end),
		cmocka_unit_test_setup_teardown(the_same_holds_for_ipv6, begin, end),
		cmocka_unit_test_setup_teardown(
		    a_network_named_as_remote_goes_through_the_tunnel_though_it_is_on_the_link, begin, end),
		cmocka_unit_test_setup_teardown(a_prefix_of_two_children_stays_until_both_are_gone, begin,
						end),
		cmocka_unit_test_setup_teardown(a_tunnel_goes_before_another_ones_exception, begin, end),
		cmocka_unit_test_setup_teardown(another_mtu_changes_the_route, begin, end),
		cmocka_unit_test_setup_teardown(a_source_address_that_the_host_lacks_is_lent_and_taken_back,
						begin, end),
		cmocka_unit_test_setup_teardown(new_addresses_are_spared_after_a_refresh, begin, end),
		cmocka_unit_test_setup_teardown(a_strict_reverse_path_filter_is_loosened_and_restored, begin,
						end),
		cmocka_unit_test_setup_teardown(the_next_start_undoes_what_a_killed_process_left, begin, end),
		cmocka_unit_test_setup_teardown(a_setting_that_somebody_else_changed_since_is_left_alone,
						begin, end),
		cmocka_unit_test_setup_teardown(a_child_that_cannot_be_routed_leaves_nothing, begin, end),
		cmocka_unit_test_setup_teardown(the_default_route_is_found_with_its_source, begin, end),
		cmocka_unit_test_setup_teardown(the_hosts_addresses_are_known, begin, end),
	};
	return cmocka_run_group_tests(tests, enter_namespace, leave_namespace);
}
