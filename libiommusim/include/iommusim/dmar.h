/*
 * Reading a DMAR ACPI table: what firmware says about Intel remapping units (VT-d chapter 8).
 * Not here: which device belongs to which unit (machine.h, pci.h), and AMD's IVRS (ivrs.h).
 */
#ifndef IOMMUSIM_DMAR_H
#define IOMMUSIM_DMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/acpi_problem.h>
#include <iommusim/export.h>
#include <iommusim/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Remapping structure types (VT-d 8.2). The values are the table's own. */
enum iommusim_dmar_type {
	IOMMUSIM_DMAR_DRHD = 0,
	IOMMUSIM_DMAR_RMRR = 1,
	IOMMUSIM_DMAR_ATSR = 2,
	IOMMUSIM_DMAR_RHSA = 3,
	IOMMUSIM_DMAR_ANDD = 4,
	IOMMUSIM_DMAR_SATC = 5,
	IOMMUSIM_DMAR_SIDP = 6
};

/* Device scope entry types (VT-d 8.3.1). */
enum iommusim_dmar_scope_type {
	IOMMUSIM_SCOPE_ENDPOINT = 1,
	IOMMUSIM_SCOPE_BRIDGE = 2, /* the bridge and everything below it */
	IOMMUSIM_SCOPE_IOAPIC = 3,
	IOMMUSIM_SCOPE_HPET = 4,
	IOMMUSIM_SCOPE_ACPI = 5
};

/* One hop of a scope's path. */
struct iommusim_dmar_hop {
	uint8_t device;   /* 0..31 in a sound table; any byte in a broken one */
	uint8_t function; /* 0..7 likewise */
};

struct iommusim_dmar_scope {
	uint32_t offset; /* bytes from the start of the table */
	uint8_t type;    /* enum iommusim_dmar_scope_type, or an unknown number */
	uint8_t length;  /* as the table says */
	uint8_t flags;   /* SIDP only, else 0 or what the table holds */
	uint8_t enumeration_id;
	uint8_t start_bus;
	uint8_t hop_count;
	const struct iommusim_dmar_hop *hops;
};

/* One remapping structure. Which members mean something depends on the type; the others are 0. */
struct iommusim_dmar_structure {
	uint32_t offset; /* bytes from the start of the table */
	uint16_t type;   /* enum iommusim_dmar_type, or an unknown number */
	uint16_t length; /* as the table says */
	uint8_t flags;   /* DRHD, ATSR, SATC */
	uint8_t size;    /* DRHD: byte 5 as it is; bits 3:0 are log2 of the register pages (8.3) */
	uint16_t segment;
	uint64_t base;       /* DRHD, RHSA: register base; RMRR: first byte */
	uint64_t limit;      /* RMRR: last byte, inclusive */
	uint32_t proximity;  /* RHSA */
	uint8_t acpi_device; /* ANDD */
	/* ANDD: NUL-terminated, cut at the structure's end when it was not */
	const char *acpi_name;
	const struct iommusim_dmar_scope *scopes;
	uint32_t scope_count;
};

struct iommusim_dmar {
	uint32_t length; /* the header's Length */
	uint8_t revision;
	uint8_t checksum; /* the byte in the header */
	bool checksum_ok;
	char oem_id[7];
	char oem_table_id[9];
	uint16_t host_address_width; /* in bits: the header holds this minus 1 */
	uint8_t flags;               /* 0 INTR_REMAP, 1 X2APIC_OPT_OUT, 2 DMA_CTRL_PLATFORM_OPT_IN */
	/* in table order, as far as they were read */
	const struct iommusim_dmar_structure *structures;
	uint32_t structure_count;
	const struct iommusim_acpi_problem *problems; /* in order of offset */
	uint32_t problem_count;
	bool usable; /* no fatal problem */
};

/* DRHD flag: everything in the segment that no other unit claims (VT-d 8.3). */
#define IOMMUSIM_DRHD_INCLUDE_PCI_ALL 1u

/*
 * Read a table of `size` bytes at `bytes`. Never reads outside them, always ends. What could be read
 * is in the result even when the table cannot be used: `(*table)->usable` says which.
 * Returns OK, EINVAL (null argument), ENOMEM (nothing allocated stays), EFORMAT (not a DMAR table at
 * all: shorter than an ACPI header or another signature; *table is NULL).
 * The result does not refer to `bytes`; free it with iommusim_dmar_free(). Any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_dmar_parse(
    const void *bytes, size_t size, struct iommusim_dmar **table);

/* Free a table; NULL is allowed. */
IOMMUSIM_API void iommusim_dmar_free(struct iommusim_dmar *table);

/* "DRHD" for 0 and so on; "unknown" beyond the known types. Static storage. */
IOMMUSIM_API const char *iommusim_dmar_type_name(unsigned type);

/* "endpoint", "bridge", "ioapic", "hpet", "acpi"; "unknown". Static storage. */
IOMMUSIM_API const char *iommusim_dmar_scope_name(unsigned type);

#ifdef __cplusplus
}
#endif

#endif
