/* What is peculiar to recordings of VT-d: its unit, its fault reasons, how its walks are skipped along. */
#include <string.h>

#include <iommusim/interrupt.h>
#include <iommusim/mmio.h>

#include "recording_run.h"

/* Reasons by their numbers in VT-d 7.1.3. */
enum {
	ROOT_NOT_PRESENT = 0x01,
	BEYOND_WIDTH = 0x04,
	NO_WRITE = 0x05,
	NO_READ = 0x06,
	SM_ROOT_NOT_PRESENT = 0x39,
	SM_NOT_PRESENT = 0x79,
	SM_BEYOND_WIDTH = 0x84,
	SM_NO_WRITE = 0x85,
	SM_NO_READ = 0x86
};

static enum iommusim_status create(struct recording_input *input, uint64_t base,
    const struct recording_options *options, struct iommusim_machine *machine,
    struct iommusim_unit **unit)
{
	/*
	 * The device that was recorded merges faults of one source; Linux then finds no overflow to clear,
	 * and a unit that had one would log nothing further.
	 */
	struct iommusim_vtd_config config = {
		.base = base,
		.choices = { .source_unknown = !options->as_specified,
		    .collapse_faults = !options->as_specified },
		.settings = options->settings,
	};
	struct json_object *caps;
	uint64_t version = 0, width = 0;
	enum iommusim_status status = recording_input_inner(input, "caps", json_type_object, &caps);

	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, caps, "VER", UINT32_MAX, &version);
	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, caps, "CAP", UINT64_MAX, &config.capability);
	if (status == IOMMUSIM_OK)
		status =
		    recording_input_number(input, caps, "ECAP", UINT64_MAX, &config.ext_capability);
	if (status == IOMMUSIM_OK)
		status = recording_input_number(input, caps, "HAW", UINT8_MAX, &width);
	if (status != IOMMUSIM_OK)
		return status;
	config.version = (uint32_t)version;
	config.host_address_width = (uint8_t)width;
	status = iommusim_vtd_create(machine, &config, unit);
	if (status == IOMMUSIM_OK)
		iommusim_unit_include_all(*unit);
	return status;
}

/*
 * The device that was recorded reports second-stage faults in scalable mode by their legacy numbers, where
 * the specification has numbers of their own that legacy mode never gives.
 */
static bool means_the_same(uint64_t recorded, unsigned reason)
{
	switch (reason) {
	case SM_NOT_PRESENT:
		return recorded == NO_WRITE || recorded == NO_READ;
	case SM_NO_WRITE:
		return recorded == NO_WRITE;
	case SM_NO_READ:
		return recorded == NO_READ;
	case SM_BEYOND_WIDTH:
		return recorded == BEYOND_WIDTH;
	default:
		return false;
	}
}

/* The page as a record has it: address bits that no supported width has read 0 (VT-d 11.4.7.6). */
static bool same_page(uint64_t recorded, uint64_t record)
{
	const uint64_t page = recorded >> 12 << 12;

	record = record >> 12 << 12;
	for (unsigned width = 39; width <= 57; width += 9)
		if (record == (page & ((UINT64_C(1) << width) - 1)))
			return true;
	return record == page;
}

static bool same_fault(
    const struct recording_fault *recorded, const struct iommusim_dma_page *page, bool *by_meaning)
{
	const unsigned reason = page->fault.reason;

	*by_meaning = recorded->has_reason && means_the_same(recorded->reason, reason);
	return (!recorded->has_reason || recorded->reason == reason || *by_meaning) &&
	    same_page(recorded->address, page->fault.record[0]);
}

/* Level bits of GCMD are taken from GSTS (VT-d 11.4.4.1). */
enum { GCMD = 0x18, GSTS = 0x1c };
#define LEVEL_BITS UINT64_C(0x96ffffff)
#define REMAPPING  (UINT64_C(1) << 25)
#define COMPATIBLE (UINT64_C(1) << 23)
#define REMAPPABLE (UINT64_C(1) << 4) /* format, in the address of the request */

/*
 * The device that was recorded passes interrupts in compatibility format whatever CFIS says, which is
 * not what VT-d 5.1.4 says: CFI is on while such a one is sent.
 */
static enum iommusim_status interrupt(struct recording_run *run, struct iommusim_requester *requester,
    uint64_t address, uint32_t data, struct iommusim_interrupt *out, struct iommusim_fault *fault)
{
	struct iommusim_machine *machine = run->platform.machine;
	const uint64_t base = iommusim_unit_base(run->platform.unit);
	uint64_t state = 0;
	enum iommusim_status status;

	if ((address & REMAPPABLE) == 0)
		iommusim_mmio_read(machine, base + GSTS, 4, &state);
	if ((state & REMAPPING) == 0)
		return iommusim_requester_interrupt(requester, address, data, out, fault);
	iommusim_mmio_write(machine, base + GCMD, 4, (state & LEVEL_BITS) | COMPATIBLE);
	status = iommusim_requester_interrupt(requester, address, data, out, fault);
	iommusim_mmio_write(machine, base + GCMD, 4, state & LEVEL_BITS);
	run->summary->compatibility_passed++;
	return status;
}

static void span(const struct iommusim_walk *walk, struct recording_span *result)
{
	const struct iommusim_walk_step *last;
	const enum iommusim_fault_class why = walk->result.fault.class_;

	*result = (struct recording_span){ .size = 0 };
	if (strcmp(walk->mode, "interrupt range") == 0) {
		result->size = 0x1000;
		return;
	}
	if (walk->step_count == 0)
		return;
	last = &walk->steps[walk->step_count - 1];
	if (last->level == 0)
		return; /* no context, or an address beyond every width */
	result->size = UINT64_C(1) << (12 + 9 * (last->level - 1));
	result->rights = (walk->read_right ? 1u : 0u) | (walk->write_right ? 2u : 0u);
	result->mapped = last->leaf && result->rights != 0 &&
	    (why == IOMMUSIM_FAULT_NONE || why == IOMMUSIM_FAULT_PERMISSION);
	result->physical = last->next;
}

static uint32_t next_rid(uint32_t rid, const struct iommusim_walk *walk)
{
	switch (walk->result.fault.reason) {
	case ROOT_NOT_PRESENT:
		return (rid | 0xff) + 1; /* the whole bus */
	case SM_ROOT_NOT_PRESENT:
		return (rid | 0x7f) + 1;
	default:
		return rid + 1;
	}
}

const struct recording_backend recording_vtd = {
	.name = "VT-d",
	.vendor = "vtd",
	.register_bytes = 0x1000,
	.has_rights = true,
	.source_unknown = true,
	.write_only_is_read_write = true,
	.create = create,
	.same_fault = same_fault,
	.interrupt = interrupt,
	.span = span,
	.next_rid = next_rid,
};
