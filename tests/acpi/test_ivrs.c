/*
 * What iommusim_ivrs_parse() makes of tables written out byte by byte: the members of every block and device
 * entry, which blocks count, what is found for a requester, every way a table can be broken, and that
 * nothing in it can do harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/ivrs.h>

#include "models/amdvi/spec/ivrs.h"
#include "tests/acpi/ivrs_builder.h"

#define TABLE       iommusim_ivrs
#define TABLE_PARSE iommusim_ivrs_parse
#define TABLE_FREE  iommusim_ivrs_free
#define TABLE_SOUND ivrs_sound
#define TABLE_SIZE  240
#define TABLE_SPOIL 76
#include "tests/acpi/parser_tests.h"

/* A table with one IVHD of type 40h that has these device entries. */
#define PARSE_ENTRIES(...)                                                                             \
	parse_entries(0x40, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct iommusim_ivrs *parse_entries(uint8_t type, const uint8_t *entries, size_t size)
{
	struct builder builder = ivrs_begin();

	if (type == 0x10)
		ivrs_add_10h(&builder, (uint8_t)size);
	else
		ivrs_add_11h(&builder, type, (uint8_t)size);
	builder_add(&builder, entries, size);
	return parse_finished(&builder);
}

static void assert_entry(const struct iommusim_ivrs_entry *entry, uint32_t offset, uint8_t type,
    uint16_t length, uint16_t devid, uint8_t setting)
{
	assert_int_equal(entry->offset, offset);
	assert_int_equal(entry->type, type);
	assert_int_equal(entry->length, length);
	assert_int_equal(entry->devid, devid);
	assert_int_equal(entry->setting, setting);
}

static void assert_covers(const struct iommusim_ivrs_entry *entry, uint16_t first, uint16_t last)
{
	assert_true(entry->covers);
	assert_int_equal(entry->first, first);
	assert_int_equal(entry->last, last);
}

/* ---- header and blocks ---- */

static void a_sound_table_has_no_problem(void **state)
{
	struct builder builder = ivrs_sound();

	(void)state;
	assert_int_equal(builder.size, 240);
	assert_sound(parse(&builder));
}

static void header_members_are_read(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table = parse(&builder);

	(void)state;
	assert_int_equal(table->length, 240);
	assert_int_equal(table->revision, 2);
	assert_int_equal(table->checksum, builder.bytes[9]);
	assert_true(table->checksum_ok);
	assert_string_equal(table->oem_id, "SIMCO ");
	assert_string_equal(table->oem_table_id, "BOARD9");
	assert_int_equal(table->ivinfo, 0x00203043);
	assert_int_equal(table->block_count, 4);
	iommusim_ivrs_free(table);
}

static void ivhd_10h_members_are_read(void **state)
{
	struct builder builder = ivrs_begin();
	struct iommusim_ivrs *table;
	const struct iommusim_ivrs_block *ivhd;

	(void)state;
	ADD(&builder, 0x10, 0xff, 28, 0, 0x02, 0x60, 0x48, 0, 0, 0x40, 0x65, 0x87, 0x21, 0x03, 0, 0,
	    0x34, 0x12, 0x1f, 0x0b, 0x78, 0x56, 0x34, 0x92, 2, 0x00, 0x60, 0);
	table = parse_finished(&builder);
	ivhd = &table->blocks[0];
	assert_int_equal(ivhd->offset, 48);
	assert_int_equal(ivhd->type, IOMMUSIM_IVHD_10H);
	assert_int_equal(ivhd->flags, 0xff);
	assert_int_equal(ivhd->length, 28);
	assert_int_equal(ivhd->devid, 0x6002);
	assert_int_equal(ivhd->capability, 0x48);
	assert_true(ivhd->base == UINT64_C(0x32187654000));
	assert_int_equal(ivhd->segment, 0x1234);
	assert_int_equal(ivhd->info, 0x0b1f);
	assert_true(ivhd->features == UINT32_C(0x92345678));
	assert_int_equal(ivhd->attributes, 0);
	assert_true(ivhd->efr == 0 && ivhd->efr2 == 0);
	assert_int_equal(ivhd->entry_count, 1);
	assert_entry(&ivhd->entries[0], 72, IOMMUSIM_IVRS_SELECT, 4, 0x6000, 0);
	assert_sound(table);
}

static void ivhd_11h_and_40h_members_are_read(void **state)
{
	static const uint8_t types[] = { 0x11, 0x40 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct builder builder = ivrs_begin();
		struct iommusim_ivrs *table;
		const struct iommusim_ivrs_block *ivhd;

		ADD(&builder, types[i], 0x3f, 44, 0, 2, 0, 0x40, 0, 0, 0x80, 0xb8, 0xfe, 0, 0, 0, 0, 5,
		    0, 2, 0, 0x01, 0xe0, 0xff, 0x0f, 0xda, 0x4a, 0x29, 0x22, 0xef, 0x77, 0x0f, 0x00,
		    0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 1, 0, 0, 0);
		table = parse_finished(&builder);
		ivhd = &table->blocks[0];
		assert_int_equal(ivhd->type, types[i]);
		assert_int_equal(ivhd->flags, 0x3f);
		assert_true(ivhd->base == UINT64_C(0xfeb88000));
		assert_int_equal(ivhd->segment, 5);
		assert_int_equal(ivhd->info, 2);
		assert_int_equal(ivhd->features, 0);
		assert_int_equal(ivhd->attributes, 0x0fffe001);
		assert_int_equal(ivhd->attributes & IOMMUSIM_IVHD_HATDIS, 1);
		assert_true(ivhd->efr == UINT64_C(0x000f77ef22294ada));
		assert_true(ivhd->efr2 == UINT64_C(0x8877665544332211));
		assert_entry(&ivhd->entries[0], 88, IOMMUSIM_IVRS_ALL, 4, 0, 0);
		assert_sound(table);
	}
}

static void ivmd_members_are_read(void **state)
{
	static const uint8_t types[] = { 0x20, 0x21, 0x22 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct builder builder = ivrs_sound();
		struct iommusim_ivrs *table;
		const struct iommusim_ivrs_block *ivmd;

		ADD(&builder, types[i], 0x0d, 32, 0, 0x07, 0xc4, 0x0f, 0xc5, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		    0x00, 0xe0, 0x75, 0x21, 0x43, 0, 0, 0, 0x00, 0x02, 0x00, 0x01, 0, 0, 0);
		table = parse_finished(&builder);
		ivmd = &table->blocks[4];
		assert_int_equal(ivmd->offset, 240);
		assert_int_equal(ivmd->type, types[i]);
		assert_int_equal(ivmd->flags, 0x0d);
		assert_int_equal(ivmd->length, 32);
		assert_int_equal(ivmd->devid, 0xc407);
		assert_int_equal(ivmd->aux, 0xc50f);
		assert_int_equal(ivmd->segment, 0);
		assert_true(ivmd->start == UINT64_C(0x432175e00000));
		assert_true(ivmd->memory_length == UINT64_C(0x100020000));
		assert_sound(table);
	}
}

static void an_unknown_block_is_kept_and_skipped(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table = parse(&builder);

	(void)state;
	assert_int_equal(table->blocks[3].offset, 231);
	assert_int_equal(table->blocks[3].type, 0x51);
	assert_int_equal(table->blocks[3].length, 9);
	assert_int_equal(table->blocks[3].entry_count, 0);
	assert_sound(table);
	ADD(&builder, 0xff, 0, 4, 0);
	assert_sound(parse_finished(&builder));
}

static void the_result_does_not_need_the_bytes(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table = parse(&builder);

	(void)state;
	memset(&builder, 0xee, sizeof builder);
	assert_string_equal(table->oem_id, "SIMCO ");
	assert_string_equal(table->blocks[1].entries[7].uid, "\\_SB.FUR0");
	iommusim_ivrs_free(table);
}

static void what_is_no_ivrs_table_is_refused(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table = (struct iommusim_ivrs *)&builder;

	(void)state;
	assert_int_equal(parse_copy(builder.bytes, 0, &table), IOMMUSIM_EFORMAT);
	assert_null(table);
	assert_int_equal(parse_copy(builder.bytes, 35, &table), IOMMUSIM_EFORMAT);
	assert_int_equal(iommusim_ivrs_parse(NULL, 240, &table), IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_ivrs_parse(builder.bytes, 240, NULL), IOMMUSIM_EINVAL);
	memcpy(builder.bytes, "DMAR", 4);
	assert_int_equal(parse_copy(builder.bytes, 240, &table), IOMMUSIM_EFORMAT);
	assert_null(table);
	iommusim_ivrs_free(NULL);
}

static void names_are_those_of_the_table(void **state)
{
	static const struct {
		unsigned type;
		const char *name;
	} blocks[] = { { 0x10, "IVHD_10h" }, { 0x11, "IVHD_11h" }, { 0x40, "IVHD_40h" },
		{ 0x20, "IVMD_20h" }, { 0x21, "IVMD_21h" }, { 0x22, "IVMD_22h" }, { 0x23, "unknown" },
		{ 0x51, "unknown" }, { 0x110, "unknown" } },
	  entries[] = { { 0, "pad4" }, { 1, "all" }, { 2, "select" }, { 3, "range_start" },
		  { 4, "range_end" }, { 5, "unknown" }, { 0x40, "pad8" }, { 0x41, "unknown" },
		  { 0x42, "alias_select" }, { 0x43, "alias_start" }, { 0x44, "unknown" },
		  { 0x46, "ext_select" }, { 0x47, "ext_start" }, { 0x48, "special" },
		  { 0x80, "unknown" }, { 0xf0, "acpi_hid" }, { 0x1f0, "unknown" } };

	(void)state;
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		assert_string_equal(iommusim_ivrs_type_name(blocks[i].type), blocks[i].name);
	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
		assert_string_equal(iommusim_ivrs_entry_name(entries[i].type), entries[i].name);
	assert_string_equal(iommusim_ivrs_variety_name(0), "unknown");
	assert_string_equal(iommusim_ivrs_variety_name(1), "ioapic");
	assert_string_equal(iommusim_ivrs_variety_name(2), "hpet");
	assert_string_equal(iommusim_ivrs_variety_name(3), "unknown");
}

/* ---- device entries ---- */

static void single_entries_are_read(void **state)
{
	struct iommusim_ivrs *table = PARSE_ENTRIES(1, 0, 0, 0xd7, 2, 0x34, 0x12, 0x01, 0x42, 0x08,
	    0x01, 0x30, 0, 0xe5, 0x00, 0, 0x46, 0x10, 0x02, 0x02, 0, 0, 0, 0x80);
	const struct iommusim_ivrs_entry *entries = table->blocks[0].entries;

	(void)state;
	assert_int_equal(table->blocks[0].entry_count, 4);
	assert_entry(&entries[0], 88, IOMMUSIM_IVRS_ALL, 4, 0, 0xd7);
	assert_covers(&entries[0], 0, 0xffff);
	assert_entry(&entries[1], 92, IOMMUSIM_IVRS_SELECT, 4, 0x1234, 0x01);
	assert_covers(&entries[1], 0x1234, 0x1234);
	assert_entry(&entries[2], 96, IOMMUSIM_IVRS_ALIAS_SELECT, 8, 0x0108, 0x30);
	assert_int_equal(entries[2].source_devid, 0x00e5);
	assert_covers(&entries[2], 0x0108, 0x0108);
	assert_entry(&entries[3], 104, IOMMUSIM_IVRS_EXT_SELECT, 8, 0x0210, 0x02);
	assert_true(entries[3].extended == IOMMUSIM_IVRS_ATS_DISABLED);
	assert_covers(&entries[3], 0x0210, 0x0210);
	assert_sound(table);
}

static void ranges_end_where_their_end_says(void **state)
{
	struct iommusim_ivrs *table = PARSE_ENTRIES(3, 0x08, 0, 0x40, 4, 0xff, 0x00, 0, 0x43, 0, 1,
	    0x80, 0, 0xa5, 0x02, 0, 4, 0xff, 1, 0, 0x47, 0, 2, 4, 0, 0, 0, 0x80, 4, 0, 2, 0);
	const struct iommusim_ivrs_entry *entries = table->blocks[0].entries;

	(void)state;
	assert_int_equal(table->blocks[0].entry_count, 6);
	assert_entry(&entries[0], 88, IOMMUSIM_IVRS_RANGE_START, 4, 8, 0x40);
	assert_covers(&entries[0], 8, 0xff);
	assert_entry(&entries[1], 92, IOMMUSIM_IVRS_RANGE_END, 4, 0xff, 0);
	assert_false(entries[1].covers);
	assert_entry(&entries[2], 96, IOMMUSIM_IVRS_ALIAS_START, 8, 0x100, 0x80);
	assert_covers(&entries[2], 0x100, 0x1ff);
	assert_int_equal(entries[2].source_devid, 0x02a5);
	assert_entry(&entries[4], 108, IOMMUSIM_IVRS_EXT_START, 8, 0x200, 4);
	assert_covers(&entries[4], 0x200, 0x200); /* of one device */
	assert_true(entries[4].extended == UINT32_C(0x80000000));
	assert_sound(table);
}

static void special_entries_are_read(void **state)
{
	struct iommusim_ivrs *table =
	    PARSE_ENTRIES(0x48, 0, 0, 0xd7, 33, 0xa0, 0, 1, 0x48, 0, 0, 0, 2, 0x01, 0x60, 2);
	const struct iommusim_ivrs_entry *entries = table->blocks[0].entries;

	(void)state;
	assert_entry(&entries[0], 88, IOMMUSIM_IVRS_SPECIAL, 8, 0, 0xd7);
	assert_int_equal(entries[0].handle, 33);
	assert_int_equal(entries[0].variety, IOMMUSIM_IVRS_IOAPIC);
	assert_int_equal(entries[0].source_devid, 0xa0);
	assert_covers(&entries[0], 0xa0, 0xa0);
	assert_int_equal(entries[1].handle, 2);
	assert_int_equal(entries[1].variety, IOMMUSIM_IVRS_HPET);
	assert_covers(&entries[1], 0x6001, 0x6001);
	assert_sound(table);
}

static void pads_are_passed_over_whatever_is_in_them(void **state)
{
	struct iommusim_ivrs *table =
	    PARSE_ENTRIES(0, 1, 2, 3, 0x40, 1, 2, 3, 4, 5, 6, 7, 3, 0, 1, 0, 0, 9, 9, 9, 4, 0xff, 1, 0);
	const struct iommusim_ivrs_entry *entries = table->blocks[0].entries;

	(void)state;
	assert_int_equal(table->blocks[0].entry_count, 5);
	assert_entry(&entries[0], 88, IOMMUSIM_IVRS_PAD4, 4, 0x0201, 3);
	assert_false(entries[0].covers);
	assert_entry(&entries[1], 92, IOMMUSIM_IVRS_PAD8, 8, 0x0201, 3);
	assert_false(entries[1].covers);
	assert_covers(&entries[2], 0x100, 0x1ff); /* a pad in between changes nothing */
	assert_sound(table);
}

#define HID_HEAD(uid_format, uid_length)                                                               \
	0xf0, 0xa5, 0x01, 0x40, 'M', 'S', 'F', 'T', '0', '2', '0', '1', 'P', 'N', 'P', '0', 'D', '4',  \
	    '0', 0, (uid_format), (uid_length)

static void acpi_devices_are_read(void **state)
{
	struct iommusim_ivrs *table = PARSE_ENTRIES(HID_HEAD(0, 0), HID_HEAD(1, 8), 0x88, 0x77, 0x66,
	    0x55, 0x44, 0x33, 0x22, 0x11, HID_HEAD(2, 5), '\\', '_', 'S', 'B', 0, 2, 0, 2, 0);
	const struct iommusim_ivrs_entry *entries = table->blocks[0].entries;

	(void)state;
	assert_int_equal(table->blocks[0].entry_count, 4);
	assert_entry(&entries[0], 88, IOMMUSIM_IVRS_ACPI_HID, 22, 0x01a5, 0x40);
	assert_string_equal(entries[0].hid, "MSFT0201");
	assert_string_equal(entries[0].cid, "PNP0D40");
	assert_int_equal(entries[0].uid_format, IOMMUSIM_IVRS_UID_NONE);
	assert_null(entries[0].uid);
	assert_covers(&entries[0], 0x01a5, 0x01a5);
	assert_entry(&entries[1], 110, IOMMUSIM_IVRS_ACPI_HID, 30, 0x01a5, 0x40);
	assert_int_equal(entries[1].uid_format, IOMMUSIM_IVRS_UID_NUMBER);
	assert_int_equal(entries[1].uid_length, 8);
	assert_true(entries[1].uid_number == UINT64_C(0x1122334455667788));
	assert_null(entries[1].uid);
	assert_entry(&entries[2], 140, IOMMUSIM_IVRS_ACPI_HID, 27, 0x01a5, 0x40);
	assert_int_equal(entries[2].uid_format, IOMMUSIM_IVRS_UID_TEXT);
	assert_string_equal(entries[2].uid, "\\_SB");
	assert_entry(&entries[3], 167, IOMMUSIM_IVRS_SELECT, 4, 0x200, 0); /* not aligned */
	assert_sound(table);
}

static void an_id_may_be_a_number(void **state)
{
	struct iommusim_ivrs *table = PARSE_ENTRIES(
	    0xf0, 0xa5, 0, 0, 0x41, 0xd0, 0x0c, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

	(void)state;
	assert_memory_equal(table->blocks[0].entries[0].hid, "\x41\xd0\x0c\x0a\0\0\0\0", 9);
	assert_memory_equal(table->blocks[0].entries[0].cid, "\0\0\0\0\0\0\0\0", 9);
	assert_sound(table);
}

/* Types from the future: 4, 8, 16 and 32 bytes by the upper two bits. */
static void unknown_entries_are_skipped_by_the_length_rule(void **state)
{
	static const struct {
		uint8_t type;
		uint8_t length;
	} unknown[] = { { 0x05, 4 }, { 0x3f, 4 }, { 0x41, 8 }, { 0x44, 8 }, { 0x7f, 8 }, { 0x80, 16 },
		{ 0xbf, 16 }, { 0xc0, 32 }, { 0xef, 32 }, { 0xf1, 32 }, { 0xff, 32 } };

	(void)state;
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		uint8_t entries[40] = { unknown[i].type };
		struct iommusim_ivrs *table;

		entries[unknown[i].length] = 2;
		entries[unknown[i].length + 1] = 0x77;
		table = parse_entries(0x40, entries, unknown[i].length + 4u);
		assert_int_equal(table->blocks[0].entry_count, 2);
		assert_entry(
		    &table->blocks[0].entries[0], 88, unknown[i].type, unknown[i].length, 0, 0);
		assert_false(table->blocks[0].entries[0].covers);
		assert_entry(&table->blocks[0].entries[1], 88u + unknown[i].length,
		    IOMMUSIM_IVRS_SELECT, 4, 0x77, 0);
		assert_odd(table, 88, "is not known");
	}
}

/* ---- which blocks count ---- */

/* One unit as a block of this type, with its first device telling the blocks apart. */
static void add_unit(struct builder *builder, uint8_t type, uint8_t segment, uint8_t bus, uint8_t tag)
{
	const size_t at = builder->size;

	if (type == 0x10)
		ivrs_add_10h(builder, 4);
	else
		ivrs_add_11h(builder, type, 4);
	ADD(builder, 2, tag, bus, 0);
	builder->bytes[at + 5] = bus; /* the IOMMU is bus:00.2 */
	builder->bytes[at + 10] =
	    (uint8_t)(0xf0 - 16 * (segment + bus)); /* and has registers of its own */
	builder->bytes[at + 16] = segment;
}

static void the_highest_known_type_counts_in_any_order(void **state)
{
	static const struct {
		uint8_t types[3];
		unsigned counts; /* index into types */
	} cases[] = {
		{ { 0x10, 0x11, 0x40 }, 2 },
		{ { 0x40, 0x11, 0x10 }, 0 },
		{ { 0x11, 0x40, 0x10 }, 1 },
		{ { 0x10, 0x11, 0x51 }, 1 },
		{ { 0x11, 0x51, 0x10 }, 0 },
		{ { 0x51, 0x41, 0x10 }, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct builder builder = ivrs_begin();
		struct iommusim_ivrs *table;

		for (uint8_t t = 0; t < 3; t++)
			add_unit(&builder, cases[i].types[t], 0, 0, 8);
		table = parse_finished(&builder);
		assert_int_equal(table->unit_count, 1);
		assert_ptr_equal(table->units[0], &table->blocks[cases[i].counts]);
		assert_sound(table);
	}
}

static void each_iommu_has_its_own_highest_type(void **state)
{
	struct builder builder = ivrs_begin();
	struct iommusim_ivrs *table;

	(void)state;
	add_unit(&builder, 0x10, 0, 0, 8);
	add_unit(&builder, 0x10, 0, 1, 8);
	add_unit(&builder, 0x11, 0, 0, 8);
	add_unit(&builder, 0x10, 1, 2, 8);
	add_unit(&builder, 0x40, 0, 0, 8);
	add_unit(&builder, 0x11, 1, 2, 8);
	table = parse_finished(&builder);
	assert_int_equal(table->unit_count, 3); /* in table order */
	assert_ptr_equal(table->units[0], &table->blocks[1]);
	assert_ptr_equal(table->units[1], &table->blocks[4]);
	assert_ptr_equal(table->units[2], &table->blocks[5]);
	assert_sound(table);
}

static void of_two_blocks_of_one_type_the_first_counts(void **state)
{
	struct builder builder = ivrs_begin();
	struct iommusim_ivrs *table;

	(void)state;
	add_unit(&builder, 0x11, 0, 0, 8);
	add_unit(&builder, 0x11, 0, 0, 16);
	table = parse_finished(&builder);
	assert_int_equal(table->unit_count, 1);
	assert_ptr_equal(table->units[0], &table->blocks[0]);
	assert_odd(table, 92, "has one already, at offset 48");
}

static void blocks_of_one_iommu_must_agree_on_its_registers(void **state)
{
	struct builder builder = ivrs_begin();

	(void)state;
	add_unit(&builder, 0x10, 0, 0, 8);
	add_unit(&builder, 0x11, 0, 0, 8);
	builder.bytes[48 + 10] = 0xe0;
	assert_odd(parse_finished(&builder), 48, "registers at 0xfde00000");
	builder.bytes[48 + 10] = 0xf0;
	builder.bytes[48 + 6] = 0x44;
	assert_odd(parse_finished(&builder), 48, "capability offset 0x44");
}

static void a_unit_without_registers_is_left_out(void **state)
{
	struct builder builder = ivrs_begin();
	struct iommusim_ivrs *table;

	(void)state;
	add_unit(&builder, 0x11, 0, 0, 8);
	add_unit(&builder, 0x11, 0, 1, 8);
	memset(builder.bytes + 48 + 8, 0, 8);
	table = parse_finished(&builder);
	assert_int_equal(table->unit_count, 1);
	assert_int_equal(table->units[0]->devid, 0x102);
	assert_odd(table, 48, "left out");
}

static void register_sets_do_not_overlap(void **state)
{
	struct builder builder = ivrs_begin();

	(void)state;
	add_unit(&builder, 0x11, 0, 0, 8);
	add_unit(&builder, 0x11, 0, 1, 8);
	builder.bytes[92 + 10] = 0xf0;
	assert_odd(parse_finished(&builder), 92, "share addresses with those of the unit at offset 48");
	builder.bytes[92 + 9] = 0x40;
	assert_sound(parse_finished(&builder)); /* side by side */
}

/* ---- what is found for a requester ---- */

static void assert_found(const struct iommusim_ivrs_block *unit, uint16_t devid, uint32_t offset,
    uint16_t alias, uint8_t setting, uint8_t any_setting)
{
	struct iommusim_ivrs_device device;

	assert_true(iommusim_ivrs_find(unit, devid, &device));
	assert_int_equal(device.entry->offset, offset);
	assert_int_equal(device.alias, alias);
	assert_int_equal(device.setting, setting);
	assert_int_equal(device.any_setting, any_setting);
}

static void the_last_entry_that_covers_a_requester_governs_it(void **state)
{
	struct iommusim_ivrs *table = PARSE_ENTRIES(1, 0, 0, 0x01, 3, 0, 1, 0x02, 4, 0xff, 1, 0, 2,
	    0x10, 1, 0x80, 0x42, 0x20, 1, 0x30, 0, 0xe0, 0, 0, 0x46, 0x28, 1, 0x04, 0, 0, 0, 0x80);
	const struct iommusim_ivrs_block *unit = table->units[0];
	struct iommusim_ivrs_device device;

	(void)state;
	assert_found(unit, 0x0000, 88, 0x0000, 0x01, 0x01);
	assert_found(unit, 0x00ff, 88, 0x00ff, 0x01, 0x01);
	assert_found(unit, 0x0100, 92, 0x0100, 0x02, 0x03);
	assert_found(unit, 0x01ff, 92, 0x01ff, 0x02, 0x03);
	assert_found(unit, 0x0200, 88, 0x0200, 0x01, 0x01);
	assert_found(unit, 0x0110, 100, 0x0110, 0x80, 0x83);
	assert_found(unit, 0x0120, 104, 0x00e0, 0x30, 0x33);
	assert_found(unit, 0x00e0, 88, 0x00e0, 0x01, 0x31); /* the alias's setting is for both */
	assert_found(unit, 0xffff, 88, 0xffff, 0x01, 0x01);
	assert_true(iommusim_ivrs_find(unit, 0x0128, &device));
	assert_true(device.extended == IOMMUSIM_IVRS_ATS_DISABLED);
	assert_int_equal(device.entry->offset, 112);
	iommusim_ivrs_free(table);
}

static void what_no_entry_covers_is_not_found(void **state)
{
	struct iommusim_ivrs *table = PARSE_ENTRIES(3, 0, 1, 0, 4, 0xfe, 1, 0, 0x43, 0, 2, 0x40, 0,
	    0xe0, 0, 0, 4, 0xff, 2, 0, 0, 0, 5, 0, 0x41, 0, 5, 0, 0, 0, 0, 0);
	const struct iommusim_ivrs_block *unit = table->units[0];
	struct iommusim_ivrs_device device;

	(void)state;
	assert_false(iommusim_ivrs_find(unit, 0x00ff, &device));
	assert_null(device.entry);
	assert_false(iommusim_ivrs_find(unit, 0x01ff, &device));
	assert_false(iommusim_ivrs_find(unit, 0x0300, &device));
	assert_false(iommusim_ivrs_find(unit, 0x0500, &device)); /* only a pad and an unknown entry */
	assert_found(unit, 0x0200, 96, 0x00e0, 0x40, 0x40);
	assert_found(unit, 0x02ff, 96, 0x00e0, 0x40, 0x40);
	assert_found(
	    unit, 0x00e0, 96, 0x00e0, 0x40, 0x40); /* its requests come, from behind the alias */
	iommusim_ivrs_free(table);
}

/* As machines have it: a range for everything, then what is special about some of it. */
static void special_and_acpi_entries_govern_their_device(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table = parse(&builder);
	const struct iommusim_ivrs_block *unit = table->units[0];

	(void)state;
	assert_found(unit, 0x00a0, 160, 0x00a0, 0xd7, 0xd7);
	assert_found(unit, 0x00a5, 168, 0x00a5, 0x40, 0x40);
	assert_found(unit, 0x0008, 128, 0x0008, 0, 0);
	assert_found(unit, 0xff00, 136, 0x00a5, 0, 0);
	assert_found(unit, 0xffff, 136, 0x00a5, 0, 0);
	iommusim_ivrs_free(table);
}

static void a_requester_is_under_the_unit_of_its_segment(void **state)
{
	struct builder builder = ivrs_begin();
	struct iommusim_ivrs *table;

	(void)state;
	add_unit(&builder, 0x11, 0, 0, 8);
	add_unit(&builder, 0x11, 0, 1, 16);
	add_unit(&builder, 0x11, 2, 0, 8);
	table = parse_finished(&builder);
	assert_ptr_equal(iommusim_ivrs_unit_of(table, 0, 0x0008), &table->blocks[0]);
	assert_ptr_equal(iommusim_ivrs_unit_of(table, 0, 0x0110), &table->blocks[1]);
	assert_ptr_equal(iommusim_ivrs_unit_of(table, 2, 0x0008), &table->blocks[2]);
	assert_null(iommusim_ivrs_unit_of(table, 0, 0x0010));
	assert_null(iommusim_ivrs_unit_of(table, 1, 0x0008));
	assert_sound(table);
}

/* ---- what is wrong ---- */

static void broken_outlines_are_fatal(void **state)
{
	static const struct table_change changes[] = {
		{ "Length larger than what there is", { 4 }, { 241 }, 4, "241" },
		{ "Length of many bytes", { 7 }, { 0xff }, 4, "4278190320" },
		{ "Length less than the header", { 4 }, { 47 }, 4, "47" },
		{ "Length 0", { 4 }, { 0 }, 4, "Length is 0" },
		{ "block of 0 bytes", { 48 + 2 }, { 0 }, 48, "Length is 0" },
		{ "block of 3 bytes", { 48 + 2 }, { 3 }, 48, "Length is 3" },
		{ "unknown block of 0 bytes", { 231 + 2 }, { 0 }, 231, "Length is 0" },
		{ "unknown block of 3 bytes", { 231 + 2 }, { 3 }, 231, "Length is 3" },
		{ "IVHD 10h a byte short", { 48 + 2 }, { 23 }, 48, "Length is 23; its fixed part" },
		{ "IVHD 11h a byte short", { 48, 48 + 2 }, { 0x11, 39 }, 48,
		    "Length is 39; its fixed part" },
		{ "IVHD 40h a byte short", { 88 + 2 }, { 39 }, 88, "Length is 39; its fixed part" },
		{ "IVMD 22h a byte short", { 199 + 2 }, { 31 }, 199, "Length is 31; its fixed part" },
		{ "IVMD 20h a byte short", { 199, 199 + 2 }, { 0x20, 31 }, 199, "Length is 31" },
		{ "IVMD 21h a byte short", { 199, 199 + 2 }, { 0x21, 31 }, 199, "Length is 31" },
		{ "last block a byte too long", { 231 + 2 }, { 10 }, 231, "only 9 bytes" },
		{ "block far too long", { 48 + 3 }, { 0x7f }, 48, "only 192 bytes" },
		{ "entry cut by its block", { 48 + 2 }, { 36 }, 80, "only 4 bytes" },
		{ "entry of 32 bytes in too little room", { 80 }, { 0xc0 }, 80, "32 bytes long" },
		{ "unique id beyond its block", { 168 + 21 }, { 10 }, 168, "only 31 bytes" },
		{ "unique id far beyond its block", { 168 + 21 }, { 255 }, 168, "277 bytes long" },
		{ "ACPI entry without its length", { 88 + 2 }, { 101 }, 168, "22 bytes long" },
		{ "bytes after the last entry", { 88 + 2, 168 }, { 82, 0x40 }, 168, "2 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		print_message("  %s\n", changes[i].name);
		assert_fatal(parse_changed(&changes[i]), changes[i].offset, changes[i].part);
	}
}

static void units_that_cannot_be_there_are_fatal(void **state)
{
	static const struct table_change changes[] = {
		{ "base not on a page", { 88 + 8 }, { 0x10 }, 88, "0xfdf00010" },
		{ "base on a page, not on 16 KiB", { 88 + 9 }, { 0x20 }, 88, "16 KiB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		print_message("  %s\n", changes[i].name);
		assert_fatal(parse_changed(&changes[i]), changes[i].offset, changes[i].part);
	}
}

static void what_can_be_passed_over_is_odd(void **state)
{
	static const struct table_change changes[] = {
		{ "revision 0", { 8 }, { 0 }, 8, "Revision is 0" },
		{ "revision 3", { 8 }, { 3 }, 8, "Revision is 3" },
		{ "IVHD 40h in revision 1", { 8 }, { 1 }, 88, "revision 1" },
		{ "reserved bit of IVinfo", { 38 }, { 0xa0 }, 0, "byte 38" },
		{ "reserved byte of the header", { 47 }, { 1 }, 0, "byte 47" },
		{ "reserved flag of an IVHD", { 88 + 1 }, { 0x70 }, 88, "0x40 are set in byte 1" },
		{ "reserved bits of IOMMU info", { 48 + 18 }, { 0x21 }, 48, "0x20 are set in byte 18" },
		{ "reserved bits of attributes", { 88 + 21 }, { 0x82 }, 88, "0x02 are set in byte 21" },
		{ "capability in the standard header", { 88 + 6 }, { 0x3c }, 88,
		    "capability offset 0x3c" },
		{ "capability not aligned", { 88 + 6 }, { 0x42 }, 88, "capability offset 0x42" },
		{ "all bytes of the base gone", { 96, 98, 99 }, { 0, 0, 0 }, 88, "left out" },
		{ "reserved bit of a setting", { 80 + 3 }, { 0xdf }, 80, "0x08 are set in byte 3" },
		{ "setting of a range's end", { 76 + 3 }, { 1 }, 76, "0x01 are set in byte 3" },
		{ "device of a special entry", { 80 + 1 }, { 7 }, 80, "0x07 are set in byte 1" },
		{ "reserved byte 4 of an alias", { 136 + 4 }, { 1 }, 136, "byte 4" },
		{ "reserved byte 7 of an alias", { 136 + 7 }, { 1 }, 136, "byte 7" },
		{ "variety 0", { 152 + 7 }, { 0 }, 152, "variety 0" },
		{ "variety 3", { 152 + 7 }, { 3 }, 152, "variety 3" },
		{ "two entries for an I/O APIC", { 152 + 4, 152 + 7 }, { 33, 1 }, 160, "I/O APIC 33" },
		{ "range without a start", { 72 }, { 2 }, 76, "no start" },
		{ "range without an end", { 76 }, { 2 }, 72, "no range_end" },
		{ "range without an end before the next", { 132 }, { 2 }, 128, "no range_end" },
		{ "range backwards", { 72 + 1, 72 + 2 }, { 0xff, 0xff }, 72, "below its start" },
		{ "entry inside a range", { 144, 148 }, { 2, 4 }, 144, "between start and end" },
		{ "hardware id with a control character", { 168 + 4 }, { 0x1b }, 168, "printable" },
		{ "hardware id with a blank", { 168 + 9 }, { ' ' }, 168, "printable" },
		{ "hardware id with two letters in front", { 168 + 6 }, { '1' }, 168, "printable" },
		{ "compatible id with nothing at first", { 168 + 19 }, { 'x' }, 168, "printable" },
		{ "unique id of an unknown format", { 168 + 20 }, { 3 }, 168, "format 3" },
		{ "unique id where there is none", { 168 + 20 }, { 0 }, 168, "9 bytes" },
		{ "number of 9 bytes", { 168 + 20 }, { 1 }, 168, "number of 9 bytes" },
		{ "ACPI entry in an IVHD 11h", { 88 }, { 0x11 }, 168, "IVHD_11h" },
		{ "IVMD that asks for nothing", { 199 + 1 }, { 6 }, 199, "neither" },
		{ "reserved flag of an IVMD", { 199 + 1 }, { 0x17 }, 199, "0x10 are set in byte 1" },
		{ "reserved byte of an IVMD", { 199 + 10 }, { 1 }, 199, "byte 10" },
		{ "IVMD of a segment without a unit", { 199 + 8 }, { 1 }, 199, "segment 1" },
		{ "IVMD whose last device is below the first", { 199 + 5 }, { 0x10 }, 199, "0x1000" },
		{ "memory not on a page", { 199 + 16 }, { 1 }, 199, "whole pages" },
		{ "memory of part of a page", { 199 + 24 }, { 1 }, 199, "whole pages" },
		{ "memory of 0 bytes", { 199 + 25 }, { 0 }, 199, "0 bytes" },
		{ "memory beyond 64 bits", { 199 + 31, 199 + 23 }, { 0x80, 0x80 }, 199,
		    "beyond 64 bits" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		print_message("  %s\n", changes[i].name);
		assert_odd(parse_changed(&changes[i]), changes[i].offset, changes[i].part);
	}
}

static void a_wrong_checksum_is_fatal(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table;

	(void)state;
	builder.bytes[9]++;
	table = parse(&builder);
	assert_false(table->checksum_ok);
	assert_int_equal(table->unit_count, 1); /* what could be read is there */
	assert_fatal(table, 9, "checksum");
}

static void a_table_without_units_is_fatal(void **state)
{
	struct builder builder = ivrs_begin();

	(void)state;
	assert_fatal(parse_finished(&builder), 48, "no IVHD");
	ADD(&builder, 0x51, 0, 4, 0);
	assert_fatal(parse_finished(&builder), 48, "no IVHD");
}

static void a_unit_without_devices_is_odd(void **state)
{
	struct builder builder = ivrs_begin();

	(void)state;
	ivrs_add_10h(&builder, 0);
	assert_odd(parse_finished(&builder), 48, "no device entry");
}

static void bytes_left_over_are_odd(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table;

	(void)state;
	ADD(&builder, 1, 2, 3);
	assert_odd(parse_finished(&builder), 240, "3 bytes are left over");
	builder = ivrs_sound();
	builder_finish(&builder);
	ADD(&builder, 7);
	assert_odd(parse(&builder), 240, "1 bytes follow");
	/* An ACPI entry's odd length, filled up with 0. */
	table = PARSE_ENTRIES(HID_HEAD(2, 3), 'U', 'R', 'T', 0, 0, 0);
	assert_int_equal(table->blocks[0].entry_count, 1);
	assert_odd(table, 113, "3 bytes of 0 are left over");
}

static void an_ivmd_of_more_than_32_bytes_is_odd(void **state)
{
	struct builder builder = ivrs_sound();

	(void)state;
	builder.bytes[199 + 2] = 41; /* swallows the block behind it */
	assert_odd(parse_finished(&builder), 199, "Length is 41");
}

static void what_was_read_before_a_fatal_problem_is_kept(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table;

	(void)state;
	builder.bytes[160] =
	    0xc0; /* 32 bytes: runs into the ACPI entry, which is then read from its middle */
	table = parse_finished(&builder);
	assert_int_equal(table->block_count, 4);
	assert_entry(&table->blocks[1].entries[5], 152, IOMMUSIM_IVRS_SPECIAL, 8, 0, 0);
	assert_entry(&table->blocks[1].entries[6], 160, 0xc0, 32, 0, 0);
	assert_int_equal(table->blocks[2].devid, 0);
	assert_int_equal(table->blocks[2].aux, 0x0fff);
	iommusim_ivrs_free(table);
}

/* The unique id of an entry that runs out of its block ends there. */
static void a_unique_id_stops_at_its_block(void **state)
{
	struct builder builder = ivrs_sound();
	struct iommusim_ivrs *table;

	(void)state;
	builder.bytes[168 + 21] = 255;
	table = parse_finished(&builder);
	assert_string_equal(table->blocks[1].entries[7].uid, "\\_SB.FUR0");
	assert_false(table->blocks[1].entries[7].covers);
	assert_fatal(table, 168, "277");
}

static void a_device_is_under_one_unit(void **state)
{
	struct builder builder = ivrs_begin();

	(void)state;
	add_unit(&builder, 0x11, 0, 0, 8);
	add_unit(&builder, 0x11, 0, 1, 16);
	builder.bytes[92 + 40 + 1] = 8;
	builder.bytes[92 + 40 + 2] = 0;
	assert_odd(parse_finished(&builder), 132, "device 0x0008 is also under the unit at offset 48");
	builder.bytes[92 + 16] = 1; /* in another segment it is another device */
	assert_sound(parse_finished(&builder));
}

/* The other unit's claim is found behind one of the own unit's that reaches further. */
static void ranges_of_two_units_that_overlap_are_odd(void **state)
{
	struct builder builder = ivrs_begin();
	struct iommusim_ivrs *table;

	(void)state;
	ivrs_add_11h(&builder, 0x11, 16);
	ADD(&builder, 3, 0, 1, 0, 4, 0xff, 3, 0, 3, 0, 6, 0, 4, 0xff, 6, 0);
	ivrs_add_11h(&builder, 0x11, 16);
	ADD(&builder, 3, 0, 2, 0, 4, 0xff, 5, 0, 2, 0xff, 3, 0, 2, 0, 4, 0);
	builder.bytes[104 + 5] = 1;
	builder.bytes[104 + 10] = 0xe0;
	table = parse_finished(&builder);
	assert_problem(table, 144, false, "device 0x0200 is also under the unit at offset 48");
	assert_problem(table, 152, false, "device 0x03ff is also under the unit at offset 48");
	assert_int_equal(table->problem_count, 2);
	iommusim_ivrs_free(table);
}

/* ---- nothing does harm ---- */

static void fields_of_the_descriptions_do_not_overlap(void **state)
{
	static const struct spec_structure *const structures[] = {
		&amdvi_acpi_header_spec,
		&amdvi_acpi_block_spec,
		&amdvi_acpi_ivhd_10h_spec,
		&amdvi_acpi_ivhd_11h_spec,
		&amdvi_acpi_ivmd_spec,
		&amdvi_acpi_entry_spec,
		&amdvi_acpi_all_spec,
		&amdvi_acpi_select_spec,
		&amdvi_acpi_range_end_spec,
		&amdvi_acpi_alias_spec,
		&amdvi_acpi_extended_spec,
		&amdvi_acpi_special_spec,
		&amdvi_acpi_hid_spec,
	};

	(void)state;
	fields_are_apart(structures, sizeof structures / sizeof structures[0]);
}

/* True of every result, whatever the input was. */
static void assert_consistent(const struct iommusim_ivrs *table, size_t size)
{
	uint32_t offset = 47;

	problems_are_consistent(table->problems, table->problem_count, size, table->usable);
	for (uint32_t i = 0; i < table->block_count; i++) {
		const struct iommusim_ivrs_block *block = &table->blocks[i];

		assert_true(block->offset > offset && block->offset < size);
		offset = block->offset;
		for (uint32_t e = 0; e < block->entry_count; e++) {
			const struct iommusim_ivrs_entry *entry = &block->entries[e];

			assert_true(entry->offset > offset && entry->offset + 4 <= size);
			assert_true(!entry->covers || entry->first <= entry->last);
			assert_true(entry->uid == NULL || strlen(entry->uid) <= entry->uid_length);
			offset = entry->offset;
		}
	}
	for (uint32_t i = 0; i < table->unit_count; i++) {
		struct iommusim_ivrs_device device;

		assert_true(table->units[i]->base != 0);
		assert_true(i == 0 || table->units[i]->offset > table->units[i - 1]->offset);
		if (iommusim_ivrs_find(table->units[i], 0xa0, &device))
			assert_true((device.any_setting & device.setting) == device.setting);
	}
}

/* As many units as fit, all at one address and with one device; as many entries; as many IVMDs. */
static void large_tables_are_read_in_reasonable_time(void **state)
{
	enum { UNITS = 40000, UNIT_BYTES = 28 };
	const size_t size = 48 + UNITS * UINT64_C(28) + UNITS * UINT64_C(32);
	struct builder header = ivrs_begin();
	uint8_t *bytes = calloc(1, size);
	struct iommusim_ivrs *table;

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, header.bytes, 48);
	for (unsigned i = 0; i < 4; i++)
		bytes[4 + i] = (uint8_t)(size >> i * 8);
	for (size_t i = 0; i < UNITS; i++) {
		uint8_t *ivhd = bytes + 48 + i * UNIT_BYTES;
		uint8_t *ivmd = bytes + 48 + UNITS * UINT64_C(28) + i * 32;

		ivhd[0] = 0x10;
		ivhd[2] = UNIT_BYTES;
		ivhd[4] = (uint8_t)i;
		ivhd[5] = (uint8_t)(i >> 8);
		ivhd[11] = 0xfd;
		ivhd[24] = 1;
		ivmd[0] = 0x22;
		ivmd[2] = 32;
	}
	assert_int_equal(iommusim_ivrs_parse(bytes, size, &table), IOMMUSIM_OK);
	assert_int_equal(table->block_count, 2 * UNITS);
	assert_int_equal(table->unit_count, UNITS);
	assert_true(table->problem_count >= 2 * (UNITS - 1));
	assert_consistent(table, size);
	iommusim_ivrs_free(table);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_table_has_no_problem),
		cmocka_unit_test(header_members_are_read),
		cmocka_unit_test(ivhd_10h_members_are_read),
		cmocka_unit_test(ivhd_11h_and_40h_members_are_read),
		cmocka_unit_test(ivmd_members_are_read),
		cmocka_unit_test(an_unknown_block_is_kept_and_skipped),
		cmocka_unit_test(the_result_does_not_need_the_bytes),
		cmocka_unit_test(what_is_no_ivrs_table_is_refused),
		cmocka_unit_test(names_are_those_of_the_table),
		cmocka_unit_test(single_entries_are_read),
		cmocka_unit_test(ranges_end_where_their_end_says),
		cmocka_unit_test(special_entries_are_read),
		cmocka_unit_test(pads_are_passed_over_whatever_is_in_them),
		cmocka_unit_test(acpi_devices_are_read),
		cmocka_unit_test(an_id_may_be_a_number),
		cmocka_unit_test(unknown_entries_are_skipped_by_the_length_rule),
		cmocka_unit_test(the_highest_known_type_counts_in_any_order),
		cmocka_unit_test(each_iommu_has_its_own_highest_type),
		cmocka_unit_test(of_two_blocks_of_one_type_the_first_counts),
		cmocka_unit_test(blocks_of_one_iommu_must_agree_on_its_registers),
		cmocka_unit_test(a_unit_without_registers_is_left_out),
		cmocka_unit_test(register_sets_do_not_overlap),
		cmocka_unit_test(the_last_entry_that_covers_a_requester_governs_it),
		cmocka_unit_test(what_no_entry_covers_is_not_found),
		cmocka_unit_test(special_and_acpi_entries_govern_their_device),
		cmocka_unit_test(a_requester_is_under_the_unit_of_its_segment),
		cmocka_unit_test(broken_outlines_are_fatal),
		cmocka_unit_test(units_that_cannot_be_there_are_fatal),
		cmocka_unit_test(what_can_be_passed_over_is_odd),
		cmocka_unit_test(a_wrong_checksum_is_fatal),
		cmocka_unit_test(a_table_without_units_is_fatal),
		cmocka_unit_test(a_unit_without_devices_is_odd),
		cmocka_unit_test(bytes_left_over_are_odd),
		cmocka_unit_test(an_ivmd_of_more_than_32_bytes_is_odd),
		cmocka_unit_test(what_was_read_before_a_fatal_problem_is_kept),
		cmocka_unit_test(a_unique_id_stops_at_its_block),
		cmocka_unit_test(a_device_is_under_one_unit),
		cmocka_unit_test(ranges_of_two_units_that_overlap_are_odd),
		cmocka_unit_test(fields_of_the_descriptions_do_not_overlap),
		cmocka_unit_test(a_table_cut_off_anywhere_cannot_be_used),
		cmocka_unit_test(a_length_anywhere_is_survived),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(large_tables_are_read_in_reasonable_time),
		cmocka_unit_test(a_failed_allocation_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
