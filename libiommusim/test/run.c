/* Running tests: a process for each, several at a time; or all in this one, for a debugger. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/state.h"

/* What a test's process says to ours, in memory that both see. */
struct shared {
	bool returned;
	bool explained; /* the failure was printed by us, with its place */
};

/* A process under way. */
struct job {
	pid_t process; /* 0: free */
	size_t test;
	FILE *output;
	double began;
};

struct run {
	struct run_options options;
	struct CMUnitTest *tests; /* the chosen ones */
	struct outcome_of_test *outcomes;
	struct shared *shared;
	struct job *jobs;
	size_t count, begun, told;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- in the test's own process ------------------------------------------------------------------------------------ */

struct body {
	const struct CMUnitTest *test;
	struct shared *shared;
	unsigned seconds;
};

static _Thread_local struct shared *shared_here;

void test_explained(void)
{
	if (shared_here != NULL)
		shared_here->explained = true;
}

/* Setup and teardown run inside: a panic in them is a failure like any other. */
static void run_body(void **state)
{
	struct body *body = *state;
	void *own = body->test->initial_state;

	shared_here = body->shared;
	crash_catch(body->seconds);
	if (body->test->setup_func != NULL && body->test->setup_func(&own) != 0)
		fail_msg("the test's setup failed");
	body->test->test_func(&own);
	if (body->test->teardown_func != NULL && body->test->teardown_func(&own) != 0)
		fail_msg("the test's teardown failed");
	if (test_here != NULL)
		iommusim_test_stop_at(&test_here->test, test_here->place.file, test_here->place.line);
	body->shared->returned = true;
}

static int run_one(const struct run *run, size_t index)
{
	struct body body = { &run->tests[index], &run->shared[index],
		run->options.no_fork ? 0 : run->options.seconds };
	const struct CMUnitTest test = { run->tests[index].name, run_body, NULL, NULL, &body };
	int failed;

	failed = _cmocka_run_group_tests(test.name, &test, 1, NULL, NULL);
	crash_let_go();
	shared_here = NULL;
	return failed;
}

static void child(const struct run *run, size_t index, FILE *output)
{
	int failed;

	dup2(fileno(output), STDOUT_FILENO);
	dup2(fileno(output), STDERR_FILENO);
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	failed = run_one(run, index);
	fflush(NULL);
	_exit(failed != 0);
}

/* ---- in ours ---------------------------------------------------------------------------------------------------------- */

static char *read_back(FILE *file)
{
	const long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
	char *text = malloc((size_t)(size > 0 ? size : 0) + 128);
	size_t length;

	if (text == NULL)
		return NULL;
	rewind(file);
	length = fread(text, 1, (size_t)(size > 0 ? size : 0), file);
	text[length] = '\0';
	return text;
}

static bool begin_next(struct run *run, struct job *job)
{
	const size_t index = run->begun;

	job->output = tmpfile();
	if (job->output == NULL)
		return false;
	fflush(NULL);
	job->test = index;
	job->began = now();
	job->process = fork();
	if (job->process == 0)
		child(run, index, job->output);
	if (job->process < 0) {
		job->process = 0;
		fclose(job->output);
		return false;
	}
	run->begun++;
	return true;
}

static void tell_ready(struct run *run)
{
	while (run->told < run->count && run->outcomes[run->told].outcome != OUTCOME_NOT_RUN) {
		struct outcome_of_test *outcome = &run->outcomes[run->told++];

		report_test(&run->options, outcome, run->told);
	}
}

static void settle(struct run *run, struct job *job, int status)
{
	struct outcome_of_test *outcome = &run->outcomes[job->test];
	const struct shared *shared = &run->shared[job->test];
	size_t length;

	outcome->seconds = now() - job->began;
	outcome->output = read_back(job->output);
	fclose(job->output);
	job->process = 0;
	if (outcome->output != NULL)
		report_unframe(outcome->output, shared->explained);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		outcome->outcome = shared->returned ? OUTCOME_PASSED : OUTCOME_SKIPPED;
	else
		outcome->outcome = OUTCOME_FAILED;
	if (!WIFSIGNALED(status) || outcome->output == NULL)
		return;
	length = strlen(outcome->output); /* read_back() left room */
	snprintf(outcome->output + length, 128, "the test's process was ended by signal %d (%s)\n",
	    WTERMSIG(status), strsignal(WTERMSIG(status)));
}

/* False: processes or files ran out. */
static bool run_all(struct run *run)
{
	size_t active = 0;

	while (run->begun < run->count || active > 0) {
		pid_t ended;
		int status;

		for (unsigned i = 0; i < run->options.jobs && run->begun < run->count; i++) {
			if (run->jobs[i].process != 0)
				continue;
			if (begin_next(run, &run->jobs[i]))
				active++;
			else if (active == 0)
				return false;
			else
				break;
		}
		ended = waitpid(-1, &status, 0);
		if (ended < 0 && errno != EINTR)
			return false;
		for (unsigned i = 0; ended > 0 && i < run->options.jobs; i++)
			if (run->jobs[i].process == ended) {
				settle(run, &run->jobs[i], status);
				active--;
			}
		tell_ready(run);
	}
	return true;
}

/* The output goes where it goes, as it comes: a debugger is attached. */
static void run_here(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		const int failed = run_one(run, i);

		run->outcomes[i].outcome = failed != 0 ? OUTCOME_FAILED
		    : run->shared[i].returned          ? OUTCOME_PASSED
						       : OUTCOME_SKIPPED;
		test_abandon();
	}
}

