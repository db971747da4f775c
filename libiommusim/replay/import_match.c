/* Patterns: taking a line of a capture apart. What the pieces mean is the importers' business. */
#include <string.h>

#include "replay/import.h"

struct scan {
	const char *at;
	const char *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool skip_blanks(struct scan *scan)
{
	const char *const start = scan->at;

	while (scan->at < scan->end && is_blank(*scan->at))
		scan->at++;
	return scan->at != start;
}

/* Digits of a base; false without one, and for what 64 bits do not hold. */
static bool take_digits(struct scan *scan, unsigned base, uint64_t *number)
{
	const char *const start = scan->at;

	*number = 0;
	while (scan->at < scan->end) {
		const int digit = hex_digit(*scan->at);

		if (digit < 0 || (unsigned)digit >= base)
			break;
		if (*number > (UINT64_MAX - (unsigned)digit) / base)
			return false;
		*number = *number * base + (unsigned)digit;
		scan->at++;
	}
	return scan->at != start;
}

static bool take_number(struct scan *scan, bool may_be_negative, uint64_t *number)
{
	if (may_be_negative && scan->at < scan->end && *scan->at == '-') {
		scan->at++;
		if (!take_digits(scan, 10, number))
			return false;
		*number = UINT64_C(0) - *number;
		return true;
	}
	if (scan->end - scan->at > 2 && scan->at[0] == '0' && scan->at[1] == 'x') {
		scan->at += 2;
		return take_digits(scan, 16, number);
	}
	return take_digits(scan, 10, number);
}

/* Up to a blank or `stop`, which is the pattern's next letter. */
static bool take_word(struct scan *scan, char stop, struct slice *word)
{
	word->at = scan->at;
	while (scan->at < scan->end && !is_blank(*scan->at) && (stop == '\0' || *scan->at != stop))
		scan->at++;
	word->length = (size_t)(scan->at - word->at);
	return word->length != 0;
}

struct slice import_trim(struct slice text)
{
	while (text.length != 0 && is_blank(text.at[0])) {
		text.at++;
		text.length--;
	}
	while (text.length != 0 && is_blank(text.at[text.length - 1]))
		text.length--;
	return text;
}

bool import_begins(struct slice text, const char *with)
{
	const size_t length = strlen(with);

	return text.length >= length && memcmp(text.at, with, length) == 0;
}

bool import_match(struct slice text, const char *pattern, struct import_match *match)
{
	unsigned numbers = 0, words = 0;
	struct scan scan;
	bool matches = true;

	text = import_trim(text);
	scan = (struct scan){ text.at, text.at + text.length };
	for (; matches && *pattern != '\0'; pattern++) {
		match->stopped = scan.at;
		if (*pattern == ' ') {
			matches = skip_blanks(&scan);
		} else if (*pattern != '%') {
			matches = scan.at < scan.end && *scan.at == *pattern;
			scan.at += matches;
		} else if (*++pattern == 's') {
			matches = take_word(&scan, pattern[1], &match->words[words++]);
		} else if (*pattern == 'r') {
			match->words[words] = (struct slice){ scan.at, (size_t)(scan.end - scan.at) };
			words++;
			scan.at = scan.end;
		} else if (*pattern == 'x') {
			matches = take_digits(&scan, 16, &match->numbers[numbers++]);
		} else {
			matches = take_number(&scan, *pattern == 'i', &match->numbers[numbers++]);
		}
	}
	if (matches)
		match->stopped = scan.at;
	return matches && scan.at == scan.end;
}

/* The text behind a key, to its end. */
static bool find_key(struct slice text, const char *key, struct slice *behind)
{
	const size_t length = strlen(key);

	for (size_t i = 1; i + length <= text.length; i++) {
		if (!is_blank(text.at[i - 1]) || memcmp(text.at + i, key, length) != 0)
			continue;
		*behind = (struct slice){ text.at + i + length, text.length - i - length };
		return true;
	}
	return false;
}

bool import_key_number(struct slice text, const char *key, uint64_t *number)
{
	struct slice behind;
	struct scan scan;

	if (!find_key(text, key, &behind))
		return false;
	scan = (struct scan){ behind.at, behind.at + behind.length };
	return take_number(&scan, false, number) && (scan.at == scan.end || is_blank(*scan.at));
}

bool import_key_text(struct slice text, const char *key, struct slice *value)
{
	struct slice behind;
	struct scan scan;

	if (!find_key(text, key, &behind))
		return false;
	scan = (struct scan){ behind.at, behind.at + behind.length };
	if (scan.at < scan.end && *scan.at == '"') {
		scan.at++;
		return take_word(&scan, '"', value) && scan.at < scan.end && *scan.at == '"';
	}
	return take_word(&scan, '\0', value);
}
