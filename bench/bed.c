/*
 * What mapping benchmarks map into, a domain beside a textbook's tables, and who can do what with it. What is compared
 * with what is map.c and its neighbours.
 */
#include "bed.h"
#include "places.h"

#include <stdlib.h>
#include <string.h>

#define PAGE       IOMMUSIM_PAGE_SIZE
#define PAGE_SHIFT IOMMUSIM_PAGE_SHIFT

/* ---- contestants ---------------------------------------------------------------------------- */

bool bed_map(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!rig_ok(&bed->rig,
			iommusim_iommu_create_mapping(bed->rig.vmm, bed->domain, page << PAGE_SHIFT,
			    rig_scattered(page, bed->pages), PAGE)))
			return false;
	return true;
}

bool bed_unmap(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!rig_ok(&bed->rig,
			iommusim_iommu_remove_mapping(
			    bed->rig.vmm, bed->domain, page << PAGE_SHIFT, PAGE)))
			return false;
	return true;
}

bool bed_map_range(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig,
	    iommusim_iommu_create_mapping(bed->rig.vmm, bed->domain, first << PAGE_SHIFT,
		(UINT64_C(4) << 30) + (first << PAGE_SHIFT), count << PAGE_SHIFT));
}

bool bed_book_map(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_map(&bed->book, page << PAGE_SHIFT, rig_scattered(page, bed->pages),
			TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

bool bed_book_map_locked(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_map_locked(&bed->book, page << PAGE_SHIFT,
			rig_scattered(page, bed->pages), TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

/* A textbook has no ranges: a contiguous one is as many pages. */
bool bed_book_map_range(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_map(&bed->book, page << PAGE_SHIFT,
			(UINT64_C(4) << 30) + (page << PAGE_SHIFT), TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

bool bed_book_unmap(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_unmap(&bed->book, page << PAGE_SHIFT))
			return false;
	return true;
}

bool bed_book_unmap_locked(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_unmap_locked(&bed->book, page << PAGE_SHIFT))
			return false;
	return true;
}

bool bed_call(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!bed->nothing(bed, page << PAGE_SHIFT, rig_scattered(page, bed->pages), PAGE))
			return false;
	return true;
}

/* ---- what each round begins with --------------------------------------------------------------- */

/* Nothing mapped, tables there. */
bool bed_empty(void *context)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig,
	    iommusim_iommu_remove_mapping(bed->rig.vmm, bed->domain, 0, bed->pages << PAGE_SHIFT));
}

bool bed_book_empty(void *context)
{
	struct bed *bed = context;

	for (uint64_t page = 0; page < bed->pages; page++)
		textbook_unmap(&bed->book, page << PAGE_SHIFT);
	return true;
}

bool bed_full(void *context)
{
	struct bed *bed = context;

	return bed_map_range(bed, 0, bed->pages);
}

bool bed_book_full(void *context)
{
	struct bed *bed = context;

	return bed_book_map_range(bed, 0, bed->pages);
}

bool bed_fresh(void *context)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig, iommusim_iommu_destroy_domain(bed->rig.vmm, bed->domain)) &&
	    rig_ok(
		&bed->rig, iommusim_iommu_create_domain(bed->rig.vmm, RIG_DOMAIN_SIZE, &bed->domain));
}

bool bed_book_fresh(void *context)
{
	struct bed *bed = context;

	textbook_destroy(&bed->book);
	return textbook_create(&bed->book);
}

bool bed_make_rig(struct bed *bed)
{
	return rig_create(&bed->rig, &bed->config) &&
	    rig_ok(
		&bed->rig, iommusim_iommu_create_domain(bed->rig.vmm, RIG_DOMAIN_SIZE, &bed->domain));
}

/* A rig of its own for each round, warmed up: a checker's record grows with every call. */
bool bed_anew(void *context)
{
	struct bed *bed = context;

	rig_destroy(&bed->rig);
	return bed_make_rig(bed) && bed_map(bed, 0, bed->pages) && bed_empty(bed);
}

