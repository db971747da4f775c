/*
 * What a machine knows of a remapping unit, and what a model must provide. Models (models/vtd, ...)
 * implement this; the machine never sees more of them.
 */
#ifndef IOMMUSIM_MACHINE_UNIT_MODEL_H
#define IOMMUSIM_MACHINE_UNIT_MODEL_H

#include <iommusim/dma.h>
#include <iommusim/unit.h>
#include <iommusim/walk.h>

#include "machine/state.h"

/* A request within one 4 KiB page. */
struct page_request {
	uint64_t address;
	uint64_t tag;
	uint32_t length;
	uint32_t pasid;
	uint16_t rid;
	uint8_t kind;         /* enum iommusim_dma_kind */
	uint8_t address_type; /* enum iommusim_dma_address_type */
	bool has_pasid;
	bool privileged;
	bool execute;
	bool no_write;
};

/* Rights of a translation; beside those that a requester may keep, that no cache of the unit's answers it. */
enum { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHTS_UNCACHED = 4 };

static inline unsigned rights_needed(unsigned kind)
{
	static const uint8_t needed[] = { RIGHT_READ, RIGHT_WRITE, RIGHT_READ | RIGHT_WRITE };

	return needed[kind];
}

/*
 * A message interrupt on its way through a unit. `fault->class_` stays NONE when `out` may be sent; with
 * address 0 it came to its end without a message.
 */
struct interrupt_request {
	uint64_t address;
	uint32_t data;
	uint16_t rid;
};

/* Tables that a unit reads and software writes. */
enum unit_table {
	UNIT_ROOT,       /* VT-d: root table */
	UNIT_CONTEXT,    /* and context tables of legacy mode */
	UNIT_SM_ROOT,    /* likewise, of scalable mode */
	UNIT_SM_CONTEXT, /* half a bus each */
	UNIT_PASID_DIRECTORY,
	UNIT_PASID,
	UNIT_SECOND_STAGE, /* paging entries: these have levels */
	UNIT_FIRST_STAGE,
	UNIT_INTERRUPT, /* interrupt remapping table */
	UNIT_DEVICE,    /* AMD-Vi: device table */
	UNIT_HOST,      /* paging entries of v1 */
	UNIT_TABLES
};

/* Where the tables are that a unit reads now. `pages` 0: it reads none of the kind. */
struct unit_roots {
	enum unit_table root_kind;
	uint64_t root;
	uint32_t root_pages;
	uint64_t interrupts;
	uint32_t interrupt_pages;
};

struct plan;

struct unit_model {
	const char *vendor;

	/* Registers: control side. `width` is 1, 2, 4 or 8, naturally aligned. */
	uint64_t (*read)(struct iommusim_unit *unit, uint64_t offset, unsigned width);
	void (*write)(struct iommusim_unit *unit, uint64_t offset, unsigned width, uint64_t value);
	void (*reset)(struct iommusim_unit *unit, bool cold);
	void (*destroy)(struct iommusim_unit *unit);

	/*
	 * Translate: any thread. `page` comes zeroed with address and length set. Records faults, fills
	 * caches. Sets `*rights`, which comes 0, to what the translation allows when a requester may keep
	 * it in its private cache for as long as the machine's stamp stands.
	 */
	void (*translate)(struct iommusim_unit *unit, const struct page_request *request,
	    struct iommusim_dma_page *page, unsigned *rights);
	/*
	 * What requests of that source without PASID and address type all meet the same (plan.h), of a unit without
	 * caches. False: it cannot be said beforehand. Whatever registers decide of it grows the machine's stamp when it
	 * changes. Any thread. May be NULL.
	 */
	bool (*plan)(struct iommusim_unit *unit, const struct page_request *request, struct plan *plan);
	void (*interrupt)(struct iommusim_unit *unit, const struct interrupt_request *request,
	    struct iommusim_interrupt *out, struct iommusim_fault *fault);

