/* Values of single options: numbers, times, addresses, words. Private to conf/. */
#ifndef CULVERT_CONF_VALUE_H
#define CULVERT_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/option.h"

/* yes/no, true/false, on/off, y/n, 1/0. */
bool conf_parse_bool(const char *text, bool *out);
/* A number and us, ms, s, m, h, d or w; unit_ms: of a number alone. Fractions of a millisecond are rounded
 * up. */
bool conf_parse_time(const char *text, uint32_t unit_ms, uint64_t *out_ms);
/* A number and Ki, Mi, ... or KiB, MiB, ... or k, m, g (which count in 1024 too). */
bool conf_parse_size(const char *text, uint64_t *out);
bool conf_parse_number(const char *text, uint64_t max, uint64_t *out);
bool conf_parse_port(const char *text, uint16_t *out); /* 1 to 65535 */

/* Takes the next item of a list apart by commas and white space, copied to out. False at its end; *too_long
 * when the item did not fit. */
bool conf_next_item(const char **list, char *out, size_t cap, bool *too_long);

/* For the table: each checks entry->value and fills the field of its type, or says what is wrong. */
void conf_apply_bool(const struct conf_apply *a); /* bool */
void conf_apply_word(const struct conf_apply *a); /* uint8_t */
void conf_apply_time(const struct conf_apply *a); /* uint32_t, milliseconds; a number alone is seconds */
void conf_apply_milliseconds(const struct conf_apply *a); /* uint32_t; a number alone is milliseconds */
void conf_apply_number(const struct conf_apply *a);	  /* uint32_t */
void conf_apply_size(const struct conf_apply *a);	  /* uint32_t */
void conf_apply_port(const struct conf_apply *a);	  /* uint16_t */
void conf_apply_path(const struct conf_apply *a);	  /* char[CONF_PATH_MAX]; must be absolute */
void conf_apply_address(const struct conf_apply *a);	  /* struct cv_ip */
void conf_apply_entry(const struct conf_apply *a); /* const struct conf_entry *: looked at when compiling */

/* Those with a syntax of their own. */
void conf_apply_listen(const struct conf_apply *a);	     /* struct cv_ip, %any for all */
void conf_apply_tcp_congestion(const struct conf_apply *a);  /* struct conf_setup */
void conf_apply_listen_tcp(const struct conf_apply *a);	     /* struct conf_setup */
void conf_apply_ddos_mode(const struct conf_apply *a);	     /* struct conf_setup */
void conf_apply_debug(const struct conf_apply *a);	     /* uint8_t log level */
void conf_apply_secretsfile(const struct conf_apply *a);     /* char[CONF_PATH_MAX] */
void conf_apply_host(const struct conf_apply *a);	     /* struct conf_host */
void conf_apply_id(const struct conf_apply *a);		     /* struct conf_raw_id */
void conf_apply_subnets(const struct conf_apply *a);	     /* struct conf_subnets, added to */
void conf_apply_protoport(const struct conf_apply *a);	     /* struct conf_protoport */
void conf_apply_updown(const struct conf_apply *a);	     /* char[CONF_PATH_MAX] */
void conf_apply_authby(const struct conf_apply *a);	     /* uint8_t, enum ike_authby */
void conf_apply_enable_tcp_port(const struct conf_apply *a); /* uint16_t */

/* An identity as in leftid= and ipsec.secrets. NULL, or why it is none. %any gives type 0. */
const char *conf_parse_id(const char *text, struct ike_id *out);
struct ike_id conf_id_of_address(const struct cv_ip *ip); /* type 0 when it is none */

#endif
