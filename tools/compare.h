/* One story under several profiles: what is kept of each run, and who shows it. */
#ifndef IOMMUSIM_TOOLS_COMPARE_H
#define IOMMUSIM_TOOLS_COMPARE_H

#include <iommusim/trace.h>

#include "replay_show.h"

#define COMPARE_COLUMNS 16u

/* What came of one statement under one profile. */
struct compare_cell {
	bool told; /* there is something to say of it */
	bool is_dma;
	enum iommusim_verdict verdict;
	unsigned fault;     /* reason or event code of its first faulted page; 0: none */
	uint64_t copied;    /* bytes that went by way of a bounce buffer */
	uint64_t findings;  /* a bit each */
	const char *blamed; /* the column of policies that made it so; NULL: none */
	const char *known;  /* the bug it is known as; NULL: none */
	char *result;       /* error(ENXIO), 0x1; NULL: nothing to say, or see the verdict */
};

/* A statement that has something to say. */
struct compare_record {
	uint32_t line;
	char *statement;
	struct compare_cell cell;
};

/* One run. */
struct compare_column {
	const char *name;                 /* of the profile */
	struct iommusim_profile *profile; /* its own */
	struct compare_record *records;
	size_t record_count;
	size_t record_room;
	struct iommusim_replay_summary summary;
	struct iommusim_counts counts;
	uint64_t pages[IOMMUSIM_VERDICT_COUNT]; /* of DMA that came to a verdict, those that share it */
	char vendor[16];                        /* "VT-d"; empty: no unit */
	enum iommusim_status status;            /* OK: every line ran */
	struct iommusim_diagnostic problem;
	bool out_of_memory;
	/* of the statement under way */
	struct compare_cell cell;
	uint64_t copied_before;
	struct replay_progress *progress;
	const char *file;
};

/* A statement of which a cell for each column is shown. */
struct compare_row {
	uint32_t line;
	const char *statement;
	bool is_dma;
	bool differs;
	const struct compare_cell
	    *cells[COMPARE_COLUMNS]; /* NULL: it went as it should, or did not run */
	bool ran[COMPARE_COLUMNS];
};

/* One number of the table of totals. */
struct compare_total {
	char name[48];  /* for programs: "calls/create_mapping"; empty: a heading for people */
	char label[80]; /* for people */
	unsigned depth; /* below the one before */
	bool quiet;     /* not shown to people while it is 0 everywhere */
	bool differs;
	uint64_t values[COMPARE_COLUMNS];
};

#define COMPARE_TOTALS 96u

struct comparison {
	const char *file;
	struct compare_column columns[COMPARE_COLUMNS];
	unsigned column_count;
	struct compare_row *rows;
	size_t row_count;
	size_t row_room;
	struct compare_total totals[COMPARE_TOTALS];
	size_t total_count;
	struct replay_progress progress;
	bool colour;
	bool out_of_memory;
};

/* compare_run.c: run the story in every column, and find the rows. Problems are left in the columns. */
void compare_run(struct comparison *comparison, const struct iommusim_replay_options *options,
    const char *text, size_t length);
void compare_free(struct comparison *comparison);

/* compare_totals.c: fill the table of totals from the columns */
void compare_totals(struct comparison *comparison);
bool compare_is_zero(const struct comparison *comparison, const struct compare_total *total);

/* Is the policy column blamed for a row? Then `*row` is the first one from there on, and the column of it. */
bool compare_blamed(
    const struct comparison *comparison, const char *column, size_t *row, unsigned *under);

/* Column number `index` of policies; true when the profiles differ in it. `*beyond`: there are no more. */
bool compare_policy(
    const struct comparison *comparison, size_t index, struct iommusim_policy *policies, bool *beyond);

/* compare_text.c, compare_json.c */
void compare_text(const struct comparison *comparison);
void compare_json(struct comparison *comparison);

#endif
