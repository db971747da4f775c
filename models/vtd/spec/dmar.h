/*
 * The structures of the DMAR ACPI table: one description each in acpi/, and the bytes each begins
 * with. Reading a table is not done here.
 */
#ifndef IOMMUSIM_VTD_SPEC_DMAR_H
#define IOMMUSIM_VTD_SPEC_DMAR_H

#include "models/vtd/spec/acpi/andd.def"
#include "models/vtd/spec/acpi/atsr.def"
#include "models/vtd/spec/acpi/drhd.def"
#include "models/vtd/spec/acpi/header.def"
#include "models/vtd/spec/acpi/rhsa.def"
#include "models/vtd/spec/acpi/rmrr.def"
#include "models/vtd/spec/acpi/satc.def"
#include "models/vtd/spec/acpi/scope.def"
#include "models/vtd/spec/acpi/sidp.def"
#include "models/vtd/spec/acpi/sidp_scope.def"
#include "models/vtd/spec/acpi/structure.def"

/* Bytes of the fixed part: no table, structure or scope entry is shorter. */
enum vtd_acpi_bytes {
	VTD_ACPI_HEADER_BYTES = 48,
	VTD_ACPI_STRUCTURE_BYTES = 4, /* type and length */
	VTD_ACPI_DRHD_BYTES = 16,
	VTD_ACPI_RMRR_BYTES = 24,
	VTD_ACPI_ATSR_BYTES = 8,
	VTD_ACPI_RHSA_BYTES = 20,
	VTD_ACPI_ANDD_BYTES = 8,
	VTD_ACPI_SATC_BYTES = 8,
	VTD_ACPI_SIDP_BYTES = 8,
	VTD_ACPI_SCOPE_BYTES = 6,
	VTD_ACPI_HOP_BYTES = 2
};

/* Where a byte stands that is handed out whole, reserved bits and all. */
enum vtd_acpi_byte_at {
	VTD_ACPI_HEADER_WIDTH_AT = 36,
	VTD_ACPI_HEADER_FLAGS_AT = 37,
	VTD_ACPI_STRUCTURE_FLAGS_AT = 4, /* DRHD, ATSR, SATC */
	VTD_ACPI_DRHD_SIZE_AT = 5,
	VTD_ACPI_SCOPE_FLAGS_AT = 2
};

#endif
