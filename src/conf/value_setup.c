/* Values of "config setup" with a syntax of their own. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/value.h"

static const uint16_t default_tcp_port = 4500; /* RFC 9329 section 2 */

static void say(const struct conf_apply *a, const char *expected)
{
	conf_say(a->journal, CV_LOG_ERROR, a->entry->at, "%s=%s: expected %s", a->entry->key,
		 conf_show(a->entry->value).text, expected);
}

void conf_apply_listen(const struct conf_apply *a)
{
	struct cv_ip *ip = a->field;

	if (strcmp(a->entry->value, "%any") == 0)
		*ip = (struct cv_ip){ 0 };
	else if (cv_ip_parse(a->entry->value, ip) != CV_OK)
		say(a, "an IP address of this host, or %any");
}

static bool add_port(struct conf_setup *setup, uint16_t port)
{
	for (uint8_t i = 0; i < setup->listen_tcp_count; i++)
		if (setup->listen_tcp[i] == port)
			return true;
	if (setup->listen_tcp_count == CONF_LISTEN_PORTS_MAX)
		return false;
	setup->listen_tcp[setup->listen_tcp_count++] = port;
	return true;
}

void conf_apply_listen_tcp(const struct conf_apply *a)
{
	struct conf_setup *setup = a->field;
	const char *list = a->entry->value;
	char item[8];
	bool truth, too_long;
	uint16_t port;

	setup->listen_tcp_count = 0;
	if (conf_parse_bool(list, &truth)) {
		if (truth)
			add_port(setup, default_tcp_port);
		return;
	}
	while (conf_next_item(&list, item, sizeof(item), &too_long))
		if (too_long || !conf_parse_port(item, &port) || !add_port(setup, port)) {
			say(a, "yes, no or a list of at most 16 ports");
			return;
		}
	if (!setup->listen_tcp_count)
		say(a, "yes, no or a list of at most 16 ports");
}

/* Only the kernel that runs the tunnel knows which names it has; the daemon says so at its start. */
void conf_apply_tcp_congestion(const struct conf_apply *a)
{
	struct conf_setup *setup = a->field;
	const char *value = a->entry->value;
	size_t len = strlen(value);

	if (strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_-") != len ||
	    len >= sizeof(setup->tcp_congestion)) {
		say(a, "system or the name of a congestion control, such as bbr or cubic");
		return;
	}
	memcpy(setup->tcp_congestion, value, len + 1);
}

void conf_apply_ddos_mode(const struct conf_apply *a)
{
	struct conf_setup *setup = a->field;
	const char *value = a->entry->value;

	setup->cookie_always = strcasecmp(value, "busy") == 0;
	setup->cookie_never = strcasecmp(value, "unlimited") == 0;
	if (!setup->cookie_always && !setup->cookie_never && strcasecmp(value, "auto") != 0)
		say(a, "auto, busy or unlimited");
}

void conf_apply_debug(const struct conf_apply *a)
{
	static const char *const known[] = { "base",   "routing", "cpu-usage", "refcnt", "tmi",
					     "updown", "crypt",	  "private",   "all",	 "debug" };
	uint8_t *level = a->field;
	const char *list = a->entry->value;
	char item[32];
	bool too_long;

	*level = CV_LOG_INFO;
	while (conf_next_item(&list, item, sizeof(item), &too_long)) {
		bool found = strcasecmp(item, "none") == 0 || strcasecmp(item, "info") == 0 ||
			     strncasecmp(item, "no-", 3) == 0;

		for (size_t i = 0; !found && i < sizeof(known) / sizeof(*known); i++)
			if (strcasecmp(item, known[i]) == 0) {
				*level = CV_LOG_DEBUG;
				found = true;
			}
		if (!found)
			conf_say(a->journal, CV_LOG_WARNING, a->entry->at,
				 "%s: '%s' is not known and left out", a->entry->key, conf_show(item).text);
	}
}

void conf_apply_secretsfile(const struct conf_apply *a)
{
	const char *value = a->entry->value;
	const char *slash = strrchr(a->entry->at.file, '/');
	int folder = slash && value[0] != '/' ? (int)(slash - a->entry->at.file + 1) : 0;
	char path[CONF_PATH_MAX];

	if (!*value ||
	    (size_t)snprintf(path, sizeof(path), "%.*s%s", folder, a->entry->at.file, value) >= sizeof(path))
		say(a, "a path of less than 256 characters");
	else
		memcpy(a->field, path, sizeof(path));
}
