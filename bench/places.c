/* Going from place to place. Between them memory is taken that stays taken, so that the kernel gives other pages. */
#include "places.h"

#include <stddef.h>

#include <sys/mman.h>

enum { MOST_PLACES = 8 };

/* No multiple of any cache's size. */
#define BALLAST ((size_t)5 << 20 | (size_t)17 << 12)

struct ballast {
	void *block;
	size_t size;
};

static struct ballast take_ballast(unsigned place)
{
	struct ballast ballast = { .size = place * BALLAST };

	if (ballast.size == 0)
		return ballast;
	ballast.block =
	    mmap(NULL, ballast.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ballast.block == MAP_FAILED)
		return (struct ballast){ .size = 0 };
#ifdef MADV_NOHUGEPAGE
	madvise(ballast.block, ballast.size, MADV_NOHUGEPAGE);
#endif
	for (size_t at = 0; at < ballast.size; at += 4096)
		((volatile char *)ballast.block)[at] = 1;
	return ballast;
}

static bool measure_place(struct measurement *measurement, unsigned rounds,
    const struct bench_place *place, const struct contestant *contestants)
{
	if (!place->make(place->context) ||
	    measure_rounds(measurement, contestants, rounds) != MEASURE_DONE ||
	    (place->check != NULL && !place->check(place->context)))
		return false;
	place->drop(place->context);
	return true;
}

bool bench_in_places(const struct measure_plan *plan, unsigned places, const struct bench_place *place,
    const struct contestant *contestants, struct bench_result *result)
{
	struct ballast taken[MOST_PLACES];
	struct measurement measurement;
	unsigned at = 0;
	bool done = measure_open(&measurement, plan, result->count) == MEASURE_DONE;

	places = places < MOST_PLACES ? places : MOST_PLACES;
	for (; done && at < places; at++) {
		taken[at] = take_ballast(at);
		done = measure_place(&measurement, plan->rounds / places, place, contestants);
	}
	while (at > 0)
		if (taken[--at].block != NULL)
			munmap(taken[at].block, taken[at].size);
	if (done)
		measure_result(&measurement, contestants, result->series);
	measure_close(&measurement);
	return done;
}
