/*
 * Invalidations of AMD-Vi units as the command buffer asks for them, and what a device table entry says. What
 * they pay is held.c.
 */
#include <stdio.h>

#include <iommusim/amdvi.h>

#include "check/state.h"
#include "check/write.h"
#include "machine/memory_access.h"
#include "models/amdvi/spec/amdvi.h"
#include "machine/sized_range.h"

/* Commands (AMD-Vi 2.4). */
enum { INVALIDATE_DEVTAB = 2, INVALIDATE_PAGES = 3, INVALIDATE_IOTLB = 4, INVALIDATE_ALL = 8 };

#define COMMAND_BYTES 16u
#define ENTRY_BYTES   32u

/* Reading a register for the checker must leave no trace: no tick, no watcher. */
static uint64_t peek(const struct held_unit *unit, uint64_t offset)
{
	return unit->unit->model->read(unit->unit, offset, 8);
}

/* Entries of the command buffer. */
static uint32_t ring_size(const struct held_unit *unit)
{
	return UINT32_C(1) << amdvi_CMD_BASE_LEN(peek(unit, amdvi_CMD_BASE_at));
}

/* ---- what is asked for ---------------------------------------------------------------------------- */

static void set_pages(struct held_order *order, const uint64_t *raw)
{
	const struct sized_range range =
	    sized_range(amdvi_cmd_inv_pages_ADDR(raw), amdvi_cmd_inv_pages_S(raw) != 0);
	const bool all = range.first == 0 && range.last >= UINT64_MAX >> 1; /* AMD-Vi 2.4.3 */

	order->what = HELD_TRANSLATIONS;
	order->by_domain = true;
	order->domain = (uint16_t)amdvi_cmd_inv_pages_DOMAIN_ID(raw);
	order->by_range = !all || !amdvi_cmd_inv_pages_PDE(raw);
	order->first = range.first;
	order->last = all ? UINT64_MAX : range.last;
	order->leaf_only = !amdvi_cmd_inv_pages_PDE(raw);
}

static void set_device_tlb(struct held_order *order, const uint64_t *raw)
{
	const struct sized_range range =
	    sized_range(amdvi_cmd_inv_iotlb_ADDR(raw), amdvi_cmd_inv_iotlb_S(raw) != 0);

	order->what = HELD_TLB;
	order->by_source = order->by_range = true;
	order->source = (uint16_t)amdvi_cmd_inv_iotlb_DEVICE_ID(raw);
	order->first = range.first;
	order->last = range.first == 0 && range.last >= UINT64_MAX >> 1 ? UINT64_MAX : range.last;
}

static bool decode(const struct held_unit *unit, const uint64_t *raw, struct held_order *order)
{
	const bool sweeps = !amdvi_EFR_IASUP(peek(unit, amdvi_EFR_at));

	switch ((int)amdvi_cmd_header_OPCODE(raw)) {
	case INVALIDATE_DEVTAB:
		order->what = HELD_ENTRIES;
		order->by_source = true;
		order->sweeps = sweeps;
		order->source = (uint16_t)amdvi_cmd_inv_devtab_DEVICE_ID(raw);
		return true;
	case INVALIDATE_PAGES:
		if (amdvi_cmd_inv_pages_GN(raw)) /* of guest tables, which nobody's calls make */
			return false;
		set_pages(order, raw);
		order->sweeps = sweeps && !order->by_range;
		return true;
	case INVALIDATE_IOTLB:
		set_device_tlb(order, raw);
		return true;
	case INVALIDATE_ALL:
		order->what = HELD_ENTRIES | HELD_TRANSLATIONS;
		return true;
	default:
		return false;
	}
}

/* A slot that is written again before the unit got to it is another command's (AMD-Vi 2.4). */
static void forget_slot(struct iommusim_check *check, struct held_unit *unit, uint32_t position)
{
	for (size_t i = 0; i < unit->order_count; i++) {
		if (unit->orders[i].position != position)
			continue;
		held_end(check, unit, i, false);
		return;
	}
}

static void tail_written(struct iommusim_check *check, struct held_unit *unit, uint64_t value)
{
	const uint64_t base = amdvi_CMD_BASE_BASE(peek(unit, amdvi_CMD_BASE_at)) << IOMMUSIM_PAGE_SHIFT;
	const uint32_t size = ring_size(unit), tail = (uint32_t)amdvi_CMD_TAIL_PTR(value) % size;
	uint32_t at = (uint32_t)amdvi_CMD_TAIL_PTR(peek(unit, amdvi_CMD_TAIL_at)) % size;

	for (; at != tail; at = (at + 1) % size) {
		struct held_order order = { .position = at };
		uint64_t raw[2] = { 0, 0 };

		for (unsigned quad = 0; quad < 2; quad++)
			memory_load64(&check->machine->memory,
			    base + at * UINT64_C(16) + quad * UINT64_C(8), true, &raw[quad]);
		if (unit->order_count > 0)
			forget_slot(check, unit, at);
		if (decode(unit, raw, &order))
			held_ask(check, unit, &order);
	}
}

/* Another device table: what was kept of the one before is of no use, and is dropped by nobody. */
static void table_written(
    struct iommusim_check *check, struct held_unit *unit, unsigned width, uint64_t value)
{
	const uint64_t differs = value ^ peek(unit, amdvi_DEVTAB_BASE_at);

	if (!unit->ever_on || (width == 8 ? differs : differs & UINT32_MAX) == 0)
		return;
	unit->pointer_owed = HELD_ENTRIES | HELD_TRANSLATIONS;
	unit->pointer_line = check->here.line;
}

