/* `iommusim vectors`: runs files of conformance vectors and counts what became of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "trace_input.h"
#include "vectors_known.h"
#include "vectors_read.h"
#include "vectors_run.h"
#include "vectors_show.h"

static const char usage[] =
    "usage: iommusim vectors [OPTION...] FILE...\n"
    "\n"
    "Runs conformance vectors, one JSON object a line, against the models. A line of output is a\n"
    "vector that failed: its id, the first step that did (counted from 0), what was expected of it\n"
    "and what it gave. The last line counts. - is standard input; files may be compressed with gzip.\n"
    "\n"
    "  -j, --json          one JSON object for each vector, a summary last\n"
    "      --known FILE    more vectors that may fail, beside those the program knows of: lines of\n"
    "                      PATTERN CLAUSE reason, where PATTERN is a glob over ids\n"
    "      --cache POLICY  none, hoard, sized or adverse; hoard when not given\n"
    "      --drop-invalidations\n"
    "                      let the unit ignore every invalidation: a negative control\n"
    "      --preferred     also compare disputed steps that say which reading the specification has\n"
    "  -h, --help          this text\n"
    "\n"
    "exit: 0 none failed that is not known, 1 one did, 2 a file cannot be used or wrong usage, 3 out\n"
    "of memory\n";

enum {
	MOST_COMPLAINTS = 20 /* about lines of one file; a file of another kind has nothing else */
};

struct run {
	struct vector_run_options options;
	struct vectors_known known;
	struct vectors_show show;
	unsigned complaints;
	int worst; /* exit code so far */
};

static void note_exit(struct run *run, int code)
{
	if (code > run->worst)
		run->worst = code;
}

/* A message about a file on standard error, after what standard output has to say before it. */
static void complain(struct run *run, const char *file, enum iommusim_status status,
    const struct iommusim_diagnostic *problem)
{
	note_exit(run, status == IOMMUSIM_ENOMEM ? COMMAND_NO_RESOURCES : COMMAND_BAD_INPUT);
	fflush(stdout);
	fprintf(stderr, "%s:%u:%u: %s\n", file, problem->line, problem->column,
	    status == IOMMUSIM_ENOMEM && problem->text[0] == '\0' ? "out of memory" : problem->text);
}

/* ---- one file ------------------------------------------------------------------------------------------ */

static void judge(struct run *run, const struct vector *vector, const struct vector_result *result)
{
	const struct vectors_known_entry *known = NULL;
	enum vectors_verdict verdict = VECTORS_PASSED;

	if (vector->disputed) {
		verdict = VECTORS_DISPUTED;
	} else if (result->count != 0) {
		known = vectors_known_find(&run->known, vector->id);
		verdict = known != NULL ? VECTORS_KNOWN : VECTORS_FAILED;
	}
	if (verdict == VECTORS_FAILED)
		note_exit(run, COMMAND_UNEXPECTED);
	vectors_show_one(&run->show, vector->id, verdict, result, known);
}

/* Says nothing more of a file once much has been said. */
static void complain_of_line(struct run *run, const char *file, struct vector_json *json)
{
	const enum iommusim_status status = json->problem.status;

	if (run->complaints > MOST_COMPLAINTS)
		return;
	if (run->complaints++ == MOST_COMPLAINTS)
		snprintf(json->problem.text, sizeof(json->problem.text),
		    "this and maybe further lines cannot be used either; nothing is said of them, they do "
		    "not run");
	complain(run, file, status, &json->problem);
}

static void run_line(struct run *run, const char *file, struct vector_json *json)
{
	struct vector vector;
	struct vector_result result;

	if (vector_json_is_blank(json))
		return;
	if (!vector_read(json, &vector)) {
		complain_of_line(run, file, json);
		return;
	}
	if (vector_execute(&vector, &run->options, json, &result))
		judge(run, &vector, &result);
	else
		complain_of_line(run, file, json);
	vector_result_free(&result);
	vector_free(&vector);
}

static void run_text(struct run *run, const char *file, const char *text, size_t length)
{
	uint32_t line = 0;

	run->complaints = 0;
	for (const char *end = text + length; text < end;) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline != NULL ? newline : end;
		struct vector_json json = {
			.text = text,
			.length = (size_t)(stop - text),
			.line = ++line,
		};

		run_line(run, file, &json);
		text = stop + 1;
	}
}

static void run_file(struct run *run, const char *file)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	char *text;
	size_t length;
	const enum iommusim_status status = trace_read(file, &text, &length, &problem);

	if (status != IOMMUSIM_OK) {
		complain(run, file, status, &problem);
		return;
	}
	run_text(run, file, text, length);
	free(text);
}

/* ---- the command line ---------------------------------------------------------------------------------- */

enum option_id { OPTION_KNOWN = 256, OPTION_CACHE, OPTION_DROP, OPTION_PREFERRED };

static int take_known(struct run *run, const char *file)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	const enum iommusim_status status = vectors_known_add(&run->known, file, &problem);

	if (status != IOMMUSIM_OK)
		complain(run, file, status, &problem);
	return run->worst;
}

static int take_option(void *context, int option, char *argument)
{
	struct run *run = context;

	switch (option) {
	case 'j':
		run->show.json = true;
		return COMMAND_OK;
	case OPTION_KNOWN:
		return take_known(run, argument);
	case OPTION_CACHE:
		return iommusim_cache_policy_find(argument, &run->options.settings.cache) == IOMMUSIM_OK
		    ? COMMAND_OK
		    : options_refuse(
			  "vectors", "--cache %s: expected none, hoard, sized or adverse", argument);
	case OPTION_DROP:
		run->options.settings.drop_invalidations = true;
		return COMMAND_OK;
	default:
		run->options.preferred = true;
		return COMMAND_OK;
	}
}

/* Options into `run`; true when the command goes on, otherwise `*code` is its end. */
static bool take_options(struct run *run, int argc, char **argv, int *code)
{
	static const struct option rows[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "known", required_argument, NULL, OPTION_KNOWN },
		{ "cache", required_argument, NULL, OPTION_CACHE },
		{ "drop-invalidations", no_argument, NULL, OPTION_DROP },
		{ "preferred", no_argument, NULL, OPTION_PREFERRED },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_options options = {
		.command = "vectors",
		.usage = usage,
		.letters = ":jh",
		.rows = rows,
		.take = take_option,
	};

	return options_take(&options, run, argc, argv, code);
}

int command_vectors(int argc, char **argv)
{
	struct run run = { .options = { .settings = { .cache = IOMMUSIM_CACHE_HOARD } } };
	int code;

	if (!take_options(&run, argc, argv, &code)) {
		/* It has been said: nothing is left to do. */
	} else if (optind == argc) {
		code = options_refuse("vectors", "no file given");
	} else {
		for (int i = optind; i < argc; i++)
			run_file(&run, argv[i]);
		vectors_show_end(&run.show);
		if (run.show.out_of_memory)
			note_exit(&run, COMMAND_NO_RESOURCES);
		code = run.worst;
	}
	vectors_known_free(&run.known);
	return code;
}
