/* Measuring one thing in several places in memory: where tables come to lie decides which caches they share. */
#ifndef IOMMUSIM_BENCH_PLACES_H
#define IOMMUSIM_BENCH_PLACES_H

#include "bench.h"

/* What the contestants work on, made anew in each place. */
struct bench_place {
	void *context;
	bool (*make)(void *context);
	bool (*check)(
	    void *context); /* when its rounds are done: was it what it should be? May be NULL */
	void (*drop)(void *context); /* may come twice */
};

/*
 * The plan's rounds, divided between `places`, into result->series. Where anything fails the place is left as it is, for
 * its owner to say why; drop it in any case.
 */
bool bench_in_places(const struct measure_plan *plan, unsigned places, const struct bench_place *place,
    const struct contestant *contestants, struct bench_result *result);

#endif
