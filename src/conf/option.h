/* Finding options, and taking their values in. Private to conf/. */
#ifndef CULVERT_CONF_OPTION_H
#define CULVERT_CONF_OPTION_H

#include "conf/conf.h"
#include "conf/message.h"
#include "conf/section.h"

/* One of the values of an option that has a fixed set of them. */
struct conf_word {
	const char *word; /* NULL ends the list */
	uint8_t value;
	uint8_t support;  /* enum conf_support of this very value */
	const char *text; /* of ignored and refused ones */
};

/* What an option's apply function gets. */
struct conf_apply {
	struct conf_journal *journal;
	const struct conf_entry *entry;
	void *field;
};

/* The table (table.c); the entry with the NULL name is behind the last. */
extern const struct conf_option conf_option_table[];

/* Fills entry->option and entry->side by entry->key, and says what is to be said of an unknown, misplaced or
 * obsolete name. False: leave the entry out. */
bool conf_option_find(struct conf_journal *j, enum conf_section section, struct conf_entry *entry);
/* Takes one value in. base: the struct that the option's offset counts from; for sided ones that of the end.
 */
void conf_option_apply(struct conf_journal *j, const struct conf_entry *entry, void *base);
/* Words are found whatever their case; NULL: none of them. */
const struct conf_word *conf_word_find(const struct conf_word *words, const char *text);

#endif
