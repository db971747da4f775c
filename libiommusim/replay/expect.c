/*
 * What should have come of a statement, against what did: results behind `=`, and `expect`. Everything
 * the summary counts but the calls is counted here.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "replay/run.h"

/* A sentence that is put together piece by piece and cut when it gets too long. */
struct line {
	char text[320];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
	const size_t room = sizeof(line->text) - line->length;
	va_list arguments;
	int written;

	va_start(arguments, format);
	written = vsnprintf(line->text + line->length, room, format, arguments);
	va_end(arguments);
	if (written > 0)
		line->length += (size_t)written < room ? (size_t)written : room - 1;
}

const char *statement_text(struct replay *replay)
{
	const struct statement *statement = &replay->statement;
	size_t length = (size_t)(statement->close - statement->at) + 1;

	if (length >= sizeof(replay->text)) {
		length = sizeof(replay->text) - 4;
		while (((unsigned char)statement->at[length] & 0xc0) == 0x80)
			length--;
		memcpy(replay->text, statement->at, length);
		memcpy(replay->text + length, "...", 4);
		return replay->text;
	}
	memcpy(replay->text, statement->at, length);
	replay->text[length] = '\0';
	return replay->text;
}

static void met(struct replay *replay)
{
	replay->summary->expectations_met++;
}

static void failed(struct replay *replay, const struct line *line)
{
	const struct iommusim_replay_options *options = replay->options;

	replay->summary->expectations_failed++;
	if (options->on_failure != NULL)
		options->on_failure(
		    options->context, replay->lexer.line, statement_text(replay), line->text);
}

/* ---- results ------------------------------------------------------------------------------------------ */

static void add_status(struct replay *replay, struct line *line, enum iommusim_status status)
{
	const struct iommusim_diagnostic *why = iommusim_machine_diagnostic(replay->machine);

	add(line, "%s returned %s", replay->statement.row->name, iommusim_status_name(status));
	if (status != IOMMUSIM_OK && why->status == status && why->text[0] != '\0')
		add(line, " (%s)", why->text);
}

static void compare_status(struct replay *replay, enum iommusim_status expected)
{
	const enum iommusim_status status = replay->statement.outcome.status;
	struct line line = { .length = 0 };

	if (status == expected) {
		met(replay);
		return;
	}
	add_status(replay, &line, status);
	add(&line, ", expected %s", iommusim_status_name(expected));
	failed(replay, &line);
}

static void compare_number(struct replay *replay, uint64_t expected)
{
	const uint64_t number = replay->statement.outcome.number;
	struct line line = { .length = 0 };

	if (number == expected) {
		met(replay);
		return;
	}
	add(&line, "%s gave 0x%llx, expected 0x%llx", replay->statement.row->name,
	    (unsigned long long)number, (unsigned long long)expected);
	failed(replay, &line);
}

/* The name is known already: its thing must be the same. */
static void compare_name(struct replay *replay, const struct name *name)
{
	struct line line = { .length = 0 };

	if (name->kind == NAME_NUMBER && replay->statement.row->yields == YIELDS_NUMBER) {
		compare_number(replay, name->is.number);
		return;
	}
	add(&line, "%.*s is another %s already (line %u)", (int)name->length, name->text,
	    name->kind == NAME_NUMBER ? "number" : "domain", name->line);
	failed(replay, &line);
}

static enum iommusim_status bind_name(struct replay *replay)
{
	const struct statement *statement = &replay->statement;
	const struct value *result = &statement->result;
	struct name *name = names_find(&replay->names, false, result->text, result->hash);

	if (name != NULL && name->gone == 0) {
		compare_name(replay, name);
		return IOMMUSIM_OK;
	}
	name = names_add(&replay->names,
	    statement->row->yields == YIELDS_DOMAIN ? NAME_DOMAIN : NAME_NUMBER, result->text,
	    result->hash, replay->lexer.line);
	if (name == NULL)
		return replay_no_memory(replay);
	if (name->kind == NAME_DOMAIN)
		name->is.domain = statement->outcome.domain;
	else
		name->is.number = statement->outcome.number;
	return IOMMUSIM_OK;
}

