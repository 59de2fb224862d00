/* ipsec.secrets: records "IDENTITY... : PSK SECRET". A record starts at the line's beginning; indented lines
 * go on with it. No message ever shows a part of the file, for a misplaced colon makes a secret look like an
 * identity. */
#include "conf/secrets.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "conf/load.h"
#include "conf/secret_text.h"
#include "conf/source.h"
#include "conf/value.h"

enum { RECORD_MAX = 65536, TOKEN_MAX = 2048, IDS_MAX = 100000, WEAK_BELOW = 16 };

struct secrets_reader {
	struct conf_journal *journal;
	struct conf_secrets *out;
	size_t id_total;
	char *record; /* the lines of one record, joined by blanks; wiped */
	size_t len;
	bool too_long;
	struct conf_where at; /* of the record */
};

/* --- one record --- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static void bad(const struct secrets_reader *r, const char *what)
{
	conf_say(r->journal, CV_LOG_ERROR, r->at, "%s", what);
}

static bool grow_ids(struct secrets_reader *r, struct conf_secret *s)
{
	struct ike_id *ids = realloc(s->ids, (s->id_count + 1U) * sizeof(*ids));
	bool *any;

	if (ids)
		s->ids = ids;
	any = ids ? realloc(s->any, (s->id_count + 1U) * sizeof(*any)) : NULL;
	if (any)
		s->any = any;
	else
		r->journal->out_of_memory = true;
	return any != NULL;
}

static bool add_id(struct secrets_reader *r, struct conf_secret *s, const char *token)
{
	struct ike_id id;
	const char *wrong = conf_parse_id(token, &id);

	if (wrong) {
		conf_say(r->journal, CV_LOG_ERROR, r->at, "identity %u of this record: %s", s->id_count + 1U,
			 wrong);
		return false;
	}
	if (r->id_total >= IDS_MAX || s->id_count == UINT16_MAX) {
		conf_say(r->journal, CV_LOG_ERROR, r->at, "there are too many identities (at most %d)",
			 IDS_MAX);
		return false;
	}
	if (!grow_ids(r, s))
		return false;
	r->id_total++;
	s->any[s->id_count] = id.type == 0;
	s->ids[s->id_count++] = id;
	return true;
}

/* Copies the next word, with quotes taken off, into token. Returns where it goes on, or NULL: said. */
static const char *next_token(const struct secrets_reader *r, const char *p, char token[TOKEN_MAX])
{
	const char *end;
	size_t len;

	if (*p == '"' || *p == '\'') {
		end = strchr(p + 1, *p);
		if (!end) {
			bad(r, "a closing quote is missing");
			return NULL;
		}
		p++;
		len = (size_t)(end - p);
		end++;
	} else {
		len = strcspn(p, " \t\r\f\v");
		end = p + len;
	}
	if (len >= TOKEN_MAX) {
		bad(r, "a word is too long (at most 2047 octets)");
		return NULL;
	}
	memcpy(token, p, len);
	token[len] = '\0';
	return end;
}

/* A colon at a word's end belongs to an IPv6 address, or ends the identities. */
static bool ends_identities(char *token)
{
	size_t len = strlen(token);
	struct cv_ip ip;

	if (!len || token[len - 1] != ':' || cv_ip_parse(token, &ip) == CV_OK)
		return false;
	token[len - 1] = '\0';
	return true;
}

/* Returns what stands behind the colon, or NULL: said. */
static const char *read_identities(struct secrets_reader *r, const char *p, struct conf_secret *s)
{
	char token[TOKEN_MAX];

	for (;;) {
		bool last;

		while (is_space(*p))
			p++;
		if (*p == ':')
			return p + 1;
		if (!*p) {
			bad(r, "expected ': PSK \"secret\"' behind the identities");
			return NULL;
		}
		p = next_token(r, p, token);
		if (!p)
			return NULL;
		last = ends_identities(token);
		if (*token && !add_id(r, s, token))
			return NULL;
		if (last)
			return p;
	}
}

static bool keep_secret(struct secrets_reader *r, const struct conf_secret *s)
{
	struct conf_secrets *out = r->out;

	if (out->count == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 8;
		struct conf_secret *list = realloc(out->list, cap * sizeof(*list));

		if (!list) {
			r->journal->out_of_memory = true;
			return false;
		}
		out->list = list;
		out->cap = cap;
	}
	out->list[out->count++] = *s;
	return true;
}

static void free_secret(struct conf_secret *s)
{
	cv_secret_free(&s->psk);
	free(s->ids);
	free(s->any);
}

