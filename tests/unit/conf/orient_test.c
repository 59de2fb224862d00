/* Which end is this host, and what follows from it. */
#include "conf_text.h"

static struct cv_ip ip(const char *text)
{
	struct cv_ip out = { 0 };

	if (text)
		assert_int_equal(cv_ip_parse(text, &out), CV_OK);
	return out;
}

/* arg: a list of addresses, ended by NULL */
static bool is_one_of(void *arg, const struct cv_ip *wanted)
{
	for (const char *const *list = arg; *list; list++) {
		struct cv_ip mine = ip(*list);

		if (cv_ip_equal(&mine, wanted))
			return true;
	}
	return false;
}

struct result {
	struct conf_conn conn;
	enum cv_err err;
	char text[256];
};

static struct result orient_as(const char *body, const char *const *addresses, const char *default4,
			       const char *default6)
{
	struct cv_ip route4 = ip(default4), route6 = ip(default6);
	struct result r = { 0 };
	struct loaded l;
	char *text;

	assert_true(asprintf(&text, "conn net\n\tauthby=secret\n\tauto=add\n%s", body) > 0);
	l = load_text(text);
	if (l.err != CV_OK)
		fail_msg("%s", l.messages[0].text);
	r.err = conf_orient(conf_conn_find(l.conf, "net"), is_one_of, (void *)(uintptr_t)addresses, &route4,
			    &route6, &r.conn, r.text, sizeof(r.text));
	unload(&l);
	free(text);
	return r;
}

static struct result orient(const char *body, const char *mine)
{
	const char *const addresses[] = { mine, NULL };

	return orient_as(body, addresses, NULL, NULL);
}

static void assert_ip(const struct cv_ip *a, const char *want)
{
	char text[CV_IP_TEXT_MAX];

	assert_string_equal(cv_ip_text(a, text), want);
}

static const char both_ends[] =
    "\tleft=192.0.2.1\n\tleftid=@west\n\tleftsubnet=10.1.0.0/16\n\tleftikeport=501\n\tleftauth=null\n"
    "\tleftsourceip=10.1.0.1\n\tleftupdown=/west\n"
    "\tright=198.51.100.1\n\trightid=@east\n\trightsubnet=10.2.0.0/16\n\trightikeport=502\n"
    "\trightauth=secret\n"
    "\trightsourceip=10.2.0.1\n\trightupdown=/east\n";

static void test_left_stays_local_when_its_address_is_ours(void **state)
{
	struct result r = orient(both_ends, "192.0.2.1");

	(void)state;
	assert_int_equal(r.err, CV_OK);
	assert_true(r.conn.oriented);
	assert_ip(&r.conn.ike.local_ip, "192.0.2.1");
	assert_ip(&r.conn.ike.remote_ip, "198.51.100.1");
	assert_memory_equal(r.conn.ike.local_id.data, "west", 4);
	assert_string_equal(r.conn.updown, "/west");
}

static void test_everything_of_an_end_moves_when_right_is_ours(void **state)
{
	struct result r = orient(both_ends, "198.51.100.1");
	struct conf_conn *c = &r.conn;

	(void)state;
	assert_int_equal(r.err, CV_OK);
	assert_ip(&c->ike.local_ip, "198.51.100.1");
	assert_ip(&c->ike.remote_ip, "192.0.2.1");
	assert_memory_equal(c->ike.local_id.data, "east", 4);
	assert_memory_equal(c->ike.remote_id.data, "west", 4);
	assert_int_equal(c->ike.local_ike_port, 502);
	assert_int_equal(c->ike.remote_ike_port, 501);
	assert_int_equal(c->ike.local_auth, IKE_AUTHBY_SECRET);
	assert_int_equal(c->ike.remote_auth, IKE_AUTHBY_NULL);
	assert_ip(&c->ike.child[0].local[0].first, "10.2.0.0");
	assert_ip(&c->ike.child[0].remote[0].first, "10.1.0.0");
	assert_ip(&c->source_ip, "10.2.0.1");
	assert_ip(&c->remote_source_ip, "10.1.0.1");
	assert_string_equal(c->updown, "/east");
	assert_string_equal(c->remote_updown, "/west");
	assert_int_equal(c->ike.rung[0].port, 501); /* the peer's */
}

