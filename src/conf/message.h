/* What reading a file has to say: a bounded list of lines "file:line: message". Private to conf/. */
#ifndef CULVERT_CONF_MESSAGE_H
#define CULVERT_CONF_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "lib/log.h"

/* More than these are counted, not kept: a garbage file must not fill the memory or the screen. */
#define CONF_MESSAGES_MAX 200
/* Errors may be some more, so that warnings do not hide them all. */
#define CONF_MESSAGES_ERRORS_MAX 220
/* After so many errors reading stops. */
#define CONF_ERRORS_MAX 1000

struct conf_where {
	const char *file;
	unsigned line; /* 0: the file as a whole */
};

struct conf_journal {
	struct conf_message *list;
	size_t count;
	size_t cap;
	size_t left_out;
	size_t errors;
	bool lenient;	 /* errors are said as warnings (a connection with auto=ignore) */
	size_t forgiven; /* errors said as warnings */
	bool out_of_memory;
};

/* Adds a message. The very same text is said once. */
void conf_say(struct conf_journal *j, enum cv_log_level level, struct conf_where at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Text from a file, made fit for a message: cut, and unprintable octets replaced. */
struct conf_shown {
	char text[84];
};
struct conf_shown conf_show(const char *text);

/* Hands the list over to the caller of conf_load; *list is never NULL unless memory ran out. */
void conf_journal_finish(struct conf_journal *j, struct conf_where at, struct conf_message **list,
			 size_t *count);

#endif
