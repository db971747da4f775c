/*
 * iommusim_walk() on AMD-Vi units: DMA entry by entry, with the clause that decides; nothing is cached, logged or
 * changed by it.
 */
#include "amdvi_fixture.h"

static const struct iommusim_walk *walk_of(
    struct amd_fixture *amd, const struct iommusim_dma_request *request)
{
	static struct iommusim_walk walk;

	assert_int_equal(iommusim_walk(amd->device, request, &walk), IOMMUSIM_OK);
	assert_string_equal(walk.unit_name, "AMD-Vi");
	assert_int_equal(walk.unit_base, AMD_BASE);
	assert_int_equal(am_events(amd), 0);
	return &walk;
}

static const struct iommusim_walk *walk_read(struct amd_fixture *amd, uint64_t address)
{
	const struct iommusim_dma_request request = { .address = address, .length = 8 };

	return walk_of(amd, &request);
}

static uint64_t field(const struct iommusim_walk_step *step, const char *name)
{
	for (unsigned i = 0; i < step->field_count; i++)
		if (strcmp(step->fields[i].name, name) == 0)
			return step->fields[i].value;
	fail_msg("no field %s", name);
	return 0;
}

static void a_walk_through_host_tables(void **state)
{
	const struct iommusim_walk *walk;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_map(&amd, 0x8000005000, 0x9000, 1);
	walk = walk_read(&amd, 0x8000005008);
	assert_string_equal(walk->mode, "host tables");
	assert_int_equal(walk->levels, 4);
	assert_int_equal(walk->address_width, 48);
	assert_null(walk->clause);
	assert_true(walk->read_right);
	assert_false(walk->write_right);
	assert_int_equal(walk->result.physical, 0x9008);
	assert_int_equal(walk->result.domain, AMD_DOMAIN);
	assert_int_equal(walk->step_count, 5);
	assert_string_equal(walk->steps[0].name, "DTE");
	assert_int_equal(walk->steps[0].address, am_dte_at(&amd, AMD_RID));
	assert_int_equal(walk->steps[0].index, AMD_RID);
	assert_int_equal(walk->steps[0].next, amd.page_table);
	assert_int_equal(field(&walk->steps[0], "DOMAIN_ID"), AMD_DOMAIN);
	assert_int_equal(field(&walk->steps[0], "MODE"), 4);
	for (unsigned i = 1; i <= 4; i++) {
		const struct iommusim_walk_step *step = &walk->steps[i];

		assert_string_equal(step->name, i == 4 ? "PTE" : "PDE");
		assert_int_equal(step->level, 5 - i);
		assert_int_equal(step->stage, 2);
		assert_int_equal(step->address, am_entry_at(&amd, 0x8000005000, 5 - i));
		assert_int_equal(step->input, 0x8000005008);
		assert_true(step->present);
		assert_int_equal(step->leaf, i == 4);
		assert_int_equal(walk->steps[i - 1].next, step->table);
	}
	assert_int_equal(walk->steps[4].next, 0x9000);
	assert_int_equal(walk->steps[1].index, 1);
	am_stop(&amd);
}

/* Six levels are 66 bits, of which addresses have 64. */
static void a_walk_through_six_levels(void **state)
{
	const struct amd_setup setup = { .mode = 6 };
	const struct iommusim_walk *walk;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, &setup);
	am_map(&amd, UINT64_C(0xfffffffffffff000), 0x9000, 3);
	walk = walk_read(&amd, UINT64_C(0xfffffffffffff008));
	assert_int_equal(walk->levels, 6);
	assert_int_equal(walk->address_width, 64);
	assert_int_equal(walk->result.physical, 0x9008);
	assert_int_equal(walk->step_count, 7);
	am_stop(&amd);
}

