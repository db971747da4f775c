/*
 * What is true of both parsers of ACPI tables, DMAR's and IVRS's, as tests: what helps to ask either, and that
 * nothing in a table can do harm. Included once, by a program that says beforehand which parser it means:
 *   TABLE        its struct iommusim_*
 *   TABLE_PARSE  its parser, TABLE_FREE what frees the result
 *   TABLE_SOUND  a sound table of TABLE_SIZE bytes
 *   TABLE_SPOIL  an offset in it, which a 9 makes a problem that is not fatal
 * and that defines assert_consistent(), which is true of every result whatever the input was.
 */
#ifndef IOMMUSIM_TESTS_ACPI_PARSER_TESTS_H
#define IOMMUSIM_TESTS_ACPI_PARSER_TESTS_H

#include <stdlib.h>

#include "tests/acpi/parsed_table.h"
#include "tests/acpi/table_builder.h"

static void assert_consistent(const struct TABLE *table, size_t size);

/* Parse a copy that ends where the bytes end, so that a sanitizer sees a read beyond it. */
static enum iommusim_status parse_copy(const uint8_t *bytes, size_t size, struct TABLE **table)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	enum iommusim_status status;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	status = TABLE_PARSE(copy, size, table);
	free(copy);
	return status;
}

static struct TABLE *parse(const struct builder *builder)
{
	struct TABLE *table = NULL;

	assert_int_equal(parse_copy(builder->bytes, builder->size, &table), IOMMUSIM_OK);
	assert_non_null(table);
	return table;
}

/* The table with Length and the checksum set right, when only something was appended. */
static struct TABLE *parse_finished(struct builder *builder)
{
	builder_finish(builder);
	return parse(builder);
}

/* The sound table changed. */
static struct TABLE *parse_changed(const struct table_change *change)
{
	struct builder builder = TABLE_SOUND();

	table_change(&builder, change);
	return parse(&builder);
}

/* ---- what is wrong with it ------------------------------------------------------------------------------- */

static void assert_problem(const struct TABLE *table, uint32_t offset, bool fatal, const char *part)
{
	problems_have(table->problems, table->problem_count, offset, fatal, part);
}

/* The last that is asked of a table: it is freed. */
static void assert_fatal(struct TABLE *table, uint32_t offset, const char *part)
{
	assert_problem(table, offset, true, part);
	assert_false(table->usable);
	TABLE_FREE(table);
}

static void assert_odd(struct TABLE *table, uint32_t offset, const char *part)
{
	assert_problem(table, offset, false, part);
	assert_true(table->usable);
	TABLE_FREE(table);
}

static void assert_sound(struct TABLE *table)
{
	assert_true(table->usable);
	problems_are_none(table->problems, table->problem_count);
	TABLE_FREE(table);
}

/* ---- nothing does harm ----------------------------------------------------------------------------------- */

static void a_table_cut_off_anywhere_cannot_be_used(void **state)
{
	struct builder builder = TABLE_SOUND();
	struct TABLE *table;

	(void)state;
	for (size_t size = 0; size < 36; size++)
		assert_int_equal(parse_copy(builder.bytes, size, &table), IOMMUSIM_EFORMAT);
	for (size_t size = 36; size < TABLE_SIZE; size++) {
		assert_int_equal(parse_copy(builder.bytes, size, &table), IOMMUSIM_OK);
		assert_false(table->usable);
		assert_false(table->checksum_ok);
		assert_consistent(table, size);
		TABLE_FREE(table);
	}
}

static void a_length_anywhere_is_survived(void **state)
{
	(void)state;
	for (unsigned length = 0; length < 512; length++) {
		struct builder builder = TABLE_SOUND();
		struct TABLE *table;

		builder.bytes[4] = (uint8_t)(length & 0xff);
		builder.bytes[5] = (uint8_t)(length >> 8);
		builder_sum(&builder);
		table = parse(&builder);
		assert_int_equal(table->length, length);
		assert_consistent(table, builder.size);
		if (length > TABLE_SIZE || length < 48)
			assert_false(table->usable);
		TABLE_FREE(table);
	}
}

static void any_byte_may_be_wrong(void **state)
{
	(void)state;
	for (size_t at = 4; at < TABLE_SIZE; at++)
		for (unsigned value = 0; value < 256; value++) {
			struct builder builder = TABLE_SOUND();
			struct TABLE *table;

			builder.bytes[at] = (uint8_t)value;
			if (at != 9)
				builder_sum(&builder);
			table = parse(&builder);
			assert_consistent(table, builder.size);
			TABLE_FREE(table);
		}
}

static void a_failed_allocation_leaves_nothing(void **state)
{
	struct builder builder = TABLE_SOUND();
	struct TABLE *table = NULL;
	enum iommusim_status status = IOMMUSIM_ENOMEM;
	unsigned failures = 0;

	(void)state;
	builder.bytes[TABLE_SPOIL] = 9; /* a problem and its text take memory too */
	for (unsigned limit = 0; status == IOMMUSIM_ENOMEM && limit < 1000; limit++) {
		parser_memory.until_failure = limit;
		parser_memory.live = 0;
		parser_memory.watching = true;
		status = TABLE_PARSE(builder.bytes, builder.size, &table);
		if (status == IOMMUSIM_OK)
			TABLE_FREE(table);
		parser_memory.watching = false;
		assert_int_equal(parser_memory.live, 0);
		if (status == IOMMUSIM_ENOMEM) {
			assert_null(table);
			failures++;
		}
	}
	assert_int_equal(status, IOMMUSIM_OK);
	assert_true(failures > 10);
}

#endif
