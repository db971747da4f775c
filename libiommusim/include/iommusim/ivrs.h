/*
 * Reading an IVRS ACPI table: what firmware says about AMD IOMMUs (AMD-Vi section 5.2), which of its
 * blocks count, and what they say of a requester. Not here: making a unit of it (unit.h), Intel's DMAR (dmar.h).
 */
#ifndef IOMMUSIM_IVRS_H
#define IOMMUSIM_IVRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iommusim/acpi_problem.h>
#include <iommusim/export.h>
#include <iommusim/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Block types. The values are the table's own. */
enum iommusim_ivrs_type {
	IOMMUSIM_IVHD_10H = 0x10,
	IOMMUSIM_IVHD_11H = 0x11,
	IOMMUSIM_IVMD_ALL = 0x20,
	IOMMUSIM_IVMD_SELECT = 0x21,
	IOMMUSIM_IVMD_RANGE = 0x22,
	IOMMUSIM_IVHD_40H = 0x40
};

/* Types of device entries in an IVHD. */
enum iommusim_ivrs_entry_type {
	IOMMUSIM_IVRS_PAD4 = 0x00,
	IOMMUSIM_IVRS_ALL = 0x01,
	IOMMUSIM_IVRS_SELECT = 0x02,
	IOMMUSIM_IVRS_RANGE_START = 0x03,
	IOMMUSIM_IVRS_RANGE_END = 0x04,
	IOMMUSIM_IVRS_PAD8 = 0x40,
	IOMMUSIM_IVRS_ALIAS_SELECT = 0x42,
	IOMMUSIM_IVRS_ALIAS_START = 0x43,
	IOMMUSIM_IVRS_EXT_SELECT = 0x46,
	IOMMUSIM_IVRS_EXT_START = 0x47,
	IOMMUSIM_IVRS_SPECIAL = 0x48,
	IOMMUSIM_IVRS_ACPI_HID = 0xf0
};

/* What a special entry is about. */
enum iommusim_ivrs_variety { IOMMUSIM_IVRS_IOAPIC = 1, IOMMUSIM_IVRS_HPET = 2 };

/* What the unique id of an ACPI HID entry is. */
enum iommusim_ivrs_uid_format {
	IOMMUSIM_IVRS_UID_NONE = 0,
	IOMMUSIM_IVRS_UID_NUMBER = 1,
	IOMMUSIM_IVRS_UID_TEXT = 2
};

/* Bits of a device entry's setting: what goes into the table entry of the device. */
#define IOMMUSIM_IVRS_INIT_PASS    0x01u
#define IOMMUSIM_IVRS_EXTINT_PASS  0x02u
#define IOMMUSIM_IVRS_NMI_PASS     0x04u
#define IOMMUSIM_IVRS_SYSMGT_SHIFT 4u /* 2 bits: the table entry's SysMgt */
#define IOMMUSIM_IVRS_LINT0_PASS   0x40u
#define IOMMUSIM_IVRS_LINT1_PASS   0x80u

/* Bit of an extended entry's second setting. */
#define IOMMUSIM_IVRS_ATS_DISABLED 0x80000000u

/* Bits of an IVHD's attributes (11h, 40h). */
#define IOMMUSIM_IVHD_HATDIS 0x1u

/* Bits of an IVMD's flags. */
#define IOMMUSIM_IVMD_UNITY     0x01u
#define IOMMUSIM_IVMD_READ      0x02u
#define IOMMUSIM_IVMD_WRITE     0x04u
#define IOMMUSIM_IVMD_EXCLUSION 0x08u

/* One device entry. Which members mean something depends on the type; the others are 0. */
struct iommusim_ivrs_entry {
	uint32_t offset; /* bytes from the start of the table */
	uint16_t length; /* as it follows from the type, and for ACPI HID from the table */
	uint8_t type;    /* enum iommusim_ivrs_entry_type, or an unknown number */
	uint8_t setting; /* the byte as it is: IOMMUSIM_IVRS_INIT_PASS and so on */
	uint16_t devid;  /* bus 15:8, device 7:3, function 2:0 */
	/*
	 * Device ids that it is about, both inclusive, when `covers`: a start of a range up to the end that
	 * belongs to it, a special entry the source. Pads, ends, what is unknown and ranges that are not
	 * closed or run backwards cover none.
	 */
	uint16_t first, last;
	bool covers;
	uint16_t source_devid; /* alias: what requests carry instead; special: the device's id */
	uint32_t extended;     /* extended entries: IOMMUSIM_IVRS_ATS_DISABLED */
	uint8_t handle;        /* special: I/O APIC id or HPET number */
	uint8_t variety;       /* special: enum iommusim_ivrs_variety, or an unknown number */
	/* ACPI HID: 8 bytes as they are and a NUL; a number where the first three are not all letters */
	char hid[9], cid[9];
	uint8_t uid_format; /* enum iommusim_ivrs_uid_format, or an unknown number */
	uint8_t uid_length; /* as the table says */
	uint64_t uid_number;
	const char *uid; /* text: NUL-terminated, cut at the entry's end; else NULL */
};

