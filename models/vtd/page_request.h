/*
 * Page requests and responses (VT-d 7.4 to 7.7).
 */
#ifndef IOMMUSIM_VTD_PAGE_REQUEST_H
#define IOMMUSIM_VTD_PAGE_REQUEST_H

#include "models/vtd/unit.h"

/* Any thread. */
void vtd_request_page(struct iommusim_unit *unit, uint16_t rid,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome);
/* Carry out a page group response descriptor, which is a good one. Control side. */
void vtd_respond_page(struct vtd_unit *vtd, const uint64_t *raw);

#endif
