/*
 * A VT-d unit: what it is made of, and who does what to it. Private to models/vtd.
 *
 * Behaviour is split by subject: registers.c the register file, command.c global commands,
 * invalidate.c and queue.c invalidation, translate.c a request, caching.c the caches, tables.c the way of a
 * request through the tables, legacy.c and scalable.c those that say how it is translated,
 * second_stage.c and first_stage.c the page walks, host_permission.c what translated requests may
 * reach, mark.c accessed and dirty flags, protected.c memory no DMA may reach, fault.c what a fault is,
 * fault_log.c where it is recorded, page_request.c page requests and responses, event.c event
 * interrupts, interrupt.c interrupt requests, post.c posted ones, performance_config.c, performance.c and
 * performance_count.c performance monitoring, explain.c the walk written down, unit.c birth and death.
 */
#ifndef IOMMUSIM_VTD_UNIT_H
#define IOMMUSIM_VTD_UNIT_H

#include "machine/unit_model.h"
#include "models/common/cache.h"
#include "models/formats/page_format.h"
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

/* One register of one unit. The masks come from its description and the unit's capabilities. */
struct vtd_register {
	uint64_t value;
	uint64_t writable;  /* RW fields the unit has */
	uint64_t clearable; /* RW1C fields the unit has */
	uint64_t
	    write_only; /* WO fields the unit has: kept for the command they belong to, read as 0 */
	uint16_t offset;
	uint8_t bytes;
	uint8_t id; /* enum vtd_register_id */
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

#define VTD_NO_SLOT          0xffu
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
	struct vtd_register registers[VTD_REGISTER_SLOTS];
	uint8_t slot_at[VTD_REGISTER_BYTES / 4]; /* of the register at each doubleword; VTD_NO_SLOT */
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

	_Atomic bool invalidated; /* something was outdated, since it was last settled; any thread */

	/* Control side. */
	uint32_t command; /* GCMD value under way */
};

static inline struct vtd_unit *vtd_of(struct iommusim_unit *unit)
{
	return (struct vtd_unit *)(void *)unit;
}

/* registers.c */
/* Give every register of the unit its place. False: two claim `*offset`. */
bool vtd_registers_place(struct vtd_unit *vtd, unsigned *offset);
void vtd_registers_reset(struct vtd_unit *vtd);
uint64_t vtd_read(struct iommusim_unit *unit, uint64_t offset, unsigned width);
void vtd_write(struct iommusim_unit *unit, uint64_t offset, unsigned width, uint64_t value);

/* What is wrong with the settings of optional registers; NULL: nothing. */
const char *vtd_registers_problem(const struct iommusim_vtd_config *config);
/* Keep those settings; before vtd_registers_place(). */
void vtd_registers_take(struct vtd_unit *vtd, const struct iommusim_vtd_config *config);
/* Give back what state of optional registers took. */
void vtd_registers_free(struct vtd_unit *vtd);
/* Take a place for a register. False: one is there already. */
bool vtd_register_claim(struct vtd_unit *vtd, unsigned offset, unsigned bytes, unsigned slot);
/* The value of the register at `offset`, or 0. Lock held. */
uint64_t vtd_register_at(const struct vtd_unit *vtd, unsigned offset);

/* enhanced_command.c */
void vtd_enhanced_command_written(struct vtd_unit *vtd, uint64_t written);
const char *vtd_enhanced_problem(const struct iommusim_vtd_config *config);
/* ECCAP3 of a unit with these settings. */
uint64_t vtd_enhanced_capability(const struct iommusim_vtd_config *config);

/* virtual_command.c */
void vtd_virtual_command_written(struct vtd_unit *vtd, uint64_t written);
const char *vtd_virtual_problem(const struct iommusim_vtd_config *config);
/* All PASIDs are free again. Lock held. */
void vtd_virtual_reset(struct vtd_unit *vtd);
void vtd_virtual_free(struct vtd_unit *vtd);

