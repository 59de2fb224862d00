/* Status for people, made from the JSON that the daemon gives. */
#ifndef CULVERT_CLI_SHOW_H
#define CULVERT_CLI_SHOW_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/* `culvert status`: one block a connection. now: seconds since 1970. Members that are missing are shown as
 * "-". */
void cli_show_status(FILE *out, const json_t *data, int64_t now);
/* `culvert trafficstatus`: one line a Child SA. */
void cli_show_traffic(FILE *out, const json_t *data, int64_t now);

/* "3 s", "12 min", "5 h 3 min", "2 d 4 h"; into out. */
const char *cli_age_text(int64_t seconds, char out[32]);
/* "812 B", "1.4 MB" (of 1000); into out. */
const char *cli_bytes_text(uint64_t bytes, char out[32]);

#endif
