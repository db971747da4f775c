/* Running one conformance vector on a machine of its own, and what came out differently. */
#ifndef IOMMUSIM_TOOLS_VECTORS_RUN_H
#define IOMMUSIM_TOOLS_VECTORS_RUN_H

#include <iommusim/dma.h>

#include "vectors.h"

struct vector_json;

/* What a step should have given and gave, in words. */
struct vector_failure {
	size_t step; /* its place in `steps`, from 0 */
	char action[96];
	char expected[192];
	char got[192];
};

struct vector_result {
	struct vector_failure *failures; /* in the order of steps */
	size_t count;
	size_t room;
};

/* A vector under way. */
struct vector_run {
	const struct vector *vector;
	struct vector_json *json; /* its line, to say where what cannot be run stands */
	struct iommusim_machine *machine;
	struct vector_result *result;
	bool has_unit;
	bool preferred; /* compare disputed steps too when a reading of the specification chose */
	/*
	 * A disputed request left another record here than where the vector comes from, and there is no way
	 * to undo that: registers that tell of faults are not compared, faults are by what the unit says of
	 * them itself.
	 */
	bool diverged;
	size_t step;
	struct iommusim_requester *requesters[UINT16_MAX + 1];
};

struct vector_run_options {
	struct iommusim_unit_settings settings;
	bool preferred;
};

/*
 * Run a vector. False when it cannot be run to its end, or memory ran out: `json->problem` says which.
 * Free `result` in any case.
 */
bool vector_execute(const struct vector *vector, const struct vector_run_options *options,
    struct vector_json *json, struct vector_result *result);
void vector_result_free(struct vector_result *result);

/* One `dma` step: vectors_dma.c. True when it ran, whatever came of it. */
bool vector_run_dma(struct vector_run *run, const struct vector_step *step);

/* Is this step compared? */
bool vector_run_compares(const struct vector_run *run, const struct vector_step *step);
/* A failure of this step, to be filled in; NULL when memory ran out, which is then noted. */
struct vector_failure *vector_run_fail(struct vector_run *run);
/* Refuse the member `name` of this step. */
bool vector_run_refuse(struct vector_run *run, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool vector_run_out_of_memory(struct vector_run *run);

#endif
