/*
 * The x86 walk of both vendors, with its places, flags and reasons. The loop itself is
 * models/formats/page_walk.h, the second stage below it the vendor's.
 */
#include "models/common/first_stage.h"

#include "machine/memory_access.h"
#include "models/formats/page_walk.h"
#include "models/formats/x86_first_stage.h"

/* An entry that was read: where it really is, and what the second stage says of that place. */
struct place {
	uint64_t address;
	struct stage_walk through; /* nested: the second-stage walk that led there */
};

/* Reads entries for page_walk(), through the second stage when there is one. */
struct reader {
	const struct first_stage *stage;
	struct stage_walk *asked;
	struct place places[PAGE_TABLE_LEVELS];
	unsigned count;
	uint8_t level;   /* of the next entry */
	unsigned reason; /* why it could not be read */
};

static bool is_top(const struct reader *reader)
{
	return reader->level == reader->stage->levels;
}

/* Where an entry of a nested first stage is. */
static unsigned find_place(struct reader *reader, uint64_t address, struct place *place)
{
	const struct first_stage *stage = reader->stage;
	struct stage_walk *through = &place->through;
	unsigned reason;

	*through = (struct stage_walk){
		.address = address,
		.needed = stage->table_needed,
		.marks = reader->asked->marks,
		.path = reader->asked->path,
	};
	reason = stage->second(stage->context, through);
	reader->asked->reads += through->reads;
	reader->asked->nested_reads += through->reads;
	reader->asked->entry_address = through->entry_address;
	if (reason != 0)
		return reason;
	place->address = through->page | (address & SPEC_MASK(through->shift - 1, 0));
	if ((through->rights & stage->table_rights) != stage->table_rights)
		return is_top(reader) ? stage->reasons->table_denied_top : stage->reasons->table_denied;
	return 0;
}

static const struct spec_structure *entry_structure(
    const struct first_stage *stage, uint64_t entry, unsigned level)
{
	if (level > 3)
		return stage->structures->upper;
	return x86_is_leaf(entry, level) ? stage->structures->leaf[level] : stage->structures->table;
}

static void note(const struct reader *reader, uint64_t address, uint64_t entry, bool readable)
{
	struct walk_path *path = reader->asked->path;

	if (path == NULL)
		return;
	walk_path_note(path, entry_structure(reader->stage, entry, reader->level),
	    address & ~(PAGE_TABLE_BYTES - 1), address, &entry, readable);
	walk_path_note_paging(path, 1, reader->level,
	    x86_present(entry) && x86_is_leaf(entry, reader->level), reader->asked->address);
}

/* Where the next entry is in memory: known already when the walk begins at a cached table. */
static unsigned place_of(struct reader *reader, uint64_t address, struct place *place)
{
	const struct walk_shortcut *shortcut = reader->asked->shortcut;

	if (!reader->stage->nested) {
		place->address = address;
		return 0;
	}
	if (reader->count == 0 && shortcut != NULL && shortcut->from.level != 0) {
		place->address = shortcut->from.address | (address & (PAGE_TABLE_BYTES - 1));
		return 0;
	}
	return find_place(reader, address, place);
}

static bool load(void *context, uint64_t address, uint64_t *entry)
{
	struct reader *reader = context;
	const struct first_stage *stage = reader->stage;
	struct place *place = &reader->places[reader->count];
	bool readable;

	reader->reason = place_of(reader, address, place);
	if (reader->reason != 0)
		return false;
	readable = memory_load64(stage->memory, place->address, stage->snoops, entry);
	note(reader, place->address, *entry, readable);
	reader->asked->entry_address = place->address;
	if (!readable)
		reader->reason =
		    is_top(reader) ? stage->reasons->unreadable_top : stage->reasons->unreadable;
	reader->count++;
	reader->level--;
	return readable;
}

/* The entries that point at tables, with where those really are: all that were read but the last. */
static void note_passed(const struct reader *reader, const struct page_walk *walk)
{
	struct walk_shortcut *shortcut = reader->asked->shortcut;

	if (shortcut == NULL)
		return;
	for (unsigned i = 0; i + 1 < walk->step_count && i + 1 < reader->count; i++)
		shortcut->passed[shortcut->passed_count++] = (struct walk_table){
			.address = reader->places[i + 1].address & ~(PAGE_TABLE_BYTES - 1),
			.level = (uint8_t)(walk->steps[i].level - 1),
			.rights = walk->steps[i].rights,
		};
}

/* ---- flags ----------------------------------------------------------------------------------------------- */

/* Setting a flag is a write of the first-stage table's page: the second stage's leaf gets dirty. */
static void note_written_table(const struct reader *reader, const struct place *place)
{
	const struct first_stage *stage = reader->stage;
	const struct walk_mark mark = {
		.address = place->through.entry_address,
		.seen = place->through.entry,
		.flags = stage->second_dirty,
		.ignored = stage->second_ignored,
		.unwritable = stage->reasons->second_unwritable,
	};

	walk_mark(reader->asked->marks, &mark, stage->snoops ? 0 : stage->reasons->second_unsnooped);
}

/* Every entry that was used is accessed, the leaf of a write dirty. */
static void note_flags(const struct reader *reader, const struct page_walk *walk)
{
	const struct first_stage *stage = reader->stage;
	struct walk_marks *marks = reader->asked->marks;

	for (unsigned i = 0; marks != NULL && i < walk->step_count; i++) {
		const bool leaf = i + 1u == walk->step_count;
		const struct walk_mark mark = {
			.address = reader->places[i].address,
			.seen = walk->steps[i].entry,
			.flags = stage->accessed | (leaf && reader->asked->writes ? stage->dirty : 0),
			.ignored = stage->ignored,
			.unwritable = stage->reasons->flag_unwritable,
		};

		if ((mark.seen & mark.flags) == mark.flags)
			continue;
		if (stage->nested) {
			if ((reader->places[i].through.rights & PAGE_WRITE) == 0 && marks->reason == 0)
				marks->reason = stage->reasons->flag_denied;
			note_written_table(reader, &reader->places[i]);
		}
		walk_mark(marks, &mark, stage->snoops ? 0 : stage->reasons->flag_unsnooped);
	}
}

