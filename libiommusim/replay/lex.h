/* The words of a trace line. What they mean together is the parser's business (parse.c). */
#ifndef IOMMUSIM_REPLAY_LEX_H
#define IOMMUSIM_REPLAY_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A piece of the trace, in place. */
struct slice {
	const char *at;
	size_t length;
};

enum token_kind {
	TOKEN_END, /* of the line: a newline, a comment or the end of the text */
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_DEVICE,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_EQUALS,
	TOKEN_BAD /* `problem` of the lexer says why */
};

struct token {
	enum token_kind kind;
	const char *at;    /* first byte */
	struct slice text; /* NAME: itself; STRING: what is between the quotes */
	uint32_t hash;     /* NAME: slice_hash() of it */
	uint64_t number;
	uint16_t segment; /* DEVICE */
	uint16_t rid;     /* DEVICE */
};

struct lexer {
	const char *at;
	const char *end;
	const char *line_start;
	uint32_t line;       /* counted from 1 */
	const char *problem; /* TOKEN_BAD: what is wrong, static storage; the token's `at` says where */
};

void lex_start(struct lexer *lexer, const char *text, size_t length);

/* The next word of this line. At its end: TOKEN_END, again and again. */
enum token_kind lex_next(struct lexer *lexer, struct token *token);

/* The next word where the name of a release profile is due: `13.0` is a name there. */
enum token_kind lex_next_profile(struct lexer *lexer, struct token *token);

/* Go to the next line; only at TOKEN_END. False when there is none. */
bool lex_next_line(struct lexer *lexer);

/* Column of a place on the current line, in characters counted from 1. */
uint32_t lex_column(const struct lexer *lexer, const char *at);

static inline bool slice_is(struct slice slice, const char *text)
{
	return strlen(text) == slice.length && memcmp(text, slice.at, slice.length) == 0;
}

uint32_t slice_hash(struct slice slice);

extern const int8_t lex_hex_digits[256];

/* The value of a hexadecimal digit, or -1. */
static inline int hex_digit(char c)
{
	return lex_hex_digits[(unsigned char)c];
}

/*
 * The name, or the number, at `*at`, which goes behind it. False: something else is there, or a number that needs a
 * closer look (lex_next()), and `*at` may have moved.
 */
bool lex_plain_name(const char **at, const char *end, struct slice *name, uint32_t *hash);

/* As many digits of either kind as a number of 64 bits has, whatever they are. */
enum { LEX_HEX_FIT = 16, LEX_DECIMAL_FIT = 19 };

static inline bool lex_plain_number(const char **at, const char *end, uint64_t *number)
{
	const bool hex = end - *at > 2 && (*at)[0] == '0' && (*at)[1] == 'x';
	const char *const first = hex ? *at + 2 : *at;
	const char *p = first;
	uint64_t value = 0;

	for (; hex && p < end && hex_digit(*p) >= 0; p++)
		value = value << 4 | (unsigned)hex_digit(*p);
	for (; !hex && p < end && *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (unsigned)(*p - '0');
	*at = p;
	*number = value;
	return p > first && p - first <= (hex ? LEX_HEX_FIT : LEX_DECIMAL_FIT);
}

#endif
