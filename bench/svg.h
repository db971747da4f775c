/* Charts as SVG that any browser shows, on light and on dark ground: lines or bars over named places. No figures of its own. */
#ifndef IOMMUSIM_BENCH_SVG_H
#define IOMMUSIM_BENCH_SVG_H

#include <stdbool.h>
#include <stdio.h>

enum { SVG_SERIES = 6 };

struct svg_series {
	const char *name;
	const double *values; /* one for each place; below 0: there is none */
};

struct svg_chart {
	const char *title;
	const char *x_label; /* with its unit */
	const char *y_label;
	const char *const *places; /* along x, evenly spaced */
	unsigned count;
	struct svg_series series[SVG_SERIES]; /* up to the first without a name */
	bool bars;
};

/* A picture of `charts` charts, one below the other; svg_chart() draws number `index`. */
void svg_begin(FILE *out, unsigned charts);
void svg_chart(FILE *out, unsigned index, const struct svg_chart *chart);
void svg_end(FILE *out);

/* The end of an axis that holds `largest`: 1, 2 or 5 times a power of ten. */
double svg_axis_end(double largest);

#endif
