/* Measuring several ways to do one thing in turns. What is done is the contestants' business. */
#ifndef IOMMUSIM_BENCH_MEASURE_H
#define IOMMUSIM_BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

struct contestant {
	const char *name;
	void *context;
	/* Not timed, before every round. May be NULL. False: it failed. */
	bool (*prepare)(void *context);
	/* Timed: operations number first..first+count-1. False: one failed. */
	bool (*run)(void *context, uint64_t first, uint64_t count);
};

struct measure_plan {
	uint64_t total;  /* operations a round */
	uint64_t slice;  /* operations between two looks at the clock; divides `total` */
	unsigned rounds; /* at least 7; one more comes first and does not count */
};

struct measured {
	const char *name;
	double median; /* ns an operation, over the rounds */
	double p99;    /* ns an operation, over the slices of all rounds */
};

enum measure_outcome { MEASURE_DONE, MEASURE_FAILED, MEASURE_NO_MEMORY };

/*
 * Let `count` contestants take turns: each does one round, then each does the next, and another one
 * begins every time. Whatever disturbs the machine meanwhile disturbs all of them.
 */
enum measure_outcome measure(const struct measure_plan *plan, const struct contestant *contestants,
    unsigned count, struct measured *results);

/* Nanoseconds of a clock that only goes forward. */
uint64_t measure_now(void);

/* Sorts the samples. */
double measure_median(double *samples, uint64_t count);

#endif
