/*
 * What iommusim_dmar_parse() makes of tables written out byte by byte: the members of every
 * structure, every way a table can be broken, and that nothing in it can do harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/dmar.h>

#include "models/vtd/spec/dmar.h"
#include "tests/acpi/dmar_builder.h"

#define TABLE       iommusim_dmar
#define TABLE_PARSE iommusim_dmar_parse
#define TABLE_FREE  iommusim_dmar_free
#define TABLE_SOUND builder_sound
#define TABLE_SIZE  176
#define TABLE_SPOIL 64
#include "tests/acpi/parser_tests.h"

static void assert_scope(const struct iommusim_dmar_scope *scope, uint32_t offset, uint8_t type,
    uint8_t id, uint8_t bus, uint8_t device, uint8_t function)
{
	assert_int_equal(scope->offset, offset);
	assert_int_equal(scope->type, type);
	assert_int_equal(scope->length, 8);
	assert_int_equal(scope->enumeration_id, id);
	assert_int_equal(scope->start_bus, bus);
	assert_int_equal(scope->hop_count, 1);
	assert_int_equal(scope->hops[0].device, device);
	assert_int_equal(scope->hops[0].function, function);
}

static void a_sound_table_has_no_problem(void **state)
{
	struct builder builder = builder_sound();

	(void)state;
	assert_int_equal(builder.size, 176);
	assert_sound(parse(&builder));
}

static void header_members_are_read(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table = parse(&builder);

	(void)state;
	assert_int_equal(table->length, 176);
	assert_int_equal(table->revision, 1);
	assert_int_equal(table->checksum, builder.bytes[9]);
	assert_true(table->checksum_ok);
	assert_string_equal(table->oem_id, "SIMCO ");
	assert_string_equal(table->oem_table_id, "BOARD7");
	assert_int_equal(table->host_address_width, 46);
	assert_int_equal(table->flags, 5);
	assert_int_equal(table->structure_count, 5);
	iommusim_dmar_free(table);
}

static void oem_table_id_of_eight_letters_is_terminated(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table;

	(void)state;
	memcpy(builder.bytes + 16, "EIGHTLET", 8);
	table = parse_finished(&builder);
	assert_string_equal(table->oem_table_id, "EIGHTLET");
	assert_sound(table);
}

static void drhd_members_are_read(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;
	const struct iommusim_dmar_structure *drhd;

	(void)state;
	ADD(&builder, 0, 0, 24, 0, 0x01, 0x02, 0x34, 0x12, 0x00, 0x40, 0x65, 0x87, 0x21, 0x03, 0, 0);
	ADD(&builder, 3, 8, 0, 0, 9, 0xf1, 30, 3);
	table = parse_finished(&builder);
	drhd = &table->structures[0];
	assert_int_equal(drhd->offset, 48);
	assert_int_equal(drhd->type, IOMMUSIM_DMAR_DRHD);
	assert_int_equal(drhd->length, 24);
	assert_int_equal(drhd->flags, 1);
	assert_int_equal(drhd->size, 2);
	assert_int_equal(drhd->segment, 0x1234);
	assert_true(drhd->base == UINT64_C(0x32187654000));
	assert_int_equal(drhd->scope_count, 1);
	assert_scope(&drhd->scopes[0], 64, IOMMUSIM_SCOPE_IOAPIC, 9, 0xf1, 30, 3);
	assert_sound(table);
}

static void rmrr_members_are_read(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table = parse(&builder);
	const struct iommusim_dmar_structure *rmrr = &table->structures[2];

	(void)state;
	assert_int_equal(rmrr->type, IOMMUSIM_DMAR_RMRR);
	assert_int_equal(rmrr->offset, 112);
	assert_int_equal(rmrr->segment, 0);
	assert_true(rmrr->base == UINT64_C(0x7ba00000));
	assert_true(rmrr->limit == UINT64_C(0x7bbfffff));
	assert_int_equal(rmrr->scope_count, 1);
	assert_scope(&rmrr->scopes[0], 136, IOMMUSIM_SCOPE_ENDPOINT, 0, 0, 20, 0);
	iommusim_dmar_free(table);
}

static void atsr_members_are_read(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table;
	const struct iommusim_dmar_structure *atsr;

	(void)state;
	builder.bytes[148] = 0; /* flags, in place already: one port */
	table = parse(&builder);
	atsr = &table->structures[3];
	assert_int_equal(atsr->type, IOMMUSIM_DMAR_ATSR);
	assert_int_equal(atsr->flags, 0);
	assert_int_equal(atsr->segment, 0);
	assert_int_equal(atsr->scope_count, 1);
	assert_scope(&atsr->scopes[0], 152, IOMMUSIM_SCOPE_BRIDGE, 0, 0, 28, 4);
	iommusim_dmar_free(table);
}

