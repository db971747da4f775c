/*
 * Units made from an IVRS table: what their registers hold, which functions they govern, and by which id their
 * device table is asked. Tables are written out byte by byte; how one is read is tests/acpi/test_ivrs.c.
 */
#include "amdvi_fixture.h"

#include <iommusim/ivrs.h>

#include "acpi/ivrs_builder.h"
#include "bus.h"

#define BASE UINT64_C(0xfdf00000) /* of the sound table */

static struct iommusim_machine *make(void)
{
	struct iommusim_machine *machine;

	assert_int_equal(iommusim_machine_create(NULL, &machine), IOMMUSIM_OK);
	return machine;
}

static enum iommusim_status create(
    struct iommusim_machine *machine, struct builder *builder, const char *preset)
{
	struct iommusim_ivrs *table;
	enum iommusim_status status;

	builder_finish(builder);
	assert_int_equal(iommusim_ivrs_parse(builder->bytes, builder->size, &table), IOMMUSIM_OK);
	assert_true(table->usable);
	status = iommusim_amdvi_create_from_ivrs(machine, table, preset, NULL);
	iommusim_ivrs_free(table);
	return status;
}

static uint32_t capability(struct iommusim_machine *machine, unsigned offset)
{
	uint32_t value;

	assert_int_equal(
	    iommusim_amdvi_capability_read(iommusim_unit_at(machine, 0), offset, &value), IOMMUSIM_OK);
	return value;
}

/* ---- registers --------------------------------------------------------------------------------- */

static void the_block_that_counts_has_the_feature_registers(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_sound();

	(void)state;
	assert_int_equal(create(machine, &builder, "zen-client"), IOMMUSIM_OK);
	assert_non_null(iommusim_unit_at(machine, 0));
	assert_null(iommusim_unit_at(machine, 1)); /* 10h and 40h are one IOMMU */
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(machine, 0)), BASE);
	assert_int_equal(bus_get(machine, BASE + A_EFR, 8), UINT64_C(0x206d73ef22254ade));
	assert_int_equal(bus_get(machine, BASE + A_EFR2, 8), 0x10);
	/* counter configuration: 10:7 counters, 17:12 banks; attributes 00048000h: 4 and 2 */
	assert_int_equal(bus_get(machine, BASE + A_COUNTER_CONFIG, 8), 4 << 7 | 2 << 12);
	/* id 0fh, type 3, revision 1, IOTLBs, features, extension */
	assert_int_equal(capability(machine, 0x00) & 0xffff00ff, 0x190b000f);
	assert_int_equal(capability(machine, 0x04), 0xfdf00001);
	assert_int_equal(capability(machine, 0x0c), 0x13); /* the unit id */
	/* message 1, guest virtual 2, physical 30h bits, virtual 40h */
	assert_int_equal(capability(machine, 0x10), 1 | 2 << 5 | 0x30 << 8 | 0x40 << 15);
	iommusim_machine_destroy(machine);
}

/* 8004_8F6Fh: XT, NX, GLX=1, IA, GA, PASmax 15, 4 counters in 2 banks, GATS 0, HATS 2; no GT, no HE. */
static void a_block_10h_says_some_of_the_features_and_the_preset_the_rest(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_begin();

	(void)state;
	ivrs_add_10h(&builder, 4);
	ADD(&builder, 1, 0, 0, 0);
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
	/* of 58f77ef22294adeh: bits 36:32, 15:12, 11:0 are the table's; flags b0h: PPR, no PREF */
	assert_int_equal(bus_get(machine, BASE + A_EFR, 8),
	    (UINT64_C(0x58f77ef22294ade) &
		~(F_PASMAX | F_GLX | F_GATS | F_HATS | F_PC | F_HE | F_GA | F_IA | F_GT | F_NX | F_XT |
		    F_PPR | F_PREF)) |
		F_XT | F_NX | F_GT | UINT64_C(1) << 14 | F_IA | F_GA | F_PPR | UINT64_C(15) << 32 |
		F_PC | F_HATS_6);
	assert_int_equal(bus_get(machine, BASE + A_COUNTER_CONFIG, 8), 4 << 7 | 2 << 12);
	iommusim_machine_destroy(machine);
}

