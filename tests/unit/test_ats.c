/*
 * The device-TLB of a requester, beside a unit made up for the purpose that answers whatever a test
 * wants: what is asked, kept, used, put out and dropped. What a VT-d unit answers, and when, stands in
 * tests/spec.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <iommusim/ats.h>
#include <iommusim/memory.h>

#include "machine/unit_model.h"

#define READ_RIGHT  1
#define WRITE_RIGHT 2
#define BOTH        3

#define PAGE    UINT64_C(0x1000)
#define RID     0x0310
#define PHYS    UINT64_C(0x100000) /* of what is mapped without further words */
#define NOWHERE UINT64_MAX

/* ---- the unit ------------------------------------------------------------------------------------------ */

/* What the unit says of one page or range; of addresses without a row, that nothing is there. */
struct row {
	uint64_t address;
	uint64_t physical;
	uint8_t shift;
	uint8_t granted;
	bool only_pasid; /* of requests with a PASID, which then is */
	bool privileged;
	bool untranslated_only;
	bool non_snooped;
	bool refused;
	bool aborts;
	bool says_user; /* the answer's rights are those of users, whoever asked */
	uint32_t pasid;
};

struct unit {
	struct iommusim_unit unit; /* first */
	struct row rows[16];
	unsigned row_count;
	struct page_request log[64];
	unsigned log_count;
	bool refuses_translated, aborts_translated;
	/* Called in the middle of a request. */
	void (*meanwhile)(struct unit *unit, const struct page_request *request);
	struct iommusim_requester *device;
	bool slow[3]; /* by address type */
	_Atomic unsigned under_way, go_on;
	_Atomic bool completed;
};

static bool row_matches(const struct row *row, const struct page_request *request)
{
	return request->address >> row->shift == row->address >> row->shift &&
	    row->only_pasid == request->has_pasid &&
	    (!row->only_pasid || row->pasid == request->pasid) &&
	    row->privileged == request->privileged;
}

static void answer(
    const struct unit *unit, const struct page_request *request, struct iommusim_dma_page *page)
{
	page->translated = true;
	page->answered = true;
	for (unsigned i = 0; i < unit->row_count; i++) {
		const struct row *row = &unit->rows[i];

		if (!row_matches(row, request))
			continue;
		page->answered = !row->refused;
		page->faulted = row->refused;
		page->fault.class_ = row->refused ? IOMMUSIM_FAULT_BAD_ENTRY : IOMMUSIM_FAULT_NONE;
		page->fault.aborts = row->aborts;
		page->granted = row->granted;
		page->privileged = row->privileged && !row->says_user;
		page->untranslated_only = row->untranslated_only;
		page->non_snooped = row->non_snooped;
		page->page_shift = row->shift;
		page->physical = row->physical + (request->address - row->address);
		return;
	}
}

static void translate(struct iommusim_unit *base, const struct page_request *request,
    struct iommusim_dma_page *page, unsigned *rights)
{
	struct unit *unit = (struct unit *)(void *)base;

	(void)rights;
	unit->log[unit->log_count++ % 64] = *request;
	page->physical = request->address;
	if (request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST)
		answer(unit, request, page);
	if (request->address_type == IOMMUSIM_DMA_TRANSLATED && unit->refuses_translated) {
		page->faulted = true;
		page->fault.class_ = IOMMUSIM_FAULT_REQUEST_TYPE;
		page->fault.aborts = unit->aborts_translated;
	}
	if (unit->meanwhile != NULL)
		unit->meanwhile(unit, request);
}

static void destroy(struct iommusim_unit *unit)
{
	(void)unit;
}

static uint64_t read_nothing(struct iommusim_unit *unit, uint64_t offset, unsigned width)
{
	(void)unit;
	(void)offset;
	(void)width;
	return 0;
}

static const struct unit_model model = {
	.vendor = "test", .read = read_nothing, .translate = translate, .destroy = destroy
};

/* ---- a device under it --------------------------------------------------------------------------------- */

struct scene {
	struct iommusim_machine *machine;
	struct unit unit;
	struct iommusim_requester *device;
};

static const struct iommusim_ats_settings eight = { .entries = 8 };

static void start(struct scene *scene, const struct iommusim_ats_settings *settings)
{
	memset(scene, 0, sizeof(*scene));
	assert_int_equal(iommusim_machine_create(NULL, &scene->machine), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_memory_add(scene->machine, 0, 0x1000000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	scene->unit.unit.model = &model;
	scene->unit.unit.base = 0xfed90000;
	scene->unit.unit.length = 0x1000;
	assert_int_equal(unit_register(scene->machine, &scene->unit.unit), IOMMUSIM_OK);
	iommusim_unit_include_all(&scene->unit.unit);
	assert_int_equal(
	    iommusim_requester_create(scene->machine, 0, RID, &scene->device), IOMMUSIM_OK);
	scene->unit.device = scene->device;
	if (settings != NULL)
		assert_int_equal(iommusim_ats_enable(scene->device, settings), IOMMUSIM_OK);
}

static void stop(struct scene *scene)
{
	iommusim_machine_destroy(scene->machine);
}

static struct row *map(struct scene *scene, uint64_t address, uint64_t physical, uint8_t granted)
{
	struct row *row = &scene->unit.rows[scene->unit.row_count++];

	assert_true(scene->unit.row_count <= 16);
	*row =
	    (struct row){ .address = address, .physical = physical, .shift = 12, .granted = granted };
	return row;
}

static struct iommusim_ats_outcome dma(struct scene *scene, const struct iommusim_dma_request *request)
{
	struct iommusim_ats_outcome outcome;

	assert_int_equal(iommusim_ats_dma(scene->device, request, &outcome, NULL, 0), IOMMUSIM_OK);
	return outcome;
}

static struct iommusim_ats_page access_page(
    struct scene *scene, enum iommusim_dma_kind kind, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address, .length = 8, .kind = kind };
	const struct iommusim_ats_outcome outcome = dma(scene, &request);

	assert_int_equal(outcome.page_count, 1);
	return outcome.page;
}

static struct iommusim_ats_page read_page(struct scene *scene, uint64_t address)
{
	return access_page(scene, IOMMUSIM_DMA_READ, address);
}

static const struct page_request *logged(const struct scene *scene, unsigned back)
{
	assert_true(scene->unit.log_count >= back);
	return &scene->unit.log[(scene->unit.log_count - back) % 64];
}

static struct iommusim_ats_counters counters(struct scene *scene)
{
	struct iommusim_ats_counters counters;

	iommusim_ats_counters(scene->device, &counters);
	return counters;
}

static unsigned held(struct scene *scene)
{
	struct iommusim_ats_entry entry;
	size_t cursor = 0;
	unsigned count = 0;

	while (iommusim_ats_next(scene->device, &cursor, &entry))
		count++;
	return count;
}

static struct iommusim_ats_entry only_entry(struct scene *scene)
{
	struct iommusim_ats_entry entry;
	size_t cursor = 0;

	assert_int_equal(held(scene), 1);
	assert_true(iommusim_ats_next(scene->device, &cursor, &entry));
	return entry;
}

static bool holds(struct scene *scene, uint64_t address)
{
	struct iommusim_ats_entry entry;
	size_t cursor = 0;

	while (iommusim_ats_next(scene->device, &cursor, &entry))
		if (entry.address >> entry.shift == address >> entry.shift)
			return true;
	return false;
}

/* ---- asking and using ---------------------------------------------------------------------------------- */

static void a_device_without_ats_sends_what_it_has(void **state)
{
	struct scene scene;
	struct iommusim_ats_page page;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		start(&scene, i == 0 ? NULL : &(struct iommusim_ats_settings){ .no_write = true });
		map(&scene, 0x4000, PHYS, BOTH);
		page = read_page(&scene, 0x4010);
		assert_int_equal(page.way, IOMMUSIM_ATS_UNTRANSLATED);
		assert_false(page.asked);
		assert_int_equal(page.sent.physical, 0x4010);
		assert_int_equal(logged(&scene, 1)->address_type, IOMMUSIM_DMA_UNTRANSLATED);
		assert_int_equal(scene.unit.log_count, 1);
		assert_int_equal(counters(&scene).lookups, 0);
		stop(&scene);
	}
}

