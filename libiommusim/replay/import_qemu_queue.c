/* VT-d's invalidation queue, put together from the descriptors QEMU says it fetched. Nothing else is rebuilt. */
#include "models/vtd/spec/vtd.h"
#include "replay/import_qemu.h"

#define PAGE_SIZE  UINT64_C(4096)
#define DESCRIPTOR UINT64_C(16) /* bytes; IQT and IQH count in these */

static uint64_t queue_address(const struct qemu_queue *queue)
{
	return vtd_IQA_IQA(queue->base) * PAGE_SIZE;
}

static uint64_t queue_bytes(const struct qemu_queue *queue)
{
	return PAGE_SIZE << vtd_IQA_QS(queue->base);
}

void qemu_queue_begin(struct qemu_queue *queue, uint64_t base)
{
	*queue = (struct qemu_queue){ .base = base };
}

void qemu_queue_submit(
    struct importer *importer, struct qemu_queue *queue, const struct qemu_event *event)
{
	queue->waiting = true;
	queue->line = importer->line;
	queue->number = importer->number;
	queue->value = event->value;
	queue->size = event->size;
	queue->at = queue->head;
}

static void put_descriptor(struct importer *importer, const uint64_t quads[2])
{
	import_put(importer, "\"");
	for (unsigned i = 0; i < DESCRIPTOR; i++)
		import_put(importer, "%s%02x", i == 0 ? "" : " ",
		    (unsigned)(quads[i / 8] >> i % 8 * 8) & 0xff);
	import_put(importer, "\"");
}

void qemu_queue_fetch(
    struct importer *importer, struct qemu_queue *queue, const struct qemu_event *event)
{
	const uint64_t address = queue_address(queue) + queue->at;

	/* of 256 bits QEMU prints 128 */
	if (!queue->waiting || queue->broken || vtd_IQA_DW(queue->base) != 0) {
		importer->summary->kept++;
		import_keep(importer, NULL);
		return;
	}
	import_put(importer, "mem_write(0x%llx, ", (unsigned long long)address);
	put_descriptor(importer, event->quads);
	import_put(importer, ")  # %u\n", importer->number);
	importer->summary->statements++;
	queue->at = (queue->at + DESCRIPTOR) % queue_bytes(queue);
}

void qemu_queue_finish(struct importer *importer, struct qemu_queue *queue)
{
	const uint64_t tail = vtd_IQT_QT(queue->value) * DESCRIPTOR % queue_bytes(queue);

	if (!queue->waiting)
		return;
	queue->waiting = false;
	queue->broken |= queue->at != tail;
	queue->head = tail;
	if (queue->broken) {
		const struct slice line = importer->line;
		const uint32_t number = importer->number;

		importer->line = queue->line;
		importer->number = queue->number;
		importer->summary->kept++;
		import_keep(importer, "not all descriptors are in the log");
		importer->line = line;
		importer->number = number;
		return;
	}
	qemu_put_access(importer, "write", queue->size, QEMU_VTD_BASE + (uint64_t)vtd_IQT_at);
	import_put(importer, ", 0x%llx)  # %u\n", (unsigned long long)queue->value, queue->number);
	importer->summary->statements++;
}
