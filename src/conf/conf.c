#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "conf/compile.h"
#include "conf/load.h"
#include "conf/option.h"
#include "conf/section.h"
#include "conf/source.h"

struct conf {
	struct conf_setup setup;
	struct conf_conn **conns;	  /* each of its own, as they are large; in the file's order */
	const struct conf_conn **by_name; /* the same, sorted */
	size_t count;
};

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		free(c->conns[i]);
	free(c->conns);
	free(c->by_name);
	free(c);
}

const struct conf_setup *conf_setup(const struct conf *c)
{
	return &c->setup;
}

size_t conf_conn_count(const struct conf *c)
{
	return c->count;
}

const struct conf_conn *conf_conn_at(const struct conf *c, size_t i)
{
	return i < c->count ? c->conns[i] : NULL;
}

static int compare_names(const void *a, const void *b)
{
	const struct conf_conn *const *x = a;
	const struct conf_conn *const *y = b;

	return strcmp((*x)->ike.name, (*y)->ike.name);
}

static int compare_with_name(const void *name, const void *conn)
{
	const struct conf_conn *const *c = conn;

	return strcmp(name, (*c)->ike.name);
}

const struct conf_conn *conf_conn_find(const struct conf *c, const char *name)
{
	const struct conf_conn *const *found =
	    bsearch(name, c->by_name, c->count, sizeof(*c->by_name), compare_with_name);

	return found ? *found : NULL;
}

static enum cv_err compile_conn(struct conf *c, struct conf_sections *s, struct conf_section_text *section,
				struct conf_entries *values)
{
	struct conf_conn *conn;
	enum cv_err err = conf_sections_resolve(s, section, values);

	if (err == CV_E_SYNTAX)
		return CV_OK; /* said; what is missing now would only puzzle */
	if (err != CV_OK)
		return err;
	conn = malloc(sizeof(*conn));
	if (!conn)
		return CV_E_NOMEM;
	err = conf_compile(s->journal, &c->setup, section, values, conn);
	if (err == CV_OK)
		c->conns[c->count++] = conn;
	else
		free(conn);
	return CV_OK; /* what was wrong is in the journal */
}

static enum cv_err compile_all(struct conf *c, struct conf_sections *s)
{
	struct conf_entries values = { 0 };
	enum cv_err err = CV_OK;

	for (size_t i = 0; i < s->setup.entries.count; i++)
		conf_option_apply(s->journal, &s->setup.entries.list[i], &c->setup);
	c->conns = calloc(s->count + 1, sizeof(struct conf_conn *));
	c->by_name = calloc(s->count + 1, sizeof(struct conf_conn *));
	if (!c->conns || !c->by_name)
		return CV_E_NOMEM;
	for (size_t i = 0; i < s->count && err == CV_OK && s->journal->errors < CONF_ERRORS_MAX; i++)
		err = compile_conn(c, s, &s->conns[i], &values);
	conf_entries_free(&values);
	for (size_t i = 0; i < c->count; i++)
		c->by_name[i] = c->conns[i];
	qsort(c->by_name, c->count, sizeof(*c->by_name), compare_names);
	return err;
}

static enum cv_err load(struct conf_source *source, const char *name, const struct cv_bytes *memory,
			struct conf *c)
{
	struct conf_sections s = { .journal = source->journal };
	enum cv_err err;

	source->line = conf_sections_line;
	source->arg = &s;
	c->setup = conf_setup_defaults(name);
	err = memory ? conf_source_memory(source, name, *memory) : conf_source_file(source, name);
	if (err == CV_OK)
		err = conf_sections_finish(&s);
	if (err == CV_OK)
		err = compile_all(c, &s);
	conf_sections_free(&s);
	if (err == CV_OK && source->journal->out_of_memory)
		err = CV_E_NOMEM;
	if (err == CV_E_LIMIT || (err == CV_OK && source->journal->errors))
		err = CV_E_SYNTAX;
	return err;
}

static enum cv_err load_any(const char *name, const struct cv_bytes *memory, struct conf **out,
			    struct conf_message **messages, size_t *count)
{
	struct conf_journal journal = { 0 };
	struct conf_source source = { .journal = &journal, .no_include = memory != NULL };
	struct conf *c = calloc(1, sizeof(*c));
	enum cv_err err = c ? load(&source, name, memory, c) : CV_E_NOMEM;

	*out = NULL;
	conf_journal_finish(&journal, (struct conf_where){ .file = name }, messages, count);
	conf_source_free(&source);
	if (err == CV_OK)
		*out = c;
	else
		conf_free(c);
	return err;
}

enum cv_err conf_load(const char *path, struct conf **out, struct conf_message **messages, size_t *count)
{
	return load_any(path, NULL, out, messages, count);
}

enum cv_err conf_load_text(const char *name, struct cv_bytes text, struct conf **out,
			   struct conf_message **messages, size_t *count)
{
	return load_any(name, &text, out, messages, count);
}
