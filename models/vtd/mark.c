/*
 * Accessed and dirty flags: what a translation sets in the paging entries it used, once it is known to
 * succeed (VT-d 3.6.2, 3.7.2). Which flags those are is the walks' business (first_stage.c,
 * second_stage.c).
 */
#include "models/vtd/tables.h"

#include "machine/memory_access.h"
#include "models/vtd/reason.h"

void vtd_mark(struct vtd_marks *marks, const struct vtd_space *space, const struct vtd_mark *mark,
    unsigned unsnooped)
{
	if (marks == NULL || (mark->seen & mark->flags) == mark->flags)
		return;
	/* An entry that is not read through processor caches cannot be changed atomically (VT-d 3.10). */
	if (!space->snoops && marks->reason == ALLOWED)
		marks->reason = unsnooped;
	marks->list[marks->count++] = *mark;
}

/*
 * One entry: set the flags if nothing but flags has changed in it. A flag is never put into an entry
 * that software has replaced meanwhile.
 */
static enum memory_update set_flags(const struct vtd_unit *vtd, const struct vtd_mark *mark)
{
	uint64_t seen = mark->seen;

	for (;;) {
		const enum memory_update update = memory_update64(
		    &vtd->unit.machine->memory, mark->address, &seen, seen | mark->flags);

		if (update != MEMORY_CHANGED || ((seen ^ mark->seen) & ~mark->ignored) != 0)
			return update;
	}
}

unsigned vtd_marks_foresee(const struct vtd_unit *vtd, const struct vtd_marks *marks)
{
	for (unsigned i = 0; i < marks->count; i++)
		if (!memory_is_writable(&vtd->unit.machine->memory, marks->list[i].address))
			return marks->list[i].unwritable;
	return ALLOWED;
}

bool vtd_marks_commit(const struct vtd_unit *vtd, const struct vtd_marks *marks, unsigned *reason)
{
	const unsigned foreseen = vtd_marks_foresee(vtd, marks);

	if (foreseen != ALLOWED) { /* all of them or none: a page is not dirty that was not written */
		*reason = foreseen;
		return true;
	}
	for (unsigned i = 0; i < marks->count; i++)
		if (set_flags(vtd, &marks->list[i]) == MEMORY_CHANGED)
			return false;
	return true;
}
