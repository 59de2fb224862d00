/* Session keys as Wireshark's tables want them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/keylog.h"
#include "wire/numbers.h"

static char dir[] = "/tmp/culvert-keylog-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/culvert-keylog-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static void path_of(const char *file, char *out, size_t cap)
{
	snprintf(out, cap, "%s/%s", dir, file);
}

static int remove_dir(void **state)
{
	char path[100];
	(void)state;
	path_of("ikev2_decryption_table", path, sizeof(path));
	unlink(path);
	path_of("esp_sa", path, sizeof(path));
	unlink(path);
	return rmdir(dir);
}

static void assert_file(const char *file, const char *content)
{
	char path[100], got[2000];
	struct stat st;
	path_of(file, path, sizeof(path));
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	size_t len = fread(got, 1, sizeof(got) - 1, f);
	fclose(f);
	got[len] = 0;
	assert_string_equal(got, content);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static struct cv_key key_of(uint8_t octet, uint16_t len)
{
	struct cv_key key = { .len = len };
	memset(key.b, octet, len);
	return key;
}

static void ike_keys_are_one_line_of_the_table(void **state)
{
	(void)state;
	struct ike_sa_keys keys = {
		.spi_i = 0x0102030405060708,
		.spi_r = 0xa1a2a3a4a5a6a7a8,
		.encr = WIRE_ENCR_AES_CBC,
		.key_bits = 128,
		.integ = WIRE_AUTH_HMAC_SHA2_256_128,
		.sk_ei = key_of(0x11, 4),
		.sk_er = key_of(0x22, 4),
		.sk_ai = key_of(0x33, 3),
		.sk_ar = key_of(0x44, 3),
	};
	static const char line[] =
	    "0102030405060708,a1a2a3a4a5a6a7a8,11111111,22222222,\"AES-CBC-128 [RFC3602]\","
	    "333333,444444,\"HMAC_SHA2_256_128 [RFC4868]\"\n";
	char twice[2 * sizeof(line)];
	assert_int_equal(daemon_keylog_ike(dir, &keys), CV_OK);
	assert_file("ikev2_decryption_table", line);
	assert_int_equal(daemon_keylog_ike(dir, &keys), CV_OK);
	snprintf(twice, sizeof(twice), "%s%s", line, line);
	assert_file("ikev2_decryption_table", twice);
}

static void aead_has_no_integrity_key(void **state)
{
	(void)state;
	struct ike_sa_keys keys = {
		.spi_i = 1,
		.spi_r = 2,
		.encr = WIRE_ENCR_AES_GCM_16,
		.key_bits = 256,
		.sk_ei = key_of(0x11, 2),
		.sk_er = key_of(0x22, 2),
	};
	assert_int_equal(daemon_keylog_ike(dir, &keys), CV_OK);
	assert_file("ikev2_decryption_table",
		    "0000000000000001,0000000000000002,1111,2222,"
		    "\"AES-GCM-256 with 16 octet ICV [RFC5282]\",,,\"NONE [RFC4306]\"\n");
}

static void child_keys_are_one_line_for_each_direction(void **state)
{
	(void)state;
	struct ike_child_sa sa = {
		.spi_in = 0x1001,
		.spi_out = 0xc0ffee00,
		.encr = WIRE_ENCR_AES_CBC,
		.key_bits = 256,
		.integ = WIRE_AUTH_HMAC_SHA2_512_256,
		.encr_key_in = key_of(0x11, 2),
		.encr_key_out = key_of(0x22, 2),
		.integ_key_in = key_of(0x33, 2),
		.integ_key_out = key_of(0x44, 2),
		.path = { .remote = { .ip = { .family = CV_IPV6 } } },
	};
	assert_int_equal(daemon_keylog_child(dir, &sa), CV_OK);
	assert_file("esp_sa", "\"IPv6\",\"*\",\"*\",\"0x00001001\",\"AES-CBC [RFC3602]\",\"0x1111\","
			      "\"HMAC-SHA-512-256 [RFC4868]\",\"0x3333\"\n"
			      "\"IPv6\",\"*\",\"*\",\"0xc0ffee00\",\"AES-CBC [RFC3602]\",\"0x2222\","
			      "\"HMAC-SHA-512-256 [RFC4868]\",\"0x4444\"\n");
}

static void algorithm_that_wireshark_cannot_name_is_said(void **state)
{
	(void)state;
	struct ike_sa_keys keys = { .encr = WIRE_ENCR_CHACHA20_POLY1305, .key_bits = 256 };
	struct ike_child_sa sa = { .encr = WIRE_ENCR_3DES };
	assert_int_equal(daemon_keylog_ike(dir, &keys), CV_E_UNSUPPORTED);
	assert_int_equal(daemon_keylog_child(dir, &sa), CV_E_UNSUPPORTED);
}

static void folder_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	struct ike_sa_keys keys = { .encr = WIRE_ENCR_AES_GCM_16, .key_bits = 128 };
	assert_int_equal(daemon_keylog_ike("/nonexistent/folder", &keys), CV_E_IO);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ike_keys_are_one_line_of_the_table, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(aead_has_no_integrity_key, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(child_keys_are_one_line_for_each_direction, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(algorithm_that_wireshark_cannot_name_is_said, make_dir,
						remove_dir),
		cmocka_unit_test(folder_that_is_not_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