/* What stands behind the colon. */
static bool read_value(struct secrets_reader *r, const char *p, struct conf_secret *s)
{
	const char *wrong;
	enum cv_err err;
	size_t len;

	while (is_space(*p))
		p++;
	if (strncasecmp(p, "PSK", 3) != 0 || (p[3] && !is_space(p[3]) && p[3] != '"' && p[3] != '\'')) {
		conf_say(r->journal, CV_LOG_WARNING, r->at,
			 "this record is left out: culvert knows preshared keys (PSK) only");
		return false;
	}
	p += 3;
	while (is_space(*p))
		p++;
	len = strlen(p);
	while (len && is_space(p[len - 1]))
		len--;
	err = conf_secret_text_parse(cv_bytes(p, len), &s->psk, &wrong);
	if (err == CV_E_NOMEM)
		r->journal->out_of_memory = true;
	else if (err != CV_OK)
		bad(r, wrong);
	if (err != CV_OK)
		return false;
	if (s->psk.len < WEAK_BELOW)
		conf_say(r->journal, CV_LOG_WARNING, r->at,
			 "this preshared key is shorter than %d octets and may be guessed by who records the "
			 "handshake; make one with: openssl rand -base64 33",
			 WEAK_BELOW);
	return true;
}

static void end_record(struct secrets_reader *r)
{
	struct conf_secret s = { 0 };
	const char *p;

	if (r->too_long)
		bad(r, "the record is too long");
	else if (r->len) {
		p = read_identities(r, r->record, &s);
		if (!p || !read_value(r, p, &s) || !keep_secret(r, &s))
			free_secret(&s);
	}
	if (r->record)
		cv_wipe(r->record, RECORD_MAX);
	r->len = 0;
	r->too_long = false;
}

/* --- lines --- */

/* A comment starts at '#' in front of a word, outside quotes; a quote is one in front of a word. */
static size_t cut_comment(const char *line)
{
	size_t i = 0;

	while (line[i]) {
		if (is_space(line[i])) {
			i++;
		} else if (line[i] == '#') {
			return i;
		} else if (line[i] == '"' || line[i] == '\'') {
			const char *end = strchr(line + i + 1, line[i]);

			i = end ? (size_t)(end - line) + 1 : strlen(line);
		} else {
			i += strcspn(line + i, " \t\r\f\v");
		}
	}
	return i;
}

static void take_line(void *arg, char *line, bool indented, struct conf_where at)
{
	struct secrets_reader *r = arg;
	size_t len = cut_comment(line);

	if (!indented) {
		end_record(r);
		r->at = at;
	} else if (!r->len && !r->too_long) {
		conf_say(r->journal, CV_LOG_ERROR, at,
			 "an indented line goes on with a record, but there is none before it");
		return;
	}
	if (!r->record)
		r->record = malloc(RECORD_MAX);
	if (!r->record) {
		r->journal->out_of_memory = true;
		return;
	}
	if (r->too_long || r->len + len + 2 > RECORD_MAX) {
		r->too_long = true;
		return;
	}
	memcpy(r->record + r->len, line, len);
	r->len += len;
	r->record[r->len++] = ' ';
	r->record[r->len] = '\0';
}

/* --- loading --- */

void conf_secrets_free(struct conf_secrets *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free_secret(&s->list[i]);
	free(s->list);
	free(s);
}

static void check_modes(const struct conf_source *source)
{
	for (const struct conf_text *t = source->texts; t; t = t->next)
		if (t->mode & (S_IRWXG | S_IRWXO))
			conf_say(
			    source->journal, CV_LOG_WARNING, (struct conf_where){ .file = t->name },
			    "others than its owner may read or write this file of secrets; use: chmod 600 %s",
			    t->name);
}

static enum cv_err load(struct conf_source *source, const char *name, const struct cv_bytes *memory,
			struct conf_secrets *out)
{
	struct secrets_reader r = { .journal = source->journal, .out = out };
	enum cv_err err;

	source->line = take_line;
	source->arg = &r;
	err = memory ? conf_source_memory(source, name, *memory) : conf_source_file(source, name);
	if (err == CV_OK)
		end_record(&r);
	if (r.record)
		cv_wipe(r.record, RECORD_MAX);
	free(r.record);
	check_modes(source);
	if (err == CV_OK && source->journal->out_of_memory)
		err = CV_E_NOMEM;
	if (err == CV_OK && source->journal->errors)
		err = CV_E_SYNTAX;
	return err;
}

static enum cv_err load_any(const char *name, const struct cv_bytes *memory, struct conf_secrets **out,
			    struct conf_message **messages, size_t *count)
{
	struct conf_journal journal = { 0 };
	struct conf_source source = { .journal = &journal, .secret = true, .no_include = memory != NULL };
	struct conf_secrets *s = calloc(1, sizeof(*s));
	enum cv_err err = s ? load(&source, name, memory, s) : CV_E_NOMEM;

	*out = NULL;
	conf_journal_finish(&journal, (struct conf_where){ .file = name }, messages, count);
	conf_source_free(&source);
	if (err == CV_OK)
		*out = s;
	else
		conf_secrets_free(s);
	return err;
}

enum cv_err conf_secrets_load(const char *path, struct conf_secrets **out, struct conf_message **messages,
			      size_t *count)
{
	return load_any(path, NULL, out, messages, count);
}

enum cv_err conf_secrets_load_text(const char *name, struct cv_bytes text, struct conf_secrets **out,
				   struct conf_message **messages, size_t *count)
{
	return load_any(name, &text, out, messages, count);
}
