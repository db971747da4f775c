/* newbus: drivers register, identify, probe, attach and detach; an IOMMU's interrupt reaches its handler. */
#include "tests/kshim/fixture.h"

#include <iommusim/amdvi.h>
#include <iommusim/mmio.h>
#include <iommusim/pci.h>

#include "tests/kshim/kern_device.h"

#define IOMMU     IOMMUSIM_RID(0, 0, 2)
#define UNIT_BASE UINT64_C(0xfeb80000)

static struct iommusim_unit *unit;

static int up(void **state)
{
	struct iommusim_amdvi_config config = { .base = UNIT_BASE, .rid = IOMMU };
	const struct iommusim_kernel_options options = { .processor = IOMMUSIM_KERNEL_AMD };

	(void)state;
	kern_identified = kern_events = kern_arrivals = kern_departures = 0;
	kern_arrivals_at_attach = kern_departures_at_detach = -1;
	kern_refuse_detach = kern_fail_attach = kern_refuse_unload = false;
	kern_unloads = kern_sysuninits = 0;
	fixture_machine_up();
	assert_int_equal(
	    iommusim_amdvi_preset(iommusim_amdvi_preset_name(0, NULL), &config), IOMMUSIM_OK);
	assert_int_equal(iommusim_amdvi_create(fixture_machine, &config, &unit), IOMMUSIM_OK);
	fixture_kernel_up(&options);
	assert_int_equal(iommusim_kernel_boot(fixture_kernel, NULL), IOMMUSIM_OK);
	return 0;
}

static struct iommusim_kernel_device device(const char *name)
{
	struct iommusim_kernel_device found = { .name = "" };

	assert_int_equal(iommusim_kernel_device_find(fixture_kernel, name, &found), IOMMUSIM_OK);
	return found;
}