static void test_it_is_said_when_neither_or_both_ends_are_ours(void **state)
{
	const char *const both[] = { "192.0.2.1", "198.51.100.1", NULL };
	struct result r = orient("\tleft=192.0.2.1\n\tright=198.51.100.1\n", "203.0.113.1");

	(void)state;
	assert_int_equal(r.err, CV_E_NOTFOUND);
	assert_non_null(
	    strstr(r.text, "neither left (192.0.2.1) nor right (198.51.100.1) is an address of this host"));
	r = orient("\tleft=%any\n\tright=198.51.100.1\n", "203.0.113.1");
	assert_int_equal(r.err, CV_E_NOTFOUND);
	assert_non_null(strstr(r.text, "%any is always the other host; for this host write %defaultroute"));
	r = orient_as("\tleft=192.0.2.1\n\tright=198.51.100.1\n", both, NULL, NULL);
	assert_int_equal(r.err, CV_E_EXISTS);
	assert_non_null(strstr(r.text, "are both addresses of this host"));
}

static void test_any_is_the_peer_and_its_identity_is_open(void **state)
{
	struct result r = orient("\tleft=%any\n\tright=198.51.100.1\n", "198.51.100.1");

	(void)state;
	assert_int_equal(r.err, CV_OK);
	assert_ip(&r.conn.ike.local_ip, "198.51.100.1");
	assert_int_equal(r.conn.ike.remote_ip.family, CV_FAMILY_NONE);
	assert_int_equal(r.conn.ike.remote_id.type, 0);
	assert_int_equal(r.conn.ike.local_id.type, WIRE_ID_IPV4);
}

static void test_identities_that_are_left_out_are_the_addresses(void **state)
{
	struct result r = orient("\tleft=192.0.2.1\n\tright=198.51.100.1\n", "192.0.2.1");

	(void)state;
	assert_int_equal(r.conn.ike.local_id.type, WIRE_ID_IPV4);
	assert_memory_equal(r.conn.ike.local_id.data, "\xc0\x00\x02\x01", 4);
	assert_int_equal(r.conn.ike.remote_id.type, WIRE_ID_IPV4);
	assert_memory_equal(r.conn.ike.remote_id.data, "\xc6\x33\x64\x01", 4);
	r = orient("\tleft=192.0.2.1\n\tright=198.51.100.1\n\trightid=%any\n", "192.0.2.1");
	assert_int_equal(r.conn.ike.remote_id.type, 0);
}

/* RFC 7619 section 2.2 */
static void test_who_does_not_authenticate_has_no_identity(void **state)
{
	struct result r = orient(
	    "\tleft=192.0.2.1\n\tright=198.51.100.1\n\tleftauth=null\n\trightauth=null\n", "192.0.2.1");

	(void)state;
	assert_int_equal(r.conn.ike.local_id.type, WIRE_ID_NULL);
	assert_int_equal(r.conn.ike.remote_id.type, 0);
	r = orient("\tleft=192.0.2.1\n\tright=198.51.100.1\n\tleftauth=null\n\tleftid=@me\n", "192.0.2.1");
	assert_int_equal(r.conn.ike.local_id.type, WIRE_ID_FQDN);
}

static void test_defaultroute_takes_the_address_of_the_peers_family(void **state)
{
	const char *const none[] = { NULL };
	struct result r =
	    orient_as("\tleft=%defaultroute\n\tright=198.51.100.1\n", none, "203.0.113.7", "2001:db8::7");

	(void)state;
	assert_int_equal(r.err, CV_OK);
	assert_ip(&r.conn.ike.local_ip, "203.0.113.7");
	assert_int_equal(r.conn.ike.local_id.type, WIRE_ID_IPV4);
	r = orient_as("\tright=%defaultroute\n\tleft=2001:db8:1::1\n", none, "203.0.113.7", "2001:db8::7");
	assert_ip(&r.conn.ike.local_ip, "2001:db8::7");
	assert_ip(&r.conn.ike.remote_ip, "2001:db8:1::1");
	r = orient_as("\tleft=%defaultroute\n\tright=%any\n", none, "203.0.113.7", "2001:db8::7");
	assert_ip(&r.conn.ike.local_ip, "203.0.113.7");
	r = orient_as("\tleft=%defaultroute\n\tright=%any\n\thostaddrfamily=ipv6\n", none, "203.0.113.7",
		      "2001:db8::7");
	assert_ip(&r.conn.ike.local_ip, "2001:db8::7");
	r = orient_as("\tleft=%defaultroute\n\tright=%any\n", none, NULL, "2001:db8::7");
	assert_ip(&r.conn.ike.local_ip, "2001:db8::7");
	r = orient_as("\tleft=%defaultroute\n\tright=2001:db8:1::1\n", none, "203.0.113.7", NULL);
	assert_int_equal(r.err, CV_E_NOTFOUND);
	assert_non_null(strstr(r.text, "no default route for IPv6"));
}

