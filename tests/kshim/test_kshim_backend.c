/*
 * A backend that has nothing but the kernel's headers brings up a VT-d unit and maps a page; DMA finds what it mapped.
 * The same in both shapes of iommu_ops.
 */
#include "tests/kshim/fixture.h"

#include <iommusim/dma.h>
#include <iommusim/freebsd_ops.h>
#include <iommusim/kshim_hooks.h>
#include <iommusim/pci.h>
#include <iommusim/unit.h>

#define UNIT_BASE UINT64_C(0xfed90000)
#define DEVICE    IOMMUSIM_RID(3, 0, 0)

/* DMAR revision 1, 64 bytes, 39 address bits; one DRHD, INCLUDE_PCI_ALL, segment 0, registers at FED9_0000h. */
static const uint8_t dmar[64] = { 'D', 'M', 'A', 'R', 64, 0, 0, 0, 1, [36] = 38, [48] = 0, 0, 16, 0, 1,
	0, 0, 0, 0x00, 0x00, 0xd9, 0xfe };
static const struct iommusim_kernel_table table = { dmar, sizeof(dmar) };

#ifdef IOMMUSIM_KSHIM_ERROR_OPS
extern const struct iommusim_error_ops iommu_ops_intel;
#else
extern const struct iommusim_void_ops iommu_ops_intel;
#endif

static struct iommusim_hooks *hooks;
static struct iommusim_unit *unit;

static enum iommusim_status map(
    void *context, uint64_t base, uint64_t length, volatile void **registers)
{
	return iommusim_hooks_map(context, base, length, registers);
}

static void sync_hooks(void *context)
{
	(void)context;
	iommusim_hooks_sync();
}

static void up(bool coherent)
{
	const struct iommusim_machine_config machine = { .device_view = !coherent };
	struct iommusim_vtd_config config = { .base = UNIT_BASE };
	struct iommusim_kernel_options options = {
		.tables = &table, .table_count = 1, .verbose = true
	};

	assert_int_equal(iommusim_machine_create(&machine, &fixture_machine), IOMMUSIM_OK);
	assert_int_equal(iommusim_memory_add_pc_ram(fixture_machine, FIXTURE_RAM), IOMMUSIM_OK);
	assert_int_equal(iommusim_vtd_preset("skylake-client", 1, &config), IOMMUSIM_OK);
	if (!coherent)
		config.ext_capability &= ~UINT64_C(1);
	assert_int_equal(iommusim_vtd_create(fixture_machine, &config, &unit), IOMMUSIM_OK);
	iommusim_unit_include_all(unit);
	assert_int_equal(iommusim_hooks_create(fixture_machine, &hooks), IOMMUSIM_OK);
	iommusim_hooks_attach(hooks);
	options.registers = (struct iommusim_kernel_registers){ hooks, map, sync_hooks, true };
	fixture_kernel_up(&options);
	assert_int_equal(iommusim_kernel_boot(fixture_kernel, NULL), IOMMUSIM_OK);
}

static int down(void **state)
{
	assert_int_equal(iommusim_hooks_unmarked(hooks), 0);
	iommusim_hooks_destroy(hooks);
	return fixture_down(state);
}

static void bring_up(void *context)
{
	void **domain = context;

	assert_int_equal(iommu_ops_intel.init(), 0);
	*domain = iommu_ops_intel.create_domain(0x80000000);
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	uint64_t done = 0;

	assert_int_equal(iommu_ops_intel.create_mapping(*domain, 0x40000000, 0x123000, 4096, &done), 0);
	assert_int_equal(done, 4096);
	assert_int_equal(iommu_ops_intel.add_device(*domain, NULL, DEVICE), 0);
#else
	assert_int_equal(iommu_ops_intel.create_mapping(*domain, 0x40000000, 0x123000, 4096), 4096);
	iommu_ops_intel.add_device(*domain, DEVICE);
#endif
	iommu_ops_intel.enable();
}

static void unmap(void *domain)
{
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	uint64_t done = 0;

	assert_int_equal(iommu_ops_intel.remove_mapping(domain, 0x40000000, 4096, &done), 0);
#else
	assert_int_equal(iommu_ops_intel.remove_mapping(domain, 0x40000000, 4096), 4096);
#endif
	iommu_ops_intel.invalidate_tlb(domain);
}

static void add_again(void *domain)
{
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	iommu_ops_intel.add_device(domain, NULL, DEVICE);
#else
	iommu_ops_intel.add_device(domain, DEVICE);
#endif
}

static void bring_down(void *domain)
{
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
	iommu_ops_intel.remove_device(domain, NULL, DEVICE);
#else
	iommu_ops_intel.remove_device(domain, DEVICE);
#endif
	iommu_ops_intel.disable();
	iommu_ops_intel.destroy_domain(domain);
	iommu_ops_intel.cleanup();
}

static struct iommusim_dma_outcome write_at(uint64_t address, uint64_t value)
{
	const struct iommusim_dma_request request = {
		.address = address, .length = 8, .kind = IOMMUSIM_DMA_WRITE, .data = &value
	};
	struct iommusim_dma_outcome outcome;
	struct iommusim_requester *requester;

	assert_int_equal(
	    iommusim_requester_create(fixture_machine, 0, DEVICE, &requester), IOMMUSIM_OK);
	assert_int_equal(iommusim_dma(requester, &request, &outcome, NULL, 0), IOMMUSIM_OK);
	iommusim_requester_destroy(requester);
	return outcome;
}

static void whole_life(bool coherent)
{
	struct iommusim_dma_outcome outcome;
	uint64_t word;
	size_t blocks;
	void *domain;

	up(coherent);
	fixture_run(bring_up, &domain);
	assert_true(iommusim_unit_translating(unit));
	assert_string_equal(iommusim_kernel_console(fixture_kernel), "backend: unit at 0xfed90000\n");

	outcome = write_at(0x40000008, 0x1122334455667788);
	assert_false(outcome.page.faulted);
	assert_true(outcome.page.translated);
	assert_int_equal(outcome.page.physical, 0x123008);
	assert_int_equal(outcome.page.domain & 0xffff, outcome.page.domain);
	assert_int_equal(iommusim_memory_read(fixture_machine, 0x123008, &word, 8), IOMMUSIM_OK);
	assert_int_equal(word, 0x1122334455667788);
	assert_true(write_at(0x40001000, 0).page.faulted);
	assert_true(write_at(0x123000, 0).page.faulted);

	fixture_run_to_panic(add_again, domain, "backend: device 300 has a domain");
	fixture_run(unmap, domain);
	assert_true(write_at(0x40000008, 0).page.faulted);
	fixture_run(bring_down, domain);
	assert_false(iommusim_unit_translating(unit));
	iommusim_kernel_memory(fixture_kernel, &blocks, NULL);
	assert_int_equal(blocks, 0);
}

static void test_a_backend_of_headers_alone_drives_the_unit(void **state)
{
	(void)state;
	whole_life(true);
}

static void test_its_flushes_reach_a_unit_that_does_not_snoop(void **state)
{
	(void)state;
	whole_life(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_a_backend_of_headers_alone_drives_the_unit, down),
		cmocka_unit_test_teardown(test_its_flushes_reach_a_unit_that_does_not_snoop, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
