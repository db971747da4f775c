/* Replaying stories for tests. The tests themselves are in the files called test_*. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/trace.h>
#include "scenarios/story.h"

static void note(struct story *story, const char *line)
{
	const size_t used = strlen(story->log);

	snprintf(story->log + used, sizeof(story->log) - used, "%s\n", line);
}

static void on_dma(void *context, const struct iommusim_check *check, uint32_t line,
    const char *statement, const struct iommusim_report *report, bool expected)
{
	char text[64];

	(void)check;
	(void)statement;
	snprintf(text, sizeof(text), "dma %u %s%s", line, iommusim_verdict_name(report->verdict),
	    expected ? "" : " unexpected");
	note(context, text);
}

static void on_finding(void *context, const struct iommusim_finding *finding, bool expected)
{
	char text[64];

	snprintf(text, sizeof(text), "finding %u %s%s", finding->place.line,
	    iommusim_finding_name(finding->id), expected ? "" : " unexpected");
	note(context, text);
}

static void on_failure(void *context, uint32_t line, const char *statement, const char *why)
{
	char text[1024];

	snprintf(text, sizeof(text), "failure %u %s: %s", line, statement, why);
	note(context, text);
}

static void on_end(void *context, const struct iommusim_vmm *vmm, const struct iommusim_check *check)
{
	assert_non_null(vmm);
	assert_non_null(check);
	note(context, "end");
}

/* A text that comes in pieces of odd sizes, so that lines end anywhere in them. */
struct pieces {
	const char *at;
	size_t left;
	unsigned next;
};

static enum iommusim_status read_piece(
    void *context, char *bytes, size_t room, size_t *count, struct iommusim_diagnostic *problem)
{
	static const size_t sizes[] = { 1, 61, 7, 1024, 2 };
	struct pieces *pieces = context;
	size_t size = sizes[pieces->next++ % 5];

	(void)problem;
	size = size < room ? size : room;
	size = size < pieces->left ? size : pieces->left;
	memcpy(bytes, pieces->at, size);
	pieces->at += size;
	pieces->left -= size;
	*count = size;
	return IOMMUSIM_OK;
}

/* What comes piece by piece is the same story, down to the last word. */
static void must_be_the_same_in_pieces(const struct story *story, const char *text, size_t length,
    const struct iommusim_replay_options *options)
{
	struct pieces pieces = { .at = text, .left = length };
	const struct iommusim_trace_source source = { .context = &pieces, .read = read_piece };
	struct iommusim_replay_options own = *options;
	struct story *again = calloc(1, sizeof(*again));

	assert_non_null(again);
	own.context = again;
	again->status = iommusim_replay_source(
	    "stories/lesson.iommu", &source, &own, &again->summary, &again->diagnostic);
	assert_int_equal(again->status, story->status);
	assert_string_equal(again->log, story->log);
	assert_string_equal(again->diagnostic.text, story->diagnostic.text);
	assert_int_equal(again->diagnostic.line, story->diagnostic.line);
	assert_int_equal(again->diagnostic.column, story->diagnostic.column);
	assert_memory_equal(&again->summary, &story->summary, sizeof(story->summary));
	free(again);
}

void story_run_with(
    struct story *story, const char *text, size_t length, const struct iommusim_replay_options *options)
{
	struct iommusim_replay_options own = { .profile = NULL };

	if (options != NULL)
		own = *options;
	memset(story, 0, sizeof(*story));
	own.context = story;
	own.on_dma = on_dma;
	own.on_finding = on_finding;
	own.on_failure = on_failure;
	own.on_end = on_end;
	story->status = iommusim_replay(
	    "stories/lesson.iommu", text, length, &own, &story->summary, &story->diagnostic);
	/* Not where an allocator counts what is asked of it, nor where something is to be written once. */
	if (own.allocator == NULL && own.record == NULL && own.counts == NULL)
		must_be_the_same_in_pieces(story, text, length, &own);
}

void story_run(struct story *story, const char *text)
{
	story_run_with(story, text, strlen(text), NULL);
}

/* Why a story did not come out as it should, before the assertion ends the test. */
static void show(const struct story *story, const char *text)
{
	print_message("%s\n%s%u:%u: %s\n", text, story->log, story->diagnostic.line,
	    story->diagnostic.column, story->diagnostic.text);
}

void story_must_pass(const char *text)
{
	struct story story;

	story_run(&story, text);
	if (story.status != IOMMUSIM_OK || !iommusim_replay_passed(&story.summary))
		show(&story, text);
	assert_int_equal(story.status, IOMMUSIM_OK);
	assert_true(iommusim_replay_passed(&story.summary));
}

void story_must_fail(const char *text, const char *words)
{
	const char *failure;
	struct story story;
	bool said;

	story_run(&story, text);
	failure = strstr(story.log, "failure ");
	said = failure != NULL && strstr(failure, words) != NULL;
	if (story.status != IOMMUSIM_OK || !said)
		show(&story, text);
	assert_int_equal(story.status, IOMMUSIM_OK);
	assert_true(said);
	assert_int_equal(story.summary.expectations_failed, 1);
	assert_false(iommusim_replay_passed(&story.summary));
}

struct recording {
	char *text;
	size_t length;
};

static void put(void *context, const char *text, size_t length)
{
	struct recording *recording = context;
	char *larger = realloc(recording->text, recording->length + length + 1);

	assert_non_null(larger);
	memcpy(larger + recording->length, text, length);
	recording->text = larger;
	recording->length += length;
	recording->text[recording->length] = '\0';
}

char *story_record_as(const char *path, const char *text, size_t length, struct story *story)
{
	struct recording recording = { .text = NULL };
	const struct iommusim_text out = { .context = &recording, .put = put };
	const struct iommusim_replay_options options = { .record = &out };

	memset(story, 0, sizeof(*story));
	story->status =
	    iommusim_replay(path, text, length, &options, &story->summary, &story->diagnostic);
	if (recording.text == NULL)
		put(&recording, "", 0);
	return recording.text;
}

char *story_record(const char *text, size_t length, struct story *story)
{
	return story_record_as("stories/lesson.iommu", text, length, story);
}

char *story_read_file(const char *path, size_t *length)
{
	FILE *stream = fopen(path, "rb");
	char *text = malloc((size_t)1 << 20);

	if (stream == NULL || text == NULL)
		fail_msg("%s cannot be read", path);
	*length = fread(text, 1, ((size_t)1 << 20) - 1, stream);
	text[*length] = '\0';
	fclose(stream);
	return text;
}
