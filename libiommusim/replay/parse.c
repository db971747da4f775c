/*
 * Reads one statement into its struct, checking all that can be checked without knowing the story: the
 * grammar, which arguments there are, and of what kind their values must be. What names stand for is
 * found out in resolve.c.
 *
 * Functions return false when the line cannot be read; the diagnostic then says where and why.
 */
#include <stdio.h>
#include <string.h>

#include "replay/run.h"

_Static_assert(ARG_machine_cpu_cache - ARG_machine_iommu < (int)STATEMENT_ARGUMENTS,
    "machine(), the longest statement, has more arguments than a statement has room for");

/* ---- words -------------------------------------------------------------------------------------- */

static bool check_token(struct replay *replay)
{
	if (replay->token.kind != TOKEN_BAD)
		return true;
	replay_refuse(replay, replay->token.at, "%s", replay->lexer.problem);
	return false;
}

static bool next(struct replay *replay)
{
	lex_next(&replay->lexer, &replay->token);
	return check_token(replay);
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

static bool refuse_token(struct replay *replay, const char *expected)
{
	replay_refuse(replay, replay->token.at, "expected %s, found %s", expected, found(replay).text);
	return false;
}

static bool take(struct replay *replay, enum token_kind kind, const char *expected)
{
	if (replay->token.kind != kind)
		return refuse_token(replay, expected);
	return next(replay);
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
static bool take_simple(struct replay *replay, struct value *value, const char *expected)
{
	const struct token *token = &replay->token;

	value->at = token->at;
	value->text = token->text;
	value->inner = 0;
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
		return refuse_token(replay, expected);
	}
	return next(replay);
}

/* `value` holds a name and the current token is what follows it: a bracket makes it a call. */
static bool maybe_call(struct replay *replay, struct value *value)
{
	if (replay->token.kind != TOKEN_OPEN)
		return true;
	value->kind = VALUE_CALL;
	value->inner = replay->statement.inner_count;
	value->inner_count = 0;
	if (!next(replay))
		return false;
	while (replay->token.kind != TOKEN_CLOSE) {
		struct value *inner = new_inner(replay);

		if (inner == NULL || !take_simple(replay, inner, "a value or `)`"))
			return false;
		value->inner_count++;
		if (replay->token.kind == TOKEN_CLOSE)
			break;
		if (!take(replay, TOKEN_COMMA, "`,` or `)`"))
			return false;
	}
	return next(replay);
}

static bool take_value(struct replay *replay, struct value *value, const char *expected)
{
	if (!take_simple(replay, value, expected))
		return false;
	return value->kind != VALUE_NAME || maybe_call(replay, value);
}

/* ---- what an argument may be ---------------------------------------------------------------------- */

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

	if (!take_simple(replay, &first, "a value"))
		return NULL;
	if (replay->token.kind == TOKEN_EQUALS) {
		slot = named_argument(replay, first.text, first.at);
		return slot != NULL && next(replay) && take_value(replay, slot, "a value") ? slot
											   : NULL;
	}
	if (!maybe_call(replay, &first))
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
		return refuse_token(replay, "a value");
	else if ((slot = placed_argument(replay, replay->token.at)) != NULL &&
	    !take_simple(replay, slot, "a value"))
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

static bool take_arguments(struct replay *replay)
{
	struct statement *statement = &replay->statement;

	if (!take(replay, TOKEN_OPEN, "`(` behind the statement's name"))
		return false;
	while (replay->token.kind != TOKEN_CLOSE) {
		if (!take_argument(replay))
			return false;
		if (replay->token.kind == TOKEN_CLOSE)
			break;
		if (!take(replay, TOKEN_COMMA, "`,` or `)`"))
			return false;
		if (replay->token.kind == TOKEN_CLOSE)
			return refuse_token(replay, "a value");
	}
	statement->close = replay->token.at;
	return check_complete(replay) && next(replay);
}

/* ---- the result ----------------------------------------------------------------------------------- */

/* error(NAME): `*number` becomes the status. */
static bool fits_error(struct replay *replay, const struct value *value, uint64_t *number)
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
		return fits_error(replay, value, &value->number);
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

static bool take_result(struct replay *replay)
{
	struct statement *statement = &replay->statement;

	if (replay->token.kind != TOKEN_EQUALS)
		return true;
	return next(replay) && take_value(replay, &statement->result, "a result") &&
	    fits_result(replay, &statement->result);
}

/* ---- expectations ---------------------------------------------------------------------------------- */

static bool find_verdict(struct slice word, uint64_t *number)
{
	for (unsigned i = 0; i < IOMMUSIM_VERDICT_COUNT; i++) {
		if (!slice_is(word, iommusim_verdict_name((enum iommusim_verdict)i)))
			continue;
		*number = i;
		return true;
	}
	return false;
}

static bool refuse_what(struct replay *replay, const struct value *value)
{
	static const char *const others[] = { "fault", "pa", "finding", "none", "error", "value",
		"bytes" };
	struct suggestion near = { .word = value->text };

	for (unsigned i = 0; i < IOMMUSIM_VERDICT_COUNT; i++) {
		const char *name = iommusim_verdict_name((enum iommusim_verdict)i);

		suggestion_try(&near, (struct slice){ name, strlen(name) }, 0);
	}
	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++)
		suggestion_try(&near, (struct slice){ others[i], strlen(others[i]) }, 0);
	replay_refuse(replay, value->at,
	    "`%.*s` cannot be expected%s; a verdict (ok, blocked, lost, stale, breach, misrouted, "
	    "unprotected), fault(N), pa(N), finding(ID), none, error(NAME), value(N) or "
	    "bytes(HEX) can",
	    SLICE(value->text), suggestion_text(&near, "`"));
	return false;
}

