/* The command line of iommusim-bench: which benchmarks run, and how their results are shown. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

#include <iommusim/bench.h>

#include "bench.h"
#include "runs.h"
#include "counted.h"
#include "growth.h"

enum exit_code { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_RESOURCES = 3 };

enum { ROUNDS = 15, QUICK_ROUNDS = 9, PLACES = 5, QUICK_PLACES = 3 };

struct options {
	bool json;
	bool help;
	bool growth;
	bool replay;        /* the growth of a trace */
	uint64_t print;     /* GiB of the trace that is to be written; 0: none */
	const char *layout; /* of a trace's guest, as it was given */
	enum guest_layout laid;
	struct bench_scale scale;
	const char *plot; /* a file's name */
	struct counted_figures counted;
	const char *filter;
	bool whole_name; /* the filter is a benchmark's name, not a part of names */
};

static const struct benchmark *const families[] = {
	map_benchmarks,
	leaf_benchmarks,
	guest_benchmarks,
	memory_benchmarks,
	translate_benchmarks,
	thread_benchmarks,
	checker_benchmarks,
	policy_benchmarks,
	replay_benchmarks,
	interception_benchmarks,
};

enum { FAMILIES = sizeof(families) / sizeof(*families) };

static void usage(FILE *out)
{
	fprintf(out,
	    "usage: iommusim-bench [--json] [--quick] [--instructions FILE] [FILTER]\n"
	    "       iommusim-bench --growth [--replay [--layout HOW]] [--json] [--quick] [--plot FILE]\n"
	    "       iommusim-bench --print-trace GIB [--layout HOW]\n"
	    "       iommusim-bench --compare [--within PERCENT] FILE FILE...\n"
	    "       iommusim-bench --ops [OPTIONS]     (iommusim-bench --ops --help)\n"
	    "\n"
	    "Measures iommusim's mapping and translation paths, each in turns with its baselines.\n"
	    "\n"
	    "  FILTER   a benchmark's name, or a part of some names: only these\n"
	    "  --json   one JSON object for each benchmark, a line each\n"
	    "  --quick  fewer pages and rounds: half a minute at most, rougher figures\n"
	    "  --growth what mapping a guest page by page costs as the guest grows: 1 GiB to 256 GiB\n"
	    "           (quick: 16 GiB)\n"
	    "  --replay the same of a trace that is replayed, and what it needs of memory (quick: 4 GiB)\n"
	    "  --print-trace  such a trace, for a pipe into `iommusim replay -`\n"
	    "  --layout host pages of the trace: contiguous, runs (of 2 MiB, scattered) or scattered\n"
	    "  --compare  which ratios of several runs, as --json writes them, agree and which do not\n"
	    "  --instructions  the counts of bench/instructions.txt, to be shown beside the times\n"
	    "  --plot   the same as a chart, an SVG file\n"
	    "  --help   this text\n"
	    "\n"
	    "Exit: 0 measured, whatever the figures; 2 bad usage; 3 out of resources.\n"
	    "\n");
	for (unsigned i = 0; i < FAMILIES; i++)
		for (const struct benchmark *one = families[i]; one->name != NULL; one++)
			fprintf(out, "  %-29s %s\n", one->name, one->about);
}

static bool refuse(const char *what, const char *word)
{
	fprintf(stderr, "iommusim-bench: %s \"%s\"; iommusim-bench --help says more\n", what, word);
	return false;
}

static bool takes_word(const char *word)
{
	return strcmp(word, "--plot") == 0 || strcmp(word, "--instructions") == 0 ||
	    strcmp(word, "--layout") == 0 || strcmp(word, "--print-trace") == 0;
}

static bool read_layout(struct options *options, const char *word)
{
	static const char *const layouts[] = { "contiguous", "runs", "scattered" };

	options->layout = word;
	for (unsigned i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		if (strcmp(word, layouts[i]) != 0)
			continue;
		options->laid = (enum guest_layout)i;
		return true;
	}
	return refuse("--layout is contiguous, runs or scattered, not", word);
}

static bool read_print(struct options *options, const char *word)
{
	char *end;

	options->print = strtoull(word, &end, 10);
	if (*end == '\0' && options->print != 0 && options->print <= 256 &&
	    (options->print & (options->print - 1)) == 0)
		return true;
	return refuse("--print-trace takes GiB, a power of two up to 256, not", word);
}

static bool read_word_option(struct options *options, const char *option, const char *word)
{
	if (word == NULL)
		return refuse(strcmp(option, "--plot") == 0 || strcmp(option, "--instructions") == 0
			? "there is no file after"
			: "there is nothing after",
		    option);
	if (strcmp(option, "--instructions") == 0)
		return counted_read(&options->counted, word) || refuse("cannot read", word);
	if (strcmp(option, "--layout") == 0)
		return read_layout(options, word);
	if (strcmp(option, "--print-trace") == 0)
		return read_print(options, word);
	options->plot = word;
	return true;
}

/* What goes together. */
static bool check_options(const struct options *options)
{
	if (options->plot != NULL && !options->growth)
		return refuse("only --growth can be plotted, to", options->plot);
	if (options->growth && options->filter != NULL)
		return refuse("--growth takes no FILTER, but there is", options->filter);
	if (options->replay && !options->growth)
		return refuse("only --growth goes with", "--replay");
	if (options->layout != NULL && !options->replay && options->print == 0)
		return refuse("only a trace has a layout, such as", options->layout);
	return true;
}

