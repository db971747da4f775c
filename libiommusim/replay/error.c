/* What is said when a story cannot go on: where, what is wrong, and what was probably meant. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "replay/run.h"

#define LONGEST_SHOWN 40u

int slice_shown(struct slice slice)
{
	size_t length = slice.length;

	if (length <= LONGEST_SHOWN)
		return (int)length;
	length = LONGEST_SHOWN;
	while (length > 0 && ((unsigned char)slice.at[length] & 0xc0) == 0x80)
		length--;
	return (int)length;
}

static void note(struct replay *replay, enum iommusim_status status, const char *at, const char *format,
    va_list arguments)
{
	struct iommusim_diagnostic *diagnostic = &replay->diagnostic;

	diagnostic->status = status;
	diagnostic->line = replay->lexer.line;
	diagnostic->column = at == NULL ? 0 : lex_column(&replay->lexer, at);
	diagnostic->offset = UINT64_MAX;
	vsnprintf(diagnostic->text, sizeof(diagnostic->text), format, arguments);
}

enum iommusim_status replay_stop(
    struct replay *replay, enum iommusim_status status, const char *at, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	note(replay, status, at, format, arguments);
	va_end(arguments);
	return status;
}

enum iommusim_status replay_refuse(struct replay *replay, const char *at, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	note(replay, IOMMUSIM_EFORMAT, at, format, arguments);
	va_end(arguments);
	return IOMMUSIM_EFORMAT;
}

enum iommusim_status replay_no_memory(struct replay *replay)
{
	return replay_stop(replay, IOMMUSIM_ENOMEM, replay->statement.at, "out of memory");
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters to insert, drop, change, or swap with their neighbour to make one word of the other. */
static size_t distance(struct slice from, struct slice to)
{
	size_t rows[3][LONGEST_SHOWN + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t i = 0; i <= to.length; i++)
		above[i] = i;
	for (size_t line = 1; line <= from.length; line++) {
		size_t *const oldest = before;

		row[0] = line;
		for (size_t i = 1; i <= to.length; i++) {
			row[i] = above[i - 1] + (from.at[line - 1] != to.at[i - 1]);
			row[i] = least(row[i], least(above[i], row[i - 1]) + 1);
			if (line > 1 && i > 1 && from.at[line - 1] == to.at[i - 2] &&
			    from.at[line - 2] == to.at[i - 1])
				row[i] = least(row[i], before[i - 2] + 1);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[to.length];
}

void suggestion_try(struct suggestion *suggestion, struct slice candidate, uint32_t line)
{
	const struct slice word = suggestion->word;
	const size_t near = word.length < 4 ? 1 : word.length < 9 ? 2 : 3;
	size_t d;

	if (word.length > LONGEST_SHOWN || candidate.length > LONGEST_SHOWN || candidate.length == 0)
		return;
	d = distance(word, candidate);
	if (d > near || d >= candidate.length ||
	    (suggestion->best.at != NULL && d >= suggestion->distance))
		return;
	suggestion->best = candidate;
	suggestion->distance = d;
	suggestion->line = line;
}

const char *suggestion_text(struct suggestion *suggestion, const char *quote)
{
	char *const text = suggestion->text;
	const size_t size = sizeof(suggestion->text);

	text[0] = '\0';
	if (suggestion->best.at != NULL && suggestion->line != 0)
		snprintf(text, size, "; did you mean %s%.*s%s (line %u)?", quote,
		    SLICE(suggestion->best), quote, (unsigned)suggestion->line);
	else if (suggestion->best.at != NULL)
		snprintf(text, size, "; did you mean %s%.*s%s?", quote, SLICE(suggestion->best), quote);
	return text;
}
