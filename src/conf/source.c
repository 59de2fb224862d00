#include "conf/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret.h"

static void free_text(struct conf_text *t, bool secret)
{
	if (!t)
		return;
	if (secret && t->data)
		cv_wipe(t->data, t->len);
	free(t->data);
	free(t->name);
	free(t);
}

void conf_source_free(struct conf_source *s)
{
	while (s->texts) {
		struct conf_text *t = s->texts;

		s->texts = t->next;
		free_text(t, s->secret);
	}
}

static struct conf_text *new_text(const char *name, size_t len)
{
	struct conf_text *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->name = strdup(name);
	t->data = malloc(len + 1);
	t->len = len;
	if (!t->name || !t->data) {
		free_text(t, false);
		return NULL;
	}
	t->data[len] = '\0';
	return t;
}

/* A comment starts at '#' in front of which is the line's start or white space, outside quotes:
 * leftid=@#0badcafe is not one. Returns the new length. */
static size_t cut_comment(const char *line, size_t len)
{
	char quote = '\0';

	for (size_t i = 0; i < len; i++) {
		char c = line[i];
		bool after_space = i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t';

		if (quote) {
			if (c == quote)
				quote = '\0';
		} else if (c == '"') {
			quote = c;
		} else if (c == '#' && after_space) {
			return i;
		}
	}
	return len;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* The pattern of "include PATTERN", or NULL when the line is something else. */
static char *include_pattern(char *line)
{
	static const char word[] = "include";
	char *p = line + sizeof(word) - 1;
	size_t len;

	if (strncmp(line, word, sizeof(word) - 1) != 0 || !is_blank(*p))
		return NULL;
	while (is_blank(*p))
		p++;
	len = strlen(p);
	if (len >= 2 && p[0] == '"' && p[len - 1] == '"') {
		p[len - 1] = '\0';
		p++;
	}
	return p;
}

static enum cv_err read_included(struct conf_source *s, const char *pattern, struct conf_where at);

static enum cv_err one_line(struct conf_source *s, char *line, size_t len, struct conf_where at)
{
	bool indented = len && is_blank(line[0]);
	char *pattern;

	if (len > CONF_LINE_MAX) {
		conf_say(s->journal, CV_LOG_ERROR, at, "the line is too long (%zu octets; at most %d)", len,
			 CONF_LINE_MAX);
		return CV_OK;
	}
	if (memchr(line, '\0', len)) {
		conf_say(s->journal, CV_LOG_ERROR, at,
			 "there is a NUL octet in this line; is this a text file?");
		return CV_OK;
	}
	while (len && is_blank(*line)) {
		line++;
		len--;
	}
	if (!s->secret)
		len = cut_comment(line, len);
	while (len && is_blank(line[len - 1]))
		len--;
	line[len] = '\0';
	if (!len || line[0] == '#')
		return CV_OK;
	pattern = indented ? NULL : include_pattern(line);
	if (pattern)
		return read_included(s, pattern, at);
	s->line(s->arg, line, indented, at);
	return CV_OK;
}

static enum cv_err read_lines(struct conf_source *s, struct conf_text *t)
{
	char *p = t->data;
	char *end = t->data + t->len;
	struct conf_where at = { .file = t->name, .line = 0 };
	enum cv_err err = CV_OK;

	while (p < end && err == CV_OK && !s->journal->out_of_memory &&
	       s->journal->errors < CONF_ERRORS_MAX) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);

		at.line++;
		err = one_line(s, p, len, at);
		p += len + 1;
	}
	return s->journal->out_of_memory ? CV_E_NOMEM : err;
}

/* Takes t over. */
static enum cv_err read_text(struct conf_source *s, struct conf_text *t)
{
	enum cv_err err;

	t->next = s->texts;
	s->texts = t;
	s->text_count++;
	s->total += t->len;
	t->being_read = true;
	s->depth++;
	err = read_lines(s, t);
	s->depth--;
	t->being_read = false;
	return err;
}

enum cv_err conf_source_memory(struct conf_source *s, const char *name, struct cv_bytes data)
{
	struct conf_text *t = new_text(name, data.len);

	if (!t)
		return CV_E_NOMEM;
	if (data.len)
		memcpy(t->data, data.data, data.len);
	return read_text(s, t);
}

static enum cv_err read_all(int fd, struct conf_text *t)
{
	size_t done = 0;

