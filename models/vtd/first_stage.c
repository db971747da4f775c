/*
 * The first-stage walk (VT-d 3.6), and the nested one, in which every address that the first stage comes
 * by goes through the second stage (3.8). The walk itself is models/formats/page_walk.h.
 */
#include "models/vtd/tables.h"

#include "machine/memory_access.h"
#include "models/formats/page_walk.h"
#include "models/formats/x86_first_stage.h"
#include "models/vtd/reason.h"

/* An entry that was read: where it really is, and what the second stage says of that place. */
struct place {
	uint64_t address;
	struct vtd_walk through; /* nested: the second-stage walk that led there */
};

/* Reads entries for page_walk(), through the second stage when there is one. */
struct reader {
	const struct vtd_unit *vtd;
	const struct vtd_space *space;
	const struct page_request *request;
	struct vtd_walk *asked;
	struct place places[PAGE_TABLE_LEVELS];
	unsigned count;
	uint8_t level;   /* of the next entry */
	unsigned reason; /* why it could not be read */
};

static bool is_top(const struct reader *reader)
{
	return reader->level == reader->space->first_levels;
}

static bool is_nested(const struct vtd_space *space)
{
	return space->stages == VTD_NESTED;
}

/* Entries hold guest addresses, which the second stage must be wide enough for (Table 30, SFS.5). */
static bool too_wide(const struct vtd_unit *vtd, const struct vtd_space *space, uint64_t address)
{
	return address >> vtd_second_stage_width(vtd, space) != 0;
}

/*
 * Where an entry of a nested first stage is. To read it takes the second stage's read right, and the
 * write right too where second-stage flags are kept (VT-d 3.8.1).
 */
static unsigned find_place(struct reader *reader, uint64_t address, struct place *place)
{
	const unsigned needed = PAGE_READ | (reader->space->second_flags ? PAGE_WRITE : 0);
	struct vtd_walk *through = &place->through;
	unsigned reason;

	*through = (struct vtd_walk){
		.address = address,
		.marks = reader->asked->marks,
		.path = reader->asked->path,
	};
	if (too_wide(reader->vtd, reader->space, address))
		return SFS_5;
	reason = vtd_walk_second_stage(reader->vtd, reader->space, reader->request, through);
	reader->asked->reads += through->reads;
	if (reason != ALLOWED)
		return reason;
	place->address = through->page | (address & SPEC_MASK(through->shift - 1, 0));
	if ((through->rights & needed) != needed)
		return is_top(reader) ? SFS_6 : SFS_7;
	return ALLOWED;
}

static const struct spec_structure *entry_structure(uint64_t entry, unsigned level)
{
	if (level == 1)
		return &vtd_fs_pte_spec;
	if (level > 3)
		return &vtd_fs_upper_spec;
	if (!x86_is_leaf(entry, level))
		return &vtd_fs_table_spec;
	return level == 2 ? &vtd_fs_leaf2m_spec : &vtd_fs_leaf1g_spec;
}

static void note(const struct reader *reader, uint64_t address, uint64_t entry, bool readable)
{
	struct vtd_path *path = reader->asked->path;

	if (path == NULL)
		return;
	vtd_path_note(path, entry_structure(entry, reader->level), address & ~(PAGE_TABLE_BYTES - 1),
	    address, &entry, readable);
	vtd_path_note_paging(path, 1, reader->level,
	    x86_present(entry) && x86_is_leaf(entry, reader->level), reader->asked->address);
}

/* Where the next entry is in memory: known already when the walk begins at a cached table. */
static unsigned place_of(struct reader *reader, uint64_t address, struct place *place)
{
	const struct vtd_shortcut *shortcut = reader->asked->shortcut;

	if (!is_nested(reader->space)) {
		place->address = address;
		return ALLOWED;
	}
	if (reader->count == 0 && shortcut != NULL && shortcut->from.level != 0) {
		place->address = shortcut->from.address | (address & (PAGE_TABLE_BYTES - 1));
		return ALLOWED;
	}
	return find_place(reader, address, place);
}

