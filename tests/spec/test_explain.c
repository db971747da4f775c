/*
 * iommusim_walk() and iommusim_walk_interrupt(): a translation written down step by step, agreeing with
 * what DMA and interrupts do, and leaving no trace in caches, fault records, memory or time.
 */
#include "vtd_fixture.h"
#include "walked_step.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

static struct iommusim_walk walk_of(
    struct iommusim_requester *device, enum iommusim_dma_kind kind, uint64_t address, uint64_t length)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = length, .kind = kind
	};
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(device, &request, &walk), IOMMUSIM_OK);
	return walk;
}

static struct iommusim_walk read_walk(struct vtd_fixture *vtd, uint64_t address)
{
	return walk_of(vtd->device, IOMMUSIM_DMA_READ, address, 8);
}

static void a_walk_lists_every_entry_it_read(void **state)
{
	static const char *const names[] = { "SS-PML4E", "SS-PDPE", "SS-PDE", "SS-PTE" };
	const uint64_t input =
	    UINT64_C(0xc3) << 39 | UINT64_C(0x12f) << 30 | UINT64_C(0x7e) << 21 | UINT64_C(0xe1) << 12;
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, input, 0xabc000, 3);
	walk = read_walk(&vtd, input | 0x123);
	assert_string_equal(walk.unit_name, "VT-d");
	assert_int_equal(walk.unit_base, VTD_BASE);
	assert_string_equal(walk.mode, "second stage");
	assert_int_equal(walk.levels, 4);
	assert_int_equal(walk.address_width, 48);
	assert_null(walk.clause);
	assert_null(walk.reason);
	assert_true(walk.read_right && walk.write_right);
	assert_int_equal(walk.result.physical, 0xabc123);
	assert_int_equal(walk.step_count, 6);
	for (unsigned i = 0; i < 4; i++) {
		const struct iommusim_walk_step *step = &walk.steps[2 + i];
		const uint64_t at = vt_entry_at(&vtd, input, 4 - i);

		assert_string_equal(step->name, names[i]);
		assert_string_equal(step->section, "9.8");
		assert_int_equal(step->level, 4 - i);
		assert_int_equal(step->address, at);
		assert_int_equal(step->table, at & ~UINT64_C(0xfff));
		assert_int_equal(step->index, (at & 0xfff) / 8);
		assert_int_equal(step->raw[0], vt_load(&vtd, at));
		assert_int_equal(step->quads, 1);
		assert_true(step->readable && step->present);
		assert_int_equal(step->leaf, i == 3);
		assert_int_equal(step->next, i == 3 ? 0xabc000 : walk.steps[3 + i].table);
		assert_int_equal(field(step, "R")->value, 1);
	}
	vt_stop(&vtd);
}

static void a_walk_shows_root_and_context_entry_with_their_fields(void **state)
{
	const struct iommusim_walk_step *root, *context;
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	walk = read_walk(&vtd, 0x5000);
	root = &walk.steps[0];
	assert_string_equal(root->section, "9.1");
	assert_string_equal(root->structure, "root entry");
	assert_int_equal(root->table, vtd.root_table);
	assert_int_equal(root->index, 3);
	assert_int_equal(root->address, vt_root_at(&vtd));
	assert_int_equal(root->quads, 2);
	assert_int_equal(root->level, 0);
	assert_int_equal(root->next, vtd.context_table);
	assert_int_equal(field(root, "P")->value, 1);
	assert_string_equal(field(root, "P")->meaning, "Present");
	assert_int_equal(field(root, "CTP")->value, vtd.context_table >> 12);
	context = &walk.steps[1];
	assert_string_equal(context->section, "9.3");
	assert_int_equal(context->index, 0x10);
	assert_int_equal(context->address, vt_context_at(&vtd));
	assert_int_equal(context->raw[1], VTD_DOMAIN << 8 | 2);
	assert_int_equal(context->next, vtd.page_table);
	assert_int_equal(field(context, "DID")->value, VTD_DOMAIN);
	assert_int_equal(field(context, "DID")->low, 72);
	assert_int_equal(field(context, "DID")->high, 87);
	assert_int_equal(field(context, "AW")->value, 2);
	assert_int_equal(field(context, "FPD")->value, 0);
	vt_stop(&vtd);
}

