/* Making what is translated, and translating it in the ways that several benchmarks share. */
#include "field.h"
#include "places.h"

#include <string.h>

enum { SLICE = 4096 };

/* ---- contestants: `context` is a field ------------------------------------------------------------------ */

/*
 * The top bit of a physical address is never set, but only the answer says so: what is added makes an address wait for
 * the answer before.
 */
static inline uint64_t wait_for(const struct field *field, uint64_t physical)
{
	return field->dependent ? physical >> 63 : 0;
}

bool field_dma(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count)
{
	struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_dma_outcome outcome;
	uint64_t random = seed, lost = 0;

	for (uint64_t i = 0; i < count; i++) {
		request.address = field_address(field, &random);
		lost += (uint64_t)iommusim_dma(requester, &request, &outcome, NULL, 0);
		lost += outcome.pages_faulted;
		random += wait_for(field, outcome.page.physical);
	}
	return lost == 0;
}

#ifdef BENCH_TRANSLATE_ADDRESS
bool field_translate(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count)
{
	uint64_t random = seed, lost = 0;

	for (uint64_t i = 0; i < count; i++) {
		const struct iommusim_translation translation = iommusim_translate_address(
		    requester, IOMMUSIM_DMA_READ, field_address(field, &random));

		lost += translation.fault;
		random += wait_for(field, translation.physical);
	}
	return lost == 0;
}
#endif

#ifdef BENCH_TRANSLATE_BATCH
bool field_translate_request(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count)
{
	struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_translation translation;
	uint64_t random = seed, lost = 0;

	for (uint64_t i = 0; i < count; i++) {
		request.address = field_address(field, &random);
		lost += (uint64_t)iommusim_translate(requester, &request, &translation);
		lost += translation.fault;
		random += wait_for(field, translation.physical);
	}
	return lost == 0;
}

#ifndef BENCH_TRANSLATE_ADDRESS
bool field_translate(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count)
{
	return field_translate_request(field, requester, seed, count);
}
#endif

bool field_translate_batch(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count)
{
	const struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_translation translations[FIELD_BATCH];
	uint64_t addresses[FIELD_BATCH], random = seed, lost = 0;

	for (uint64_t done = 0; done < count; done += FIELD_BATCH) {
		size_t faulted = 0;

		for (unsigned i = 0; i < FIELD_BATCH; i++)
			addresses[i] = field_address(field, &random);
		lost += (uint64_t)iommusim_translate_batch(
		    requester, &request, addresses, FIELD_BATCH, translations, &faulted);
		lost += faulted;
	}
	return lost == 0;
}

static bool ours_batch(void *context, uint64_t first, uint64_t count)
{
	const struct field *field = context;

	return field_translate_batch(field, field->requesters[0], first, count);
}
#else
bool field_translate(
    const struct field *field, struct iommusim_requester *requester, uint64_t seed, uint64_t count)
{
	return field_dma(field, requester, seed, count);
}

#define ours_batch ours /* nobody asks for batches then */
#endif

bool field_book_translate(const struct field *field, uint64_t seed, uint64_t count)
{
	uint64_t random = seed, physical = 0, missed = 0;

	for (uint64_t i = 0; i < count; i++) {
		missed += !textbook_translate(
		    &field->book, field_address(field, &random), TEXTBOOK_READ, &physical);
		random += wait_for(field, physical);
	}
	return missed == 0;
}

static bool ours(void *context, uint64_t first, uint64_t count)
{
	const struct field *field = context;

	return field_translate(field, field->requesters[0], first, count);
}

#ifdef BENCH_TRANSLATE_ADDRESS
static bool ours_by_request(void *context, uint64_t first, uint64_t count)
{
	const struct field *field = context;

	return field_translate_request(field, field->requesters[0], first, count);
}
#endif

static bool ours_by_dma(void *context, uint64_t first, uint64_t count)
{
	const struct field *field = context;

	return field_dma(field, field->requesters[0], first, count);
}

