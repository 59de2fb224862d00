/* From the values of a connection to what the engine wants. Private to conf/. */
#ifndef CULVERT_CONF_COMPILE_H
#define CULVERT_CONF_COMPILE_H

#include "conf/raw.h"
#include "conf/section.h"

struct conf_setup conf_setup_defaults(const char *path);
/* CV_E_SYNTAX: said in the journal. CV_E_NOTFOUND: incomplete and auto=ignore, so of use to also= only. */
enum cv_err conf_compile(struct conf_journal *j, const struct conf_setup *setup,
			 const struct conf_section_text *section, const struct conf_entries *values,
			 struct conf_conn *out) CV_NODISCARD;
/* Of all values, whatever their order and place in the file. */
uint64_t conf_digest(const struct conf_setup *setup, const char *name, const struct conf_entries *values);

#endif
