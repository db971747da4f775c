/* The walk written down: the path of vtd_resolve() in the specification's names. */
#include "models/vtd/explain.h"

#include <string.h>

#include "models/common/walk_step.h"
#include "models/vtd/fault.h"
#include "models/vtd/host_permission.h"
#include "models/vtd/interrupt.h"
#include "models/vtd/protected.h"
#include "models/vtd/tables.h"
#include "models/vtd/translate.h"

/* Of the page permissions only the one that counts: there are up to thirty-two (VT-d 9.12). */
static void describe_host_fields(
    const struct walk_path_step *from, const struct spec_unit *unit, struct iommusim_walk_step *step)
{
	for (unsigned i = 0; i < from->structure->field_count; i++) {
		const struct spec_field *field = &from->structure->fields[i];

		if (strncmp(field->name, "PP", 2) != 0 ||
		    field->low == 4 * vtd_host_page(from->level, from->input))
			walk_step_describe_field(step, field, from->raw, unit);
	}
}

/* Where the entries of a structure point; which half of a scalable-mode root entry is another matter. */
struct pointer {
	const struct spec_structure *structure;
	const char *field;
	uint8_t shift;
};

static const struct pointer pointers[] = {
	{ &vtd_root_entry_spec, "CTP", 12 },
	{ &vtd_context_entry_spec, "SSPTPTR", 12 },
	{ &vtd_sm_context_entry_spec, "PASIDDIRPTR", 12 },
	{ &vtd_pasid_dir_entry_spec, "SMPTBLPTR", 12 },
	{ &vtd_fs_leaf1g_spec, "ADDR", 30 },
	{ &vtd_fs_leaf2m_spec, "ADDR", 21 },
	{ &vtd_ss_leaf1g_spec, "ADDR", 30 },
	{ &vtd_ss_leaf2m_spec, "ADDR", 21 },
};

static uint64_t field_named(const struct walk_path_step *step, const char *name)
{
	for (unsigned i = 0; i < step->structure->field_count; i++)
		if (strcmp(step->structure->fields[i].name, name) == 0)
			return spec_field_value(&step->structure->fields[i], step->raw);
	return 0;
}

static bool is_host_permission(const struct spec_structure *structure)
{
	return structure == &vtd_hpt_l4e_spec || structure == &vtd_hpt_l3e_spec ||
	    structure == &vtd_hpt_l2e_spec || structure == &vtd_hpt_l1e_spec;
}

/* Where a host permission entry points: the next table, or the page it has a permission for. */
static uint64_t next_of_host(const struct walk_path_step *step)
{
	if (!step->leaf)
		return vtd_hpt_l4e_ADDR(step->raw) << IOMMUSIM_PAGE_SHIFT;
	return step->input & ~SPEC_MASK(vtd_host_page_shift(step->level) - 1, 0);
}

/* Where a present entry points: the next table, or the page. */
static uint64_t next_of(const struct walk_path_step *step, const struct page_request *request)
{
	if (is_host_permission(step->structure))
		return next_of_host(step);
	if (step->structure == &vtd_sm_root_entry_spec)
		return field_named(step, (request->rid & 0x80) != 0 ? "UCTP" : "LCTP")
		    << IOMMUSIM_PAGE_SHIFT;
	if (step->structure == &vtd_pasid_entry_spec &&
	    request->address_type == IOMMUSIM_DMA_TRANSLATED)
		return field_named(step, "HPTPTR") << IOMMUSIM_PAGE_SHIFT;
	if (step->structure == &vtd_pasid_entry_spec) {
		const bool first = vtd_pasid_entry_PGTT(step->raw) == VTD_FIRST_STAGE ||
		    vtd_pasid_entry_PGTT(step->raw) == VTD_NESTED;

		return field_named(step, first ? "FSPTPTR" : "SSPTPTR") << IOMMUSIM_PAGE_SHIFT;
	}
	for (unsigned i = 0; i < sizeof(pointers) / sizeof(*pointers); i++)
		if (step->structure == pointers[i].structure)
			return field_named(step, pointers[i].field) << pointers[i].shift;
	return field_named(step, "ADDR") << IOMMUSIM_PAGE_SHIFT;
}

static bool is_first_stage(const struct spec_structure *structure)
{
	return structure == &vtd_fs_upper_spec || structure == &vtd_fs_table_spec ||
	    structure == &vtd_fs_leaf1g_spec || structure == &vtd_fs_leaf2m_spec ||
	    structure == &vtd_fs_pte_spec;
}