static bool has_field(const struct iommusim_walk_step *step, const char *name)
{
	for (unsigned i = 0; i < step->field_count; i++)
		if (strcmp(step->fields[i].name, name) == 0)
			return true;
	return false;
}

/* PS means something in a PDE and a PDPE, SNP in a leaf; each level's address begins where its page does. */
static void each_paging_entry_is_decoded_as_what_it_is(void **state)
{
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned leaf = 1; leaf <= 3; leaf++) {
		vt_start_enabled(&vtd, &(struct vtd_setup){ .levels = 5 });
		vt_map_level(&vtd, 0x40000000, 0x80000000, 3 | BIT(11), leaf);
		walk = read_walk(&vtd, 0x40000000);
		assert_int_equal(walk.step_count, 2 + 5 - (leaf - 1));
		for (unsigned i = 2; i < walk.step_count; i++) {
			const struct iommusim_walk_step *step = &walk.steps[i];
			const unsigned low = step->level == leaf ? 12 + 9 * (leaf - 1) : 12;

			assert_int_equal(has_field(step, "PS"), step->level == 2 || step->level == 3);
			assert_int_equal(has_field(step, "SNP"), step->level == leaf);
			assert_int_equal(field(step, "ADDR")->low, low);
			assert_int_equal(step->raw[1], 0);
			assert_false(has_field(step, "IGN2")); /* ignored by hardware */
			assert_false(has_field(step, "TM"));   /* reserved on this unit */
		}
		vt_stop(&vtd);
	}
}

/* Where a present entry points, as its own address field says, even if other bits make it a fault. */
static void a_bad_entry_shows_where_it_points(void **state)
{
	static const struct {
		uint64_t raw, next;
		unsigned level; /* 0: the root entry, 6: the context entry */
		unsigned reason;
	} rows[] = {
		{ 0xffff000000005001, 0xffff000000005000, 0, 0xa },
		{ 0xffff000000005001, 0xffff000000005000, 6, 0xb },
		{ 0x5002, 0, 6, 0x2 },          /* not present: FPD alone does not make it so */
		{ 0x3fdff083, 0, 3, 0xc },      /* 29:12 are no part of the address of 1 GiB */
		{ 0x7ff083, 0x600000, 2, 0xc }, /* nor 20:12 of that of 2 MiB */
	};
	struct vtd_fixture vtd;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct iommusim_walk_step *step;
		struct iommusim_walk walk;

		vt_start_enabled(&vtd, NULL);
		vt_store(&vtd,
		    rows[i].level == 0       ? vt_root_at(&vtd)
			: rows[i].level == 6 ? vt_context_at(&vtd)
					     : vt_entry_at(&vtd, 0x4000, rows[i].level),
		    rows[i].raw);
		walk = read_walk(&vtd, 0x4000);
		step = &walk.steps[walk.step_count - 1];
		assert_int_equal(step->raw[0], rows[i].raw);
		assert_int_equal(step->present, (rows[i].raw & 1) != 0);
		assert_int_equal(step->next, rows[i].next);
		assert_int_equal(walk.result.fault.reason, rows[i].reason);
		vt_stop(&vtd);
	}
}

static void an_entry_where_no_memory_is_has_no_value(void **state)
{
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_store(&vtd, vt_root_at(&vtd), HOLE | 1);
	memset(&walk, 0x55, sizeof(walk));
	walk = read_walk(&vtd, 0x4000);
	assert_int_equal(walk.step_count, 2);
	assert_false(walk.steps[1].readable);
	assert_false(walk.steps[1].present);
	assert_int_equal(walk.steps[1].raw[0], 0);
	assert_int_equal(walk.steps[1].raw[1], 0);
	assert_int_equal(walk.steps[1].field_count, 0);
	assert_true(walk.read_right && walk.write_right); /* no paging entry took any away */
	vt_store(&vtd, vt_root_at(&vtd) + 8, 0x1234);
	assert_int_equal(read_walk(&vtd, 0x4000).steps[0].raw[1], 0x1234);
	vt_latch_root(&vtd, HOLE); /* nor has it what an entry before it had */
	walk = read_walk(&vtd, 0x4000);
	assert_int_equal(walk.step_count, 1);
	assert_false(walk.steps[0].readable);
	assert_int_equal(walk.steps[0].raw[0], 0);
	assert_int_equal(walk.steps[0].raw[1], 0);
	vt_stop(&vtd);
}

