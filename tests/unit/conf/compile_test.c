/* From lines of a connection to what the engine gets. */
#include "conf_text.h"

static void test_a_connection_has_libreswans_defaults_where_they_are_good(void **state)
{
	struct loaded l;
	const struct conf_conn *c = good_conn(&l, "");

	(void)state;
	assert_int_equal(l.count, 0);
	assert_int_equal(c->enable_tcp, CONF_TCP_NO);
	assert_int_equal(c->ike.retransmit_interval_ms, 500);
	assert_int_equal(c->ike.retransmit_timeout_ms, 30000);
	assert_int_equal(c->ike.liveness_delay_ms, 0);
	assert_int_equal(c->ike.nat_keepalive_ms, 20000);
	assert_int_equal(c->ike.replay_window, 8192);
	assert_int_equal(c->ike.encapsulation, IKE_ENCAP_AUTO);
	assert_false(c->ike.narrowing);
	assert_false(c->ike.install_trap);
	assert_int_equal(c->ike.local_auth, IKE_AUTHBY_SECRET);
	assert_int_equal(c->ike.remote_auth, IKE_AUTHBY_SECRET);
	assert_int_equal(c->ike.child_count, 1);
	assert_string_equal(c->ike.child[0].name, "net");
	assert_int_equal(c->ike.child[0].local_count, 0);
	assert_true(c->ike.accept_udp && c->ike.accept_tcp);
	assert_false(conf_setup(l.conf)->listen_tcp_count);
	assert_true(conf_setup(l.conf)->listen_udp);
	unload(&l);
}

/* R8247-2-1: the MUST and SHOULD algorithms are offered without being named, best first. */
static void test_default_proposals_are_those_of_the_rfcs_best_first(void **state)
{
	struct loaded l;
	const struct conf_conn *c = good_conn(&l, "");
	const struct wire_sa *ike = &c->ike.ike_proposals;
	const struct wire_sa *esp = &c->ike.esp_proposals;

	(void)state;
	assert_int_equal(ike->count, 3);
	assert_int_equal(ike->proposal[0].transform[0].id, WIRE_ENCR_AES_GCM_16);
	assert_int_equal(ike->proposal[0].transform[0].key_bits, 256);
	assert_int_equal(ike->proposal[1].transform[0].id, WIRE_ENCR_CHACHA20_POLY1305);
	assert_int_equal(ike->proposal[2].transform[0].id, WIRE_ENCR_AES_CBC);
	assert_int_equal(esp->count, 3);
	assert_int_equal(esp->proposal[0].transform[0].id, WIRE_ENCR_AES_GCM_16);
	for (int p = 0; p < 3; p++) {
		bool curve = false, esn = false;

		for (int t = 0; t < esp->proposal[p].transform_count; t++) {
			const struct wire_transform *tr = &esp->proposal[p].transform[t];

			curve = curve || (tr->type == WIRE_T_KE && tr->id == WIRE_KE_CURVE25519);
			esn = esn || (tr->type == WIRE_T_ESN && tr->id == WIRE_ESN_YES);
			assert_int_not_equal(tr->type, WIRE_T_PRF);
		}
		assert_true(curve); /* pfs=yes */
		assert_true(esn);
	}
	unload(&l);
}

static void test_pfs_no_leaves_groups_out_of_esp(void **state)
{
	struct loaded l;
	const struct conf_conn *c = good_conn(&l, "\tpfs=no\n");

	(void)state;
	for (int p = 0; p < c->ike.esp_proposals.count; p++)
		for (int t = 0; t < c->ike.esp_proposals.proposal[p].transform_count; t++)
			assert_int_not_equal(c->ike.esp_proposals.proposal[p].transform[t].type, WIRE_T_KE);
	unload(&l);
}

static void assert_ts(const struct wire_ts *ts, const char *first, const char *last, uint8_t protocol,
		      uint16_t port_first, uint16_t port_last)
{
	char text[CV_IP_TEXT_MAX];

	assert_string_equal(cv_ip_text(&ts->first, text), first);
	assert_string_equal(cv_ip_text(&ts->last, text), last);
	assert_int_equal(ts->protocol, protocol);
	assert_int_equal(ts->port_first, port_first);
	assert_int_equal(ts->port_last, port_last);
}

