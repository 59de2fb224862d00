#include "conf/option.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/value.h"

const struct conf_option *conf_options(void)
{
	return conf_option_table;
}

/* --- finding --- */

static const struct conf_option *find_plain(enum conf_section section, const char *name, bool sided)
{
	for (const struct conf_option *o = conf_option_table; o->name; o++)
		if (o->section == section && o->sided == sided && strcasecmp(o->name, name) == 0)
			return o;
	return NULL;
}

static bool split_side(const char *key, enum conf_side *side, const char **name)
{
	if (strncasecmp(key, "left", 4) == 0) {
		*side = CONF_LEFT;
		*name = key + 4;
	} else if (strncasecmp(key, "right", 5) == 0) {
		*side = CONF_RIGHT;
		*name = key + 5;
	} else {
		return false;
	}
	return **name != '\0';
}

static const struct conf_option *find_key(enum conf_section section, const char *key, enum conf_side *side)
{
	const struct conf_option *o = NULL;
	const char *name;

	*side = CONF_LEFT;
	if (section == CONF_SECTION_CONN && split_side(key, side, &name))
		o = find_plain(section, name, true);
	if (!o) {
		*side = CONF_LEFT;
		o = find_plain(section, key, false);
	}
	if (o && o->alias)
		o = find_plain(section, o->alias, o->sided);
	return o;
}

/* --- the nearest name for a misspelt one --- */

enum { NAME_MAX_LEN = 48 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters must be changed, added, left out or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][NAME_MAX_LEN + 1];
	size_t la = strlen(a);
	size_t lb = strlen(b);

	if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = row[i % 3];
		const unsigned *last = row[(i + 2) % 3];
		const unsigned *before = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned changed = last[j - 1] + (a[i - 1] != b[j - 1]);

			now[j] = least(changed, least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return row[la % 3][lb];
}

struct nearest {
	char name[NAME_MAX_LEN];
	unsigned distance;
};

static void try_name(struct nearest *n, const char *key, const char *prefix, const char *name)
{
	char full[NAME_MAX_LEN];
	unsigned d;

	if ((size_t)snprintf(full, sizeof(full), "%s%s", prefix, name) >= sizeof(full))
		return;
	d = distance(key, full);
	if (d < n->distance) {
		n->distance = d;
		memcpy(n->name, full, sizeof(full));
	}
}

static bool find_nearest(enum conf_section section, const char *key, struct nearest *n)
{
	size_t len = strlen(key);

	n->distance = NAME_MAX_LEN;
	for (const struct conf_option *o = conf_option_table; o->name; o++) {
		if (o->section != section)
			continue;
		if (o->sided && strcasecmp(o->name, key) == 0) { /* the side was forgotten */
			snprintf(n->name, sizeof(n->name), "left%s", o->name);
			return true;
		}
		if (o->sided) {
			try_name(n, key, "left", o->name);
			try_name(n, key, "right", o->name);
		} else {
			try_name(n, key, "", o->name);
		}
	}
	return n->distance <= (len < 6 ? 1 : len < 12 ? 2 : 3);
}

static void say_unknown(struct conf_journal *j, enum conf_section section, const struct conf_entry *entry)
{
	enum conf_section other = section == CONF_SECTION_SETUP ? CONF_SECTION_CONN : CONF_SECTION_SETUP;
	struct conf_shown shown = conf_show(entry->key);
	enum conf_side side;
	struct nearest n;

	if (find_key(other, entry->key, &side))
		conf_say(j, CV_LOG_ERROR, entry->at, "'%s' belongs in %s, not here", shown.text,
			 other == CONF_SECTION_SETUP ? "'config setup'" : "a 'conn' section");
	else if (find_nearest(section, entry->key, &n))
		conf_say(j, CV_LOG_ERROR, entry->at, "there is no option '%s'; did you mean '%s'?",
			 shown.text, n.name);
	else
		conf_say(j, CV_LOG_ERROR, entry->at, "there is no option '%s'", shown.text);
}

bool conf_option_find(struct conf_journal *j, enum conf_section section, struct conf_entry *entry)
{
	entry->option = find_key(section, entry->key, &entry->side);
	if (!entry->option)
		say_unknown(j, section, entry);
	return entry->option != NULL;
}

/* --- taking values in --- */

const struct conf_word *conf_word_find(const struct conf_word *words, const char *text)
{
	for (; words->word; words++)
		if (strcasecmp(words->word, text) == 0)
			return words;
	return NULL;
}

static bool is_type(const struct conf_option *o, const char *type)
{
	return strcmp(o->type, type) == 0;
}

/* Whether a value that we do nothing with is at least one of its kind. */
static bool is_sensible(const struct conf_option *o, const char *value)
{
	uint64_t number;
	bool truth;

	if (is_type(o, "boolean"))
		return conf_parse_bool(value, &truth);
	if (is_type(o, "time"))
		return conf_parse_time(value, 1000, &number);
	if (is_type(o, "size") || is_type(o, "number"))
		return conf_parse_size(value, &number);
	return true;
}

static bool is_default(const struct conf_option *o, const char *value)
{
	uint64_t number, usual;
	bool truth, usually;

	if (is_type(o, "boolean") && conf_parse_bool(value, &truth) && conf_parse_bool(o->fallback, &usually))
		return truth == usually;
	if (is_type(o, "time") && conf_parse_time(value, 1000, &number) &&
	    conf_parse_time(o->fallback, 1000, &usual))
		return number == usual;
	return strcasecmp(value, o->fallback) == 0;
}

static void judge(struct conf_journal *j, const struct conf_entry *e, uint8_t support, const char *why)
{
	struct conf_shown value = conf_show(e->value);

	if (support == CONF_REFUSED)
		conf_say(j, CV_LOG_ERROR, e->at, "%s=%s is not possible: %s", e->key, value.text, why);
	else if (support == CONF_IGNORED)
		conf_say(j, is_type(e->option, "obsolete") ? CV_LOG_WARNING : CV_LOG_NOTICE, e->at,
			 "%s=%s is ignored: %s", e->key, value.text, why);
}

void conf_option_apply(struct conf_journal *j, const struct conf_entry *e, void *base)
{
	const struct conf_option *o = e->option;
	const struct conf_apply a = { .journal = j, .entry = e, .field = (char *)base + o->offset };

	if (o->apply) {
		o->apply(&a);
	} else if (o->words) {
		const struct conf_word *w = conf_word_find(o->words, e->value);

		if (w)
			judge(j, e, w->support, w->text);
		else
			conf_say(j, CV_LOG_ERROR, e->at, "%s=%s: expected %s", e->key,
				 conf_show(e->value).text, o->type);
	} else if (!is_sensible(o, e->value)) {
		conf_say(j, CV_LOG_ERROR, e->at, "%s=%s: this is no %s", e->key, conf_show(e->value).text,
			 o->type);
	} else if (!is_default(o, e->value)) {
		judge(j, e, o->support, o->why);
	}
}
