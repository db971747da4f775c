/* `iommusim compare`: its command line. Running is compare_run.c, showing compare_text.c and compare_json.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "options.h"
#include "compare.h"
#include "replay_option.h"
#include "trace_input.h"

static const char usage[] =
    "usage: iommusim compare --vmm A,B[,C...] [OPTION...] FILE\n"
    "\n"
    "Plays one story (docs/trace-language.md) under several release profiles and puts them side by side,\n"
    "a column each: what became of every DMA and of every call that came out otherwise, what was\n"
    "exposed, what it cost, and which policies make the difference (docs/compare.md).\n"
    "\n"
    "      --vmm A,B[,C...]   the profiles, two or more; `iommusim profiles` lists them\n"
    "  -j, --json             one JSON object a line, a summary last\n"
    "      --iommu VENDOR     vtd or amdvi: on this one, if the story is told for it (also=)\n"
    "      --cache POLICY     none, hoard, sized or adverse, whatever the story says\n"
    "      --seed N           seed of whatever is random, whatever the story says\n"
    "  -h, --help             this text\n"
    "\n"
    "exit: 0 the story ran to its end under each profile, whatever came of it, 2 it cannot be read or\n"
    "played, or wrong usage, 3 out of memory\n";

struct request {
	struct comparison *comparison;
	struct iommusim_replay_options options;
	char *names; /* the columns' names are in it */
	bool json;
};

/* ---- the command line ---------------------------------------------------------------------------------- */

static int add_column(struct comparison *comparison, const char *name)
{
	struct compare_column *column = &comparison->columns[comparison->column_count];

	if (!iommusim_profile_exists(name))
		return replay_option_no_profile("compare", name);
	for (unsigned i = 0; i < comparison->column_count; i++)
		if (strcmp(comparison->columns[i].name, name) == 0)
			return options_refuse("compare", "--vmm: %s is named twice", name);
	if (comparison->column_count == COMPARE_COLUMNS)
		return options_refuse("compare", "--vmm: more than 16 profiles, at %s", name);
	column->name = name;
	comparison->column_count++;
	return iommusim_profile_create(name, &column->profile) == IOMMUSIM_OK ? COMMAND_OK
									      : COMMAND_NO_RESOURCES;
}

static int take_profiles(struct request *request, const char *list)
{
	int code = COMMAND_OK;
	char *rest, *name;

	if (request->names != NULL)
		return options_refuse("compare", "--vmm %s: give it once, with all profiles", list);
	request->names = rest = strdup(list);
	if (rest == NULL)
		return COMMAND_NO_RESOURCES;
	while (code == COMMAND_OK && (name = strsep(&rest, ",")) != NULL)
		code = add_column(request->comparison, name);
	return code;
}

static int take_option(void *context, int option, char *argument)
{
	struct request *request = context;

	if (option == 'j') {
		request->json = true;
		return COMMAND_OK;
	}
	if (option == REPLAY_OPTION_VMM)
		return take_profiles(request, argument);
	return replay_option_take("compare", option, argument, &request->options);
}

/* Options into `request`; true when the command goes on, otherwise `*code` is its end. */
static bool take_options(struct request *request, int argc, char **argv, int *code)
{
	static const struct option rows[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "vmm", required_argument, NULL, REPLAY_OPTION_VMM },
		{ "iommu", required_argument, NULL, REPLAY_OPTION_IOMMU },
		{ "cache", required_argument, NULL, REPLAY_OPTION_CACHE },
		{ "seed", required_argument, NULL, REPLAY_OPTION_SEED },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_options options = {
		.command = "compare",
		.usage = usage,
		.letters = ":jh",
		.rows = rows,
		.take = take_option,
	};

	return options_take(&options, request, argc, argv, code);
}

static int check_request(const struct request *request, int argc)
{
	if (request->comparison->column_count < 2)
		return options_refuse(
		    "compare", "expected two profiles or more, as in --vmm 13.0,13.1");
	if (optind >= argc)
		return options_refuse("compare", "no file given");
	return optind + 1 < argc ? options_refuse("compare", "one story at a time") : COMMAND_OK;
}

/* ---- the comparison ------------------------------------------------------------------------------------ */

static bool is_same_problem(const struct compare_column *a, const struct compare_column *b)
{
	return a->status == b->status && a->problem.line == b->problem.line &&
	    strcmp(a->problem.text, b->problem.text) == 0;
}

/* What every column has in common is said once, and what one does not under its name. */
static void complain(const struct comparison *comparison, unsigned number)
{
	const struct compare_column *column = &comparison->columns[number];
	const struct iommusim_diagnostic *problem = &column->problem;
	bool common = true;

	for (unsigned i = 0; i < comparison->column_count; i++)
		common &= is_same_problem(column, &comparison->columns[i]);
	if (common && number > 0)
		return;
	fprintf(stderr, "%s:%u:%u: %s%s%s\n", comparison->file, problem->line, problem->column,
	    problem->text, common ? "" : ", under ", common ? "" : column->name);
}

/* The exit code that the columns come to. */
static int conclude(const struct comparison *comparison)
{
	int code = comparison->out_of_memory ? COMMAND_NO_RESOURCES : COMMAND_OK;

	fflush(stdout);
	for (unsigned i = 0; i < comparison->column_count; i++) {
		const enum iommusim_status status = comparison->columns[i].status;
		const int own = status == IOMMUSIM_OK ? COMMAND_OK
		    : status == IOMMUSIM_ENOMEM       ? COMMAND_NO_RESOURCES
						      : COMMAND_BAD_INPUT;

		if (own != COMMAND_OK)
			complain(comparison, i);
		code = own > code ? own : code;
	}
	return code;
}

/* Did any column get so far that there is something to show? */
static bool has_begun(const struct comparison *comparison)
{
	for (unsigned i = 0; i < comparison->column_count; i++)
		if (comparison->columns[i].summary.machine[0] != '\0')
			return true;
	return false;
}

static int compare(struct request *request, const char *file)
{
	struct comparison *comparison = request->comparison;
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	enum iommusim_status status;
	char *text;
	size_t length;

	status = trace_read(file, &text, &length, &problem);
	if (status != IOMMUSIM_OK) {
		fprintf(stderr, "%s:%u:%u: %s\n", file, problem.line, problem.column, problem.text);
		return status == IOMMUSIM_ENOMEM ? COMMAND_NO_RESOURCES : COMMAND_BAD_INPUT;
	}
	comparison->file = file;
	comparison->colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	compare_run(comparison, &request->options, text, length);
	free(text);
	if (has_begun(comparison)) {
		if (request->json)
			compare_json(comparison);
		else
			compare_text(comparison);
	}
	return conclude(comparison);
}

int command_compare(int argc, char **argv)
{
	struct request request = { .comparison = calloc(1, sizeof(*request.comparison)) };
	int code = COMMAND_NO_RESOURCES;

	if (request.comparison == NULL)
		return code;
	if (take_options(&request, argc, argv, &code))
		code = check_request(&request, argc);
	else
		optind = argc; /* it ended there: with help, or with a message */
	if (code == COMMAND_OK && optind < argc)
		code = compare(&request, argv[optind]);
	compare_free(request.comparison);
	free(request.comparison);
	free(request.names);
	return code;
}
