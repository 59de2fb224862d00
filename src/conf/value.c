#include "conf/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- parsing --- */

bool conf_parse_bool(const char *text, bool *out)
{
	static const char *const yes[] = { "yes", "true", "on", "y", "1" };
	static const char *const no[] = { "no", "false", "off", "n", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
			*out = strcasecmp(text, yes[i]) == 0;
			return true;
		}
	return false;
}

/* Digits at the front; *rest goes behind them. */
static bool leading_number(const char *text, uint64_t *out, const char **rest)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	*rest = end;
	return errno == 0;
}

bool conf_parse_number(const char *text, uint64_t max, uint64_t *out)
{
	const char *rest;

	return leading_number(text, out, &rest) && *rest == '\0' && *out <= max;
}

bool conf_parse_port(const char *text, uint16_t *out)
{
	uint64_t n;

	if (!conf_parse_number(text, UINT16_MAX, &n) || n == 0)
		return false;
	*out = (uint16_t)n;
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static bool apply_unit(const struct unit *units, const char *name, uint64_t *n)
{
	for (; units->name; units++)
		if (strcmp(units->name, name) == 0)
			return !__builtin_mul_overflow(*n, units->factor, n);
	return false;
}

bool conf_parse_time(const char *text, uint32_t unit_ms, uint64_t *out_ms)
{
	static const struct unit units[] = {
		{ "ms", 1 },	   { "s", 1000 },      { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 }, { "w", 604800000 }, { 0 },
	};
	const char *rest;
	uint64_t n;

	if (!leading_number(text, &n, &rest))
		return false;
	if (strcmp(rest, "us") == 0)
		n = n / 1000 + (n % 1000 != 0);
	else if (*rest == '\0' ? __builtin_mul_overflow(n, unit_ms, &n) : !apply_unit(units, rest, &n))
		return false;
	*out_ms = n;
	return true;
}

bool conf_parse_size(const char *text, uint64_t *out)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "B", 1 },
		{ "Ki", 1ULL << 10 },
		{ "KiB", 1ULL << 10 },
		{ "k", 1ULL << 10 },
		{ "K", 1ULL << 10 },
		{ "Mi", 1ULL << 20 },
		{ "MiB", 1ULL << 20 },
		{ "m", 1ULL << 20 },
		{ "M", 1ULL << 20 },
		{ "Gi", 1ULL << 30 },
		{ "GiB", 1ULL << 30 },
		{ "g", 1ULL << 30 },
		{ "G", 1ULL << 30 },
		{ "Ti", 1ULL << 40 },
		{ "TiB", 1ULL << 40 },
		{ "Pi", 1ULL << 50 },
		{ "PiB", 1ULL << 50 },
		{ "Ei", 1ULL << 60 },
		{ "EiB", 1ULL << 60 },
		{ 0 },
	};
	const char *rest;

	return leading_number(text, out, &rest) && apply_unit(units, rest, out);
}

bool conf_next_item(const char **list, char *out, size_t cap, bool *too_long)
{
	static const char between[] = ", \t{}";
	const char *start = *list + strspn(*list, between);
	size_t len = strcspn(start, between);

	*list = start + len;
	*too_long = len >= cap;
	if (*too_long)
		len = cap - 1;
	memcpy(out, start, len);
	out[len] = '\0';
	return len > 0;
}

/* --- the table's simple kinds --- */

static void say_expected(const struct conf_apply *a, const char *what)
{
	conf_say(a->journal, CV_LOG_ERROR, a->entry->at, "%s=%s: expected %s", a->entry->key,
		 conf_show(a->entry->value).text, what);
}

void conf_apply_bool(const struct conf_apply *a)
{
	if (!conf_parse_bool(a->entry->value, a->field))
		say_expected(a, "yes or no");
}

void conf_apply_word(const struct conf_apply *a)
{
	const struct conf_entry *e = a->entry;
	const struct conf_word *w = conf_word_find(e->option->words, e->value);
	uint8_t *field = a->field;

	if (!w) {
		say_expected(a, e->option->type);
		return;
	}
	if (w->support != CONF_CARRIED_OUT)
		conf_say(a->journal, w->support == CONF_REFUSED ? CV_LOG_ERROR : CV_LOG_NOTICE, e->at,
			 w->support == CONF_REFUSED ? "%s=%s is not possible: %s" : "%s=%s: %s", e->key,
			 w->word, w->text);
	*field = w->value;
}

static void apply_time(const struct conf_apply *a, uint32_t unit_ms, const char *what)
{
	/* 24 days: what comes of it still fits 32 bits, with room for doubling */
	const uint64_t longest = 1ULL << 31;
	uint32_t *field = a->field;
	uint64_t ms;

	if (!conf_parse_time(a->entry->value, unit_ms, &ms) || ms > longest)
		say_expected(a, what);
	else
		*field = (uint32_t)ms;
}

void conf_apply_time(const struct conf_apply *a)
{
	apply_time(a, 1000, "a time like 30s, 5m or 1h, of at most 24 days");
}

void conf_apply_milliseconds(const struct conf_apply *a)
{
	apply_time(a, 1, "a time like 500ms or 2s, of at most 24 days; a number alone is milliseconds");
}

void conf_apply_number(const struct conf_apply *a)
{
	uint32_t *field = a->field;
	uint64_t n;

	if (conf_parse_number(a->entry->value, UINT32_MAX, &n))
		*field = (uint32_t)n;
	else
		say_expected(a, "a whole number");
}

void conf_apply_size(const struct conf_apply *a)
{
	uint32_t *field = a->field;
	uint64_t n;

	if (conf_parse_size(a->entry->value, &n) && n <= INT32_MAX)
		*field = (uint32_t)n;
	else
		say_expected(a, "a size like 1400, 64Ki or 1MiB, below 2GiB");
}

void conf_apply_port(const struct conf_apply *a)
{
	if (!conf_parse_port(a->entry->value, a->field))
		say_expected(a, "a port from 1 to 65535");
}

void conf_apply_path(const struct conf_apply *a)
{
	const char *value = a->entry->value;

	if (value[0] != '/' || strlen(value) >= CONF_PATH_MAX)
		say_expected(a, "an absolute path of less than 256 characters");
	else
		memcpy(a->field, value, strlen(value) + 1);
}

void conf_apply_address(const struct conf_apply *a)
{
	if (cv_ip_parse(a->entry->value, a->field) != CV_OK)
		say_expected(a, "an IP address");
}

void conf_apply_entry(const struct conf_apply *a)
{
	const struct conf_entry **field = a->field;

	*field = a->entry;
}
