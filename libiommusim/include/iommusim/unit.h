/*
 * Remapping units: making VT-d units, their settings, and which unit governs a requester.
 */
#ifndef IOMMUSIM_UNIT_H
#define IOMMUSIM_UNIT_H

#include <iommusim/dmar.h>
#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iommusim_unit;

/* How a unit's caches behave. A driver that is right passes under all four. */
enum iommusim_cache_policy {
	IOMMUSIM_CACHE_HOARD,  /* keep everything until it is invalidated: the strictest judge */
	IOMMUSIM_CACHE_NONE,   /* never cache */
	IOMMUSIM_CACHE_SIZED,  /* sets x ways, least recently used goes */
	IOMMUSIM_CACHE_ADVERSE /* seeded random eviction and prefetch */
};

/* What a cached translation must share with a request to answer it. */
enum iommusim_cache_match {
	/*
	 * AMD-Vi: DOMAIN. VT-d: DOMAIN under hoard (a fill of one device is another's stale hit), else SOURCE.
	 */
	IOMMUSIM_MATCH_DEFAULT,
	IOMMUSIM_MATCH_SOURCE, /* the same requester id (VT-d 6.2.4.1) */
	IOMMUSIM_MATCH_DOMAIN  /* the same domain: older revisions, AMD */
};

struct iommusim_unit_settings {
	enum iommusim_cache_policy cache;
	enum iommusim_cache_match match;
	uint32_t iotlb_sets;     /* sized: a power of two; 0: 64 */
	uint32_t iotlb_ways;     /* sized: 1..64; 0: 8 */
	uint32_t latency;        /* ticks an invalidation or a one-shot command takes; 0: none */
	bool drop_invalidations; /* ignore every invalidation: a negative control */
	/*
	 * Every request asks the unit: requesters keep no translations, and nothing of the way to them. It is slower, and
	 * nothing but private_hits and planned_pages differs: to see that it does not.
	 */
	bool always_asked;
};

/*
 * Where the specification leaves a choice, or decides nothing: what this unit does. All false is what
 * the specification's words fit best.
 */
struct iommusim_vtd_choices {
	/* A missing right faults at the entry that lacks it first, not at the leaf. */
	bool rights_at_each_level;
	/* TT=10b with an AW below the widest supported one faults, 3h (9.3). */
	bool pass_through_widest;
	/* A requester with a pending fault record gets no further one (7.2.1). */
	bool collapse_faults;
	/* After IQE the queue goes on with the next write of IQT, not when IQE is cleared (6.5.2.11). */
	bool resume_at_tail;
	/* PMEN does not reach remapped DMA: units before Skylake (11.4.8.1). */
	bool protection_spares_remapped;
	/* AW of a PASID-table entry is not reserved on units without second stage: some software sets it (9.6). */
	bool unused_width_ignored;
	/* Interrupts come without a source id: entries are used unvalidated. */
	bool source_unknown;
};

/* Event groups a unit may have (10.7). */
#define IOMMUSIM_VTD_EVENT_GROUPS 15

/* A performance counter with capabilities of its own: what its two kinds of capability registers hold. */
struct iommusim_vtd_counter {
	uint32_t capability; /* PERFCNTRCAP (11.4.13.21); with PCC=0 nothing else of it counts */
	uint32_t events[IOMMUSIM_VTD_EVENT_GROUPS]; /* PERFCNTREVCAP (11.4.13.22): EGCNT of them */
};

struct iommusim_vtd_config {
	uint64_t base;         /* of the registers: a multiple of 4 KiB */
	uint8_t register_size; /* log2 of their 4 KiB pages, 0..15: DRHD Size (8.3) */
	uint16_t segment;
	uint32_t version;           /* VER at reset */
	uint64_t capability;        /* CAP at reset */
	uint64_t ext_capability;    /* ECAP at reset */
	uint8_t host_address_width; /* 12..52: address bits at and above it are reserved */
	/*
	 * Of the specification, 0x302 for 3.2; 0: the newest. Older ones differ: 2-level tables before 3.0,
	 * TM in leaves before 3.2, advanced fault log before 4.0.
	 */
	uint16_t revision;
	struct iommusim_vtd_choices choices;
	struct iommusim_unit_settings settings;

	/*
	 * Capabilities of optional registers, as these hold them. 0 stands for a default. A reserved bit,
	 * or a capability that CAP or ECAP rules out, is EINVAL, and so is any of them on a unit without
	 * the registers.
	 */
	/* VCCAP, with ECAP.VCS; PAS and FPS with ECAP.PASID; 0: no commands. */
	uint64_t virtual_capability;
	/* ECCAP3, with CAP.ECMDS; 0: all commands of performance monitoring with ECAP.PMS, else none. */
	uint64_t enhanced_capability;
	/* MTRRCAP, with ECAP.MTS; VCNT 0..10; 0: VCNT=10, FIX, WC, as processors have it. */
	uint64_t mtrr_capability;

