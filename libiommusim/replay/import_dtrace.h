/* What docs/capture/vmm-iommu.d prints, line by line and in order. Private to import_dtrace*.c. */
#ifndef IOMMUSIM_REPLAY_IMPORT_DTRACE_H
#define IOMMUSIM_REPLAY_IMPORT_DTRACE_H

#include "replay/import.h"

enum vmm_call {
	VMM_NONE,
	VMM_CREATE_DOMAIN,
	VMM_DESTROY_DOMAIN,
	VMM_CREATE_MAPPING,
	VMM_REMOVE_MAPPING,
	VMM_INVALIDATE_TLB,
	VMM_ADD_DEVICE,
	VMM_REMOVE_DEVICE,
	VMM_ASKED, /* somebody above these calls */
	VMM_HOST,  /* not a call: which domain is the host's */
	VMM_MADE,  /* which domain a backend has made */
	VMM_VENDOR,
	/* lines that are not the script's own; `text` is all of it */
	VMM_COMMENT,
	VMM_LOSS,       /* `result` events */
	VMM_UNREADABLE, /* `result` is where, counted from the start of the line */
	VMM_MALFORMED   /* likewise */
};

/* The domain is arguments[0], except of VMM_CREATE_DOMAIN, which returns it. */
enum vmm_argument {
	VMM_DOMAIN = 0,
	VMM_MAXADDR = 0,
	VMM_GPA = 1,
	VMM_RID = 1,
	VMM_REMOVE_LEN = 2,
	VMM_HPA = 2,
	VMM_CREATE_LEN = 3,
	VMM_ARGUMENTS = 4
};

struct vmm_record {
	uint64_t entry; /* when; of what is not a call: when it was said, 0 of other lines */
	uint64_t exit;  /* UINT64_MAX: nothing says */
	uint64_t thread;
	uint64_t arguments[VMM_ARGUMENTS];
	uint64_t result; /* the domain that was made */
	int32_t error;   /* that was returned, of a vmm whose calls return one */
	uint32_t line;
	uint8_t call;  /* enum vmm_call */
	bool returned; /* printed when it returned */
	bool has_result;
	bool returns_error; /* this vmm's calls do */
	bool in_init;       /* made by the first iommu_create_domain() to initialise the IOMMU */
	bool does_init;     /* it is that one */
	struct slice text;  /* the call as it stands there */
};

/* Read the line under way. False: it is blank. */
bool dtrace_read(struct importer *importer, struct vmm_record *record);

/*
 * Order by time, keep one record of each call, and say of each whether it belongs to initialising the IOMMU.
 * `*count` becomes less. False: no memory.
 */
bool dtrace_order(struct importer *importer, struct vmm_record *records, size_t *count);

#endif
