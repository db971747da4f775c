/* STATUS, and the unit's own interrupts: one message when a status bit comes up (AMD-Vi 3.4, 2.5). */
#ifndef IOMMUSIM_AMDVI_STATUS_H
#define IOMMUSIM_AMDVI_STATUS_H

#include "models/amdvi/unit.h"

/*
 * Set bits of STATUS. An interrupt goes out for each of EVENT_LOG_INT, EVENT_OVERFLOW, COMWAIT_INT, PPR_INT,
 * PPR_OVERFLOW, GA_INT, GA_LOG_OVERFLOW (and those of logs B) that was 0 and whose enable in CONTROL is on:
 * through the MSI capability, or with CONTROL.IntCapXTEn through the XT registers. Lock held.
 */
void amdvi_status_set(struct amdvi_unit *amdvi, uint64_t bits);
void amdvi_status_clear(struct amdvi_unit *amdvi, uint64_t bits);
uint64_t amdvi_status(const struct amdvi_unit *amdvi);

/* Would an event that is logged now raise no interrupt? Any thread, without the lock. */
bool amdvi_event_masked(struct iommusim_unit *unit);

#endif