static void the_first_access_asks_and_the_next_one_knows(void **state)
{
	struct scene scene;
	struct iommusim_ats_page page;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH);
	page = read_page(&scene, 0x4ff8);
	assert_int_equal(page.way, IOMMUSIM_ATS_FRESH);
	assert_true(page.asked && page.answer.answered);
	assert_int_equal(page.granted, BOTH);
	assert_int_equal(page.address, 0x4ff8);
	assert_int_equal(page.length, 8);
	assert_int_equal(page.sent.physical, PHYS + 0xff8);
	assert_int_equal(scene.unit.log_count, 2);
	assert_int_equal(logged(&scene, 2)->address_type, IOMMUSIM_DMA_TRANSLATION_REQUEST);
	assert_int_equal(logged(&scene, 2)->address, 0x4000);
	assert_int_equal(logged(&scene, 2)->length, 8);
	assert_int_equal(logged(&scene, 1)->address_type, IOMMUSIM_DMA_TRANSLATED);
	page = access_page(&scene, IOMMUSIM_DMA_ATOMIC, 0x4000);
	assert_int_equal(page.way, IOMMUSIM_ATS_HIT);
	assert_false(page.asked);
	assert_int_equal(page.granted, BOTH);
	assert_int_equal(page.sent.physical, PHYS);
	assert_int_equal(scene.unit.log_count, 3);
	assert_int_equal(counters(&scene).lookups, 2);
	assert_int_equal(counters(&scene).hits, 1);
	assert_int_equal(counters(&scene).translation_requests, 1);
	stop(&scene);
}

/* From the middle of one page over a whole one into a third, whose translations lie apart. */
static void data_moves_where_each_page_leads(void **state)
{
	uint8_t out[0x1800], in[0x1800] = { 0 };
	const struct iommusim_dma_request write = {
		.address = 0x4c00, .length = sizeof(out), .kind = IOMMUSIM_DMA_WRITE, .data = out
	};
	struct iommusim_dma_request read = write;
	struct iommusim_ats_outcome outcome;
	struct iommusim_ats_page pages[3] = { [2] = { .address = 0x77 } };
	struct scene scene;
	uint8_t byte;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS + 5 * PAGE, BOTH);
	map(&scene, 0x5000, PHYS, BOTH);
	map(&scene, 0x6000, PHYS + 9 * PAGE, BOTH);
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(iommusim_ats_dma(scene.device, &write, &outcome, pages, 2), IOMMUSIM_OK);
	assert_int_equal(outcome.bytes_moved, sizeof(out));
	assert_int_equal(outcome.page_count, 3);
	assert_int_equal(outcome.fresh, 3);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_POSTED);
	assert_int_equal(outcome.page.address, 0x4c00);
	assert_int_equal(pages[0].length, 0x400);
	assert_int_equal(pages[1].address, 0x5000);
	assert_int_equal(pages[1].length, 0x1000);
	assert_int_equal(pages[1].sent.physical, PHYS);
	assert_int_equal(pages[2].address, 0x77); /* there was room for two */
	assert_int_equal(
	    iommusim_memory_read(scene.machine, PHYS + 9 * PAGE + 0x3ff, &byte, 1), IOMMUSIM_OK);
	assert_int_equal(byte, out[0x17ff]);
	read.kind = IOMMUSIM_DMA_READ;
	read.data = in;
	outcome = dma(&scene, &read);
	assert_int_equal(outcome.hits, 3);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	assert_memory_equal(in, out, sizeof(out));
	stop(&scene);
}

static void an_answer_serves_all_it_covers(void **state)
{
	struct iommusim_ats_entry entry;
	struct row *row;
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	row = map(&scene, 0x200000, 0x400000, BOTH);
	row->shift = 21;
	row->non_snooped = true;
	assert_int_equal(read_page(&scene, 0x2ff010).sent.physical, 0x4ff010);
	entry = only_entry(&scene);
	assert_int_equal(entry.address, 0x200000);
	assert_int_equal(entry.physical, 0x400000);
	assert_int_equal(entry.shift, 21);
	assert_int_equal(entry.granted, BOTH);
	assert_true(entry.non_snooped);
	assert_false(entry.has_pasid || entry.privileged || entry.untranslated_only);
	for (uint64_t address = 0x200000; address < 0x400000; address += 0x1ffff8) {
		const struct iommusim_ats_page page = read_page(&scene, address);

		assert_int_equal(page.way, IOMMUSIM_ATS_HIT);
		assert_int_equal(page.sent.physical, address + 0x200000);
	}
	assert_int_equal(read_page(&scene, 0x400000).way, IOMMUSIM_ATS_FAULT);
	stop(&scene);
}

