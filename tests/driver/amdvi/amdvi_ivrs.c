/* The IVRS table: which units there are, which devices each governs, and memory that devices must reach. */
/* clang-format off */ /* style(9) */
#include "tests/driver/amdvi/amdvi.h"

#include <contrib/dev/acpica/include/acpi.h>
#include <dev/acpica/acpivar.h>

static struct amdvi_ivhd *ivhds;
static u_int ivhd_count;
static struct amdvi_unity *unities;
static u_int unity_count;

/* ---- walking ---- */

typedef int ivrs_visit_t(const ACPI_IVRS_HEADER *block);

/* Call `visit` for each block that lies whole in the table, until one returns an error. */
static int
ivrs_walk(const ACPI_TABLE_IVRS *ivrs, ivrs_visit_t *visit)
{
	const uint8_t *at = (const uint8_t *)(ivrs + 1);
	const uint8_t *end = (const uint8_t *)ivrs + ivrs->Header.Length;
	int error;

	while ((size_t)(end - at) >= sizeof(ACPI_IVRS_HEADER)) {
		const ACPI_IVRS_HEADER *block = (const ACPI_IVRS_HEADER *)at;

		if (block->Length < sizeof(*block) || block->Length > end - at) {
			printf("ivrs: block of type %#x has length %u, ignoring the rest\n", block->Type,
			    block->Length);
			return (0);
		}
		error = visit(block);
		if (error != 0)
			return (error);
		at += block->Length;
	}
	return (0);
}

/* How long a device entry is; 0: longer than what is left. */
static size_t
entry_length(const uint8_t *entry, size_t left)
{
	size_t length;

	if (entry[0] == ACPI_IVRS_TYPE_HID)
		length = left < sizeof(ACPI_IVRS_DEVICE_HID) ? left + 1 :
		    sizeof(ACPI_IVRS_DEVICE_HID) + entry[sizeof(ACPI_IVRS_DEVICE_HID) - 1];
	else
		length = (size_t)4 << (entry[0] >> 6);
	return (length > left ? 0 : length);
}

/* ---- device entries ---- */

static void
range_add(struct amdvi_ivhd *ivhd, const struct amdvi_range *range)
{
	ivhd->ranges = realloc(ivhd->ranges, (ivhd->range_count + 1) * sizeof(*range), M_AMDVI, M_WAITOK);
#ifdef AMDVI_HAZARD_RID_RANGES_ZERO
	ivhd->ranges[ivhd->range_count++] = (struct amdvi_range){ .first = 0 };
	(void)range;
#else
	ivhd->ranges[ivhd->range_count++] = *range;
#endif
}

/* One entry; `open` is the range that an earlier one has begun, its `last` below its `first` while it has not. */
static void
entry_take(struct amdvi_ivhd *ivhd, const uint8_t *entry, struct amdvi_range *open, bool *is_open)
{
	const ACPI_IVRS_DE_HEADER *header = (const ACPI_IVRS_DE_HEADER *)entry;
	struct amdvi_range range = { .first = header->Id, .last = header->Id, .setting = header->DataSetting };

	switch (header->Type) {
	case ACPI_IVRS_TYPE_ALL:
		range.first = 0;
		range.last = 0xffff;
		range_add(ivhd, &range);
		break;
	case ACPI_IVRS_TYPE_ALIAS_SELECT:
		range.aliased = true;
		range.alias = ((const ACPI_IVRS_DEVICE8A *)entry)->UsedId;
		range_add(ivhd, &range);
		break;
	case ACPI_IVRS_TYPE_SELECT:
	case ACPI_IVRS_TYPE_EXT_SELECT:
	case ACPI_IVRS_TYPE_HID:
		range_add(ivhd, &range);
		break;
	case ACPI_IVRS_TYPE_SPECIAL:
		range.first = range.last = ((const ACPI_IVRS_DEVICE8C *)entry)->UsedId;
		range_add(ivhd, &range);
		break;
	case ACPI_IVRS_TYPE_ALIAS_START:
		range.aliased = true;
		range.alias = ((const ACPI_IVRS_DEVICE8A *)entry)->UsedId;
		/* FALLTHROUGH */
	case ACPI_IVRS_TYPE_START:
	case ACPI_IVRS_TYPE_EXT_START:
		*open = range;
		*is_open = true;
		break;
	case ACPI_IVRS_TYPE_END:
		if (*is_open && header->Id >= open->first) {
			open->last = header->Id;
			range_add(ivhd, open);
		}
		*is_open = false;
		break;
	default:
		break;
	}
}

static void
entries_take(struct amdvi_ivhd *ivhd, const uint8_t *entry, size_t left)
{
	struct amdvi_range open = { .first = 0 };
	bool is_open = false;
	size_t length;

	for (; left > 0; entry += length, left -= length) {
		length = entry_length(entry, left);
		if (length == 0)
			return;
		entry_take(ivhd, entry, &open, &is_open);
	}
}

/* ---- blocks ---- */

static bool
is_ivhd(uint8_t type)
{
	return (type == ACPI_IVRS_TYPE_HARDWARE1 || type == ACPI_IVRS_TYPE_HARDWARE2 ||
	    type == ACPI_IVRS_TYPE_HARDWARE3);
}

/*
 * The block to keep an IVHD in. The same IOMMU appears once per type that software may know: the highest of those
 * counts. NULL: there is a better one.
 */
