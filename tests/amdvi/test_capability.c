/*
 * The PCI capability block (AMD-Vi 3.3): what it shows, the lock of the base, a unit that is on no bus
 * before software enables it; and the MSI capability beside it with its mirror in MMIO.
 */
#include "amdvi_fixture.h"

#define ELSEWHERE UINT64_C(0x1f4580000)

static uint32_t show(struct amd_fixture *amd, unsigned offset)
{
	uint32_t value = UINT32_MAX;

	assert_int_equal(iommusim_amdvi_capability_read(amd->unit, offset, &value), IOMMUSIM_OK);
	return value;
}

static void put(struct amd_fixture *amd, unsigned offset, uint32_t value)
{
	assert_int_equal(iommusim_amdvi_capability_write(amd->unit, offset, value), IOMMUSIM_OK);
}

static bool decodes(struct amd_fixture *amd, uint64_t base)
{
	uint64_t value;

	return iommusim_mmio_read(amd->machine, base + A_EFR, 8, &value) == IOMMUSIM_OK &&
	    value == amd->efr;
}

/* ID 0Fh, type 3, revision 1, IOTLBs, EFR, MISC1; the base with Enable; 52 and 64 address bits. */
static void the_defaults_fit_the_unit(void **state)
{
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	assert_int_equal(show(&amd, 0x00), 0x190b000f);
	assert_int_equal(show(&amd, 0x04), 0xfed80001);
	assert_int_equal(show(&amd, 0x08), 0);
	assert_int_equal(show(&amd, 0x0c), 0);
	assert_int_equal(show(&amd, 0x10), 2 << 5 | 52 << 8 | 64 << 15);
	assert_int_equal(show(&amd, 0x14), 0);
	am_stop(&amd);
}

static void firmwares_values_are_shown(void **state)
{
	const struct amd_setup setup = {
		.capability_header = 0x190b640f, .capability_misc0 = 0x18203043, .capability_misc1 = 0x4
	};
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, &setup);
	assert_int_equal(show(&amd, 0x00), 0x190b640f);
	assert_int_equal(show(&amd, 0x10), 0x18203043);
	assert_int_equal(show(&amd, 0x14), 0x4);
	am_stop(&amd);
}

/* CapExt, bit 28, says that MISC1 is there. */
static void without_cap_ext_the_block_ends_before_misc1(void **state)
{
	const struct amd_setup setup = { .capability_header = 0x090b000f, .capability_misc1 = 0x4 };
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, &setup);
	assert_int_equal(show(&amd, 0x14), 0);
	am_stop(&amd);
}

static void a_locked_block_takes_nothing(void **state)
{
	struct amd_fixture amd;
	uint32_t before[6];

	(void)state;
	am_start(&amd, NULL);
	for (unsigned i = 0; i < 6; i++)
		before[i] = show(&amd, i * 4);
	for (unsigned i = 0; i < 6; i++) {
		put(&amd, i * 4, 0xffffffff);
		put(&amd, i * 4, 0);
	}
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(show(&amd, i * 4), before[i]);
	assert_true(decodes(&amd, AMD_BASE));
	am_stop(&amd);
}

static void other_offsets_are_no_registers(void **state)
{
	static const unsigned offsets[] = { 1, 2, 3, 6, 0x15, 0x18, 0x100 };
	struct amd_fixture amd;
	uint32_t value;

	(void)state;
	am_start(&amd, NULL);
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		value = UINT32_MAX;
		assert_int_equal(
		    iommusim_amdvi_capability_read(amd.unit, offsets[i], &value), IOMMUSIM_EINVAL);
		assert_int_equal(value, 0);
		assert_int_equal(
		    iommusim_amdvi_capability_write(amd.unit, offsets[i], 0), IOMMUSIM_EINVAL);
	}
	am_stop(&amd);
}

static void another_vendors_unit_has_no_such_block(void **state)
{
	const struct iommusim_vtd_config config = { .base = 0xfed90000,
		.version = 0x10,
		.capability = UINT64_C(0xd2008c40660462),
		.ext_capability = 0xf050da,
		.host_address_width = 46 };
	const struct iommusim_amdvi_msi msi = { .enabled = true };
	struct iommusim_amdvi_msi shown;
	struct amd_fixture amd;
	struct iommusim_unit *vtd;
	uint32_t value;

	(void)state;
	am_start(&amd, NULL);
	assert_int_equal(iommusim_vtd_create(amd.machine, &config, &vtd), IOMMUSIM_OK);
	assert_int_equal(iommusim_amdvi_capability_read(vtd, 0, &value), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_amdvi_capability_write(vtd, 4, 0), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_amdvi_set_msi(vtd, &msi), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_amdvi_msi(vtd, &shown), IOMMUSIM_EINVAL);
	am_stop(&amd);
}