/* What an entry has no room for is kept as the part around the address. */
static void an_entry_stands_for_no_more_than_the_device_can_hold(void **state)
{
	static const struct iommusim_ats_settings small = { .entries = 8, .largest_shift = 16 };
	struct iommusim_ats_entry entry;
	struct scene scene;

	(void)state;
	start(&scene, &small);
	map(&scene, 0x200000, 0x400000, BOTH)->shift = 21;
	map(&scene, 0x4000, PHYS, BOTH);
	assert_int_equal(read_page(&scene, 0x2ff010).sent.physical, 0x4ff010);
	entry = only_entry(&scene);
	assert_int_equal(entry.address, 0x2f0000);
	assert_int_equal(entry.physical, 0x4f0000);
	assert_int_equal(entry.shift, 16);
	assert_int_equal(read_page(&scene, 0x2f0000).way, IOMMUSIM_ATS_HIT);
	assert_int_equal(read_page(&scene, 0x300000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(held(&scene), 3);
	stop(&scene);
}

static void nothing_smaller_than_a_page_is_kept(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH)->shift = 0;
	assert_int_equal(read_page(&scene, 0x4ff8).sent.physical, PHYS + 0xff8);
	assert_int_equal(only_entry(&scene).shift, 12);
	assert_int_equal(read_page(&scene, 0x4008).way, IOMMUSIM_ATS_HIT);
	stop(&scene);
}

static void the_whole_address_space_can_be_one_entry(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0, 0, BOTH)->shift = 63;
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(read_page(&scene, 0xfffff8).way, IOMMUSIM_ATS_HIT);
	assert_int_equal(read_page(&scene, UINT64_MAX - 7).way, IOMMUSIM_ATS_FAULT);
	map(&scene, UINT64_MAX - 0xfff, PHYS, BOTH);
	assert_int_equal(read_page(&scene, UINT64_MAX - 7).sent.physical, PHYS + 0xff8);
	assert_int_equal(read_page(&scene, UINT64_MAX - 7).way, IOMMUSIM_ATS_HIT);
	stop(&scene);
}

/* ---- tags ---------------------------------------------------------------------------------------------- */

static struct iommusim_ats_page tagged(
    struct scene *scene, bool has_pasid, uint32_t pasid, bool privileged)
{
	const struct iommusim_dma_request request = { .address = 0x4000,
		.length = 8,
		.has_pasid = has_pasid,
		.pasid = pasid,
		.privileged = privileged,
		.tag = 0x700 + pasid };

	return dma(scene, &request).page;
}

/* Four that differ in nothing but their tags, of which none serves another. */
static void translations_belong_to_their_pasid_and_privilege(void **state)
{
	static const struct {
		bool has_pasid;
		uint32_t pasid;
		bool privileged;
	} tags[] = { { false, 0, false }, { true, 0, false }, { true, 5, false }, { true, 5, true } };
	struct iommusim_ats_entry entry;
	struct scene scene;
	size_t cursor = 0;

	(void)state;
	start(&scene, &eight);
	for (unsigned i = 0; i < 4; i++) {
		struct row *row = map(&scene, 0x4000, PHYS + i * PAGE, BOTH);

		row->only_pasid = tags[i].has_pasid;
		row->pasid = tags[i].pasid;
		row->privileged = tags[i].privileged;
	}
	for (unsigned i = 0; i < 8; i++) {
		const struct iommusim_ats_page page =
		    tagged(&scene, tags[i % 4].has_pasid, tags[i % 4].pasid, tags[i % 4].privileged);

		assert_int_equal(page.way, i < 4 ? IOMMUSIM_ATS_FRESH : IOMMUSIM_ATS_HIT);
		assert_int_equal(page.sent.physical, PHYS + i % 4 * PAGE);
		assert_int_equal(page.filled, 0x700 + tags[i % 4].pasid);
	}
	while (iommusim_ats_next(scene.device, &cursor, &entry)) {
		const uint64_t i = (entry.physical - PHYS) / PAGE;

		assert_int_equal(entry.has_pasid, tags[i].has_pasid);
		assert_int_equal(entry.pasid, tags[i].pasid);
		assert_int_equal(entry.privileged, tags[i].privileged);
		assert_int_equal(entry.tag, 0x700 + tags[i].pasid);
	}
	assert_int_equal(held(&scene), 4);
	stop(&scene);
}

/* Without has_pasid, pasid and privileged mean nothing. */
static void what_a_request_without_pasid_leaves_in_its_fields_is_no_tag(void **state)
{
	const struct iommusim_dma_request execute = { .address = 0x4000, .length = 8, .execute = true };
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH);
	assert_int_equal(tagged(&scene, false, 9, true).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(logged(&scene, 2)->tag, 0x709);
	assert_int_equal(tagged(&scene, false, 0, false).way, IOMMUSIM_ATS_HIT);
	assert_int_equal(dma(&scene, &execute).hits, 1);
	assert_int_equal(only_entry(&scene).pasid, 0);
	stop(&scene);
}

