/* What tests of the parsers of ACPI tables ask, whichever table it is. */
#ifndef IOMMUSIM_TESTS_ACPI_PARSED_TABLE_H
#define IOMMUSIM_TESTS_ACPI_PARSED_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/acpi_problem.h>

#include "models/common/spec/spec.h"
#include "tests/acpi/table_builder.h"

/* Allocations of the parser, which is linked with --wrap: they are counted and can be made to fail. */
struct parser_memory {
	bool watching;
	unsigned until_failure; /* this many allocations succeed */
	int live;
};
extern struct parser_memory parser_memory;

/* One change of a sound table, one problem that must come of it. */
struct table_change {
	const char *name;
	uint16_t at[3]; /* where; 0 ends the list */
	uint8_t to[3];
	uint32_t offset; /* of the problem */
	const char *part;
};

/* The checksum is right behind it. */
void table_change(struct builder *builder, const struct table_change *change);

/* One of them is this: where, how bad, and a part of its text. */
void problems_have(const struct iommusim_acpi_problem *problems, uint32_t count, uint32_t offset,
    bool fatal, const char *part);
void problems_are_none(const struct iommusim_acpi_problem *problems, uint32_t count);
/* They are in order, inside the table of `size` bytes, a line each; and `usable` says whether one is fatal. */
void problems_are_consistent(
    const struct iommusim_acpi_problem *problems, uint32_t count, size_t size, bool usable);

/* No bit of a structure belongs to two fields. The compiler checks this too, for the first 256. */
void fields_are_apart(const struct spec_structure *const *structures, size_t count);

#endif