static void start_unlocked(struct amd_fixture *amd, uint64_t features)
{
	const struct amd_setup setup = { .base_unlocked = true, .efr_set = features };

	am_start(amd, &setup);
}

static void an_unlocked_base_decodes_nothing(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_unlocked(&amd, 0);
	assert_int_equal(show(&amd, 0x04), 0xfed80000);
	assert_false(decodes(&amd, AMD_BASE));
	put(&amd, 0x04, 0xfed40000); /* not enabled yet */
	assert_int_equal(show(&amd, 0x04), 0xfed40000);
	assert_false(decodes(&amd, UINT64_C(0xfed40000)));
	am_stop(&amd);
}

static void enabling_decodes_at_the_base_and_locks_it(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_unlocked(&amd, 0);
	put(&amd, 0x08, 0x1);
	put(&amd, 0x04, 0xf4580001);
	assert_true(decodes(&amd, ELSEWHERE));
	assert_false(decodes(&amd, AMD_BASE));
	assert_int_equal(iommusim_unit_base(amd.unit), ELSEWHERE);
	put(&amd, 0x04, 0xfed80000);
	put(&amd, 0x08, 0);
	assert_int_equal(show(&amd, 0x04), 0xf4580001);
	assert_int_equal(show(&amd, 0x08), 1);
	assert_true(decodes(&amd, ELSEWHERE));
	am_stop(&amd);
}

/* 16 KiB without counters, 512 KiB with them: the bits below are 0. */
static void the_base_has_the_alignment_of_the_registers(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_unlocked(&amd, 0);
	put(&amd, 0x04, 0xfeffffff & ~1u);
	assert_int_equal(show(&amd, 0x04), 0xfeffc000);
	am_stop(&amd);
	start_unlocked(&amd, F_PC);
	put(&amd, 0x04, 0xfeffffff & ~1u);
	assert_int_equal(show(&amd, 0x04), 0xfef80000);
	put(&amd, 0x04, 0xfef80001);
	assert_true(decodes(&amd, UINT64_C(0xfef80000)));
	am_stop(&amd);
}

static void a_base_where_something_is_stays_disabled(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_unlocked(&amd, 0);
	assert_int_equal(
	    iommusim_amdvi_capability_write(amd.unit, 0x04, 0x00100001), IOMMUSIM_EEXIST); /* RAM */
	assert_int_equal(show(&amd, 0x04), 0x00100000);
	put(&amd, 0x04, 0xfed80001);
	assert_true(decodes(&amd, AMD_BASE));
	am_stop(&amd);
}

/* What firmware locked survives a warm reset; a cold one makes it as it was. */
static void only_a_cold_reset_unlocks(void **state)
{
	struct amd_fixture amd;

	(void)state;
	start_unlocked(&amd, 0);
	put(&amd, 0x08, 0x1);
	put(&amd, 0x04, 0xf4580001);
	iommusim_unit_reset(amd.unit, false);
	assert_true(decodes(&amd, ELSEWHERE));
	iommusim_unit_reset(amd.unit, true);
	assert_false(decodes(&amd, ELSEWHERE));
	assert_int_equal(show(&amd, 0x04), 0xfed80000);
	assert_int_equal(show(&amd, 0x08), 0);
	put(&amd, 0x04, 0xfed80001);
	assert_true(decodes(&amd, AMD_BASE));
	am_stop(&amd);
}

/* MMIO 150h: MsiNum 4:0, MsiNumPPR 31:27; 154h: MsiNumGA. */
static void the_mirror_shows_the_message_numbers(void **state)
{
	const struct amd_setup setup = { .capability_misc0 = 0x18203043, .capability_misc1 = 0x4 };
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, &setup);
	assert_int_equal(am_get32(&amd, A_MSI_VECTOR0), 0x18000003);
	assert_int_equal(am_get32(&amd, A_MSI_VECTOR1), 0x4);
	am_stop(&amd);
}