/* Rights of users are no privileged request's business, nor are they lost. */
static void the_answer_says_whose_rights_they_are(void **state)
{
	struct scene scene;
	struct row *row;

	(void)state;
	start(&scene, &eight);
	row = map(&scene, 0x4000, PHYS, BOTH);
	row->only_pasid = row->privileged = row->says_user = true;
	row->pasid = 5;
	assert_int_equal(tagged(&scene, true, 5, true).way, IOMMUSIM_ATS_FRESH);
	assert_false(only_entry(&scene).privileged);
	assert_int_equal(tagged(&scene, true, 5, true).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(tagged(&scene, true, 5, false).way, IOMMUSIM_ATS_HIT);
	stop(&scene);
}

/* With two buckets entries share one soon, whatever their tags are mixed to. */
static void entries_that_share_a_bucket_stay_apart(void **state)
{
	static const struct iommusim_ats_settings two = { .entries = 2 };
	struct scene scene;

	(void)state;
	for (uint32_t other = 0; other < 24; other++) {
		start(&scene, &two);
		for (uint32_t pasid = 100; pasid <= 101 + other; pasid += 1 + other) {
			struct row *row = map(&scene, 0x4000, PHYS + pasid * PAGE, BOTH);

			row->only_pasid = true;
			row->pasid = pasid;
			assert_int_equal(
			    tagged(&scene, true, pasid, false).sent.physical, PHYS + pasid * PAGE);
		}
		assert_int_equal(held(&scene), 2);
		stop(&scene);
		start(&scene, &two);
		map(&scene, 0, PHYS, READ_RIGHT)->shift = 12;
		read_page(&scene, 0);
		scene.unit.row_count = 0;
		map(&scene, 0, 0, BOTH)->shift = (uint8_t)(13 + other);
		access_page(&scene, IOMMUSIM_DMA_WRITE, 0);
		assert_int_equal(held(&scene), 2);
		stop(&scene);
	}
}

static void translated_requests_carry_the_pasid_where_the_device_does_so(void **state)
{
	struct iommusim_ats_settings settings = eight;
	struct scene scene;

	(void)state;
	for (unsigned sends = 0; sends < 2; sends++) {
		struct row *row;

		settings.sends_pasid = sends != 0;
		start(&scene, &settings);
		row = map(&scene, 0x4000, PHYS, BOTH);
		row->only_pasid = row->privileged = true;
		row->pasid = 5;
		tagged(&scene, true, 5, true);
		assert_true(logged(&scene, 2)->has_pasid && logged(&scene, 2)->privileged);
		assert_int_equal(logged(&scene, 2)->pasid, 5);
		assert_int_equal(logged(&scene, 1)->address_type, IOMMUSIM_DMA_TRANSLATED);
		assert_int_equal(logged(&scene, 1)->has_pasid, sends);
		assert_int_equal(logged(&scene, 1)->privileged, sends);
		stop(&scene);
	}
}

/* ---- rights -------------------------------------------------------------------------------------------- */

static void what_the_answer_does_not_allow_is_not_sent(void **state)
{
	static const enum iommusim_dma_kind kinds[] = { IOMMUSIM_DMA_READ, IOMMUSIM_DMA_WRITE,
		IOMMUSIM_DMA_ATOMIC };
	struct scene scene;

	(void)state;
	for (unsigned kind = 0; kind < 3; kind++)
		for (uint8_t granted = 0; granted <= BOTH; granted++) {
			const unsigned needed = kind == 2 ? BOTH : kind + 1;
			const bool enough = (granted & needed) == needed;
			struct iommusim_ats_page page;

			start(&scene, &eight);
			map(&scene, 0x4000, PHYS, granted);
			page = access_page(&scene, kinds[kind], 0x4000);
			assert_int_equal(page.way, enough ? IOMMUSIM_ATS_FRESH : IOMMUSIM_ATS_FAULT);
			assert_int_equal(page.granted, granted);
			assert_int_equal(scene.unit.log_count, enough ? 2 : 1);
			assert_int_equal(held(&scene), granted != 0);
			page = access_page(&scene, kinds[kind], 0x4000);
			assert_int_equal(page.way, enough ? IOMMUSIM_ATS_HIT : IOMMUSIM_ATS_FAULT);
			assert_int_equal(page.asked, !enough); /* each time anew (VT-d 7.1.2) */
			stop(&scene);
		}
}

static void a_fault_is_over_once_software_has_mended_it(void **state)
{
	struct scene scene;
	struct row *row;

	(void)state;
	start(&scene, &eight);
	row = map(&scene, 0x4000, PHYS, 0);
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_FAULT);
	row->granted = READ_RIGHT;
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(access_page(&scene, IOMMUSIM_DMA_WRITE, 0x4000).way, IOMMUSIM_ATS_FAULT);
	row->granted = BOTH; /* an upgrade needs no invalidation (VT-d 6.5.3.5) */
	assert_int_equal(access_page(&scene, IOMMUSIM_DMA_WRITE, 0x4000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(only_entry(&scene).granted, BOTH); /* one entry, in the place of the other */
	row->granted = 0;                                   /* nobody says so: it goes on */
	assert_int_equal(access_page(&scene, IOMMUSIM_DMA_WRITE, 0x4000).way, IOMMUSIM_ATS_HIT);
	stop(&scene);
}

/* An answer without the right that was wanted takes nothing away that the device had. */
static void an_answer_without_rights_leaves_what_was_kept(void **state)
{
	struct scene scene;
	struct row *row;

	(void)state;
	start(&scene, &eight);
	row = map(&scene, 0x4000, PHYS, READ_RIGHT);
	read_page(&scene, 0x4000);
	row->granted = 0;
	assert_int_equal(access_page(&scene, IOMMUSIM_DMA_WRITE, 0x4000).way, IOMMUSIM_ATS_FAULT);
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_HIT);
	stop(&scene);
}

/* Large page without the right, then a small one in it with it: both are kept, the right decides. */
static void of_two_sizes_the_one_with_the_right_serves(void **state)
{
	struct scene scene;
	struct row *row;

	(void)state;
	start(&scene, &eight);
	row = map(&scene, 0x200000, 0x400000, READ_RIGHT);
	row->shift = 21;
	read_page(&scene, 0x200000);
	scene.unit.row_count = 0;
	map(&scene, 0x201000, PHYS, WRITE_RIGHT);
	assert_int_equal(access_page(&scene, IOMMUSIM_DMA_WRITE, 0x201000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(held(&scene), 2);
	assert_int_equal(access_page(&scene, IOMMUSIM_DMA_WRITE, 0x201000).sent.physical, PHYS);
	assert_int_equal(read_page(&scene, 0x201000).sent.physical, 0x401000);
	map(&scene, 0x202000, PHYS, BOTH);
	assert_int_equal(access_page(&scene, IOMMUSIM_DMA_WRITE, 0x202000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(read_page(&scene, 0x202000).sent.physical, PHYS); /* the smaller one */
	stop(&scene);
}

static void a_read_of_nothing_needs_any_right(void **state)
{
	struct iommusim_dma_request flush = { .address = 0x4004 };
	struct scene scene;

	(void)state;
	start(&scene, &(struct iommusim_ats_settings){ .entries = 8, .no_write = true });
	map(&scene, 0x4000, PHYS, WRITE_RIGHT);
	map(&scene, 0x5000, PHYS, READ_RIGHT);
	assert_int_equal(dma(&scene, &flush).fresh, 1);
	assert_false(logged(&scene, 2)->no_write);
	assert_int_equal(dma(&scene, &flush).hits, 1);
	flush.address = 0x5000;
	assert_int_equal(dma(&scene, &flush).fresh, 1);
	flush.address = 0x6000;
	assert_int_equal(dma(&scene, &flush).faults, 1);
	stop(&scene);
}

static void nothing_grants_execution(void **state)
{
	const struct iommusim_dma_request execute = {
		.address = 0x4000, .length = 8, .has_pasid = true, .pasid = 5, .execute = true
	};
	struct scene scene;
	struct row *row;

	(void)state;
	start(&scene, &eight);
	row = map(&scene, 0x4000, PHYS, BOTH);
	row->only_pasid = true;
	row->pasid = 5;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(dma(&scene, &execute).faults, 1);
		assert_true(logged(&scene, 1)->execute);
		assert_int_equal(logged(&scene, 1)->address_type, IOMMUSIM_DMA_TRANSLATION_REQUEST);
	}
	assert_int_equal(tagged(&scene, true, 5, false).way, IOMMUSIM_ATS_HIT);
	stop(&scene);
}

static void only_what_is_to_be_read_is_asked_for_with_no_write(void **state)
{
	static const enum iommusim_dma_kind kinds[] = { IOMMUSIM_DMA_READ, IOMMUSIM_DMA_WRITE,
		IOMMUSIM_DMA_ATOMIC };
	struct scene scene;

	(void)state;
	for (unsigned no_write = 0; no_write < 2; no_write++)
		for (unsigned kind = 0; kind < 3; kind++) {
			start(&scene,
			    &(struct iommusim_ats_settings){ .entries = 8, .no_write = no_write != 0 });
			map(&scene, 0x4000, PHYS, BOTH);
			access_page(&scene, kinds[kind], 0x4000);
			assert_int_equal(logged(&scene, 2)->no_write, no_write && kind == 0);
			assert_int_equal(logged(&scene, 2)->kind, IOMMUSIM_DMA_READ);
			stop(&scene);
		}
}

/* ---- untranslated only, refused, denied ---------------------------------------------------------------- */

static void what_may_not_be_translated_goes_as_it_is(void **state)
{
	struct scene scene;
	struct iommusim_ats_page page;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, NOWHERE, WRITE_RIGHT)->untranslated_only = true;
	for (unsigned i = 0; i < 2; i++) {
		page = access_page(&scene, IOMMUSIM_DMA_WRITE, 0x4010);
		assert_int_equal(page.way, IOMMUSIM_ATS_UNTRANSLATED);
		assert_int_equal(page.asked, i == 0); /* that, too, is kept */
		assert_int_equal(page.sent.physical, 0x4010);
		assert_int_equal(logged(&scene, 1)->address_type, IOMMUSIM_DMA_UNTRANSLATED);
	}
	assert_true(only_entry(&scene).untranslated_only);
	assert_int_equal(read_page(&scene, 0x4010).way, IOMMUSIM_ATS_FAULT); /* R=0 */
	stop(&scene);
}

static void a_refusal_is_an_error_of_ats(void **state)
{
	struct scene scene;

	(void)state;
	for (unsigned aborts = 0; aborts < 2; aborts++) {
		struct iommusim_ats_page page;
		struct row *row;

		start(&scene, &eight);
		row = map(&scene, 0x4000, PHYS, BOTH);
		row->refused = true;
		row->aborts = aborts != 0;
		page = read_page(&scene, 0x4000);
		assert_int_equal(page.way, IOMMUSIM_ATS_REFUSED);
		assert_true(page.asked && page.answer.faulted);
		assert_int_equal(page.answer.fault.aborts, aborts);
		assert_int_equal(page.granted, 0);
		assert_int_equal(scene.unit.log_count, 1);
		assert_int_equal(held(&scene), 0);
		stop(&scene);
	}
}

static void where_there_is_no_unit_nobody_answers(void **state)
{
	struct iommusim_requester *elsewhere;
	struct iommusim_ats_outcome outcome;
	const struct iommusim_dma_request request = { .address = 0x4000, .length = 8 };
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	assert_int_equal(iommusim_requester_create(scene.machine, 7, RID, &elsewhere), IOMMUSIM_OK);
	assert_int_equal(iommusim_ats_enable(elsewhere, &eight), IOMMUSIM_OK);
	assert_int_equal(iommusim_ats_dma(elsewhere, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	assert_int_equal(outcome.page.way, IOMMUSIM_ATS_REFUSED);
	assert_true(outcome.page.answer.faulted);
	assert_int_equal(outcome.page.answer.fault.class_, IOMMUSIM_FAULT_REQUEST_TYPE);
	assert_int_equal(outcome.bytes_moved, 0);
	stop(&scene);
}

/* Pages that go each way in one request: what is counted, and which one is shown. */
static void a_request_completes_in_part(void **state)
{
	const struct iommusim_dma_request request = { .address = 0x4000, .length = 5 * PAGE };
	struct iommusim_ats_outcome outcome;
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH);
	map(&scene, 0x5000, PHYS, BOTH)->untranslated_only = true;
	map(&scene, 0x7000, PHYS, BOTH)->refused = true;
	map(&scene, 0x8000, PHYS, BOTH);
	read_page(&scene, 0x8000);
	outcome = dma(&scene, &request);
	assert_int_equal(outcome.page_count, 5);
	assert_int_equal(outcome.fresh, 1);
	assert_int_equal(outcome.untranslated, 1);
	assert_int_equal(outcome.faults, 1);
	assert_int_equal(outcome.refused, 1);
	assert_int_equal(outcome.hits, 1);
	assert_int_equal(outcome.denied, 0);
	assert_int_equal(outcome.bytes_moved, 3 * PAGE);
	assert_int_equal(outcome.page.address, 0x6000);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_SUCCESS);
	stop(&scene);
}

static void a_translated_request_may_be_denied_too(void **state)
{
	struct iommusim_dma_request request = { .address = 0x3000, .length = 3 * PAGE };
	struct iommusim_ats_outcome outcome;
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH);
	scene.unit.refuses_translated = true;
	map(&scene, 0x3000, NOWHERE, BOTH)->untranslated_only = true;
	outcome = dma(&scene, &request);
	assert_int_equal(outcome.denied, 1);
	assert_int_equal(outcome.faults, 1);
	assert_int_equal(outcome.page.address, 0x4000); /* the first that fell short */
	assert_true(outcome.page.sent.faulted);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
	assert_int_equal(outcome.bytes_moved, PAGE);
	scene.unit.aborts_translated = true;
	assert_int_equal(dma(&scene, &request).completion, IOMMUSIM_COMPLETION_COMPLETER_ABORT);
	scene.unit.refuses_translated = false;
	scene.unit.rows[0].physical = 0x80000000; /* no memory there */
	iommusim_ats_enable(scene.device, &eight);
	outcome = dma(&scene, &request);
	assert_true(outcome.denied == 0 && outcome.fresh == 1 && outcome.bytes_moved == PAGE);
	assert_int_equal(outcome.completion, IOMMUSIM_COMPLETION_UNSUPPORTED_REQUEST);
	/* Where nothing was sent there is nothing to be completed, not even as a write. */
	request.address = 0x8000;
	request.kind = IOMMUSIM_DMA_WRITE;
	assert_int_equal(dma(&scene, &request).completion, IOMMUSIM_COMPLETION_SUCCESS);
	stop(&scene);
}

static void malformed_requests_are_no_work(void **state)
{
	static const struct iommusim_dma_request bad[] = {
		{ .address = 0x4000, .length = 8, .address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST },
		{ .address = 0x4000, .length = 8, .address_type = IOMMUSIM_DMA_TRANSLATED },
		{ .address = 0x4000, .length = 0, .kind = IOMMUSIM_DMA_WRITE },
		{ .address = UINT64_MAX, .length = 2 },
		{ .address = 0x4000, .length = 8, .has_pasid = true, .pasid = 0x100000 },
	};
	struct iommusim_ats_outcome outcome;
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
		    iommusim_ats_dma(scene.device, &bad[i], &outcome, NULL, 0), IOMMUSIM_EINVAL);
	assert_int_equal(scene.unit.log_count, 0);
	assert_int_equal(counters(&scene).lookups, 0);
	stop(&scene);
}

/* ---- room ---------------------------------------------------------------------------------------------- */

static void the_entry_unused_longest_makes_room(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &(struct iommusim_ats_settings){ .entries = 3 });
	for (uint64_t i = 0; i < 5; i++)
		map(&scene, 0x4000 + i * PAGE, PHYS + i * PAGE, BOTH);
	for (uint64_t i = 0; i < 3; i++)
		read_page(&scene, 0x4000 + i * PAGE);
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_HIT);
	read_page(&scene, 0x7000);
	assert_int_equal(counters(&scene).evictions, 1);
	assert_true(holds(&scene, 0x4000) && !holds(&scene, 0x5000) && holds(&scene, 0x6000));
	read_page(&scene, 0x8000);
	assert_true(holds(&scene, 0x4000) && holds(&scene, 0x7000) && !holds(&scene, 0x6000));
	assert_int_equal(held(&scene), 3);
	assert_int_equal(counters(&scene).evictions, 2);
	assert_int_equal(counters(&scene).dropped, 0);
	stop(&scene);
}

