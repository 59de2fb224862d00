/* The sections of ipsec.conf, with also= and %default resolved. Private to conf/. */
#ifndef CULVERT_CONF_SECTION_H
#define CULVERT_CONF_SECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/message.h"

enum conf_side { CONF_LEFT = 0, CONF_RIGHT = 1 };

/* One "key=value". Texts point into the source. */
struct conf_entry {
	const struct conf_option *option;
	enum conf_side side;
	const char *key; /* as written */
	const char *value;
	struct conf_where at;
};

struct conf_entries {
	struct conf_entry *list;
	size_t count;
	size_t cap;
};

struct conf_section_text {
	const char *name; /* of a conn; NULL: config setup; "%default" */
	struct conf_where at;
	struct conf_entries entries;
	bool open;   /* being resolved: meeting it again is a cycle */
	size_t seen; /* stamp of the last connection that took this section's values in */
};

/* Connections of one file with its includes. */
enum { CONF_CONNS_MAX = 16384, CONF_ALSO_DEPTH_MAX = 32 };

struct conf_sections {
	struct conf_journal *journal;
	struct conf_section_text setup;
	struct conf_section_text defaults;
	struct conf_section_text *conns;
	size_t count;
	size_t cap;
	size_t *order;			   /* indexes of conns, by name; made by conf_sections_sort */
	struct conf_section_text *current; /* NULL: outside, or inside one that is skipped */
	bool skipping;
	size_t stamp;
	size_t steps; /* of resolving also=, bounded */
};

/* A line from the source (the callback of struct conf_source); arg is the struct conf_sections. */
void conf_sections_line(void *arg, char *line, bool indented, struct conf_where at);
/* After the last line: finds connections defined twice, and prepares looking up by name. CV_E_NOMEM. */
enum cv_err conf_sections_finish(struct conf_sections *s) CV_NODISCARD;
/* All values for one connection, the most specific of each option: its own, then those of also= in order and
 * depth first, then %default's. Options that may repeat keep all of one section. out is reused: its count is
 * set anew. CV_E_SYNTAX: an also= leads nowhere (said in the journal). CV_E_LIMIT: too much to follow, in
 * this file. */
enum cv_err conf_sections_resolve(struct conf_sections *s, struct conf_section_text *conn,
				  struct conf_entries *out) CV_NODISCARD;
void conf_sections_free(struct conf_sections *s);
void conf_entries_free(struct conf_entries *e);

#endif
