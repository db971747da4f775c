/*
 * Guest translation (AMD-Vi 2.2.6, 2.2.7): the GCR3 table finds the tables of a PASID, and those, x86's, are
 * walked as VT-d's first stage is (models/common/first_stage.h); nested, every address goes through host tables.
 */
#include "machine/memory_access.h"
#include "models/amdvi/tables.h"
#include "models/common/first_stage.h"

#define GCR3_INDEX_BITS 9u

/* What first_stage_walk() gets back with each address that host tables are to translate. */
struct guest {
	const struct amdvi_unit *amdvi;
	const struct amdvi_space *space;
};

static const struct first_stage_reasons reasons = {
	.not_canonical = GUEST_WIDTH,
	.unreadable_top = GUEST_UNREADABLE,
	.unreadable = GUEST_UNREADABLE,
	.not_present = GUEST_NOT_PRESENT,
	.reserved = GUEST_RESERVED,
	.user = GUEST_USER,
	.write = GUEST_RIGHTS,
	.table_denied_top = GUEST_TABLE_RIGHTS,
	.table_denied = GUEST_TABLE_RIGHTS,
	.flag_denied = GUEST_TABLE_RIGHTS,
	.flag_unsnooped = ALLOWED,
	.flag_unwritable = GUEST_FLAGS,
	.second_unsnooped = ALLOWED,
	.second_unwritable = HOST_FLAGS,
};

static const struct first_stage_structures structures = {
	.leaf = { [1] = &amdvi_guest_pte_spec,
	    [2] = &amdvi_guest_leaf2m_spec,
	    [3] = &amdvi_guest_leaf1g_spec },
	.table = &amdvi_guest_table_spec,
	.upper = &amdvi_guest_upper_spec,
};

static unsigned through_host(void *context, struct stage_walk *through)
{
	const struct guest *guest = context;

	return amdvi_walk_host(guest->amdvi, guest->space, through);
}

/* ---- GCR3 table ------------------------------------------------------------------------------------------ */

static void note_gcr3(
    const struct stage_walk *asked, uint64_t table, uint64_t address, uint64_t entry, bool readable)
{
	walk_path_note(asked->path, &amdvi_gcr3_entry_spec, table, address, &entry, readable);
}

/* A GCR3 table in memory, where its address is one that host tables translate. */
static unsigned find_gcr3_table(
    const struct guest *guest, struct stage_walk *asked, uint64_t *table, unsigned *reads)
{
	struct stage_walk through = {
		.address = *table,
		.needed = PAGE_READ,
		.marks = asked->marks,
		.path = asked->path,
	};
	unsigned reason;

	if (!guest->space->gcr3_is_guest || !amdvi_is_nested(guest->space))
		return ALLOWED;
	reason = amdvi_walk_host(guest->amdvi, guest->space, &through);
	*reads += through.reads;
	asked->entry_address = through.entry_address;
	if (reason != ALLOWED)
		return reason == HOST_RIGHTS ? GUEST_TABLE_RIGHTS : reason;
	*table = through.page | (*table & SPEC_MASK(through.shift - 1, 0));
	return ALLOWED;
}

/* The root of the PASID's tables (AMD-Vi 2.2.6): nine bits of the PASID choose an entry of each level. */
static unsigned find_root(const struct guest *guest, struct stage_walk *asked, uint64_t *root)
{
	const struct memory *memory = &guest->amdvi->unit.machine->memory;
	const struct amdvi_space *space = guest->space;
	uint64_t table = space->gcr3;

	for (unsigned level = space->gcr3_levels; level-- > 0;) {
		const unsigned index =
		    space->pasid >> GCR3_INDEX_BITS * level & (PAGE_TABLE_ENTRIES - 1);
		unsigned reason, nested = 0;
		uint64_t entry = 0;
		bool readable;

		reason = find_gcr3_table(guest, asked, &table, &nested);
		asked->reads += nested;
		asked->nested_reads += nested;
		if (reason != ALLOWED)
			return reason;
		asked->entry_address = table + index * sizeof(entry);
		readable = memory_load64(memory, asked->entry_address, space->snoops, &entry);
		asked->reads++;
		asked->entry = entry;
		note_gcr3(asked, table, asked->entry_address, entry, readable);
		if (!readable)
			return GCR3_UNREADABLE;
		if (!amdvi_gcr3_entry_V(&entry))
			return GCR3_NOT_VALID;
		if ((entry & guest->amdvi->reserved.gcr3) != 0)
			return GCR3_RESERVED;
		table = amdvi_gcr3_entry_CR3(&entry) << IOMMUSIM_PAGE_SHIFT;
	}
	*root = table;
	return ALLOWED;
}

/* ---- guest tables ---------------------------------------------------------------------------------------- */

static uint64_t accessed_flag(void)
{
	uint64_t flag = 0;

	amdvi_guest_pte_set_A(&flag, 1);
	return flag;
}

static uint64_t dirty_flag(void)
{
	uint64_t flag = 0;

	amdvi_guest_pte_set_D(&flag, 1);
	return flag;
}

static void set_flags(const struct amdvi_space *space, struct first_stage *stage)
{
	uint64_t host_accessed = 0, host_dirty = 0;

	amdvi_pte_set_A(&host_accessed, 1);
	amdvi_pte_set_D(&host_dirty, 1);
	stage->accessed = space->guest_accessed ? accessed_flag() : 0;
	stage->dirty = space->guest_dirty ? dirty_flag() : 0;
	stage->ignored = accessed_flag() | dirty_flag();
	stage->second_dirty = space->host_dirty ? host_dirty : 0;
	stage->second_ignored = host_accessed | host_dirty;
}

/* The root is among what is cached: as a table whose address is known in memory. */
static void keep_root(struct stage_walk *asked, unsigned levels)
{
	struct walk_shortcut *shortcut = asked->shortcut;

	if (shortcut == NULL || asked->top == 0 || shortcut->from.level != 0)
		return;
	shortcut->passed[shortcut->passed_count++] = (struct walk_table){
		.address = asked->top,
		.level = (uint8_t)levels,
		.rights = PAGE_READ | PAGE_WRITE | PAGE_USER | PAGE_EXECUTE,
	};
}

unsigned amdvi_walk_guest(
    const struct amdvi_unit *amdvi, const struct amdvi_space *space, struct stage_walk *asked)
{
	struct guest guest = { .amdvi = amdvi, .space = space };
	struct first_stage stage = {
		.memory = &amdvi->unit.machine->memory,
		.reserved = &amdvi->reserved.guest,
		.reasons = &reasons,
		.structures = &structures,
		.second = through_host,
		.context = &guest,
		.levels = space->guest_levels,
		.table_rights = PAGE_READ,
		.table_needed = PAGE_READ,
		.nested = amdvi_is_nested(space),
		.snoops = space->snoops,
		.unsigned_address = !space->canonical,
		.privileged = space->privileged,
		.write_protect = true,
		.execution = true,
	};
	unsigned reason = ALLOWED;

	set_flags(space, &stage);
	if (asked->shortcut == NULL || asked->shortcut->from.level == 0)
		reason = find_root(&guest, asked, &stage.table);
	if (reason != ALLOWED)
		return reason;
	reason = first_stage_walk(&stage, asked);
	keep_root(asked, stage.levels);
	return reason;
}
