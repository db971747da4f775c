/*
 * A VT-d unit: what it is made of. Private to models/vtd. What is done to it has a header for each
 * subject; README.md says which file has which section of the specification.
 */
#ifndef IOMMUSIM_VTD_UNIT_H
#define IOMMUSIM_VTD_UNIT_H

#include "machine/unit_model.h"
#include "models/common/cache.h"
#include "models/common/register_file.h"
#include "models/formats/page_plain.h"
#include "models/vtd/spec/vtd.h"

/* One for each description. IVA and IOTLB move with ECAP.IRO; FRCD, with CAP.FRO, stand apart. */
enum vtd_register_id {
#define REGISTER(name)                 VTD_##name,
#define REGISTERS(name, count, stride) VTD_##name,
#include "models/vtd/spec/registers.def"
#undef REGISTER
#undef REGISTERS
	VTD_REGISTER_COUNT
};

/* Slots: the first register of each description has its id's; the others of an array come after. */
enum {
#define REGISTER(name)
#define REGISTERS(name, count, stride) +(count)-1
	VTD_REGISTER_SLOTS = VTD_REGISTER_COUNT
#include "models/vtd/spec/registers.def"
#undef REGISTER
#undef REGISTERS
};

#define VTD_FAULT_RECORDS 256u /* CAP.NFR has 8 bits */

/* Invalidation descriptors and paging entries whose reserved bits are worked out at birth. */
enum vtd_descriptor {
	VTD_DESCRIPTOR_CONTEXT = 1,
	VTD_DESCRIPTOR_IOTLB = 2,
	VTD_DESCRIPTOR_DEVICE_TLB = 3,
	VTD_DESCRIPTOR_INTERRUPT = 4,
	VTD_DESCRIPTOR_WAIT = 5,
	VTD_DESCRIPTOR_PASID_IOTLB = 6,
	VTD_DESCRIPTOR_PASID_CACHE = 7,
	VTD_DESCRIPTOR_PASID_DEVICE_TLB = 8,
	VTD_DESCRIPTOR_PAGE_RESPONSE = 9,
	VTD_DESCRIPTOR_HPT = 10,
	VTD_DESCRIPTOR_TYPES
};

/* What CAP.FRO and ECAP.IRO, of 10 bits, and 256 fault records can reach: 5 pages, as a power of two. */
#define VTD_REGISTER_BYTES UINT64_C(0x8000)

#define VTD_HOST_LEVELS 4u /* of host permission tables (VT-d 4.2.4) */

#define REGISTER_NONE        0xffu
#define VTD_FAULT_SLOT       0xfeu /* fault recording registers (fault_log.c) */
#define VTD_PERFORMANCE_SLOT 0xfdu /* registers of counters (performance.c) */

/* A range of addresses, both ends inclusive. */
struct vtd_region {
	uint64_t first;
	uint64_t last;
};

/* --- optional registers: performance monitoring, enhanced and virtual commands, MTRRs ------------------- */

/* Performance monitoring events (VT-d 10.7), numbered through; sets of them are bits by these numbers. */
enum vtd_performance_event {
#define EVENT(group, bit, name, rid, did, pasid, at, ptl, when) VTD_PERFORMANCE_##name,
#include "models/vtd/spec/performance_events.def"
#undef EVENT
	VTD_PERFORMANCE_EVENTS
};

#define VTD_COUNTERS 64u /* most a unit may have: one freeze and one overflow register */

/* Filters of a counter, in the order of their registers (VT-d 11.4.13.16 to 11.4.13.20). */
enum vtd_filter {
	VTD_FILTER_RID,
	VTD_FILTER_DID,
	VTD_FILTER_PASID,
	VTD_FILTER_AT,
	VTD_FILTER_PTL,
	VTD_FILTERS
};

/* One performance counter: its registers, and the events it counts, worked out when it is enabled. */
struct vtd_counter {
	uint64_t configuration;
	uint64_t value;
	uint32_t filter[VTD_FILTERS];
	uint32_t events;
	uint32_t capability;                            /* PERFCNTRCAP; PCC=0: PERFCAP's count */
	uint32_t own_events[IOMMUSIM_VTD_EVENT_GROUPS]; /* PERFCNTREVCAP */
};

/* Where the registers of the counters are (VT-d 11.4.13.1), in bytes. */
struct vtd_performance_layout {
	uint32_t count;
	uint32_t stride; /* from one counter to the next */
	uint32_t configuration, freeze, overflow, counters;
};

