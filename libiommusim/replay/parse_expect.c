/* Reads the expectations behind a statement: what is expected, on which vendor, under which profiles. */
#include <stdio.h>
#include <string.h>

#include "replay/parse.h"

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
		return parse_error_name(replay, value, &what->number);
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
		return parse_refuse_token(replay,
		    "a verdict, fault(N), pa(N), finding(ID), none, error(NAME), value(N) or bytes(HEX)");
	what = &expectation->whats[expectation->what_count++];
	if (!parse_value(replay, &value, "") || !read_what(replay, &value, what) ||
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
		if (!parse_check_token(replay))
			return false;
		if (replay->token.kind != TOKEN_NAME)
			return parse_refuse_token(
			    replay, "the name of a release profile, such as 13.0");
		if (expectation->profile_count == EXPECT_PROFILES) {
			replay_refuse(replay, replay->token.at, "more than %u profiles in one `under`",
			    EXPECT_PROFILES);
			return false;
		}
		if (!read_profiles(replay, &expectation->profiles[expectation->profile_count]))
			return false;
		expectation->profile_count++;
		if (!parse_next(replay))
			return false;
	} while (replay->token.kind == TOKEN_COMMA);
	return true;
}

/* `on` is the current token. */
static bool take_vendor(struct replay *replay, struct expectation *expectation)
{
	char word[8];

	if (!parse_next(replay))
		return false;
	snprintf(word, sizeof(word), "%.*s",
	    (int)(replay->token.text.length < 8 ? replay->token.text.length : 0),
	    replay->token.text.at);
	if (replay->token.kind != TOKEN_NAME ||
	    iommusim_vendor_find(word, &expectation->vendor) != IOMMUSIM_OK)
		return parse_refuse_token(replay, "`vtd` or `amdvi`");
	return parse_next(replay);
}

bool parse_expectation(struct replay *replay)
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
		if (!parse_next(replay) || !take_what(replay, expectation))
			return false;
	} while (replay->token.kind == TOKEN_COMMA);
	if (parse_token_is(replay, "on") && !take_vendor(replay, expectation))
		return false;
	return !parse_token_is(replay, "under") || take_profiles(replay, expectation);
}
