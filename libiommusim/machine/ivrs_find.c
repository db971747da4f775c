/* What an IVRS table says of a requester: which unit governs it, and by which device entry. */
#include "libiommusim/machine/ivrs_internal.h"

static bool is_alias(const struct iommusim_ivrs_entry *entry)
{
	return entry->type == IOMMUSIM_IVRS_ALIAS_SELECT || entry->type == IOMMUSIM_IVRS_ALIAS_START;
}

static bool covers(const struct iommusim_ivrs_entry *entry, uint16_t devid)
{
	return entry->covers && entry->first <= devid && devid <= entry->last;
}

bool iommusim_ivrs_find(
    const struct iommusim_ivrs_block *unit, uint16_t devid, struct iommusim_ivrs_device *device)
{
	const struct iommusim_ivrs_entry *stand_in = NULL;

	*device = (struct iommusim_ivrs_device){ .alias = devid };
	for (uint32_t i = 0; i < unit->entry_count; i++) {
		const struct iommusim_ivrs_entry *entry = &unit->entries[i];

		if (covers(entry, devid)) {
			device->entry = entry;
			device->any_setting |= entry->setting;
		} else if (is_alias(entry) && entry->covers && entry->source_devid == devid) {
			stand_in = entry;
			device->any_setting |= entry->setting;
		}
	}
	if (device->entry == NULL)
		device->entry = stand_in;
	else if (is_alias(device->entry))
		device->alias = device->entry->source_devid;
	if (device->entry == NULL)
		return false;
	device->setting = device->entry->setting;
	device->extended = device->entry->extended;
	return true;
}

const struct iommusim_ivrs_block *iommusim_ivrs_unit_of(
    const struct iommusim_ivrs *table, uint16_t segment, uint16_t devid)
{
	struct iommusim_ivrs_device device;

	for (uint32_t i = 0; i < table->unit_count; i++)
		if (table->units[i]->segment == segment &&
		    iommusim_ivrs_find(table->units[i], devid, &device))
			return table->units[i];
	return NULL;
}

bool iommusim_ivrs_concerns(const struct iommusim_ivrs_block *block, uint16_t segment, uint16_t devid)
{
	if (block->segment != segment)
		return false;
	switch (block->type) {
	case IOMMUSIM_IVMD_ALL:
		return true;
	case IOMMUSIM_IVMD_SELECT:
		return block->devid == devid;
	case IOMMUSIM_IVMD_RANGE:
		return block->devid <= devid && devid <= block->aux;
	default:
		return false;
	}
}
