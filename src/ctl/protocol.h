/* What is said over the control socket: one JSON object a line. A request names a command; its answer is any
 * number of progress lines, then one last line:
 *
 *   {"command": "up", "name": "work"}
 *   {"progress": "trying UDP 192.0.2.1:500"}
 *   {"done": true, "text": "up"}     or     {"done": false, "text": "what happened, and what to do"}
 *
 * The last line may carry "data": what was asked for. */
#ifndef CULVERT_CTL_PROTOCOL_H
#define CULVERT_CTL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "ike/policy.h"
#include "lib/bytes.h"
#include "lib/err.h"

#define CTL_DEFAULT_RUN_DIR "/run/culvert"
#define CTL_SOCKET_NAME	    "culvertd.ctl"
#define CTL_REQUEST_MAX	    4096 /* octets of a request with its newline */

enum ctl_command {
	CTL_UP = 1,
	CTL_DOWN,
	CTL_ADD,
	CTL_DELETE,
	CTL_RELOAD,
	CTL_STATUS,
	CTL_TRAFFIC,
	CTL_VERSION,
};

struct ctl_request {
	uint8_t command;	 /* enum ctl_command */
	char name[IKE_NAME_MAX]; /* of a connection; "" when the command has none */
};

/* Reads one request (without its newline; hostile). On failure text says what is wrong with it. */
enum cv_err ctl_request_parse(struct cv_bytes line, struct ctl_request *out, char *text,
			      size_t cap) CV_NODISCARD;
/* A request as a line with its end; NULL when there is no memory. To be freed. */
char *ctl_request_line(const struct ctl_request *request);
/* The word of a command ("up"); NULL for an unknown number. */
const char *ctl_command_word(uint8_t command);
/* Whether the command needs a name: 1 must have one, 0 may have one, -1 has none. */
int ctl_command_name(uint8_t command);
/* 0 when there is no such command. */
uint8_t ctl_command_find(const char *word);

enum ctl_answer_kind { CTL_PROGRESS, CTL_DONE, CTL_FAILED };
/* An answer as a line with its end; NULL when there is no memory. data (may be NULL) is only read. Text that
 * is not UTF-8 is made so. */
char *ctl_answer_line(uint8_t kind, const char *text, json_t *data);

struct ctl_answer {
	uint8_t kind; /* enum ctl_answer_kind */
	char text[1024];
	json_t *data; /* or NULL; released with ctl_answer_free */
};
/* Reads one answer, for the command and for tests. CV_E_SYNTAX. */
enum cv_err ctl_answer_parse(struct cv_bytes line, struct ctl_answer *out) CV_NODISCARD;
void ctl_answer_free(struct ctl_answer *a);

/* A JSON string of text whose octets may be anything; NULL when there is no memory. */
json_t *ctl_json_text(const char *text);

#endif