static void test_drivers_attach_when_asked(void **state)
{
	struct iommusim_kernel_device found;
	int failures = 0;

	(void)state;
	assert_int_equal(kern_identified, 0);
	assert_int_equal(iommusim_kernel_attach(fixture_kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(kern_identified, 1);
	found = device("ivhd0");
	assert_int_equal(found.state, IOMMUSIM_KERNEL_ATTACHED);
	assert_string_equal(found.parent, "acpi0");
	assert_string_equal(found.about, "an IVHD");
	assert_false(found.pci);
	assert_string_equal(
	    iommusim_kernel_console(fixture_kernel), "ivhd0: <an IVHD>\nivhd0: flags 3<One,Two>\n");
	found = device("iommufn0");
	assert_true(found.pci);
	assert_int_equal(found.rid, IOMMU);
	assert_string_equal(found.driver, "iommufn");
	fixture_run(kern_look_devices_up, &failures);
	assert_int_equal(failures, 0);
}

static void test_an_attach_that_fails_leaves_no_driver(void **state)
{
	(void)state;
	kern_fail_attach = true;
	assert_int_equal(iommusim_kernel_attach(fixture_kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(device("ivhd0").state, IOMMUSIM_KERNEL_NOT_PRESENT);
	assert_null(device("ivhd0").driver);
	assert_null(device("ivhd0").softc);
	assert_non_null(strstr(iommusim_kernel_console(fixture_kernel), "attach returned 12"));
}

static void test_an_interrupt_of_the_unit_reaches_its_handler(void **state)
{
	struct iommusim_amdvi_msi msi;
	uint64_t stray;
	int error = -1;

	(void)state;
	assert_int_equal(iommusim_kernel_attach(fixture_kernel, NULL), IOMMUSIM_OK);
	fixture_run(kern_setup_interrupt, &error);
	assert_int_equal(error, 0);
	assert_int_equal(iommusim_amdvi_msi(unit, &msi), IOMMUSIM_OK);
	assert_true(msi.enabled);
	assert_int_equal(msi.address, 0xfee00000);
	assert_int_equal(msi.data, 0x30);

	/* A command buffer of one COMPLETION_WAIT with its interrupt bit. */
	static const uint64_t command[2] = { UINT64_C(0x1000000000000002), 0 };

	assert_int_equal(iommusim_memory_write(fixture_machine, 0x10000, command, 16), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_mmio_write(fixture_machine, UNIT_BASE + 8, 8, 0x0800000000010000), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_mmio_write(fixture_machine, UNIT_BASE + 0x18, 8, 0x1011), IOMMUSIM_OK);
	assert_int_equal(iommusim_mmio_write(fixture_machine, UNIT_BASE + 0x2008, 8, 16), IOMMUSIM_OK);
	assert_int_equal(kern_events, 0);
	assert_int_equal(iommusim_kernel_run(fixture_kernel, 1, NULL), IOMMUSIM_OK);
	assert_int_equal(kern_events, 1);
	assert_int_equal(iommusim_kernel_interrupts(fixture_kernel, &stray), 1);
	assert_int_equal(stray, 0);

	fixture_run(kern_teardown_interrupt, &error);
	assert_int_equal(error, 0);
	assert_int_equal(iommusim_amdvi_msi(unit, &msi), IOMMUSIM_OK);
	assert_false(msi.enabled);
}

static void test_an_interrupt_resource_that_is_not_there(void **state)
{
	int error = 0;

	(void)state;
	assert_int_equal(iommusim_kernel_attach(fixture_kernel, NULL), IOMMUSIM_OK);
	iommusim_kernel_fail_allocation(fixture_kernel, IOMMUSIM_KERNEL_DEVICE_RESOURCE, 1, false);
	fixture_run(kern_setup_interrupt, &error);
	assert_int_equal(error, 6);
}

static void test_functions_come_and_go(void **state)
{
	const struct iommusim_pci_function nic = { .rid = 0x18, .device_class = IOMMUSIM_CLASS_NIC };
	struct iommusim_kernel_device found;

	(void)state;
	fixture_run(kern_register_events, NULL);
	assert_int_equal(iommusim_kernel_pci_arrived(fixture_kernel, 0, 0x18, NULL), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_pci_add(fixture_machine, &nic), IOMMUSIM_OK);
	assert_int_equal(iommusim_kernel_pci_arrived(fixture_kernel, 0, 0x18, NULL), IOMMUSIM_OK);
	assert_int_equal(kern_arrivals, 0x18);
	assert_int_equal(iommusim_kernel_pci_arrived(fixture_kernel, 0, 0x18, NULL), IOMMUSIM_EEXIST);
	assert_int_equal(iommusim_kernel_pci_device(fixture_kernel, 0, 0x18, &found), IOMMUSIM_OK);
	assert_string_equal(found.name, "pci0:0:3:0");
	assert_int_equal(iommusim_kernel_pci_leaves(fixture_kernel, 0, 0x18, NULL), IOMMUSIM_OK);
	assert_int_equal(kern_departures, 0x18);
	assert_int_equal(iommusim_kernel_pci_leaves(fixture_kernel, 0, 0x18, NULL), IOMMUSIM_ENOENT);
}

/* Whoever gives functions to the host's domain does so before a driver takes one out, and the other way round. */
static void test_handlers_and_drivers_take_turns(void **state)
{
	const struct iommusim_pci_function disk = { .rid = 0x20, .device_class = IOMMUSIM_CLASS_NVME };

	(void)state;
	fixture_run(kern_register_events, NULL);
	assert_int_equal(iommusim_pci_add(fixture_machine, &disk), IOMMUSIM_OK);
	assert_int_equal(iommusim_kernel_pci_arrived(fixture_kernel, 0, 0x20, NULL), IOMMUSIM_OK);
	assert_string_equal(device("disk0").name, "disk0");
	assert_int_equal(kern_arrivals_at_attach, 0x20);
	assert_int_equal(iommusim_kernel_pci_leaves(fixture_kernel, 0, 0x20, NULL), IOMMUSIM_OK);
	assert_int_equal(kern_departures_at_detach, 0);
	assert_int_equal(kern_departures, 0x20);
}

static void test_shutdown_detaches(void **state)
{
	size_t blocks;

	(void)state;
	assert_int_equal(iommusim_kernel_attach(fixture_kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(iommusim_kernel_shutdown(fixture_kernel, NULL), IOMMUSIM_OK);
	iommusim_kernel_memory(fixture_kernel, &blocks, NULL);
	assert_int_equal(blocks, 0);
}

static void test_a_driver_or_module_may_refuse_to_go(void **state)
{
	(void)state;
	assert_int_equal(iommusim_kernel_attach(fixture_kernel, NULL), IOMMUSIM_OK);
	kern_refuse_detach = true;
	assert_int_equal(iommusim_kernel_shutdown(fixture_kernel, NULL), IOMMUSIM_EBUSY);
	assert_int_equal(device("ivhd0").state, IOMMUSIM_KERNEL_ATTACHED);
	assert_int_equal(kern_sysuninits, 0);

	/* It may be tried again; a module refuses once. */
	kern_refuse_detach = false;
	kern_refuse_unload = true;
	assert_int_equal(iommusim_kernel_shutdown(fixture_kernel, NULL), IOMMUSIM_EBUSY);
	assert_int_equal(kern_unloads, 0);
	assert_int_equal(kern_sysuninits, 0);
	kern_refuse_unload = false;
	assert_int_equal(iommusim_kernel_shutdown(fixture_kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(kern_unloads, 1);
	assert_int_equal(kern_sysuninits, 1);
	assert_int_equal(iommusim_kernel_shutdown(fixture_kernel, NULL), IOMMUSIM_EINVAL);
}

static void test_a_test_adds_devices(void **state)
{
	struct iommusim_kernel_device found;

	(void)state;
	assert_int_equal(
	    iommusim_kernel_add_device(fixture_kernel, "acpi0", "ivhd", 1, NULL), IOMMUSIM_OK);
	assert_int_equal(
	    iommusim_kernel_add_device(fixture_kernel, "acpi0", "ivhd", 1, NULL), IOMMUSIM_EEXIST);
	assert_int_equal(
	    iommusim_kernel_add_device(fixture_kernel, "isa0", "ivhd", 1, NULL), IOMMUSIM_ENOENT);
	assert_int_equal(iommusim_kernel_attach(fixture_kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(device("ivhd1").state, IOMMUSIM_KERNEL_ATTACHED);
	assert_int_equal(iommusim_kernel_device_at(fixture_kernel, 0, &found), IOMMUSIM_OK);
	assert_string_equal(found.name, "root0");
	assert_null(found.parent);
	assert_int_equal(iommusim_kernel_device_at(fixture_kernel, 99, &found), IOMMUSIM_ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, fixture_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_drivers_attach_when_asked),
		TEST(test_an_attach_that_fails_leaves_no_driver),
		TEST(test_an_interrupt_of_the_unit_reaches_its_handler),
		TEST(test_an_interrupt_resource_that_is_not_there),
		TEST(test_functions_come_and_go),
		TEST(test_handlers_and_drivers_take_turns),
		TEST(test_shutdown_detaches),
		TEST(test_a_driver_or_module_may_refuse_to_go),
		TEST(test_a_test_adds_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
