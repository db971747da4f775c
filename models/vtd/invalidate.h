/*
 * Invalidation (VT-d 6.5): by registers and by the queue, of each cache.
 */
#ifndef IOMMUSIM_VTD_INVALIDATE_H
#define IOMMUSIM_VTD_INVALIDATE_H

#include "models/vtd/unit.h"

/* invalidate.c */
void vtd_context_command_written(struct vtd_unit *vtd, uint64_t written);
void vtd_iotlb_command_written(struct vtd_unit *vtd, uint64_t written);
/* One IOTLB or context-cache invalidation, register or descriptor. `granularity` 1, 2 or 3. */
struct vtd_invalidation {
	unsigned granularity;
	uint32_t domain;
	uint32_t pasid;
	uint16_t source;
	unsigned function_mask;
	uint64_t address;
	unsigned address_mask;
	bool leaf_only; /* IH: the entries that point at tables did not change */
	uint8_t levels; /* IH of the HPT cache: of which levels entries changed, as bits */
};
void vtd_invalidate_context(struct vtd_unit *vtd, const struct vtd_invalidation *what);
void vtd_invalidate_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what);
/* The PASID cache: `granularity` 0 domain, 1 PASID in domain, 3 global (VT-d 6.5.2.2). */
void vtd_invalidate_pasid_cache(struct vtd_unit *vtd, const struct vtd_invalidation *what);
/* First-stage translations: `granularity` 2 PASID in domain, 3 pages of it (VT-d 6.5.2.4). */
void vtd_invalidate_pasid_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what);
void vtd_invalidate_everything(struct vtd_unit *vtd);
/* The HPT cache: `granularity` 1 global, 2 HPT domain, 3 pages of it (VT-d 6.5.2.7). */
void vtd_invalidate_host_permissions(struct vtd_unit *vtd, const struct vtd_invalidation *what);
/* The interrupt entry cache: all of it, or 2^`mask` entries, aligned to their number, around `index`. */
void vtd_invalidate_interrupts(struct vtd_unit *vtd, bool selective, unsigned index, unsigned mask);
/*
 * Stores that linger in the platform's write buffers reach memory (VT-d 6.8). Only units with CAP.RWBF
 * need it, and only coherent ones: to the others software shows each line itself. The device view of
 * the machine stands for what such a unit sees.
 */
void vtd_flush_write_buffers(struct vtd_unit *vtd);

/* queue.c */
void vtd_queue_enable(struct vtd_unit *vtd, bool enable);
void vtd_queue_run(struct vtd_unit *vtd);
/* A device-TLB invalidation completion that nobody waits for: ICE. False: it is not taken notice of. */
bool vtd_stray_completion(struct iommusim_unit *unit, uint16_t rid);

#endif
