/* One line that docs/capture/vmm-iommu.d prints. What it means among others: import_dtrace_order.c. */
#include <string.h>

#include "replay/import_dtrace.h"

struct call_pattern {
	const char *pattern;
	enum vmm_call call;
};

/* As the script's printf() formats have them; a test holds the two together. */
static const struct call_pattern calls[] = {
	{ "iommu_create_mapping(dom_%x, %n, %n, %n)", VMM_CREATE_MAPPING },
	{ "iommu_remove_mapping(dom_%x, %n, %n)", VMM_REMOVE_MAPPING },
	{ "iommu_invalidate_tlb(dom_%x)", VMM_INVALIDATE_TLB },
	{ "iommu_add_device(dom_%x, %n)", VMM_ADD_DEVICE },
	{ "iommu_remove_device(dom_%x, %n)", VMM_REMOVE_DEVICE },
	{ "iommu_create_domain(%n)", VMM_CREATE_DOMAIN },
	{ "iommu_destroy_domain(dom_%x)", VMM_DESTROY_DOMAIN },
	{ "vm_assign_pptdev(vm_%x, %n/%n/%n)", VMM_ASKED },
	{ "vm_unassign_pptdev(vm_%x, %n/%n/%n)", VMM_ASKED },
	{ "ppt_assign_device(vm_%x, %n/%n/%n)", VMM_ASKED },
	{ "ppt_unassign_device(vm_%x, %n/%n/%n)", VMM_ASKED },
	{ "ppt_unassign_all(vm_%x)", VMM_ASKED },
	{ "ppt_map_mmio(vm_%x, %n/%n/%n, %n, %n)", VMM_ASKED },
	{ "iommu_cleanup()", VMM_ASKED },
};

