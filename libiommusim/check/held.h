/*
 * What hardware may hold beside what memory says: translations and device entries that were taken away or
 * changed, and not invalidated since (debts). When one becomes a finding is missing.c. Private to
 * libiommusim/check.
 *
 * Hardware may fetch whatever is present while translation is on, whether a device asked for it or not: what
 * was present then and goes is a debt of the unit until an invalidation that covers it is complete.
 */
#ifndef IOMMUSIM_CHECK_HELD_H
#define IOMMUSIM_CHECK_HELD_H

#include "machine/unit_model.h"
#include "port/bsd.h"

struct iommusim_check;
struct check_domain;
struct check_device;
struct held_unit;

/* Holders are bits: units from 0 up, device-TLBs from 63 down. Further ones are not followed. */
#define HELD_UNITS 32u
#define HELD_TLBS  32u

/* ---- what is owed, by address (held_span.c) ------------------------------------------------------- */

/* Addresses of a domain whose translations were changed by calls from one place. */
struct held_span {
	RB_ENTRY(held_span) link;
	uint64_t first, last; /* both inclusive */
	uint64_t page;        /* what `first` led to; it grows along the range */
	uint64_t holders;     /* who may still hold it */
	uint64_t born;        /* by the clock of struct held */
	uint32_t stamp;       /* of the first of the calls */
	uint32_t place;       /* of all of them */
	bool absent;          /* what may be held is that nothing was there */
	bool tables;          /* table pages were freed with it, too */
	bool told;            /* it is in a finding */
};
RB_HEAD(held_tree, held_span);

struct held_spans {
	struct held_tree tree;
	struct held_span *latest; /* where neighbours are added */
};

/* Add `span`, which is copied; what it overlaps is taken up in it. False: no memory, it is not there. */
bool held_spans_add(
    struct iommusim_machine *machine, struct held_spans *spans, const struct held_span *span);

/* Which debts are paid: by whom, where, how old. */
struct held_payment {
	uint64_t first, last; /* both inclusive */
	uint64_t holder;      /* a bit */
	uint64_t born;        /* at the latest */
	bool leaf_only;       /* entries of tables above the leaves stay */
};
void held_spans_pay(
    struct iommusim_machine *machine, struct held_spans *spans, const struct held_payment *payment);
void held_spans_free(struct iommusim_machine *machine, struct held_spans *spans);
struct held_span *held_spans_first(const struct held_spans *spans);
struct held_span *held_spans_last(const struct held_spans *spans);
struct held_span *held_spans_next(struct held_span *span);

/* ---- domains and devices -------------------------------------------------------------------------- */

struct held_domain {
	struct held_spans spans;
	uint64_t holders;         /* who may hold translations of it at all */
	uint64_t ids_known;       /* units, as bits, */
	uint16_t ids[HELD_UNITS]; /* on which it goes by these */
	uint64_t invalidated;     /* the clock, when software last meant to invalidate some of it */
	bool tlbs;                /* devices in it may be answered translation requests */
	bool reuse_told;          /* that another domain has its id is in a finding */
	uint32_t destroyed;       /* the place where it was */
	uint64_t stored;          /* by held.stores: when its tables were last stored to, */
	uint64_t stored_first,
	    stored_last; /* and for which addresses since buffers were last flushed */
};

/* A context entry or device table entry, as far as it leads to translations. */
struct held_entry {
	bool present;
	bool device_tlb; /* translation requests are taken */
	uint16_t domain; /* id */
	uint64_t root;
};

/* What may be kept of a device. */
enum held_what { HELD_ENTRIES = 1, HELD_TRANSLATIONS = 2, HELD_TLB = 4 };

struct held_device {
	struct held_unit *unit;      /* that governs it; NULL: none does, or not yet looked */
	uint16_t id;                 /* that its requests carry */
	struct held_entry entry;     /* as memory had it when last looked */
	struct check_domain *domain; /* it was made for */
	/* The entry before, which may be kept still: */
	uint8_t owed; /* enum held_what, as bits */
	bool told;
	struct held_entry before;
	struct check_domain *before_domain;
	/* And the last one of those that came and went since: */
	struct held_entry later;
	struct check_domain *later_domain; /* NULL: none did */
	uint64_t born;
	uint32_t place;  /* of the call that changed it */
	uint64_t stored; /* by held.stores: when it was last stored to */
};

/* log2 of the pages, aligned to their number, that hold both addresses. */
static inline int held_order_of(uint64_t first, uint64_t last)
{
	const uint64_t differs = (first ^ last) >> 12;

	return differs == 0 ? 0 : 64 - __builtin_clzll(differs);
}

