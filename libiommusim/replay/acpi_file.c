/*
 * Finds a DMAR table in a file. Text is decoded in place: a byte takes at least three characters of it.
 * What the table says is not looked at here.
 */
#include "replay/acpi_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "replay/lex.h"

/* Text being decoded: what was read begins at `line`, what was made of it ends at `out`. */
struct dump {
	uint8_t *bytes;
	size_t size;
	size_t line; /* offset of the current line */
	size_t next; /* of the one behind it */
	size_t end;  /* of the current line, without its newline */
	uint32_t number;
	size_t out;
	struct iommusim_diagnostic *problem;
};

__attribute__((format(printf, 3, 4))) static enum iommusim_status refuse(
    struct dump *dump, size_t at, const char *format, ...)
{
	struct iommusim_diagnostic *problem = dump->problem;
	va_list arguments;

	problem->status = IOMMUSIM_EFORMAT;
	problem->line = dump->number;
	problem->column = (uint32_t)(at - dump->line + 1);
	problem->offset = UINT64_MAX;
	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
	return IOMMUSIM_EFORMAT;
}

static bool next_line(struct dump *dump)
{
	const uint8_t *newline;

	if (dump->next == dump->size)
		return false;
	dump->line = dump->next;
	newline = memchr(dump->bytes + dump->line, '\n', dump->size - dump->line);
	dump->end = newline == NULL ? dump->size : (size_t)(newline - dump->bytes);
	dump->next = newline == NULL ? dump->size : dump->end + 1;
	while (dump->end > dump->line && dump->bytes[dump->end - 1] == '\r')
		dump->end--;
	dump->number++;
	return true;
}

static size_t blanks(const struct dump *dump, size_t at)
{
	while (at < dump->end && (dump->bytes[at] == ' ' || dump->bytes[at] == '\t'))
		at++;
	return at;
}

/* "DMAR @ 0x000000008ba0f000", as acpidump puts it above a table. */
static bool is_title(const struct dump *dump, const char *signature)
{
	const size_t at = blanks(dump, dump->line);
	const uint8_t *text = dump->bytes + at;

	return dump->end - at >= 9 && memcmp(text + 4, " @ 0x", 5) == 0 &&
	    (signature == NULL || memcmp(text, signature, 4) == 0);
}

static int digit_at(const struct dump *dump, size_t at)
{
	return at < dump->end ? hex_digit((char)dump->bytes[at]) : -1;
}

/* "    00A0: " and up to 16 bytes; the column of characters stands behind two blanks. */
static enum iommusim_status decode_line(struct dump *dump)
{
	size_t at = blanks(dump, dump->line);
	const size_t start = at;
	unsigned count = 0;

	while (digit_at(dump, at) >= 0)
		at++;
	if (at == start || at >= dump->end || dump->bytes[at] != ':')
		return refuse(dump, at, "expected an offset in hexadecimal and a colon");
	at++;
	if (blanks(dump, at) > at)
		at = blanks(dump, at) - 1;
	for (; count < 16 && at + 1 < dump->end && dump->bytes[at] == ' ' &&
	     dump->bytes[at + 1] != ' ';
	     count++) {
		const int high = digit_at(dump, at + 1), low = digit_at(dump, at + 2);

		if (high < 0 || low < 0)
			return refuse(dump, at + 1, "expected a byte as two hexadecimal digits");
		dump->bytes[dump->out++] = (uint8_t)(high << 4 | low);
		at += 3;
	}
	return count != 0 ? IOMMUSIM_OK : refuse(dump, at, "expected bytes in hexadecimal");
}

static enum iommusim_status decode_table(struct dump *dump)
{
	while (next_line(dump)) {
		enum iommusim_status status;

		if (blanks(dump, dump->line) == dump->end || is_title(dump, NULL))
			break;
		status = decode_line(dump);
		if (status != IOMMUSIM_OK)
			return status;
	}
	return dump->out != 0 ? IOMMUSIM_OK
			      : refuse(dump, dump->line, "expected the bytes of a table");
}

static enum iommusim_status decode_text(struct dump *dump, size_t *length)
{
	enum iommusim_status status;

	while (next_line(dump)) {
		if (!is_title(dump, "DMAR"))
			continue;
		dump->out = dump->line;
		const size_t first = dump->out;

		status = decode_table(dump);
		memmove(dump->bytes, dump->bytes + first, dump->out - first);
		*length = dump->out - first;
		return status;
	}
	return refuse(
	    dump, dump->end, "no DMAR table up to here; expected a line such as \"DMAR @ 0x0\"");
}

/* Only what a text has in its first line. */
static bool is_text(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && i < 256 && bytes[i] != '\n'; i++)
		if (bytes[i] < ' ' && bytes[i] != '\t' && bytes[i] != '\r')
			return false;
	return true;
}

enum iommusim_status acpi_file_decode(uint8_t *bytes, size_t size, const uint8_t **table,
    size_t *length, struct iommusim_diagnostic *problem)
{
	struct dump dump = { .bytes = bytes, .size = size, .problem = problem };

	*table = bytes;
	*length = size;
	if (size != 0 && is_text(bytes, size))
		return decode_text(&dump, length);
	if (size >= 4 && memcmp(bytes, "DMAR", 4) == 0)
		return IOMMUSIM_OK;
	refuse(
	    &dump, 0, size == 0 ? "the file is empty" : "neither a DMAR table nor the text of one");
	problem->column = 0;
	return IOMMUSIM_EFORMAT;
}
