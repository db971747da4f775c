/* Messages to processors, and the cache of interrupt entries. Which entries there are: the models. */
#include "models/common/interrupt_entry.h"

#include <iommusim/interrupt.h>

#include "machine/interrupt_range.h"
#include "models/vtd/spec/vtd.h"

void interrupt_compose(const struct interrupt_message *message, struct iommusim_interrupt *out)
{
	uint64_t raw[2] = { 0, 0 };

	vtd_interrupt_message_set_PREFIX(raw, INTERRUPT_PREFIX);
	vtd_interrupt_message_set_DST(raw, message->destination);
	vtd_interrupt_message_set_DST_HIGH(raw, message->destination >> 8);
	vtd_interrupt_message_set_DM(raw, message->logical);
	vtd_interrupt_message_set_RH(raw, message->redirect_hint);
	vtd_interrupt_message_set_V(raw, message->vector);
	vtd_interrupt_message_set_DLM(raw, message->delivery);
	vtd_interrupt_message_set_LEVEL(raw, 1);
	vtd_interrupt_message_set_TM(raw, message->level);
	out->address = raw[0];
	out->data = (uint32_t)raw[1];
}

/* The cache knows keys by page: an index is kept as if it were a page number. */
static uint64_t cache_key(unsigned index)
{
	return (uint64_t)index << IOMMUSIM_PAGE_SHIFT;
}

bool interrupt_cache_find(
    struct iommusim_unit *unit, struct cache *cache, uint16_t source, unsigned index, uint64_t entry[2])
{
	const struct cached *known;

	pthread_mutex_lock(&unit->lock);
	known = cache_find_source(cache, &(struct cache_source){ .source = source }, cache_key(index));
	if (known != NULL) {
		entry[0] = known->value[0];
		entry[1] = known->value[1];
	}
	pthread_mutex_unlock(&unit->lock);
	return known != NULL;
}

void interrupt_cache_keep(struct iommusim_unit *unit, struct cache *cache, uint16_t source,
    unsigned index, const uint64_t entry[2], uint64_t generation)
{
	const struct cached kept = {
		.key = cache_key(index),
		.value = { entry[0], entry[1] },
		.source = source,
		.shift = IOMMUSIM_PAGE_SHIFT,
	};

	if (!cache_may_keep(unit, generation))
		return;
	cache_insert(cache, &kept);
	pthread_mutex_unlock(&unit->lock);
}
