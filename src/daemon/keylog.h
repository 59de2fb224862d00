/* Session keys in the form of Wireshark's tables, for reading a capture of our own traffic. Only with
 * --keylog. */
#ifndef CULVERT_DAEMON_KEYLOG_H
#define CULVERT_DAEMON_KEYLOG_H

#include "ike/engine.h"
#include "lib/err.h"

/* Appends the keys of an IKE SA to dir/ikev2_decryption_table. CV_E_UNSUPPORTED: Wireshark has no name for
 * its algorithms. CV_E_IO. */
enum cv_err daemon_keylog_ike(const char *dir, const struct ike_sa_keys *keys) CV_NODISCARD;
/* Appends the keys of both directions to dir/esp_sa. Errors as above. */
enum cv_err daemon_keylog_child(const char *dir, const struct ike_child_sa *sa) CV_NODISCARD;

#endif
