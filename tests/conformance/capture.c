/* Diverts the streams of a test around `iommusim vectors`. Knows nothing of vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture.h"
#include "command.h"

enum { MOST_ARGUMENTS = 16 };

/* Send a stream to a new file; what it was before comes back. */
static int divert(FILE *stream, FILE *to)
{
	const int saved = dup(fileno(stream));

	fflush(stream);
	assert_true(dup2(fileno(to), fileno(stream)) >= 0);
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

struct capture capture_vectors(const char *first, ...)
{
	FILE *output = tmpfile(), *errors = tmpfile();
	char *argv[MOST_ARGUMENTS] = { strdup("vectors") };
	struct capture capture;
	int argc = 1, saved_output, saved_errors;
	va_list arguments;

	assert_non_null(output);
	assert_non_null(errors);
	va_start(arguments, first);
	for (const char *next = first; next != NULL; next = va_arg(arguments, const char *)) {
		assert_true(argc < MOST_ARGUMENTS - 1);
		argv[argc++] = strdup(next);
	}
	va_end(arguments);
	saved_output = divert(stdout, output);
	saved_errors = divert(stderr, errors);
	capture.code = command_vectors(argc, argv);
	capture.errors = restore(stderr, errors, saved_errors);
	capture.output = restore(stdout, output, saved_output);
	while (argc > 0)
		free(argv[--argc]);
	return capture;
}

void capture_free(struct capture *capture)
{
	free(capture->output);
	free(capture->errors);
}

char *capture_write_file(const void *bytes, size_t size)
{
	char *name = strdup("/tmp/iommusim-vectors-XXXXXX");
	FILE *stream;
	int descriptor;

	assert_non_null(name);
	descriptor = mkstemp(name);
	assert_true(descriptor >= 0);
	stream = fdopen(descriptor, "wb");
	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, size, stream), size);
	assert_int_equal(fclose(stream), 0);
	return name;
}

void capture_remove_file(char *name)
{
	assert_int_equal(remove(name), 0);
	free(name);
}

void capture_assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in \"%s\"", part, text);
}
