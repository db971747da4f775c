/* A capture of vmm-iommu.d on its way to being a trace. Private to import_dtrace*.c. */
#ifndef IOMMUSIM_REPLAY_IMPORT_DTRACE_STATE_H
#define IOMMUSIM_REPLAY_IMPORT_DTRACE_STATE_H

#include "replay/import_dtrace.h"

/* Calls that become one statement. Several domains may be worked on in turn. */
struct dtrace_run {
	enum vmm_call call; /* VMM_NONE: free */
	uint64_t domain;
	uint64_t gpa;
	uint64_t hpa;
	uint64_t length;
	uint64_t calls;
	uint32_t first_line;
	uint32_t last_line;
	uint64_t time;
};

enum { DTRACE_RUNS = 8 };

struct dtrace {
	struct importer *importer;
	struct vmm_record *records;
	size_t count, room;
	bool any;           /* line of the script's own */
	uint64_t last_time; /* of the lines so far */
	/* from all records */
	enum iommusim_vendor vendor;
	uint64_t host; /* 0: not known */
	uint64_t highest_hpa;
	uint64_t highest_gpa;
	bool has_init;
	bool returns_errors;
	/* while writing */
	struct import_map domains; /* to the number of its name */
	uint32_t names;
	struct dtrace_run runs[DTRACE_RUNS]; /* in the order of their beginning */
	unsigned run_count;
};

/* The end of a statement: from which line, and when. */
void dtrace_put_place(struct dtrace *dtrace, const struct vmm_record *record, const char *remark);
/* The end of a call: what it returned, when that matters, and where it came from. */
void dtrace_put_end(struct dtrace *dtrace, const struct vmm_record *record);
void dtrace_put_domain(struct dtrace *dtrace, uint64_t domain);

/* The length of what a call maps or takes away. */
uint64_t dtrace_length(const struct vmm_record *record);
/* iommu_create_mapping() or iommu_remove_mapping() of a domain that has a name. */
void dtrace_run_mapping(struct dtrace *dtrace, const struct vmm_record *record);
/* Write down what is still being joined, before anything that is no mapping. */
void dtrace_end_runs(struct dtrace *dtrace);

/* Any record, in the order of time. */
void dtrace_run_record(struct dtrace *dtrace, const struct vmm_record *record);

#endif
