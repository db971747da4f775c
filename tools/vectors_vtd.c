/* What conformance vectors for VT-d have of their own: register values at reset, and fault records. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <iommusim/mmio.h>

#include "vectors_json.h"
#include "vectors_run.h"

enum {
	FSTS = 0x34, /* VT-d 11.4.7.1 */
	FSTS_PFO = 1,
	FECTL = 0x38, /* 11.4.7.2 */
	RECORD_SIZE = 16
};

#define RECORD_F    (UINT64_C(1) << 63) /* of the upper half, VT-d 11.4.7.6 */
#define RECORD_READ (UINT64_C(1) << 62)
/* PASID and PP: the references fill them in for requests without PASID, or do not, as they like. */
#define RECORD_IGNORED (UINT64_C(0xfffff) << 40 | UINT64_C(1) << 31)

static bool read_caps(struct vector_json *json, struct json_object *object, struct vector_caps *caps)
{
	return vector_json_number(json, object, "VER", UINT32_MAX, &caps->version) &&
	    vector_json_number(json, object, "CAP", UINT64_MAX, &caps->capability) &&
	    vector_json_number(json, object, "ECAP", UINT64_MAX, &caps->ext_capability) &&
	    vector_json_number(json, object, "HAW", 52, &caps->host_address_width);
}

static bool read_type(
    struct vector_json *json, struct json_object *object, struct vector_number *is_read)
{
	struct json_object *member;
	const char *text;

	if (!vector_json_has(object, "type", &member))
		return true;
	if (!vector_json_text(json, object, "type", &text))
		return false;
	*is_read = (struct vector_number){ .present = true, .value = strcmp(text, "read") == 0 };
	if (is_read->value == 1 || strcmp(text, "write") == 0)
		return true;
	vector_json_enter(json, "type");
	return vector_json_refuse(json, 0, "expected \"read\" or \"write\"");
}

static bool read_fault(struct vector_json *json, struct json_object *object, struct vector_fault *fault)
{
	const struct {
		const char *name;
		uint64_t most;
		struct vector_number *number;
	} members[] = {
		{ "addr", UINT64_MAX, &fault->address },
		{ "rid", UINT16_MAX, &fault->requester },
		{ "index", UINT8_MAX, &fault->index },
		{ "frcd_lo", UINT64_MAX, &fault->record[0] },
		{ "frcd_hi", UINT64_MAX, &fault->record[1] },
		{ "fsts", UINT32_MAX, &fault->status },
	};
	struct json_object *member;

	fault->reason.present = true;
	if (!vector_json_number(json, object, "reason", UINT8_MAX, &fault->reason.value) ||
	    !read_type(json, object, &fault->is_read))
		return false;
	for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		members[i].number->present = vector_json_has(object, members[i].name, &member);
		if (members[i].number->present &&
		    !vector_json_number(
			json, object, members[i].name, members[i].most, &members[i].number->value))
			return false;
	}
	return true;
}

/*
 * The model does what the references do where the specification leaves it open; otherwise it keeps its
 * defaults.
 */
static enum iommusim_status create_unit(struct iommusim_machine *machine, const struct vector *vector,
    const struct iommusim_unit_settings *settings)
{
	const struct iommusim_vtd_config config = {
		.base = vector->mmio_base,
		.version = (uint32_t)vector->caps.version,
		.capability = vector->caps.capability,
		.ext_capability = vector->caps.ext_capability,
		.host_address_width = (uint8_t)vector->caps.host_address_width,
		.choices = { .collapse_faults = true,
		    .resume_at_tail = true,
		    .unused_width_ignored = true },
		.settings = *settings,
	};
	struct iommusim_unit *unit;
	const enum iommusim_status status = iommusim_vtd_create(machine, &config, &unit);

	if (status == IOMMUSIM_OK)
		iommusim_unit_include_all(unit);
	return status;
}

/* ---- fault records ------------------------------------------------------------------------------------- */