static void a_new_answer_for_the_same_page_puts_nothing_else_out(void **state)
{
	struct scene scene;
	struct row *row;

	(void)state;
	start(&scene, &(struct iommusim_ats_settings){ .entries = 2 });
	map(&scene, 0x4000, PHYS, BOTH);
	row = map(&scene, 0x5000, PHYS + PAGE, READ_RIGHT);
	read_page(&scene, 0x4000);
	read_page(&scene, 0x5000);
	row->granted = BOTH;
	access_page(&scene, IOMMUSIM_DMA_WRITE, 0x5000);
	assert_int_equal(held(&scene), 2);
	assert_int_equal(counters(&scene).evictions, 0);
	stop(&scene);
}

static void one_entry_is_a_device_tlb(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &(struct iommusim_ats_settings){ .entries = 1 });
	map(&scene, 0x4000, PHYS, BOTH);
	map(&scene, 0x5000, PHYS, BOTH);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(read_page(&scene, 0x4000 + i % 2 * PAGE).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(only_entry(&scene).address, 0x5000);
	stop(&scene);
}

/* Many entries of three sizes: each page leads where it should, whatever shares its bucket. */
static void many_entries_do_not_get_mixed_up(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &(struct iommusim_ats_settings){ .entries = 100 });
	map(&scene, 0, 0, BOTH)->shift = 16;
	map(&scene, 0x800000, 0x400000, BOTH)->shift = 21;
	for (uint64_t i = 0; i < 14; i++)
		map(&scene, 0x40000000 + i * UINT64_C(0x100000), i * 0x100000, BOTH)->shift = 14;
	for (unsigned round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 14; i++)
			for (uint64_t page = 0; page < 4; page++) {
				const uint64_t offset = i * 0x100000 + page * PAGE;

				assert_int_equal(
				    read_page(&scene, 0x40000000 + offset).sent.physical, offset);
				assert_int_equal(
				    read_page(&scene, page * 4 * PAGE).sent.physical, page * 4 * PAGE);
				assert_int_equal(
				    read_page(&scene, 0x800000 + offset % 0x200000).sent.physical,
				    0x400000 + offset % 0x200000);
			}
	assert_int_equal(held(&scene), 16);
	assert_int_equal(counters(&scene).translation_requests, 16);
	stop(&scene);
}

