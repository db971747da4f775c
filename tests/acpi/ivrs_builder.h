/* IVRS tables for tests: a header without blocks, and a sound table. */
#ifndef IOMMUSIM_TESTS_ACPI_IVRS_BUILDER_H
#define IOMMUSIM_TESTS_ACPI_IVRS_BUILDER_H

#include "tests/acpi/table_builder.h"

/* Revision 2, EFRSup, DMA remapped at boot, 48 bits physical, 64 virtual, 48 guest virtual. */
static inline struct builder ivrs_begin(void)
{
	struct builder builder = { .size = 0 };

	ADD(&builder, 'I', 'V', 'R', 'S', 0, 0, 0, 0, 0x02, 0, 'S', 'I', 'M', 'C', 'O', ' ', 'B', 'O',
	    'A', 'R', 'D', '9', 0, 0, 3, 0, 0, 0, 'T', 'E', 'S', 'T', 9, 0, 0, 0, 0x43, 0x30, 0x20, 0,
	    0, 0, 0, 0, 0, 0, 0, 0);
	return builder;
}

/* An IVHD of type 10h whose entries follow: 00:00.2, registers at FDF00000h. */
static inline void ivrs_add_10h(struct builder *builder, uint8_t entry_bytes)
{
	ADD(builder, 0x10, 0xb0, (uint8_t)(24 + entry_bytes), 0, 2, 0, 0x40, 0, 0, 0, 0xf0, 0xfd, 0, 0,
	    0, 0, 0, 0, 0x01, 0x13, 0x6f, 0x8f, 0x04, 0x80);
}

/* The same unit as type 11h or 40h. */
static inline void ivrs_add_11h(struct builder *builder, uint8_t type, uint8_t entry_bytes)
{
	ADD(builder, type, 0x30, (uint8_t)(40 + entry_bytes), 0, 2, 0, 0x40, 0, 0, 0, 0xf0, 0xfd, 0, 0,
	    0, 0, 0, 0, 0x01, 0x13, 0x00, 0x80, 0x04, 0x00, 0xde, 0x4a, 0x25, 0x22, 0xef, 0x73, 0x6d,
	    0x20, 0x10, 0, 0, 0, 0, 0, 0, 0);
}

/*
 * A sound table of 240 bytes, as machines have it: at 48 the unit as type 10h, with a range and an I/O APIC; at
 * 88 as type 40h, with an alias, a pad, an HPET and an ACPI device of 31 bytes besides; at 199 memory for a
 * range of devices; at 231 a block from the future, of 9 bytes.
 */
static inline struct builder ivrs_sound(void)
{
	struct builder builder = ivrs_begin();

	ivrs_add_10h(&builder, 16);
	ADD(&builder, 3, 8, 0, 0, 4, 0xfe, 0xff, 0);
	ADD(&builder, 0x48, 0, 0, 0xd7, 33, 0xa0, 0, 1);
	ivrs_add_11h(&builder, 0x40, 71);
	ADD(&builder, 3, 8, 0, 0, 4, 0xfe, 0xff, 0);
	ADD(&builder, 0x43, 0, 0xff, 0, 0, 0xa5, 0, 0, 4, 0xff, 0xff, 0);
	ADD(&builder, 0, 0, 0, 0);
	ADD(&builder, 0x48, 0, 0, 0, 0, 0xa0, 0, 2);
	ADD(&builder, 0x48, 0, 0, 0xd7, 33, 0xa0, 0, 1);
	ADD(&builder, 0xf0, 0xa5, 0, 0x40, 'A', 'M', 'D', 'I', '0', '0', '2', '0', 0, 0, 0, 0, 0, 0, 0,
	    0, 2, 9, '\\', '_', 'S', 'B', '.', 'F', 'U', 'R', '0');
	ADD(&builder, 0x22, 7, 32, 0, 0, 0, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0x00, 0xe0, 0x18, 0x96,
	    0, 0, 0, 0, 0x00, 0x10, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 0x51, 8, 9, 0, 0xde, 0xad, 0xbe, 0xef, 1);
	builder_finish(&builder);
	return builder;
}

#endif
