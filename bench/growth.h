/* What the mapping path costs as a guest grows. */
#ifndef IOMMUSIM_BENCH_GROWTH_H
#define IOMMUSIM_BENCH_GROWTH_H

#include <stdbool.h>
#include <stdio.h>

struct growth_options {
	bool quick; /* up to 16 GiB instead of 256 */
	bool json;
	FILE *plot; /* for a chart; NULL: none */
};

/* False: out of resources, and stderr says what. */
bool growth_run(const struct growth_options *options);

#endif
