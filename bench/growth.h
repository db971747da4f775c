/* What the mapping path costs as a guest grows, and replaying a trace of it. */
#ifndef IOMMUSIM_BENCH_GROWTH_H
#define IOMMUSIM_BENCH_GROWTH_H

#include <stdbool.h>
#include <stdio.h>

#include "guest_trace.h"

enum { GROWTH_SIZES = 9, GROWTH_VENDORS = 2 };

/* Guests of so many GiB, as charts have them; units by name, VT-d's first. */
extern const char *const growth_guests[GROWTH_SIZES];
extern const char *const growth_vendors[GROWTH_VENDORS];

struct growth_options {
	bool quick;               /* up to 16 GiB instead of 256; of a trace, 4 */
	enum guest_layout layout; /* of a trace */
	bool json;
	FILE *plot; /* for a chart; NULL: none */
};

/* False: out of resources, and stderr says what. */
bool growth_run(const struct growth_options *options);
/* The same of a trace that is replayed. Before there are threads: each size has a process of its own. */
bool growth_replay_run(const struct growth_options *options);
/* The trace of a VT-d machine with a guest of so many GiB, a power of two. False: it cannot be written. */
bool growth_print_trace(enum guest_layout layout, uint64_t gib, FILE *out);

#endif
