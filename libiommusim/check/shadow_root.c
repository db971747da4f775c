/* Where units begin to read: the tables that their registers point to. */
#include "check/shadow_node.h"

static bool same_roots(const struct unit_roots *a, const struct unit_roots *b)
{
	return a->root_kind == b->root_kind && a->root == b->root && a->root_pages == b->root_pages &&
	    a->interrupts == b->interrupts && a->interrupt_pages == b->interrupt_pages;
}

static void take_roots(struct iommusim_check *check, unsigned number, const struct unit_roots *roots)
{
	struct shadow_unit *unit = &check->shadow.units[number];
	const struct shadow_origin origin = { 0, UINT64_C(1) << number, unit->unit->segment };
	const struct unit_roots old = unit->roots;
	const struct shadow_link links[] = {
		{ roots->root, roots->root_pages, (uint8_t)roots->root_kind, 0, 0 },
		{ roots->interrupts, roots->interrupt_pages, UNIT_INTERRUPT, 0, 0 },
	};
	const struct shadow_link gone[] = {
		{ old.root, old.root_pages, (uint8_t)old.root_kind, 0, 0 },
		{ old.interrupts, old.interrupt_pages, UNIT_INTERRUPT, 0, 0 },
	};

	unit->roots = *roots;
	for (unsigned i = 0; i < 2; i++)
		shadow_link_table(check, &links[i], &origin);
	for (unsigned i = 0; i < 2; i++)
		shadow_unlink_table(check, &gone[i]);
}

static void find_units(struct iommusim_check *check)
{
	struct shadow *shadow = &check->shadow;
	struct iommusim_unit *unit;

	shadow->unit_count = 0;
	TAILQ_FOREACH (unit, &check->machine->units, link) {
		if (shadow->unit_count == SHADOW_UNITS)
			return;
		shadow->units[shadow->unit_count++].unit = unit;
	}
}

void shadow_sync(struct iommusim_check *check)
{
	check->shadow.said = 0;
	if (check->shadow.blind || !check->shadow.dirty)
		return;
	check->shadow.dirty = !RB_EMPTY(&check->machine->clock.events); /* what is late will come */
	find_units(check);
	for (unsigned i = 0; i < check->shadow.unit_count && !check->shadow.blind; i++) {
		struct unit_roots roots = { .root = 0 };

		check->shadow.units[i].unit->model->roots(check->shadow.units[i].unit, &roots);
		if (!same_roots(&roots, &check->shadow.units[i].roots))
			take_roots(check, i, &roots);
	}
}
