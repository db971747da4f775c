/* The words of a trace line. What they mean together is the parser's business (parse.c). */
#ifndef IOMMUSIM_REPLAY_LEX_H
#define IOMMUSIM_REPLAY_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

bool slice_is(struct slice slice, const char *text);
uint32_t slice_hash(struct slice slice);

/* The value of a hexadecimal digit, or -1. */
int hex_digit(char c);

#endif
