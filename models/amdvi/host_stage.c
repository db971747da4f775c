/*
 * The walk through host tables (AMD-Vi 2.2.3): of a request, and of each address that a nested guest walk comes
 * by. The walk itself is models/formats/page_walk.h.
 */
#include "machine/memory_access.h"
#include "models/amdvi/tables.h"
#include "models/formats/amd_host.h"
#include "models/formats/page_walk.h"

#define BROKEN_LEAF_SHIFT 39u /* 512 GiB: only NextLevel 0 at level 4 is of this size */

/* Reads entries for page_walk(). */
struct reader {
	const struct memory *memory;
	struct walk_path *path;
	uint64_t input; /* the address that is translated */
	uint8_t level;  /* of the next entry */
	bool snoops;
};

static bool load(void *context, uint64_t address, uint64_t *entry)
{
	const struct reader *reader = context;

	return memory_load64(reader->memory, address, reader->snoops, entry);
}

/* The same for whoever wants to see the path. */
static bool load_and_note(void *context, uint64_t address, uint64_t *entry)
{
	struct reader *reader = context;
	const bool readable = load(context, address, entry);
	const bool leaf = amd_host_is_leaf(*entry, reader->level);

	walk_path_note(reader->path, leaf ? &amdvi_pte_spec : &amdvi_pde_spec,
	    address & ~(PAGE_TABLE_BYTES - 1), address, entry, readable);
	walk_path_note_paging(
	    reader->path, 2, reader->level, amd_host_present(*entry) && leaf, reader->input);
	reader->level = (uint8_t)amd_host_next_level(*entry);
	return readable;
}

/* The entries that point at tables: all that were read but the last, which ended the walk. */
static void note_passed(struct walk_shortcut *shortcut, const struct page_walk *walk)
{
	for (unsigned i = 0; i + 1 < walk->step_count; i++)
		shortcut->passed[shortcut->passed_count++] = (struct walk_table){
			.address = amd_host_next_table(walk->steps[i].entry),
			.level = walk->steps[i + 1].level,
			.rights = walk->steps[i].rights,
		};
}

/* DTE.HAD: every entry that was used is accessed, the leaf of a write dirty (AMD-Vi 2.2.3). */
static void note_flags(
    const struct amdvi_space *space, const struct stage_walk *asked, const struct page_walk *walk)
{
	uint64_t accessed = 0, dirty = 0;

	amdvi_pte_set_A(&accessed, 1);
	amdvi_pte_set_D(&dirty, 1);
	for (unsigned i = 0; i < walk->step_count; i++) {
		const bool written = i + 1u == walk->step_count && asked->writes && space->host_dirty;
		const struct walk_mark mark = {
			.address = walk->steps[i].address,
			.seen = walk->steps[i].entry,
			.flags = accessed | (written ? dirty : 0),
			.ignored = accessed | dirty,
			.unwritable = HOST_FLAGS,
		};

		walk_mark(asked->marks, &mark, ALLOWED);
	}
}

static unsigned stop_reason(enum page_walk_stop stop)
{
	static const uint8_t reasons[] = {
		[PAGE_WALK_FOUND] = ALLOWED,
		[PAGE_WALK_UNREADABLE] = HOST_UNREADABLE,
		[PAGE_WALK_NOT_PRESENT] = HOST_NOT_PRESENT,
		[PAGE_WALK_RESERVED] = HOST_RESERVED,
		[PAGE_WALK_DENIED] = HOST_RIGHTS,
		[PAGE_WALK_MISPLACED] = HOST_LEVEL,
	};

	return reasons[stop];
}

static void take_result(struct stage_walk *asked, const struct page_walk *walk)
{
	asked->entry = walk->entry;
	asked->reads += walk->step_count;
	asked->entry_address =
	    walk->step_count == 0 ? asked->entry_address : walk->steps[walk->step_count - 1].address;
	asked->level = walk->level;
	asked->rights = walk->rights;
	asked->shift = walk->shift;
	asked->page = walk->page;
	asked->snoop = amdvi_pte_FC(&walk->entry) != 0;
	asked->untranslated_only = amdvi_pte_U(&walk->entry) != 0;
}

/* Mode 6 translates all 64 bits. */
static bool too_wide(const struct amdvi_space *space, uint64_t address)
{
	return space->host_levels < AMDVI_HOST_LEVELS && address >> (12 + 9u * space->host_levels) != 0;
}

unsigned amdvi_walk_host(
    const struct amdvi_unit *amdvi, const struct amdvi_space *space, struct stage_walk *asked)
{
	struct page_walk_step steps[PAGE_TABLE_LEVELS];
	struct reader reader = {
		.memory = &amdvi->unit.machine->memory,
		.path = asked->path,
		.input = asked->address,
		.snoops = space->snoops,
	};
	struct page_walk walk = {
		.table = space->host_table,
		.first = space->host_levels,
		.granted = PAGE_READ | PAGE_WRITE,
		.needed_always = asked->needed,
		.reserved = &amdvi->reserved.host,
		.context = &reader,
		.steps = steps,
	};
	enum page_walk_stop stop;

	if (too_wide(space, asked->address))
		return HOST_WIDTH;
	if (asked->shortcut != NULL && asked->shortcut->from.level != 0) {
		walk.table = asked->shortcut->from.address;
		walk.first = asked->shortcut->from.level;
		walk.granted = asked->shortcut->from.rights;
	}
	reader.level = walk.first;
	walk.load = asked->path == NULL ? load : load_and_note;
	stop = page_walk(&amd_host, &walk, asked->address);
	if (asked->shortcut != NULL)
		note_passed(asked->shortcut, &walk);
	take_result(asked, &walk);
	if (stop == PAGE_WALK_FOUND && amdvi->choices.no_512g_leaves && walk.shift == BROKEN_LEAF_SHIFT)
		stop = PAGE_WALK_MISPLACED;
	if (stop != PAGE_WALK_FOUND)
		return stop_reason(stop);
	if (space->host_accessed)
		note_flags(space, asked, &walk);
	asked->second_clean = !asked->writes && !amdvi_pte_D(&walk.entry);
	return ALLOWED;
}
