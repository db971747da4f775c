/* Interrupt requests: device table, interrupt table, guest virtual APIC (AMD-Vi 2.2.5, 2.2.8). */
#ifndef IOMMUSIM_AMDVI_INTERRUPT_H
#define IOMMUSIM_AMDVI_INTERRUPT_H

#include "models/amdvi/denial.h"
#include "models/amdvi/device_table.h"

/* The word of a virtual APIC page that an interrupt is recorded in (IRR). */
struct amdvi_virtual_apic {
	uint64_t page;
	uint64_t address; /* of the word */
	uint64_t word;    /* as it was */
	bool reached;     /* the entry asked for it: what stands above means something */
	bool readable;
};

/* One interrupt request on its way, as far as it got. */
struct amdvi_remapping {
	struct amdvi_device device;
	struct amdvi_virtual_apic virtual_apic;
	uint64_t control; /* CONTROL when it came */
	uint64_t table;
	uint64_t address; /* of the entry */
	uint64_t entry[2];
	uint32_t index;
	bool indexed;  /* it leads to an entry: `index`, `table` and `address` are set */
	bool readable; /* there is memory at `address` */
};

/* interrupt.c */
void amdvi_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_fault *fault);
/* What a request comes to, from memory alone: nothing is changed but `remapping` and `out`. */
enum amdvi_denial amdvi_remap(struct amdvi_unit *amdvi, const struct interrupt_request *request,
    struct amdvi_remapping *remapping, struct iommusim_interrupt *out);
/* interrupt_event.c: the event of a denied one, what else the device is told, and what keeps it out of the log */
struct amdvi_event amdvi_interrupt_event(const struct interrupt_request *request,
    const struct amdvi_remapping *remapping, enum amdvi_denial denial);
void amdvi_interrupt_refine(struct iommusim_fault *fault, enum amdvi_denial denial);
const char *amdvi_interrupt_silencer(const struct amdvi_remapping *remapping, enum amdvi_denial denial);

/* interrupt_entry.c: what stands in an interrupt entry */
/* Are entries of 128 bits? */
static inline bool amdvi_wide_entries(const struct amdvi_remapping *remapping)
{
	return amdvi_CONTROL_GA_EN(remapping->control) != 0;
}
/* Is it an entry for a guest, on a unit that has them switched on? */
bool amdvi_entry_posts(const struct amdvi_remapping *remapping);
/* From memory. False: there is none. */
bool amdvi_entry_read(const struct amdvi_unit *amdvi, struct amdvi_remapping *remapping);
/* Of a cached entry for a guest, the fields that are never cached, from memory. False: there is none. */
bool amdvi_entry_refresh(const struct amdvi_unit *amdvi, struct amdvi_remapping *remapping);
enum amdvi_denial amdvi_entry_check(
    const struct amdvi_unit *amdvi, const struct amdvi_remapping *remapping);
/* The message of a good entry in place of the device's own. */
void amdvi_entry_compose(const struct amdvi_remapping *remapping,
    const struct interrupt_request *request, struct iommusim_interrupt *out);
/* The APIC id it names. */
uint32_t amdvi_entry_destination(const struct amdvi_remapping *remapping);

/* virtual_apic.c: interrupts for guests (AMD-Vi 2.2.5, 2.7), by a good entry */
/* Record it, and tell processor or software as the entry asks. `out`: with address 0 nothing is sent. */
enum amdvi_denial amdvi_post(
    struct amdvi_unit *amdvi, struct amdvi_remapping *remapping, struct iommusim_interrupt *out);
/* The same answer, and nothing is changed. */
enum amdvi_denial amdvi_post_peek(
    const struct amdvi_unit *amdvi, struct amdvi_remapping *remapping, struct iommusim_interrupt *out);

/* explain_interrupt.c */
void amdvi_explain_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_walk *walk);

#endif
