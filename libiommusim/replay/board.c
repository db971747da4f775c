/* Writes the built-in DMAR table. Reading tables is done elsewhere (iommusim/dmar.h). */
#include "replay/board.h"

#include <string.h>

#include <iommusim/dmar.h>

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
	memcpy(writer->bytes + 10, "IOMMU ", 6);   /* OEM id */
	memcpy(writer->bytes + 16, "DESKTOP ", 8); /* OEM table id */
	memcpy(writer->bytes + 28, "ISIM", 4);     /* creator id */
}

void board_table(uint8_t table[BOARD_TABLE_BYTES])
{
	struct writer writer = { .bytes = table };
	uint8_t sum = 0;

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
	for (uint32_t i = 0; i < BOARD_TABLE_BYTES; i++)
		sum = (uint8_t)(sum + table[i]);
	table[ACPI_HEADER_CHECKSUM_AT] = (uint8_t)-sum;
}
