/*
 * A VT-d unit: what it is made of, and who does what to it. Private to models/vtd.
 *
 * Behaviour is split by subject: registers.c the register file, command.c global commands,
 * invalidate.c and queue.c invalidation, translate.c translation, fault.c faults, event.c event
 * interrupts, interrupt.c interrupt requests, explain.c the walk written down, unit.c birth and death.
 */
#ifndef IOMMUSIM_VTD_UNIT_H
#define IOMMUSIM_VTD_UNIT_H

#include "machine/unit_model.h"
#include "models/common/cache.h"
#include "models/formats/page_format.h"
#include "models/vtd/spec/vtd.h"

/* IVA and IOTLB move with ECAP.IRO; FRCD, with CAP.FRO, are an array of their own. */
enum vtd_register_id {
#define REGISTER(name) VTD_##name,
#include "models/vtd/spec/registers.def"
#undef REGISTER
	VTD_REGISTER_COUNT
};

/* One register of one unit. The masks come from its description and the unit's capabilities. */
struct vtd_register {
	uint64_t value;
	uint64_t writable;  /* RW fields the unit has */
	uint64_t clearable; /* RW1C fields the unit has */
	uint16_t offset;
	uint8_t bytes;
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
	uint8_t widest_table;      /* address bits of the largest page table (CAP.SAGAW) */
	bool snoops;               /* ECAP.C: table walks see processor caches */
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

	/* Under the lock. */
	struct vtd_register registers[VTD_REGISTER_COUNT];
	uint64_t fault_record[VTD_FAULT_RECORDS][2];
	uint32_t next_fault; /* index the next record goes to */
	struct cache context_cache;
	struct cache iotlb;

	/* Control side. */
	uint32_t command;     /* GCMD value under way */
	bool queue_scheduled; /* the queue will be looked at when a latency has passed */
	bool invalidated;     /* something was, since the last completion */
};

static inline struct vtd_unit *vtd_of(struct iommusim_unit *unit)
{
	return (struct vtd_unit *)(void *)unit;
}

/* registers.c */
void vtd_registers_init(struct vtd_unit *vtd);
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
};
void vtd_invalidate_context(struct vtd_unit *vtd, const struct vtd_invalidation *what);
void vtd_invalidate_iotlb(struct vtd_unit *vtd, const struct vtd_invalidation *what);
void vtd_invalidate_everything(struct vtd_unit *vtd);
/* Nobody uses what was invalidated any more when this returns. */
void vtd_invalidation_settle(struct vtd_unit *vtd);

/* queue.c */
void vtd_queue_enable(struct vtd_unit *vtd, bool enable);
void vtd_queue_run(struct vtd_unit *vtd);

/* event.c: the event interrupts; called with the lock held */
enum vtd_event { VTD_EVENT_FAULT, VTD_EVENT_INVALIDATION };
void vtd_event_raise(struct vtd_unit *vtd, enum vtd_event event);
/* A control register was written, or status bits were cleared: send or drop what is pending. */
void vtd_event_update(struct vtd_unit *vtd, enum vtd_event event);

/* fault.c */
struct vtd_reason {
	const char *clause; /* where the rule stands */
	const char *meaning;
	enum iommusim_fault_class class_;
	bool qualified;
};
/* What a fault reason code stands for; NULL for codes that are not described. */
const struct vtd_reason *vtd_reason(unsigned code);
/* Deny `page` for `reason`: fill the record, and log it unless FPD or a full log forbids. */
void vtd_fault(struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page);
/* The same record, nothing logged. */
void vtd_fault_describe(const struct vtd_unit *vtd, const struct page_request *request, unsigned reason,
    bool fault_disable, struct iommusim_dma_page *page);
bool vtd_fault_read(struct vtd_unit *vtd, uint64_t offset, uint32_t *value); /* lock held */
bool vtd_fault_write(struct vtd_unit *vtd, uint64_t offset, uint32_t value); /* lock held */
bool vtd_fault_pending(const struct vtd_unit *vtd);                          /* lock held */
/* The bits of FSTS that are a fault event's conditions; PPF is the other one. */
static inline uint64_t vtd_fault_conditions(void)
{
	return vtd_FSTS_PFO_bits(1) | vtd_FSTS_IQE_bits(1) | vtd_FSTS_ICE_bits(1) |
	    vtd_FSTS_ITE_bits(1);
}
/* IQE, ICE, ITE or a record came up: part of the fault event (lock held). */
void vtd_fault_status_set(struct vtd_unit *vtd, uint64_t bits);

/* translate.c */
void vtd_translate(struct iommusim_unit *unit, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights);

/*
 * What never meets the tables: requests to the interrupt range, and all requests while translation is
 * off. True: `page` is answered, and denied when `*reason` is a fault reason.
 */
bool vtd_beside_tables(const struct vtd_unit *vtd, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *reason);

/* What translation found out on its way; explain.c turns it into words. */
#define VTD_PATH_STEPS 8u
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
	unsigned rights;
};

/*
 * What one request comes to, from tables alone: the reason code of the fault, or 0. Fills `page` and
 * `rights`. `path` may be NULL. Reads memory, changes nothing.
 */
struct vtd_context;
unsigned vtd_resolve(const struct vtd_unit *vtd, const struct page_request *request,
    struct vtd_context *context, struct iommusim_dma_page *page, unsigned *rights,
    struct vtd_path *path);

/* A context entry once it was read and checked, as the context cache keeps it. */
struct vtd_context {
	uint64_t raw[2];
	bool valid; /* in: taken from the cache; out: read, present and without a reserved bit */
	bool fault_disable;
};

/* interrupt.c */
void vtd_interrupt(struct iommusim_unit *unit, const struct interrupt_request *request,
    struct iommusim_interrupt *out, struct iommusim_fault *fault);

/* explain.c */
void vtd_explain(
    struct iommusim_unit *unit, const struct page_request *request, struct iommusim_walk *walk);

/* Is `address` one of FEE0_0000h..FEEF_FFFFh, where interrupts live? (VT-d 3.15) */
static inline bool vtd_interrupt_range(uint64_t address)
{
	return address >> 20 == 0xfee;
}

#endif