static void large_pages_end_a_walk_early(void **state)
{
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .levels = 5 });
	for (unsigned level = 2; level <= 3; level++) {
		const uint64_t input = level * BIT(40);
		struct iommusim_walk walk;

		vt_map_level(&vtd, input, 0x40000000, 1, level);
		walk = read_walk(&vtd, input + 0x12345);
		assert_int_equal(walk.levels, 5);
		assert_int_equal(walk.step_count, 2 + 5 - (level - 1));
		assert_true(walk.steps[walk.step_count - 1].leaf);
		assert_int_equal(walk.steps[walk.step_count - 1].next, 0x40000000);
		assert_int_equal(walk.result.physical, 0x40012345);
		assert_int_equal(walk.result.page_shift, 12 + 9 * (level - 1));
		assert_true(walk.read_right);
		assert_false(walk.write_right);
	}
	vt_stop(&vtd);
}

/* Everything a walk could touch and must not. */
static void a_walk_leaves_no_trace(void **state)
{
	struct iommusim_requester_counters before, after;
	struct vtd_fixture vtd;
	uint64_t now;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_set32(&vtd, R_FECTL, 0);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	iommusim_requester_counters(vtd.device, &before);
	now = iommusim_clock_now(vtd.machine);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(read_walk(&vtd, 0x5000).result.physical, 0x6000);
		assert_int_equal(read_walk(&vtd, 0x7000).result.fault.reason, 6);
		assert_int_equal(read_walk(&vtd, 0xfee00000).result.fault.reason, 0x29);
	}
	assert_int_equal(iommusim_clock_now(vtd.machine), now);
	iommusim_requester_counters(vtd.device, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	assert_int_equal(vt_records(&vtd), 0);
	vt_no_message(&vtd);
	assert_int_equal(vt_load(&vtd, vt_entry_at(&vtd, 0x5000, 1)), 0x6003);
	/* had it filled a cache, the change would not be seen */
	vt_map(&vtd, 0x5000, 0x8000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x8000);
	vt_stop(&vtd);
}

/* A walk tells what the tables say now, although a cache would still answer otherwise. */
static void a_walk_does_not_ask_the_caches(void **state)
{
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_unmap(&vtd, 0x5000);
	walk = read_walk(&vtd, 0x5000);
	assert_int_equal(walk.result.fault.reason, 6);
	assert_false(walk.result.cached);
	assert_int_equal(vt_output(&vtd, 0x5000), 0x6000);
	vt_store(&vtd, vt_context_at(&vtd), 0);
	assert_int_equal(read_walk(&vtd, 0x5000).result.fault.reason, 2);
	vt_stop(&vtd);
}

/* The same answer as DMA, but for what DMA alone does (recording, moving). */
static void assert_agrees(
    struct vtd_fixture *vtd, enum iommusim_dma_kind kind, uint64_t address, uint64_t length)
{
	const struct iommusim_walk walk = walk_of(vtd->device, kind, address, length);
	const struct iommusim_dma_page page = vt_access(vtd->device, kind, address, length);

	assert_int_equal(walk.result.faulted, page.faulted);
	assert_int_equal(walk.result.translated, page.translated);
	assert_int_equal(walk.result.address, page.address);
	assert_int_equal(walk.result.length, page.length);
	assert_int_equal(walk.result.domain, page.domain);
	assert_int_equal(walk.result.entry, page.entry);
	assert_int_equal(walk.result.page_shift, page.page_shift);
	assert_int_equal(walk.result.fault.class_, page.fault.class_);
	assert_int_equal(walk.result.fault.reason, page.fault.reason);
	assert_int_equal(walk.result.fault.suppressed, page.fault.suppressed);
	assert_memory_equal(walk.result.fault.record, page.fault.record, 16);
	assert_false(walk.result.fault.recorded);
	if (!page.faulted)
		assert_int_equal(walk.result.physical, page.physical);
	assert_int_equal(walk.clause != NULL, page.fault.reason != 0);
	assert_int_equal(walk.reason != NULL, page.fault.reason != 0);
}

