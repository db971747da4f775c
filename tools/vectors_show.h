/* What `iommusim vectors` writes: lines of text, or one JSON object a line. */
#ifndef IOMMUSIM_TOOLS_VECTORS_SHOW_H
#define IOMMUSIM_TOOLS_VECTORS_SHOW_H

#include "vectors_known.h"
#include "vectors_run.h"

enum vectors_verdict {
	VECTORS_PASSED,
	VECTORS_FAILED,
	VECTORS_KNOWN,    /* fails, and a list of known deviations says why */
	VECTORS_DISPUTED, /* it is no truth: whatever it did is right */
	VECTORS_VERDICTS
};

struct vectors_show {
	bool json;
	bool out_of_memory; /* something could not be written for want of it */
	size_t totals[VECTORS_VERDICTS];
};

/* One vector, which ran. `known` says why a VECTORS_KNOWN one may fail. */
void vectors_show_one(struct vectors_show *show, const char *id, enum vectors_verdict verdict,
    const struct vector_result *result, const struct vectors_known_entry *known);

/* The totals, after the last one. */
void vectors_show_end(struct vectors_show *show);

#endif