static void test_several_networks_of_subnet_are_selectors_of_one_child(void **state)
{
	struct loaded l;
	const struct conf_conn *c = good_conn(&l, "\tleftsubnet=10.1.0.0/16, 10.2.0.0/16/tcp/443\n"
						  "\trightsubnet=10.3.0.1\n\tleftprotoport=udp/53\n");

	(void)state;
	assert_int_equal(c->ike.child_count, 1);
	assert_int_equal(c->ike.child[0].local_count, 2);
	assert_ts(&c->ike.child[0].local[0], "10.1.0.0", "10.1.255.255", 17, 53, 53);
	assert_ts(&c->ike.child[0].local[1], "10.2.0.0", "10.2.255.255", 6, 443, 443);
	assert_int_equal(c->ike.child[0].remote_count, 1);
	assert_ts(&c->ike.child[0].remote[0], "10.3.0.1", "10.3.0.1", 0, 0, 65535);
	unload(&l);
}

static void test_subnets_make_a_child_for_every_pair(void **state)
{
	struct loaded l;
	const struct conf_conn *c =
	    good_conn(&l, "\tleftsubnets={10.1.0.0/16 10.2.0.0/16}\n\tleftsubnets=2001:db8:1::/48\n"
			  "\trightsubnets=10.3.0.0/16,2001:db8:2::/48\n");

	/* IPv4 with IPv6 is no pair that could carry anything */
	(void)state;
	assert_int_equal(c->ike.child_count, 3);
	assert_string_equal(c->ike.child[0].name, "net/1x1");
	assert_ts(&c->ike.child[0].local[0], "10.1.0.0", "10.1.255.255", 0, 0, 65535);
	assert_ts(&c->ike.child[0].remote[0], "10.3.0.0", "10.3.255.255", 0, 0, 65535);
	assert_string_equal(c->ike.child[1].name, "net/2x1");
	assert_ts(&c->ike.child[1].local[0], "10.2.0.0", "10.2.255.255", 0, 0, 65535);
	assert_string_equal(c->ike.child[2].name, "net/3x2");
	assert_ts(&c->ike.child[2].local[0], "2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff", 0, 0,
		  65535);
	for (int i = 0; i < 3; i++)
		assert_int_equal(c->ike.child[i].local_count, 1);
	unload(&l);
}