static void a_walk_agrees_with_dma_about_pages(void **state)
{
	static const uint64_t entries[] = { 0, 0x6000, 0x6001, 0x6002, 0x6003, 0x4000000000006003,
		0xfee00003, 0xfedff003 };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
	for (unsigned disable = 0; disable < 2; disable++) {
		vt_store(&vtd, vt_context_at(&vtd), vtd.page_table | disable << 1 | 1);
		for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
			vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 1), entries[i]);
			for (unsigned kind = 0; kind < 3; kind++)
				assert_agrees(&vtd, (enum iommusim_dma_kind)kind, 0x5010, 16);
			assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0x5010, 0);
		}
		assert_agrees(&vtd, IOMMUSIM_DMA_READ, BIT(48), 8);
		assert_agrees(&vtd, IOMMUSIM_DMA_WRITE, UINT64_MAX - 7, 8);
	}
	vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 2), HOLE | 3);
	assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0x5000, 8);
	vt_stop(&vtd);
}

static void a_walk_agrees_with_dma_about_root_and_context(void **state)
{
	static const uint64_t contexts[] = { 0, 2, 0x10 | 1, 3 << 2 | 1, 2 << 2 | 1, HOLE | 1,
		HOLE | 3 };
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, &(struct vtd_setup){ .settings.cache = IOMMUSIM_CACHE_NONE });
	for (size_t i = 0; i < sizeof(contexts) / sizeof(*contexts); i++) {
		vt_store(&vtd, vt_context_at(&vtd), contexts[i]);
		assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0x5000, 8);
		assert_agrees(&vtd, IOMMUSIM_DMA_WRITE, 0x5000, 8);
	}
	vt_store(&vtd, vt_root_at(&vtd), HOLE | 1);
	assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0x5000, 8);
	vt_store(&vtd, vt_root_at(&vtd), 0);
	assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0x5000, 8);
	vt_latch_root(&vtd, HOLE);
	assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0x5000, 8);
	vt_latch_root(&vtd, vtd.root_table | 0x800);
	assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0x5000, 8);
	vt_stop(&vtd);
}

static void a_walk_agrees_with_dma_beside_the_tables(void **state)
{
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	for (unsigned on = 0; on < 2; on++) {
		if (on)
			vt_start_enabled(&vtd, NULL);
		else
			vt_start(&vtd, NULL);
		assert_agrees(&vtd, IOMMUSIM_DMA_WRITE, 0xfee00000, 4);
		assert_agrees(&vtd, IOMMUSIM_DMA_WRITE, 0xfee00000, 8);
		assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0xfee00000, 0);
		assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0xfeefffff, 1);
		assert_agrees(&vtd, IOMMUSIM_DMA_ATOMIC, 0xfee00000, 4);
		assert_agrees(&vtd, IOMMUSIM_DMA_READ, 0x5000, 8);
		walk = walk_of(vtd.device, IOMMUSIM_DMA_WRITE, 0xfee00000, 4);
		assert_true(walk.read_right && walk.write_right);
		walk = read_walk(&vtd, 0xfee00000);
		assert_string_equal(walk.mode, "interrupt range");
		assert_false(walk.read_right || walk.write_right);
		if (!on) {
			walk = read_walk(&vtd, 0x5000);
			assert_string_equal(walk.mode, "off");
			assert_true(walk.read_right && walk.write_right);
		}
		vt_stop(&vtd);
	}
}

static void typed_requests_are_explained_while_translation_is_off(void **state)
{
	const struct iommusim_dma_request request = {
		.address = 0x5000, .length = 8, .address_type = IOMMUSIM_DMA_TRANSLATED
	};
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_OK);
	assert_true(walk.result.faulted);
	assert_string_equal(walk.mode, "off");
	assert_int_equal(walk.result.fault.class_, IOMMUSIM_FAULT_REQUEST_TYPE);
	assert_false(walk.read_right || walk.write_right);
	vt_stop(&vtd);
}

