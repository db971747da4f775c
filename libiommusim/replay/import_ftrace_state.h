/* A Linux trace on its way to being one of ours: what is known so far. Private to import_ftrace*.c. */
#ifndef IOMMUSIM_REPLAY_IMPORT_FTRACE_STATE_H
#define IOMMUSIM_REPLAY_IMPORT_FTRACE_STATE_H

#include "replay/import_ftrace.h"

#define FTRACE_NOBODY UINT32_MAX

struct ftrace_domain {
	uint64_t key;
	uint32_t members; /* devices in it */
};

struct ftrace_device {
	uint16_t segment;
	uint16_t rid;
	bool there;      /* device() is written */
	uint32_t domain; /* or FTRACE_NOBODY */
	uint64_t group;
};

/* A probe that waits for the event of its task. */
struct ftrace_probe {
	enum ftrace_kind kind; /* FTRACE_BLANK: none */
	uint32_t domain;
	uint64_t start;
	uint64_t size;
	uint64_t flags;
	uint32_t line;
};

struct ftrace {
	struct importer *importer;
	struct ftrace_event event;
	/* from the first pass */
	enum iommusim_vendor vendor;
	uint64_t highest_physical;
	uint64_t highest_iova;
	bool any;
	/* of the second */
	struct ftrace_domain *domains;
	size_t domain_count, domain_room;
	struct import_map by_key;
	struct ftrace_device *devices;
	size_t device_count, device_room;
	struct import_map by_rid;
	struct ftrace_probe *pending;
	size_t pending_count, pending_room;
	struct import_map by_task;
	uint64_t last_ticks;
	uint16_t own_segment, own_rid; /* of options->device */
};

/* The end of a statement: when, and from which line. */
void ftrace_put_place(struct ftrace *ftrace, const char *remark);
/* The line under way is no statement. */
void ftrace_keep(struct ftrace *ftrace, const char *why);

/* The domain of that key, which is created when it is new. FTRACE_NOBODY: no memory. */
uint32_t ftrace_find_domain(struct ftrace *ftrace, uint64_t key);
/* The event of a device: it comes, is attached, faults, goes. */
void ftrace_run_device(struct ftrace *ftrace);
/* A domain is freed. */
void ftrace_run_free(struct ftrace *ftrace);

void ftrace_run_probe(struct ftrace *ftrace);
void ftrace_run_map(struct ftrace *ftrace, bool is_map);
/* The probe that stands in front of the event under way, and is used up by it. */
bool ftrace_take_probe(struct ftrace *ftrace, enum ftrace_kind kind, struct ftrace_probe *taken);
/* Nothing comes any more: probes that still wait have no event. */
void ftrace_end_probes(struct ftrace *ftrace);

#endif