/* One block. Which members mean something depends on the type; the others are 0. */
struct iommusim_ivrs_block {
	uint32_t offset; /* bytes from the start of the table */
	uint8_t type;    /* enum iommusim_ivrs_type, or an unknown number */
	uint8_t flags;   /* of known types, as they are */
	uint16_t length; /* as the table says */
	uint16_t devid;  /* IVHD: the IOMMU's own function; IVMD 21h and 22h: first device */
	/* IVHD 10h, 11h, 40h: */
	uint16_t capability; /* offset of its capability block in configuration space */
	uint16_t segment;    /* also IVMD */
	uint16_t info;       /* 4:0 MSInum, 12:8 UnitID */
	uint64_t base;       /* of its registers */
	uint32_t features;   /* 10h: feature reporting */
	uint32_t attributes; /* 11h, 40h: IOMMUSIM_IVHD_HATDIS, counters, MsiNumPPR */
	uint64_t efr, efr2;  /* 11h, 40h: images of the feature registers */
	const struct iommusim_ivrs_entry *entries; /* in table order */
	uint32_t entry_count;
	/* IVMD 20h, 21h, 22h: */
	uint16_t aux;           /* 22h: last device */
	uint64_t start;         /* first byte */
	uint64_t memory_length; /* bytes; need not be whole pages */
};

struct iommusim_ivrs {
	uint32_t length; /* the header's Length */
	uint8_t revision;
	uint8_t checksum; /* the byte in the header */
	bool checksum_ok;
	char oem_id[7];
	char oem_table_id[9];
	uint32_t
	    ivinfo; /* 0 EFRSup, 1 DMA remap, 7:5 GVASize, 14:8 PASize, 21:15 VASize, 22 HtAtsResv */
	/* in table order, as far as they were read */
	const struct iommusim_ivrs_block *blocks;
	uint32_t block_count;
	/*
	 * The IOMMUs of the machine: for each segment and device id the IVHD of the highest known type, the
	 * first of several. The other IVHDs describe the same units to older software and do not count.
	 * An IOMMU without registers (base 0) is left out. In table order.
	 */
	const struct iommusim_ivrs_block *const *units;
	uint32_t unit_count;
	const struct iommusim_acpi_problem *problems; /* in order of offset */
	uint32_t problem_count;
	bool usable; /* no fatal problem */
};

/*
 * Read a table of `size` bytes at `bytes`. Never reads outside them, always ends. What could be read
 * is in the result even when the table cannot be used: `(*table)->usable` says which.
 * Returns OK, EINVAL (null argument), ENOMEM (nothing allocated stays), EFORMAT (not an IVRS table at
 * all: shorter than an ACPI header or another signature; *table is NULL).
 * The result does not refer to `bytes`; free it with iommusim_ivrs_free(). Any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_ivrs_parse(
    const void *bytes, size_t size, struct iommusim_ivrs **table);

/* Free a table; NULL is allowed. */
IOMMUSIM_API void iommusim_ivrs_free(struct iommusim_ivrs *table);

/* What an IOMMU's block says of a requester. */
struct iommusim_ivrs_device {
	const struct iommusim_ivrs_entry *entry; /* that governs it: the last that covers it */
	uint16_t
	    alias; /* device id that its requests carry, so its device-table index; often its own */
	uint8_t setting;     /* of that entry */
	uint8_t any_setting; /* all entries that cover it taken together, bit by bit */
	uint32_t extended;   /* of that entry, 0 when it has none */
};

/*
 * What `unit`, one of a table's `units`, says of the requester `devid`. Where several entries cover it, the
 * last one governs, as the start "all" of a list is refined by what follows. The specification's text was
 * not at hand for that: one hypervisor lets the last entry replace those before it, `setting`; another
 * system adds them up, `any_setting`. They differ in no table seen.
 * False when no entry covers it: the IOMMU does not see its requests. Any thread.
 */
IOMMUSIM_API bool iommusim_ivrs_find(
    const struct iommusim_ivrs_block *unit, uint16_t devid, struct iommusim_ivrs_device *device);

/* Is the block an IVMD about memory of that device (AMD-Vi 5.2)? No state: any thread. */
IOMMUSIM_API bool iommusim_ivrs_concerns(
    const struct iommusim_ivrs_block *block, uint16_t segment, uint16_t devid);

/* The unit that governs a requester, the first in table order; NULL when none does. Any thread. */
IOMMUSIM_API const struct iommusim_ivrs_block *iommusim_ivrs_unit_of(
    const struct iommusim_ivrs *table, uint16_t segment, uint16_t devid);

/* "IVHD_10h", "IVMD_20h" and so on; "unknown" beyond the known types. Static storage. */
IOMMUSIM_API const char *iommusim_ivrs_type_name(unsigned type);

/*
 * "pad4", "all", "select", "range_start", "range_end", "pad8", "alias_select", "alias_start", "ext_select",
 * "ext_start", "special", "acpi_hid"; "unknown". Static storage.
 */
IOMMUSIM_API const char *iommusim_ivrs_entry_name(unsigned type);

/* "ioapic", "hpet"; "unknown". Static storage. */
IOMMUSIM_API const char *iommusim_ivrs_variety_name(unsigned variety);

#ifdef __cplusplus
}
#endif

#endif