static void a_walk_stops_at_the_entry_that_decides(void **state)
{
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_map(&vtd, 0x5000, 0x6000, 3);
	vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 2), 0);
	walk = read_walk(&vtd, 0x5000);
	assert_int_equal(walk.step_count, 5);
	assert_false(walk.steps[4].present);
	assert_int_equal(walk.steps[4].level, 2);
	assert_string_equal(walk.clause, "VT-d 7.1.3 LGN.3");
	vt_store(&vtd, vt_entry_at(&vtd, 0x5000, 2), HOLE | 3);
	walk = read_walk(&vtd, 0x5000);
	assert_int_equal(walk.step_count, 6);
	assert_false(walk.steps[5].readable);
	assert_int_equal(walk.steps[5].address, HOLE | 5 << 3);
	assert_int_equal(walk.steps[5].field_count, 0);
	vt_store(&vtd, vt_root_at(&vtd), 0);
	walk = read_walk(&vtd, 0x5000);
	assert_int_equal(walk.step_count, 1);
	assert_int_equal(walk.levels, 0);
	vt_store(&vtd, vt_root_at(&vtd), vtd.context_table | 2); /* P is bit 0 alone (VT-d 9.1) */
	walk = read_walk(&vtd, 0x5000);
	assert_int_equal(walk.step_count, 1);
	assert_false(walk.steps[0].present);
	assert_int_equal(walk.steps[0].next, 0);
	vt_stop(&vtd);
}

static void pass_through_needs_no_paging_entries(void **state)
{
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	vt_store(&vtd, vt_context_at(&vtd), 2 << 2 | 1);
	walk = read_walk(&vtd, 0x5678);
	assert_string_equal(walk.mode, "pass-through");
	assert_int_equal(walk.step_count, 2);
	assert_int_equal(walk.levels, 0);
	assert_int_equal(walk.address_width, 0);
	assert_int_equal(walk.result.physical, 0x5678);
	assert_true(walk.read_right && walk.write_right);
	vt_stop(&vtd);
}

static void a_requester_no_unit_governs_goes_straight_to_memory(void **state)
{
	struct iommusim_requester *device;
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	assert_int_equal(iommusim_requester_create(vtd.machine, 1, VTD_RID, &device), IOMMUSIM_OK);
	walk = walk_of(device, IOMMUSIM_DMA_WRITE, 0x5000, 8);
	assert_null(walk.unit_name);
	assert_string_equal(walk.mode, "no unit");
	assert_int_equal(walk.step_count, 0);
	assert_int_equal(walk.result.physical, 0x5000);
	assert_false(walk.result.faulted);
	vt_stop(&vtd);
}

static void a_malformed_request_is_not_walked(void **state)
{
	const struct iommusim_dma_request request = { .kind = IOMMUSIM_DMA_WRITE };
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start_enabled(&vtd, NULL);
	assert_int_equal(iommusim_walk(vtd.device, &request, &walk), IOMMUSIM_EINVAL);
	vt_stop(&vtd);
}

/* ---- interrupts ------------------------------------------------------------------------------------- */

static uint64_t start_remapping(struct vtd_fixture *vtd, const struct vtd_setup *setup, uint64_t irta)
{
	uint64_t table;

	vt_start(vtd, setup);
	table = vt_page(vtd);
	vt_set64(vtd, R_IRTA, table | irta);
	vt_set32(vtd, R_GCMD, G_SIRTP);
	vt_command(vtd, G_IRE, true);
	return table;
}

static struct iommusim_walk interrupt_walk(
    struct vtd_fixture *vtd, uint64_t address, uint32_t data, struct iommusim_interrupt *out)
{
	struct iommusim_walk walk;

	assert_int_equal(iommusim_walk_interrupt(vtd->device, address, data, out, &walk), IOMMUSIM_OK);
	return walk;
}

