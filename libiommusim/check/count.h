/* A counter under way, and what the files that count ask of each other. Private to libiommusim/check. */
#ifndef IOMMUSIM_CHECK_COUNT_H
#define IOMMUSIM_CHECK_COUNT_H

#include <iommusim/count.h>

#include "machine/unit_model.h"
#include "vmm/interpose.h"

/* A bit for each page of RAM, twice: does a VM have it, does the host domain map it at its own address? */
struct count_reach {
	struct iommusim_machine *machine;
	uint64_t *bits; /* reserved: the VMs' half, then the host domain's */
	size_t words;   /* of one half */
	uint64_t guest; /* pages that a VM has */
	uint64_t both;  /* of these, in the host domain too */
};

enum count_side { COUNT_GUEST, COUNT_HOST };

struct iommusim_counter {
	struct iommusim_vmm *vmm;
	struct iommusim_machine *machine;
	struct iommusim_ops ops; /* the next ones */
	void *ops_context;
	const void *last_handle; /* the domain asked about last, and */
	bool last_is_host;       /* whether it was the host's */
	struct count_reach reach;
	uint64_t topology; /* the bus and the units as they were when `unguarded` was worked out */
	uint64_t translating;
	bool unguarded_known;
	bool unguarded; /* some function is behind no unit that translates */
	struct iommusim_counts counts;
};

/* count_reach.c: OK, ENOMEM */
enum iommusim_status count_reach_init(struct count_reach *reach, struct iommusim_machine *machine);
void count_reach_fini(struct count_reach *reach);
/* The pages of [address, address + length) that are RAM change sides. */
void count_reach_set(
    struct count_reach *reach, enum count_side side, uint64_t address, uint64_t length, bool set);
/* The host domain maps nothing any more. */
void count_reach_forget_host(struct count_reach *reach);
/* What can be reached now: into the counts, where it is more than before. */
void count_reachable(struct iommusim_counter *counter, enum iommusim_call_kind after);

/* count_vtd.c, count_amdvi.c: a write of 4 or 8 bytes to a unit's registers, before it takes effect */
void count_vtd_write(struct iommusim_counter *counter, struct iommusim_unit *unit, uint64_t offset,
    unsigned width, uint64_t value);
void count_amdvi_write(
    struct iommusim_counter *counter, struct iommusim_unit *unit, uint64_t offset, uint64_t value);

/* Reading a register to count must leave no trace: no tick, no watcher. */
static inline uint64_t count_peek(struct iommusim_unit *unit, uint64_t offset, unsigned width)
{
	return unit->model->read(unit, offset, width);
}

static inline void count_invalidation(struct iommusim_counter *counter, enum iommusim_invalidation kind)
{
	counter->counts.invalidations[kind]++;
}

#endif
