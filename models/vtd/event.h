/*
 * The event interrupts of a unit (VT-d 7.3, 7.5, 6.5.2.10, 10.6). Lock held throughout.
 */
#ifndef IOMMUSIM_VTD_EVENT_H
#define IOMMUSIM_VTD_EVENT_H

#include "models/vtd/unit.h"

enum vtd_event {
	VTD_EVENT_FAULT,
	VTD_EVENT_INVALIDATION,
	VTD_EVENT_PAGE_REQUEST,
	VTD_EVENT_PERFORMANCE
};
void vtd_event_raise(struct vtd_unit *vtd, enum vtd_event event);
/* A control register was written, or status bits were cleared: send or drop what is pending. */
void vtd_event_update(struct vtd_unit *vtd, enum vtd_event event);

#endif