/* ---- invalidation -------------------------------------------------------------------------------------- */

static bool invalidate(struct scene *scene, uint64_t first, uint64_t last)
{
	const struct requester_invalidation what = { .first = first, .last = last };

	return requester_invalidate(scene->machine, 0, RID, &what);
}

static void an_invalidation_takes_what_it_touches_and_nothing_else(void **state)
{
	static const struct {
		uint64_t first, last;
		bool small[3], large; /* what remains */
	} cases[] = {
		{ 0x5000, 0x5fff, { true, false, true }, true },
		{ 0x4000, 0x5fff, { false, false, true }, true },
		{ 0x7000, 0x1fffff, { true, true, true }, true },
		{ 0x200000, 0x200fff, { true, true, true }, false }, /* a part of the large page */
		{ 0x3ff000, 0x3fffff, { true, true, true }, false },
		{ 0x400000, UINT64_MAX, { true, true, true }, true },
		{ 0, UINT64_MAX, { false, false, false }, false },
	};
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned remaining = 0;

		start(&scene, &eight);
		for (uint64_t page = 0; page < 3; page++) {
			map(&scene, 0x4000 + page * PAGE, PHYS, BOTH);
			read_page(&scene, 0x4000 + page * PAGE);
		}
		map(&scene, 0x200000, 0x400000, BOTH)->shift = 21;
		read_page(&scene, 0x2ff000);
		assert_true(invalidate(&scene, cases[i].first, cases[i].last));
		for (uint64_t page = 0; page < 3; page++) {
			assert_int_equal(holds(&scene, 0x4000 + page * PAGE), cases[i].small[page]);
			remaining += cases[i].small[page];
		}
		assert_int_equal(holds(&scene, 0x200000), cases[i].large);
		remaining += cases[i].large;
		assert_int_equal(held(&scene), remaining);
		assert_int_equal(counters(&scene).invalidations, 1);
		assert_int_equal(counters(&scene).dropped, 4 - remaining);
		stop(&scene);
	}
}

/*
 * Without a PASID those without one, or all of them when all addresses are meant (VT-d Table 28); with
 * one those of it; global those of any.
 */
static void an_invalidation_keeps_to_its_pasid(void **state)
{
	static const struct {
		struct requester_invalidation what;
		bool none, five, six; /* what remains */
	} cases[] = {
		{ { .first = 0x4000, .last = 0x4fff }, false, true, true },
		{ { .last = UINT64_MAX >> 1 }, false, true, true },
		{ { .first = 0x1000, .last = UINT64_MAX }, false, true, true },
		{ { .last = UINT64_MAX }, false, false, false },
		{ { .last = UINT64_MAX, .has_pasid = true, .pasid = 5 }, true, false, true },
		{ { .last = UINT64_MAX, .has_pasid = true, .pasid = 7 }, true, true, true },
		{ { .last = UINT64_MAX, .has_pasid = true, .pasid = 0 }, true, true, true },
		{ { .last = UINT64_MAX, .has_pasid = true, .all_pasids = true }, true, false, false },
	};
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(&scene, &eight);
		map(&scene, 0x4000, PHYS, BOTH);
		tagged(&scene, false, 0, false);
		for (uint32_t pasid = 5; pasid <= 6; pasid++) {
			struct row *row = map(&scene, 0x4000, PHYS, BOTH);

			row->only_pasid = true;
			row->pasid = pasid;
			tagged(&scene, true, pasid, false);
		}
		assert_true(requester_invalidate(scene.machine, 0, RID, &cases[i].what));
		assert_int_equal(
		    tagged(&scene, false, 0, false).way == IOMMUSIM_ATS_HIT, cases[i].none);
		assert_int_equal(tagged(&scene, true, 5, false).way == IOMMUSIM_ATS_HIT, cases[i].five);
		assert_int_equal(tagged(&scene, true, 6, false).way == IOMMUSIM_ATS_HIT, cases[i].six);
		stop(&scene);
	}
}

/* A device that takes PCI Express at its word. */
static void an_invalidation_without_pasid_may_reach_those_with_one(void **state)
{
	static const uint64_t pages[] = { 0x4000, 0x5000 };
	struct scene scene;
	struct row *row;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		start(&scene, &(struct iommusim_ats_settings){ .entries = 8, .drops_pasids = true });
		row = map(&scene, 0x4000, PHYS, BOTH);
		row->only_pasid = true;
		row->pasid = 5;
		tagged(&scene, true, 5, false);
		assert_true(invalidate(&scene, pages[i], pages[i] + 0xfff));
		assert_int_equal(held(&scene), i);
		stop(&scene);
	}
}

