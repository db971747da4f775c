/*
 * The AMD-Vi backend as it should be: what it makes of firmware's table, where DMA goes, what it invalidates, how it
 * takes events, and that the checker has nothing to say about it. Its hazards are test_hazards_amdvi.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <iommusim/memory.h>
#include <iommusim/mmio.h>

#include "tests/driver/amdvi/board.h"

#define KIB UINT64_C(0x400)
#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

#define IO_PAGE_FAULT 2

static const char *const presets[] = { "zen-client", "zen4-client" };

/* ---- beginning and end --------------------------------------------------------------------------------- */

static size_t blocks(void)
{
	size_t count;

	iommusim_kernel_memory(rig.kernel, &count, NULL);
	return count;
}

/* Findings but advice and those of the id (IOMMUSIM_FINDING_COUNT: none). The first of them, or NULL. */
static const struct iommusim_finding *first_finding(enum iommusim_finding_id but)
{
	const struct iommusim_finding *finding;

	for (size_t i = 0; (finding = iommusim_check_finding(rig.check, i)) != NULL; i++)
		if (finding->id != but && !iommusim_finding_is_advice(finding->id))
			return finding;
	return NULL;
}

/* Everything goes, and nothing is left: no finding, no access that was not seen, no memory. */
static void finish_but(enum iommusim_finding_id but)
{
	const struct iommusim_finding *finding;
	struct iommusim_domain *domain;
	struct iommusim_vm *vm;

	while ((vm = iommusim_vm_at(rig.vmm, 0)) != NULL)
		assert_int_equal(iommusim_vm_destroy(vm), IOMMUSIM_OK);
	for (size_t i = 0; (domain = iommusim_domain_at(rig.vmm, i)) != NULL;)
		if (domain == iommusim_host_domain(rig.vmm))
			i++;
		else
			assert_int_equal(iommusim_iommu_destroy_domain(rig.vmm, domain), IOMMUSIM_OK);
	assert_int_equal(iommusim_vmm_unload(rig.vmm), IOMMUSIM_OK);
	rig_settle();
	iommusim_check_finish(rig.check);
	finding = first_finding(but);
	if (finding != NULL)
		fail_msg("%s: %s", iommusim_finding_name(finding->id), finding->text);
	assert_string_equal(rig.panic, "");
	assert_int_equal(rig_unseen(), 0);
	assert_int_equal(iommusim_kernel_shutdown(rig.kernel, NULL), IOMMUSIM_OK);
	assert_int_equal(blocks(), 0);
	rig_destroy();
}

static void finish(void)
{
	finish_but(IOMMUSIM_FINDING_COUNT);
}

static enum iommusim_verdict write_by(uint16_t rid, uint64_t address)
{
	return rig_judge(0, rid, IOMMUSIM_DMA_WRITE, address).verdict;
}

static struct iommusim_domain *new_domain(void)
{
	struct iommusim_domain *domain;

	assert_int_equal(iommusim_iommu_create_domain(rig.vmm, GIB, &domain), IOMMUSIM_OK);
	return domain;
}

static void map(struct iommusim_domain *domain, uint64_t gpa, uint64_t hpa, uint64_t length)
{
	assert_int_equal(iommusim_iommu_create_mapping(rig.vmm, domain, gpa, hpa, length), IOMMUSIM_OK);
}

static void unmap(struct iommusim_domain *domain, uint64_t gpa, uint64_t length)
{
	assert_int_equal(iommusim_iommu_remove_mapping(rig.vmm, domain, gpa, length), IOMMUSIM_OK);
	assert_int_equal(iommusim_iommu_invalidate_tlb(rig.vmm, domain), IOMMUSIM_OK);
}

static void add(struct iommusim_domain *domain, uint16_t rid)
{
	assert_int_equal(iommusim_iommu_add_device(rig.vmm, domain, 0, rid), IOMMUSIM_OK);
}

static void assert_reaches(uint16_t rid, uint64_t address, uint64_t physical)
{
	const struct iommusim_report report = rig_judge(0, rid, IOMMUSIM_DMA_WRITE, address);

	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_OK);
	assert_true(report.page.page.translated);
	assert_int_equal(report.page.page.physical, physical);
}

static void assert_blocked(uint16_t rid, uint64_t address)
{
	const struct iommusim_report report = rig_judge(0, rid, IOMMUSIM_DMA_WRITE, address);

	assert_int_equal(report.verdict, IOMMUSIM_VERDICT_BLOCKED);
	assert_int_equal(report.page.page.fault.reason, IO_PAGE_FAULT);
	assert_true(report.page.page.fault.recorded);
}