/* Mode 0, GuestPagingMode 1. Bits 11:9 of guest entries are software's, here 7 as in host entries of coded size. */
static void a_walk_through_guest_tables_of_five_levels(void **state)
{
	static const char *const names[] = { "guest PML5E", "guest PML4E", "guest PDPE", "guest PDE",
		"guest PTE" };
	const struct iommusim_dma_request request = {
		.address = 0x5008, .length = 8, .has_pasid = true, .pasid = 5
	};
	const struct iommusim_walk *walk;
	struct amd_fixture amd;
	uint64_t dte[4], gcr3, tables;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_control(&amd, C_GT_EN, 0);
	gcr3 = am_page(&amd);
	tables = am_pages(&amd, 5);
	am_store(&amd, gcr3 + 5 * UINT64_C(8), tables | 1);
	for (unsigned i = 0; i < 4; i++)
		am_store(
		    &amd, tables + i * UINT64_C(0x1000), (tables + (i + 1) * UINT64_C(0x1000)) | 0xe07);
	am_store(&amd, tables + 0x4000 + 5 * UINT64_C(8), 0x9000 | 0xe07);
	am_plain_dte(&amd, dte);
	dte[0] = 3 | BIT(55) | BIT(61) | BIT(62) | (gcr3 >> 12 & 7) << 58;
	dte[1] |= (gcr3 >> 15 & 0xffff) << 16;
	dte[2] = BIT(54);
	am_set_dte(&amd, AMD_RID, dte);
	walk = walk_of(&amd, &request);
	assert_string_equal(walk->mode, "guest tables");
	assert_int_equal(walk->levels, 5);
	assert_int_equal(walk->address_width, 57);
	assert_int_equal(walk->result.physical, 0x9008);
	assert_int_equal(walk->step_count, 7);
	assert_int_equal(walk->steps[1].next, tables);
	for (unsigned i = 0; i < 5; i++) {
		const struct iommusim_walk_step *step = &walk->steps[2 + i];

		assert_string_equal(step->name, names[i]);
		assert_int_equal(step->level, 5 - i);
		assert_int_equal(step->table, tables + i * UINT64_C(0x1000));
		assert_int_equal(step->next, i < 4 ? tables + (i + 1) * UINT64_C(0x1000) : 0x9000);
	}
	am_stop(&amd);
}

/* IR and IW of the device table entry take away what the tables give. */
static void rights_are_those_of_tables_and_entry_together(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	am_start_enabled(&amd, NULL);
	am_map(&amd, 0x5000, 0x9000, 3);
	am_plain_dte(&amd, dte);
	for (unsigned rights = 1; rights <= 3; rights++) {
		const struct iommusim_dma_request request = { .address = 0x5000,
			.length = 8,
			.kind = rights == 2 ? IOMMUSIM_DMA_WRITE : IOMMUSIM_DMA_READ };
		const struct iommusim_walk *walk;

		dte[0] = (dte[0] & ~(UINT64_C(3) << 61)) | (uint64_t)rights << 61;
		am_set_dte(&amd, AMD_RID, dte);
		walk = walk_of(&amd, &request);
		assert_false(walk->result.faulted);
		assert_int_equal(walk->read_right, rights != 2);
		assert_int_equal(walk->write_right, rights != 1);
	}
	am_stop(&amd);
}

/* The device table ends before the device: there is no entry to show. */
static void of_a_device_beyond_the_table_there_is_no_step(void **state)
{
	const struct iommusim_walk *walk;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_set64(&amd, A_DEVTAB, amd.device_table | 5);
	walk = walk_read(&amd, 0x5000);
	assert_true(walk->result.faulted);
	assert_true(walk->result.translated);
	assert_string_equal(walk->clause, "AMD-Vi 2.2.2");
	assert_int_equal(walk->step_count, 0);
	am_stop(&amd);
}

static void levels_left_out_are_not_on_the_path(void **state)
{
	const struct iommusim_walk *walk;
	struct amd_fixture amd;
	uint64_t table;

	(void)state;
	am_start_enabled(&amd, NULL);
	table = am_page(&amd);
	am_store(&amd, amd.page_table, table | 1 | 1 << 9 | BIT(61) | BIT(62));
	am_store(&amd, table + 8, 0x27000 | 1 | 7 << 9 | BIT(61)); /* 64 KiB */
	walk = walk_read(&amd, 0x1008);
	assert_int_equal(walk->step_count, 3);
	assert_int_equal(walk->steps[1].level, 4);
	assert_int_equal(walk->steps[2].level, 1);
	assert_int_equal(walk->steps[2].next, 0x20000);
	assert_int_equal(walk->result.page_shift, 16);
	assert_int_equal(walk->result.physical, 0x21008);
	am_stop(&amd);
}