static bool load(void *context, uint64_t address, uint64_t *entry)
{
	struct reader *reader = context;
	struct place *place = &reader->places[reader->count];
	bool readable;

	reader->reason = place_of(reader, address, place);
	if (reader->reason != ALLOWED)
		return false;
	readable = memory_load64(
	    &reader->vtd->unit.machine->memory, place->address, reader->space->snoops, entry);
	note(reader, place->address, *entry, readable);
	if (!readable)
		reader->reason = is_top(reader) ? SFS_4 : SFS_1;
	reader->count++;
	reader->level--;
	return readable;
}

/* The entries that point at tables, with where those really are: all that were read but the last. */
static void note_passed(const struct reader *reader, const struct page_walk *walk)
{
	struct vtd_shortcut *shortcut = reader->asked->shortcut;

	if (shortcut == NULL)
		return;
	for (unsigned i = 0; i + 1 < walk->step_count && i + 1 < reader->count; i++)
		shortcut->passed[shortcut->passed_count++] = (struct vtd_table){
			.address = reader->places[i + 1].address & ~(PAGE_TABLE_BYTES - 1),
			.level = (uint8_t)(walk->steps[i].level - 1),
			.rights = walk->steps[i].rights,
		};
}

/* ---- flags ----------------------------------------------------------------------------------------------- */

static uint64_t accessed_flags(const struct vtd_space *space)
{
	uint64_t flags = 0;

	vtd_fs_pte_set_A(&flags, 1);
	if (space->extended_flag)
		vtd_fs_pte_set_EA(&flags, 1);
	return flags;
}

static uint64_t all_flags(void)
{
	uint64_t flags = 0;

	vtd_fs_pte_set_A(&flags, 1);
	vtd_fs_pte_set_D(&flags, 1);
	vtd_fs_pte_set_EA(&flags, 1);
	return flags;
}

/* Setting a flag is a write of the first-stage table's page: the second stage's leaf gets dirty. */
static void note_written_table(const struct reader *reader, const struct place *place)
{
	uint64_t dirty = 0, accessed = 0;

	vtd_ss_pte_set_D(&dirty, 1);
	vtd_ss_pte_set_A(&accessed, 1);
	const struct vtd_mark mark = {
		.address = place->through.entry_address,
		.seen = place->through.entry,
		.flags = dirty,
		.ignored = dirty | accessed,
		.unwritable = SSS_6,
	};
	if (reader->space->second_flags)
		vtd_mark(reader->asked->marks, reader->space, &mark, SSS_5);
}

/* Every entry that was used is accessed, the leaf of a write dirty (VT-d 3.6.2). */
static void note_flags(const struct reader *reader, const struct page_walk *walk)
{
	struct vtd_marks *marks = reader->asked->marks;
	uint64_t dirty = 0;

	vtd_fs_pte_set_D(&dirty, 1);
	for (unsigned i = 0; marks != NULL && i < walk->step_count; i++) {
		const bool leaf = i + 1u == walk->step_count;
		const struct vtd_mark mark = {
			.address = reader->places[i].address,
			.seen = walk->steps[i].entry,
			.flags =
			    accessed_flags(reader->space) | (leaf && reader->asked->writes ? dirty : 0),
			.ignored = all_flags(),
			.unwritable = SFS_10,
		};

		if ((mark.seen & mark.flags) == mark.flags)
			continue;
		if (is_nested(reader->space)) {
			if ((reader->places[i].through.rights & PAGE_WRITE) == 0 &&
			    marks->reason == ALLOWED)
				marks->reason = SFS_8;
			note_written_table(reader, &reader->places[i]);
		}
		vtd_mark(marks, reader->space, &mark, SFS_9);
	}
}

/* ---- the walk -------------------------------------------------------------------------------------------- */

/* What the entries give a request of this privilege (VT-d 3.6.1). */
static unsigned rights_of(const struct vtd_space *space, unsigned entries)
{
	if (!space->privileged)
		return (entries & PAGE_USER) == 0 ? 0 : entries & (PAGE_READ | PAGE_WRITE);
	return (entries & PAGE_READ) |
	    ((entries & PAGE_WRITE) != 0 || !space->write_protect ? PAGE_WRITE : 0);
}