static void observe(const struct vector_run *run, struct vector_faults *faults)
{
	const uint64_t capability = run->vector->caps.capability;
	uint64_t next = run->vector->mmio_base + (capability >> 24 & 0x3ff) * 16;

	/* Where there is a unit these registers lie in its page: it would not have been made else. */
	iommusim_mmio_read(run->machine, run->vector->mmio_base + FSTS, 4, &faults->status);
	faults->count = (unsigned)(capability >> 40 & 0xff) + 1;
	for (unsigned i = 0; i < faults->count; i++)
		for (unsigned half = 0; half < 2; half++, next += 8)
			iommusim_mmio_read(run->machine, next, 8, &faults->records[i][half]);
}

static bool is_new(
    const struct vector_faults *before, const struct vector_faults *after, uint64_t index)
{
	return index < after->count && (before->records[index][1] & RECORD_F) == 0 &&
	    (after->records[index][1] & RECORD_F) != 0;
}

/* The first record that is there now and was not before; `count` when there is none. */
static unsigned new_record(const struct vector_faults *before, const struct vector_faults *after)
{
	unsigned i = 0;

	while (i < after->count && !is_new(before, after, i))
		i++;
	return i;
}

static void describe(char *text, size_t room, const struct vector_faults *faults, unsigned index)
{
	const uint64_t *record;

	if (index >= faults->count) {
		snprintf(text, room, "no fault recorded, FSTS 0x%" PRIx64, faults->status);
		return;
	}
	record = faults->records[index];
	snprintf(text, room,
	    "fault 0x%" PRIx64 " in record %u (0x%016" PRIx64 " 0x%016" PRIx64 "), FSTS 0x%" PRIx64,
	    record[1] >> 32 & 0xff, index, record[0], record[1], faults->status);
}

/*
 * FI of a fault record reads 0 from the largest AGAW on (11.4.7.6); where the vectors come from it
 * holds the whole address. Neither is a wrong page.
 */
static uint64_t ignored_address(const struct vector *vector)
{
	const unsigned widths = vector->caps.capability >> 8 & 0xe; /* CAP.SAGAW: 39, 48, 57 bits */
	unsigned largest = 64;

	for (unsigned bit = 1; bit <= 3; bit++)
		if ((widths & 1u << bit) != 0)
			largest = 30 + 9 * bit;
	return largest == 64 ? 0 : ~(uint64_t)0 << largest;
}

static bool differs(const struct vector_number *number, uint64_t mask, uint64_t value)
{
	return number->present && ((number->value ^ value) & mask) != 0;
}

static bool record_differs(
    const struct vector_run *run, const struct vector_fault *fault, const uint64_t record[2])
{
	const uint64_t address = ~ignored_address(run->vector);

	return differs(&fault->reason, UINT64_MAX, record[1] >> 32 & 0xff) ||
	    differs(&fault->address, address, record[0]) ||
	    differs(&fault->requester, UINT64_MAX, record[1] & 0xffff) ||
	    differs(&fault->is_read, UINT64_MAX, (record[1] & RECORD_READ) != 0) ||
	    differs(&fault->record[0], address, record[0]) ||
	    differs(&fault->record[1], ~RECORD_IGNORED, record[1]);
}

static void say_fault(char *text, size_t room, const struct vector_fault *fault)
{
	int length = snprintf(text, room, "fault 0x%" PRIx64, fault->reason.value);

	if (fault->index.present)
		length += snprintf(
		    text + length, room - (size_t)length, " in record %" PRIu64, fault->index.value);
	if (fault->record[0].present && fault->record[1].present)
		length += snprintf(text + length, room - (size_t)length,
		    " (0x%016" PRIx64 " 0x%016" PRIx64 ")", fault->record[0].value,
		    fault->record[1].value & ~RECORD_IGNORED);
	else if (fault->address.present)
		length += snprintf(
		    text + length, room - (size_t)length, " for 0x%" PRIx64, fault->address.value);
	if (fault->status.present)
		snprintf(
		    text + length, room - (size_t)length, ", FSTS 0x%" PRIx64, fault->status.value);
}

static bool judge_recorded(const struct vector_run *run, const struct vector_observed *observed,
    struct vector_failure *failure)
{
	const struct vector_fault *fault = &observed->dma->fault;
	const unsigned first = new_record(observed->before, observed->after);
	const uint64_t index = fault->index.present ? fault->index.value : first;