	/* The same translation without side effects, written down. */
	void (*explain)(
	    struct iommusim_unit *unit, const struct page_request *request, struct iommusim_walk *walk);
	void (*explain_interrupt)(struct iommusim_unit *unit, const struct interrupt_request *request,
	    struct iommusim_interrupt *out, struct iommusim_walk *walk);
	bool (*translating)(const struct iommusim_unit *unit);
	/*
	 * A page request message: any thread. `outcome` comes zeroed, and says unsupported; what the unit
	 * responds by itself is left in it, for the caller to pass on. May be NULL.
	 */
	void (*request_page)(struct iommusim_unit *unit, uint16_t rid,
	    const struct iommusim_page_request *request, struct iommusim_page_request_outcome *outcome);
	/* A device completed a TLB invalidation that it was not asked for. False: nobody minds. May be NULL. */
	bool (*stray_completion)(struct iommusim_unit *unit, uint16_t rid);
	/* Would a fault that is recorded now raise no interrupt? */
	bool (*fault_event_masked)(struct iommusim_unit *unit);

	/* For checkers: what software has programmed, as registers have latched it. Comes zeroed. Control side. */
	void (*roots)(const struct iommusim_unit *unit, struct unit_roots *roots);
	/*
	 * The reserved bits of a present entry, a quadword each in `bits`, which comes zeroed: no row of its
	 * description names them, or one of which the unit lacks the capability. Any thread.
	 */
	void (*reserved)(const struct iommusim_unit *unit, enum unit_table kind, unsigned level,
	    const uint64_t *entry, uint64_t bits[8]);
};

/* More hops than any bus tree has: each hop is a bridge, and there are 256 buses at most. */
#define UNIT_SCOPE_HOPS 32u

struct unit_scope {
	uint8_t type; /* enum iommusim_dmar_scope_type */
	uint8_t start_bus;
	uint8_t hop_count;
	struct iommusim_dmar_hop hops[UNIT_SCOPE_HOPS];
};

/*
 * unit.c: follow a path: every hop but the last is a bridge, and the next bus is its secondary (VT-d 8.3.1).
 * False when a bridge on the way is not there.
 */
bool unit_resolve_scope(const struct iommusim_machine *machine, uint16_t segment,
    const struct unit_scope *scope, uint16_t *rid);

/* A model's own unit begins with this. */
struct iommusim_unit {
	const struct unit_model *model;
	struct iommusim_machine *machine;
	TAILQ_ENTRY(iommusim_unit) link;
	uint64_t base;
	uint64_t length; /* of the register region */
	bool off_bus;    /* nothing decodes the registers, until unit_decode() */
	uint16_t segment;
	bool include_all;
	struct iommusim_unit_settings settings;
	struct unit_scope *scopes;
	size_t scope_count;
	size_t scope_capacity;
	struct iommusim_unit_range *ranges; /* of several that hold an id, the last counts */
	size_t range_count;
	size_t range_capacity;
	/* Guards what registers, faults and caches share between DMA threads and the control side. */
	pthread_mutex_t lock;
	/*
	 * Grows whenever a translation that was handed out may no longer be used: what was found before is not
	 * kept. The machine's stamp grows with it. Whoever grows it calls requester_quiesce() before saying it is
	 * done.
	 */
	_Atomic uint64_t generation;
	_Atomic bool outdated; /* it has grown since unit_settle() was last called */
};

/*
 * Make the machine know a unit whose model, base, length, segment and settings are set, and put its
 * registers on the bus, unless `off_bus` says not yet. On failure nothing remains.
 */
enum iommusim_status unit_register(struct iommusim_machine *machine, struct iommusim_unit *unit);

/*
 * Put the registers of a unit that is off the bus there, at `base`; take them off it again. OK, EINVAL,
 * EEXIST, ENOMEM: as it was. Control side.
 */
enum iommusim_status unit_decode(struct iommusim_unit *unit, uint64_t base);
void unit_undecode(struct iommusim_unit *unit);

/* What was handed out so far may no longer be used: by nobody, once settled. Any thread. */
void unit_outdate(struct iommusim_unit *unit);
/* Nobody uses what was outdated any more when this returns. Control side, without the unit's lock. */
void unit_settle(struct iommusim_unit *unit);

/*
 * Carry out what software asked a unit for, when as many ticks have passed as its settings say. `run` gets
 * the unit. Control side.
 */
void unit_after_latency(struct iommusim_unit *unit, void (*run)(void *unit));

/* Undo unit_register() and free the unit through its model. */
void unit_unregister(struct iommusim_unit *unit);

/* The unit made last, or NULL; and undo what was made after it. */
struct iommusim_unit *unit_last(const struct iommusim_machine *machine);
void unit_unregister_after(struct iommusim_machine *machine, const struct iommusim_unit *last);

/* Does some unit have that base already? */
bool unit_has_base(const struct iommusim_machine *machine, uint64_t base);

#endif
