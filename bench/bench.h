/* What the families of benchmarks share with main: a benchmark, its targets, its result. No measuring. */
#ifndef IOMMUSIM_BENCH_BENCH_H
#define IOMMUSIM_BENCH_BENCH_H

#include <stdbool.h>
#include <stdio.h>

#include "measure.h"

#define BENCH_TARGETS 4u
#define BENCH_SERIES  6u

/* The name by which a target is about committed counts (bench/instructions.txt), not about a baseline. */
#define BENCH_INSTRUCTIONS "instructions"

/* A limit to reach: for the value itself, for its ratio to a baseline (baseline / value), for instructions. */
struct bench_target {
	const char *against; /* a baseline's name, BENCH_INSTRUCTIONS; NULL: the value */
	double limit;        /* value, instructions: at most; ratio: at least */
	const char *text;    /* as people read it; NULL: no target here */
};

struct bench_scale {
	bool quick;
	unsigned rounds;
	unsigned places; /* in memory, between which the rounds are divided */
};

struct bench_result {
	unsigned count;
	struct measured series[BENCH_SERIES]; /* [0] is the value, the others its baselines */
	double allowance;                     /* that the target for the value itself is raised by */
	double instructions;                  /* that were counted of one operation; 0: not known */
	bool skipped;
	char text[320]; /* why it was skipped, or what failed */
};

struct benchmark {
	const char *name;
	const char *unit;
	const char *
	    /* "warm": tables and caches as a running system has them; "cold": fresh tables */
	    state;
	const char *about;
	struct bench_target targets[BENCH_TARGETS];
	bool amdvi;          /* on an AMD-Vi unit instead of a VT-d one */
	uint64_t size;       /* what its family makes of it */
	const char *profile; /* where a family lets it be chosen; NULL: "reference" */
	/* False: it could not be measured, and `text` says why. */
	bool (*run)(const struct benchmark *benchmark, const struct bench_scale *scale,
	    struct bench_result *result);
};

/* Each ends with a benchmark without a name. */
extern const struct benchmark map_benchmarks[];
extern const struct benchmark leaf_benchmarks[];
extern const struct benchmark guest_benchmarks[];
extern const struct benchmark memory_benchmarks[];
extern const struct benchmark translate_benchmarks[];
extern const struct benchmark thread_benchmarks[];
extern const struct benchmark checker_benchmarks[];
extern const struct benchmark policy_benchmarks[];
extern const struct benchmark replay_benchmarks[];
extern const struct benchmark interception_benchmarks[];

/* It is not measured, because `why`. True, for `run` to return. */
bool bench_skip(struct bench_result *result, const char *why);

/* Baseline / value of series number `index`, the median of the rounds' own ratios: above 1, the value is the faster one. */
double bench_ratio(const struct bench_result *result, unsigned index);

/* Report one result: a line of a table, or one JSON object. */
void report_heading(FILE *out);
void report_row(FILE *out, const struct benchmark *benchmark, const struct bench_result *result);
void report_legend(FILE *out, const struct bench_scale *scale);
void report_json(FILE *out, const struct benchmark *benchmark, const struct bench_result *result);

#endif
