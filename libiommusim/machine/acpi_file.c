/* Finds a DMAR or IVRS table in the bytes of a file. What the table says is not looked at here. */
#include <iommusim/acpi.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	SIGNATURE_LENGTH = 4,
	LENGTH_AT = 4, /* of the table's length in its header */
	BYTES_A_LINE = 16
};

/*
 * Text, read line by line, and the table it holds. The table may take the text's own place: a byte needs
 * at least three characters, so writing never overtakes reading.
 */
struct text {
	const char *bytes;
	size_t size;
	size_t at;
	uint32_t lines;
	uint8_t *table;
	size_t length; /* of the table, so far */
	char *signature;
};

struct line {
	const char *start;
	size_t length; /* without its end */
	uint32_t number;
};

__attribute__((format(printf, 5, 6))) static enum iommusim_status refuse(
    struct iommusim_diagnostic *problem, uint32_t line, size_t column, uint64_t offset,
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
static enum iommusim_status read_offset(
    const struct line *line, size_t *at, size_t wanted, struct iommusim_diagnostic *problem)
{
	const size_t start = blanks(line, 0);
	uint64_t offset = 0;
	size_t i = start;

	for (; i < line->length && i - start < 8 && hex_digit(line->start[i]) >= 0; i++)
		offset = offset * 16 + (uint64_t)hex_digit(line->start[i]);
	if (i == start || i == line->length || line->start[i] != ':')
		return refuse(problem, line->number, i + 1, UINT64_MAX,
		    "expected an offset in hexadecimal and a colon, as in \"%04zx: 44 4D\"", wanted);
	if (offset != wanted)
		return refuse(problem, line->number, start + 1, UINT64_MAX,
		    "offset 0x%llx, expected 0x%zx: bytes are missing or out of place",
		    (unsigned long long)offset, wanted);
	*at = i + 1;
	return IOMMUSIM_OK;
}

/* The bytes of one line; the column of characters behind two blanks is left alone. */
static enum iommusim_status read_bytes(
    struct text *text, const struct line *line, struct iommusim_diagnostic *problem)
{
	const size_t before = text->length;
	size_t at = 0;

	if (read_offset(line, &at, before, problem) != IOMMUSIM_OK)
		return problem->status;
	if (blanks(line, at) > at)
		at = blanks(line, at) - 1;
	while (text->length - before < BYTES_A_LINE && at + 1 < line->length &&
	    line->start[at] == ' ' && line->start[at + 1] != ' ') {
		const int high = hex_digit(line->start[at + 1]);
		const int low = at + 2 < line->length ? hex_digit(line->start[at + 2]) : -1;

		if (high < 0 || low < 0 || (at + 3 < line->length && line->start[at + 3] != ' '))
			return refuse(problem, line->number, at + 2, UINT64_MAX,
			    "expected a byte as two hexadecimal digits%s",
			    at + 2 == line->length ? "; the line is cut off here" : "");
		text->table[text->length++] = (uint8_t)(high * 16 + low);
		at += 3;
	}
	if (text->length == before)
		return refuse(problem, line->number, at + 1, UINT64_MAX,
		    "expected up to 16 bytes in hexadecimal behind the offset");
	return IOMMUSIM_OK;
}

static uint32_t declared_length(const struct text *text)
{
	uint32_t length = 0;

	for (unsigned i = 0; i < 4 && LENGTH_AT + i < text->length; i++)
		length |= (uint32_t)text->table[LENGTH_AT + i] << i * 8;
	return length;
}

/* The lines below a title, up to an empty line, the next title or the end. */
static enum iommusim_status read_block(
    struct text *text, struct line line, struct iommusim_diagnostic *problem)
{
	char signature[SIGNATURE_LENGTH + 1];
	struct line last = line;

	while (next_line(text, &line)) {
		if (blanks(&line, 0) == line.length || is_title(&line, signature))
			break;
		if (read_bytes(text, &line, problem) != IOMMUSIM_OK)
			return problem->status;
		last = line;
	}
	if (text->length < LENGTH_AT + 4)
		return refuse(problem, last.number, last.length + 1, UINT64_MAX,
		    "the dump of %s ends here, before the table's length", text->signature);
	if (text->length < declared_length(text))
		return refuse(problem, last.number, last.length + 1, UINT64_MAX,
		    "the dump of %s ends here, after %zu of its %u bytes", text->signature,
		    text->length, declared_length(text));
	return IOMMUSIM_OK;
}

static enum iommusim_status read_text(struct text *text, struct iommusim_diagnostic *problem)
{
	char signature[SIGNATURE_LENGTH + 1];
	struct line line = { .number = 0 };

	while (next_line(text, &line)) {
		if (!is_title(&line, signature) || !is_wanted(signature))
			continue;
		memcpy(text->signature, signature, sizeof(signature));
		return read_block(text, line, problem);
	}
	return refuse(problem, line.number, line.length + 1, UINT64_MAX,
	    "no DMAR or IVRS table up to here; expected a line such as \"DMAR @ 0x0\"");
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

static enum iommusim_status refuse_binary(
    const uint8_t *bytes, size_t size, struct iommusim_diagnostic *problem)
{
	char shown[SIGNATURE_LENGTH + 1] = "....";

	for (size_t i = 0; i < SIGNATURE_LENGTH && i < size; i++)
		if (isprint(bytes[i]))
			shown[i] = (char)bytes[i];
	return refuse(problem, 0, 0, 0, "begins with \"%s\"; expected a DMAR or IVRS table", shown);
}

enum iommusim_status iommusim_acpi_extract(const void *file, size_t size, void *table, size_t *length,
    char signature[5], struct iommusim_diagnostic *problem)
{
	struct text text = { .bytes = file, .size = size, .table = table, .signature = signature };
	enum iommusim_status status;

	*length = 0;
	signature[0] = '\0';
	*problem = (struct iommusim_diagnostic){ .offset = UINT64_MAX };
	if (size == 0)
		return refuse(problem, 0, 0, 0, "the file is empty; expected a DMAR or IVRS table");
	/* A table is never text: its length has a byte that is 0. */
	if (is_text(file, size)) {
		status = read_text(&text, problem);
		*length = text.length;
		return status;
	}
	if (size < SIGNATURE_LENGTH || !is_wanted(file))
		return refuse_binary(file, size, problem);
	memcpy(signature, file, SIGNATURE_LENGTH);
	signature[SIGNATURE_LENGTH] = '\0';
	memmove(table, file, size);
	*length = size;
	return IOMMUSIM_OK;
}
