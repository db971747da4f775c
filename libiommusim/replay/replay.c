/* The runner: goes through a trace line by line and keeps the books. What a statement does is elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/state.h"
#include "replay/parse.h"
#include "replay/record.h"
#include "replay/run.h"

/* ---- memory --------------------------------------------------------------------------------------- */

static void *noted_allocate(void *context, size_t size)
{
	struct replay *replay = context;
	void *block = replay->outer.allocate(replay->outer.context, size);

	replay->out_of_memory |= block == NULL;
	return block;
}

static void noted_release(void *context, void *block, size_t size)
{
	struct replay *replay = context;

	replay->outer.release(replay->outer.context, block, size);
}

static void *noted_reserve(void *context, size_t size)
{
	struct replay *replay = context;
	void *block = replay->outer.reserve(replay->outer.context, size);

	replay->out_of_memory |= block == NULL;
	return block;
}

static void noted_unreserve(void *context, void *block, size_t size)
{
	struct replay *replay = context;

	replay->outer.unreserve(replay->outer.context, block, size);
}

void *replay_allocate(struct replay *replay, size_t size)
{
	return replay->allocator.allocate(replay->allocator.context, size);
}

void replay_release(struct replay *replay, void *block, size_t size)
{
	if (block != NULL)
		replay->allocator.release(replay->allocator.context, block, size);
}

bool replay_room(struct replay *replay, struct buffer *buffer, size_t size)
{
	size_t capacity = 4096;

	if (size <= buffer->capacity)
		return true;
	while (capacity < size)
		capacity *= 2;
	replay_release(replay, buffer->bytes, buffer->capacity);
	buffer->capacity = 0;
	buffer->bytes = replay_allocate(replay, capacity);
	if (buffer->bytes == NULL)
		return false;
	buffer->capacity = capacity;
	if (buffer == &replay->data)
		replay->data_filled = 0;
	return true;
}

/* ---- waking vmm ------------------------------------------------------------------------------------- */

static void describe_size(uint64_t size, char *out, size_t room)
{
	if (size % (UINT64_C(1) << 30) == 0)
		snprintf(out, room, "%llu GiB", (unsigned long long)(size >> 30));
	else if (size % (UINT64_C(1) << 20) == 0)
		snprintf(out, room, "%llu MiB", (unsigned long long)(size >> 20));
	else
		snprintf(out, room, "%llu KiB", (unsigned long long)(size >> 10));
}

/* "VT-d, 2 units, 32 GiB, vmm 13.0, cache hoard". False: a machine without memory. */
static bool describe_machine(struct replay *replay)
{
	struct iommusim_unit *first = iommusim_unit_at(replay->machine, 0);
	struct iommusim_memory_window window;
	char size[24], units[32] = "no IOMMU", cache[24] = "";
	uint64_t memory = 0;
	unsigned count = 0;

	for (size_t i = 0; iommusim_memory_window(replay->machine, i, &window) == IOMMUSIM_OK; i++)
		if (window.kind == IOMMUSIM_MEMORY_RAM)
			memory += window.length;
	while (iommusim_unit_at(replay->machine, count) != NULL)
		count++;
	describe_size(memory, size, sizeof(size));
	if (first != NULL) {
		snprintf(units, sizeof(units), "%s, %u unit%s", iommusim_unit_vendor(first), count,
		    count == 1 ? "" : "s");
		snprintf(cache, sizeof(cache), ", cache %s",
		    iommusim_cache_policy_name(replay->settings.cache));
	}
	snprintf(replay->summary->machine, sizeof(replay->summary->machine), "%s, %s, vmm %s%s", units,
	    size, replay->summary->profile, cache);
	return memory != 0;
}

static enum iommusim_status wake(struct replay *replay)
{
	const struct iommusim_vmm_config config = { .profile = replay->summary->profile,
		.cpu = replay->cpu };
	enum iommusim_status status;

