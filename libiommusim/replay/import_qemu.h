/* QEMU's trace lines as events, and the invalidation queue they let us rebuild. Private to import_qemu*.c. */
#ifndef IOMMUSIM_REPLAY_IMPORT_QEMU_H
#define IOMMUSIM_REPLAY_IMPORT_QEMU_H

#include "replay/import.h"

enum qemu_kind {
	QEMU_BLANK,
	QEMU_UNREADABLE,
	QEMU_MALFORMED,
	QEMU_OTHER, /* an event of an IOMMU that is no statement */
	QEMU_WRITE,
	QEMU_READ,
	QEMU_DESCRIPTOR,
	QEMU_TRANSLATION,
	QEMU_FAULT
};

struct qemu_event {
	enum qemu_kind kind;
	enum iommusim_vendor vendor;
	const char *stopped;
	uint64_t offset; /* of a register */
	uint64_t size;
	uint64_t value;
	uint64_t quads[2]; /* of a descriptor */
	uint16_t rid;
	uint64_t address;
	uint64_t physical; /* of the first byte */
	bool has_physical; /* otherwise only that it went through is known */
	bool is_write;
	uint64_t reason; /* of a fault */
};

void qemu_read(struct slice line, struct qemu_event *event);

/*
 * A write of IQT submits descriptors; QEMU prints each as it fetches it, right behind the write. They go into
 * memory before the write is made.
 */
struct qemu_queue {
	uint64_t base; /* IQA */
	uint64_t head; /* where the next descriptor is fetched from */
	bool broken;   /* the log holds less than was submitted: nothing more can be replayed */
	/* the write that waits for its descriptors */
	bool waiting;
	struct slice line;
	uint32_t number;
	uint64_t value;
	uint64_t size;
	uint64_t at; /* where the next one goes */
};

/* IQA was written: the queue begins again. */
void qemu_queue_begin(struct qemu_queue *queue, uint64_t base);
/* IQT was written by the line under way. */
void qemu_queue_submit(
    struct importer *importer, struct qemu_queue *queue, const struct qemu_event *event);
/* A descriptor was fetched. */
void qemu_queue_fetch(
    struct importer *importer, struct qemu_queue *queue, const struct qemu_event *event);
/* Whatever comes next is no descriptor: make the write that waits. */
void qemu_queue_finish(struct importer *importer, struct qemu_queue *queue);

/* Where QEMU's machines have the registers of their unit. */
#define QEMU_VTD_BASE   UINT64_C(0xfed90000)
#define QEMU_AMDVI_BASE UINT64_C(0xfed80000)

/* mmio_write32() and its kin: a call's name and address, without what follows. */
void qemu_put_access(struct importer *importer, const char *call, uint64_t size, uint64_t address);

#endif
