/* The walk of a DMA request written down, in the specification's names. Nothing is cached, logged or changed. */
#include <string.h>

#include "models/amdvi/caching.h"
#include "models/amdvi/translate.h"
#include "models/common/walk_step.h"
#include "models/formats/amd_host.h"
#include "models/formats/x86_first_stage.h"

/* Of a device table entry, what is about memory: all before bit 128, and how many levels guest tables have. */
static void describe_device(const struct amdvi_unit *amdvi, struct iommusim_walk_step *step)
{
	for (unsigned i = 0; i < amdvi_dte_spec.field_count; i++) {
		const struct spec_field *field = &amdvi_dte_spec.fields[i];

		if (field->low < 128 || strcmp(field->name, "GUEST_PAGING_MODE") == 0)
			walk_step_describe_field(step, field, step->raw, &amdvi->spec);
	}
}

/* One description serves levels 4 and 5, which have names of their own. */
static const char *entry_name(const struct walk_path_step *from)
{
	if (from->structure == &amdvi_guest_upper_spec)
		return from->level == 5 ? "guest PML5E" : "guest PML4E";
	if (from->structure == &amdvi_guest_table_spec)
		return from->level == 3 ? "guest PDPE" : "guest PDE";
	return from->structure->name;
}

/* Where a present entry points: the next table, or the page. */
static uint64_t next_of(const struct walk_path_step *from, const struct amdvi_space *space)
{
	if (from->structure == &amdvi_dte_spec)
		return space->guest ? space->gcr3 : amdvi_dte_ROOT(from->raw) << IOMMUSIM_PAGE_SHIFT;
	if (from->structure == &amdvi_gcr3_entry_spec)
		return amdvi_gcr3_entry_CR3(from->raw) << IOMMUSIM_PAGE_SHIFT;
	if (from->stage == 1)
		return from->leaf ? x86_page(from->raw[0], from->level) : x86_next_table(from->raw[0]);
	return from->leaf ? amd_host_page(from->raw[0], from->level)
			  : amd_host_next_table(from->raw[0]);
}

static void describe_step(const struct amdvi_unit *amdvi, const struct walk_path_step *from,
    const struct amdvi_space *space, struct iommusim_walk_step *step)
{
	*step = walk_step_of(from->structure, from->raw);
	step->name = entry_name(from);
	step->table = from->table;
	step->address = from->address;
	step->index = (uint32_t)((from->address - from->table) / (from->structure->bits / 8u));
	step->level = from->level;
	step->stage = from->stage;
	step->input = from->input;
	step->leaf = from->leaf;
	step->readable = from->readable;
	if (!step->readable)
		return;
	step->present = (from->raw[0] & 1) != 0; /* V, PR and P are bit 0 of every structure */
	step->next = step->present ? next_of(from, space) : 0;
	if (from->structure == &amdvi_dte_spec)
		describe_device(amdvi, step);
	else
		walk_step_describe(step, from->structure, from->raw, &amdvi->spec);
}

static void describe_path(const struct amdvi_unit *amdvi, const struct walk_path *path,
    const struct amdvi_space *space, struct iommusim_walk *walk)
{
	const unsigned width = 12 + 9u * path->levels;

	walk->mode = path->mode;
	walk->levels = path->levels;
	if (path->levels != 0)
		walk->address_width = (uint8_t)(width < 64 ? width : 64);
	for (unsigned n = 0; n < path->count; n++)
		describe_step(amdvi, &path->steps[n], space, &walk->steps[walk->step_count++]);
}

/* The device table entry, first on the path: as far as there is one. */
static void note_device(const struct amdvi_lookup *lookup, struct walk_path *path)
{
	if (lookup->device.in_table)
		walk_path_note(path, &amdvi_dte_spec, lookup->device.table, lookup->device.address,
		    lookup->device.dte, lookup->device.readable);
}

static void find_page(
    const struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, struct walk_path *path)
{
	struct walk_marks marks = { .count = 0 };
	struct stage_walk walk = { .marks = &marks, .path = path };

	lookup->reason = amdvi_find_page(amdvi, lookup->request, &lookup->space, &walk, lookup->page);
	amdvi_take_walk(lookup, &walk);
	if (lookup->reason != ALLOWED)
		return;
	lookup->reason = walk_marks_foresee(&amdvi->unit.machine->memory, &marks);
	amdvi_blame_mark(amdvi, lookup, &marks);
}