static uint64_t mmio(uint64_t address)
{
	uint64_t value;

	assert_int_equal(iommusim_mmio_read(rig.machine, address, 8, &value), IOMMUSIM_OK);
	return value;
}

/* ---- starting ------------------------------------------------------------------------------------------- */

static void off_unless_asked_for(void **state)
{
	struct iommusim_init_report report;

	(void)state;
	board_start(&(struct rig_setup){ .off = true, .no_init = true });
	(void)iommusim_iommu_init(rig.vmm);
	iommusim_init_report(rig.vmm, &report);
	assert_int_equal(report.status, IOMMUSIM_EINVAL);
	assert_non_null(strstr(iommusim_kernel_console(rig.kernel), "hw.vmm.amdvi.enable=1"));
	assert_int_equal(rig_sysctl("hw.vmm.amdvi.enable"), 0);
	assert_int_equal(mmio(RIG_UNIT0 + 0x18) & 1, 0);
	finish_but(IOMMUSIM_FINDING_INIT_FAILED_SILENTLY);
}

static void nothing_without_a_table(void **state)
{
	struct iommusim_init_report report;

	(void)state;
	board_start(&(struct rig_setup){ .no_table = true, .no_init = true });
	(void)iommusim_iommu_init(rig.vmm);
	iommusim_init_report(rig.vmm, &report);
	assert_int_equal(report.status, IOMMUSIM_EIO);
	finish_but(IOMMUSIM_FINDING_INIT_FAILED_SILENTLY);
}

/* Both units are on with a device table of 2 MiB, buffers of 256 entries, and both run. */
static void two_units_are_programmed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(presets) / sizeof(*presets); i++) {
		board_start(&(struct rig_setup){ .preset = presets[i] });
		assert_int_equal(rig_sysctl("hw.vmm.amdvi.units"), 2);
		for (uint64_t unit = RIG_UNIT0; unit <= RIG_UNIT1; unit += RIG_UNIT1 - RIG_UNIT0) {
			assert_int_equal(mmio(unit) & 0x1ff, 0x1ff);
			assert_int_equal(mmio(unit + 0x08) >> 56, 8);
			assert_int_equal(mmio(unit + 0x10) >> 56, 8);
			/* IommuEn, EventLogEn, EventIntEn, InvTimeOut 1 s, Coherent, CmdBufEn */
			assert_int_equal(mmio(unit + 0x18), 0x148d);
			assert_int_equal(mmio(unit + 0x2020), 0x18);
			assert_int_equal(mmio(unit + 0x2000), mmio(unit + 0x2008));
		}
		assert_int_not_equal(mmio(RIG_UNIT0), mmio(RIG_UNIT1));
		finish();
	}
}

static void the_highest_block_type_counts(void **state)
{
	(void)state;
	board_start(&(struct rig_setup){ .all_types = true });
	assert_int_equal(rig_sysctl("hw.vmm.amdvi.units"), 2);
	assert_non_null(strstr(iommusim_kernel_console(rig.kernel), "block 0x40, 1 device entries"));
	assert_null(strstr(iommusim_kernel_console(rig.kernel), "block 0x10"));
	rig_vm("guest", 256 * KIB, RIG_NIC);
	assert_int_equal(write_by(RIG_NIC, 0x1000), IOMMUSIM_VERDICT_OK);
	finish();
}

static void disable_enable_and_once_more(void **state)
{
	size_t before;

	(void)state;
	board_start(&(struct rig_setup){ .no_init = true });
	before = blocks();
	assert_int_equal(iommusim_iommu_init(rig.vmm), IOMMUSIM_OK);
	assert_int_equal(write_by(RIG_DISK, MIB), IOMMUSIM_VERDICT_OK);
	assert_int_equal(iommusim_iommu_disable(rig.vmm), IOMMUSIM_OK);
	assert_int_equal(write_by(RIG_DISK, MIB), IOMMUSIM_VERDICT_UNPROTECTED);
	assert_int_equal(iommusim_iommu_enable(rig.vmm), IOMMUSIM_OK);
	assert_int_equal(write_by(RIG_DISK, MIB), IOMMUSIM_VERDICT_OK);
	assert_int_equal(iommusim_vmm_unload(rig.vmm), IOMMUSIM_OK);
	assert_int_equal(blocks(), before);
	for (uint64_t reg = 0; reg <= 0x18; reg += 8)
		assert_int_equal(mmio(RIG_UNIT0 + reg), 0);
	finish();
}

