/*
 * One line of QEMU's log: {PID@SECONDS:}EVENT TEXT, as hw/i386/trace-events of QEMU 5 to 10 has it. What becomes of
 * an event is decided in import_qemu.c.
 */
#include <string.h>

#include "models/vtd/spec/vtd.h"
#include "replay/import_qemu.h"

#define LARGE_PAGE  (UINT64_C(1) << 7) /* PS: in an entry that may also be that of a page table */
#define PAGE_OFFSET UINT64_C(0xfff)
#define TOP_BIT     (UINT64_C(1) << 63)

struct qemu_pattern {
	const char *event;
	const char *pattern;
	void (*take)(struct qemu_event *event, const struct import_match *match);
};

static void take_write(struct qemu_event *event, const struct import_match *match)
{
	event->kind = QEMU_WRITE;
	event->offset = match->numbers[0];
	event->size = match->numbers[1];
	event->value = match->numbers[2];
}

static void take_read(struct qemu_event *event, const struct import_match *match)
{
	event->kind = QEMU_READ;
	event->offset = match->numbers[0];
	event->size = match->numbers[1];
}

static void take_descriptor(struct qemu_event *event, const struct import_match *match)
{
	event->kind = QEMU_DESCRIPTOR;
	event->quads[1] = match->numbers[0];
	event->quads[0] = match->numbers[1];
}

static void take_device(struct qemu_event *event, const struct import_match *match)
{
	event->kind = QEMU_TRANSLATION;
	event->rid = (uint16_t)(match->numbers[0] << 8 | match->numbers[1] << 3 | match->numbers[2]);
	event->address = match->numbers[3];
}

/* The address of the page and, as a mask of the offset in it or of the rest, its size. */
static void take_dmar(struct qemu_event *event, const struct import_match *match)
{
	uint64_t mask = match->numbers[5];

	if ((mask & TOP_BIT) != 0)
		mask = ~mask;
	take_device(event, match);
	event->physical = (match->numbers[4] & ~mask) | (event->address & mask);
	event->has_physical = true;
}

/* The entry that maps the page, without its level: whether it is a large one shows, but not how large. */
static void take_iotlb(struct qemu_event *event, const struct import_match *match)
{
	const uint64_t entry = match->numbers[2];

	event->kind = QEMU_TRANSLATION;
	event->rid = (uint16_t)match->numbers[0];
	event->address = match->numbers[1];
	event->physical = vtd_ss_pte_ADDR(&entry) * (PAGE_OFFSET + 1) | (event->address & PAGE_OFFSET);
	event->has_physical = (entry & LARGE_PAGE) == 0;
	event->is_write = vtd_ss_pte_R(&entry) == 0;
}

static void take_fault(struct qemu_event *event, const struct import_match *match)
{
	event->kind = QEMU_FAULT;
	event->rid = (uint16_t)match->numbers[0];
	event->reason = match->numbers[1];
	event->address = match->numbers[2];
	event->is_write = match->numbers[3] != 0;
}

static const struct qemu_pattern patterns[] = {
	{ "vtd_reg_write", "addr %n size %n value %n", take_write },
	{ "vtd_reg_read", "addr %n size %n", take_read },
	{ "vtd_inv_desc", "invalidate desc type %s high %n low %n", take_descriptor },
	{ "vtd_dmar_translate", "dev %x:%x.%x iova %n -> gpa %n mask %n", take_dmar },
	{ "vtd_iotlb_page_hit", "IOTLB page hit sid %n iova %n slpte %n domain %n", take_iotlb },
	{ "vtd_iotlb_page_update", "IOTLB page update sid %n iova %n slpte %n domain %n", take_iotlb },
	{ "vtd_dmar_fault", "sid %n fault %n addr %n write %n", take_fault },
	{ "amdvi_mmio_write", "%s write addr %n, size %n, val %n, offset %n", take_write },
	{ "amdvi_mmio_read", "%s read addr %n, size %n offset %n", take_read },
	{ "amdvi_translation_result", "devid: %x:%x.%x gpa %n hpa %n", take_device },
	{ "amdvi_iotlb_hit", "hit iotlb devid %x:%x.%x gpa %n hpa %n", take_device },
};

/* The name in front of the text, less "1234@1700000000.123456:". */
static struct slice take_name(struct slice *line)
{
	struct slice name = { line->at, 0 };
	const char *stamp;

	while (name.length < line->length && name.at[name.length] != ' ')
		name.length++;
	*line = import_trim((struct slice){ name.at + name.length, line->length - name.length });
	stamp = memchr(name.at, '@', name.length);
	stamp = stamp == NULL ? NULL : memchr(stamp, ':', name.length - (size_t)(stamp - name.at));
	if (stamp != NULL) {
		name.length -= (size_t)(stamp + 1 - name.at);
		name.at = stamp + 1;
	}
	return name;
}

static bool is_sound(const struct qemu_event *event)
{
	if (event->kind != QEMU_READ && event->kind != QEMU_WRITE)
		return true;
	return (event->size == 1 || event->size == 2 || event->size == 4 || event->size == 8) &&
	    event->offset <= UINT32_MAX && (event->size == 8 || event->value >> (event->size * 8) == 0);
}

void qemu_read(struct slice line, struct qemu_event *event)
{
	struct slice text = import_trim(line), name;
	struct import_match match;

	*event = (struct qemu_event){ .kind = QEMU_BLANK, .stopped = text.at };
	if (text.length == 0)
		return;
	name = take_name(&text);
	event->kind = QEMU_OTHER;
	if (import_begins(name, "vtd_"))
		event->vendor = IOMMUSIM_VENDOR_VTD;
	else if (import_begins(name, "amdvi_"))
		event->vendor = IOMMUSIM_VENDOR_AMDVI;
	else if (!import_begins(name, "x86_iommu_"))
		event->kind = QEMU_UNREADABLE;
	/* an access that goes nowhere is written as an error in the place of the register's name */
	if (import_begins(text, "error:"))
		return;
	for (unsigned i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (!slice_is(name, patterns[i].event))
			continue;
		event->kind = QEMU_MALFORMED;
		if (import_match(text, patterns[i].pattern, &match))
			patterns[i].take(event, &match);
		event->stopped = match.stopped;
		if (!is_sound(event))
			event->kind = QEMU_MALFORMED;
		return;
	}
}
