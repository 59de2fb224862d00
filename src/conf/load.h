/* Loading from memory, for fuzzing and tests; `include` is refused there. Private to conf/. */
#ifndef CULVERT_CONF_LOAD_H
#define CULVERT_CONF_LOAD_H

#include "conf/conf.h"
#include "lib/bytes.h"

/* As conf_load and conf_secrets_load, with `name` as the file's name in messages. */
enum cv_err conf_load_text(const char *name, struct cv_bytes text, struct conf **out,
			   struct conf_message **messages, size_t *count) CV_NODISCARD;
enum cv_err conf_secrets_load_text(const char *name, struct cv_bytes text, struct conf_secrets **out,
				   struct conf_message **messages, size_t *count) CV_NODISCARD;

#endif
