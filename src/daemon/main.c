/* culvertd: reads its command line, and is the daemon until it is told to stop. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "crypto/prf.h"
#include "crypto/version.h"
#include "daemon/daemon.h"
#include "lib/log.h"

static const char usage[] =
    "usage: culvertd [OPTIONS]\n"
    "  --config FILE    read connections from FILE (" CONF_DEFAULT_PATH ")\n"
    "  --secrets FILE   read keys from FILE (what secretsfile= says)\n"
    "  --run-dir DIR    control socket, lock and state file (" CTL_DEFAULT_RUN_DIR ")\n"
    "  --log WHERE      stderr, journal, or the path of a file (what logfile= says, else stderr)\n"
    "  --debug          say everything\n"
    "  --keylog DIR     write all session keys to DIR, as tables for Wireshark: only to look for a fault\n"
    "  --foreground     stay in the foreground (always so)\n"
    "  --version  --help\n"
    "It runs until SIGTERM; SIGHUP makes it read its files again. 'culvert' talks to it.\n";

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct daemon_options *options)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },  { "secrets", required_argument, NULL, 's' },
		{ "run-dir", required_argument, NULL, 'r' }, { "log", required_argument, NULL, 'l' },
		{ "debug", no_argument, NULL, 'd' },	     { "keylog", required_argument, NULL, 'k' },
		{ "foreground", no_argument, NULL, 'f' },    { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	     { NULL, 0, NULL, 0 },
	};
	int option;
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'c': options->config = optarg; break;
		case 's': options->secrets = optarg; break;
		case 'r': options->run_dir = optarg; break;
		case 'l': options->log = optarg; break;
		case 'd': options->debug = true; break;
		case 'k': options->keylog = optarg; break;
		case 'f': break;
		case 'V': printf("culvertd %s\n%s\n", CULVERT_VERSION, crypto_library_version()); return 0;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs("'culvertd --help' lists all options.\n", stderr); return 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "culvertd: what is '%s' to mean? 'culvertd --help' lists all options.\n",
		argv[optind]);
	return 2;
}

static bool open_log(const char *where)
{
	enum cv_err err = CV_OK;
	if (where == NULL || strcmp(where, "stderr") == 0)
		return true;
	if (strcmp(where, "journal") == 0)
		err = cv_log_open(CV_LOG_TO_JOURNAL, NULL, true);
	else
		err = cv_log_open(CV_LOG_TO_FILE, where, true);
	if (err != CV_OK)
		fprintf(stderr, "culvertd: cannot write the log to %s: %s\n", where, strerror(errno));
	return err == CV_OK;
}

int main(int argc, char **argv)
{
	static struct daemon d = {
		.options = { .config = CONF_DEFAULT_PATH, .run_dir = CTL_DEFAULT_RUN_DIR },
		.lock = -1,
	};
	char text[400];
	int status = read_options(argc, argv, &d.options);
	if (status >= 0)
		return status;
	if (!open_log(d.options.log))
		return 1;
	bool allowed = daemon_instance_allowed(text, sizeof(text));
	if (allowed)
		d.lock = daemon_instance_lock(d.options.run_dir, text, sizeof(text));
	if (!allowed || d.lock < 0) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL, "%s", text);
		return 1;
	}
	if (crypto_init() != CV_OK) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL,
		       "cannot start: %s lacks algorithms that IKEv2 must have", crypto_library_version());
		return 1;
	}
	int error = uv_loop_init(&d.loop);
	if (error != 0) {
		cv_log(CV_LOG_ERROR, DAEMON_ROOM, NULL, "cannot start: %s", uv_strerror(error));
		return 1;
	}
	enum cv_err err = daemon_start(&d);
	if (err == CV_OK)
		uv_run(&d.loop, UV_RUN_DEFAULT);
	daemon_free(&d);
	crypto_cleanup();
	if (err == CV_OK)
		cv_log(CV_LOG_NOTICE, DAEMON_ROOM, NULL, "stopped");
	return err == CV_OK ? 0 : 1;
}
