/*
 * The quick way of a request against the slow one. Two machines are the same but for one setting: in the second every
 * request asks the unit. Generated stories (tables, entries of the devices and registers that change with and without
 * invalidations; requests of every kind, one by one and in batches, with data and without) must come out the same on
 * both: every outcome to the last field, faults and events as they are recorded, counters, ticks, and memory, with the
 * accessed and dirty flags in it.
 */
#include "../amdvi_fixture.h"
#include "random.h"
#include "twin.h"

#define CASES 70u
#define STEPS 160u
#define BATCH 200u /* more than are looked at together */

struct story {
	struct twin twins[2];
	struct random random;
	uint64_t number;
};

static uint64_t below(struct story *story, uint64_t limit)
{
	return random_below(&story->random, limit);
}

static bool chance(struct story *story, unsigned percent)
{
	return random_chance(&story->random, percent);
}

/* ---- comparing ------------------------------------------------------------------------------------- */

static void same_fault(const struct iommusim_fault *a, const struct iommusim_fault *b)
{
	assert_int_equal(a->class_, b->class_);
	assert_int_equal(a->reason, b->reason);
	assert_int_equal(a->recorded, b->recorded);
	assert_int_equal(a->suppressed, b->suppressed);
	assert_int_equal(a->overflowed, b->overflowed);
	assert_int_equal(a->aborts, b->aborts);
	assert_int_equal(a->collapsed, b->collapsed);
	assert_int_equal(a->index, b->index);
	assert_int_equal(a->record[0], b->record[0]);
	assert_int_equal(a->record[1], b->record[1]);
	assert_ptr_equal(a->meaning, b->meaning);
	assert_ptr_equal(a->suppressor, b->suppressor);
}

static void same_page(const struct iommusim_dma_page *a, const struct iommusim_dma_page *b)
{
	assert_int_equal(a->address, b->address);
	assert_int_equal(a->physical, b->physical);
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->domain, b->domain);
	assert_int_equal(a->faulted, b->faulted);
	assert_int_equal(a->translated, b->translated);
	assert_int_equal(a->cached, b->cached);
	assert_int_equal(a->through_cache, b->through_cache);
	assert_int_equal(a->bus_error, b->bus_error);
	assert_int_equal(a->answered, b->answered);
	assert_int_equal(a->granted, b->granted);
	assert_int_equal(a->untranslated_only, b->untranslated_only);
	assert_int_equal(a->non_snooped, b->non_snooped);
	assert_int_equal(a->privileged, b->privileged);
	assert_int_equal(a->interrupt, b->interrupt);
	assert_int_equal(a->page_shift, b->page_shift);
	assert_int_equal(a->entry, b->entry);
	assert_int_equal(a->cached_tag, b->cached_tag);
	same_fault(&a->fault, &b->fault);
}

static void same_outcome(
    const struct iommusim_dma_outcome *a, const struct iommusim_dma_outcome *b, size_t pages)
{
	assert_int_equal(a->bytes_moved, b->bytes_moved);
	assert_int_equal(a->page_count, b->page_count);
	assert_int_equal(a->pages_faulted, b->pages_faulted);
	assert_int_equal(a->pages_cached, b->pages_cached);
	assert_int_equal(a->completion, b->completion);
	if (pages > 0)
		same_page(&a->page, &b->page);
}

static void same_translation(const struct iommusim_translation *a, const struct iommusim_translation *b)
{
	assert_int_equal(a->physical, b->physical);
	assert_int_equal(a->domain, b->domain);
	assert_int_equal(a->fault, b->fault);
	assert_int_equal(a->page_shift, b->page_shift);
	assert_int_equal(a->translated, b->translated);
	assert_int_equal(a->cached, b->cached);
}

static void same_counters(struct story *story)
{
	for (unsigned device = 0; device < TWIN_DEVICES; device++) {
		struct iommusim_requester_counters a, b;

		iommusim_requester_counters(story->twins[0].devices[device], &a);
		iommusim_requester_counters(story->twins[1].devices[device], &b);
		assert_int_equal(a.requests, b.requests);
		assert_int_equal(a.pages, b.pages);
		assert_int_equal(a.cached_pages, b.cached_pages);
		assert_int_equal(a.faults, b.faults);
		assert_int_equal(a.untranslated_pages, b.untranslated_pages);
		assert_int_equal(b.private_hits, 0);
		assert_int_equal(b.planned_pages, 0);
	}
	assert_int_equal(
	    iommusim_clock_now(story->twins[0].machine), iommusim_clock_now(story->twins[1].machine));
}

/* ---- requests -------------------------------------------------------------------------------------- */

static uint64_t an_address(struct story *story)
{
	const uint64_t page = twin_inputs[below(story, TWIN_INPUTS)] + (below(story, 3) << 12);

	if (chance(story, 3))
		return random_next(&story->random);
	return page + (chance(story, 50) ? below(story, 0x1000) & ~UINT64_C(7) : 0);
}

