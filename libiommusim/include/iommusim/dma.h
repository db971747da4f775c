/*
 * DMA: requesters, requests, and what became of them. Who should have been allowed to do what is not
 * the hardware's business: that is check.h.
 */
#ifndef IOMMUSIM_DMA_H
#define IOMMUSIM_DMA_H

#include <iommusim/machine.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A source of DMA with a requester id. One thread uses a requester at a time; different requesters run
 * beside each other and beside the control side. Creating and destroying one is the control side's.
 */
struct iommusim_requester;

enum iommusim_dma_kind {
	IOMMUSIM_DMA_READ,
	IOMMUSIM_DMA_WRITE,
	IOMMUSIM_DMA_ATOMIC /* needs both rights; moves data like a write */
};

/* The AT field of the request (PCI Express ATS). */
enum iommusim_dma_address_type {
	IOMMUSIM_DMA_UNTRANSLATED = 0,
	IOMMUSIM_DMA_TRANSLATION_REQUEST =
	    1, /* a read of any length: no data comes back, only the answer */
	IOMMUSIM_DMA_TRANSLATED = 2
};

struct iommusim_dma_request {
	uint64_t address; /* what the device puts on the bus */
	uint64_t length;  /* bytes; 0 is a zero-length read, EINVAL for other kinds */
	enum iommusim_dma_kind kind;
	enum iommusim_dma_address_type address_type;
	bool has_pasid;
	bool privileged; /* with a PASID */
	bool execute;    /* with a PASID */
	bool no_write;   /* a translation request: the device wants to read only (NW) */
	uint32_t pasid;  /* 20 bits */
	/*
	 * Write, atomic: `length` bytes to move to memory. Read: room for `length` bytes. NULL: the
	 * request goes through translation and is counted, but no memory changes.
	 */
	void *data;
	/* the caller's mark; a cached translation remembers the tag that filled it */
	uint64_t tag;
};

/* What every vendor's fault amounts to. */
enum iommusim_fault_class {
	IOMMUSIM_FAULT_NONE,
	IOMMUSIM_FAULT_NOT_PRESENT,     /* no translation for the address */
	IOMMUSIM_FAULT_PERMISSION,      /* a translation without the right */
	IOMMUSIM_FAULT_ADDRESS_WIDTH,   /* the address is wider than the domain or the unit */
	IOMMUSIM_FAULT_NO_DEVICE,       /* root, context or device entry not present */
	IOMMUSIM_FAULT_BAD_ENTRY,       /* reserved bits or an unsupported encoding in some entry */
	IOMMUSIM_FAULT_TABLE_ACCESS,    /* an entry lies where there is no memory */
	IOMMUSIM_FAULT_REQUEST_TYPE,    /* this kind of request is not allowed for the device */
	IOMMUSIM_FAULT_INTERRUPT_RANGE, /* it would reach the interrupt address range */
	IOMMUSIM_FAULT_ABORT, /* the unit is told to abort everything, or a protected region */
	IOMMUSIM_FAULT_NOT_ISSUED /* no fault of a unit: the function is no bus master, and nothing was sent */
};

/* What the device learns. */
enum iommusim_completion {
	IOMMUSIM_COMPLETION_SUCCESS,
	IOMMUSIM_COMPLETION_POSTED, /* a write: nothing ever comes back, failed or not */
	IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST,
	IOMMUSIM_COMPLETION_COMPLETER_ABORT,
	IOMMUSIM_COMPLETION_NOT_ISSUED /* nothing was sent: bus-master enable is off (pci.h) */
};

struct iommusim_fault {
	enum iommusim_fault_class class_;
	uint16_t reason;     /* vendor's code: VT-d fault reason (VT-d 7.1.3), AMD event code */
	bool recorded;       /* the record below is in a register or in the log */
	bool suppressed;     /* FPD or its AMD counterpart kept it out */
	bool overflowed;     /* there was no room for it */
	bool aborts;         /* the device is told Completer Abort, not Unsupported Request */
	bool collapsed;      /* merged into a pending record of the same requester */
	uint8_t index;       /* recorded: which fault recording register */
	uint64_t record[2];  /* the vendor's own record, as it lands or would have landed */
	const char *meaning; /* of the reason, in words; static, NULL for none */
	const char
	    *suppressor; /* suppressed: by what, in the specification's names and in words; static */
};