/* Whatever allocation fails, initialisation does, and leaves nothing behind. */
static void memory_runs_out_at_start(void **state)
{
	unsigned failures = 0;

	(void)state;
	for (unsigned nth = 1; nth <= 8; nth++) {
		struct iommusim_init_report report;
		size_t before;

		board_start(&(struct rig_setup){ .no_init = true });
		before = blocks();
		iommusim_kernel_fail_allocation(rig.kernel, IOMMUSIM_KERNEL_CONTIG, nth, true);
		(void)iommusim_iommu_init(rig.vmm);
		iommusim_kernel_fail_allocation(rig.kernel, IOMMUSIM_KERNEL_CONTIG, 0, true);
		iommusim_init_report(rig.vmm, &report);
		if (report.outcome != IOMMUSIM_INIT_DONE) {
			failures++;
			assert_int_equal(blocks(), before);
			assert_int_equal(mmio(RIG_UNIT0 + 0x18) & 1, 0);
		}
		rig.panic[0] = '\0'; /* tables of the host's mappings: the older shape cannot say so */
		iommusim_kernel_shutdown(rig.kernel, NULL);
		rig_destroy();
	}
	assert_in_range(failures, 6, 8);
}

/* ---- mappings -------------------------------------------------------------------------------------------- */

static void mappings_of_every_size(void **state)
{
	struct iommusim_domain *domain;

	(void)state;
	board_start(NULL);
	domain = new_domain();
	add(domain, RIG_NIC);
	assert_blocked(RIG_NIC, 0);
	map(domain, 0, 4 * MIB, 0x1000);
	map(domain, 0x3000, 5 * MIB, 0x5000);
	map(domain, 16 * MIB, 32 * MIB, 4 * MIB);
	assert_reaches(RIG_NIC, 0, 4 * MIB);
	assert_blocked(RIG_NIC, 0x1000);
	assert_reaches(RIG_NIC, 0x7fc0, 5 * MIB + 0x4fc0);
	assert_reaches(RIG_NIC, 17 * MIB + 0x40, 33 * MIB + 0x40);
	assert_int_equal(rig_judge(0, RIG_NIC, IOMMUSIM_DMA_READ, 19 * MIB).page.page.page_shift, 21);
	/* over a leaf: the old mapping goes, what is round it stays */
	map(domain, 16 * MIB + 0x5000, 8 * MIB, 0x1000);
	assert_int_equal(iommusim_iommu_invalidate_tlb(rig.vmm, domain), IOMMUSIM_OK);
	assert_reaches(RIG_NIC, 16 * MIB + 0x5000, 8 * MIB);
	assert_reaches(RIG_NIC, 16 * MIB + 0x4000, 32 * MIB + 0x4000);
	assert_reaches(RIG_NIC, 16 * MIB + 0x6000, 32 * MIB + 0x6000);
	finish();
}

static void a_hole_in_a_large_leaf(void **state)
{
	struct iommusim_domain *host;

	(void)state;
	board_start(NULL);
	host = iommusim_host_domain(rig.vmm);
	assert_int_equal(rig_judge(0, RIG_DISK, IOMMUSIM_DMA_READ, MIB).page.page.page_shift, 30);
	unmap(host, 32 * MIB + 0x5000, 0x2000);
	assert_true(rig_judge(0, RIG_DISK, IOMMUSIM_DMA_READ, 32 * MIB + 0x6000).page.page.faulted);
	assert_reaches(RIG_DISK, 32 * MIB + 0x4000, 32 * MIB + 0x4000);
	assert_reaches(RIG_DISK, 32 * MIB + 0x7000, 32 * MIB + 0x7000);
	assert_reaches(RIG_DISK, 63 * MIB, 63 * MIB);
	assert_int_equal(rig_judge(0, RIG_DISK, IOMMUSIM_DMA_READ, 35 * MIB).page.page.page_shift, 21);
	finish();
}

static void unmapping_what_is_not_there(void **state)
{
	struct iommusim_domain *domain;
	const size_t before = 0;

	(void)state;
	board_start(NULL);
	domain = new_domain();
	assert_true(blocks() > before);
	unmap(domain, 512 * MIB, 64 * KIB);
	map(domain, 0, MIB, 0x1000);
	unmap(domain, 0x1000, 0x1000);
	add(domain, RIG_NIC);
	assert_reaches(RIG_NIC, 0, MIB);
	finish();
}

