/* DMAR tables for tests: a header without structures, and a sound table. */
#ifndef IOMMUSIM_TESTS_ACPI_DMAR_BUILDER_H
#define IOMMUSIM_TESTS_ACPI_DMAR_BUILDER_H

#include "tests/acpi/table_builder.h"

/* Revision 1, 46 bits of address, INTR_REMAP and DMA_CTRL_PLATFORM_OPT_IN. */
static inline struct builder builder_begin(void)
{
	struct builder builder = { .size = 0 };

	ADD(&builder, 'D', 'M', 'A', 'R', 0, 0, 0, 0, 0x01, 0, 'S', 'I', 'M', 'C', 'O', ' ', 'B', 'O',
	    'A', 'R', 'D', '7', 0, 0, 3, 0, 0, 0, 'T', 'E', 'S', 'T', 9, 0, 0, 0, 45, 0x05, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0);
	return builder;
}

/*
 * A sound table of 176 bytes: at 48 a unit with an endpoint and a bridge; at 80 the unit for the
 * rest with an I/O APIC and an HPET; at 112 a reserved region of one device; at 144 an ATSR with a
 * root port; at 160 a structure from the future.
 */
static inline struct builder builder_sound(void)
{
	struct builder builder = builder_begin();

	ADD(&builder, 0, 0, 32, 0, 0, 0, 0, 0, 0x00, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 1, 8, 0, 0, 0, 0x00, 2, 0);
	ADD(&builder, 2, 8, 0, 0, 0, 0x00, 28, 4);
	ADD(&builder, 0, 0, 32, 0, 1, 0, 0, 0, 0x00, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 3, 8, 0, 0, 5, 0xf0, 31, 7);
	ADD(&builder, 4, 8, 0, 0, 1, 0x00, 30, 6);
	ADD(&builder, 1, 0, 32, 0, 0, 0, 0, 0, 0x00, 0x00, 0xa0, 0x7b, 0, 0, 0, 0, 0xff, 0xff, 0xbf,
	    0x7b, 0, 0, 0, 0);
	ADD(&builder, 1, 8, 0, 0, 0, 0x00, 20, 0);
	ADD(&builder, 2, 0, 16, 0, 0, 0, 0, 0);
	ADD(&builder, 2, 8, 0, 0, 0, 0x00, 28, 4);
	ADD(&builder, 0x99, 0x12, 16, 0, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8);
	builder_finish(&builder);
	return builder;
}

#endif
