/* Single words of the language for others to use: a device, a number. Whole lines are the parser's. */
#include <string.h>

#include <iommusim/trace.h>

#include "replay/lex.h"

enum { LONGEST_DEVICE = 16 };

/* The only word of `text`, and where that is going wrong. */
static bool only_word(const char *text, struct token *token, const char **problem)
{
	struct lexer lexer;
	struct token rest;

	lex_start(&lexer, text, strlen(text));
	lex_next(&lexer, token);
	*problem = token->kind == TOKEN_BAD ? lexer.problem : NULL;
	return token->kind != TOKEN_BAD && lex_next(&lexer, &rest) == TOKEN_END && rest.at == lexer.end;
}

/* A part of a device in hexadecimal into `out` with at least `digits` digits; returns what is behind it. */
static const char *pad(const char *at, size_t digits, char *out)
{
	size_t length = 0, used = strlen(out);

	while (hex_digit(at[length]) >= 0)
		length++;
	if (length == 0 || used + digits + length >= LONGEST_DEVICE)
		return NULL;
	for (size_t i = length; i < digits; i++)
		out[used++] = '0';
	memcpy(out + used, at, length);
	out[used + length] = '\0';
	return at + length;
}

/* "7:0.0" as "07:00.0". False: it is no such thing, and `out` is of no use. */
static bool with_zeros(const char *text, char *out)
{
	const char *const dot = strchr(text, '.');
	const char *const first = strchr(text, ':');
	size_t digits = 2;

	out[0] = '\0';
	if (dot == NULL || first == NULL || first > dot)
		return false;
	if (memchr(first + 1, ':', (size_t)(dot - first)) != NULL)
		digits = 4; /* a segment comes first */
	for (;;) {
		const size_t used = (text = pad(text, digits, out)) == NULL ? 0 : strlen(out);

		if (text == NULL || (*text != ':' && *text != '.') || used + 2 > LONGEST_DEVICE)
			return false;
		out[used] = *text;
		out[used + 1] = '\0';
		if (*text++ == '.')
			return strlen(text) == 1 && pad(text, 1, out) != NULL;
		digits = 2;
	}
}

enum iommusim_status iommusim_trace_device(
    const char *text, uint16_t *segment, uint16_t *rid, const char **problem)
{
	char padded[LONGEST_DEVICE];
	struct token token;
	const bool whole = only_word(with_zeros(text, padded) ? padded : text, &token, problem);

	*segment = *rid = 0;
	if (whole && token.kind == TOKEN_NUMBER && token.number <= UINT16_MAX) {
		*rid = (uint16_t)token.number;
		return IOMMUSIM_OK;
	}
	if (whole && token.kind == TOKEN_DEVICE) {
		*segment = token.segment;
		*rid = token.rid;
		return IOMMUSIM_OK;
	}
	if (*problem == NULL)
		*problem = "expected a device as 7/0/0 in decimal or 07:00.0 in hexadecimal, or a "
			   "requester id as a number up to 0xffff";
	return IOMMUSIM_EFORMAT;
}

enum iommusim_status iommusim_trace_number(const char *text, uint64_t *number, const char **problem)
{
	struct token token;
	const bool whole = only_word(text, &token, problem);

	*number = 0;
	if (whole && token.kind == TOKEN_NUMBER) {
		*number = token.number;
		return IOMMUSIM_OK;
	}
	if (*problem == NULL)
		*problem = "expected a number, decimal or 0x and hexadecimal";
	return IOMMUSIM_EFORMAT;
}

const char *iommusim_vendor_name(enum iommusim_vendor vendor)
{
	static const char *const names[] = { "of trace", "vtd", "amdvi" };

	return (unsigned)vendor < sizeof(names) / sizeof(*names) ? names[vendor] : "unknown";
}

enum iommusim_status iommusim_vendor_find(const char *name, enum iommusim_vendor *vendor)
{
	for (unsigned i = IOMMUSIM_VENDOR_VTD; i <= IOMMUSIM_VENDOR_AMDVI; i++) {
		if (strcmp(name, iommusim_vendor_name((enum iommusim_vendor)i)) != 0)
			continue;
		*vendor = (enum iommusim_vendor)i;
		return IOMMUSIM_OK;
	}
	return IOMMUSIM_ENOENT;
}
