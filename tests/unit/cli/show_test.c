#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/show.h"

enum { NOW = 1700000000 };

static char *shown(void (*show)(FILE *out, const json_t *data, int64_t now), const char *json)
{
	char *text = NULL;
	size_t len = 0;
	json_error_t error;
	json_t *data = json_loads(json, 0, &error);
	if (data == NULL)
		fail_msg("%s", error.text);
	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	show(f, data, NOW);
	fclose(f);
	json_decref(data);
	return text;
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

static void ages_are_told_in_two_units_at_most(void **state)
{
	(void)state;
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = { { -5, "0 s" },
		      { 0, "0 s" },
		      { 59, "59 s" },
		      { 60, "1 min" },
		      { 3599, "59 min" },
		      { 3600, "1 h 0 min" },
		      { 86399, "23 h 59 min" },
		      { 86400, "1 d 0 h" },
		      { 1000000, "11 d 13 h" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[32];
		assert_string_equal(cli_age_text(cases[i].seconds, out), cases[i].text);
	}
}

static void bytes_are_told_with_a_tenth(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { 0, "0 B" },
		      { 999, "999 B" },
		      { 1000, "1.0 kB" },
		      { 1550, "1.5 kB" },
		      { 999999, "999.9 kB" },
		      { 1000000, "1.0 MB" },
		      { 200000000, "200.0 MB" },
		      { UINT64_MAX, "18.4 EB" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[32];
		assert_string_equal(cli_bytes_text(cases[i].bytes, out), cases[i].text);
	}
}

#define CHILD                                                                                                \
	"{\"connection\":\"net\",\"name\":\"net\",\"spi_in\":\"00c0ffee\",\"spi_out\":\"0badcafe\","         \
	"\"encryption\":\"ENCR_AES_GCM_16-256\","                                                            \
	"\"integrity\":null,\"esn\":true,\"local\":[\"10.1.0.0/24\",\"10.11.0.0/"                            \
	"24\"],\"remote\":[\"10.2.0.0/24\"],"                                                                \
	"\"since\":1699999940,\"rekey_due\":null,\"bytes_in\":1500,\"bytes_out\":84,\"packets_in\":12,"      \
	"\"packets_out\":1,"                                                                                 \
	"\"last_in\":1699999998,\"last_out\":null,\"dropped\":{\"replayed\":0,\"bad_integrity\":3,\"too_"    \
	"big\":1},\"mtu\":1390}"
#define UP                                                                                                   \
	"{\"name\":\"net\",\"state\":\"up\",\"auto\":\"add\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2."  \
	"2\",\"configured\":[],"                                                                             \
	"\"last_error\":null,\"retry\":null,\"ike_sas\":[{\"spi_local\":\"1111111111111111\",\"spi_"         \
	"remote\":"                                                                                          \
	"\"2222222222222222\",\"role\":\"initiator\",\"state\":\"established\",\"transport\":\"tcp\","       \
	"\"local\":\"192.0.2.1:40000\","                                                                     \
	"\"remote\":\"192.0.2.2:4500\",\"transport_since\":1699999880,\"transport_why\":\"UDP did not "      \
	"answer for 1.0 s\","                                                                                \
	"\"established\":1699999940,\"local_id\":\"@west\",\"remote_id\":\"@east\",\"encryption\":\"ENCR_"   \
	"AES_GCM_16-256\","                                                                                  \
	"\"prf\":\"PRF_HMAC_SHA2_256\",\"integrity\":null,\"key_exchange\":\"Curve25519\",\"nat_local\":"    \
	"true,"                                                                                              \
	"\"nat_remote\":false,\"rekey_due\":null,\"children\":[" CHILD "]}]}"
#define STATUS(conns)                                                                                        \
	"{\"version\":\"1.2.3\",\"started\":1699996400,\"config\":\"/etc/culvert/"                           \
	"ipsec.conf\",\"device\":\"culvert0\","                                                              \
	"\"listening\":[\"udp 0.0.0.0:500\",\"tcp 0.0.0.0:4500\"],\"connections\":[" conns "]}"

static void status_says_transport_since_when_and_why(void **state)
{
	(void)state;
	char *text = shown(cli_show_status, STATUS(UP));
	assert_has(text, "net: up\n");
	assert_has(text, "peer         192.0.2.2:4500 (@east), from 192.0.2.1:40000 (@west)\n");
	assert_has(text, "transport    TCP since ");
	assert_has(text, "(2 min ago): UDP did not answer for 1.0 s\n");
	assert_has(text, "NAT          in front of this host\n");
	assert_has(text, "rekey due -");
	free(text);
}

static void status_says_selectors_bytes_and_what_was_dropped(void **state)
{
	(void)state;
	char *text = shown(cli_show_status, STATUS(UP));
	assert_has(text, "tunnel       10.1.0.0/24, 10.11.0.0/24 === 10.2.0.0/24\n");
	assert_has(text, "in 1.5 kB (12 packets), out 84 B (1 packets), last in ");
	assert_has(text, "dropped    3 bad integrity, 1 too big\n");
	assert_has(text, "SPI in 00c0ffee out 0badcafe, inner MTU 1390\n");
	free(text);
}

static void status_of_a_connection_that_is_down_says_why_and_when_again(void **state)
{
	(void)state;
	char *text = shown(cli_show_status,
			   STATUS("{\"name\":\"a\",\"state\":\"down\",\"auto\":\"start\",\"local\":null,"
				  "\"remote\":\"192.0.2.9\","
				  "\"configured\":[{\"name\":\"a\",\"local\":[],\"remote\":[\"0.0.0.0/0\"]}],"
				  "\"last_error\":\"no answer\",\"retry\":1700000010,\"ike_sas\":[]}"));
	assert_has(text, "a: down, tried again in 10 s\n");
	assert_has(text, "peer         192.0.2.9, from any address\n");
	assert_has(text, "tunnel       this host === 0.0.0.0/0 (not up)\n");
	assert_has(text, "last error   no answer\n");
	free(text);
}

static void status_without_connections_says_so(void **state)
{
	(void)state;
	char *text = shown(cli_show_status, STATUS(""));
	assert_has(text, "culvertd 1.2.3, running for 1 h 0 min, device culvert0");
	assert_has(text, "listening on udp 0.0.0.0:500, tcp 0.0.0.0:4500\n");
	assert_has(text, "no connections\n");
	free(text);
}

/* A daemon of another version may leave things out. */
static void missing_members_are_shown_as_dashes(void **state)
{
	(void)state;
	char *text =
	    shown(cli_show_status, "{\"connections\":[{\"ike_sas\":[{\"children\":[{}]}]}, 7, null]}");
	assert_has(text, "-: -\n");
	free(text);
	free(shown(cli_show_status, "{}"));
	free(shown(cli_show_status, "[]"));
	free(shown(cli_show_traffic, "{\"children\":[{},1]}"));
}

static void traffic_is_one_line_a_tunnel(void **state)
{
	(void)state;
	char *text = shown(cli_show_traffic, "{\"children\":[" CHILD "," CHILD "]}");
	assert_has(text, "net: 10.1.0.0/24, 10.11.0.0/24 === 10.2.0.0/24, in 1.5 kB, out 84 B, since ");
	assert_lacks(strchr(strchr(text, '\n') + 1, '\n') + 1, "net");
	free(text);
	text = shown(cli_show_traffic, "{\"children\":[]}");
	assert_string_equal(text, "no tunnel is up\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages_are_told_in_two_units_at_most),
		cmocka_unit_test(bytes_are_told_with_a_tenth),
		cmocka_unit_test(status_says_transport_since_when_and_why),
		cmocka_unit_test(status_says_selectors_bytes_and_what_was_dropped),
		cmocka_unit_test(status_of_a_connection_that_is_down_says_why_and_when_again),
		cmocka_unit_test(status_without_connections_says_so),
		cmocka_unit_test(missing_members_are_shown_as_dashes),
		cmocka_unit_test(traffic_is_one_line_a_tunnel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
