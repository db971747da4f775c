/*
 * Interrupt entries (AMD-Vi 2.2.5): reading one, what is wrong with one, and the message it makes. Of 32
 * bits, or with CONTROL.GAEn of 128. How a request gets to its entry is interrupt.c.
 */
#include "models/amdvi/interrupt.h"

#include "machine/memory_access.h"
#include "models/common/interrupt_entry.h"

#define LAST_TYPE   1u /* of IntType: fixed and arbitrated; the rest is reserved */
#define GUEST_APICS 1u /* of GAMEn: guest virtual APIC mode */

/* The fields of both formats of an entry that is none for a guest stand in the same bits, but for these. */
static uint8_t vector_of(const struct amdvi_remapping *remapping)
{
	return (uint8_t)(amdvi_wide_entries(remapping) ? amdvi_irte_ga_VECTOR(remapping->entry)
						       : amdvi_irte_VECTOR(remapping->entry));
}

static bool extended(const struct amdvi_remapping *remapping)
{
	return amdvi_CONTROL_XT_EN(remapping->control) != 0;
}

bool amdvi_entry_posts(const struct amdvi_remapping *remapping)
{
	return amdvi_wide_entries(remapping) &&
	    amdvi_CONTROL_GAM_EN(remapping->control) == GUEST_APICS &&
	    amdvi_irte_guest_GUEST_MODE(remapping->entry) != 0;
}

bool amdvi_entry_read(const struct amdvi_unit *amdvi, struct amdvi_remapping *remapping)
{
	const struct memory *memory = &amdvi->unit.machine->memory;
	const bool snoops = amdvi_snoops(amdvi);
	const uint64_t address = remapping->address;
	uint64_t pair;

	if (amdvi_wide_entries(remapping)) {
		remapping->readable = memory_load128(memory, address, snoops, remapping->entry);
		return remapping->readable;
	}
	remapping->readable = memory_load64(memory, address & ~UINT64_C(7), snoops, &pair);
	remapping->entry[0] = remapping->readable ? (uint32_t)(pair >> (address & 4 ? 32 : 0))
						  : 0; /* two in a quadword */
	return remapping->readable;
}

/*
 * Destination, IsRun, GATag and GALogIntr are never cached (AMD-Vi 2.2.5); neither is GAPPIDis, which
 * software changes together with IsRun.
 */
bool amdvi_entry_refresh(const struct amdvi_unit *amdvi, struct amdvi_remapping *remapping)
{
	uint64_t *entry = remapping->entry;
	uint64_t fresh[2];

	remapping->readable = memory_load128(
	    &amdvi->unit.machine->memory, remapping->address, amdvi_snoops(amdvi), fresh);
	if (!remapping->readable)
		return false;
	amdvi_irte_guest_set_DEST_LOW(entry, amdvi_irte_guest_DEST_LOW(fresh));
	amdvi_irte_guest_set_DEST_HIGH(entry, amdvi_irte_guest_DEST_HIGH(fresh));
	amdvi_irte_guest_set_IS_RUN(entry, amdvi_irte_guest_IS_RUN(fresh));
	amdvi_irte_guest_set_GA_TAG(entry, amdvi_irte_guest_GA_TAG(fresh));
	amdvi_irte_guest_set_GA_LOG_INTR(entry, amdvi_irte_guest_GA_LOG_INTR(fresh));
	amdvi_irte_guest_set_GAPPI_DIS(entry, amdvi_irte_guest_GAPPI_DIS(fresh));
	return true;
}

static bool has_reserved_bits(const struct amdvi_unit *amdvi, const struct amdvi_remapping *remapping)
{
	const struct amdvi_reserved *reserved = &amdvi->reserved;
	const uint64_t *entry = remapping->entry;
	const uint64_t *wide = extended(remapping) ? reserved->irte_xt : reserved->irte_ga;

	if (!amdvi_wide_entries(remapping))
		return (entry[0] & reserved->irte) != 0;
	if (amdvi_entry_posts(remapping))
		wide = extended(remapping) ? reserved->irte_guest_xt : reserved->irte_guest;
	return ((entry[0] & wide[0]) | (entry[1] & wide[1])) != 0;
}

/* Is it enabled, and is there nothing in it that must not be? In that order. */
enum amdvi_denial amdvi_entry_check(
    const struct amdvi_unit *amdvi, const struct amdvi_remapping *remapping)
{
	const uint64_t *entry = remapping->entry;

	if (!amdvi_irte_REMAP_EN(entry))
		return IRTE_NOT_ENABLED;
	if (!amdvi_entry_posts(remapping) &&
	    (amdvi_irte_GUEST_MODE(entry) || amdvi_irte_INT_TYPE(entry) > LAST_TYPE))
		return IRTE_RESERVED;
	return has_reserved_bits(amdvi, remapping) ? IRTE_RESERVED : ALLOWED;
}

uint32_t amdvi_entry_destination(const struct amdvi_remapping *remapping)
{
	const uint64_t *entry = remapping->entry;

	if (!amdvi_wide_entries(remapping))
		return (uint32_t)amdvi_irte_DESTINATION(entry);
	return (uint32_t)(amdvi_irte_ga_DEST_HIGH(entry) << 24 | amdvi_irte_ga_DEST_LOW(entry));
}

/*
 * What the entry does not say is as the device has it: the redirection hint and the trigger mode, which
 * RqEoi makes level whatever it was.
 */
void amdvi_entry_compose(const struct amdvi_remapping *remapping,
    const struct interrupt_request *request, struct iommusim_interrupt *out)
{
	const uint64_t raw[2] = { request->address, request->data };
	const uint64_t *entry = remapping->entry;

	interrupt_compose(
	    &(struct interrupt_message){
		.destination = amdvi_entry_destination(remapping),
		.vector = vector_of(remapping),
		.delivery = (uint8_t)amdvi_irte_INT_TYPE(entry),
		.logical = amdvi_irte_DM(entry) != 0,
		.redirect_hint = amdvi_msi_RH(raw) != 0,
		.level = (amdvi_msi_TM(raw) | amdvi_irte_RQ_EOI(entry)) != 0,
	    },
	    out);
}
