#include "conf/section.h"

#include <stdlib.h>
#include <string.h>

#include "conf/option.h"

/* Resolving also= visits at most this many entries in one file. */
static const size_t steps_max = 10000000;

void conf_entries_free(struct conf_entries *e)
{
	free(e->list);
	*e = (struct conf_entries){ 0 };
}

static bool add_entry(struct conf_journal *j, struct conf_entries *e, const struct conf_entry *entry)
{
	if (e->count == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 16;
		struct conf_entry *list = realloc(e->list, cap * sizeof(*list));

		if (!list) {
			j->out_of_memory = true;
			return false;
		}
		e->list = list;
		e->cap = cap;
	}
	e->list[e->count++] = *entry;
	return true;
}

void conf_sections_free(struct conf_sections *s)
{
	conf_entries_free(&s->setup.entries);
	conf_entries_free(&s->defaults.entries);
	for (size_t i = 0; i < s->count; i++)
		conf_entries_free(&s->conns[i].entries);
	free(s->conns);
	free(s->order);
	*s = (struct conf_sections){ 0 };
}

static struct conf_entry *find_entry(const struct conf_entries *e, const struct conf_entry *like)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->list[i].option == like->option && e->list[i].side == like->side)
			return &e->list[i];
	return NULL;
}

/* --- headers --- */

/* The next word of a line, ended with NUL; *rest goes behind it. NULL at the line's end. */
static char *next_word(char **rest)
{
	char *start = *rest + strspn(*rest, " \t");
	size_t len = strcspn(start, " \t");

	if (!len)
		return NULL;
	*rest = start + len;
	if (**rest)
		*(*rest)++ = '\0';
	return start;
}

static void begin_conn(struct conf_sections *s, const char *name, struct conf_where at)
{
	if (strlen(name) >= IKE_NAME_MAX - 8) {
		conf_say(s->journal, CV_LOG_ERROR, at,
			 "the name of this connection is too long (at most %d characters)", IKE_NAME_MAX - 9);
		return;
	}
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '"' || *p == '/') {
			conf_say(s->journal, CV_LOG_ERROR, at,
				 "the name '%s' of this connection has a character that a name cannot have "
				 "(a slash, a quote, or one outside printable ASCII)",
				 conf_show(name).text);
			return;
		}
	if (s->count >= CONF_CONNS_MAX) {
		conf_say(s->journal, CV_LOG_ERROR, at, "there are more than %d connections", CONF_CONNS_MAX);
		return;
	}
	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 16;
		struct conf_section_text *conns = realloc(s->conns, cap * sizeof(*conns));

		if (!conns) {
			s->journal->out_of_memory = true;
			return;
		}
		s->conns = conns;
		s->cap = cap;
	}
	s->current = &s->conns[s->count++];
	*s->current = (struct conf_section_text){ .name = name, .at = at };
}

static void begin_section(struct conf_sections *s, char *line, struct conf_where at)
{
	char *rest = line;
	const char *kind = next_word(&rest);
	const char *name = next_word(&rest);
	const char *more = next_word(&rest);

	s->current = NULL;
	s->skipping = true;
	if (kind && strcmp(kind, "version") == 0)
		return;
	if (kind && strcmp(kind, "config") == 0 && name && strcmp(name, "setup") == 0 && !more) {
		s->current = &s->setup;
	} else if (kind && strcmp(kind, "conn") == 0 && name && !more) {
		if (strcmp(name, "%default") == 0)
			s->current = &s->defaults;
		else
			begin_conn(s, name, at);
	} else if (kind && strchr(kind, '=')) {
		conf_say(s->journal, CV_LOG_ERROR, at, "'%s' must be indented to belong to a section",
			 conf_show(kind).text);
	} else {
		conf_say(s->journal, CV_LOG_ERROR, at,
			 "expected 'config setup', 'conn NAME' or 'include FILE', but found '%s'",
			 conf_show(kind ? kind : "").text);
	}
	s->skipping = !s->current;
}

/* --- key=value --- */

/* Takes quotes off in place. False when they do not match. */
static bool unquote(char **value)
{
	char *v = *value;
	size_t len = strlen(v);

	if (v[0] != '"')
		return !strchr(v, '"');
	if (len < 2 || strchr(v + 1, '"') != v + len - 1)
		return false;
	v[len - 1] = '\0';
	*value = v + 1;
	return true;
}

static void keep_entry(struct conf_sections *s, const struct conf_entry *entry)
{
	struct conf_entry *before = NULL;

	if (!entry->option->repeats)
		before = find_entry(&s->current->entries, entry);
	if (!before) {
		add_entry(s->journal, &s->current->entries, entry);
	} else if (s->current == &s->setup) {
		conf_say(s->journal, CV_LOG_WARNING, entry->at,
			 "%s is given again; this value replaces that of line %u", entry->key,
			 before->at.line);
		*before = *entry;
	} else {
		conf_say(s->journal, CV_LOG_WARNING, entry->at,
			 "%s is given twice in this section; the one in line %u counts", entry->key,
			 before->at.line);
	}
}

