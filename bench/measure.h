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
	uint64_t total; /* operations a round */
	uint64_t slice; /* operations between two looks at the clock; divides `total` */
	unsigned
	    rounds; /* at least 7; one more comes first and does not count. Where they are short there are more */
	/*
	 * A round is the time that went by: where several threads share the work. Otherwise it is the processor time of the
	 * one that does it, which does not count others that had the processor meanwhile.
	 */
	bool elapsed;
};

struct measured {
	const char *name;
	double median; /* ns an operation, over the rounds */
	double p99;    /* ns an operation that went by, over the slices of all rounds */
	double ratio;  /* to the first contestant: the median of what the rounds say, each for itself */
};

enum measure_outcome { MEASURE_DONE, MEASURE_FAILED, MEASURE_NO_MEMORY };

/*
 * Let `count` contestants take turns: each does one round, then each does the next, and another one
 * begins every time. Whatever disturbs the machine meanwhile disturbs all of them.
 */
enum measure_outcome measure(const struct measure_plan *plan, const struct contestant *contestants,
    unsigned count, struct measured *results);

/* The rounds of one benchmark, which need not be of the same contestants in the same places. */
struct measurement {
	const struct measure_plan *plan; /* as long as the measurement lasts */
	unsigned count;
	unsigned done; /* rounds */
	struct samples *samples;
};

/* Close it in any case. */
enum measure_outcome measure_open(
    struct measurement *measurement, const struct measure_plan *plan, unsigned count);

enum { MEASURE_MORE = 8 };

/*
 * `rounds` of those that the plan has, all calls together, and one before them that does not count. Where they take less than
 * a twentieth of a second there are more, up to MEASURE_MORE times as many.
 */
enum measure_outcome measure_rounds(
    struct measurement *measurement, const struct contestant *contestants, unsigned rounds);
/* What came of all rounds that were done. The names are those of the contestants. */
void measure_result(
    struct measurement *measurement, const struct contestant *contestants, struct measured *results);
void measure_close(struct measurement *measurement);

/* Nanoseconds of a clock that only goes forward. */
uint64_t measure_now(void);
/* Nanoseconds that the calling thread has had a processor. */
uint64_t measure_processor(void);

/* Sorts the samples. */
double measure_median(double *samples, uint64_t count);

#endif
