/*
 * Host memory as the simulated kernel hands it out: single pages for tables from low memory, clusters
 * of 64 KiB for guests, scattered or in a row.
 */
#ifndef IOMMUSIM_VMM_PAGES_H
#define IOMMUSIM_VMM_PAGES_H

#include "machine/state.h"

#define PAGES_CLUSTER_SHIFT 16u
#define PAGES_CLUSTER       (UINT64_C(1) << PAGES_CLUSTER_SHIFT)

/* Physical addresses that are nobody's, whole pages. */
struct pages_range {
	uint64_t first, last;
};

struct pages {
	struct iommusim_machine *machine;
	uint64_t
	    table_begin; /* RAM offset where the table reserve begins; below it is the kernel's own */
	uint64_t table_next;  /* RAM offset of the next page never used for a table */
	uint64_t table_end;   /* RAM offset where the table reserve ends and guest clusters begin */
	uint64_t table_free;  /* physical address of the first page given back; UINT64_MAX: none */
	uint64_t table_count; /* pages in use for tables */
	uint64_t cluster_count;
	uint64_t clusters_free;
	uint64_t *used; /* a bit a cluster */
	struct pages_range *reserved;
	size_t reserved_count;
	size_t reserved_capacity;
};

/* Take stock of the machine's RAM. OK, EINVAL (4 MiB of it or less), ENOMEM. */
enum iommusim_status pages_init(struct pages *pages, struct iommusim_machine *machine);
void pages_fini(struct pages *pages);

/*
 * Keep [first, last], widened to whole pages, from being handed out: tables by pages, guests by clusters. Before
 * anything is taken; what is reserved already may be again. OK, ENOMEM. What is no RAM, or first > last, is no matter.
 */
enum iommusim_status pages_reserve(struct pages *pages, uint64_t first, uint64_t last);

/* A zeroed page for a table. False: the reserve is used up. */
bool pages_take_table(struct pages *pages, uint64_t *address);
void pages_give_table(struct pages *pages, uint64_t address);
/* `count` zeroed pages in a row, for good. False: there is no such row. */
bool pages_take_row(struct pages *pages, uint64_t count, uint64_t *address);
/* Does a physical address lie in what the kernel keeps for itself? */
bool pages_is_kernel(const struct pages *pages, uint64_t address);
/* Does a physical address lie in what tables were ever taken from? */
bool pages_is_table(const struct pages *pages, uint64_t address);

/*
 * Take `count` clusters: scattered by `seed`, or one run in a row. Their host addresses go to `out` in
 * guest order. False, and nothing taken, when there are not enough.
 */
bool pages_take_clusters(
    struct pages *pages, size_t count, uint64_t seed, bool contiguous, uint64_t *out);
void pages_give_clusters(struct pages *pages, size_t count, const uint64_t *clusters);

#endif