/* memory_type.c (VT-d 3.11). Encodings of MTRRs, EMT and PAT; the last one PAT alone has. */
enum vtd_memory_type {
	VTD_MEMORY_UC = 0,
	VTD_MEMORY_WC = 1,
	VTD_MEMORY_WT = 4,
	VTD_MEMORY_WP = 5,
	VTD_MEMORY_WB = 6,
	VTD_MEMORY_UC_MINUS = 7
};
const char *vtd_mtrr_problem(const struct iommusim_vtd_config *config);
/* MTRRCAP of a unit with these settings. */
uint64_t vtd_mtrr_capability(const struct iommusim_vtd_config *config);
/* The type that the MTRRs give an address (3.11.2). Any thread, without the lock. */
enum vtd_memory_type vtd_mtrr_type(struct vtd_unit *vtd, uint64_t address);
/* Type `index` of a PAT (3.11.1); Table 7. */
enum vtd_memory_type vtd_pat_type(uint32_t pat, unsigned index);
enum vtd_memory_type vtd_effective_type(enum vtd_memory_type mtrr, enum vtd_memory_type pat);
/* What the type of a page hangs on (3.11.4). Members that do not count for a translation may be 0. */
struct vtd_page_typing {
	bool scalable;             /* RTADDR.TTM=01b; else nothing of the rest counts */
	bool cache_disable;        /* PASID entry: CD */
	bool extended;             /* PASID entry: EMTE */
	bool ignore_pat;           /* second-stage leaf: IPAT */
	uint8_t translation;       /* PASID entry: PGTT */
	uint8_t extended_type;     /* second-stage leaf: EMT */
	uint8_t pat_index;         /* first-stage leaf: 4 PAT + 2 PCD + PWT */
	uint32_t pat;              /* PASID entry: PAT */
	enum vtd_memory_type mtrr; /* vtd_mtrr_type() of where the page is */
};
enum vtd_memory_type vtd_memory_type_of(const struct vtd_page_typing *page);

/* command.c: what a write to GCMD does; and running something after the unit's latency */
void vtd_command_written(struct vtd_unit *vtd, uint64_t written);
void vtd_after_latency(struct vtd_unit *vtd, void (*run)(void *vtd));

/* invalidate.c */
void vtd_context_command_written(struct vtd_unit *vtd, uint64_t written);
void vtd_iotlb_command_written(struct vtd_unit *vtd, uint64_t written);
/* One IOTLB or context-cache invalidation, register or descriptor. `granularity` 1, 2 or 3. */
struct vtd_invalidation {
	unsigned granularity;
	uint32_t domain;
	uint32_t pasid;
	uint16_t source;
	unsigned function_mask;
	uint64_t address;
	unsigned address_mask;
	bool leaf_only; /* IH: the entries that point at tables did not change */
	uint8_t levels; /* IH of the HPT cache: of which levels entries changed, as bits */
};
void vtd_invalidate_context(struct vtd_unit *vtd, const struct vtd_invalidation *what);
void vtd_invalidate_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what);
/* The PASID cache: `granularity` 0 domain, 1 PASID in domain, 3 global (VT-d 6.5.2.2). */
void vtd_invalidate_pasid_cache(struct vtd_unit *vtd, const struct vtd_invalidation *what);
/* First-stage translations: `granularity` 2 PASID in domain, 3 pages of it (VT-d 6.5.2.4). */
void vtd_invalidate_pasid_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what);
void vtd_invalidate_everything(struct vtd_unit *vtd);
/* The HPT cache: `granularity` 1 global, 2 HPT domain, 3 pages of it (VT-d 6.5.2.7). */
void vtd_invalidate_host_permissions(struct vtd_unit *vtd, const struct vtd_invalidation *what);
/* The interrupt entry cache: all of it, or 2^`mask` entries, aligned to their number, around `index`. */
void vtd_invalidate_interrupts(struct vtd_unit *vtd, bool selective, unsigned index, unsigned mask);
/*
 * Stores that linger in the platform's write buffers reach memory (VT-d 6.8). Only units with CAP.RWBF
 * need it, and only coherent ones: to the others software shows each line itself. The device view of
 * the machine stands for what such a unit sees.
 */