static bool book(void *context, uint64_t first, uint64_t count)
{
	return field_book_translate(context, first, count);
}

static bool book_locked(void *context, uint64_t first, uint64_t count)
{
	struct field *field = context;
	uint64_t random = first, physical = 0, missed = 0;

	for (uint64_t i = 0; i < count; i++) {
		missed += !textbook_translate_locked(
		    &field->book, field_address(field, &random), TEXTBOOK_READ, &physical);
		random += wait_for(field, physical);
	}
	return missed == 0;
}

static bool call_nothing(void *context, uint64_t first, uint64_t count)
{
	struct field *field = context;
	uint64_t random = first, failed = 0;

	for (uint64_t i = 0; i < count; i++)
		failed += !field->nothing(field, field_address(field, &random), 0, 4);
	return failed == 0;
}

/* All that units keep goes. */
static bool forget(void *context)
{
	struct field *field = context;

	return rig_ok(&field->rig, iommusim_iommu_invalidate_tlb(field->rig.vmm, field->domain));
}

/* ---- a field's life ------------------------------------------------------------------------------------- */

bool field_book_map(struct field *field, uint64_t address, uint64_t host, uint64_t size)
{
	for (uint64_t at = 0; at < size; at += IOMMUSIM_PAGE_SIZE)
		if (!textbook_map(
			&field->book, address + at, host + at, TEXTBOOK_READ | TEXTBOOK_WRITE))
			return false;
	return true;
}

bool field_map_nothing(struct field *field, struct iommusim_domain *domain)
{
	(void)field;
	(void)domain;
	return true;
}

static bool map_pages(struct field *field, struct iommusim_domain *domain)
{
	const uint64_t pages = field->pages > FIELD_PAGES ? field->pages : FIELD_PAGES;

	for (uint64_t page = 0; page < pages; page++) {
		const uint64_t address = field->base + (page << IOMMUSIM_PAGE_SHIFT);
		const uint64_t host = rig_scattered(page, pages);

		if (!rig_ok(&field->rig,
			iommusim_iommu_create_mapping(
			    field->rig.vmm, domain, address, host, IOMMUSIM_PAGE_SIZE)) ||
		    !field_book_map(field, address, host, IOMMUSIM_PAGE_SIZE))
			return false;
	}
	return true;
}

static bool add_devices(struct field *field)
{
	static const uint16_t devices[2] = { FIELD_FIRST_DEVICE, FIELD_SECOND_DEVICE };
	struct rig *rig = &field->rig;

	for (unsigned i = 0; i < 2; i++)
		if (!rig_ok(rig, iommusim_iommu_add_device(rig->vmm, field->domain, 0, devices[i])) ||
		    !rig_ok(rig,
			iommusim_requester_create(rig->machine, 0, devices[i], &field->requesters[i])))
			return false;
	return true;
}

bool field_create(struct field *field, const struct field_plan *plan)
{
	struct rig *rig = &field->rig;

	memset(field, 0, sizeof(*field));
	field->pages = plan->pages;
	field->base = plan->pages > FIELD_PAGES ? UINT64_C(1) << 32 : 0;
	field->in_order = plan->in_order;
	field->dependent = plan->dependent;
	field->nothing = textbook_nothing;
	return rig_create(rig, &plan->rig) && textbook_create(&field->book) &&
	    rig_ok(rig, iommusim_iommu_create_domain(rig->vmm, RIG_DOMAIN_SIZE, &field->domain)) &&
	    (plan->map == NULL ? map_pages : plan->map)(field, field->domain) && add_devices(field) &&
	    (plan->mapped == NULL || plan->mapped(field));
}

void field_destroy(struct field *field)
{
	rig_destroy(&field->rig);
	textbook_destroy(&field->book);
}

bool field_end(struct field *field, bool done, struct bench_result *result)
{
	if (!done && field->rig.status == IOMMUSIM_OK)
		snprintf(result->text, sizeof(result->text),
		    "a translation failed, or was not answered from where it should");
	else if (!done)
		rig_explain(&field->rig, result->text, sizeof(result->text));
	field_destroy(field);
	return done;
}

