/* Finds a DMAR or IVRS table in a file. What the table says is not looked at here. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_input.h"

enum {
	SIGNATURE_LENGTH = 4,
	LENGTH_AT = 4, /* of the table's length in its header */
	BYTES_A_LINE = 16,
	FIRST_READ = 64 * 1024,
	LARGEST_FILE = 64 * 1024 * 1024 /* all tables of a machine as text take a few */
};

/* Text, read line by line. */
struct text {
	const char *bytes;
	size_t size;
	size_t at;
	uint32_t lines;
};

struct line {
	const char *start;
	size_t length; /* without its end */
	uint32_t number;
};

__attribute__((format(printf, 5, 6))) static enum iommusim_status
refuse(struct iommusim_diagnostic *problem, uint32_t line, size_t column, uint64_t offset,
       const char *format, ...)
{
	va_list arguments;

	problem->status = IOMMUSIM_EFORMAT;
	problem->line = line;
	problem->column = (uint32_t)column;
	problem->offset = offset;
	va_start(arguments, format);
	vsnprintf(problem->text, sizeof problem->text, format, arguments);
	va_end(arguments);
	return problem->status;
}

static bool next_line(struct text *text, struct line *line)
{
	const char *start = text->bytes + text->at;
	const size_t left = text->size - text->at;
	const char *newline;

	if (left == 0)
		return false;
	newline = memchr(start, '\n', left);
	line->start = start;
	line->length = newline != NULL ? (size_t)(newline - start) : left;
	line->number = ++text->lines;
	text->at += line->length + (newline != NULL);
	while (line->length > 0 && start[line->length - 1] == '\r')
		line->length--;
	return true;
}

static size_t blanks(const struct line *line, size_t at)
{
	while (at < line->length && (line->start[at] == ' ' || line->start[at] == '\t'))
		at++;
	return at;
}

/* Is this the line acpidump puts above a table, "DMAR @ 0x000000008ba0f000"? */
static bool is_title(const struct line *line, char signature[SIGNATURE_LENGTH + 1])
{
	static const char after[] = " @ 0x";
	const size_t at = blanks(line, 0);

	if (line->length - at < SIGNATURE_LENGTH + strlen(after) ||
	    memcmp(line->start + at + SIGNATURE_LENGTH, after, strlen(after)) != 0)
		return false;
	memcpy(signature, line->start + at, SIGNATURE_LENGTH);
	signature[SIGNATURE_LENGTH] = '\0';
	return true;
}

static bool is_wanted(const char *signature)
{
	return memcmp(signature, "DMAR", SIGNATURE_LENGTH) == 0 ||
	       memcmp(signature, "IVRS", SIGNATURE_LENGTH) == 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "    00a0:" in front of the bytes; `*at` ends behind it. It must continue what was read. */
static enum iommusim_status read_offset(const struct line *line, size_t *at, size_t wanted,
					struct iommusim_diagnostic *problem)
{
	const size_t start = blanks(line, 0);
	uint64_t offset = 0;
	size_t i = start;

	for (; i < line->length && i - start < 8 && hex_digit(line->start[i]) >= 0; i++)
		offset = offset * 16 + (uint64_t)hex_digit(line->start[i]);
	if (i == start || i == line->length || line->start[i] != ':')
		return refuse(
		    problem, line->number, i + 1, UINT64_MAX,
		    "expected an offset in hexadecimal and a colon, as in \"%04zx: 44 4D\"",
		    wanted);
	if (offset != wanted)
		return refuse(problem, line->number, start + 1, UINT64_MAX,
			      "offset 0x%llx, expected 0x%zx: bytes are missing or out of place",
			      (unsigned long long)offset, wanted);
	*at = i + 1;
	return IOMMUSIM_OK;
}

/* The bytes of one line; the column of characters behind two blanks is left alone. */
static enum iommusim_status read_bytes(const struct line *line, struct acpi_input *input,
				       struct iommusim_diagnostic *problem)
{
	const size_t before = input->size;
	size_t at = 0;

	if (read_offset(line, &at, before, problem) != IOMMUSIM_OK)
		return problem->status;
	if (blanks(line, at) > at)
		at = blanks(line, at) - 1;
	while (input->size - before < BYTES_A_LINE && at + 1 < line->length &&
	       line->start[at] == ' ' && line->start[at + 1] != ' ') {
		const int high = hex_digit(line->start[at + 1]);
		const int low = at + 2 < line->length ? hex_digit(line->start[at + 2]) : -1;

		if (high < 0 || low < 0 || (at + 3 < line->length && line->start[at + 3] != ' '))
			return refuse(problem, line->number, at + 2, UINT64_MAX,
				      "expected a byte as two hexadecimal digits%s",
				      at + 2 == line->length ? "; the line is cut off here" : "");
		input->bytes[input->size++] = (uint8_t)(high * 16 + low);
		at += 3;
	}
	if (input->size == before)
		return refuse(problem, line->number, at + 1, UINT64_MAX,
			      "expected up to 16 bytes in hexadecimal behind the offset");
	return IOMMUSIM_OK;
}

static uint32_t declared_length(const struct acpi_input *input)
{
	uint32_t length = 0;

	for (unsigned i = 0; i < 4 && LENGTH_AT + i < input->size; i++)
		length |= (uint32_t)input->bytes[LENGTH_AT + i] << i * 8;
	return length;
}

/* The lines below a title, up to an empty line, the next title or the end. */
static enum iommusim_status read_block(struct text *text, struct line line,
				       struct acpi_input *input,
				       struct iommusim_diagnostic *problem)
{
	char signature[SIGNATURE_LENGTH + 1];
	struct line last = line;

	/* A byte takes three characters, so this is room enough. */
	input->bytes = calloc(1, (text->size - text->at) / 3 + BYTES_A_LINE);
	if (input->bytes == NULL)
		return IOMMUSIM_ENOMEM;
	while (next_line(text, &line)) {
		if (blanks(&line, 0) == line.length || is_title(&line, signature))
			break;
		if (read_bytes(&line, input, problem) != IOMMUSIM_OK)
			return problem->status;
		last = line;
	}
	if (input->size < LENGTH_AT + 4)
		return refuse(problem, last.number, last.length + 1, UINT64_MAX,
			      "the dump of %s ends here, before the table's length",
			      input->signature);
	if (input->size < declared_length(input))
		return refuse(problem, last.number, last.length + 1, UINT64_MAX,
			      "the dump of %s ends here, after %zu of its %u bytes",
			      input->signature, input->size, declared_length(input));
	return IOMMUSIM_OK;
}

static enum iommusim_status read_text(struct text text, struct acpi_input *input,
				      struct iommusim_diagnostic *problem)
{
	char signature[SIGNATURE_LENGTH + 1];
	struct line line = {.number = 0};

	while (next_line(&text, &line)) {
		if (!is_title(&line, signature) || !is_wanted(signature))
			continue;
		memcpy(input->signature, signature, sizeof input->signature);
		return read_block(&text, line, input, problem);
	}
	return refuse(problem, line.number, line.length + 1, UINT64_MAX,
		      "no DMAR or IVRS table up to here; expected a line such as \"DMAR @ 0x0\"");
}

static enum iommusim_status read_binary(const uint8_t *bytes, size_t size, struct acpi_input *input)
{
	input->bytes = malloc(size);
	if (input->bytes == NULL)
		return IOMMUSIM_ENOMEM;
	memcpy(input->bytes, bytes, size);
	memcpy(input->signature, bytes, SIGNATURE_LENGTH);
	input->size = size;
	return IOMMUSIM_OK;
}

/* No control characters but those of text. */
static bool is_text(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] == 0x7f || (bytes[i] < ' ' && strchr("\t\n\r\f", bytes[i]) == NULL) ||
		    bytes[i] == 0)
			return false;
	return true;
}