static void capability_and_mirror_are_one(void **state)
{
	const struct iommusim_amdvi_msi written = {
		.enabled = true, .multiple = 2, .address = UINT64_C(0x7fee12345), .data = 0x4321
	};
	struct iommusim_amdvi_msi shown;
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	assert_int_equal(iommusim_amdvi_set_msi(amd.unit, &written), IOMMUSIM_OK);
	assert_int_equal(am_get32(&amd, A_MSI_CAP), 0x840005 | 1 << 16 | 2 << 20);
	assert_int_equal(am_get32(&amd, A_MSI_ADDR_LO), 0xfee12344);
	assert_int_equal(am_get32(&amd, A_MSI_ADDR_HI), 0x7);
	assert_int_equal(am_get32(&amd, A_MSI_DATA), 0x4321);
	am_set32(&amd, A_MSI_CAP, 1 << 20);
	am_set32(&amd, A_MSI_ADDR_LO, 0xfee00ff0);
	am_set32(&amd, A_MSI_ADDR_HI, 0);
	am_set32(&amd, A_MSI_DATA, 0x99);
	assert_int_equal(iommusim_amdvi_msi(amd.unit, &shown), IOMMUSIM_OK);
	assert_false(shown.enabled);
	assert_int_equal(shown.multiple, 1);
	assert_int_equal(shown.address, 0xfee00ff0);
	assert_int_equal(shown.data, 0x99);
	am_set32(&amd, A_MSI_CAP, 1 << 16);
	am_set32(&amd, A_MSI_ADDR_HI, 0x80000005);
	assert_int_equal(iommusim_amdvi_msi(amd.unit, &shown), IOMMUSIM_OK);
	assert_true(shown.enabled);
	assert_int_equal(shown.multiple, 0);
	assert_int_equal(shown.address, UINT64_C(0x80000005fee00ff0));
	am_stop(&amd);
}

static void more_than_32_messages_are_refused(void **state)
{
	const struct iommusim_amdvi_msi most = { .multiple = 5 }, more = { .multiple = 6 };
	struct iommusim_amdvi_msi shown;
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	assert_int_equal(iommusim_amdvi_set_msi(amd.unit, &most), IOMMUSIM_OK);
	assert_int_equal(iommusim_amdvi_set_msi(amd.unit, &more), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_amdvi_msi(amd.unit, &shown), IOMMUSIM_OK);
	assert_int_equal(shown.multiple, 5);
	am_stop(&amd);
}

/* ---- what it is ---------------------------------------------------------------------------------------- */

static bool same(const struct iommusim_amdvi_config *a, const struct iommusim_amdvi_config *b)
{
	return a->base == b->base && a->segment == b->segment && a->rid == b->rid &&
	    a->features == b->features && a->features2 == b->features2 &&
	    a->capability_header == b->capability_header &&
	    a->capability_range == b->capability_range && a->capability_misc0 == b->capability_misc0 &&
	    a->capability_misc1 == b->capability_misc1 && a->base_unlocked == b->base_unlocked &&
	    a->no_host_tables == b->no_host_tables && a->counter_banks == b->counter_banks &&
	    a->counters == b->counters && a->revision == b->revision &&
	    a->choices.mode_is_page_fault == b->choices.mode_is_page_fault &&
	    a->choices.beyond_table_is_illegal == b->choices.beyond_table_is_illegal &&
	    a->choices.bit_245_ignored == b->choices.bit_245_ignored &&
	    a->choices.no_512g_leaves == b->choices.no_512g_leaves &&
	    a->choices.tail_before_entry == b->choices.tail_before_entry &&
	    a->settings.cache == b->settings.cache && a->settings.latency == b->settings.latency;
}

static void a_unit_tells_what_it_was_made_with(void **state)
{
	static const struct iommusim_amdvi_config made[] = {
		{ .base = 0xfd300000,
		    .segment = 3,
		    .rid = 0x123,
		    .features = 0xa40,
		    .features2 = 0x10,
		    .capability_header = 0x1b0b000f,
		    .capability_range = 0x80,
		    .capability_misc0 = 0x203441,
		    .capability_misc1 = 7,
		    .counter_banks = 5,
		    .counters = 9,
		    .revision = 0x305,
		    .choices = { .mode_is_page_fault = true, .bit_245_ignored = true },
		    .settings = { .cache = IOMMUSIM_CACHE_NONE, .latency = 4 } },
		{ .base = 0xfd400000,
		    .features = 0x840,
		    .capability_header = 0x190b000f,
		    .capability_misc0 = 0x203440,
		    .no_host_tables = true,
		    .base_unlocked = true,
		    .revision = 0x311,
		    .choices = { .beyond_table_is_illegal = true,
			.no_512g_leaves = true,
			.tail_before_entry = true } },
	};
	const struct iommusim_vtd_config vtd = { .base = 0xfed90000,
		.version = 0x10,
		.capability = 0xd2008c40660462,
		.ext_capability = 0xf050da,
		.host_address_width = 39 };
	struct iommusim_amdvi_config told;
	struct iommusim_unit *unit;
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(iommusim_amdvi_create(amd.machine, &made[i], &unit), IOMMUSIM_OK);
		assert_int_equal(iommusim_amdvi_describe(unit, &told), IOMMUSIM_OK);
		assert_true(same(&told, &made[i]));
	}
	/* what was left to it, as it has it: HATS=3 is no HATDis; 2 banks of 4 counters */
	assert_int_equal(
	    iommusim_amdvi_create(amd.machine,
		&(struct iommusim_amdvi_config){ .base = 0xfd500000, .features = 0xe00 }, &unit),
	    IOMMUSIM_OK);
	assert_int_equal(iommusim_amdvi_describe(unit, &told), IOMMUSIM_OK);
	assert_false(told.no_host_tables);
	assert_int_equal(told.counters, 4);
	assert_int_equal(told.counter_banks, 2);
	assert_int_equal(told.capability_header, 0x190b000f);
	assert_int_equal(told.capability_misc0, 0x203440);
	assert_int_equal(told.revision, 0x310);
	assert_int_equal(iommusim_vtd_create(amd.machine, &vtd, &unit), IOMMUSIM_OK);
	assert_int_equal(iommusim_amdvi_describe(unit, &told), IOMMUSIM_EINVAL);
	am_stop(&amd);
}

