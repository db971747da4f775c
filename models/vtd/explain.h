/*
 * The walk of a request, written down for people. Nothing is changed by it.
 */
#ifndef IOMMUSIM_VTD_EXPLAIN_H
#define IOMMUSIM_VTD_EXPLAIN_H

#include "models/vtd/unit.h"

void vtd_explain(
    struct iommusim_unit *unit, const struct page_request *request, struct iommusim_walk *walk);
void vtd_explain_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_walk *walk);

#endif