/* As the language has it: address 0 stands for no message. */
static void add_message(struct line *line, bool posted, uint64_t address, uint64_t data)
{
	if (posted && address == 0)
		add(line, "posted()");
	else
		add(line, "%s(0x%llx, 0x%llx)", posted ? "posted" : "remapped",
		    (unsigned long long)address, (unsigned long long)data);
}

static void compare_message(struct replay *replay)
{
	const struct statement *statement = &replay->statement;
	const struct value *result = &statement->result;
	const struct value *expected = &statement->inner[result->inner];
	const struct outcome *outcome = &statement->outcome;
	const bool posted = slice_is(result->text, "posted");
	const uint64_t address = result->inner_count == 0 ? 0 : expected[0].number;
	const uint64_t data = result->inner_count == 0 ? 0 : expected[1].number;
	struct line line = { .length = 0 };

	if (outcome->message_posted == posted && outcome->message_address == address &&
	    outcome->message_data == data) {
		met(replay);
		return;
	}
	add(&line, "interrupt came out as ");
	add_message(&line, outcome->message_posted, outcome->message_address, outcome->message_data);
	add(&line, ", expected ");
	add_message(&line, posted, address, data);
	failed(replay, &line);
}

static void add_bytes(struct line *line, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length && i < 32; i++)
		add(line, "%s%02x", i == 0 ? "" : " ", bytes[i]);
	if (length > 32)
		add(line, " ...");
}

/* Expected bytes are read digit by digit beside the ones that came: nothing is stored. */
static enum iommusim_status compare_bytes(struct replay *replay)
{
	const struct outcome *outcome = &replay->statement.outcome;
	const struct value *result = &replay->statement.result;
	struct buffer expected = { .bytes = NULL };
	struct line line = { .length = 0 };
	enum iommusim_status status;
	size_t length;

	status = replay_bytes(replay, result, &expected, &length);
	if (status == IOMMUSIM_OK) {
		if (length == outcome->length && memcmp(expected.bytes, outcome->bytes, length) == 0) {
			met(replay);
		} else {
			add(&line, "memory holds \"");
			add_bytes(&line, outcome->bytes, outcome->length);
			add(&line, "\", expected \"");
			add_bytes(&line, expected.bytes, length);
			add(&line, "\"");
			failed(replay, &line);
		}
	}
	replay_release(replay, expected.bytes, expected.capacity);
	return status;
}

/* The call failed, and nobody said that it would. */
static void call_failed(struct replay *replay)
{
	const enum iommusim_status status = replay->statement.outcome.status;
	struct line line = { .length = 0 };

	add_status(replay, &line, status);
	if (replay->statement.result.kind == VALUE_ABSENT)
		add(&line, "; if it should, write = error(%s)", iommusim_status_name(status));
	failed(replay, &line);
}

static enum iommusim_status check_result(struct replay *replay, bool judged)
{
	const struct statement *statement = &replay->statement;
	const struct value *result = &statement->result;

	if (result->kind == VALUE_CALL && slice_is(result->text, "error")) {
		compare_status(replay, (enum iommusim_status)result->number);
		return IOMMUSIM_OK;
	}
	if (statement->outcome.status != IOMMUSIM_OK) {
		/* A blocked interrupt of which `expect fault(N)` spoke has failed as expected. */
		if (statement->outcome.fault_reason == 0 || result->kind != VALUE_ABSENT || !judged)
			call_failed(replay);
		return IOMMUSIM_OK;
	}
	switch (result->kind) {
	case VALUE_NAME:
		return bind_name(replay);
	case VALUE_NUMBER:
		compare_number(replay, result->number);
		break;
	case VALUE_STRING:
		return compare_bytes(replay);
	case VALUE_CALL:
		compare_message(replay);
		break;
	case VALUE_ABSENT:
	case VALUE_DEVICE:
		break;
	}
	return IOMMUSIM_OK;
}