/* Bits above the highest that the tables translate are copies of it (Table 30, SGN.1). */
static bool is_canonical(const struct vtd_space *space, uint64_t address)
{
	const unsigned sign = 11 + 9u * space->first_levels;
	const uint64_t above = address >> sign;

	return above == 0 || above == UINT64_MAX >> sign;
}

/* Why a walk that found no leaf faults (VT-d 7.1.3: SFS, SGN; SSS below the first stage). */
static unsigned stop_reason(
    const struct reader *reader, enum page_walk_stop stop, const struct page_walk *walk)
{
	switch (stop) {
	case PAGE_WALK_UNREADABLE:
		return reader->reason;
	case PAGE_WALK_NOT_PRESENT:
		return SFS_2;
	case PAGE_WALK_RESERVED:
		return SFS_3;
	default:
		return (walk->rights & PAGE_USER) == 0 && !reader->space->privileged ? SGN_2 : SGN_6;
	}
}

/* Rights whose lack ends the walk at any entry: a user's, and by choice of the unit a writer's. */
static void set_needs(const struct reader *reader, struct page_walk *walk)
{
	const bool protects = !reader->space->privileged || reader->space->write_protect;

	if (reader->vtd->choices.rights_at_each_level && protects)
		walk->needed_early = reader->asked->needed & PAGE_WRITE;
	walk->needed_always = reader->space->privileged ? 0 : PAGE_USER;
}

/* The page that the first stage found is a guest's: the second stage has the last word (VT-d 3.8). */
static unsigned walk_on(const struct reader *reader, uint64_t guest)
{
	struct vtd_walk *asked = reader->asked;
	struct vtd_walk second = {
		.address = guest,
		.needed = asked->needed,
		.writes = asked->writes,
		.marks = asked->marks,
		.path = asked->path,
	};
	unsigned reason;

	if (too_wide(reader->vtd, reader->space, guest))
		return SFS_5;
	reason = vtd_walk_second_stage(reader->vtd, reader->space, reader->request, &second);
	asked->reads += second.reads;
	asked->rights &= second.rights;
	if (reason != ALLOWED)
		return reason;
	asked->shift = second.shift < asked->shift ? second.shift : asked->shift;
	asked->page =
	    (second.page | (guest & SPEC_MASK(second.shift - 1, 0))) & ~SPEC_MASK(asked->shift - 1, 0);
	asked->snoop = second.snoop;
	asked->clean |= second.clean;
	return ALLOWED;
}

unsigned vtd_walk_first_stage(const struct vtd_unit *vtd, const struct vtd_space *space,
    const struct page_request *request, struct vtd_walk *asked)
{
	struct page_walk_step steps[PAGE_TABLE_LEVELS];
	struct reader reader = { .vtd = vtd, .space = space, .request = request, .asked = asked };
	struct page_walk walk = {
		.table = space->first_table,
		.first = space->first_levels,
		.granted = PAGE_READ | PAGE_WRITE | PAGE_USER,
		.reserved = &vtd->first_stage_reserved,
		.load = load,
		.context = &reader,
		.steps = steps,
	};
	enum page_walk_stop stop;
	unsigned reason = ALLOWED;

	if (!is_canonical(space, asked->address))
		return SGN_1;
	if (asked->shortcut != NULL && asked->shortcut->from.level != 0) {
		walk.table = asked->shortcut->from.address; /* as it is in memory: place_of() knows */
		walk.first = asked->shortcut->from.level;
		walk.granted = asked->shortcut->from.rights;
	}
	reader.level = walk.first;
	set_needs(&reader, &walk);
	stop = page_walk(&x86_first_stage, &walk, asked->address);
	note_passed(&reader, &walk);
	asked->entry = walk.entry;
	asked->reads += reader.count;
	asked->level = walk.level;
	asked->rights = (uint8_t)rights_of(space, walk.rights);
	if (stop != PAGE_WALK_FOUND)
		return stop_reason(&reader, stop, &walk);
	asked->shift = (uint8_t)page_level_shift(walk.level);
	asked->page = walk.page;
	asked->clean = !asked->writes && !vtd_fs_pte_D(&walk.entry);
	note_flags(&reader, &walk);
	if (is_nested(space))
		reason =
		    walk_on(&reader, walk.page | (asked->address & SPEC_MASK(asked->shift - 1, 0)));
	return reason;
}
