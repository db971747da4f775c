/* A trace that maps a guest page by page and destroys its domain, written while it is read. Nothing is measured here. */
#ifndef IOMMUSIM_BENCH_GUEST_TRACE_H
#define IOMMUSIM_BENCH_GUEST_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <iommusim/memory.h>
#include <iommusim/trace.h>

/* Where the guest's host pages lie. */
enum guest_layout {
	GUEST_CONTIGUOUS,
	GUEST_RUNS, /* runs of 2 MiB, scattered */
	GUEST_SCATTERED
};

enum guest_stage { GUEST_BEGINS, GUEST_MAPS, GUEST_GOES, GUEST_IS_GONE };

struct guest_trace {
	uint64_t pages; /* a power of two, at least 512 */
	enum guest_layout layout;
	bool amdvi;
	/* How far it has come: what is to be written next. A new stage begins with a new piece. */
	enum guest_stage stage;
	uint64_t next;
};

/* `context` is a struct guest_trace: for a struct iommusim_trace_source. */
enum iommusim_status guest_trace_read(
    void *context, char *bytes, size_t room, size_t *count, struct iommusim_diagnostic *problem);

/* All of it. False: it cannot be written. */
bool guest_trace_print(struct guest_trace *trace, FILE *out);

/* Bytes of the guest's tables: four levels of 512 entries of 8 bytes. */
uint64_t guest_trace_tables(uint64_t pages);

#endif
