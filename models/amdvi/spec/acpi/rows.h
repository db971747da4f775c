/* Rows that several descriptions of acpi/ have: the start of an IVHD, the setting of a device. */
#ifndef IOMMUSIM_AMDVI_SPEC_ACPI_ROWS_H
#define IOMMUSIM_AMDVI_SPEC_ACPI_ROWS_H

/* clang-format off */
/*        name             high  low  need    meaning */
#define AMDVI_ACPI_IVHD_ROWS(F) \
	F(HT_TUN_EN,          8,   8, ALWAYS, "To be copied to the unit's control register") \
	F(PASS_PW,            9,   9, ALWAYS, "Likewise") \
	F(RES_PASS_PW,       10,  10, ALWAYS, "Likewise") \
	F(ISOC,              11,  11, ALWAYS, "Likewise") \
	F(IOTLB_SUP,         12,  12, ALWAYS, "The unit answers translation requests of devices") \
	F(COHERENT,          13,  13, ALWAYS, "To be copied to the unit's control register") \
	F(LENGTH,            31,  16, ALWAYS, "Bytes of the block, device entries included") \
	F(DEVID,             47,  32, ALWAYS, "The IOMMU's own PCI function") \
	F(CAPABILITY,        63,  48, ALWAYS, "Where in its configuration space the capability block is") \
	F(BASE,             127,  64, ALWAYS, "Register base address") \
	F(SEGMENT,          143, 128, ALWAYS, "PCI segment group") \
	F(MSINUM,           148, 144, ALWAYS, "MSI message of the event log") \
	F(UNITID,           156, 152, ALWAYS, "HyperTransport unit id")

/* Byte 3 of a device entry: what goes into the device's table entry. */
#define AMDVI_ACPI_SETTING_ROWS(F) \
	F(INIT_PASS,         24,  24, ALWAYS, "INIT messages pass") \
	F(EINT_PASS,         25,  25, ALWAYS, "ExtInt messages pass") \
	F(NMI_PASS,          26,  26, ALWAYS, "NMI messages pass") \
	F(SYSMGT,            29,  28, ALWAYS, "System management messages: 0 abort, 1 and 2 pass, 3 translated") \
	F(LINT0_PASS,        30,  30, ALWAYS, "Legacy PIC NMI passes") \
	F(LINT1_PASS,        31,  31, ALWAYS, "LINT1 messages pass")
/* clang-format on */

#endif
