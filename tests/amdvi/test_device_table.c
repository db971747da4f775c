/*
 * The device table (AMD-Vi 2.2.2): where entries are, what each bit of one does to DMA, valid bits that do not
 * hang on each other, and when an entry is read again.
 */
#include "amdvi_fixture.h"

#include "machine/unit_model.h"

#define HOLE UINT64_C(0x10000000) /* there is no memory */

/* Flags of events, 59:48. */
enum { F_GN = 1, F_PR = 0x10, F_RW = 0x20, F_PE = 0x40, F_RZ = 0x80, F_TR = 0x100 };

static void start(struct amd_fixture *amd, const struct amd_setup *wanted)
{
	struct amd_setup setup = { 0 };

	if (wanted != NULL)
		setup = *wanted;
	am_start_enabled(amd, &setup);
	am_map(amd, 0x5000, 0x5000, 3);
}

static void start_uncached(struct amd_fixture *amd, uint64_t efr_set, uint64_t efr_clear)
{
	const struct amd_setup setup = {
		.efr_set = efr_set, .efr_clear = efr_clear, .settings.cache = IOMMUSIM_CACHE_NONE
	};

	start(amd, &setup);
}

/* One read of 5000h: the event's code, flags, domain and address. */
static void expect_event(
    struct amd_fixture *amd, unsigned code, unsigned flags, uint16_t domain, uint64_t address)
{
	const struct iommusim_dma_page page = am_access(amd->device, IOMMUSIM_DMA_READ, 0x5000, 8);
	uint64_t event[2];

	assert_true(page.faulted);
	assert_true(page.translated);
	assert_true(page.fault.recorded);
	am_only_event(amd, event);
	assert_int_equal(
	    event[0], (uint64_t)code << 60 | (uint64_t)flags << 48 | (uint64_t)domain << 32 | AMD_RID);
	assert_int_equal(event[1], address);
}

static void expect_passed(struct amd_fixture *amd, uint64_t physical)
{
	const struct iommusim_dma_page page = am_access(amd->device, IOMMUSIM_DMA_READ, 0x5000, 8);

	assert_false(page.faulted);
	assert_int_equal(page.physical, physical);
	assert_int_equal(am_events(amd), 0);
}

/* ---- where entries are ------------------------------------------------------------------------------------ */

static void the_size_counts_pages_of_128_entries(void **state)
{
	static const unsigned sizes[] = { 0, 1, 5, 6, 0x1fe, 0x1ff };

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		for (unsigned choice = 0; choice < 2; choice++) {
			const struct amd_setup setup = { .choices.beyond_table_is_illegal =
							     choice != 0 };
			struct amd_fixture amd;
			const unsigned entries = (sizes[i] + 1) * 128;

			start(&amd, &setup);
			am_map(&amd, 0x5000, 0x9000, 3);
			am_set64(&amd, A_DEVTAB, amd.device_table | sizes[i]);
			if (entries > AMD_RID)
				expect_passed(&amd, 0x9000);
			else if (choice == 0)
				expect_event(&amd, 2, 0, 0, 0x5000);
			else
				expect_event(&amd, 1, 0, 0, 0x5000);
			am_stop(&amd);
		}
}

static void the_last_entry_of_a_table_is_there_and_the_next_is_not(void **state)
{
	struct amd_fixture amd;
	struct iommusim_requester *last, *next;

	(void)state;
	start(&amd, NULL);
	am_set64(&amd, A_DEVTAB, amd.device_table | 2);
	assert_int_equal(iommusim_requester_create(amd.machine, 0, 383, &last), IOMMUSIM_OK);
	assert_int_equal(iommusim_requester_create(amd.machine, 0, 384, &next), IOMMUSIM_OK);
	assert_false(am_access(last, IOMMUSIM_DMA_READ, 0x5000, 8).faulted); /* V is 0 */
	assert_true(am_access(next, IOMMUSIM_DMA_READ, 0x5000, 8).faulted);
	am_stop(&amd);
}

/* Bits 8:0 of the base are its size: nine of them, all 65536 entries. */
static void the_size_has_nine_bits(void **state)
{
	static const uint16_t rids[] = { 0x7fff, 0x8000, 0xffff };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct iommusim_requester *device;
		struct amd_fixture amd;

		start(&amd, NULL);
		assert_int_equal(
		    iommusim_requester_create(amd.machine, 0, rids[i], &device), IOMMUSIM_OK);
		am_set64(&amd, A_DEVTAB, amd.device_table | 0x1ff);
		assert_false(am_access(device, IOMMUSIM_DMA_READ, 0x5000, 8).faulted); /* V is 0 */
		am_set64(&amd, A_DEVTAB, amd.device_table | 0xff);
		am_invalidate_device(&amd, rids[i]);
		assert_int_equal(
		    am_access(device, IOMMUSIM_DMA_READ, 0x5000, 8).faulted, rids[i] >= 0x8000);
		am_stop(&amd);
	}
}

