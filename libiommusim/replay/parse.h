/*
 * What the files that read a statement (parse.c, parse_*.c) ask of each other. The functions return false when the line
 * cannot be read; the diagnostic then says where and why.
 */
#ifndef IOMMUSIM_REPLAY_PARSE_H
#define IOMMUSIM_REPLAY_PARSE_H

#include "replay/run.h"

/* parse_value.c: the current token and the next; `expected` is for the message. */
bool parse_check_token(struct replay *replay);
bool parse_next(struct replay *replay);
bool parse_refuse_token(struct replay *replay, const char *expected);
bool parse_token(struct replay *replay, enum token_kind kind, const char *expected);
bool parse_token_is(const struct replay *replay, const char *word);
bool parse_simple(struct replay *replay, struct value *value, const char *expected);
bool parse_call(struct replay *replay, struct value *value);
bool parse_value(struct replay *replay, struct value *value, const char *expected);

/*
 * parse_plain.c: the statement of the line that begins at the lexer, if it is as most are: numbers and names, and
 * nothing behind it. False: it is left to parse_statement(), which says what is wrong with it, if anything.
 */
bool parse_plain(struct replay *replay);

/* The arguments up to the closing parenthesis. */
bool parse_arguments(struct replay *replay);

/* Behind `=`; and the name of an error in error(NAME). */
bool parse_error_name(struct replay *replay, const struct value *value, uint64_t *number);
bool parse_result(struct replay *replay);

/* Behind `expect`. */
bool parse_expectation(struct replay *replay);

#endif
