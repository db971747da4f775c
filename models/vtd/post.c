/*
 * Posted interrupts: the update of a posted interrupt descriptor, and the notification that may come of
 * it (VT-d 5.2.3, 9.11). Which interrupts are posted, and by which entry: interrupt.c.
 *
 * Hardware updates the 64 bytes in one locked operation. No processor can do that for us, but software
 * changes a descriptor with locked operations on its quadwords alone: their order is all that counts.
 *
 * PIR first, and then ON, SN and the target in one compare-and-exchange of the quadword they share.
 * Whoever takes a notification clears ON and then takes PIR; whoever ends a suppression clears SN and
 * then looks at PIR. If the bit was set too late for them, then our look at ON and SN comes after their
 * store, finds both clear and notifies: no bit stays behind unannounced. The other way round it could.
 *
 * That quadword is exchanged even where nothing in it changes, as a locked operation does: then whoever
 * changes it afterwards also sees the bit. And each change of ON from 0 to 1 is one successful exchange
 * of one interrupt, which sends one notification, to where that very quadword says.
 *
 * What shows that it is not one operation: the bit in PIR can be seen, and taken, before ON is set, and
 * the notification then finds nothing; reserved bits that are set while we are at it may be overlooked.
 */
#include "models/vtd/interrupt.h"

#include <string.h>

#include "machine/memory_access.h"
#include "models/common/interrupt_entry.h"
#include "models/vtd/reason.h"

#define CONTROL 4u /* the quadword of ON, SN, NV and NDST */

/* The descriptor as it is; can it be had for writing, and is it well-formed? In that order (5.2.3). */
static enum reason take_line(const struct vtd_unit *vtd, struct vtd_remapping *remapping)
{
	struct vtd_posting *posting = &remapping->posting;
	const uint64_t *line = posting->descriptor;
	enum memory_line state;
	uint64_t wrong = 0;

	posting->address =
	    vtd_irte_posted_PDAH(remapping->entry) << 32 | vtd_irte_posted_PDAL(remapping->entry) << 6;
	posting->reached = true;
	state = memory_load_line(&vtd->unit.machine->memory, posting->address, posting->descriptor);
	posting->readable = state != MEMORY_LINE_MISSING;
	if (state != MEMORY_LINE_OWNED)
		return IR_POST_ACCESS;
	for (unsigned quad = 0; quad < 8; quad++)
		wrong |= line[quad] & vtd->posted_reserved[quad];
	if (!remapping->extended)
		wrong |= line[CONTROL] & vtd->posted_xapic_reserved;
	return wrong == 0 ? ALLOWED : IR_POST_RESERVED;
}

/* VT-d 5.2.3: ON is 0, and the interrupt is urgent or notifications are not suppressed. */
static bool notifies(const struct vtd_remapping *remapping, const uint64_t *descriptor)
{
	return !vtd_posted_descriptor_ON(descriptor) &&
	    (vtd_irte_posted_URG(remapping->entry) || !vtd_posted_descriptor_SN(descriptor));
}

/* What takes the place of the device's message: the notification, or no message. */
static void answer(const struct vtd_remapping *remapping, const uint64_t *descriptor, bool notified,
    struct iommusim_interrupt *out)
{
	const uint32_t wide = (uint32_t)vtd_posted_descriptor_NDST(descriptor);

	*out = (struct iommusim_interrupt){
		.segment = out->segment,
		.from_unit = true,
		.posted = true,
	};
	if (notified)
		interrupt_compose(
		    &(struct interrupt_message){
			.destination = remapping->extended ? wide : wide >> 8 & 0xff,
			.vector = (uint8_t)vtd_posted_descriptor_NV(descriptor),
		    },
		    out);
}

unsigned vtd_post_peek(
    const struct vtd_unit *vtd, struct vtd_remapping *remapping, struct iommusim_interrupt *out)
{
	const uint64_t *descriptor = remapping->posting.descriptor;
	const enum reason reason = take_line(vtd, remapping);

	if (reason == ALLOWED)
		answer(remapping, descriptor, notifies(remapping, descriptor), out);
	return reason;
}

unsigned vtd_post(
    const struct vtd_unit *vtd, struct vtd_remapping *remapping, struct iommusim_interrupt *out)
{
	const struct memory *memory = &vtd->unit.machine->memory;
	const uint64_t vector = vtd_irte_posted_VV(remapping->entry);
	const enum reason reason = take_line(vtd, remapping);
	const uint64_t address = remapping->posting.address;
	uint64_t seen[8], changed[8];
	bool notified;

	if (reason != ALLOWED)
		return reason;
	memcpy(seen, remapping->posting.descriptor, sizeof(seen));
	memory_set_bits64(
	    memory, address + vector / 64 * 8, &seen[vector / 64], UINT64_C(1) << vector % 64);
	do {
		notified = notifies(remapping, seen);
		changed[CONTROL] = seen[CONTROL];
		if (notified)
			vtd_posted_descriptor_set_ON(changed, 1);
	} while (memory_update64(memory, address + CONTROL * UINT64_C(8), &seen[CONTROL],
		     changed[CONTROL]) == MEMORY_CHANGED);
	answer(remapping, seen, notified, out);
	return ALLOWED;
}