static struct iommusim_dma_request a_request(struct story *story)
{
	struct iommusim_dma_request request = {
		.address = an_address(story),
		.length = chance(story, 90) ? 4 : below(story, 0x2400),
		.kind = (enum iommusim_dma_kind)below(story, 3),
		.tag = below(story, 4),
	};

	if (chance(story, 3))
		request.address_type = (enum iommusim_dma_address_type)below(story, 3);
	if (chance(story, 3))
		request.has_pasid = request.privileged = true;
	return request;
}

static void request_dma(struct story *story)
{
	static uint8_t data[2][0x2400];
	const struct iommusim_dma_request request = a_request(story);
	const unsigned device = (unsigned)below(story, TWIN_DEVICES);
	const size_t room = below(story, 2);
	struct iommusim_dma_outcome outcomes[2] = { { .page_count = 0 } };
	struct iommusim_dma_page pages[2];
	const bool moves = chance(story, 30);
	enum iommusim_status status[2];

	for (unsigned i = 0; i < 2; i++) {
		struct iommusim_dma_request mine = request;

		memset(data[i], (int)request.tag + 1, sizeof(data[i]));
		mine.data = moves ? data[i] : NULL;
		status[i] =
		    iommusim_dma(story->twins[i].devices[device], &mine, &outcomes[i], &pages[i], room);
	}
	assert_int_equal(status[0], status[1]);
	if (status[0] != IOMMUSIM_OK)
		return;
	same_outcome(&outcomes[0], &outcomes[1], 1);
	if (room != 0)
		same_page(&pages[0], &pages[1]);
	assert_memory_equal(data[0], data[1], sizeof(data[0]));
}

static void request_translation(struct story *story)
{
	const struct iommusim_dma_request request = a_request(story);
	const unsigned device = (unsigned)below(story, TWIN_DEVICES);
	struct iommusim_translation translations[2] = { { .physical = 0 } };
	enum iommusim_status status[2];

	for (unsigned i = 0; i < 2; i++)
		status[i] =
		    iommusim_translate(story->twins[i].devices[device], &request, &translations[i]);
	assert_int_equal(status[0], status[1]);
	same_translation(&translations[0], &translations[1]);
}

/* The same of one byte, said and answered in registers. */
static void request_address(struct story *story)
{
	const struct iommusim_dma_request request = { .address = an_address(story),
		.length = 1,
		.kind = (enum iommusim_dma_kind)below(story, 3) };
	const unsigned device = (unsigned)below(story, TWIN_DEVICES);
	struct iommusim_translation quick, slow;

	quick =
	    iommusim_translate_address(story->twins[0].devices[device], request.kind, request.address);
	assert_int_equal(
	    iommusim_translate(story->twins[1].devices[device], &request, &slow), IOMMUSIM_OK);
	same_translation(&quick, &slow);
}

/* A batch on one side, one by one on the other. Half of them go to few pages that are there, mostly. */
static void request_batch(struct story *story)
{
	struct iommusim_dma_request request = a_request(story);
	const unsigned device = (unsigned)below(story, TWIN_DEVICES);
	struct iommusim_translation translations[BATCH], single;
	uint64_t addresses[BATCH] = { 0 };
	const uint64_t few = chance(story, 50) ? 1 + below(story, TWIN_INPUTS) : 0;
	size_t faulted, count = below(story, chance(story, 30) ? BATCH : 24), faults = 0;

	for (size_t i = 0; i < count; i++)
		addresses[i] = few != 0 ? twin_inputs[below(story, few)] : an_address(story);
	if (iommusim_translate_batch(story->twins[0].devices[device], &request, addresses, count,
		translations, &faulted) != IOMMUSIM_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		request.address = addresses[i];
		assert_int_equal(iommusim_translate(story->twins[1].devices[device], &request, &single),
		    IOMMUSIM_OK);
		same_translation(&translations[i], &single);
		faults += single.fault != IOMMUSIM_FAULT_NONE;
	}
	assert_int_equal(faulted, faults);
}

/* ---- changes --------------------------------------------------------------------------------------- */

static void change_tables(struct story *story)
{
	const unsigned input = (unsigned)below(story, TWIN_INPUTS);
	const unsigned level = chance(story, 70) ? 1 : 1 + (unsigned)below(story, TWIN_LEVELS);
	const uint64_t luck = below(story, 100), number = random_next(&story->random);

	for (unsigned i = 0; i < 2; i++)
		twin_change_entry(&story->twins[i], input, level,
		    luck < 45       ? TWIN_GOOD
			: luck < 55 ? TWIN_ABSENT
			: luck < 65 ? TWIN_READ_ONLY
			: luck < 75 ? TWIN_WRITE_ONLY
			: luck < 90 ? TWIN_LARGE
				    : TWIN_ONE_BIT,
		    number);
}

/* Back to what most requests are good for. */
static void mend_tables(struct story *story)
{
	for (unsigned i = 0; i < 2; i++)
		for (unsigned input = 0; input < TWIN_INPUTS; input++)
			for (unsigned level = 1; level <= TWIN_LEVELS; level++)
				twin_change_entry(&story->twins[i], input, level, TWIN_GOOD, input);
}