/* Flags: 6 PREFETCH, 7 PPR. Features: each bit of 31:0 by itself; both numbers of counters are PCSup. */
static void each_feature_of_a_block_10h_is_one_of_the_register(void **state)
{
	static const struct {
		uint32_t features;
		uint8_t flags;
		uint64_t efr;
	} rows[] = {
		{ 0, 0, 0 },
		{ 0, 0x40, F_PREF },
		{ 0, 0x80, F_PPR },
		{ 1u << 0, 0, F_XT },
		{ 1u << 1, 0, F_NX },
		{ 1u << 2, 0, F_GT },
		{ 1u << 3, 0, UINT64_C(1) << 14 },
		{ 1u << 4, 0, F_GLX_3 },
		{ 1u << 5, 0, F_IA },
		{ 1u << 6, 0, F_GA },
		{ 1u << 7, 0, F_HE },
		{ 1u << 8, 0, UINT64_C(1) << 32 },
		{ 1u << 12, 0, UINT64_C(16) << 32 },
		{ 15u << 13, 0, 0 },
		{ 63u << 17, 0, 0 },
		{ 1u << 13 | 1u << 17, 0, F_PC },
		{ 8u << 13 | 32u << 17, 0, F_PC },
		{ 31u << 23, 0, 0 }, /* the message of the page request log */
		{ 1u << 28, 0, F_GATS_5 },
		{ 1u << 29, 0, UINT64_C(2) << 12 },
		{ 1u << 30, 0, UINT64_C(1) << 10 },
		{ 1u << 31, 0, F_HATS_6 },
	};
	/* of the preset, what a block of this type says nothing of */
	const uint64_t rest = UINT64_C(0x58f77ef22294ade) &
	    ~(F_PASMAX | F_GLX | F_GATS | F_HATS | F_PC | F_HE | F_GA | F_IA | F_GT | F_NX | F_XT |
		F_PPR | F_PREF);

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct iommusim_machine *machine = make();
		struct builder builder = ivrs_begin();

		ivrs_add_10h(&builder, 4);
		ADD(&builder, 1, 0, 0, 0);
		builder.bytes[48 + 1] = rows[i].flags;
		for (unsigned byte = 0; byte < 4; byte++)
			builder.bytes[48 + 20 + byte] = (uint8_t)(rows[i].features >> 8 * byte);
		assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
		assert_int_equal(bus_get(machine, BASE + A_EFR, 8), rest | rows[i].efr);
		iommusim_machine_destroy(machine);
	}
}

/* 018AE000h: 7 counters (16:13), 5 banks (22:17), message 3 for the page request log (27:23). */
static void the_attributes_number_counters_and_messages(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_begin();

	(void)state;
	ivrs_add_11h(&builder, 0x11, 4);
	ADD(&builder, 1, 0, 0, 0);
	builder.bytes[48 + 21] = 0xe0;
	builder.bytes[48 + 22] = 0x8a;
	builder.bytes[48 + 23] = 0x01;
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
	assert_int_equal(bus_get(machine, BASE + A_COUNTER_CONFIG, 8), 7 << 7 | 5 << 12);
	assert_int_equal(capability(machine, 0x10) >> 27, 3);
	iommusim_machine_destroy(machine);
}

/* The feature registers of a known machine are of its revision; those of none leave the preset's. */
static void the_revision_is_that_of_the_machine_with_these_features(void **state)
{
	static const struct {
		uint8_t efr2;
		uint16_t revision;
	} rows[] = { { 0, 0x305 }, { 0x10, 0x300 } };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct iommusim_machine *machine = make();
		struct builder builder = ivrs_begin();
		struct iommusim_amdvi_config told;

		ivrs_add_11h(&builder, 0x11, 4); /* EFR 206d73ef22254adeh, of machines with EFR2 0 */
		ADD(&builder, 1, 0, 0, 0);
		builder.bytes[48 + 32] = rows[i].efr2;
		assert_int_equal(create(machine, &builder, "zen-client"), IOMMUSIM_OK);
		assert_int_equal(
		    iommusim_amdvi_describe(iommusim_unit_at(machine, 0), &told), IOMMUSIM_OK);
		assert_int_equal(told.revision, rows[i].revision);
		iommusim_machine_destroy(machine);
	}
}

