/* A run of tests: its options, what became of each test, and how it is told. Private to the archive. */
#ifndef IOMMUSIM_TEST_RUN_H
#define IOMMUSIM_TEST_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum outcome { OUTCOME_NOT_RUN, OUTCOME_PASSED, OUTCOME_FAILED, OUTCOME_SKIPPED };

struct outcome_of_test {
	const char *name;
	enum outcome outcome;
	double seconds;
	char *output; /* what it printed, cmocka's frame taken off; NULL: nothing */
};

struct run_options {
	const char *program; /* its name, without a path */
	char **patterns;
	size_t pattern_count;
	unsigned jobs;
	unsigned seconds; /* of processor time a test may use */
	bool no_fork, list, tap;
	const char *junit;
};

/* True: run; false: `*status` is the program's. */
bool options_read(int argc, char **argv, struct run_options *options, int *status);
bool options_choose(const struct run_options *options, const char *name);

/* report.c; a test is told when all before it have been. */
void report_begin(const struct run_options *options, size_t count);
void report_test(const struct run_options *options, const struct outcome_of_test *test, size_t number);
void report_end(const struct run_options *options, const struct outcome_of_test *tests, size_t count);
/* False: the file could not be written. */
bool report_junit(const struct run_options *options, const struct outcome_of_test *tests, size_t count);
/* What cmocka printed round one test, without the frame. In place. */
void report_unframe(char *output, bool explained);

#endif