/* finding(ID) */
static bool find_finding(struct replay *replay, const struct value *id, uint64_t *number)
{
	struct suggestion near = { .word = id->text };

	for (unsigned i = 0; i < IOMMUSIM_FINDING_COUNT; i++) {
		const char *name = iommusim_finding_name((enum iommusim_finding_id)i);

		if (slice_is(id->text, name)) {
			*number = i;
			return true;
		}
		suggestion_try(&near, (struct slice){ name, strlen(name) }, 0);
	}
	replay_refuse(replay, id->at, "`finding(%.*s)`: no finding of that id%s", SLICE(id->text),
	    suggestion_text(&near, "`"));
	return false;
}

/* What takes a number. */
static bool find_numbered(struct slice word, enum what_kind *kind)
{
	static const struct {
		const char *name;
		enum what_kind kind;
	} those[] = { { "fault", WHAT_FAULT }, { "pa", WHAT_PA }, { "value", WHAT_VALUE } };

	for (size_t i = 0; i < sizeof(those) / sizeof(*those); i++) {
		if (!slice_is(word, those[i].name))
			continue;
		*kind = those[i].kind;
		return true;
	}
	return false;
}

static bool check_hex(struct replay *replay, const struct value *value)
{
	size_t digits = 0;

	for (size_t i = 0; i < value->text.length; i++) {
		if (hex_digit(value->text.at[i]) < 0 && value->text.at[i] != ' ') {
			digits = 0;
			break;
		}
		digits += value->text.at[i] != ' ';
	}
	if (digits == 0 || digits % 2 != 0)
		replay_refuse(replay, value->at,
		    "expected bytes as two hexadecimal digits each, as in \"03 00 1f\"");
	return digits != 0 && digits % 2 == 0;
}

/* The value behind `expect` as something that can be compared. */
static bool read_what(struct replay *replay, const struct value *value, struct what *what)
{
	const struct value *inner = &replay->statement.inner[value->inner];
	const bool call = value->kind == VALUE_CALL && value->inner_count == 1;

	if (value->kind == VALUE_NAME && find_verdict(value->text, &what->number)) {
		what->kind = WHAT_VERDICT;
		return true;
	}
	if (value->kind == VALUE_NAME && slice_is(value->text, "none")) {
		what->kind = WHAT_NONE;
		return true;
	}
	if (call && inner->kind == VALUE_NAME && slice_is(value->text, "finding")) {
		what->kind = WHAT_FINDING;
		return find_finding(replay, inner, &what->number);
	}
	if (call && inner->kind == VALUE_STRING && slice_is(value->text, "bytes")) {
		what->kind = WHAT_BYTES;
		what->bytes = inner->text;
		return check_hex(replay, inner);
	}
	if (value->kind == VALUE_CALL && slice_is(value->text, "error")) {
		what->kind = WHAT_ERROR;
		return fits_error(replay, value, &what->number);
	}
	if (!call || inner->kind != VALUE_NUMBER || !find_numbered(value->text, &what->kind))
		return refuse_what(replay, value);
	what->number = inner->number;
	return true;
}