static void test_protoport_without_networks_is_for_the_hosts_address(void **state)
{
	struct result r =
	    orient("\tleft=192.0.2.1\n\tright=198.51.100.1\n\tleftprotoport=tcp/80\n", "192.0.2.1");

	(void)state;
	assert_int_equal(r.conn.ike.child[0].local_count, 1);
	assert_ip(&r.conn.ike.child[0].local[0].first, "192.0.2.1");
	assert_int_equal(r.conn.ike.child[0].local[0].protocol, 6);
	assert_int_equal(r.conn.ike.child[0].remote_count, 0);
}

/* The ladder: enable-tcp= and the ports of the peer. */
static void test_enable_tcp_makes_the_ladder(void **state)
{
	static const struct {
		const char *lines;
		uint8_t count;
		struct ike_rung rung[2];
	} cases[] = {
		{ "", 1, { { IKE_UDP, 500 } } },
		{ "\tenable-tcp=no\n\ttcp-remoteport=443\n", 1, { { IKE_UDP, 500 } } },
		{ "\tenable-tcp=yes\n", 1, { { IKE_TCP, 4500 } } },
		{ "\tenable-tcp=yes\n\ttcp-remoteport=443\n", 1, { { IKE_TCP, 443 } } },
		{ "\tenable-tcp=yes\n\trightikeport=8443\n", 1, { { IKE_TCP, 8443 } } },
		{ "\tenable-tcp=yes\n\tleftikeport=8443\n", 1, { { IKE_TCP, 4500 } } },
		{ "\tenable-tcp=yes\n\trightikeport=8443\n\ttcp-remoteport=443\n", 1, { { IKE_TCP, 443 } } },
		{ "\tenable-tcp=fallback\n", 2, { { IKE_UDP, 500 }, { IKE_TCP, 4500 } } },
		{ "\tenable-tcp=fallback\n\trightikeport=4501\n\ttcp-remoteport=443\n",
		  2,
		  { { IKE_UDP, 4501 }, { IKE_TCP, 443 } } },
		{ "\tenable-tcp=fallback\n\trightikeport=4501\n",
		  2,
		  { { IKE_UDP, 4501 }, { IKE_TCP, 4500 } } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char body[256];
		struct result r;

		snprintf(body, sizeof(body), "\tleft=192.0.2.1\n\tright=198.51.100.1\n%s", cases[i].lines);
		r = orient(body, "192.0.2.1");
		assert_int_equal(r.conn.ike.rung_count, cases[i].count);
		for (uint8_t k = 0; k < cases[i].count; k++) {
			assert_int_equal(r.conn.ike.rung[k].transport, cases[i].rung[k].transport);
			assert_int_equal(r.conn.ike.rung[k].port, cases[i].rung[k].port);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_left_stays_local_when_its_address_is_ours),
		cmocka_unit_test(test_everything_of_an_end_moves_when_right_is_ours),
		cmocka_unit_test(test_it_is_said_when_neither_or_both_ends_are_ours),
		cmocka_unit_test(test_any_is_the_peer_and_its_identity_is_open),
		cmocka_unit_test(test_identities_that_are_left_out_are_the_addresses),
		cmocka_unit_test(test_who_does_not_authenticate_has_no_identity),
		cmocka_unit_test(test_defaultroute_takes_the_address_of_the_peers_family),
		cmocka_unit_test(test_protoport_without_networks_is_for_the_hosts_address),
		cmocka_unit_test(test_enable_tcp_makes_the_ladder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
