/* The control socket's requests and answers: reading one ends with a request that can be written and read
 * again, or with a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(struct cv_bytes line)
{
	struct ctl_request request, again;
	char why[200] = "";

	if (ctl_request_parse(line, &request, why, sizeof(why)) != CV_OK) {
		if (why[0] == '\0')
			abort();
		return;
	}
	char *written = ctl_request_line(&request);
	if (written == NULL || strchr(written, '\n') != written + strlen(written) - 1 ||
	    ctl_request_parse(cv_bytes(written, strlen(written)), &again, why, sizeof(why)) != CV_OK ||
	    again.command != request.command || strcmp(again.name, request.name) != 0)
		abort();
	free(written);
}

static void check_answer(struct cv_bytes line)
{
	struct ctl_answer answer, again;

	if (ctl_answer_parse(line, &answer) != CV_OK)
		return;
	char *written = ctl_answer_line(answer.kind, answer.text, answer.data);
	if (written == NULL || ctl_answer_parse(cv_bytes(written, strlen(written)), &again) != CV_OK ||
	    again.kind != answer.kind || (again.data == NULL) != (answer.data == NULL))
		abort();
	free(written);
	ctl_answer_free(&again);
	ctl_answer_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cv_bytes line = cv_bytes(data, size);

	check_request(line);
	check_answer(line);
	return 0;
}
