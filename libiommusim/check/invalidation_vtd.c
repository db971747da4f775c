/*
 * Invalidations of VT-d units as registers and the queue ask for them, and what a legacy context entry says.
 * What they pay is held.c.
 */
#include <stdio.h>
#include <string.h>

#include "check/state.h"
#include "check/write.h"
#include "machine/memory_access.h"
#include "machine/sized_range.h"
#include "models/vtd/spec/vtd.h"

/* Granularities of context and IOTLB invalidations (VT-d 6.5.2.1, 6.5.2.3, 11.4.6). */
enum { ALL = 1, DOMAIN = 2, FINE = 3 };

/* Descriptor types (VT-d 6.5.2). */
enum { TYPE_CONTEXT = 1, TYPE_IOTLB = 2, TYPE_DEVICE_TLB = 3 };

/* What an order was asked by. */
enum { BY_QUEUE = 0, BY_CONTEXT_COMMAND, BY_IOTLB, BY_POINTER };

#define QUEUE_UNIT 16u /* bytes that IQH and IQT count in */

/* Reading a register for the checker must leave no trace: no tick, no watcher. */
static uint64_t peek(const struct held_unit *unit, uint64_t offset)
{
	return unit->unit->model->read(unit->unit, offset, 8);
}

static uint32_t peek32(const struct held_unit *unit, uint64_t offset)
{
	return (uint32_t)unit->unit->model->read(unit->unit, offset, 4);
}

static uint64_t iotlb_at(const struct held_unit *unit)
{
	return vtd_ECAP_IRO(peek(unit, vtd_ECAP_at)) * 16 + vtd_IOTLB_at;
}

/* ---- what is asked for ---------------------------------------------------------------------------- */

static uint16_t known_bits(const struct held_unit *unit, uint64_t domain)
{
	return (uint16_t)(domain & ((UINT64_C(16) << 2 * vtd_CAP_ND(peek(unit, vtd_CAP_at))) - 1));
}

static void set_context(const struct held_unit *unit, struct held_order *order, unsigned granularity,
    uint64_t domain, uint64_t source, unsigned function_mask)
{
	static const uint16_t ignored[] = { 0, 4, 6, 7 }; /* VT-d 11.4.6.1 */

	order->what = HELD_ENTRIES;
	order->by_domain = granularity >= DOMAIN;
	order->domain = known_bits(unit, domain);
	order->by_source = granularity == FINE;
	order->source = (uint16_t)source;
	order->source_ignore = ignored[function_mask & 3];
}

static void set_iotlb(const struct held_unit *unit, struct held_order *order, unsigned granularity,
    uint64_t domain, uint64_t page, unsigned order_of_pages, bool leaf_only)
{
	const unsigned bits = order_of_pages + IOMMUSIM_PAGE_SHIFT;
	const uint64_t span = bits > 63 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;

	order->what = HELD_TRANSLATIONS;
	order->by_domain = granularity >= DOMAIN;
	order->domain = known_bits(unit, domain);
	order->by_range = granularity == FINE;
	order->first = page << IOMMUSIM_PAGE_SHIFT & ~span;
	order->last = order->first | span;
	order->leaf_only = order->by_range && leaf_only;
}

/* Shadow a register that software may write in halves, and of which not all can be read back. */
static void shadow(uint64_t *value, uint64_t offset, uint64_t at, unsigned width, uint64_t written)
{
	if (width == 8 && offset == at)
		*value = written;
	else if (offset == at)
		*value = (*value & ~(uint64_t)UINT32_MAX) | (written & UINT32_MAX);
	else if (offset == at + 4)
		*value = (*value & UINT32_MAX) | written << 32;
}

/* Does the write reach the register's top bit, which is its command? */
static bool reaches_top(uint64_t offset, uint64_t at, unsigned width)
{
	return width == 8 ? offset == at : offset == at + 4;
}

static void context_written(
    struct iommusim_check *check, struct held_unit *unit, uint64_t offset, unsigned width)
{
	struct held_order order = { .by = BY_CONTEXT_COMMAND };

	if (!reaches_top(offset, vtd_CCMD_at, width) || !vtd_CCMD_ICC(unit->context))
		return;
	set_context(unit, &order, (unsigned)vtd_CCMD_CIRG(unit->context), vtd_CCMD_DID(unit->context),
	    vtd_CCMD_SID(unit->context), (unsigned)vtd_CCMD_FM(unit->context));
	held_ask(check, unit, &order);
}

