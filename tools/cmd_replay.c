/* `iommusim replay`: runs traces and recordings, each its own way. Showing what came is done elsewhere. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommusim/trace.h>

#include "command.h"
#include "options.h"
#include "recording_show.h"
#include "replay_option.h"
#include "replay_show.h"
#include "trace_input.h"

static const char usage[] =
    "usage: iommusim replay [OPTION...] FILE|FOLDER...\n"
    "\n"
    "Runs traces (docs/trace-language.md) and reports every DMA that did not go as it should: where it\n"
    "was stopped or let through, which call is to blame, and who is told. Runs recordings of a real\n"
    "driver (docs/recordings.md) and reports where the model parts from them. A folder stands for every\n"
    "*.iommu below it, or for the recording.jsonl.gz in it; - for standard input; files may be\n"
    "compressed with gzip.\n"
    "\n"
    "  -j, --json                one JSON object a line, a summary last\n"
    "      --vmm NAME            behave as this release does (13.0, reference, ...), whatever the "
    "trace says\n"
    "      --iommu VENDOR        vtd or amdvi: stories told for that one too (also=) are played on it, and\n"
    "                            the others skipped\n"
    "      --cache POLICY        none, hoard, sized or adverse, whatever the trace says\n"
    "      --seed N              seed of whatever is random, whatever the trace says\n"
    "      --suppress ID[:FILE[:LINE[-LINE]]]\n"
    "                            findings of that id, or all, do not matter, there or anywhere: they are\n"
    "                            only counted. May be given several times\n"
    "      --drop-invalidations  let the unit ignore every invalidation: a negative control\n"
    "      --record OUT          write what ran as a trace that needs no other file\n"
    "      --platform FILE       a recording's machine; otherwise platform.json beside the recording\n"
    "  -h, --help                this text\n"
    "\n"
    "exit: 0 everything as expected, 1 a DMA, a finding or an expectation is not, or a recording parts,\n"
    "2 a file cannot be read or wrong usage, 3 out of memory or another resource\n";

enum { SUPPRESSIONS = 64, SUPPRESSION_TEXT = 256 };

/* What was asked for, and what is kept while the files are gone through. */
struct run {
	struct iommusim_replay_options options;
	struct iommusim_suppression suppressions[SUPPRESSIONS];
	char files_suppressed[SUPPRESSIONS][SUPPRESSION_TEXT];
	bool json;
	const char *record;
	const char *platform; /* of recordings; NULL: what lies beside them */
	struct trace_files files;
	struct replay_progress progress;
	struct iommusim_replay_summary total;
	struct recording_total recordings;
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
	fflush(stdout);
	replay_progress_clear(&run->progress);
	fprintf(stderr, "%s:%u:%u: %s\n", file, problem->line, problem->column,
	    status == IOMMUSIM_ENOMEM && problem->text[0] == '\0' ? "out of memory" : problem->text);
	note_exit(run, status == IOMMUSIM_ENOMEM ? COMMAND_NO_RESOURCES : COMMAND_BAD_INPUT);
}

