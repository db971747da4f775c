/* Finding: memory that firmware says a device must reach (RMRR, IVMD), and that its domain does not map 1:1. */
#include <stdio.h>
#include <string.h>

#include <iommusim/acpi.h>
#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>

#include "check/state.h"

struct range {
	const char *what; /* "RMRR" */
	uint64_t first, last;
	bool reads, writes;
};

/* ---- firmware's table ---------------------------------------------------------------------------- */

static void *copy_table(struct iommusim_check *check, const char *signature, uint32_t *length)
{
	uint64_t address;
	void *bytes;

	if (iommusim_acpi_find(check->machine, signature, 0, &address, length) != IOMMUSIM_OK)
		return NULL;
	bytes = machine_alloc(check->machine, *length);
	if (bytes != NULL)
		iommusim_memory_read(check->machine, address, bytes, *length);
	return bytes;
}

static void read_firmware(struct iommusim_check *check)
{
	uint32_t length;
	void *bytes = copy_table(check, "DMAR", &length);

	check->firmware_read = true;
	if (bytes != NULL) {
		iommusim_dmar_parse(bytes, length, &check->dmar);
		machine_free(check->machine, bytes, length);
	}
	bytes = copy_table(check, "IVRS", &length);
	if (bytes != NULL) {
		iommusim_ivrs_parse(bytes, length, &check->ivrs);
		machine_free(check->machine, bytes, length);
	}
}

void check_firmware_free(struct iommusim_check *check)
{
	iommusim_dmar_free(check->dmar);
	iommusim_ivrs_free(check->ivrs);
}

/* ---- does a range get where it must? ------------------------------------------------------------- */

static bool reaches(struct iommusim_unit *unit, uint16_t rid, enum iommusim_dma_kind kind,
    uint64_t address, uint64_t *next)
{
	const struct page_request request = { .address = address, .rid = rid, .kind = (uint8_t)kind };
	struct iommusim_walk walk;
	unsigned shift;

	memset(&walk, 0, sizeof(walk));
	unit->model->explain(unit, &request, &walk);
	shift =
	    walk.result.page_shift < IOMMUSIM_PAGE_SHIFT ? IOMMUSIM_PAGE_SHIFT : walk.result.page_shift;
	*next = shift >= 63 ? UINT64_MAX : ((address >> shift) + 1) << shift;
	return !walk.result.faulted && walk.result.physical == address;
}

/* The first address of a range that a device does not reach as itself. */
static bool is_missing(
    struct iommusim_unit *unit, uint16_t rid, const struct range *range, uint64_t *where)
{
	uint64_t next = 0;

	for (uint64_t at = range->first & ~(IOMMUSIM_PAGE_SIZE - 1); at <= range->last; at = next) {
		*where = at;
		if (range->reads && !reaches(unit, rid, IOMMUSIM_DMA_READ, at, &next))
			return true;
		if (range->writes && !reaches(unit, rid, IOMMUSIM_DMA_WRITE, at, &next))
			return true;
		if (next <= at)
			return false; /* at the end of all addresses, or nothing is asked for */
	}
	return false;
}

static void check_range(struct iommusim_check *check, const struct check_device *device,
    struct iommusim_unit *unit, const struct range *range)
{
	const uint16_t rid = iommusim_unit_carried_id(unit, device->rid);
	uint64_t where;

	if (!is_missing(unit, rid, range, &where))
		return;
	check_finding(check, IOMMUSIM_FINDING_FIRMWARE_RANGE_NOT_MAPPED,
	    "%02x:%02x.%u is in domain %s, and firmware wants it to reach 0x%llx to 0x%llx (%s): 0x%llx is not "
	    "mapped to itself there, so what firmware lets the device do by itself faults or goes astray. Map "
	    "the range 1:1 before the device is added, or do not pass the device through",
	    IOMMUSIM_RID_BUS(device->rid), IOMMUSIM_RID_DEVICE(device->rid),
	    IOMMUSIM_RID_FUNCTION(device->rid), check_domain_name(check, device->domain),
	    (unsigned long long)range->first, (unsigned long long)range->last, range->what,
	    (unsigned long long)where);
}

/* ---- ranges of a device -------------------------------------------------------------------------- */

static bool scope_names(const struct iommusim_check *check, uint16_t segment,
    const struct iommusim_dmar_scope *scope, uint16_t rid)
{
	struct unit_scope path = { .type = scope->type, .start_bus = scope->start_bus };
	uint16_t named;

	if (scope->hop_count == 0 || scope->hop_count > UNIT_SCOPE_HOPS)
		return false;
	path.hop_count = scope->hop_count;
	memcpy(path.hops, scope->hops, scope->hop_count * sizeof(*scope->hops));
	return unit_resolve_scope(check->machine, segment, &path, &named) && named == rid;
}

static void check_rmrr(struct iommusim_check *check, const struct check_device *device,
    struct iommusim_unit *unit, const struct iommusim_dmar_structure *structure)
{
	const struct range range = { "RMRR", structure->base, structure->limit, true, true };

	if (structure->type != IOMMUSIM_DMAR_RMRR || structure->segment != device->segment)
		return;
	for (uint32_t i = 0; i < structure->scope_count; i++)
		if (scope_names(check, device->segment, &structure->scopes[i], device->rid)) {
			check_range(check, device, unit, &range);
			return;
		}
}

static void check_ivmd(struct iommusim_check *check, const struct check_device *device,
    struct iommusim_unit *unit, const struct iommusim_ivrs_block *block)
{
	const uint16_t carried = iommusim_unit_carried_id(unit, device->rid);
	const bool excluded = (block->flags & IOMMUSIM_IVMD_EXCLUSION) != 0;
	const bool unity = (block->flags & IOMMUSIM_IVMD_UNITY) != 0;
	const struct range range = {
		.what = "IVMD",
		.first = block->start,
		.last = block->start + (block->memory_length - 1),
		.reads = excluded || (unity && (block->flags & IOMMUSIM_IVMD_READ) != 0),
		.writes = excluded || (unity && (block->flags & IOMMUSIM_IVMD_WRITE) != 0),
	};

	if (block->memory_length == 0 || range.last < range.first)
		return;
	if (iommusim_ivrs_concerns(block, device->segment, device->rid) ||
	    iommusim_ivrs_concerns(block, device->segment, carried))
		check_range(check, device, unit, &range);
}

void check_firmware_ranges(struct iommusim_check *check, const struct check_device *device)
{
	struct iommusim_unit *unit = iommusim_unit_for(check->machine, device->segment, device->rid);

	if (device->domain == NULL || unit == NULL || !unit->model->translating(unit))
		return;
	if (!check->firmware_read)
		read_firmware(check);
	for (uint32_t i = 0; check->dmar != NULL && i < check->dmar->structure_count; i++)
		check_rmrr(check, device, unit, &check->dmar->structures[i]);
	for (uint32_t i = 0; check->ivrs != NULL && i < check->ivrs->block_count; i++)
		check_ivmd(check, device, unit, &check->ivrs->blocks[i]);
}

void check_all_firmware_ranges(struct iommusim_check *check)
{
	const struct check_device *device;

	TAILQ_FOREACH (device, &check->devices, link)
		check_firmware_ranges(check, device);
}
