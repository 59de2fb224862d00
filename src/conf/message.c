#include "conf/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool already_said(const struct conf_journal *j, const char *text)
{
	for (size_t i = 0; i < j->count; i++)
		if (strcmp(j->list[i].text, text) == 0)
			return true;
	return false;
}

static struct conf_message *new_message(struct conf_journal *j)
{
	if (j->count == j->cap) {
		size_t cap = j->cap ? j->cap * 2 : 16;
		struct conf_message *list = realloc(j->list, cap * sizeof(*list));

		if (!list) {
			j->out_of_memory = true;
			return NULL;
		}
		j->list = list;
		j->cap = cap;
	}
	return &j->list[j->count++];
}

static void add_message(struct conf_journal *j, enum cv_log_level level, const char *text)
{
	struct conf_message *m;

	if (already_said(j, text))
		return;
	m = new_message(j);
	if (!m)
		return;
	m->level = (uint8_t)level;
	snprintf(m->text, sizeof(m->text), "%s", text);
}

void conf_say(struct conf_journal *j, enum cv_log_level level, struct conf_where at, const char *format, ...)
{
	char text[sizeof(((struct conf_message *)NULL)->text)];
	int used;
	va_list args;

	if (level == CV_LOG_ERROR && j->lenient) {
		level = CV_LOG_WARNING;
		j->forgiven++;
	} else if (level == CV_LOG_ERROR) {
		j->errors++;
	}
	if (j->count >= (level == CV_LOG_ERROR ? CONF_MESSAGES_ERRORS_MAX : CONF_MESSAGES_MAX)) {
		j->left_out++;
		return;
	}
	used = at.line ? snprintf(text, sizeof(text), "%s:%u: ", at.file, at.line)
		       : snprintf(text, sizeof(text), "%s: ", at.file);
	if (used < 0 || (size_t)used >= sizeof(text))
		used = 0;
	va_start(args, format);
	vsnprintf(text + used, sizeof(text) - (size_t)used, format, args);
	va_end(args);
	add_message(j, level, text);
}

struct conf_shown conf_show(const char *text)
{
	struct conf_shown out;
	size_t n = 0;

	while (*text && n < sizeof(out.text) - 4) {
		unsigned char c = (unsigned char)*text++;

		out.text[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	out.text[n] = '\0';
	if (*text)
		memcpy(out.text + n, "...", 4);
	return out;
}

void conf_journal_finish(struct conf_journal *j, struct conf_where at, struct conf_message **list,
			 size_t *count)
{
	struct conf_message *m = j->left_out ? new_message(j) : NULL;

	if (m) {
		m->level = CV_LOG_WARNING;
		snprintf(m->text, sizeof(m->text), "%s: %zu further messages are not shown", at.file,
			 j->left_out);
	}
	if (!j->list)
		j->list = calloc(1, sizeof(*j->list));
	*list = j->list;
	*count = j->count;
	*j = (struct conf_journal){ 0 };
}
