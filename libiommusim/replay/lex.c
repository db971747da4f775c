/* Cuts a trace into words, in place and without allocating. Nothing here knows a statement. */
#include "replay/lex.h"

#include <string.h>

/* What a byte can be part of. INSIDE: of a name behind its first letter; PLAIN: of a string, as itself. */
enum { BLANK = 1, DIGIT = 2, HEX = 4, LETTER = 8, INSIDE = 16, PLAIN = 32 };

enum {
	N = DIGIT | HEX | INSIDE | PLAIN,
	X = LETTER | HEX | INSIDE | PLAIN,
	L = LETTER | INSIDE | PLAIN,
	P = PLAIN,
	B = BLANK | PLAIN,
	D = INSIDE | PLAIN /* the dash */
};

/* clang-format off */
static const uint8_t classes[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, B, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	B, P, 0, P, P, P, P, P, P, P, P, P, P, D, P, P, /*   ! " # $ % & ' ( ) * + , - . / */
	N, N, N, N, N, N, N, N, N, N, P, P, P, P, P, P, /* 0 ... 9 : ; < = > ? */
	P, X, X, X, X, X, X, L, L, L, L, L, L, L, L, L, /* @ A ... O */
	L, L, L, L, L, L, L, L, L, L, L, P, 0, P, P, L, /* P ... Z [ \ ] ^ _ */
	P, X, X, X, X, X, X, L, L, L, L, L, L, L, L, L, /* ` a ... o */
	L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, 0, /* p ... z { | } ~ */
};

#define NONE16 -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
#define LETTERS16 -1, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1
const int8_t lex_hex_digits[256] = {
	NONE16, NONE16, NONE16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, -1, -1, -1, -1,
	LETTERS16, NONE16, LETTERS16, NONE16, NONE16, NONE16, NONE16, NONE16, NONE16,
	NONE16, NONE16, NONE16,
};
/* clang-format on */

static bool is(char c, unsigned wanted)
{
	return (classes[(unsigned char)c] & wanted) != 0;
}

static uint32_t hash_step(uint32_t hash, char c)
{
	return (hash ^ (unsigned char)c) * UINT32_C(16777619);
}

uint32_t slice_hash(struct slice slice)
{
	uint32_t hash = UINT32_C(2166136261);

	for (size_t i = 0; i < slice.length; i++)
		hash = hash_step(hash, slice.at[i]);
	return hash;
}

void lex_start(struct lexer *lexer, const char *text, size_t length)
{
	*lexer = (struct lexer){ .at = text, .end = text + length, .line_start = text, .line = 1 };
}

uint32_t lex_column(const struct lexer *lexer, const char *at)
{
	uint32_t column = 1;

	for (const char *p = lexer->line_start; p < at; p++)
		column += ((unsigned char)*p & 0xc0) != 0x80; /* not the rest of a character */
	return column;
}

static enum token_kind refuse(
    struct lexer *lexer, struct token *token, const char *at, const char *problem)
{
	lexer->problem = problem;
	lexer->at = at;
	token->at = at;
	return token->kind = TOKEN_BAD;
}

/* Bytes of a UTF-8 character that begins with `first`, or 0 when none does (RFC 3629). */
static size_t utf8_announced(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	if (first < 0xe0)
		return 2;
	return first < 0xf0 ? 3 : 4;
}

/* Bytes of the UTF-8 character at `at`, or 0 when there is none. */
static size_t utf8_length(const char *at, const char *end)
{
	const unsigned char first = (unsigned char)*at;
	const size_t length = utf8_announced(first);
	unsigned second;

	if (length < 2)
		return length;
	if ((size_t)(end - at) < length)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)at[i] & 0xc0) != 0x80)
			return 0;
	/* Too long a form of a small character, half of a surrogate pair, beyond the last character. */
	second = (unsigned char)at[1];
	if ((first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90) ||
	    (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f))
		return 0;
	return length;
}

static bool at_newline(const struct lexer *lexer, const char *at)
{
	return *at == '\n' || (*at == '\r' && (at + 1 == lexer->end || at[1] == '\n'));
}

/* A comment: to the end of the line, of any characters. */
static enum token_kind lex_comment(struct lexer *lexer, struct token *token)
{
	const char *at = lexer->at;

	while (at < lexer->end && !at_newline(lexer, at)) {
		const size_t length = utf8_length(at, lexer->end);

		if (length == 0)
			return refuse(lexer, token, at, "this is not UTF-8");
		at += length;
	}
	lexer->at = at;
	return token->kind = TOKEN_END;
}

static enum token_kind lex_string(struct lexer *lexer, struct token *token)
{
	const char *const end = lexer->end;
	const char *at = lexer->at + 1;