	/*
	 * Performance monitoring (ECAP.PMS, which needs CAP.ECMDS). PERFCAP: NCNTR 0..64, CW 1..64, EGCNT
	 * 0..15; 63:60 are ones whatever is said here. 0: eight counters of 48 bits 1 KiB apart, all
	 * filters, all events, interrupt and freeze on overflow, writable while they count, if the
	 * register set has 2^2 pages or more; no counters in a smaller one.
	 */
	uint64_t performance_capability;
	/* PERFEVNTCAP of each group, within Table 49; all 0: everything in it. */
	uint64_t performance_events[IOMMUSIM_VTD_EVENT_GROUPS];
	/* PERFCAP.NCNTR of them with PERFCAP.PCCS, else NULL. Read by iommusim_vtd_create() alone. */
	const struct iommusim_vtd_counter *performance_counters;
	/*
	 * Where the registers are, in bytes from the base: PERFCFGOFF (a multiple of 256), PERFFRZOFF and
	 * PERFOVFOFF (of 8), PERFCNTROFF (of the stride). 0: configuration from 1000h on, the others one
	 * after the other behind it. EINVAL: beyond the register set, or where another register is.
	 */
	uint32_t performance_config_offset;
	uint32_t performance_freeze_offset;
	uint32_t performance_overflow_offset;
	uint32_t performance_counter_offset;
};

/*
 * Add a VT-d unit whose registers behave as CAP and ECAP say. It governs nothing until a scope is
 * added. Returns OK, EINVAL (registers outside the page, unsupported combination: the diagnostic says
 * which), EEXIST (something is at that address), ENOMEM. The machine owns it.
 */
IOMMUSIM_API enum iommusim_status iommusim_vtd_create(struct iommusim_machine *machine,
    const struct iommusim_vtd_config *config, struct iommusim_unit **unit);

/*
 * Register values of real machines, by name ("skylake-client", "skylake-sp", ...): the value of unit
 * number `index` of that machine; the last one serves all further units. `config` gets version,
 * capability, ext_capability, host_address_width, revision, and the choices that machine made. Returns OK or ENOENT. No state: any thread.
 */
IOMMUSIM_API enum iommusim_status iommusim_vtd_preset(
    const char *name, unsigned index, struct iommusim_vtd_config *config);

/* Preset number `index`: its name, NULL beyond the last; what it stands for in `*about`. */
IOMMUSIM_API const char *iommusim_vtd_preset_name(size_t index, const char **about);

/*
 * The hardware a DMAR table speaks of: one VT-d unit per DRHD with that unit's scope, values from a
 * preset, in table order (the graphics unit of a client preset goes to the unit whose scope is 0:2.0,
 * wherever it stands). Units with base 0 or twice the same base are left out, as no registers can be
 * there. The table itself is not installed (acpi.h). Returns OK, EINVAL, ENOENT (preset), EEXIST,
 * ENOMEM; on failure no unit stays.
 */
IOMMUSIM_API enum iommusim_status iommusim_vtd_create_from_dmar(struct iommusim_machine *machine,
    const struct iommusim_dmar *table, const char *preset,
    const struct iommusim_unit_settings *settings);

/* Let a unit govern what a device scope of firmware names; hops go through bridges. OK, EINVAL, ENOMEM. */
IOMMUSIM_API enum iommusim_status iommusim_unit_add_scope(
    struct iommusim_unit *unit, const struct iommusim_dmar_scope *scope);

/* Requester ids by their numbers, both inclusive. */
struct iommusim_unit_range {
	uint16_t first, last;
	bool aliased;   /* their requests do not carry their own id, */
	uint16_t alias; /* but this one: a bridge sends them on as its own */
};

/*
 * Let a unit govern functions by their requester ids. Of ranges that overlap the one added last says what
 * their requests carry; that id is what the unit sees, looks up in its tables and writes into its records.
 * OK, EINVAL (the first id is higher than the last), ENOMEM. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_unit_add_range(
    struct iommusim_unit *unit, const struct iommusim_unit_range *range);

/* Let a unit govern everything in its segment that no other unit's scope names. */
IOMMUSIM_API void iommusim_unit_include_all(struct iommusim_unit *unit);

/* The unit that governs a requester id, or NULL. */
IOMMUSIM_API struct iommusim_unit *iommusim_unit_for(
    struct iommusim_machine *machine, uint16_t segment, uint16_t rid);

/* The id that requests of the function at `rid` carry when they reach `unit`, which governs it. */
IOMMUSIM_API uint16_t iommusim_unit_carried_id(const struct iommusim_unit *unit, uint16_t rid);

/* Unit number `index` in order of creation, or NULL. */
IOMMUSIM_API struct iommusim_unit *iommusim_unit_at(struct iommusim_machine *machine, size_t index);

IOMMUSIM_API uint64_t iommusim_unit_base(const struct iommusim_unit *unit);
IOMMUSIM_API uint16_t iommusim_unit_segment(const struct iommusim_unit *unit);
IOMMUSIM_API const char *iommusim_unit_vendor(const struct iommusim_unit *unit); /* "VT-d" */

/* Is translation on? (VT-d GSTS.TES) */
IOMMUSIM_API bool iommusim_unit_translating(const struct iommusim_unit *unit);

/* Registers to their reset values, caches empty. Sticky fault registers keep theirs unless `cold`. */
IOMMUSIM_API void iommusim_unit_reset(struct iommusim_unit *unit, bool cold);

/* "hoard", ... ; the reverse returns ENOENT for another word. */
IOMMUSIM_API const char *iommusim_cache_policy_name(enum iommusim_cache_policy policy);
IOMMUSIM_API enum iommusim_status iommusim_cache_policy_find(
    const char *name, enum iommusim_cache_policy *policy);

#ifdef __cplusplus
}
#endif

#endif
