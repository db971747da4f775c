/* `iommusim import`: reads a capture, has the library turn it into a trace, and says what it came to. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <iommusim/import.h>

#include "command.h"
#include "options.h"
#include "trace_input.h"

static const char usage[] =
    "usage: iommusim import dtrace|ftrace|qemu [OPTION...] FILE\n"
    "\n"
    "Turns a capture of a live system into a trace for `iommusim replay`: what docs/capture/vmm-iommu.d\n"
    "prints on a bhyve host, Linux's iommu:* trace events as text, or the lines of QEMU's -trace vtd_* and\n"
    "amdvi_*. docs/capture/README.md says how to take one and what it cannot tell. FILE may be compressed\n"
    "with gzip; - is standard input. What is no statement is kept as a comment; standard error says at the\n"
    "end how much.\n"
    "\n"
    "  -o, --output OUT     write the trace there instead of to standard output\n"
    "      --iommu VENDOR   vtd or amdvi, where the capture does not say (otherwise vtd)\n"
    "      --memory SIZE    RAM of the trace's machine; otherwise what the capture uses, 64G at most\n"
    "      --keep-pages     dtrace: a statement for each call, instead of one for a run of pages\n"
    "      --device DEV     ftrace: mappings that name no domain belong to this device's\n"
    "      --dma            qemu: translations as statements instead of comments\n"
    "      --strict         fail when any line cannot be read or events were lost\n"
    "  -h, --help           this text\n"
    "\n"
    "exit: 0 a trace was written, 1 with --strict and something is missing in it, 2 a file cannot be read\n"
    "or written, or holds no such capture, or wrong usage, 3 out of memory\n";

enum { NOTICES_SHOWN = 10, BAR_WIDTH = 24, TENTHS = 10, PERCENT = 100 };

struct import_run {
	struct iommusim_import_options options;
	enum iommusim_import_source source;
	const char *file;
	const char *output;
	bool strict;
	FILE *stream; /* NULL: not open yet */
	int failure;  /* errno of the first write that went wrong */
	uint64_t notices;
	/* progress */
	bool terminal;
	bool shown;
	double began;
	double last;
};

/* ---- while it runs ------------------------------------------------------------------------------------- */

static double now(void)
{
	const double nanosecond = 1e-9;
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC, &time) != 0)
		return 0;
	return (double)time.tv_sec + (double)time.tv_nsec * nanosecond;
}

static void clear_progress(struct import_run *run)
{
	if (run->shown && run->terminal)
		fputs("\r\033[K", stderr);
	run->shown = false;
}

static void show_bar(uint64_t done, uint64_t total)
{
	const unsigned full = (unsigned)(done * BAR_WIDTH / total);

	fputs("\r\033[K", stderr);
	fputs("importing capture  ", stderr);
	for (unsigned i = 0; i < BAR_WIDTH; i++)
		fputs(i < full ? "█" : "░", stderr);
}

/* Nothing for a second; then a bar on a terminal, elsewhere a line a second. */
static void show_progress(void *context, uint64_t done, uint64_t total)
{
	const double mega = 1e6;
	struct import_run *run = context;
	const double time = now(), taken = time - run->began;

	if (total == 0 || time - run->last < (run->terminal && run->shown ? 1.0 / TENTHS : 1.0))
		return;
	run->last = time;
	run->shown = true;
	if (run->terminal)
		show_bar(done, total);
	else
		fputs("importing capture", stderr);
	fprintf(stderr, "  %2u %%   %.1f MB/s   %.0f s left%s", (unsigned)(done * PERCENT / total),
	    (double)done / taken / mega, taken * (double)(total - done) / (double)done,
	    run->terminal ? "" : "\n");
}