/* Both privileges of a PASID. */
static void an_invalidation_does_not_look_at_privilege(void **state)
{
	const struct requester_invalidation what = {
		.first = 0x4000, .last = 0x4fff, .has_pasid = true, .pasid = 5
	};
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	for (unsigned privileged = 0; privileged < 2; privileged++) {
		struct row *row = map(&scene, 0x4000, PHYS, BOTH);

		row->only_pasid = true;
		row->pasid = 5;
		row->privileged = privileged != 0;
		tagged(&scene, true, 5, privileged != 0);
	}
	assert_int_equal(held(&scene), 2);
	assert_true(requester_invalidate(scene.machine, 0, RID, &what));
	assert_int_equal(held(&scene), 0);
	stop(&scene);
}

static void a_silent_device_drops_nothing(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH);
	read_page(&scene, 0x4000);
	iommusim_requester_answers(scene.device, false);
	assert_false(invalidate(&scene, 0, UINT64_MAX));
	assert_int_equal(held(&scene), 1);
	assert_int_equal(counters(&scene).invalidations, 0);
	iommusim_requester_answers(scene.device, true);
	assert_true(invalidate(&scene, 0, UINT64_MAX));
	assert_int_equal(held(&scene), 0);
	stop(&scene);
}

static void a_device_with_ats_off_answers(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	assert_true(invalidate(&scene, 0, UINT64_MAX));
	assert_int_equal(counters(&scene).invalidations, 1);
	assert_int_equal(counters(&scene).dropped, 0);
	assert_true(requester_invalidate(
	    scene.machine, 0, 0x1234, &(struct requester_invalidation){ .last = 0xfff }));
	stop(&scene);
}

/* A device may be several requesters of one id, with a device-TLB each: all of them are told. */
static void every_requester_of_the_id_is_told_and_no_other(void **state)
{
	static const struct {
		uint16_t segment, rid;
	} places[] = { { 0, RID }, { 0, RID }, { 1, RID }, { 0, RID + 1 } };
	const struct iommusim_dma_request request = { .address = 0x4000, .length = 8 };
	struct iommusim_requester *devices[4];
	struct scene scene;

	(void)state;
	start(&scene, NULL);
	map(&scene, 0x4000, PHYS, BOTH);
	for (unsigned i = 0; i < 4; i++) {
		struct iommusim_ats_outcome outcome;

		assert_int_equal(iommusim_requester_create(
				     scene.machine, places[i].segment, places[i].rid, &devices[i]),
		    IOMMUSIM_OK);
		assert_int_equal(iommusim_ats_enable(devices[i], &eight), IOMMUSIM_OK);
		assert_int_equal(
		    iommusim_ats_dma(devices[i], &request, &outcome, NULL, 0), IOMMUSIM_OK);
	}
	iommusim_requester_answers(devices[0], false);
	assert_false(invalidate(&scene, 0x4000, 0x4fff));
	for (unsigned i = 0; i < 4; i++) {
		struct iommusim_ats_counters counters;

		iommusim_ats_counters(devices[i], &counters);
		assert_int_equal(counters.invalidations, i == 1);
		assert_int_equal(counters.dropped, i == 1);
	}
	stop(&scene);
}

/* ---- beside each other --------------------------------------------------------------------------------- */

static void drop_everything(struct unit *unit, const struct page_request *request)
{
	const struct requester_invalidation what = { .last = UINT64_MAX };

	if (request->address_type == IOMMUSIM_DMA_TRANSLATION_REQUEST)
		ats_invalidate(requester_ats(unit->device), &what);
}

/* The request goes on with the answer, which is what the completion then waits for. */
static void an_answer_that_an_invalidation_overtook_is_not_kept(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH);
	scene.unit.meanwhile = drop_everything;
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(held(&scene), 0);
	scene.unit.meanwhile = NULL;
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(held(&scene), 1);
	stop(&scene);
}

static void take_time(struct unit *unit, const struct page_request *request)
{
	unsigned number;

	if (!unit->slow[request->address_type])
		return;
	number = atomic_fetch_add(&unit->under_way, 1);
	while (atomic_load(&unit->go_on) <= number)
		sched_yield();
}

static void *do_dma(void *context)
{
	struct scene *scene = context;
	const struct iommusim_dma_request request = { .address = 0x4000, .length = 8 };
	struct iommusim_ats_outcome outcome;

	iommusim_ats_dma(scene->device, &request, &outcome, NULL, 0);
	return NULL;
}

static void *do_invalidate(void *context)
{
	struct scene *scene = context;

	invalidate(scene, 0x4000, 0x4fff);
	atomic_store(&scene->unit.completed, true);
	return NULL;
}

static void *do_disable(void *context)
{
	struct scene *scene = context;

	iommusim_ats_disable(scene->device);
	atomic_store(&scene->unit.completed, true);
	return NULL;
}

static void *do_enable(void *context)
{
	struct scene *scene = context;

	iommusim_ats_enable(scene->device, &eight);
	atomic_store(&scene->unit.completed, true);
	return NULL;
}

/* One page of DMA, stopped in up to two requests; whoever takes translations away waits for all of it. */
struct wait_case {
	void *(*taker)(void *);
	bool asks_slowly, sends_slowly;
	bool knows; /* the device has the translation already */
};

static void await(const _Atomic unsigned *counter, unsigned value)
{
	while (atomic_load(counter) < value)
		sched_yield();
}

static void take_away_meanwhile(struct scene *scene, const struct wait_case *wait)
{
	const struct timespec a_while = { .tv_nsec = 20000000 };
	const unsigned stops = wait->asks_slowly + wait->sends_slowly;
	pthread_t device, software;

	scene->unit.slow[IOMMUSIM_DMA_TRANSLATION_REQUEST] = wait->asks_slowly;
	scene->unit.slow[IOMMUSIM_DMA_TRANSLATED] = wait->sends_slowly;
	scene->unit.meanwhile = take_time;
	assert_int_equal(pthread_create(&device, NULL, do_dma, scene), 0);
	await(&scene->unit.under_way, 1);
	assert_int_equal(pthread_create(&software, NULL, wait->taker, scene), 0);
	for (unsigned stop = 1; stop <= stops; stop++) {
		await(&scene->unit.under_way, stop);
		nanosleep(&a_while, NULL);
		assert_false(atomic_load(&scene->unit.completed));
		atomic_store(&scene->unit.go_on, stop);
	}
	assert_int_equal(pthread_join(device, NULL), 0);
	assert_int_equal(pthread_join(software, NULL), 0);
	assert_true(atomic_load(&scene->unit.completed));
}

static void completion_waits_for_the_request_under_way(void **state)
{
	static const struct wait_case cases[] = {
		{ do_invalidate, false, true, true },
		{ do_invalidate, false, true, false },
		{ do_invalidate, true, false, false },
		{ do_invalidate, true, true, false },
		{ do_disable, false, true, true },
		{ do_disable, true, true, false },
		{ do_enable, false, true, true },
		{ do_enable, true, true, false },
	};
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(&scene, &eight);
		map(&scene, 0x4000, PHYS, BOTH);
		if (cases[i].knows)
			read_page(&scene, 0x4000);
		take_away_meanwhile(&scene, &cases[i]);
		assert_int_equal(held(&scene), 0); /* nor is anything of it kept */
		stop(&scene);
	}
}

