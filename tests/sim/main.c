/* Many IKE engines on a simulated network, all from one seed. See --help. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#include "crypto/prf.h"
#include "lib/log.h"
#include "seeded.h"
#include "sim.h"

struct options {
	uint64_t seed, runs;
	const char *named;
	bool fixed, trace;
};

struct totals {
	uint64_t runs, failed, messages, established, over_tcp, virtual_s;
};

static struct sim_plan plan;

/* A crash names its seed too. */
static void say_seed(void)
{
	char line[160];
	int n = snprintf(line, sizeof(line), "crashed; see it again: sim %s%s --seed %" PRIu64 " --trace\n",
			 plan.name ? "--named " : "", plan.name ? plan.name : "", plan.seed);

	if (n > 0 && write(STDOUT_FILENO, line, (size_t)n) < 0)
		return;
}

#ifdef __SANITIZE_ADDRESS__
static void catch_crashes(void)
{
	__sanitizer_set_death_callback(say_seed);
}
#else
static void crashed(int number)
{
	say_seed();
	signal(number, SIG_DFL);
	raise(number);
}

static void catch_crashes(void)
{
	signal(SIGSEGV, crashed);
	signal(SIGBUS, crashed);
	signal(SIGFPE, crashed);
	signal(SIGABRT, crashed);
}
#endif

static void to_trace(void *arg, enum cv_log_level level, const char *line)
{
	(void)level;
	if (*(const bool *)arg)
		printf("%14s%s\n", "", line);
}

static void run(struct totals *t, bool trace)
{
	struct sim_result r;

	sim_seeded_reset(plan.seed);
	if (trace)
		sim_plan_print(&plan);
	sim_run(&plan, trace, &r);
	t->runs++;
	t->failed += r.violations != 0;
	t->messages += r.messages;
	t->established += r.established;
	t->over_tcp += r.over_tcp;
	t->virtual_s += r.virtual_ms / 1000;
	fflush(stdout);
}

static void usage(void)
{
	printf("usage: sim [--seed S] [--trace]          one scenario drawn from a seed\n"
	       "       sim --from S --runs N             many of them\n"
	       "       sim --named NAME [--seed S]       one that is written down\n"
	       "       sim --fixed [--from S --runs N]   all of those, with N seeds each\n\nnamed:");
	for (unsigned i = 0; sim_plan_name(i); i++)
		printf(" %s", sim_plan_name(i));
	printf("\n");
}

static bool read_options(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--trace")) {
			o->trace = true;
		} else if (!strcmp(argv[i], "--fixed")) {
			o->fixed = true;
		} else if ((!strcmp(argv[i], "--seed") || !strcmp(argv[i], "--from")) && value) {
			o->seed = strtoull(value, NULL, 0);
			i++;
		} else if (!strcmp(argv[i], "--runs") && value) {
			o->runs = strtoull(value, NULL, 0);
			i++;
		} else if (!strcmp(argv[i], "--named") && value) {
			o->named = value;
			i++;
		} else {
			return false;
		}
	}
	return true;
}

static bool run_all(const struct options *o, struct totals *t)
{
	bool found = !o->named;

	for (uint64_t n = 0; n < o->runs; n++) {
		if (!o->fixed && !o->named) {
			plan.seed = o->seed + n;
			sim_plan_draw(&plan);
			run(t, o->trace);
			continue;
		}
		for (unsigned i = 0; sim_plan_name(i); i++) {
			if (o->named && strcmp(o->named, sim_plan_name(i)))
				continue;
			found = true;
			plan.seed = o->seed + n;
			if (sim_plan_named(&plan, i))
				run(t, o->trace);
		}
	}
	return found;
}

int main(int argc, char **argv)
{
	struct options o = { .seed = 1, .runs = 1 };
	struct totals t = { 0 };

	if (!read_options(argc, argv, &o) || !sim_seeded_install() || crypto_init() != CV_OK) {
		usage();
		return 2;
	}
	catch_crashes();
	cv_log_set_level(o.trace ? CV_LOG_DEBUG : CV_LOG_ERROR);
	cv_log_set_sink(to_trace, &o.trace);
	if (!run_all(&o, &t)) {
		usage();
		return 2;
	}
	printf("%" PRIu64 " runs, %" PRIu64 " failed; %" PRIu64 " IKE messages, %" PRIu64
	       " IKE SA ends, %" PRIu64 " stood on TCP, %" PRIu64 " hours of virtual time\n",
	       t.runs, t.failed, t.messages, t.established, t.over_tcp, t.virtual_s / 3600);
	crypto_cleanup();
	return t.failed ? 1 : 0;
}
