#include "host/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char first_line[] = "culvertd host state 1";

static bool name_is_plain(const char *name)
{
	return name[0] != 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strchr(name, '/') == NULL;
}

static bool read_number(const char *text, int *out)
{
	char *end;
	errno = 0;
	long value = text == NULL ? -1 : strtol(text, &end, 10);
	if (value < 0 || value > INT_MAX || errno != 0 || end == text || *end != 0)
		return false;
	*out = (int)value;
	return true;
}

/* The words behind "rp_filter". */
static bool read_sysctl(char **rest, struct host_state_sysctl *out)
{
	const char *name = strtok_r(NULL, " ", rest);
	if (name == NULL || !name_is_plain(name) || strlen(name) >= sizeof(out->interface))
		return false;
	snprintf(out->interface, sizeof(out->interface), "%s", name);
	return read_number(strtok_r(NULL, " ", rest), &out->before) &&
	       read_number(strtok_r(NULL, " ", rest), &out->now) && strtok_r(NULL, " ", rest) == NULL;
}

static bool read_line(struct host_state *s, char *line)
{
	struct host_state_sysctl c;
	char *rest;
	bool *rule = strcmp(line, "rule 4") == 0 ? &s->rule4 : strcmp(line, "rule 6") == 0 ? &s->rule6 : NULL;
	if (rule != NULL) {
		*rule = true;
		return true;
	}
	const char *word = strtok_r(line, " ", &rest);
	if (word == NULL || strcmp(word, "rp_filter") != 0 || !read_sysctl(&rest, &c) ||
	    s->sysctl_count == HOST_STATE_SYSCTLS_MAX)
		return false;
	s->sysctl[s->sysctl_count++] = c;
	return true;
}

enum cv_err host_state_read(const char *run_dir, struct host_state *out)
{
	memset(out, 0, sizeof(*out));
	int len = snprintf(out->path, sizeof(out->path), "%s/host.state", run_dir);
	/* Room for the name of the new file. */
	if (len < 0 || (size_t)len + 5 > sizeof(out->path))
		return CV_E_NOSPACE;
	FILE *f = fopen(out->path, "re");
	if (f == NULL)
		return errno == ENOENT ? CV_OK : CV_E_IO;
	char line[128];
	bool good = true, first = true;
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = 0;
		if (first)
			good = strcmp(line, first_line) == 0;
		else if (!read_line(out, line))
			good = false;
		first = false;
	}
	if (ferror(f)) {
		fclose(f);
		return CV_E_IO;
	}
	fclose(f);
	return good && !first ? CV_OK : CV_E_SYNTAX;
}

static bool write_lines(const struct host_state *s, FILE *f)
{
	fprintf(f, "%s\n", first_line);
	if (s->rule4)
		fprintf(f, "rule 4\n");
	if (s->rule6)
		fprintf(f, "rule 6\n");
	for (size_t i = 0; i < s->sysctl_count; i++)
		fprintf(f, "rp_filter %s %d %d\n", s->sysctl[i].interface, s->sysctl[i].before,
			s->sysctl[i].now);
	return fflush(f) == 0 && !ferror(f);
}

enum cv_err host_state_write(const struct host_state *s)
{
	if (!s->rule4 && !s->rule6 && s->sysctl_count == 0)
		return unlink(s->path) == 0 || errno == ENOENT ? CV_OK : CV_E_IO;
	char fresh[HOST_STATE_PATH_MAX + 8];
	snprintf(fresh, sizeof(fresh), "%s.new", s->path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return CV_E_IO;
	FILE *f = fdopen(fd, "w");
	if (f == NULL) {
		close(fd);
		return CV_E_IO;
	}
	bool good = write_lines(s, f);
	good = fclose(f) == 0 && good;
	return good && rename(fresh, s->path) == 0 ? CV_OK : CV_E_IO;
}
