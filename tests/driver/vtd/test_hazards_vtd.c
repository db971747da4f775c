/*
 * Each hazard of a real VT-d driver, compiled into the backend under test: what gives it away, under which interception
 * and at which level. The backend without it passes the same stories unnoticed. The table is in docs/driver-hazards.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AT_ONCE 2u
#define LENGTH  160u

struct hazard {
	const char *name;
	const char *shape;        /* of iommu_ops */
	const char *invisible_to; /* an interception, or NULL */
};

static const struct hazard hazards[] = {
#define HAZARD(name, shape)            { #name, #shape, NULL },
#define HAZARD_UNSEEN(name, shape, by) { #name, #shape, #by },
#include "vtd_hazards.def" /* generated */
#undef HAZARD
#undef HAZARD_UNSEEN
};
#define HAZARDS (sizeof(hazards) / sizeof(*hazards))

/* Days of a backend as it should be: on units of several generations, by registers and by queue. */
static const char *const days[] = { "PLAIN", "OWN_VMM", "REGISTERS", "SMALL_LEAVES", "OLD_SERVER",
	"NEW_SERVER", "CLIENT_REGISTERS", "SYSCTLS", "SWITCHED_OFF", "HOT_PLUG" };
#define DAYS (sizeof(days) / sizeof(*days))

static const char *const modes[] = { VTD_MODES };
static const char *const levels[] = { "O0", "O2" };
static const char *const shapes[] = { "void", "error" };
#define MODES (sizeof(modes) / sizeof(*modes))

/* One program that runs one story. */
struct job {
	char command[512];
	FILE *output;
	char noticed[LENGTH]; /* comma-separated */
	bool failed;
};

static void start(struct job *job)
{
	fflush(stdout);
	job->output = popen(job->command, "r");
	assert_non_null(job->output);
}

static void finish(struct job *job)
{
	char line[64];

	job->noticed[0] = '\0';
	while (fgets(line, sizeof(line), job->output) != NULL) {
		const size_t used = strlen(job->noticed);

		line[strcspn(line, "\n")] = '\0';
		snprintf(job->noticed + used, sizeof(job->noticed) - used, "%s%s", used > 0 ? ", " : "",
		    line);
	}
	job->failed = pclose(job->output) != 0;
}

static void run(struct job *jobs, size_t count)
{
	size_t started = 0;

	for (size_t i = 0; i < count; i++) {
		while (started < count && started < i + AT_ONCE)
			start(&jobs[started++]);
		finish(&jobs[i]);
	}
}

static struct job *make_jobs(size_t count)
{
	struct job *jobs = calloc(count, sizeof(*jobs));

	assert_non_null(jobs);
	return jobs;
}

static void set_job(struct job *job, const char *program, const char *story)
{
	snprintf(job->command, sizeof(job->command), "exec '%s/%s' %s 2>/dev/null", VTD_PROGRAMS,
	    program, story);
}

static void set_sound_job(
    struct job *job, const char *mode, const char *level, const char *shape, const char *story)
{
	char program[96];

	snprintf(program, sizeof(program), "vtd_%s_%s_%s_NONE", mode, level, shape);
	set_job(job, program, story);
}

static void assert_clean(struct job *jobs, size_t count)
{
	size_t wrong = 0;

	run(jobs, count);
	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].failed && strcmp(jobs[i].noticed, "clean") == 0)
			continue;
		print_error("%s\n  %s\n", jobs[i].command, jobs[i].noticed);
		wrong++;
	}
	free(jobs);
	assert_int_equal(wrong, 0);
}

static void test_sound_backend_passes_its_days(void **state)
{
	struct job *jobs = make_jobs(MODES * 2 * 2 * DAYS);
	size_t count = 0;

	(void)state;
	for (size_t mode = 0; mode < MODES; mode++)
		for (size_t level = 0; level < 2; level++)
			for (size_t shape = 0; shape < 2; shape++)
				for (size_t day = 0; day < DAYS; day++)
					set_sound_job(&jobs[count++], modes[mode], levels[level],
					    shapes[shape], days[day]);
	assert_clean(jobs, count);
}

/* The calls without errors cannot say that a device was not added. */
static void test_sound_backend_survives_failed_allocations(void **state)
{
	struct job *jobs = make_jobs(MODES * 2);
	size_t count = 0;

	(void)state;
	for (size_t mode = 0; mode < MODES; mode++)
		for (size_t level = 0; level < 2; level++)
			set_sound_job(&jobs[count++], modes[mode], levels[level], "error", "MALLOCS");
	assert_clean(jobs, count);
}