static bool is_present(const struct walk_path_step *step, const struct page_request *request,
    const struct vtd_space *space)
{
	if (step->structure == &vtd_sm_root_entry_spec)
		return field_named(step, (request->rid & 0x80) != 0 ? "UP" : "LP") != 0;
	if (is_host_permission(step->structure))
		return step->leaf || vtd_host_leads_on(step->raw, step->level);
	if (step->level == 0 || is_first_stage(step->structure))
		return (step->raw[0] & 1) != 0; /* P is bit 0 of every other structure (VT-d 9) */
	if (space->io_rights)
		return vtd_ss_io_rights_IR(step->raw) != 0 || vtd_ss_io_rights_IW(step->raw) != 0;
	return vtd_ss_pte_R(step->raw) != 0 || vtd_ss_pte_W(step->raw) != 0;
}

/* One description serves several levels; the specification names them apart (VT-d Tables 3 and 4). */
static const char *paging_entry_name(const struct walk_path_step *step)
{
	static const char *const first[] = {
		[1] = "FS-PTE", [2] = "FS-PDE", [3] = "FS-PDPE", [4] = "FS-PML4E", [5] = "FS-PML5E"
	};
	static const char *const second[] = {
		[1] = "SS-PTE", [2] = "SS-PDE", [3] = "SS-PDPE", [4] = "SS-PML4E", [5] = "SS-PML5E"
	};

	if (is_host_permission(step->structure))
		return step->structure->name;
	return is_first_stage(step->structure) ? first[step->level] : second[step->level];
}

/* Bytes from one entry to the next in a table of such structures. */
static unsigned entry_bytes(const struct spec_structure *structure)
{
	return structure->bits / 8u;
}

static void describe_step(const struct vtd_unit *vtd, const struct walk_path_step *from,
    const struct page_request *request, const struct vtd_space *space, struct iommusim_walk_step *step)
{
	const struct spec_structure *structure = from->structure;

	*step = (struct iommusim_walk_step){ .structure = structure->title };
	step->name = from->level == 0 ? structure->name : paging_entry_name(from);
	step->section = structure->section;
	step->table = from->table;
	step->address = from->address;
	step->quads = (uint8_t)(structure->bits / 64);
	step->index = (uint32_t)((from->address - from->table) / entry_bytes(structure));
	step->level = from->level;
	step->stage = from->stage;
	step->input = from->input;
	step->leaf = from->leaf;
	step->readable = from->readable;
	memcpy(step->raw, from->raw, sizeof(step->raw));
	if (!step->readable)
		return;
	step->present = is_present(from, request, space);
	step->next = step->present ? next_of(from, request) : 0;
	if (is_host_permission(structure))
		describe_host_fields(from, &vtd->spec, step);
	else
		walk_step_describe(step, structure, from->raw, &vtd->spec);
}

static void describe_denial(const struct vtd_unit *vtd, const struct page_request *request,
    unsigned reason, bool fault_disable, unsigned rights, struct iommusim_walk *walk)
{
	const struct vtd_reason *meaning = vtd_reason(reason);

	vtd_fault_describe(vtd, request, reason, fault_disable, &walk->result);
	vtd_fault_refine(&walk->result.fault, rights);
	walk->clause = meaning->clause;
	walk->reason = meaning->meaning;
}

/* What got through translation may still not reach where it wants to (VT-d 11.4.8). */
static void describe_protection(const struct vtd_unit *vtd, struct iommusim_walk *walk)
{
	if (walk->result.faulted || !vtd_protected(vtd, &walk->result))
		return;
	walk->clause = VTD_PROTECTED_CLAUSE;
	walk->reason = walk->result.fault.meaning;
}

static const char *mode_beside_tables(const struct vtd_unit *vtd, const struct iommusim_dma_page *page)
{
	if (page->translated)
		return "interrupt range";
	return page->faulted && vtd_GSTS_TES(atomic_load(&vtd->status)) ? "refused" : "off";
}

/* A translation request that lacks something is told so, and nothing is denied. */
static void describe_answer(const struct vtd_unit *vtd, const struct page_request *request,
    unsigned reason, unsigned rights, struct iommusim_walk *walk)
{
	const struct vtd_reason *missing = vtd_reason(reason);

	vtd_answer(vtd, request, &walk->result, rights);
	if (missing == NULL)
		return;
	walk->clause = missing->clause;
	walk->reason = missing->meaning;
}

static void describe_path(const struct vtd_unit *vtd, const struct walk_path *path,
    const struct page_request *request, const struct vtd_space *space, struct iommusim_walk *walk)
{
	walk->mode = path->mode;
	walk->levels = path->levels;
	walk->address_width = path->levels == 0 ? 0 : (uint8_t)(12 + 9 * path->levels);
	for (unsigned n = 0; n < path->count; n++)
		describe_step(vtd, &path->steps[n], request, space, &walk->steps[walk->step_count++]);
}