void vtd_flush_write_buffers(struct vtd_unit *vtd);
/* What was handed out so far may no longer be used: by nobody, once settled. */
void vtd_outdate(struct vtd_unit *vtd);
/* Nobody uses what was outdated any more when this returns. */
void vtd_invalidation_settle(struct vtd_unit *vtd);

/* queue.c */
void vtd_queue_enable(struct vtd_unit *vtd, bool enable);
void vtd_queue_run(struct vtd_unit *vtd);
/* A device-TLB invalidation completion that nobody waits for: ICE. False: it is not taken notice of. */
bool vtd_stray_completion(struct iommusim_unit *unit, uint16_t rid);

/* event.c: the event interrupts; called with the lock held */
enum vtd_event {
	VTD_EVENT_FAULT,
	VTD_EVENT_INVALIDATION,
	VTD_EVENT_PAGE_REQUEST,
	VTD_EVENT_PERFORMANCE
};
void vtd_event_raise(struct vtd_unit *vtd, enum vtd_event event);
/* A control register was written, or status bits were cleared: send or drop what is pending. */
void vtd_event_update(struct vtd_unit *vtd, enum vtd_event event);

/* fault.c */
struct vtd_reason {
	const char *clause; /* where the rule stands */
	const char *meaning;
	enum iommusim_fault_class class_;
	bool qualified;
	uint8_t translation; /* enum vtd_answer: what a translation request gets (Table 30) */
	uint8_t translated;  /* what a request with a translated address gets: UR or CA */
};
enum vtd_answer { VTD_UR, VTD_CA, VTD_EMPTY, VTD_RIGHTS, VTD_REPORTED };
/* What a fault reason code stands for; NULL for codes that are not described. */
const struct vtd_reason *vtd_reason(unsigned code);
/* Deny `page` for `reason`: fill the record, and log it unless FPD or a full log forbids. */
void vtd_fault(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page);
/* Is what would be a fault of others a translation request's answer? `*rights` loses what is not given. */
bool vtd_answers(const struct page_request *request, unsigned reason, unsigned *rights);
/* Legacy mode has one reason for "nothing there" and "not for you": what the walk found tells them apart. */
void vtd_fault_refine(struct iommusim_fault *fault, unsigned rights);
/* Log a fault that denies nothing, unless FPD or a full log forbids; `fault` is filled. */
void vtd_report(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_fault *fault);
/* The same record, nothing logged. */
void vtd_fault_describe(const struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page);

/* fault_log.c; lock held throughout */
/* Record a fault in a register, or in the log in memory, or not at all: `fault` says which. */
void vtd_fault_log(struct vtd_unit *vtd, struct iommusim_fault *fault);
/* SFL: take AFLOG over and begin at the log's first record. */
void vtd_fault_log_latch(struct vtd_unit *vtd);
uint32_t vtd_fault_read(struct vtd_unit *vtd, uint64_t offset);
void vtd_fault_write(struct vtd_unit *vtd, uint64_t offset, uint32_t value);
bool vtd_fault_pending(const struct vtd_unit *vtd);
/* The bits of FSTS that are a fault event's conditions; PPF is the other one. */
static inline uint64_t vtd_fault_conditions(void)
{
	return vtd_FSTS_PFO_bits(1) | vtd_FSTS_AFO_bits(1) | vtd_FSTS_APF_bits(1) |
	    vtd_FSTS_IQE_bits(1) | vtd_FSTS_ICE_bits(1) | vtd_FSTS_ITE_bits(1);
}
/* IQE, ICE, ITE or a record came up: part of the fault event. */
void vtd_fault_status_set(struct vtd_unit *vtd, uint64_t bits);

/* protected.c */
/* PMEN was written. */
void vtd_protection_written(struct vtd_unit *vtd, uint64_t written);
/* Deny a page that may not be reached. False: it may. What is denied here is never recorded. */
bool vtd_protected(const struct vtd_unit *vtd, struct iommusim_dma_page *page);
#define VTD_PROTECTED_CLAUSE "VT-d 11.4.8.1 PMEN.EPM"

