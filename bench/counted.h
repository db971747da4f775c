/* The committed counts of instructions (bench/instructions.txt), for a run to show beside its times. */
#ifndef IOMMUSIM_BENCH_COUNTED_H
#define IOMMUSIM_BENCH_COUNTED_H

#include <stdbool.h>
#include <stddef.h>

enum { COUNTED_FIGURES = 64, COUNTED_NAME = 32 };

struct counted_figures {
	struct {
		char name[COUNTED_NAME];
		double instructions;
	} figures[COUNTED_FIGURES];
	unsigned count;
};

/* This program's compiler as the file names it: "gcc 12.2 x86_64 optimised". `text` has room for `size` characters. */
void counted_compiler(char *text, size_t size);

/* The figures of this program's compiler. False: the file cannot be read. */
bool counted_read(struct counted_figures *figures, const char *file);

/* Of a benchmark; 0: not there. */
double counted_find(const struct counted_figures *figures, const char *name);

#endif