/* Two units in two segments and an affinity for each. */
static void rhsa_members_are_read(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0x00, 0xc0, 0xff, 0xc5, 0, 0, 0, 0);
	ADD(&builder, 0, 0, 16, 0, 1, 0, 1, 0, 0x00, 0xc0, 0xff, 0xd5, 0, 0, 0, 0);
	ADD(&builder, 3, 0, 20, 0, 0, 0, 0, 0, 0x00, 0xc0, 0xff, 0xc5, 0, 0, 0, 0, 1, 0, 0, 0x80);
	ADD(&builder, 3, 0, 20, 0, 0, 0, 0, 0, 0x00, 0xc0, 0xff, 0xd5, 0, 0, 0, 0, 2, 0, 0, 0);
	table = parse_finished(&builder);
	assert_int_equal(table->structures[2].type, IOMMUSIM_DMAR_RHSA);
	assert_int_equal(table->structures[2].length, 20);
	assert_true(table->structures[2].base == UINT64_C(0xc5ffc000));
	assert_true(table->structures[2].proximity == UINT32_C(0x80000001));
	assert_int_equal(table->structures[3].offset, 100);
	assert_int_equal(table->structures[3].proximity, 2);
	assert_sound(table);
}

/* The unit for everything else, which lists two ACPI devices. */
static void add_unit_with_acpi_devices(struct builder *builder)
{
	ADD(builder, 0, 0, 32, 0, 1, 0, 0, 0, 0x00, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(builder, 5, 8, 0, 0, 1, 0x00, 21, 0);
	ADD(builder, 5, 8, 0, 0, 7, 0x00, 21, 1);
}

static void andd_names_are_read_and_what_follows_is_unaligned(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	add_unit_with_acpi_devices(&builder);
	ADD(&builder, 4, 0, 15, 0, 0, 0, 0, 1, '\\', '_', 'S', 'B', '.', 'A', 0);
	ADD(&builder, 4, 0, 22, 0, 0, 0, 0, 7, '\\', '_', 'S', 'B', '.', 'L', 'O', 'N', 'G', 0, 'x',
	    'y', 0, 'z');
	ADD(&builder, 5, 0, 16, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 2, 0);
	table = parse_finished(&builder);
	assert_int_equal(table->structure_count, 4);
	assert_int_equal(table->structures[1].acpi_device, 1);
	assert_string_equal(table->structures[1].acpi_name, "\\_SB.A");
	assert_int_equal(table->structures[2].offset, 95);
	assert_int_equal(table->structures[2].acpi_device, 7);
	assert_string_equal(table->structures[2].acpi_name, "\\_SB.LONG");
	assert_int_equal(table->structures[3].offset, 117);
	assert_int_equal(table->structures[3].flags, 1);
	assert_scope(&table->structures[3].scopes[0], 125, IOMMUSIM_SCOPE_ENDPOINT, 0, 0, 2, 0);
	assert_sound(table);
}

static void satc_and_sidp_members_are_read(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 2, 0, 0x00, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 5, 0, 16, 0, 1, 0, 2, 0, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&builder, 6, 0, 24, 0, 0, 0, 2, 0, 1, 8, 0x1f, 0, 0, 0, 2, 0, 1, 8, 0x0c, 0, 0, 0, 11, 0);
	table = parse_finished(&builder);
	assert_int_equal(table->structures[1].type, IOMMUSIM_DMAR_SATC);
	assert_int_equal(table->structures[1].flags, 1);
	assert_int_equal(table->structures[1].segment, 2);
	assert_int_equal(table->structures[2].type, IOMMUSIM_DMAR_SIDP);
	assert_int_equal(table->structures[2].segment, 2);
	assert_int_equal(table->structures[2].scope_count, 2);
	assert_int_equal(table->structures[2].scopes[0].flags, 0x1f);
	assert_int_equal(table->structures[2].scopes[1].flags, 0x0c);
	assert_sound(table);
}

static void a_path_has_all_its_hops(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;
	const struct iommusim_dmar_scope *scope;

	(void)state;
	ADD(&builder, 0, 0, 28, 0, 0, 0, 0, 0, 0x00, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 1, 12, 0, 0, 0, 0x40, 3, 2, 0, 0, 31, 7);
	table = parse_finished(&builder);
	scope = &table->structures[0].scopes[0];
	assert_int_equal(scope->hop_count, 3);
	assert_int_equal(scope->start_bus, 0x40);
	assert_int_equal(scope->hops[0].device, 3);
	assert_int_equal(scope->hops[0].function, 2);
	assert_int_equal(scope->hops[1].device, 0);
	assert_int_equal(scope->hops[2].device, 31);
	assert_int_equal(scope->hops[2].function, 7);
	assert_sound(table);
}

static void an_unknown_structure_is_kept_and_skipped(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table = parse(&builder);

	(void)state;
	assert_int_equal(table->structures[4].type, 0x1299);
	assert_int_equal(table->structures[4].length, 16);
	assert_int_equal(table->structures[4].offset, 160);
	assert_int_equal(table->structures[4].scope_count, 0);
	assert_string_equal(iommusim_dmar_type_name(0x1299), "unknown");
	assert_sound(table);
}