static bool make(struct run *run, const struct CMUnitTest *tests, size_t count)
{
	run->tests = calloc(count + 1, sizeof(*run->tests));
	run->outcomes = calloc(count + 1, sizeof(*run->outcomes));
	run->jobs = calloc(run->options.jobs, sizeof(*run->jobs));
	run->shared = mmap(NULL, (count + 1) * sizeof(*run->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->tests == NULL || run->outcomes == NULL || run->jobs == NULL ||
	    run->shared == MAP_FAILED)
		return false;
	for (size_t i = 0; i < count; i++)
		if (options_choose(&run->options, tests[i].name)) {
			run->outcomes[run->count].name = tests[i].name;
			run->tests[run->count++] = tests[i];
		}
	return true;
}

static void unmake(struct run *run, size_t count)
{
	for (size_t i = 0; run->outcomes != NULL && i < run->count; i++)
		free(run->outcomes[i].output);
	if (run->shared != MAP_FAILED)
		munmap(run->shared, (count + 1) * sizeof(*run->shared));
	free(run->jobs);
	free(run->outcomes);
	free(run->tests);
}

static int run_chosen(struct run *run)
{
	int status = 0;

	if (run->options.no_fork) {
		run_here(run);
	} else {
		report_begin(&run->options, run->count);
		if (!run_all(run)) {
			fprintf(stderr, "%s: no process or file for a test: %s\n", run->options.program,
			    strerror(errno));
			return 3;
		}
		report_end(&run->options, run->outcomes, run->count);
	}
	if (run->options.junit != NULL && !report_junit(&run->options, run->outcomes, run->count)) {
		fprintf(
		    stderr, "%s: %s: %s\n", run->options.program, run->options.junit, strerror(errno));
		return 3;
	}
	for (size_t i = 0; i < run->count; i++)
		if (run->outcomes[i].outcome == OUTCOME_FAILED)
			status = 1;
	return status;
}

int iommusim_test_run(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
	struct run run = { .shared = MAP_FAILED };
	int status;

	if (!options_read(argc, argv, &run.options, &status))
		return status;
	unsetenv("CMOCKA_MESSAGE_OUTPUT"); /* tests talk to us, not to whoever reads the run */
	if (!make(&run, tests, count)) {
		status = 3;
	} else if (run.options.list) {
		for (size_t i = 0; i < run.count; i++)
			printf("%s\n", run.tests[i].name);
		status = 0;
	} else if (run.count == 0) {
		fprintf(stderr, "%s: no test of that name; --list names them\n", run.options.program);
		status = 2;
	} else {
		place_load();
		status = run_chosen(&run);
	}
	unmake(&run, count);
	return status;
}