/* Statements that make DMA, or may set a device going. */
static bool makes_dma(const struct statement_row *row)
{
	static statement_run *const those[] = { run_dma, run_disk, run_nic_receive, run_nic_transmit,
		run_ats_copy, run_device_run, run_mmio_write, run_pci_reset, run_pci_bus_master,
		run_vm_pptdev, run_vm_destroy };

	for (size_t i = 0; i < sizeof(those) / sizeof(*those); i++)
		if (row->run == those[i])
			return true;
	return false;
}

/* Can this statement bring it about at all? */
static bool check_what(struct replay *replay, const struct value *value, const struct what *what)
{
	const struct statement_row *row = replay->statement.row;
	const bool possible = what->kind == WHAT_FINDING || what->kind == WHAT_NONE ||
	    what->kind == WHAT_ERROR || makes_dma(row) ||
	    (what->kind == WHAT_FAULT && row->run == run_interrupt);

	if (what->kind == WHAT_BYTES && row->yields != YIELDS_BYTES) {
		replay_refuse(
		    replay, value->at, "`expect bytes(...)`: `%s` does not give bytes", row->name);
		return false;
	}
	if (what->kind == WHAT_VALUE && row->yields != YIELDS_NUMBER) {
		replay_refuse(
		    replay, value->at, "`expect value(N)`: `%s` does not give a number", row->name);
		return false;
	}
	if (what->kind == WHAT_VALUE || what->kind == WHAT_BYTES)
		return true;
	if (!possible)
		replay_refuse(replay, value->at,
		    "`expect %.*s`: `%s` makes no DMA; expected finding(ID), none, error(NAME), value(N) or bytes(HEX)",
		    SLICE(value->text), row->name);
	return possible;
}

static bool take_what(struct replay *replay, struct expectation *expectation)
{
	const unsigned inner_count = replay->statement.inner_count;
	struct value value = { .kind = VALUE_ABSENT };
	struct what *what;

	if (expectation->what_count == EXPECT_WHATS) {
		replay_refuse(
		    replay, replay->token.at, "more than %u things in one `expect`", EXPECT_WHATS);
		return false;
	}
	if (replay->token.kind != TOKEN_NAME)
		return refuse_token(replay,
		    "a verdict, fault(N), pa(N), finding(ID), none, error(NAME), value(N) or bytes(HEX)");
	what = &expectation->whats[expectation->what_count++];
	if (!take_value(replay, &value, "") || !read_what(replay, &value, what) ||
	    !check_what(replay, &value, what))
		return false;
	replay->statement.inner_count = inner_count; /* nobody looks at them any more */
	return true;
}

/* Its number in the table of profiles. */
static bool find_profile(struct replay *replay, struct slice word, size_t *index)
{
	struct suggestion near = { .word = word };
	const struct iommusim_profile *profile;

	for (*index = 0; (profile = iommusim_profile_at(*index)) != NULL; ++*index) {
		const char *name = iommusim_profile_name(profile);

		if (slice_is(word, name))
			return true;
		suggestion_try(&near, (struct slice){ name, strlen(name) }, 0);
	}
	replay_refuse(replay, word.at, "`under %.*s`: no release profile of that name%s", SLICE(word),
	    suggestion_text(&near, "`"));
	return false;
}

/* A profile, or FIRST..LAST: those from one row of the table to another. */
static bool read_profiles(struct replay *replay, struct profile_range *range)
{
	const struct slice word = replay->token.text;
	struct slice first = word, last = word;

	for (size_t i = 0; i + 1 < word.length; i++) {
		if (word.at[i] != '.' || word.at[i + 1] != '.')
			continue;
		first.length = i;
		last = (struct slice){ word.at + i + 2, word.length - i - 2 };
		break;
	}
	if (!find_profile(replay, first, &range->first) || !find_profile(replay, last, &range->last))
		return false;
	if (range->first > range->last)
		replay_refuse(replay, word.at,
		    "`under %.*s`: the older profile stands first, as in 10.3..13.0", SLICE(word));
	return range->first <= range->last;
}