static void an_unknown_structure_of_four_bytes_is_enough(void **state)
{
	struct builder builder = builder_sound();

	(void)state;
	ADD(&builder, 7, 0, 4, 0);
	assert_sound(parse_finished(&builder));
}

static void flags_size_and_width_keep_reserved_bits(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table;

	(void)state;
	builder.bytes[37] = 0xf9;
	builder.bytes[48 + 4] = 0x80;
	builder.bytes[48 + 5] = 0xa0;
	table = parse_finished(&builder);
	assert_int_equal(table->flags, 0xf9);
	assert_int_equal(table->structures[0].flags, 0x80);
	assert_int_equal(table->structures[0].size, 0xa0);
	assert_problem(table, 0, false, "0xf8");
	assert_problem(table, 48, false, "0x80");
	assert_odd(table, 48, "0xa0");
}

static void the_result_does_not_need_the_bytes(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table = parse(&builder);

	(void)state;
	memset(&builder, 0xee, sizeof builder);
	assert_string_equal(table->oem_id, "SIMCO ");
	assert_scope(&table->structures[0].scopes[1], 72, IOMMUSIM_SCOPE_BRIDGE, 0, 0, 28, 4);
	iommusim_dmar_free(table);
}

static void what_is_no_dmar_table_is_refused(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table = (struct iommusim_dmar *)&builder;

	(void)state;
	assert_int_equal(parse_copy(builder.bytes, 0, &table), IOMMUSIM_EFORMAT);
	assert_null(table);
	assert_int_equal(parse_copy(builder.bytes, 35, &table), IOMMUSIM_EFORMAT);
	assert_null(table);
	builder.bytes[3] = 'r';
	assert_int_equal(parse_copy(builder.bytes, 176, &table), IOMMUSIM_EFORMAT);
	assert_null(table);
}

static void missing_arguments_are_refused(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table = (struct iommusim_dmar *)&builder;

	(void)state;
	assert_int_equal(iommusim_dmar_parse(NULL, 176, &table), IOMMUSIM_EINVAL);
	assert_null(table);
	assert_int_equal(iommusim_dmar_parse(builder.bytes, 176, NULL), IOMMUSIM_EINVAL);
	iommusim_dmar_free(NULL);
}

static void names_are_those_of_the_specification(void **state)
{
	static const char *const types[] = { "DRHD", "RMRR", "ATSR", "RHSA", "ANDD", "SATC", "SIDP",
		"unknown" };
	static const char *const scopes[] = { "unknown", "endpoint", "bridge", "ioapic", "hpet", "acpi",
		"unknown" };

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_string_equal(iommusim_dmar_type_name(i), types[i]);
	for (unsigned i = 0; i < 7; i++)
		assert_string_equal(iommusim_dmar_scope_name(i), scopes[i]);
	assert_string_equal(iommusim_dmar_type_name(UINT32_MAX), "unknown");
	assert_string_equal(iommusim_dmar_scope_name(UINT32_MAX), "unknown");
}

