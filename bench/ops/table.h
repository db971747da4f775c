/* One table of a report: a workload under several subjects, and what became of it. */
#ifndef IOMMUSIM_BENCH_TABLE_H
#define IOMMUSIM_BENCH_TABLE_H

#include <stdio.h>

#include "ops/workload.h"

enum { TABLE_ROWS = 16, TABLE_ROUNDS = 7, TABLE_NAME = 24 };

struct table_row {
	char name[TABLE_NAME];
	struct iommusim_bench_subject subject;
	double time; /* ns a unit of the workload: vmm and the driver here, median over the rounds */
	double p99;  /* of the rounds: the slowest */
	double modelled; /* ns a unit: hardware, by the cost table */
	struct stage_counts counts;
};

struct table {
	const char *title;
	const struct workload *workload;
	uint64_t pages;
	struct table_row rows[TABLE_ROWS];
	unsigned count;
};

/* A row more. False: there are enough. `subject` is copied, not what it points to. */
bool table_add(struct table *table, const char *name, const struct iommusim_bench_subject *subject);

/* Measure all rows in turns. False: out of resources or a driver failed, and `text` says what. */
bool table_run(struct table *table, const struct costs *costs, char *text, size_t size);

/* As text for people, as JSON (an object a row), as chart number `index` of a picture. */
void table_write_text(FILE *out, const struct table *table);
void table_write_json(FILE *out, const struct table *table);
void table_write_chart(FILE *out, unsigned index, const struct table *table);

#endif
