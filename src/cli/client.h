/* Asks the daemon over its control socket. */
#ifndef CULVERT_CLI_CLIENT_H
#define CULVERT_CLI_CLIENT_H

#include "ctl/protocol.h"

/* What the command ends with; documented in culvert(8). */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,	    /* the daemon said no, or a file has errors */
	CLI_USAGE = 2,	    /* the command line is wrong */
	CLI_NO_DAEMON = 3,  /* culvertd does not run, or may not be asked */
	CLI_NOT_WAITED = 4, /* --timeout or Ctrl-C: the daemon goes on */
};

struct cli_options {
	const char *run_dir;
	const char *config;
	bool json;
	unsigned timeout_s; /* 0: no limit */
};

/* Sends the request and takes the answers: progress to `progress` (may be NULL) as it comes; the last one
 * into *last (to be released with ctl_answer_free). Says on stderr what went wrong on the way. An enum
 * cli_exit: CLI_OK also when the daemon answered with a failure, see last->kind. */
int cli_ask(const struct cli_options *options, const struct ctl_request *request,
	    void (*progress)(const char *text), struct ctl_answer *last);

#endif
