/*
 * Interrupt requests (VT-d 5): remapped ones and posted ones.
 */
#ifndef IOMMUSIM_VTD_INTERRUPT_H
#define IOMMUSIM_VTD_INTERRUPT_H

#include "models/vtd/unit.h"

/* interrupt.c */
/* The descriptor that a posted interrupt is recorded in. */
struct vtd_posting {
	uint64_t address;
	bool reached;           /* the entry asked for it: what follows means something */
	bool readable;          /* there is memory at `address` */
	uint64_t descriptor[8]; /* as it was found */
};

/* One interrupt request on its way: how it is remapped, and by which entry. */
struct vtd_remapping {
	bool on;          /* GSTS.IRES */
	bool extended;    /* EIME of the latched table */
	bool remappable;  /* the request has the remappable format */
	bool indexed;     /* it leads to an entry: `index` and `address` are set */
	bool readable;    /* there is memory at `address` */
	unsigned index;   /* of the entry in the table */
	uint64_t table;   /* address of the table */
	uint64_t address; /* of the entry */
	uint64_t entry[2];
	struct vtd_posting posting;
};

/* Is it an entry for posted interrupts? */
static inline bool vtd_posts(const struct vtd_unit *vtd, const uint64_t entry[2])
{
	return vtd_CAP_PI(vtd->capability) && vtd_irte_IM(entry) != 0;
}

/*
 * What one interrupt request comes to, from the table alone: the reason code of the fault, or 0 and
 * `out` changed to what is sent. Reads memory, changes nothing.
 */
unsigned vtd_remap(const struct vtd_unit *vtd, const struct interrupt_request *request,
    struct vtd_remapping *remapping, struct iommusim_interrupt *out);
/* The request of an interrupt as vtd_fault() wants it. */
struct page_request vtd_interrupt_fault_request(
    const struct interrupt_request *request, const struct vtd_remapping *remapping);
void vtd_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_fault *fault);

/* post.c: posted interrupts (VT-d 5.2.3), by `remapping->entry`, which is a good one */
/*
 * Record the interrupt in the descriptor. The reason code of the fault, or 0 and `out` changed to the
 * notification that is sent: address 0 when none is. Any thread, beside software that uses the
 * descriptor.
 */
unsigned vtd_post(
    const struct vtd_unit *vtd, struct vtd_remapping *remapping, struct iommusim_interrupt *out);
/* The same answer, and nothing is changed. */
unsigned vtd_post_peek(
    const struct vtd_unit *vtd, struct vtd_remapping *remapping, struct iommusim_interrupt *out);

#endif