static bool read_options(int count, char **words, struct options *options)
{
	for (int i = 1; i < count; i++) {
		if (strcmp(words[i], "--json") == 0)
			options->json = true;
		else if (strcmp(words[i], "--quick") == 0)
			options->scale.quick = true;
		else if (strcmp(words[i], "--help") == 0)
			options->help = true;
		else if (strcmp(words[i], "--growth") == 0)
			options->growth = true;
		else if (strcmp(words[i], "--replay") == 0)
			options->replay = true;
		else if (takes_word(words[i]) && !read_word_option(options, words[i], words[i + 1]))
			return false;
		else if (takes_word(words[i]))
			i++;
		else if (words[i][0] == '-')
			return refuse("there is no option", words[i]);
		else if (options->filter != NULL)
			return refuse("there is one FILTER already, before", words[i]);
		else
			options->filter = words[i];
	}
	options->scale.rounds = options->scale.quick ? QUICK_ROUNDS : ROUNDS;
	options->scale.places = options->scale.quick ? QUICK_PLACES : PLACES;
	return check_options(options);
}

static bool is_wanted(const struct options *options, const struct benchmark *benchmark)
{
	if (options->filter == NULL)
		return true;
	return options->whole_name ? strcmp(benchmark->name, options->filter) == 0
				   : strstr(benchmark->name, options->filter) != NULL;
}

static bool any_wanted(const struct options *options)
{
	for (unsigned i = 0; i < FAMILIES; i++)
		for (const struct benchmark *one = families[i]; one->name != NULL; one++)
			if (is_wanted(options, one))
				return true;
	return false;
}

/* A filter that is somebody's name means that one alone: "map-page/vtd" is part of another's. */
static bool choose(struct options *options)
{
	options->whole_name = true;
	if (any_wanted(options))
		return true;
	options->whole_name = false;
	return any_wanted(options);
}

static bool run_one(const struct options *options, const struct benchmark *benchmark)
{
	struct bench_result result = { .instructions =
					   counted_find(&options->counted, benchmark->name) };

	if (!benchmark->run(benchmark, &options->scale, &result)) {
		fprintf(stderr, "iommusim-bench: %s: %s\n", benchmark->name, result.text);
		return false;
	}
	if (!options->json)
		report_row(stdout, benchmark, &result);
	else if (result.skipped)
		fprintf(stderr, "iommusim-bench: %s skipped: %s\n", benchmark->name, result.text);
	else
		report_json(stdout, benchmark, &result);
	return true;
}

static bool run_wanted(const struct options *options)
{
	if (!options->json)
		report_heading(stdout);
	for (unsigned i = 0; i < FAMILIES; i++)
		for (const struct benchmark *one = families[i]; one->name != NULL; one++)
			if (is_wanted(options, one) && !run_one(options, one))
				return false;
	if (!options->json)
		report_legend(stdout, &options->scale);
	return true;
}

/* ---- the thread that measures ---------------------------------------------------------------- */

/*
 * Not the first one, which sleeps meanwhile. An emulator lives in a process with threads, and C libraries make locks
 * cheaper in one without: both sides shall pay what they pay there. And its stack begins with a page, not where chance
 * has it: whether a store to the stack and a load from a table agree in their lower bits costs up to 20 % of a short call.
 */
enum { STACK = 8 << 20 };

struct task {
	const struct options *options;
	bool done;
};

static void *measure_all(void *context)
{
	struct task *task = context;

	task->done = run_wanted(task->options);
	return NULL;
}

/* False: there is no thread to be had. */
static bool run_apart(struct task *task)
{
	void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	pthread_t thread;
	bool good = stack != MAP_FAILED && pthread_attr_init(&attributes) == 0;

	good = good && pthread_attr_setstack(&attributes, stack, STACK) == 0 &&
	    pthread_create(&thread, &attributes, measure_all, task) == 0;
	return good && pthread_join(thread, NULL) == 0;
}

static enum exit_code run_growth(const struct options *options)
{
	struct growth_options growth = {
		.quick = options->scale.quick, .json = options->json, .layout = options->laid
	};
	bool done;

	if (options->plot != NULL) {
		growth.plot = fopen(options->plot, "w");
		if (growth.plot == NULL) {
			refuse("cannot write", options->plot);
			return EXIT_USAGE;
		}
	}
	done = options->replay ? growth_replay_run(&growth) : growth_run(&growth);
	if (growth.plot != NULL && fclose(growth.plot) != 0) {
		refuse("cannot write", options->plot);
		return EXIT_RESOURCES;
	}
	return done ? EXIT_DONE : EXIT_RESOURCES;
}

int main(int count, char **words)
{
	struct options options = { .filter = NULL };
	struct task task = { .options = &options };

	if (count > 1 && strcmp(words[1], "--ops") == 0)
		return iommusim_bench_ops(count - 2, words + 2, NULL, 0);
	if (count > 1 && strcmp(words[1], "--compare") == 0)
		return compare_runs(count - 2, words + 2);
	if (!read_options(count, words, &options))
		return EXIT_USAGE;
	if (options.help) {
		usage(stdout);
		return EXIT_DONE;
	}
	if (options.print != 0)
		return growth_print_trace(options.laid, options.print, stdout) ? EXIT_DONE
									       : EXIT_RESOURCES;
	if (options.growth)
		return run_growth(&options);
	if (!choose(&options)) {
		refuse("no benchmark's name contains", options.filter);
		return EXIT_USAGE;
	}
	if (!run_apart(&task)) {
		fprintf(stderr, "iommusim-bench: no thread to be had\n");
		return EXIT_RESOURCES;
	}
	return task.done ? EXIT_DONE : EXIT_RESOURCES;
}
