/* Reads the arguments of a statement: which there are, and of what kind their values must be. */
#include <stdio.h>
#include <string.h>

#include "replay/parse.h"

static const char *const type_words[] = {
	[ARGUMENT_NUMBER] = "a number, such as 0x1000 or 64K",
	[ARGUMENT_STRING] = "a string in quotes",
	[ARGUMENT_DEVICE] = "a device, such as 7/0/0 or 07:00.0",
	[ARGUMENT_REQUESTER] = "a device, such as 7/0/0, or a requester id, such as 0x0700",
	[ARGUMENT_DOMAIN] = "a domain: host, domain(\"vm\"), or a name given by `=`",
	[ARGUMENT_ADDRESS] = "an address, such as 0x1000 or gpa(\"vm\", 0x1000)",
	[ARGUMENT_VM] = "a VM's name in quotes",
	[ARGUMENT_DATA] = "bytes in hexadecimal in quotes, or none",
	[ARGUMENT_FUNCTION] = "a device, such as 7/0/0, or its name in quotes",
};

struct sentence {
	char text[128];
};

/* What `row` wants, for a message. */
static struct sentence wanted(const struct argument_row *row)
{
	struct sentence out;
	size_t length;

	if (row->type != ARGUMENT_CHOICE) {
		snprintf(out.text, sizeof(out.text), "%s", type_words[row->type]);
		return out;
	}
	length = (size_t)snprintf(out.text, sizeof(out.text), "one of ");
	for (const char *p = row->choices; *p != '\0' && length + 3 < sizeof(out.text); p++) {
		if (*p == '|') {
			out.text[length++] = ',';
			out.text[length++] = ' ';
		} else {
			out.text[length++] = *p;
		}
	}
	out.text[length] = '\0';
	return out;
}

static bool refuse_value(
    struct replay *replay, const struct argument_row *row, const struct value *value)
{
	static const char *const kinds[] = {
		[VALUE_ABSENT] = "nothing",
		[VALUE_NUMBER] = "a number",
		[VALUE_STRING] = "a string",
		[VALUE_NAME] = "the name",
		[VALUE_DEVICE] = "a device",
		[VALUE_CALL] = "a call of",
	};
	const bool named = value->kind == VALUE_NAME || value->kind == VALUE_CALL;

	replay_refuse(replay, value->at, "`%s(...)`: expected %s for %s=, found %s%s%.*s%s",
	    replay->statement.row->name, wanted(row).text, row->name, kinds[value->kind],
	    named ? " `" : "", named ? slice_shown(value->text) : 0, named ? value->text.at : "",
	    named ? "`" : "");
	return false;
}

/* Finds the word among "a|b|c" and leaves its number. */
static bool fits_choice(struct replay *replay, const struct argument_row *row, struct value *value)
{
	struct suggestion near = { .word = value->text };
	const char *word = row->choices;

	if (value->kind != VALUE_NAME)
		return refuse_value(replay, row, value);
	for (unsigned i = 0;; i++) {
		const char *end = strchr(word, '|');
		const struct slice choice = { word, end == NULL ? strlen(word) : (size_t)(end - word) };

		if (choice.length == value->text.length &&
		    memcmp(choice.at, value->text.at, choice.length) == 0) {
			value->number = i;
			return true;
		}
		suggestion_try(&near, choice, 0);
		if (end == NULL)
			break;
		word = end + 1;
	}
	replay_refuse(replay, value->at, "`%s(...)`: %s=%.*s: expected %s%s",
	    replay->statement.row->name, row->name, SLICE(value->text), wanted(row).text,
	    suggestion_text(&near, "`"));
	return false;
}

/* `name(...)` where only `only` can be called: its arguments are a string and then `numbers` numbers. */
static bool fits_call(struct replay *replay, struct value *value, const char *only, unsigned numbers)
{
	const struct slice wanted_name = { only, strlen(only) };
	struct suggestion near = { .word = value->text };
	const struct value *inner = &replay->statement.inner[value->inner];
	bool fits = value->inner_count == numbers + 1;

	if (!slice_is(value->text, only)) {
		suggestion_try(&near, wanted_name, 0);
		replay_refuse(replay, value->at,
		    "`%.*s(...)`: nothing of that name gives a value here%s", SLICE(value->text),
		    suggestion_text(&near, "`"));
		return false;
	}
	for (unsigned i = 0; fits && i < value->inner_count; i++)
		fits = i == 0 ? inner[i].kind == VALUE_STRING
			      : inner[i].kind == VALUE_NUMBER || inner[i].kind == VALUE_NAME;
	if (fits)
		return true;
	replay_refuse(replay, value->at, "`%s(...)`: expected %s", only,
	    numbers == 0 ? "a VM's name in quotes, as in domain(\"vm\")"
			 : "a VM's name in quotes and an address, as in gpa(\"vm\", 0x1000)");
	return false;
}

