/* What a test can start with: both shapes of iommu_ops, both vendors, tables from files, units and kernels of all kinds. */
#include <string.h>

#define IOMMUSIM_TEST_SHORT_NAMES
#include <iommusim/acpi.h>
#include <iommusim/clock.h>
#include <iommusim/memory.h>
#include <iommusim/test.h>

#define NIC    IOMMUSIM_RID(7, 0, 0)
#define DISK   IOMMUSIM_RID(0, 0x17, 0)
#define TABLES SOURCE_DIR "/scenarios/boards/"

extern const struct iommu_ops iommu_ops_intel; /* tests/kshim/kern_backend.c */

#ifdef ERROR_OPS
#define SHAPE .error_ops = &iommu_ops_intel
#else
#define SHAPE .void_ops = &iommu_ops_intel
#endif

static void live(const struct iommusim_test_setup *setup)
{
	struct iommusim_test *test = iommusim_test_start(setup);
	struct iommusim_vm *vm = iommusim_test_vm(test, "guest", 1 << 20, NIC);
	struct iommusim_domain *domain = iommusim_vm_domain(vm);
	uint64_t hpa;

	assert_ok(test, iommusim_vm_gpa_to_hpa(vm, 0x3000, &hpa, NULL));
	assert_dma_reaches(test, NIC, WRITE, 0x3000, 4096, hpa);
	assert_dma_ok(test, DISK, READ, 0x100000, 512);
	assert_ok(test, iommusim_iommu_remove_mapping(test->vmm, domain, 0x3000, 0x1000));
	assert_ok(test, iommusim_iommu_invalidate_tlb(test->vmm, domain));
	assert_dma_lost(test, NIC, WRITE, 0x3000, 64);
	assert_ok(test, iommusim_vm_destroy(vm));
	assert_dma_blocked(test, NIC, WRITE, 0x200000 + (64 << 20), 64);
	iommusim_test_stop(test);
}

/* The driver has static state: a machine for each test. */
#define LIVES(name, ...)                                                                               \
	static void name(void **state)                                                                 \
	{                                                                                              \
		const struct iommusim_test_setup setup = { SHAPE, __VA_ARGS__ };                       \
                                                                                                       \
		(void)state;                                                                           \
		live(&setup);                                                                          \
	}

LIVES(hoarding_caches, .settings = { .cache = IOMMUSIM_CACHE_HOARD })
LIVES(no_caches, .settings = { .cache = IOMMUSIM_CACHE_NONE })
LIVES(sized_caches, .settings = { .cache = IOMMUSIM_CACHE_SIZED, .iotlb_sets = 1, .iotlb_ways = 2 })
LIVES(adverse_caches, .settings = { .cache = IOMMUSIM_CACHE_ADVERSE })
LIVES(invalidations_that_take_time, .settings = { .latency = 50 })
LIVES(memory_that_hardware_does_not_snoop, .device_view = true)
LIVES(a_server_with_more_memory, .preset = "skylake-sp", .ram = 128 << 20)
LIVES(an_old_vmm, .profile = "13.0")

static void a_kernel_is_as_it_was_asked_for(void **state)
{
	static const struct iommusim_kernel_setting tunables[] = { { "hw.test.colour", "blue" } };
	const struct iommusim_test_setup setup = { SHAPE,
		.kernel = { .tunables = tunables, .tunable_count = 1, .verbose = true } };
	struct iommusim_test *test = iommusim_test_start(&setup);

	(void)state;
	assert_string_equal(iommusim_kernel_tunable(test->kernel, "hw.test.colour"), "blue");
	assert_non_null(strstr(iommusim_kernel_console(test->kernel), "backend: unit at 0xfed91000"));
	iommusim_test_stop(test);
}

static void a_test_may_do_the_steps_by_itself(void **state)
{
	const struct iommusim_test_setup setup = { SHAPE, .no_boot = true };
	struct iommusim_test *test = iommusim_test_start(&setup);
	struct iommusim_init_report report;

	(void)state;
	assert_ok(test, iommusim_kernel_boot(test->kernel, NULL));
	assert_status(test, iommusim_kernel_boot(test->kernel, NULL), IOMMUSIM_EEXIST);
	iommusim_init_report(test->vmm, &report);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_NOT_REACHED);
	assert_ok(test, iommusim_iommu_init(test->vmm));
	iommusim_init_report(test->vmm, &report);
	assert_int_equal(report.outcome, IOMMUSIM_INIT_DONE);
	iommusim_test_stop(test);
}

