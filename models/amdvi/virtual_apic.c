/*
 * Interrupts for guests (AMD-Vi 2.2.5.4, 2.2.5.5, 2.7): the bit in the virtual APIC page, and who is told:
 * the processor the guest runs on by a doorbell, software by the GA log or a physical interrupt (GAPPI),
 * or nobody. Which interrupts are for guests, and by which entry: interrupt.c.
 *
 * IRR is eight words of 32 bits, 16 bytes apart. A bit is set in one locked operation, and whether others
 * were set is looked at before that: of two interrupts at the same time the one whose bit comes first has
 * looked before the other's is there, and so one of them tells software. Both may: software must expect
 * that (AMD-Vi 2.2.5.5).
 */
#include "models/amdvi/interrupt.h"

#include <iommusim/interrupt.h>

#include "machine/memory_access.h"
#include "models/amdvi/log.h"
#include "models/common/interrupt_entry.h"

#define IRR_FIRST       0x200u /* in the virtual APIC page */
#define IRR_BYTES       0x10u  /* from one word to the next */
#define IRR_WORDS       8u
#define VECTORS_IN_WORD 32u
#define GA_INTERRUPT    1u /* code of a GA log entry */

/* Who is told of it. */
enum told { NOBODY, DOORBELL, PHYSICAL, LOG };

static uint64_t word_address(const struct amdvi_virtual_apic *apic, unsigned word)
{
	return apic->page + IRR_FIRST + word * (uint64_t)IRR_BYTES;
}

static unsigned vector_of(const struct amdvi_remapping *remapping)
{
	return (unsigned)amdvi_irte_guest_VECTOR(remapping->entry);
}

/* A word of IRR as processors see it. */
static bool load_word(const struct memory *memory, uint64_t address, uint64_t *word)
{
	uint64_t pair;

	if (!memory_load64(memory, address, true, &pair))
		return false;
	*word = (uint32_t)pair;
	return true;
}

/* The word its bit is in. */
static enum amdvi_denial find_word(const struct memory *memory, struct amdvi_remapping *remapping)
{
	struct amdvi_virtual_apic *apic = &remapping->virtual_apic;

	apic->page = amdvi_irte_guest_VAPIC_ROOT(remapping->entry) << IOMMUSIM_PAGE_SHIFT;
	apic->address = word_address(apic, vector_of(remapping) / VECTORS_IN_WORD);
	apic->reached = true;
	apic->readable = load_word(memory, apic->address, &apic->word);
	return memory_is_writable(memory, apic->address) ? ALLOWED : VAPIC_UNWRITABLE;
}

/* Is nothing pending in the whole page? */
static bool is_idle(const struct memory *memory, const struct amdvi_virtual_apic *apic)
{
	uint64_t word;

	for (unsigned i = 0; i < IRR_WORDS; i++)
		if (load_word(memory, word_address(apic, i), &word) && word != 0)
			return false;
	return true;
}

/* By what was pending before. */
static enum told who_is_told(const struct amdvi_remapping *remapping, bool idle)
{
	const uint64_t *entry = remapping->entry;

	if (amdvi_irte_guest_IS_RUN(entry))
		return DOORBELL;
	if (amdvi_CONTROL_GAPPI_EN(remapping->control))
		return idle && !amdvi_irte_guest_GAPPI_DIS(entry) ? PHYSICAL : NOBODY;
	return amdvi_irte_guest_GA_LOG_INTR(entry) ? LOG : NOBODY;
}

/* What takes the place of the device's message. A physical interrupt has its vector from the tag. */
static void answer(
    const struct amdvi_remapping *remapping, enum told told, struct iommusim_interrupt *out)
{
	*out = (struct iommusim_interrupt){
		.segment = out->segment,
		.from_unit = true,
		.posted = true,
		.doorbell = told == DOORBELL,
	};
	if (told != DOORBELL && told != PHYSICAL)
		return;
	interrupt_compose(
	    &(struct interrupt_message){
		.destination = amdvi_entry_destination(remapping),
		.vector = (uint8_t)amdvi_irte_guest_GA_TAG(remapping->entry),
	    },
	    out);
	if (told == DOORBELL) /* it has no vector */
		out->data = 0;
}

static void log_entry(struct amdvi_unit *amdvi, const struct amdvi_remapping *remapping)
{
	uint64_t entry = 0;

	amdvi_ga_entry_set_TAG(&entry, amdvi_irte_guest_GA_TAG(remapping->entry));
	amdvi_ga_entry_set_DEVICE_ID(&entry, remapping->device.id);
	amdvi_ga_entry_set_CODE(&entry, GA_INTERRUPT);
	pthread_mutex_lock(&amdvi->unit.lock);
	amdvi_log_append(amdvi, AMDVI_LOG_GA, &entry);
	pthread_mutex_unlock(&amdvi->unit.lock);
}

enum amdvi_denial amdvi_post_peek(
    const struct amdvi_unit *amdvi, struct amdvi_remapping *remapping, struct iommusim_interrupt *out)
{
	const struct memory *memory = &amdvi->unit.machine->memory;
	const enum amdvi_denial denial = find_word(memory, remapping);

	if (denial == ALLOWED)
		answer(
		    remapping, who_is_told(remapping, is_idle(memory, &remapping->virtual_apic)), out);
	return denial;
}

enum amdvi_denial amdvi_post(
    struct amdvi_unit *amdvi, struct amdvi_remapping *remapping, struct iommusim_interrupt *out)
{
	const struct memory *memory = &amdvi->unit.machine->memory;
	const enum amdvi_denial denial = find_word(memory, remapping);
	struct amdvi_virtual_apic *apic = &remapping->virtual_apic;
	enum told told;
	uint64_t seen;

	if (denial != ALLOWED || !memory_load64(memory, apic->address, true, &seen))
		return VAPIC_UNWRITABLE;
	told = who_is_told(remapping, is_idle(memory, apic));
	memory_set_bits64(
	    memory, apic->address, &seen, UINT64_C(1) << vector_of(remapping) % VECTORS_IN_WORD);
	answer(remapping, told, out);
	if (told == LOG)
		log_entry(amdvi, remapping);
	return ALLOWED;
}