static void iotlb_written(struct iommusim_check *check, struct held_unit *unit, unsigned granularity)
{
	struct held_order order = { .by = BY_IOTLB };

	set_iotlb(unit, &order, granularity, vtd_IOTLB_DID(unit->iotlb), vtd_IVA_ADDR(unit->address),
	    (unsigned)vtd_IVA_AM(unit->address), vtd_IVA_IH(unit->address) != 0);
	held_ask(check, unit, &order);
}

static bool decode(const struct held_unit *unit, const uint64_t *raw, struct held_order *order)
{
	const unsigned type = (unsigned)(vtd_inv_header_TYPE_HIGH(raw) << 4 | vtd_inv_header_TYPE(raw));

	switch (type) {
	case TYPE_CONTEXT:
		set_context(unit, order, (unsigned)vtd_inv_context_G(raw), vtd_inv_context_DID(raw),
		    vtd_inv_context_SID(raw), (unsigned)vtd_inv_context_FM(raw));
		return true;
	case TYPE_IOTLB:
		set_iotlb(unit, order, (unsigned)vtd_inv_iotlb_G(raw), vtd_inv_iotlb_DID(raw),
		    vtd_inv_iotlb_ADDR(raw), (unsigned)vtd_inv_iotlb_AM(raw),
		    vtd_inv_iotlb_IH(raw) != 0);
		return true;
	case TYPE_DEVICE_TLB: {
		const struct sized_range range =
		    sized_range(vtd_inv_devtlb_ADDR(raw), vtd_inv_devtlb_S(raw) != 0);

		order->what = HELD_TLB;
		order->by_source = order->by_range = true;
		order->source = (uint16_t)vtd_inv_devtlb_SID(raw);
		order->first = range.first;
		order->last = range.last;
		/* Everything is named with a page number that has a 0 at its top (VT-d 6.5.2.5). */
		if (range.first == 0 && range.last >= UINT64_MAX >> 1)
			order->last = UINT64_MAX;
		return true;
	}
	default:
		return false;
	}
}

/* Descriptors from `at` up to `tail`, in bytes, are asked for. */
static void queue_asked(
    struct iommusim_check *check, struct held_unit *unit, uint64_t at, uint64_t tail)
{
	const uint64_t queue = peek(unit, vtd_IQA_at);
	const uint64_t bytes = IOMMUSIM_PAGE_SIZE << vtd_IQA_QS(queue);
	const uint64_t width = vtd_IQA_DW(queue) ? 32 : 16;
	const uint64_t base = vtd_IQA_IQA(queue) << IOMMUSIM_PAGE_SHIFT;

	if (tail >= bytes || at >= bytes || (tail | at) % width != 0)
		return; /* an error of its own: nothing is fetched */
	for (; at != tail; at = (at + width) % bytes) {
		struct held_order order = { .by = BY_QUEUE, .position = (uint32_t)(at / QUEUE_UNIT) };
		uint64_t raw[2] = { 0, 0 };

		for (unsigned quad = 0; quad < 2; quad++)
			memory_load64(
			    &check->machine->memory, base + at + quad * UINT64_C(8), true, &raw[quad]);
		if (decode(unit, raw, &order))
			held_ask(check, unit, &order);
	}
}

/* The tail moves on: what lies between is asked for. While the queue is off nothing is fetched. */
static void tail_written(struct iommusim_check *check, struct held_unit *unit, uint64_t value)
{
	if (vtd_GSTS_QIES(peek32(unit, vtd_GSTS_at)))
		queue_asked(check, unit, vtd_IQT_QT(peek(unit, vtd_IQT_at)) * QUEUE_UNIT,
		    vtd_IQT_QT(value) * QUEUE_UNIT);
}

/* The queue is turned on or off: its head is 0 then, and what it had not reached is not done (VT-d 6.5.2). */
static void queue_switched(struct iommusim_check *check, struct held_unit *unit, bool on)
{
	held_forget_queue(check, unit);
	unit->head = 0;
	if (on)
		queue_asked(check, unit, 0, vtd_IQT_QT(peek(unit, vtd_IQT_at)) * QUEUE_UNIT);
}

