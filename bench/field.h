/* What translation benchmarks translate: 1 GiB or more, in a domain with two devices and in a textbook. No benchmark of its own. */
#ifndef IOMMUSIM_BENCH_FIELD_H
#define IOMMUSIM_BENCH_FIELD_H

#include "bed.h"

#define FIELD_PAGES (UINT64_C(1) << 18)

/* Pages that come again and again: as many as a requester keeps, and far more. */
#define FIELD_HOT_PAGES  UINT64_C(64)
#define FIELD_UNIT_PAGES (UINT64_C(1) << 14)

#define FIELD_BATCH 64u

#define FIELD_FIRST_DEVICE  IOMMUSIM_RID(8, 0, 0)
#define FIELD_SECOND_DEVICE IOMMUSIM_RID(9, 0, 0)

/* Who is to answer, which the counters of the requester can tell. */
enum field_caches {
	FIELD_MISSES,    /* no cache */
	FIELD_HITS,      /* what the requester keeps for itself */
	FIELD_UNIT_HITS, /* the unit's IOTLB, mostly */
	FIELD_FILLS      /* nobody: all of it was invalidated before */
};

struct field {
	struct rig rig;
	struct textbook book;
	struct iommusim_domain *domain;
	struct iommusim_requester *requesters[2];
	bench_empty_call *volatile nothing;
	uint64_t pages; /* that are asked for, a power of two */
	uint64_t
	    base; /* of the first: many of them do not fit below the interrupt addresses (FEExxxxxh) */
	bool in_order;
	bool dependent;
};

/* One way to translate, and what to compare it with. */
struct field_plan {
	struct rig_config rig;
	uint64_t pages;
	bool in_order;  /* pages one after the other, else at random */
	bool dependent; /* each address is known when the answer before is */
	bool batches;   /* FIELD_BATCH a call, beside one by one */
	bool (*map)(struct field *field, struct iommusim_domain *domain); /* NULL: 4 KiB, scattered */
	bool (*mapped)(struct field *field); /* what is left to do then; or NULL */
	enum field_caches caches;
	unsigned page_shift; /* of what answers; 0: not looked at */
	uint64_t total;      /* operations a round; 0: the usual number */
};

/* Destroy it in any case. `map` as in the plan. */
bool field_create(struct field *field, const struct field_plan *plan);
void field_destroy(struct field *field);
/* Destroy it at the end of a benchmark, and say what was wrong when it is not `done`, which is returned. */
bool field_end(struct field *field, bool done, struct bench_result *result);

/* For `map` of a plan whose owner maps by itself. */
bool field_map_nothing(struct field *field, struct iommusim_domain *domain);

/* [address, address + size) in the textbook, page by page. */
bool field_book_map(struct field *field, uint64_t address, uint64_t host, uint64_t size);

/* The plan's translations against the textbook's, plain and locked, and a call. */
bool field_compete(
    const struct field_plan *plan, const struct bench_scale *scale, struct bench_result *result);

/* Pages in no order that a prefetcher could guess; the same in every run. */
static inline uint64_t field_address(const struct field *field, uint64_t *random)
{
	uint64_t page = (*random)++;

	if (!field->in_order) {
		*random = page * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		page = *random >> 33;
	}
	return field->base + ((page & (field->pages - 1)) << IOMMUSIM_PAGE_SHIFT);
}

/*
 * `count` translations, by iommusim_translate_address() where there is one, or iommusim_translate(), else by
 * iommusim_dma(); each starts its sequence from a number, so that all ask for the same pages.
 */
bool field_translate(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count);
/* The same by iommusim_dma(). */
bool field_dma(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count);
#ifdef BENCH_TRANSLATE_BATCH
/* The same by iommusim_translate(). */
bool field_translate_request(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count);
/* The same, FIELD_BATCH a call. */
bool field_translate_batch(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count);
#endif
bool field_book_translate(const struct field *field, uint64_t seed, uint64_t count);

#endif