static void iommus_without_a_feature_register_have_none_of_the_preset(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_begin();

	(void)state;
	builder.bytes[36] &= 0xfe; /* EFRSup */
	ivrs_add_10h(&builder, 4);
	ADD(&builder, 1, 0, 0, 0);
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
	assert_int_equal(bus_get(machine, BASE + A_EFR, 8), 0);
	assert_int_equal(bus_get(machine, BASE + A_EFR2, 8), 0);
	assert_int_equal(capability(machine, 0x00) >> 27 & 1, 0);
	iommusim_machine_destroy(machine);
}

static void counters_need_512_kib(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_begin();
	uint64_t value;

	(void)state;
	ivrs_add_11h(&builder, 0x11, 4);
	ADD(&builder, 1, 0, 0, 0);
	builder.bytes[48 + 9] = 0x40; /* fdf04000h */
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
	assert_int_equal(
	    bus_get(machine, BASE + 0x4000 + A_EFR, 8), UINT64_C(0x206d73ef222548de)); /* no PC */
	assert_int_equal(iommusim_mmio_read(machine, BASE + 0x8000, 8, &value), IOMMUSIM_ENXIO);
	iommusim_machine_destroy(machine);
}

/* A table without counters in its attributes, and features that have them: 4 counters in 2 banks. */
static void counters_that_nobody_counted_are_the_usual_ones(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_begin();

	(void)state;
	ivrs_add_11h(&builder, 0x11, 4);
	ADD(&builder, 1, 0, 0, 0);
	builder.bytes[48 + 21] = 0x02; /* 00040200h, as real tables have it */
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
	assert_int_equal(bus_get(machine, BASE + A_COUNTER_CONFIG, 8), 4 << 7 | 2 << 12);
	iommusim_machine_destroy(machine);
}

/* A DTE with a table is illegal where there is no host translation. */
static void hatdis_leaves_no_host_tables(void **state)
{
	static const uint64_t dte[2] = { 0x6000000000010603, 1 }; /* IW, IR, root, mode 3, TV, V */

	(void)state;
	for (unsigned dis = 0; dis <= 1; dis++) {
		struct iommusim_machine *machine = make();
		struct builder builder = ivrs_begin();
		struct iommusim_requester *device;

		ivrs_add_11h(&builder, 0x40, 4);
		ADD(&builder, 1, 0, 0, 0);
		builder.bytes[48 + 20] = (uint8_t)dis;
		assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
		assert_int_equal(
		    iommusim_memory_add(machine, 0, 0x20000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
		assert_int_equal(iommusim_memory_write(machine, 0x20, dte, sizeof(dte)), IOMMUSIM_OK);
		assert_int_equal(iommusim_requester_create(machine, 0, 1, &device), IOMMUSIM_OK);
		assert_int_equal(iommusim_mmio_write(machine, BASE + A_CONTROL, 8, 1), IOMMUSIM_OK);
		/* 1 ILLEGAL_DEV_TABLE_ENTRY; 2 IO_PAGE_FAULT: the table at 10000h is empty */
		assert_int_equal(
		    am_access(device, IOMMUSIM_DMA_READ, 0x5000, 8).fault.reason, dis ? 1 : 2);
		iommusim_machine_destroy(machine);
	}
}

/* ---- devices ------------------------------------------------------------------------------------ */

/* 40h of the sound table: 0008 to fffe, ff00 to ffff by alias 00a5, HPET and I/O APIC 00a0, HID 00a5. */
static void a_unit_governs_what_its_entries_name(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_sound();
	struct iommusim_unit *unit;

	(void)state;
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
	unit = iommusim_unit_at(machine, 0);
	assert_null(iommusim_unit_for(machine, 0, 0x0000));
	assert_null(iommusim_unit_for(machine, 0, 0x0007));
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x0008), unit);
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0xffff), unit);
	assert_null(iommusim_unit_for(machine, 1, 0x0008));
	assert_int_equal(iommusim_unit_carried_id(unit, 0xfeff), 0xfeff);
	assert_int_equal(iommusim_unit_carried_id(unit, 0xff00), 0x00a5);
	assert_int_equal(iommusim_unit_carried_id(unit, 0xffff), 0x00a5);
	assert_int_equal(iommusim_unit_carried_id(unit, 0x00a5), 0x00a5);
	iommusim_machine_destroy(machine);
}