static const struct call_pattern notes[] = {
	{ "host dom_%x", VMM_HOST },
	{ "made dom_%x", VMM_MADE },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define PAGE_MASK    UINT64_C(0xfff)

enum { WIDEST_GUEST = 57, WIDEST_MEMORY = 52 };

/* ---- calls --------------------------------------------------------------------------------------------- */

static bool is_range(uint64_t start, uint64_t length, unsigned width)
{
	const uint64_t end = UINT64_C(1) << width;

	return ((start | length) & PAGE_MASK) == 0 && start < end && length <= end - start;
}

/* Whole pages below what any IOMMU translates, or any memory has; a requester id of 16 bits? */
static bool makes_sense(const struct vmm_record *record)
{
	const uint64_t *arguments = record->arguments;

	switch ((enum vmm_call)record->call) {
	case VMM_CREATE_MAPPING:
		return is_range(arguments[VMM_GPA], arguments[VMM_CREATE_LEN], WIDEST_GUEST) &&
		    is_range(arguments[VMM_HPA], arguments[VMM_CREATE_LEN], WIDEST_MEMORY);
	case VMM_REMOVE_MAPPING:
		return is_range(arguments[VMM_GPA], arguments[VMM_REMOVE_LEN], WIDEST_GUEST);
	case VMM_ADD_DEVICE:
	case VMM_REMOVE_DEVICE:
		return arguments[VMM_RID] <= UINT16_MAX;
	default:
		return true;
	}
}

static enum iommusim_status read_call(
    struct slice text, struct vmm_record *record, const char **stopped)
{
	const char *paren = memchr(text.at, '(', text.length);
	struct import_match match;

	*stopped = text.at;
	if (paren == NULL)
		return IOMMUSIM_EFORMAT;
	for (size_t i = 0; i < COUNT(calls); i++) {
		/* the name decides, so that what is told of is the argument */
		if (strncmp(calls[i].pattern, text.at, (size_t)(paren + 1 - text.at)) != 0)
			continue;
		if (!import_match(text, calls[i].pattern, &match)) {
			*stopped = match.stopped;
			return IOMMUSIM_EFORMAT;
		}
		record->call = (uint8_t)calls[i].call;
		record->text = text;
		memcpy(record->arguments, match.numbers, sizeof(record->arguments));
		*stopped = paren + 1;
		return makes_sense(record) ? IOMMUSIM_OK : IOMMUSIM_EFORMAT;
	}
	return IOMMUSIM_EFORMAT;
}

/* Up to the ')' of the call, and what is behind it. */
static bool split_call(struct slice text, struct slice *call, struct slice *behind)
{
	const char *end = memchr(text.at, ')', text.length);

	if (end == NULL)
		return false;
	*call = (struct slice){ text.at, (size_t)(end + 1 - text.at) };
	*behind = import_trim((struct slice){ end + 1, text.length - call->length });
	return true;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

/* # > TIME CPU THREAD CALL */
static enum iommusim_status read_entry(
    struct slice line, struct vmm_record *record, const char **stopped)
{
	struct import_match match;

	if (!import_match(line, "# > %n %n %n %r", &match)) {
		*stopped = match.stopped;
		return IOMMUSIM_EFORMAT;
	}
	record->entry = match.numbers[0];
	record->exit = UINT64_MAX;
	record->thread = match.numbers[2];
	return read_call(match.words[0], record, stopped);
}

/* # < ENTRY EXIT CPU THREAD CALL ret VALUE: of a call that is no statement */
static enum iommusim_status read_asked(
    struct slice line, struct vmm_record *record, const char **stopped)
{
	struct slice call, behind;
	struct import_match match;

	if (!import_match(line, "# < %n %n %n %n %r", &match)) {
		*stopped = match.stopped;
		return IOMMUSIM_EFORMAT;
	}
	record->entry = match.numbers[0];
	record->exit = match.numbers[1];
	record->thread = match.numbers[3];
	record->returned = true;
	*stopped = match.words[0].at;
	if (!split_call(match.words[0], &call, &behind))
		return IOMMUSIM_EFORMAT;
	if (!import_match(behind, "ret %i", &match)) {
		*stopped = match.stopped;
		return IOMMUSIM_EFORMAT;
	}
	record->error = (int32_t)match.numbers[0];
	return read_call(call, record, stopped);
}

/* # = TIME CPU THREAD NOTE */
static enum iommusim_status read_note(
    struct slice line, struct vmm_record *record, const char **stopped)
{
	struct import_match head, match;

	if (!import_match(line, "# = %n %n %n %r", &head)) {
		*stopped = head.stopped;
		return IOMMUSIM_EFORMAT;
	}
	record->entry = record->exit = head.numbers[0];
	record->thread = head.numbers[2];
	*stopped = head.words[0].at;
	for (size_t i = 0; i < COUNT(notes); i++) {
		if (!import_match(head.words[0], notes[i].pattern, &match))
			continue;
		record->call = (uint8_t)notes[i].call;
		record->arguments[VMM_DOMAIN] = match.numbers[0];
		return IOMMUSIM_OK;
	}
	record->call = VMM_VENDOR;
	if (slice_is(head.words[0], "iommu vtd"))
		record->result = IOMMUSIM_VENDOR_VTD;
	else if (slice_is(head.words[0], "iommu amdvi"))
		record->result = IOMMUSIM_VENDOR_AMDVI;
	return record->result != 0 ? IOMMUSIM_OK : IOMMUSIM_EFORMAT;
}

/* CALL {= dom_X} # < ENTRY EXIT CPU THREAD {ret VALUE {args N}} */
static enum iommusim_status read_statement(
    struct slice line, struct vmm_record *record, const char **stopped)
{
	struct slice call, behind;
	struct import_match match;
	enum iommusim_status status;

	*stopped = line.at;
	if (!split_call(line, &call, &behind))
		return IOMMUSIM_EFORMAT;
	status = read_call(call, record, stopped);
	if (status != IOMMUSIM_OK)
		return status;
	if (record->call == VMM_CREATE_DOMAIN) {
		record->has_result = import_match(behind, "= dom_%x # < %n %n %n %n", &match);
		record->result = match.numbers[0];
		memmove(
		    match.numbers, match.numbers + 1, sizeof(match.numbers) - sizeof(match.numbers[0]));
		status = record->has_result ? IOMMUSIM_OK : IOMMUSIM_EFORMAT;
	} else if (import_match(behind, "# < %n %n %n %n ret %i args %n", &match)) {
		record->error = (int32_t)match.numbers[4];
		record->returns_error = match.numbers[5] > 2;
	} else if (import_match(behind, "# < %n %n %n %n ret %i", &match)) {
		record->error = (int32_t)match.numbers[4];
	} else if (!import_match(behind, "# < %n %n %n %n", &match)) {
		status = IOMMUSIM_EFORMAT;
	}
	*stopped = match.stopped;
	record->entry = match.numbers[0];
	record->exit = match.numbers[1];
	record->thread = match.numbers[3];
	record->returned = true;
	return status;
}

/* "dtrace: 12 drops on CPU 1" and its kin. `*lost` is 0 when it does not say how many. */
static bool is_loss(struct slice line, uint64_t *lost)
{
	static const char *const words[] = { "drop", "error on enabled probe", "processing aborted" };
	struct import_match match;

	*lost = 0;
	if (!import_begins(line, "dtrace: "))
		return false;
	if (import_match(line, "dtrace: %n drops on CPU %n", &match) ||
	    import_match(line, "dtrace: %n %s drop%r", &match) ||
	    import_match(line, "dtrace: %n %s %s drop%r", &match)) {
		*lost = match.numbers[0];
		return true;
	}
	for (unsigned i = 0; i < COUNT(words); i++)
		if (memmem(line.at, line.length, words[i], strlen(words[i])) != NULL)
			return true;
	return false;
}

static enum iommusim_status read_line(
    struct slice line, struct vmm_record *record, const char **stopped)
{
	if (import_begins(line, "# > "))
		return read_entry(line, record, stopped);
	if (import_begins(line, "# < "))
		return read_asked(line, record, stopped);
	if (import_begins(line, "# = "))
		return read_note(line, record, stopped);
	return read_statement(line, record, stopped);
}

bool dtrace_read(struct importer *importer, struct vmm_record *record)
{
	const struct slice line = import_trim(importer->line);
	const struct vmm_record other = { .line = importer->number, .text = importer->line };
	const char *stopped = line.at;
	uint64_t lost;

	*record = other;
	if (line.length == 0)
		return false;
	if (is_loss(line, &lost)) {
		record->call = VMM_LOSS;
		record->result = lost;
	} else if (line.at[0] == '#' && !import_begins(line, "# > ") && !import_begins(line, "# < ") &&
	    !import_begins(line, "# = ")) {
		record->call = VMM_COMMENT;
	} else if (read_line(line, record, &stopped) != IOMMUSIM_OK) {
		*record = other;
		record->call = stopped == line.at ? VMM_UNREADABLE : VMM_MALFORMED;
		record->result = (uint64_t)(stopped - importer->line.at);
	}
	return true;
}