/* Did the caches answer as the benchmark's name says? The first use of a page is no hit. */
static bool caches_as_planned(const struct field *field, const struct field_plan *plan)
{
	struct iommusim_requester_counters counters;

	iommusim_requester_counters(field->requesters[0], &counters);
	switch (plan->caches) {
	case FIELD_MISSES:
		return counters.cached_pages == 0;
	case FIELD_HITS:
		return counters.pages - counters.cached_pages <= plan->pages;
	case FIELD_UNIT_HITS:
		return counters.pages - counters.cached_pages <= plan->pages &&
		    counters.private_hits <= counters.pages / 8;
	case FIELD_FILLS:
		return counters.cached_pages <= counters.pages / 2;
	}
	return false;
}

/* Is the translation as large as planned? */
static bool leaves_as_planned(const struct field *field, const struct field_plan *plan)
{
	const struct iommusim_dma_request request = { .length = 4, .kind = IOMMUSIM_DMA_READ };
	struct iommusim_dma_outcome outcome;

	return plan->page_shift == 0 ||
	    (iommusim_dma(field->requesters[1], &request, &outcome, NULL, 0) == IOMMUSIM_OK &&
		outcome.page.page_shift == plan->page_shift);
}

/* The call has no answer to wait for. Where translations have no call of their own, DMA is what is measured already. */
static unsigned choose_contestants(
    const struct field_plan *plan, struct field *field, struct contestant contestants[BENCH_SERIES])
{
	bool (*const prepare)(void *context) = plan->caches == FIELD_FILLS ? forget : NULL;
	unsigned count = 0;

	if (plan->batches)
		contestants[count++] = (struct contestant){ "batch", field, prepare, ours_batch };
	contestants[count++] =
	    (struct contestant){ plan->batches ? "one-by-one" : "translate", field, prepare, ours };
	contestants[count++] = (struct contestant){ "textbook", field, NULL, book };
	contestants[count++] = (struct contestant){ "textbook-mutex", field, NULL, book_locked };
	if (!plan->dependent)
		contestants[count++] = (struct contestant){ "call", field, NULL, call_nothing };
#ifdef BENCH_TRANSLATE_BATCH
	contestants[count++] = (struct contestant){ "dma", field, prepare, ours_by_dma };
#else
	(void)ours_by_dma;
#endif
#ifdef BENCH_TRANSLATE_ADDRESS
	if (!plan->batches)
		contestants[count++] =
		    (struct contestant){ "request", field, prepare, ours_by_request };
#endif
	return count;
}

/* A field of a plan, in one place. */
struct planned_field {
	struct field field;
	const struct field_plan *plan;
};

static bool make_planned(void *context)
{
	struct planned_field *own = context;

	return field_create(&own->field, own->plan) && leaves_as_planned(&own->field, own->plan);
}

static bool check_planned(void *context)
{
	const struct planned_field *own = context;

	return caches_as_planned(&own->field, own->plan);
}

static void drop_planned(void *context)
{
	struct planned_field *own = context;

	field_destroy(&own->field);
}

bool field_compete(
    const struct field_plan *plan, const struct bench_scale *scale, struct bench_result *result)
{
	struct contestant contestants[BENCH_SERIES];
	const uint64_t usual = UINT64_C(1) << (scale->quick ? 17 : 20);
	const struct measure_plan rounds = { plan->total == 0 ? usual : plan->total, SLICE,
		scale->rounds, false };
	struct planned_field own = { .plan = plan };
	const struct bench_place place = {
		.context = &own, .make = make_planned, .check = check_planned, .drop = drop_planned
	};
	bool done;

	result->count = choose_contestants(plan, &own.field, contestants);
	done = bench_in_places(&rounds, scale->places, &place, contestants, result);
	return field_end(&own.field, done, result);
}