static bool split_entry(struct conf_journal *j, char *line, struct conf_entry *entry)
{
	char *equals = strchr(line, '=');
	char *end = equals;
	char *value;

	if (!equals || equals == line) {
		conf_say(j, CV_LOG_ERROR, entry->at, "expected 'name=value', but found '%s'",
			 conf_show(line).text);
		return false;
	}
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	value = equals + 1;
	value += strspn(value, " \t");
	if (!unquote(&value)) {
		conf_say(j, CV_LOG_ERROR, entry->at, "the quotes of the value of '%s' do not match",
			 conf_show(line).text);
		return false;
	}
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 && *p != '\t') {
			conf_say(j, CV_LOG_ERROR, entry->at, "the value of '%s' has an unprintable character",
				 conf_show(line).text);
			return false;
		}
	entry->key = line;
	entry->value = value;
	return true;
}

void conf_sections_line(void *arg, char *line, bool indented, struct conf_where at)
{
	struct conf_sections *s = arg;
	struct conf_entry entry = { .at = at };

	if (!indented) {
		begin_section(s, line, at);
		return;
	}
	if (!s->current) {
		if (!s->skipping)
			conf_say(s->journal, CV_LOG_ERROR, at, "'%s' stands outside of a section",
				 conf_show(line).text);
		return;
	}
	if (strncmp(line, "x-", 2) == 0) /* a comment, as in libreswan */
		return;
	if (split_entry(s->journal, line, &entry) &&
	    conf_option_find(s->journal, s->current == &s->setup ? CONF_SECTION_SETUP : CONF_SECTION_CONN,
			     &entry))
		keep_entry(s, &entry);
}

/* --- looking up and resolving --- */

static int compare_conns(const void *a, const void *b, void *arg)
{
	const struct conf_sections *s = arg;
	size_t ia = *(const size_t *)a;
	size_t ib = *(const size_t *)b;
	int order = strcmp(s->conns[ia].name, s->conns[ib].name);

	return order ? order : (ia > ib) - (ia < ib);
}

enum cv_err conf_sections_finish(struct conf_sections *s)
{
	if (s->journal->out_of_memory)
		return CV_E_NOMEM;
	s->order = malloc((s->count + 1) * sizeof(*s->order));
	if (!s->order)
		return CV_E_NOMEM;
	for (size_t i = 0; i < s->count; i++)
		s->order[i] = i;
	qsort_r(s->order, s->count, sizeof(*s->order), compare_conns, s);
	for (size_t i = 1; i < s->count; i++) {
		const struct conf_section_text *first = &s->conns[s->order[i - 1]];
		const struct conf_section_text *second = &s->conns[s->order[i]];

		if (strcmp(first->name, second->name) == 0)
			conf_say(s->journal, CV_LOG_ERROR, second->at,
				 "conn %s is there twice, first in %s:%u", second->name, first->at.file,
				 first->at.line);
	}
	return CV_OK;
}

static struct conf_section_text *find_conn(struct conf_sections *s, const char *name)
{
	size_t low = 0;
	size_t high = s->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(s->conns[s->order[mid]].name, name);

		if (order == 0)
			return &s->conns[s->order[mid]];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void take_in(struct conf_sections *s, struct conf_section_text *from, struct conf_entries *out,
		    unsigned depth);

static void follow_also(struct conf_sections *s, const struct conf_entry *also, struct conf_entries *out,
			unsigned depth)
{
	struct conf_section_text *other = find_conn(s, also->value);

	if (!other)
		conf_say(s->journal, CV_LOG_ERROR, also->at, "also=%s: there is no conn of this name",
			 conf_show(also->value).text);
	else if (other->open)
		conf_say(s->journal, CV_LOG_ERROR, also->at, "also=%s goes round in a circle", other->name);
	else if (depth >= CONF_ALSO_DEPTH_MAX)
		conf_say(s->journal, CV_LOG_ERROR, also->at, "also=%s: nested too deeply (at most %d)",
			 other->name, CONF_ALSO_DEPTH_MAX);
	else if (other->seen != s->stamp) /* the same section by two ways: once is enough */
		take_in(s, other, out, depth + 1);
}

/* Adds what `from` says on top of what is there already. */
static void take_in(struct conf_sections *s, struct conf_section_text *from, struct conf_entries *out,
		    unsigned depth)
{
	size_t had = out->count;

	from->open = true;
	from->seen = s->stamp;
	for (size_t i = 0; i < from->entries.count && s->steps < steps_max; i++) {
		const struct conf_entry *entry = &from->entries.list[i];
		struct conf_entries before = { .list = out->list, .count = had };

		s->steps += 1 + before.count / 16;
		if (!entry->option->also && !find_entry(&before, entry))
			add_entry(s->journal, out, entry);
	}
	for (size_t i = 0; i < from->entries.count && s->steps < steps_max; i++)
		if (from->entries.list[i].option->also)
			follow_also(s, &from->entries.list[i], out, depth);
	from->open = false;
}

enum cv_err conf_sections_resolve(struct conf_sections *s, struct conf_section_text *conn,
				  struct conf_entries *out)
{
	size_t errors = s->journal->errors;

	out->count = 0;
	s->stamp++;
	take_in(s, conn, out, 0);
	take_in(s, &s->defaults, out, 0);
	if (s->steps >= steps_max) {
		conf_say(s->journal, CV_LOG_ERROR, conn->at,
			 "the also= lines of this file are too many to follow");
		return CV_E_LIMIT;
	}
	if (s->journal->out_of_memory)
		return CV_E_NOMEM;
	return s->journal->errors == errors ? CV_OK : CV_E_SYNTAX;
}
