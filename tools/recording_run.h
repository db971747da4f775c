/* What the parts of a recording's run share: the machine, the vendor's ways, the reports. */
#ifndef IOMMUSIM_TOOLS_RECORDING_RUN_H
#define IOMMUSIM_TOOLS_RECORDING_RUN_H

#include <iommusim/dma.h>
#include <iommusim/walk.h>

#include "recording.h"

enum { RECORDING_RIDS = 65536 };

struct recording_fault {
	uint64_t address;
	uint64_t reason;
	bool has_reason;
	bool is_write;
};

/* How much of the address space the entry stands for at which a walk ended, and what it maps. */
struct recording_span {
	uint64_t size; /* 0: nothing further is behind this requester id */
	bool mapped;
	uint64_t physical; /* of the address that was walked to */
	unsigned rights;   /* 1 read, 2 write */
};

/* An access to the configuration space of the unit's own PCI function. How wide it was is not known. */
struct recording_config_access {
	bool is_write;
	unsigned offset;
	uint32_t value;
};

/* What such accesses have shown of the function so far. */
struct recording_config {
	unsigned next; /* where the list of capabilities goes on */
	unsigned own;  /* the capability of IOMMUs; 0: not met yet */
	unsigned msi;  /* likewise */
	uint16_t msi_control;
	uint16_t msi_data;
	uint64_t msi_address;
};

struct recording_run;

/*
 * What is peculiar to a vendor's recordings. Another vendor is one more of these, entered into the
 * table of recording_platform.c.
 */
struct recording_backend {
	const char *name;   /* "VT-d" */
	const char *vendor; /* as iommusim/spec.h has it: "vtd" */
	uint64_t register_bytes;
	/* Translations say which rights were granted; otherwise only the page is compared. */
	bool has_rights;
	/* The address of a translation is that of the page it lies in, be that a large one. */
	bool whole_pages;
	/* Interrupts do not say where they come from, and the unit is told not to ask. */
	bool source_unknown;
	/* The driver makes a write-only mapping one that can be read, too. */
	bool write_only_is_read_write;
	/* The unit that platform.json (in `input`) describes, governing everything. OK, EFORMAT, ENOMEM, EINVAL. */
	enum iommusim_status (*create)(struct recording_input *input, uint64_t base,
	    const struct recording_options *options, struct iommusim_machine *machine,
	    struct iommusim_unit **unit);
	/* Is what the model denied what the recording says? `*by_meaning`: only the reason's number differs. */
	bool (*same_fault)(const struct recording_fault *recorded, const struct iommusim_dma_page *page,
	    bool *by_meaning);
	/* An interrupt as the device that was recorded takes it. EINVAL: not in the interrupt range. */
	enum iommusim_status (*interrupt)(struct recording_run *run,
	    struct iommusim_requester *requester, uint64_t address, uint32_t data,
	    struct iommusim_interrupt *out, struct iommusim_fault *fault);
	/* NULL: there are no such accesses, or what they do is known otherwise. */
	void (*configure)(struct recording_run *run, const struct recording_config_access *access);
	void (*span)(const struct iommusim_walk *walk, struct recording_span *span);
	/* The next requester id that can have a mapping, after one whose walk came to nothing. */
	uint32_t (*next_rid)(uint32_t rid, const struct iommusim_walk *walk);
};

extern const struct recording_backend recording_vtd;
extern const struct recording_backend recording_amdvi;

/* The machine a recording was made on. */
struct recording_platform {
	const struct recording_backend *backend;
	struct iommusim_machine *machine;
	struct iommusim_unit *unit;
	uint64_t ram; /* bytes */
};

struct recording_run {
	const char *file;
	const struct recording_options *options;
	const struct recording_watcher *watcher;
	struct recording_summary *summary;
	struct recording_platform platform;
	struct recording_input input;
	struct recording_config config;
	struct iommusim_requester **requesters; /* by requester id; NULL until one is used */
};

/* Build it from platform.json. OK, EFORMAT, EIO, EOPNOTSUPP, ENOMEM; nothing stays on failure. */
enum iommusim_status recording_platform_build(const char *recording,
    const struct recording_options *options, struct recording_platform *platform,
    struct recording_problem *problem);

/* "FOLDER/NAME" with the folder of `file`. Free it with free(); NULL: out of memory. */
char *recording_beside(const char *file, const char *name);

/* The requester of an id, made when it is first asked for. OK, ENOMEM. */
enum iommusim_status recording_requester(
    struct recording_run *run, uint16_t rid, struct iommusim_requester **requester);

/* Something parted: the watcher is told, with the line. */
void recording_report(struct recording_run *run, struct recording_parting *parting);

/* An `xlate` line and a `fault` line. OK, EFORMAT, ENOMEM. */
enum iommusim_status recording_run_translation(struct recording_run *run);
enum iommusim_status recording_run_fault(struct recording_run *run);

/* Compare the checkpoint's folder, when there is one, with what the tables map now. */
enum iommusim_status recording_check(struct recording_run *run, uint64_t number);

/* "read and write" for 3, and so on. */
const char *recording_rights(unsigned rights);

#endif