/* CONTROL.DevTblSegEn: the top bits of the device id choose a table. */
static void segments_are_chosen_by_the_top_bits(void **state)
{
	static const uint16_t rids[] = { 0x0310, 0x2310, 0x5fff, 0x8000, 0xa001, 0xffff };

	(void)state;
	for (unsigned bits = 0; bits < 4; bits++)
		for (unsigned i = 0; i < 6; i++) {
			const unsigned segment = rids[i] >> (16 - bits),
				       index = rids[i] & (0xffff >> bits);
			struct iommusim_requester *device;
			struct amd_fixture amd;
			uint64_t table, dte[4];

			start(&amd, NULL);
			assert_int_equal(
			    iommusim_requester_create(amd.machine, 0, rids[i], &device), IOMMUSIM_OK);
			am_plain_dte(&amd, dte);
			dte[0] =
			    3; /* V, TV, Mode 0, no rights: an entry that tells itself from a zero one */
			table = am_pages(&amd, index / 128 + 1);
			for (unsigned quad = 0; quad < 4; quad++)
				am_store(
				    &amd, table + index * UINT64_C(32) + quad * UINT64_C(8), dte[quad]);
			if (segment == 0)
				am_set64(&amd, A_DEVTAB, table | index / 128);
			else
				am_set64(&amd, A_DEVTAB_SEG + (segment - 1) * 8, table | index / 128);
			am_control(&amd, C_SEGMENTS(bits), 0);
			assert_true(am_access(device, IOMMUSIM_DMA_READ, 0x5000, 8).faulted);
			if (index / 128 > 0) { /* one page less is beyond the table: fault without PE */
				uint64_t event[2];

				am_drain_events(&amd);
				am_set64(&amd,
				    segment == 0 ? A_DEVTAB : A_DEVTAB_SEG + (segment - 1) * 8,
				    table | (index / 128 - 1));
				am_invalidate_all(&amd);
				assert_true(am_access(device, IOMMUSIM_DMA_READ, 0x5000, 8).faulted);
				am_only_event(&amd, event);
				assert_int_equal(event[0] >> 48, 0x2000);
			}
			am_stop(&amd);
		}
}

/* DevTblSegEn may ask for more than EFR.DevTblSegSup has: 2 segments here, and so one bit of the id. */
static void there_are_no_more_segments_than_the_unit_has(void **state)
{
	const struct amd_setup setup = { .efr_clear = F_DEVSEG, .efr_set = UINT64_C(1) << 38 };
	struct iommusim_requester *device;
	struct amd_fixture amd;

	(void)state;
	start(&amd, &setup);
	am_map(&amd, 0x5000, 0x9000, 3);
	am_set64(&amd, A_DEVTAB_SEG, amd.device_table | 0x1f);
	am_control(&amd, C_SEGMENTS(3), 0);
	expect_passed(&amd, 0x9000);
	assert_int_equal(
	    iommusim_requester_create(amd.machine, 0, 0x8000 | AMD_RID, &device), IOMMUSIM_OK);
	assert_int_equal(am_access(device, IOMMUSIM_DMA_READ, 0x5000, 8).physical, 0x9000);
	am_stop(&amd);
}

/* Code 3: the address is the entry's; type 2. */
static void a_table_without_memory_is_a_hardware_error(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	am_set64(&amd, A_DEVTAB, HOLE | 0x1ff);
	expect_event(&amd, 3, 0x400, 0, HOLE + AMD_RID * UINT64_C(32));
	am_stop(&amd);
}

/* ---- bits ------------------------------------------------------------------------------------------------ */

/* Which bits of 127:0 are reserved on a unit with everything, and with nothing (AMD-Vi 2.2.2.1). */
static bool is_reserved(unsigned bit, bool everything)
{
	if (bit == 2 || bit == 3 || bit == 63)
		return true;
	if (bit >= 4 && bit <= 6)
		return true; /* CXL memory attributes came with 3.11 */
	if (bit == 106)
		return !everything; /* SATS */
	if (everything)
		return false;
	return bit == 7 || bit == 8 || (bit >= 52 && bit <= 60) || (bit >= 80 && bit <= 95) ||
	    bit >= 107;
}

