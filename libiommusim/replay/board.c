/* Writes the built-in DMAR and IVRS tables. Reading tables is done elsewhere (iommusim/dmar.h, iommusim/ivrs.h). */
#include "replay/board.h"

#include <string.h>

#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>

#include "models/amdvi/spec/amdvi.h"
#include "models/amdvi/spec/ivrs.h"
#include "models/vtd/spec/dmar.h"

struct writer {
	uint8_t *bytes;
	uint32_t at;
};

/* Put down the first `length` bytes of a structure made of quadwords. */
static void put(struct writer *writer, const uint64_t *quads, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		writer->bytes[writer->at++] = (uint8_t)(quads[i / 8] >> i % 8 * 8);
}

/* A scope entry with a path of one hop. */
static void put_scope(struct writer *writer, enum iommusim_dmar_scope_type type, uint8_t id,
    uint8_t bus, uint8_t device, uint8_t function)
{
	uint64_t scope[1] = { 0 };

	vtd_acpi_scope_set_TYPE(scope, type);
	vtd_acpi_scope_set_LENGTH(scope, VTD_ACPI_SCOPE_BYTES + VTD_ACPI_HOP_BYTES);
	vtd_acpi_scope_set_ENUMERATION_ID(scope, id);
	vtd_acpi_scope_set_START_BUS(scope, bus);
	vtd_acpi_scope_set_DEVICE(scope, device);
	vtd_acpi_scope_set_FUNCTION(scope, function);
	put(writer, scope, VTD_ACPI_SCOPE_BYTES + VTD_ACPI_HOP_BYTES);
}

static void put_drhd(struct writer *writer, uint64_t base, bool include_all, unsigned scopes)
{
	uint64_t drhd[2] = { 0, 0 };

	vtd_acpi_drhd_set_TYPE(drhd, IOMMUSIM_DMAR_DRHD);
	vtd_acpi_drhd_set_LENGTH(
	    drhd, VTD_ACPI_DRHD_BYTES + scopes * (VTD_ACPI_SCOPE_BYTES + VTD_ACPI_HOP_BYTES));
	vtd_acpi_drhd_set_INCLUDE_PCI_ALL(drhd, include_all);
	vtd_acpi_drhd_set_BASE(drhd, base);
	put(writer, drhd, VTD_ACPI_DRHD_BYTES);
}

static void put_rmrr(struct writer *writer, uint64_t base, uint64_t limit, unsigned scopes)
{
	uint64_t rmrr[3] = { 0, 0, 0 };

	vtd_acpi_rmrr_set_TYPE(rmrr, IOMMUSIM_DMAR_RMRR);
	vtd_acpi_rmrr_set_LENGTH(
	    rmrr, VTD_ACPI_RMRR_BYTES + scopes * (VTD_ACPI_SCOPE_BYTES + VTD_ACPI_HOP_BYTES));
	vtd_acpi_rmrr_set_BASE(rmrr, base);
	vtd_acpi_rmrr_set_LIMIT(rmrr, limit);
	put(writer, rmrr, VTD_ACPI_RMRR_BYTES);
}

static void put_text(struct writer *writer)
{
	memcpy(writer->bytes + 10, "IOMMU ", 6);   /* OEM id */
	memcpy(writer->bytes + 16, "DESKTOP ", 8); /* OEM table id */
	memcpy(writer->bytes + 28, "ISIM", 4);     /* creator id */
}

static void put_header(struct writer *writer)
{
	uint64_t header[6] = { 0 };

	memcpy(header, "DMAR", 4);
	vtd_acpi_header_set_LENGTH(header, BOARD_TABLE_BYTES);
	vtd_acpi_header_set_REVISION(header, 1);
	vtd_acpi_header_set_OEM_REVISION(header, 1);
	vtd_acpi_header_set_CREATOR_REVISION(header, 1);
	vtd_acpi_header_set_HOST_ADDRESS_WIDTH(header, 39 - 1);
	vtd_acpi_header_set_INTR_REMAP(header, 1);
	put(writer, header, VTD_ACPI_HEADER_BYTES);
	put_text(writer);
}

