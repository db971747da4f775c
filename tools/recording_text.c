/* A recording's replay for people: what parts first, and how much agrees last. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "recording_show.h"

enum {
	SHOWN = 10, /* partings of a file; those that follow are mostly of the same making */
	PROGRESS_LINES = 1024
};

static void begin_block(struct recording_show *show)
{
	replay_progress_clear(show->progress);
	if (!show->headed)
		printf("%s   %s\n", show->file, show->summary->machine);
	show->headed = true;
	putchar('\n');
}

/* "line 17  read of 00:03.0 at 0x1000", "line 9  checkpoint 3, 00:03.0 at 0x1000" */
static void print_subject(const struct recording_show *show, const struct recording_parting *parting)
{
	printf("line %" PRIu32 "  %s", parting->line, parting->what);
	if (strcmp(parting->what, "checkpoint") == 0)
		printf(" %" PRIu64, parting->checkpoint);
	if (parting->has_rid)
		printf("  %02x:%02x.%x", parting->rid >> 8, parting->rid >> 3 & 0x1f, parting->rid & 7);
	printf("%s%s  0x%" PRIx64 "  %sPARTS%s\n", parting->access[0] == '\0' ? "" : "  ",
	    parting->access, parting->address, show->colour ? "\033[1;31m" : "",
	    show->colour ? "\033[0m" : "");
}

static void show_parting(void *context, const struct recording_parting *parting)
{
	struct recording_show *show = context;

	if (show->partings++ >= SHOWN)
		return;
	begin_block(show);
	print_subject(show, parting);
	printf("  expected  %s\n", parting->expected);
	printf("  got       %s\n", parting->got);
	if (parting->tables[0] != '\0')
		printf("  %s    %s\n", strcmp(parting->what, "checkpoint") == 0 ? "size  " : "tables",
		    parting->tables);
}

static void show_progress(void *context, uint32_t line)
{
	struct recording_show *show = context;

	if (line % PROGRESS_LINES == 0)
		replay_progress_show(show->progress, show->file, line);
}

void recording_text_watcher(struct recording_watcher *watcher)
{
	watcher->parted = show_parting;
	watcher->progress = show_progress;
}

/* ---- the last lines ------------------------------------------------------------------------------------ */

/* "3 lines", "1 line" */
static void print_count(const char *before, uint64_t count, const char *thing)
{
	printf("%s%" PRIu64 " %s%s", before, count, thing, count == 1 ? "" : "s");
}

static void print_agreement(const char *name, const struct recording_agreement *agreement)
{
	printf("  %-14s %" PRIu64 " of %" PRIu64 " agree", name, agreement->agree, agreement->total);
	if (agreement->agree != agreement->total)
		printf(", %" PRIu64 " PART", agreement->total - agreement->agree);
}

static void print_counts(const struct recording_summary *summary)
{
	print_count("", summary->lines, "line");
	print_count(": ", summary->writes, "register write");
	print_count(", ", summary->reads, "read");
	if (summary->reads_differ != 0)
		printf(" (%" PRIu64 " answered otherwise)", summary->reads_differ);
	puts(".");
	if (summary->config_reads + summary->config_writes != 0) {
		print_count("  PCI function   ", summary->config_writes, "write");
		print_count(", ", summary->config_reads, "read");
		if (summary->config_reads_differ != 0)
			printf(" (%" PRIu64 " answered otherwise)", summary->config_reads_differ);
		putchar('\n');
	}
	print_agreement("translations", &summary->translations);
	putchar('\n');
	print_agreement("faults", &summary->faults);
	if (summary->legacy_reasons != 0)
		printf("; %" PRIu64 " have a legacy reason number in scalable mode",
		    summary->legacy_reasons);
	putchar('\n');
	print_agreement("interrupts", &summary->interrupts);
	if (summary->source_unknown != 0)
		printf("; %" PRIu64 " name no source, not validated", summary->source_unknown);
	if (summary->compatibility_passed != 0)
		printf("; %" PRIu64 " with CFI turned on", summary->compatibility_passed);
	putchar('\n');
}

void recording_text_end(struct recording_show *show)
{
	const struct recording_summary *summary = show->summary;

	if (show->partings > SHOWN) {
		begin_block(show);
		printf("%" PRIu64 " more part; --json lists all.\n", show->partings - SHOWN);
	}
	begin_block(show);
	print_counts(summary);
	for (size_t i = 0; i < summary->checkpoint_count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "checkpoint %" PRIu64, summary->checkpoints[i].number);
		print_agreement(name, &summary->checkpoints[i].pages);
		puts(" (pages)");
	}
	if (summary->checkpoints_alone != 0)
		print_count("  ", summary->checkpoints_alone, "checkpoint");
	if (summary->checkpoints_alone != 0)
		puts(" of the recording without a ckpt folder beside it: not compared");
}

void recording_text_total(const struct recording_total *total)
{
	printf("\n%zu recordings, ", total->files);
	print_counts(&total->sum);
	print_agreement("checkpoints", &total->checkpoint_pages);
	puts(" (pages)");
}
