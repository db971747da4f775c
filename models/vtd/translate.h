/*
 * One DMA request (VT-d 3, 4).
 */
#ifndef IOMMUSIM_VTD_TRANSLATE_H
#define IOMMUSIM_VTD_TRANSLATE_H

#include "models/vtd/unit.h"

void vtd_translate(struct iommusim_unit *unit, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights);

bool vtd_plan(struct iommusim_unit *unit, const struct page_request *request, struct plan *plan);

/* The request as the unit takes it: in `without`, without its PASID, while translation is off (VT-d 3.1). */
const struct page_request *vtd_as_seen(
    const struct vtd_unit *vtd, const struct page_request *request, struct page_request *without);

/*
 * What never meets the tables: requests to the interrupt range, and all requests while translation is
 * off. True: `page` is answered, and denied when `*reason` is a fault reason.
 */
bool vtd_beside_tables(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *reason);

#endif
