/* Reads and searches lists of known deviations. The list in the program is vectors_known.def. */
#include <fnmatch.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_input.h"
#include "vectors_known.h"

static const struct vectors_known_entry built_in[] = {
#define KNOWN(pattern, clause, reason) { pattern, clause, reason },
#include "vectors_known.def"
#undef KNOWN
	{ NULL, NULL, NULL },
};

static bool grow(void **array, size_t count, size_t *room, size_t size)
{
	void *larger;

	if (count < *room)
		return true;
	larger = reallocarray(*array, *room == 0 ? 16 : *room * 2, size);
	if (larger == NULL)
		return false;
	*array = larger;
	*room = *room == 0 ? 16 : *room * 2;
	return true;
}

static enum iommusim_status refuse(
    struct iommusim_diagnostic *problem, uint32_t line, size_t offset, const char *words)
{
	*problem = (struct iommusim_diagnostic){
		.status = IOMMUSIM_EFORMAT,
		.line = line,
		.column = (uint32_t)offset + 1,
		.offset = UINT64_MAX,
	};
	snprintf(problem->text, sizeof(problem->text), "%s, expected `PATTERN CLAUSE reason`", words);
	return IOMMUSIM_EFORMAT;
}

static char *skip_blanks(char *at)
{
	return at + strspn(at, " \t\r");
}

/* End the word at `at` and go to the next one. */
static char *end_word(char *at)
{
	at += strcspn(at, " \t\r");
	if (*at != '\0')
		*at++ = '\0';
	return skip_blanks(at);
}

static enum iommusim_status add_line(
    struct vectors_known *known, char *text, uint32_t line, struct iommusim_diagnostic *problem)
{
	struct vectors_known_entry entry;
	char *pattern = skip_blanks(text), *clause, *reason;
	const size_t length = strlen(text);
	void *entries = known->entries;

	if (*pattern == '\0' || *pattern == '#')
		return IOMMUSIM_OK;
	clause = end_word(pattern);
	reason = end_word(clause);
	if (*clause == '\0')
		return refuse(problem, line, length, "no clause of the specification");
	if (*reason == '\0')
		return refuse(problem, line, length, "no reason");
	entry = (struct vectors_known_entry){ pattern, clause, reason };
	if (!grow(&entries, known->count, &known->room, sizeof(entry)))
		return IOMMUSIM_ENOMEM;
	known->entries = entries;
	known->entries[known->count++] = entry;
	return IOMMUSIM_OK;
}

static enum iommusim_status add_lines(
    struct vectors_known *known, char *text, size_t length, struct iommusim_diagnostic *problem)
{
	enum iommusim_status status = IOMMUSIM_OK;
	char *const end = text + length;
	uint32_t line = 0;

	while (status == IOMMUSIM_OK && text < end) {
		char *const newline = memchr(text, '\n', (size_t)(end - text));
		char *const stop = newline != NULL ? newline : end;

		*stop = '\0'; /* the text has room for one more */
		line++;
		status = strlen(text) == (size_t)(stop - text)
		    ? add_line(known, text, line, problem)
		    : refuse(problem, line, strlen(text), "a character of value 0");
		text = stop + 1;
	}
	return status;
}

enum iommusim_status vectors_known_add(
    struct vectors_known *known, const char *file, struct iommusim_diagnostic *problem)
{
	enum iommusim_status status;
	size_t length;
	char *text, *larger;
	char **texts;

	*problem = (struct iommusim_diagnostic){ .offset = UINT64_MAX };
	status = trace_read(file, &text, &length, problem);
	if (status != IOMMUSIM_OK)
		return status;
	larger = realloc(text, length + 1);
	texts = realloc(known->texts, (known->text_count + 1) * sizeof(*texts));
	if (texts != NULL)
		known->texts = texts;
	if (larger == NULL || texts == NULL) {
		free(larger != NULL ? larger : text);
		return IOMMUSIM_ENOMEM;
	}
	known->texts[known->text_count++] = larger;
	return add_lines(known, larger, length, problem);
}

void vectors_known_free(struct vectors_known *known)
{
	while (known->text_count > 0)
		free(known->texts[--known->text_count]);
	free(known->texts);
	free(known->entries);
	*known = (struct vectors_known){ .entries = NULL };
}

const struct vectors_known_entry *vectors_known_find(const struct vectors_known *known, const char *id)
{
	for (size_t i = 0; i < known->count; i++)
		if (fnmatch(known->entries[i].pattern, id, 0) == 0)
			return &known->entries[i];
	for (size_t i = 0; built_in[i].pattern != NULL; i++)
		if (fnmatch(built_in[i].pattern, id, 0) == 0)
			return &built_in[i];
	return NULL;
}

const struct vectors_known_entry *vectors_known_at(size_t index)
{
	for (size_t i = 0; built_in[i].pattern != NULL; i++)
		if (i == index)
			return &built_in[i];
	return NULL;
}