	token->text.at = at;
	while (at < end && *at != '"') {
		size_t length = 1;

		if (*at == '\\') {
			if (at + 1 == end || (at[1] != '"' && at[1] != '\\' && at[1] != 'n'))
				return refuse(
				    lexer, token, at, "an unknown escape; expected \\\", \\\\ or \\n");
			length = 2;
		} else if (!is(*at, PLAIN)) {
			if (at_newline(lexer, at))
				break;
			length = (unsigned char)*at < 0x80 ? 0 : utf8_length(at, end);
			if (length == 0)
				return refuse(lexer, token, at,
				    (unsigned char)*at < 0x80 ? "a control character in a string"
							      : "this is not UTF-8");
		}
		at += length;
	}
	if (at == end || *at != '"')
		return refuse(lexer, token, token->at, "a string that is not closed; expected \"");
	token->text.length = (size_t)(at - token->text.at);
	lexer->at = at + 1;
	return token->kind = TOKEN_STRING;
}

/* A part of a decimal device, 0 to `most`. False: no digits, or too large a number. */
static bool decimal_part(const char **at, const char *end, unsigned most, unsigned *value)
{
	const char *p = *at;

	*value = 0;
	while (p < end && is(*p, DIGIT) && *value <= most)
		*value = *value * 10 + (unsigned)(*p++ - '0');
	if (p == *at || *value > most)
		return false;
	*at = p;
	return true;
}

/* BUS/SLOT/FUNC in decimal, as pptdevs writes it. */
static enum token_kind lex_slashed(struct lexer *lexer, struct token *token)
{
	const char *const end = lexer->end;
	const char *at = token->at;
	unsigned bus, slot, function;

	if (!decimal_part(&at, end, 255, &bus) || at == end || *at != '/')
		return refuse(lexer, token, token->at, "a device's bus is 0 to 255");
	at++;
	if (!decimal_part(&at, end, 31, &slot) || at == end || *at != '/')
		return refuse(lexer, token, token->at,
		    "expected a device as BUS/SLOT/FUNC with a slot of 0 to 31, such as 7/0/0");
	at++;
	if (!decimal_part(&at, end, 7, &function) || (at < end && (is(*at, INSIDE) || *at == '/')))
		return refuse(lexer, token, token->at,
		    "expected a device as BUS/SLOT/FUNC with a function of 0 to 7, such as 7/0/0");
	lexer->at = at;
	token->segment = 0;
	token->rid = (uint16_t)(bus << 8 | slot << 3 | function);
	return token->kind = TOKEN_DEVICE;
}

