/* Diverts the streams of a test around a command of the tool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "command_run.h"

enum { MOST_WORDS = 64 };

/* Send a stream to a new file; what it was before comes back. */
static int divert(FILE *stream, FILE *to)
{
	const int saved = dup(fileno(stream));

	fflush(stream);
	assert_true(saved >= 0 && dup2(fileno(to), fileno(stream)) >= 0);
	return saved;
}

/* Undo it; what was written meanwhile comes back. */
static char *restore(FILE *stream, FILE *to, int saved)
{
	size_t size;
	char *text;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	fseek(to, 0, SEEK_END);
	size = (size_t)ftell(to);
	rewind(to);
	text = malloc(size + 1);
	assert_non_null(text);
	text[fread(text, 1, size, to)] = '\0';
	fclose(to);
	return text;
}

/* The words are copied, because a command may change its own. */
struct command_run command_run_argv(command_main *command, const char *const *argv)
{
	FILE *output = tmpfile(), *errors = tmpfile();
	char *copies[MOST_WORDS + 1] = { NULL };
	struct command_run run;
	int argc = 0, saved_output, saved_errors;

	assert_true(output != NULL && errors != NULL);
	for (; argv[argc] != NULL; argc++) {
		assert_true(argc < MOST_WORDS);
		copies[argc] = strdup(argv[argc]);
		assert_non_null(copies[argc]);
	}
	saved_output = divert(stdout, output);
	saved_errors = divert(stderr, errors);
	run.code = command(argc, copies);
	run.errors = restore(stderr, errors, saved_errors);
	run.output = restore(stdout, output, saved_output);
	while (argc > 0)
		free(copies[--argc]);
	return run;
}

struct command_run command_run(command_main *command, const char *name, ...)
{
	const char *argv[MOST_WORDS + 1] = { name };
	va_list arguments;

	va_start(arguments, name);
	for (int argc = 1; (argv[argc] = va_arg(arguments, const char *)) != NULL; argc++)
		assert_true(argc < MOST_WORDS);
	va_end(arguments);
	return command_run_argv(command, argv);
}

struct command_run command_run_line(command_main *command, char *line)
{
	const char *argv[MOST_WORDS + 1];
	char *rest = NULL;
	int argc = 0;

	for (char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		assert_true(argc < MOST_WORDS);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return command_run_argv(command, argv);
}

void command_run_free(struct command_run *run)
{
	free(run->output);
	free(run->errors);
	*run = (struct command_run){ .code = -1 };
}

void command_run_rename(struct command_run *run, const char *name, const char *any)
{
	const size_t before = strlen(name), after = strlen(any);
	char *found = run->errors;

	assert_true(after <= before);
	while ((found = strstr(found, name)) != NULL) {
		for (size_t i = 0; i < after; i++)
			found[i] = any[i];
		memmove(found + after, found + before, strlen(found + before) + 1);
		found += after;
	}
}

void command_assert_contains(const char *text, const char *part, const char *file, int line)
{
	if (strstr(text, part) != NULL)
		return;
	print_message("expected: %s\nin: %s\n", part, text);
	_fail(file, line);
}