static void finish(uint8_t *table, uint32_t length)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + table[i]);
	table[ACPI_HEADER_CHECKSUM_AT] = (uint8_t)-sum;
}

void board_table(uint8_t table[BOARD_TABLE_BYTES])
{
	struct writer writer = { .bytes = table };

	put_header(&writer);
	put_drhd(&writer, UINT64_C(0xfed90000), false, 1);
	put_scope(&writer, IOMMUSIM_SCOPE_ENDPOINT, 0, 0, 2, 0);
	put_drhd(&writer, UINT64_C(0xfed91000), true, 2);
	put_scope(&writer, IOMMUSIM_SCOPE_IOAPIC, 2, 0xf0, 0x1f, 0);
	put_scope(&writer, IOMMUSIM_SCOPE_HPET, 0, 0, 0x1f, 0);
	/* Two entries, as such boards have them: the xHCI and its debug function. */
	put_rmrr(&writer, UINT64_C(0x8d000000), UINT64_C(0x8d01ffff), 2);
	put_scope(&writer, IOMMUSIM_SCOPE_ENDPOINT, 0, 0, 0x14, 0);
	put_scope(&writer, IOMMUSIM_SCOPE_ENDPOINT, 0, 0, 0x14, 1);
	put_rmrr(&writer, UINT64_C(0x8d800000), UINT64_C(0x8fffffff), 1);
	put_scope(&writer, IOMMUSIM_SCOPE_ENDPOINT, 0, 0, 2, 0);
	finish(table, BOARD_TABLE_BYTES);
}

/* ---- with an AMD processor ---------------------------------------------------------------------------- */

#define IVRS_ENTRY_BYTES (4u + 8u + 8u) /* all, I/O APIC, HPET */
#define SOUTH_BRIDGE     0x00a0u        /* 0:14.0 */

static void put_ivrs_header(struct writer *writer)
{
	uint64_t header[6] = { 0 };

	memcpy(header, "IVRS", 4);
	amdvi_acpi_header_set_LENGTH(header, BOARD_IVRS_BYTES);
	amdvi_acpi_header_set_REVISION(header, 2);
	amdvi_acpi_header_set_OEM_REVISION(header, 1);
	amdvi_acpi_header_set_CREATOR_REVISION(header, 1);
	amdvi_acpi_header_set_EFRSUP(header, 1);
	amdvi_acpi_header_set_GVASIZE(header, 2);
	amdvi_acpi_header_set_PASIZE(header, 48);
	amdvi_acpi_header_set_VASIZE(header, 64);
	put(writer, header, AMDVI_ACPI_HEADER_BYTES);
	put_text(writer);
}

static void put_special(struct writer *writer, uint8_t handle, enum iommusim_ivrs_variety variety)
{
	uint64_t special[1] = { 0 };

	amdvi_acpi_special_set_TYPE(special, IOMMUSIM_IVRS_SPECIAL);
	amdvi_acpi_special_set_HANDLE(special, handle);
	amdvi_acpi_special_set_SOURCE(special, SOUTH_BRIDGE);
	amdvi_acpi_special_set_VARIETY(special, variety);
	put(writer, special, 8);
}

static void put_ivrs_devices(struct writer *writer)
{
	uint64_t all[1] = { 0 };

	amdvi_acpi_all_set_TYPE(all, IOMMUSIM_IVRS_ALL);
	put(writer, all, AMDVI_ACPI_ENTRY_BYTES);
	put_special(writer, 0, IOMMUSIM_IVRS_HPET);
	put_special(writer, 33, IOMMUSIM_IVRS_IOAPIC);
}

