/*
 * The header that every ACPI table begins with (ACPI specification, 5.2.6): its rows, for descriptions of
 * whole table headers, and where its members stand. What follows it is the table's own description.
 */
#ifndef IOMMUSIM_COMMON_SPEC_ACPI_HEADER_H
#define IOMMUSIM_COMMON_SPEC_ACPI_HEADER_H

/* clang-format off */
/*        name               high  low  need    meaning */
#define ACPI_HEADER_FIELDS(F) \
	F(SIGNATURE,            31,   0, ALWAYS, "Four letters that say which table this is") \
	F(LENGTH,               63,  32, ALWAYS, "Bytes of the whole table, structures included") \
	F(REVISION,             71,  64, ALWAYS, "Of the table's format") \
	F(CHECKSUM,             79,  72, ALWAYS, "Makes all bytes of the table sum to 0") \
	F(OEMID,               127,  80, ALWAYS, "Who made the table") \
	F(OEM_TABLE_ID,        191, 128, ALWAYS, "The maker's model") \
	F(OEM_REVISION,        223, 192, ALWAYS, "The maker's revision of the table") \
	F(CREATOR_ID,          255, 224, ALWAYS, "The tool that wrote the table") \
	F(CREATOR_REVISION,    287, 256, ALWAYS, "The tool's revision")
/* clang-format on */

enum acpi_header_layout {
	ACPI_HEADER_BYTES = 36,
	ACPI_HEADER_LENGTH_AT = 4,
	ACPI_HEADER_REVISION_AT = 8,
	ACPI_HEADER_CHECKSUM_AT = 9
};

#endif
