/*
 * QEMU's vtd_* and amdvi_* trace lines as a trace: register accesses as they were made, invalidation descriptors in
 * their queue, translations and faults as comments, or as statements for a trace that gets tables by hand. Tables,
 * AMD-Vi's commands and the values that were read are not in the log.
 */
#include <string.h>

#include "models/amdvi/spec/amdvi.h"
#include "models/vtd/spec/vtd.h"
#include "replay/import_qemu.h"

#define PAGE_SIZE UINT64_C(4096)

enum { SHADOW_REGISTERS = 64, REGISTER_BYTES = 8, WAIT_DESCRIPTOR = 5 };

/* In pages: the largest table of interrupts, and rings of commands and events. */
enum { MOST_INTERRUPT_PAGES = 256, MOST_RING_PAGES = 128 };

struct qemu {
	struct importer *importer;
	struct qemu_event event;
	enum iommusim_vendor vendor;
	bool any;
	uint64_t highest;                  /* physical address that a register or a descriptor names */
	uint64_t shadow[SHADOW_REGISTERS]; /* what was written to the first registers */
	struct qemu_queue queue;
	bool commands_missing; /* AMD-Vi: a tail that was written could not be replayed */
};

/* ---- the first pass ------------------------------------------------------------------------------------ */

static uint64_t end_of_pages(uint64_t page, uint64_t pages)
{
	return (page + pages) * PAGE_SIZE;
}

/* A register of 64 bits may be written in halves. */
static void remember(struct qemu *qemu)
{
	const struct qemu_event *event = &qemu->event;
	const uint64_t index = event->offset / REGISTER_BYTES, at = event->offset % REGISTER_BYTES;
	uint64_t mask;

	if (index >= SHADOW_REGISTERS || at + event->size > REGISTER_BYTES)
		return;
	mask = event->size == REGISTER_BYTES ? UINT64_MAX : (UINT64_C(1) << event->size * 8) - 1;
	qemu->shadow[index] =
	    (qemu->shadow[index] & ~(mask << at * 8)) | (event->value & mask) << at * 8;
}

static uint64_t remembered(const struct qemu *qemu, uint64_t offset)
{
	return qemu->shadow[offset / REGISTER_BYTES];
}

static void raise_to(struct qemu *qemu, uint64_t end)
{
	if (end > qemu->highest)
		qemu->highest = end;
}

/* Memory that the unit will look at, so that there is some. */
static void survey_memory(struct qemu *qemu)
{
	const struct qemu_event *event = &qemu->event;

	if (event->kind == QEMU_DESCRIPTOR && vtd_inv_header_TYPE(event->quads) == WAIT_DESCRIPTOR &&
	    vtd_inv_wait_SW(event->quads) != 0)
		raise_to(qemu, (vtd_inv_wait_STADDR(event->quads) << 2) + PAGE_SIZE);
	if (event->kind != QEMU_WRITE)
		return;
	remember(qemu);
	if (qemu->vendor == IOMMUSIM_VENDOR_VTD) {
		raise_to(qemu, end_of_pages(vtd_RTADDR_RTA(remembered(qemu, vtd_RTADDR_at)), 1));
		raise_to(qemu,
		    end_of_pages(vtd_IQA_IQA(remembered(qemu, vtd_IQA_at)),
			UINT64_C(1) << vtd_IQA_QS(remembered(qemu, vtd_IQA_at))));
		raise_to(qemu,
		    end_of_pages(vtd_IRTA_IRTA(remembered(qemu, vtd_IRTA_at)), MOST_INTERRUPT_PAGES));
	} else {
		raise_to(qemu,
		    end_of_pages(amdvi_DEVTAB_BASE_BASE(remembered(qemu, amdvi_DEVTAB_BASE_at)),
			amdvi_DEVTAB_BASE_SIZE(remembered(qemu, amdvi_DEVTAB_BASE_at)) + 1));
		raise_to(qemu,
		    end_of_pages(
			amdvi_CMD_BASE_BASE(remembered(qemu, amdvi_CMD_BASE_at)), MOST_RING_PAGES));
		raise_to(qemu,
		    end_of_pages(
			amdvi_EVENT_BASE_BASE(remembered(qemu, amdvi_EVENT_BASE_at)), MOST_RING_PAGES));
	}
}