/* A new root table, or translation going off, drops everything where the unit says so (VT-d 6.6, 11.4.4.1). */
static void command_written(struct iommusim_check *check, struct held_unit *unit, uint64_t value)
{
	const struct held_order everything = { .what = HELD_ENTRIES | HELD_TRANSLATIONS,
		.by = BY_POINTER };
	const uint32_t on = peek32(unit, vtd_GSTS_at);

	if (!vtd_GSTS_QIES(on) != !vtd_GCMD_QIE(value))
		queue_switched(check, unit, vtd_GCMD_QIE(value) != 0);
	if (vtd_GCMD_WBF(value))
		unit->flushed = check->held.stores;
	if (vtd_GCMD_SRTP(value) && vtd_CAP_ESRTPS(peek(unit, vtd_CAP_at))) {
		held_ask(check, unit, &everything);
	} else if (vtd_GCMD_SRTP(value) &&
	    unit->ever_on) { /* else it has kept nothing since its reset */
		unit->pointer_owed = HELD_ENTRIES | HELD_TRANSLATIONS;
		unit->pointer_line = check->here.line;
	}
	if (vtd_GSTS_TES(on) && !vtd_GCMD_TE(value) && vtd_ECAP_SMTS(peek(unit, vtd_ECAP_at)))
		held_ask(check, unit, &everything);
	if (!vtd_GSTS_TES(on) && vtd_GCMD_TE(value))
		visible_enabling(check, unit);
}

static void vtd_write(struct iommusim_check *check, struct held_unit *unit, uint64_t offset,
    unsigned width, uint64_t value)
{
	shadow(&unit->context, offset, vtd_CCMD_at, width, value);
	if (unit->iotlb_at == 0)
		unit->iotlb_at = iotlb_at(unit);
	shadow(&unit->iotlb, offset, unit->iotlb_at, width, value);
	shadow(&unit->address, offset, unit->iotlb_at - vtd_IOTLB_at + vtd_IVA_at, width, value);
	if (offset == vtd_GCMD_at)
		command_written(check, unit, value & UINT32_MAX);
	if (offset == vtd_IQT_at)
		tail_written(check, unit, value);
	context_written(check, unit, offset, width);
	if (reaches_top(offset, unit->iotlb_at, width) && vtd_IOTLB_IVT(unit->iotlb))
		iotlb_written(check, unit, (unsigned)vtd_IOTLB_IIRG(unit->iotlb));
}

/* ---- what is complete ----------------------------------------------------------------------------- */

/* Hardware may do more than it was asked, and says so; 0: it did nothing. */
static bool take_actual(const struct held_unit *unit, struct held_order *order)
{
	const uint64_t context = peek(unit, vtd_CCMD_at), iotlb = peek(unit, iotlb_at(unit));
	const unsigned actual = order->by == BY_CONTEXT_COMMAND ? (unsigned)vtd_CCMD_CAIG(context)
								: (unsigned)vtd_IOTLB_IAIG(iotlb);

	order->by_domain &= actual >= DOMAIN;
	order->by_source &= actual == FINE;
	order->by_range &= actual == FINE;
	order->leaf_only &= actual == FINE;
	return actual != 0;
}

static bool is_done(const struct held_unit *unit, const struct held_order *order)
{
	switch (order->by) {
	case BY_CONTEXT_COMMAND:
		return !vtd_CCMD_ICC(peek(unit, vtd_CCMD_at));
	case BY_IOTLB:
		return !vtd_IOTLB_IVT(peek(unit, iotlb_at(unit)));
	default:
		return order->by == BY_POINTER;
	}
}

static void vtd_settle(struct iommusim_check *check, struct held_unit *unit)
{
	const uint32_t size =
	    (uint32_t)(IOMMUSIM_PAGE_SIZE << vtd_IQA_QS(peek(unit, vtd_IQA_at))) / QUEUE_UNIT;

	for (size_t i = 0; i < unit->order_count;) {
		struct held_order *order = &unit->orders[i];

		if (!is_done(unit, order))
			i++;
		else
			held_end(check, unit, i, order->by == BY_POINTER || take_actual(unit, order));
	}
	held_passed(check, unit, (uint32_t)vtd_IQH_QH(peek(unit, vtd_IQH_at)), size);
}

/* ---- entries -------------------------------------------------------------------------------------- */

