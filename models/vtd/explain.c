/* The walk written down: the path of vtd_resolve() in the specification's names. */
#include "models/vtd/unit.h"

static void describe_fields(const struct spec_structure *structure, const uint64_t *raw,
    const struct spec_unit *unit, struct iommusim_walk_step *step)
{
	for (unsigned i = 0; i < structure->field_count; i++) {
		const struct spec_field *field = &structure->fields[i];

		if (field->need == IGNORED || !spec_field_exists(field, unit) ||
		    step->field_count == IOMMUSIM_WALK_FIELDS)
			continue;
		step->fields[step->field_count++] = (struct iommusim_walk_field){
			.name = field->name,
			.meaning = field->meaning,
			.value = spec_field_value(field, raw),
			.high = field->high,
			.low = field->low,
		};
	}
}

/* Where a present entry points: the next table, or the page. */
static uint64_t next_of(const struct vtd_path *path, unsigned n)
{
	const uint64_t *raw = path->raw[n];

	if (path->structure[n] == &vtd_root_entry_spec)
		return vtd_root_entry_CTP(raw) << IOMMUSIM_PAGE_SHIFT;
	if (path->structure[n] == &vtd_context_entry_spec)
		return vtd_context_entry_SSPTPTR(raw) << IOMMUSIM_PAGE_SHIFT;
	if (path->structure[n] == &vtd_ss_leaf2m_spec)
		return vtd_ss_leaf2m_ADDR(raw) << 21;
	if (path->structure[n] == &vtd_ss_leaf1g_spec)
		return vtd_ss_leaf1g_ADDR(raw) << 30;
	return vtd_ss_pte_ADDR(raw) << IOMMUSIM_PAGE_SHIFT;
}

static bool is_present(const struct vtd_path *path, unsigned n)
{
	if (path->structure[n] == &vtd_root_entry_spec)
		return vtd_root_entry_P(path->raw[n]) != 0;
	if (path->structure[n] == &vtd_context_entry_spec)
		return vtd_context_entry_P(path->raw[n]) != 0;
	return vtd_ss_pte_R(path->raw[n]) != 0 || vtd_ss_pte_W(path->raw[n]) != 0;
}

/* One description serves several levels; the specification names them apart (VT-d Table 4). */
static const char *const paging_entry_name[] = {
	[1] = "SS-PTE", [2] = "SS-PDE", [3] = "SS-PDPE", [4] = "SS-PML4E", [5] = "SS-PML5E"
};

static void describe_step(const struct vtd_unit *vtd, const struct vtd_path *path, unsigned n,
    struct iommusim_walk_step *step)
{
	const struct spec_structure *structure = path->structure[n];

	*step = (struct iommusim_walk_step){ .structure = structure->title };
	step->name = path->level[n] == 0 ? structure->name : paging_entry_name[path->level[n]];
	step->section = structure->section;
	step->table = path->table[n];
	step->address = path->address[n];
	step->quads = (uint8_t)(structure->bits / 64);
	step->index = (uint32_t)((path->address[n] - path->table[n]) / (step->quads * UINT64_C(8)));
	step->level = path->level[n];
	step->leaf = path->leaf[n];
	step->readable = path->readable[n];
	step->raw[0] = path->raw[n][0];
	step->raw[1] = path->raw[n][1];
	if (!step->readable)
		return;
	step->present = is_present(path, n);
	step->next = step->present ? next_of(path, n) : 0;
	describe_fields(structure, path->raw[n], &vtd->spec, step);
}

