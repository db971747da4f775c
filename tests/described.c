/* Descriptions against what the specification says: the comparing. What it says stands in each test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/spec.h>

#include "described.h"

static const struct spec_field *find_field(const struct spec_structure *structure, const char *name)
{
	for (unsigned i = 0; i < structure->field_count; i++)
		if (strcmp(structure->fields[i].name, name) == 0)
			return &structure->fields[i];
	return NULL;
}

static char access_letter(uint8_t access)
{
	static const char letters[] = {
		[RO] = 'o', [RW] = 'w', [WO] = 'x', [RW1C] = 'c', [ONE_SHOT] = 's'
	};

	return letters[access];
}

static unsigned count_meaningful(const struct spec_structure *structure)
{
	unsigned count = 0;

	for (unsigned i = 0; i < structure->field_count; i++)
		count += structure->fields[i].need != IGNORED;
	return count;
}

void described_compare(const struct described *expected)
{
	const struct spec_structure *structure = expected->structure;
	const char *at = expected->fields;
	unsigned count = 0;
	char name[32], access;
	unsigned high, low;
	int used;

	assert_string_equal(structure->section, expected->section);
	assert_int_equal(structure->offset, expected->offset);
	assert_int_equal(structure->bits, expected->bits);
	while (sscanf(at, "%31s %u:%u %c %n", name, &high, &low, &access, &used) == 4) {
		const struct spec_field *field = find_field(structure, name);

		if (field == NULL)
			fail_msg("%s has no %s", structure->name, name);
		else if (field->high != high || field->low != low ||
		    (access != '-' && access_letter(field->access) != access))
			fail_msg("%s.%s is described as %u:%u %c", structure->name, name, field->high,
			    field->low, access_letter(field->access));
		count++;
		at += used;
	}
	assert_int_equal(*at, '\0');
	assert_int_equal(count, count_meaningful(structure));
}

/* Structures whose name has blanks stand in the lists with "_". */
static bool listed(const char *list, const char *structure, const char *field)
{
	char word[72], name[40], whole[48], single[72];
	int used;

	snprintf(name, sizeof(name), "%s", structure);
	for (char *space = strchr(name, ' '); space != NULL; space = strchr(name, ' '))
		*space = '_';
	snprintf(whole, sizeof(whole), "%s.*", name);
	snprintf(single, sizeof(single), "%s.%s", name, field);
	for (; sscanf(list, "%71s %n", word, &used) == 1; list += used)
		if (strcmp(word, whole) == 0 || strcmp(word, single) == 0)
			return true;
	return false;
}

static const char *expected_needs(
    const struct described_need *rows, size_t count, const char *structure, const char *field)
{
	for (size_t i = 0; i < count; i++)
		if (listed(rows[i].fields, structure, field))
			return rows[i].needs;
	return "";
}

size_t described_needs(const char *vendor, const struct described_need *rows, size_t count)
{
	struct iommusim_spec_structure structure;
	struct iommusim_spec_field field;
	size_t described = 0;

	for (size_t i = 0; iommusim_spec_structure(vendor, i, &structure); i++) {
		for (size_t n = 0; iommusim_spec_field(vendor, i, n, &field); n++) {
			if (strcmp(field.needs,
				expected_needs(rows, count, structure.name, field.name)) != 0)
				fail_msg("%s.%s needs \"%s\"", structure.name, field.name, field.needs);
			described++;
		}
	}
	return described;
}
