#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/protocol.h"

static enum cv_err parse(const char *text, struct ctl_request *out)
{
	char why[160] = "";
	enum cv_err err = ctl_request_parse(cv_bytes(text, strlen(text)), out, why, sizeof(why));
	if (err == CV_OK)
		assert_string_equal(why, "");
	else
		assert_string_not_equal(why, "");
	return err;
}

static void a_request_goes_there_and_back(void **state)
{
	(void)state;
	for (uint8_t command = CTL_UP; command <= CTL_VERSION; command++) {
		struct ctl_request request = { .command = command }, again;
		if (ctl_command_name(command) >= 0)
			strcpy(request.name, "office/1x2");
		char *line = ctl_request_line(&request);
		assert_non_null(line);
		assert_int_equal(line[strlen(line) - 1], '\n');
		assert_int_equal(parse(line, &again), CV_OK);
		assert_int_equal(again.command, command);
		assert_string_equal(again.name, request.name);
		assert_int_equal(ctl_command_find(ctl_command_word(command)), command);
		free(line);
	}
	assert_null(ctl_command_word(0));
	assert_int_equal(ctl_command_find("fly"), 0);
}

static void nonsense_is_refused_with_a_reason(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"{",
		"null",
		"17",
		"\"up\"",
		"[]",
		"[{\"command\":\"up\",\"name\":\"x\"}]",
		"{}",
		"{\"command\":null}",
		"{\"command\":17}",
		"{\"command\":\"fly\"}",
		"{\"command\":\"up\"}",
		"{\"command\":\"up\",\"name\":\"\"}",
		"{\"command\":\"up\",\"name\":7}",
		"{\"command\":\"up\",\"name\":[]}",
		"{\"command\":\"up\",\"name\":\"a b\"}",
		"{\"command\":\"up\",\"name\":\"a\\nb\"}",
		"{\"command\":\"up\",\"name\":\"a\\u0000b\"}",
		"{\"command\":\"reload\",\"name\":\"x\"}",
		"{\"command\":\"up\",\"command\":\"down\",\"name\":\"x\"}",
		"{\"command\":\"up\",\"name\":\"x\"} trailing",
		"GET / HTTP/1.1",
		"{\"command\":\"up\",\"name\":\"\xff\xfe\"}",
		("{\"command\":\"up\",\"name\":"
		 "\"0123456789012345678901234567890123456789012345678901234567890123\"}"),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ctl_request out;
		if (parse(bad[i], &out) == CV_OK)
			fail_msg("taken: %s", bad[i]);
	}
}

static void the_longest_name_fits(void **state)
{
	(void)state;
	struct ctl_request out;
	assert_int_equal(parse("{\"command\":\"up\",\"name\":"
			       "\"012345678901234567890123456789012345678901234567890123456789012\"}",
			       &out),
			 CV_OK);
	assert_int_equal(strlen(out.name), IKE_NAME_MAX - 1);
}

/* Deep nesting must not exhaust the stack. */
static void deep_nesting_is_refused(void **state)
{
	(void)state;
	char text[CTL_REQUEST_MAX + 1];
	struct ctl_request out;
	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_not_equal(parse(text, &out), CV_OK);
}

static void members_that_are_not_known_are_left_alone(void **state)
{
	(void)state;
	struct ctl_request out;
	assert_int_equal(parse("{\"command\":\"status\",\"from\":{\"the\":[\"future\"]}}", &out), CV_OK);
	assert_int_equal(out.command, CTL_STATUS);
}

static void an_answer_goes_there_and_back(void **state)
{
	(void)state;
	static const uint8_t kinds[] = { CTL_PROGRESS, CTL_DONE, CTL_FAILED };
	for (size_t i = 0; i < sizeof(kinds); i++) {
		json_t *data = json_pack("{s:i}", "number", 7);
		struct ctl_answer a;
		char *line = ctl_answer_line(kinds[i], "text with \"quotes\"\nand a line", data);
		assert_non_null(line);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
		assert_int_equal(ctl_answer_parse(cv_bytes(line, strlen(line)), &a), CV_OK);
		assert_int_equal(a.kind, kinds[i]);
		assert_string_equal(a.text, "text with \"quotes\"\nand a line");
		assert_int_equal(json_integer_value(json_object_get(a.data, "number")), 7);
		ctl_answer_free(&a);
		json_decref(data);
		free(line);
	}
}

/* Text can come from a peer (an identity) or a file. */
static void text_that_is_not_utf8_is_still_an_answer(void **state)
{
	(void)state;
	struct ctl_answer a;
	char *line = ctl_answer_line(CTL_FAILED, "identity \xff\xc3[", NULL);
	assert_non_null(line);
	assert_int_equal(ctl_answer_parse(cv_bytes(line, strlen(line)), &a), CV_OK);
	assert_string_equal(a.text, "identity ?\?[");
	ctl_answer_free(&a);
	free(line);
}

static void an_answer_that_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "",
					   "{}",
					   "[]",
					   "{\"done\":true}",
					   "{\"done\":1,\"text\":\"x\"}",
					   "{\"progress\":7}",
					   "{\"text\":\"x\"}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ctl_answer a;
		assert_int_equal(ctl_answer_parse(cv_bytes(bad[i], strlen(bad[i])), &a), CV_E_SYNTAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_goes_there_and_back),
		cmocka_unit_test(nonsense_is_refused_with_a_reason),
		cmocka_unit_test(the_longest_name_fits),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(members_that_are_not_known_are_left_alone),
		cmocka_unit_test(an_answer_goes_there_and_back),
		cmocka_unit_test(text_that_is_not_utf8_is_still_an_answer),
		cmocka_unit_test(an_answer_that_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
