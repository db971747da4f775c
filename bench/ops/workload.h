/* What hypervisors do with an IOMMU, as workloads. */
#ifndef IOMMUSIM_BENCH_WORKLOAD_H
#define IOMMUSIM_BENCH_WORKLOAD_H

#include "ops/stage.h"

struct workload {
	const char *name;
	const char *unit;  /* what it does again and again */
	const char *about; /* one line */
	/* How many of them there are on so many pages. */
	uint64_t (*count)(uint64_t pages);
	bool (*prepare)(struct stage *stage); /* NULL: nothing */
	bool (*run)(struct stage *stage);
};

/* Ends with one without a name. */
extern const struct workload workloads[];

const struct workload *workload_find(const char *name);

#endif