	while (done < t->len) {
		ssize_t n = read(fd, t->data + done, t->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return CV_E_IO;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	t->len = done;
	t->data[done] = '\0';
	return CV_OK;
}

/* Which file it is, and whether we want it. */
static enum cv_err check_file(struct conf_source *s, const char *path, int fd, struct stat *st,
			      struct conf_where at)
{
	if (fstat(fd, st) < 0) {
		conf_say(s->journal, CV_LOG_ERROR, at, "could not look at %s: %s", path, strerror(errno));
		return CV_E_IO;
	}
	if (!S_ISREG(st->st_mode)) {
		/* a pattern like /etc/culvert/... also finds folders */
		conf_say(s->journal, at.line ? CV_LOG_WARNING : CV_LOG_ERROR, at, "%s is not a regular file",
			 path);
		return CV_E_IO;
	}
	if (st->st_size > CONF_FILE_MAX || s->total + (size_t)st->st_size > CONF_TOTAL_MAX ||
	    s->text_count >= CONF_FILES_MAX) {
		conf_say(s->journal, CV_LOG_ERROR, at,
			 "%s is not read: a file may have %d MiB, all together %d MiB in %d files", path,
			 CONF_FILE_MAX >> 20, CONF_TOTAL_MAX >> 20, CONF_FILES_MAX);
		return CV_E_IO;
	}
	for (const struct conf_text *t = s->texts; t; t = t->next)
		if (t->being_read && t->device == st->st_dev && t->inode == st->st_ino) {
			conf_say(s->journal, CV_LOG_WARNING, at, "%s includes itself; it is not read again",
				 path);
			return CV_E_EXISTS;
		}
	return CV_OK;
}

/* at: where a failure is to be said. */
static enum cv_err open_text(struct conf_source *s, const char *path, struct conf_where at,
			     struct conf_text **out)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum cv_err err;

	if (fd < 0) {
		conf_say(s->journal, CV_LOG_ERROR, at, "could not open %s: %s", path, strerror(errno));
		return CV_E_IO;
	}
	err = check_file(s, path, fd, &st, at);
	if (err == CV_OK) {
		*out = new_text(path, (size_t)st.st_size);
		err = *out ? CV_OK : CV_E_NOMEM;
	}
	if (err == CV_OK) {
		(*out)->mode = st.st_mode;
		(*out)->device = st.st_dev;
		(*out)->inode = st.st_ino;
		err = read_all(fd, *out);
		if (err != CV_OK) {
			conf_say(s->journal, CV_LOG_ERROR, at, "could not read %s: %s", path,
				 strerror(errno));
			free_text(*out, s->secret);
		}
	}
	close(fd);
	return err;
}

enum cv_err conf_source_file(struct conf_source *s, const char *path)
{
	struct conf_text *t;
	enum cv_err err = open_text(s, path, (struct conf_where){ .file = path }, &t);

	return err == CV_OK ? read_text(s, t) : err;
}

/* A relative pattern counts from the folder of the including file. Allocated; NULL: no memory. */
static char *resolve_pattern(const char *pattern, const char *including)
{
	const char *slash = strrchr(including, '/');
	char *out;

	if (pattern[0] == '/' || !slash)
		return strdup(pattern);
	if (asprintf(&out, "%.*s%s", (int)(slash - including + 1), including, pattern) < 0)
		return NULL;
	return out;
}

static enum cv_err read_matches(struct conf_source *s, const glob_t *found, struct conf_where at)
{
	for (size_t i = 0; i < found->gl_pathc; i++) {
		struct conf_text *t;
		enum cv_err err = open_text(s, found->gl_pathv[i], at, &t);

		if (err == CV_OK)
			err = read_text(s, t);
		if (err == CV_E_NOMEM)
			return err;
	}
	return CV_OK;
}

static enum cv_err read_included(struct conf_source *s, const char *pattern, struct conf_where at)
{
	glob_t found = { 0 };
	char *full;
	enum cv_err err = CV_OK;
	int result;

	if (s->no_include) {
		conf_say(s->journal, CV_LOG_ERROR, at, "include is not possible here");
		return CV_OK;
	}
	if (s->depth >= CONF_INCLUDE_DEPTH_MAX) {
		conf_say(s->journal, CV_LOG_ERROR, at, "includes are nested too deeply (at most %d)",
			 CONF_INCLUDE_DEPTH_MAX);
		return CV_OK;
	}
	full = resolve_pattern(pattern, at.file);
	if (!full)
		return CV_E_NOMEM;
	result = glob(full, 0, NULL, &found);
	if (result == 0)
		err = read_matches(s, &found, at);
	else if (result == GLOB_NOSPACE)
		err = CV_E_NOMEM;
	else if (!strpbrk(full, "*?["))
		conf_say(s->journal, CV_LOG_WARNING, at, "there is no file %s to include",
			 conf_show(full).text);
	globfree(&found);
	free(full);
	return err;
}