static void test_sound_backend_passes_the_story_of_each_hazard(void **state)
{
	struct job *jobs = make_jobs(MODES * 2 * HAZARDS);
	size_t count = 0;

	(void)state;
	for (size_t mode = 0; mode < MODES; mode++)
		for (size_t level = 0; level < 2; level++)
			for (size_t i = 0; i < HAZARDS; i++)
				set_sound_job(&jobs[count++], modes[mode], levels[level],
				    hazards[i].shape, hazards[i].name);
	assert_clean(jobs, count);
}

/* ---- the table --------------------------------------------------------------------------------------- */

/* What gives hazard `i` away in column mode * 2 + level; NULL: this build has no such column. */
static const char *cell(const struct job *jobs, size_t i, const char *mode, size_t level)
{
	for (size_t own = 0; own < MODES; own++)
		if (strcmp(modes[own], mode) == 0)
			return jobs[(own * 2 + level) * HAZARDS + i].noticed;
	return NULL;
}

static const char *const columns[] = { "hooks", "traps" };

/* The row of the committed table, "| name | a | b | c | d |", as far as this build has its columns. */
static bool row_matches(const struct job *jobs, size_t i, const char *row)
{
	char text[8 * LENGTH], *next = text, *word;

	snprintf(text, sizeof(text), "%s", row);
	strsep(&next, "|");
	strsep(&next, "|");
	for (size_t column = 0; column < 4; column++) {
		const char *seen = cell(jobs, i, columns[column / 2], column % 2);

		word = strsep(&next, "|");
		if (word == NULL)
			return false;
		word += strspn(word, " ");
		if (strlen(word) > 0 && word[strlen(word) - 1] == ' ')
			word[strlen(word) - 1] = '\0';
		if (seen != NULL && strcmp(word, seen) != 0)
			return false;
	}
	return true;
}

static bool find_row(const char *name, char *row, size_t size)
{
	FILE *table = fopen(VTD_TABLE, "r");
	char wanted[64];
	bool reached = false, found = false; /* another table comes before it */

	assert_non_null(table);
	snprintf(wanted, sizeof(wanted), "| VT-d %s |", name);
	while (!found && fgets(row, (int)size, table) != NULL) {
		reached = reached || strncmp(row, "## What was noticed", 19) == 0;
		found = reached && strncmp(row, wanted, strlen(wanted)) == 0;
	}
	fclose(table);
	return found;
}

static void print_row(const struct job *jobs, size_t i)
{
	printf("| VT-d %s |", hazards[i].name);
	for (size_t column = 0; column < 4; column++) {
		const char *seen = cell(jobs, i, columns[column / 2], column % 2);

		printf(" %s |", seen != NULL ? seen : "?");
	}
	putchar('\n');
}

/* Caught, unless this interception cannot: then it must not pretend to. */
static bool is_caught(const struct hazard *hazard, const char *mode, const struct job *job)
{
	const bool clean = strcmp(job->noticed, "clean") == 0;
	const bool unseen = hazard->invisible_to != NULL && strcmp(hazard->invisible_to, mode) == 0;

	if (!job->failed && clean == unseen)
		return true;
	print_error("%s\n  %s\n", job->command, job->noticed);
	return false;
}

static void test_each_hazard_is_caught(void **state)
{
	struct job *jobs = make_jobs(MODES * 2 * HAZARDS);
	char program[96], row[8 * LENGTH];
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < MODES * 2 * HAZARDS; i++) {
		const char *name = hazards[i % HAZARDS].name;

		snprintf(program, sizeof(program), "vtd_%s_%s_%s", modes[i / HAZARDS / 2],
		    levels[i / HAZARDS % 2], name);
		set_job(&jobs[i], program, name);
	}
	run(jobs, MODES * 2 * HAZARDS);
	for (size_t i = 0; i < MODES * 2 * HAZARDS; i++)
		wrong += !is_caught(&hazards[i % HAZARDS], modes[i / HAZARDS / 2], &jobs[i]);
	puts("| hazard | hooks -O0 | hooks -O2 | traps -O0 | traps -O2 |\n|---|---|---|---|---|");
	for (size_t i = 0; i < HAZARDS; i++) {
		print_row(jobs, i);
		if (find_row(hazards[i].name, row, sizeof(row)) && row_matches(jobs, i, row))
			continue;
		print_error(
		    "docs/driver-hazards.md has another row for %s, or none\n", hazards[i].name);
		wrong++;
	}
	free(jobs);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_backend_passes_its_days),
		cmocka_unit_test(test_sound_backend_survives_failed_allocations),
		cmocka_unit_test(test_sound_backend_passes_the_story_of_each_hazard),
		cmocka_unit_test(test_each_hazard_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