/* Every kind of entry that names one device, and an alias whose bridge is named by nothing else. */
static void every_kind_of_entry_names_devices(void **state)
{
	static const uint16_t named[] = { 0x0101, 0x0102, 0x0103, 0x0203, 0x0104, 0x0105, 0x0106,
		0x0107, 0x0108, 0x0109, 0x010a };
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_begin();
	unsigned count = 0;

	(void)state;
	ivrs_add_11h(&builder, 0x40, 82);
	ADD(&builder, 2, 0x01, 0x01, 0);
	ADD(&builder, 0x46, 0x02, 0x01, 0, 0, 0, 0, 0x80);
	ADD(&builder, 0x42, 0x03, 0x01, 0, 0, 0x03, 0x02, 0); /* 0103 by 0203 */
	ADD(&builder, 3, 0x04, 0x01, 0, 4, 0x05, 0x01, 0);
	ADD(&builder, 0x47, 0x06, 0x01, 0, 0, 0, 0, 0, 4, 0x07, 0x01, 0);
	ADD(&builder, 0x48, 0, 0, 0, 1, 0x08, 0x01, 1);
	ADD(&builder, 0xf0, 0x09, 0x01, 0, 'A', 'M', 'D', 'I', '0', '0', '2', '0', 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0);
	ADD(&builder, 2, 0x0a, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
	for (unsigned rid = 0; rid <= 0xffff; rid++)
		count += iommusim_unit_for(machine, 0, (uint16_t)rid) != NULL;
	assert_int_equal(count, sizeof(named) / sizeof(*named));
	for (unsigned i = 0; i < count; i++)
		assert_non_null(iommusim_unit_for(machine, 0, named[i]));
	assert_int_equal(iommusim_unit_carried_id(iommusim_unit_at(machine, 0), 0x0103), 0x0203);
	assert_int_equal(iommusim_unit_carried_id(iommusim_unit_at(machine, 0), 0x0203), 0x0203);
	iommusim_machine_destroy(machine);
}

static void add_alias(struct amd_fixture *amd, uint16_t first, uint16_t last, uint16_t alias)
{
	const struct iommusim_unit_range range = {
		.first = first, .last = last, .aliased = true, .alias = alias
	};

	assert_int_equal(iommusim_unit_add_range(amd->unit, &range), IOMMUSIM_OK);
}

static void the_device_table_is_asked_by_the_alias(void **state)
{
	struct iommusim_requester *aliased;
	struct amd_fixture amd;
	uint64_t event[2];

	(void)state;
	am_start_enabled(&amd, NULL);
	am_map(&amd, 0x5000, 0x9000, 3);
	assert_int_equal(iommusim_requester_create(amd.machine, 0, 0x1230, &aliased), IOMMUSIM_OK);
	/* its own entry is empty: V=0, everything passes */
	assert_int_equal(am_access(aliased, IOMMUSIM_DMA_READ, 0x5000, 8).physical, 0x5000);
	add_alias(&amd, 0x1200, 0x12ff, AMD_RID);
	assert_int_equal(am_access(aliased, IOMMUSIM_DMA_READ, 0x5000, 8).physical, 0x9000);
	assert_int_equal(am_access(aliased, IOMMUSIM_DMA_READ, 0x7000, 8).fault.reason, 2);
	am_only_event(&amd, event);
	assert_int_equal(event[0] & 0xffff, AMD_RID);
	am_stop(&amd);
}

static void interrupts_carry_the_alias_too(void **state)
{
	struct iommusim_requester *aliased;
	struct iommusim_interrupt out;
	struct iommusim_fault fault;
	struct amd_fixture amd;
	uint64_t dte[4], event[2];

	(void)state;
	am_start_enabled(&amd, NULL);
	am_plain_dte(&amd, dte);
	/* IV, 2^1 entries, no table behind it, IntCtl=2 */
	dte[2] = 1 | 1 << 1 | am_page(&amd) | UINT64_C(2) << 60;
	am_set_dte(&amd, AMD_RID, dte);
	assert_int_equal(iommusim_requester_create(amd.machine, 0, 0x1230, &aliased), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_requester_interrupt(aliased, 0xfee00000, 1, &out, &fault), IOMMUSIM_OK);
	assert_int_equal(fault.class_, IOMMUSIM_FAULT_NONE);
	add_alias(&amd, 0x1230, 0x1230, AMD_RID);
	assert_int_equal(
	    iommusim_requester_interrupt(aliased, 0xfee00000, 1, &out, &fault), IOMMUSIM_OK);
	assert_int_equal(fault.reason, 2); /* RemapEn=0 */
	am_only_event(&amd, event);
	assert_int_equal(event[0] & 0xffff, AMD_RID);
	am_stop(&amd);
}

/* The unit for everything has its range last in the list or first: what comes later counts. */
static void of_ranges_that_overlap_the_last_counts(void **state)
{
	const struct iommusim_unit_range all = { .first = 0, .last = 0xffff };
	const struct iommusim_unit_range backwards = { .first = 2, .last = 1 };
	struct amd_fixture amd;

	(void)state;
	am_start(&amd, NULL);
	add_alias(&amd, 0x0100, 0x01ff, 0x0008);
	add_alias(&amd, 0x0110, 0x0110, 0x0010);
	assert_int_equal(iommusim_unit_carried_id(amd.unit, 0x0100), 0x0008);
	assert_int_equal(iommusim_unit_carried_id(amd.unit, 0x0110), 0x0010);
	assert_int_equal(iommusim_unit_add_range(amd.unit, &backwards), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_unit_carried_id(amd.unit, 0x0001), 0x0001);
	assert_int_equal(iommusim_unit_add_range(amd.unit, &all), IOMMUSIM_OK);
	assert_int_equal(iommusim_unit_carried_id(amd.unit, 0x0110), 0x0110);
	am_stop(&amd);
}

/* ---- failure ------------------------------------------------------------------------------------- */

static void an_unknown_preset_makes_no_unit(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_sound();

	(void)state;
	assert_int_equal(create(machine, &builder, "k7"), IOMMUSIM_ENOENT);
	assert_null(iommusim_unit_at(machine, 0));
	iommusim_machine_destroy(machine);
}

/* Two IOMMUs, the second where memory is. */
static void on_a_failure_no_unit_of_the_table_stays(void **state)
{
	struct iommusim_machine *machine = make();
	struct builder builder = ivrs_begin();
	uint64_t value;

	(void)state;
	ivrs_add_11h(&builder, 0x40, 4);
	ADD(&builder, 1, 0, 0, 0);
	ivrs_add_11h(&builder, 0x40, 4);
	ADD(&builder, 2, 0, 0x20, 0);
	builder.bytes[92 + 5] = 0x20;  /* the second is 20:00.2, */
	builder.bytes[92 + 10] = 0xe0; /* at fde00000h */
	assert_int_equal(
	    iommusim_memory_add(machine, 0xfde00000, 0x1000, IOMMUSIM_MEMORY_RAM), IOMMUSIM_OK);
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_EEXIST);
	assert_null(iommusim_unit_at(machine, 0));
	assert_int_equal(iommusim_mmio_read(machine, BASE, 8, &value), IOMMUSIM_ENXIO);
	assert_int_equal(iommusim_memory_remove(machine, 0xfde00000), IOMMUSIM_OK);
	assert_int_equal(create(machine, &builder, "zen2-client"), IOMMUSIM_OK);
	/* both name 2000: the first in the table has it */
	assert_ptr_equal(iommusim_unit_for(machine, 0, 0x2000), iommusim_unit_at(machine, 0));
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(machine, 1)), 0xfde00000);
	iommusim_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_that_counts_has_the_feature_registers),
		cmocka_unit_test(a_block_10h_says_some_of_the_features_and_the_preset_the_rest),
		cmocka_unit_test(iommus_without_a_feature_register_have_none_of_the_preset),
		cmocka_unit_test(counters_need_512_kib),
		cmocka_unit_test(counters_that_nobody_counted_are_the_usual_ones),
		cmocka_unit_test(hatdis_leaves_no_host_tables),
		cmocka_unit_test(a_unit_governs_what_its_entries_name),
		cmocka_unit_test(every_kind_of_entry_names_devices),
		cmocka_unit_test(the_device_table_is_asked_by_the_alias),
		cmocka_unit_test(interrupts_carry_the_alias_too),
		cmocka_unit_test(of_ranges_that_overlap_the_last_counts),
		cmocka_unit_test(an_unknown_preset_makes_no_unit),
		cmocka_unit_test(on_a_failure_no_unit_of_the_table_stays),
		cmocka_unit_test(each_feature_of_a_block_10h_is_one_of_the_register),
		cmocka_unit_test(the_attributes_number_counters_and_messages),
		cmocka_unit_test(the_revision_is_that_of_the_machine_with_these_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
