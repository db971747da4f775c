/* ACPI tables of the options, looked up as ACPICA does. */
#include "tests/kshim/fixture.h"

#include "tests/kshim/kern_acpi.h"

static const uint8_t first[48] = { 'S', 'S', 'D', 'T', 48, [8] = 1 };
static const uint8_t second[40] = { 'S', 'S', 'D', 'T', 40, [8] = 2 };

static int up(void **state)
{
	static const struct iommusim_kernel_table tables[] = { { first, sizeof(first) },
		{ second, sizeof(second) } };
	static const struct iommusim_kernel_setting disabled = { "debug.acpi.disabled", "hpet,ivhd" };
	const struct iommusim_kernel_options options = {
		.tables = tables, .table_count = 2, .tunables = &disabled, .tunable_count = 1
	};

	(void)state;
	fixture_machine_up();
	fixture_kernel_up(&options);
	return 0;
}

static struct kern_table get(const char *signature, uint32_t instance)
{
	struct kern_table table = { .signature = signature, .instance = instance };

	fixture_run(kern_get_table, &table);
	return table;
}

static void test_instances_count_from_one_and_nought_is_the_first(void **state)
{
	struct kern_table table;
	uint32_t length;

	(void)state;
	table = get("SSDT", 0);
	assert_int_equal(table.status, 0);
	assert_int_equal(table.length, 48);
	assert_int_equal(table.revision, 1);
	assert_int_equal(
	    iommusim_memory_read(fixture_machine, table.physical + 4, &length, 4), IOMMUSIM_OK);
	assert_int_equal(length, 48);
	assert_int_equal(get("SSDT", 1).physical, table.physical);
	assert_int_equal(get("SSDT", 2).revision, 2);
	assert_int_equal(get("SSDT", 3).status, 5); /* AE_NOT_FOUND */
	assert_int_equal(get("DMAR", 1).status, 5);
}

static void test_subsystems_can_be_switched_off(void **state)
{
	(void)state;
	assert_true(kern_acpi_disabled("ivhd"));
	assert_true(kern_acpi_disabled("hpet"));
	assert_false(kern_acpi_disabled("ivh"));
	assert_false(kern_acpi_disabled("pci"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_instances_count_from_one_and_nought_is_the_first, up, fixture_down),
		cmocka_unit_test_setup_teardown(test_subsystems_can_be_switched_off, up, fixture_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
