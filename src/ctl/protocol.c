#include "ctl/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
	uint8_t number;
	int name; /* 1 must, 0 may, -1 must not have one */
	const char *word;
};

static const struct command commands[] = {
	{ CTL_UP, 1, "up" },
	{ CTL_DOWN, 1, "down" },
	{ CTL_ADD, 1, "add" },
	{ CTL_DELETE, 1, "delete" },
	{ CTL_RELOAD, -1, "reload" },
	{ CTL_STATUS, 0, "status" },
	{ CTL_TRAFFIC, 0, "trafficstatus" },
	{ CTL_VERSION, -1, "version" },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct command *by_number(uint8_t number)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].number == number)
			return &commands[i];
	return NULL;
}

const char *ctl_command_word(uint8_t command)
{
	const struct command *c = by_number(command);
	return c == NULL ? NULL : c->word;
}

int ctl_command_name(uint8_t command)
{
	const struct command *c = by_number(command);
	return c == NULL ? -1 : c->name;
}

uint8_t ctl_command_find(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].word, word) == 0)
			return commands[i].number;
	return 0;
}

static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return false;
	return true;
}

/* The name, checked against what the command wants. */
static enum cv_err take_name(const json_t *object, struct ctl_request *out, char *text, size_t cap)
{
	const json_t *name = json_object_get(object, "name");
	int wanted = ctl_command_name(out->command);
	if (name == NULL && wanted == 1) {
		snprintf(text, cap, "'%s' needs the name of a connection", ctl_command_word(out->command));
		return CV_E_SYNTAX;
	}
	if (name == NULL)
		return CV_OK;
	size_t len = json_string_length(name);
	if (wanted < 0 || !json_is_string(name) || len == 0 || len >= sizeof(out->name) ||
	    !is_plain(json_string_value(name), len)) {
		snprintf(text, cap, "the request's name is not the name of a connection");
		return CV_E_SYNTAX;
	}
	memcpy(out->name, json_string_value(name), len + 1);
	return CV_OK;
}

enum cv_err ctl_request_parse(struct cv_bytes line, struct ctl_request *out, char *text, size_t cap)
{
	json_error_t error;
	memset(out, 0, sizeof(*out));
	json_t *object = json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(object)) {
		json_decref(object);
		snprintf(text, cap, "the request is not a JSON object");
		return CV_E_SYNTAX;
	}
	const char *word = json_string_value(json_object_get(object, "command"));
	out->command = word == NULL ? 0 : ctl_command_find(word);
	enum cv_err err = CV_E_UNSUPPORTED;
	if (out->command == 0)
		snprintf(text, cap, "the request names no known command");
	else
		err = take_name(object, out, text, cap);
	json_decref(object);
	return err;
}

/* Gives the object's text with a newline behind it, and releases the object. */
static char *line_of(json_t *object)
{
	char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text == NULL)
		return NULL;
	size_t len = strlen(text);
	char *line = realloc(text, len + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

char *ctl_request_line(const struct ctl_request *request)
{
	json_t *object = json_pack("{s:s}", "command", ctl_command_word(request->command));
	if (object != NULL && request->name[0] != 0 &&
	    json_object_set_new(object, "name", ctl_json_text(request->name)) != 0) {
		json_decref(object);
		return NULL;
	}
	return line_of(object);
}

json_t *ctl_json_text(const char *text)
{
	json_t *string = json_string(text);
	if (string != NULL)
		return string;
	char *plain = strdup(text);
	if (plain == NULL)
		return NULL;
	for (char *p = plain; *p != 0; p++)
		if ((unsigned char)*p > 0x7e)
			*p = '?';
	string = json_string(plain);
	free(plain);
	return string;
}

char *ctl_answer_line(uint8_t kind, const char *text, json_t *data)
{
	json_t *object = json_object();
	if (object == NULL)
		return NULL;
	int bad = 0;
	if (kind == CTL_PROGRESS) {
		bad |= json_object_set_new(object, "progress", ctl_json_text(text));
	} else {
		bad |= json_object_set_new(object, "done", json_boolean(kind == CTL_DONE));
		bad |= json_object_set_new(object, "text", ctl_json_text(text));
	}
	if (data != NULL)
		bad |= json_object_set(object, "data", data);
	if (bad != 0) {
		json_decref(object);
		return NULL;
	}
	return line_of(object);
}

enum cv_err ctl_answer_parse(struct cv_bytes line, struct ctl_answer *out)
{
	memset(out, 0, sizeof(*out));
	json_t *object = json_loadb((const char *)line.data, line.len, 0, NULL);
	const json_t *progress = json_object_get(object, "progress"), *done = json_object_get(object, "done");
	const json_t *text = progress != NULL ? progress : json_object_get(object, "text");
	if (!json_is_string(text) || (progress == NULL && !json_is_boolean(done))) {
		json_decref(object);
		return CV_E_SYNTAX;
	}
	out->kind = progress != NULL ? CTL_PROGRESS : json_is_true(done) ? CTL_DONE : CTL_FAILED;
	snprintf(out->text, sizeof(out->text), "%s", json_string_value(text));
	out->data = json_incref(json_object_get(object, "data"));
	json_decref(object);
	return CV_OK;
}

void ctl_answer_free(struct ctl_answer *a)
{
	json_decref(a->data);
	a->data = NULL;
}
