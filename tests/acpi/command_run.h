/* Runs `iommusim acpi` inside a test and keeps what it wrote and returned. */
#ifndef IOMMUSIM_TESTS_ACPI_COMMAND_RUN_H
#define IOMMUSIM_TESTS_ACPI_COMMAND_RUN_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"

struct command_run {
	int code;
	char *output;
	char *errors;
};

/* Send a stream to a new file; returns what stream and file were, for command_run_restore(). */
static inline int command_run_divert(FILE *stream, FILE *to)
{
	const int saved = dup(fileno(stream));

	fflush(stream);
	dup2(fileno(to), fileno(stream));
	return saved;
}

/* Undo it and return what was written meanwhile. */
static inline char *command_run_restore(FILE *stream, FILE *to, int saved)
{
	char *text;
	size_t size;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	fseek(to, 0, SEEK_END);
	size = (size_t)ftell(to);
	rewind(to);
	text = malloc(size + 1);
	if (text != NULL)
		text[fread(text, 1, size, to)] = '\0';
	fclose(to);
	return text;
}

/* Arguments end with NULL; argv[0] is the command. Free with command_run_free(). */
static inline struct command_run command_run_acpi(char **argv)
{
	FILE *output = tmpfile(), *errors = tmpfile();
	struct command_run run = { .code = -1 };
	int argc = 0, saved_output, saved_errors;

	if (output == NULL || errors == NULL)
		abort();
	while (argv[argc] != NULL)
		argc++;
	saved_output = command_run_divert(stdout, output);
	saved_errors = command_run_divert(stderr, errors);
	run.code = command_acpi(argc, argv);
	run.errors = command_run_restore(stderr, errors, saved_errors);
	run.output = command_run_restore(stdout, output, saved_output);
	if (run.output == NULL || run.errors == NULL)
		abort();
	return run;
}

static inline void command_run_free(struct command_run *run)
{
	free(run->output);
	free(run->errors);
}

#endif
