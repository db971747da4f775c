/* Tables named by a trace: binary, acpidump's text, and what is neither. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/acpi.h>
#include <iommusim/dmar.h>
#include <iommusim/ivrs.h>

#include "replay/board.h"
#include "scenarios/story.h"

#define DESKTOP IOMMUSIM_SOURCE_DIR "/scenarios/boards/desktop.acpidump"

/* Decode a copy of just its size, so that a sanitizer sees a step beyond. */
static enum iommusim_status decode(
    const char *bytes, size_t size, uint8_t *table, size_t *length, struct iommusim_diagnostic *problem)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	char signature[5];
	enum iommusim_status status;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	status = iommusim_acpi_extract(copy, size, copy, length, signature, problem);
	if (status == IOMMUSIM_OK && *length <= 4096)
		memcpy(table, copy, *length);
	free(copy);
	return status;
}

static void the_text_of_a_board(void **state)
{
	struct iommusim_diagnostic problem;
	struct iommusim_dmar *parsed;
	uint8_t table[4096];
	size_t size, length;
	char *text = story_read_file(DESKTOP, &size);

	(void)state;
	assert_int_equal(decode(text, size, table, &length, &problem), IOMMUSIM_OK);
	assert_int_equal(iommusim_dmar_parse(table, length, &parsed), IOMMUSIM_OK);
	assert_int_equal(parsed->length, length);
	assert_true(parsed->checksum_ok);
	assert_true(parsed->usable);
	iommusim_dmar_free(parsed);
	free(text);
}

static void cut_anywhere(void **state)
{
	struct iommusim_diagnostic problem;
	uint8_t table[4096];
	size_t size, length;
	char *text = story_read_file(DESKTOP, &size);

	(void)state;
	for (size_t i = 0; i < size; i++)
		if (decode(text, i, table, &length, &problem) != IOMMUSIM_OK)
			assert_true(problem.text[0] != '\0');
	free(text);
}

static void binary(void **state)
{
	static const uint8_t expected[] = { 'D', 'M', 'A', 'R', 1, 0, 0, 0 };
	struct iommusim_diagnostic problem;
	uint8_t table[4096];
	size_t length;

	(void)state;
	assert_int_equal(
	    decode((const char *)expected, sizeof(expected), table, &length, &problem), IOMMUSIM_OK);
	assert_int_equal(length, sizeof(expected));
	assert_memory_equal(table, expected, sizeof(expected));
	assert_int_equal(decode("\x7f\x45LF\x02\x01", 6, table, &length, &problem), IOMMUSIM_EFORMAT);
	assert_int_equal(problem.column, 0);
}

static void broken_text(void **state)
{
	static const struct {
		const char *text;
		uint32_t line;
		uint32_t column;
	} table[] = {
		{ "", 0, 0 },
		{ "hello\n", 1, 6 },
		{ "APIC @ 0x0\n  0000: 41 50\n", 2, 14 },
		{ "DMAR @ 0x0\n", 1, 11 },
		{ "DMAR @ 0x0\n  0000: 44 4D 41 52 FF 00 00 00\n", 2, 32 },
		{ "DMAR @ 0x0\n  0000: 44 4D\n  0010 41\n", 3, 7 },
		{ "DMAR @ 0x0\n  0000: 44 4x\n", 2, 12 },
		{ "DMAR @ 0x0\n  0000: 44 4", 2, 12 },
		{ "DMAR @ 0x0\n  0000:\n", 2, 8 },
		{ "DMAR @ 0x0\n  zz\n", 2, 3 },
	};
	struct iommusim_diagnostic problem;
	uint8_t bytes[4096];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_int_equal(decode(table[i].text, strlen(table[i].text), bytes, &length, &problem),
		    IOMMUSIM_EFORMAT);
		if (problem.line != table[i].line || problem.column != table[i].column)
			fail_msg("%s -> %u:%u: %s", table[i].text, problem.line, problem.column,
			    problem.text);
	}
}

static void the_built_in_board(void **state)
{
	struct iommusim_dmar *parsed;
	uint8_t table[BOARD_TABLE_BYTES];

	(void)state;
	board_table(table);
	assert_int_equal(iommusim_dmar_parse(table, sizeof(table), &parsed), IOMMUSIM_OK);
	assert_true(parsed->usable);
	assert_true(parsed->checksum_ok);
	assert_int_equal(parsed->problem_count, 0);
	assert_int_equal(parsed->length, 176);
	assert_int_equal(parsed->host_address_width, 39);
	assert_int_equal(parsed->structure_count, 4);
	assert_int_equal(parsed->structures[0].base, 0xfed90000);
	assert_int_equal(parsed->structures[0].scopes[0].hops[0].device, 2);
	assert_int_equal(parsed->structures[1].base, 0xfed91000);
	assert_int_equal(parsed->structures[1].flags, 1);
	assert_int_equal(parsed->structures[1].scopes[0].start_bus, 0xf0);
	assert_int_equal(parsed->structures[2].base, 0x8d000000);
	assert_int_equal(parsed->structures[2].limit, 0x8d01ffff);
	assert_int_equal(parsed->structures[3].limit, 0x8fffffff);
	iommusim_dmar_free(parsed);
}

/* Told twice, for software that knows type 10h only; features as Zen 2 desktops have them. */
static void the_built_in_board_with_an_amd_processor(void **state)
{
	struct iommusim_ivrs_device device;
	struct iommusim_ivrs *parsed;
	uint8_t table[BOARD_IVRS_BYTES];

	(void)state;
	board_ivrs(0x58f77ef22294ade, 0x10, table);
	assert_int_equal(iommusim_ivrs_parse(table, sizeof(table), &parsed), IOMMUSIM_OK);
	assert_true(parsed->usable);
	assert_true(parsed->checksum_ok);
	assert_int_equal(parsed->problem_count, 0);
	assert_int_equal(parsed->length, 152);
	/* EFRSup, guest virtual 48, physical 48, virtual 64 bits */
	assert_int_equal(parsed->ivinfo, 1 | 2 << 5 | 48 << 8 | 64 << 15);
	assert_int_equal(parsed->block_count, 2);
	assert_int_equal(parsed->blocks[0].type, IOMMUSIM_IVHD_10H);
	/* XT, NX, GT, GLX 1, IA, GA, PASmax 15, HATS 2 */
	assert_int_equal(parsed->blocks[0].features, 0x80000f6f);
	assert_int_equal(parsed->unit_count, 1);
	assert_ptr_equal(parsed->units[0], &parsed->blocks[1]);
	assert_int_equal(parsed->blocks[1].type, IOMMUSIM_IVHD_40H);
	assert_int_equal(parsed->blocks[1].base, 0xfeb80000);
	assert_int_equal(parsed->blocks[1].devid, 2);
	assert_int_equal(parsed->blocks[1].efr, 0x58f77ef22294ade);
	assert_int_equal(parsed->blocks[1].efr2, 0x10);
	assert_true(iommusim_ivrs_find(parsed->units[0], 0xffff, &device));
	assert_true(iommusim_ivrs_find(parsed->units[0], 0, &device));
	assert_int_equal(device.alias, 0);
	iommusim_ivrs_free(parsed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_of_a_board),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(binary),
		cmocka_unit_test(broken_text),
		cmocka_unit_test(the_built_in_board),
		cmocka_unit_test(the_built_in_board_with_an_amd_processor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