static bool wants_colour(void)
{
	return isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

/* ---- one file ------------------------------------------------------------------------------------------ */

static void add_up(struct iommusim_replay_summary *total, const struct iommusim_replay_summary *one)
{
	total->calls += one->calls;
	total->dma_total += one->dma_total;
	for (unsigned i = 0; i < IOMMUSIM_VERDICT_COUNT; i++)
		total->dma[i] += one->dma[i];
	for (unsigned i = 0; i < IOMMUSIM_FINDING_COUNT; i++) {
		total->findings[i] += one->findings[i];
		total->suppressed[i] += one->suppressed[i];
	}
	total->expectations_met += one->expectations_met;
	total->expectations_failed += one->expectations_failed;
	total->unexpected_dma += one->unexpected_dma;
	total->unexpected_findings += one->unexpected_findings;
}

static void put_record(void *context, const char *text, size_t length)
{
	fwrite(text, 1, length, context);
}

static enum iommusim_status read_on(
    void *context, char *bytes, size_t room, size_t *count, struct iommusim_diagnostic *problem)
{
	return trace_stream_read(context, bytes, room, count, problem);
}

/* Replay, and write down what runs when that was asked for. */
static enum iommusim_status replay_stream(struct run *run, const char *file, struct trace_stream *from,
    struct iommusim_replay_summary *summary, struct iommusim_diagnostic *problem)
{
	const struct iommusim_trace_source source = { .context = from, .read = read_on };
	struct iommusim_text out = { .put = put_record };
	enum iommusim_status status;
	FILE *stream;

	if (run->record == NULL)
		return iommusim_replay_source(file, &source, &run->options, summary, problem);
	stream = fopen(run->record, "wb");
	if (stream == NULL) {
		fprintf(stderr, "iommusim replay: %s cannot be written: %s\n", run->record,
		    strerror(errno));
		note_exit(run, COMMAND_BAD_INPUT);
		return iommusim_replay_source(file, &source, &run->options, summary, problem);
	}
	out.context = stream;
	run->options.record = &out;
	status = iommusim_replay_source(file, &source, &run->options, summary, problem);
	run->options.record = NULL;
	if ((ferror(stream) | fclose(stream)) != 0) {
		fprintf(stderr, "iommusim replay: %s cannot be written\n", run->record);
		note_exit(run, COMMAND_NO_RESOURCES);
	}
	return status;
}

static bool is_recording(const char *text, size_t length)
{
	size_t at = 0;

	while (at < length && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0')
		at++;
	return at < length && text[at] == '{';
}

/* A story of the other vendor's alone. */
static void replay_skip(struct run *run, const char *file)
{
	const char *vendor = iommusim_vendor_name(run->options.vendor);

	replay_progress_clear(&run->progress);
	fflush(stdout);
	fprintf(stderr, "%s: skipped, it is not told for %s\n", file, vendor);
}

static void run_trace(struct run *run, const char *file, struct trace_stream *stream)
{
	struct iommusim_replay_summary summary = { .calls = 0 };
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	struct replay_show show = {
		.file = file,
		.summary = &summary,
		.progress = &run->progress,
		.colour = wants_colour(),
	};
	enum iommusim_status status;

	run->options.context = &show;
	status = replay_stream(run, file, stream, &summary, &problem);
	if (status == IOMMUSIM_EOPNOTSUPP && run->options.vendor != IOMMUSIM_VENDOR_OF_TRACE) {
		replay_skip(run, file);
		return;
	}
	if (run->json)
		replay_json_end(&show, status == IOMMUSIM_OK ? NULL : &problem);
	else if (summary.machine[0] != '\0')
		replay_text_end(&show);
	if (status != IOMMUSIM_OK)
		complain(run, file, status, &problem);
	else if (!iommusim_replay_passed(&summary))
		note_exit(run, COMMAND_UNEXPECTED);
	if (show.out_of_memory)
		note_exit(run, COMMAND_NO_RESOURCES);
	add_up(&run->total, &summary);
}

static void run_recorded(struct run *run, const char *file, const char *text, size_t length)
{
	const struct recording_options options = {
		.platform = run->platform,
		.seed = run->options.has_seed ? run->options.seed : 0,
		.settings = {
			.cache = run->options.has_cache ? run->options.cache : IOMMUSIM_CACHE_HOARD,
			.drop_invalidations = run->options.drop_invalidations,
		},
	};
	struct recording_summary summary;
	struct recording_problem problem;
	struct recording_show show = {
		.file = file,
		.summary = &summary,
		.progress = &run->progress,
		.colour = wants_colour(),
	};
	struct recording_watcher watcher = { .context = &show };
	enum iommusim_status status;

	if (run->json)
		recording_json_watcher(&watcher);
	else
		recording_text_watcher(&watcher);
	status = recording_run(file, text, length, &options, &watcher, &summary, &problem);
	if (run->json)
		recording_json_end(&show, status == IOMMUSIM_OK ? NULL : &problem);
	else if (summary.machine[0] != '\0')
		recording_text_end(&show);
	if (status != IOMMUSIM_OK)
		complain(run, problem.file, status, &problem.about);
	else if (!recording_agrees(&summary))
		note_exit(run, COMMAND_UNEXPECTED);
	if (show.out_of_memory)
		note_exit(run, COMMAND_NO_RESOURCES);
	recording_add_up(&run->recordings, &summary);
	recording_summary_free(&summary);
}

/* Of a recording all is looked at before it runs. */
static void run_recording(struct run *run, const char *file, struct trace_stream *stream)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	enum iommusim_status status;
	size_t length;
	char *text;

	if (run->record != NULL) {
		note_exit(run,
		    options_refuse("replay", "--record takes a trace, and %s is a recording", file));
		return;
	}
	status = trace_stream_rest(stream, &text, &length, &problem);
	if (status == IOMMUSIM_OK)
		run_recorded(run, file, text, length);
	else
		complain(run, file, status, &problem);
	free(text);
}

static void run_file(struct run *run, const char *file)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	struct trace_stream stream;
	enum iommusim_status status = trace_stream_open(&stream, file, &problem);
	const char *begin;
	size_t length;

	if (status != IOMMUSIM_OK) {
		complain(run, file, status, &problem);
		return;
	}
	status = trace_stream_look(&stream, &begin, &length);
	if (status != IOMMUSIM_OK)
		complain(run, file, status, &problem);
	else if (is_recording(begin, length))
		run_recording(run, file, &stream);
	else
		run_trace(run, file, &stream);
	trace_stream_close(&stream);
}

/* ---- the command line ------------------------------------------------------------------------------------ */

enum option_id { OPTION_DROP = REPLAY_OPTION_END, OPTION_SUPPRESS, OPTION_RECORD, OPTION_PLATFORM };