static void show_notice(
    void *context, enum iommusim_import_notice why, uint32_t line, uint32_t column, const char *text)
{
	struct import_run *run = context;

	(void)why;
	if (run->notices++ >= NOTICES_SHOWN)
		return;
	clear_progress(run);
	fprintf(stderr, "%s:%" PRIu32 ":%" PRIu32 ": %s; kept as a comment\n", run->file, line, column,
	    text);
}

/* A file is made when there is something to write: what is no capture leaves none behind. */
static void put_output(void *context, const char *text, size_t length)
{
	struct import_run *run = context;

	if (run->stream == NULL && run->failure == 0) {
		run->stream = fopen(run->output, "wb");
		run->failure = run->stream == NULL ? errno : 0;
	}
	if (run->stream != NULL && fwrite(text, 1, length, run->stream) != length && run->failure == 0)
		run->failure = errno;
}

/* ---- what it came to ----------------------------------------------------------------------------------- */

static void say_count(uint64_t count, const char *one, const char *many)
{
	if (count != 0)
		fprintf(stderr, "  %" PRIu64 " %s\n", count, count == 1 ? one : many);
}

static void say_summary(const struct import_run *run, const struct iommusim_import_summary *summary)
{
	if (run->notices > NOTICES_SHOWN)
		fprintf(stderr, "%s: and %" PRIu64 " more like these\n", run->file,
		    run->notices - NOTICES_SHOWN);
	fprintf(stderr, "%s: %" PRIu64 " line%s, %" PRIu64 " statement%s\n", run->file, summary->lines,
	    summary->lines == 1 ? "" : "s", summary->statements, summary->statements == 1 ? "" : "s");
	say_count(summary->joined, "call is part of a statement for a whole run of pages",
	    "calls are part of statements for whole runs of pages");
	say_count(summary->kept, "line is no statement: a comment", "lines are no statement: comments");
	say_count(summary->without_domain,
	    "mapping names no domain: a comment (--device, or probes, would)",
	    "mappings name no domain: comments (--device, or probes, would)");
	say_count(summary->unfinished, "call of which nothing says how it ended",
	    "calls of which nothing says how they ended");
	say_count(
	    summary->reordered, "line out of the order of time", "lines out of the order of time");
	say_count(
	    summary->malformed, "event cannot be read: a comment", "events cannot be read: comments");
	say_count(summary->unreadable, "line is not understood: a comment",
	    "lines are not understood: comments");
	if (summary->lost_places != 0)
		fprintf(stderr,
		    "  events are missing in %" PRIu64 " place%s, %" PRIu64
		    " by the capture's own count\n",
		    summary->lost_places, summary->lost_places == 1 ? "" : "s", summary->lost);
}

static bool is_whole(const struct iommusim_import_summary *summary)
{
	return summary->malformed == 0 && summary->unreadable == 0 && summary->lost_places == 0;
}

static int complain(const struct import_run *run, enum iommusim_status status,
    const struct iommusim_diagnostic *problem)
{
	fprintf(stderr, "%s:%u:%u: %s\n", run->file, problem->line, problem->column,
	    status == IOMMUSIM_ENOMEM && problem->text[0] == '\0' ? "out of memory" : problem->text);
	return status == IOMMUSIM_ENOMEM ? COMMAND_NO_RESOURCES : COMMAND_BAD_INPUT;
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static int convert(struct import_run *run, const char *text, size_t length)
{
	const struct iommusim_text out = { .context = run, .put = put_output };
	struct iommusim_diagnostic problem;
	struct iommusim_import_summary summary;
	enum iommusim_status status;

	run->options.context = run;
	run->options.on_notice = show_notice;
	run->options.on_progress = show_progress;
	run->terminal = isatty(STDERR_FILENO) != 0;
	run->began = run->last = now();
	status = iommusim_import(run->source, text, length, &run->options, &out, &summary, &problem);
	clear_progress(run);
	if (status == IOMMUSIM_EINVAL)
		return options_refuse("import", "--device %s", problem.text);
	if (status != IOMMUSIM_OK)
		return complain(run, status, &problem);
	if (run->failure == 0)
		say_summary(run, &summary);
	return run->strict && !is_whole(&summary) ? COMMAND_UNEXPECTED : COMMAND_OK;
}

static int convert_into(struct import_run *run, const char *text, size_t length)
{
	int code;

	if (run->output == NULL || strcmp(run->output, "-") == 0)
		run->stream = stdout;
	code = convert(run, text, length);
	if (run->stream == stdout)
		return code; /* main() looks after it */
	if (run->stream != NULL && fclose(run->stream) != 0 && run->failure == 0)
		run->failure = errno;
	if (run->failure == 0)
		return code;
	fprintf(
	    stderr, "iommusim import: %s cannot be written: %s\n", run->output, strerror(run->failure));
	return COMMAND_BAD_INPUT;
}

static int run_import(struct import_run *run)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	char *text;
	size_t length;
	const enum iommusim_status status = trace_read(run->file, &text, &length, &problem);
	int code;

	if (status != IOMMUSIM_OK)
		return complain(run, status, &problem);
	code = convert_into(run, text, length);
	free(text);
	return code;
}

