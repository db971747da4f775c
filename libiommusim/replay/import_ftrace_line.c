/*
 * One line of a Linux trace: /sys/kernel/tracing/trace, `trace-cmd report` and `perf script` write nearly the
 * same. What becomes of an event is decided in import_ftrace.c.
 */
#include <string.h>

#include "replay/import_ftrace.h"

#define PAGE_MASK UINT64_C(0xfff)

enum { WIDEST_IOVA = 57, WIDEST_MEMORY = 52 };

/* ---- who and when -------------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The "[000]" that ends the name of the task, which may hold brackets of its own, and what follows it. */
static const char *find_cpu(struct slice line, const char **behind)
{
	const char *const end = line.at + line.length;

	for (const char *at = line.at; (at = memchr(at, '[', (size_t)(end - at))) != NULL; at++) {
		const char *digit = at + 1;

		while (digit < end && is_digit(*digit))
			digit++;
		if (digit > at + 1 && digit < end && *digit == ']' && at > line.at && at[-1] == ' ') {
			*behind = digit + 1;
			return at;
		}
	}
	return NULL;
}

/* The process id: the last digits in front of the processor, or of "(thread group)". */
static uint64_t take_process(const char *start, const char *at)
{
	uint64_t process = 0, place = 1;

	while (at > start && at[-1] == ' ')
		at--;
	if (at > start && at[-1] == ')') {
		while (at > start && at[-1] != '(')
			at--;
		at -= at > start;
		while (at > start && at[-1] == ' ')
			at--;
	}
	for (; at > start && is_digit(at[-1]) && place < UINT64_C(1000000000000); at--, place *= 10)
		process += place * (uint64_t)(at[-1] - '0');
	return process;
}

/*
 * The column of flags, such as "d.h2.": its third letter says what runs in the place of the process. An
 * interrupt maps for others in the midst of a mapping of the process.
 */
static uint64_t take_context(struct slice flags)
{
	enum { CONTEXT_FLAG = 2 };

	if (flags.length <= CONTEXT_FLAG)
		return 0;
	switch (flags.at[CONTEXT_FLAG]) {
	case 'h':
		return 1;
	case 'H':
		return 2;
	case 's':
		return 3;
	case 'Z':
	case 'z':
		return 4;
	default:
		return 0;
	}
}

/* "1.770591:" or, with another clock, "177059:". */
static bool take_time(struct slice word, struct ftrace_event *event)
{
	uint64_t ticks = 0;

	if (word.length < 2 || word.at[word.length - 1] != ':')
		return false;
	event->time = (struct slice){ word.at, word.length - 1 };
	for (size_t i = 0; i < event->time.length; i++) {
		const char c = word.at[i];

		if (is_digit(c))
			ticks = ticks * 10 + (uint64_t)(c - '0');
		else if (c != '.' || i == 0)
			return false;
	}
	event->ticks = ticks;
	return true;
}

static struct slice next_word(struct slice *rest)
{
	struct slice word = import_trim(*rest);
	size_t length = 0;

	while (length < word.length && word.at[length] != ' ' && word.at[length] != '\t')
		length++;
	*rest = (struct slice){ word.at + length, word.length - length };
	word.length = length;
	return word;
}

/* TASK-PID [CPU] {FLAGS} TIME: {SYSTEM:}EVENT: TEXT */
static bool take_head(struct slice line, struct ftrace_event *event)
{
	const char *behind, *const cpu = find_cpu(line, &behind), *colon;
	struct slice rest, word;

	if (cpu == NULL)
		return false;
	rest = (struct slice){ behind, line.length - (size_t)(behind - line.at) };
	word = next_word(&rest);
	event->stopped = word.at;
	event->task = take_process(line.at, cpu) << 3;
	if (!take_time(word, event)) {
		event->task |= take_context(word);
		word = next_word(&rest);
		event->stopped = word.at;
		if (!take_time(word, event))
			return false;
	}
	word = next_word(&rest);
	event->stopped = word.at;
	if (word.length < 2 || word.at[word.length - 1] != ':')
		return false;
	word.length--;
	colon = memrchr(word.at, ':', word.length);
	if (colon != NULL) {
		word.length -= (size_t)(colon + 1 - word.at);
		word.at = colon + 1;
	}
	event->name = word;
	event->text = import_trim(rest);
	return true;
}