	status = iommusim_vmm_create(replay->machine, &config, &replay->vmm);
	if (status == IOMMUSIM_OK && replay->record != NULL)
		status = iommusim_recorder_create(replay->vmm, replay->record, &replay->recorder);
	if (status == IOMMUSIM_OK)
		status = iommusim_check_create(replay->vmm, &replay->check);
	/* What is recorded says for whom a DMA was, which brief reports leave out. */
	if (status == IOMMUSIM_OK && replay->record == NULL &&
	    (replay->options->brief || replay->options->on_dma == NULL))
		iommusim_check_set_brief(replay->check, true);
	if (status == IOMMUSIM_OK)
		status = replay_apply_suppressions(replay);
	if (status == IOMMUSIM_OK && replay->options->counts != NULL)
		status = iommusim_counter_create(replay->vmm, &replay->counter);
	return status;
}

enum iommusim_status replay_wake(struct replay *replay)
{
	enum iommusim_status status;

	if (replay->vmm != NULL)
		return IOMMUSIM_OK;
	if (!describe_machine(replay))
		return replay_refuse(replay, replay->statement.at,
		    "this machine has no memory; expected memory(BASE, SIZE) before the story "
		    "begins");
	replay->story_line = replay->lexer.line;
	status = wake(replay);
	if (status == IOMMUSIM_ENOMEM || replay->out_of_memory)
		return replay_no_memory(replay);
	if (status != IOMMUSIM_OK)
		return replay_refuse(replay, replay->statement.at, "vmm cannot be loaded: %s",
		    iommusim_machine_diagnostic(replay->machine)->text);
	return IOMMUSIM_OK;
}

/* ---- lines -------------------------------------------------------------------------------------------- */

/* Further lines for the lexer, which has none left. Whatever pointed into those before is worth nothing now. */
static enum iommusim_status more_lines(struct replay *replay)
{
	struct iommusim_diagnostic problem = { .status = IOMMUSIM_OK };
	struct lexer *lexer = &replay->lexer;
	enum iommusim_status status;
	const char *text;
	size_t length;

	status = window_next(&replay->window, &text, &length, &problem);
	if (status != IOMMUSIM_OK)
		length = 0;
	lexer->at = lexer->line_start = replay->statement.at = text;
	lexer->end = text + length;
	if (status == IOMMUSIM_ENOMEM)
		return replay_no_memory(replay);
	return status == IOMMUSIM_OK ? status : replay_stop(replay, status, text, "%s", problem.text);
}