/*
 * One page of a request: where it went. `translated` is false when the request never met a
 * translation: no unit governs the requester, or its unit is off.
 */
struct iommusim_dma_page {
	uint64_t address;  /* first byte of the request in this page */
	uint64_t physical; /* where that byte went; meaningless when it faulted */
	uint32_t length;   /* bytes of the request in this page */
	uint32_t domain;   /* VT-d domain id, AMD DomainID */
	bool faulted;
	bool translated;
	bool cached; /* answered by an IOTLB entry */
	bool
	    through_cache; /* a cached entry took part that is no translation: context, PASID table, tables */
	bool bus_error;         /* translated to a place without memory: nothing was moved */
	bool answered;          /* a translation request: nothing is moved, `granted` is the answer */
	uint8_t granted;        /* answered: 1 the device may read, 2 it may write there, or both */
	bool untranslated_only; /* answered: the device must go on asking untranslated (U=1) */
	bool non_snooped;       /* answered: what uses the translation must clear No Snoop (N=1) */
	bool privileged;        /* answered: the rights are those of privileged requests (PRIV=1) */
	bool interrupt;      /* in the interrupt address range: a message, or a read that flushes one */
	uint8_t page_shift;  /* log2 of the translation's size */
	uint64_t entry;      /* the leaf entry's raw value; 0 in pass-through */
	uint64_t cached_tag; /* cached: tag of the request that filled the entry */
	struct iommusim_fault fault;
};

struct iommusim_dma_outcome {
	uint64_t bytes_moved;
	uint64_t page_count;
	uint64_t pages_faulted;
	uint64_t pages_cached;
	enum iommusim_completion completion; /* the worst over the pages */
	/* The first page that faulted, or the first page when none did. */
	struct iommusim_dma_page page;
};

/* Where one address goes, in short: what iommusim_translate() says. */
struct iommusim_translation {
	uint64_t physical;  /* where the byte at the address is; meaningless when it faulted */
	uint32_t domain;    /* VT-d domain id, AMD DomainID */
	uint8_t fault;      /* enum iommusim_fault_class; IOMMUSIM_FAULT_NONE (0): it may go there */
	uint8_t page_shift; /* log2 of the translation's size; 0: no table or pass-through decided */
	bool translated;    /* as in struct iommusim_dma_page, both */
	bool cached;
};

/* Counters of one requester since it was made. */
struct iommusim_requester_counters {
	uint64_t requests;
	uint64_t pages;
	uint64_t
	    private_hits; /* of what the requester keeps of the unit's answers; the unit was not asked */
	uint64_t cached_pages; /* answered by the unit's IOTLB, private hits included */
	uint64_t faults;
	uint64_t untranslated_pages;
	uint64_t
	    planned_pages; /* walked without asking a unit that caches nothing: no cache answered */
};

/*
 * Make a requester for a place on the bus; a PCI function need not be there (a device may well use a
 * wrong id). Returns OK, EINVAL, ENOMEM. Destroy it before the machine, or let the machine do it.
 */
IOMMUSIM_API enum iommusim_status iommusim_requester_create(struct iommusim_machine *machine,
    uint16_t segment, uint16_t rid, struct iommusim_requester **requester);
IOMMUSIM_API void iommusim_requester_destroy(struct iommusim_requester *requester);

/*
 * Whose requests these are, when that is not the function at the id they carry: behind a legacy bridge,
 * or of a device that uses an id not its own. That function's bus-master enable counts then (pci.h), and
 * so does what it was given. Control side, before the first request.
 */
IOMMUSIM_API void iommusim_requester_set_function(
    struct iommusim_requester *requester, uint16_t function);
IOMMUSIM_API uint16_t iommusim_requester_function(const struct iommusim_requester *requester);

/*
 * Make a DMA request. It is split at 4 KiB boundaries; each page is translated and moved, or faults,
 * on its own, so a request may complete in part. `pages`, if not NULL, receives the first
 * `page_capacity` pages. Returns OK whatever became of the request (that is in `outcome`), or EINVAL
 * when the request itself is malformed: wraps around, length 0 that is no read, PASID over 20 bits.
 * While its function is no bus master nothing is sent, and every page has FAULT_NOT_ISSUED.
 * Thread: the requester's.
 */