static void a_fault_names_its_rule_and_is_not_logged(void **state)
{
	const struct iommusim_walk *walk;
	struct iommusim_dma_page page;
	struct amd_fixture amd;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_map(&amd, 0x5000, 0x9000, 3);
	am_store(&amd, am_entry_at(&amd, 0x5000, 1), 1 | BIT(52) | BIT(61));
	walk = walk_read(&amd, 0x5000);
	assert_true(walk->result.faulted);
	assert_string_equal(walk->clause, "AMD-Vi 2.2.3");
	assert_string_equal(walk->reason, "a reserved bit in a host page table entry");
	assert_int_equal(walk->result.fault.class_, IOMMUSIM_FAULT_BAD_ENTRY);
	assert_int_equal(walk->step_count, 5);
	page = am_access(amd.device, IOMMUSIM_DMA_READ, 0x5000, 8);
	assert_int_equal(page.fault.record[0], walk->result.fault.record[0]);
	assert_int_equal(page.fault.record[1], walk->result.fault.record[1]);
	am_stop(&amd);
}

/* Guest entries, and below each of them the host's: DTE, GCR3 entry, 4 * (4 + 1), 4 for the page. */
static void a_nested_walk_shows_both_tables(void **state)
{
	const struct iommusim_dma_request request = {
		.address = 0x5008, .length = 8, .has_pasid = true, .pasid = 5
	};
	const struct iommusim_walk *walk;
	struct amd_fixture amd;
	uint64_t dte[4], gcr3, tables;

	(void)state;
	am_start_enabled(&amd, NULL);
	am_control(&amd, C_GT_EN, 0);
	gcr3 = am_page(&amd);
	tables = am_pages(&amd, 4);
	for (unsigned i = 0; i < 4; i++)
		am_map(&amd, 0x100000 + i * UINT64_C(0x1000), tables + i * UINT64_C(0x1000), 3);
	for (unsigned i = 0; i < 3; i++)
		am_store(&amd, tables + i * UINT64_C(0x1000), (0x101000 + i * UINT64_C(0x1000)) | 7);
	am_store(&amd, tables + 0x3000 + 5 * UINT64_C(8), 0x40000 | 7);
	am_map(&amd, 0x40000, 0x9000, 3);
	am_store(&amd, gcr3 + 5 * UINT64_C(8), 0x100000 | 1);
	am_plain_dte(&amd, dte);
	dte[0] |= BIT(55) | (gcr3 >> 12 & 7) << 58;
	dte[1] |= (gcr3 >> 15 & 0xffff) << 16;
	am_set_dte(&amd, AMD_RID, dte);
	walk = walk_of(&amd, &request);
	assert_string_equal(walk->mode, "nested");
	assert_int_equal(walk->levels, 4);
	assert_int_equal(walk->result.physical, 0x9008);
	assert_int_equal(walk->step_count, 2 + 4 * 5 + 4);
	assert_int_equal(walk->steps[0].next, gcr3);
	assert_string_equal(walk->steps[1].name, "GCR3 entry");
	assert_int_equal(walk->steps[1].index, 5);
	assert_int_equal(walk->steps[1].next, 0x100000);
	for (unsigned i = 0; i < 4; i++) {
		const struct iommusim_walk_step *step = &walk->steps[2 + 5 * i + 4];
		static const char *const names[] = { "guest PML4E", "guest PDPE", "guest PDE",
			"guest PTE" };

		assert_string_equal(step->name, names[i]);
		assert_int_equal(step->stage, 1);
		assert_int_equal(step->level, 4 - i);
		assert_int_equal(step->table, tables + i * UINT64_C(0x1000));
		assert_int_equal(walk->steps[2 + 5 * i].stage, 2);
		assert_int_equal(step->next, i < 3 ? 0x101000 + i * UINT64_C(0x1000) : 0x40000);
	}
	assert_int_equal(am_load(&amd, tables), 0x101000 | 7); /* no flag was set */
	am_stop(&amd);
}