/* By way of the tables that RTADDR names, in legacy mode. */
static bool vtd_entry(
    const struct held_unit *unit, uint16_t id, bool as_software, struct held_entry *out)
{
	const struct memory *memory = &unit->unit->machine->memory;
	const bool snoop = as_software || vtd_ECAP_C(peek(unit, vtd_ECAP_at)) != 0;
	const uint64_t pointer = peek(unit, vtd_RTADDR_at);
	uint64_t root = vtd_RTADDR_RTA(pointer) << IOMMUSIM_PAGE_SHIFT, at, entry[2] = { 0, 0 };

	*out = (struct held_entry){ .present = false };
	if (vtd_RTADDR_TTM(pointer) != 0 || root == 0)
		return false;
	root += (id >> 8) * UINT64_C(16);
	if (!memory_load64(memory, root, snoop, &entry[0]) || !vtd_root_entry_P(entry))
		return true;
	at = (vtd_root_entry_CTP(entry) << IOMMUSIM_PAGE_SHIFT) + (id & 0xff) * UINT64_C(16);
	for (unsigned quad = 0; quad < 2; quad++)
		if (!memory_load64(memory, at + quad * UINT64_C(8), snoop, &entry[quad]))
			return true;
	out->present = vtd_context_entry_P(entry) != 0;
	out->device_tlb = vtd_context_entry_TT(entry) == 1;
	out->domain = (uint16_t)vtd_context_entry_DID(entry);
	out->root = vtd_context_entry_SSPTPTR(entry) << IOMMUSIM_PAGE_SHIFT;
	return true;
}

static bool vtd_keeps_absent(const struct held_unit *unit)
{
	return vtd_CAP_CM(peek(unit, vtd_CAP_at)) != 0;
}

static bool vtd_has_buffers(const struct held_unit *unit)
{
	return vtd_CAP_RWBF(peek(unit, vtd_CAP_at)) != 0;
}

/* ---- what would do -------------------------------------------------------------------------------- */

static int vtd_most_pages(const struct held_unit *unit)
{
	const uint64_t capability = peek(unit, vtd_CAP_at);

	return vtd_CAP_PSI(capability) ? (int)vtd_CAP_MAMV(capability) : -1;
}

static void vtd_narrowest(const struct held_unit *unit, uint16_t domain, const struct held_span *span,
    bool builtin, char *text, size_t size)
{
	const int order = held_order_of(span->first, span->last);
	const uint64_t page = span->first >> IOMMUSIM_PAGE_SHIFT >> order << order;
	const uint64_t address = page << IOMMUSIM_PAGE_SHIFT;

	if (order > vtd_most_pages(unit)) {
		snprintf(text, size, "IOTLB domain-selective, domain %u", domain);
		return;
	}
	snprintf(text, size, "IOTLB page-selective, domain %u, address 0x%llx, AM %d, IH %s", domain,
	    (unsigned long long)address, order,
	    span->tables  ? "0 (a table page was freed)"
		: builtin ? "1 (no table page was freed)"
			  : "0 (1 if no table page was freed)");
}

static void vtd_narrowest_entry(
    const struct held_unit *unit, const struct check_device *device, char *text, size_t size)
{
	const struct held_device *own = &device->held;
	char rid[24];

	(void)unit;
	snprintf(text, size, "%s%s%s",
	    (own->owed & HELD_ENTRIES) != 0 ? "context cache device-selective" : "",
	    (own->owed & HELD_ENTRIES) != 0 && (own->owed & HELD_TRANSLATIONS) != 0 ? ", then " : "",
	    (own->owed & HELD_TRANSLATIONS) != 0 ? "IOTLB domain-selective" : "");
	snprintf(text + strlen(text), size - strlen(text), ", domain %u, source %s", own->before.domain,
	    write_rid(device->segment, own->id, rid));
}

const struct held_vendor held_vtd = {
	.name = "VT-d",
	.write = vtd_write,
	.settle = vtd_settle,
	.entry = vtd_entry,
	.keeps_absent = vtd_keeps_absent,
	.has_buffers = vtd_has_buffers,
	.flushes_while_off = true,
	.by_source = true,
	.entry_words = "context entry",
	.unsnooped_by = "ECAP.C=0",
	.narrowest = vtd_narrowest,
	.narrowest_entry = vtd_narrowest_entry,
	.most_pages = vtd_most_pages,
	.pages_words = "page-selective",
};
