/*
 * The specification as the library knows it: every register and in-memory structure with its fields,
 * as data. For reference pages and for tools that decode raw values.
 */
#ifndef IOMMUSIM_SPEC_H
#define IOMMUSIM_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/export.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_spec_structure {
	const char *name;    /* the specification's: "GSTS", "SS-PDE" */
	const char *title;   /* "Global Status" */
	const char *section; /* "11.4.4.2" */
	uint16_t bits;
	/* of a register, in bytes: from the register base, or from the header of the PCI capability */
	uint16_t offset;
	bool is_register;
	uint16_t field_count;
};

struct iommusim_spec_field {
	const char *name;
	const char *meaning;
	/* "RO", "RW", "WO", "RW1C", "one-shot"; "" in an in-memory structure */
	const char *access;
	const char *needs; /* the capability it depends on: "ECAP.SC"; "" for none */
	uint16_t high;     /* bit numbers over the whole structure */
	uint16_t low;
	bool ignored; /* hardware does not look at it; bits no field names are reserved */
};

/*
 * Structure number `index` of a vendor ("vtd", "amdvi"), registers first, and its field number `field`. False
 * beyond the last, or for an unknown vendor. Static data: any thread.
 */
IOMMUSIM_API bool iommusim_spec_structure(
    const char *vendor, size_t index, struct iommusim_spec_structure *structure);
IOMMUSIM_API bool iommusim_spec_field(
    const char *vendor, size_t index, size_t field, struct iommusim_spec_field *out);

#ifdef __cplusplus
}
#endif

#endif