/* What software that knows no other type is told. */
static void put_ivhd_10h(struct writer *writer, uint64_t features)
{
	uint64_t ivhd[3] = { 0 };

	amdvi_acpi_ivhd_10h_set_TYPE(ivhd, IOMMUSIM_IVHD_10H);
	amdvi_acpi_ivhd_10h_set_LENGTH(ivhd, AMDVI_ACPI_IVHD_10H_BYTES + IVRS_ENTRY_BYTES);
	amdvi_acpi_ivhd_10h_set_IOTLB_SUP(ivhd, 1);
	amdvi_acpi_ivhd_10h_set_COHERENT(ivhd, 1);
	amdvi_acpi_ivhd_10h_set_PREF_SUP(ivhd, amdvi_EFR_PREFSUP(features));
	amdvi_acpi_ivhd_10h_set_PPR_SUP(ivhd, amdvi_EFR_PPRSUP(features));
	amdvi_acpi_ivhd_10h_set_DEVID(ivhd, BOARD_AMDVI_RID);
	amdvi_acpi_ivhd_10h_set_CAPABILITY(ivhd, 0x40);
	amdvi_acpi_ivhd_10h_set_BASE(ivhd, BOARD_AMDVI_BASE);
	amdvi_acpi_ivhd_10h_set_XTSUP(ivhd, amdvi_EFR_XTSUP(features));
	amdvi_acpi_ivhd_10h_set_NXSUP(ivhd, amdvi_EFR_NXSUP(features));
	amdvi_acpi_ivhd_10h_set_GTSUP(ivhd, amdvi_EFR_GTSUP(features));
	amdvi_acpi_ivhd_10h_set_GLXSUP(ivhd, amdvi_EFR_GLXSUP(features));
	amdvi_acpi_ivhd_10h_set_IASUP(ivhd, amdvi_EFR_IASUP(features));
	amdvi_acpi_ivhd_10h_set_GASUP(ivhd, amdvi_EFR_GASUP(features));
	amdvi_acpi_ivhd_10h_set_HESUP(ivhd, amdvi_EFR_HESUP(features));
	amdvi_acpi_ivhd_10h_set_PASMAX(ivhd, amdvi_EFR_PASMAX(features));
	amdvi_acpi_ivhd_10h_set_GATS(ivhd, amdvi_EFR_GATS(features));
	amdvi_acpi_ivhd_10h_set_HATS(ivhd, amdvi_EFR_HATS(features));
	put(writer, ivhd, AMDVI_ACPI_IVHD_10H_BYTES);
	put_ivrs_devices(writer);
}

static void put_ivhd_40h(struct writer *writer, uint64_t features, uint64_t features2)
{
	uint64_t ivhd[5] = { 0 };

	amdvi_acpi_ivhd_11h_set_TYPE(ivhd, IOMMUSIM_IVHD_40H);
	amdvi_acpi_ivhd_11h_set_LENGTH(ivhd, AMDVI_ACPI_IVHD_11H_BYTES + IVRS_ENTRY_BYTES);
	amdvi_acpi_ivhd_11h_set_IOTLB_SUP(ivhd, 1);
	amdvi_acpi_ivhd_11h_set_COHERENT(ivhd, 1);
	amdvi_acpi_ivhd_11h_set_DEVID(ivhd, BOARD_AMDVI_RID);
	amdvi_acpi_ivhd_11h_set_CAPABILITY(ivhd, 0x40);
	amdvi_acpi_ivhd_11h_set_BASE(ivhd, BOARD_AMDVI_BASE);
	amdvi_acpi_ivhd_11h_set_EFR(ivhd, features);
	amdvi_acpi_ivhd_11h_set_EFR2(ivhd, features2);
	put(writer, ivhd, AMDVI_ACPI_IVHD_11H_BYTES);
	put_ivrs_devices(writer);
}

void board_ivrs(uint64_t features, uint64_t features2, uint8_t table[BOARD_IVRS_BYTES])
{
	struct writer writer = { .bytes = table };

	put_ivrs_header(&writer);
	put_ivhd_10h(&writer, features);
	put_ivhd_40h(&writer, features, features2);
	finish(table, BOARD_IVRS_BYTES);
}
