/*
 * What walks leave behind: the path, tables for caches, and accessed and dirty flags, noted on the way and set
 * once the translation is known to succeed.
 */
#include "models/common/walk.h"

#include "machine/memory_access.h"

void walk_path_add(struct walk_path *path, const struct spec_structure *structure, uint64_t table,
    uint64_t address, const uint64_t *raw, bool readable)
{
	struct walk_path_step *step = &path->steps[path->count++];

	*step = (struct walk_path_step){
		.structure = structure, .table = table, .address = address, .readable = readable
	};
	for (unsigned quad = 0; quad < structure->bits / 64u; quad++)
		step->raw[quad] = raw[quad];
}

void walk_path_note_paging(
    struct walk_path *path, unsigned stage, unsigned level, bool leaf, uint64_t input)
{
	struct walk_path_step *step = &path->steps[path->count - 1];

	step->stage = (uint8_t)stage;
	step->level = (uint8_t)level;
	step->leaf = leaf;
	step->input = input;
}

void walk_tables_keep(struct cache *cache, const struct walk_shortcut *shortcut, uint64_t address,
    const struct cached *like)
{
	for (unsigned i = 0; i < shortcut->passed_count; i++) {
		const struct walk_table *table = &shortcut->passed[i];
		const unsigned shift = page_level_shift(table->level + 1u);
		struct cached entry = *like;

		entry.key = address >> shift << shift;
		entry.value[0] = table->address;
		entry.value[1] = table->level;
		entry.shift = (uint8_t)shift;
		entry.rights = table->rights;
		cache_insert(cache, &entry);
	}
}

void stage_walk_forget(struct stage_walk *walk, unsigned start)
{
	walk->reads = walk->nested_reads = 0;
	if (walk->marks != NULL)
		walk->marks->count = walk->marks->reason = 0; /* the list is long */
	if (walk->path != NULL)
		walk->path->count = (uint8_t)start;
	if (walk->shortcut != NULL)
		walk->shortcut->passed_count = 0;
}

void walk_mark(struct walk_marks *marks, const struct walk_mark *mark, unsigned unsnooped)
{
	if (marks == NULL || (mark->seen & mark->flags) == mark->flags)
		return;
	if (marks->reason == 0)
		marks->reason = unsnooped;
	marks->list[marks->count++] = *mark;
}

/*
 * One entry: set the flags if nothing but flags has changed in it. A flag is never put into an entry
 * that software has replaced meanwhile.
 */
static enum memory_update set_flags(const struct memory *memory, const struct walk_mark *mark)
{
	uint64_t seen = mark->seen;

	for (;;) {
		const enum memory_update update =
		    memory_update64(memory, mark->address, &seen, seen | mark->flags);

		if (update != MEMORY_CHANGED || ((seen ^ mark->seen) & ~mark->ignored) != 0)
			return update;
	}
}

const struct walk_mark *walk_marks_unwritable(
    const struct memory *memory, const struct walk_marks *marks)
{
	for (unsigned i = 0; i < marks->count; i++)
		if (!memory_is_writable(memory, marks->list[i].address))
			return &marks->list[i];
	return NULL;
}

unsigned walk_marks_foresee(const struct memory *memory, const struct walk_marks *marks)
{
	const struct walk_mark *mark = walk_marks_unwritable(memory, marks);

	return mark == NULL ? 0 : mark->unwritable;
}

bool walk_marks_set(const struct memory *memory, const struct walk_marks *marks, unsigned *reason)
{
	const unsigned foreseen = walk_marks_foresee(memory, marks);

	if (foreseen != 0) { /* all of them or none: a page is not dirty that was not written */
		*reason = foreseen;
		return true;
	}
	for (unsigned i = 0; i < marks->count; i++)
		if (set_flags(memory, &marks->list[i]) == MEMORY_CHANGED)
			return false;
	return true;
}