static void what_stops_before_the_tables_has_a_mode_of_its_own(void **state)
{
	const struct iommusim_dma_request asking = {
		.address = 0x5000, .length = 8, .address_type = IOMMUSIM_DMA_TRANSLATION_REQUEST
	};
	const struct iommusim_walk *walk;
	struct amd_fixture amd;
	uint64_t dte[4] = { 0, 0, 0, 0 };

	(void)state;
	am_start_enabled(&amd, NULL);
	walk = walk_of(&amd, &asking);
	assert_string_equal(walk->mode, "device table");
	assert_string_equal(walk->clause, "AMD-Vi 2.5.9");
	walk = walk_read(&amd, 0xfee00000);
	assert_string_equal(walk->mode, "interrupt range");
	assert_false(walk->read_right || walk->write_right);
	am_set64(&amd, A_EXCL_BASE, 0x20003);
	am_set64(&amd, A_EXCL_LIMIT, 0x20000);
	assert_string_equal(walk_read(&amd, 0x20000)->mode, "exclusion range");
	am_set_dte(&amd, AMD_RID, dte);
	walk = walk_read(&amd, 0x5000);
	assert_string_equal(walk->mode, "pass-through");
	assert_false(walk->result.faulted);
	dte[0] = 1;
	am_set_dte(&amd, AMD_RID, dte);
	walk = walk_read(&amd, 0x5000);
	assert_string_equal(walk->mode, "device table");
	assert_int_equal(walk->step_count, 1);
	assert_string_equal(walk->clause, "AMD-Vi 2.2.2.1");
	am_control(&amd, 0, C_IOMMU_EN);
	walk = walk_read(&amd, 0x5000);
	assert_string_equal(walk->mode, "off");
	assert_true(walk->read_right && walk->write_right);
	assert_int_equal(walk->step_count, 0);
	am_stop(&amd);
}

/* What the entry forwards, what says that it is translated, and what an aperture takes, meets no table. */
static void what_goes_by_the_entry_alone_has_a_mode_of_its_own(void **state)
{
	const struct iommusim_dma_request translated = {
		.address = 0x5000, .length = 8, .address_type = IOMMUSIM_DMA_TRANSLATED
	};
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	am_start_enabled(&amd, NULL);
	am_plain_dte(&amd, dte);
	dte[1] |= BIT(32) | BIT(35); /* I; IoCtl 1: forwarded */
	am_set_dte(&amd, AMD_RID, dte);
	assert_string_equal(walk_of(&amd, &translated)->mode, "pass-through");
	assert_string_equal(walk_read(&amd, 0xfdfc000000)->mode, "pass-through");
	am_set64(&amd, A_MARC, 0x40000);
	am_set64(&amd, A_MARC + 8, 0x1000001);
	am_set64(&amd, A_MARC + 16, 0x1000);
	am_control(&amd, C_MARC_EN, 0);
	assert_string_equal(walk_read(&amd, 0x40000)->mode, "aperture");
	dte[0] &= ~(UINT64_C(7) << 9); /* Mode 0 */
	am_set_dte(&amd, AMD_RID, dte);
	assert_string_equal(walk_read(&amd, 0x5000)->mode, "pass-through");
	dte[0] |= BIT(54) | BIT(55); /* GIoV, GV; the GCR3 table is at 0, and empty */
	am_set_dte(&amd, AMD_RID, dte);
	am_control(&amd, C_GT_EN, 0);
	assert_string_equal(walk_read(&amd, 0x5000)->mode, "guest tables");
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_through_host_tables),
		cmocka_unit_test(levels_left_out_are_not_on_the_path),
		cmocka_unit_test(a_fault_names_its_rule_and_is_not_logged),
		cmocka_unit_test(a_nested_walk_shows_both_tables),
		cmocka_unit_test(what_stops_before_the_tables_has_a_mode_of_its_own),
		cmocka_unit_test(what_goes_by_the_entry_alone_has_a_mode_of_its_own),
		cmocka_unit_test(a_walk_through_six_levels),
		cmocka_unit_test(a_walk_through_guest_tables_of_five_levels),
		cmocka_unit_test(of_a_device_beyond_the_table_there_is_no_step),
		cmocka_unit_test(rights_are_those_of_tables_and_entry_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