static void what_is_unmapped_is_invalidated(void **state)
{
	static const enum iommusim_cache_policy policies[] = { IOMMUSIM_CACHE_HOARD,
		IOMMUSIM_CACHE_NONE, IOMMUSIM_CACHE_SIZED, IOMMUSIM_CACHE_ADVERSE };

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct iommusim_domain *domain;

		board_start(&(struct rig_setup){ .preset = presets[i / 4],
		    .settings = { .cache = policies[i % 4], .latency = i % 2 == 0 ? 0 : 20 } });
		domain = new_domain();
		add(domain, RIG_NIC);
		add(domain, RIG_NVME);
		for (uint64_t page = 0; page < 16; page++) {
			map(domain, page * 0x1000, MIB + page * 0x1000, 0x1000);
			assert_reaches(RIG_NIC, page * 0x1000, MIB + page * 0x1000);
			assert_reaches(RIG_NVME, page * 0x1000, MIB + page * 0x1000);
			unmap(domain, page / 2 * 0x1000, 0x1000);
			assert_blocked(RIG_NIC, page / 2 * 0x1000);
			assert_blocked(RIG_NVME, page / 2 * 0x1000);
		}
		finish();
	}
}

/* ---- devices ---------------------------------------------------------------------------------------------- */

static void guests_on_both_units(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(presets) / sizeof(*presets); i++) {
		struct iommusim_vm *first, *second;
		uint64_t hpa;

		board_start(&(struct rig_setup){ .preset = presets[i] });
		assert_int_equal(write_by(RIG_NVME, 0x1000), IOMMUSIM_VERDICT_BLOCKED);
		first = rig_vm("first", 256 * KIB, RIG_NIC);
		second = rig_vm("second", 128 * KIB, RIG_NVME);
		assert_int_equal(iommusim_vm_gpa_to_hpa(first, 0x3000, &hpa, NULL), IOMMUSIM_OK);
		assert_reaches(RIG_NIC, 0x3000, hpa);
		assert_int_equal(iommusim_vm_gpa_to_hpa(second, 0x3000, &hpa, NULL), IOMMUSIM_OK);
		assert_reaches(RIG_NVME, 0x3000, hpa);
		assert_blocked(RIG_NVME, 128 * KIB);
		assert_int_equal(iommusim_vm_assign_pptdev(second, 0, RIG_GPU), IOMMUSIM_OK);
		assert_reaches(RIG_GPU, 0x3000, hpa);
		assert_int_equal(iommusim_vm_destroy(first), IOMMUSIM_OK);
		assert_blocked(RIG_NIC, 0x3000);
		assert_reaches(RIG_GPU, 0x3000, hpa);
		assert_reaches(RIG_DISK, MIB, MIB);
		assert_reaches(RIG_RAID, MIB, MIB);
		finish();
	}
}

static void a_device_moves(void **state)
{
	struct iommusim_domain *first, *second;

	(void)state;
	board_start(NULL);
	first = new_domain();
	second = new_domain();
	map(first, MIB, 2 * MIB, 0x1000);
	map(second, MIB, 3 * MIB, 0x1000);
	add(first, RIG_NIC);
	for (unsigned i = 0; i < 300; i++) { /* commands wrap round the buffer more than once */
		struct iommusim_domain *from = i % 2 == 0 ? first : second;

		assert_reaches(RIG_NIC, MIB, (i % 2 == 0 ? 2 : 3) * MIB);
		assert_int_equal(iommusim_iommu_remove_device(rig.vmm, from, 0, RIG_NIC), IOMMUSIM_OK);
		add(i % 2 == 0 ? second : first, RIG_NIC);
	}
	assert_int_equal(iommusim_iommu_destroy_domain(rig.vmm, second), IOMMUSIM_OK);
	assert_reaches(RIG_NIC, MIB, 2 * MIB);
	assert_int_equal(rig_sysctl("dev.ivhd.0.restarts"), 0);
	assert_true(rig_sysctl("dev.ivhd.0.commands") > 600);
	finish();
}

static void behind_a_bridge(void **state)
{
	struct iommusim_domain *domain;

	(void)state;
	board_start(NULL);
	domain = new_domain();
	map(domain, MIB, 2 * MIB, 0x1000);
	add(domain, RIG_OLD);
	assert_reaches(RIG_OLD, MIB, 2 * MIB);
	assert_int_equal(iommusim_iommu_remove_device(rig.vmm, domain, 0, RIG_OLD), IOMMUSIM_OK);
	assert_blocked(RIG_OLD, MIB);
	finish();
}

static void memory_that_firmware_asks_for(void **state)
{
	struct iommusim_report report;

	(void)state;
	board_start(&(struct rig_setup){ .unity = true });
	rig_vm("guest", 256 * KIB, RIG_GPU);
	report = rig_judge(0, RIG_GPU, IOMMUSIM_DMA_READ, RIG_UNITY + 0x1000);
	assert_false(report.page.page.faulted);
	assert_int_equal(report.page.page.physical, RIG_UNITY + 0x1000);
	assert_true(
	    rig_judge(0, RIG_GPU, IOMMUSIM_DMA_READ, RIG_UNITY + RIG_UNITY_SIZE).page.page.faulted);
	finish();
}

