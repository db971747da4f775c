/*
 * Reports of DMA that is fine, kept whole: the same request again has the same report as long as the moment lasts and the
 * entries that its walk read stand in memory as they did. Private to libiommusim/check.
 */
#ifndef IOMMUSIM_CHECK_TOLD_H
#define IOMMUSIM_CHECK_TOLD_H

#include <stddef.h>

#include <iommusim/check.h>

#include "check/fine.h"

#define TOLD_PAGES   64u /* direct mapped by page number */
#define TOLD_STEPS   8u  /* longer walks are made each time */
#define TOLD_ENTRIES 24u /* quadwords that one has read */

struct told_entry {
	const uint64_t *at; /* as hardware sees memory */
	uint64_t value;
};

#define TOLD_HEAD offsetof(struct iommusim_report, walk.steps)

struct told {
	uint64_t moment; /* 0: nothing is kept */
	uint64_t address, length;
	uint8_t manner[FINE_MANNER];
	const struct iommusim_requester *requester;
	const struct iommusim_vm *for_vm;
	unsigned entry_count;
	struct told_entry entries[TOLD_ENTRIES];
	size_t size; /* of the report with the steps that there are */
	_Alignas(struct iommusim_report)
	    uint8_t report[TOLD_HEAD + TOLD_STEPS * sizeof(struct iommusim_walk_step)];
};

/* What a report was asked for by; all but the moment stands in the request. */
struct told_question {
	const struct iommusim_requester *requester;
	const struct iommusim_dma_request *request; /* one of those that fine_asks() */
	const struct iommusim_vm *for_vm;
	uint64_t moment;
};

/* Copy the report to such a question, but for what differs: the request and its outcomes. False: there is none. */
bool told_again(const struct iommusim_check *check, const struct told_question *question,
    struct iommusim_report *report);
/* Keep one, if it can be. */
void told_keep(struct iommusim_check *check, const struct told_question *question,
    const struct iommusim_report *report);
void told_free(struct iommusim_check *check);

#endif