/* page_request.c: page requests and responses (VT-d 7.4 to 7.7) */
/* Any thread. */
void vtd_request_page(struct iommusim_unit *unit, uint16_t rid,
    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome);
/* Carry out a page group response descriptor, which is a good one. Control side. */
void vtd_respond_page(struct vtd_unit *vtd, const uint64_t *raw);

/* translate.c */
void vtd_translate(struct iommusim_unit *unit, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights);

/* The request as the unit takes it: without its PASID while translation is off (VT-d 3.1). */
struct page_request vtd_as_seen(const struct vtd_unit *vtd, const struct page_request *request);

/*
 * What never meets the tables: requests to the interrupt range, and all requests while translation is
 * off. True: `page` is answered, and denied when `*reason` is a fault reason.
 */
bool vtd_beside_tables(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *reason);

/* What translation found out on its way, in the order of reading; explain.c turns it into words. */
#define VTD_SECOND_STAGE_LEVELS 5u
#define VTD_FIRST_STAGE_LEVELS  5u
/* Root, context, PASID directory and table; each first-stage entry and the page through a second stage. */
#define VTD_PATH_STEPS                                                                                 \
	(4 + VTD_FIRST_STAGE_LEVELS + (VTD_FIRST_STAGE_LEVELS + 1) * VTD_SECOND_STAGE_LEVELS)
struct vtd_path_step {
	const struct spec_structure *structure;
	uint64_t table;
	uint64_t address;
	uint64_t raw[8];
	uint64_t input; /* of a paging entry: the address it helps translate */
	uint8_t level;  /* of a paging entry; 0 for others */
	uint8_t stage;  /* of a paging entry: 1 or 2 */
	bool readable;
	bool leaf;
};
struct vtd_path {
	struct vtd_path_step steps[VTD_PATH_STEPS];
	uint8_t count;
	uint8_t levels;
	const char *mode;
};

/* Note an entry on the path, if there is one; it has as many quadwords as its structure. */
void vtd_path_note(struct vtd_path *path, const struct spec_structure *structure, uint64_t table,
    uint64_t address, const uint64_t *raw, bool readable);
/* And of the entry noted last, that it is a paging entry. */
void vtd_path_note_paging(
    struct vtd_path *path, unsigned stage, unsigned level, bool leaf, uint64_t input);

/*
 * The tables, from memory alone: these read and change nothing, except that mark.c sets flags. `path`
 * may be NULL throughout. What returns `unsigned` returns the reason code of the fault, or 0.
 */

/*
 * What the tables say about the source of a request, as far as it is known: read, or out of a cache.
 * `root` is RTADDR as it was latched when the request was looked at first.
 */
struct vtd_source {
	uint64_t root;
	uint64_t context[4]; /* context entry, of either mode */
	uint64_t entry[8];   /* PASID-table entry (scalable mode) */
	bool context_known;
	bool entry_known;
	bool fault_disable;    /* FPD of any entry met so far */
	unsigned reads;        /* entries read from memory */
	unsigned entry_reason; /* entry_known, but it leads to this fault (caching mode) */
};

/* PGTT of a PASID-table entry (VT-d 9.6); legacy mode has two of them. */
enum vtd_stages { VTD_FIRST_STAGE = 1, VTD_SECOND_STAGE = 2, VTD_NESTED = 3, VTD_PASS_THROUGH = 4 };

/* How a request is translated: what a context entry or a PASID-table entry comes to. */
struct vtd_space {
	uint64_t first_table;
	uint64_t second_table;
	uint32_t pasid; /* that tags what is cached; 0 in legacy mode */
	uint16_t domain;
	uint8_t stages; /* enum vtd_stages */
	uint8_t first_levels;
	uint8_t second_levels;
	bool scalable;
	bool privileged;    /* the request asks for it, or RID_PRIV does */
	bool snoops;        /* paging entries are read, and their flags set, in processor caches */
	bool second_flags;  /* SSADE: second-stage entries have accessed and dirty flags */
	bool extended_flag; /* EAFE */
	bool write_protect; /* WPE */
	bool io_rights;     /* SSIRWE: IR and IW stand for R and W */
	bool page_snoop;    /* PGSNP */
};

