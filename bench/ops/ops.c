/* iommusim_bench_ops(): its options, which tables there are, and in which form they are written. */
#include <iommusim/bench.h>

#include <stdlib.h>
#include <string.h>

#include "ops/table.h"
#include "svg.h"

enum exit_code { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_RESOURCES = 3 };

enum { PAGES = 1 << 16, QUICK_PAGES = 1 << 12, PROFILES = 8, VARIANTS = 3, TABLES = 8 };

struct options {
	bool json;
	bool help;
	bool print_costs;
	uint64_t pages;
	const char *profiles[PROFILES];
	unsigned profile_count;
	const char *unit; /* "vtd", "amdvi"; NULL: both */
	const char *plot;
	const char *workload; /* NULL: all */
	struct costs costs;
};

/* What is compared when nobody says what: one policy with its alternatives, on the workload that tells them apart. */
static const struct {
	const char *title;
	const char *workload;
	struct {
		const char *name;
		const char *profile;
	} variants[VARIANTS];
} comparisons[] = {
	{ "Guest pages in the host domain: kept, removed, or bounced", "boot",
	    { { "keep", "reference" }, { "remove", "reference+host_pages=remove" },
		{ "bounce", "bounce" } } },
	{ "Guest pages in the host domain: kept, removed, or bounced", "host-io",
	    { { "keep", "reference" }, { "remove", "reference+host_pages=remove" },
		{ "bounce", "bounce" } } },
	{ "Leaves of 4 KiB, or superpages with demotion", "superpages",
	    { { "4k", "reference" }, { "superpages", "superpages" } } },
	{ "Global or selective invalidation", "pages",
	    { { "global", "strict" }, { "selective", "selective" } } },
	{ "Strict or deferred invalidation", "pages",
	    { { "strict", "strict" }, { "deferred", "deferred" }, { "afterwards", "reference" } } },
};

enum { COMPARISONS = sizeof(comparisons) / sizeof(*comparisons) };

/* ---- options -------------------------------------------------------------------------------------------------- */

static void usage(FILE *out)
{
	fprintf(out,
	    "usage: iommusim-bench --ops [--json] [--quick] [--vmm NAME]... [--unit vtd|amdvi]\n"
	    "                      [--costs FILE] [--plot FILE] [WORKLOAD]\n"
	    "\n"
	    "Runs what hypervisors do with an IOMMU against a driver, and says what it costs: time, memory\n"
	    "for tables, register accesses, invalidations, and modelled time of hardware. Without --vmm\n"
	    "(and without a driver under test) it compares policies, each on the workload that tells them\n"
	    "apart.\n"
	    "\n"
	    "  --vmm    a profile (iommusim profiles), all workloads; up to %d times, side by side\n"
	    "  --unit   only VT-d, or only AMD-Vi\n"
	    "  --costs  what hardware takes, instead of the built-in table; its rows need not be all\n"
	    "  --print-costs  write the built-in table, to be edited\n"
	    "  --plot   every table as a chart, an SVG file\n"
	    "  --json   one JSON object for each row, a line each\n"
	    "  --quick  16 MiB instead of 256 MiB\n"
	    "\n"
	    "Exit: 0 measured; 2 bad usage; 3 out of resources, or the driver failed.\n"
	    "\n",
	    PROFILES);
	for (const struct workload *one = workloads; one->name != NULL; one++)
		fprintf(out, "  %-11s %s\n", one->name, one->about);
}

static bool refuse(const char *what, const char *word)
{
	fprintf(
	    stderr, "iommusim-bench: %s \"%s\"; iommusim-bench --ops --help says more\n", what, word);
	return false;
}

static bool add_profile(struct options *options, const char *name)
{
	if (!iommusim_profile_exists(name))
		return refuse("there is no profile", name);
	if (options->profile_count == PROFILES)
		return refuse("there are too many profiles, from", name);
	options->profiles[options->profile_count++] = name;
	return true;
}

static bool read_costs(struct options *options, const char *file)
{
	char error[320];

	if (costs_read(&options->costs, file, error, sizeof(error)))
		return true;
	fprintf(stderr, "iommusim-bench: %s\n", error);
	return false;
}