/* ---- the command line ---------------------------------------------------------------------------------- */

enum option_id {
	OPTION_IOMMU = 256,
	OPTION_MEMORY,
	OPTION_KEEP_PAGES,
	OPTION_DEVICE,
	OPTION_DMA,
	OPTION_STRICT
};

static int take_option(void *context, int option, char *argument)
{
	struct import_run *run = context;

	const char *problem;

	switch (option) {
	case 'o':
		run->output = argument;
		return COMMAND_OK;
	case OPTION_IOMMU:
		return iommusim_vendor_find(argument, &run->options.vendor) == IOMMUSIM_OK
		    ? COMMAND_OK
		    : options_refuse("import", "--iommu %s: expected vtd or amdvi", argument);
	case OPTION_MEMORY:
		return iommusim_trace_number(argument, &run->options.memory, &problem) == IOMMUSIM_OK &&
			run->options.memory != 0
		    ? COMMAND_OK
		    : options_refuse("import", "--memory %s: expected a size such as 8G", argument);
	case OPTION_KEEP_PAGES:
		run->options.keep_pages = true;
		return COMMAND_OK;
	case OPTION_DEVICE:
		run->options.device = argument;
		return COMMAND_OK;
	case OPTION_DMA:
		run->options.dma = true;
		return COMMAND_OK;
	default:
		run->strict = true;
		return COMMAND_OK;
	}
}

/* Options into `run`; true when the command goes on, otherwise `*code` is its end. */
static bool take_options(struct import_run *run, int argc, char **argv, int *code)
{
	static const struct option rows[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "iommu", required_argument, NULL, OPTION_IOMMU },
		{ "memory", required_argument, NULL, OPTION_MEMORY },
		{ "keep-pages", no_argument, NULL, OPTION_KEEP_PAGES },
		{ "device", required_argument, NULL, OPTION_DEVICE },
		{ "dma", no_argument, NULL, OPTION_DMA },
		{ "strict", no_argument, NULL, OPTION_STRICT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_options options = {
		.command = "import",
		.usage = usage,
		.letters = ":o:h",
		.rows = rows,
		.take = take_option,
	};

	return options_take(&options, run, argc, argv, code);
}

int command_import(int argc, char **argv)
{
	struct import_run run = { .file = NULL };
	int code;

	if (!take_options(&run, argc, argv, &code))
		return code;
	if (argc - optind == 0)
		return options_refuse("import", "expected dtrace, ftrace or qemu, and a file");
	if (iommusim_import_source_find(argv[optind], &run.source) != IOMMUSIM_OK)
		return options_refuse("import", "%s: expected dtrace, ftrace or qemu", argv[optind]);
	if (argc - optind != 2)
		return options_refuse("import", "expected one file");
	run.file = argv[optind + 1];
	return run_import(&run);
}