bool bed_unmap_range(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig,
	    iommusim_iommu_remove_mapping(
		bed->rig.vmm, bed->domain, first << PAGE_SHIFT, count << PAGE_SHIFT));
}

#ifdef BENCH_MAPPING_LIST
bool bed_map_list(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	return rig_ok(&bed->rig,
	    iommusim_iommu_create_mapping_list(
		bed->rig.vmm, bed->domain, first << PAGE_SHIFT, bed->list + first, count, NULL));
}
#endif

/* A textbook has no lists either. */
bool bed_book_map_list(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		if (!textbook_map(&bed->book, page << PAGE_SHIFT, bed->list[page],
			TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

bool bed_floor_list(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		bed->floor[page] = bed->list[page] + 3;
	return true;
}

/* As fast as memory takes entries: nobody looks anything up. */
bool bed_floor(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;

	for (uint64_t page = first; page < first + count; page++)
		bed->floor[page] = (UINT64_C(4) << 30) + (page << PAGE_SHIFT) + 3;
	return true;
}

bool bed_floor_clear(void *context, uint64_t first, uint64_t count)
{
	struct bed *bed = context;
	volatile uint64_t *floor = bed->floor; /* stores of 8 bytes, as many as there are entries */

	for (uint64_t page = first; page < first + count; page++)
		floor[page] = 0;
	return true;
}

/* Once, not timed: only lists need it. */
bool bed_make_list(void *context)
{
	struct bed *bed = context;

	if (bed->list != NULL)
		return true;
	bed->list = malloc(bed->pages * sizeof(*bed->list));
	for (uint64_t page = 0; bed->list != NULL && page < bed->pages; page++)
		bed->list[page] = rig_scattered(page, bed->pages);
	return bed->list != NULL;
}

bool bed_list_empty(void *context)
{
	return bed_make_list(context) && bed_empty(context);
}

bool bed_book_list_empty(void *context)
{
	return bed_make_list(context) && bed_book_empty(context);
}

/* ---- a bed's life -------------------------------------------------------------------------------- */

bool bed_create(struct bed *bed, const struct rig_config *config, uint64_t pages)
{
	memset(bed, 0, sizeof(*bed));
	bed->config = *config;
	bed->pages = pages;
	bed->nothing = textbook_nothing;
	bed->floor = calloc(pages, sizeof(*bed->floor));
	if (bed->floor == NULL)
		return false;
	return bed_make_rig(bed) && textbook_create(&bed->book);
}

void bed_destroy(struct bed *bed)
{
	rig_destroy(&bed->rig);
	textbook_destroy(&bed->book);
	free(bed->floor);
	free(bed->list);
	bed->floor = bed->list = NULL;
}

/* A bed of a match, in one place. */
struct match_bed {
	struct bed bed;
	const struct bed_match *match;
};

static bool make_match_bed(void *context)
{
	struct match_bed *own = context;

	return bed_create(&own->bed, &own->match->config, own->match->pages);
}

static void drop_match_bed(void *context)
{
	struct match_bed *own = context;

	bed_destroy(&own->bed);
}

bool bed_compete(
    const struct bed_match *match, const struct bench_scale *scale, struct bench_result *result)
{
	const struct measure_plan plan = { match->pages, match->slice, scale->rounds, false };
	struct match_bed bed = { .match = match };
	const struct bench_place place = {
		.context = &bed, .make = make_match_bed, .drop = drop_match_bed
	};
	struct contestant own[BENCH_SERIES];
	bool done;

	for (unsigned i = 0; i < match->count; i++) {
		own[i] = match->contestants[i];
		own[i].context = &bed.bed;
	}
	result->count = match->count;
	done = bench_in_places(&plan, scale->places, &place, own, result);
	if (!done)
		rig_explain(&bed.bed.rig, result->text, sizeof(result->text));
	drop_match_bed(&bed);
	return done;
}