/* A table somewhere below a root, and what the entries on the way to it allow. */
struct vtd_table {
	uint64_t address;
	uint8_t level; /* 0: none */
	uint8_t rights;
};

/* Where a walk may begin, and the tables it came by: what the paging-structure cache gives and gets. */
struct vtd_shortcut {
	struct vtd_table from;
	struct vtd_table passed[PAGE_TABLE_LEVELS];
	unsigned passed_count;
};

/* Flags that a translation sets in paging entries once it is known to succeed (VT-d 3.6.2, 3.7.2). */
struct vtd_mark {
	uint64_t address;    /* of the entry */
	uint64_t seen;       /* the entry as it was read */
	uint64_t flags;      /* to be set; they are not all set yet */
	uint64_t ignored;    /* flags that others may have set meanwhile */
	unsigned unwritable; /* fault reason when the entry cannot be written */
};
struct vtd_marks {
	struct vtd_mark
	    list[VTD_FIRST_STAGE_LEVELS + (VTD_FIRST_STAGE_LEVELS + 1) * (VTD_SECOND_STAGE_LEVELS + 1)];
	unsigned count;
	unsigned reason; /* of the fault, when a flag must be set and may not be */
};

/* What a walk is asked, gets and finds; `shortcut`, `marks` and `path` may be NULL. */
struct vtd_walk {
	uint64_t address;
	uint8_t needed; /* rights whose lack ends it early, by choice of the unit */
	bool writes;    /* the page gets dirty */
	struct vtd_shortcut *shortcut;
	struct vtd_marks *marks;
	struct vtd_path *path;
	/* out */
	uint64_t page;  /* of memory that holds `address` */
	uint64_t entry; /* the leaf */
	uint64_t entry_address;
	unsigned reads; /* entries read from memory */
	uint8_t level;  /* where it stopped */
	uint8_t shift;  /* log2 of the page */
	uint8_t rights; /* of the page; of a fault: what was allowed down to there */
	bool snoop;     /* second stage: SNP of the leaf */
	bool clean;     /* a write would have a dirty flag to set yet */
};

/* tables.c */
/* The root table mode, before any entry is read (VT-d 11.4.5, 3.4.4). */
unsigned vtd_check_mode(
    const struct vtd_unit *vtd, const struct page_request *request, struct vtd_source *source);
/* Root and context entry, in either mode, and what they say about the request. */
unsigned vtd_find_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_path *path);
/* After a good context: how the request is translated. In scalable mode by its PASID-table entry. */
unsigned vtd_find_space(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct vtd_path *path);
/*
 * Is all said and done with the context? Translated requests, and translation requests to the interrupt
 * range: `page` is what comes of them, `*rights` what is allowed, `*reason` the fault or 0.
 */
bool vtd_ends_at_context(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, struct iommusim_dma_page *page, unsigned *rights, unsigned *reason,
    struct vtd_path *path);
/*
 * Output is input: a host address, of pass-through and of translated requests. The reason when it is too
 * wide, or where interrupts live.
 */
unsigned vtd_use_as_is(const struct vtd_unit *vtd, const struct page_request *request, bool scalable,
    struct iommusim_dma_page *page);
/* The page of a request in a space. `walk` has shortcut, marks and path set; `*rights` everything. */
unsigned vtd_find_page(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_space *space, struct vtd_walk *walk, struct iommusim_dma_page *page,
    unsigned *rights);
/* Is what was found used, if only to answer with? A walk that faults leaves no flags behind. */
bool vtd_is_used(const struct page_request *request, unsigned reason, unsigned rights);
/* All of it, without caches. Changes nothing: that flags cannot be set is foreseen. */
unsigned vtd_resolve(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct iommusim_dma_page *page,
    unsigned *rights, struct vtd_marks *marks, struct vtd_path *path);
