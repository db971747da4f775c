/* Message interrupts on their way to the processor: a queue that whoever plays software empties. */
#ifndef IOMMUSIM_INTERRUPT_H
#define IOMMUSIM_INTERRUPT_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_interrupt {
	uint64_t address;
	uint32_t data;
	uint16_t segment;
	uint16_t source; /* requester id; what a unit sends by itself carries 0 */
	bool from_unit;  /* sent by a remapping unit itself: one of its events, or a notification */
	/*
	 * A notification (VT-d 5.2.3, AMD-Vi 2.2.5.4): a device's interrupt was recorded in a
	 * posted-interrupt descriptor or a virtual APIC page instead of being sent. As the answer to one
	 * device's interrupt it may have address 0: recorded, and nothing was sent. The queue never holds
	 * such a one.
	 */
	bool posted;
	/*
	 * A notification that is no interrupt (AMD-Vi 2.2.5.4): the processor that `address` names has a
	 * look at the virtual APIC page of the guest it runs. It has no vector: `data` is 0.
	 */
	bool doorbell;
};

/* Messages that are kept; one more drops the oldest and counts as lost. */
#define IOMMUSIM_INTERRUPT_QUEUE 1024u

/* Take the oldest message. ENOENT when there is none. */
IOMMUSIM_API enum iommusim_status iommusim_interrupt_take(
    struct iommusim_machine *machine, struct iommusim_interrupt *interrupt);

/* Messages waiting, and messages lost to a full queue since the machine was made. */
IOMMUSIM_API size_t iommusim_interrupt_pending(struct iommusim_machine *machine);
IOMMUSIM_API uint64_t iommusim_interrupt_lost(struct iommusim_machine *machine);

/* The next `count` messages never arrive: they count as lost. It replaces what was asked for before. Any thread. */
IOMMUSIM_API void iommusim_interrupt_lose(struct iommusim_machine *machine, uint64_t count);

#ifdef __cplusplus
}
#endif

#endif
