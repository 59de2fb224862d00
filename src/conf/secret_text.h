/* The forms in which a secret is written: "quoted", 0x hex, 0s base64, 0t text. Private to conf/. */
#ifndef CULVERT_CONF_SECRET_TEXT_H
#define CULVERT_CONF_SECRET_TEXT_H

#include "lib/bytes.h"
#include "lib/err.h"
#include "lib/secret.h"

/* text: what follows PSK, up to the end of the record, without white space around. NULL and *out, or what is
 * wrong (never with a part of the secret in it). */
const char *conf_secret_text_parse(struct cv_bytes text, struct cv_secret *out);

#endif