static struct amdvi_ivhd *
ivhd_place(const ACPI_IVRS_HARDWARE1 *block)
{
#ifndef AMDVI_HAZARD_SEVERAL_UNITS
	for (u_int i = 0; i < ivhd_count; i++) {
		if (ivhds[i].segment != block->PciSegmentGroup || ivhds[i].rid != block->Header.DeviceId)
			continue;
		if (ivhds[i].type >= block->Header.Type)
			return (NULL);
		free(ivhds[i].ranges, M_AMDVI);
		return (&ivhds[i]);
	}
#endif
	ivhds = realloc(ivhds, (ivhd_count + 1) * sizeof(*ivhds), M_AMDVI, M_WAITOK);
	return (&ivhds[ivhd_count++]);
}

static int
ivhd_visit(const ACPI_IVRS_HEADER *header)
{
	const ACPI_IVRS_HARDWARE1 *block = (const ACPI_IVRS_HARDWARE1 *)header;
	const size_t fixed =
	    header->Type == ACPI_IVRS_TYPE_HARDWARE1 ? sizeof(ACPI_IVRS_HARDWARE1) : sizeof(ACPI_IVRS_HARDWARE2);
	struct amdvi_ivhd *ivhd;

	if (!is_ivhd(header->Type) || header->Length < fixed)
		return (0);
	ivhd = ivhd_place(block);
	if (ivhd == NULL)
		return (0);
	*ivhd = (struct amdvi_ivhd){
		.type = header->Type,
		.flags = header->Flags,
		.segment = block->PciSegmentGroup,
		.rid = header->DeviceId,
		.cap_off = block->CapabilityOffset,
		.attr = header->Type == ACPI_IVRS_TYPE_HARDWARE1 ? 0 : block->FeatureReporting,
		.base = block->BaseAddress,
	};
	entries_take(ivhd, (const uint8_t *)header + fixed, header->Length - fixed);
	return (0);
}

static int
ivmd_visit(const ACPI_IVRS_HEADER *header)
{
	const ACPI_IVRS_MEMORY *block = (const ACPI_IVRS_MEMORY *)header;
	struct amdvi_unity unity = { .first = header->DeviceId, .last = header->DeviceId };

	if (header->Type < ACPI_IVRS_TYPE_MEMORY1 || header->Type > ACPI_IVRS_TYPE_MEMORY3 ||
	    header->Length < sizeof(*block) || block->MemoryLength == 0)
		return (0);
	if (header->Type == ACPI_IVRS_TYPE_MEMORY1) {
		unity.first = 0;
		unity.last = 0xffff;
	} else if (header->Type == ACPI_IVRS_TYPE_MEMORY3) {
		unity.last = block->AuxData;
	}
	/* An exclusion range is memory that the device reaches untranslated: a unity mapping does the same. */
	unity.ir = (header->Flags & (ACPI_IVMD_READ | ACPI_IVMD_EXCLUSION_RANGE)) != 0;
	unity.iw = (header->Flags & (ACPI_IVMD_WRITE | ACPI_IVMD_EXCLUSION_RANGE)) != 0;
	unity.start = trunc_page(block->StartAddress);
	unity.end = round_page(block->StartAddress + block->MemoryLength);
	unities = realloc(unities, (unity_count + 1) * sizeof(unity), M_AMDVI, M_WAITOK);
	unities[unity_count++] = unity;
	return (0);
}

/* ---- the outside ---- */

int
amdvi_ivrs_load(void)
{
	ACPI_TABLE_HEADER *table;
	const ACPI_TABLE_IVRS *ivrs;

	if (ivhds != NULL)
		return (0);
	if (ACPI_FAILURE(AcpiGetTable(ACPI_SIG_IVRS, 1, &table)))
		return (ENXIO);
	ivrs = (const ACPI_TABLE_IVRS *)table;
	if (table->Length < sizeof(*ivrs)) {
		printf("ivrs: table of %u bytes is too short\n", table->Length);
		return (ENXIO);
	}
	(void)ivrs_walk(ivrs, ivhd_visit);
	(void)ivrs_walk(ivrs, ivmd_visit);
	return (ivhd_count == 0 ? ENXIO : 0);
}

void
amdvi_ivrs_unload(void)
{
	for (u_int i = 0; i < ivhd_count; i++)
		free(ivhds[i].ranges, M_AMDVI);
	free(ivhds, M_AMDVI);
	free(unities, M_AMDVI);
	ivhds = NULL;
	unities = NULL;
	ivhd_count = 0;
	unity_count = 0;
}

u_int
amdvi_ivrs_units(void)
{
	return (ivhd_count);
}

const struct amdvi_ivhd *
amdvi_ivrs_unit(u_int unit)
{
	return (unit < ivhd_count ? &ivhds[unit] : NULL);
}

const struct amdvi_unity *
amdvi_ivrs_unity(u_int index)
{
	return (index < unity_count ? &unities[index] : NULL);
}

/* What the block says of a requester id; NULL: the unit does not govern it. */
const struct amdvi_range *
amdvi_ivhd_range(const struct amdvi_ivhd *ivhd, uint16_t rid)
{
	for (u_int i = ivhd->range_count; i-- > 0;)
		if (rid >= ivhd->ranges[i].first && rid <= ivhd->ranges[i].last)
			return (&ivhd->ranges[i]);
	return (NULL);
}
