/* The commands that need no daemon. */
#ifndef CULVERT_CLI_FILES_H
#define CULVERT_CLI_FILES_H

#include <stdbool.h>

/* `culvert check`: reads the configuration (and, when the daemon would, its secrets), prints every message.
 * An enum cli_exit. */
int cli_check(const char *config, bool json);
/* `culvert options`: the table of all options. */
int cli_options_table(bool json);

#endif
