/* Rounds, slices, medians and percentiles. Nothing here knows what is measured. */
#include "measure.h"

#include <stdlib.h>
#include <time.h>

/* Short rounds go on for so long, in nanoseconds. */
#define MORE_UNTIL UINT64_C(50000000)

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

uint64_t measure_processor(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static uint64_t clock_of(const struct measure_plan *plan)
{
	return plan->elapsed ? measure_now() : measure_processor();
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
	uint64_t begin, before;

	if (contestant->prepare != NULL && !contestant->prepare(contestant->context))
		return false;
	begin = clock_of(plan);
	before = measure_now();
	for (uint64_t first = 0; first < plan->total; first += plan->slice) {
		uint64_t after;

		if (!contestant->run(contestant->context, first, plan->slice))
			return false;
		after = measure_now();
		*slices++ = (double)(after - before) / (double)plan->slice;
		before = after;
	}
	*whole = (double)(clock_of(plan) - begin) / (double)plan->total;
	return true;
}

static uint64_t slices_of(const struct measure_plan *plan)
{
	return plan->total / plan->slice;
}

static uint64_t most_rounds(const struct measure_plan *plan)
{
	return plan->rounds * (uint64_t)MEASURE_MORE;
}

enum measure_outcome measure_open(
    struct measurement *measurement, const struct measure_plan *plan, unsigned count)
{
	struct samples *samples = calloc(count, sizeof(*samples));

	*measurement = (struct measurement){ .plan = plan, .count = count, .samples = samples };
	if (samples == NULL)
		return MEASURE_NO_MEMORY;
	for (unsigned i = 0; i < count; i++) {
		samples[i].rounds = calloc(most_rounds(plan), sizeof(*samples[i].rounds));
		samples[i].slices =
		    calloc(most_rounds(plan) * slices_of(plan), sizeof(*samples[i].slices));
		if (samples[i].rounds == NULL || samples[i].slices == NULL)
			return MEASURE_NO_MEMORY;
	}
	return MEASURE_DONE;
}

/*
 * Each round has its own place on the stack. Whether a store to the stack and a load from a table are alike in some bits of
 * their addresses costs up to 25 % of a short call, and where a stack begins is left to chance.
 */
enum { STACK_PLACES = 61, STACK_STEP = 3 * 4096 + 13 * 64 };

static __attribute__((noinline)) bool run_moved(const struct measure_plan *plan,
    const struct contestant *contestant, unsigned round, double *slices, double *whole)
{
	volatile char *moved = __builtin_alloca(1 + round % STACK_PLACES * (size_t)STACK_STEP);

	*moved = 0;
	return run_round(plan, contestant, slices, whole);
}

/* Number `round`, which another contestant begins than the one before. */
static bool take_turns(
    const struct measurement *measurement, const struct contestant *contestants, unsigned round)
{
	const struct measure_plan *plan = measurement->plan;

	for (unsigned turn = 0; turn < measurement->count; turn++) {
		const unsigned i = (round + turn) % measurement->count;
		const struct samples *samples = &measurement->samples[i];

		if (!run_moved(plan, &contestants[i], round, samples->slices + round * slices_of(plan),
			&samples->rounds[round]))
			return false;
	}
	return true;
}

/* The samples of the round that does not count are written over by the next. */
enum measure_outcome measure_rounds(
    struct measurement *measurement, const struct contestant *contestants, unsigned rounds)
{
	const unsigned before = measurement->done;
	uint64_t begin;

	if (before + rounds * (uint64_t)MEASURE_MORE > most_rounds(measurement->plan) ||
	    !take_turns(measurement, contestants, before))
		return MEASURE_FAILED;
	begin = clock_of(measurement->plan);
	do {
		if (!take_turns(measurement, contestants, measurement->done))
			return MEASURE_FAILED;
		measurement->done++;
	} while (measurement->done < before + rounds ||
	    (measurement->done < before + rounds * MEASURE_MORE &&
		clock_of(measurement->plan) - begin < MORE_UNTIL));
	return MEASURE_DONE;
}

/* What was near in time had the same machine: so each round has a ratio of its own. */
static double ratio_of(const struct measurement *measurement, unsigned index, double *ratios)
{
	const struct samples *samples = measurement->samples;

	for (unsigned round = 0; round < measurement->done; round++)
		ratios[round] = samples[index].rounds[round] / samples[0].rounds[round];
	return percentile(ratios, measurement->done, 0.5);
}

void measure_result(
    struct measurement *measurement, const struct contestant *contestants, struct measured *results)
{
	const uint64_t slices = slices_of(measurement->plan) * measurement->done;
	struct samples *samples = measurement->samples;

	/* When the slices have said what they have to say, their place serves for the ratios: a round has one at least. */
	for (unsigned i = 0; i < measurement->count; i++) {
		results[i].name = contestants[i].name;
		results[i].p99 = percentile(samples[i].slices, slices, 0.99);
		results[i].ratio = ratio_of(measurement, i, samples[i].slices);
	}
	for (unsigned i = 0; i < measurement->count; i++)
		results[i].median = percentile(samples[i].rounds, measurement->done, 0.5);
}

void measure_close(struct measurement *measurement)
{
	for (unsigned i = 0; measurement->samples != NULL && i < measurement->count; i++) {
		free(measurement->samples[i].rounds);
		free(measurement->samples[i].slices);
	}
	free(measurement->samples);
	measurement->samples = NULL;
}

enum measure_outcome measure(const struct measure_plan *plan, const struct contestant *contestants,
    unsigned count, struct measured *results)
{
	struct measurement measurement;
	enum measure_outcome outcome = measure_open(&measurement, plan, count);

	if (outcome == MEASURE_DONE)
		outcome = measure_rounds(&measurement, contestants, plan->rounds);
	if (outcome == MEASURE_DONE)
		measure_result(&measurement, contestants, results);
	measure_close(&measurement);
	return outcome;
}
