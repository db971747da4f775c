/*
 * What the interrupt remapping of both vendors has in common: the message that is sent to a processor, and
 * the cache of interrupt entries. What an entry means is the models' business.
 */
#ifndef IOMMUSIM_MODELS_INTERRUPT_ENTRY_H
#define IOMMUSIM_MODELS_INTERRUPT_ENTRY_H

#include "models/common/cache.h"

/* What an interrupt to a processor says (VT-d 5.1.6; AMD-Vi 2.2.5 sends the same). */
struct interrupt_message {
	uint32_t destination; /* APIC id; without x2APIC 8 bits of it */
	uint8_t vector;
	uint8_t delivery;   /* mode: 0 fixed, 1 lowest priority or arbitrated, ... */
	bool logical;       /* destination mode */
	bool redirect_hint; /* RH */
	bool level;         /* trigger mode */
};

/* Put it in place of the device's message: address and data, asserted. */
void interrupt_compose(const struct interrupt_message *message, struct iommusim_interrupt *out);

/*
 * The cache, by the index of an entry in the table of a source; all sources that share a table have one
 * number. Any thread, without the lock.
 */
bool interrupt_cache_find(struct iommusim_unit *unit, struct cache *cache, uint16_t source,
    unsigned index, uint64_t entry[2]);
/* Keep an entry, unless something was invalidated since `generation`: it may be what was read. */
void interrupt_cache_keep(struct iommusim_unit *unit, struct cache *cache, uint16_t source,
    unsigned index, const uint64_t entry[2], uint64_t generation);

#endif