static void an_amd_machine(void **state)
{
	const struct iommusim_test_setup setup = { .preset = "zen4-client" };
	struct iommusim_test *test = iommusim_test_start(&setup);
	uint8_t entries[8];
	uint64_t address;
	uint32_t length;

	(void)state;
	assert_string_equal(iommusim_unit_vendor(test->unit), "AMD-Vi");
	assert_int_equal(iommusim_unit_base(test->unit), 0xfeb80000);
	assert_ok(test, iommusim_acpi_find(test->machine, "IVRS", 0, &address, &length));
	assert_int_equal(length, 48 + 32 + 48);
	/* AMD-Vi 5.2.2.1: what the newer block says of devices is a range of all, which every driver takes. */
	assert_ok(test, iommusim_memory_read(test->machine, address + 48 + 32 + 40, entries, 8));
	assert_memory_equal(entries, "\x03\x00\x00\x00\x04\xff\xff\x00", 8);
	/* AMD-Vi 3.4: the command buffer's tail. */
	assert_int_equal(iommusim_test_register(test, 0, "CMD_TAIL"), 0xfeb82008);
	assert_ptr_equal(iommusim_unit_for(test->machine, 0, NIC), test->unit);
	iommusim_test_stop(test);
}

static void a_table_from_a_file(void **state)
{
	const struct iommusim_test_setup desktop = { .acpi = TABLES "desktop.acpidump" };
	const struct iommusim_test_setup amd = { .acpi = TABLES "low-ivmd.acpidump" };
	struct iommusim_test *test = iommusim_test_start(&desktop);

	(void)state;
	assert_string_equal(iommusim_unit_vendor(test->unit), "VT-d");
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(test->machine, 0)), 0xfed90000);
	assert_int_equal(iommusim_unit_base(iommusim_unit_at(test->machine, 1)), 0xfed91000);
	iommusim_test_stop(test);
	test = iommusim_test_start(&amd);
	assert_string_equal(iommusim_unit_vendor(test->unit), "AMD-Vi");
	iommusim_test_stop(test);
}

static void devices_of_ones_own(void **state)
{
	const struct iommusim_test_device devices[] = {
		{ { .rid = IOMMUSIM_RID(0, 2, 0), .name = "vgapci0" }, IOMMUSIM_DRIVER_PPT },
	};
	const struct iommusim_test_setup setup = { SHAPE, .devices = devices, .device_count = 1 };
	struct iommusim_test *test = iommusim_test_start(&setup);
	uint64_t value = 0;

	(void)state;
	assert_null(iommusim_pci_find(test->machine, 0, NIC));
	assert_ok(test, iommusim_sysctl_get(test->vmm, "hw.vmm.ppt.devices", &value));
	assert_int_equal(value, 1);
	iommusim_test_vm(test, "guest", 1 << 20, IOMMUSIM_RID(0, 2, 0));
	assert_dma_ok(test, IOMMUSIM_RID(0, 2, 0), WRITE, 0, 4096);
	iommusim_test_stop(test);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hoarding_caches),
		cmocka_unit_test(no_caches),
		cmocka_unit_test(sized_caches),
		cmocka_unit_test(adverse_caches),
		cmocka_unit_test(invalidations_that_take_time),
		cmocka_unit_test(memory_that_hardware_does_not_snoop),
		cmocka_unit_test(a_server_with_more_memory),
		cmocka_unit_test(an_old_vmm),
		cmocka_unit_test(a_kernel_is_as_it_was_asked_for),
		cmocka_unit_test(a_test_may_do_the_steps_by_itself),
		cmocka_unit_test(an_amd_machine),
		cmocka_unit_test(a_table_from_a_file),
		cmocka_unit_test(devices_of_ones_own),
	};

	return iommusim_test_main(argc, argv, tests);
}