static void broken_outlines_are_fatal(void **state)
{
	static const struct table_change changes[] = {
		{ "Length larger than what there is", { 4 }, { 177 }, 4, "177" },
		{ "Length of many bytes", { 7 }, { 0xff }, 4, "4278190256" },
		{ "Length less than the header", { 4 }, { 47 }, 4, "47" },
		{ "Length 0", { 4 }, { 0 }, 4, "Length is 0" },
		{ "structure of 0 bytes", { 48 + 2 }, { 0 }, 48, "Length is 0" },
		{ "structure of 3 bytes", { 48 + 2 }, { 3 }, 48, "Length is 3" },
		{ "unknown structure of 0 bytes", { 160 + 2 }, { 0 }, 160, "Length is 0" },
		{ "unknown structure of 3 bytes", { 160 + 2 }, { 3 }, 160, "Length is 3" },
		{ "DRHD without its base", { 48 + 2 }, { 8 }, 48, "Length is 8; its fixed part" },
		{ "DRHD a byte short", { 48 + 2 }, { 15 }, 48, "Length is 15; its fixed part" },
		{ "RMRR a byte short", { 112 + 2 }, { 23 }, 112, "Length is 23; its fixed part" },
		{ "ATSR a byte short", { 144 + 2 }, { 7 }, 144, "Length is 7; its fixed part" },
		{ "RHSA a byte short", { 160, 161, 162 }, { 3, 0, 19 }, 160,
		    "Length is 19; its fixed part" },
		{ "ANDD a byte short", { 160, 161, 162 }, { 4, 0, 7 }, 160,
		    "Length is 7; its fixed part" },
		{ "SATC a byte short", { 160, 161, 162 }, { 5, 0, 7 }, 160,
		    "Length is 7; its fixed part" },
		{ "SIDP a byte short", { 160, 161, 162 }, { 6, 0, 7 }, 160,
		    "Length is 7; its fixed part" },
		{ "last structure a byte too long", { 160 + 2 }, { 17 }, 160, "Length is 17" },
		{ "structure far too long", { 48 + 3 }, { 0x7f }, 48, "only 128 bytes" },
		{ "scope of 0 bytes", { 64 + 1 }, { 0 }, 64, "Length is 0" },
		{ "scope of 1 byte", { 64 + 1 }, { 1 }, 64, "Length is 1" },
		{ "scope of 5 bytes", { 64 + 1 }, { 5 }, 64, "Length is 5" },
		{ "scope without a path", { 64 + 1 }, { 6 }, 64, "no path" },
		{ "scope with half a hop", { 64 + 1 }, { 7 }, 64, "Length is 7" },
		{ "scope beyond its structure", { 72 + 1 }, { 9 }, 72, "only 8 bytes" },
		{ "scope far beyond its structure", { 64 + 1 }, { 255 }, 64, "only 16 bytes" },
		{ "scope cut by its structure", { 48 + 2 }, { 30 }, 72, "only 6 bytes" },
		{ "scope header cut by its structure", { 48 + 2 }, { 27 }, 72, "only 3 bytes" },
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
		{ "base not on a page", { 56 }, { 0x10 }, 48, "0xfbe01010" },
		{ "base half a page off", { 57 }, { 0x18 }, 48, "not aligned" },
		{ "base beyond the address width", { 48 + 8 + 5 }, { 0x40 }, 48, "46 bits" },
		{ "base at the top of 64 bits", { 48 + 8 + 7 }, { 0xff }, 48, "46 bits" },
		{ "address width of 1 bit", { 36 }, { 0 }, 36, "1 bits" },
		{ "address width of 11 bits", { 36 }, { 10 }, 36, "11 bits" },
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
		{ "address width of 65 bits", { 36 }, { 64 }, 36, "65 bits" },
		{ "address width of 256 bits", { 36 }, { 255 }, 36, "256 bits" },
		{ "reserved flag of the header", { 37 }, { 0x08 }, 0, "0x08" },
		{ "reserved byte of the header", { 47 }, { 1 }, 0, "byte 47" },
		{ "unit without registers", { 57, 58, 59 }, { 0, 0, 0 }, 48, "address is 0" },
		{ "register set larger than its alignment", { 53 }, { 1 }, 48, "8192" },
		{ "largest register set", { 53 }, { 15 }, 48, "134217728" },
		{ "reserved bits of Size", { 53 }, { 0x40 }, 48, "byte 5" },
		{ "reserved flag of a DRHD", { 52 }, { 0x02 }, 48, "byte 4" },
		{ "two units at one address", { 57 }, { 0x20 }, 80, "unit at offset 48" },
		{ "two units for the rest", { 52 }, { 1 }, 80, "second unit" },
		{ "scope type 0", { 64 }, { 0 }, 64, "type 0" },
		{ "scope type 6", { 64 }, { 6 }, 64, "type 6" },
		{ "scope type 255", { 64 }, { 255 }, 64, "type 255" },
		{ "flags outside an SIDP", { 66 }, { 1 }, 64, "byte 2" },
		{ "reserved byte of a scope", { 67 }, { 1 }, 64, "byte 3" },
		{ "enumeration id of an endpoint", { 68 }, { 3 }, 64, "id 3" },
		{ "device 32", { 70 }, { 32 }, 64, "device 32" },
		{ "function 8", { 71 }, { 8 }, 64, "function 8" },
		{ "the same device twice", { 64, 78, 79 }, { 2, 2, 0 }, 72, "offset 64" },
		{ "endpoint under the unit for the rest", { 96, 100 }, { 1, 0 }, 96,
		    "INCLUDE_PCI_ALL" },
		{ "bridge under the unit for the rest", { 96, 100 }, { 2, 0 }, 96, "INCLUDE_PCI_ALL" },
		{ "reserved bytes of an RMRR", { 117 }, { 0x80 }, 112, "byte 5" },
		{ "region not on a page", { 120 }, { 0x10 }, 112, "0x7ba00010" },
		{ "region backwards", { 131 }, { 0x7a }, 112, "0x7abfffff" },
		{ "region that ends where it begins", { 128, 129, 130 }, { 0, 0, 0xa0 }, 112,
		    "not above" },
		{ "region not of whole pages", { 128 }, { 0xfe }, 112, "0x1fffff" },
		{ "region beyond the address width", { 135 }, { 1 }, 112, "46 bits" },
		{ "region in a segment without units", { 118 }, { 9 }, 112, "segment 9" },
		{ "ATSR in a segment without units", { 151 }, { 1 }, 144, "segment 256" },
		{ "ATSR for all ports, with ports", { 148 }, { 1 }, 144, "ALL_PORTS" },
		{ "ATSR with an endpoint", { 152 }, { 1 }, 152, "root ports" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		print_message("  %s\n", changes[i].name);
		assert_odd(parse_changed(&changes[i]), changes[i].offset, changes[i].part);
	}
}

static void a_wrong_checksum_is_fatal(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table;

	(void)state;
	builder.bytes[9] ^= 0x40;
	table = parse(&builder);
	assert_false(table->checksum_ok);
	assert_int_equal(table->problem_count, 1);
	assert_int_equal(table->structure_count, 5);
	assert_fatal(table, 9, "checksum");
}

static void every_single_bit_flip_breaks_the_checksum(void **state)
{
	(void)state;
	for (unsigned bit = 8 * 8; bit < 176 * 8; bit++) {
		struct builder builder = builder_sound();
		struct iommusim_dmar *table;

		builder.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		table = parse(&builder);
		assert_false(table->checksum_ok);
		assert_false(table->usable);
		iommusim_dmar_free(table);
	}
}

static void a_table_without_units_is_fatal(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	assert_fatal(parse_finished(&builder), 48, "no DRHD");
	ADD(&builder, 2, 0, 8, 0, 1, 0, 0, 0);
	assert_fatal(parse_finished(&builder), 48, "no DRHD");
}

static void a_single_unit_without_registers_is_odd(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	assert_odd(parse_finished(&builder), 48, "address is 0");
}

static void bytes_left_over_inside_length_are_odd(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= 3; count++) {
		struct builder builder = builder_sound();

		for (unsigned i = 0; i < count; i++)
			ADD(&builder, 0);
		assert_odd(parse_finished(&builder), 176, "left over");
	}
}

