/* The command line of a driver's tests. */
#include "test/run.h"

#include <fnmatch.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS_DEFAULT 20u

enum { OPTION_LIST = 256, OPTION_TAP, OPTION_JUNIT, OPTION_NO_FORK };

static void usage(FILE *to, const char *program)
{
	fprintf(to,
	    "usage: %s [options] [TEST...]\n"
	    "  TEST            run tests of these names; * and ? stand for what they do in a shell\n"
	    "  -j, --jobs N    so many at a time (all processors)\n"
	    "  -t, --time N    seconds of processor time that a test may use (%u)\n"
	    "  --list          names, and nothing is run\n"
	    "  --tap           the Test Anything Protocol on standard output\n"
	    "  --junit FILE    results as JUnit XML, beside what is printed\n"
	    "  --no-fork       in this process, for a debugger; IOMMUSIM_TEST_NO_FORK=1 does the same\n"
	    "exit status: 0; 1 a test failed; 2 wrong options or no such test; 3 no resources\n",
	    program, SECONDS_DEFAULT);
}

/* A debugger does not follow a child by itself. */
static bool is_debugged(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	bool traced = false;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "TracerPid:", 10) == 0)
			traced = strtol(line + 10, NULL, 10) != 0;
	if (status != NULL)
		fclose(status);
	return traced;
}

static bool number(const char *text, unsigned *value)
{
	char *end;
	const unsigned long read = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || read == 0 || read > 100000)
		return false;
	*value = (unsigned)read;
	return true;
}

static bool take(struct run_options *options, int option, const char *value)
{
	switch (option) {
	case 'j':
		return number(value, &options->jobs);
	case 't':
		return number(value, &options->seconds);
	case OPTION_LIST:
		options->list = true;
		return true;
	case OPTION_TAP:
		options->tap = true;
		return true;
	case OPTION_JUNIT:
		options->junit = value;
		return true;
	case OPTION_NO_FORK:
		options->no_fork = true;
		return true;
	default:
		return false;
	}
}

bool options_read(int argc, char **argv, struct run_options *options, int *status)
{
	static const struct option known[] = { { "jobs", required_argument, NULL, 'j' },
		{ "time", required_argument, NULL, 't' }, { "list", no_argument, NULL, OPTION_LIST },
		{ "tap", no_argument, NULL, OPTION_TAP },
		{ "junit", required_argument, NULL, OPTION_JUNIT },
		{ "no-fork", no_argument, NULL, OPTION_NO_FORK }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const char *here = getenv("IOMMUSIM_TEST_NO_FORK");
	int option;

	memset(options, 0, sizeof(*options));
	options->program = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "tests";
	options->jobs = processors > 0 ? (unsigned)processors : 1;
	options->seconds = SECONDS_DEFAULT;
	options->no_fork = (here != NULL && *here != '\0' && *here != '0') || is_debugged();
	optind = 1;
	while ((option = getopt_long(argc, argv, "j:t:h", known, NULL)) != -1) {
		if (take(options, option, optarg))
			continue;
		usage(option == 'h' ? stdout : stderr, options->program);
		*status = option == 'h' ? 0 : 2;
		return false;
	}
	options->patterns = argv + optind;
	options->pattern_count = (size_t)(argc - optind);
	return true;
}

bool options_choose(const struct run_options *options, const char *name)
{
	for (size_t i = 0; i < options->pattern_count; i++)
		if (fnmatch(options->patterns[i], name, 0) == 0)
			return true;
	return options->pattern_count == 0;
}
