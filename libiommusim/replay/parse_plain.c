/*
 * Reads lines as recordings have them by the million: a statement's name, numbers and names between its parentheses, and
 * the end. It says nothing about others, and leaves them to parse.c: what it takes means the same there.
 */
#include <string.h>

#include "replay/parse.h"

/* Does the line begin with the statement's name and a parenthesis? */
static bool begins_with(const char *at, const char *end, const struct statement_row *row)
{
	return row != NULL && (size_t)(end - at) > row->name_length &&
	    memcmp(at, row->name, row->name_length) == 0 && at[row->name_length] == '(';
}

/* A statement all of whose arguments may be without their names, and numbers or names themselves. */
static bool is_plain(const struct statement_row *row)
{
	for (unsigned i = 0; i < argument_count(row); i++) {
		const struct argument_row *argument = &argument_rows[row->first + i];

		if (argument->place != ARGUMENT_PLACE ||
		    (argument->type != ARGUMENT_NUMBER && argument->type != ARGUMENT_ADDRESS &&
			argument->type != ARGUMENT_DOMAIN))
			return false;
	}
	return true;
}

/* The row of a statement other than the last one. */
static const struct statement_row *other_row(struct replay *replay, const char *at, const char *end)
{
	const struct statement_row *row = replay->plain_rows[1];
	struct slice name;
	uint32_t hash;

	if (!begins_with(at, end, row)) {
		if (!lex_plain_name(&at, end, &name, &hash) || at == end || *at != '(')
			return NULL;
		row = statement_find(&replay->index, name, hash);
		if (row == NULL || !is_plain(row))
			return NULL;
	}
	replay->plain_rows[1] = replay->plain_rows[0];
	return replay->plain_rows[0] = row;
}

/* Is it the domain that was resolved last? Then nobody has to look for it again. */
static bool take_known(struct value *value, struct name *known, const char **at, const char *end)
{
	if (known == NULL || (size_t)(end - *at) <= known->length ||
	    memcmp(*at, known->text, known->length) != 0 ||
	    ((*at)[known->length] != ',' && (*at)[known->length] != ')'))
		return false;
	value->text = (struct slice){ *at, known->length };
	value->hash = known->hash;
	value->name = known;
	*at += known->length;
	return true;
}

static bool take_value(struct replay *replay, struct value *value, const struct argument_row *row,
    const char **at, const char *end)
{
	value->at = *at;
	value->inner = 0;
	if (*at < end && **at >= '0' && **at <= '9') {
		value->kind = VALUE_NUMBER;
		return row->type != ARGUMENT_DOMAIN && lex_plain_number(at, end, &value->number);
	}
	value->kind = VALUE_NAME;
	value->known = row->type == ARGUMENT_DOMAIN && take_known(value, replay->last_domain, at, end);
	return value->known || lex_plain_name(at, end, &value->text, &value->hash);
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && *at == ' ')
		at++;
	return at;
}

/* The arguments from behind the opening parenthesis on; NULL: there is something else, too. */
static const char *take_arguments(
    struct replay *replay, const struct statement_row *row, const char *at, const char *end)
{
	struct value *arguments = replay->statement.arguments;
	const struct argument_row *rows = &argument_rows[row->first];
	const unsigned count = argument_count(row);

	for (unsigned i = 0; i < count; i++) {
		if (!take_value(replay, &arguments[i], &rows[i], &at, end) || at == end)
			return NULL;
		if (i + 1 == count)
			break;
		if (*at != ',')
			return NULL;
		at = skip_blanks(at + 1, end);
	}
	return at < end && *at == ')' ? at : NULL;
}

bool parse_plain(struct replay *replay)
{
	struct statement *statement = &replay->statement;
	const char *const at = replay->lexer.at, *const end = replay->lexer.end;
	const struct statement_row *row = replay->plain_rows[0];
	const char *close;

	if (!begins_with(at, end, row))
		row = other_row(replay, at, end);
	if (row == NULL)
		return false;
	close = take_arguments(replay, row, at + row->name_length + 1, end);
	if (close == NULL || (close + 1 < end && close[1] != '\n'))
		return false;
	statement->row = row;
	statement->at = at;
	statement->close = close;
	statement->inner_count = 0;
	statement->result.kind = VALUE_ABSENT;
	statement->expectation_count = 0;
	statement->expected = (struct slice){ close + 1, 0 };
	replay->lexer.at = close + 1;
	replay->token.kind = TOKEN_END;
	replay->token.at = close + 1;
	return true;
}
