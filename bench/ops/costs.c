/* Reading cost tables and adding costs up. */
#include "ops/costs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row of the table. */
struct row {
	const char *name;
	const char *unit;
	size_t at; /* of a double in struct costs */
};

static const struct row rows[] = {
	{ "walk-access", "ns", offsetof(struct costs, walk_access) },
	{ "register-read", "ns", offsetof(struct costs, register_read) },
	{ "register-write", "ns", offsetof(struct costs, register_write) },
	{ "copy-byte", "ns", offsetof(struct costs, copy_byte) },
	{ "iotlb-sets", "entries", offsetof(struct costs, iotlb_sets) },
	{ "iotlb-ways", "entries", offsetof(struct costs, iotlb_ways) },
	{ "wait", "ns",
	    offsetof(struct costs, invalidations) + sizeof(double) * IOMMUSIM_INVALIDATE_WAIT },
};

enum { ROWS = sizeof(rows) / sizeof(*rows), LINE = 256, WORDS = 3 };

#define KIND_PREFIX "invalidate-"

/* A line under way. */
struct reader {
	const char *name;
	unsigned line;
	const char *text; /* of the line */
	char *error;
	size_t size;
};

static bool fail(const struct reader *reader, const char *at, const char *format, ...)
{
	va_list arguments;
	const int length = snprintf(reader->error, reader->size, "%s:%u:%u: ", reader->name,
	    reader->line, (unsigned)(at - reader->text) + 1);

	if (length < 0 || (size_t)length >= reader->size)
		return false;
	va_start(arguments, format);
	vsnprintf(reader->error + length, reader->size - (size_t)length, format, arguments);
	va_end(arguments);
	return false;
}

/* "invalidate-domain": by the names of count.h. */
static bool find_kind(const char *name, struct row *row)
{
	if (strncmp(name, KIND_PREFIX, strlen(KIND_PREFIX)) != 0)
		return false;
	for (unsigned kind = 0; kind < IOMMUSIM_INVALIDATION_COUNT; kind++) {
		if (kind == IOMMUSIM_INVALIDATE_WAIT ||
		    strcmp(name + strlen(KIND_PREFIX),
			iommusim_invalidation_name((enum iommusim_invalidation)kind)) != 0)
			continue;
		*row = (struct row){ name, "ns",
			offsetof(struct costs, invalidations) + sizeof(double) * kind };
		return true;
	}
	return false;
}

static bool find_row(const char *name, struct row *row)
{
	for (unsigned i = 0; i < ROWS; i++) {
		if (strcmp(name, rows[i].name) != 0)
			continue;
		*row = rows[i];
		return true;
	}
	return find_kind(name, row);
}

/* Words of a line, cut apart in `line`; where each begins goes to `words`. More than WORDS are counted, not kept. */
static unsigned cut(char *line, char *words[WORDS])
{
	static const char blanks[] = " \t\r\n";
	unsigned count = 0;

	line[strcspn(line, "#")] = '\0';
	for (char *at = line + strspn(line, blanks); *at != '\0'; at += strspn(at, blanks)) {
		if (count < WORDS)
			words[count] = at;
		count++;
		at += strcspn(at, blanks);
		if (*at != '\0')
			*at++ = '\0';
	}
	return count;
}

static bool fits(const char *name, double value)
{
	const bool whole = value == (double)(uint64_t)value;

	if (strcmp(name, "iotlb-sets") == 0)
		return value >= 1 && value <= 65536 && whole &&
		    ((uint64_t)value & ((uint64_t)value - 1)) == 0;
	if (strcmp(name, "iotlb-ways") == 0)
		return value >= 1 && value <= 64 && whole;
	return true;
}

static bool read_row(const struct reader *reader, struct costs *costs, char *line)
{
	char *words[WORDS], *end;
	const unsigned count = cut(line, words);
	struct row row;
	double value;

	if (count == 0)
		return true;
	if (!find_row(words[0], &row))
		return fail(reader, words[0],
		    "there is no cost called \"%s\"; --print-costs lists them", words[0]);
	if (count < 2)
		return fail(reader, words[0] + strlen(words[0]), "a number was expected after \"%s\"",
		    words[0]);
	value = strtod(words[1], &end);
	if (*end != '\0' || !(value >= 0 && value < 1e12))
		return fail(reader, words[1], "\"%s\" is no number from 0 to 1e12", words[1]);
	if (count < 3 || strcmp(words[2], row.unit) != 0)
		return fail(reader, count < 3 ? words[1] + strlen(words[1]) : words[2],
		    "the unit of %s is %s", words[0], row.unit);
	if (count > WORDS)
		return fail(reader, words[2] + strlen(words[2]),
		    "nothing but a comment (#) was expected after the unit");
	if (!fits(words[0], value))
		return fail(reader, words[1], "%s cannot be %s: sets are a power of two, ways 1 to 64",
		    words[0], words[1]);
	*(double *)(void *)((char *)costs + row.at) = value;
	return true;
}

bool costs_parse(struct costs *costs, const char *name, const char *text, char *error, size_t size)
{
	char line[LINE];
	struct reader reader = { .name = name, .text = line, .error = error, .size = size };

	while (*text != '\0') {
		const size_t length = strcspn(text, "\n");

		reader.line++;
		if (length >= sizeof(line))
			return fail(&reader, line, "the line is longer than %d characters", LINE - 1);
		memcpy(line, text, length);
		line[length] = '\0';
		if (!read_row(&reader, costs, line))
			return false;
		text += length + (text[length] == '\n');
	}
	return true;
}

bool costs_read(struct costs *costs, const char *file, char *error, size_t size)
{
	enum { MOST = 1 << 16 };
	FILE *in = fopen(file, "r");
	char *text = malloc(MOST);
	bool done = false;

	if (in == NULL || text == NULL) {
		snprintf(error, size, "%s: cannot be read", file);
	} else {
		const size_t length = fread(text, 1, MOST - 1, in);

		text[length] = '\0';
		if (length == MOST - 1 || memchr(text, '\0', length) != NULL)
			snprintf(error, size, "%s: no text of less than 64 KiB", file);
		else
			done = costs_parse(costs, file, text, error, size);
	}
	if (in != NULL)
		fclose(in);
	free(text);
	return done;
}

void costs_default(struct costs *costs)
{
	char error[256];

	memset(costs, 0, sizeof(*costs));
	costs_parse(costs, "costs.txt", costs_default_text, error, sizeof(error));
}

double costs_model(const struct costs *costs, const struct costs_events *events)
{
	double time = costs->walk_access * (double)events->walk_accesses +
	    costs->register_read * (double)events->register_reads +
	    costs->register_write * (double)events->register_writes +
	    costs->copy_byte * (double)events->copied;

	for (unsigned kind = 0; kind < IOMMUSIM_INVALIDATION_COUNT; kind++)
		time += costs->invalidations[kind] * (double)events->invalidations[kind];
	return time;
}