/* ---- expectations --------------------------------------------------------------------------------------- */

static bool names_profile(const struct expectation *expectation, const struct iommusim_profile *profile)
{
	size_t index = 0;

	while (iommusim_profile_at(index) != NULL && iommusim_profile_at(index) != profile)
		index++;
	for (unsigned i = 0; i < expectation->profile_count; i++)
		if (index >= expectation->profiles[i].first && index <= expectation->profiles[i].last)
			return true;
	return false;
}

/*
 * How closely an expectation speaks of the vendor and the profile at hand: 0 when it is about others, else
 * one more than the number of them it names.
 */
static unsigned closeness(const struct replay *replay, const struct expectation *expectation)
{
	const bool vendor = expectation->vendor != IOMMUSIM_VENDOR_OF_TRACE;
	const bool profile = expectation->profile_count != 0;

	if ((vendor && expectation->vendor != replay->vendor) ||
	    (profile && !names_profile(expectation, iommusim_profile_find(replay->summary->profile))))
		return 0;
	return 1 + vendor + profile;
}

/* The statement's expectations that hold here, a bit each: those that speak most closely of it. */
static unsigned applicable(const struct replay *replay)
{
	const struct statement *statement = &replay->statement;
	unsigned closest = 1, which = 0;

	for (unsigned i = 0; i < statement->expectation_count; i++) {
		const unsigned close = closeness(replay, &statement->expectations[i]);

		if (close < closest)
			continue;
		if (close > closest)
			which = 0;
		closest = close;
		which |= 1u << i;
	}
	return which;
}

/* A finding that is named; and who expects a stale answer, expects that an invalidation is missing. */
static bool announces(const struct what *what, enum iommusim_finding_id id)
{
	if (what->kind == WHAT_VERDICT)
		return what->number == IOMMUSIM_VERDICT_STALE &&
		    id == IOMMUSIM_FINDING_MISSING_INVALIDATION;
	return what->kind == WHAT_FINDING && what->number == (uint64_t)id;
}

static bool expected_finding(
    const struct statement *statement, unsigned which, enum iommusim_finding_id id)
{
	for (unsigned i = 0; i < statement->expectation_count; i++)
		for (unsigned j = 0; j < statement->expectations[i].what_count; j++)
			if ((which >> i & 1) != 0 &&
			    announces(&statement->expectations[i].whats[j], id))
				return true;
	return false;
}

/* Findings that occurred during the statement: a bit each. */
static uint64_t take_findings(struct replay *replay, unsigned which)
{
	const struct iommusim_replay_options *options = replay->options;
	const struct iommusim_finding *finding;
	uint64_t seen = 0;

	_Static_assert(IOMMUSIM_FINDING_COUNT <= 64, "findings no longer fit into a word");
	if (replay->check == NULL)
		return 0;
	iommusim_check_look(replay->check);
	while ((finding = iommusim_check_finding(replay->check, replay->findings_seen)) != NULL) {
		const bool expected = expected_finding(&replay->statement, which, finding->id);

		replay->findings_seen++;
		if (finding->suppressed && !expected) {
			replay->summary->suppressed[finding->id]++;
			continue;
		}
		seen |= UINT64_C(1) << finding->id;
		replay->summary->findings[finding->id]++;
		replay->summary->unexpected_findings +=
		    !expected && !iommusim_finding_is_advice(finding->id);
		if (options->on_finding != NULL)
			options->on_finding(options->context, finding, expected);
	}
	return seen;
}

/* The first page that faulted, or the first page. */
static const struct iommusim_dma_page *deciding_page(const struct replay *replay)
{
	return &replay->report.outcome.page;
}

