/* An allocator for a machine that can say how much memory is in use. No benchmark of its own. */
#ifndef IOMMUSIM_BENCH_MEMORY_H
#define IOMMUSIM_BENCH_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <iommusim/machine.h>

enum { MEMORY_PIECES = 32 };

struct memory_piece {
	void *block;
	size_t size;
};

struct memory_meter {
	struct iommusim_allocator allocator; /* for iommusim_machine_config; its context is the meter */
	uint64_t allocated;
	struct memory_piece
	    pieces[MEMORY_PIECES]; /* reservations: what counts of them is what was touched */
	unsigned count;
};

void memory_meter_init(struct memory_meter *meter);

/* Bytes in use now. It looks at every page of every reservation. */
uint64_t memory_meter_bytes(const struct memory_meter *meter);

#endif
