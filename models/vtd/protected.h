/*
 * Protected memory regions (VT-d 11.4.8): memory that no DMA may reach.
 */
#ifndef IOMMUSIM_VTD_PROTECTED_H
#define IOMMUSIM_VTD_PROTECTED_H

#include "models/vtd/unit.h"

/* PMEN was written. */
void vtd_protection_written(struct vtd_unit *vtd, uint64_t written);
/* Deny a page that may not be reached. False: it may. What is denied here is never recorded. */
bool vtd_protected(const struct vtd_unit *vtd, struct iommusim_dma_page *page);
#define VTD_PROTECTED_CLAUSE "VT-d 11.4.8.1 PMEN.EPM"

#endif