/* Exactly `digits` hexadecimal digits and then `follow`. */
static bool hex_part(const char **at, const char *end, unsigned digits, char follow, unsigned *value)
{
	*value = 0;
	if ((size_t)(end - *at) <= digits)
		return false;
	for (unsigned i = 0; i < digits; i++) {
		const int digit = hex_digit((*at)[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | (unsigned)digit;
	}
	if ((*at)[digits] != follow)
		return false;
	*at += digits + 1;
	return true;
}

/* HH:HH.H in hexadecimal, as lspci writes it; SSSS: in front for a segment. */
static enum token_kind lex_colons(struct lexer *lexer, struct token *token)
{
	const char *const end = lexer->end;
	const char *at = token->at;
	unsigned segment = 0, bus, slot;
	int function = -1;

	if (!hex_part(&at, end, 4, ':', &segment))
		segment = 0;
	if (hex_part(&at, end, 2, ':', &bus) && hex_part(&at, end, 2, '.', &slot) && at < end)
		function = hex_digit(*at++);
	if (function < 0 || (at < end && is(*at, INSIDE)))
		return refuse(lexer, token, token->at,
		    "expected a device as HH:HH.H in hexadecimal, such as 07:00.0");
	if (slot > 31 || function > 7)
		return refuse(
		    lexer, token, token->at, "a device's slot is 00 to 1f and its function 0 to 7");
	lexer->at = at;
	token->segment = (uint16_t)segment;
	token->rid = (uint16_t)(bus << 8 | slot << 3 | (unsigned)function);
	return token->kind = TOKEN_DEVICE;
}

/* K, M, G, T behind a number: powers of 1024. */
static unsigned suffix_shift(char c)
{
	switch (c) {
	case 'K':
		return 10;
	case 'M':
		return 20;
	case 'G':
		return 30;
	case 'T':
		return 40;
	default:
		return 0;
	}
}

static enum token_kind too_large(struct lexer *lexer, struct token *token)
{
	return refuse(lexer, token, token->at, "a number larger than 2^64-1");
}

static enum token_kind finish_number(
    struct lexer *lexer, struct token *token, const char *at, uint64_t value)
{
	const unsigned shift = at < lexer->end ? suffix_shift(*at) : 0;

	if (shift != 0) {
		if (value > UINT64_MAX >> shift)
			return too_large(lexer, token);
		value <<= shift;
		at++;
	}
	if (at < lexer->end && (is(*at, INSIDE) || *at == '.'))
		return refuse(lexer, token, token->at,
		    "not a number; expected decimal digits or 0x and hexadecimal ones, then "
		    "nothing or one of K M G T");
	lexer->at = at;
	token->number = value;
	return token->kind = TOKEN_NUMBER;
}

static enum token_kind lex_hex(struct lexer *lexer, struct token *token)
{
	const char *const first = token->at + 2;
	const char *at = first;
	uint64_t value = 0;

	for (; at < lexer->end && is(*at, HEX); at++) {
		if (value >> 60 != 0)
			return too_large(lexer, token);
		value = value << 4 | (uint64_t)hex_digit(*at);
	}
	if (at == first)
		return refuse(lexer, token, token->at, "expected hexadecimal digits behind 0x");
	return finish_number(lexer, token, at, value);
}

/* A word that begins with a digit: a number or a device. */
static enum token_kind lex_digits(struct lexer *lexer, struct token *token)
{
	const char *at = token->at, *rest;
	bool overflow = false;
	uint64_t value = 0;

	if (*at == '0' && at + 1 < lexer->end && at[1] == 'x')
		return lex_hex(lexer, token);
	for (; at < lexer->end && is(*at, DIGIT); at++)
		overflow |= __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value);
	if (at < lexer->end && *at == '/')
		return lex_slashed(lexer, token);
	rest = at;
	while (rest < lexer->end && is(*rest, HEX))
		rest++;
	if (rest < lexer->end && *rest == ':')
		return lex_colons(lexer, token);
	return overflow ? too_large(lexer, token) : finish_number(lexer, token, at, value);
}

static enum token_kind lex_name(struct lexer *lexer, struct token *token)
{
	uint32_t hash = UINT32_C(2166136261);
	const char *at = token->at;

	for (; at < lexer->end && is(*at, INSIDE); at++)
		hash = hash_step(hash, *at);
	if (at < lexer->end && *at == ':')
		return lex_colons(lexer, token);
	token->text.at = token->at;
	token->text.length = (size_t)(at - token->at);
	token->hash = hash;
	lexer->at = at;
	return token->kind = TOKEN_NAME;
}

static enum token_kind lex_mark(struct lexer *lexer, struct token *token, enum token_kind kind)
{
	lexer->at++;
	return token->kind = kind;
}

static const char *skip_blanks(struct lexer *lexer)
{
	while (lexer->at < lexer->end && is(*lexer->at, BLANK))
		lexer->at++;
	return lexer->at;
}

enum token_kind lex_next(struct lexer *lexer, struct token *token)
{
	const char *at = skip_blanks(lexer);

	token->at = at;
	if (at == lexer->end)
		return token->kind = TOKEN_END;
	if (is(*at, LETTER))
		return lex_name(lexer, token);
	if (is(*at, DIGIT))
		return lex_digits(lexer, token);
	switch (*at) {
	case '(':
		return lex_mark(lexer, token, TOKEN_OPEN);
	case ')':
		return lex_mark(lexer, token, TOKEN_CLOSE);
	case ',':
		return lex_mark(lexer, token, TOKEN_COMMA);
	case '=':
		return lex_mark(lexer, token, TOKEN_EQUALS);
	case '"':
		return lex_string(lexer, token);
	case '#':
		return lex_comment(lexer, token);
	default:
		break;
	}
	if (at_newline(lexer, at))
		return token->kind = TOKEN_END;
	return refuse(lexer, token, at,
	    *at == '-' ? "numbers have no sign here" : "this character has no meaning here");
}

enum token_kind lex_next_profile(struct lexer *lexer, struct token *token)
{
	const char *at = skip_blanks(lexer);

	token->at = at;
	while (at < lexer->end && (is(*at, INSIDE) || *at == '.' || *at == '+'))
		at++;
	if (at == token->at)
		return lex_next(lexer, token);
	token->text.at = token->at;
	token->text.length = (size_t)(at - token->at);
	lexer->at = at;
	return token->kind = TOKEN_NAME;
}

bool lex_plain_name(const char **at, const char *end, struct slice *name, uint32_t *hash)
{
	const char *p = *at;

	*hash = UINT32_C(2166136261);
	if (p == end || !is(*p, LETTER))
		return false;
	for (; p < end && is(*p, INSIDE); p++)
		*hash = hash_step(*hash, *p);
	*name = (struct slice){ *at, (size_t)(p - *at) };
	*at = p;
	return true;
}

bool lex_next_line(struct lexer *lexer)
{
	if (lexer->at < lexer->end && *lexer->at == '\r')
		lexer->at++;
	if (lexer->at == lexer->end)
		return false;
	lexer->at++;
	lexer->line_start = lexer->at;
	lexer->line++;
	return lexer->at < lexer->end;
}
