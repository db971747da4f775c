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

void vtd_explain(
    struct iommusim_unit *unit, const struct page_request *request, struct iommusim_walk *walk)
{
	struct vtd_unit *vtd = vtd_of(unit);
	struct vtd_context context = { .valid = false };
	struct vtd_path path = { .mode = "context" };
	unsigned rights, reason;

	if (vtd_beside_tables(vtd, request, &walk->result, &reason)) {
		walk->mode = walk->result.translated ? "interrupt range" : "off";
		walk->read_right = walk->write_right = !walk->result.faulted && reason == 0;
		if (reason != 0)
			describe_denial(vtd, request, reason, false, RIGHT_READ, walk);
		return;
	}
	reason = vtd_resolve(vtd, request, &context, &walk->result, &rights, &path);
	walk->mode = path.mode;
	walk->levels = path.levels;
	walk->address_width = path.levels == 0 ? 0 : (uint8_t)(12 + 9 * path.levels);
	walk->read_right = (rights & RIGHT_READ) != 0;
	walk->write_right = (rights & RIGHT_WRITE) != 0;
	for (unsigned n = 0; n < path.count; n++)
		describe_step(vtd, &path, n, &walk->steps[walk->step_count++]);
	if (reason != 0)
		describe_denial(vtd, request, reason, context.fault_disable, rights, walk);
}
