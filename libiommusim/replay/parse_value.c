/*
 * Reads words and values of a statement: tokens, calls within it. What a value may be where it stands is the business of
 * the other parse_*.c files.
 */
#include <stdio.h>
#include <string.h>

#include "replay/parse.h"

/* ---- words -------------------------------------------------------------------------------------- */

bool parse_check_token(struct replay *replay)
{
	if (replay->token.kind != TOKEN_BAD)
		return true;
	replay_refuse(replay, replay->token.at, "%s", replay->lexer.problem);
	return false;
}

bool parse_next(struct replay *replay)
{
	lex_next(&replay->lexer, &replay->token);
	return parse_check_token(replay);
}

struct description {
	char text[80];
};

/* The current token, for a message. */
static struct description found(const struct replay *replay)
{
	static const char *const marks[] = {
		[TOKEN_END] = "the end of the line",
		[TOKEN_OPEN] = "`(`",
		[TOKEN_CLOSE] = "`)`",
		[TOKEN_COMMA] = "`,`",
		[TOKEN_EQUALS] = "`=`",
	};
	const struct token *token = &replay->token;
	struct description out;

	switch (token->kind) {
	case TOKEN_NAME:
		snprintf(out.text, sizeof(out.text), "the name `%.*s`", SLICE(token->text));
		break;
	case TOKEN_STRING:
		snprintf(out.text, sizeof(out.text), "the string \"%.*s\"", SLICE(token->text));
		break;
	case TOKEN_NUMBER:
		snprintf(out.text, sizeof(out.text), "a number");
		break;
	case TOKEN_DEVICE:
		snprintf(out.text, sizeof(out.text), "a device");
		break;
	default:
		snprintf(out.text, sizeof(out.text), "%s", marks[token->kind]);
		break;
	}
	return out;
}

bool parse_refuse_token(struct replay *replay, const char *expected)
{
	replay_refuse(replay, replay->token.at, "expected %s, found %s", expected, found(replay).text);
	return false;
}

bool parse_token(struct replay *replay, enum token_kind kind, const char *expected)
{
	if (replay->token.kind != kind)
		return parse_refuse_token(replay, expected);
	return parse_next(replay);
}

bool parse_token_is(const struct replay *replay, const char *word)
{
	return replay->token.kind == TOKEN_NAME && slice_is(replay->token.text, word);
}

/* ---- values ------------------------------------------------------------------------------------- */

static struct value *new_inner(struct replay *replay)
{
	struct statement *statement = &replay->statement;

	if (statement->inner_count < STATEMENT_INNER)
		return &statement->inner[statement->inner_count++];
	replay_refuse(replay, replay->token.at, "too many values in brackets for one statement");
	return NULL;
}

/* The current token as a value, if it is one that needs no look at what follows. */
bool parse_simple(struct replay *replay, struct value *value, const char *expected)
{
	const struct token *token = &replay->token;

	value->at = token->at;
	value->text = token->text;
	value->inner = 0;
	value->known = false;
	switch (token->kind) {
	case TOKEN_NUMBER:
		value->kind = VALUE_NUMBER;
		value->number = token->number;
		break;
	case TOKEN_STRING:
		value->kind = VALUE_STRING;
		break;
	case TOKEN_DEVICE:
		value->kind = VALUE_DEVICE;
		value->segment = token->segment;
		value->rid = token->rid;
		break;
	case TOKEN_NAME:
		value->kind = VALUE_NAME;
		value->hash = token->hash;
		break;
	default:
		return parse_refuse_token(replay, expected);
	}
	return parse_next(replay);
}

/* `value` holds a name and the current token is what follows it: a bracket makes it a call. */
bool parse_call(struct replay *replay, struct value *value)
{
	if (replay->token.kind != TOKEN_OPEN)
		return true;
	value->kind = VALUE_CALL;
	value->inner = replay->statement.inner_count;
	value->inner_count = 0;
	if (!parse_next(replay))
		return false;
	while (replay->token.kind != TOKEN_CLOSE) {
		struct value *inner = new_inner(replay);

		if (inner == NULL || !parse_simple(replay, inner, "a value or `)`"))
			return false;
		value->inner_count++;
		if (replay->token.kind == TOKEN_CLOSE)
			break;
		if (!parse_token(replay, TOKEN_COMMA, "`,` or `)`"))
			return false;
	}
	return parse_next(replay);
}

bool parse_value(struct replay *replay, struct value *value, const char *expected)
{
	if (!parse_simple(replay, value, expected))
		return false;
	return value->kind != VALUE_NAME || parse_call(replay, value);
}