/* Do accumulated rights suffice for the request? The reason when not. */
unsigned vtd_check_rights(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_space *space, unsigned rights);
/* Is it a read without length that needs no read right (VT-d 3.14)? */
bool vtd_is_flush(const struct vtd_unit *vtd, const struct page_request *request);
/* Does a translation count as a write of its page? Rights that it gives: `rights`. */
bool vtd_writes(const struct vtd_unit *vtd, const struct page_request *request, unsigned rights);
/* Answer a translation request with `rights`. */
void vtd_answer(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned rights);
/* Would the translation put the request where interrupts live? */
bool vtd_reaches_interrupts(const struct page_request *request, const struct iommusim_dma_page *page);
/* Every entry of two quadwords is read as a whole (VT-d 9). */
bool vtd_load_entry(const struct vtd_unit *vtd, struct vtd_source *source, uint64_t address,
    uint64_t *raw, unsigned quads);

/* legacy.c: root and context entry of legacy mode */
unsigned vtd_legacy_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_path *path);
void vtd_legacy_space(
    const struct vtd_unit *vtd, const struct vtd_source *source, struct vtd_space *space);

/* scalable.c: root, context, PASID directory and PASID-table entry of scalable mode */
unsigned vtd_scalable_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_path *path);
unsigned vtd_scalable_space(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_source *source, struct vtd_space *space, struct vtd_path *path);
/* The PASID that a request is translated by: its own, or its source's RID_PASID. */
uint32_t vtd_effective_pasid(const struct vtd_source *source, const struct page_request *request);

/* second_stage.c */
unsigned vtd_walk_second_stage(const struct vtd_unit *vtd, const struct vtd_space *space,
    const struct page_request *request, struct vtd_walk *walk);
/* The width of what the second stage translates: min(MGAW, AGAW). */
unsigned vtd_second_stage_width(const struct vtd_unit *vtd, const struct vtd_space *space);

/* first_stage.c: alone, or through the second stage (nested) */
unsigned vtd_walk_first_stage(const struct vtd_unit *vtd, const struct vtd_space *space,
    const struct page_request *request, struct vtd_walk *walk);

/* host_permission.c: translated requests where the context entry has HPTE (VT-d 4.2.4) */

/* An entry of a host permission table. */
struct vtd_host_entry {
	uint64_t raw[2];
	uint8_t level; /* 1 to VTD_HOST_LEVELS; 0: none */
};

/* What a walk through such tables is asked, gets and finds. */
struct vtd_host_walk {
	struct vtd_host_entry from; /* known without reading; none: it begins at the top */
	struct vtd_path *path;      /* may be NULL */
	/* out */
	uint64_t address;
	struct vtd_host_entry met[VTD_HOST_LEVELS]; /* good entries, in the order of reading */
	uint8_t met_count;
	bool decided; /* the last one did; else it is one that leads on */
};

/* From memory, by a good PASID-table entry: the reason, or 0 and `page` is where the request goes. */
unsigned vtd_find_permission(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_space *space, struct vtd_host_walk *walk,
    struct iommusim_dma_page *page, unsigned *rights);
/* The same by way of the HPT cache, and what the walk met put there unless `generation` has passed. */
unsigned vtd_look_up_permission(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_space *space, struct vtd_host_walk *walk,
    struct iommusim_dma_page *page, unsigned *rights);
void vtd_keep_permissions(struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_source *source, const struct vtd_host_walk *walk, uint64_t generation);
/* What an entry grants in the page of an address, and whether it points at a table. */
unsigned vtd_host_rights(const uint64_t raw[2], unsigned level, uint64_t address);
bool vtd_host_leads_on(const uint64_t raw[2], unsigned level);
/* log2 of the pages that entries of a level have permissions for, and the number of one in its entry. */
unsigned vtd_host_page_shift(unsigned level);
unsigned vtd_host_page(unsigned level, uint64_t address);
/* HPTPTR, HPTSZ and HPTDID of a good PASID-table entry in one quadword, and back. */
uint64_t vtd_pack_host_fields(const uint64_t *entry);
void vtd_unpack_host_fields(uint64_t packed, uint64_t *entry);