static unsigned fault_reason(const struct replay *replay)
{
	const struct outcome *outcome = &replay->statement.outcome;

	if (!outcome->is_dma)
		return outcome->fault_reason;
	return deciding_page(replay)->faulted ? deciding_page(replay)->fault.reason : 0;
}

/* The digits have been looked at: there are two for each byte. */
static bool bytes_are(const struct outcome *outcome, struct slice hex)
{
	size_t digits = 0;

	for (size_t i = 0; i < hex.length; i++) {
		const unsigned shift = digits % 2 == 0 ? 4 : 0;

		if (hex.at[i] == ' ')
			continue;
		if (digits / 2 == outcome->length ||
		    (outcome->bytes[digits / 2] >> shift & 0xf) != hex_digit(hex.at[i]))
			return false;
		digits++;
	}
	return digits / 2 == outcome->length;
}

static bool what_holds(const struct replay *replay, const struct what *what, uint64_t findings)
{
	const bool is_dma = replay->statement.outcome.is_dma;

	switch (what->kind) {
	case WHAT_VERDICT:
		return is_dma && (uint64_t)replay->report.verdict == what->number;
	case WHAT_FAULT:
		return fault_reason(replay) != 0 && fault_reason(replay) == what->number;
	case WHAT_PA:
		return is_dma && !deciding_page(replay)->faulted &&
		    deciding_page(replay)->physical == what->number;
	case WHAT_FINDING:
		return (findings >> what->number & 1) != 0;
	case WHAT_NONE:
		return findings == 0;
	case WHAT_ERROR:
		return (uint64_t)replay->statement.outcome.status == what->number;
	case WHAT_VALUE:
		return replay->statement.outcome.status == IOMMUSIM_OK &&
		    replay->statement.outcome.number == what->number;
	case WHAT_BYTES:
		return replay->statement.outcome.status == IOMMUSIM_OK &&
		    bytes_are(&replay->statement.outcome, what->bytes);
	}
	return false;
}

static void add_what(struct line *line, const struct what *what)
{
	switch (what->kind) {
	case WHAT_VERDICT:
		add(line, "%s", iommusim_verdict_name((enum iommusim_verdict)what->number));
		break;
	case WHAT_FAULT:
		add(line, "fault(0x%llx)", (unsigned long long)what->number);
		break;
	case WHAT_PA:
		add(line, "pa(0x%llx)", (unsigned long long)what->number);
		break;
	case WHAT_FINDING:
		add(line, "finding(%s)", iommusim_finding_name((enum iommusim_finding_id)what->number));
		break;
	case WHAT_NONE:
		add(line, "none");
		break;
	case WHAT_ERROR:
		add(line, "error(%s)", iommusim_status_name((enum iommusim_status)what->number));
		break;
	case WHAT_VALUE:
		add(line, "value(0x%llx)", (unsigned long long)what->number);
		break;
	case WHAT_BYTES:
		add(line, "bytes(\"%.*s\")", SLICE(what->bytes));
		break;
	}
}

/* What came of the statement, in the words of expectations. */
static void add_outcome(struct replay *replay, struct line *line, uint64_t findings)
{
	const struct outcome *outcome = &replay->statement.outcome;
	const char *between = "";

	if (outcome->is_dma) {
		add(line, "%s", iommusim_verdict_name(replay->report.verdict));
		if (!deciding_page(replay)->faulted)
			add(line, ", pa(0x%llx)", (unsigned long long)deciding_page(replay)->physical);
		between = ", ";
	}
	if (fault_reason(replay) != 0) {
		add(line, "%sfault(0x%x)", between, fault_reason(replay));
		between = ", ";
	}
	for (unsigned i = 0; i < IOMMUSIM_FINDING_COUNT; i++) {
		if ((findings >> i & 1) == 0)
			continue;
		add(line, "%sfinding(%s)", between, iommusim_finding_name((enum iommusim_finding_id)i));
		between = ", ";
	}
	if (between[0] == '\0')
		add(line, "no finding");
}

