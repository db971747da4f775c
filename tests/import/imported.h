/* Captures imported by a test, and the traces that come of them replayed. */
#ifndef IOMMUSIM_TESTS_IMPORT_IMPORTED_H
#define IOMMUSIM_TESTS_IMPORT_IMPORTED_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/import.h>

#include "own_files.h"

enum { MOST_NOTICES = 16 };

struct notice {
	enum iommusim_import_notice why;
	uint32_t line;
	uint32_t column;
};

struct imported {
	enum iommusim_status status;
	char *trace; /* ends in NUL */
	size_t length;
	struct iommusim_import_summary summary;
	struct iommusim_diagnostic problem;
	struct notice notices[MOST_NOTICES];
	size_t notice_count;
	uint64_t progress_calls;
	uint64_t last_progress;
	uint64_t progress_total;
};

#define SAMPLES IOMMUSIM_SOURCE_DIR "/tests/import/samples/"

/* `options` may be NULL; its callbacks are replaced. */
struct imported import_text(enum iommusim_import_source source, const char *text, size_t length,
    const struct iommusim_import_options *options);
/* The same of a few lines, or of a file below SAMPLES, which must be imported. */
struct imported import_lines(enum iommusim_import_source source, const char *text,
    const struct iommusim_import_options *options);
struct imported import_sample(enum iommusim_import_source source, const char *name,
    const struct iommusim_import_options *options);
void imported_free(struct imported *imported);
/* A file below SAMPLES, as file_read() has it. */
char *sample_read(const char *name, size_t *length);

/* The notices were these, and no others. */
void assert_notices(const struct imported *imported, const struct notice *expected, size_t count);

/* The number of the only line that begins with `start`, counted from 1. */
uint32_t line_of(const char *trace, const char *start);
/* There is such a line, from its start to its end; and none that begins so. */
void assert_line(const struct imported *imported, const char *line);
void assert_no_line(const struct imported *imported, const char *start);

/* Replay it; it must come as it says. */
struct iommusim_replay_summary assert_runs(const struct imported *imported);
struct iommusim_replay_summary assert_replays(const struct imported *imported);

#endif