/* ---- units ---------------------------------------------------------------------------------------- */

/* An invalidation that was asked for. */
struct held_order {
	uint8_t what; /* enum held_what, as bits */
	uint8_t by;   /* register it was asked by, else 0: the queue, at `position` */
	bool by_domain;
	bool by_source;
	bool by_range;
	bool leaf_only;
	uint16_t domain;
	bool sweeps; /* all of a row of them name everything: the unit has no other way */
	uint16_t source;
	uint16_t source_ignore; /* bits of it that are not compared */
	uint32_t position;      /* in entries of the queue */
	uint64_t first, last;   /* with by_range: both inclusive */
	uint64_t born;          /* debts are covered that are no younger */
};

/* How many invalidations of translations took more along than they had to. */
struct held_excess {
	uint64_t all;
	uint64_t domain_would; /* of one domain would have done */
	uint64_t pages_would;  /* of few enough pages would have done */
	uint64_t nothing_owed;
	/* One of those that one of less would have done for: of what. */
	uint16_t domain;
	uint64_t first, last;
};

struct held_vendor {
	const char *name; /* as the model has it */
	/* A write of 4 or 8 bytes to the registers, before it takes effect. */
	void (*write)(struct iommusim_check *check, struct held_unit *unit, uint64_t offset,
	    unsigned width, uint64_t value);
	/* Carry over what is complete by now: held_complete(). */
	void (*settle)(struct iommusim_check *check, struct held_unit *unit);
	/*
	 * Read the entry of a device id as software left it, or as the unit sees it. False: none of this kind
	 * there.
	 */
	bool (*entry)(
	    const struct held_unit *unit, uint16_t id, bool as_software, struct held_entry *entry);
	const char *entry_words;  /* "context entry" */
	const char *unsnooped_by; /* what says that processor caches are not read */
	/* Is what is not there kept, too? */
	bool (*keeps_absent)(const struct held_unit *unit);
	/* Are there write buffers that stores may be in until they are flushed? */
	bool (*has_buffers)(const struct held_unit *unit);
	bool flushes_while_off; /* invalidations are carried out while translation is off */
	/* Translations are looked up by device, whatever its entry says by now. */
	bool by_source;
	/* The narrowest invalidation of a span of a domain; of the entry of a device, with what belongs to it. */
	void (*narrowest)(const struct held_unit *unit, uint16_t domain, const struct held_span *span,
	    bool builtin, char *text, size_t size);
	void (*narrowest_entry)(
	    const struct held_unit *unit, const struct check_device *device, char *text, size_t size);
	/* log2 of the pages that one invalidation can name; negative: it cannot. */
	int (*most_pages)(const struct held_unit *unit);
	const char *pages_words; /* "page-selective" */
};
extern const struct held_vendor held_vtd, held_amdvi;

struct held_unit {
	struct iommusim_unit *unit;
	const struct held_vendor *vendor;
	uint64_t bit;
	unsigned index;
	struct held_order *orders; /* not seen complete; the queue's in its order */
	size_t order_count;
	size_t order_capacity;
	uint32_t head; /* of the queue when last looked, in entries */
	bool on;       /* translating when last looked */
	bool ever_on;
	/* The pointer to its tables changed, and these were not invalidated since: enum held_what, as bits. */
	uint8_t pointer_owed;
	uint32_t pointer_line;            /* where that was */
	uint64_t entries_invalidated;     /* the clock, when some of them were last */
	bool keeps_absent;                /* what is not there, too (CAP.CM, NpCache) */
	bool buffers;                     /* it has write buffers that stores may be in (CAP.RWBF) */
	uint64_t flushed;                 /* by held.stores: these were flushed last then */
	uint64_t context, iotlb, address; /* VT-d: CCMD, IOTLB and IVA as software wrote them; */
	uint64_t iotlb_at;                /* where IOTLB is; 0: not looked yet */
	struct held_excess excess;
};

struct held {
	struct held_unit *units[HELD_UNITS];
	unsigned unit_count;
	struct check_device *tlbs[HELD_TLBS];
	uint64_t *storing; /* the stamp of what the call under way stores to, where buffers matter */
	unsigned tlb_count;
	uint64_t clock;                   /* counts invalidations asked for, from 1 */
	uint64_t stores;                  /* counts calls that stored to tables, from 1 */
	struct check_device *changing;    /* a call is under way that may change its entry, */
	struct check_domain *changing_to; /* to lead there; NULL: nowhere */
	uint64_t invisible;               /* address of the entry that hardware did not see last */
	size_t pending;                   /* orders of all units */
	bool buffers;                     /* some unit has write buffers */
	bool blind; /* there was no memory for an order: nothing is known for certain any more */
};