IOMMUSIM_API enum iommusim_status iommusim_dma(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_dma_outcome *outcome,
    struct iommusim_dma_page *pages, size_t page_capacity);

/*
 * Ask where a request would go, without moving anything: the same as iommusim_dma() with `request`, no data, and no
 * more of its length than is in the page of its first byte. It takes place as that does: it is counted, takes a tick
 * of the clock, fills caches, sets accessed and dirty flags, and a fault is recorded and raises its interrupt. Whether
 * there is memory at the end of it is not said. Whoever wants to know more of a fault, or wants no side effects, has
 * iommusim_dma() and iommusim_walk(). `request->data` is not looked at.
 *
 * A translation was true at some moment of the call. That an invalidation is complete does not wait for what a caller does
 * with one that it has got.
 *
 * Returns OK whatever became of the request (that is in `translation`), or EINVAL as iommusim_dma() does: then
 * `translation` is as it was. Thread: the requester's.
 */
IOMMUSIM_API enum iommusim_status iommusim_translate(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_translation *translation);

/*
 * The same for one byte at `address`, in a request of that kind without PASID, address type or tag; the answer is
 * returned, in registers where the processor's calls have them: for whoever needs it before anything else can go on.
 * A `kind` that there is not is never sent: the answer is IOMMUSIM_FAULT_NOT_ISSUED, and nothing was counted.
 * Thread: the requester's.
 */
IOMMUSIM_API struct iommusim_translation iommusim_translate_address(
    struct iommusim_requester *requester, enum iommusim_dma_kind kind, uint64_t address);

/*
 * iommusim_translate() for `count` addresses, in their order: a request each, all of one device, which are on their
 * way at the same time. `request` says what they have in common; its own address is not looked at. Each is cut off at
 * the end of the page it begins in, counts, ticks and faults on its own, and stands in `translations[i]`. What is
 * written to registers or tables meanwhile, from other threads, some of them may meet before the change and others
 * after it; an invalidation is complete for all that have not been answered. `*faulted`, if not NULL, becomes the
 * number of those that faulted.
 *
 * It gives what `count` calls of iommusim_translate() would, and takes less time for each: what all requests of a
 * device have in common is looked at once.
 *
 * Returns OK, or EINVAL when `request` is malformed: then nothing was done. Thread: the requester's.
 */
IOMMUSIM_API enum iommusim_status iommusim_translate_batch(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, const uint64_t *addresses, size_t count,
    struct iommusim_translation *translations, size_t *faulted);

/*
 * A message interrupt of a device: a 4-byte write of `data` to `address` in FEEx_xxxx. What comes out
 * of remapping goes to the sink (interrupt.h) and to `*out` (may be NULL). `fault->class_` is NONE when
 * it was delivered, or posted: then `out->posted` is set, and what went to the sink is a notification,
 * or nothing at all and `out->address` is 0. Returns OK, or EINVAL when the address is outside the
 * interrupt range.
 */
struct iommusim_interrupt;
IOMMUSIM_API enum iommusim_status iommusim_requester_interrupt(struct iommusim_requester *requester,
    uint64_t address, uint32_t data, struct iommusim_interrupt *out, struct iommusim_fault *fault);

/*
 * A device that keeps translations of its own (ATS) answers when it is told to drop them. With `answers`
 * false it stays silent, and the unit reports a time-out (VT-d FSTS.ITE). True at first. Control side.
 */
IOMMUSIM_API void iommusim_requester_answers(struct iommusim_requester *requester, bool answers);

/*
 * The device completes an invalidation that it was not asked for (VT-d FSTS.ICE). Returns OK, or ENOENT
 * when its unit takes no notice: none, off, or without device-TLBs. Control side.
 */
IOMMUSIM_API enum iommusim_status iommusim_requester_stray_completion(
    struct iommusim_requester *requester);

IOMMUSIM_API void iommusim_requester_counters(
    const struct iommusim_requester *requester, struct iommusim_requester_counters *counters);
IOMMUSIM_API uint16_t iommusim_requester_rid(const struct iommusim_requester *requester);
IOMMUSIM_API uint16_t iommusim_requester_segment(const struct iommusim_requester *requester);

#ifdef __cplusplus
}
#endif

#endif
