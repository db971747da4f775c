/* Reads what a statement says behind `=`: a name for what comes of it, or what that must be. */
#include <stdio.h>
#include <string.h>

#include "replay/parse.h"

/* error(NAME): `*number` becomes the status. */
bool parse_error_name(struct replay *replay, const struct value *value, uint64_t *number)
{
	const struct value *name = &replay->statement.inner[value->inner];
	struct suggestion near = { .distance = 0 };

	if (value->inner_count != 1 || name->kind != VALUE_NAME) {
		replay_refuse(replay, value->at, "expected the name of an error, as in error(ENXIO)");
		return false;
	}
	near.word = name->text;
	for (unsigned i = IOMMUSIM_OK + 1; i < IOMMUSIM_STATUS_COUNT; i++) {
		const char *known = iommusim_status_name((enum iommusim_status)i);

		if (slice_is(name->text, known)) {
			*number = i;
			return true;
		}
		suggestion_try(&near, (struct slice){ known, strlen(known) }, 0);
	}
	replay_refuse(replay, name->at, "`error(%.*s)`: no error of that name%s", SLICE(name->text),
	    suggestion_text(&near, "`"));
	return false;
}

/* What is sent: remapped(ADDRESS, DATA), the notification posted(ADDRESS, DATA), or none, posted(). */
static bool fits_message(struct replay *replay, const struct value *value)
{
	const struct value *inner = &replay->statement.inner[value->inner];
	const bool call = value->kind == VALUE_CALL;
	const bool posted = call && slice_is(value->text, "posted");

	if (posted && value->inner_count == 0)
		return true;
	if ((posted || (call && slice_is(value->text, "remapped"))) && value->inner_count == 2 &&
	    inner[0].kind == VALUE_NUMBER && inner[1].kind == VALUE_NUMBER)
		return true;
	replay_refuse(replay, value->at,
	    "expected remapped(ADDRESS, DATA), posted(ADDRESS, DATA), posted() or error(NAME) as the "
	    "result of an interrupt");
	return false;
}

static bool fits_result(struct replay *replay, struct value *value)
{
	static const char *const expected[] = {
		[YIELDS_NOTHING] = "it gives nothing: expected error(NAME), or 0 for success",
		[YIELDS_NUMBER] = "expected a number, a name for it, or error(NAME)",
		[YIELDS_DOMAIN] = "expected a name for the domain, or error(NAME)",
		[YIELDS_BYTES] = "expected bytes in hexadecimal in quotes, or error(NAME)",
	};
	const struct statement_row *row = replay->statement.row;
	bool good = false;

	if (value->kind == VALUE_CALL && slice_is(value->text, "error"))
		return parse_error_name(replay, value, &value->number);
	switch (row->yields) {
	case YIELDS_MESSAGE:
		return fits_message(replay, value);
	case YIELDS_NOTHING:
		good = value->kind == VALUE_NUMBER && value->number == 0;
		break;
	case YIELDS_NUMBER:
		good = value->kind == VALUE_NUMBER || value->kind == VALUE_NAME;
		break;
	case YIELDS_DOMAIN:
		good = value->kind == VALUE_NAME;
		break;
	case YIELDS_BYTES:
		good = value->kind == VALUE_STRING;
		break;
	}
	if (good && value->kind == VALUE_NAME && slice_is(value->text, "host")) {
		replay_refuse(replay, value->at, "`host` is the host domain and cannot be given anew");
		return false;
	}
	if (!good)
		replay_refuse(
		    replay, value->at, "result of `%s(...)`: %s", row->name, expected[row->yields]);
	return good;
}

bool parse_result(struct replay *replay)
{
	struct statement *statement = &replay->statement;

	if (replay->token.kind != TOKEN_EQUALS)
		return true;
	return parse_next(replay) && parse_value(replay, &statement->result, "a result") &&
	    fits_result(replay, &statement->result);
}