/* `under` is the current token. */
static bool take_profiles(struct replay *replay, struct expectation *expectation)
{
	do {
		lex_next_profile(&replay->lexer, &replay->token);
		if (!check_token(replay))
			return false;
		if (replay->token.kind != TOKEN_NAME)
			return refuse_token(replay, "the name of a release profile, such as 13.0");
		if (expectation->profile_count == EXPECT_PROFILES) {
			replay_refuse(replay, replay->token.at, "more than %u profiles in one `under`",
			    EXPECT_PROFILES);
			return false;
		}
		if (!read_profiles(replay, &expectation->profiles[expectation->profile_count]))
			return false;
		expectation->profile_count++;
		if (!next(replay))
			return false;
	} while (replay->token.kind == TOKEN_COMMA);
	return true;
}

static bool token_is(const struct replay *replay, const char *word)
{
	return replay->token.kind == TOKEN_NAME && slice_is(replay->token.text, word);
}

/* `on` is the current token. */
static bool take_vendor(struct replay *replay, struct expectation *expectation)
{
	char word[8];

	if (!next(replay))
		return false;
	snprintf(word, sizeof(word), "%.*s",
	    (int)(replay->token.text.length < 8 ? replay->token.text.length : 0),
	    replay->token.text.at);
	if (replay->token.kind != TOKEN_NAME ||
	    iommusim_vendor_find(word, &expectation->vendor) != IOMMUSIM_OK)
		return refuse_token(replay, "`vtd` or `amdvi`");
	return next(replay);
}

static bool take_expectation(struct replay *replay)
{
	struct statement *statement = &replay->statement;
	struct expectation *expectation;

	if (statement->expectation_count == STATEMENT_EXPECTATIONS) {
		replay_refuse(replay, replay->token.at, "more than %u `expect` on one statement",
		    STATEMENT_EXPECTATIONS);
		return false;
	}
	expectation = &statement->expectations[statement->expectation_count++];
	expectation->what_count = 0;
	expectation->profile_count = 0;
	expectation->vendor = IOMMUSIM_VENDOR_OF_TRACE;
	do {
		if (!next(replay) || !take_what(replay, expectation))
			return false;
	} while (replay->token.kind == TOKEN_COMMA);
	if (token_is(replay, "on") && !take_vendor(replay, expectation))
		return false;
	return !token_is(replay, "under") || take_profiles(replay, expectation);
}

/* ---- the statement ------------------------------------------------------------------------------------ */

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
		return refuse_token(replay, "a statement");
	statement->at = replay->token.at;
	statement->row = statement_find(&replay->index, replay->token.text, replay->token.hash);
	if (statement->row == NULL)
		return refuse_statement(replay);
	for (unsigned i = 0; i < argument_count(statement->row); i++)
		statement->arguments[i].kind = VALUE_ABSENT;
	statement->inner_count = 0;
	statement->expectation_count = 0;
	statement->result.kind = VALUE_ABSENT;
	return next(replay);
}

static bool take_statement(struct replay *replay)
{
	if (!take_row(replay) || !take_arguments(replay) || !take_result(replay))
		return false;
	replay->statement.expected = (struct slice){ replay->token.at, 0 };
	while (token_is(replay, "expect"))
		if (!take_expectation(replay))
			return false;
	if (replay->statement.expectation_count != 0)
		replay->statement.expected.length =
		    (size_t)(replay->token.at - replay->statement.expected.at);
	if (replay->token.kind == TOKEN_END)
		return true;
	return refuse_token(replay,
	    replay->statement.expectation_count != 0
		? "`,`, `on`, `under`, `expect` or the end of the line"
		: "`=`, `expect` or the end of the line");
}

enum iommusim_status parse_statement(struct replay *replay)
{
	return take_statement(replay) ? IOMMUSIM_OK : IOMMUSIM_EFORMAT;
}