static void an_interrupt_walk_shows_the_request_and_its_entry(void **state)
{
	const struct iommusim_walk_step *request, *entry;
	struct iommusim_interrupt out;
	struct iommusim_walk walk;
	struct vtd_fixture vtd;
	uint64_t table;

	(void)state;
	table = start_remapping(&vtd, NULL, 3);
	vt_store(&vtd, table + 0x98, 0x40310);
	vt_store(&vtd, table + 0x90, UINT64_C(0x0000020000310001));
	walk = interrupt_walk(&vtd, 0xfee000f8, 2, &out); /* handle 7, SHV, subhandle 2 */
	assert_string_equal(walk.mode, "remapped interrupt, xAPIC");
	assert_null(walk.clause);
	assert_false(walk.result.faulted);
	assert_true(walk.result.interrupt);
	assert_int_equal(out.address, 0xfee02000);
	assert_int_equal(out.data, 0x4031);
	assert_int_equal(walk.step_count, 2);
	request = &walk.steps[0];
	assert_true(request->on_bus && request->readable && request->present);
	assert_string_equal(request->name, "interrupt request");
	assert_string_equal(request->structure, "interrupt request in remappable format");
	assert_string_equal(request->section, "5.1.2.2");
	assert_int_equal(request->quads, 2);
	assert_int_equal(request->raw[0], 0xfee000f8);
	assert_int_equal(request->raw[1], 2);
	assert_int_equal(field(request, "HANDLE")->value, 7);
	assert_int_equal(field(request, "SHV")->value, 1);
	assert_int_equal(field(request, "SUBHANDLE")->value, 2);
	entry = &walk.steps[1];
	assert_false(entry->on_bus);
	assert_string_equal(entry->name, "IRTE");
	assert_string_equal(entry->structure, "interrupt remapping table entry");
	assert_int_equal(entry->quads, 2);
	assert_string_equal(entry->section, "9.9");
	assert_int_equal(entry->table, table);
	assert_int_equal(entry->index, 9);
	assert_int_equal(entry->address, table + 0x90);
	assert_true(entry->readable && entry->present);
	assert_int_equal(entry->raw[1], 0x40310);
	assert_int_equal(field(entry, "V")->value, 0x31);
	assert_int_equal(field(entry, "SID")->value, 0x310);
	vt_stop(&vtd);
}

static void an_interrupt_walk_leaves_no_trace(void **state)
{
	const uint64_t address = 0xfee00010;
	struct iommusim_interrupt out;
	struct iommusim_walk walk;
	struct vtd_fixture vtd;
	uint64_t table;

	(void)state;
	table = start_remapping(&vtd, NULL, 0);
	walk = interrupt_walk(&vtd, address, 0, NULL);
	assert_int_equal(walk.result.fault.reason, 0x22);
	assert_string_equal(walk.clause, "VT-d 5.1.4.1");
	assert_int_equal(vt_get32(&vtd, R_FSTS), 0);
	assert_int_equal(vt_records(&vtd), 0);
	vt_store(&vtd, table, UINT64_C(0x11) << 16 | 1);
	assert_false(interrupt_walk(&vtd, address, 0, &out).result.faulted);
	assert_int_equal(out.data, 0x4011);
	vt_no_message(&vtd);
	vt_store(
	    &vtd, table, UINT64_C(0x22) << 16 | 1); /* had it filled a cache, this would not show */
	assert_int_equal(iommusim_requester_interrupt(vtd.device, address, 0, &out, NULL), IOMMUSIM_OK);
	assert_int_equal(out.data, 0x4022);
	vt_store(&vtd, table, UINT64_C(0x33) << 16 | 1); /* nor does it ask one */
	interrupt_walk(&vtd, address, 0, &out);
	assert_int_equal(out.data, 0x4033);
	vt_stop(&vtd);
}

