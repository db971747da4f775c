/* `iommusim replay` for people: reports as they come, and a last line that counts. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "replay_show.h"
#include "wrap.h"

enum { QUIET_SECONDS = 1 };

static void put(void *context, const char *text, size_t length)
{
	(void)context;
	fwrite(text, 1, length, stdout);
}

/* A text of several lines: the first begins with `first`, the others are indented like its text. */
static void print_wrapped(const char *first, const char *text)
{
	fputs(first, stdout);
	wrap_print(strlen(first), strlen(first), text);
}

/* ---- progress ------------------------------------------------------------------------------------------ */

void replay_progress_show(struct replay_progress *progress, const char *file, uint32_t line)
{
	struct timespec now;

	if (!progress->wanted || clock_gettime(CLOCK_MONOTONIC, &now) != 0 ||
	    now.tv_sec - progress->since < QUIET_SECONDS)
		return;
	progress->since = now.tv_sec;
	progress->shown = true;
	fprintf(stderr, "\r\033[Kreplaying %s, line %" PRIu32, file, line);
}

void replay_progress_clear(struct replay_progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}

void replay_progress_start(struct replay_progress *progress)
{
	struct timespec now;

	*progress = (struct replay_progress){ .wanted = isatty(STDERR_FILENO) != 0 };
	if (clock_gettime(CLOCK_MONOTONIC, &now) == 0)
		progress->since = now.tv_sec;
}

/* ---- a story ------------------------------------------------------------------------------------------- */

static void begin_block(struct replay_show *show)
{
	replay_progress_clear(show->progress);
	if (!show->headed)
		printf("%s   %s\n", show->file, show->summary->machine);
	show->headed = true;
	putchar('\n');
}

static void show_dma(void *context, const struct iommusim_check *check, uint32_t line,
    const char *statement, const struct iommusim_report *report, bool expected)
{
	struct replay_show *show = context;
	const struct iommusim_text out = { .put = put, .colour = show->colour };

	(void)statement;
	replay_progress_show(show->progress, show->file, line);
	if (report->verdict == IOMMUSIM_VERDICT_OK && expected)
		return;
	begin_block(show);
	if (iommusim_report_text(check, report, &out) != IOMMUSIM_OK)
		show->out_of_memory = true;
}

static void show_finding(void *context, const struct iommusim_finding *finding, bool expected)
{
	struct replay_show *show = context;
	const char *name = iommusim_finding_name(finding->id);

	begin_block(show);
	printf("line %" PRIu32 "  finding %s%s\n", finding->place.line, name,
	    expected ? ", as expected" : "");
	print_wrapped("  ", finding->text);
	print_wrapped("  means  ", iommusim_finding_meaning(finding->id));
	printf("  more   docs/findings/%s.md\n", name);
}

static void show_failure(void *context, uint32_t line, const char *statement, const char *text)
{
	struct replay_show *show = context;

	begin_block(show);
	printf("line %" PRIu32 "  %s  %sNOT AS EXPECTED%s\n", line, statement,
	    show->colour ? "\033[1;31m" : "", show->colour ? "\033[0m" : "");
	print_wrapped("  ", text);
}

static void show_init(void *context, const struct iommusim_vmm *vmm, const struct iommusim_check *check)
{
	struct replay_show *show = context;
	const struct iommusim_text out = { .put = put, .colour = show->colour };
	struct iommusim_init_report report;

	iommusim_init_report(vmm, &report);
	if (report.outcome == IOMMUSIM_INIT_DONE || report.outcome == IOMMUSIM_INIT_NOT_REACHED)
		return;
	begin_block(show);
	if (iommusim_init_text(check, &out) != IOMMUSIM_OK)
		show->out_of_memory = true;
}

void replay_text_callbacks(struct iommusim_replay_options *options)
{
	options->on_dma = show_dma;
	options->on_finding = show_finding;
	options->on_failure = show_failure;
	options->on_end = show_init;
}

/* ---- the last line ------------------------------------------------------------------------------------- */

/* "3 DMAs", "1 DMA" */
static void print_count(const char *before, uint64_t count, const char *thing)
{
	printf("%s%" PRIu64 " %s%s", before, count, thing, count == 1 ? "" : "s");
}

static void print_verdicts(const struct iommusim_replay_summary *summary)
{
	const char *before = ": ";

	for (unsigned i = 0; i < IOMMUSIM_VERDICT_COUNT; i++) {
		if (summary->dma[i] == 0)
			continue;
		printf("%s%" PRIu64 " %s", before, summary->dma[i],
		    iommusim_verdict_name((enum iommusim_verdict)i));
		before = ", ";
	}
}

static void print_unexpected(const struct iommusim_replay_summary *summary)
{
	const char *before = " ";

	if (summary->unexpected_dma != 0) {
		print_count(before, summary->unexpected_dma, "DMA");
		before = " and ";
	}
	if (summary->unexpected_findings != 0)
		print_count(before, summary->unexpected_findings, "finding");
	if (summary->unexpected_dma + summary->unexpected_findings != 0)
		fputs(" nobody expected.", stdout);
}

/* "9 calls, 3 DMAs: 1 ok, 2 lost. 2 expectations met." */
static void print_summary(const struct iommusim_replay_summary *summary)
{
	uint64_t findings = 0, suppressed = 0;

	for (unsigned i = 0; i < IOMMUSIM_FINDING_COUNT; i++) {
		findings += summary->findings[i];
		suppressed += summary->suppressed[i];
	}
	print_count("", summary->calls, "call");
	print_count(", ", summary->dma_total, "DMA");
	print_verdicts(summary);
	if (findings != 0)
		print_count(", ", findings, "finding");
	if (suppressed != 0) {
		print_count(", ", suppressed, "finding");
		fputs(" suppressed", stdout);
	}
	putchar('.');
	if (summary->expectations_met != 0) {
		print_count(" ", summary->expectations_met, "expectation");
		fputs(" met.", stdout);
	}
	if (summary->expectations_failed != 0) {
		print_count(" ", summary->expectations_failed, "expectation");
		fputs(" NOT met.", stdout);
	}
	print_unexpected(summary);
	putchar('\n');
}

void replay_text_end(struct replay_show *show)
{
	begin_block(show);
	print_summary(show->summary);
}

void replay_text_total(const struct iommusim_replay_summary *total, size_t files)
{
	printf("\n%zu file%s: ", files, files == 1 ? "" : "s");
	print_summary(total);
}