/* ---- events -------------------------------------------------------------------------------------------- */

bool ftrace_device(struct slice text, uint16_t *segment, uint16_t *rid)
{
	enum { DEVICES = 32, FUNCTIONS = 8 };
	struct import_match match;

	if (!import_match(text, "%x:%x:%x.%x", &match) || match.numbers[0] > UINT16_MAX ||
	    match.numbers[1] > UINT8_MAX || match.numbers[2] >= DEVICES ||
	    match.numbers[3] >= FUNCTIONS)
		return false;
	*segment = (uint16_t)match.numbers[0];
	*rid = (uint16_t)(match.numbers[1] << 8 | match.numbers[2] << 3 | match.numbers[3]);
	return true;
}

/* Whole pages below what any IOMMU translates, or any memory has? */
static bool is_range(uint64_t start, uint64_t size, unsigned width)
{
	const uint64_t end = UINT64_C(1) << width;

	return ((start | size) & PAGE_MASK) == 0 && size != 0 && start < end && size <= end - start;
}

static enum ftrace_kind read_map(struct ftrace_event *event, struct import_match *match)
{
	if (!import_match(event->text, "IOMMU: iova=%n - %n paddr=%n size=%n", match))
		return FTRACE_MALFORMED;
	event->iova = match->numbers[0];
	event->physical = match->numbers[2];
	event->size = match->numbers[3];
	return is_range(event->iova, event->size, WIDEST_IOVA) &&
		is_range(event->physical, event->size, WIDEST_MEMORY) &&
		match->numbers[1] - event->iova == event->size
	    ? FTRACE_MAP
	    : FTRACE_MALFORMED;
}

static enum ftrace_kind read_unmap(struct ftrace_event *event, struct import_match *match)
{
	if (!import_match(event->text, "IOMMU: iova=%n - %n size=%n unmapped_size=%n", match))
		return FTRACE_MALFORMED;
	event->iova = match->numbers[0];
	event->size = match->numbers[3]; /* what was asked for may have held less */
	return event->size == 0 || is_range(event->iova, event->size, WIDEST_IOVA) ? FTRACE_UNMAP
										   : FTRACE_MALFORMED;
}

static enum ftrace_kind read_device(
    struct ftrace_event *event, struct import_match *match, enum ftrace_kind kind)
{
	if (!import_match(event->text, "IOMMU: device=%s", match))
		return FTRACE_MALFORMED;
	event->device = match->words[0];
	return kind;
}

static enum ftrace_kind read_group(
    struct ftrace_event *event, struct import_match *match, enum ftrace_kind kind)
{
	if (!import_match(event->text, "IOMMU: groupID=%n device=%s", match))
		return FTRACE_MALFORMED;
	event->group = match->numbers[0];
	event->device = match->words[0];
	return kind;
}

static enum ftrace_kind read_fault(struct ftrace_event *event, struct import_match *match)
{
	if (!import_match(event->text, "IOMMU:%s %s iova=%n flags=%n", match))
		return FTRACE_MALFORMED;
	event->device = match->words[1];
	event->iova = match->numbers[0];
	event->flags = match->numbers[1];
	return FTRACE_FAULT;
}

static bool contains(struct slice text, const char *part)
{
	return memmem(text.at, text.length, part, strlen(part)) != NULL;
}

static enum ftrace_kind read_probe_range(struct ftrace_event *event, enum ftrace_kind kind)
{
	uint64_t page, count = 1;

	if (!import_key_number(event->text, "iova=", &event->iova) ||
	    !import_key_number(event->text, "pgsz=", &page))
		return FTRACE_MALFORMED;
	import_key_number(event->text, "cnt=", &count);
	if (count == 0 || page > UINT64_MAX / count || page * count > UINT64_MAX - event->iova)
		return FTRACE_MALFORMED;
	event->size = page * count;
	import_key_number(event->text, "prot=", &event->flags);
	return kind;
}

