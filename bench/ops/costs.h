/* The cost table: what hardware takes for what it is made to do. Who counts that is stage.h. */
#ifndef IOMMUSIM_BENCH_COSTS_H
#define IOMMUSIM_BENCH_COSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/count.h>

struct costs {
	double walk_access; /* ns, all but the last three */
	double register_read;
	double register_write;
	double invalidations[IOMMUSIM_INVALIDATION_COUNT]; /* WAIT is the wait */
	double copy_byte;                                  /* ns a byte */
	double iotlb_sets;                                 /* a power of two */
	double iotlb_ways;                                 /* 1..64 */
};

/* What a workload made hardware do. */
struct costs_events {
	uint64_t walk_accesses; /* entries of page tables that walks have read */
	uint64_t register_reads;
	uint64_t register_writes;
	uint64_t invalidations[IOMMUSIM_INVALIDATION_COUNT];
	uint64_t copied; /* bytes */
};

/* The built-in table, bench/costs.txt as it was at build time, and its text. */
void costs_default(struct costs *costs);
extern const char costs_default_text[];

/*
 * Read rows into a table; those that are not named stay. False: `error` says where and what, as
 * "NAME:LINE:COLUMN: ..."; some rows may have been read.
 */
bool costs_parse(struct costs *costs, const char *name, const char *text, char *error, size_t size);
bool costs_read(struct costs *costs, const char *file, char *error, size_t size);

/* Modelled time in ns. */
double costs_model(const struct costs *costs, const struct costs_events *events);

#endif