static void describe_denial(const struct vtd_unit *vtd, const struct page_request *request,
    unsigned reason, bool fault_disable, unsigned rights, struct iommusim_walk *walk)
{
	const struct vtd_reason *meaning = vtd_reason(reason);

	vtd_fault_describe(vtd, request, reason, fault_disable, &walk->result);
	if (rights == 0 && meaning->class_ == IOMMUSIM_FAULT_PERMISSION)
		walk->result.fault.class_ = IOMMUSIM_FAULT_NOT_PRESENT;
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
static void describe_answer(unsigned reason, struct iommusim_walk *walk)
{
	const struct vtd_reason *missing = vtd_reason(reason);

	walk->result.answered = true;
	if (walk->result.page_shift != 0) /* no leaf, no rights */
		walk->result.granted = (uint8_t)((walk->read_right ? RIGHT_READ : 0) |
		    (walk->write_right ? RIGHT_WRITE : 0));
	if (missing == NULL)
		return;
	walk->clause = missing->clause;
	walk->reason = missing->meaning;
}

void vtd_explain(
    struct iommusim_unit *unit, const struct page_request *asked, struct iommusim_walk *walk)
{
	struct vtd_unit *vtd = vtd_of(unit);
	const struct page_request request = vtd_as_seen(vtd, asked);
	struct vtd_context context = { .known = false };
	struct vtd_path path = { .mode = "context" };
	unsigned rights, reason;

	if (vtd_beside_tables(vtd, &request, &walk->result, &reason)) {
		walk->mode = mode_beside_tables(vtd, &walk->result);
		walk->read_right = walk->write_right = !walk->result.faulted && reason == 0;
		if (reason != 0)
			describe_denial(vtd, &request, reason, false, RIGHT_READ, walk);
		describe_protection(vtd, walk);
		return;
	}
	reason = vtd_resolve(vtd, &request, &context, &walk->result, &rights, &path);
	walk->mode = path.mode;
	walk->levels = path.levels;
	walk->address_width = path.levels == 0 ? 0 : (uint8_t)(12 + 9 * path.levels);
	walk->read_right = (rights & RIGHT_READ) != 0;
	walk->write_right = (rights & RIGHT_WRITE) != 0;
	for (unsigned n = 0; n < path.count; n++)
		describe_step(vtd, &path, n, &walk->steps[walk->step_count++]);
	if (vtd_answers(&request, reason))
		describe_answer(reason, walk);
	else if (reason != 0)
		describe_denial(vtd, &request, reason, context.fault_disable, rights, walk);
	describe_protection(vtd, walk);
}

/* The request itself, by the names of the remappable format. */
static void describe_request(const struct vtd_unit *vtd, const struct interrupt_request *request,
    struct iommusim_walk_step *step)
{
	const struct spec_structure *structure = &vtd_interrupt_request_spec;

	*step = (struct iommusim_walk_step){
		.structure = structure->title,
		.name = structure->name,
		.section = structure->section,
		.quads = 2,
		.on_bus = true,
		.readable = true,
		.present = true,
		.raw = { request->address, request->data },
	};
	describe_fields(structure, step->raw, &vtd->spec, step);
}

static void describe_interrupt_entry(
    const struct vtd_unit *vtd, const struct vtd_remapping *remapping, struct iommusim_walk_step *step)
{
	const struct spec_structure *structure = &vtd_irte_spec;

	*step = (struct iommusim_walk_step){
		.structure = structure->title,
		.name = structure->name,
		.section = structure->section,
		.table = remapping->table,
		.address = remapping->address,
		.index = remapping->index,
		.quads = 2,
		.readable = remapping->readable,
		.raw = { remapping->entry[0], remapping->entry[1] },
	};
	if (!remapping->readable)
		return;
	step->present = vtd_irte_P(remapping->entry) != 0;
	describe_fields(structure, step->raw, &vtd->spec, step);
}

static const char *interrupt_mode(const struct vtd_remapping *remapping)
{
	if (!remapping->on)
		return "off";
	if (!remapping->remappable)
		return "compatibility interrupt";
	return remapping->extended ? "remapped interrupt, x2APIC" : "remapped interrupt, xAPIC";
}

void vtd_explain_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_walk *walk)
{
	const struct vtd_unit *vtd = vtd_of(unit);
	struct vtd_remapping remapping;
	struct page_request recorded;
	const unsigned reason = vtd_remap(vtd, request, &remapping, out);

	walk->mode = interrupt_mode(&remapping);
	walk->result.translated = remapping.on;
	walk->result.interrupt = reason == 0;
	walk->write_right = reason == 0;
	if (remapping.remappable)
		describe_request(vtd, request, &walk->steps[walk->step_count++]);
	if (remapping.indexed)
		describe_interrupt_entry(vtd, &remapping, &walk->steps[walk->step_count++]);
	if (reason == 0)
		return;
	recorded = vtd_interrupt_fault_request(request, &remapping);
	describe_denial(vtd, &recorded, reason, vtd_irte_FPD(remapping.entry) != 0, RIGHT_READ, walk);
}