static void test_protocols_and_ports_are_narrowed_as_written(void **state)
{
	static const struct {
		const char *text;
		uint8_t protocol;
		uint16_t first, last;
	} cases[] = {
		{ "tcp/443", 6, 443, 443 },
		{ "17/1701", 17, 1701, 1701 },
		{ "udp", 17, 0, 65535 },
		{ "udp/%any", 17, 0, 65535 },
		{ "%any", 0, 0, 65535 },
		{ "icmp", 1, 0, 65535 },
		{ "tcp/0", 6, 0, 65535 },
		{ "sctp/%opaque", 132, 65535, 0 },
		{ "tcp/1000-2000", 6, 1000, 2000 },
		{ "0/0", 0, 0, 65535 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char extra[64];
		struct loaded l;
		const struct conf_conn *c;

		snprintf(extra, sizeof(extra), "\tleftprotoport=%s\n", cases[i].text);
		c = good_conn(&l, extra);
		assert_int_equal(c->ike.child[0].local_count, 1);
		assert_ts(&c->ike.child[0].local[0], "192.0.2.1", "192.0.2.1", cases[i].protocol,
			  cases[i].first, cases[i].last);
		unload(&l);
	}
}

static void test_auth_of_an_end_wins_over_authby(void **state)
{
	struct loaded l;
	const struct conf_conn *c = good_conn(&l, "\tleftauth=null\n");

	(void)state;
	assert_int_equal(c->ike.local_auth, IKE_AUTHBY_NULL);
	assert_int_equal(c->ike.remote_auth, IKE_AUTHBY_SECRET);
	unload(&l);
	l = load_text(
	    "conn net\n\tleft=192.0.2.1\n\tright=%any\n\tauto=add\n\tleftauth=secret\n\trightauth=null\n");
	assert_int_equal(l.err, CV_OK);
	unload(&l);
}

static void test_auto_and_updown_reach_the_struct(void **state)
{
	struct loaded l;
	const struct conf_conn *c =
	    good_conn(&l, "\tleftupdown=\"/usr/local/bin/updown --verbose\"\n\trightupdown=%disabled\n");

	(void)state;
	assert_string_equal(c->updown, "/usr/local/bin/updown --verbose");
	assert_string_equal(c->remote_updown, "");
	assert_int_equal(c->autostart, CONF_AUTO_ADD);
	unload(&l);
	l = load_text("conn net\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=route\n\tauthby=secret\n"
		      "\tleftupdown=\"ipsec _updown\"\n");
	assert_int_equal(l.err, CV_OK);
	c = conf_conn_find(l.conf, "net");
	assert_int_equal(c->autostart, CONF_AUTO_ONDEMAND);
	assert_true(c->ike.install_trap);
	assert_string_equal(c->updown, "");
	unload(&l);
}

static void test_an_incomplete_ignored_connection_serves_also_only(void **state)
{
	struct loaded l = load_text(
	    "conn base\n\tauthby=secret\n\tright=198.51.100.1\nconn net\n\talso=base\n\tleft=192.0.2.1\n"
	    "\tauto=add\n");

	(void)state;
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(l.count, 0);
	assert_int_equal(conf_conn_count(l.conf), 1);
	assert_null(conf_conn_find(l.conf, "base"));
	assert_non_null(conf_conn_find(l.conf, "net"));
	unload(&l);
}

static void test_an_ignored_connection_that_is_not_possible_is_left_out_with_warnings(void **state)
{
	struct loaded l =
	    load_text("conn old\n\tauthby=rsasig\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\ttype=transport\n"
		      "conn net\n\tauthby=secret\n\tleft=192.0.2.1\n\tright=192.0.2.2\n");

	(void)state;
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(conf_conn_count(l.conf), 1);
	assert_said(&l, "test.conf:2: authby=rsasig: ");
	assert_said(&l, "test.conf:5: type=transport is not possible: ");
	assert_said(&l, "test.conf:1: conn old is left out for these reasons, as it has auto=ignore");
	unload(&l);
}

static void test_secretsfile_counts_from_the_folder_of_the_configuration(void **state)
{
	struct conf_message *messages;
	struct conf *conf;
	size_t count;
	static const char text[] = "config setup\n\tsecretsfile=sub/keys\n";

	(void)state;
	assert_int_equal(conf_load_text("/etc/x/ipsec.conf", cv_bytes("", 0), &conf, &messages, &count),
			 CV_OK);
	assert_string_equal(conf_setup(conf)->secretsfile, "/etc/x/ipsec.secrets");
	conf_free(conf);
	free(messages);
	assert_int_equal(
	    conf_load_text("/etc/x/ipsec.conf", cv_bytes(text, strlen(text)), &conf, &messages, &count),
	    CV_OK);
	assert_string_equal(conf_setup(conf)->secretsfile, "/etc/x/sub/keys");
	conf_free(conf);
	free(messages);
}

static void test_listen_tcp_takes_yes_and_lists_of_ports(void **state)
{
	static const struct {
		const char *value;
		uint8_t count;
		uint16_t first;
	} cases[] = { { "no", 0, 0 },
		      { "yes", 1, 4500 },
		      { "443", 1, 443 },
		      { "443, 4500,443", 2, 443 },
		      { "8443 443", 2, 8443 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[64];
		struct loaded l;

		snprintf(text, sizeof(text), "config setup\n\tlisten-tcp=%s\n", cases[i].value);
		l = load_text(text);
		assert_int_equal(l.err, CV_OK);
		assert_int_equal(conf_setup(l.conf)->listen_tcp_count, cases[i].count);
		if (cases[i].count)
			assert_int_equal(conf_setup(l.conf)->listen_tcp[0], cases[i].first);
		unload(&l);
	}
}

static void test_nat_keepalive_takes_its_time_from_setup(void **state)
{
	struct loaded l = load_text(
	    "config setup\n\tkeep-alive=1m\nconn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n"
	    "conn b\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauthby=secret\n\tnat-keepalive=no\n");

	(void)state;
	assert_int_equal(l.err, CV_OK);
	assert_int_equal(conf_conn_find(l.conf, "a")->ike.nat_keepalive_ms, 60000);
	assert_int_equal(conf_conn_find(l.conf, "b")->ike.nat_keepalive_ms, 0);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_connection_has_libreswans_defaults_where_they_are_good),
		cmocka_unit_test(test_default_proposals_are_those_of_the_rfcs_best_first),
		cmocka_unit_test(test_pfs_no_leaves_groups_out_of_esp),
		cmocka_unit_test(test_several_networks_of_subnet_are_selectors_of_one_child),
		cmocka_unit_test(test_subnets_make_a_child_for_every_pair),
		cmocka_unit_test(test_protocols_and_ports_are_narrowed_as_written),
		cmocka_unit_test(test_auth_of_an_end_wins_over_authby),
		cmocka_unit_test(test_auto_and_updown_reach_the_struct),
		cmocka_unit_test(test_an_incomplete_ignored_connection_serves_also_only),
		cmocka_unit_test(test_an_ignored_connection_that_is_not_possible_is_left_out_with_warnings),
		cmocka_unit_test(test_secretsfile_counts_from_the_folder_of_the_configuration),
		cmocka_unit_test(test_listen_tcp_takes_yes_and_lists_of_ports),
		cmocka_unit_test(test_nat_keepalive_takes_its_time_from_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