static void four_zero_bytes_inside_length_are_a_structure_of_no_length(void **state)
{
	struct builder builder = builder_sound();

	(void)state;
	ADD(&builder, 0, 0, 0, 0);
	assert_fatal(parse_finished(&builder), 176, "Length is 0");
}

static void bytes_behind_length_are_odd_and_not_summed(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 1, 2, 3, 4, 5);
	table = parse(&builder);
	assert_true(table->checksum_ok);
	assert_int_equal(table->structure_count, 5);
	assert_odd(table, 176, "5 bytes follow");
}

static void a_byte_left_over_in_a_scope_is_odd(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 0, 0, 25, 0, 0, 0, 0, 0, 0, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 1, 8, 0, 0, 0, 0, 2, 0, 0x77);
	ADD(&builder, 2, 0, 8, 0, 1, 0, 0, 0);
	table = parse_finished(&builder);
	assert_int_equal(table->structures[1].offset, 73);
	assert_odd(table, 72, "1 byte");
}

static void what_was_read_before_a_fatal_problem_is_kept(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table;

	(void)state;
	builder.bytes[112 + 3] = 0x10;
	builder_sum(&builder);
	table = parse(&builder);
	assert_int_equal(table->structure_count, 3);
	assert_int_equal(table->structures[1].scope_count, 2);
	assert_true(table->structures[2].limit == UINT64_C(0x7bbfffff));
	assert_int_equal(table->structures[2].scopes[0].hops[0].device, 20);
	assert_fatal(table, 112, "only 64 bytes");
}

static void hops_of_a_scope_that_is_too_long_stop_at_its_structure(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table;

	(void)state;
	builder.bytes[72 + 1] = 200;
	builder_sum(&builder);
	table = parse(&builder);
	assert_int_equal(table->structures[0].scopes[1].length, 200);
	assert_int_equal(table->structures[0].scopes[1].hop_count, 1);
	assert_fatal(table, 72, "200");
}

static void the_unit_for_the_rest_comes_last_in_its_segment(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 1, 8, 0, 0, 0, 0, 2, 0);
	assert_sound(parse_finished(&builder));
	builder.bytes[64 + 6] = 0; /* the same segment now */
	assert_odd(parse_finished(&builder), 64, "last of its segment");
}

static void register_sets_do_not_overlap(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x00, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 0, 0, 16, 0, 1, 0, 1, 0, 0, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	builder.bytes[48 + 5] = 1; /* two pages: up to the next unit */
	assert_sound(parse_finished(&builder));
	builder.bytes[48 + 5] = 2;
	assert_odd(parse_finished(&builder), 64, "16384 bytes of registers");
}

static void a_unit_without_devices_is_odd(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	assert_odd(parse_finished(&builder), 48, "no device");
}

static void structures_that_name_no_device_are_odd(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0xa0, 0x7b, 0, 0, 0, 0, 0xff, 0xff, 0xbf, 0x7b, 0,
	    0, 0, 0);
	ADD(&builder, 2, 0, 8, 0, 0, 0, 0, 0);
	ADD(&builder, 5, 0, 8, 0, 0, 0, 0, 0);
	ADD(&builder, 6, 0, 8, 0, 0, 0, 0, 0);
	table = parse_finished(&builder);
	assert_problem(table, 64, false, "RMRR: no device scope");
	assert_problem(table, 88, false, "ATSR: neither ALL_PORTS");
	assert_problem(table, 96, false, "SATC: no device scope");
	assert_int_equal(table->problem_count, 4);
	assert_odd(table, 104, "SIDP: no device scope");
}