void vtd_explain(
    struct iommusim_unit *unit, const struct page_request *asked, struct iommusim_walk *walk)
{
	struct vtd_unit *vtd = vtd_of(unit);
	struct page_request without;
	const struct page_request *request = vtd_as_seen(vtd, asked, &without);
	struct vtd_source source = { .context_known = false };
	struct vtd_space space = { .domain = 0 };
	struct walk_marks marks = { .count = 0 };
	struct walk_path path = { .mode = "context" };
	unsigned rights, reason;

	if (vtd_beside_tables(vtd, request, &walk->result, &reason)) {
		walk->mode = mode_beside_tables(vtd, &walk->result);
		walk->read_right = walk->write_right = !walk->result.faulted && reason == 0;
		if (reason != 0)
			describe_denial(vtd, request, reason, false, RIGHT_READ, walk);
		describe_protection(vtd, walk);
		return;
	}
	reason = vtd_resolve(vtd, request, &source, &space, &walk->result, &rights, &marks, &path);
	walk->read_right = (rights & RIGHT_READ) != 0;
	walk->write_right = (rights & RIGHT_WRITE) != 0;
	describe_path(vtd, &path, request, &space, walk);
	if (vtd_answers(request, reason, &rights))
		describe_answer(vtd, request, reason, rights, walk);
	else if (reason != 0)
		describe_denial(vtd, request, reason, source.fault_disable, rights, walk);
	describe_protection(vtd, walk);
}

/* The request itself, by the names of the remappable format. */
static void describe_request(const struct vtd_unit *vtd, const struct interrupt_request *request,
    struct iommusim_walk_step *step)
{
	const uint64_t raw[2] = { request->address, request->data };

	*step = walk_step_of(&vtd_interrupt_request_spec, raw);
	step->on_bus = true;
	step->readable = true;
	step->present = true;
	walk_step_describe(step, &vtd_interrupt_request_spec, raw, &vtd->spec);
}

/* Of an entry that is not present nothing is looked at: it is shown as a remapped one (VT-d 9.10, IM). */
static bool is_posted(const struct vtd_unit *vtd, const struct vtd_remapping *remapping)
{
	return vtd_irte_P(remapping->entry) && vtd_posts(vtd, remapping->entry);
}

static void describe_interrupt_entry(
    const struct vtd_unit *vtd, const struct vtd_remapping *remapping, struct iommusim_walk_step *step)
{
	const struct spec_structure *structure =
	    is_posted(vtd, remapping) ? &vtd_irte_posted_spec : &vtd_irte_spec;

	*step = walk_step_of(structure, remapping->entry);
	step->table = remapping->table;
	step->address = remapping->address;
	step->index = remapping->index;
	step->readable = remapping->readable;
	step->next = remapping->posting.address;
	if (!remapping->readable)
		return;
	step->present = vtd_irte_P(remapping->entry) != 0;
	walk_step_describe(step, structure, step->raw, &vtd->spec);
}

/* Before anything is posted; it stands in no table. */
static void describe_descriptor(
    const struct vtd_unit *vtd, const struct vtd_posting *posting, struct iommusim_walk_step *step)
{
	const struct spec_structure *structure = &vtd_posted_descriptor_spec;

	*step = walk_step_of(structure, posting->descriptor);
	step->address = posting->address;
	step->readable = posting->readable;
	step->present = posting->readable;
	if (step->readable)
		walk_step_describe(step, structure, step->raw, &vtd->spec);
}

static const char *interrupt_mode(const struct vtd_unit *vtd, const struct vtd_remapping *remapping)
{
	if (!remapping->on)
		return "off";
	if (!remapping->remappable)
		return "compatibility interrupt";
	if (is_posted(vtd, remapping))
		return remapping->extended ? "posted interrupt, x2APIC" : "posted interrupt, xAPIC";
	return remapping->extended ? "remapped interrupt, x2APIC" : "remapped interrupt, xAPIC";
}

void vtd_explain_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_walk *walk)
{
	const struct vtd_unit *vtd = vtd_of(unit);
	struct vtd_remapping remapping;
	struct page_request recorded;
	const unsigned reason = vtd_remap(vtd, request, &remapping, out);

	walk->mode = interrupt_mode(vtd, &remapping);
	walk->result.translated = remapping.on;
	walk->result.interrupt = reason == 0;
	walk->write_right = reason == 0;
	if (remapping.remappable)
		describe_request(vtd, request, &walk->steps[walk->step_count++]);
	if (remapping.indexed)
		describe_interrupt_entry(vtd, &remapping, &walk->steps[walk->step_count++]);
	if (remapping.posting.reached)
		describe_descriptor(vtd, &remapping.posting, &walk->steps[walk->step_count++]);
	if (reason == 0)
		return;
	recorded = vtd_interrupt_fault_request(request, &remapping);
	describe_denial(vtd, &recorded, reason, vtd_irte_FPD(remapping.entry) != 0, RIGHT_READ, walk);
}
