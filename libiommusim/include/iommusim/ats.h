/*
 * Devices that keep translations of their own: the device's side of PCI Express Address Translation
 * Services. What a unit answers a translation request is the unit's business (dma.h has the request);
 * asking software for a page that is not there stands elsewhere.
 */
#ifndef IOMMUSIM_ATS_H
#define IOMMUSIM_ATS_H

#include <iommusim/dma.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most entries a device-TLB may have. */
#define IOMMUSIM_ATS_ENTRIES UINT32_C(0x100000)

/* What a device is like. The smallest translation it asks for is 4 KiB. */
struct iommusim_ats_settings {
	uint32_t entries;      /* that its device-TLB has room for; 0: ATS is off */
	uint8_t largest_shift; /* log2 of the most an entry can stand for, 12 to 63; 0: anything */
	bool no_write;         /* it asks for what it wants to read with No Write */
	bool sends_pasid;      /* its translated requests have the PASID too, which few units take */
	/*
	 * An invalidation without a PASID takes entries with one, too, where it reaches (PCI Express).
	 * Otherwise only the one of all addresses does, on which software counts (VT-d Table 28).
	 */
	bool drops_pasids;
};

/*
 * Turn ATS on, with an empty device-TLB, or off. What was kept is gone, and when this returns no
 * request that made use of it is under way. Returns OK; EINVAL, ENOMEM: nothing has changed. Control
 * side.
 */
IOMMUSIM_API enum iommusim_status iommusim_ats_enable(
    struct iommusim_requester *requester, const struct iommusim_ats_settings *settings);

/* Turn ATS off: the device's E bit is cleared, or its function is reset. Control side. */
IOMMUSIM_API void iommusim_ats_disable(struct iommusim_requester *requester);

/* How one page of a DMA went. */
enum iommusim_ats_way {
	IOMMUSIM_ATS_HIT,          /* sent translated, by what the device-TLB had */
	IOMMUSIM_ATS_FRESH,        /* sent translated, by the answer that it asked for */
	IOMMUSIM_ATS_UNTRANSLATED, /* sent as it is: ATS is off, or the unit answered U=1 */
	IOMMUSIM_ATS_FAULT, /* not sent: the answer lacks the right; software may be asked for the page */
	IOMMUSIM_ATS_REFUSED /* not sent: instead of an answer there was UR or CA */
};

struct iommusim_ats_page {
	uint64_t address; /* untranslated: first byte of the request in this page */
	uint32_t length;
	enum iommusim_ats_way way;
	bool asked;      /* a translation request was made: */
	uint8_t granted; /* rights the device knows of: 1 read, 2 write */
	uint64_t filled; /* tag of the request that brought in the translation it used */
	struct iommusim_dma_page answer; /* asked: what became of the translation request */
	struct iommusim_dma_page sent;   /* what became of what was sent; zero when nothing was */
};

struct iommusim_ats_outcome {
	uint64_t bytes_moved;
	uint64_t page_count;
	uint64_t hits, fresh, untranslated, faults, refused; /* pages that went each way */
	uint64_t denied;                                     /* pages that were sent and faulted */
	enum iommusim_completion completion; /* the worst over the pages that were sent */
	/* The first page that was denied or not sent, or the first page when there is none. */
	struct iommusim_ats_page page;
};

/*
 * Make a DMA as such a device does, page by page: translated where the device-TLB has the right or an
 * answer brings it, and one that grants anything is kept. A page that cannot be sent does not keep the
 * others from being tried. Nothing grants execution: a request for it ends in FAULT or REFUSED.
 * `request` has untranslated addresses; `pages`, if not NULL, receives the first `page_capacity` pages.
 * Returns OK whatever became of it, or EINVAL as iommusim_dma() does. Thread: the requester's.
 */
IOMMUSIM_API enum iommusim_status iommusim_ats_dma(struct iommusim_requester *requester,
    const struct iommusim_dma_request *request, struct iommusim_ats_outcome *outcome,
    struct iommusim_ats_page *pages, size_t page_capacity);

/*
 * The same outcome as one of iommusim_dma(): a page that was not sent counts as faulted, and then the
 * completion is UNSUPPORTED_REQUEST at least, since the device knows. Of its page only what was sent, or
 * answered, is told. No state: any thread.
 */
IOMMUSIM_API void iommusim_ats_summary(
    const struct iommusim_ats_outcome *outcome, struct iommusim_dma_outcome *summary);

/* One page of it likewise, under the address that the device was told to use. No state: any thread. */
IOMMUSIM_API void iommusim_ats_page_summary(
    const struct iommusim_ats_page *page, struct iommusim_dma_page *summary);

/* What a device-TLB holds. Untranslated addresses from `address` on are `physical` and what follows. */
struct iommusim_ats_entry {
	uint64_t address;
	uint64_t physical; /* means nothing with untranslated_only */
	uint64_t tag;      /* of the request that brought it in */
	uint32_t pasid;
	uint8_t shift;   /* log2 of the bytes it stands for */
	uint8_t granted; /* 1 read, 2 write, or both */
	bool has_pasid;
	bool privileged;        /* the rights are those of privileged requests */
	bool untranslated_only; /* U: the device goes on untranslated */
	bool non_snooped;       /* N: what uses it must clear No Snoop */
};

/*
 * What may the device still use? Begin with `*cursor` 0; false: there is no further entry. Entries that
 * stay meanwhile are seen once, others perhaps. Any thread.
 */
IOMMUSIM_API bool iommusim_ats_next(
    struct iommusim_requester *requester, size_t *cursor, struct iommusim_ats_entry *entry);

/* Since the requester was made. */
struct iommusim_ats_counters {
	uint64_t lookups;              /* pages that were looked for in the device-TLB */
	uint64_t hits;                 /* and found, with the right */
	uint64_t translation_requests; /* sent */
	uint64_t evictions;            /* entries that made room, the one unused longest first */
	uint64_t invalidations;        /* that the device was sent and answered */
	uint64_t dropped;              /* entries they took */
};

/* Any thread. */
IOMMUSIM_API void iommusim_ats_counters(
    struct iommusim_requester *requester, struct iommusim_ats_counters *counters);

#ifdef __cplusplus
}
#endif

#endif
