/*
 * One request on its way, and the caches it meets (VT-d 6.2): what they know of it, and what of it they
 * keep. How caches hold it is models/common/cache.h, what an invalidation takes out of them invalidate.h.
 */
#ifndef IOMMUSIM_VTD_CACHING_H
#define IOMMUSIM_VTD_CACHING_H

#include "models/vtd/performance.h"
#include "models/vtd/tables.h"

/* What is under way for one request. */
struct lookup {
	const struct page_request *request;
	struct iommusim_dma_page *page;
	uint64_t generation; /* of the unit when it began */
	struct vtd_source source;
	struct vtd_space space;
	bool context_cached; /* the context cache has it already */
	bool entry_cached;   /* the PASID cache, likewise */
	bool clean;          /* the page may be written, and would get dirty by it */
	bool outdone;        /* a clean page is in the IOTLB, and does not answer the write */
	unsigned rights;
	unsigned reason;
};

/* Whom performance events of this request are about; the domain once it is known. */
static inline struct vtd_performance_subject vtd_subject_of(const struct page_request *request)
{
	return (struct vtd_performance_subject){
		.rid = request->rid,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.address_type = request->address_type,
	};
}

static inline struct vtd_performance_subject vtd_subject_in(
    const struct page_request *request, uint32_t domain, unsigned level)
{
	struct vtd_performance_subject subject = vtd_subject_of(request);

	subject.has_domain = true;
	subject.domain = domain;
	subject.level = (uint8_t)level;
	return subject;
}

/* An event of a request; in the second form its space is known. Without the lock. */
static inline void vtd_count_request(
    struct vtd_unit *vtd, enum vtd_performance_event event, const struct page_request *request)
{
	if (vtd_performance_wants(vtd, event)) {
		const struct vtd_performance_subject subject = vtd_subject_of(request);

		vtd_performance_count(vtd, event, &subject);
	}
}

static inline void vtd_count_lookup(
    struct vtd_unit *vtd, enum vtd_performance_event event, const struct lookup *lookup)
{
	if (vtd_performance_wants(vtd, event)) {
		const struct vtd_performance_subject subject =
		    vtd_subject_in(lookup->request, lookup->space.domain, 0);

		vtd_performance_count(vtd, event, &subject);
	}
}

/*
 * All that can be known by the requester's id: true: the IOTLB has answered `lookup`. False: at most the
 * context is known (VT-d 6.2.2, 6.2.4).
 */
bool vtd_ask_by_source(struct vtd_unit *vtd, struct lookup *lookup);
/* In scalable mode, by a good context: the PASID-table entry (VT-d 6.2.3). */
void vtd_ask_for_entry(struct vtd_unit *vtd, struct lookup *lookup);
/*
 * With good entries the space is known, and with it what the caches that go by it hold. True: the
 * translation. False: `shortcut->from` is the lowest table of the way there (VT-d 6.2.5), if one is known;
 * pass-through has neither.
 */
bool vtd_ask_by_space(struct vtd_unit *vtd, struct lookup *lookup, struct walk_shortcut *shortcut);
/*
 * Keep what was found. Not if anything was invalidated since the look-up began: it may have read what
 * the invalidation was about. `shortcut` NULL: there was no walk.
 */
void vtd_fill_caches(
    struct vtd_unit *vtd, const struct lookup *lookup, const struct walk_shortcut *shortcut);

#endif