enum iommusim_status acpi_input_parse(const uint8_t *bytes, size_t size, struct acpi_input *input,
				      struct iommusim_diagnostic *problem)
{
	char signature[SIGNATURE_LENGTH + 1];

	*input = (struct acpi_input){.size = 0};
	*problem = (struct iommusim_diagnostic){.offset = UINT64_MAX};
	if (size == 0)
		return refuse(problem, 0, 0, 0, "the file is empty; expected a DMAR or IVRS table");
	/* A table is never text: its length has a byte that is 0. */
	if (is_text(bytes, size))
		return read_text((struct text){.bytes = (const char *)bytes, .size = size}, input,
				 problem);
	if (size >= SIGNATURE_LENGTH && is_wanted((const char *)bytes))
		return read_binary(bytes, size, input);
	memset(signature, '.', SIGNATURE_LENGTH);
	for (size_t i = 0; i < SIGNATURE_LENGTH && i < size; i++)
		if (isprint(bytes[i]))
			signature[i] = (char)bytes[i];
	signature[SIGNATURE_LENGTH] = '\0';
	return refuse(problem, 0, 0, 0, "begins with \"%s\"; expected a DMAR or IVRS table",
		      signature);
}

static enum iommusim_status refuse_file(struct iommusim_diagnostic *problem, const char *what,
					int error)
{
	refuse(problem, 0, 0, UINT64_MAX, "cannot be %s: %s", what, strerror(error));
	problem->status = IOMMUSIM_EIO;
	return problem->status;
}

/* All of a stream into `*bytes`, which grows as needed. */
static enum iommusim_status read_stream(FILE *stream, uint8_t **bytes, size_t *size,
					struct iommusim_diagnostic *problem)
{
	size_t room = 0;

	while (!feof(stream)) {
		if (*size == room) {
			uint8_t *larger;

			if (room >= LARGEST_FILE)
				return refuse(
				    problem, 0, 0, room,
				    "the file goes on after 64 MiB; no ACPI table is that large");
			room = room == 0 ? FIRST_READ : room * 2;
			larger = realloc(*bytes, room);
			if (larger == NULL)
				return IOMMUSIM_ENOMEM;
			*bytes = larger;
		}
		*size += fread(*bytes + *size, 1, room - *size, stream);
		if (ferror(stream))
			return refuse_file(problem, "read", errno);
	}
	return IOMMUSIM_OK;
}

enum iommusim_status acpi_input_read(const char *file, struct acpi_input *input,
				     struct iommusim_diagnostic *problem)
{
	FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "rb");
	uint8_t *bytes = NULL;
	size_t size = 0;
	enum iommusim_status status;

	*input = (struct acpi_input){.size = 0};
	*problem = (struct iommusim_diagnostic){.offset = UINT64_MAX};
	if (stream == NULL)
		return refuse_file(problem, "opened", errno);
	status = read_stream(stream, &bytes, &size, problem);
	if (stream != stdin)
		fclose(stream);
	if (status == IOMMUSIM_OK)
		status = acpi_input_parse(bytes, size, input, problem);
	free(bytes);
	return status;
}

void acpi_input_free(struct acpi_input *input)
{
	free(input->bytes);
	*input = (struct acpi_input){.size = 0};
}
