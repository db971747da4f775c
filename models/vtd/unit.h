/*
 * A VT-d unit: what it is made of, and who does what to it. Private to models/vtd.
 *
 * Behaviour is split by subject: registers.c the register file, command.c global commands,
 * invalidate.c and queue.c invalidation, translate.c a request and the caches, tables.c the tables it
 * is looked up in, protected.c memory no DMA may reach, fault.c what a fault is, fault_log.c where it
 * is recorded, event.c event interrupts, interrupt.c interrupt requests, explain.c the walk written
 * down, unit.c birth and death.
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
	VTD_DESCRIPTOR_TYPES
};

/* What CAP.FRO and ECAP.IRO, of 10 bits, and 256 fault records can reach: 5 pages, as a power of two. */
#define VTD_REGISTER_BYTES UINT64_C(0x8000)

#define VTD_NO_SLOT    0xffu
#define VTD_FAULT_SLOT 0xfeu /* fault recording registers (fault_log.c) */

/* A range of addresses, both ends inclusive. */
struct vtd_region {
	uint64_t first;
	uint64_t last;
};

struct vtd_unit {
	struct iommusim_unit unit; /* first */

	/* What it is: fixed at birth. */
	uint32_t version;
	uint64_t capability;
	uint64_t ext_capability;
	struct spec_unit spec;
	uint64_t domain_mask;      /* domain id bits the unit has (CAP.ND) */
	uint32_t fault_records;    /* CAP.NFR + 1 */
	uint16_t fault_offset;     /* CAP.FRO in bytes */
	uint8_t max_address_width; /* CAP.MGAW + 1 */
	uint8_t widths;       /* supported values of AW, as bits: CAP.SAGAW without reserved ones */
	uint8_t widest_table; /* address bits of the largest page table */
	bool snoops;          /* ECAP.C: table walks see processor caches */
	struct iommusim_vtd_choices choices;
	uint64_t root_reserved[2];
	uint64_t context_reserved[2];
	uint64_t irte_reserved[2];
	uint64_t irte_xapic_reserved; /* more of them when EIME=0 */
	struct page_reserved page_reserved;
	uint64_t descriptor_reserved[VTD_DESCRIPTOR_TYPES][2];

	/* What DMA threads read without the lock. */
	_Atomic uint32_t status;          /* GSTS */
	_Atomic uint64_t root;            /* RTADDR as SRTP latched it */
	_Atomic uint64_t interrupt_table; /* IRTA as SIRTP latched it */

	_Atomic bool protecting;               /* PMEN.PRS */
	struct vtd_region protected_memory[2]; /* low and high; they change only while that is false */

	/* Under the lock. */
	struct vtd_register registers[VTD_REGISTER_SLOTS];
	uint8_t slot_at[VTD_REGISTER_BYTES / 4]; /* of the register at each doubleword; VTD_NO_SLOT */
	uint64_t fault_record[VTD_FAULT_RECORDS][2];
	uint32_t next_fault; /* index the next record goes to */
	uint64_t fault_log;  /* AFLOG as SFL latched it */
	uint32_t next_log;   /* index of the next record in that log */
	struct cache context_cache;
	struct cache iotlb;
	struct cache interrupt_cache;
	struct cache paging_cache; /* second-stage entries that point at tables (VT-d 6.2.5) */

	/* Control side. */
	uint32_t command; /* GCMD value under way */
	bool invalidated; /* something was outdated, since it was last settled */
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
	uint16_t source;
	unsigned function_mask;
	uint64_t address;
	unsigned address_mask;
	bool leaf_only; /* IH: the entries that point at tables did not change */
};
void vtd_invalidate_context(struct vtd_unit *vtd, const struct vtd_invalidation *what);
void vtd_invalidate_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what);
void vtd_invalidate_everything(struct vtd_unit *vtd);
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
	bool aborts; /* a translation request is answered Completer Abort (Table 30) */
};
/* What a fault reason code stands for; NULL for codes that are not described. */
const struct vtd_reason *vtd_reason(unsigned code);
/* Deny `page` for `reason`: fill the record, and log it unless FPD or a full log forbids. */
void vtd_fault(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page);
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

/* What translation found out on its way; explain.c turns it into words. */
#define VTD_PATH_STEPS (2 + PAGE_TABLE_LEVELS) /* root and context entry, and one for each level */
struct vtd_path {
	const struct spec_structure *structure[VTD_PATH_STEPS];
	uint64_t table[VTD_PATH_STEPS];
	uint64_t address[VTD_PATH_STEPS];
	uint64_t raw[VTD_PATH_STEPS][2];
	uint8_t level[VTD_PATH_STEPS];
	bool readable[VTD_PATH_STEPS];
	bool leaf[VTD_PATH_STEPS];
	uint8_t count;
	uint8_t levels;
	const char *mode;
};

/* tables.c: from memory alone; reads, changes nothing. `path` may be NULL throughout. */
/*
 * A context entry; `known`: it was read, or is what the context cache holds. `root`: RTADDR as it was
 * latched when the request was looked at first.
 */
struct vtd_context {
	uint64_t root;
	uint64_t raw[2];
	bool known;
	bool fault_disable;
};

/* A second-stage table somewhere below the root, and what the entries on the way to it allow. */
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

/*
 * Each returns the reason code of the fault, or 0. The root table mode, before any entry is read
 * (VT-d 11.4.5, 3.4.4); root and context entry; the page, with `shortcut` if it is not NULL and
 * `*rights` everything beforehand; and all three, without shortcuts.
 */
unsigned vtd_check_mode(
    const struct vtd_unit *vtd, const struct page_request *request, struct vtd_context *context);
unsigned vtd_find_context(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct vtd_path *path);
unsigned vtd_find_page(const struct vtd_unit *vtd, const struct page_request *request,
    const struct vtd_context *context, struct vtd_shortcut *shortcut, struct iommusim_dma_page *page,
    unsigned *rights, struct vtd_path *path);
unsigned vtd_resolve(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct iommusim_dma_page *page, unsigned *rights,
    struct vtd_path *path);

/* Is it a pass-through entry? */
bool vtd_context_passes(const struct vtd_context *context);
/* Do accumulated rights suffice for the request? The reason when not. */
unsigned vtd_check_rights(
    const struct vtd_unit *vtd, const struct page_request *request, unsigned rights);
/* Is what would be a fault of others a translation request's answer, with fewer rights or none? */
bool vtd_answers(const struct page_request *request, unsigned reason);
/* Would the translation put the request where interrupts live? */
bool vtd_reaches_interrupts(const struct page_request *request, const struct iommusim_dma_page *page);

/* interrupt.c */
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
};

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
