/*
 * The PCI capability block of a unit and its MSI capability, as configuration accesses and the mirror in
 * MMIO see them (AMD-Vi 3.3). When a message goes out is status.c's.
 */
#include "models/amdvi/capability.h"

#include "models/amdvi/registers.h"

enum { MSI_CAPABILITY = 0x05, MAPPING_CAPABILITY = 0x08, MAPPING_TYPE = 0x15 };

#define MESSAGES_POSSIBLE 2u /* log2 of the messages the function can send: events, PPR, GA */
#define MOST_MULTIPLE     5u

unsigned amdvi_message_number(const struct amdvi_unit *amdvi, enum amdvi_message message)
{
	const uint64_t misc0 = amdvi->capability[amdvi_CAP_MISC0_at / 4];
	const uint64_t misc1 = amdvi->capability[amdvi_CAP_MISC1_at / 4];

	switch (message) {
	case AMDVI_MESSAGE_PPR:
		return (unsigned)amdvi_CAP_MISC0_MSI_NUM_PPR(misc0);
	case AMDVI_MESSAGE_GA:
		return (unsigned)amdvi_CAP_MISC1_MSI_NUM_GA(misc1);
	default:
		return (unsigned)amdvi_CAP_MISC0_MSI_NUM(misc0);
	}
}

void amdvi_capability_mirror(struct amdvi_unit *amdvi)
{
	const struct iommusim_amdvi_msi *msi = &amdvi->msi;
	struct register_cell *registers = amdvi->registers;

	registers[AMDVI_MSI_VECTOR0].value =
	    amdvi_MSI_VECTOR0_MSI_NUM_bits(amdvi_message_number(amdvi, AMDVI_MESSAGE_GENERAL)) |
	    amdvi_MSI_VECTOR0_MSI_NUM_PPR_bits(amdvi_message_number(amdvi, AMDVI_MESSAGE_PPR));
	registers[AMDVI_MSI_VECTOR1].value =
	    amdvi_MSI_VECTOR1_MSI_NUM_GA_bits(amdvi_message_number(amdvi, AMDVI_MESSAGE_GA));
	registers[AMDVI_MSI_CAP].value = amdvi_MSI_CAP_CAP_ID_bits(MSI_CAPABILITY) |
	    amdvi_MSI_CAP_MSI_EN_bits(msi->enabled) | amdvi_MSI_CAP_MULT_CAP_bits(MESSAGES_POSSIBLE) |
	    amdvi_MSI_CAP_MULT_EN_bits(msi->multiple) | amdvi_MSI_CAP_MSI64_bits(1);
	registers[AMDVI_MSI_ADDR_LO].value = msi->address & amdvi_MSI_ADDR_LO_ADDR_bits(UINT64_MAX);
	registers[AMDVI_MSI_ADDR_HI].value = msi->address >> 32;
	registers[AMDVI_MSI_DATA].value = msi->data;
	registers[AMDVI_MSI_MAP].value = amdvi_MSI_MAP_CAP_ID_bits(MAPPING_CAPABILITY) |
	    amdvi_MSI_MAP_EN_bits(1) | amdvi_MSI_MAP_FIXED_bits(1) |
	    amdvi_MSI_MAP_TYPE_bits(MAPPING_TYPE);
}

void amdvi_capability_take_mirror(struct amdvi_unit *amdvi)
{
	const struct register_cell *registers = amdvi->registers;
	const uint64_t header = registers[AMDVI_MSI_CAP].value;

	amdvi->msi = (struct iommusim_amdvi_msi){
		.enabled = amdvi_MSI_CAP_MSI_EN(header) != 0,
		.multiple = (uint8_t)amdvi_MSI_CAP_MULT_EN(header),
		.address =
		    registers[AMDVI_MSI_ADDR_HI].value << 32 | registers[AMDVI_MSI_ADDR_LO].value,
		.data = (uint16_t)registers[AMDVI_MSI_DATA].value,
	};
}

static bool is_amdvi(const struct iommusim_unit *unit)
{
	return unit->model->read == amdvi_read;
}

enum iommusim_status iommusim_amdvi_set_msi(
    struct iommusim_unit *unit, const struct iommusim_amdvi_msi *msi)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);

	if (!is_amdvi(unit) || msi->multiple > MOST_MULTIPLE)
		return machine_fail(unit->machine, IOMMUSIM_EINVAL,
		    "an MSI capability: of an AMD-Vi unit, with up to 2^%u messages", MOST_MULTIPLE);
	pthread_mutex_lock(&unit->lock);
	amdvi->msi = *msi;
	amdvi->msi.address &= ~UINT64_C(3);
	amdvi_capability_mirror(amdvi);
	pthread_mutex_unlock(&unit->lock);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_amdvi_msi(struct iommusim_unit *unit, struct iommusim_amdvi_msi *msi)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);

	if (!is_amdvi(unit))
		return machine_fail(
		    unit->machine, IOMMUSIM_EINVAL, "not an AMD-Vi unit: it has no such capability");
	pthread_mutex_lock(&unit->lock);
	*msi = amdvi->msi;
	pthread_mutex_unlock(&unit->lock);
	return IOMMUSIM_OK;
}