static void an_interrupt_walk_agrees_with_the_interrupt(void **state)
{
	static const struct {
		uint64_t irta, low, high, address;
		uint32_t data;
		unsigned steps;
		const char *mode;
	} rows[] = {
		{ 0, 1, 0, 0xfee00010, 0, 2, "remapped interrupt, xAPIC" },
		{ 0x800, 1, 0, 0xfee00010, 0, 2, "remapped interrupt, x2APIC" },
		{ 0, 0, 0, 0xfee00010, 0, 2, "remapped interrupt, xAPIC" },
		{ 0, 3, 0x49999, 0xfee00010, 0, 2, "remapped interrupt, xAPIC" },
		{ 0, 0x1001, 0, 0xfee00010, 0, 2, "remapped interrupt, xAPIC" },
		{ 0, 1, 0, 0xfee00050, 0, 1, "remapped interrupt, xAPIC" },
		{ 0, 1, 0, 0xfee00018, 0x10000, 1, "remapped interrupt, xAPIC" },
		{ 0, 1, 0, 0xfee01000, 0x31, 0, "compatibility interrupt" },
		{ HOLE, 1, 0, 0xfee00010, 0, 2, "remapped interrupt, xAPIC" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct iommusim_interrupt out, sent;
		struct iommusim_fault fault;
		struct iommusim_walk walk;
		struct vtd_fixture vtd;
		uint64_t table;

		table = start_remapping(&vtd, NULL, rows[i].irta);
		vt_store(&vtd, table + 8, rows[i].high);
		vt_store(&vtd, table, rows[i].low);
		walk = interrupt_walk(&vtd, rows[i].address, rows[i].data, &out);
		assert_int_equal(iommusim_requester_interrupt(
				     vtd.device, rows[i].address, rows[i].data, &sent, &fault),
		    IOMMUSIM_OK);
		assert_string_equal(walk.mode, rows[i].mode);
		assert_int_equal(walk.step_count, rows[i].steps);
		if (rows[i].steps == 2)
			assert_int_equal(walk.steps[1].field_count > 0, rows[i].irta != HOLE);
		assert_int_equal(walk.result.fault.reason, fault.reason);
		assert_int_equal(walk.result.fault.suppressed, fault.suppressed);
		assert_memory_equal(walk.result.fault.record, fault.record, 16);
		assert_int_equal(walk.result.faulted, fault.reason != 0);
		assert_int_equal(walk.clause != NULL, fault.reason != 0);
		assert_true(walk.result.translated);
		assert_int_equal(walk.result.interrupt, fault.reason == 0);
		assert_int_equal(walk.write_right, fault.reason == 0);
		assert_int_equal(out.address, sent.address);
		assert_int_equal(out.data, sent.data);
		vt_stop(&vtd);
	}
}

static void an_interrupt_that_no_unit_remaps_passes(void **state)
{
	struct iommusim_requester *device;
	struct iommusim_interrupt out;
	struct iommusim_walk walk;
	struct vtd_fixture vtd;

	(void)state;
	vt_start(&vtd, NULL);
	walk = interrupt_walk(&vtd, 0xfee01000, 0x31, &out);
	assert_string_equal(walk.mode, "off");
	assert_int_equal(out.data, 0x31);
	assert_int_equal(iommusim_requester_create(vtd.machine, 1, VTD_RID, &device), IOMMUSIM_OK);
	assert_int_equal(iommusim_walk_interrupt(device, 0xfee01000, 0x31, &out, &walk), IOMMUSIM_OK);
	assert_string_equal(walk.mode, "no unit");
	assert_false(walk.result.faulted);
	assert_int_equal(
	    iommusim_walk_interrupt(device, 0xfee01002, 0x31, &out, &walk), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_walk_interrupt(device, 0xfed00000, 0x31, &out, &walk), IOMMUSIM_EINVAL);
	vt_stop(&vtd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_lists_every_entry_it_read),
		cmocka_unit_test(a_walk_shows_root_and_context_entry_with_their_fields),
		cmocka_unit_test(each_paging_entry_is_decoded_as_what_it_is),
		cmocka_unit_test(a_bad_entry_shows_where_it_points),
		cmocka_unit_test(an_entry_where_no_memory_is_has_no_value),
		cmocka_unit_test(large_pages_end_a_walk_early),
		cmocka_unit_test(a_walk_leaves_no_trace),
		cmocka_unit_test(a_walk_does_not_ask_the_caches),
		cmocka_unit_test(a_walk_agrees_with_dma_about_pages),
		cmocka_unit_test(a_walk_agrees_with_dma_about_root_and_context),
		cmocka_unit_test(a_walk_agrees_with_dma_beside_the_tables),
		cmocka_unit_test(typed_requests_are_explained_while_translation_is_off),
		cmocka_unit_test(a_walk_stops_at_the_entry_that_decides),
		cmocka_unit_test(pass_through_needs_no_paging_entries),
		cmocka_unit_test(a_requester_no_unit_governs_goes_straight_to_memory),
		cmocka_unit_test(a_malformed_request_is_not_walked),
		cmocka_unit_test(an_interrupt_walk_shows_the_request_and_its_entry),
		cmocka_unit_test(an_interrupt_walk_leaves_no_trace),
		cmocka_unit_test(an_interrupt_walk_agrees_with_the_interrupt),
		cmocka_unit_test(an_interrupt_that_no_unit_remaps_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
