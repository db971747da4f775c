/*
 * What generated worlds of scalable mode have in common, whichever stages their tables are: the unit, the numbers
 * they are drawn from, which indices are in use, and how a test goes through worlds under every cache policy.
 */
#ifndef IOMMUSIM_TESTS_PROPERTY_SCALABLE_WORLD_H
#define IOMMUSIM_TESTS_PROPERTY_SCALABLE_WORLD_H

#include "random.h"
#include "scalable_fixture.h"

#define INDICES 5u /* of a table are in use */

struct scalable_world {
	struct scalable sm;
	struct random random;
	uint64_t seed, number;
	bool rid_privileged;
	uint16_t indices[INDICES];
	uint64_t last_address; /* of a request, and the number of its PASID */
	unsigned last_number;
};

/* The numbers of case `number`, in a world that is all 0. */
void sw_begin(struct scalable_world *world, uint64_t seed, uint64_t number);

/* A unit with this policy; a cache with a size has a small one. */
void sw_set_policy(struct vtd_setup *setup, enum iommusim_cache_policy policy);
/* Everything: IOTLB and paging structures (type 2, G=1), PASID cache (7, G=3), context cache (1, G=1). */
void sw_invalidate(struct scalable_world *world);
/* RID_PRIV, bit 20 of the second quadword of a context entry (VT-d 9.4), one way or the other. */
void sw_set_rid_privilege(struct scalable_world *world);

/* An address of 4 or 5 levels at indices in use, sign-extended. */
uint64_t sw_address(struct scalable_world *world, unsigned levels);
/* The last address, with another index at the lowest level or somewhere. */
uint64_t sw_near_address(struct scalable_world *world);

/* What repeats the run; and the steps of a request's walk. */
void sw_print_case(const struct scalable_world *world);
void sw_print_walk(const struct scalable_world *world, const struct iommusim_dma_request *dma);

/* How a test goes through its worlds: `world` begins with a struct scalable_world. */
struct sw_cases {
	unsigned worlds, changes, requests; /* changes in each world, requests between two of them */
	/* Both outcomes are common, or this proves little: how many of a hundred requests are blocked. */
	unsigned least_blocked, most_blocked;
	void *world;
	void (*start)(void *world, uint64_t seed, uint64_t number, enum iommusim_cache_policy policy);
	bool (*check)(void *world); /* a request; was it to be blocked? */
	void (*change)(void *world);
};

/* A test of each policy: none, hoard, sized, adverse. Returns what main() returns. */
int sw_run(const struct sw_cases *cases, const char *const names[4]);

#endif
