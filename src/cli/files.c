#include "cli/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/client.h"
#include "conf/conf.h"
#include "ctl/protocol.h"
#include "lib/log.h"

/* What both files had to say. */
struct findings {
	size_t errors, warnings;
	json_t *messages; /* array, or NULL when text is wanted */
};

static void take_messages(struct findings *f, const struct conf_message *messages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *level = messages[i].level == CV_LOG_ERROR	  ? "error"
				    : messages[i].level == CV_LOG_WARNING ? "warning"
									  : "note";
		f->errors += messages[i].level == CV_LOG_ERROR;
		f->warnings += messages[i].level == CV_LOG_WARNING;
		if (f->messages == NULL)
			printf("%s (%s)\n", messages[i].text, level);
		else
			json_array_append_new(f->messages, json_pack("{s:s, s:o}", "level", level, "text",
								     ctl_json_text(messages[i].text)));
	}
}

static void take_failure(struct findings *f, const char *path, enum cv_err err, size_t count)
{
	if (err == CV_OK || count > 0)
		return;
	struct conf_message m = { .level = CV_LOG_ERROR };
	snprintf(m.text, sizeof(m.text), "%s: %s", path, err == CV_E_IO ? strerror(errno) : cv_err_text(err));
	take_messages(f, &m, 1);
}

static void check_secrets(struct findings *f, const char *path)
{
	struct conf_secrets *secrets = NULL;
	struct conf_message *messages = NULL;
	size_t count = 0;
	enum cv_err err = conf_secrets_load(path, &secrets, &messages, &count);
	take_messages(f, messages, count);
	take_failure(f, path, err, count);
	free(messages);
	conf_secrets_free(secrets);
}

static int conclude(struct findings *f, const char *config, size_t connections)
{
	if (f->messages != NULL) {
		json_t *all = json_pack("{s:s, s:b, s:I, s:O}", "file", config, "good", f->errors == 0,
					"connections", (json_int_t)connections, "messages", f->messages);
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
		json_decref(f->messages);
	} else if (f->errors > 0) {
		printf("%s: %zu error%s, %zu warning%s: a daemon would not use it\n", config, f->errors,
		       f->errors == 1 ? "" : "s", f->warnings, f->warnings == 1 ? "" : "s");
	} else {
		printf("%s: good, %zu connection%s, %zu warning%s\n", config, connections,
		       connections == 1 ? "" : "s", f->warnings, f->warnings == 1 ? "" : "s");
	}
	return f->errors == 0 ? CLI_OK : CLI_FAILED;
}

int cli_check(const char *config, bool json)
{
	struct findings f = { .messages = json ? json_array() : NULL };
	struct conf *conf = NULL;
	struct conf_message *messages = NULL;
	size_t count = 0, connections = 0;
	enum cv_err err = conf_load(config, &conf, &messages, &count);
	take_messages(&f, messages, count);
	take_failure(&f, config, err, count);
	free(messages);
	if (err == CV_OK) {
		connections = conf_conn_count(conf);
		check_secrets(&f, conf_setup(conf)->secretsfile);
		conf_free(conf);
	}
	return conclude(&f, config, connections);
}

static const char *support_text(uint8_t support)
{
	static const char *const texts[] = {
		[CONF_CARRIED_OUT] = "carried out",
		[CONF_IGNORED] = "ignored",
		[CONF_REFUSED] = "refused",
	};
	return support < sizeof(texts) / sizeof(texts[0]) ? texts[support] : "-";
}

static int options_json(void)
{
	json_t *all = json_array();
	for (const struct conf_option *o = conf_options(); o->name != NULL; o++)
		json_array_append_new(
		    all, json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s}", "name", o->name, "section",
				   o->section == CONF_SECTION_SETUP ? "config setup" : "conn", "sided",
				   o->sided, "type", o->type, "default", o->fallback, "support",
				   support_text(o->support), "text", o->text));
	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
	return CLI_OK;
}

int cli_options_table(bool json)
{
	if (json)
		return options_json();
	conf_options_print(stdout);
	return CLI_OK;
}