#ifdef IOMMUSIM_KSHIM_ERROR_OPS

static void what_cannot_be_is_an_error(void **state)
{
	struct iommusim_domain *domain;

	(void)state;
	board_start(NULL);
	domain = new_domain();
	assert_int_equal(iommusim_iommu_create_mapping(rig.vmm, domain, UINT64_C(1) << 50, MIB, 0x1000),
	    IOMMUSIM_EINVAL);
	assert_int_equal(iommusim_iommu_add_device(rig.vmm, domain, 0, RIG_NOBODY), IOMMUSIM_ENXIO);
	iommusim_kernel_fail_allocation(rig.kernel, IOMMUSIM_KERNEL_CONTIG, 1, true);
	assert_int_equal(
	    iommusim_iommu_create_mapping(rig.vmm, domain, MIB, MIB, 0x1000), IOMMUSIM_ENOMEM);
	assert_false(rig_map(0x1800, MIB, 0x1000) && rig.panic[0] != '\0');
	finish();
}

#else

static void what_cannot_be_is_a_panic(void **state)
{
	(void)state;
	board_start(NULL);
	assert_true(rig_map(0x1800, MIB, 0x1000));
	assert_non_null(strstr(rig.panic, "mapping at 0x1800 failed"));
	rig.panic[0] = '\0';
	finish();
}

#endif

/* ---- events ------------------------------------------------------------------------------------------------ */

static void events_interrupt(void **state)
{
	(void)state;
	board_start(NULL);
	for (unsigned i = 0; i < 600; i++) {
		assert_blocked(RIG_NIC, MIB + i * UINT64_C(0x1000));
		rig_settle();
	}
	assert_blocked(RIG_NVME, 0x5000);
	rig_settle();
	assert_int_equal(rig_sysctl("dev.ivhd.0.events"), 600);
	assert_int_equal(rig_sysctl("dev.ivhd.1.events"), 1);
	assert_non_null(strstr(iommusim_kernel_console(rig.kernel),
	    "ivhd1: IO_PAGE_FAULT: device 32:1.0, domain 0, address 0x5000, flags 20<RW>"));
	assert_int_equal(mmio(RIG_UNIT0 + 0x2010), mmio(RIG_UNIT0 + 0x2018));
	finish();
}

static void the_log_goes_on_after_an_overflow(void **state)
{
	(void)state;
	board_start(NULL);
	for (unsigned i = 0; i < 300; i++)
		(void)write_by(RIG_NIC, MIB);
	assert_int_equal(mmio(RIG_UNIT0 + 0x2020) & 9, 1); /* EventOverflow, and it does not run */
	rig_settle();
	assert_int_equal(rig_sysctl("dev.ivhd.0.events"), 255);
	assert_int_equal(rig_sysctl("dev.ivhd.0.overflows"), 1);
	assert_int_equal(mmio(RIG_UNIT0 + 0x2020) & 9, 8);
	assert_blocked(RIG_NIC, MIB);
	rig_settle();
	assert_int_equal(rig_sysctl("dev.ivhd.0.events"), 256);
	finish_but(IOMMUSIM_FINDING_FAULT_LOG_OVERFLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_unless_asked_for),
		cmocka_unit_test(nothing_without_a_table),
		cmocka_unit_test(two_units_are_programmed),
		cmocka_unit_test(the_highest_block_type_counts),
		cmocka_unit_test(disable_enable_and_once_more),
		cmocka_unit_test(memory_runs_out_at_start),
		cmocka_unit_test(mappings_of_every_size),
		cmocka_unit_test(a_hole_in_a_large_leaf),
		cmocka_unit_test(unmapping_what_is_not_there),
		cmocka_unit_test(what_is_unmapped_is_invalidated),
		cmocka_unit_test(guests_on_both_units),
		cmocka_unit_test(a_device_moves),
		cmocka_unit_test(behind_a_bridge),
		cmocka_unit_test(memory_that_firmware_asks_for),
#ifdef IOMMUSIM_KSHIM_ERROR_OPS
		cmocka_unit_test(what_cannot_be_is_an_error),
#else
		cmocka_unit_test(what_cannot_be_is_a_panic),
#endif
		cmocka_unit_test(events_interrupt),
		cmocka_unit_test(the_log_goes_on_after_an_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