static const char *mode_of(enum amdvi_ending ending)
{
	static const char *const modes[] = {
		[AMDVI_AT_DEVICE] = "device table",
		[AMDVI_PASSED] = "pass-through",
		[AMDVI_EXCLUDED] = "exclusion range",
		[AMDVI_ROUTED] = "aperture",
	};

	return modes[ending];
}

static void resolve(const struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, struct walk_path *path)
{
	unsigned rights = RIGHT_READ | RIGHT_WRITE;
	enum amdvi_ending ending;
	bool ends;

	lookup->page->translated = true;
	lookup->reason = amdvi_device_load(amdvi, lookup->request->rid, &lookup->device);
	note_device(lookup, path);
	if (lookup->reason != ALLOWED) {
		lookup->reason = amdvi_refine_missing(lookup);
		return;
	}
	ends = amdvi_ends_at_device(
	    amdvi, lookup->request, &lookup->device, lookup->page, &rights, &lookup->reason, &ending);
	path->mode = mode_of(ending);
	if (ends) {
		lookup->rights = (uint8_t)rights;
		return;
	}
	lookup->reason = amdvi_find_space(amdvi, lookup->request, &lookup->device, &lookup->space);
	if (lookup->reason == ALLOWED)
		find_page(amdvi, lookup, path);
}

static const char *mode_beside_tables(
    const struct amdvi_unit *amdvi, const struct iommusim_dma_page *page)
{
	if (!amdvi_CONTROL_IOMMU_EN(amdvi_control(amdvi)))
		return "off";
	return page->faulted ? "refused" : "interrupt range";
}

static void describe_denial(
    struct amdvi_unit *amdvi, const struct amdvi_lookup *lookup, struct iommusim_walk *walk)
{
	const struct amdvi_event event = amdvi_event_of(amdvi, lookup);

	walk->result.faulted = true;
	amdvi_event_describe(&event, &walk->result.fault);
	amdvi_refine_fault(lookup, &walk->result.fault);
	if (amdvi_may_silence(lookup, &event))
		walk->result.fault.suppressor = amdvi_device_silencer_peek(amdvi, &lookup->device);
	walk->result.fault.suppressed = walk->result.fault.suppressor != NULL;
}

static void describe_outcome(
    struct amdvi_unit *amdvi, struct amdvi_lookup *lookup, struct iommusim_walk *walk)
{
	const struct amdvi_denial_meaning *meaning = amdvi_denial(lookup->reason);

	if (walk->result.faulted)
		return;
	if (meaning != NULL) {
		walk->clause = meaning->clause;
		walk->reason = meaning->meaning;
	}
	if (amdvi_answers(lookup))
		amdvi_answer(lookup);
	else if (meaning != NULL)
		describe_denial(amdvi, lookup, walk);
}

void amdvi_explain(
    struct iommusim_unit *unit, const struct page_request *request, struct iommusim_walk *walk)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);
	struct walk_path path = { .mode = "device table" };
	struct amdvi_lookup lookup = {
		.request = request,
		.page = &walk->result,
		.rights = RIGHT_READ | RIGHT_WRITE,
		.space.rights = RIGHT_READ | RIGHT_WRITE,
	};

	if (amdvi_beside_tables(amdvi, request, &walk->result, &lookup.reason)) {
		walk->mode = mode_beside_tables(amdvi, &walk->result);
		walk->read_right = walk->write_right =
		    !walk->result.faulted && lookup.reason == ALLOWED;
	} else {
		resolve(amdvi, &lookup, &path);
		if (lookup.reason == ALLOWED)
			lookup.reason = amdvi_check_owner(amdvi, request, &walk->result);
		describe_path(amdvi, &path, &lookup.space, walk);
		walk->read_right = (lookup.rights & lookup.space.rights & RIGHT_READ) != 0;
		walk->write_right = (lookup.rights & lookup.space.rights & RIGHT_WRITE) != 0;
	}
	describe_outcome(amdvi, &lookup, walk);
}
