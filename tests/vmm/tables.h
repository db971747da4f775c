/* Page tables of two domains, compared entry by entry. How they came to be is the test's. */
#ifndef IOMMUSIM_TESTS_VMM_TABLES_H
#define IOMMUSIM_TESTS_VMM_TABLES_H

#include "host_fixture.h"

/* A host with a domain in it. */
struct tables {
	struct host *host;
	struct iommusim_domain *domain;
	bool amdvi;
};

/*
 * Do both say the same? Leaves bit for bit; entries that point at tables but for where those are. Empty tables count: a
 * table on one side alone is a difference.
 */
bool tables_are_alike(const struct tables *a, const struct tables *b);
/* The tables that hang below the root, and the root. */
uint64_t tables_count(const struct tables *tables);

#endif
