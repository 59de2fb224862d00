/* The forms in which a secret is written: "quoted", 0x hex, 0s base64, 0t text. Private to conf/. */
#ifndef CULVERT_CONF_SECRET_TEXT_H
#define CULVERT_CONF_SECRET_TEXT_H

#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/secret.h"

/* text: what follows PSK, up to the end of the record, without white space around. CV_E_SYNTAX: *wrong says
 * what is wrong, never with a part of the secret in it. CV_E_NOMEM. */
enum cv_err conf_secret_text_parse(struct cv_bytes text, struct cv_secret *out,
				   const char **wrong) CV_NODISCARD;

#endif
