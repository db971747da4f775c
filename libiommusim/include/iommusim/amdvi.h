/*
 * AMD-Vi units: making them, what they are by their registers, and the PCI capability that software finds
 * them by. What all vendors' units have in common is unit.h.
 */
#ifndef IOMMUSIM_AMDVI_H
#define IOMMUSIM_AMDVI_H

#include <iommusim/ivrs.h>
#include <iommusim/unit.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where the specification leaves a choice, or sources disagree about it: what this unit does. All false is
 * what the specification's words fit best.
 */
struct iommusim_amdvi_choices {
	/* A DTE whose Mode is beyond the unit's levels is an IO_PAGE_FAULT, not an ILLEGAL_DEV_TABLE_ENTRY. */
	bool mode_is_page_fault;
	/* A device id beyond the device table is an ILLEGAL_DEV_TABLE_ENTRY, not an IO_PAGE_FAULT. */
	bool beyond_table_is_illegal;
	/* Bit 245 of a DTE is software's, not reserved. */
	bool bit_245_ignored;
	/* NextLevel 0 at level 4 (512 GiB) is refused as at level 6: some silicon cannot. */
	bool no_512g_leaves;
	/* The tail of a log moves before the entry is there (errata 732, 733). */
	bool tail_before_entry;
};

struct iommusim_amdvi_config {
	/* Of the registers: a multiple of 16 KiB, with EFR.PCSup of 512 KiB. */
	uint64_t base;
	uint16_t segment;
	uint16_t rid;       /* of the unit's own PCI function */
	uint64_t features;  /* EFR at reset */
	uint64_t features2; /* EFR2 at reset */
	/* The PCI capability at reset; 0: what fits EFR and the defaults below. */
	uint32_t capability_header;
	uint32_t capability_range;
	uint32_t capability_misc0; /* physical address bits 52, virtual 64, MSI number 0 */
	uint32_t capability_misc1;
	bool
	    base_unlocked; /* firmware has not enabled the base: software does, and nothing decodes before */
	bool no_host_tables;   /* IVHD attribute HATDis: no host translation at all */
	uint8_t counter_banks; /* with EFR.PCSup: 0..63; both 0: 2 banks of 4 counters */
	uint8_t counters;      /* in each bank: 0..15 */
	uint16_t revision;     /* of the specification, 0x305 for 3.05; 0: the newest */
	struct iommusim_amdvi_choices choices;
	struct iommusim_unit_settings settings;
};

/*
 * Add an AMD-Vi unit whose registers behave as EFR says. It governs nothing until it is told to. Returns
 * OK, EINVAL (a base that is not aligned, reserved codes or features that contradict each other: the
 * diagnostic says which), EEXIST (something is at that address), ENOMEM. The machine owns it. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_amdvi_create(struct iommusim_machine *machine,
    const struct iommusim_amdvi_config *config, struct iommusim_unit **unit);

/*
 * What a unit was made with: iommusim_amdvi_create() makes the same one of it. What `config` left to the unit (a
 * revision or a register of the capability of 0, the counters) is there as the unit has it. Returns OK or EINVAL
 * (another vendor's unit). Any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_amdvi_describe(
    const struct iommusim_unit *unit, struct iommusim_amdvi_config *config);

/*
 * Register values of real machines, by name: `config` gets features, features2, the capability registers
 * and the revision. Returns OK or ENOENT. No state: any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_amdvi_preset(
    const char *name, struct iommusim_amdvi_config *config);

/* Preset number `index`: its name, NULL beyond the last; what it stands for in `*about`. */
IOMMUSIM_API const char *iommusim_amdvi_preset_name(size_t index, const char **about);

/*
 * The hardware an IVRS table speaks of: one AMD-Vi unit per IOMMU that counts (`table->units`), in their
 * order, which governs what the device entries of its block name; requests of functions with an alias carry
 * the alias (AMD-Vi 5.2). EFR and EFR2 are the images in the block; a block of type 10h says some of EFR in
 * its feature word and flags, and the preset the rest, if the IOMMUs have an EFR at all (IVinfo.EFRSup). The
 * preset also gives the revision, unless some other one has just these features. A unit whose base is no multiple of 512 KiB has no performance counters,
 * whatever its features say: there is no room for them. Twice the same base is one unit. What the table says
 * of memory (IVMD) is for software. The table itself is not installed (acpi.h). Returns OK, EINVAL, ENOENT
 * (preset), EEXIST, ENOMEM; on failure no unit stays. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_amdvi_create_from_ivrs(struct iommusim_machine *machine,
    const struct iommusim_ivrs *table, const char *preset,
    const struct iommusim_unit_settings *settings);

/*
 * The unit's PCI capability block (AMD-Vi 3.3), as configuration accesses see it: `offset` 0 to 14h from
 * the capability header, 32 bits wide, a multiple of 4; another offset is EINVAL, a unit of another
 * vendor too. Writes of what is locked or read-only are lost, as on hardware. A write that enables an
 * unlocked base puts the registers on the bus: EEXIST when something is there already. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_amdvi_capability_read(
    struct iommusim_unit *unit, unsigned offset, uint32_t *value);
IOMMUSIM_API enum iommusim_status iommusim_amdvi_capability_write(
    struct iommusim_unit *unit, unsigned offset, uint32_t value);

/* The unit's MSI capability, as its PCI function has it: where its own interrupts go. */
struct iommusim_amdvi_msi {
	bool enabled;
	uint8_t multiple; /* log2 of the messages it may send, 0..5 */
	uint64_t address;
	uint16_t data;
};

/*
 * What software writes into the MSI capability of the unit's PCI function. With EFR.MsiCapMmioSup the MMIO
 * mirror (offset 158h to 164h) shows and changes the same. Returns OK or EINVAL (another vendor's unit,
 * `multiple` over 5). Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_amdvi_set_msi(
    struct iommusim_unit *unit, const struct iommusim_amdvi_msi *msi);
IOMMUSIM_API enum iommusim_status iommusim_amdvi_msi(
    struct iommusim_unit *unit, struct iommusim_amdvi_msi *msi);

/*
 * Whether pages may be reached by devices while SNP is in force (EFR.SNPSup): asked for each page of host
 * memory a device is about to reach, from the thread of the request. `false` denies it with an RMP page
 * fault. NULL: every page may. Returns OK or EINVAL. Control side, with no DMA under way.
 */
struct iommusim_amdvi_page_states {
	void *context;
	bool (*allowed)(void *context, uint64_t physical, uint16_t rid, bool write);
	/* the flags 23:16 of the event (AMD-Vi 2.5); may be NULL */
	uint8_t (*flags)(void *context, uint64_t physical, uint16_t rid, bool write);
};
IOMMUSIM_API enum iommusim_status iommusim_amdvi_set_page_states(
    struct iommusim_unit *unit, const struct iommusim_amdvi_page_states *states);

#ifdef __cplusplus
}
#endif

#endif
