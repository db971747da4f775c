/* Reads what several runs of the benchmarks wrote and sets their ratios side by side. Nothing is measured. */
#include "runs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json.h>

enum { RUNS = 8, RATIOS = 1024, NAME = 64, DEFAULT_PERCENT = 15, LINE = 1 << 14 };

struct ratio {
	char benchmark[NAME];
	char baseline[NAME];
	double values[RUNS];
	unsigned count; /* runs that have it */
	double apart;   /* the largest is so much more than the smallest: 0.15 is 15 % */
};

struct comparison {
	struct ratio *ratios;
	unsigned count;
	unsigned runs;
	double within;
};

static int refuse(const char *what, const char *word)
{
	fprintf(stderr, "iommusim-bench: %s \"%s\"\n", what, word);
	return 2;
}

static struct ratio *find(struct comparison *comparison, const char *benchmark, const char *baseline)
{
	struct ratio *ratio;

	for (unsigned i = 0; i < comparison->count; i++) {
		ratio = &comparison->ratios[i];
		if (strcmp(ratio->benchmark, benchmark) == 0 && strcmp(ratio->baseline, baseline) == 0)
			return ratio;
	}
	if (comparison->count == RATIOS || strlen(benchmark) >= NAME || strlen(baseline) >= NAME)
		return NULL;
	ratio = &comparison->ratios[comparison->count++];
	strncpy(ratio->benchmark, benchmark, NAME - 1);
	strncpy(ratio->baseline, baseline, NAME - 1);
	return ratio;
}

/* A benchmark's ratios into place `run`. False: this is no such line. */
static bool read_line(struct comparison *comparison, unsigned run, const char *line)
{
	struct json_object *object = json_tokener_parse(line), *name, *ratios;
	struct json_object_iterator at, end;
	bool good = json_object_object_get_ex(object, "name", &name) &&
	    json_object_object_get_ex(object, "ratios", &ratios) &&
	    json_object_is_type(ratios, json_type_object);

	if (good) {
		at = json_object_iter_begin(ratios);
		end = json_object_iter_end(ratios);
	}
	while (good && !json_object_iter_equal(&at, &end)) {
		struct ratio *ratio =
		    find(comparison, json_object_get_string(name), json_object_iter_peek_name(&at));

		good = ratio != NULL && ratio->count <= run;
		if (good) {
			ratio->values[ratio->count++] =
			    json_object_get_double(json_object_iter_peek_value(&at));
			json_object_iter_next(&at);
		}
	}
	json_object_put(object);
	return good;
}

static int read_run(struct comparison *comparison, const char *file)
{
	static char line[LINE];
	FILE *in = fopen(file, "r");
	bool good = true;

	if (in == NULL)
		return refuse("cannot read", file);
	while (good && fgets(line, sizeof(line), in) != NULL)
		good = read_line(comparison, comparison->runs, line);
	fclose(in);
	comparison->runs++;
	return good ? 0 : refuse("this is not what --json wrote:", file);
}

static void measure_distance(struct ratio *ratio)
{
	double least = ratio->values[0], most = ratio->values[0];

	for (unsigned i = 1; i < ratio->count; i++) {
		least = ratio->values[i] < least ? ratio->values[i] : least;
		most = ratio->values[i] > most ? ratio->values[i] : most;
	}
	ratio->apart = least > 0 ? most / least - 1 : 0;
}

static int by_distance(const void *a, const void *b)
{
	const double x = ((const struct ratio *)a)->apart, y = ((const struct ratio *)b)->apart;

	return (x < y) - (x > y);
}

static void show(const struct comparison *comparison)
{
	unsigned common = 0, near = 0;

	printf("%-28s %-18s %8s   %s\n", "name", "baseline", "apart", "ratios");
	for (unsigned i = 0; i < comparison->count; i++) {
		const struct ratio *ratio = &comparison->ratios[i];

		if (ratio->count < comparison->runs)
			continue;
		common++;
		near += ratio->apart <= comparison->within;
		printf("%-28s %-18s %7.1f%%  ", ratio->benchmark, ratio->baseline, 100 * ratio->apart);
		for (unsigned run = 0; run < ratio->count; run++)
			printf(" %.3g", ratio->values[run]);
		printf("\n");
	}
	printf(
	    "\n%u ratios in %u runs: %u within %g %%, %u not. Apart: the largest over the smallest.\n",
	    common, comparison->runs, near, 100 * comparison->within, common - near);
}

static int read_all(struct comparison *comparison, int count, char **words)
{
	int code = 0;

	for (int i = 0; i < count && code == 0; i++) {
		if (strcmp(words[i], "--within") == 0) {
			char *end = NULL;

			if (i + 1 < count)
				comparison->within = strtod(words[i + 1], &end) / 100;
			if (end == NULL || end == words[i + 1] || *end != '\0')
				return refuse("there is no number after", words[i]);
			i++;
		} else if (words[i][0] == '-') {
			return refuse("there is no option", words[i]);
		} else if (comparison->runs == RUNS) {
			return refuse("there are too many files, from", words[i]);
		} else {
			code = read_run(comparison, words[i]);
		}
	}
	if (code == 0 && comparison->runs < 2)
		code = refuse("two files or more go behind", "--compare");
	return code;
}

int compare_runs(int count, char **words)
{
	struct comparison comparison = { .within = DEFAULT_PERCENT / 100.0 };
	int code;

	comparison.ratios = calloc(RATIOS, sizeof(*comparison.ratios));
	if (comparison.ratios == NULL)
		return 3;
	code = read_all(&comparison, count, words);
	for (unsigned i = 0; i < comparison.count; i++)
		measure_distance(&comparison.ratios[i]);
	qsort(comparison.ratios, comparison.count, sizeof(*comparison.ratios), by_distance);
	if (code == 0)
		show(&comparison);
	free(comparison.ratios);
	return code;
}
