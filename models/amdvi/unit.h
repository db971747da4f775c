/*
 * An AMD-Vi unit: what it is made of. Private to models/amdvi; who does what to it stands in a header for
 * each subject, beside the file of its name, and README.md says which section of the specification is where.
 */
#ifndef IOMMUSIM_AMDVI_UNIT_H
#define IOMMUSIM_AMDVI_UNIT_H

#include <iommusim/amdvi.h>

#include "machine/unit_model.h"
#include "models/amdvi/spec/amdvi.h"
#include "models/common/cache.h"
#include "models/common/register_file.h"
#include "models/formats/page_plain.h"

/* One for each description of spec/registers.def. */
enum amdvi_register_id {
#define REGISTER(name)                 AMDVI_##name,
#define REGISTERS(name, count, stride) AMDVI_##name,
#include "models/amdvi/spec/registers.def"
#undef REGISTER
#undef REGISTERS
	AMDVI_REGISTER_COUNT
};

/* Slots: the first register of each description has its id's; the others of an array come after. */
enum {
#define REGISTER(name)
#define REGISTERS(name, count, stride) +(count)-1
	AMDVI_REGISTER_SLOTS = AMDVI_REGISTER_COUNT
#include "models/amdvi/spec/registers.def"
#undef REGISTER
#undef REGISTERS
};

#define AMDVI_REGISTER_BYTES  UINT64_C(0x4000)  /* of the register set without counters */
#define AMDVI_COUNTED_BYTES   UINT64_C(0x80000) /* with them */
#define AMDVI_SEGMENTS        8u                /* of the device table, at most */
#define AMDVI_APERTURES       4u                /* of MARC */
#define AMDVI_CAPABILITY_REGS 6u
#define AMDVI_DTE_QUADS       4u
#define AMDVI_HOST_LEVELS     6u
#define AMDVI_GUEST_LEVELS    5u
#define AMDVI_GCR3_LEVELS     3u
#define AMDVI_COMMANDS        16u /* opcodes there may be */

/* What slot_at covers. */
#define AMDVI_SLOT_BYTES (AMDVI_REGISTER_BYTES + 0x20) /* with COUNTER_CONFIG and the locks behind it */

/* An entry of a log that the tail is ahead of (erratum): it is yet to be stored. */
struct amdvi_late_entry {
	uint64_t address;
	uint64_t entry[2];
	bool waits;
};

/* Reserved bits of every structure the unit reads: worked out once, from its features. */
struct amdvi_reserved {
	uint64_t dte[AMDVI_DTE_QUADS];
	struct page_reserved host;  /* v1 tables */
	struct page_reserved guest; /* v2 tables */
	uint64_t gcr3;
	uint64_t irte;          /* 32-bit interrupt entries */
	uint64_t irte_ga[2];    /* 128-bit ones, with xAPIC destinations */
	uint64_t irte_xt[2];    /* with x2APIC destinations */
	uint64_t irte_guest[2]; /* GuestMode=1, with xAPIC destinations */
	uint64_t irte_guest_xt[2];
	uint64_t command[AMDVI_COMMANDS][2]; /* by opcode */
};

/* The registers of one performance counter (AMD-Vi 3.4), 8 bytes each, in their order. */
enum {
	AMDVI_COUNTER_COUNT,
	AMDVI_COUNTER_SOURCE,
	AMDVI_COUNTER_PASID,
	AMDVI_COUNTER_DOMAIN,
	AMDVI_COUNTER_DEVICE,
	AMDVI_COUNTER_REPORT,
	AMDVI_COUNTER_REGISTERS
};
struct amdvi_counter {
	uint64_t value[AMDVI_COUNTER_REGISTERS];
};

struct amdvi_unit {
	struct iommusim_unit unit; /* first */

	/* What it is: fixed at birth (features.c). */
	uint64_t features;  /* EFR */
	uint64_t features2; /* EFR2 */
	struct spec_unit spec;
	struct iommusim_amdvi_choices choices;
	struct amdvi_reserved reserved;
	struct page_plain host_plain[3]; /* for each kind of request */
	uint32_t capability_reset[AMDVI_CAPABILITY_REGS];
	uint16_t rid; /* of its own PCI function */
	uint16_t revision;
	uint8_t host_levels;  /* most a DTE may have; 0: no host translation */
	uint8_t guest_levels; /* 4 or 5; 0: no guest translation */
	uint8_t gcr3_levels;  /* 1 to 3 */
	uint8_t pasid_bits;
	uint8_t counter_banks;
	uint8_t counters; /* in each bank */

	/* What DMA threads read without the lock; the control side stores it. */
	_Atomic uint64_t control;                      /* CONTROL */
	_Atomic uint64_t device_table[AMDVI_SEGMENTS]; /* DEVTAB_BASE, DEVTAB_SEG */
	_Atomic uint64_t exclusion_base;
	_Atomic uint64_t exclusion_limit;
	_Atomic uint64_t aperture[AMDVI_APERTURES][3]; /* MARC: base, relocation, length */
	struct iommusim_amdvi_page_states page_states;
	_Atomic uint32_t counted; /* what some counter counts: bits by enum amdvi_counted */

	/* Under the lock. */
	uint32_t capability[AMDVI_CAPABILITY_REGS];
	struct iommusim_amdvi_msi msi;
	struct register_cell registers[AMDVI_REGISTER_SLOTS];
	uint8_t slot_at[AMDVI_SLOT_BYTES / 4]; /* of the register at each doubleword */
	struct amdvi_counter *counter;         /* bank by bank; NULL: there are none */
	struct amdvi_late_entry late_entry;
	struct cache device_cache;    /* device table entries, by device id */
	struct cache iotlb;           /* translations, by domain (and PASID) */
	struct cache paging_cache;    /* entries that point at tables */
	struct cache interrupt_cache; /* interrupt entries, by device id and index */

	bool overdue; /* the control side's: a device never answers, and is waited for */
};

static inline struct amdvi_unit *amdvi_of(struct iommusim_unit *unit)
{
	return (struct amdvi_unit *)(void *)unit;
}

static inline const struct amdvi_unit *amdvi_of_const(const struct iommusim_unit *unit)
{
	return (const struct amdvi_unit *)(const void *)unit;
}

/* CONTROL as it is now. Any thread. */
static inline uint64_t amdvi_control(const struct amdvi_unit *amdvi)
{
	return atomic_load_explicit(&amdvi->control, memory_order_acquire);
}

/* Does the unit read all but page tables, for which DTE.SD decides, as processors see it? CONTROL.Coherent. */
static inline bool amdvi_snoops(const struct amdvi_unit *amdvi)
{
	return amdvi_CONTROL_COHERENT(amdvi_control(amdvi)) != 0;
}

#endif
