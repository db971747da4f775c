/* Problems, changes and allocations of parsed tables, for the tests of both parsers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/acpi/parsed_table.h"

struct parser_memory parser_memory;

void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *memory);

void *__wrap_calloc(size_t count, size_t size)
{
	if (!parser_memory.watching)
		return __real_calloc(count, size);
	if (parser_memory.until_failure == 0)
		return NULL;
	parser_memory.until_failure--;
	parser_memory.live++;
	return __real_calloc(count, size);
}

void __wrap_free(void *block)
{
	if (parser_memory.watching && block != NULL)
		parser_memory.live--;
	__real_free(block);
}

void table_change(struct builder *builder, const struct table_change *change)
{
	for (unsigned i = 0; i < 3 && change->at[i] != 0; i++)
		builder->bytes[change->at[i]] = change->to[i];
	builder_sum(builder);
}

void problems_have(const struct iommusim_acpi_problem *problems, uint32_t count, uint32_t offset,
    bool fatal, const char *part)
{
	for (uint32_t i = 0; i < count; i++)
		if (problems[i].offset == offset && problems[i].fatal == fatal &&
		    strstr(problems[i].text, part) != NULL)
			return;
	for (uint32_t i = 0; i < count; i++)
		print_error("  %u %s %s\n", problems[i].offset, problems[i].fatal ? "fatal" : "odd",
		    problems[i].text);
	fail_msg("no %s problem at %u with \"%s\"", fatal ? "fatal" : "odd", offset, part);
}

void problems_are_none(const struct iommusim_acpi_problem *problems, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		print_error("  %u %s\n", problems[i].offset, problems[i].text);
	assert_int_equal(count, 0);
}

void problems_are_consistent(
    const struct iommusim_acpi_problem *problems, uint32_t count, size_t size, bool usable)
{
	bool fatal = false;
	uint32_t offset = 0;

	for (uint32_t i = 0; i < count; i++) {
		assert_true(problems[i].offset >= offset);
		assert_true(problems[i].offset <= size);
		assert_true(problems[i].text[0] != '\0');
		assert_null(strchr(problems[i].text, '\n'));
		offset = problems[i].offset;
		fatal = fatal || problems[i].fatal;
	}
	assert_int_equal(usable, !fatal);
}

static void assert_apart(const struct spec_structure *structure)
{
	uint64_t used[8] = { 0 };

	for (unsigned f = 0; f < structure->field_count; f++) {
		const struct spec_field *field = &structure->fields[f];

		for (unsigned bit = field->low; bit <= field->high; bit++) {
			assert_true(bit < structure->bits);
			assert_int_equal(used[bit / 64] >> bit % 64 & 1, 0);
			used[bit / 64] |= UINT64_C(1) << bit % 64;
		}
	}
}

void fields_are_apart(const struct spec_structure *const *structures, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_apart(structures[i]);
}
