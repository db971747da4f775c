/* PCI functions as the kernel finds them, their configuration space, resets. */
#include "tests/kshim/fixture.h"

#include <iommusim/pci.h>

#include "tests/kshim/kern_pci.h"

#define NIC IOMMUSIM_RID(0, 3, 0)

static const struct iommusim_pci_function functions[] = {
	{ .rid = NIC, .device_class = IOMMUSIM_CLASS_NIC },
	{ .rid = IOMMUSIM_RID(0, 1, 0),
	    .type = IOMMUSIM_PCI_BRIDGE,
	    .secondary_bus = 2,
	    .subordinate_bus = 2 },
	{ .rid = IOMMUSIM_RID(2, 0, 1), .device_class = IOMMUSIM_CLASS_ATS, .no_reset = true },
	{ .segment = 1,
	    .rid = IOMMUSIM_RID(5, 0, 0),
	    .device_class = IOMMUSIM_CLASS_NVME,
	    .keeps_state = true },
};

static int up(void **state)
{
	static const struct iommusim_kernel_setting pptdevs = { "pptdevs", "2/0/1 0/3/0" };
	const struct iommusim_kernel_options options = { .tunables = &pptdevs, .tunable_count = 1 };

	(void)state;
	fixture_machine_up();
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		assert_int_equal(iommusim_pci_add(fixture_machine, &functions[i]), IOMMUSIM_OK);
	fixture_kernel_up(&options);
	return 0;
}

static struct kern_function find(uint32_t domain, uint8_t bus, uint8_t slot, uint8_t func)
{
	struct kern_function function = { .domain = domain, .bus = bus, .slot = slot, .func = func };

	fixture_run(kern_find, &function);
	return function;
}

static void test_functions_are_where_the_machine_has_them(void **state)
{
	struct iommusim_kernel_device device;
	struct kern_function function;

	(void)state;
	function = find(0, 0, 3, 0);
	assert_true(function.found);
	assert_int_equal(function.rid, 0x18);
	assert_int_equal(function.class, 2);
	assert_int_equal(function.ats, 0);
	assert_int_equal(function.express, 0x90);
	function = find(0, 2, 0, 1);
	assert_int_equal(function.rid, 0x201);
	assert_int_equal(function.ats, 0x100);
	assert_int_equal(find(1, 5, 0, 0).subclass, 8);
	assert_int_equal(find(0, 0, 1, 0).class, 6);
	assert_false(find(0, 5, 0, 0).found);
	assert_false(find(0, 0, 3, 1).found);

	/* Behind the bridge. */
	assert_int_equal(iommusim_kernel_pci_device(fixture_kernel, 0, 0x201, &device), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_kernel_device_find(fixture_kernel, device.parent, &device), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_kernel_device_find(fixture_kernel, device.parent, &device), IOMMUSIM_OK);
	assert_true(device.pci);
	assert_int_equal(device.rid, 0x8);
}

static void test_the_command_register_is_the_machines(void **state)
{
	struct kern_function function = find(0, 0, 3, 0);

	(void)state;
	fixture_run(kern_bus_master, &function);
	assert_int_equal(iommusim_pci_command(fixture_machine, 0, NIC), 2);
	assert_false(iommusim_pci_is_bus_master(fixture_machine, 0, NIC));
}

static void test_resets_reach_the_function(void **state)
{
	struct kern_function nic = find(0, 0, 3, 0), stubborn = find(0, 2, 0, 1),
			     keeper = find(1, 5, 0, 0);

	(void)state;
	fixture_run(kern_reset, &nic);
	assert_true(nic.reset);
	assert_int_equal(iommusim_pci_command(fixture_machine, 0, NIC), 0);
	fixture_run(kern_reset, &stubborn);
	assert_false(stubborn.reset);
	fixture_run(kern_power, &stubborn);
	assert_true(stubborn.reset);
	assert_int_equal(iommusim_pci_command(fixture_machine, 0, 0x201), 0);
	fixture_run(kern_power, &keeper);
	assert_false(keeper.reset);
	assert_int_equal(iommusim_pci_command(fixture_machine, 1, IOMMUSIM_RID(5, 0, 0)), 6);
}

static void test_saved_state_comes_back(void **state)
{
	struct kern_function nic = find(0, 0, 3, 0);

	(void)state;
	fixture_run(kern_save_reset_restore, &nic);
	assert_true(nic.reset);
	assert_int_equal(iommusim_pci_command(fixture_machine, 0, NIC), 6);
}

static void test_configuration_by_place(void **state)
{
	uint32_t words[3], value;

	(void)state;
	fixture_run(kern_cfg, words);
	assert_int_equal(words[0], 0x00211b36);
	assert_int_equal(words[1], 0xffff);
	assert_int_equal(words[2], 0xffffffff);
	assert_int_equal(
	    iommusim_kernel_config_set(fixture_kernel, 0, NIC, 0, 4, 0x15b38086), IOMMUSIM_OK);
	fixture_run(kern_cfg, words);
	assert_int_equal(words[0], 0x15b38086);
	assert_int_equal(
	    iommusim_kernel_config_read(fixture_kernel, 0, NIC, 2, 2, &value), IOMMUSIM_OK);
	assert_int_equal(value, 0x15b3);
	assert_int_equal(
	    iommusim_kernel_config_read(fixture_kernel, 0, NIC, 2, 3, &value), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_kernel_config_set(fixture_kernel, 0, NIC, 4096, 1, 0), IOMMUSIM_EINVAL);
	assert_int_equal(
	    iommusim_kernel_config_read(fixture_kernel, 0, 0x77, 0, 1, &value), IOMMUSIM_ENOENT);
}

static void test_a_question_to_no_device_is_a_panic(void **state)
{
	(void)state;
	fixture_run_to_panic(kern_ask_of_none, NULL, "no device");
}

static void test_pptdevs_names_functions(void **state)
{
	(void)state;
	assert_int_equal(kern_is_for_passthrough(2, 0, 1), 1);
	assert_int_equal(kern_is_for_passthrough(0, 3, 0), 1);
	assert_int_equal(kern_is_for_passthrough(0, 3, 1), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_functions_are_where_the_machine_has_them),
		TEST(test_the_command_register_is_the_machines),
		TEST(test_resets_reach_the_function),
		TEST(test_saved_state_comes_back),
		TEST(test_configuration_by_place),
		TEST(test_a_question_to_no_device_is_a_panic),
		TEST(test_pptdevs_names_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
