/*
 * Reads one statement into its struct, checking all that can be checked without knowing the story: the
 * grammar, which arguments there are, and of what kind their values must be. What names stand for is
 * found out in resolve.c.
 *
 * Functions return false when the line cannot be read; the diagnostic then says where and why.
 */
#include <stdio.h>
#include <string.h>

#include "replay/parse.h"

_Static_assert(ARG_machine_cpu_cache - ARG_machine_iommu < (int)STATEMENT_ARGUMENTS,
    "machine(), the longest statement, has more arguments than a statement has room for");

static bool refuse_statement(struct replay *replay)
{
	struct suggestion near = { .word = replay->token.text };

	for (unsigned i = 0; i < STATEMENT_ROWS; i++) {
		const char *name = statement_rows[i].name;

		suggestion_try(&near, (struct slice){ name, strlen(name) }, 0);
	}
	replay_refuse(replay, replay->token.at, "`%.*s`: no statement of that name%s",
	    SLICE(replay->token.text), suggestion_text(&near, "`"));
	return false;
}

static bool take_row(struct replay *replay)
{
	struct statement *statement = &replay->statement;

	if (replay->token.kind != TOKEN_NAME)
		return parse_refuse_token(replay, "a statement");
	statement->at = replay->token.at;
	statement->row = statement_find(&replay->index, replay->token.text, replay->token.hash);
	if (statement->row == NULL)
		return refuse_statement(replay);
	for (unsigned i = 0; i < argument_count(statement->row); i++)
		statement->arguments[i].kind = VALUE_ABSENT;
	statement->inner_count = 0;
	statement->expectation_count = 0;
	statement->result.kind = VALUE_ABSENT;
	return parse_next(replay);
}

static bool take_statement(struct replay *replay)
{
	if (!take_row(replay) || !parse_arguments(replay) || !parse_result(replay))
		return false;
	replay->statement.expected = (struct slice){ replay->token.at, 0 };
	while (parse_token_is(replay, "expect"))
		if (!parse_expectation(replay))
			return false;
	if (replay->statement.expectation_count != 0)
		replay->statement.expected.length =
		    (size_t)(replay->token.at - replay->statement.expected.at);
	if (replay->token.kind == TOKEN_END)
		return true;
	return parse_refuse_token(replay,
	    replay->statement.expectation_count != 0
		? "`,`, `on`, `under`, `expect` or the end of the line"
		: "`=`, `expect` or the end of the line");
}

enum iommusim_status parse_statement(struct replay *replay)
{
	return take_statement(replay) ? IOMMUSIM_OK : IOMMUSIM_EFORMAT;
}