/* False: there is no line left, or no way to it, as `*status` says. */
static bool next_line(struct replay *replay, enum iommusim_status *status)
{
	struct lexer *lexer = &replay->lexer;

	if (lex_next_line(lexer))
		return true;
	/* A line that ends without a newline is the last. */
	if (replay->window.source == NULL || lexer->at != lexer->line_start)
		return false;
	*status = more_lines(replay);
	return *status == IOMMUSIM_OK && lexer->at < lexer->end;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The first line says that this is a trace, and of which version. */
static enum iommusim_status read_header(struct replay *replay)
{
	static const char magic[] = "#!iommusim ";
	const size_t magic_length = sizeof(magic) - 1;
	struct lexer *lexer = &replay->lexer;
	const char *at = lexer->at, *const end = lexer->end;
	struct slice version;

	if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		return replay_refuse(replay, at,
		    "the file begins with a byte order mark; expected `#!iommusim 1`, in UTF-8 "
		    "without one");
	if ((size_t)(end - at) < magic_length || memcmp(at, magic, magic_length) != 0)
		return replay_refuse(
		    replay, at, "expected `#!iommusim 1` as the first line of a trace");
	at += magic_length;
	version.at = at;
	while (at < end && *at != '\n')
		at++;
	lexer->at = at;
	while (at > version.at && is_blank(at[-1]))
		at--;
	version.length = (size_t)(at - version.at);
	if (!slice_is(version, "1"))
		return replay_refuse(replay, version.at,
		    "expected `#!iommusim 1`: this iommusim reads version 1 of the language");
	return IOMMUSIM_OK;
}

/* Statements have an order: the machine, its board, the story. */
static enum iommusim_status check_phase(struct replay *replay)
{
	const struct statement *statement = &replay->statement;
	const struct statement_row *row = statement->row;

	if (row->phase == PHASE_MACHINE)
		return replay->machine == NULL
		    ? IOMMUSIM_OK
		    : replay_refuse(replay, statement->at, "`%s(...)` stands in line %u already",
			  row->name, replay->machine_line);
	if (replay->machine == NULL)
		return replay_refuse(replay, statement->at,
		    "expected `machine(...)` as the first statement, found `%s`", row->name);
	if (row->phase == PHASE_BOARD && replay->vmm != NULL)
		return replay_refuse(replay, statement->at,
		    "`%s(...)` belongs before the story, which begins in line %u", row->name,
		    replay->story_line);
	return row->phase == PHASE_STORY ? replay_wake(replay) : IOMMUSIM_OK;
}

static void clear_outcome(struct replay *replay)
{
	struct outcome *outcome = &replay->statement.outcome;

	outcome->status = IOMMUSIM_OK;
	outcome->is_dma = false;
	outcome->number = 0;
	outcome->domain = NULL;
	outcome->bytes = NULL;
	outcome->length = 0;
	outcome->fault_reason = 0;
	replay->device_requests = 0;
	replay->device_for = NULL;
}

static enum iommusim_status run_statement(struct replay *replay)
{
	struct statement *statement = &replay->statement;
	enum iommusim_status status = check_phase(replay);

	if (status != IOMMUSIM_OK)
		return status;
	if (replay->check != NULL) {
		const struct iommusim_place place = { replay->file, replay->lexer.line };

		iommusim_check_set_place(replay->check, &place);
	}
	status = resolve_statement(replay, statement);
	if (status != IOMMUSIM_OK)
		return status;
	clear_outcome(replay);
	status = statement->row->run(replay, statement);
	if (replay->out_of_memory)
		return replay_no_memory(replay);
	if (status != IOMMUSIM_OK)
		return status;
	statement->outcome.is_dma |= replay->device_requests != 0;
	replay->summary->calls++;
	if (replay->recorder != NULL)
		recorder_statement(replay->recorder, statement);
	status = expect_outcome(replay, statement);
	if (status == IOMMUSIM_OK)
		tell_statement(replay);
	return status;
}

static enum iommusim_status run_line(struct replay *replay)
{
	enum iommusim_status status;

	if (parse_plain(replay))
		return run_statement(replay);
	lex_next(&replay->lexer, &replay->token);
	if (replay->token.kind == TOKEN_END)
		return IOMMUSIM_OK;
	if (replay->token.kind == TOKEN_BAD)
		return replay_refuse(replay, replay->token.at, "%s", replay->lexer.problem);
	status = parse_statement(replay);
	return status == IOMMUSIM_OK ? run_statement(replay) : status;
}

/* Was that the last line the caller wants? */
static bool ends_here(const struct replay *replay)
{
	return replay->options->last_line != 0 && replay->lexer.line >= replay->options->last_line;
}

static enum iommusim_status run_lines(struct replay *replay)
{
	enum iommusim_status status = IOMMUSIM_OK;

	if (replay->window.source != NULL)
		status = more_lines(replay);
	if (status == IOMMUSIM_OK)
		status = read_header(replay);
	while (status == IOMMUSIM_OK && !ends_here(replay) && next_line(replay, &status))
		status = run_line(replay);
	if (status != IOMMUSIM_OK)
		return status;
	if (replay->machine == NULL)
		return replay_refuse(
		    replay, replay->lexer.at, "expected `machine(...)`, found the end of the file");
	return replay_wake(replay); /* a story without an event still has sysctls to show */
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static void sum_up(struct replay *replay)
{
	struct iommusim_replay_summary *summary = replay->summary;
	const size_t room = sizeof(summary->sysctl_values) / sizeof(*summary->sysctl_values);

	if (replay->counter != NULL)
		iommusim_counter_read(replay->counter, replay->options->counts);
	if (replay->check == NULL)
		return;
	for (size_t i = 0; i < room && iommusim_sysctl_name(i) != NULL; i++) {
		iommusim_sysctl_get(replay->vmm, iommusim_sysctl_name(i), &summary->sysctl_values[i]);
		summary->sysctl_count = (uint32_t)(i + 1);
	}
	if (replay->options->on_end != NULL)
		replay->options->on_end(replay->options->context, replay->vmm, replay->check);
}

static void tear_down(struct replay *replay)
{
	iommusim_recorder_destroy(replay->recorder);
	requesters_free(replay);
	devices_free(replay);
	iommusim_counter_destroy(replay->counter);
	iommusim_check_destroy(replay->check);
	iommusim_vmm_destroy(replay->vmm);
	iommusim_machine_destroy(replay->machine);
	names_free(&replay->names);
	window_free(&replay->window);
	replay_release(replay, replay->data.bytes, replay->data.capacity);
	replay_release(replay, replay->pieces.bytes, replay->pieces.capacity);
}

/* Everything but the allocator, which `replay` itself already came from. */
static void set_up(struct replay *replay, const char *file,
    const struct iommusim_replay_options *options, const struct iommusim_allocator *outer)
{
	memset(replay, 0, sizeof(*replay));
	replay->file = file;
	replay->options = options;
	replay->record = options->record;
	replay->outer = *outer;
	replay->allocator = (struct iommusim_allocator){
		.context = replay,
		.allocate = noted_allocate,
		.release = noted_release,
		.reserve = noted_reserve,
		.unreserve = noted_unreserve,
	};
	replay->names.allocator = &replay->allocator;
	replay->window.allocator = &replay->allocator;
	replay->diagnostic.offset = UINT64_MAX;
	RB_INIT(&replay->requesters);
	TAILQ_INIT(&replay->devices);
	statement_index_fill(&replay->index);
}

/* Nothing could be begun. */
static enum iommusim_status give_up(
    struct iommusim_diagnostic *diagnostic, enum iommusim_status status, const char *text)
{
	*diagnostic = (struct iommusim_diagnostic){ .status = status, .offset = UINT64_MAX };
	snprintf(diagnostic->text, sizeof(diagnostic->text), "%s", text);
	return status;
}

/* The text, or what comes from a source. */
static enum iommusim_status replay_any(const char *file, struct slice text,
    const struct iommusim_trace_source *source, const struct iommusim_replay_options *options,
    struct iommusim_replay_summary *summary, struct iommusim_diagnostic *diagnostic)
{
	static const struct iommusim_replay_options defaults;
	struct iommusim_allocator outer;
	enum iommusim_status status;
	struct replay *replay;

	options = options == NULL ? &defaults : options;
	memset(summary, 0, sizeof(*summary));
	if (!machine_choose_allocator(options->allocator, &outer))
		return give_up(diagnostic, IOMMUSIM_EINVAL, "an allocator with a missing callback");
	replay = outer.allocate(outer.context, sizeof(*replay));
	if (replay == NULL)
		return give_up(diagnostic, IOMMUSIM_ENOMEM, "out of memory");
	set_up(replay, file, options, &outer);
	replay->summary = summary;
	replay->window.source = source;
	lex_start(&replay->lexer, text.at, text.length);
	replay->statement.at = replay->lexer.at;
	status = run_lines(replay);
	if (status == IOMMUSIM_OK)
		expect_end(replay);
	sum_up(replay);
	if (status == IOMMUSIM_OK && replay->out_of_memory)
		status = replay_no_memory(replay);
	tear_down(replay);
	*diagnostic = replay->diagnostic;
	outer.release(outer.context, replay, sizeof(*replay));
	return status;
}

enum iommusim_status iommusim_replay(const char *file, const char *text, size_t length,
    const struct iommusim_replay_options *options, struct iommusim_replay_summary *summary,
    struct iommusim_diagnostic *diagnostic)
{
	const struct slice whole = { text == NULL ? "" : text, text == NULL ? 0 : length };

	return replay_any(file, whole, NULL, options, summary, diagnostic);
}

enum iommusim_status iommusim_replay_source(const char *file,
    const struct iommusim_trace_source *source, const struct iommusim_replay_options *options,
    struct iommusim_replay_summary *summary, struct iommusim_diagnostic *diagnostic)
{
	return replay_any(file, (struct slice){ "", 0 }, source, options, summary, diagnostic);
}

bool iommusim_replay_passed(const struct iommusim_replay_summary *summary)
{
	return summary->expectations_failed == 0 && summary->unexpected_dma == 0 &&
	    summary->unexpected_findings == 0;
}
