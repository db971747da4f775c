/*
 * The second-stage walk (VT-d 3.7): of legacy mode, of scalable mode, and of each address that a nested
 * first stage comes by. The walk itself is models/formats/page_walk.h.
 */
#include "models/vtd/tables.h"

#include "machine/memory_access.h"
#include "models/formats/page_walk.h"
#include "models/formats/vtd_second_stage.h"
#include "models/vtd/reason.h"

/* Reads entries for page_walk(). */
struct reader {
	const struct vtd_unit *vtd;
	const struct vtd_space *space;
	struct walk_path *path;
	uint64_t input; /* the address that is translated */
	uint8_t level;  /* of the next entry */
};

static const struct spec_structure *entry_structure(uint64_t entry, unsigned level)
{
	if (level == 1)
		return &vtd_ss_pte_spec;
	if (level > 3)
		return &vtd_ss_upper_spec;
	if (!vtd_ss_is_leaf(entry, level))
		return &vtd_ss_table_spec;
	return level == 2 ? &vtd_ss_leaf2m_spec : &vtd_ss_leaf1g_spec;
}

static bool is_present(const struct vtd_space *space, uint64_t entry)
{
	return space->io_rights ? vtd_ss_io_present(entry) : vtd_ss_present(entry);
}

static bool load(void *context, uint64_t address, uint64_t *entry)
{
	const struct reader *reader = context;

	return memory_load64(&reader->vtd->unit.machine->memory, address, reader->space->snoops, entry);
}

/* The same for whoever wants to see the path. */
static bool load_and_note(void *context, uint64_t address, uint64_t *entry)
{
	struct reader *reader = context;
	const bool readable = load(context, address, entry);
	const unsigned level = reader->level--;

	walk_path_note(reader->path, entry_structure(*entry, level), address & ~(PAGE_TABLE_BYTES - 1),
	    address, entry, readable);
	walk_path_note_paging(reader->path, 2, level,
	    is_present(reader->space, *entry) && vtd_ss_is_leaf(*entry, level), reader->input);
	return readable;
}

/* The entries that point at tables: all that were read but the last, which ended the walk. */
static void note_passed(struct walk_shortcut *shortcut, const struct page_walk *walk)
{
	for (unsigned i = 0; i + 1 < walk->step_count; i++)
		shortcut->passed[shortcut->passed_count++] = (struct walk_table){
			.address = vtd_ss_next_table(walk->steps[i].entry),
			.level = (uint8_t)(walk->steps[i].level - 1),
			.rights = walk->steps[i].rights,
		};
}

/* SSADE: every entry that was used is accessed, the leaf of a write dirty (VT-d 3.7.2). */
static void note_flags(
    struct stage_walk *asked, const struct vtd_space *space, const struct page_walk *walk)
{
	uint64_t accessed = 0, dirty = 0;

	vtd_ss_pte_set_A(&accessed, 1);
	vtd_ss_pte_set_D(&dirty, 1);
	for (unsigned i = 0; i < walk->step_count; i++) {
		const bool leaf = i + 1u == walk->step_count;
		const struct walk_mark mark = {
			.address = walk->steps[i].address,
			.seen = walk->steps[i].entry,
			.flags = accessed | (leaf && asked->writes ? dirty : 0),
			.ignored = accessed | dirty,
			.unwritable = SSS_6,
		};

		/* An entry that is not read through processor caches cannot be changed atomically (VT-d 3.10). */
		walk_mark(asked->marks, &mark, space->snoops ? ALLOWED : SSS_5);
	}
}

/* Why a walk that found no leaf faults (VT-d 7.1.3: LSS, LGN; SSS, SGN). */
static unsigned stop_reason(const struct vtd_unit *vtd, const struct vtd_space *space,
    const struct page_request *request, enum page_walk_stop stop, const struct page_walk *walk)
{
	const bool top = walk->level == space->second_levels;

	switch (stop) {
	case PAGE_WALK_UNREADABLE:
		if (space->scalable)
			return top ? SSS_4 : SSS_1;
		return top ? LCT_4 : LSS_1;
	case PAGE_WALK_RESERVED:
		return space->scalable ? SSS_3 : LSS_2;
	case PAGE_WALK_NOT_PRESENT:
		if (space->scalable)
			return SSS_2;
		return vtd_check_rights(vtd, request, space, walk->rights);
	default:
		return vtd_check_rights(vtd, request, space, walk->rights);
	}
}

static void begin_at(struct page_walk *walk, const struct walk_table *table)
{
	walk->table = table->address;
	walk->first = table->level;
	walk->granted = table->rights;
}

static void take_result(struct stage_walk *asked, const struct page_walk *walk)
{
	asked->entry = walk->entry;
	asked->reads += walk->level == 0 ? 0 : walk->first - walk->level + 1u; /* 0: it read nothing */
	asked->entry_address = walk->step_count == 0 ? 0 : walk->steps[walk->step_count - 1].address;
	asked->level = walk->level;
	asked->rights = walk->rights; /* of a fault too, for its class: 0 is "not there at all" */
	asked->shift = (uint8_t)page_level_shift(walk->level);
	asked->page = walk->page;
	asked->snoop = vtd_ss_pte_SNP(&walk->entry) != 0;
}

/* Once for each format and way to load, so that the compiler knows both. */
static inline __attribute__((always_inline)) enum page_walk_stop walk_with(
    bool (*load_entry)(void *, uint64_t, uint64_t *), const struct vtd_space *space,
    struct page_walk *walk, uint64_t address)
{
	walk->load = load_entry;
	return space->io_rights ? page_walk(&vtd_second_stage_io, walk, address)
				: page_walk(&vtd_second_stage, walk, address);
}

unsigned vtd_walk_second_stage(const struct vtd_unit *vtd, const struct vtd_space *space,
    const struct page_request *request, struct stage_walk *asked)
{
	struct page_walk_step steps[PAGE_TABLE_LEVELS];
	struct reader reader = {
		.vtd = vtd, .space = space, .path = asked->path, .input = asked->address
	};
	struct page_walk walk = {
		.table = space->second_table,
		.first = space->second_levels,
		.granted = PAGE_READ | PAGE_WRITE,
		.needed_early = vtd->choices.rights_at_each_level ? asked->needed : 0,
		.reserved =
		    space->io_rights ? &vtd->second_stage_io_reserved : &vtd->second_stage_reserved,
		.context = &reader,
		.steps = asked->shortcut != NULL || space->second_flags ? steps : NULL,
	};
	enum page_walk_stop stop;

	if (asked->shortcut != NULL && asked->shortcut->from.level != 0)
		begin_at(&walk, &asked->shortcut->from);
	reader.level = walk.first;
	stop = asked->path == NULL ? walk_with(load, space, &walk, asked->address)
				   : walk_with(load_and_note, space, &walk, asked->address);
	if (asked->shortcut != NULL)
		note_passed(asked->shortcut, &walk);
	take_result(asked, &walk);
	if (stop != PAGE_WALK_FOUND)
		return stop_reason(vtd, space, request, stop, &walk);
	if (space->second_flags) {
		note_flags(asked, space, &walk);
		asked->clean = asked->second_clean = !asked->writes && !vtd_ss_pte_D(&walk.entry);
	}
	return ALLOWED;
}