struct vtd_performance {
	_Atomic uint32_t wanted; /* what some counter counts: what DMA threads look at first */
	uint64_t capability;     /* PERFCAP */
	uint32_t events[IOMMUSIM_VTD_EVENT_GROUPS]; /* PERFEVNTCAP */
	struct vtd_performance_layout layout;
	uint64_t frozen, overflowed; /* PERFFRZSTS, PERFOVFSTS: one bit a counter */
	struct vtd_counter counter[VTD_COUNTERS];
};

struct vtd_unit {
	struct iommusim_unit unit; /* first */

	/* What it is: fixed at birth. */
	uint64_t capability;
	uint64_t ext_capability;
	struct spec_unit spec;
	uint64_t domain_mask; /* domain id bits the unit has (CAP.ND) */
	uint32_t version;
	uint32_t fault_records;    /* CAP.NFR + 1 */
	uint16_t fault_offset;     /* CAP.FRO in bytes */
	uint8_t max_address_width; /* CAP.MGAW + 1 */
	uint8_t widths;       /* supported values of AW, as bits: CAP.SAGAW without reserved ones */
	uint8_t widest_table; /* address bits of the largest page table */
	bool snoops;          /* ECAP.C: reads of tables see processor caches */
	struct iommusim_vtd_choices choices;
	uint64_t root_reserved[2];
	uint64_t context_reserved[2];
	uint64_t sm_root_reserved[2];
	uint64_t sm_context_reserved[4];
	uint64_t pasid_dir_reserved;
	uint64_t pasid_entry_reserved[8];
	uint64_t irte_reserved[2];
	uint64_t irte_xapic_reserved; /* more of them when EIME=0 */
	uint64_t irte_posted_reserved[2];
	uint64_t posted_reserved[8];    /* of a posted interrupt descriptor */
	uint64_t posted_xapic_reserved; /* more of them when EIME=0, in quadword 4 */
	struct page_reserved second_stage_reserved;
	struct page_plain second_stage_plain[3];       /* for each kind of request */
	struct page_reserved second_stage_io_reserved; /* where RTADDR.SSIRWE is set */
	struct page_reserved first_stage_reserved;
	uint64_t host_reserved[VTD_HOST_LEVELS + 1][2]; /* of host permission entries, by level */
	uint64_t descriptor_reserved[VTD_DESCRIPTOR_TYPES][4];

	/* What DMA threads read without the lock. */
	_Atomic uint64_t root;            /* RTADDR as SRTP latched it */
	_Atomic uint64_t interrupt_table; /* IRTA as SIRTP latched it */
	struct vtd_region
	    protected_memory[2]; /* low and high; they change only while not `protecting` */
	_Atomic uint32_t status; /* GSTS */
	_Atomic bool protecting; /* PMEN.PRS */

	/* Under the lock. */
	struct register_cell registers[VTD_REGISTER_SLOTS];
	uint8_t slot_at[VTD_REGISTER_BYTES / 4]; /* of the register at each doubleword; REGISTER_NONE */
	uint64_t fault_record[VTD_FAULT_RECORDS][2];
	uint64_t fault_log;  /* AFLOG as SFL latched it */
	uint32_t next_fault; /* index the next record goes to */
	uint32_t next_log;   /* index of the next record in that log */
	struct cache context_cache;
	struct cache pasid_cache;
	struct cache iotlb;
	struct cache interrupt_cache;
	struct cache paging_cache;     /* paging entries that point at tables (VT-d 6.2.5) */
	struct cache host_leaf_cache;  /* host permission entries that decided (VT-d 6.2.6) */
	struct cache host_table_cache; /* those that point at tables */

	/* Optional registers: what they report, fixed at birth, then their state, under the lock. */
	uint64_t virtual_capability;
	uint64_t enhanced_capability;
	uint64_t mtrr_capability;
	struct vtd_performance performance;
	uint64_t *pasids; /* of virtual commands: a bit for each allocated one; NULL: none was yet */
	uint64_t global_until; /* tick at which the last write of GCMD or PMEN is carried out */
	uint32_t lowest_pasid; /* no free one below this */
	bool enhanced_aborted; /* the enhanced command under way met one of those */

	/* Control side. */
	uint32_t command; /* GCMD value under way */
};

static inline struct vtd_unit *vtd_of(struct iommusim_unit *unit)
{
	return (struct vtd_unit *)(void *)unit;
}

#endif