static bool fits(struct replay *replay, const struct argument_row *row, struct value *value)
{
	const enum value_kind kind = value->kind;
	bool good = false;

	switch (row->type) {
	case ARGUMENT_CHOICE:
		return fits_choice(replay, row, value);
	case ARGUMENT_NUMBER:
		good = kind == VALUE_NUMBER || kind == VALUE_NAME;
		break;
	case ARGUMENT_STRING:
	case ARGUMENT_VM:
		good = kind == VALUE_STRING;
		break;
	case ARGUMENT_DEVICE:
		good = kind == VALUE_DEVICE;
		break;
	case ARGUMENT_FUNCTION:
		good = kind == VALUE_DEVICE || kind == VALUE_STRING;
		break;
	case ARGUMENT_REQUESTER:
		good = kind == VALUE_DEVICE || kind == VALUE_NUMBER || kind == VALUE_NAME;
		break;
	case ARGUMENT_DOMAIN:
		if (kind == VALUE_CALL)
			return fits_call(replay, value, "domain", 0);
		good = kind == VALUE_NAME;
		break;
	case ARGUMENT_ADDRESS:
		if (kind == VALUE_CALL)
			return fits_call(replay, value, "gpa", 1);
		good = kind == VALUE_NUMBER || kind == VALUE_NAME;
		break;
	case ARGUMENT_DATA:
		good = kind == VALUE_STRING || (kind == VALUE_NAME && slice_is(value->text, "none"));
		break;
	}
	return good || refuse_value(replay, row, value);
}

/* ---- arguments ------------------------------------------------------------------------------------ */

static const struct argument_row *rows_of(const struct statement *statement)
{
	return &argument_rows[statement->row->first];
}

/* The argument called `name`, given at `at`. */
static struct value *named_argument(struct replay *replay, struct slice name, const char *at)
{
	struct statement *statement = &replay->statement;
	const struct argument_row *rows = rows_of(statement);
	struct suggestion near = { .word = name };

	for (unsigned i = 0; i < argument_count(statement->row); i++) {
		if (!slice_is(name, rows[i].name)) {
			suggestion_try(&near, (struct slice){ rows[i].name, strlen(rows[i].name) }, 0);
			continue;
		}
		if (statement->arguments[i].kind == VALUE_ABSENT)
			return &statement->arguments[i];
		replay_refuse(
		    replay, at, "`%s(...)`: %s= is given twice", statement->row->name, rows[i].name);
		return NULL;
	}
	replay_refuse(replay, at, "`%s(...)`: no argument is called `%.*s`%s", statement->row->name,
	    SLICE(name), suggestion_text(&near, "`"));
	return NULL;
}

/* The next argument that may go without its name. */
static struct value *placed_argument(struct replay *replay, const char *at)
{
	struct statement *statement = &replay->statement;
	const struct argument_row *rows = rows_of(statement);
	const unsigned count = argument_count(statement->row);
	const struct argument_row *named = NULL;

	for (unsigned i = 0; i < count; i++) {
		const bool placed = rows[i].place == ARGUMENT_PLACE || rows[i].place == ARGUMENT_MAYBE;

		if (placed && statement->arguments[i].kind == VALUE_ABSENT)
			return &statement->arguments[i];
		if (!placed && named == NULL && statement->arguments[i].kind == VALUE_ABSENT)
			named = &rows[i];
	}
	if (named == NULL)
		replay_refuse(replay, at, "`%s(...)`: one value too many", statement->row->name);
	else
		replay_refuse(replay, at,
		    "`%s(...)`: a value without a name is too many here; expected a named one, "
		    "such as %s=",
		    statement->row->name, named->name);
	return NULL;
}

/* A name that the argument itself is, or that stands in front of it. */
static struct value *take_name(struct replay *replay)
{
	struct value first = { .kind = VALUE_ABSENT }, *slot;

	if (!parse_simple(replay, &first, "a value"))
		return NULL;
	if (replay->token.kind == TOKEN_EQUALS) {
		slot = named_argument(replay, first.text, first.at);
		return slot != NULL && parse_next(replay) && parse_value(replay, slot, "a value")
		    ? slot
		    : NULL;
	}
	if (!parse_call(replay, &first))
		return NULL;
	slot = placed_argument(replay, first.at);
	if (slot != NULL)
		*slot = first;
	return slot;
}

static bool take_argument(struct replay *replay)
{
	struct value *slot;

	if (replay->token.kind == TOKEN_NAME)
		slot = take_name(replay);
	else if (replay->token.kind < TOKEN_NAME || replay->token.kind > TOKEN_DEVICE)
		return parse_refuse_token(replay, "a value");
	else if ((slot = placed_argument(replay, replay->token.at)) != NULL &&
	    !parse_simple(replay, slot, "a value"))
		return false;
	return slot != NULL &&
	    fits(replay, &rows_of(&replay->statement)[slot - replay->statement.arguments], slot);
}

static bool check_complete(struct replay *replay)
{
	const struct statement *statement = &replay->statement;
	const struct argument_row *rows = rows_of(statement);

	for (unsigned i = 0; i < argument_count(statement->row); i++) {
		if (statement->arguments[i].kind != VALUE_ABSENT || rows[i].place == ARGUMENT_MAYBE ||
		    rows[i].place == ARGUMENT_OPTION)
			continue;
		replay_refuse(replay, statement->close, "`%s(...)`: %s%s is missing; expected %s",
		    statement->row->name, rows[i].name, rows[i].place == ARGUMENT_NAMED ? "=" : "",
		    wanted(&rows[i]).text);
		return false;
	}
	return true;
}

bool parse_arguments(struct replay *replay)
{
	struct statement *statement = &replay->statement;

	if (!parse_token(replay, TOKEN_OPEN, "`(` behind the statement's name"))
		return false;
	while (replay->token.kind != TOKEN_CLOSE) {
		if (!take_argument(replay))
			return false;
		if (replay->token.kind == TOKEN_CLOSE)
			break;
		if (!parse_token(replay, TOKEN_COMMA, "`,` or `)`"))
			return false;
		if (replay->token.kind == TOKEN_CLOSE)
			return parse_refuse_token(replay, "a value");
	}
	statement->close = replay->token.at;
	return check_complete(replay) && parse_next(replay);
}