static void affinity_is_for_units_that_exist_and_for_each_of_them(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 0, 0, 16, 0, 1, 0, 1, 0, 0, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 3, 0, 20, 0, 0, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 3, 0, 20, 0, 0, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0, 1, 0, 0, 0);
	ADD(&builder, 3, 0, 24, 0, 0, 0, 0, 0, 0, 0x30, 0xe0, 0xfb, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
	table = parse_finished(&builder);
	assert_problem(table, 64, false, "no RHSA for the unit at 0xfbe02000");
	assert_problem(table, 100, false, "at offset 80");
	assert_problem(table, 120, false, "Length is 24");
	assert_odd(table, 120, "0xfbe03000");
}

static void a_unit_without_registers_needs_no_affinity(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 3, 0, 20, 0, 0, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0);
	table = parse_finished(&builder);
	assert_int_equal(table->problem_count, 1);
	assert_odd(table, 48, "address is 0");
}

static void a_unit_that_is_too_short_is_not_compared_with_others(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 0, 0, 15, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0);
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	table = parse_finished(&builder);
	assert_int_equal(table->problem_count, 1);
	assert_fatal(table, 48, "Length is 15");
}

static void types_ascend(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 2, 0, 8, 0, 1, 0, 0, 0);
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	assert_odd(parse_finished(&builder), 56, "type 0 stands after type 2");
}

static void an_atsr_is_one_a_segment(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 2, 0, 8, 0, 1, 0, 0, 0);
	ADD(&builder, 2, 0, 8, 0, 1, 0, 0, 0);
	assert_odd(parse_finished(&builder), 72, "one already");
}

static void satcs_of_a_segment_differ_in_their_flags(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 5, 0, 16, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&builder, 5, 0, 16, 0, 0, 0, 0, 0, 1, 8, 0, 0, 0, 0, 3, 0);
	assert_sound(parse_finished(&builder));
	builder.bytes[80 + 4] = 1;
	assert_odd(parse_finished(&builder), 80, "these flags");
}

static void satc_and_sidp_list_integrated_devices(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 5, 0, 26, 0, 1, 0, 0, 0, 1, 10, 0, 0, 0, 0, 2, 0, 0, 0, 2, 8, 0, 0, 0, 0, 3, 0);
	ADD(&builder, 6, 0, 32, 0, 0, 0, 0, 0, 3, 8, 0, 0, 0, 0, 2, 0, 5, 8, 0, 0, 4, 0, 4, 0, 1, 8,
	    0x20, 0, 0, 0, 5, 0);
	table = parse_finished(&builder);
	assert_problem(table, 72, false, "path of 2 in SATC");
	assert_problem(table, 82, false, "bridge");
	assert_problem(table, 98, false, "ioapic");
	assert_problem(table, 114, false, "0x20 are set in byte 2");
	assert_int_equal(table->problem_count, 4);
	assert_true(table->usable);
	iommusim_dmar_free(table);
}

static void regions_that_overlap_in_part_are_odd(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		ADD(&builder, 1, 0, 32, 0, 0, 0, 0, 0, 0, 0x20, 0, 0x7b, 0, 0, 0, 0, 0xff, 0x4f, 0,
		    0x7b, 0, 0, 0, 0);
		ADD(&builder, 1, 8, 0, 0, 0, 0, 20, (uint8_t)i);
	}
	assert_sound(parse_finished(&builder)); /* one region for two devices */
	builder.bytes[96 + 9] = 0x40;
	builder.bytes[96 + 17] = 0x5f;
	assert_odd(parse_finished(&builder), 96, "region at offset 64");
	builder.bytes[96 + 8] = 0xff; /* only the last byte is shared */
	builder.bytes[96 + 9] = 0x4f;
	assert_odd(parse_finished(&builder), 96, "region at offset 64");
	builder.bytes[96 + 8] = 0;
	builder.bytes[96 + 9] = 0x50;
	assert_sound(parse_finished(&builder)); /* side by side */
}

static void an_io_apic_is_under_one_unit(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 32, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 3, 8, 0, 0, 2, 0xf0, 31, 0, 3, 8, 0, 0, 2, 0xf0, 31, 1);
	assert_odd(parse_finished(&builder), 72, "I/O APIC 2");
}

static void a_source_id_has_one_hop(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 26, 0, 1, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 4, 10, 0, 0, 0, 0xf0, 31, 0, 1, 0);
	assert_odd(parse_finished(&builder), 64, "hpet");
}

static void a_device_may_have_the_same_address_in_another_segment(void **state)
{
	struct builder builder = builder_begin();

	(void)state;
	ADD(&builder, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0x10, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 1, 8, 0, 0, 0, 0, 2, 0);
	ADD(&builder, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0x20, 0xe0, 0xfb, 0, 0, 0, 0);
	ADD(&builder, 1, 8, 0, 0, 0, 0, 2, 0);
	assert_sound(parse_finished(&builder));
	builder.bytes[72 + 6] = 0;
	assert_odd(parse_finished(&builder), 88, "same device as the entry at offset 64");
}