/* LINE or LINE-LINE. */
static bool take_lines(struct iommusim_suppression *one, const char *text)
{
	char *end;
	unsigned long first = strtoul(text, &end, 10), last = first;

	if (end == text || text[0] == '-')
		return false;
	if (*end == '-')
		last = strtoul(end + 1, &end, 10);
	if (*end != '\0' || first == 0 || last < first || last > UINT32_MAX)
		return false;
	one->first = (uint32_t)first;
	one->last = (uint32_t)last;
	return true;
}

/* ID[:FILE[:LINE[-LINE]]] */
static int take_suppression(struct run *run, const char *text)
{
	struct iommusim_suppression one = { .id = IOMMUSIM_FINDING_COUNT };
	char *copy, *file, *lines = NULL;

	if (run->options.suppression_count == SUPPRESSIONS || strlen(text) >= SUPPRESSION_TEXT)
		return options_refuse("replay", "--suppress %s: too long, or too many of them", text);
	copy = run->files_suppressed[run->options.suppression_count];
	memcpy(copy, text, strlen(text) + 1);
	file = strchr(copy, ':');
	if (file != NULL) {
		*file++ = '\0';
		lines = strchr(file, ':');
		if (lines != NULL)
			*lines++ = '\0';
		one.file = file;
	}
	if (strcmp(copy, "all") != 0 && iommusim_finding_find(copy, &one.id) != IOMMUSIM_OK)
		return options_refuse(
		    "replay", "--suppress %s: expected the id of a finding, or all, first", text);
	if (lines != NULL && !take_lines(&one, lines))
		return options_refuse(
		    "replay", "--suppress %s: expected a line, or two with - between, last", text);
	run->suppressions[run->options.suppression_count++] = one;
	run->options.suppressions = run->suppressions;
	return COMMAND_OK;
}

static int take_option(void *context, int option, char *argument)
{
	struct run *run = context;

	switch (option) {
	case 'j':
		run->json = true;
		return COMMAND_OK;
	case OPTION_DROP:
		run->options.drop_invalidations = true;
		return COMMAND_OK;
	case OPTION_SUPPRESS:
		return take_suppression(run, argument);
	case OPTION_RECORD:
		run->record = argument;
		return COMMAND_OK;
	case OPTION_PLATFORM:
		run->platform = argument;
		return COMMAND_OK;
	default:
		return replay_option_take("replay", option, argument, &run->options);
	}
}

/* Options into `run`; true when the command goes on, otherwise `*code` is its end. */
static bool take_options(struct run *run, int argc, char **argv, int *code)
{
	static const struct option rows[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "vmm", required_argument, NULL, REPLAY_OPTION_VMM },
		{ "iommu", required_argument, NULL, REPLAY_OPTION_IOMMU },
		{ "cache", required_argument, NULL, REPLAY_OPTION_CACHE },
		{ "seed", required_argument, NULL, REPLAY_OPTION_SEED },
		{ "suppress", required_argument, NULL, OPTION_SUPPRESS },
		{ "drop-invalidations", no_argument, NULL, OPTION_DROP },
		{ "record", required_argument, NULL, OPTION_RECORD },
		{ "platform", required_argument, NULL, OPTION_PLATFORM },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_options options = {
		.command = "replay",
		.usage = usage,
		.letters = ":jh",
		.rows = rows,
		.take = take_option,
	};

	return options_take(&options, run, argc, argv, code);
}

static int collect(struct run *run, int argc, char **argv)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };

	for (int i = optind; i < argc; i++) {
		const enum iommusim_status status = trace_files_add(&run->files, argv[i], &problem);

		if (status != IOMMUSIM_OK)
			complain(run, argv[i], status, &problem);
	}
	if (run->record != NULL && run->files.count > 1)
		return options_refuse("replay", "--record %s takes one trace at a time", run->record);
	return optind < argc ? COMMAND_OK : options_refuse("replay", "no file given");
}

static void run_files(struct run *run)
{
	struct replay_show show = { .progress = &run->progress };

	if (run->json)
		replay_json_callbacks(&run->options);
	else
		replay_text_callbacks(&run->options);
	replay_progress_start(&run->progress);
	for (size_t i = 0; i < run->files.count; i++) {
		if (i != 0 && !run->json)
			putchar('\n');
		run_file(run, run->files.names[i]);
	}
	replay_progress_clear(&run->progress);
	if (run->files.count < 2)
		return;
	if (run->json) {
		replay_json_total(&show, &run->total, run->files.count, &run->recordings);
	} else {
		if (run->files.count > run->recordings.files)
			replay_text_total(&run->total, run->files.count - run->recordings.files);
		if (run->recordings.files != 0)
			recording_text_total(&run->recordings);
	}
	if (show.out_of_memory)
		note_exit(run, COMMAND_NO_RESOURCES);
}

int command_replay(int argc, char **argv)
{
	struct run run = { .json = false };
	int code;

	if (!take_options(&run, argc, argv, &code))
		return code;
	code = collect(&run, argc, argv);
	if (code == COMMAND_OK)
		run_files(&run);
	trace_files_free(&run.files);
	return code == COMMAND_OK ? run.worst : code;
}
