/* Interrupt requests: device table, interrupt table, guest virtual APIC (AMD-Vi 2.2.5, 2.2.8). */
#ifndef IOMMUSIM_AMDVI_INTERRUPT_H
#define IOMMUSIM_AMDVI_INTERRUPT_H

#include "models/amdvi/unit.h"

void amdvi_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_fault *fault);
void amdvi_explain_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_walk *walk);

#endif