static void acpi_devices_and_their_declarations_belong_together(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	add_unit_with_acpi_devices(&builder);
	ADD(&builder, 4, 0, 11, 0, 0, 0, 0, 7, '\\', 'A', 0);
	ADD(&builder, 4, 0, 11, 0, 0, 0, 0, 7, '\\', 'B', 0);
	table = parse_finished(&builder);
	assert_problem(table, 64, false, "device number 1");
	assert_odd(table, 91, "device number 7 is taken");
}

static void strange_object_names_are_odd(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	add_unit_with_acpi_devices(&builder);
	ADD(&builder, 4, 0, 10, 0, 0, 0, 0, 1, 0, 'x');
	ADD(&builder, 4, 0, 12, 0, 0, 0, 0, 7, '_', 'S', 'B', 0);
	ADD(&builder, 4, 0, 12, 0, 0, 0, 0, 8, '\\', 0x1b, 0xc3, 0);
	table = parse_finished(&builder);
	assert_string_equal(table->structures[1].acpi_name, "");
	assert_problem(table, 80, false, "empty");
	assert_problem(table, 90, false, "0x5f");
	assert_odd(table, 102, "0x1b");
}

static void an_object_name_without_its_nul_is_fatal(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	add_unit_with_acpi_devices(&builder);
	ADD(&builder, 4, 0, 11, 0, 0, 0, 0, 1, '\\', '_', 'S');
	ADD(&builder, 4, 0, 11, 0, 0, 0, 0, 7, '\\', 'B', 0);
	table = parse_finished(&builder);
	assert_string_equal(table->structures[1].acpi_name, "\\_S");
	assert_string_equal(table->structures[2].acpi_name, "\\B");
	assert_fatal(table, 80, "3 bytes");
}

static void a_declaration_without_a_name_is_fatal(void **state)
{
	struct builder builder = builder_begin();
	struct iommusim_dmar *table;

	(void)state;
	add_unit_with_acpi_devices(&builder);
	ADD(&builder, 4, 0, 8, 0, 0, 0, 0, 1);
	ADD(&builder, 4, 0, 11, 0, 0, 0, 0, 7, '\\', 'B', 0);
	table = parse_finished(&builder);
	assert_string_equal(table->structures[1].acpi_name, "");
	assert_fatal(table, 80, "0 bytes");
}

static void an_address_width_of_256_bits_is_kept_as_0(void **state)
{
	struct builder builder = builder_sound();
	struct iommusim_dmar *table;

	(void)state;
	builder.bytes[36] = 255;
	table = parse_finished(&builder);
	assert_int_equal(table->host_address_width, 0);
	assert_odd(table, 36, "256");
}

static void fields_of_the_descriptions_do_not_overlap(void **state)
{
	static const struct spec_structure *const structures[] = {
		&vtd_acpi_header_spec,
		&vtd_acpi_structure_spec,
		&vtd_acpi_drhd_spec,
		&vtd_acpi_rmrr_spec,
		&vtd_acpi_atsr_spec,
		&vtd_acpi_rhsa_spec,
		&vtd_acpi_andd_spec,
		&vtd_acpi_satc_spec,
		&vtd_acpi_sidp_spec,
		&vtd_acpi_scope_spec,
		&vtd_acpi_sidp_scope_spec,
	};

	(void)state;
	fields_are_apart(structures, sizeof structures / sizeof structures[0]);
}

/* True of every result, whatever the input was. */
static void assert_consistent(const struct iommusim_dmar *table, size_t size)
{
	uint32_t offset = 47;

	problems_are_consistent(table->problems, table->problem_count, size, table->usable);
	for (uint32_t i = 0; i < table->structure_count; i++) {
		const struct iommusim_dmar_structure *structure = &table->structures[i];

		assert_true(structure->offset > offset && structure->offset < size);
		offset = structure->offset;
		for (uint32_t s = 0; s < structure->scope_count; s++) {
			assert_true(structure->scopes[s].offset > offset);
			assert_true(structure->scopes[s].offset + 6 <= size);
			offset = structure->scopes[s].offset;
			for (unsigned hop = 0; hop < structure->scopes[s].hop_count; hop++)
				assert_true(structure->scopes[s].hops[hop].device <= 255);
		}
	}
}

static void any_bytes_may_be_wrong(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct builder builder = builder_sound();
		struct iommusim_dmar *table;

		for (unsigned changes = 1 + round % 12; changes != 0; changes--) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			builder.bytes[4 + (seed >> 8) % 172] = (uint8_t)(seed & 0x3f);
		}
		if (round % 4 != 0)
			builder_finish(&builder);
		table = parse(&builder);
		assert_consistent(table, builder.size);
		iommusim_dmar_free(table);
	}
}

