/*
 * Tables of real machines and broken ones made from them, each with what another decoder found in
 * it: $IOMMUSIM_SHARED/acpi. Without that folder these tests are skipped and say so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "acpi_input.h"
#include "acpi_show.h"
#include "command.h"
#include "tests/command_run.h"

enum { LONGEST_LINE = 1 << 20, LONGEST_NAME = 4096 };

static void name_file(char name[LONGEST_NAME], const char *rest)
{
	const char *shared = getenv("IOMMUSIM_SHARED");

	snprintf(name, LONGEST_NAME, "%s/acpi/%s", shared != NULL ? shared : IOMMUSIM_SHARED, rest);
}

/* Open a file of the folder, or skip the test aloud. */
static FILE *open_or_skip(const char *rest)
{
	char name[LONGEST_NAME];
	FILE *file;

	name_file(name, rest);
	file = fopen(name, "r");
	if (file == NULL) {
		print_message("SKIPPED: %s is not there; set IOMMUSIM_SHARED to the folder that "
			      "has acpi/\n",
		    name);
		skip();
	}
	return file;
}

static const char *text_of(struct json_object *object, const char *key)
{
	return json_object_get_string(json_object_object_get(object, key));
}

/* Our structures without those the other decoder leaves out. */
static struct json_object *known_structures(struct json_object *object)
{
	struct json_object *all = json_object_object_get(object, "structs");
	struct json_object *known = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *structure = json_object_array_get_idx(all, i);

		if (strcmp(text_of(structure, "type"), "unknown") != 0)
			json_object_array_add(known, json_object_get(structure));
	}
	return known;
}

static void assert_equal_member(
    struct json_object *got, struct json_object *expected, const char *key, const char *name)
{
	if (!json_object_equal(got, json_object_object_get(expected, key)))
		fail_msg("%s: \"%s\" is %s, expected %s", name, key, json_object_to_json_string(got),
		    text_of(expected, key));
}

static void compare_table(struct json_object *got, struct json_object *expected, const char *name)
{
	static const char *const keys[] = { "table", "length", "revision", "checksum", "oem_id",
		"oem_table_id", "haw_bits", "haw_raw", "flags", "ivinfo", "checksum_ok" };
	struct json_object *structures = known_structures(got);

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		assert_equal_member(json_object_object_get(got, keys[i]), expected, keys[i], name);
	assert_equal_member(structures, expected, "structs", name);
	json_object_put(structures);
}

/* Read, decode and write a table as the command does. */
static struct json_object *decode(const char *name, bool *usable)
{
	struct iommusim_diagnostic problem;
	struct acpi_table table;
	struct acpi_input input;
	struct json_object *object;

	if (acpi_input_read(name, &input, &problem) != IOMMUSIM_OK)
		fail_msg("%s: %s", name, problem.text);
	assert_int_equal(acpi_table_parse(&input, &table), IOMMUSIM_OK);
	object = acpi_table_json(name, &table, NULL);
	assert_non_null(object);
	*usable = table.usable;
	for (uint32_t i = 0; i < table.problem_count; i++)
		print_message("  %s: %u: %s\n", name, table.problems[i].offset, table.problems[i].text);
	acpi_table_free(&table);
	acpi_input_free(&input);
	return object;
}

/* All tables of a kind that `folder` has. */
static void assert_real_tables(const char *signature, const char *folder)
{
	FILE *file = open_or_skip("expected.jsonl");
	char *line = malloc(LONGEST_LINE);
	unsigned tables = 0;

	assert_non_null(line);
	while (fgets(line, LONGEST_LINE, file) != NULL) {
		struct json_object *expected = json_tokener_parse(line), *got;
		char rest[512], name[LONGEST_NAME];
		bool usable;

		assert_non_null(expected);
		if (strcmp(text_of(expected, "table"), signature) == 0) {
			snprintf(rest, sizeof rest, "%s/%s.dat", folder, text_of(expected, "name"));
			name_file(name, rest);
			got = decode(name, &usable);
			compare_table(got, expected, name);
			assert_true(usable);
			json_object_put(got);
			tables++;
		}
		json_object_put(expected);
	}
	free(line);
	fclose(file);
	print_message("  %u %s tables of real machines\n", tables, signature);
	assert_true(tables > 0);
}

/* All broken tables whose name begins so. */
static void assert_broken_tables(const char *prefix)
{
	FILE *file = open_or_skip("synthetic/expected.json");
	struct json_object *all;
	unsigned tables = 0;
	char name[LONGEST_NAME];

	fclose(file);
	name_file(name, "synthetic/expected.json");
	all = json_object_from_file(name);
	assert_non_null(all);
	json_object_object_foreach(all, key, expected)
	{
		char rest[512];
		struct command_run run;
		struct json_object *got, *problems;

		if (strncmp(key, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(rest, sizeof rest, "synthetic/%s.dat", key);
		name_file(name, rest);
		run = command_run(command_acpi, "acpi", "--json", name, NULL);
		got = json_tokener_parse(run.output);
		assert_non_null(got);
		problems = json_object_object_get(got, "problems");
		print_message(
		    "  %s: exit %d, %zu problems\n", key, run.code, json_object_array_length(problems));
		assert_int_equal(
		    run.code, json_object_get_int(json_object_object_get(expected, "exit")));
		assert_int_equal(
		    run.code == 0, json_object_get_boolean(json_object_object_get(got, "usable")));
		if (strcmp(text_of(expected, "problems"), "required") == 0)
			assert_true(json_object_array_length(problems) > 0);
		json_object_put(got);
		command_run_free(&run);
		tables++;
	}
	json_object_put(all);
	print_message("  %u broken tables %s*\n", tables, prefix);
	assert_true(tables > 0);
}

static void dmar_tables_of_real_machines_decode_as_expected_and_can_be_used(void **state)
{
	(void)state;
	assert_real_tables("DMAR", "dmar");
}

static void ivrs_tables_of_real_machines_decode_as_expected_and_can_be_used(void **state)
{
	(void)state;
	assert_real_tables("IVRS", "ivrs");
}

static void broken_dmar_tables_exit_as_expected_and_report_their_problems(void **state)
{
	(void)state;
	assert_broken_tables("dmar_");
}

static void broken_ivrs_tables_exit_as_expected_and_report_their_problems(void **state)
{
	(void)state;
	assert_broken_tables("ivrs_");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dmar_tables_of_real_machines_decode_as_expected_and_can_be_used),
		cmocka_unit_test(ivrs_tables_of_real_machines_decode_as_expected_and_can_be_used),
		cmocka_unit_test(broken_dmar_tables_exit_as_expected_and_report_their_problems),
		cmocka_unit_test(broken_ivrs_tables_exit_as_expected_and_report_their_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
