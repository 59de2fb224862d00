/* `culvert options`: the table as text for a terminal. */
#include <string.h>

#include "conf/conf.h"

static const int width = 80, indent = 6;

/* Writes the words of one sentence, broken into lines. */
static void print_wrapped(FILE *out, const char *intro, const char *text)
{
	int column = fprintf(out, "%*s%s", indent, "", intro);

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column + 1 + len > width && column > indent) {
			fputc('\n', out);
			column = fprintf(out, "%*s", indent, "");
		}
		column += fprintf(out, "%s%.*s", column > indent ? " " : "", len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputs(".\n", out);
}

static const char *support_text(const struct conf_option *o)
{
	switch (o->support) {
	case CONF_IGNORED: return "ignored";
	case CONF_REFUSED: return "refused";
	default: return "carried out";
	}
}

static void print_option(FILE *out, const struct conf_option *o)
{
	if (o->sided)
		fprintf(out, "\n  left%s, right%s (%s)\n", o->name, o->name, support_text(o));
	else
		fprintf(out, "\n  %s (%s)\n", o->name, support_text(o));
	fprintf(out, "%*s%s", indent, "", o->type);
	if (*o->fallback)
		fprintf(out, "; default: %s", o->fallback);
	fputc('\n', out);
	print_wrapped(out, "", o->text);
	if (o->why)
		print_wrapped(out, o->support == CONF_REFUSED ? "Refused:" : "Ignored:", o->why);
}

void conf_options_print(FILE *out)
{
	int section = -1;

	for (const struct conf_option *o = conf_options(); o->name; o++) {
		if (section != o->section)
			fprintf(out, "%s%s\n", section < 0 ? "" : "\n",
				o->section == CONF_SECTION_SETUP ? "config setup" : "conn NAME");
		section = o->section;
		print_option(out, o);
	}
}
