/* Replays a story given as text inside a test, and keeps what came of it. */
#ifndef IOMMUSIM_TESTS_SCENARIOS_STORY_H
#define IOMMUSIM_TESTS_SCENARIOS_STORY_H

#include <iommusim/trace.h>

/* The lines most stories here begin with. */
#define STORY_HEADER  "#!iommusim 1\n"
#define STORY_MACHINE STORY_HEADER "machine(iommu=vtd, memory=256M)\n"

struct story {
	enum iommusim_status status;
	struct iommusim_diagnostic diagnostic;
	struct iommusim_replay_summary summary;
	char log[8192]; /* every callback, a line each; cut when it gets too long */
};

/*
 * `options` may be NULL; its context and callbacks are replaced. The story is told twice, as a text and piece by piece,
 * which must come to the same.
 */
void story_run_with(struct story *story, const char *text, size_t length,
    const struct iommusim_replay_options *options);
void story_run(struct story *story, const char *text);

/* It ran to its end, and everything was as expected. */
void story_must_pass(const char *text);
/* It ran to its end with one failed expectation, whose text contains `words`. */
void story_must_fail(const char *text, const char *words);

/* What a recording of the story says; free() it. `path`: where the story is said to stand. */
char *story_record_as(const char *path, const char *text, size_t length, struct story *story);
char *story_record(const char *text, size_t length, struct story *story);

/* A file as one string; aborts when there is none. */
char *story_read_file(const char *path, size_t *length);

#endif