/* Look for units, and at what they have completed. */
void held_look(struct iommusim_check *check);
void held_free(struct iommusim_check *check);
struct held_unit *held_unit_of(struct iommusim_check *check, const struct iommusim_unit *unit);

/* For vendors: an invalidation was asked for; one is complete; no order of the queue is any more. */
void held_ask(struct iommusim_check *check, struct held_unit *unit, const struct held_order *order);
void held_complete(
    struct iommusim_check *check, struct held_unit *unit, const struct held_order *order);
/* Those of the queue that its head has passed, now being at entry `head` of `size`. */
void held_passed(struct iommusim_check *check, struct held_unit *unit, uint32_t head, uint32_t size);
/* Order number `index` came to its end. */
void held_end(struct iommusim_check *check, struct held_unit *unit, size_t index, bool carried_out);
void held_forget_queue(struct iommusim_check *check, struct held_unit *unit);

/* Before a write to a unit's registers takes effect, or after a read. */
void held_register(struct iommusim_check *check, const struct iommusim_unit *unit, uint64_t offset,
    unsigned width, bool is_write, uint64_t value);

/*
 * For the ledger, before the call is passed on: drivers may invalidate inside it. [address, address + length)
 * is about to lead to `page`, or nowhere; and what of it was not done after all.
 */
void held_mapped(struct iommusim_check *check, struct check_domain *domain, uint64_t address,
    uint64_t length, uint64_t page, uint32_t stamp);
void held_removed(struct iommusim_check *check, struct check_domain *domain, uint64_t address,
    uint64_t length, uint32_t stamp);
void held_undone(
    struct iommusim_check *check, struct check_domain *domain, uint64_t address, uint64_t length);
/*
 * Does what mapping calls of the domain owe depend on nothing but the ledger, so that it may be worked out later: is no
 * invalidation pending, and whoever may hold anything neither keeps what is absent, nor is told by others' settings?
 */
bool held_is_plain(const struct iommusim_check *check, const struct check_domain *domain);
/* A call begins that may change a device's entry; and it is over. */
void held_entry_changes(
    struct iommusim_check *check, struct check_device *device, struct check_domain *to);
void held_entry_changed(struct iommusim_check *check, struct check_device *device);
/* Software meant to invalidate the domain, and that call is over. */
void held_invalidated(struct iommusim_check *check, struct check_domain *domain);
void held_domain_free(struct iommusim_check *check, struct check_domain *domain);

/* Can a request still get to translations of the domain by way of that unit? */
bool held_reachable(const struct iommusim_check *check, const struct held_unit *unit,
    const struct check_domain *domain);

/* excess.c: an invalidation of translations, before it pays */
void excess_count(struct iommusim_check *check, struct held_unit *unit, const struct held_order *order);

/* ---- findings (missing.c, visible.c) -------------------------------------------------------------- */

/* An entry of the unit leads to the domain from now on. */
void missing_entry_present(struct iommusim_check *check, struct check_device *device);
void missing_domain_destroyed(struct iommusim_check *check, struct check_domain *domain);
/* Memory of a VM is going to somebody else, or came to it. */
struct iommusim_vm;
void missing_memory_moves(struct iommusim_check *check, const struct iommusim_vm *vm, bool away);
struct iommusim_report;
void missing_dma(struct iommusim_check *check, const struct iommusim_report *report);
void missing_at_end(struct iommusim_check *check);

/* Translation is about to be turned on; a DMA was made. */
void visible_enabling(struct iommusim_check *check, struct held_unit *unit);
void visible_dma(struct iommusim_check *check, const struct iommusim_report *report);
/*
 * A call that stores to the entry of a device, or to tables for `length` addresses from `gpa` on, begins; it is over.
 * What it stores counts as made when it begins, or with the last store that is seen: flushes of its own come after.
 */
struct visible_stamps {
	uint64_t *stored; /* the stamp that it changes; NULL: none */
	uint64_t before;  /* what it was */
};
void visible_begins(struct iommusim_check *check, struct visible_stamps *stamps, uint64_t *stored);
void visible_mapping_begins(struct iommusim_check *check, struct visible_stamps *stamps,
    struct check_domain *domain, uint64_t length, uint64_t gpa);
void visible_ends(struct iommusim_check *check, const struct visible_stamps *stamps, bool stored);
/* A store was seen. */
void visible_store(struct iommusim_check *check);

#endif
