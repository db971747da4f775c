/*
 * The logs in memory: rings that hardware fills and software empties (AMD-Vi 2.5, 2.6, 2.7), each with
 * its overflow, restart and interrupt. The lock is held throughout.
 */
#ifndef IOMMUSIM_AMDVI_LOG_H
#define IOMMUSIM_AMDVI_LOG_H

#include "models/amdvi/unit.h"

enum amdvi_log { AMDVI_LOG_EVENT, AMDVI_LOG_PPR, AMDVI_LOG_GA };

enum amdvi_logged {
	AMDVI_LOGGED,
	AMDVI_LOG_OFF,     /* not enabled, or not started again since an overflow was cleared */
	AMDVI_LOG_OVERFLOW /* there was no room: it is stopped, until the overflow is cleared */
};

/* Append an entry: two quadwords, of the GA log one. */
enum amdvi_logged amdvi_log_append(struct amdvi_unit *amdvi, enum amdvi_log log, const uint64_t *entry);

/* The same; where it went, in `*address`. */
enum amdvi_logged amdvi_log_append_at(
    struct amdvi_unit *amdvi, enum amdvi_log log, const uint64_t *entry, uint64_t *address);

/* CONTROL changed from `before`: logs begin to run, stop, change over. */
void amdvi_log_control_written(struct amdvi_unit *amdvi, uint64_t before);

/* Software reads the register `id`; of a tail that is ahead of its entry (erratum), that arrives then. */
void amdvi_log_tail_read(struct amdvi_unit *amdvi, unsigned id);
/* What the tail is ahead of is stored now. */
void amdvi_log_catch_up(struct amdvi_unit *amdvi);

#endif
