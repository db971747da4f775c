/* Where a workload plays: a machine, a driver, a domain or a VM, and what is counted of it. No workload of its own. */
#ifndef IOMMUSIM_BENCH_STAGE_H
#define IOMMUSIM_BENCH_STAGE_H

#include <iommusim/count.h>

#include "ops/costs.h"
#include "rig.h"

/* What is the same for all rounds of a run. */
struct stage_plan {
	const struct iommusim_bench_subject *subject;
	const struct costs *costs;
	uint64_t pages; /* of 4 KiB: how much a workload works on, a power of two from 1024 on */
	bool counting;  /* count, with all the DMA; else nothing but the calls of vmm, to be timed */
};

/* What a workload made of it, once. */
struct stage_counts {
	struct costs_events events;
	uint64_t calls;  /* of iommu_ops */
	uint64_t dma;    /* pages that devices asked for */
	uint64_t lost;   /* of these, that faulted */
	uint64_t misses; /* and that the IOTLB could not answer */
	uint64_t table_pages;
	bool tables_known;
};

struct stage {
	struct stage_plan plan;
	struct rig rig;
	struct iommusim_counter *counter;
	struct iommusim_counts before;
	struct iommusim_domain *domain;
	struct iommusim_vm *vm;
	struct iommusim_requester *device; /* passed through */
	struct iommusim_requester *disk;   /* the host's */
	struct stage_counts counts;
};

/* A loaded vmm whose IOMMU is initialised, without domains of its own. Close it in any case. */
bool stage_open(struct stage *stage, const struct stage_plan *plan);
void stage_close(struct stage *stage);

/* A domain with the device in it; a VM with `pages` of memory. */
bool stage_add_domain(struct stage *stage);
bool stage_add_vm(struct stage *stage);

/* What comes now is the workload, and: that was it. */
void stage_begin(struct stage *stage);
void stage_end(struct stage *stage);

/* vmm's calls on the domain. */
bool stage_map(struct stage *stage, uint64_t gpa, uint64_t hpa, uint64_t length);
bool stage_unmap(struct stage *stage, uint64_t gpa, uint64_t length);

/* A page that a device reads or writes, where DMA counts. Whether it faults is counted, not an error. */
bool stage_dma(struct stage *stage, struct iommusim_requester *requester, uint64_t address, bool write);

/* Another number, the same in every run. */
uint64_t stage_random(uint64_t *state);

#endif