static bool takes_value(const char *word)
{
	static const char *const words[] = { "--vmm", "--unit", "--costs", "--plot" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static bool read_value(struct options *options, const char *option, const char *value)
{
	if (strcmp(option, "--vmm") == 0)
		return add_profile(options, value);
	if (strcmp(option, "--costs") == 0)
		return read_costs(options, value);
	if (strcmp(option, "--plot") == 0) {
		options->plot = value;
		return true;
	}
	options->unit = value;
	return strcmp(value, "vtd") == 0 || strcmp(value, "amdvi") == 0 ||
	    refuse("--unit is vtd or amdvi, not", value);
}

static bool read_word(struct options *options, const char *word)
{
	if (strcmp(word, "--json") == 0)
		options->json = true;
	else if (strcmp(word, "--quick") == 0)
		options->pages = QUICK_PAGES;
	else if (strcmp(word, "--help") == 0)
		options->help = true;
	else if (strcmp(word, "--print-costs") == 0)
		options->print_costs = true;
	else if (word[0] == '-')
		return refuse("there is no option", word);
	else if (options->workload != NULL)
		return refuse("there is one WORKLOAD already, before", word);
	else if (workload_find(word) == NULL)
		return refuse("there is no workload", word);
	else
		options->workload = word;
	return true;
}

static bool read_options(int count, char **words, struct options *options)
{
	for (int i = 0; i < count; i++) {
		if (!takes_value(words[i])) {
			if (!read_word(options, words[i]))
				return false;
			continue;
		}
		if (i + 1 == count)
			return refuse("there is nothing after", words[i]);
		if (!read_value(options, words[i], words[i + 1]))
			return false;
		i++;
	}
	return true;
}

/* ---- which tables ------------------------------------------------------------------------------------------------ */

static bool wants_unit(const struct options *options, bool amdvi)
{
	return options->unit == NULL || (strcmp(options->unit, "amdvi") == 0) == amdvi;
}

/* The built-in backend under a profile, on both vendors' units. */
static void add_built_in(
    const struct options *options, struct table *table, const char *name, const char *profile)
{
	for (unsigned amdvi = 0; amdvi < 2; amdvi++) {
		const struct iommusim_bench_subject subject = {
			.name = name, .amdvi = amdvi != 0, .profile = profile
		};

		if (wants_unit(options, amdvi != 0))
			table_add(table, name, &subject);
	}
}

static struct table *new_table(
    const struct options *options, struct table *table, const char *title, const char *workload)
{
	table->title = title;
	table->workload = workload_find(workload);
	table->pages = options->pages;
	table->count = 0;
	return table;
}

static bool wants_workload(const struct options *options, const char *name)
{
	return options->workload == NULL || strcmp(options->workload, name) == 0;
}

static unsigned compare_policies(const struct options *options, struct table *tables)
{
	unsigned count = 0;

	for (unsigned i = 0; i < COMPARISONS; i++) {
		struct table *table;

		if (!wants_workload(options, comparisons[i].workload))
			continue;
		table =
		    new_table(options, &tables[count++], comparisons[i].title, comparisons[i].workload);
		for (unsigned v = 0; v < VARIANTS && comparisons[i].variants[v].name != NULL; v++)
			add_built_in(options, table, comparisons[i].variants[v].name,
			    comparisons[i].variants[v].profile);
	}
	return count;
}

static unsigned run_all_workloads(const struct options *options, struct table *tables,
    const struct iommusim_bench_subject *subjects, size_t subject_count)
{
	unsigned count = 0;

	for (const struct workload *one = workloads; one->name != NULL; one++) {
		struct table *table;

		if (!wants_workload(options, one->name))
			continue;
		table = new_table(options, &tables[count++], "Workload", one->name);
		for (size_t i = 0; i < subject_count; i++)
			if (wants_unit(options, subjects[i].amdvi))
				table_add(table, subjects[i].name, &subjects[i]);
		for (unsigned i = 0; i < options->profile_count; i++)
			add_built_in(options, table, options->profiles[i], options->profiles[i]);
	}
	return count;
}

/* ---- running -------------------------------------------------------------------------------------------------------- */

static bool run_tables(const struct options *options, struct table *tables, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char text[512] = "no memory";

		if (!table_run(&tables[i], &options->costs, text, sizeof(text))) {
			fprintf(stderr, "iommusim-bench: %s\n", text);
			return false;
		}
		(options->json ? table_write_json : table_write_text)(stdout, &tables[i]);
	}
	if (!options->json)
		printf(
		    "software: vmm and the driver in this process, median of %d rounds without DMA or "
		    "counters, in turns.\nhardware: modelled by the cost table (--print-costs) from what "
		    "was counted in one run more. tables: at\nthe most, the host domain's among them. "
		    "lost: DMA that faulted.\n",
		    TABLE_ROUNDS);
	return true;
}

static bool plot_tables(const struct options *options, const struct table *tables, unsigned count)
{
	FILE *out = fopen(options->plot, "w");

	if (out == NULL)
		return refuse("cannot write", options->plot);
	svg_begin(out, count);
	for (unsigned i = 0; i < count; i++)
		table_write_chart(out, i, &tables[i]);
	svg_end(out);
	return fclose(out) == 0 || refuse("cannot write", options->plot);
}

static enum exit_code run(
    const struct options *options, const struct iommusim_bench_subject *subjects, size_t subject_count)
{
	struct table *tables = calloc(TABLES, sizeof(*tables));
	enum exit_code code = EXIT_RESOURCES;
	unsigned count;

	if (tables == NULL)
		return code;
	count = subject_count == 0 && options->profile_count == 0
	    ? compare_policies(options, tables)
	    : run_all_workloads(options, tables, subjects, subject_count);
	if (count == 0 || tables[0].count == 0) {
		refuse("no policies are compared on", options->workload);
		code = EXIT_USAGE;
	} else if (run_tables(options, tables, count)) {
		code = options->plot == NULL || plot_tables(options, tables, count) ? EXIT_DONE
										    : EXIT_RESOURCES;
	}
	free(tables);
	return code;
}

int iommusim_bench_ops(
    int word_count, char **words, const struct iommusim_bench_subject *subjects, size_t count)
{
	struct options options = { .pages = PAGES };

	costs_default(&options.costs);
	if (!read_options(word_count, words, &options))
		return EXIT_USAGE;
	if (options.help)
		usage(stdout);
	else if (options.print_costs)
		fputs(costs_default_text, stdout);
	else
		return (int)run(&options, subjects, count);
	return EXIT_DONE;
}
