/* What mapping benchmarks map into, and the contestants that all of them share. No benchmark of its own. */
#ifndef IOMMUSIM_BENCH_BED_H
#define IOMMUSIM_BENCH_BED_H

#include "bench.h"
#include "rig.h"
#include "textbook.h"

typedef bool bench_empty_call(void *context, uint64_t address, uint64_t physical, uint64_t length);

/* A domain, a textbook's tables, a row of plain entries: whichever the contestant needs. */
struct bed {
	struct rig_config config;
	struct rig rig;
	struct iommusim_domain *domain;
	struct textbook book;
	uint64_t *floor;
	uint64_t *list; /* host pages in the domain's order, scattered */
	bench_empty_call *volatile nothing;
	uint64_t pages; /* a power of two */
};

/* Its rig need not be there when this fails: destroy it in any case, once or twice. */
bool bed_create(struct bed *bed, const struct rig_config *config, uint64_t pages);
void bed_destroy(struct bed *bed);
/* A rig and a domain for a bed that has lost its own. */
bool bed_make_rig(struct bed *bed);

/* ---- contestants: `context` is a bed, an operation is a page -------------------------------------- */

bool bed_map(void *context, uint64_t first, uint64_t count); /* a call each, host pages scattered */
bool bed_unmap(void *context, uint64_t first, uint64_t count);
bool bed_map_range(void *context, uint64_t first, uint64_t count); /* one call, contiguous */
bool bed_unmap_range(void *context, uint64_t first, uint64_t count);
#ifdef BENCH_MAPPING_LIST
bool bed_map_list(void *context, uint64_t first, uint64_t count); /* one call, scattered */
#endif
bool bed_book_map(void *context, uint64_t first, uint64_t count);
bool bed_book_map_locked(void *context, uint64_t first, uint64_t count);
bool bed_book_map_list(void *context, uint64_t first, uint64_t count);
bool bed_book_map_range(void *context, uint64_t first, uint64_t count);
bool bed_book_unmap(void *context, uint64_t first, uint64_t count);
bool bed_book_unmap_locked(void *context, uint64_t first, uint64_t count);
bool bed_call(void *context, uint64_t first, uint64_t count); /* of nothing */
bool bed_floor(void *context, uint64_t first, uint64_t count);
bool bed_floor_list(void *context, uint64_t first, uint64_t count);
bool bed_floor_clear(void *context, uint64_t first, uint64_t count);

/* ---- what a round begins with ------------------------------------------------------------------------ */

bool bed_empty(void *context); /* nothing mapped, tables there */
bool bed_book_empty(void *context);
bool bed_make_list(void *context);
bool bed_list_empty(void *context); /* the list is there, nothing mapped, tables there */
bool bed_book_list_empty(void *context);
bool bed_full(void *context); /* everything mapped, contiguous */
bool bed_book_full(void *context);
bool bed_fresh(void *context); /* a domain without tables */
bool bed_book_fresh(void *context);
bool bed_anew(void *context); /* another rig, warmed up: a checker's record grows with every call */

/* Contestants that take turns on one bed. */
struct bed_match {
	struct rig_config config;
	uint64_t pages;
	uint64_t slice;
	const struct contestant *contestants;
	unsigned count;
};

bool bed_compete(
    const struct bed_match *match, const struct bench_scale *scale, struct bench_result *result);

#endif