static void survey(struct qemu *qemu)
{
	struct importer *importer = qemu->importer;

	while (import_next_line(importer)) {
		qemu_read(importer->line, &qemu->event);
		if (qemu->event.kind > QEMU_UNREADABLE)
			qemu->any = true;
		if (qemu->event.kind == QEMU_UNREADABLE && importer->strange_line == 0) {
			importer->strange_line = importer->number;
			importer->strange_column =
			    (uint32_t)(qemu->event.stopped - importer->line.at) + 1;
		}
		if (qemu->vendor == IOMMUSIM_VENDOR_OF_TRACE)
			qemu->vendor = qemu->event.vendor;
		survey_memory(qemu);
	}
	importer->summary->lines = importer->number;
	memset(qemu->shadow, 0, sizeof(qemu->shadow));
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void put_prologue(struct qemu *qemu)
{
	struct importer *importer = qemu->importer;

	qemu->vendor = import_vendor(importer, qemu->vendor);
	import_put(importer,
	    "#!iommusim 1\n"
	    "# From QEMU's trace; the number of each line behind it. The unit's capabilities are not in it: these\n"
	    "# are of QEMU 7.2 with interrupt remapping; put others here. Tables are not in it either.\n");
	import_put_machine(importer, "none", qemu->highest);
	if (qemu->vendor == IOMMUSIM_VENDOR_AMDVI)
		import_put(importer, ", cpu=amd)\namdvi_unit(0x%llx, efr=0x29d3, all=yes)\n",
		    (unsigned long long)QEMU_AMDVI_BASE);
	else
		import_put(importer,
		    ")\nvtd_unit(0x%llx, version=0x10, cap=0xd2008c22260206, ecap=0xf00f4a, haw=39, all=yes)\n",
		    (unsigned long long)QEMU_VTD_BASE);
	importer->summary->statements++;
}

static void keep(struct qemu *qemu, const char *why)
{
	qemu->importer->summary->kept++;
	import_keep(qemu->importer, why);
}

void qemu_put_access(struct importer *importer, const char *call, uint64_t size, uint64_t address)
{
	import_put(
	    importer, "mmio_%s%u(0x%llx", call, (unsigned)(size * 8), (unsigned long long)address);
}

static uint64_t address_of(const struct qemu *qemu)
{
	return qemu->event.offset +
	    (qemu->event.vendor == IOMMUSIM_VENDOR_AMDVI ? QEMU_AMDVI_BASE : QEMU_VTD_BASE);
}

static void run_access(struct qemu *qemu)
{
	struct importer *importer = qemu->importer;
	const struct qemu_event *event = &qemu->event;
	const bool is_write = event->kind == QEMU_WRITE;

	qemu_put_access(importer, is_write ? "write" : "read", event->size, address_of(qemu));
	if (is_write)
		import_put(importer, ", 0x%llx", (unsigned long long)event->value);
	import_put(importer, ")  # %u\n", importer->number);
	importer->summary->statements++;
}

static void run_write(struct qemu *qemu)
{
	const struct qemu_event *event = &qemu->event;

	remember(qemu);
	if (event->vendor == IOMMUSIM_VENDOR_AMDVI && event->offset == (uint64_t)amdvi_CMD_TAIL_at &&
	    (event->value != 0 || qemu->commands_missing)) {
		qemu->commands_missing = true;
		keep(qemu, "the commands in the ring are not in the log");
		return;
	}
	if (event->vendor == IOMMUSIM_VENDOR_VTD && event->offset == (uint64_t)vtd_IQT_at) {
		qemu_queue_submit(qemu->importer, &qemu->queue, event);
		return;
	}
	run_access(qemu);
	/* switched off and on again, the queue begins at its start */
	if (event->vendor == IOMMUSIM_VENDOR_VTD && event->offset == (uint64_t)vtd_GCMD_at &&
	    vtd_GCMD_QIE(event->value) == 0)
		qemu->queue.head = 0;
	if (event->vendor == IOMMUSIM_VENDOR_VTD &&
	    event->offset / REGISTER_BYTES == (uint64_t)vtd_IQA_at / REGISTER_BYTES)
		qemu_queue_begin(&qemu->queue, remembered(qemu, vtd_IQA_at));
}

/* A translation or a fault: one byte, for how long the DMA was is not in the log. */
static void run_dma(struct qemu *qemu)
{
	struct importer *importer = qemu->importer;
	const struct qemu_event *event = &qemu->event;

	if (importer->options->dma) {
		importer->summary->statements++;
	} else {
		import_put(importer, "# ");
		importer->summary->kept++;
	}
	import_put(importer, "dma(0x%04x, %s, 0x%llx, 1)  expect ", event->rid,
	    event->is_write ? "write" : "read", (unsigned long long)event->address);
	if (event->kind == QEMU_FAULT)
		import_put(importer, "fault(%llu)", (unsigned long long)event->reason);
	else if (event->has_physical)
		import_put(importer, "pa(0x%llx)", (unsigned long long)event->physical);
	else
		import_put(importer, "ok");
	import_put(importer, "  # %u: ", importer->number);
	import_put_text(importer, import_trim(importer->line));
	import_put(importer, "\n");
}

static void run_line(struct qemu *qemu)
{
	struct importer *importer = qemu->importer;
	const struct qemu_event *event = &qemu->event;

	if (event->kind >= QEMU_WRITE && event->kind != QEMU_DESCRIPTOR)
		qemu_queue_finish(importer, &qemu->queue);
	switch (event->kind) {
	case QEMU_BLANK:
		return;
	case QEMU_UNREADABLE:
		import_complain(importer, IOMMUSIM_IMPORT_UNREADABLE, event->stopped,
		    "no vtd_, amdvi_ or x86_iommu_ event");
		return;
	case QEMU_MALFORMED:
		import_complain(importer, IOMMUSIM_IMPORT_MALFORMED, event->stopped,
		    "an event that cannot be read");
		return;
	case QEMU_OTHER:
		keep(qemu, NULL);
		return;
	case QEMU_WRITE:
		run_write(qemu);
		return;
	case QEMU_READ:
		run_access(qemu);
		return;
	case QEMU_DESCRIPTOR:
		qemu_queue_fetch(importer, &qemu->queue, event);
		return;
	case QEMU_TRANSLATION:
	case QEMU_FAULT:
	default:
		run_dma(qemu);
		return;
	}
}

enum iommusim_status import_qemu(struct importer *importer)
{
	struct qemu qemu = { .importer = importer, .vendor = importer->options->vendor };

	survey(&qemu);
	if (!qemu.any)
		return import_refuse(importer,
		    "lines of QEMU's -trace 'vtd_*' or 'amdvi_*', such as vtd_reg_write addr ...");
	import_rewind(importer);
	put_prologue(&qemu);
	while (import_next_line(importer)) {
		qemu_read(importer->line, &qemu.event);
		run_line(&qemu);
	}
	qemu_queue_finish(importer, &qemu.queue);
	return IOMMUSIM_OK;
}