	/* A request over several pages may leave more records than this one, where a unit has them. */
	if (is_new(observed->before, observed->after, index) &&
	    !record_differs(run, fault, observed->after->records[index]) &&
	    !differs(&fault->status, UINT64_MAX, observed->after->status))
		return true;
	say_fault(failure->expected, sizeof(failure->expected), fault);
	describe(failure->got, sizeof(failure->got), observed->after, first);
	return false;
}

/* The registers may be full of what the vector knows nothing of: the unit's own word has to do. */
static bool judge_untold(
    struct vector_run *run, const struct vector_observed *observed, struct vector_failure *failure)
{
	const uint64_t none[2] = { 0, 0 };
	const uint64_t *record = observed->fault != NULL ? observed->fault->record : none;

	if (observed->after->count == 1 && judge_recorded(run, observed, failure)) {
		run->diverged = false; /* the only record is the one the vector knows again */
		return true;
	}
	if (!record_differs(run, &observed->dma->fault, record))
		return true;
	say_fault(failure->expected, sizeof(failure->expected), &observed->dma->fault);
	snprintf(failure->got, sizeof(failure->got),
	    "fault 0x%" PRIx64 " (0x%016" PRIx64 " 0x%016" PRIx64 ")", record[1] >> 32 & 0xff,
	    record[0], record[1]);
	return false;
}

static bool judge_silent(const struct vector_run *run, const struct vector_observed *observed,
    struct vector_failure *failure)
{
	const struct vector_dma *dma = observed->dma;
	const unsigned index = new_record(observed->before, observed->after);
	const uint64_t raised = observed->after->status & ~observed->before->status & FSTS_PFO;
	const uint64_t wanted = dma->overflow ? FSTS_PFO : 0;

	if (index == observed->after->count && raised == wanted &&
	    (run->diverged || !differs(&dma->status, UINT64_MAX, observed->after->status)))
		return true;
	if (dma->status.present)
		snprintf(failure->expected, sizeof(failure->expected),
		    "no fault recorded, FSTS 0x%" PRIx64, dma->status.value);
	else
		snprintf(failure->expected, sizeof(failure->expected), "no fault recorded%s",
		    dma->overflow ? ", PFO newly set" : "");
	describe(failure->got, sizeof(failure->got), observed->after, index);
	return false;
}

static bool judge(
    struct vector_run *run, const struct vector_observed *observed, struct vector_failure *failure)
{
	const struct vector_dma *dma = observed->dma;

	if (dma->fault.present)
		return run->diverged ? judge_untold(run, observed, failure)
				     : judge_recorded(run, observed, failure);
	/* Whether a fault is recorded hangs on what was recorded before; that none is without one does not. */
	return (run->diverged && dma->outcome == VECTOR_OUTCOME_FAULT) ||
	    judge_silent(run, observed, failure);
}

/* ---- registers ----------------------------------------------------------------------------------------- */

/* Bits that say which faults there were, of eight bytes of registers. */
static uint64_t fault_bits(uint64_t offset)
{
	switch (offset) {
	case FSTS & ~7:
		return UINT64_C(0xff03) << 32; /* FRI, PPF, PFO */
	case FECTL:
		return UINT64_C(1) << 30; /* IP */
	default:
		return 0;
	}
}

static uint8_t ignored(const struct vector_run *run, uint64_t offset)
{
	const uint64_t capability = run->vector->caps.capability;
	const uint64_t records = (capability >> 24 & 0x3ff) * 16;
	const uint64_t end = records + ((capability >> 40 & 0xff) + 1) * RECORD_SIZE;
	uint64_t bits = 0;

	if (offset >= records && offset < end) {
		bits = (offset - records) % RECORD_SIZE < 8 ? ignored_address(run->vector) : 0;
		bits |= run->diverged ? UINT64_MAX : 0;
	} else if (run->diverged) {
		bits = fault_bits(offset & ~UINT64_C(7));
	}
	return (uint8_t)(bits >> offset % 8 * 8);
}

const struct vector_vendor vector_vtd = {
	.name = "vtd",
	.mmio_size = 4096,
	.read_caps = read_caps,
	.read_fault = read_fault,
	.create_unit = create_unit,
	.observe = observe,
	.judge = judge,
	.ignored = ignored,
};
