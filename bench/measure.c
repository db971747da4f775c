/* Rounds, slices, medians and percentiles. Nothing here knows what is measured. */
#include "measure.h"

#include <stdlib.h>
#include <time.h>

/* The samples of one contestant. */
struct samples {
	double *rounds;
	double *slices;
};

uint64_t measure_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The smallest sample that `share` of them do not exceed. Sorts them. */
static double percentile(double *samples, uint64_t count, double share)
{
	const double place = share * (double)count;
	uint64_t index = (uint64_t)place;

	qsort(samples, count, sizeof(*samples), compare);
	if ((double)index == place && index > 0)
		index--;
	return samples[index < count ? index : count - 1];
}

double measure_median(double *samples, uint64_t count)
{
	return percentile(samples, count, 0.5);
}

/* One round. One look at the clock ends a slice and begins the next. */
static bool run_round(
    const struct measure_plan *plan, const struct contestant *contestant, double *slices, double *whole)
{
	uint64_t begin, before, after;

	if (contestant->prepare != NULL && !contestant->prepare(contestant->context))
		return false;
	before = begin = measure_now();
	after = begin;
	for (uint64_t first = 0; first < plan->total; first += plan->slice) {
		if (!contestant->run(contestant->context, first, plan->slice))
			return false;
		after = measure_now();
		*slices++ = (double)(after - before) / (double)plan->slice;
		before = after;
	}
	*whole = (double)(after - begin) / (double)plan->total;
	return true;
}

/* The round before the first overwrites nothing that counts: its samples are written over. */
static bool run_rounds(const struct measure_plan *plan, const struct contestant *contestants,
    unsigned count, const struct samples *samples)
{
	const uint64_t per_round = plan->total / plan->slice;

	for (unsigned i = 0; i < count; i++)
		if (!run_round(plan, &contestants[i], samples[i].slices, samples[i].rounds))
			return false;
	for (unsigned round = 0; round < plan->rounds; round++) {
		for (unsigned turn = 0; turn < count; turn++) {
			const unsigned i = (round + turn) % count;

			if (!run_round(plan, &contestants[i], samples[i].slices + round * per_round,
				&samples[i].rounds[round]))
				return false;
		}
	}
	return true;
}

static bool allocate(struct samples *samples, unsigned count, uint64_t rounds, uint64_t slices)
{
	for (unsigned i = 0; i < count; i++) {
		samples[i].rounds = calloc(rounds, sizeof(*samples[i].rounds));
		samples[i].slices = calloc(slices, sizeof(*samples[i].slices));
		if (samples[i].rounds == NULL || samples[i].slices == NULL)
			return false;
	}
	return true;
}

enum measure_outcome measure(const struct measure_plan *plan, const struct contestant *contestants,
    unsigned count, struct measured *results)
{
	const uint64_t slices = plan->total / plan->slice * plan->rounds;
	struct samples *samples = calloc(count, sizeof(*samples));
	enum measure_outcome outcome = MEASURE_NO_MEMORY;

	if (samples == NULL)
		return outcome;
	if (allocate(samples, count, plan->rounds, slices)) {
		outcome = MEASURE_FAILED;
		if (run_rounds(plan, contestants, count, samples))
			outcome = MEASURE_DONE;
	}
	for (unsigned i = 0; outcome == MEASURE_DONE && i < count; i++) {
		results[i].name = contestants[i].name;
		results[i].median = percentile(samples[i].rounds, plan->rounds, 0.5);
		results[i].p99 = percentile(samples[i].slices, slices, 0.99);
	}
	for (unsigned i = 0; i < count; i++) {
		free(samples[i].rounds);
		free(samples[i].slices);
	}
	free(samples);
	return outcome;
}
