/* Configuration files as lines: reading, includes, comments. Private to conf/. */
#ifndef CULVERT_CONF_SOURCE_H
#define CULVERT_CONF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/message.h"
#include "lib/bytes.h"

/* Bounds, so that no file can cost more than this much memory and time. */
enum {
	CONF_LINE_MAX = 16384,
	CONF_FILE_MAX = 16 << 20,
	CONF_TOTAL_MAX = 64 << 20,
	CONF_FILES_MAX = 4096,
	CONF_INCLUDE_DEPTH_MAX = 10,
};

/* One text that was read; lives until conf_source_free, so that values can point into it. */
struct conf_text {
	struct conf_text *next;
	char *name;
	char *data; /* NUL-terminated */
	size_t len;
	mode_t mode;
	dev_t device; /* which file it is, to cut cycles of includes */
	ino_t inode;
	bool being_read;
};

struct conf_source {
	struct conf_journal *journal;
	struct conf_text *texts;
	size_t text_count;
	size_t total;
	unsigned depth;
	bool no_include; /* texts from memory: includes are refused */
	bool secret;	 /* texts are wiped when freed */
	/* Called for every line that is neither empty nor a comment nor an include: without line end, comment
	 * and white space at its end. `indented`: it started with white space, which is taken off. The line
	 * may be changed. */
	void (*line)(void *arg, char *line, bool indented, struct conf_where at);
	void *arg;
};

/* Reads a file with all that it includes. CV_E_IO: could not be read (said in the journal), CV_E_NOMEM. What
 * is wrong inside is said in the journal and reading goes on. */
enum cv_err conf_source_file(struct conf_source *s, const char *path) CV_NODISCARD;
/* The same for a text in memory. */
enum cv_err conf_source_memory(struct conf_source *s, const char *name, struct cv_bytes data) CV_NODISCARD;
void conf_source_free(struct conf_source *s);

#endif
