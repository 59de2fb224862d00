/* What the tests of conf/ share: loading a text, and looking at its messages. Includes cmocka. */
#ifndef CULVERT_TESTS_CONF_TEXT_H
#define CULVERT_TESTS_CONF_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/load.h"
#include "lib/log.h"

struct loaded {
	struct conf *conf;
	enum cv_err err;
	struct conf_message *messages;
	size_t count;
};

static inline struct loaded load_octets(const void *data, size_t len)
{
	struct loaded l;

	l.err = conf_load_text("test.conf", cv_bytes(data, len), &l.conf, &l.messages, &l.count);
	assert_non_null(l.messages);
	assert_true((l.err == CV_OK) == (l.conf != NULL));
	return l;
}

static inline struct loaded load_text(const char *text)
{
	return load_octets(text, strlen(text));
}

static inline void unload(struct loaded *l)
{
	conf_free(l->conf);
	free(l->messages);
}

static inline bool said(const struct loaded *l, const char *part)
{
	for (size_t i = 0; i < l->count; i++)
		if (strstr(l->messages[i].text, part))
			return true;
	return false;
}

static inline void assert_said(const struct loaded *l, const char *part)
{
	if (said(l, part))
		return;
	for (size_t i = 0; i < l->count; i++)
		print_message("  said: %s\n", l->messages[i].text);
	fail_msg("nothing was said about: %s", part);
}

/* A connection in which the lines of `extra` stand beside what every one needs. */
static inline struct loaded load_conn(const char *extra)
{
	struct loaded l;
	char *text;

	assert_true(
	    asprintf(&text,
		     "conn net\n\tleft=192.0.2.1\n\tright=198.51.100.1\n\tauthby=secret\n\tauto=add\n%s",
		     extra) > 0);
	l = load_text(text);
	free(text);
	return l;
}

/* The same, which must load; silent: without any message. */
static inline const struct conf_conn *good_conn(struct loaded *l, const char *extra)
{
	*l = load_conn(extra);
	for (size_t i = 0; l->err != CV_OK && i < l->count; i++)
		print_message("  said: %s\n", l->messages[i].text);
	assert_int_equal(l->err, CV_OK);
	assert_non_null(conf_conn_find(l->conf, "net"));
	return conf_conn_find(l->conf, "net");
}

#endif