/* mark.c */
/* Note that an entry was used, and its flags that it lacks; without `marks` nothing is. */
void vtd_mark(struct vtd_marks *marks, const struct vtd_space *space, const struct vtd_mark *mark,
    unsigned unsnooped);
/*
 * Set them. False: an entry has changed since it was read, and the translation must be made anew.
 * `*reason`: of the fault, when one cannot be set.
 */
bool vtd_marks_commit(const struct vtd_unit *vtd, const struct vtd_marks *marks, unsigned *reason);
/* The reason of the fault that setting them would end in. Changes nothing. */
unsigned vtd_marks_foresee(const struct vtd_unit *vtd, const struct vtd_marks *marks);

/* interrupt.c */
/* The descriptor that a posted interrupt is recorded in. */
struct vtd_posting {
	uint64_t address;
	bool reached;           /* the entry asked for it: what follows means something */
	bool readable;          /* there is memory at `address` */
	uint64_t descriptor[8]; /* as it was found */
};

/* One interrupt request on its way: how it is remapped, and by which entry. */
struct vtd_remapping {
	bool on;          /* GSTS.IRES */
	bool extended;    /* EIME of the latched table */
	bool remappable;  /* the request has the remappable format */
	bool indexed;     /* it leads to an entry: `index` and `address` are set */
	bool readable;    /* there is memory at `address` */
	unsigned index;   /* of the entry in the table */
	uint64_t table;   /* address of the table */
	uint64_t address; /* of the entry */
	uint64_t entry[2];
	struct vtd_posting posting;
};

/* Is it an entry for posted interrupts? */
static inline bool vtd_posts(const struct vtd_unit *vtd, const uint64_t entry[2])
{
	return vtd_CAP_PI(vtd->capability) && vtd_irte_IM(entry) != 0;
}

/*
 * What one interrupt request comes to, from the table alone: the reason code of the fault, or 0 and
 * `out` changed to what is sent. Reads memory, changes nothing.
 */
unsigned vtd_remap(const struct vtd_unit *vtd, const struct interrupt_request *request,
    struct vtd_remapping *remapping, struct iommusim_interrupt *out);
/* The request of an interrupt as vtd_fault() wants it. */
struct page_request vtd_interrupt_fault_request(
    const struct interrupt_request *request, const struct vtd_remapping *remapping);
void vtd_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_fault *fault);
/* An asserted message to a processor: fixed, physical and edge until more is set. */
void vtd_message(uint64_t message[2], uint64_t destination, uint64_t vector);

/* post.c: posted interrupts (VT-d 5.2.3), by `remapping->entry`, which is a good one */
/*
 * Record the interrupt in the descriptor. The reason code of the fault, or 0 and `out` changed to the
 * notification that is sent: address 0 when none is. Any thread, beside software that uses the
 * descriptor.
 */
unsigned vtd_post(
    const struct vtd_unit *vtd, struct vtd_remapping *remapping, struct iommusim_interrupt *out);
/* The same answer, and nothing is changed. */
unsigned vtd_post_peek(
    const struct vtd_unit *vtd, struct vtd_remapping *remapping, struct iommusim_interrupt *out);

/* explain.c */
void vtd_explain(
    struct iommusim_unit *unit, const struct page_request *request, struct iommusim_walk *walk);
void vtd_explain_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_walk *walk);

/* FEE0_0000h..FEEF_FFFFh, where interrupts live (VT-d 3.15). */
#define VTD_INTERRUPT_FIRST UINT64_C(0xfee00000)
#define VTD_INTERRUPT_LAST  UINT64_C(0xfeefffff)

static inline bool vtd_interrupt_range(uint64_t address)
{
	return address >= VTD_INTERRUPT_FIRST && address <= VTD_INTERRUPT_LAST;
}

#endif