struct wanted {
	uint64_t base, features;
	uint32_t counters, counter_banks;
};

static enum iommusim_status create(
    struct iommusim_machine *machine, const struct wanted *wanted, struct iommusim_unit **unit)
{
	const struct iommusim_amdvi_config config = {
		.base = wanted->base,
		.features = wanted->features,
		.counters = (uint8_t)wanted->counters,
		.counter_banks = (uint8_t)wanted->counter_banks,
	};

	return iommusim_amdvi_create(machine, &config, unit);
}

/* Reserved codes of EFR fields, too many counters, bases that are not aligned to the register set. */
static void what_no_unit_can_be_is_refused(void **state)
{
	static const struct wanted refused[] = {
		{ .base = 0xfd302000 },
		{ .base = 0xfd304000, .features = F_PC },
		{ .base = 0xfd340000, .features = F_PC },
		{ .base = 0xfd300000, .features = F_GT | F_GATS },
		{ .base = 0xfd300000, .features = F_GT | F_GLX },
		{ .base = 0xfd300000, .features = UINT64_C(5) << 18 },
		{ .base = 0xfd300000, .features = UINT64_C(20) << 32 },
		{ .base = 0xfd300000, .features = F_PC, .counters = 16, .counter_banks = 1 },
		{ .base = 0xfd300000, .features = F_PC, .counters = 1, .counter_banks = 64 },
		{ .base = 0xfd300000, .counters = 1 },
		{ .base = 0xfd300000, .counter_banks = 1 },
	};
	static const struct wanted taken[] = {
		{ .base = 0xfd304000 },
		{ .base = 0xfd380000, .features = F_PC, .counters = 15, .counter_banks = 63 },
		{ .base = 0xfd400000, .features = F_GT | UINT64_C(2) << 12 | F_GLX_3 },
		{ .base = 0xfd404000, .features = F_GATS | F_GLX }, /* without GTSup they say nothing */
		{ .base = 0xfd408000, .features = UINT64_C(4) << 18 },
		{ .base = 0xfd40c000, .features = UINT64_C(19) << 32 },
		{ .base = 0xfd410000, .features = F_DEVSEG },
	};
	struct iommusim_unit *unit;
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		unit = amd.unit;
		assert_int_equal(create(amd.machine, &refused[i], &unit), IOMMUSIM_EINVAL);
		assert_null(unit);
		if (i < 2)
			assert_non_null(strstr(iommusim_machine_diagnostic(amd.machine)->text,
			    i == 0 ? "not a multiple of 16 KiB" : "not a multiple of 512 KiB"));
	}
	for (unsigned i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		assert_int_equal(create(amd.machine, &taken[i], &unit), IOMMUSIM_OK);
	am_stop(&amd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_tells_what_it_was_made_with),
		cmocka_unit_test(what_no_unit_can_be_is_refused),
		cmocka_unit_test(the_defaults_fit_the_unit),
		cmocka_unit_test(firmwares_values_are_shown),
		cmocka_unit_test(without_cap_ext_the_block_ends_before_misc1),
		cmocka_unit_test(a_locked_block_takes_nothing),
		cmocka_unit_test(other_offsets_are_no_registers),
		cmocka_unit_test(another_vendors_unit_has_no_such_block),
		cmocka_unit_test(an_unlocked_base_decodes_nothing),
		cmocka_unit_test(enabling_decodes_at_the_base_and_locks_it),
		cmocka_unit_test(the_base_has_the_alignment_of_the_registers),
		cmocka_unit_test(a_base_where_something_is_stays_disabled),
		cmocka_unit_test(only_a_cold_reset_unlocks),
		cmocka_unit_test(the_mirror_shows_the_message_numbers),
		cmocka_unit_test(capability_and_mirror_are_one),
		cmocka_unit_test(more_than_32_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
