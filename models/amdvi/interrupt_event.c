/* Denied interrupt requests: the event of each, and who may silence it (AMD-Vi 2.2.2.1, 2.5). */
#include "models/amdvi/interrupt.h"

/* Of a hardware error, where it is. */
static uint64_t event_address(const struct interrupt_request *request,
    const struct amdvi_remapping *remapping, enum amdvi_denial denial)
{
	switch (denial) {
	case DTE_UNREADABLE:
		return remapping->device.address;
	case IRTE_UNREADABLE:
		return remapping->address;
	case VAPIC_UNWRITABLE:
		return remapping->virtual_apic.address;
	default:
		return request->address;
	}
}

/* Events 2 and 4 have a domain, if the entry has one: it takes V=1 (AMD-Vi 2.5.3, 2.5.5). */
static uint16_t event_domain(const struct amdvi_device *device, unsigned code)
{
	if (code != AMDVI_IO_PAGE_FAULT && code != AMDVI_PAGE_TAB_HARDWARE_ERROR)
		return 0;
	return amdvi_dte_V(device->dte) ? (uint16_t)amdvi_dte_DOMAIN_ID(device->dte) : 0;
}

struct amdvi_event amdvi_interrupt_event(const struct interrupt_request *request,
    const struct amdvi_remapping *remapping, enum amdvi_denial denial)
{
	const struct amdvi_denial_meaning *meaning = amdvi_denial(denial);
	const bool hardware = meaning->class_ == IOMMUSIM_FAULT_TABLE_ACCESS;

	return (struct amdvi_event){
		.code = meaning->code,
		.device = request->rid,
		.domain = event_domain(&remapping->device, meaning->code),
		.address = event_address(request, remapping, denial),
		.type = hardware ? AMDVI_TARGET_ABORT : 0,
		.interrupt = true,
		.present = meaning->present,
		.reserved = meaning->reserved,
	};
}

/* An interrupt that is denied ends in a target abort. */
void amdvi_interrupt_refine(struct iommusim_fault *fault, enum amdvi_denial denial)
{
	const struct amdvi_denial_meaning *meaning = amdvi_denial(denial);

	fault->class_ = (enum iommusim_fault_class)meaning->class_;
	fault->meaning = meaning->meaning;
	fault->aborts = true;
}

/*
 * Only page faults are ever silenced: by IG those of interrupts without a mapping, by SupIOPF all of its
 * entry. Blocked SMIs are logged when software asks for it.
 */
const char *amdvi_interrupt_silencer(const struct amdvi_remapping *remapping, enum amdvi_denial denial)
{
	const struct amdvi_denial_meaning *meaning = amdvi_denial(denial);

	if (denial == SMI_BLOCKED)
		return amdvi_CONTROL_SMIF_LOG_EN(remapping->control)
		    ? NULL
		    : "blocked SMIs are not logged (Control.SmiFLogEn=0)";
	if (meaning->code != AMDVI_IO_PAGE_FAULT)
		return NULL;
	if ((denial == IRTE_NOT_ENABLED || denial == IRTE_RESERVED) &&
	    amdvi_irte_SUP_IOPF(remapping->entry))
		return "page faults of this interrupt entry are not logged (SupIOPF=1)";
	return !meaning->present && amdvi_dte_IG(remapping->device.dte)
	    ? "interrupts of the device without a mapping are not logged (DTE.IG=1)"
	    : NULL;
}