static void every_reserved_bit_of_a_valid_entry_is_illegal(void **state)
{
	const uint64_t features = F_GT | F_GIO | F_HA | F_HD | F_EPH | F_PPR | F_SATS;

	(void)state;
	for (unsigned everything = 0; everything < 2; everything++) {
		struct amd_fixture amd;
		uint64_t dte[4];

		start_uncached(&amd, everything ? features : 0, everything ? 0 : features);
		am_plain_dte(&amd, dte);
		for (unsigned bit = 0; bit < 256; bit++) {
			const uint64_t with[4] = {
				dte[0] ^ (bit < 64 ? BIT(bit) : 0),
				dte[1] ^ (bit / 64 == 1 ? BIT(bit % 64) : 0),
				dte[2] ^ (bit / 64 == 2 ? BIT(bit % 64) : 0),
				dte[3] ^ (bit / 64 == 3 ? BIT(bit % 64) : 0),
			};
			uint64_t event[2] = { 0, 0 };

			am_set_dte(&amd, AMD_RID, with);
			am_access(amd.device, IOMMUSIM_DMA_READ, 0x5000, 8);
			if (am_events(&amd) != 0)
				am_only_event(&amd, event);
			if (bit == 8) /* HAD 2: reserved everywhere */
				assert_int_equal(event[0] >> 48, 0x1000 | F_RZ);
			else if (bit < 128 && is_reserved(bit, everything != 0))
				assert_int_equal(event[0] >> 48, 0x1000 | F_RZ);
			else
				assert_int_not_equal(event[0] >> 48, 0x1000 | F_RZ);
		}
		am_stop(&amd);
	}
}

/* Bits 6:4, memory attributes of CXL, came with revision 3.11. */
static void memory_attributes_are_reserved_before_they_came(void **state)
{
	(void)state;
	for (unsigned revision = 0x310; revision <= 0x311; revision++) {
		const struct amd_setup setup = { .revision = (uint16_t)revision,
			.settings.cache = IOMMUSIM_CACHE_NONE };
		struct amd_fixture amd;
		uint64_t dte[4];

		start(&amd, &setup);
		for (unsigned bit = 4; bit <= 6; bit++) {
			am_plain_dte(&amd, dte);
			dte[0] |= BIT(bit);
			am_set_dte(&amd, AMD_RID, dte);
			if (revision == 0x310)
				expect_event(&amd, 1, F_RZ, 0, 0x5000);
			else
				expect_passed(&amd, 0x5000);
		}
		am_stop(&amd);
	}
}

/* To whoever checks what software programs: V speaks for bits 127:0 of an entry, IV for the others. */
static void a_unit_tells_what_is_reserved_in_an_entry(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	for (unsigned valid = 0; valid < 4; valid++) {
		const bool v = (valid & 1) != 0, iv = (valid & 2) != 0;
		const uint64_t dte[4] = { v, 0, iv, 0 };
		uint64_t bits[8] = { 0 };

		amd.unit->model->reserved(amd.unit, UNIT_DEVICE, 0, dte, bits);
		assert_int_equal(bits[0], v ? BIT(63) | 0x7c : 0);
		assert_int_equal(bits[1], v ? BIT(42) : 0);
		assert_int_equal(bits[2], iv ? BIT(52) | BIT(53) | BIT(59) : 0);
		assert_int_equal(bits[3], iv ? UINT64_MAX : 0);
	}
	am_stop(&amd);
}

/* And where the table is: while translation is off there is none. */
static void a_unit_tells_where_its_table_is(void **state)
{
	struct unit_roots roots = { .root_pages = 77 };
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	am_control(&amd, 0, C_IOMMU_EN);
	amd.unit->model->roots(amd.unit, &roots);
	assert_int_equal(roots.root_pages, 77);
	am_control(&amd, C_IOMMU_EN, 0);
	for (unsigned size = 0; size < 0x200; size += 0x1ff) {
		am_set64(&amd, A_DEVTAB, amd.device_table | size);
		amd.unit->model->roots(amd.unit, &roots);
		assert_int_equal(roots.root_kind, UNIT_DEVICE);
		assert_int_equal(roots.root, amd.device_table);
		assert_int_equal(roots.root_pages, size + 1);
	}
	am_stop(&amd);
}