static void change_device(struct story *story)
{
	const unsigned device = (unsigned)below(story, TWIN_DEVICES);
	const uint64_t number = random_next(&story->random);
	const bool good = chance(story, 70);

	for (unsigned i = 0; i < 2; i++)
		twin_change_device(&story->twins[i], device, good, number);
}

static void change_registers(struct story *story)
{
	const uint64_t number = random_next(&story->random);

	for (unsigned i = 0; i < 2; i++)
		twin_change_registers(&story->twins[i], number);
}

static void invalidate(struct story *story)
{
	const uint64_t number = random_next(&story->random);

	for (unsigned i = 0; i < 2; i++)
		twin_invalidate(&story->twins[i], number);
}

static void change_machine(struct story *story)
{
	const uint64_t number = random_next(&story->random);

	for (unsigned i = 0; i < 2; i++)
		twin_change_machine(&story->twins[i], number);
}

/* ---- stories --------------------------------------------------------------------------------------- */

static void step(struct story *story)
{
	const uint64_t luck = below(story, 1000);

	if (luck < 400)
		request_dma(story);
	else if (luck < 600)
		request_translation(story);
	else if (luck < 750)
		request_address(story);
	else if (luck < 900)
		request_batch(story);
	else if (luck < 945)
		change_tables(story);
	else if (luck < 955)
		mend_tables(story);
	else if (luck < 965)
		change_device(story);
	else if (luck < 972)
		change_registers(story);
	else if (luck < 992)
		invalidate(story);
	else
		change_machine(story);
	same_counters(story);
	twin_same_records(&story->twins[0], &story->twins[1]);
}

/* What requesters did not ask their unit for, of the translations of all stories. */
struct quick {
	uint64_t kept;
	uint64_t planned;
};

static void tell(uint64_t number, bool amdvi, enum iommusim_cache_policy policy, struct quick *quick)
{
	struct story story = { .number = number, .random = random_of_case(random_seed(), number) };
	const uint64_t shape = random_next(&story.random);

	for (unsigned i = 0; i < 2; i++)
		twin_start(&story.twins[i], amdvi, policy, shape, i == 1);
	mend_tables(&story);
	for (unsigned i = 0; i < STEPS; i++) {
		step(&story);
		if (i % 16 == 15 || i + 1 == STEPS)
			twin_same_memory(&story.twins[0], &story.twins[1]);
	}
	for (unsigned device = 0; device < TWIN_DEVICES; device++) {
		struct iommusim_requester_counters counters;

		iommusim_requester_counters(story.twins[0].devices[device], &counters);
		quick->kept += counters.private_hits;
		quick->planned += counters.planned_pages;
	}
	for (unsigned i = 0; i < 2; i++)
		twin_stop(&story.twins[i]);
}

static void run(bool amdvi, enum iommusim_cache_policy policy)
{
	struct quick quick = { .kept = 0 };

	for (uint64_t number = 0; number < CASES; number++)
		tell(number, amdvi, policy, &quick);
	/* there was something to compare */
	assert_true(policy == IOMMUSIM_CACHE_HOARD ? quick.kept > CASES : quick.kept == 0);
	assert_true(
	    policy == IOMMUSIM_CACHE_NONE ? quick.planned > UINT64_C(20) * CASES : quick.planned == 0);
}

#define STORIES(vendor, policy, is_amdvi, which)                                                       \
	static void vendor##_##policy##_is_the_same_the_quick_way(void **state)                        \
	{                                                                                              \
		(void)state;                                                                           \
		run(is_amdvi, which);                                                                  \
	}
STORIES(vtd, hoard, false, IOMMUSIM_CACHE_HOARD)
STORIES(vtd, none, false, IOMMUSIM_CACHE_NONE)
STORIES(vtd, sized, false, IOMMUSIM_CACHE_SIZED)
STORIES(vtd, adverse, false, IOMMUSIM_CACHE_ADVERSE)
STORIES(amdvi, hoard, true, IOMMUSIM_CACHE_HOARD)
STORIES(amdvi, none, true, IOMMUSIM_CACHE_NONE)
STORIES(amdvi, sized, true, IOMMUSIM_CACHE_SIZED)
STORIES(amdvi, adverse, true, IOMMUSIM_CACHE_ADVERSE)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vtd_hoard_is_the_same_the_quick_way),
		cmocka_unit_test(vtd_none_is_the_same_the_quick_way),
		cmocka_unit_test(vtd_sized_is_the_same_the_quick_way),
		cmocka_unit_test(vtd_adverse_is_the_same_the_quick_way),
		cmocka_unit_test(amdvi_hoard_is_the_same_the_quick_way),
		cmocka_unit_test(amdvi_none_is_the_same_the_quick_way),
		cmocka_unit_test(amdvi_sized_is_the_same_the_quick_way),
		cmocka_unit_test(amdvi_adverse_is_the_same_the_quick_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
