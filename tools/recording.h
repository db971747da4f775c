/*
 * Recordings of a real driver: register accesses, table memory, and what the device's DMA and interrupts
 * came to. Running one against a model and comparing, line by line. Showing it is done elsewhere.
 */
#ifndef IOMMUSIM_TOOLS_RECORDING_H
#define IOMMUSIM_TOOLS_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/unit.h>

#include "recording_input.h"

struct recording_options {
	const char *platform; /* NULL: platform.json beside the recording */
	struct iommusim_unit_settings settings;
	uint64_t seed;
	bool as_specified; /* a unit without the ways of its own that the recorded device has */
};

struct recording_agreement {
	uint64_t total;
	uint64_t agree;
};

struct recording_checkpoint {
	uint64_t number;
	struct recording_agreement pages; /* those that should be there and those that are */
};

struct recording_summary {
	char machine[96];
	uint64_t lines;
	uint64_t writes;
	uint64_t reads;
	uint64_t reads_differ;
	uint64_t config_writes; /* to the unit's PCI function */
	uint64_t config_reads;
	uint64_t config_reads_differ; /* of those of registers that the unit has */
	struct recording_agreement translations;
	struct recording_agreement faults;
	struct recording_agreement interrupts;
	uint64_t legacy_reasons; /* faults that agree by what the reason means, not by its number */
	uint64_t source_unknown; /* interrupts that were not asked where they come from */
	uint64_t
	    compatibility_passed; /* interrupts for which that was allowed, as the recorded device does */
	uint64_t events_recorded; /* the unit's own event messages, in the recording and by the model */
	uint64_t events_sent;
	uint64_t checkpoints_alone; /* in the recording, and nothing beside it to compare with */
	struct recording_checkpoint *checkpoints;
	size_t checkpoint_count;
	size_t checkpoint_room;
};

/* Something in which model and recording part. The texts are for people. */
struct recording_parting {
	const char *what; /* "translation", "fault", "interrupt", "checkpoint" */
	uint32_t line;
	uint64_t checkpoint; /* its number */
	bool has_rid;
	uint16_t rid;
	uint64_t address;
	const char *access; /* "read", "write", "" */
	char expected[160];
	char got[320];
	char tables[160]; /* what they say now; "" when it is the same */
};

struct recording_watcher {
	void *context;
	void (*parted)(void *context, const struct recording_parting *parting);
	void (*progress)(void *context, uint32_t line);
};

/*
 * Run the recording in `text`, which came from `file`. OK when it ran to its end, whatever agreed;
 * EFORMAT, EIO, EOPNOTSUPP (`problem` says what and where), ENOMEM. `summary` holds what ran until
 * then; recording_summary_free() in any case.
 */
enum iommusim_status recording_run(const char *file, const char *text, size_t length,
    const struct recording_options *options, const struct recording_watcher *watcher,
    struct recording_summary *summary, struct recording_problem *problem);
void recording_summary_free(struct recording_summary *summary);

/* Did everything agree? */
bool recording_agrees(const struct recording_summary *summary);

/* What several files come to; checkpoints are added up. */
struct recording_total {
	size_t files;
	struct recording_summary sum; /* without a list of checkpoints */
	struct recording_agreement checkpoint_pages;
};
void recording_add_up(struct recording_total *total, const struct recording_summary *summary);

#endif