static void had_asks_for_what_the_unit_can_keep(void **state)
{
	static const struct {
		uint64_t clear;
		bool good[4];
	} units[] = {
		{ 0, { true, true, false, true } },
		{ F_HD, { true, true, false, false } },
		{ F_HA | F_HD, { true, false, false, false } },
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		for (unsigned had = 0; had < 4; had++) {
			struct amd_fixture amd;
			uint64_t dte[4];

			start_uncached(&amd, 0, units[i].clear);
			am_plain_dte(&amd, dte);
			dte[0] |= (uint64_t)had << 7;
			am_set_dte(&amd, AMD_RID, dte);
			if (units[i].good[had])
				expect_passed(&amd, 0x5000);
			else
				expect_event(&amd, 1, F_RZ, 0, 0x5000);
			am_stop(&amd);
		}
}

static void nothing_of_an_invalid_entry_is_looked_at(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4] = { ~UINT64_C(1), UINT64_MAX, UINT64_MAX, UINT64_MAX };

	(void)state;
	start_uncached(&amd, 0, 0);
	am_set_dte(&amd, AMD_RID, dte);
	expect_passed(&amd, 0x5000);
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x6000), 0);
	dte[0] = dte[1] = dte[2] = dte[3] = 0;
	am_set_dte(&amd, AMD_RID, dte);
	expect_passed(&amd, 0x5000);
	am_stop(&amd);
}

/* V=1 and TV=0: blocked, whatever else it says; IV does not matter. */
static void without_translation_information_all_is_blocked(void **state)
{
	(void)state;
	for (unsigned iv = 0; iv < 2; iv++) {
		struct amd_fixture amd;
		uint64_t dte[4];

		start_uncached(&amd, 0, 0);
		am_plain_dte(&amd, dte);
		dte[0] &= ~BIT(1);
		dte[2] = iv;
		am_set_dte(&amd, AMD_RID, dte);
		expect_event(&amd, 2, 0, AMD_DOMAIN, 0x5000);
		am_stop(&amd);
	}
}

static void the_order_of_checks_is_that_of_the_specification(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	start_uncached(&amd, 0, 0);
	am_plain_dte(&amd, dte);
	dte[0] |= BIT(2) | 7 << 9;     /* reserved bit, Mode 7 */
	dte[0] &= ~(BIT(1) | BIT(61)); /* TV, IR */
	am_set_dte(&amd, AMD_RID, dte);
	expect_event(&amd, 1, F_RZ, 0, 0x5000);
	dte[0] &= ~BIT(2);
	am_set_dte(&amd, AMD_RID, dte);
	expect_event(&amd, 2, 0, AMD_DOMAIN, 0x5000);
	dte[0] |= BIT(1);
	am_set_dte(&amd, AMD_RID, dte);
	expect_event(&amd, 2, F_PR | F_PE, AMD_DOMAIN, 0x5000);
	dte[0] |= BIT(61);
	am_set_dte(&amd, AMD_RID, dte);
	expect_event(&amd, 1, 0, 0, 0x5000);
	am_stop(&amd);
}

/* HATDis, or EFR.HATS of 3: no root may be there, and no mode. */
static void without_host_translation_a_root_is_illegal(void **state)
{
	(void)state;
	for (unsigned by_hats = 0; by_hats < 2; by_hats++) {
		const struct amd_setup setup = { .efr_set = by_hats ? F_HATS : 0,
			.no_host_tables = !by_hats,
			.settings.cache = IOMMUSIM_CACHE_NONE };
		struct amd_fixture amd;
		uint64_t dte[4];

		start(&amd, &setup);
		am_plain_dte(&amd, dte);
		dte[0] &= ~(UINT64_C(7) << 9);
		am_set_dte(&amd, AMD_RID, dte);
		expect_event(&amd, 1, F_RZ, 0, 0x5000);
		dte[0] = BIT(0) | BIT(1) | BIT(61) | UINT64_C(1) << 9;
		am_set_dte(&amd, AMD_RID, dte);
		expect_event(&amd, 1, 0, 0, 0x5000);
		dte[0] &= ~(UINT64_C(7) << 9);
		am_set_dte(&amd, AMD_RID, dte);
		expect_passed(&amd, 0x5000);
		am_stop(&amd);
	}
}

/* The address of event 1 has bits 63:2 (AMD-Vi 2.5.2). */
static void an_illegal_entry_is_told_of_by_doubleword(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4], event[2];

	(void)state;
	start_uncached(&amd, 0, 0);
	am_plain_dte(&amd, dte);
	dte[0] |= BIT(2);
	am_set_dte(&amd, AMD_RID, dte);
	for (uint64_t low = 0; low < 8; low++) {
		assert_true(am_access(amd.device, IOMMUSIM_DMA_READ, 0x5000 + low, 1).faulted);
		am_only_event(&amd, event);
		assert_int_equal(event[0] >> 60, 1);
		assert_int_equal(event[1], 0x5000 + (low & 4));
	}
	am_stop(&amd);
}

