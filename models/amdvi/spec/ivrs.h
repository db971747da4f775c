/*
 * The structures of the IVRS ACPI table: one description each in acpi/, and the bytes each begins
 * with. Reading a table is not done here.
 */
#ifndef IOMMUSIM_AMDVI_SPEC_IVRS_H
#define IOMMUSIM_AMDVI_SPEC_IVRS_H

#include "models/amdvi/spec/acpi/alias.def"
#include "models/amdvi/spec/acpi/all.def"
#include "models/amdvi/spec/acpi/block.def"
#include "models/amdvi/spec/acpi/entry.def"
#include "models/amdvi/spec/acpi/extended.def"
#include "models/amdvi/spec/acpi/header.def"
#include "models/amdvi/spec/acpi/hid.def"
#include "models/amdvi/spec/acpi/ivhd_10h.def"
#include "models/amdvi/spec/acpi/ivhd_11h.def"
#include "models/amdvi/spec/acpi/ivmd.def"
#include "models/amdvi/spec/acpi/range_end.def"
#include "models/amdvi/spec/acpi/select.def"
#include "models/amdvi/spec/acpi/special.def"

/* Bytes of the fixed part: no table, block or device entry is shorter. */
enum amdvi_acpi_bytes {
	AMDVI_ACPI_HEADER_BYTES = 48,
	AMDVI_ACPI_BLOCK_BYTES = 4, /* type, flags and length */
	AMDVI_ACPI_IVHD_10H_BYTES = 24,
	AMDVI_ACPI_IVHD_11H_BYTES = 40,
	AMDVI_ACPI_IVMD_BYTES = 32,
	AMDVI_ACPI_ENTRY_BYTES = 4,
	AMDVI_ACPI_HID_BYTES = 22,
	AMDVI_ACPI_REGISTER_BYTES = 16384 /* of a unit without counters; it is aligned to them */
};

/* Where something stands that is handed out whole, reserved bits and all. */
enum amdvi_acpi_at {
	AMDVI_ACPI_IVINFO_AT = 36,        /* 4 bytes */
	AMDVI_ACPI_IVHD_INFO_AT = 18,     /* 2 bytes */
	AMDVI_ACPI_IVHD_FEATURES_AT = 20, /* 4 bytes: features of 10h, attributes of 11h and 40h */
	AMDVI_ACPI_EXTENDED_AT = 4,       /* 4 bytes */
	AMDVI_ACPI_HID_AT = 4,            /* 8 bytes */
	AMDVI_ACPI_CID_AT = 12            /* 8 bytes */
};

/*
 * Bytes of a device entry by its type; one of type F0h has its UID behind them. Types beyond those that are
 * known have a length, too, so that they can be passed over.
 */
static inline unsigned amdvi_acpi_entry_bytes(unsigned type)
{
	return type == 0xf0 ? AMDVI_ACPI_HID_BYTES : 4u << type / 64;
}

#endif
