/* Makes the manual page: copies the text of its other parts, and puts the table of options where the lines
 *
 *   .\" OPTIONS setup|conn carried-out|ignored|refused
 *
 * stand. A program of the build, not installed. */
#include <stdio.h>
#include <string.h>

#include "conf/option.h"

struct chapter {
	const char *line;
	uint8_t section;
	uint8_t support;
};

static const struct chapter chapters[] = {
	{ ".\\\" OPTIONS setup carried-out\n", CONF_SECTION_SETUP, CONF_CARRIED_OUT },
	{ ".\\\" OPTIONS conn carried-out\n", CONF_SECTION_CONN, CONF_CARRIED_OUT },
	{ ".\\\" OPTIONS setup ignored\n", CONF_SECTION_SETUP, CONF_IGNORED },
	{ ".\\\" OPTIONS conn ignored\n", CONF_SECTION_CONN, CONF_IGNORED },
	{ ".\\\" OPTIONS setup refused\n", CONF_SECTION_SETUP, CONF_REFUSED },
	{ ".\\\" OPTIONS conn refused\n", CONF_SECTION_CONN, CONF_REFUSED },
};

/* For an argument of a macro or a text line: what mdoc would take for its own is escaped. */
static void put_escaped(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else if (text[i] == '-')
			fputs("\\-", stdout);
		else
			putchar(text[i]);
	}
}

static void put_word(const char *text)
{
	put_escaped(text, strlen(text));
}

static const size_t line_max = 76;

/* Sentences, each beginning a line as mdoc wants it, in lines that are not long; the last one gets its full
 * stop. used: what stands in the line already. */
static void put_sentences(const char *text, size_t used)
{
	while (*text) {
		size_t len = strcspn(text, " ");
		bool ends = text[len] == '\0' || text[len - 1] == '.';

		if (used && used + 1 + len > line_max) {
			putchar('\n');
			used = 0;
		}
		used += (size_t)printf("%s", used ? " " : *text == '.' || *text == '\'' ? "\\&" : "") + len;
		put_escaped(text, len);
		if (ends) {
			fputs(text[len] ? "\n" : ".\n", stdout);
			used = 0;
		}
		text += len;
		text += strspn(text, " ");
	}
}

static void put_item(const struct conf_option *o)
{
	fputs(".It Sy ", stdout);
	if (o->sided) {
		fputs("left", stdout);
		put_word(o->name);
		fputs(" , right", stdout);
	}
	put_word(o->name);
	fputs(" No = Ar ", stdout);
	put_word(o->type);
	putchar('\n');
}

/* The values that are not carried out although the option is. */
static void put_words(const struct conf_word *words)
{
	while (words && words->word) {
		const struct conf_word *first = words++;

		if (first->support == CONF_CARRIED_OUT)
			continue;
		fputs(".Sy ", stdout);
		put_word(first->word);
		for (; words->word && words->text && first->text && strcmp(words->text, first->text) == 0;
		     words++) {
			fputs(" , ", stdout);
			put_word(words->word);
		}
		fputs(first->support == CONF_REFUSED ? "\n(refused):" : "\n(ignored):", stdout);
		put_sentences(first->text, 10);
	}
}

static void put_option(const struct conf_option *o)
{
	put_item(o);
	put_sentences(o->text, 0);
	if (*o->fallback && o->support == CONF_CARRIED_OUT) {
		fputs("The default is\n.Sy ", stdout);
		put_word(o->fallback);
		fputs(" .\n", stdout);
	}
	if (o->why) {
		fputs("Why:", stdout);
		put_sentences(o->why, 4);
	}
	put_words(o->words);
}

static void put_chapter(const struct chapter *c)
{
	fputs(".Bl -tag -width Ds\n", stdout);
	for (const struct conf_option *o = conf_options(); o->name; o++)
		if (o->section == c->section && o->support == c->support)
			put_option(o);
	fputs(".El\n", stdout);
}

static const struct chapter *find_chapter(const char *line)
{
	for (size_t i = 0; i < sizeof(chapters) / sizeof(*chapters); i++)
		if (strcmp(chapters[i].line, line) == 0)
			return &chapters[i];
	return NULL;
}

int main(int argc, char **argv)
{
	char line[1024];
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (!in) {
		fprintf(stderr, "usage: options-man TEMPLATE > PAGE\n");
		return 1;
	}
	while (fgets(line, sizeof(line), in)) {
		const struct chapter *c = find_chapter(line);

		if (c)
			put_chapter(c);
		else
			fputs(line, stdout);
	}
	fclose(in);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