/*
 * A probe on a function of the driver, under whatever name it was given: "(FUNCTION+0x0/0xe0) KEY=VALUE ...".
 * Without dom= it is none of ours.
 */
static enum ftrace_kind read_probe(struct ftrace_event *event, struct import_match *match)
{
	struct slice function;

	import_match(event->text, "(%s+%n/%n) %r", match);
	function = match->words[0];
	if (import_begins(function, "intel_"))
		event->vendor = IOMMUSIM_VENDOR_VTD;
	else if (import_begins(function, "amd_"))
		event->vendor = IOMMUSIM_VENDOR_AMDVI;
	event->stopped = event->text.at;
	if (!import_key_number(event->text, "dom=", &event->domain))
		return FTRACE_OTHER;
	if (contains(function, "_domain_free"))
		return FTRACE_PROBE_FREE;
	if (contains(function, "_attach_dev"))
		return FTRACE_PROBE_ATTACH;
	if (contains(function, "_unmap"))
		return read_probe_range(event, FTRACE_PROBE_UNMAP);
	return contains(function, "_map") ? read_probe_range(event, FTRACE_PROBE_MAP) : FTRACE_OTHER;
}

static enum ftrace_kind read_event(struct ftrace_event *event)
{
	const struct slice name = event->name;
	struct import_match match = { .stopped = event->text.at };
	enum ftrace_kind kind = FTRACE_OTHER;

	if (slice_is(name, "map"))
		kind = read_map(event, &match);
	else if (slice_is(name, "unmap"))
		kind = read_unmap(event, &match);
	else if (slice_is(name, "attach_device_to_domain"))
		kind = read_device(event, &match, FTRACE_ATTACH);
	else if (slice_is(name, "detach_device_from_domain"))
		kind = read_device(event, &match, FTRACE_DETACH);
	else if (slice_is(name, "add_device_to_group"))
		kind = read_group(event, &match, FTRACE_GROUP_ADD);
	else if (slice_is(name, "remove_device_from_group"))
		kind = read_group(event, &match, FTRACE_GROUP_REMOVE);
	else if (slice_is(name, "io_page_fault"))
		kind = read_fault(event, &match);
	else if (slice_is(name, "tracing_mark_write") || slice_is(name, "print"))
		return FTRACE_MARKER;
	else if (import_begins(event->text, "("))
		return read_probe(event, &match);
	else if (slice_is(name, "qi_submit"))
		event->vendor = IOMMUSIM_VENDOR_VTD;
	event->stopped = match.stopped;
	return kind;
}

/* ---- lines that are no event --------------------------------------------------------------------------- */

static bool read_lost(struct slice line, struct ftrace_event *event)
{
	struct import_match match;

	if (import_match(line, "CPU:%n [LOST %n EVENTS]", &match) ||
	    import_match(line, "CPU:%n [%n EVENTS DROPPED]", &match))
		event->size = match.numbers[1];
	else if (!import_match(line, "CPU:%n [LOST EVENTS]", &match) &&
	    !import_match(line, "CPU:%n [EVENTS DROPPED]", &match))
		return false;
	event->kind = FTRACE_LOST;
	return true;
}

/* "# entries-in-buffer/entries-written: 500/812": the rest was written over. */
static void read_header(struct slice line, struct ftrace_event *event)
{
	struct import_match match;

	event->kind = FTRACE_HEADER;
	if (!import_match(line, "# entries-in-buffer/entries-written: %n/%n %r", &match) ||
	    match.numbers[1] <= match.numbers[0])
		return;
	event->kind = FTRACE_OVERRUN;
	event->size = match.numbers[1] - match.numbers[0];
}

void ftrace_read(struct slice line, struct ftrace_event *event)
{
	const struct slice text = import_trim(line);

	*event = (struct ftrace_event){ .kind = FTRACE_BLANK, .stopped = text.at };
	if (text.length == 0)
		return;
	if (text.at[0] == '#' || import_begins(text, "cpus=")) {
		read_header(text, event);
	} else if (import_begins(text, "CPU:") && read_lost(text, event)) {
		return;
	} else if (take_head(line, event)) {
		event->kind = read_event(event);
	} else {
		event->kind = FTRACE_UNREADABLE;
	}
}