/* Two ways to do a lot in few bytes: as many scopes as fit, as many problems as fit. */
static void large_tables_are_read_in_reasonable_time(void **state)
{
	enum { UNITS = 60000 };
	const size_t size = 48 + UNITS * 24;
	struct builder header = builder_begin();
	uint8_t *bytes = calloc(1, size);
	struct iommusim_dmar *table;

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, header.bytes, 48);
	for (unsigned i = 0; i < 4; i++)
		bytes[4 + i] = (uint8_t)(size >> i * 8);
	for (size_t i = 0; i < UNITS; i++) {
		uint8_t *drhd = bytes + 48 + i * 24;

		drhd[2] = 24;
		drhd[9] = 0x10;
		drhd[16] = 1;
		drhd[17] = 8;
	}
	assert_int_equal(iommusim_dmar_parse(bytes, size, &table), IOMMUSIM_OK);
	assert_int_equal(table->structure_count, UNITS);
	assert_true(table->problem_count >= 2 * (UNITS - 1));
	assert_consistent(table, size);
	iommusim_dmar_free(table);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_table_has_no_problem),
		cmocka_unit_test(header_members_are_read),
		cmocka_unit_test(oem_table_id_of_eight_letters_is_terminated),
		cmocka_unit_test(drhd_members_are_read),
		cmocka_unit_test(rmrr_members_are_read),
		cmocka_unit_test(atsr_members_are_read),
		cmocka_unit_test(rhsa_members_are_read),
		cmocka_unit_test(andd_names_are_read_and_what_follows_is_unaligned),
		cmocka_unit_test(satc_and_sidp_members_are_read),
		cmocka_unit_test(a_path_has_all_its_hops),
		cmocka_unit_test(an_unknown_structure_is_kept_and_skipped),
		cmocka_unit_test(an_unknown_structure_of_four_bytes_is_enough),
		cmocka_unit_test(flags_size_and_width_keep_reserved_bits),
		cmocka_unit_test(the_result_does_not_need_the_bytes),
		cmocka_unit_test(what_is_no_dmar_table_is_refused),
		cmocka_unit_test(missing_arguments_are_refused),
		cmocka_unit_test(names_are_those_of_the_specification),
		cmocka_unit_test(broken_outlines_are_fatal),
		cmocka_unit_test(units_that_cannot_be_there_are_fatal),
		cmocka_unit_test(what_can_be_passed_over_is_odd),
		cmocka_unit_test(a_wrong_checksum_is_fatal),
		cmocka_unit_test(every_single_bit_flip_breaks_the_checksum),
		cmocka_unit_test(a_table_without_units_is_fatal),
		cmocka_unit_test(a_single_unit_without_registers_is_odd),
		cmocka_unit_test(bytes_left_over_inside_length_are_odd),
		cmocka_unit_test(four_zero_bytes_inside_length_are_a_structure_of_no_length),
		cmocka_unit_test(bytes_behind_length_are_odd_and_not_summed),
		cmocka_unit_test(a_byte_left_over_in_a_scope_is_odd),
		cmocka_unit_test(what_was_read_before_a_fatal_problem_is_kept),
		cmocka_unit_test(hops_of_a_scope_that_is_too_long_stop_at_its_structure),
		cmocka_unit_test(the_unit_for_the_rest_comes_last_in_its_segment),
		cmocka_unit_test(register_sets_do_not_overlap),
		cmocka_unit_test(a_unit_without_devices_is_odd),
		cmocka_unit_test(structures_that_name_no_device_are_odd),
		cmocka_unit_test(affinity_is_for_units_that_exist_and_for_each_of_them),
		cmocka_unit_test(a_unit_without_registers_needs_no_affinity),
		cmocka_unit_test(a_unit_that_is_too_short_is_not_compared_with_others),
		cmocka_unit_test(types_ascend),
		cmocka_unit_test(an_atsr_is_one_a_segment),
		cmocka_unit_test(satcs_of_a_segment_differ_in_their_flags),
		cmocka_unit_test(satc_and_sidp_list_integrated_devices),
		cmocka_unit_test(regions_that_overlap_in_part_are_odd),
		cmocka_unit_test(an_io_apic_is_under_one_unit),
		cmocka_unit_test(a_source_id_has_one_hop),
		cmocka_unit_test(a_device_may_have_the_same_address_in_another_segment),
		cmocka_unit_test(acpi_devices_and_their_declarations_belong_together),
		cmocka_unit_test(strange_object_names_are_odd),
		cmocka_unit_test(an_object_name_without_its_nul_is_fatal),
		cmocka_unit_test(a_declaration_without_a_name_is_fatal),
		cmocka_unit_test(an_address_width_of_256_bits_is_kept_as_0),
		cmocka_unit_test(fields_of_the_descriptions_do_not_overlap),
		cmocka_unit_test(a_table_cut_off_anywhere_cannot_be_used),
		cmocka_unit_test(a_length_anywhere_is_survived),
		cmocka_unit_test(any_byte_may_be_wrong),
		cmocka_unit_test(any_bytes_may_be_wrong),
		cmocka_unit_test(large_tables_are_read_in_reasonable_time),
		cmocka_unit_test(a_failed_allocation_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