/* ---- silence --------------------------------------------------------------------------------------------- */

/* Only page faults are silenced: an illegal entry is told about, and so is a table without memory. */
static void other_events_are_never_silenced(void **state)
{
	struct amd_fixture amd;
	uint64_t dte[4];

	(void)state;
	start_uncached(&amd, 0, 0);
	am_plain_dte(&amd, dte);
	dte[0] |= BIT(2);
	dte[1] |= BIT(33) | BIT(34);
	am_set_dte(&amd, AMD_RID, dte);
	expect_event(&amd, 1, F_RZ, 0, 0x5000);
	dte[0] = (dte[0] & ~(BIT(2) | UINT64_C(0xffffffffff000))) | HOLE;
	am_set_dte(&amd, AMD_RID, dte);
	expect_event(&amd, 4, 0x400, AMD_DOMAIN, HOLE);
	am_stop(&amd);
}

/* ---- the cache of entries -------------------------------------------------------------------------------- */

static void an_entry_stays_as_it_was_read_until_it_is_invalidated(void **state)
{
	struct amd_fixture amd;
	const uint64_t nothing[4] = { 0, 0, 0, 0 };
	uint64_t dte[4];

	(void)state;
	start(&amd, NULL);
	am_map(&amd, 0x5000, 0x9000, 3);
	expect_passed(&amd, 0x9000);
	am_set_dte(&amd, AMD_RID, nothing);
	assert_int_equal(am_output(&amd, 0x5000), 0x9000); /* stale */
	assert_int_equal(am_code(&amd, IOMMUSIM_DMA_READ, 0x6000), 2);
	am_drain_events(&amd);
	am_invalidate_device(&amd, 0x0311);
	assert_int_equal(am_output(&amd, 0x5000), 0x9000);
	am_invalidate_device(&amd, AMD_RID);
	expect_passed(&amd, 0x5000);
	am_plain_dte(&amd, dte); /* an entry that was not valid is kept too */
	am_set_dte(&amd, AMD_RID, dte);
	expect_passed(&amd, 0x5000);
	am_invalidate_device(&amd, AMD_RID);
	expect_passed(&amd, 0x9000);
	am_stop(&amd);
}

static void translation_off_passes_all_and_on_looks_again(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start(&amd, NULL);
	am_map(&amd, 0x5000, 0x9000, 3);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(iommusim_unit_translating(amd.unit));
		expect_passed(&amd, 0x9000);
		expect_passed(&amd, 0x9000);
		am_control(&amd, 0, C_IOMMU_EN);
		assert_false(iommusim_unit_translating(amd.unit));
		expect_passed(&amd, 0x5000);
		assert_int_equal(am_code(&amd, IOMMUSIM_DMA_WRITE, 0x123000), 0);
		am_control(&amd, C_IOMMU_EN, 0);
	}
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_size_counts_pages_of_128_entries),
		cmocka_unit_test(the_last_entry_of_a_table_is_there_and_the_next_is_not),
		cmocka_unit_test(the_size_has_nine_bits),
		cmocka_unit_test(segments_are_chosen_by_the_top_bits),
		cmocka_unit_test(a_table_without_memory_is_a_hardware_error),
		cmocka_unit_test(every_reserved_bit_of_a_valid_entry_is_illegal),
		cmocka_unit_test(had_asks_for_what_the_unit_can_keep),
		cmocka_unit_test(nothing_of_an_invalid_entry_is_looked_at),
		cmocka_unit_test(without_translation_information_all_is_blocked),
		cmocka_unit_test(the_order_of_checks_is_that_of_the_specification),
		cmocka_unit_test(without_host_translation_a_root_is_illegal),
		cmocka_unit_test(an_illegal_entry_is_told_of_by_doubleword),
		cmocka_unit_test(other_events_are_never_silenced),
		cmocka_unit_test(an_entry_stays_as_it_was_read_until_it_is_invalidated),
		cmocka_unit_test(translation_off_passes_all_and_on_looks_again),
		cmocka_unit_test(memory_attributes_are_reserved_before_they_came),
		cmocka_unit_test(there_are_no_more_segments_than_the_unit_has),
		cmocka_unit_test(a_unit_tells_what_is_reserved_in_an_entry),
		cmocka_unit_test(a_unit_tells_where_its_table_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