static bool holds(const struct replay *replay, const struct expectation *expectation, uint64_t findings)
{
	for (unsigned i = 0; i < expectation->what_count; i++)
		if (!what_holds(replay, &expectation->whats[i], findings))
			return false;
	return true;
}

/* Does it say what the call returns? Then what stands behind `=` is for other profiles and vendors. */
static bool says_result(const struct expectation *expectation)
{
	for (unsigned i = 0; i < expectation->what_count; i++)
		if (expectation->whats[i].kind >= WHAT_ERROR)
			return true;
	return false;
}

static void count_expectation(
    struct replay *replay, const struct expectation *expectation, uint64_t findings)
{
	struct line line = { .length = 0 };

	if (holds(replay, expectation, findings)) {
		met(replay);
		return;
	}
	add(&line, "expected ");
	for (unsigned i = 0; i < expectation->what_count; i++) {
		add(&line, "%s", i == 0 ? "" : ", ");
		add_what(&line, &expectation->whats[i]);
	}
	add(&line, "; came ");
	add_outcome(replay, &line, findings);
	if (says_result(expectation)) {
		add(&line, ", and ");
		add_status(replay, &line, replay->statement.outcome.status);
		if (replay->statement.row->yields == YIELDS_NUMBER)
			add(&line, ", 0x%llx", (unsigned long long)replay->statement.outcome.number);
		if (replay->statement.row->yields == YIELDS_BYTES) {
			add(&line, ", \"");
			add_bytes(
			    &line, replay->statement.outcome.bytes, replay->statement.outcome.length);
			add(&line, "\"");
		}
	}
	failed(replay, &line);
}

/* Does it say how the DMA, or the interrupt, ends? Otherwise it is still to be ok. */
static bool judges(const struct expectation *expectation)
{
	for (unsigned i = 0; i < expectation->what_count; i++)
		if (expectation->whats[i].kind == WHAT_VERDICT ||
		    expectation->whats[i].kind == WHAT_FAULT)
			return true;
	return false;
}

static void count_dma(struct replay *replay, bool judged, bool as_expected)
{
	const struct iommusim_replay_options *options = replay->options;
	const enum iommusim_verdict verdict = replay->report.verdict;

	if (!judged && verdict != IOMMUSIM_VERDICT_OK) {
		replay->summary->unexpected_dma++;
		as_expected = false;
	}
	replay->summary->dma_total++;
	replay->summary->dma[verdict]++;
	if (options->on_dma != NULL)
		options->on_dma(options->context, replay->check, replay->lexer.line,
		    statement_text(replay), &replay->report, as_expected);
}

enum iommusim_status expect_outcome(struct replay *replay, struct statement *statement)
{
	const unsigned which = applicable(replay);
	const uint64_t findings = take_findings(replay, which);
	bool judged = false, as_expected = true, compared = false;
	enum iommusim_status status;

	for (unsigned i = 0; i < statement->expectation_count; i++) {
		if ((which >> i & 1) == 0)
			continue;
		judged |= judges(&statement->expectations[i]);
		compared |= says_result(&statement->expectations[i]);
		as_expected &= holds(replay, &statement->expectations[i], findings);
	}
	if (statement->outcome.is_dma)
		count_dma(replay, judged, as_expected);
	for (unsigned i = 0; i < statement->expectation_count; i++)
		if ((which >> i & 1) != 0)
			count_expectation(replay, &statement->expectations[i], findings);
	status = compared ? IOMMUSIM_OK : check_result(replay, judged);
	if (status == IOMMUSIM_OK && replay->out_of_memory)
		return replay_no_memory(replay);
	return status;
}

void expect_end(struct replay *replay)
{
	if (replay->check == NULL)
		return;
	iommusim_check_finish(replay->check);
	take_findings(replay, 0);
}
