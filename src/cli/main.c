/* culvert: the command. Talks to culvertd over its control socket; `check` and `options` need no daemon. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/client.h"
#include "cli/files.h"
#include "cli/show.h"
#include "conf/conf.h"
#include "ctl/protocol.h"
#include "ctl/status.h"

static const char usage[] =
    "usage: culvert up NAME               bring a connection up, and wait until it stands or has failed\n"
    "       culvert down NAME             take it down\n"
    "       culvert add NAME              load a connection from the configuration file\n"
    "       culvert delete NAME           take it down and forget it\n"
    "       culvert reload                read configuration and secrets again\n"
    "       culvert status [NAME]         what stands, how, since when and why\n"
    "       culvert trafficstatus [NAME]  one line a tunnel\n"
    "       culvert check [FILE]          read a configuration file and name its mistakes\n"
    "       culvert options               all options of the configuration file\n"
    "       culvert version\n"
    "options: --json  --timeout SECONDS  --run-dir DIR  --config FILE  --help\n"
    "exit status: 0 done, 1 failed, 2 wrong usage, 3 culvertd does not run, 4 stopped waiting\n";

static int __attribute__((format(printf, 1, 2))) wrong_usage(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "culvert: ");
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n'culvert --help' lists all commands and options.\n");
	return CLI_USAGE;
}

/* Seconds since the command was given, in front of every line of `up`. */
static struct timespec begun;

static void show_progress(const char *text)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	long ms = (now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000;
	printf("%3ld.%03ld s  %s\n", ms / 1000, ms % 1000, text);
	fflush(stdout);
}

static void show_data(uint8_t command, const json_t *data, bool json)
{
	if (json) {
		json_dumpf(data, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (command == CTL_STATUS) {
		cli_show_status(stdout, data, (int64_t)time(NULL));
	} else if (command == CTL_TRAFFIC) {
		cli_show_traffic(stdout, data, (int64_t)time(NULL));
	}
}

static int ask_daemon(const struct cli_options *options, uint8_t command, const char *name)
{
	struct ctl_request request = { .command = command };
	struct ctl_answer last;
	if (name != NULL) {
		if (strlen(name) >= sizeof(request.name))
			return wrong_usage("a connection's name is never as long as '%s'", name);
		snprintf(request.name, sizeof(request.name), "%s", name);
	}
	clock_gettime(CLOCK_MONOTONIC, &begun);
	int result = cli_ask(options, &request, options->json ? NULL : show_progress, &last);
	if (result != CLI_OK)
		return result;
	if (last.data == NULL && options->json)
		last.data =
		    json_pack("{s:b, s:o}", "done", last.kind == CTL_DONE, "text", ctl_json_text(last.text));
	if (last.data != NULL)
		show_data(command, last.data, options->json);
	if (last.kind == CTL_FAILED)
		fprintf(stderr, "culvert: %s\n", last.text);
	else if (command == CTL_UP && !options->json)
		show_progress(last.text);
	else if (last.data == NULL && !options->json)
		printf("%s\n", last.text);
	result = last.kind == CTL_DONE ? CLI_OK : CLI_FAILED;
	ctl_answer_free(&last);
	return result;
}

static int show_version(bool json)
{
	json_t *version = ctl_json_version();
	if (json) {
		json_dumpf(version, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		printf("culvert %s\n%s\n", json_string_value(json_object_get(version, "culvert")),
		       json_string_value(json_object_get(version, "crypto")));
	}
	json_decref(version);
	return CLI_OK;
}

static int run(const struct cli_options *options, int count, char **words)
{
	const char *command = words[0], *operand = count > 1 ? words[1] : NULL;
	uint8_t number = ctl_command_find(command);
	if (count > 2)
		return wrong_usage("what is '%s' to mean behind the command?", words[2]);
	if (strcmp(command, "check") == 0)
		return cli_check(operand != NULL ? operand : options->config, options->json);
	bool own = strcmp(command, "options") == 0;
	if (number == 0 && !own)
		return wrong_usage("there is no command '%s'", command);
	if (operand != NULL && ctl_command_name(number) < 0)
		return wrong_usage("'%s' takes no name", command);
	if (own)
		return cli_options_table(options->json);
	if (number == CTL_VERSION)
		return show_version(options->json);
	if (operand == NULL && ctl_command_name(number) > 0)
		return wrong_usage("'%s' needs the name of a connection", command);
	return ask_daemon(options, number, operand);
}

static int read_timeout(const char *text, struct cli_options *options)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (end == text || *end != 0 || errno != 0 || value == 0 || value > 86400 || text[0] == '-')
		return wrong_usage("--timeout is a number of seconds from 1 to 86400, not '%s'", text);
	options->timeout_s = (unsigned)value;
	return CLI_OK;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "timeout", required_argument, NULL, 't' },
		{ "run-dir", required_argument, NULL, 'r' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli_options options = { .run_dir = CTL_DEFAULT_RUN_DIR, .config = CONF_DEFAULT_PATH };
	int option;
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'j': options.json = true; break;
		case 'r': options.run_dir = optarg; break;
		case 'c': options.config = optarg; break;
		case 'V': return show_version(options.json);
		case 'h': fputs(usage, stdout); return CLI_OK;
		case 't':
			if (read_timeout(optarg, &options) != CLI_OK)
				return CLI_USAGE;
			break;
		default: return wrong_usage("this option is not known, or lacks its value");
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return CLI_USAGE;
	}
	return run(&options, argc - optind, argv + optind);
}
