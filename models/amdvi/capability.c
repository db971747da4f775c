/*
 * The PCI capability block of a unit and its MSI capability, as configuration accesses and the mirror in
 * MMIO see them (AMD-Vi 3.3). When a message goes out is status.c's.
 */
#include "models/amdvi/capability.h"

#include <string.h>

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

/* ---- the capability block ------------------------------------------------------------------------------ */

static uint64_t base_of(const struct amdvi_unit *amdvi)
{
	return (uint64_t)amdvi->capability[amdvi_CAP_BASE_HI_at / 4] << 32 |
	    (amdvi->capability[amdvi_CAP_BASE_LO_at / 4] & amdvi_CAP_BASE_LO_BASE_LO_bits(UINT64_MAX));
}

static bool is_locked(const struct amdvi_unit *amdvi)
{
	return amdvi_CAP_BASE_LO_ENABLE(amdvi->capability[amdvi_CAP_BASE_LO_at / 4]) != 0;
}

void amdvi_capability_reset(struct amdvi_unit *amdvi)
{
	memcpy(amdvi->capability, amdvi->capability_reset, sizeof(amdvi->capability));
	if (!is_locked(amdvi))
		unit_undecode(&amdvi->unit);
}

/* Base bits below the size of the register set are 0. Enabling decodes, and locks (AMD-Vi 3.3). */
static enum iommusim_status write_base(struct amdvi_unit *amdvi, uint32_t value)
{
	uint32_t *base = &amdvi->capability[amdvi_CAP_BASE_LO_at / 4];
	enum iommusim_status status;

	*base = value & (uint32_t)amdvi_CAP_BASE_LO_BASE_LO_bits(UINT64_MAX) &
	    (uint32_t) ~(amdvi->unit.length - 1);
	if (!amdvi_CAP_BASE_LO_ENABLE(value))
		return IOMMUSIM_OK;
	status = unit_decode(&amdvi->unit, base_of(amdvi));
	if (status == IOMMUSIM_OK)
		*base |= (uint32_t)amdvi_CAP_BASE_LO_ENABLE_bits(1);
	return status;
}

/* NULL: no such register. */
static uint32_t *register_at(struct amdvi_unit *amdvi, unsigned offset)
{
	return offset % 4 != 0 || offset / 4 >= AMDVI_CAPABILITY_REGS ? NULL
								      : &amdvi->capability[offset / 4];
}

static bool is_amdvi(const struct iommusim_unit *unit)
{
	return unit->model->read == amdvi_read;
}

static enum iommusim_status no_such_register(struct iommusim_unit *unit, unsigned offset)
{
	return machine_fail(unit->machine, IOMMUSIM_EINVAL,
	    "no capability register of an AMD-Vi unit at offset 0x%x", offset);
}

enum iommusim_status iommusim_amdvi_capability_read(
    struct iommusim_unit *unit, unsigned offset, uint32_t *value)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);

	*value = 0;
	if (!is_amdvi(unit) || register_at(amdvi, offset) == NULL)
		return no_such_register(unit, offset);
	if (offset == amdvi_CAP_MISC1_at &&
	    !amdvi_CAP_HEADER_CAP_EXT(amdvi->capability[amdvi_CAP_HEADER_at / 4]))
		return IOMMUSIM_OK; /* the block ends before it */
	*value = *register_at(amdvi, offset);
	return IOMMUSIM_OK;
}

enum iommusim_status iommusim_amdvi_capability_write(
    struct iommusim_unit *unit, unsigned offset, uint32_t value)
{
	struct amdvi_unit *amdvi = amdvi_of(unit);

	if (!is_amdvi(unit) || register_at(amdvi, offset) == NULL)
		return no_such_register(unit, offset);
	if (is_locked(amdvi))
		return IOMMUSIM_OK;
	if (offset == amdvi_CAP_BASE_LO_at)
		return write_base(amdvi, value);
	if (offset == amdvi_CAP_BASE_HI_at)
		*register_at(amdvi, offset) = value;
	return IOMMUSIM_OK;
}

/* ---- the MSI capability -------------------------------------------------------------------------------- */

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