/* ---- on and off ---------------------------------------------------------------------------------------- */

static void what_was_kept_does_not_outlive_a_reset(void **state)
{
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH);
	read_page(&scene, 0x4000);
	iommusim_ats_disable(scene.device);
	assert_int_equal(held(&scene), 0);
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_UNTRANSLATED);
	assert_int_equal(iommusim_ats_enable(scene.device, &eight), IOMMUSIM_OK);
	assert_int_equal(held(&scene), 0);
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_FRESH);
	assert_int_equal(iommusim_ats_enable(scene.device, &eight), IOMMUSIM_OK); /* on as it is */
	assert_int_equal(held(&scene), 0);
	assert_int_equal(
	    iommusim_ats_enable(scene.device, &(struct iommusim_ats_settings){ 0 }), IOMMUSIM_OK);
	assert_int_equal(read_page(&scene, 0x4000).way, IOMMUSIM_ATS_UNTRANSLATED);
	iommusim_ats_disable(scene.device); /* it is off already */
	assert_int_equal(counters(&scene).translation_requests, 2);
	stop(&scene);
}

static void impossible_settings_change_nothing(void **state)
{
	static const struct iommusim_ats_settings bad[] = {
		{ .entries = IOMMUSIM_ATS_ENTRIES + 1 },
		{ .entries = 8, .largest_shift = 11 },
		{ .entries = 8, .largest_shift = 64 },
		{ .entries = 8, .largest_shift = 1 },
	};
	static const uint8_t good[] = { 12, 63 };
	struct scene scene;

	(void)state;
	start(&scene, &eight);
	map(&scene, 0x4000, PHYS, BOTH);
	read_page(&scene, 0x4000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(iommusim_ats_enable(scene.device, &bad[i]), IOMMUSIM_EINVAL);
		assert_int_equal(iommusim_machine_diagnostic(scene.machine)->status, IOMMUSIM_EINVAL);
		assert_int_equal(held(&scene), 1);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    iommusim_ats_enable(scene.device,
			&(struct iommusim_ats_settings){ .entries = 1, .largest_shift = good[i] }),
		    IOMMUSIM_OK);
	stop(&scene);
}

static bool out_of_memory;

static void *allocate(void *context, size_t size)
{
	(void)context;
	return out_of_memory ? NULL : malloc(size);
}

static void release(void *context, void *block, size_t size)
{
	(void)context;
	(void)size;
	free(block);
}

static void without_memory_the_device_tlb_stays_as_it_was(void **state)
{
	static const struct iommusim_allocator allocator = { .allocate = allocate, .release = release };
	const struct iommusim_machine_config config = { .allocator = &allocator };
	const struct iommusim_ats_settings more = { .entries = 16 };
	struct iommusim_requester *device;
	struct iommusim_machine *machine;

	(void)state;
	assert_int_equal(iommusim_machine_create(&config, &machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(machine, 0, RID, &device), IOMMUSIM_OK);
	assert_int_equal(iommusim_ats_enable(device, &eight), IOMMUSIM_OK);
	out_of_memory = true;
	assert_int_equal(iommusim_ats_enable(device, &more), IOMMUSIM_ENOMEM);
	assert_int_equal(requester_ats(device)->table == NULL, false);
	iommusim_ats_disable(device); /* needs none */
	assert_int_equal(iommusim_ats_enable(device, &more), IOMMUSIM_ENOMEM);
	out_of_memory = false;
	assert_int_equal(iommusim_ats_enable(device, &more), IOMMUSIM_OK);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_without_ats_sends_what_it_has),
		cmocka_unit_test(the_first_access_asks_and_the_next_one_knows),
		cmocka_unit_test(data_moves_where_each_page_leads),
		cmocka_unit_test(an_answer_serves_all_it_covers),
		cmocka_unit_test(an_entry_stands_for_no_more_than_the_device_can_hold),
		cmocka_unit_test(nothing_smaller_than_a_page_is_kept),
		cmocka_unit_test(the_whole_address_space_can_be_one_entry),
		cmocka_unit_test(translations_belong_to_their_pasid_and_privilege),
		cmocka_unit_test(what_a_request_without_pasid_leaves_in_its_fields_is_no_tag),
		cmocka_unit_test(the_answer_says_whose_rights_they_are),
		cmocka_unit_test(entries_that_share_a_bucket_stay_apart),
		cmocka_unit_test(translated_requests_carry_the_pasid_where_the_device_does_so),
		cmocka_unit_test(what_the_answer_does_not_allow_is_not_sent),
		cmocka_unit_test(a_fault_is_over_once_software_has_mended_it),
		cmocka_unit_test(an_answer_without_rights_leaves_what_was_kept),
		cmocka_unit_test(of_two_sizes_the_one_with_the_right_serves),
		cmocka_unit_test(a_read_of_nothing_needs_any_right),
		cmocka_unit_test(nothing_grants_execution),
		cmocka_unit_test(only_what_is_to_be_read_is_asked_for_with_no_write),
		cmocka_unit_test(what_may_not_be_translated_goes_as_it_is),
		cmocka_unit_test(a_refusal_is_an_error_of_ats),
		cmocka_unit_test(where_there_is_no_unit_nobody_answers),
		cmocka_unit_test(a_request_completes_in_part),
		cmocka_unit_test(a_translated_request_may_be_denied_too),
		cmocka_unit_test(malformed_requests_are_no_work),
		cmocka_unit_test(the_entry_unused_longest_makes_room),
		cmocka_unit_test(a_new_answer_for_the_same_page_puts_nothing_else_out),
		cmocka_unit_test(one_entry_is_a_device_tlb),
		cmocka_unit_test(many_entries_do_not_get_mixed_up),
		cmocka_unit_test(an_invalidation_takes_what_it_touches_and_nothing_else),
		cmocka_unit_test(an_invalidation_keeps_to_its_pasid),
		cmocka_unit_test(an_invalidation_without_pasid_may_reach_those_with_one),
		cmocka_unit_test(an_invalidation_does_not_look_at_privilege),
		cmocka_unit_test(a_silent_device_drops_nothing),
		cmocka_unit_test(a_device_with_ats_off_answers),
		cmocka_unit_test(every_requester_of_the_id_is_told_and_no_other),
		cmocka_unit_test(an_answer_that_an_invalidation_overtook_is_not_kept),
		cmocka_unit_test(completion_waits_for_the_request_under_way),
		cmocka_unit_test(what_was_kept_does_not_outlive_a_reset),
		cmocka_unit_test(impossible_settings_change_nothing),
		cmocka_unit_test(without_memory_the_device_tlb_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
