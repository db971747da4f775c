/* Which ratios of several runs of the benchmarks agree. */
#ifndef IOMMUSIM_BENCH_RUNS_H
#define IOMMUSIM_BENCH_RUNS_H

/*
 * [--within PERCENT] FILE FILE...: what --json wrote, a run each. Says of every ratio that all of them have how far apart
 * they are, the farthest first, and how many agree. Returns an exit code: 0 compared, whatever came of it; 2 bad usage or a
 * file that cannot be read; 3 out of memory.
 */
int compare_runs(int count, char **words);

#endif