/* ---- the walk -------------------------------------------------------------------------------------------- */

/* What the entries give a request of this privilege. */
static unsigned rights_of(const struct first_stage *stage, unsigned entries)
{
	if (!stage->privileged)
		return (entries & PAGE_USER) == 0 ? 0 : entries & (PAGE_READ | PAGE_WRITE);
	return (entries & PAGE_READ) |
	    ((entries & PAGE_WRITE) != 0 || !stage->write_protect ? PAGE_WRITE : 0);
}

/* Bits above the highest that the tables translate are copies of it, or there are none. */
static bool is_canonical(const struct first_stage *stage, uint64_t address)
{
	const unsigned sign = 11 + 9u * stage->levels;
	const uint64_t above = address >> sign;

	if (stage->unsigned_address)
		return above >> 1 == 0;
	return above == 0 || above == UINT64_MAX >> sign;
}

/* Why a walk that found no leaf faults. */
static unsigned stop_reason(
    const struct reader *reader, enum page_walk_stop stop, const struct page_walk *walk)
{
	const struct first_stage_reasons *reasons = reader->stage->reasons;

	switch (stop) {
	case PAGE_WALK_UNREADABLE:
		return reader->reason;
	case PAGE_WALK_NOT_PRESENT:
		return reasons->not_present;
	case PAGE_WALK_RESERVED:
		return reasons->reserved;
	default:
		return (walk->rights & PAGE_USER) == 0 && !reader->stage->privileged ? reasons->user
										     : reasons->write;
	}
}

/* Rights whose lack ends the walk at any entry: a user's, and a writer's where it is to be so. */
static void set_needs(const struct reader *reader, struct page_walk *walk)
{
	const struct first_stage *stage = reader->stage;

	if (stage->write_early && (!stage->privileged || stage->write_protect))
		walk->needed_early = reader->asked->needed & PAGE_WRITE;
	walk->needed_always = stage->privileged ? 0 : PAGE_USER;
}

/* The page that the first stage found is a guest's: the second stage has the last word. */
static unsigned walk_on(const struct reader *reader, uint64_t guest)
{
	const struct first_stage *stage = reader->stage;
	struct stage_walk *asked = reader->asked;
	struct stage_walk second = {
		.address = guest,
		.needed = asked->needed,
		.writes = asked->writes,
		.marks = asked->marks,
		.path = asked->path,
	};
	const unsigned reason = stage->second(stage->context, &second);

	asked->reads += second.reads;
	asked->nested_reads += second.reads;
	asked->rights &= second.rights;
	asked->entry_address = second.entry_address;
	if (reason != 0)
		return reason;
	asked->shift = second.shift < asked->shift ? second.shift : asked->shift;
	asked->page =
	    (second.page | (guest & SPEC_MASK(second.shift - 1, 0))) & ~SPEC_MASK(asked->shift - 1, 0);
	asked->snoop = second.snoop;
	asked->untranslated_only = second.untranslated_only;
	asked->second_clean = second.second_clean;
	return 0;
}

static unsigned take_result(
    const struct reader *reader, enum page_walk_stop stop, const struct page_walk *walk)
{
	const struct first_stage *stage = reader->stage;
	struct stage_walk *asked = reader->asked;

	asked->entry = walk->entry;
	asked->reads += reader->count;
	asked->level = walk->level;
	asked->rights = (uint8_t)rights_of(stage, walk->rights);
	asked->executable = (walk->rights & PAGE_EXECUTE) != 0;
	asked->top = reader->count == 0 ? 0 : reader->places[0].address & ~(PAGE_TABLE_BYTES - 1);
	if (stop != PAGE_WALK_FOUND)
		return stop_reason(reader, stop, walk);
	asked->shift = (uint8_t)page_level_shift(walk->level);
	asked->page = walk->page;
	asked->clean = !asked->writes && stage->dirty != 0 && (walk->entry & stage->dirty) == 0;
	note_flags(reader, walk);
	if (!stage->nested)
		return 0;
	return walk_on(reader, walk->page | (asked->address & SPEC_MASK(asked->shift - 1, 0)));
}

unsigned first_stage_walk(const struct first_stage *stage, struct stage_walk *asked)
{
	struct page_walk_step steps[PAGE_TABLE_LEVELS];
	struct reader reader = { .stage = stage, .asked = asked };
	struct page_walk walk = {
		.table = stage->table,
		.first = stage->levels,
		.granted = PAGE_READ | PAGE_WRITE | PAGE_USER | PAGE_EXECUTE,
		.reserved = stage->reserved,
		.load = load,
		.context = &reader,
		.steps = steps,
	};
	enum page_walk_stop stop;

	if (!is_canonical(stage, asked->address))
		return stage->reasons->not_canonical;
	if (asked->shortcut != NULL && asked->shortcut->from.level != 0) {
		walk.table = asked->shortcut->from.address; /* as it is in memory: place_of() knows */
		walk.first = asked->shortcut->from.level;
		walk.granted = asked->shortcut->from.rights;
	}
	reader.level = walk.first;
	set_needs(&reader, &walk);
	stop = stage->execution ? page_walk(&x86_first_stage_nx, &walk, asked->address)
				: page_walk(&x86_first_stage, &walk, asked->address);
	note_passed(&reader, &walk);
	return take_result(&reader, stop, &walk);
}