static void amdvi_write(struct iommusim_check *check, struct held_unit *unit, uint64_t offset,
    unsigned width, uint64_t value)
{
	switch (offset) {
	case amdvi_CMD_TAIL_at:
		tail_written(check, unit, value);
		break;
	case amdvi_CMD_BASE_at:
	case amdvi_CMD_HEAD_at:
		held_forget_queue(check, unit);
		unit->head = offset == amdvi_CMD_HEAD_at ? (uint32_t)amdvi_CMD_HEAD_PTR(value) : 0;
		break;
	case amdvi_DEVTAB_BASE_at:
		table_written(check, unit, width, value);
		break;
	case amdvi_CONTROL_at:
		if (!unit->on && amdvi_CONTROL_IOMMU_EN(value))
			visible_enabling(check, unit);
		break;
	default:
		break;
	}
}

static void amdvi_settle(struct iommusim_check *check, struct held_unit *unit)
{
	const uint32_t size = ring_size(unit);

	held_passed(
	    check, unit, (uint32_t)amdvi_CMD_HEAD_PTR(peek(unit, amdvi_CMD_HEAD_at)) % size, size);
}

/* ---- entries -------------------------------------------------------------------------------------- */

static bool amdvi_entry(
    const struct held_unit *unit, uint16_t id, bool as_software, struct held_entry *out)
{
	const uint64_t table = peek(unit, amdvi_DEVTAB_BASE_at);
	const uint64_t at =
	    (amdvi_DEVTAB_BASE_BASE(table) << IOMMUSIM_PAGE_SHIFT) + id * (uint64_t)ENTRY_BYTES;
	const bool snoops = as_software || amdvi_CONTROL_COHERENT(peek(unit, amdvi_CONTROL_at)) != 0;
	uint64_t entry[4] = { 0, 0, 0, 0 };

	*out = (struct held_entry){ .present = false };
	if (amdvi_DEVTAB_BASE_BASE(table) == 0 ||
	    id * (uint64_t)ENTRY_BYTES >= (amdvi_DEVTAB_BASE_SIZE(table) + 1) * IOMMUSIM_PAGE_SIZE)
		return false;
	for (unsigned quad = 0; quad < 4; quad++)
		if (!memory_load64(
			&unit->unit->machine->memory, at + quad * UINT64_C(8), snoops, &entry[quad]))
			return true;
	out->present = amdvi_dte_V(entry) && amdvi_dte_TV(entry) && amdvi_dte_MODE(entry) != 0;
	out->device_tlb = amdvi_dte_I(entry) != 0;
	out->domain = (uint16_t)amdvi_dte_DOMAIN_ID(entry);
	out->root = amdvi_dte_ROOT(entry) << IOMMUSIM_PAGE_SHIFT;
	return true;
}

static bool amdvi_keeps_absent(const struct held_unit *unit)
{
	uint32_t header;

	return iommusim_amdvi_capability_read(unit->unit, 0, &header) == IOMMUSIM_OK &&
	    amdvi_CAP_HEADER_NP_CACHE(header) != 0;
}

static bool amdvi_has_buffers(const struct held_unit *unit)
{
	(void)unit;
	return false;
}

/* ---- what would do -------------------------------------------------------------------------------- */

/* Any power of two, up to all. */
static int amdvi_most_pages(const struct held_unit *unit)
{
	(void)unit;
	return 63 - (int)IOMMUSIM_PAGE_SHIFT;
}

/* The address of 2^order pages, for S=1: the lowest bit of the page number that is 0 tells how many. */
static uint64_t sized_address(uint64_t first, int order)
{
	const uint64_t page = first >> IOMMUSIM_PAGE_SHIFT >> order << order;

	return (order == 0 ? page : page | ((UINT64_C(1) << (order - 1)) - 1)) << IOMMUSIM_PAGE_SHIFT;
}

static void amdvi_narrowest(const struct held_unit *unit, uint16_t domain, const struct held_span *span,
    bool builtin, char *text, size_t size)
{
	const int order = held_order_of(span->first, span->last);

	(void)unit;
	snprintf(text, size, "INVALIDATE_IOMMU_PAGES, domain %u, address 0x%llx, S %d, PDE %s", domain,
	    (unsigned long long)sized_address(span->first, order), order != 0,
	    span->tables  ? "1 (a table page was freed)"
		: builtin ? "0 (no table page was freed)"
			  : "1 (0 if no table page was freed)");
}

static void amdvi_narrowest_entry(
    const struct held_unit *unit, const struct check_device *device, char *text, size_t size)
{
	char rid[24];

	(void)unit;
	snprintf(text, size, "INVALIDATE_DEVTAB_ENTRY, device 0x%04x (%s)", device->held.id,
	    write_rid(device->segment, device->held.id, rid));
}

const struct held_vendor held_amdvi = {
	.name = "AMD-Vi",
	.write = amdvi_write,
	.settle = amdvi_settle,
	.entry = amdvi_entry,
	.keeps_absent = amdvi_keeps_absent,
	.has_buffers = amdvi_has_buffers,
	.by_source = false,
	.entry_words = "device table entry",
	.unsnooped_by = "DTE.SD=1 for page tables, CONTROL.Coherent=0 for the device table",
	.narrowest = amdvi_narrowest,
	.narrowest_entry = amdvi_narrowest_entry,
	.most_pages = amdvi_most_pages,
	.pages_words = "INVALIDATE_IOMMU_PAGES of the pages",
};
