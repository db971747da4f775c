/* One line of a Linux trace as an event. Private to import_ftrace*.c. */
#ifndef IOMMUSIM_REPLAY_IMPORT_FTRACE_H
#define IOMMUSIM_REPLAY_IMPORT_FTRACE_H

#include "replay/import.h"

enum ftrace_kind {
	FTRACE_BLANK,
	FTRACE_HEADER, /* a comment of the trace's own */
	FTRACE_OVERRUN, /* the header that says the buffer was too small; `size` is how many events it lost */
	FTRACE_LOST, /* `size` is how many, 0 when nobody knows */
	FTRACE_UNREADABLE,
	FTRACE_MALFORMED, /* `stopped` says where */
	FTRACE_OTHER,     /* an event that says nothing of mappings */
	FTRACE_MARKER,
	FTRACE_MAP,
	FTRACE_UNMAP,
	FTRACE_ATTACH,
	FTRACE_DETACH,
	FTRACE_GROUP_ADD,
	FTRACE_GROUP_REMOVE,
	FTRACE_FAULT,
	/* probes on the driver's functions, which know the domain: docs/capture/iommu-probes.sh */
	FTRACE_PROBE_MAP,
	FTRACE_PROBE_UNMAP,
	FTRACE_PROBE_ATTACH,
	FTRACE_PROBE_FREE
};

struct ftrace_event {
	enum ftrace_kind kind;
	enum iommusim_vendor vendor; /* as far as the line shows it */
	uint64_t task;               /* who: the process, and whether an interrupt took its place */
	struct slice time;           /* as it stands there */
	uint64_t ticks;              /* the same as a number that grows */
	struct slice name;
	struct slice text; /* behind the name */
	const char *stopped;
	struct slice device;
	uint64_t group;
	uint64_t domain; /* its address in the kernel */
	uint64_t iova;
	uint64_t physical;
	uint64_t size;
	uint64_t flags; /* of a fault; IOMMU_READ | IOMMU_WRITE ... of a probe */
};

void ftrace_read(struct slice line, struct ftrace_event *event);

/* "0000:00:03.0" as requester id. False: no PCI function, or of a segment beyond 16 bits. */
bool ftrace_device(struct slice text, uint16_t *segment, uint16_t *rid);

#endif
